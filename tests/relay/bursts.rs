use std::time::Duration;

use bytes::{Bytes, BytesMut};
use natscope::derp::ClientEvent;
use natscope::drive::relay::Access;
use tokio::io::AsyncWriteExt as _;
use tokio::time::{Instant, timeout};

use super::peer::{PATIENCE, Peer, start};

fn packet(number: usize, length: usize) -> Vec<u8> {
    (0..length).map(|index| (number.wrapping_mul(31) + index) as u8).collect()
}

/// Written by the sender at once, as many as derper would drop half of.
#[tokio::test(flavor = "multi_thread")]
async fn bursts_arrive_whole_and_in_order() {
    let (_relay, address) = start(Access::Anyone);
    let (mut a, mut b) = (Peer::join(address).await, Peer::join(address).await);
    for burst in [64, 256] {
        for number in 0..burst {
            a.say(&b.key, packet(number, 1200));
        }
        a.flush().await;
        for number in 0..burst {
            let (source, payload) = b.packet().await;
            assert_eq!(source, a.key);
            assert!(payload == packet(number, 1200), "burst of {burst}: packet {number} is missing or spoiled");
        }
    }
}

/// One that stops reading is cut off after the relay's two seconds, while a million bytes a second are sent to it, and
/// nobody else notices.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_is_cut_off_alone() {
    let (_relay, address) = start(Access::Anyone);
    let (mut sender, stalled) = (Peer::join(address).await, Peer::join(address).await);
    let (mut c, mut d) = (Peer::join(address).await, Peer::join(address).await);
    let victim = stalled.key;
    let started = Instant::now();
    let flood = tokio::spawn(async move {
        let chunk = Bytes::from(packet(7, 60_000));
        loop {
            for _ in 0..8 {
                sender.say(&victim, chunk.clone());
            }
            sender.flush().await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    // Its socket is not read any more: it notices its end by writing.
    let Peer { mut stream, .. } = stalled;
    let mut worst = Duration::ZERO;
    let cut = async {
        loop {
            tokio::time::sleep(Duration::from_millis(50)).await;
            // A keep-alive, which the relay ignores.
            if stream.write_all(&[6, 0, 0, 0, 0]).await.is_err() {
                return;
            }
        }
    };
    let others = async {
        loop {
            let asked = Instant::now();
            c.say(&d.key, "ping");
            c.flush().await;
            assert_eq!(&*d.packet().await.1, b"ping");
            worst = worst.max(asked.elapsed());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::select! {
        ended = timeout(PATIENCE, cut) => ended.expect("it is cut off"),
        () = others => {}
    }
    assert!(started.elapsed() >= Duration::from_millis(1900), "cut off after {:?}", started.elapsed());
    assert!(worst < Duration::from_secs(1), "others waited {worst:?}");
    flood.abort();
}

/// The newest connection with a key gets its packets, and the older one again when it speaks.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_with_one_key_the_last_to_speak_is_served() {
    let (_relay, address) = start(Access::Anyone);
    let (private, _) = super::peer::key();
    let twin = natscope::model::NodePrivate::from_bytes(*private.as_bytes());
    let mut sender = Peer::join(address).await;
    let mut first = Peer::try_join(address, private).await.unwrap();
    let mut second = Peer::try_join(address, twin).await.unwrap();
    sender.say(&first.key, "to the newest");
    sender.flush().await;
    assert_eq!(&*second.packet().await.1, b"to the newest");
    first.session.ping([1; 8]).unwrap();
    first.flush().await;
    assert_eq!(first.next().await, ClientEvent::Pong([1; 8]));
    sender.say(&first.key, "to the speaker");
    sender.flush().await;
    assert_eq!(&*first.packet().await.1, b"to the speaker");
    drop(first);
    // The relay learns of the end when it does; until then packets go to who is not there.
    let key = second.key;
    loop {
        second.session.ping([2; 8]).unwrap();
        second.flush().await;
        assert_eq!(second.next().await, ClientEvent::Pong([2; 8]));
        sender.say(&key, "to who is left");
        sender.flush().await;
        if let Some(ClientEvent::Packet { payload, .. }) = second.next_within(Duration::from_millis(200)).await {
            assert_eq!(&*payload, b"to who is left");
            return;
        }
    }
}

/// Every byte of a packet in a segment of its own is the same packet.
#[tokio::test(flavor = "multi_thread")]
async fn packets_in_pieces_are_put_together() {
    let (_relay, address) = start(Access::Anyone);
    let mut peer = Peer::join(address).await;
    let key = peer.key;
    peer.say(&key, "in pieces");
    let mut out = BytesMut::new();
    peer.session.poll_transmit(&mut out);
    for byte in out {
        peer.stream.write_all(&[byte]).await.unwrap();
        peer.stream.flush().await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(&*peer.packet().await.1, b"in pieces");
}
