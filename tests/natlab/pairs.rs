//! Two clients, each behind a NAT of its own, and natscope's relay between them: who reaches whom directly.
//!
//! For each pair of NATs `natscope ping --direct` of one client to `natscope listen --direct` of the other must come to
//! a direct path exactly where the definitions of both NATs promise one, and where it does not, the reason it gives must
//! be the true one. What came out is kept in `docs/direct-paths.md`.

pub mod behaviour;
mod meeting;
mod table;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use libtest_mimic::Failed;
use serde_json::Value;

use super::scenario::Scenario;
use super::trials::{Body, List, missing as missing_tools, named};
use behaviour::{BLOCKED, Behaviour, NATS, Promise, promise};
use meeting::{Meeting, Said};
pub use table::is_kept as are_written_down;

/// What came out of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Direct,
    /// Both mappings depend on the destination.
    BothHard,
    /// One side's does, and the other side lets only endpoints in that it has sent to.
    HardAgainstStrict,
    /// One side's UDP goes nowhere.
    Blocked,
}

/// Places in [`NATS`]: of who pings and of who listens.
type Pair = (usize, usize);

struct CameOut {
    outcome: Outcome,
    /// When the direct path was there.
    after_ms: Option<f64>,
}

static OUTCOMES: Mutex<BTreeMap<Pair, CameOut>> = Mutex::new(BTreeMap::new());

/// A trial of each pair, and one of how soon the first pong comes.
pub fn add(list: &mut List) {
    for (a, b) in pairs() {
        let body: Body = Box::new(move || meet(a, b));
        list.add(format!("pair::{}×{}", NATS[a].name, NATS[b].name), None, body);
    }
    for (a, b) in [("restricted", "symmetric"), ("symmetric", "firewall"), ("symmetric", BLOCKED)] {
        let body: Body = Box::new(move || one_ping_is_enough(a, b));
        list.add(format!("pair::one_ping_is_enough_{a}×{b}"), None, body);
    }
    let missing = side("port-restricted", DISTANT_MS).map_or_else(Some, |scenario| missing_tools(&scenario));
    list.add_alone("pair::first_pong_is_prompt".to_owned(), missing.clone(), Box::new(first_pong_is_prompt));
    for (name, router) in [("", "upnp = true"), ("_by_upnp_alone", "upnp = true\nupnp_only = true")] {
        let missing = hard_side(router).map_or_else(Some, |scenario| missing_tools(&scenario));
        let trial = move || a_port_mapping_helps(router);
        list.add(format!("pair::a_port_mapping_helps_two_hard_nats{name}"), missing, Box::new(trial));
    }
    list.add_alone("pair::the_doctor_is_prompt".to_owned(), missing, Box::new(the_doctor_is_prompt));
}

/// After all trials: what was measured, and, when that is asked for and all was, the file anew.
pub fn conclude() {
    let outcomes = OUTCOMES.lock().unwrap_or_else(PoisonError::into_inner);
    if !outcomes.is_empty() {
        println!("\n{}", table::table(|pair| outcomes.get(&pair).map(|it| it.outcome)));
    }
    let mut times: Vec<_> = outcomes.values().filter_map(|it| it.after_ms).collect();
    times.sort_by(f64::total_cmp);
    if let (Some(median), Some(last)) = (times.get(times.len() / 2), times.last()) {
        println!("direct after {median:.0} ms in the median, {last:.0} ms at most");
    }
    if table::is_refreshing() && pairs().all(|pair| outcomes.contains_key(&pair)) {
        table::keep(|pair| outcomes.get(&pair).map(|it| it.outcome));
    } else if table::is_refreshing() {
        eprintln!("the table of pairs is not written anew: {} of them were measured", outcomes.len());
    }
}

/// The scenarios, which the lab's probe holds to their truth, say of these NATs what is said here.
pub fn are_those_of_the_scenarios() -> Result<(), Failed> {
    for nat in NATS.iter().filter(|nat| !nat.is_blocked()) {
        let truth = named(nat.name)?.truth;
        let mapping = truth.mapping.unwrap_or_default();
        let is_hard = mapping.starts_with("address-");
        if mapping.is_empty() || is_hard != nat.is_hard || truth.filtering.as_deref() != Some(nat.filtering) {
            return Err(format!("{}: {mapping}, {:?}", nat.name, truth.filtering).into());
        }
    }
    Ok(())
}

/// The scenarios whose NATs are paired.
pub fn nats() -> impl Iterator<Item = &'static str> {
    NATS.iter().map(|nat| nat.name)
}

fn pairs() -> impl Iterator<Item = Pair> {
    (0..NATS.len()).flat_map(|a| (0..NATS.len()).map(move |b| (a, b)))
}

/// What natscope is to come to: a direct path where the definitions promise one without guessing ports, which it does
/// not do.
fn expected((a, b): Pair) -> Outcome {
    let (one, other) = (&NATS[a], &NATS[b]);
    match promise(one, other) {
        Promise::Direct => Outcome::Direct,
        _ if one.is_blocked() || other.is_blocked() => Outcome::Blocked,
        _ if one.is_hard && other.is_hard => Outcome::BothHard,
        _ => Outcome::HardAgainstStrict,
    }
}

/// One home. The first server is natscope's relay; two more tell each side of its NAT, or that UDP is blocked, which
/// one relay alone cannot. All are `rtt_ms` away.
fn side(name: &str, rtt_ms: f64) -> Result<Scenario, String> {
    let (nat, surroundings) = if name == BLOCKED { ("port-restricted", "udp-blocked") } else { (name, "free") };
    let wire = if rtt_ms > 0.0 { format!("wire = {{ rtt_ms = {rtt_ms:.1} }}\n") } else { String::new() };
    let text = format!(
        "about = \"one side of a pair\"\nnat = \"{nat}\"\nsurroundings = \"{surroundings}\"\n{wire}\
         server = [{{ stun = \"killed\", no_relay = true }}, {{}}, {{}}]\n[truth]\n"
    );
    Scenario::parse(name, &text)
}

fn meet(a: usize, b: usize) -> Result<(), Failed> {
    let (one, other) = (&NATS[a], &NATS[b]);
    let mut meeting = Meeting::new(&side(one.name, 0.0)?, &side(other.name, 0.0)?)?;
    let said = meeting.ping(&["-c", "20", "-i", "100ms", "--until-direct", "--json"])?;
    let mut wrong = Vec::new();
    if let Some(came_out) = judge(&said, &meeting, [one, other], expected((a, b)), &mut wrong) {
        OUTCOMES.lock().unwrap_or_else(PoisonError::into_inner).insert((a, b), came_out);
    }
    if wrong.is_empty() {
        return Ok(());
    }
    let list = wrong.join("\n  ");
    Err(format!("{} pings {}:\n  {list}\nstdout: {}\nstderr: {}", one.name, other.name, said.stdout, said.stderr)
        .into())
}

/// What came out, with everything that is not as it should be in `wrong`.
fn judge(
    said: &Said,
    meeting: &Meeting,
    sides: [&Behaviour; 2],
    expected: Outcome,
    wrong: &mut Vec<String>,
) -> Option<CameOut> {
    let Ok(report) = serde_json::from_str::<Value>(&said.stdout) else {
        wrong.push("standard output is not one JSON document".to_owned());
        return None;
    };
    let ping = &report["ping"];
    let empty = Vec::new();
    let pongs = ping["pongs"].as_array().unwrap_or(&empty);
    let paths: Vec<_> = pongs.iter().map(|pong| pong["path"].as_str().unwrap_or_default()).collect();
    let mut must = |right: bool, what: String| {
        if !right {
            wrong.push(what);
        }
    };
    must(paths.first() == Some(&"relay"), format!("the first pong did not come through the relay: {paths:?}"));
    must(ping["relay"] == "s1", format!("relay {}", ping["relay"]));
    for (whose, side) in [("ours", sides[0]), ("theirs", sides[1])] {
        let told = &ping["sides"][whose];
        let is = |key: &str, truth: Value, may_be_unknown: bool| {
            let right = told[key] == truth || (may_be_unknown && told[key].is_null());
            (right, format!("{whose} {key}: {}, the truth is {truth}", told[key]))
        };
        // A direct path may be there before anything is known of the NATs. Without one, both sides must be known as
        // far as the reason needs it.
        let early = expected == Outcome::Direct;
        for (right, what) in [
            is("udp", (!side.is_blocked()).into(), early || expected == Outcome::Blocked),
            is("mapping_varies", side.is_hard.into(), early || expected == Outcome::Blocked),
            is("filtering", side.filtering.into(), early || side.is_hard || expected == Outcome::Blocked),
        ] {
            must(right, what);
        }
    }
    let outcome = outcome(ping, sides);
    must(outcome == Some(expected), format!("direct: {}, should be {expected:?}", ping["direct"]));
    if expected == Outcome::Direct {
        must(said.exit == Some(0), format!("exit code {:?}", said.exit));
        let last = pongs.last().and_then(|pong| pong["endpoint"].as_str()?.parse::<SocketAddr>().ok());
        let public = meeting.peer;
        must(last.is_some_and(|last| last.ip() == public), format!("the last pong is from {last:?}, not {public}"));
    } else {
        must(said.exit == Some(1), format!("exit code {:?}", said.exit));
        must(paths.iter().all(|path| *path == "relay"), format!("paths: {paths:?}"));
        must(ping["received"] == 20, format!("{} of 20 pings answered", ping["received"]));
    }
    outcome.map(|outcome| CameOut { outcome, after_ms: ping["direct_after_ms"].as_f64() })
}

/// What `direct` says, if its reason speaks of the right side.
fn outcome(ping: &Value, [ours, theirs]: [&Behaviour; 2]) -> Option<Outcome> {
    let why = ping["direct"]["why"].as_str().unwrap_or_default();
    let side = if why.contains("the peer's side") { theirs } else { ours };
    match ping["direct"]["value"].as_bool()? {
        true => Some(Outcome::Direct),
        false if why.starts_with("both NATs give every destination") => Some(Outcome::BothHard),
        false if why.starts_with("the NAT on") && why.contains("the other side's lets only") => {
            side.is_hard.then_some(Outcome::HardAgainstStrict)
        }
        false if why.starts_with("UDP gets no answer") => side.is_blocked().then_some(Outcome::Blocked),
        false => None,
    }
}

/// A single ping is answered long before a direct path can be there, or before a peer that was just started knows its
/// NAT. That must not make a verdict of it.
fn one_ping_is_enough(a: &str, b: &str) -> Result<(), Failed> {
    let place = |name| nats().position(|nat| nat == name).expect("one of them");
    let pair = (place(a), place(b));
    let mut meeting = Meeting::new(&side(a, 0.0)?, &side(b, 0.0)?)?;
    let said = meeting.ping(&["-c", "1", "--json"])?;
    let report: Value = serde_json::from_str(&said.stdout).map_err(|e| format!("{e}: {}", said.stderr))?;
    let outcome = outcome(&report["ping"], [&NATS[pair.0], &NATS[pair.1]]);
    let exit = i32::from(outcome != Some(Outcome::Direct));
    if outcome == Some(expected(pair)) && said.exit == Some(exit) && report["ping"]["sent"] == 1 {
        return Ok(());
    }
    Err(format!("{:?}, should be {:?}, exit {:?}: {}", outcome, expected(pair), said.exit, report["ping"]).into())
}

/// The round trip between client and relay where it counts.
const DISTANT_MS: f64 = 200.0;

/// TCP, TLS with the relay's key in it, and the ping itself take a round trip each. There is no fourth, though the
/// clients introduce themselves to the relay and find out about their NATs meanwhile.
fn first_pong_is_prompt() -> Result<(), Failed> {
    const MOST: f64 = 3.5;
    let mut meeting = Meeting::new(&side("port-restricted", DISTANT_MS)?, &side("port-restricted", 0.0)?)?;
    let said = meeting.ping(&["-c", "20", "-i", "100ms", "--until-direct", "--format", "json-line"])?;
    let first = said.stdout.lines().next().unwrap_or_default();
    let first: Value = serde_json::from_str(first).map_err(|e| format!("{e}: {}\n{}", said.stdout, said.stderr))?;
    let pong = &first["ping"]["pongs"][0];
    let took = first["took_ms"].as_f64().unwrap_or(f64::INFINITY) / DISTANT_MS;
    println!("first pong after {took:.2} round trips: {pong}");
    if pong["path"] == "relay" && (3.0..MOST).contains(&took) {
        return Ok(());
    }
    Err(format!("the first pong came after {took:.2} round trips, by {}: {first}", pong["path"]).into())
}

/// A whole examination of a relay in order, 50 ms away behind a NAT, takes less than a second.
fn the_doctor_is_prompt() -> Result<(), Failed> {
    const RTT_MS: f64 = 50.0;
    let mut meeting = Meeting::new(&side("port-restricted", RTT_MS)?, &side("port-restricted", 0.0)?)?;
    let said = meeting.doctor()?;
    let report: Value = serde_json::from_str(&said.stdout).map_err(|e| format!("{e}: {}", said.stderr))?;
    let took = report["took_ms"].as_f64().unwrap_or(f64::INFINITY);
    let findings = report["findings"].as_array().cloned().unwrap_or_default();
    // Open to everybody is what the lab's relay is.
    let sick = findings.iter().any(|it| it["severity"] != "info" && it["code"] != "DERP-005");
    println!("examined in {took:.0} ms");
    if (4.0 * RTT_MS..1000.0).contains(&took) && !sick && report["doctor"]["open_relay"]["value"] == true {
        return Ok(());
    }
    Err(format!("{took} ms: {:#}", report["findings"]).into())
}

/// A hard NAT, with miniupnpd on its router where that is wanted: it wants addresses that are no documentation's.
fn hard_side(router: &str) -> Result<Scenario, String> {
    let text = format!(
        "about = \"a hard side\"\nnat = \"symmetric\"\nplan = \"public\"\n{router}\n\
         server = [{{ stun = \"killed\", no_relay = true }}, {{}}, {{}}]\n[truth]\n"
    );
    Scenario::parse("symmetric", &text)
}

/// Two NATs that give each destination another endpoint never meet, unless one of their routers maps a port. Nothing of
/// that is left on the router afterwards.
fn a_port_mapping_helps(router: &str) -> Result<(), Failed> {
    let mut meeting = Meeting::new(&hard_side(router)?, &hard_side("")?)?;
    // By itself, and when it is cut short.
    for end in [&["-c", "60", "--until-direct"][..], &["--timeout", "3s"]] {
        let said = meeting.ping(&[&["-i", "100ms", "--portmap", "--json"][..], end].concat())?;
        let report: Value = serde_json::from_str(&said.stdout).map_err(|e| format!("{e}: {}", said.stderr))?;
        if report["ping"]["direct"]["value"] != true || said.exit != Some(0) {
            return Err(format!("exit {:?}: {:#}\n{}", said.exit, report["ping"]["direct"], said.stderr).into());
        }
        // The datagram that takes a mapping of PCP back is on its way when the program ends.
        std::thread::sleep(Duration::from_millis(300));
        let left = meeting.leases()?;
        if !left.is_empty() {
            return Err(format!("left on the router: {left}").into());
        }
    }
    Ok(())
}
