//! Lifetimes of mappings: the brackets contain the truth or there are none, whatever the NAT and however much is lost.

use std::net::SocketAddr;
use std::time::Duration;

use natscope::check::lifetime::{Input, LifetimeCheck};
use natscope::model::{Family, Filtering, Mapping};
use natscope::probe::Recorded;
use natscope::report::{Bracket, Verdict};

use crate::random::{Random, mix};
use crate::run::run_for;
use crate::world::{Link, Middlebox, Ports, World};

const LIMIT: Duration = Duration::from_secs(11 * 60);

struct Measured {
    single: Verdict<Bracket>,
    stream: Verdict<Bracket>,
    safe: Verdict<Duration>,
    took: Duration,
    /// Datagrams to the server that helped.
    datagrams: u32,
}

/// A world behind one NAT whose first server is one of RFC 5780.
fn behind(nat: Middlebox, seed: u64, loss: f64) -> World {
    let mut world = World { seed, ..World::default() };
    world.v4.boxes = vec![nat];
    let node = &mut world.regions[0].nodes[0];
    node.alternate = Some("20.9.9.9:3479".parse().unwrap());
    // Every third path is late at times, by more than anybody waits at first.
    let late = if seed % 3 == 2 { 0.15 } else { 0.0 };
    node.link = Link { loss_out: loss, loss_back: loss, late, late_ms: 600.0, jitter_ms: 5.0, ..Link::default() };
    world
}

fn measure(world: &World, helped: bool) -> Measured {
    let rules = &world.v4.boxes[0];
    let server: SocketAddr = world.regions[0].nodes[0].stun_endpoint(Family::V4).unwrap();
    let other = world.regions[1].nodes[0].stun_endpoint(Family::V4).unwrap();
    let server = if helped { server } else { other };
    let input = Input {
        family: Family::V4,
        servers: vec![(server, Some(Duration::from_millis(20)))],
        filters: rules.filtering != Filtering::EndpointIndependent,
        same_mapping: rules.mapping == Mapping::EndpointIndependent,
        limit: LIMIT,
    };
    let mut recorded = Recorded::new(LifetimeCheck::new(&input));
    let run = run_for(LIMIT + Duration::from_secs(1), &mut recorded, world);
    assert!(run.misbehaviour.is_empty(), "{:?} in {}", run.misbehaviour, world.to_toml());
    let (check, tape) = recorded.into_parts();
    let (lifetime, safe) = check.lifetime();
    let mut again = LifetimeCheck::new(&input);
    assert_eq!(tape.replay(&mut again), Ok(()), "{}", world.to_toml());
    assert_eq!(again.lifetime(), (lifetime.clone(), safe.clone()), "{}", world.to_toml());
    let took = run.record.ended_at.since_start();
    let datagrams = run.datagrams.get(&server).copied().unwrap_or_default();
    Measured { single: lifetime.single, stream: lifetime.stream, safe, took, datagrams }
}

/// A NAT drawn at random, with the lifetimes it has.
fn draw(random: &mut Random) -> (Middlebox, u32, u32) {
    let mapping = match random.next() % 4 {
        0 => Mapping::AddressDependent,
        1 => Mapping::AddressAndPortDependent,
        _ => Mapping::EndpointIndependent,
    };
    let filtering = match random.next() % 3 {
        0 => Filtering::EndpointIndependent,
        1 => Filtering::AddressDependent,
        _ => Filtering::AddressAndPortDependent,
    };
    let ports = match random.next() % 3 {
        0 => Ports::Preserve,
        1 => Ports::Random,
        _ => Ports::Sequential(1),
    };
    let lifetime_s = 4 + (random.next() % 120) as u32;
    let stream_s = lifetime_s + (random.next() % 200) as u32;
    let input_accept = random.chance(0.3);
    let rules = if random.chance(0.3) {
        Middlebox { input_accept, lifetime_s, stream_s, ..Middlebox::linux() }
    } else {
        Middlebox { mapping, filtering, ports, input_accept, lifetime_s, stream_s, ..Middlebox::default() }
    };
    (rules, lifetime_s, stream_s)
}

#[test]
fn brackets_contain_the_truth() {
    let mut determined = 0;
    let mut all = 0;
    for seed in 0..120_u64 {
        let mut random = Random::new(mix(seed));
        let loss = [0.0, 0.0, 0.1, 0.2][(random.next() % 4) as usize];
        let (rules, single, stream) = draw(&mut random);
        let world = behind(rules, seed, loss);
        let measured = measure(&world, true);
        for (truth, verdict) in [(single, &measured.single), (stream, &measured.stream)] {
            let truth = Duration::from_secs(u64::from(truth));
            all += 1;
            match verdict.value() {
                Some(bracket) => {
                    determined += 1;
                    let holds = bracket.alive <= truth && bracket.dead.is_none_or(|dead| dead >= truth);
                    assert!(holds, "seed {seed}: {bracket:?}, is {truth:?}\n{}", world.to_toml());
                }
                None => assert!(verdict.why().is_some()),
            }
        }
        let least = Duration::from_secs(u64::from(single.min(stream)));
        assert!(measured.safe.value().is_none_or(|safe| *safe <= least), "seed {seed}: {:?}", measured.safe);
        if loss == 0.0 && seed % 3 != 2 {
            let (single, stream) = (measured.single.value().unwrap(), measured.stream.value().unwrap());
            assert!(single.dead.is_some() && stream.dead.is_some(), "seed {seed}: {single:?} {stream:?}");
            let longest = Duration::from_secs(u64::from(world.v4.boxes[0].stream_s));
            let most = (longest * 2).max(Duration::from_secs(20));
            assert!(measured.took < most, "seed {seed}: {:?} for {longest:?}", measured.took);
        }
    }
    assert!(determined * 100 >= all * 98, "{determined} of {all}");
}

/// A server that sends where it is asked to only from its other address: right behind a filter with one mapping, and no
/// help anywhere else.
#[test]
fn change_request_helps_behind_a_filter() {
    let (mut determined, mut all) = (0, 0);
    for seed in 0..120_u64 {
        let mut random = Random::new(mix(seed ^ 0xc4a));
        let loss = [0.0, 0.1][(random.next() % 2) as usize];
        let (rules, single, stream) = draw(&mut random);
        let fit = rules.mapping == Mapping::EndpointIndependent && rules.filtering != Filtering::EndpointIndependent;
        let mut world = behind(rules, seed, loss);
        world.regions[0].nodes[0].no_response_port = true;
        let measured = measure(&world, true);
        for (truth, verdict) in [(single, &measured.single), (stream, &measured.stream)] {
            let truth = Duration::from_secs(u64::from(truth));
            let Some(bracket) = verdict.value() else {
                all += u32::from(fit);
                continue;
            };
            assert!(fit, "seed {seed}: nothing could have told {bracket:?}");
            determined += 1;
            all += 1;
            let holds = bracket.alive <= truth && bracket.dead.is_none_or(|dead| dead >= truth);
            assert!(holds, "seed {seed}: {bracket:?}, is {truth:?}\n{}", world.to_toml());
        }
    }
    assert!(all > 60 && determined * 100 >= all * 95, "{determined} of {all}");
}

#[test]
fn linux_has_two_lifetimes_and_both_are_found() {
    let measured = measure(&behind(Middlebox::linux(), 3, 0.0), true);
    let within = |verdict: &Verdict<Bracket>, least, most| {
        let bracket = verdict.value().unwrap();
        let seconds = |duration: Duration| duration.as_secs_f64();
        assert!(seconds(bracket.alive) >= least && seconds(bracket.dead.unwrap()) <= most, "{bracket:?}");
    };
    within(&measured.single, 25.0, 35.0);
    within(&measured.stream, 100.0, 126.0);
    assert!(measured.took < Duration::from_secs(185), "{:?}", measured.took);
    assert!(measured.datagrams < 320, "{} datagrams are impolite", measured.datagrams);
}

#[test]
fn without_help_there_is_no_verdict() {
    let measured = measure(&behind(Middlebox::linux(), 3, 0.0), false);
    assert!(measured.safe.value().is_none() && measured.safe.why().is_some());
    assert!(measured.took < Duration::from_secs(10), "{:?}", measured.took);
}

/// What never expires, as a forwarded port, outlives the test.
#[test]
fn what_does_not_die_is_not_said_to() {
    let forever = Middlebox { lifetime_s: 100_000, stream_s: 100_000, ..Middlebox::default() };
    let measured = measure(&behind(forever, 3, 0.0), true);
    let bracket = measured.single.value().unwrap();
    assert!(bracket.dead.is_none() && bracket.alive >= Duration::from_secs(620), "{bracket:?}");
}
