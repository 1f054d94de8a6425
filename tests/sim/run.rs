//! The driver's twin in virtual time: any check against any world.
//!
//! It honours the contract of `probe::Check` and `probe::Question`, and checks that the check honours its own: it
//! must not hang, spin, or send without measure.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use natscope::probe::{Check, Launch, Moment, Question, Record};

use crate::internet::{Internet, Reached};
use crate::random::{Random, mix};
use crate::world::{Link, World};

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Run {
    /// As the driver would have recorded it.
    pub(crate) record: Record,
    /// What truly reached STUN servers.
    pub(crate) reached: Vec<Reached>,
    /// STUN datagrams sent to each endpoint.
    pub(crate) datagrams: BTreeMap<SocketAddr, u32>,
    /// What the check did that a check must not do.
    pub(crate) misbehaviour: Vec<String>,
}

/// The most virtual time a run may take.
const MOST_TIME: Duration = Duration::from_secs(60);
/// The most probes a run may launch.
const MOST_PROBES: usize = 2_000;
/// The most STUN datagrams one server may get from a run: more is impolite. Seven from the measuring socket, one from a
/// connected one, four from each of four mapping sockets; only where packets get lost.
const MOST_DATAGRAMS: u32 = 24;
/// As many more where nothing is heard and connections show that packets get lost: 21 from the measuring socket.
const MOST_SILENT_DATAGRAMS: u32 = 21 - 7;
/// As many more where it helps to test the filter: a control and two requests, five of each, and a proof of three …
const MOST_FILTER_DATAGRAMS: u32 = 3 * 5 + 3;
/// … or, where packets get lost or come late, 48 of each of the three, and a proof of ten, three times after wrong guesses.
const MOST_LOSSY_FILTER_DATAGRAMS: u32 = 3 * 48 + 3 * 10;
/// What one server may get in a run of minutes.
const MOST_LONG_DATAGRAMS: u32 = 1_000;
/// As many more from the sockets of the hairpin test: to be told where they are, and a control in each round …
const MOST_HAIRPIN_DATAGRAMS: u32 = 2 + 2;
/// … or, where packets get lost, seven from each and the most rounds there are.
const MOST_LOSSY_HAIRPIN_DATAGRAMS: u32 = 2 * 7 + 24;
/// Turns of the loop at one moment that are taken for spinning.
const MOST_TURNS: u32 = 1_000;

/// Runs a check to its end.
pub(crate) fn run(check: &mut impl Check, world: &World) -> Run {
    run_for(MOST_TIME, check, world)
}

/// Runs a check that may take longer, and then may send more: as many datagrams to a server as a minute's check in all.
pub(crate) fn run_for(most_time: Duration, check: &mut impl Check, world: &World) -> Run {
    let mut internet = Internet::of(world);
    // Delays of the driver itself have their own chance, so that they do not change the network's.
    let mut lag = Random::new(mix(world.seed ^ 0x1a6));
    let mut run =
        Run { record: Record::default(), reached: Vec::new(), datagrams: BTreeMap::new(), misbehaviour: Vec::new() };
    let mut now = Moment::START;
    let mut turns = 0;
    loop {
        while let Some(probe) = check.poll_probe(now) {
            if let Question::Stun { server, .. } = &probe.question {
                *run.datagrams.entry(*server).or_default() += 1;
            }
            internet.launch(&probe, now);
            run.record.launches.push(Launch { probe, at: now });
            if run.record.launches.len() > MOST_PROBES {
                run.misbehaviour.push(format!("launches more than {MOST_PROBES} probes"));
                break;
            }
        }
        if check.is_done() || !run.misbehaviour.is_empty() {
            break;
        }
        let before = now;
        let wake = check.poll_timeout();
        match internet.next_at() {
            Some(at) if wake.is_none_or(|wake| at <= wake) => {
                if let Some(observation) = internet.happen() {
                    now = now.max(observation.at + lag.up_to(Duration::from_micros(40)));
                    run.record.observations.push(observation.clone());
                    check.observe(now, observation);
                }
            }
            _ => match wake {
                // Timers wake late, never early.
                Some(wake) => now = now.max(wake + lag.up_to(Duration::from_micros(1200))),
                None => run.misbehaviour.push(format!("waits at {now} for what will never come")),
            },
        }
        turns = if now > before { 0 } else { turns + 1 };
        if turns > MOST_TURNS {
            run.misbehaviour.push(format!("spins at {now}"));
        }
        if now.since_start() > most_time {
            run.misbehaviour.push(format!("still runs at {now}"));
        }
    }
    run.record.ended_at = now;
    run.reached = internet.reached;
    let disturbed = |link: &Link| link.loses() || link.late > 0.0;
    let lossy = disturbed(&world.access) || world.nodes().any(|node| disturbed(&node.link));
    let of = |asked, clean, disturbed| match (asked, lossy) {
        (false, _) => 0,
        (true, false) => clean,
        (true, true) => disturbed,
    };
    let filter = of(world.options.filtering, MOST_FILTER_DATAGRAMS, MOST_LOSSY_FILTER_DATAGRAMS);
    // And one to each relay that may test filters.
    let more = 1 + 4 * u32::from(world.options.sockets - 2);
    let hairpin = of(world.options.hairpin, MOST_HAIRPIN_DATAGRAMS, MOST_LOSSY_HAIRPIN_DATAGRAMS);
    for (server, count) in &run.datagrams {
        let usual = MOST_DATAGRAMS + of(true, 0, MOST_SILENT_DATAGRAMS) + filter + hairpin + more;
        let allowed = if most_time > MOST_TIME { MOST_LONG_DATAGRAMS } else { usual };
        if *count > allowed {
            run.misbehaviour.push(format!("{count} datagrams to {server}"));
        }
    }
    run
}
