//! Limits from a file: how fast clients may send and come, and how many.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use natscope::drive::relay::{Relay, RelayHandle, RelayOptions, Reloader};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use crate::options;
use crate::peer::{PATIENCE, Peer, key, upgraded};

struct Limited {
    _relay: RelayHandle,
    address: SocketAddr,
    reloader: Reloader,
    directory: tempfile::TempDir,
}

impl Limited {
    fn start(limits: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(file(directory.path()), limits).unwrap();
        // Only when it is told to: a test knows when.
        let hour = Duration::from_secs(3600);
        let options = RelayOptions { rate_limit: Some(file(directory.path())), reload_every: hour, ..options() };
        let relay = Relay::bind(options).unwrap();
        let (address, reloader) = (relay.http_addrs()[0], relay.reloader());
        Self { _relay: relay.spawn(), address, reloader, directory }
    }

    fn set(&self, limits: &str) {
        std::fs::write(file(self.directory.path()), limits).unwrap();
        self.reloader.reload();
    }
}

fn file(directory: &Path) -> std::path::PathBuf {
    directory.join("limits.json")
}

/// Sends so many packets of 1,000 bytes as one, and returns how long it takes until all of them are there, in order.
async fn passing(sender: &mut Peer, reader: &mut Peer, count: u32) -> Duration {
    let began = Instant::now();
    for number in 0..count {
        sender.queue(reader.key, &[&number.to_be_bytes()[..], &[0; 996]].concat());
    }
    sender.write().await;
    for number in 0..count {
        let (_, packet) = reader.packet().await.expect("a packet");
        assert_eq!(packet[..4], number.to_be_bytes(), "nothing is dropped for a limit");
    }
    began.elapsed()
}

/// The bodies beyond the burst, at the rate; less the last reads, which are paid for afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_is_too_fast_waits_and_loses_nothing() {
    let limited = Limited::start(r#"{"PerClientRateLimitBytesPerSec": 100000}"#);
    let (mut sender, mut reader) = (Peer::fresh(limited.address).await, Peer::fresh(limited.address).await);
    let took = passing(&mut sender, &mut reader, 200).await;
    let wanted = Duration::from_millis((200 * 1032 - 65_568) / 100 - 900);
    assert!(took >= wanted, "{took:?} instead of {wanted:?}");
    // Another client has a bucket of its own.
    let mut other = Peer::fresh(limited.address).await;
    let took = passing(&mut other, &mut reader, 50).await;
    assert!(took < Duration::from_millis(500), "{took:?}");

    // Whoever waits does not when the limit is gone.
    let began = Instant::now();
    let waiting = passing(&mut sender, &mut reader, 700);
    let reloaded = async {
        sleep(Duration::from_millis(300)).await;
        limited.set("{}");
    };
    tokio::join!(waiting, reloaded);
    let took = began.elapsed();
    assert!(took < Duration::from_secs(3), "{took:?}, and 700,000 bytes took 6 s");
    // A file that makes no sense leaves it at that.
    limited.set("{");
    sleep(Duration::from_millis(100)).await;
    let took = passing(&mut sender, &mut reader, 500).await;
    assert!(took < Duration::from_secs(1), "{took:?}");
}

/// A pair that sends all it can takes nothing of another's pings but the time of a few reads.
#[tokio::test(flavor = "multi_thread")]
async fn a_heavy_pair_does_not_starve_a_ping() {
    let limited = Limited::start(r#"{"GlobalRateLimitBytesPerSec": 2000000}"#);
    let address = limited.address;
    let (mut heavy, sink) = (Peer::fresh(address).await, Peer::fresh(address).await);
    let flood = tokio::spawn(async move {
        let mut sink = sink;
        let to = sink.key;
        tokio::spawn(async move { while sink.packet().await.is_some() {} });
        loop {
            for _ in 0..100 {
                heavy.queue(to, &[0; 1200]);
            }
            heavy.write().await;
        }
    });
    sleep(Duration::from_millis(500)).await;
    let (mut pinger, mut echo) = (Peer::fresh(address).await, Peer::fresh(address).await);
    let mut worst = Duration::ZERO;
    for number in 0..20_u8 {
        let began = Instant::now();
        pinger.send(echo.key, &[number]).await;
        let (from, ping) = timeout(PATIENCE, echo.packet()).await.unwrap().unwrap();
        echo.send(from, &ping).await;
        assert_eq!(timeout(PATIENCE, pinger.packet()).await.unwrap().unwrap().1, &[number][..]);
        worst = worst.max(began.elapsed());
    }
    // Twice a read of 64 KiB at 2 MB/s, and a busy machine.
    assert!(worst < Duration::from_millis(500), "{worst:?}");
    flood.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_number_of_clients_may_be_changed() {
    let limited = Limited::start(r#"{"MaxClients": 2}"#);
    let (mut one, _two) = (Peer::fresh(limited.address).await, Peer::fresh(limited.address).await);
    assert!(Peer::try_join(limited.address, &key().0).await.is_none());
    limited.set(r#"{"MaxClients": 3}"#);
    let three = timeout(PATIENCE, async {
        loop {
            if let Some(three) = Peer::try_join(limited.address, &key().0).await {
                return three;
            }
        }
    });
    let mut three = three.await.expect("there is a place now");
    limited.set(r#"{"MaxClients": 1}"#);
    sleep(Duration::from_millis(100)).await;
    assert!(Peer::try_join(limited.address, &key().0).await.is_none());
    one.send(three.key, b"still here").await;
    assert_eq!(three.packet().await.unwrap().1, &b"still here"[..]);
}

/// Whether the relay closes a connection that says nothing, at once.
async fn is_turned_away(address: SocketAddr) -> bool {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // An end or a reset.
    timeout(Duration::from_millis(300), stream.read_u8()).await.is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_has_so_many_handshakes_at_once() {
    let limited = Limited::start(r#"{"HandshakesPerAddress": 3}"#);
    let mut clients = Vec::new();
    for _ in 0..5 {
        clients.push(Peer::fresh(limited.address).await);
    }
    let held = [
        TcpStream::connect(limited.address).await.unwrap(),
        TcpStream::connect(limited.address).await.unwrap(),
        upgraded(limited.address).await,
    ];
    assert!(is_turned_away(limited.address).await, "clients are no handshakes, and there are three others");
    drop(held);
    timeout(PATIENCE, async { while is_turned_away(limited.address).await {} }).await.expect("there is room again");
    let to = clients[1].key;
    clients[0].send(to, b"unharmed").await;
    assert_eq!(clients[1].packet().await.unwrap().1, &b"unharmed"[..]);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_beyond_the_rate_are_closed_and_the_relay_goes_on() {
    let limited = Limited::start(r#"{"AcceptConnectionLimit": 1, "AcceptConnectionBurst": 4}"#);
    let (mut one, mut two) = (Peer::fresh(limited.address).await, Peer::fresh(limited.address).await);
    let began = Instant::now();
    let mut turned_away = 0;
    for _ in 0..5 {
        turned_away += u32::from(is_turned_away(limited.address).await);
    }
    // A second brings one more; a slow machine more of them.
    assert!(turned_away >= 3 || began.elapsed() > Duration::from_secs(3), "{turned_away} of 5");
    one.send(two.key, b"unharmed").await;
    assert_eq!(two.packet().await.unwrap().1, &b"unharmed"[..]);
    limited.set("{}");
    timeout(PATIENCE, async { while is_turned_away(limited.address).await {} }).await.expect("no limit any more");
}

#[test]
fn a_relay_does_not_start_with_limits_that_make_no_sense() {
    let directory = tempfile::tempdir().unwrap();
    for text in [None, Some("{"), Some(r#"{"PerClientRateLimit": 5}"#)] {
        if let Some(text) = text {
            std::fs::write(file(directory.path()), text).unwrap();
        }
        let options = RelayOptions { rate_limit: Some(file(directory.path())), ..options() };
        let error = Relay::bind(options).unwrap_err().to_string();
        assert!(error.contains("limits.json"), "{error}");
    }
}
