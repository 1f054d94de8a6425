//! JSON, schema number 1: what scripts depend on. Keys never change their meaning; new ones may come.
//!
//! Text inside is always English, since machines search it. The shape is written down in [`SCHEMA`] and tested
//! against real output. [`saved_from`] reads back what a report was concluded from, [`conclusions_from`]
//! what was concluded.

mod conclusions;
mod doctor;
mod list;
mod map;
mod nat;
mod netcheck;
mod ping;
mod plan;
mod predict;
mod saved;

use std::time::{Duration, SystemTime};

use serde_json::{Map, Value, json};

pub use conclusions::{Concluded, NotAReport, conclusions_from, last_report};
pub use doctor::{Elsewhere, seen_elsewhere};
pub(super) use predict::mechanism_name;
pub use saved::{SavedError, saved_from};

use super::catalogue::{self, Catalogue, Lang, RegionNames};
use super::clean::escape_json;
use crate::probe::Failure;
use crate::report::{Confidence, Finding, MapLint, MapShown, Plan, Report, SCHEMA as SCHEMA_NUMBER, Verdict};

/// The JSON Schema (2020-12) of the output.
pub const SCHEMA: &str = include_str!("../../report/natscope.schema.json");

/// A plan, which is no report and follows no schema, indented or on one line.
pub(super) fn render_plan(plan: &Plan, on_one_line: bool) -> String {
    let document = plan::document(plan);
    finish(&if on_one_line { document.to_string() } else { format!("{document:#}") })
}

/// What a lint has found, indented or on one line.
pub(super) fn render_lint(lint: &MapLint, on_one_line: bool) -> String {
    let document = map::lint(lint);
    finish(&if on_one_line { document.to_string() } else { format!("{document:#}") })
}

/// A map in force, indented or on one line.
pub(super) fn render_shown(shown: &MapShown, on_one_line: bool) -> String {
    let document = map::shown(shown);
    finish(&if on_one_line { document.to_string() } else { format!("{document:#}") })
}

/// Indented by two spaces.
pub(super) fn render(report: &Report) -> String {
    // A `Value` has string keys only, so its `Display` cannot fail.
    finish(&format!("{:#}", document(report)))
}

/// On one line.
pub(super) fn render_line(report: &Report) -> String {
    finish(&document(report).to_string())
}

pub(super) fn finish(json: &str) -> String {
    let mut text = escape_json(json);
    text.push('\n');
    text
}

fn document(report: &Report) -> Value {
    let words = Words { catalogue: catalogue::of(Lang::En), names: RegionNames::of(report) };
    let mut document = Map::new();
    let mut put = |key: &str, value: Value| document.insert(key.to_owned(), value);
    put("schema", json!(SCHEMA_NUMBER));
    put("tool", json!({ "name": "natscope", "version": env!("CARGO_PKG_VERSION") }));
    put("command", json!(report.command.name()));
    put("started_at", json!(rfc3339(report.started_at)));
    put("took_ms", millis(report.took));
    if report.redacted {
        put("redacted", json!(true));
    }
    if let Some(netcheck) = &report.netcheck {
        put("netcheck", words.netcheck(netcheck));
    }
    put(
        "nat",
        json!({
            "ipv4": report.nat_v4.as_ref().map(|nat| words.nat(nat)),
            "ipv6": report.nat_v6.as_ref().map(|nat| words.nat(nat)),
        }),
    );
    if let Some(ping) = &report.ping {
        put("ping", words.ping(ping));
    }
    if let Some(listen) = &report.listen {
        put("listen", words.listen(listen));
    }

    if let Some(doctor) = &report.doctor {
        put("doctor", words.doctor(doctor));
    }
    if let Some(predict) = &report.predict {
        put("predict", words.predict(predict));
    }
    put("findings", report.findings.iter().map(|finding| words.finding(finding)).collect());
    if let Some(saved) = &report.saved {
        put("inputs", saved.inputs.clone());
        put("probes", plain(&saved.record.launches));
        put("observations", plain(&saved.record.observations));
        put("ended_at_ms", plain(&saved.record.ended_at));
        if !saved.further.is_empty() {
            put("further", saved.further.iter().map(saved::further).collect());
        }
    }
    Value::Object(document)
}

/// What sentences inside the JSON are made with.
struct Words<'a> {
    catalogue: &'static dyn Catalogue,
    names: RegionNames<'a>,
}

impl Words<'_> {
    /// A verdict whose value is written as `form` says.
    fn verdict<T>(&self, verdict: &Verdict<T>, form: impl FnOnce(&T) -> Value) -> Value {
        json!({
            "value": verdict.value().map(form),
            "why": verdict.why().map(|why| self.catalogue.why(why, &self.names)),
            "confidence": verdict.confidence().map(confidence),
            "evidence": verdict.evidence().iter().map(ToString::to_string).collect::<Vec<_>>(),
        })
    }

    fn failure(&self, failure: &Failure) -> Value {
        let text = self.catalogue.failure(failure);
        // The stage has a key of its own.
        let cause = text.split_once(": ").map_or(text.as_str(), |(_, cause)| cause);
        let kind = plain(&failure.cause).get("cause").cloned();
        json!({ "stage": plain(&failure.stage), "kind": kind, "cause": cause })
    }

    fn finding(&self, finding: &Finding) -> Value {
        let text = self.catalogue.finding(&finding.detail);
        let snippets = text.snippets.iter().map(|snippet| format!("\n\n{}:\n{}", snippet.name, snippet.text));
        let fix = std::iter::once(text.fix.clone()).chain(snippets).collect::<String>();
        json!({
            "code": finding.code(),
            "severity": plain(&finding.severity),
            "title": text.title,
            "observed": text.observed,
            "causes": text.causes,
            "fix": fix,
        })
    }
}

const fn confidence(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Low => "low",
        Confidence::Medium => "medium",
        Confidence::High => "high",
    }
}

/// Milliseconds, to the microsecond: what lies below is noise.
#[allow(clippy::cast_precision_loss, reason = "exact below 2^53 microseconds, which is 285 years")]
fn millis(duration: Duration) -> Value {
    let micros = duration.as_nanos().saturating_add(500) / 1000;
    json!(micros as f64 / 1e3)
}

/// A value of the probe and model rooms, in the form serde gives it. Those forms cannot fail: no map in them has
/// a key that is no string.
fn plain(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).unwrap_or(Value::Null)
}

/// RFC 3339 in UTC, to the millisecond. A clock before 1970 or after 9999 counts as one at the end it is beyond.
pub(super) fn rfc3339(time: SystemTime) -> String {
    const YEAR_9999: Duration = Duration::from_secs(253_402_300_799);
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().min(YEAR_9999);
    humantime::format_rfc3339_millis(SystemTime::UNIX_EPOCH + since).to_string()
}

/// The same of seconds since 1970.
fn rfc3339_of_unix(seconds: i64) -> String {
    let since = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
    rfc3339(SystemTime::UNIX_EPOCH.checked_add(since).unwrap_or(SystemTime::UNIX_EPOCH))
}
