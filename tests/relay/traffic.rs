//! Packets between clients that mean well, some of them slow.

use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use futures_util::{SinkExt as _, StreamExt as _};
use natscope::derp::ClientEvent;
use natscope::drive::relay::Limits;
use natscope::wire::derp::GoneReason;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_websockets::{ClientBuilder, Message};

use crate::peer::{PATIENCE, Peer, key};
use crate::{options, start};

#[tokio::test(flavor = "multi_thread")]
async fn bursts_arrive_whole_and_in_order() {
    let (_relay, address) = start(options());
    let (mut sender, mut reader) = (Peer::fresh(address).await, Peer::fresh(address).await);
    for burst in [64_u32, 256, 30] {
        for number in 0..burst {
            let mut packet = [0; 1200];
            packet[..4].copy_from_slice(&number.to_be_bytes());
            sender.queue(reader.key, &packet);
        }
        // All in one write, faster than anybody could take them one by one.
        sender.write().await;
        for number in 0..burst {
            let (source, mut packet) = reader.packet().await.expect("a packet");
            assert_eq!((source, packet.len(), packet.get_u32()), (sender.key, 1200, number));
        }
    }
    sender.send(sender.key, b"").await;
    assert_eq!(sender.packet().await, Some((sender.key, Bytes::new())), "to oneself, and empty");
    let largest = vec![7; 65_536];
    sender.send(reader.key, &largest).await;
    assert_eq!(reader.packet().await.unwrap().1, largest);
}

/// What is sent to somebody who does not read costs nobody else anything, and him his connection.
#[tokio::test(flavor = "multi_thread")]
async fn a_stalled_reader_is_cut_off_without_a_ripple() {
    let limits = Limits { write: Duration::from_millis(500), ..Limits::default() };
    let (_relay, address) = start(natscope::drive::relay::RelayOptions { limits, ..options() });
    let (mut sender, mut reader) = (Peer::fresh(address).await, Peer::fresh(address).await);
    let stalled = Peer::fresh(address).await;
    let flood = vec![0; 60_000];
    let flooded = async {
        let mut rounds = 0_u32;
        loop {
            for _ in 0..8 {
                sender.queue(stalled.key, &flood);
            }
            // A reader beside him gets every packet, whatever becomes of the others.
            sender.queue(reader.key, &rounds.to_be_bytes());
            sender.write().await;
            let (_, packet) = reader.packet().await.expect("a packet");
            assert_eq!(&packet[..], rounds.to_be_bytes());
            rounds += 1;
            // Gone from the switchboard: a disco packet for him is answered with a notice.
            let mut disco = b"TS\xf0\x9f\x92\xac".to_vec();
            disco.resize(80, 0);
            if rounds.is_multiple_of(50) {
                sender.send(stalled.key, &disco).await;
                sender.send(sender.key, b"mark").await;
                loop {
                    match sender.next().await {
                        ClientEvent::PeerGone { peer, reason: GoneReason::NOT_HERE } if peer == stalled.key => return,
                        ClientEvent::Packet { .. } => break,
                        _ => {}
                    }
                }
            }
        }
    };
    timeout(PATIENCE, flooded).await.expect("he is cut off");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_connections_of_a_key_the_last_to_speak_is_served() {
    let (_relay, address) = start(options());
    let (private, public) = key();
    let (mut old, mut new) = (Peer::join(address, &private).await, Peer::join(address, &private).await);
    let mut sender = Peer::fresh(address).await;
    sender.send(public, b"to the newest").await;
    assert_eq!(new.packet().await.unwrap().1, &b"to the newest"[..]);
    old.send(sender.key, b"I speak").await;
    assert_eq!(sender.packet().await.unwrap(), (public, Bytes::from_static(b"I speak")));
    sender.send(public, b"to the speaker").await;
    assert_eq!(old.packet().await.unwrap().1, &b"to the speaker"[..]);
    drop(old);
    // When he is gone is not told to a sender, so it is tried until it works.
    let arrived = async {
        loop {
            sender.send(public, b"to who is left").await;
            if let Ok(Some((_, packet))) = timeout(Duration::from_millis(200), new.packet()).await {
                return packet;
            }
        }
    };
    assert_eq!(timeout(PATIENCE, arrived).await.unwrap(), &b"to who is left"[..]);
}

/// What was accepted before the relay stops is delivered, though its reader is in no hurry.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_loses_nothing_that_was_accepted() {
    let (relay, address) = start(options());
    let (mut sender, mut reader) = (Peer::fresh(address).await, Peer::fresh(address).await);
    for number in 0..400_u32 {
        sender.queue(reader.key, &[&number.to_be_bytes()[..], &[0; 1000]].concat());
    }
    sender.write().await;
    let stopping = tokio::spawn(relay.stop());
    for number in 0..400_u32 {
        let (_, mut packet) = reader.packet().await.expect("a packet");
        assert_eq!(packet.get_u32(), number);
    }
    assert!(reader.packet().await.is_none(), "and then the end");
    drop((sender, reader));
    timeout(PATIENCE, stopping).await.expect("it stops").unwrap().unwrap();
}

/// What a client has sent arrives, however it leaves right after, and though the relay could not write to it any more.
/// All in one thread: the relay finds the packets and the end at the same time.
#[tokio::test]
async fn a_client_that_breaks_off_loses_nothing_that_it_sent() {
    let (_relay, address) = start(options());
    for (how, reset, unread) in [("closed", false, false), ("reset", true, false), ("reset under way", true, true)] {
        let (mut sender, mut reader) = (Peer::fresh(address).await, Peer::fresh(address).await);
        if unread {
            // More than the connection takes: the relay is in the middle of a write to it.
            for _ in 0..15 {
                reader.queue(sender.key, &vec![0; 60_000]);
            }
            reader.write().await;
        }
        for number in 0..50_u32 {
            sender.queue(reader.key, &[&number.to_be_bytes()[..], &[0; 1000]].concat());
        }
        sender.write().await;
        if reset {
            sender.stream.set_zero_linger().unwrap();
        }
        drop(sender);
        for number in 0..50_u32 {
            let (_, mut packet) = reader.packet().await.expect("a packet");
            assert_eq!(packet.get_u32(), number, "{how}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fast_start_has_no_answer_and_loses_no_greeting() {
    let (_relay, address) = start(options());
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = b"GET /derp HTTP/1.1\r\nHost: relay\r\nDerp-Fast-Start: 1\r\nUpgrade: DERP\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut first = [0; 13];
    stream.read_exact(&mut first).await.unwrap();
    assert_eq!(first, *b"\x01\0\0\0\x28DERP\xf0\x9f\x94\x91", "the key's frame, and no HTTP before it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_carries_frames_cut_anywhere() {
    let (_relay, address) = start(options());
    let stream = TcpStream::connect(address).await.unwrap();
    let (socket, response) = ClientBuilder::from_uri(format!("ws://{address}/derp").parse().unwrap())
        .add_header("sec-websocket-protocol".parse().unwrap(), "derp".parse().unwrap())
        .unwrap()
        .connect_on(stream)
        .await
        .unwrap();
    assert_eq!(response.headers()["sec-websocket-protocol"], "derp");
    // Its messages as a stream of bytes, and the stream's bytes as messages of seven bytes.
    let (near, far) = tokio::io::duplex(1 << 20);
    tokio::spawn(carry(socket, far));
    let mut by_websocket = Peer::login(near, &key().0).await.expect("let in");
    let mut plain = Peer::fresh(address).await;
    for length in [1_usize, 1200, 65_504] {
        let packet: Vec<u8> = (0..length).map(|index| u8::try_from(index % 251).unwrap()).collect();
        plain.send(by_websocket.key, &packet).await;
        assert_eq!(by_websocket.packet().await.unwrap(), (plain.key, Bytes::from(packet.clone())));
        by_websocket.send(plain.key, &packet).await;
        assert_eq!(plain.packet().await.unwrap(), (by_websocket.key, Bytes::from(packet)));
    }
}

async fn carry(mut socket: tokio_websockets::WebSocketStream<TcpStream>, far: tokio::io::DuplexStream) {
    let (mut read, mut write) = tokio::io::split(far);
    let mut buffer = BytesMut::new();
    loop {
        tokio::select! {
            message = socket.next() => match message {
                Some(Ok(message)) if message.is_binary() => {
                    assert!(message.as_payload().len() <= 32_768, "larger than browsers' clients take");
                    write.write_all(message.as_payload()).await.unwrap();
                }
                _ => return,
            },
            read = read.read_buf(&mut buffer) => {
                if read.unwrap() == 0 {
                    return;
                }
                while !buffer.is_empty() {
                    let piece = buffer.split_to(buffer.len().min(if buffer.len() > 2000 { 20_000 } else { 7 }));
                    socket.send(Message::binary(piece.freeze())).await.unwrap();
                }
            }
        }
    }
}
