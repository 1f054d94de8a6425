//! Packets, moves and deaths, with derper as the other half of the mesh.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use natscope::derp::ClientEvent;
use natscope::drive::relay::{Access, Certificates, MeshOptions, Relay, RelayOptions};
use natscope::model::{MeshKey, NodePublic};
use natscope::wire::derp::GoneReason;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use sha2::{Digest as _, Sha256};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, timeout};

use crate::door::{Client, Door};
use crate::peer::{PATIENCE, key};

const HEALED: Duration = Duration::from_secs(5);

/// Killed when this is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A relay of ours with TLS, whose certificate stays in this directory.
fn options(at: SocketAddr, directory: &Path) -> RelayOptions {
    RelayOptions {
        https_addrs: vec![at],
        certificates: Certificates::SelfSigned { dir: Some(directory.to_owned()) },
        access: Access::Anyone,
        ..RelayOptions::default()
    }
}

/// One of Tailscale's, that connects to ours.
async fn start(derper: &OsStr, at: SocketAddr, ours: SocketAddr, directory: &Path, our_directory: &Path) -> Running {
    let mesh_key = directory.join("mesh.key");
    std::fs::write(&mesh_key, secret().to_secret_text()).unwrap();
    let log = std::fs::File::options().create(true).append(true).open(directory.join("log")).unwrap();
    let child = Command::new(derper)
        .args(["-a", &at.to_string(), "-http-port", "-1", "-stun=false", "-hostname", "127.0.0.1"])
        .args(["-certmode", "manual", "-certdir"])
        .arg(directory)
        .arg("-c")
        .arg(directory.join("derper.json"))
        .arg("-mesh-psk-file")
        .arg(&mesh_key)
        .args(["-mesh-with", &ours.to_string()])
        .env("SSL_CERT_FILE", our_directory.join("127.0.0.1.crt"))
        .stderr(log)
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    let running = Running(child);
    let began = Instant::now();
    while TcpStream::connect(at).await.is_err() {
        assert!(began.elapsed() < PATIENCE, "derper does not serve");
        sleep(Duration::from_millis(20)).await;
    }
    running
}

/// An address that was free a moment ago.
async fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

fn secret() -> MeshKey {
    "5e".repeat(32).parse().unwrap()
}

fn pin(directory: &Path) -> String {
    let certificate = CertificateDer::from_pem_file(directory.join("127.0.0.1.crt")).unwrap();
    let digest: [u8; 32] = Sha256::digest(&certificate).into();
    digest.iter().fold("sha256-raw:".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

async fn reaches(sender: &mut Client, receiver: &mut Client, mark: &[u8]) -> Duration {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        sender.send(receiver.key, mark).await;
        let arrived =
            async { while receiver.packet().await.expect("a connection") != (sender.key, mark.to_vec().into()) {} };
        if timeout(Duration::from_millis(100), arrived).await.is_ok() {
            return began.elapsed();
        }
    }
    panic!("no packet arrives: {}", mark.escape_ascii());
}

/// Packets come in order and whole, up to the largest. No more at a time than derper's queue holds.
async fn all_arrive(sender: &mut Client, receiver: &mut Client) {
    for start in (0..3_000_u32).step_by(20) {
        for number in start..start + 20 {
            sender.queue(receiver.key, &[&number.to_be_bytes()[..], &[7; 1000]].concat());
        }
        sender.write().await;
        for number in start..start + 20 {
            let (source, packet) = receiver.packet().await.expect("a packet");
            assert_eq!((source, &packet[..4]), (sender.key, &number.to_be_bytes()[..]));
        }
    }
    sender.send(receiver.key, &vec![9; 65_536]).await;
    assert_eq!(receiver.packet().await.unwrap().1.len(), 65_536);
}

/// Waits to be told that one is gone.
async fn hears_of_the_end(client: &mut Client, of: NodePublic) {
    let told = |event: &ClientEvent| matches!(event, ClientEvent::PeerGone { peer, reason: GoneReason::DISCONNECTED } if *peer == of);
    while !told(&client.next().await) {}
}

pub(crate) async fn a_mesh_with_tailscales_derper(program: &OsStr) {
    let [our_directory, directory] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [ours, theirs] = [free().await, free().await];
    // Only for the certificate, which derper is to trust at its start.
    drop(Relay::bind(options(ours, our_directory.path())).unwrap());
    let derper = start(program, theirs, ours, directory.path(), our_directory.path()).await;
    let nodes = vec![format!("{theirs}={}", pin(directory.path())).parse().unwrap()];
    let mesh = Some(MeshOptions { key: secret(), key_file: None, nodes });
    let node = Relay::bind(RelayOptions { mesh, ..options(ours, our_directory.path()) }).unwrap().spawn();

    let here = Door::tls(ours, our_directory.path());
    let there = Door::tls(theirs, directory.path());
    let (mut near, mut far) = (here.fresh().await, there.fresh().await);
    reaches(&mut near, &mut far, b"to derper").await;
    reaches(&mut far, &mut near, b"from derper").await;
    all_arrive(&mut near, &mut far).await;
    all_arrive(&mut far, &mut near).await;

    // One that moves is followed, while for either relay who is at itself comes first.
    let (private, public) = key();
    let mut mobile = here.try_join(&private).await.expect("let in");
    reaches(&mut far, &mut mobile, b"with ours").await;
    let mut elsewhere = there.try_join(&private).await.expect("let in");
    reaches(&mut far, &mut elsewhere, b"with theirs").await;
    reaches(&mut near, &mut mobile, b"still with ours").await;
    drop(mobile);
    reaches(&mut near, &mut elsewhere, b"no longer").await;
    let mut back = here.try_join(&private).await.expect("let in");
    reaches(&mut near, &mut back, b"back").await;
    drop(elsewhere);
    reaches(&mut far, &mut back, b"not at theirs").await;
    // Who heard from it is told.
    reaches(&mut back, &mut near, b"hello").await;
    reaches(&mut back, &mut far, b"hello").await;
    drop(back);
    hears_of_the_end(&mut near, public).await;
    hears_of_the_end(&mut far, public).await;

    // derper dies, and its clients are gone.
    let dead = Instant::now();
    let far_key = far.key;
    drop(derper);
    hears_of_the_end(&mut near, far_key).await;
    assert!(dead.elapsed() < HEALED, "{:?}", dead.elapsed());
    assert!(far.packet().await.is_none());
    let _derper = start(program, theirs, ours, directory.path(), our_directory.path()).await;
    let again = Instant::now();
    let mut far = there.fresh().await;
    reaches(&mut near, &mut far, b"again").await;
    reaches(&mut far, &mut near, b"and back").await;
    assert!(again.elapsed() < HEALED, "{:?}", again.elapsed());

    // Ours stops: derper tells its clients.
    let near_key = near.key;
    node.stop().await.unwrap();
    hears_of_the_end(&mut far, near_key).await;
}
