//! Everybody at once, as after a restart; and one who means ill.

use std::net::SocketAddr;
use std::time::Duration;

use natscope::drive::relay::{Limits, RelayOptions, raise_open_files};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::peer::{PATIENCE, Peer, key};
use crate::{options, start};

/// Between two messages of a client: it is so far away.
const AWAY: Duration = Duration::from_millis(100);

const UPGRADE: &[u8] = b"GET /derp HTTP/1.1\r\nHost: relay\r\nConnection: Upgrade\r\nUpgrade: DERP\r\n\r\n";

/// One try. `None`: the relay closes the connection before the client is in.
async fn comes(relay: SocketAddr) -> Option<Peer> {
    log_in(TcpStream::connect(relay).await.ok()?).await
}

async fn log_in(mut stream: TcpStream) -> Option<Peer> {
    sleep(AWAY).await;
    stream.write_all(UPGRADE).await.ok()?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    sleep(AWAY).await;
    Peer::login(stream, &key().0).await
}

/// Nobody has to make room for others who come to be served as well, as long as the relay is at it.
#[tokio::test(flavor = "multi_thread")]
async fn a_herd_is_let_in_at_its_first_try() {
    const CLIENTS: usize = 300;
    let (_relay, address) = start(RelayOptions { limits: Limits { unfinished: 64, ..Limits::default() }, ..options() });
    let mut all = JoinSet::new();
    for _ in 0..CLIENTS {
        all.spawn(comes(address));
    }
    let mut held = Vec::new();
    let all_came = async {
        while let Some(came) = all.join_next().await {
            held.extend(came.unwrap());
        }
    };
    timeout(PATIENCE, all_came).await.expect("in time");
    println!("{} of {CLIENTS} were let in at their first try", held.len());
    // Nearly all of them on a quiet machine; where each took a place at once, as many as there are places.
    assert!(held.len() > CLIENTS / 2);
}

/// Hundreds of connections a second that say nothing, from one host, to a relay that lets in sixteen of them a second: another
/// host waits until the first of those sixteen have had their second, and for nobody who came before it.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_keeps_out_nobody_but_its_own_host() {
    use std::collections::VecDeque;
    use tokio::net::TcpSocket;
    use tokio::time::Instant;

    const HELD: usize = 3000;
    let _ = raise_open_files();
    let limits = Limits { unfinished: 16, ..Limits::default() };
    let (_relay, address) = start(RelayOptions { limits, ..options() });
    let flood = tokio::spawn(async move {
        let mut held = VecDeque::new();
        loop {
            let socket = TcpSocket::new_v4().unwrap();
            socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
            held.push_back(timeout(PATIENCE, socket.connect(address)).await.expect("the relay accepts"));
            if held.len() > HELD {
                held.pop_front();
            }
            sleep(Duration::from_millis(2)).await;
        }
    });
    sleep(Duration::from_secs(3)).await;
    for _ in 0..5 {
        let began = Instant::now();
        let peer = comes(address).await.expect("let in at the first try");
        let took = began.elapsed();
        println!("let in after {took:?}");
        assert!(took < Duration::from_secs(5), "{took:?}");
        drop(peer);
    }
    assert!(!flood.is_finished());
    flood.abort();
}
