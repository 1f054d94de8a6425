//! A packet each way, and connections held.

use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use tokio::net::TcpStream;
use tokio::sync::broadcast;

use super::scripted::Scripted;
use super::*;
use crate::wire::derp::{Frame, ServerInfo};

#[tokio::test]
async fn packets_cross_an_open_relay_both_ways() {
    let relay = ours(Access::Anyone);
    let answer = over_tls(target("relay.test", relay.https), RelayAsk::DerpExchange).await;
    assert_eq!(answer.ended, None);
    let said = answer.derp.expect("DERP");
    assert_eq!((said.packets, said.server_keys), (2, vec![relay.key.to_hex()]));
    assert!(said.admitted.is_some() && said.exchange > Some(Duration::ZERO));
}

#[tokio::test]
async fn keys_that_are_refused_exchange_nothing() {
    let relay = ours(nobody());
    let answer = over_tls(target("relay.test", relay.https), RelayAsk::DerpExchange).await;
    assert_eq!(answer.ended, failed(Stage::Derp, Cause::NotAdmitted));
    let said = answer.derp.expect("DERP");
    assert_eq!((said.packets, said.exchange, said.server_keys), (0, None, vec![relay.key.to_hex()]));
}

#[tokio::test]
async fn two_relays_behind_one_address_are_told_by_their_keys() {
    let relays = [ours_plain(Access::Anyone), ours_plain(Access::Anyone)];
    let (ports, turn) = ([relays[0].http, relays[1].http], Arc::new(AtomicUsize::new(0)));
    let balancer = tcp_server(move |mut stream| {
        let onward = ports[turn.fetch_add(1, Ordering::Relaxed) % 2];
        async move {
            let mut onward = TcpStream::connect(onward).await.unwrap();
            let _ = tokio::io::copy_bidirectional(&mut stream, &mut onward).await;
        }
    })
    .await;
    let answer = plain(balancer, RelayAsk::DerpExchange).await;
    let lost = Cause::TimedOut { after: Duration::from_millis(3500) };
    assert_eq!(answer.ended, failed(Stage::Derp, lost));
    let said = answer.derp.expect("DERP");
    let mut keys = said.server_keys.clone();
    keys.sort();
    let mut expected = relays.map(|relay| relay.key.to_hex());
    expected.sort();
    assert_eq!((keys.as_slice(), said.packets), (&expected[..], 0));
    assert!(said.admitted.is_some());
}

/// A relay that lets `change` at the packets it relays: their number, and each.
async fn relaying(change: fn(usize, Frame) -> Frame) -> SocketAddr {
    let (packets, _) = broadcast::channel::<(NodePublic, Frame)>(16);
    let count = Arc::new(AtomicUsize::new(0));
    tcp_server(move |stream| {
        let (sender, mut receiver, count) = (packets.clone(), packets.subscribe(), Arc::clone(&count));
        async move {
            let mut client = Scripted::login(stream, ServerInfo::ordinary()).await;
            let own = client.client;
            loop {
                tokio::select! {
                    said = client.hear() => match said {
                        Some(Frame::SendPacket { destination, payload }) => {
                            let number = count.fetch_add(1, Ordering::Relaxed);
                            let frame = change(number, Frame::RecvPacket { source: own, payload });
                            sender.send((destination, frame)).unwrap();
                        }
                        Some(_) => {}
                        None => return,
                    },
                    Ok((destination, frame)) = receiver.recv() => if destination == own {
                        client.say(&frame).await;
                    },
                }
            }
        }
    })
    .await
}

#[tokio::test]
async fn only_what_arrives_unchanged_from_the_right_sender_counts() {
    let server = relaying(|_, frame| frame).await;
    assert_eq!(plain(server, RelayAsk::DerpExchange).await.derp.unwrap().packets, 2);
    let lost = failed(Stage::Derp, Cause::TimedOut { after: Duration::from_millis(3500) });
    let forged: fn(usize, Frame) -> Frame = |_, frame| match frame {
        Frame::RecvPacket { payload, .. } => {
            Frame::RecvPacket { source: crate::wire::nacl::node_public(&Scripted::key()), payload }
        }
        other => other,
    };
    let first: fn(usize, Frame) -> Frame = |number, frame| spoil(number == 0, frame);
    let second: fn(usize, Frame) -> Frame = |number, frame| spoil(number == 1, frame);
    for (change, packets) in [(first, 0), (second, 1), (forged, 0)] {
        let answer = plain(relaying(change).await, RelayAsk::DerpExchange).await;
        let said = answer.derp.expect("DERP");
        assert_eq!((answer.ended, said.packets, said.exchange), (lost.clone(), packets, None));
    }
}

fn spoil(this: bool, frame: Frame) -> Frame {
    match frame {
        Frame::RecvPacket { source, .. } if this => Frame::RecvPacket { source, payload: Bytes::from_static(&[0; 32]) },
        other => other,
    }
}

/// A packet that the relay's own limit keeps us from sending is not one that it lost.
#[tokio::test]
async fn a_limit_that_leaves_no_room_is_told() {
    let server = tcp_server(|stream| async move {
        let info = ServerInfo { bytes_per_second: 1, burst_bytes: 8, ..ServerInfo::ordinary() };
        Scripted::login(stream, info).await.wait_for_end().await;
    })
    .await;
    let answer = plain(server, RelayAsk::DerpExchange).await;
    let ended = answer.ended.expect("a failure");
    assert!(ended.stage == Stage::Derp && matches!(ended.cause, Cause::Unsupported { .. }), "{ended:?}");
    let said = answer.derp.expect("DERP");
    assert_eq!((said.packets, said.admitted.map(|greeting| greeting.bytes_per_second)), (0, Some(1)));
}

#[tokio::test]
async fn a_connection_that_is_kept_is_held_to_the_end() {
    let relay = ours_plain(Access::Anyone);
    let stay = Duration::from_millis(300);
    let answer = plain(relay.http, RelayAsk::DerpHold { stay }).await;
    let said = answer.derp.expect("DERP");
    assert_eq!((answer.ended, said.keep_alives), (None, 0));
    assert!(said.held >= Some(stay) && said.admitted.is_some());
}

#[tokio::test]
async fn a_connection_that_is_cut_has_told_its_keep_alives() {
    let server = tcp_server(|stream| async move {
        let mut client = Scripted::login(stream, ServerInfo::ordinary()).await;
        for frame in [Frame::KeepAlive, Frame::KeepAlive, Frame::KeepAlive, Frame::Ping([1; 8])] {
            client.say(&frame).await;
        }
        // The answer to the ping, which relays need not know: now all of it has been read.
        assert!(client.hear().await.is_some());
    })
    .await;
    let stay = Duration::from_secs(60);
    let answer = plain(server, RelayAsk::DerpHold { stay }).await;
    let ended = answer.ended.expect("a failure");
    assert!(ended.stage == Stage::Derp && matches!(ended.cause, Cause::Closed | Cause::Reset), "{ended:?}");
    let said = answer.derp.expect("DERP");
    assert_eq!(said.keep_alives, 3);
    assert!(said.held.is_some_and(|held| held < stay));
}

#[tokio::test]
async fn nothing_is_held_beyond_the_deadline() {
    let relay = ours_plain(Access::Anyone);
    let answer = within(SHORT, relay.http, RelayAsk::DerpHold { stay: Duration::from_secs(3600) }).await;
    assert_eq!(answer.ended, failed(Stage::Derp, Cause::TimedOut { after: SHORT }));
    let said = answer.derp.expect("DERP");
    assert!(said.admitted.is_some() && said.held.is_some_and(|held| held <= SHORT));
}
