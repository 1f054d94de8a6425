//! What natscope concludes in a scenario: once, or, with `NATSCOPE_LAB_REPEAT=N`, N times in a row in the same lab. Each
//! time it must be what the scenario says, and never two different verdicts; and what was saved must come to the same when
//! it is replayed.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use libtest_mimic::Failed;
use serde_json::Value;

use super::lab::Lab;
use super::runs::{LONGEST_RUN, finish, natscope};
use super::scenario::{Run, Scenario};
use super::trials::{Body, List, missing, named};
use super::verdicts;

/// Runs natscope as the scenario says and compares what it says.
pub fn are_right(scenario: &Scenario) -> Result<(), Failed> {
    are_right_times(scenario, times()?)
}

/// NATs behind which natscope is run again and again.
const AGAIN: [&str; 8] = [
    "open",
    "firewall",
    "full-cone",
    "restricted",
    "port-restricted",
    "address-dependent",
    "symmetric",
    "input-accept",
];

/// A trial of each: the NAT still holds what the last run left behind, and must not look another for it.
pub fn add(list: &mut List) {
    for name in AGAIN {
        let body: Body = Box::new(move || five_runs_in_a_row_agree(&named(name)?));
        list.add(format!("again::{name}"), named(name).map_or_else(Some, |scenario| missing(&scenario)), body);
    }
}

fn five_runs_in_a_row_agree(scenario: &Scenario) -> Result<(), Failed> {
    let is_plain = |run: &Run| run.args[0] == "nat" && run.args[1..].iter().all(|argument| argument.starts_with('{'));
    let mut plain = scenario.clone();
    plain.run.retain(is_plain);
    if plain.run.is_empty() {
        return Err(format!("{}: no plain run of nat to repeat", scenario.name).into());
    }
    are_right_times(&plain, 5)
}

/// All of the runs a number of times, each run's one after the other.
fn are_right_times(scenario: &Scenario, times: usize) -> Result<(), Failed> {
    let lab = Lab::new(scenario)?;
    let mut text = String::new();
    for run in &scenario.run {
        let said = (0..times).map(|_| Said::hear(&lab, scenario, run)).collect::<Result<Vec<_>, _>>()?;
        let failed: Vec<_> = said.iter().filter(|said| !said.wrong.is_empty()).collect();
        let different = differences(&said);
        let summary = format!("{:?}: wrong {} times of {times}; differs in: {different:#?}", run.args, failed.len());
        if failed.is_empty() && !different.values().any(contradict) {
            if !different.is_empty() {
                println!("{}: {summary}", scenario.name);
            }
            continue;
        }
        write!(text, "\n{summary}").unwrap();
        for Said { wrong, .. } in &failed {
            write!(text, "\n  {}", wrong.join("\n  ")).unwrap();
        }
        if let Some(Said { stdout, stderr, .. }) = failed.first() {
            write!(text, "\nstdout: {stdout}\nstderr: {stderr}").unwrap();
        }
    }
    let Scenario { name, about, .. } = scenario;
    if text.is_empty() { Ok(()) } else { Err(format!("{name}: {about}{text}").into()) }
}

/// How often in a row.
fn times() -> Result<usize, String> {
    let Ok(text) = std::env::var("NATSCOPE_LAB_REPEAT") else { return Ok(1) };
    let times = text.parse().ok().filter(|times| *times > 0);
    times.ok_or_else(|| format!("NATSCOPE_LAB_REPEAT={text}: how often each run is to be repeated, as 20"))
}

/// What one run said.
struct Said {
    wrong: Vec<String>,
    /// Every verdict that is one of few words, by its place in the report.
    verdicts: BTreeMap<String, String>,
    stdout: String,
    stderr: String,
}

impl Said {
    fn hear(lab: &Lab, scenario: &Scenario, run: &Run) -> Result<Self, String> {
        let mut command = natscope(lab, "cli")?;
        for argument in &run.args {
            command.arg((0..scenario.server.len()).fold(argument.clone(), |text, n| {
                text.replace(&format!("{{s{}}}", n + 1), &format!("{}:3478", lab.plan.server(n)))
            }));
        }
        command.arg("--json");
        // Connections are asked of servers that are named.
        if !run.args.iter().any(|argument| argument == "--transport") {
            command.arg("--derp-map").arg(lab.map());
        }
        let save = lab.folder().join("save.json");
        command.arg("--save").arg(&save).envs(&run.env);
        let longest = run.longest_s.map_or(LONGEST_RUN, Duration::from_secs);
        let (exit, stdout, stderr) = finish(&mut command, lab.folder(), longest)?;
        let mut wrong = verdicts::check(scenario, lab.plan.public(scenario), &run.expect, exit, &stdout);
        let verdicts = verdicts_of(&stdout);
        if run.args[0] != "selftest" {
            let mut command = natscope(lab, "cli")?;
            command.args([run.args[0].as_str(), "--json", "--replay"]).arg(&save);
            let (replayed, stdout, stderr) = finish(&mut command, lab.folder(), LONGEST_RUN)?;
            let again = verdicts_of(&stdout);
            if replayed != exit || again != verdicts {
                wrong.push(format!("replayed: exit code {replayed:?}, {stderr}{again:#?} instead of {verdicts:#?}"));
            }
        }
        Ok(Self { wrong, verdicts, stdout, stderr })
    }
}

fn verdicts_of(stdout: &str) -> BTreeMap<String, String> {
    let mut verdicts = BTreeMap::new();
    collect(&serde_json::from_str(stdout).unwrap_or_default(), "", &mut verdicts);
    verdicts
}

/// Those that are true, false or a name, and whether there is one. Numbers and endpoints are measurements, which differ.
fn collect(value: &Value, path: &str, into: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(fields) if fields.contains_key("why") && fields.contains_key("value") => {
            let value = &fields["value"];
            let endpoint = value.as_str().is_some_and(|text| text.parse::<std::net::SocketAddr>().is_ok());
            let said = if value.is_null() {
                let why = fields["why"].as_str().unwrap_or_default();
                format!("{UNDETERMINED}{}", why.replace(|c: char| c.is_ascii_digit(), "#"))
            } else if value.is_boolean() || value.is_string() && !endpoint {
                value.to_string()
            } else {
                "measured".to_owned()
            };
            into.insert(path.to_owned(), said);
        }
        Value::Object(fields) => {
            for (key, inner) in fields {
                collect(inner, &format!("{path}.{key}"), into);
            }
        }
        Value::Array(items) => {
            for (n, inner) in items.iter().enumerate() {
                collect(inner, &format!("{path}[{n}]"), into);
            }
        }
        _ => (),
    }
}

const UNDETERMINED: &str = "undetermined: ";

/// Verdicts that were not the same each time: how often each.
type Differences<'a> = BTreeMap<&'a str, BTreeMap<&'a str, usize>>;

fn differences(said: &[Said]) -> Differences<'_> {
    let mut all = Differences::new();
    for (path, value) in said.iter().flat_map(|said| &said.verdicts) {
        *all.entry(path).or_default().entry(value).or_default() += 1;
    }
    all.retain(|_, values| values.len() > 1);
    all
}

/// Two verdicts on the same thing. That there is none now and then is honest; where there must be one, the scenario
/// says so.
fn contradict(values: &BTreeMap<&str, usize>) -> bool {
    values.keys().filter(|value| !value.starts_with(UNDETERMINED)).count() > 1
}
