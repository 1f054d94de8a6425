//! Strangers who mean no good.

use std::time::Duration;

use natscope::drive::relay::{Limits, RelayOptions};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::peer::{PATIENCE, Peer, upgraded};
use crate::{options, start};

/// Reads what there is until the relay closes.
async fn ends(stream: &mut TcpStream) {
    let mut heard = Vec::new();
    let read = timeout(PATIENCE, stream.read_to_end(&mut heard)).await;
    // A reset is an end as well.
    drop(read.expect("the relay closes the connection"));
}

fn frame(kind: u8, length: u32, body: &[u8]) -> Vec<u8> {
    [&[kind][..], &length.to_be_bytes(), body].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn greetings_that_are_none_end_the_connection() {
    let (_relay, address) = start(options());
    for greeting in [
        frame(2, 96, &[0; 96]),                       // of the all-zero key
        frame(2, 96, &[&[1][..], &[0; 95]].concat()), // of another key of no use
        frame(2, 96, &[0x41; 96]),                    // with a box that does not open
        frame(2, 55, &[0x41; 55]),                    // too short
        frame(2, (256 << 10) + 1, &[]),               // too long: its header is enough
        frame(2, u32::MAX, &[]),
        frame(4, 60, &[0x41; 60]), // another frame first
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
    ] {
        let mut stream = upgraded(address).await;
        stream.write_all(&greeting).await.unwrap();
        ends(&mut stream).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_breaks_the_protocol_is_closed() {
    let (_relay, address) = start(options());
    let mut other = Peer::fresh(address).await;
    for broken in [
        frame(4, 31, &[0; 31]),
        frame(4, 32 + 65_537, &[]),
        frame(7, 2, &[0; 2]),
        frame(0x12, 7, &[0; 7]),
        frame(0x12, 1001, &[0; 1001]),
        frame(0x10, 0, &[]),
        frame(0x0a, 64, &[0; 64]),
        frame(0x11, 32, &[0; 32]),
    ] {
        let mut peer = Peer::fresh(address).await;
        peer.stream.write_all(&broken).await.unwrap();
        assert!(peer.packet().await.is_none(), "{broken:02x?}");
    }
    // What is unknown is skipped, whatever its length.
    let unknown = frame(0x77, 100_000, &vec![0; 100_000]);
    other.stream.write_all(&unknown).await.unwrap();
    other.send(other.key, b"still here").await;
    assert_eq!(other.packet().await.unwrap().1, &b"still here"[..]);
}

/// Whoever opens connections and says nothing, or half of something, has to make room for those who come to be served.
#[tokio::test(flavor = "multi_thread")]
async fn half_open_connections_keep_nobody_out() {
    let limits = Limits { unfinished: 32, ..Limits::default() };
    let (_relay, address) = start(RelayOptions { limits, ..options() });
    let mut client = Peer::fresh(address).await;
    let mut held = Vec::new();
    for number in 0..400_u32 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        match number % 4 {
            0 => {}
            1 => stream.write_all(b"GET /derp HTTP/1.1\r\nHo").await.unwrap(),
            2 => stream.write_all(b"GET /derp HTTP/1.1\r\nHost: a\r\nUpgrade: DERP\r\n\r\n").await.unwrap(),
            _ => stream.write_all(b"GET /derp HTTP/1.1\r\nHost: a\r\nUpgrade: DERP\r\n\r\n\x02\0\0").await.unwrap(),
        }
        held.push(stream);
        if number % 50 == 0 {
            let mut newcomer = Peer::fresh(address).await;
            newcomer.send(client.key, b"hello").await;
            assert_eq!(client.packet().await.unwrap().0, newcomer.key);
        }
    }
    for stream in &mut held[..300] {
        ends(stream).await;
    }
    client.send(client.key, b"unharmed").await;
    assert_eq!(client.packet().await.unwrap().1, &b"unharmed"[..]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_relay_turns_newcomers_away_and_serves_the_rest() {
    let (_relay, address) = start(RelayOptions { max_clients: 2, ..options() });
    let (mut one, two) = (Peer::fresh(address).await, Peer::fresh(address).await);
    assert!(Peer::try_join(address, &crate::peer::key().0).await.is_none());
    one.send(one.key, b"served").await;
    assert_eq!(one.packet().await.unwrap().1, &b"served"[..]);
    drop(two);
    let let_in = async {
        while Peer::try_join(address, &crate::peer::key().0).await.is_none() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, let_in).await.expect("there is a place again");
}
