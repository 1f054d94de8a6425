//! `--dry-run` lists what a run asks at once, and nothing else.

use std::collections::BTreeSet;
use std::time::Duration;

use natscope::check::netcheck::{NetcheckCheck, plan};
use natscope::probe::{Check as _, Moment, Question, Slot};
use natscope::report::{PlanWhat, PlanWhen};

use crate::world::World;

/// What leaves before anybody can have answered: socket by kind, and server.
fn first_flight(world: &World) -> BTreeSet<(&'static str, u8, String)> {
    let mut check = NetcheckCheck::new(&world.input());
    let mut left = BTreeSet::new();
    for now in (0..20).map(|millis| Moment::after_start(Duration::from_millis(millis))) {
        while let Some(probe) = check.poll_probe(now) {
            if let Question::Stun { slot: Slot::Shared { index, .. }, server, .. } = probe.question {
                // Sockets of the filter tests are numbered from 10 on, and the plan does not name their servers.
                match index {
                    0 => left.insert(("stun", 0, server.to_string())),
                    9 => left.insert(("scout", 0, server.to_string())),
                    10..34 => left.insert(("filtering", 0, String::new())),
                    _ => left.insert(("mapping", index, server.to_string())),
                };
            }
        }
    }
    left
}

fn planned(world: &World) -> BTreeSet<(&'static str, u8, String)> {
    let steps = plan(&world.input()).steps.into_iter().filter(|step| step.when == PlanWhen::AtOnce);
    let datagram = |what| match what {
        PlanWhat::Stun { server, .. } => Some(("stun", 0, server.to_string())),
        PlanWhat::FilterScout { server } => Some(("scout", 0, server.to_string())),
        PlanWhat::Mapping { socket, server } => Some(("mapping", socket, server.to_string())),
        PlanWhat::Filtering => Some(("filtering", 0, String::new())),
        _ => None,
    };
    steps.filter_map(|step| datagram(step.what)).collect()
}

#[test]
fn a_plan_lists_what_leaves_at_once() {
    let mut kinds = BTreeSet::new();
    for seed in 0..500 {
        let world = World::random(seed);
        let (left, planned) = (first_flight(&world), planned(&world));
        kinds.extend(left.iter().map(|(kind, ..)| *kind));
        assert_eq!(left, planned, "in {}", world.to_toml());
    }
    assert_eq!(kinds.len(), 4, "{kinds:?}");
}
