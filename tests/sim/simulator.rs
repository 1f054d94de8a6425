//! Does the simulator itself do what it says? A conclusion tested against a wrong world proves nothing.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use natscope::model::{Family, Filtering, Mapping};
use natscope::probe::{Cause, Outcome, Question, Slot, StunForm};

use crate::random::Random;
use crate::run::{Run, run};
use crate::survey::{Survey, stun};
use crate::world::{Link, Middlebox, Neighbour, Policy, Pool, Ports, SimRegion, Stun, World};

fn endpoint(world: &World, region: usize) -> SocketAddr {
    world.regions[region].nodes[0].stun_endpoint(Family::V4).unwrap()
}

/// What servers saw of one socket, in order.
fn seen(run: &Run) -> Vec<SocketAddr> {
    run.reached.iter().map(|reached| reached.external).collect()
}

fn behind(nat: Middlebox) -> World {
    let mut world = World::default();
    world.v4.boxes = vec![nat];
    world
}

/// What the first box makes of a socket's packets to a server, to another port of it, and to another server.
fn ask_three(world: &World) -> Vec<SocketAddr> {
    let (a, b) = (endpoint(world, 0), endpoint(world, 1));
    let a2 = SocketAddr::new(a.ip(), 3479);
    let mut nat = crate::nat::Nat::new(&world.v4.boxes[0], Random::new(7), vec![]);
    let source = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 168, 1, 5)), 5000);
    [a, a2, b].map(|to| nat.outbound(source, to, natscope::probe::Moment::START)).to_vec()
}

#[test]
fn mappings_are_those_of_rfc_4787() {
    for ports in [Ports::Preserve, Ports::Random, Ports::Sequential(2), Ports::Block(512)] {
        for (mapping, a_is_a2, a_is_b) in [
            (Mapping::EndpointIndependent, true, true),
            (Mapping::AddressDependent, true, false),
            (Mapping::AddressAndPortDependent, false, false),
        ] {
            let externals = ask_three(&behind(Middlebox { mapping, ports, ..Middlebox::default() }));
            assert_eq!(externals[0] == externals[1], a_is_a2, "{mapping:?} {ports:?}: {externals:?}");
            assert_eq!(externals[0] == externals[2], a_is_b, "{mapping:?} {ports:?}: {externals:?}");
            assert_eq!(externals[0].port() == 5000, ports == Ports::Preserve, "{externals:?}");
        }
    }
    let steps = ask_three(&behind(Middlebox {
        mapping: Mapping::AddressAndPortDependent,
        ports: Ports::Sequential(2),
        ..Middlebox::default()
    }));
    assert_eq!(steps[1].port() - steps[0].port(), 2);
}

#[test]
fn filters_are_those_of_rfc_4787() {
    let inside = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 168, 1, 5)), 5000);
    let [a, a2, b] = ["20.0.0.1:1", "20.0.0.1:2", "20.0.0.2:1"].map(|text| text.parse::<SocketAddr>().unwrap());
    for (filtering, other_port, other_address) in [
        (Filtering::EndpointIndependent, true, true),
        (Filtering::AddressDependent, true, false),
        (Filtering::AddressAndPortDependent, false, false),
    ] {
        for firewall in [false, true] {
            let nat = Middlebox { filtering, ..Middlebox::default() };
            let rules = if firewall { Middlebox::firewall(filtering) } else { nat };
            let now = natscope::probe::Moment::START;
            let mut nat = crate::nat::Nat::new(&rules, Random::new(7), vec![]);
            let outside = nat.outbound(inside, a, now);
            assert_eq!(outside == inside, firewall);
            assert_eq!(nat.inbound(a, outside, now), Some(inside));
            assert_eq!(nat.inbound(a2, outside, now).is_some(), other_port, "{filtering:?}");
            assert_eq!(nat.inbound(b, outside, now).is_some(), other_address, "{filtering:?}");
            let unknown = SocketAddr::new(outside.ip(), outside.port() ^ 1);
            assert_eq!(nat.inbound(a, unknown, now), None);
            let later = now + Duration::from_secs(1000);
            assert_eq!(nat.inbound(a, outside, later), None, "it has expired");
        }
    }
}

#[test]
fn linux_shares_ports_and_reports_after_unsolicited_packets() {
    let inside = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 168, 1, 5)), 5000);
    let [a, b, c, d] =
        ["20.0.0.1:1", "20.0.0.2:1", "20.0.0.3:1", "20.0.0.4:1"].map(|t| t.parse::<SocketAddr>().unwrap());
    let now = natscope::probe::Moment::START;
    let linux = Middlebox::linux();
    // The clash comes last: it looks address-dependent.
    let mut nat = crate::nat::Nat::new(&linux, Random::new(7), vec![(5000, vec![c.ip(), d.ip()])]);
    let ports = [a, b, c, d].map(|to| nat.outbound(inside, to, now).port());
    assert_eq!((ports[0], ports[1]), (5000, 5000));
    assert_ne!(ports[2], 5000);
    assert_eq!(ports[2], ports[3]);
    // It comes first: it looks endpoint-independent on another port.
    let mut nat = crate::nat::Nat::new(&linux, Random::new(7), vec![(5000, vec![a.ip()])]);
    let ports: BTreeSet<_> = [a, b, c, d].map(|to| nat.outbound(inside, to, now).port()).into();
    assert_eq!(ports.len(), 1);
    assert!(!ports.contains(&5000));
    // An unsolicited packet from b re-ports the later flow to b, if the router accepts it.
    for accepts in [false, true] {
        let rules = Middlebox { input_accept: accepts, ..Middlebox::linux() };
        let mut nat = crate::nat::Nat::new(&rules, Random::new(7), vec![]);
        let outside = nat.outbound(inside, a, now);
        assert_eq!(nat.inbound(b, outside, now), None);
        assert_eq!(nat.outbound(inside, b, now).port() != 5000, accepts);
    }
    // A port of a NAT that does not overload belongs to one host alone.
    let strict = Middlebox::default();
    let mut nat = crate::nat::Nat::new(&strict, Random::new(7), vec![(5000, vec![a.ip()])]);
    assert_ne!(nat.outbound(inside, b, now).port(), 5000);
}

#[test]
fn linux_mappings_live_30_and_120_seconds() {
    let linux = Middlebox::linux();
    let inside: SocketAddr = "192.168.1.5:5000".parse().unwrap();
    let server: SocketAddr = "20.0.0.1:1".parse().unwrap();
    let at = |seconds| natscope::probe::Moment::after_start(Duration::from_secs(seconds));
    let mut nat = crate::nat::Nat::new(&linux, Random::new(7), vec![]);
    let outside = nat.outbound(inside, server, at(0));
    assert!(nat.inbound(server, outside, at(1)).is_some());
    assert!(nat.inbound(server, outside, at(32)).is_none(), "one exchange lives 30 s");
    let mut nat = crate::nat::Nat::new(&linux, Random::new(7), vec![]);
    let outside = nat.outbound(inside, server, at(0));
    nat.inbound(server, outside, at(1));
    nat.outbound(inside, server, at(4));
    assert!(nat.inbound(server, outside, at(120)).is_some(), "a stream lives 120 s");
    assert!(nat.inbound(server, outside, at(241)).is_none());
}

#[test]
fn chains_multiply() {
    let wan: IpAddr = "100.64.7.9".parse().unwrap();
    let mut world = behind(Middlebox { publics: vec![wan], ..Middlebox::linux() });
    let mapping = Mapping::AddressAndPortDependent;
    world.v4.boxes.push(Middlebox { mapping, ports: Ports::Random, carrier: true, ..Middlebox::default() });
    let ask = (0..4).map(|region| stun(0, endpoint(&world, region)));
    let run = run(&mut Survey::of(ask), &world);
    let externals: BTreeSet<_> = seen(&run).into_iter().collect();
    assert_eq!(externals.len(), 4);
    assert!(externals.iter().all(|external| external.ip() != wan));
    assert_eq!(run.record.observations.len(), 4, "and replies find their way back through both");
}

#[test]
fn uplinks_are_chosen_by_destination_or_flow() {
    let uplinks: Vec<IpAddr> = vec!["198.51.100.7".parse().unwrap(), "203.0.113.9".parse().unwrap()];
    let mut spread = BTreeSet::new();
    for seed in 0..20 {
        let nat = Middlebox { publics: uplinks.clone(), pool: Pool::ByDestination, ..Middlebox::default() };
        let world = World { seed, ..behind(nat) };
        let server = endpoint(&world, 0);
        let two = run(&mut Survey::of([stun(0, server), stun(1, server)]), &world);
        assert_eq!(seen(&two)[0].ip(), seen(&two)[1].ip(), "by destination, whatever the socket");
        let ask = (0..4).map(|region| stun(0, endpoint(&world, region)));
        let several = run(&mut Survey::of(ask), &world);
        assert!(several.reached.iter().all(|reached| reached.external.port() == reached.local.port()));
        spread.insert(seen(&several).into_iter().map(|external| external.ip()).collect::<BTreeSet<_>>().len());
    }
    assert_eq!(spread, BTreeSet::from([1, 2]));
}

#[test]
fn round_trips_are_exact_without_disturbance() {
    let world = World::default();
    let ask = (0..4).map(|region| stun(0, endpoint(&world, region)));
    let run = run(&mut Survey::of(ask), &world);
    let round_trips: Vec<_> = run.record.observations.iter().map(|heard| heard.round_trip().as_millis()).collect();
    assert_eq!(round_trips, [20, 40, 60, 80]);
    assert!(run.record.observations.iter().all(|heard| heard.round_trip().subsec_nanos() % 1_000_000 == 0));
    assert!(run.misbehaviour.is_empty());
}

#[test]
fn losses_are_as_frequent_as_said() {
    for (link, wanted) in [
        (Link { loss_out: 0.3, loss_back: 0.3, ..Link::default() }, 0.49),
        (Link { loss_out: 0.2, ..Link::default() }, 0.8),
        (Link { burst_ms: 100.0, calm_ms: 300.0, ..Link::default() }, 0.625),
    ] {
        let mut world = World::default();
        for region in &mut world.regions {
            region.nodes[0].link = link;
        }
        let mut heard = 0;
        for seed in 0..600 {
            world.seed = seed;
            let ask = (0..8).map(|n| stun(0, endpoint(&world, n % 4)));
            heard += run(&mut Survey::spaced(Duration::from_secs(1), ask), &world).record.observations.len();
        }
        let share = heard as f64 / 4800.0;
        // Bursts are the same in both directions only by chance: 0.75 each way, on average 0.5625 to 0.75.
        let slack = if link.burst_ms > 0.0 { 0.09 } else { 0.025 };
        assert!((share - wanted).abs() < slack, "{share} of {wanted} for {link:?}");
    }
}

#[test]
fn bursts_come_together() {
    let mut world = World::default();
    world.regions[0].nodes[0].link = Link { burst_ms: 200.0, calm_ms: 600.0, ..Link::default() };
    let (mut first_lost, mut both_lost) = (0, 0);
    for seed in 0..2000 {
        world.seed = seed;
        let server = endpoint(&world, 0);
        let run = run(&mut Survey::spaced(Duration::from_millis(1), [stun(0, server), stun(0, server)]), &world);
        let lost = |id| !run.record.observations.iter().any(|heard| heard.probe.is_some_and(|probe| probe.0 == id));
        first_lost += u32::from(lost(0));
        both_lost += u32::from(lost(0) && lost(1));
    }
    assert!(first_lost > 500, "{first_lost}");
    assert!(f64::from(both_lost) > 0.95 * f64::from(first_lost), "{both_lost} of {first_lost}");
}

#[test]
fn duplicates_and_late_replies_are_told_as_such() {
    let mut world = World::default();
    world.regions[0].nodes[0].link = Link { duplicate: 1.0, late: 1.0, late_ms: 1500.0, ..Link::default() };
    let run = run(&mut Survey::of([stun(0, endpoint(&world, 0)), stun(0, endpoint(&world, 1))]), &world);
    let kinds: Vec<_> = run
        .record
        .observations
        .iter()
        .map(|heard| {
            (heard.probe.unwrap().0, matches!(heard.outcome, Outcome::Stun(_)), heard.round_trip().as_millis())
        })
        .collect();
    assert_eq!(kinds, [(1, true, 40), (0, true, 1520), (0, false, 1520)]);
}

#[test]
fn servers_lie_as_they_are_told_to() {
    let mut world = World::default();
    world.regions[0].nodes[0].stun = Stun::WrongPort(5);
    world.regions[1].nodes[0].stun = Stun::WrongAddress(Ipv4Addr::new(30, 9, 9, 9));
    world.regions[2].nodes[0].stun = Stun::OtherSource("30.1.1.1:3478".parse().unwrap());
    world.regions[3].nodes[0].stun = Stun::Garbage;
    let ask: Vec<_> = (0..4).map(|region| stun(0, endpoint(&world, region))).collect();
    let told = run(&mut Survey::of(ask.clone()), &world);
    let mapped = |id| {
        told.record.observations.iter().find_map(|heard| match &heard.outcome {
            Outcome::Stun(reply) if heard.probe.is_some_and(|probe| probe.0 == id) => reply.mapped,
            _ => None,
        })
    };
    let truth = told.reached[0].external;
    assert_eq!(mapped(0), Some(SocketAddr::new(truth.ip(), truth.port() + 5)));
    assert_eq!(mapped(1), Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::new(30, 9, 9, 9)), truth.port())));
    assert_eq!(mapped(2), None, "a port-restricted filter keeps strangers out");
    let strays = told.record.observations.iter().filter(|heard| matches!(heard.outcome, Outcome::Stray { .. })).count();
    assert_eq!(strays, 1);

    world.v4.boxes[0] = Middlebox { filtering: Filtering::EndpointIndependent, ..Middlebox::default() };
    let open = run(&mut Survey::of(ask), &world);
    assert!(open.record.observations.iter().any(|heard| matches!(
        &heard.outcome, Outcome::Stun(reply) if reply.from.ip() == IpAddr::V4(Ipv4Addr::new(30, 1, 1, 1))
    )));
}

#[test]
fn refusals_are_heard_on_connected_sockets_only() {
    let mut world = World::default();
    world.regions[0].nodes[0].stun = Stun::Refused;
    let server = endpoint(&world, 0);
    let connected = Question::Stun { slot: Slot::Connected { family: Family::V4 }, server, form: StunForm::Tailnode };
    let both = [stun(0, server), connected.clone()];
    let heard = run(&mut Survey::of(both.clone()), &world).record.observations;
    assert_eq!(heard.len(), 1);
    assert_eq!(heard[0].probe.unwrap().0, 1);
    assert!(matches!(&heard[0].outcome, Outcome::Failed(failure) if failure.cause == Cause::Refused));
    for policy in [Policy::Drop, Policy::Only(vec![53])] {
        world.v4.udp = policy;
        assert!(run(&mut Survey::of(both.clone()), &world).record.observations.is_empty());
    }
    world.v4.udp = Policy::Reject;
    assert_eq!(run(&mut Survey::of(both), &world).record.observations.len(), 1);
}

#[test]
fn hairpins_turn_our_own_packets_back_where_there_are_any() {
    for hairpin in [false, true] {
        let world = behind(Middlebox { hairpin, filtering: Filtering::EndpointIndependent, ..Middlebox::default() });
        let server = endpoint(&world, 0);
        // The second socket sends to where the first one was seen, which kept its port.
        let outside = seen(&run(&mut Survey::of([stun(0, server)]), &world))[0];
        let both = run(&mut Survey::of([stun(0, server), stun(1, outside)]), &world);
        let back = both
            .record
            .observations
            .iter()
            .filter(|heard| matches!(heard.outcome, Outcome::CameBack { slot: Slot::Shared { index: 0, .. }, .. }));
        assert_eq!(back.count(), usize::from(hairpin));
    }
}

#[test]
fn a_neighbour_takes_the_port_of_the_slot_it_is_said_to() {
    let world = behind(Middlebox { neighbours: vec![Neighbour { slot: 1, towards: vec![] }], ..Middlebox::linux() });
    let server = endpoint(&world, 0);
    let run = run(&mut Survey::of([stun(0, server), stun(1, server)]), &world);
    let kept: Vec<_> = run.reached.iter().map(|reached| reached.external.port() == reached.local.port()).collect();
    assert_eq!(kept, [true, false]);
}

#[test]
fn the_same_seed_is_the_same_run() {
    for seed in 0..300 {
        let world = World::random(seed);
        assert_eq!(world, World::random(seed));
        let ask: Vec<_> = world
            .nodes()
            .filter_map(|node| node.stun_endpoint(Family::V4))
            .flat_map(|server| [stun(0, server), stun(1, server)])
            .collect();
        let one = run(&mut Survey::of(ask.clone()), &world);
        let two = run(&mut Survey::of(ask.clone()), &world);
        assert_eq!(one, two);
        assert!(one.record.observations.windows(2).all(|pair| pair[0].at <= pair[1].at), "told in order of arrival");
        let other = run(&mut Survey::of(ask), &World { seed: world.seed ^ 1, ..world.clone() });
        assert!(one.reached.is_empty() || one.reached != other.reached, "another seed, other ports");
    }
}

#[derive(serde::Deserialize)]
struct File {
    world: World,
}

#[test]
fn a_world_survives_its_file() {
    for seed in 0..500 {
        let world = World::random(seed);
        let text = world.to_toml();
        let File { world: back } = toml::from_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!(back, world, "{text}");
    }
    assert!(toml::from_str::<World>("seed = 1\ncolour = 2").is_err(), "unknown keys are errors");
    assert!(toml::from_str::<SimRegion>("id = 1\n[[nodes]]\nstun = { wrong_port = 3, x = 1 }").is_err());
}
