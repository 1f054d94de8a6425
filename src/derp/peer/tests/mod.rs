//! Two ends of a ping against each other, in virtual time.

mod nat;
mod strangers;
mod world;

use std::collections::BTreeMap;
use std::time::Duration;

use super::{PeerEvent, PeerSession as _, RelayNews, Route};
use nat::{By, Kind};
use world::{LISTENER, PINGER, Plan, TO_RELAY, Weather, World};

const SECOND: Duration = Duration::from_secs(1);

fn plan(kinds: [Kind; 2], count: u32) -> Plan {
    Plan { kinds, count, interval: Duration::from_millis(200), direct: true, seed: 1 }
}

/// What became of each ping: answered directly or not, or never. Nothing may become of one twice.
fn fates(world: &World) -> BTreeMap<u32, Option<bool>> {
    let mut fates = BTreeMap::new();
    for (_, event) in &world.events {
        let fate = match event {
            PeerEvent::Pong { seq, route, .. } => (*seq, Some(matches!(route, Route::Direct { .. }))),
            PeerEvent::Unanswered { seq } => (*seq, None),
            _ => continue,
        };
        assert_eq!(fates.insert(fate.0, fate.1), None, "twice: {:?}", world.events);
    }
    fates
}

fn answered(world: &World) -> usize {
    fates(world).values().flatten().count()
}

fn when(world: &World, wanted: fn(&PeerEvent) -> bool) -> Vec<Duration> {
    world.events.iter().filter(|(_, event)| wanted(event)).map(|(at, _)| *at).collect()
}

const fn is_up(event: &PeerEvent) -> bool {
    matches!(event, PeerEvent::DirectUp { .. })
}

const fn is_down(event: &PeerEvent) -> bool {
    matches!(event, PeerEvent::DirectDown { .. })
}

/// Whether hole punching works, by what each side can know of the other. `None`: it depends on which of two mappings
/// an answer leaves by.
fn is_possible(a: Kind, b: Kind) -> Option<bool> {
    let strict = |kind: Kind| kind.filtering == By::AddressAndPort;
    let open = |kind: Kind| kind.filtering == By::Nothing;
    match (a.varies(), b.varies()) {
        // One's port is not where servers see it, and only a filter that does not look at ports lets it in.
        (true, false) if strict(b) => (!open(a)).then_some(false),
        (false, true) if strict(a) => (!open(b)).then_some(false),
        // Neither's is. Whoever may come to the one servers see is told the other's.
        (true, true) if !open(a) && !open(b) => Some(false),
        (true, true) => (!strict(a) && !strict(b)).then_some(true),
        _ => Some(true),
    }
}

#[test]
fn a_path_is_direct_exactly_where_the_two_nats_allow_it() {
    let mut wrong = Vec::new();
    for a in Kind::ALL {
        for b in Kind::ALL {
            let mut world = World::new(&plan([a, b], 50));
            world.run_until(60 * SECOND);
            let fates = fates(&world);
            assert!(world.ping.is_done() && answered(&world) == 50, "{} / {}: {fates:?}", a.name, b.name);
            let direct = fates.values().last().copied().flatten();
            if is_possible(a, b).is_some_and(|possible| Some(possible) != direct) || !when(&world, is_down).is_empty() {
                wrong.push((a.name, b.name, direct));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// One round trip of each side's to the relay, and nothing on top.
#[test]
fn the_first_pong_takes_no_longer_than_the_relay_does() {
    let mut world = World::new(&plan([Kind::SYMMETRIC; 2], 1));
    world.run_until(60 * SECOND);
    let (at, event) = &world.events[0];
    assert!(matches!(event, PeerEvent::Pong { seq: 1, route: Route::Relay { .. }, .. }), "{:?}", world.events);
    assert_eq!(*at, TO_RELAY * 4);
}

#[test]
fn loss_disorder_and_doubles_cost_no_ping() {
    for seed in 0..20 {
        let mut world = World::new(&Plan { seed, ..plan([Kind::PORT_RESTRICTED; 2], 200) });
        world.weather = Weather { loss: 25, doubled: 10, jitter: Duration::from_millis(60) };
        world.run_until(600 * SECOND);
        assert_eq!((world.ping.is_done(), answered(&world)), (true, 200), "{seed}: {:?}", world.events);
        let direct = fates(&world).values().filter(|fate| **fate == Some(true)).count();
        assert!(direct > 50, "{seed}: {direct} of 200 went directly: {:?}", world.events);
    }
}

#[test]
fn pings_go_through_the_relay_again_when_the_direct_path_dies() {
    let mut world = World::new(&plan([Kind::PORT_RESTRICTED; 2], 100));
    world.run_until(5 * SECOND);
    assert!(!when(&world, is_up).is_empty(), "{:?}", world.events);
    world.weather.loss = 100;
    world.run_until(120 * SECOND);
    let fates = fates(&world);
    assert_eq!((answered(&world), fates[&100]), (100, Some(false)), "{fates:?}");
    let down = when(&world, is_down);
    assert!(down.len() == 1 && down[0] < 7 * SECOND, "{down:?}");
}

#[test]
fn a_path_is_found_again_after_a_nat_has_forgotten_everything() {
    for end in [PINGER, LISTENER] {
        let mut world = World::new(&plan([Kind::PORT_RESTRICTED; 2], 400));
        world.run_until(5 * SECOND);
        assert!(!when(&world, is_up).is_empty(), "{:?}", world.events);
        world.rebind(end);
        world.run_until(120 * SECOND);
        let fates = fates(&world);
        assert_eq!((answered(&world), fates[&400]), (400, Some(true)), "{end}: {fates:?}");
        let again = when(&world, is_up).into_iter().find(|at| *at > 5 * SECOND);
        assert!(again.is_some_and(|at| at < 30 * SECOND), "{end}: {again:?}");
    }
}

/// The relay tells the other side that we have left it. We have not left the other side.
#[test]
fn a_direct_path_needs_nobody_at_the_relay() {
    for end in [PINGER, LISTENER] {
        let mut world = World::new(&plan([Kind::PORT_RESTRICTED; 2], 100));
        world.run_until(5 * SECOND);
        world.leave(end);
        world.run_until(15 * SECOND);
        world.join(end);
        world.run_until(120 * SECOND);
        let fates = fates(&world);
        assert_eq!(answered(&world), 100, "{end}: {fates:?}");
        assert!(fates.range(26..).all(|(_, fate)| *fate == Some(true)), "{end}: {fates:?}");
    }
}

#[test]
fn every_ping_has_one_fate_when_the_peer_comes_and_goes() {
    let mut world = World::new(&Plan { direct: false, ..plan([Kind::OPEN; 2], 100) });
    for round in 0..3 {
        world.run_until((5 * round + 2) * SECOND);
        world.leave(LISTENER);
        world.run_until((5 * round + 4) * SECOND);
        world.join(LISTENER);
    }
    world.run_until(120 * SECOND);
    let fates = fates(&world);
    assert_eq!((world.ping.is_done(), fates.len()), (true, 100), "{fates:?}");
    assert!((60..80).contains(&answered(&world)) && fates[&100] == Some(false), "{fates:?}");
    let left = when(&world, |event| matches!(event, PeerEvent::Left { .. }));
    assert_eq!(left.len(), 3);
}

/// Whatever comes from whomever: nothing is answered that was not sealed for us, and nothing panics.
#[test]
fn noise_is_not_answered() {
    let mut world = World::new(&plan([Kind::OPEN; 2], 5));
    world.run_until(60 * SECOND);
    let (sent, now) = (world.listener_sent, world.now);
    let stranger = "192.0.2.66:6666".parse().unwrap();
    let from = world.ping.public();
    for _ in 0..20_000 {
        let length = world.roll(200);
        let mut noise: Vec<u8> = (0..length).map(|_| u8::try_from(world.roll(256)).unwrap()).collect();
        if world.roll(2) == 0 {
            // What begins like a packet of the peer's is looked at more closely.
            let start = [&crate::wire::disco::MAGIC[..], from.as_bytes()].concat();
            noise.splice(0..0, start);
        }
        world.listen.handle_datagram(now, stranger, &noise);
        world.listen.handle_relay(now, 0, RelayNews::Packet { from, payload: noise.into() });
    }
    world.run_until(60 * SECOND);
    assert!(world.listen.poll_transmit().is_none() && world.listener_sent == sent);
}
