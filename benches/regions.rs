//! How long it takes to measure 28 regions, 5 to 300 ms away, side by side with Tailscale's schedule, modelled.
//!
//!     cargo bench --bench regions                  # ten runs of each
//!     cargo bench --bench regions -- --runs 30
//!
//! Loopback only, no privilege. Runs of one row and of all rows take turns, so that a busy moment spoils none alone.
//! The library is what is measured; the last table runs the built program too, and the check alone in virtual time.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a benchmark that cannot run is to fail"
)]
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "it measures time and prints a table")]
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "small numbers"
)]
#![allow(unreachable_pub, reason = "modules of a benchmark have no public")]

#[path = "../tests/regions/alone.rs"]
mod alone;
#[path = "../tests/regions/runs.rs"]
mod runs;
#[path = "../tests/regions/tailscale.rs"]
mod tailscale;
#[path = "../tests/regions/world/mod.rs"]
mod world;

use std::collections::HashSet;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use comfy_table::{Table, presets};
use natscope::derpmap;
use runs::{Manners, Outcome};
use tailscale::Modelled;
use world::{Spec, World};

/// A row of the table.
struct Row {
    name: &'static str,
    spec: Spec,
    ours: Vec<Outcome>,
    theirs: Vec<Modelled>,
    bare: Vec<Duration>,
    manners: Vec<Manners>,
}

fn main() {
    let runs = runs_wanted();
    let runtime = runs::runtime();
    let mut rows = rows();
    for run in 0..runs {
        for row in &mut rows {
            let world = World::start(&Spec { seed: run + 1, ..row.spec.clone() });
            let ours = |row: &mut Row| {
                world.take_arrivals();
                row.ours.push(runtime.block_on(runs::natscope(&world)));
                row.manners.push(Manners::of(&world.take_arrivals()));
            };
            let theirs = |row: &mut Row| {
                let mut servers = world.servers.clone();
                // What is dead or has no address is still asked, or waited for: it answers like the silent resolver.
                servers.resize(world.map.regions.len(), world.resolver);
                row.theirs.push(runtime.block_on(tailscale::netcheck(&servers)));
            };
            if row.spec.loss_percent == 0.0 {
                row.bare.push(runtime.block_on(runs::bare_flight(&world.servers)));
            }
            if run % 2 == 0 {
                ours(row);
                theirs(row);
            } else {
                theirs(row);
                ours(row);
            }
        }
    }
    print_regions(&rows, runs);
    print_manners(&rows);
    print_program(runs);
    print_alone();
}

fn runs_wanted() -> u64 {
    let arguments: Vec<String> = std::env::args().collect();
    let given = arguments.iter().position(|argument| argument == "--runs").and_then(|at| arguments.get(at + 1));
    given.map_or(10, |runs| runs.parse().unwrap())
}

fn rows() -> Vec<Row> {
    let lossless = Spec::default();
    let lossy = |loss_percent| Spec { loss_percent, ..Spec::default() };
    [
        ("no loss", lossless.clone()),
        ("5 % loss each way", lossy(5.0)),
        ("20 % loss each way", lossy(20.0)),
        ("20 %, TCP too", Spec { tcp_loses_too: true, ..lossy(20.0) }),
        ("one region dead", Spec { dead: 1, ..lossless.clone() }),
        ("resolver dead, 4 named", Spec { named: 4, ..lossless }),
    ]
    .map(|(name, spec)| Row { name, spec, ours: vec![], theirs: vec![], bare: vec![], manners: vec![] })
    .into()
}

fn print_regions(rows: &[Row], runs: u64) {
    println!(
        "\n28 regions, {} ms to the farthest, {runs} runs. Milliseconds: median (worst).",
        world::SLOWEST.as_millis()
    );
    println!("Regions measured: median (fewest).\n");
    let mut table = table(&[
        "network",
        "bare flight",
        "natscope: took_ms",
        "to the report",
        "1.25 × slowest + 100",
        "regions",
        "by STUN",
        "home found",
        "Tailscale's schedule, modelled",
        "regions",
    ]);
    for row in rows {
        let ours = |of: fn(&Outcome) -> usize| fewest(row.ours.iter().map(of));
        table.add_row([
            row.name.to_owned(),
            if row.bare.is_empty() { "-".to_owned() } else { times(row.bare.iter().copied()) },
            times(row.ours.iter().map(|outcome| outcome.took)),
            times(row.ours.iter().map(|outcome| outcome.whole)),
            (world::SLOWEST * 5 / 4 + Duration::from_millis(100)).as_millis().to_string(),
            ours(|outcome| outcome.measured),
            ours(|outcome| outcome.by_stun),
            format!("{} of {}", row.ours.iter().filter(|outcome| outcome.home).count(), row.ours.len()),
            times(row.theirs.iter().map(|modelled| modelled.took)),
            fewest(row.theirs.iter().map(|modelled| modelled.measured)),
        ]);
    }
    println!("{table}");
}

fn print_manners(rows: &[Row]) {
    println!("\nWhat natscope sends: datagrams of STUN, median (most).\n");
    let mut table = table(&["network", "in all", "to one server", "ms until each server had one"]);
    for row in rows {
        let most = |of: fn(&Manners) -> usize| {
            let all = sorted(row.manners.iter().map(of));
            format!("{} ({})", all[all.len() / 2], all[all.len() - 1])
        };
        let flight = times(row.manners.iter().map(|manners| manners.flight));
        table.add_row([row.name.to_owned(), most(|manners| manners.sent), most(|manners| manners.most), flight]);
    }
    println!("{table}");
}

/// The program as people run it: start, map file, report.
fn print_program(runs: u64) {
    let directory = tempfile::tempdir().unwrap();
    let map = directory.path().join("map.json");
    let (mut took, mut wall) = (Vec::new(), Vec::new());
    let mut regions = HashSet::new();
    for seed in 0..runs {
        let world = World::start(&Spec { seed, ..Spec::default() });
        std::fs::write(&map, derpmap::encode_json(&world.map).to_string()).unwrap();
        let begun = Instant::now();
        let output = Command::new(env!("CARGO_BIN_EXE_natscope"))
            .args(["netcheck", "--json", "--no-portmap", "--derp-map"])
            .arg(&map)
            .env_clear()
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        wall.push(begun.elapsed());
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        took.push(Duration::from_secs_f64(report["took_ms"].as_f64().unwrap() / 1e3));
        let measured = report["netcheck"]["regions"].as_array().unwrap().iter();
        regions.insert(measured.filter(|region| region["method"] == "stun").count());
    }
    println!("\nThe built program, no loss: took_ms {}, from start to exit {} ms,", times(took), times(wall));
    println!("regions measured by STUN {regions:?}.");
}

fn print_alone() {
    println!("\nThe check alone, in virtual time: processor time of one run.\n");
    let mut table = table(&["map", "calls", "probes", "ms in all", "µs a call", "its time"]);
    for (name, nodes, families) in [("28 regions × 1 node × IPv4", 1, 1), ("28 × 3 nodes × both families", 3, 2)] {
        let spent: Vec<alone::Spent> = (0..5).map(|_| alone::run(nodes, families)).collect();
        let median = spent.iter().map(|spent| spent.processor).collect::<Vec<_>>();
        let median = sorted(median)[spent.len() / 2];
        let first = &spent[0];
        table.add_row([
            name.to_owned(),
            first.calls.to_string(),
            first.probes.to_string(),
            format!("{:.2}", median.as_secs_f64() * 1e3),
            format!("{:.1}", median.as_secs_f64() * 1e6 / f64::from(first.calls)),
            format!("{:.0} ms", first.virtual_time.as_secs_f64() * 1e3),
        ]);
    }
    println!("{table}\n");
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_header(header);
    table
}

fn times(values: impl IntoIterator<Item = Duration>) -> String {
    let all = sorted(values);
    let ms = |index: usize| all[index].as_secs_f64() * 1e3;
    format!("{:.0} ({:.0})", ms(all.len() / 2), ms(all.len() - 1))
}

fn fewest(values: impl IntoIterator<Item = usize>) -> String {
    let all = sorted(values);
    format!("{} ({})", all[all.len() / 2], all[0])
}

fn sorted<T: Ord>(values: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut all: Vec<T> = values.into_iter().collect();
    all.sort_unstable();
    all
}
