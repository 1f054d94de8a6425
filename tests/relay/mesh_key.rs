//! A mesh whose key is changed while it runs.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use natscope::derp::ClientEvent;
use natscope::wire::derp::{ClientInfo, Frame};
use tokio::time::{Instant, sleep};

use crate::mesh::{free, until};
use crate::metrics::samples;
use crate::peer::{PATIENCE, Peer, key, upgraded};
use crate::program::Program;

struct Node {
    program: Program,
    at: SocketAddr,
    metrics: SocketAddr,
}

impl Node {
    fn start(at: SocketAddr, other: SocketAddr, file: &Path) -> Self {
        let (at_text, other, file) = (at.to_string(), format!("http://{other}"), file.to_str().unwrap());
        let program = Program::start(
            &[
                &["--dev", "--addr", &at_text, "--stun-addr", "none", "--metrics-addr", "127.0.0.1:0"][..],
                &["--mesh-psk-file", file, "--mesh-with", &other],
            ]
            .concat(),
        );
        let metrics = program.told("Metrics").trim_start_matches("http://").split('/').next().unwrap().parse().unwrap();
        Self { program, at, metrics }
    }

    /// Whether somebody with this key is taken for a relay of the mesh.
    async fn knows(&self, secret: &str) -> bool {
        let info = ClientInfo { mesh_key: Some(secret.parse().unwrap()), ..ClientInfo::ordinary() };
        let mut relay = Peer::login_as(upgraded(self.at).await, &key().0, info).await.expect("let in");
        relay.say(&Frame::WatchConns).await;
        loop {
            match relay.next().await {
                ClientEvent::PeerPresent { .. } => return true,
                ClientEvent::Closed(_) => return false,
                _ => {}
            }
        }
    }

    /// Has it read its file again, and waits until it has.
    async fn hangs_up(&self, knows: &str) {
        self.program.signal("HUP");
        let began = Instant::now();
        while !self.knows(knows).await {
            assert!(began.elapsed() < PATIENCE, "the key is the old one");
            sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hangup_changes_the_key_and_cuts_no_relay_off() {
    let (old, new) = ("5e".repeat(32), "6f".repeat(32));
    let directory = tempfile::tempdir().unwrap();
    let files = ["one", "two"].map(|name| directory.path().join(name));
    for file in &files {
        std::fs::write(file, &old).unwrap();
    }
    let all = free::<2>().await;
    let one = Node::start(all[0], all[1], &files[0]);
    let two = Node::start(all[1], all[0], &files[1]);
    for node in [&one, &two] {
        until(node.metrics, "natscope_mesh_nodes_joined", 1).await;
        until(node.metrics, "derp_watchers", 1).await;
    }
    // A file that is no key changes nothing, and neither does one that nobody was told of.
    std::fs::write(&files[0], "no key").unwrap();
    one.hangs_up(&old).await;
    std::fs::write(&files[0], &new).unwrap();
    assert!(one.knows(&old).await && !one.knows(&new).await);
    one.hangs_up(&new).await;
    assert!(!one.knows(&old).await);
    for node in [&one, &two] {
        assert_eq!(samples(node.metrics).await["natscope_mesh_nodes_joined"], 1, "connections stay");
    }
    // One that comes back with the old key is a stranger to the other, and the other to it, until its key is changed too.
    drop(two);
    let two = Node::start(all[1], all[0], &files[1]);
    until(one.metrics, "natscope_mesh_nodes_joined", 0).await;
    std::fs::write(&files[1], &new).unwrap();
    sleep(Duration::from_secs(1)).await;
    assert_eq!(samples(two.metrics).await["natscope_mesh_nodes_joined"], 0, "with the old key");
    two.hangs_up(&new).await;
    // At once, and not after the pause for strangers, which is half a minute.
    until(two.metrics, "natscope_mesh_nodes_joined", 1).await;
    one.program.signal("TERM");
    let (code, said) = tokio::task::spawn_blocking(|| one.program.ended()).await.unwrap();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("the mesh key has changed") && said.contains("the mesh key stays as it was"), "{said}");
    assert!(!said.contains(&new) && !said.contains(&old), "{said}");
}
