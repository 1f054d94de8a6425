//! natscope beside other testers of NATs, against what is true: who is right, and after how long.
//!
//! The same networks, servers (coturn, which answers RFC 3489 as well) and round trips for all. The others take seconds
//! for each silence, so they run only when the table they go into, `docs/nat-testers.md`, is written anew; natscope's
//! own column is measured in every run.

mod table;
mod testers;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use libtest_mimic::Failed;
use serde_json::Value;

use super::enclosure;
use super::lab::Lab;
use super::runs::{LONGEST_RUN, finish, natscope};
use super::scenario::Scenario;
use super::trials::{Body, List, missing, named};
use super::truth::Truth;
pub use table::is_kept;
use testers::{TESTERS, Tester};

/// A network: the scenario its NAT and its truth are taken from, and the round trip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    nat: &'static str,
    rtt_ms: u32,
}

/// Every kind of NAT at this distance …
const NEAR_MS: u32 = 20;
const NATS: [&str; 11] = [
    "open",
    "firewall",
    "full-cone",
    "restricted",
    "port-restricted",
    "port-restricted-random",
    "input-accept",
    "double-nat",
    "address-dependent",
    "symmetric-sequential",
    "symmetric",
];
/// … and those whose filter shows by nothing but silence, at these.
const DISTANCES_MS: [u32; 3] = [50, 100, 200];
const SILENT: [&str; 2] = ["firewall", "port-restricted"];

/// natscope's bound on telling a filter by silence. It cannot be told before a packet let in would have arrived, which
/// takes a round trip.
fn longest(rtt_ms: u32) -> Duration {
    Duration::from_millis(u64::from(rtt_ms * 3 / 2 + 30))
}

/// Less time than this natscope does not take for a run (`--timeout`).
const SHORTEST_RUN: Duration = Duration::from_millis(100);

/// Of one tester in one network.
#[derive(Clone, Debug)]
struct Said {
    /// In its own words.
    words: String,
    is_right: bool,
    took: Duration,
}

static SAID: Mutex<BTreeMap<(Row, &str), Said>> = Mutex::new(BTreeMap::new());

fn rows() -> impl Iterator<Item = Row> {
    let near = NATS.iter().map(|nat| Row { nat, rtt_ms: NEAR_MS });
    near.chain(DISTANCES_MS.into_iter().flat_map(|rtt_ms| SILENT.map(|nat| Row { nat, rtt_ms })))
}

/// A trial of each network.
pub fn add(list: &mut List) {
    for row in rows() {
        let name = format!("beside::{}_at_{}_ms", row.nat, row.rtt_ms);
        let missing = network(row).map_or_else(Some, |scenario| missing(&scenario));
        let body: Body = Box::new(move || measure(row));
        // The table tells times.
        if table::is_refreshing() {
            list.add_alone(name, missing.clone(), body);
        } else {
            list.add(name, missing.clone(), body);
        }
        if SILENT.contains(&row.nat) {
            let name = format!("beside::{}_in_time_at_{}_ms", row.nat, row.rtt_ms);
            list.add_alone(name, missing, Box::new(move || in_time(row)));
        }
    }
}

/// After all trials: the table, and, when that is asked for and everybody was heard in every network, the file anew.
pub fn conclude() {
    let said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
    if said.is_empty() {
        return;
    }
    println!("\n{}", table::table(&said));
    let absent: Vec<_> = TESTERS.iter().filter(|tester| !enclosure::has(tester.program)).map(|it| it.program).collect();
    let everything = rows().count() * (1 + TESTERS.len());
    if table::is_refreshing() && said.len() == everything {
        table::keep(&said);
    } else if table::is_refreshing() {
        eprintln!("the table of testers is not written anew: {} of {everything} heard; absent: {absent:?}", said.len());
    }
}

/// The network of a row: the NAT of its scenario, and coturn at the end of the wire.
fn network(row: Row) -> Result<Scenario, String> {
    let of = named(row.nat)?;
    let text =
        format!("about = \"a row\"\nnat = \"open\"\ncoturn = true\nwire = {{ rtt_ms = {}.0 }}\n[truth]\n", row.rtt_ms);
    let frame = Scenario::parse(row.nat, &text)?;
    Ok(Scenario { nat: of.nat, carrier: of.carrier, input_accept: of.input_accept, truth: of.truth, ..frame })
}

fn measure(row: Row) -> Result<(), Failed> {
    let scenario = network(row)?;
    let said = ask_natscope(&scenario)?;
    let keep = |tester, said: Said| {
        SAID.lock().unwrap_or_else(PoisonError::into_inner).insert((row, tester), said);
    };
    keep("natscope", said.clone());
    if table::is_refreshing() {
        for tester in TESTERS.iter().filter(|tester| enclosure::has(tester.program)) {
            keep(tester.program, ask(tester, &scenario)?);
        }
    }
    if !said.is_right {
        return Err(format!("{row:?}: natscope says {}, the truth is {:?}", said.words, scenario.truth).into());
    }
    Ok(())
}

fn ask_natscope(scenario: &Scenario) -> Result<Said, Failed> {
    let lab = Lab::new(scenario)?;
    let (report, took) = run(&lab, scenario, &[])?;
    Ok(judge(&report, scenario, took))
}

/// The filter is told within the bound: a run that is given no more time than that comes to the same.
fn in_time(row: Row) -> Result<(), Failed> {
    let scenario = network(row)?;
    let lab = Lab::new(&scenario)?;
    let bound = longest(row.rtt_ms).max(SHORTEST_RUN);
    // The best of a few: other programs may run beside it.
    let mut said = Vec::new();
    for _ in 0..3 {
        let (report, _) = run(&lab, &scenario, &["--timeout", &format!("{}ms", bound.as_millis())])?;
        let filtering = &report["nat"]["ipv4"]["filtering"];
        // Where less time than the shortest run must do, the record tells when what the verdict rests on was known.
        let known = known_after(&report, filtering, f64::from(row.rtt_ms));
        if judge(&report, &scenario, bound).is_right && known <= longest(row.rtt_ms).as_secs_f64() * 1000.0 {
            println!("{row:?}: filter known after {known:.0} ms, bound {:?}", longest(row.rtt_ms));
            return Ok(());
        }
        said.push(format!("known after {known} ms: {filtering}"));
    }
    Err(format!("{row:?}: within {:?} natscope should say {:?}, but: {said:#?}", longest(row.rtt_ms), scenario.truth)
        .into())
}

/// When everything that a verdict cites was heard, or was missing for the time of a round trip and a quarter.
fn known_after(report: &Value, verdict: &Value, rtt_ms: f64) -> f64 {
    let empty = Vec::new();
    let ids: Vec<u64> = verdict["evidence"].as_array().unwrap_or(&empty).iter().filter_map(number).collect();
    let observations = report["observations"].as_array().unwrap_or(&empty);
    let launches = report["probes"].as_array().unwrap_or(&empty);
    let known = |id: &u64| {
        let heard = observations.iter().find(|one| one["probe"] == *id && one["outcome"]["outcome"] == "stun");
        let sent = launches.iter().find(|one| one["probe"]["id"] == *id);
        let missed = || Some(sent?["at_ms"].as_f64()? + rtt_ms * 1.25 + 10.0);
        heard.and_then(|one| one["at_ms"].as_f64()).or_else(missed).unwrap_or(f64::INFINITY)
    };
    if ids.is_empty() { f64::INFINITY } else { ids.iter().map(known).fold(0.0, f64::max) }
}

/// Of `"p12"`.
fn number(id: &Value) -> Option<u64> {
    id.as_str()?.strip_prefix('p')?.parse().ok()
}

/// natscope's report with everything it was concluded from, and how long the program took.
fn run(lab: &Lab, scenario: &Scenario, more: &[&str]) -> Result<(Value, Duration), Failed> {
    let save = lab.folder().join("save.json");
    let mut command = natscope(lab, "cli")?;
    command.args(["nat", "--json", "--no-portmap", "--save"]).arg(&save).args(more);
    command.args((0..scenario.server.len()).map(|n| lab.plan.server(n).to_string()));
    let start = Instant::now();
    let (exit, _, stderr) = finish(&mut command, lab.folder(), LONGEST_RUN)?;
    let took = start.elapsed();
    let text = std::fs::read_to_string(save).map_err(|e| format!("{e}: exit code {exit:?}, {stderr}"))?;
    Ok((serde_json::from_str(&text).map_err(|e| format!("{e}: {text}"))?, took))
}

fn judge(report: &Value, scenario: &Scenario, took: Duration) -> Said {
    let nat = &report["nat"]["ipv4"];
    let [mapping, filtering] = ["mapping", "filtering"].map(|key| nat[key]["value"].as_str());
    let Truth { mapping: true_mapping, filtering: true_filtering, .. } = &scenario.truth;
    // Of input-accept the lab's probe measures no mapping: see the scenario.
    let true_mapping = true_mapping.as_deref().unwrap_or("endpoint-independent");
    let is_hard = true_mapping.starts_with("address-");
    // A server's other port is another destination, with another mapping: what would prove that it sends there never
    // arrives. Such a NAT's type is known without its filter.
    let is_filtering = filtering == true_filtering.as_deref() || filtering.is_none() && is_hard;
    let words =
        format!("mapping {}, filter {}", mapping.unwrap_or("undetermined"), filtering.unwrap_or("undetermined"));
    Said { words, is_right: mapping == Some(true_mapping) && is_filtering, took }
}

fn ask(tester: &Tester, scenario: &Scenario) -> Result<Said, Failed> {
    let lab = Lab::new(scenario)?;
    let mut command = lab.client(tester.program);
    command.args((tester.arguments)(&lab.plan.server(0).to_string(), &lab.plan.client(scenario).to_string()));
    let start = Instant::now();
    let (_, stdout, stderr) = finish(&mut command, lab.folder(), Duration::from_secs(120))?;
    let took = start.elapsed();
    let words =
        (tester.verdict)(&stdout).ok_or_else(|| format!("{}: no verdict in {stdout}{stderr}", tester.program))?;
    let is_right = (tester.is_true)(&words, &scenario.truth);
    Ok(Said { words, is_right, took })
}
