//! What those who know a listener's key can make it do.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::derp::peer::envelope::Envelopes;
use crate::derp::peer::{ListenConfig, ListenSession, PeerSession as _, RelayNews, Route, Transmit};
use crate::model::NodePrivate;
use crate::wire::disco::Message;

fn listener() -> ListenSession {
    let key = NodePrivate::generate([7; 32]);
    let mut listener = ListenSession::new(ListenConfig { key, seed: [1; 32], direct: true, relays: 1, count: None });
    listener.handle_relay(now(), 0, RelayNews::Ready { region: 900 });
    listener
}

#[allow(clippy::disallowed_methods, reason = "some moment to count from")]
fn now() -> Instant {
    Instant::now()
}

fn sent(listener: &mut ListenSession) -> Vec<Transmit> {
    while listener.poll_event().is_some() {}
    std::iter::from_fn(|| listener.poll_transmit()).collect()
}

/// Many strangers say that they are where somebody else is: the whole of it stays a trickle, however many they are.
#[test]
fn nobody_is_flooded_at_a_strangers_word() {
    const SECONDS: u64 = 20;
    let mut listener = listener();
    let start = now();
    let victims: Vec<SocketAddr> = (1..=16).map(|port| SocketAddr::from(([198, 51, 100, 1], port))).collect();
    let mut strangers: Vec<Envelopes> = (0..100_u8)
        .map(|number| Envelopes::new(&NodePrivate::generate([number.wrapping_add(50); 32]), [number; 32]))
        .collect();
    let mut probes = 0;
    for tick in 0..SECONDS * 4 {
        let now = start + Duration::from_millis(250 * tick);
        for stranger in &mut strangers {
            let call = Message::CallMeMaybe { endpoints: victims.clone() };
            let payload = stranger.seal(listener.public(), &call).unwrap();
            listener.handle_relay(now, 0, RelayNews::Packet { from: stranger.public(), payload });
        }
        let direct = |transmit: &Transmit| matches!(transmit.route, Route::Direct { .. });
        probes += sent(&mut listener).iter().filter(|transmit| direct(transmit)).count();
    }
    // 400 at once and 200 a second.
    assert!(probes > 0 && probes <= 400 + 200 * usize::try_from(SECONDS).unwrap(), "{probes}");
}

#[test]
fn one_who_pings_too_often_is_answered_less_often_and_never_with_more() {
    let (mut listener, start) = (listener(), now());
    let mut peer = Envelopes::new(&NodePrivate::generate([9; 32]), [9; 32]);
    let (mut pongs, mut largest, mut smallest) = (0, 0, usize::MAX);
    for tick in 0..5000_u64 {
        let now = start + Duration::from_micros(200 * tick);
        let ping = Message::Ping { transaction: peer.counted_transaction(), node: Some(peer.public()), padding: 0 };
        let payload = peer.seal(listener.public(), &ping).unwrap();
        smallest = smallest.min(payload.len());
        listener.handle_relay(now, 0, RelayNews::RoundTrip(Duration::from_millis(3)));
        listener.handle_relay(now, 0, RelayNews::Packet { from: peer.public(), payload });
        for pong in sent(&mut listener) {
            pongs += 1;
            largest = largest.max(pong.payload.len());
        }
    }
    // 300 at once and 150 a second, for a second.
    assert!((300..=450).contains(&pongs), "{pongs}");
    assert!(largest <= smallest, "{largest} for {smallest}");
}

/// A packet of one peer's in the name of another: the relay's word on who sent it and the seal have to agree.
#[test]
fn nobody_is_answered_in_anothers_name() {
    let mut listener = listener();
    let mut peer = Envelopes::new(&NodePrivate::generate([9; 32]), [9; 32]);
    let other = Envelopes::new(&NodePrivate::generate([8; 32]), [8; 32]);
    let ping = Message::Ping { transaction: peer.counted_transaction(), node: Some(peer.public()), padding: 0 };
    let payload = peer.seal(listener.public(), &ping).unwrap();
    listener.handle_relay(now(), 0, RelayNews::Packet { from: other.public(), payload: payload.clone() });
    // Nor directly, before it has introduced itself through a relay.
    listener.handle_datagram(now(), "192.0.2.66:6666".parse().unwrap(), &payload);
    assert_eq!(sent(&mut listener), []);
}
