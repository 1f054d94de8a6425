//! Reports as metrics for Prometheus.
//!
//! What is undetermined is never a number: a state says `value="undetermined"`, and anything else has no series. What was
//! concluded stands as long as the last run ended with a report; a run that did not takes it back.

mod doctor;
mod netcheck;

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::clean::harmless;
use crate::model::{Metric, MetricKind, Sample};
use crate::report::{Finding, Report, Severity, Verdict};

/// The state for what no verdict was reached on.
const UNDETERMINED: &str = "undetermined";

/// Longest text of a label, in characters: names in maps are other people's.
const LONGEST: usize = 200;

/// What a page of metrics is made of.
#[derive(Clone, Debug)]
pub struct Exported {
    /// From the beginning of one run to that of the next.
    pub every: Duration,
    /// The netchecks.
    pub netcheck: Runs,
    /// The examinations of each relay, by the target's name.
    pub doctors: Vec<(String, Runs)>,
}

/// Runs of one kind since the process started.
#[derive(Clone, Debug, Default)]
pub struct Runs {
    /// How many have ended.
    pub total: u64,
    /// How many of them did not end with a report: there was no map, or this host could not do it, or it hung.
    pub failed: u64,
    /// When the last one ended.
    pub last: Option<SystemTime>,
    /// When the last one with a report ended.
    pub last_success: Option<SystemTime>,
    /// How long the last one took.
    pub took: Option<Duration>,
    /// What the last one said, if it said anything.
    pub report: Option<Report>,
}

/// The metrics. Those of which nothing is known have no samples.
#[must_use]
pub fn metrics(exported: &Exported) -> Vec<Metric> {
    let mut all = about(exported);
    netcheck::add(&mut all, exported.netcheck.report.as_ref());
    doctor::add(&mut all, &exported.doctors);
    all
}

/// The exporter itself, and its netchecks.
fn about(Exported { every, netcheck, .. }: &Exported) -> Vec<Metric> {
    let mut build = Metric::new(MetricKind::Info, "natscope_build_info", "The version of natscope.");
    build.push([("version", env!("CARGO_PKG_VERSION").to_owned())], 1.0);
    let one = |kind, name, help, value: Option<f64>| {
        let mut metric = Metric::new(kind, name, help);
        metric.samples.extend(value.map(|value| Sample { labels: Vec::new(), value }));
        metric
    };
    let gauge = |name, help, value| one(MetricKind::Gauge, name, help, value);
    vec![
        build,
        gauge(
            "natscope_run_interval_seconds",
            "Time from the beginning of one run to that of the next.",
            Some(every.as_secs_f64()),
        ),
        one(MetricKind::Counter, "natscope_runs_total", "Netchecks that have ended.", Some(count(netcheck.total))),
        one(
            MetricKind::Counter,
            "natscope_runs_failed_total",
            "Netchecks that ended without a report: no map, a failure of this host, or too slow.",
            Some(count(netcheck.failed)),
        ),
        gauge("natscope_last_run_timestamp_seconds", "When the last netcheck ended.", netcheck.last.map(unix)),
        gauge(
            "natscope_last_success_timestamp_seconds",
            "When the last netcheck that brought a report ended.",
            netcheck.last_success.map(unix),
        ),
        gauge(
            "natscope_run_duration_seconds",
            "How long the last netcheck took.",
            netcheck.took.map(|took| took.as_secs_f64()),
        ),
    ]
}

/// Labels that stand before others.
type Labels = Vec<(&'static str, String)>;

/// One series for each state: 1 for the one that holds, 0 for the others. `None`: it is undetermined.
fn states<T: Serialize>(metric: &mut Metric, labels: &Labels, label: &'static str, all: &[T], holds: Option<&T>) {
    let holds = holds.map_or_else(|| UNDETERMINED.to_owned(), word);
    for state in all.iter().map(word).chain([UNDETERMINED.to_owned()]) {
        let value = if state == holds { 1.0 } else { 0.0 };
        metric.push(labels.iter().cloned().chain([(label, state)]), value);
    }
}

/// The same of a verdict.
fn verdict<T: Serialize>(metric: &mut Metric, labels: &Labels, all: &[T], verdict: &Verdict<T>) {
    states(metric, labels, "value", all, verdict.value());
}

/// How many findings of each code and severity.
fn findings(metric: &mut Metric, labels: &Labels, findings: &[Finding]) {
    let mut counts: BTreeMap<(Severity, &str), u64> = BTreeMap::new();
    for finding in findings {
        *counts.entry((finding.severity, finding.code())).or_default() += 1;
    }
    for ((severity, code), found) in counts {
        let told = [("severity", word(&severity)), ("code", code.to_owned())];
        metric.push(labels.iter().cloned().chain(told), count(found));
    }
}

/// A value as it is called in JSON.
fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(other) => other.to_string(),
        Err(_) => String::new(),
    }
}

/// Text of others, fit for a label.
fn label(text: &str) -> String {
    harmless(text).chars().take(LONGEST).collect()
}

/// Seconds since 1970.
fn unix(time: SystemTime) -> f64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    // To the millisecond: nobody's clock is better.
    count(u64::try_from(since.as_millis()).unwrap_or(u64::MAX)) / 1e3
}

#[allow(clippy::cast_precision_loss, reason = "exact below 2^53, and Prometheus knows no other numbers")]
const fn count(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests;
