//! The classic procedure in the simulated internet: what RFC 3489 says of a NAT, or nothing; and a warning wherever the
//! order of its packets has misled it.

use std::time::Duration;

use natscope::check::classic::{ClassicCheck, Input};
use natscope::model::{Family, Filtering, Mapping, NatType};
use natscope::report::{Classic, ClassicWarning};

use crate::random::{Random, mix};
use crate::run::run_for;
use crate::world::{Change, Link, Middlebox, Ports, World};

fn ask(nat: Option<Middlebox>, seed: u64, loss: f64, change: Change) -> Classic {
    let mut world = World { seed, ..World::default() };
    world.v4.boxes = nat.into_iter().collect();
    if world.v4.boxes.is_empty() {
        world.v4.boxes = vec![Middlebox::firewall(Filtering::AddressAndPortDependent)];
    }
    let node = &mut world.regions[0].nodes[0];
    node.alternate = Some("20.9.9.9:3479".parse().unwrap());
    node.change = change;
    // Every fifth path is late at times, by more than anybody waits at first.
    let late = if seed % 5 == 4 { 0.15 } else { 0.0 };
    node.link = Link { loss_out: loss, loss_back: loss, late, late_ms: 600.0, jitter_ms: 5.0, ..Link::default() };
    let server = world.regions[0].nodes[0].stun_endpoint(Family::V4).unwrap();
    let mut check = ClassicCheck::new(&Input { server, round_trip: Some(Duration::from_millis(20)), verdict: None });
    let run = run_for(Duration::from_secs(61), &mut check, &world);
    assert!(run.misbehaviour.is_empty(), "{:?} in {}", run.misbehaviour, world.to_toml());
    check.classic()
}

/// What the procedure arrives at when nothing disturbs it.
fn classic_name(mapping: Mapping, filtering: Filtering) -> NatType {
    match (filtering, mapping) {
        (Filtering::EndpointIndependent, _) => NatType::FullCone,
        (_, Mapping::AddressDependent | Mapping::AddressAndPortDependent) => NatType::Symmetric,
        (Filtering::AddressDependent, _) => NatType::RestrictedCone,
        (Filtering::AddressAndPortDependent, _) => NatType::PortRestrictedCone,
    }
}

#[test]
fn it_says_what_rfc_3489_says() {
    let mappings = [Mapping::EndpointIndependent, Mapping::AddressDependent, Mapping::AddressAndPortDependent];
    let filters = [Filtering::EndpointIndependent, Filtering::AddressDependent, Filtering::AddressAndPortDependent];
    let (mut determined, mut all) = (0, 0);
    for seed in 0..600_u64 {
        let mut random = Random::new(mix(seed));
        let loss = [0.0, 0.1, 0.3][(random.next() % 3) as usize];
        let (mapping, filtering) = (mappings[(seed % 3) as usize], filters[(seed / 3 % 3) as usize]);
        let nat = Middlebox { mapping, filtering, ports: Ports::Random, ..Middlebox::default() };
        let classic = ask(Some(nat), seed, loss, Change::Honours);
        all += 1;
        let Some(name) = classic.nat_type.value() else {
            assert!(classic.nat_type.why().is_some() && (loss > 0.0 || seed % 5 == 4), "seed {seed}: {classic:?}");
            continue;
        };
        determined += 1;
        assert_eq!(*name, classic_name(mapping, filtering), "seed {seed}, loss {loss}: {classic:?}");
        let overlooked = *name == NatType::FullCone && mapping != Mapping::EndpointIndependent;
        let warned = classic.warning == Some(ClassicWarning::MappingOverlooked);
        // Where packets get lost, the second socket may not have been heard.
        let disturbed = loss > 0.0 || seed % 5 == 4;
        assert!(warned == overlooked || (disturbed && !warned), "seed {seed}: {classic:?}");
    }
    assert!(determined * 100 >= all * 85, "{determined} of {all}");
}

#[test]
fn a_router_that_answers_strangers_misleads_it_and_the_warning_says_so() {
    for seed in (0..30).filter(|seed| seed % 5 != 4) {
        for input_accept in [false, true] {
            let classic = ask(Some(Middlebox { input_accept, ..Middlebox::linux() }), seed, 0.0, Change::Honours);
            let expected = if input_accept { NatType::Symmetric } else { NatType::PortRestrictedCone };
            assert_eq!(classic.nat_type.value(), Some(&expected), "{classic:?}");
            assert_eq!(classic.warning, input_accept.then_some(ClassicWarning::OrderMisleads), "{classic:?}");
        }
    }
}

#[test]
fn a_firewall_is_no_nat() {
    let classic = ask(None, 1, 0.0, Change::Honours);
    assert_eq!(classic.nat_type.value(), Some(&NatType::SymmetricUdpFirewall), "{classic:?}");
}

#[test]
fn servers_that_do_not_play_along_get_no_name() {
    for change in [Change::Ignores, Change::Refuses, Change::Drops] {
        let classic = ask(Some(Middlebox::linux()), 1, 0.0, change);
        assert!(classic.nat_type.value().is_none() && classic.nat_type.why().is_some(), "{change:?}: {classic:?}");
    }
}
