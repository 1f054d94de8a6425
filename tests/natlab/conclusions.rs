//! What natscope concludes in a scenario: once, or, with `NATSCOPE_LAB_REPEAT=N`, N times in a row in the same lab. Each
//! time it must be what the scenario says, and every time the same.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use libtest_mimic::Failed;
use serde_json::Value;

use super::lab::Lab;
use super::runs::{LONGEST_RUN, finish, natscope};
use super::scenario::{Run, Scenario};
use super::verdicts;

/// Expectations of commands that are not built yet may stand in the files.
pub fn is_built(run: &Run) -> bool {
    run.args.first().is_some_and(|command| ["nat", "netcheck", "selftest"].contains(&command.as_str()))
}

/// Runs natscope as the scenario says and compares what it says.
pub fn are_right(scenario: &Scenario) -> Result<(), Failed> {
    are_right_times(scenario, times()?)
}

/// The same a number of times, all of them one after the other.
pub fn are_right_times(scenario: &Scenario, times: usize) -> Result<(), Failed> {
    let lab = Lab::new(scenario)?;
    let mut text = String::new();
    for run in scenario.run.iter().filter(|run| is_built(run)) {
        let said = (0..times).map(|_| Said::hear(&lab, scenario, run)).collect::<Result<Vec<_>, _>>()?;
        let failed: Vec<_> = said.iter().filter(|said| !said.wrong.is_empty()).collect();
        let different = differences(&said);
        if failed.is_empty() && different.is_empty() {
            continue;
        }
        let args = &run.args;
        write!(text, "\n{args:?}: wrong {} times of {times}; differs in: {different:#?}", failed.len()).unwrap();
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
        command.envs(&run.env);
        let longest = run.longest_s.map_or(LONGEST_RUN, Duration::from_secs);
        let (exit, stdout, stderr) = finish(&mut command, lab.folder(), longest)?;
        let wrong = verdicts::check(scenario, lab.plan.public(scenario), &run.expect, exit, &stdout);
        let mut verdicts = BTreeMap::new();
        collect(&serde_json::from_str(&stdout).unwrap_or_default(), "", &mut verdicts);
        Ok(Self { wrong, verdicts, stdout, stderr })
    }
}

/// Those that are true, false, a name, or undetermined. Numbers are measurements, which differ.
fn collect(value: &Value, path: &str, into: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(fields) if fields.contains_key("why") && fields.contains_key("value") => {
            let value = &fields["value"];
            if value.is_null() || value.is_boolean() || value.is_string() {
                into.insert(path.to_owned(), value.to_string());
            }
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

/// Verdicts that were not the same each time: how often each.
fn differences(said: &[Said]) -> BTreeMap<&str, BTreeMap<&str, usize>> {
    let mut all: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
    for (path, value) in said.iter().flat_map(|said| &said.verdicts) {
        *all.entry(path).or_default().entry(value).or_default() += 1;
    }
    all.retain(|_, values| values.len() > 1 || values.values().sum::<usize>() != said.len());
    all
}
