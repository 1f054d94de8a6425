//! Laws that hold in every world.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use natscope::check::netcheck::analyze;
use natscope::model::Family;

use crate::judge::{Tally, Wrong};
use crate::netcheck::netcheck;
use crate::random::Random;
use crate::world::{Change, Link, Stun, World};

/// Worlds drawn unless `NATSCOPE_SIM_NETWORKS` says otherwise.
const NETWORKS: u64 = 5_000;
/// Where drawing begins unless `NATSCOPE_SIM_SEED` says otherwise.
const SEED: u64 = 20_261_125;
/// Kinds of wrong that are printed with a world each.
const MOST_PRINTED: usize = 8;
/// Examples of each kind.
const EXAMPLES: usize = 9;

fn from_environment(name: &str, default: u64) -> u64 {
    let Ok(text) = std::env::var(name) else { return default };
    text.parse().unwrap_or_else(|error| panic!("{name}={text}: {error}"))
}

/// What a share of the worlds came to.
#[derive(Default)]
struct Share {
    tallies: BTreeMap<String, Tally>,
    /// By kind: how many, and some of them with their seeds.
    wrong: BTreeMap<String, (u64, Vec<(u64, Wrong)>)>,
    /// By field and reason: seeds of worlds where it was obtainable and is undetermined.
    undetermined: BTreeMap<(String, String), Vec<u64>>,
}

impl Share {
    fn take(&mut self, seed: u64, wrong: Vec<Wrong>, tallies: BTreeMap<String, Tally>) {
        for (field, tally) in tallies {
            for reason in tally.reasons.keys() {
                let seeds = self.undetermined.entry((field.clone(), reason.clone())).or_default();
                seeds.push(seed);
                seeds.truncate(EXAMPLES);
            }
            self.tallies.entry(field).or_default().add(tally);
        }
        for wrong in wrong {
            // Regions by number are one kind.
            let kind = if wrong.field.starts_with("region ") { "region".to_owned() } else { wrong.field.clone() };
            let (count, examples) = self.wrong.entry(kind).or_default();
            *count += 1;
            examples.push((seed, wrong));
            examples.truncate(EXAMPLES);
        }
    }

    fn merge(&mut self, other: Self) {
        for (field, tally) in other.tallies {
            self.tallies.entry(field).or_default().add(tally);
        }
        for (key, seeds) in other.undetermined {
            self.undetermined.entry(key).or_default().extend(seeds);
        }
        for (kind, (count, examples)) in other.wrong {
            let entry = self.wrong.entry(kind).or_default();
            entry.0 += count;
            entry.1.extend(examples);
        }
    }

    fn complaint(&self, networks: u64, world: impl Fn(u64) -> World) -> String {
        let mut text = String::new();
        for (kind, (count, examples)) in &self.wrong {
            let _ = writeln!(text, "{kind}: {count} times in {networks} networks");
            for (seed, wrong) in examples {
                let _ = writeln!(text, "    seed {seed}: {}", wrong.problem);
            }
        }
        for (kind, (_, examples)) in self.wrong.iter().take(MOST_PRINTED) {
            for (seed, _) in examples.iter().take(1) {
                let _ = writeln!(text, "\n# {kind}, seed {seed}\n{}", world(*seed).to_toml());
            }
        }
        text
    }

    fn statistics(&self) -> String {
        let mut text = format!("{:28} {:>8} {:>13} {:>8} {:>8}\n", "verdict", "right", "undetermined", "%", "silent");
        for (field, tally) in &self.tallies {
            let Tally { right, undetermined, silent, .. } = tally;
            let _ = writeln!(text, "{field:28} {right:8} {undetermined:13} {:8.3} {silent:8}", 100.0 * tally.missed());
            for (reason, times) in &tally.reasons {
                let seeds = self.undetermined.get(&(field.clone(), reason.clone())).map_or(&[][..], Vec::as_slice);
                let _ = writeln!(text, "    {times:6} {reason}, as in {seeds:?}");
            }
        }
        text
    }
}

fn over(networks: u64, first: u64, judge: impl Fn(u64, &mut Share) + Sync) -> Share {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get) as u64;
    let mut whole = Share::default();
    std::thread::scope(|scope| {
        let judge = &judge;
        let shares: Vec<_> = (0..threads)
            .map(|thread| {
                scope.spawn(move || {
                    let mut share = Share::default();
                    for seed in (first..first + networks).skip(thread as usize).step_by(threads as usize) {
                        judge(seed, &mut share);
                    }
                    share
                })
            })
            .collect();
        for share in shares {
            whole.merge(share.join().unwrap());
        }
    });
    whole
}

#[test]
fn no_verdict_is_ever_wrong() {
    let networks = from_environment("NATSCOPE_SIM_NETWORKS", NETWORKS);
    let seed = from_environment("NATSCOPE_SIM_SEED", SEED);
    let whole = over(networks, seed, |seed, share| {
        let world = World::random(seed);
        let netcheck = netcheck(&world);
        let judgement = netcheck.judge(&world);
        share.take(seed, judgement.wrong, judgement.tallies);
    });
    println!("{}", whole.statistics());
    assert!(whole.wrong.is_empty(), "\n{}", whole.complaint(networks, World::random));
    // A check that claims nothing breaks no law: it must be caught here.
    for field in ["udp", "ipv4.usable", "nat_v4.difficulty", "nat_v4.mapping_varies", "ipv4.global", "home_region"] {
        let tally = &whole.tallies[field];
        assert!(tally.right > tally.undetermined, "{field} is mostly left undetermined: {tally:?}");
    }
}

/// A world without losses, delays, odd servers or anything in the way but its boxes.
fn quiet(seed: u64) -> World {
    let mut world = World::random(seed);
    let boxes = world.v4.boxes.clone();
    let regions = world.regions.clone();
    let filtering = world.options.filtering;
    world = World { seed: world.seed, regions, ..World::default() };
    world.options.filtering = filtering;
    world.v4.boxes = boxes;
    for (number, node) in (1_u8..).zip(world.regions.iter_mut().flat_map(|region| &mut region.nodes)) {
        node.link = Link::default();
        node.stun = Stun::Honest;
        node.change = Change::Honours;
        node.tcp = crate::world::Tcp::Up;
        node.stun_port = 3478;
        node.v4_in_map = crate::world::Pinning::Pinned;
        node.v4 = node.v4.or(Some([25, 7, number, 1].into()));
    }
    world
}

#[test]
fn what_can_be_known_is_said() {
    let networks = from_environment("NATSCOPE_SIM_NETWORKS", NETWORKS) / 5;
    let seed = from_environment("NATSCOPE_SIM_SEED", SEED);
    let whole = over(networks, seed, |seed, share| {
        let world = quiet(seed);
        // Ambiguous by nature: several uplinks, a contested port; and too few witnesses.
        let ambiguous = world.v4.boxes.iter().any(|rules| rules.publics.len() > 1 || !rules.neighbours.is_empty());
        if ambiguous || world.independent(Family::V4) < 3 {
            return;
        }
        let netcheck = netcheck(&world);
        let judgement = netcheck.judge(&world);
        let mut wrong = judgement.wrong;
        // Where the endpoint depends on whom one talks to, there is no one endpoint.
        let varies = netcheck.analysis.nat_v4.as_ref().is_some_and(|nat| nat.mapping_varies.is_true());
        let outermost = world.v4.boxes.iter().rfind(|rules| rules.translates());
        let hairpins = outermost.is_some_and(|rules| rules.hairpin && !rules.keeps_source);
        for field in [
            "udp",
            "ipv4.usable",
            "ipv4.global",
            "nat_v4.difficulty",
            "nat_v4.mapping_varies",
            "nat_v4.mapping",
            "nat_v4.filtering",
            "nat_v4.nat_type",
            "home_region",
            "nat_v4.hairpinning",
        ] {
            // That nothing comes back may take longer than the rest of the run.
            if field == "nat_v4.hairpinning" && (varies || !hairpins) {
                continue;
            }
            if (field != "ipv4.global" || !varies)
                && judgement.tallies.get(field).is_some_and(|tally| tally.undetermined > 0)
            {
                wrong.push(Wrong { field: field.into(), problem: "left undetermined in a quiet world".into() });
            }
        }
        let mut tallies = judgement.tallies;
        if let Some(tally) = tallies.get("nat_v4.hairpinning").cloned().filter(|_| !varies) {
            tallies.insert("easy: nat_v4.hairpinning".into(), tally);
        }
        share.take(seed, wrong, tallies);
    });
    assert!(whole.tallies["udp"].right > networks / 3, "enough worlds are quiet");
    assert!(whole.tallies["nat_v4.filtering"].right > networks / 10, "enough of them have servers that test filters");
    println!("{}", whole.statistics());
    let hairpinning = &whole.tallies["easy: nat_v4.hairpinning"];
    assert!(hairpinning.right > 20 * hairpinning.undetermined, "silence is mostly settled in time: {hairpinning:?}");
    assert!(whole.wrong.is_empty(), "\n{}", whole.complaint(networks, quiet));
}

#[test]
fn conclusions_do_not_depend_on_the_order_of_observations() {
    let seed = from_environment("NATSCOPE_SIM_SEED", SEED);
    for seed in seed..seed + 300 {
        let world = World::random(seed);
        let netcheck = netcheck(&world);
        let mut random = Random::new(seed);
        for _ in 0..2 {
            let mut record = netcheck.run.record.clone();
            let observations = &mut record.observations;
            for place in (1..observations.len()).rev() {
                observations.swap(place, random.below(place as u64 + 1) as usize);
            }
            let again = analyze(&netcheck.input, &record);
            assert_eq!(again, netcheck.analysis, "{}", world.to_toml());
        }
    }
}

#[test]
fn the_record_survives_saving() {
    let seed = from_environment("NATSCOPE_SIM_SEED", SEED);
    for seed in seed..seed + 100 {
        let world = World::random(seed);
        let netcheck = netcheck(&world);
        let text = serde_json::to_string(&netcheck.run.record).unwrap();
        let record = serde_json::from_str(&text).unwrap();
        assert_eq!(netcheck.run.record, record);
        assert_eq!(analyze(&netcheck.input, &record), netcheck.analysis);
    }
}

#[test]
fn the_check_records_what_the_driver_does() {
    use natscope::check::netcheck::NetcheckCheck;
    let seed = from_environment("NATSCOPE_SIM_SEED", SEED);
    for seed in seed..seed + 200 {
        let world = World::random(seed);
        let mut check = NetcheckCheck::new(&world.input());
        let run = crate::run::run(&mut check, &world);
        assert_eq!(check.record().launches, run.record.launches);
        assert_eq!(check.record().observations, run.record.observations);
        let apart = run.record.ended_at.since(check.record().ended_at);
        assert!(apart < Duration::from_millis(5), "{apart:?}");
    }
}

/// What a failing seed prints brings it all back. For a human with a seed, the world and its run:
/// `NATSCOPE_SIM_SEED=… cargo test --test sim one_seed -- --nocapture`.
#[test]
fn one_seed_and_its_scenario_file_are_the_same() {
    let seed = from_environment("NATSCOPE_SIM_SEED", SEED);
    let world = if std::env::var_os("NATSCOPE_SIM_QUIET").is_some() { quiet(seed) } else { World::random(seed) };
    let netcheck = netcheck(&world);
    println!("{}", world.to_toml());
    for launch in &netcheck.run.record.launches {
        println!("{} asks {:?}", launch.at, launch.probe);
    }
    for observation in &netcheck.run.record.observations {
        println!("{} hears {:?} {:?}", observation.at, observation.probe, observation.outcome);
    }
    println!("ended {}\n{:#?}", netcheck.run.record.ended_at, netcheck.analysis);
    let wrong = netcheck.judge(&world).wrong;
    for wrong in &wrong {
        println!("WRONG {}: {}", wrong.field, wrong.problem);
    }

    let from_file = crate::scenarios::world_of(&world.to_toml());
    assert_eq!(from_file, world);
    let again = crate::netcheck::netcheck(&from_file);
    assert_eq!(again.run.record, netcheck.run.record);
    assert_eq!(again.analysis, netcheck.analysis);
    assert_eq!(again.judge(&from_file).wrong, wrong);
}
