//! Several relays that make one region.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use natscope::derp::ClientEvent;
use natscope::drive::relay::{
    Access, AccessRules, Certificates, MeshOptions, Relay, RelayHandle, RelayOptions, fresh_key,
};
use natscope::model::{MeshKey, NodePrivate, NodePublic};
use natscope::wire::derp::{ClientInfo, Frame, GoneReason};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout};

use crate::metrics::samples;
use crate::options;
use crate::peer::{PATIENCE, Peer, key, upgraded};
use crate::program::{Program, command};

/// What a mesh may take to heal, and three times that for a machine that has other things to do.
const HEALED: Duration = Duration::from_secs(5);
const GENEROUS: Duration = Duration::from_secs(15);

/// Addresses that were free a moment ago.
pub(crate) async fn free<const N: usize>() -> [SocketAddr; N] {
    let mut held = Vec::new();
    for _ in 0..N {
        held.push(TcpListener::bind("127.0.0.1:0").await.unwrap());
    }
    std::array::from_fn(|index| held[index].local_addr().unwrap())
}

fn secret() -> MeshKey {
    "5e".repeat(32).parse().unwrap()
}

struct Node {
    handle: RelayHandle,
    at: SocketAddr,
    metrics: SocketAddr,
    key: NodePublic,
}

impl Node {
    /// Without TLS; every one has the whole list, itself included.
    fn start(at: SocketAddr, all: &[SocketAddr], private: &NodePrivate) -> Self {
        let nodes = all.iter().map(|address| format!("http://{address}").parse().unwrap()).collect();
        Self::of(RelayOptions {
            http_addrs: vec![at],
            key: Some(private.clone()),
            mesh: Some(MeshOptions { key: secret(), key_file: None, nodes }),
            ..options()
        })
    }

    fn of(options: RelayOptions) -> Self {
        let metrics_addrs = vec!["127.0.0.1:0".parse().unwrap()];
        let relay = Relay::bind(RelayOptions { metrics_addrs, ..options }).unwrap();
        let at = relay.https_addrs().first().or(relay.http_addrs().first()).copied().unwrap();
        let (metrics, key) = (relay.metrics_addrs()[0], relay.public_key());
        Self { handle: relay.spawn(), at, metrics, key }
    }

    /// Waits until a metric is that.
    async fn counts(&self, metric: &str, wanted: u64) {
        until(self.metrics, metric, wanted).await;
    }
}

/// Waits until a metric is that, and says how long it took.
pub(crate) async fn until(metrics: SocketAddr, metric: &str, wanted: u64) -> Duration {
    let began = Instant::now();
    loop {
        let found = samples(metrics).await[metric];
        if found == wanted {
            return began.elapsed();
        }
        assert!(began.elapsed() < PATIENCE, "{metric} is {found}, not {wanted}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Three of them, each watching the other two.
async fn three() -> ([SocketAddr; 3], [NodePrivate; 3], [Node; 3]) {
    let all = free().await;
    let keys = [(); 3].map(|()| fresh_key().unwrap());
    let nodes = std::array::from_fn(|index| Node::start(all[index], &all, &keys[index]));
    for node in &nodes {
        node.counts("natscope_mesh_nodes_joined", 2).await;
        node.counts("natscope_mesh_nodes", 2).await;
    }
    (all, keys, nodes)
}

/// Sends until one arrives, and says how long that took.
async fn reaches(sender: &mut Peer, receiver: &mut Peer, mark: &[u8]) -> Duration {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        sender.send(receiver.key, mark).await;
        let arrived = async {
            while receiver.packet().await.expect("a connection") != (sender.key, Bytes::copy_from_slice(mark)) {}
        };
        if timeout(Duration::from_millis(100), arrived).await.is_ok() {
            return began.elapsed();
        }
    }
    panic!("no packet arrives");
}

/// The next packet with that in it.
async fn hears(peer: &mut Peer, mark: &[u8]) {
    while peer.packet().await.expect("a connection").1 != mark {}
}

#[tokio::test(flavor = "multi_thread")]
async fn packets_cross_the_mesh_once() {
    const PACKETS: u32 = 300;

    let (all, _, nodes) = three().await;
    let mut peers = Vec::new();
    for at in all {
        peers.push(Peer::fresh(at).await);
    }
    for node in &nodes {
        node.counts("derp_clients_remote", 2).await;
        node.counts("derp_watchers", 2).await;
    }
    let mut peers: [Peer; 3] = peers.try_into().ok().unwrap();
    for (from, to) in [(0, 1), (1, 2), (2, 0)] {
        let [sender, receiver] = peers.get_disjoint_mut([from, to]).unwrap();
        for number in 0..PACKETS {
            sender.queue(receiver.key, &[&number.to_be_bytes()[..], &[7; 1000]].concat());
        }
        sender.write().await;
        for number in 0..PACKETS {
            let (source, packet) = receiver.packet().await.expect("a packet");
            assert_eq!((source, &packet[..4]), (sender.key, &number.to_be_bytes()[..]));
        }
    }
    // The largest there is, with what a forwarded one has before it.
    let [sender, receiver] = peers.get_disjoint_mut([0, 2]).unwrap();
    sender.send(receiver.key, &vec![9; 65_536]).await;
    assert_eq!(receiver.packet().await.unwrap().1.len(), 65_536);

    for (node, out, in_) in [(0, PACKETS + 1, PACKETS), (1, PACKETS, PACKETS), (2, PACKETS, PACKETS + 1)] {
        let samples = samples(nodes[node].metrics).await;
        assert_eq!(samples["derp_packets_forwarded_out"], u64::from(out), "node {node}");
        assert_eq!(samples["derp_packets_forwarded_in"], u64::from(in_), "node {node}");
        assert_eq!(samples["derp_packets_dropped{reason=\"unknown_dest_on_fwd\",kind=\"other\"}"], 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_moves_is_followed() {
    let (all, _, nodes) = three().await;
    let mut friend = Peer::fresh(all[0]).await;
    let (private, _) = key();
    let mut second = Peer::join(all[1], &private).await;
    reaches(&mut friend, &mut second, b"at the second").await;
    // Its old connection still stands, as it does when a laptop changes networks.
    let mut third = Peer::join(all[2], &private).await;
    reaches(&mut friend, &mut third, b"at the third").await;
    nodes[0].counts("derp_multiforwarder_created", 1).await;
    // Whoever speaks last is where packets go.
    second.send(friend.key, b"still here").await;
    hears(&mut friend, b"still here").await;
    friend.send(second.key, b"at the second again").await;
    hears(&mut second, b"at the second again").await;
    drop(second);
    nodes[0].counts("derp_multiforwarder_deleted", 1).await;
    friend.send(third.key, b"only the third").await;
    hears(&mut third, b"only the third").await;
    // And to where its friend is.
    let mut first = Peer::join(all[0], &private).await;
    friend.send(first.key, b"next to you").await;
    hears(&mut first, b"next to you").await;
    drop((first, third));
    // Whoever heard from it is told that it is gone when it is gone from all of them.
    while !matches!(friend.next().await, ClientEvent::PeerGone { peer, reason: GoneReason::DISCONNECTED } if peer == key_of(&private))
    {
    }
}

fn key_of(private: &NodePrivate) -> NodePublic {
    *natscope::derp::RelayIdentity::new(private.clone()).public()
}

/// While one of them is killed and started again, the others lose nothing, and it is found again in time.
#[tokio::test(flavor = "multi_thread")]
async fn the_death_of_a_relay_is_healed() {
    let (all, keys, nodes) = three().await;
    let [first, second, third] = nodes;
    let (mut a, mut c) = (Peer::fresh(all[0]).await, Peer::fresh(all[2]).await);
    let (private, public) = key();
    let mut b = Peer::join(all[1], &private).await;
    reaches(&mut a, &mut b, b"there").await;
    reaches(&mut b, &mut a, b"and back").await;
    reaches(&mut a, &mut c, b"ready").await;

    let (done, mut stop) = tokio::sync::oneshot::channel::<()>();
    let honest = tokio::spawn(async move {
        let mut number = 0_u32;
        while stop.try_recv().is_err() {
            a.send(c.key, &number.to_be_bytes()).await;
            let (_, packet) = c.packet().await.expect("a packet");
            assert_eq!(packet, &number.to_be_bytes()[..], "lost or out of order");
            number += 1;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        (a, number)
    });
    let killed = Instant::now();
    drop(second.handle);
    first.counts("natscope_mesh_nodes_joined", 1).await;
    first.counts("derp_clients_remote", 1).await;
    let noticed = killed.elapsed();
    drop(b);
    let second = Node::start(all[1], &all, &keys[1]);
    let restarted = Instant::now();
    let mut b = Peer::join(all[1], &private).await;
    done.send(()).unwrap();
    let (mut a, rounds) = honest.await.unwrap();
    reaches(&mut a, &mut b, b"healed").await;
    reaches(&mut b, &mut a, b"both ways").await;
    for node in [&first, &second, &third] {
        node.counts("natscope_mesh_nodes_joined", 2).await;
    }
    let healed = restarted.elapsed();
    assert!(rounds > 0);
    assert!(noticed < GENEROUS && healed < GENEROUS, "{noticed:?}, {healed:?}; {HEALED:?} is what it should take");
    assert_eq!((b.key, second.key), (public, key_of(&keys[1])));
}

/// A relay that hangs closes nothing: it is given up as it no longer answers, and taken back when it does.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_hangs_is_noticed() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("mesh.key");
    std::fs::write(&file, format!("{}\n", secret().to_secret_text())).unwrap();
    let [here, there] = free().await;
    let node = Node::start(here, &[there], &fresh_key().unwrap());
    let mut command = command();
    command.args(["--dev", "--stun-addr", "none", "--addr", &there.to_string(), "--mesh-psk-file"]);
    command.arg(&file).args(["--mesh-with", &format!("http://{here}")]);
    let program = tokio::task::spawn_blocking(|| Program::of(command)).await.unwrap();
    assert_eq!(program.told("Mesh"), format!("with http://{here}"));
    node.counts("natscope_mesh_nodes_joined", 1).await;
    node.counts("derp_watchers", 1).await;
    let mut far = Peer::fresh(there).await;
    let mut near = Peer::fresh(here).await;
    reaches(&mut near, &mut far, b"through the program").await;
    program.signal("STOP");
    let noticed = until(node.metrics, "natscope_mesh_nodes_joined", 0).await;
    assert_eq!(samples(node.metrics).await["derp_clients_remote"], 0);
    program.signal("CONT");
    let healed = until(node.metrics, "natscope_mesh_nodes_joined", 1).await;
    assert!(noticed < GENEROUS && healed < GENEROUS, "{noticed:?}, {healed:?}");
    reaches(&mut near, &mut far, b"again").await;
}

/// Whoever has not the mesh key, and says what only a relay of the mesh may say, is cut off and learns nothing.
#[tokio::test(flavor = "multi_thread")]
async fn strangers_may_not_watch_forward_or_close() {
    let [at] = free().await;
    let node = Node::start(at, &[], &fresh_key().unwrap());
    let mut victim = Peer::fresh(at).await;
    let forged = Frame::ForwardPacket { source: key().1, destination: victim.key, payload: Bytes::from("forged") };
    let wrong: MeshKey = "5f".repeat(32).parse().unwrap();
    for mesh_key in [None, Some(wrong)] {
        for frame in [Frame::WatchConns, forged.clone(), Frame::ClosePeer(victim.key)] {
            let info = ClientInfo { mesh_key: mesh_key.clone(), ..ClientInfo::ordinary() };
            let mut stranger = Peer::login_as(upgraded(at).await, &key().0, info).await.expect("a client like others");
            stranger.say(&frame).await;
            loop {
                match stranger.next().await {
                    ClientEvent::PeerPresent { peer, .. } => panic!("{peer} is told of"),
                    ClientEvent::Closed(_) => break,
                    _ => {}
                }
            }
        }
    }
    victim.send(victim.key, b"untouched").await;
    assert_eq!(victim.packet().await.unwrap(), (victim.key, Bytes::from_static(b"untouched")));
    assert_eq!(samples(node.metrics).await["derp_packets_forwarded_in"], 0);
}

/// The mesh key admits whatever the lists say, takes no place, and lets one watch, forward and close.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_the_mesh_key_may() {
    let mesh = Some(MeshOptions { key: secret(), key_file: None, nodes: Vec::new() });
    let (friend, friend_key) = key();
    let rules = AccessRules { allow: vec![natscope::drive::relay::Allow::Key(friend_key)], ..AccessRules::default() };
    let node = Node::of(RelayOptions { mesh, access: Access::Rules(rules), max_clients: 1, ..options() });
    let mut client = Peer::join(node.at, &friend).await;
    assert!(Peer::try_join(node.at, &key().0).await.is_none());
    let info = ClientInfo { mesh_key: Some(secret()), ..ClientInfo::ordinary() };
    let mut relay = Peer::login_as(upgraded(node.at).await, &key().0, info).await.expect("let in");
    relay.say(&Frame::WatchConns).await;
    let mut seen = Vec::new();
    while seen.len() < 2 {
        if let ClientEvent::PeerPresent { peer, endpoint, flags } = relay.next().await {
            seen.push((peer, endpoint.is_some(), flags.0));
        }
    }
    seen.sort_by_key(|(_, _, flags)| *flags);
    assert_eq!(seen, [(friend_key, true, 1), (relay.key, true, 2)]);
    let source = key().1;
    relay.say(&Frame::ForwardPacket { source, destination: friend_key, payload: Bytes::from("from afar") }).await;
    assert_eq!(client.packet().await.unwrap(), (source, Bytes::from_static(b"from afar")));
    relay.say(&Frame::ClosePeer(friend_key)).await;
    assert!(client.packet().await.is_none());
    while !matches!(relay.next().await, ClientEvent::PeerGone { peer, .. } if peer == friend_key) {}
    assert_ne!(node.key, relay.key);
}

/// With the certificates they make themselves, each pinned by the others, and with a wrong pin not at all.
#[tokio::test(flavor = "multi_thread")]
async fn relays_know_each_other_by_pins() {
    let directories = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let all: [SocketAddr; 2] = free().await;
    let options = |index: usize| RelayOptions {
        http_addrs: Vec::new(),
        https_addrs: vec![all[index]],
        certificates: Certificates::SelfSigned { dir: Some(directories[index].path().to_owned()) },
        access: Access::Anyone,
        ..RelayOptions::default()
    };
    let pins = [0, 1].map(|index| Relay::bind(options(index)).unwrap().cert_pin().unwrap());
    let meshed = |index: usize, pin: &str| {
        let nodes = vec![format!("{}={pin}", all[1 - index]).parse().unwrap()];
        Node::of(RelayOptions { mesh: Some(MeshOptions { key: secret(), key_file: None, nodes }), ..options(index) })
    };
    let wrong = format!("sha256-raw:{}", "ab".repeat(32));
    let first = meshed(0, &wrong);
    let second = meshed(1, &pins[0]);
    second.counts("natscope_mesh_nodes_joined", 1).await;
    assert_eq!(samples(first.metrics).await["natscope_mesh_nodes_joined"], 0);
    assert_eq!(samples(second.metrics).await["derp_watchers"], 0);
    first.handle.stop().await.unwrap();
    let first = meshed(0, &pins[1]);
    for node in [&first, &second] {
        node.counts("natscope_mesh_nodes_joined", 1).await;
        node.counts("derp_watchers", 1).await;
    }
    assert!(TcpStream::connect(first.at).await.is_ok());
}

#[test]
fn a_mesh_takes_a_key() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("mesh.key");
    std::fs::write(&file, "5e5e5e5e").unwrap();
    let dev = ["--dev", "--addr", "127.0.0.1:0", "--stun-addr", "none"];
    for (arguments, wanted) in [
        (vec!["--mesh-with", "relay-b.example.com"], "--mesh-psk-file"),
        (vec!["--mesh-psk-file", file.to_str().unwrap()], "64 hex digits"),
        (vec!["--mesh-psk-file", "/nowhere/mesh.key"], "/nowhere/mesh.key"),
        (vec!["--mesh-with", "a/b/c"], "slash"),
    ] {
        let output = command().args(dev).args(&arguments).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(64), "{arguments:?}: {said}");
        assert!(said.contains(wanted) && !said.contains("5e5e5e5e"), "{said}");
    }
}

/// What was accepted for a client of another relay is sent on before a relay stops.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_forwards_what_was_accepted() {
    let (all, _, nodes) = three().await;
    let [first, _second, _third] = nodes;
    let (mut a, mut b) = (Peer::fresh(all[0]).await, Peer::fresh(all[1]).await);
    reaches(&mut a, &mut b, b"known").await;
    for number in 0..500_u32 {
        a.queue(b.key, &[&number.to_be_bytes()[..], &[1; 1000]].concat());
    }
    a.write().await;
    let stopping = tokio::spawn(first.handle.stop());
    for number in 0..500_u32 {
        let (_, packet) = b.packet().await.expect("a packet");
        assert_eq!(packet[..4], number.to_be_bytes());
    }
    drop(a);
    timeout(PATIENCE, stopping).await.unwrap().unwrap().unwrap();
}
