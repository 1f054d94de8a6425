//! Tailscale's own DERP client against our relay.

mod tools;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use natscope::drive::relay::{Access, AccessRules, Allow, RelayOptions, fresh_key, parse_allowed_key};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tools::{PATIENCE, install_provider, join_tls, packet, start};
use ts_derp::Client;
use ts_keys::{NodeKeyPair, NodePublicKey};

/// For thousands of packets, in a build that is not optimized, on a machine that has other things to do.
const LONG: Duration = Duration::from_secs(300);

/// Bytes of packets on their way at once: a relay's queue for one client holds a megabyte.
const WINDOW: usize = 512 << 10;

const PACKETS: usize = 10_000;

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_packets_each_way_over_tls() {
    install_provider();
    let (relay, server, _) = start(RelayOptions::loopback(3));
    let (a, b) = (NodeKeyPair::random(), NodeKeyPair::random());
    let (client_a, client_b) = (join_tls(server, &a).await, join_tls(server, &b).await);
    exchange(client_a, a.public, client_b, b.public).await;
    relay.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_packets_each_way_over_plain_http() {
    let mut options = RelayOptions::loopback(4);
    options.https_addrs.clear();
    let (relay, _, server) = start(options);
    let (a, b) = (NodeKeyPair::random(), NodeKeyPair::random());
    let (client_a, client_b) = (join_plain(server, &a).await, join_plain(server, &b).await);
    exchange(client_a, a.public, client_b, b.public).await;
    relay.stop().await.unwrap();
}

/// A relay that comes back under its address and key is the same to its clients.
#[tokio::test(flavor = "multi_thread")]
async fn clients_come_back_after_a_restart() {
    install_provider();
    let mut options = RelayOptions::loopback(5);
    options.key = Some(fresh_key().unwrap());
    let (relay, server, _) = start(options.clone());
    options.https_addrs = vec![server];
    let (a, b) = (NodeKeyPair::random(), NodeKeyPair::random());
    let (mut client_a, mut client_b) = (join_tls(server, &a).await, join_tls(server, &b).await);
    let mut relay = Some(relay);
    for round in 0_u8..3 {
        // Sent, and the relay is told to stop: what it has accepted arrives.
        for number in 0..100 {
            client_a.send_one(b.public, &[round, number]).await.unwrap();
        }
        let stopping = tokio::spawn(relay.take().unwrap().stop());
        for number in 0..100 {
            let (source, packet) = timeout(PATIENCE, client_b.recv_one()).await.expect("in time").expect("a packet");
            assert_eq!((source, packet.as_ref()), (a.public, &[round, number][..]));
        }
        for client in [&client_a, &client_b] {
            assert!(timeout(PATIENCE, client.recv_one()).await.expect("the relay closes").is_err());
        }
        drop((client_a, client_b));
        timeout(PATIENCE, stopping).await.expect("it stops").unwrap().unwrap();
        relay = Some(start(options.clone()).0);
        (client_a, client_b) = (join_tls(server, &a).await, join_tls(server, &b).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_is_refused() {
    let friend = NodeKeyPair::random();
    let key = parse_allowed_key(&friend.public.to_string()).expect("its text is what ours is");
    let mut options = RelayOptions::loopback(6);
    options.access = Access::Rules(AccessRules { allow: vec![Allow::Key(key)], ..AccessRules::default() });
    options.https_addrs.clear();
    let (_relay, _, server) = start(options);
    let friendly = join_plain(server, &friend).await;
    let stranger = NodeKeyPair::random();
    let stream = upgraded(server).await;
    let refused = timeout(PATIENCE, Client::handshake(stream, &stranger)).await.expect("in time");
    assert!(refused.is_err(), "a stranger was let in");
    friendly.send_one(friend.public, b"still here").await.unwrap();
    let (_, packet) = timeout(PATIENCE, friendly.recv_one()).await.expect("in time").expect("a packet");
    assert_eq!(packet.as_ref(), b"still here");
}

/// Over plain HTTP, which they do not speak: the upgrade is ours, as they would ask for it.
async fn join_plain(server: SocketAddr, key: &NodeKeyPair) -> Client<TcpStream> {
    let stream = upgraded(server).await;
    timeout(PATIENCE, Client::handshake(stream, key)).await.expect("in time").expect("let in")
}

async fn upgraded(server: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(server).await.unwrap();
    let request = format!(
        "POST http://{server}/derp HTTP/1.1\r\nhost: {}\r\nupgrade: DERP\r\nconnection: Upgrade\r\n\r\n",
        server.ip()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(timeout(PATIENCE, stream.read_u8()).await.expect("in time").expect("an answer"));
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
    stream
}

async fn exchange<S>(a: Client<S>, key_a: NodePublicKey, b: Client<S>, key_b: NodePublicKey)
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let (a, b) = (Arc::new(a), Arc::new(b));
    let there = one_way(Arc::clone(&a), key_a, Arc::clone(&b), key_b);
    let back = one_way(b, key_b, a, key_a);
    timeout(LONG, async { tokio::join!(there, back) }).await.expect("none is lost, or the window never opens again");
}

async fn one_way<S>(from: Arc<Client<S>>, key_from: NodePublicKey, to: Arc<Client<S>>, key_to: NodePublicKey)
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let window = Arc::new(Semaphore::new(WINDOW));
    let taken = Arc::clone(&window);
    let sender = tokio::spawn(async move {
        for number in 0..PACKETS {
            let packet = packet(number);
            taken.acquire_many(packet.len() as u32).await.unwrap().forget();
            from.send_one(key_to, &packet).await.unwrap();
        }
    });
    for number in 0..PACKETS {
        let (source, received) = to.recv_one().await.unwrap();
        assert_eq!(source, key_from);
        assert!(received.as_ref() == packet(number), "packet {number} is not the next one, or not whole");
        window.add_permits(received.as_ref().len());
    }
    sender.await.unwrap();
}
