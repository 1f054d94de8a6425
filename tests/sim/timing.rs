//! How long a netcheck takes, in virtual time: what is slow or dead must not delay the rest.

use std::time::Duration;

use crate::netcheck::{Netchecked, netcheck};
use crate::world::{Dns, Middlebox, Network, Pinning, Policy, SimRegion, Stun, Tcp, World};

/// Regions with these round trips.
fn regions(round_trips: impl IntoIterator<Item = f64>) -> World {
    let regions = (1..).zip(round_trips).map(|(id, rtt_ms)| SimRegion::single(id, rtt_ms)).collect();
    World { regions, ..World::default() }
}

/// A map like the public one: 28 regions, 5 to 300 ms away.
fn worldwide() -> World {
    regions((0..28).map(|n| 5.0 + 295.0 * f64::from(n) / 27.0))
}

fn took(world: &World) -> Duration {
    run(world).run.record.ended_at.since_start()
}

fn run(world: &World) -> Netchecked {
    let netcheck = netcheck(world);
    let wrong = netcheck.judge(world).wrong;
    assert!(wrong.is_empty(), "{wrong:?}");
    netcheck
}

fn measured(netcheck: &Netchecked) -> usize {
    netcheck.analysis.netcheck.regions.iter().filter(|region| region.latency.is_some()).count()
}

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Seeds to try: a time that is met once may be luck.
const SEEDS: std::ops::Range<u64> = 0..20;

#[test]
fn a_whole_map_takes_little_more_than_its_slowest_round_trip() {
    for seed in SEEDS {
        let world = World { seed, ..worldwide() };
        let netcheck = run(&world);
        assert_eq!(measured(&netcheck), 28);
        let took = netcheck.run.record.ended_at.since_start();
        assert!(took <= ms(300) * 5 / 4 + ms(100), "{took:?}");
    }
}

#[test]
fn both_families_take_no_longer_than_one() {
    for seed in SEEDS {
        let mut world = World { seed, ..worldwide() };
        world.host.v6 = Some("2001:db8:8000::5".parse().unwrap());
        world.v6.boxes = vec![Middlebox::firewall(natscope::model::Filtering::AddressAndPortDependent)];
        let took = took(&world);
        assert!(took <= ms(300) * 5 / 4 + ms(100), "{took:?}");
    }
}

#[test]
fn a_dead_region_delays_nobody_by_much() {
    for (slowest, count) in [(20.0, 3), (50.0, 4), (100.0, 5), (300.0, 28)] {
        for seed in SEEDS {
            let alive = World { seed, ..regions((1..=count).map(|n| slowest * f64::from(n) / f64::from(count))) };
            let before = took(&alive);
            for dead in 0..3.min(alive.regions.len()) {
                let mut world = alive.clone();
                world.regions[dead].nodes[0].stun = Stun::Silent;
                world.regions[dead].nodes[0].tcp = Tcp::Dead;
                world.regions[dead].nodes[0].icmp = false;
                let netcheck = run(&world);
                assert_eq!(measured(&netcheck), count as usize - 1);
                let after = netcheck.run.record.ended_at.since_start();
                assert!(after <= before * 3 / 2 + ms(300), "{after:?} instead of {before:?}, {slowest} ms");
            }
        }
    }
}

#[test]
fn a_dead_family_delays_nobody_by_much() {
    for seed in SEEDS {
        let alone = World { seed, ..worldwide() };
        let before = took(&alone);
        let mut world = alone;
        world.host.v6 = Some("2001:db8:8000::5".parse().unwrap());
        world.v6 = Network { udp: Policy::Drop, tcp: Policy::Drop, icmp: false, boxes: vec![] };
        let netcheck = run(&world);
        let after = netcheck.run.record.ended_at.since_start();
        assert!(after <= before * 3 / 2 + ms(300), "{after:?} instead of {before:?}");
        assert!(netcheck.analysis.netcheck.ipv6.usable.is_false());
        assert_eq!(measured(&netcheck), 28);
    }
}

#[test]
fn a_dead_resolver_delays_nobody_by_much() {
    for seed in SEEDS {
        let alone = World { seed, ..worldwide() };
        let before = took(&alone);
        for delay_ms in [900.0, 60_000.0] {
            let mut world = alone.clone();
            world.dns = Dns { delay_ms, ..Dns::default() };
            world.regions[3].nodes[0].v4_in_map = Pinning::Resolve;
            let netcheck = run(&world);
            let after = netcheck.run.record.ended_at.since_start();
            assert!(after <= before * 3 / 2 + ms(300), "{after:?} instead of {before:?}");
            assert!(measured(&netcheck) >= 27);
        }
    }
}

#[test]
fn a_far_region_beside_a_near_one_is_waited_for() {
    for far in [150.0, 250.0, 380.0] {
        for seed in SEEDS {
            let world = World { seed, ..regions([3.0, far]) };
            let netcheck = run(&world);
            assert_eq!(measured(&netcheck), 2, "{far} ms");
            let took = netcheck.run.record.ended_at.since_start();
            // A router that says nothing holds the run as long as this.
            let router = 410.0;
            assert!(took.as_secs_f64() * 1e3 <= (far * 1.25 + 100.0).max(router), "{took:?} for {far} ms");
        }
    }
}

#[test]
fn a_blocked_network_is_known_soon() {
    for policy in [Policy::Drop, Policy::Reject] {
        for (count, rtt_ms) in [(3, 50.0), (5, 50.0), (28, 50.0), (3, 10.0)] {
            for seed in SEEDS {
                let mut world = World { seed, ..regions((0..count).map(|_| rtt_ms)) };
                world.v4.udp = policy.clone();
                let netcheck = run(&world);
                let took = netcheck.run.record.ended_at.since_start();
                assert!(netcheck.analysis.netcheck.udp.is_false(), "{count} relays, {rtt_ms} ms, {policy:?}");
                assert!(took <= ms(600), "{took:?} with {count} relays {rtt_ms} ms away, {policy:?}");
                assert_eq!(measured(&netcheck), count);
            }
        }
    }
}

#[test]
fn offline_is_known_at_once() {
    let mut world = worldwide();
    world.host.v4 = None;
    world.host.gateway = None;
    let took = took(&world);
    assert!(took <= ms(150), "{took:?}");
}
