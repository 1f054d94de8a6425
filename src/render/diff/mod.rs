//! `natscope diff`: what changed between two reports, in words.
//!
//! It compares what the two have in common, as their JSON tells it ([`json::SCHEMA`]). What is no
//! longer determined has not become "no". Ports of fresh sockets, and latencies that moved by little, are no news.

#![allow(
    clippy::indexing_slicing,
    reason = "a JSON value answers null for what it does not hold, and no path is sliced"
)]

mod fields;
mod words;

use serde_json::{Value, json};

use super::catalogue;
use super::{Format, Style, json, markdown, table};
use crate::report::SCHEMA;

use fields::Field;

/// What changed between two reports.
#[derive(Clone, Debug, PartialEq)]
pub struct Diff {
    /// The reports, the earlier of the command line first.
    sides: [Side; 2],
    /// What is another.
    changes: Vec<Change>,
    /// How much was compared: what both tell.
    compared: usize,
    /// One of them holds pseudonyms: addresses, names and keys were not compared.
    redacted: bool,
}

/// Where a report comes from.
#[derive(Clone, Debug, PartialEq)]
struct Side {
    name: String,
    command: String,
    started_at: String,
}

/// One thing that is another.
#[derive(Clone, Debug, PartialEq)]
struct Change {
    field: Field,
    before: Told,
    after: Told,
}

/// What a report tells of something.
#[derive(Clone, Debug, Default, PartialEq)]
struct Told {
    /// `null`: undetermined, or not there.
    value: Value,
    /// Why, where it is undetermined. In English, as JSON has it.
    why: Option<String>,
    /// The report does not speak of it: a region without an answer, a finding that was not made.
    absent: bool,
}

/// Two files cannot be compared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotCompare {
    /// A file is no report.
    #[error("{name}: {problem}; natscope diff takes files that --save or --json of natscope has written")]
    NoReport {
        /// The file.
        name: String,
        /// What it is instead.
        problem: String,
    },
    /// They tell of different things.
    #[error(
        "{a} is a report of natscope {a_command} and {b} of natscope {b_command}: they tell of nothing that is in both"
    )]
    NothingInCommon {
        /// The one file.
        a: String,
        /// Which command made it.
        a_command: String,
        /// The other file.
        b: String,
        /// Which command made it.
        b_command: String,
    },
}

/// Compares two reports, each the name of its file and its JSON.
///
/// # Errors
///
/// One of them is no report that this version reads, or they have nothing in common.
pub fn compare(before: (&str, &Value), after: (&str, &Value)) -> Result<Diff, CannotCompare> {
    let sides = [side(before)?, side(after)?];
    let redacted = [before.1, after.1].iter().any(|report| report["redacted"] == json!(true));
    let (changes, compared) = fields::compare(before.1, after.1, redacted);
    if compared == 0 {
        let [a, b] = sides;
        return Err(CannotCompare::NothingInCommon {
            a: a.name,
            a_command: a.command,
            b: b.name,
            b_command: b.command,
        });
    }
    Ok(Diff { sides, changes, compared, redacted })
}

fn side((name, report): (&str, &Value)) -> Result<Side, CannotCompare> {
    let refuse = |problem: String| CannotCompare::NoReport { name: name.to_owned(), problem };
    if !report.is_object() {
        return Err(refuse("this is no JSON object".to_owned()));
    }
    match &report["schema"] {
        Value::Null => return Err(refuse("this is no report: it has no \"schema\"".to_owned())),
        number if *number == json!(SCHEMA) => {}
        number => {
            return Err(refuse(format!("this follows schema {number}, and this natscope reads schema {SCHEMA}")));
        }
    }
    let text = |key: &str| {
        let text = report[key].as_str().filter(|text| text.len() < 100).map(str::to_owned);
        text.ok_or_else(|| refuse(format!("this is no report: it has no {key:?}")))
    };
    Ok(Side { name: name.to_owned(), command: text("command")?, started_at: text("started_at")? })
}

impl Diff {
    /// Whether anything is another.
    #[must_use]
    pub fn has_changes(&self) -> bool {
        !self.changes.is_empty()
    }
}

/// It as text, with a newline at the end. [`Format::TailscaleJson`] and [`Format::Html`] have no form for it; the arguments
/// refuse them.
#[must_use]
pub fn diff(diff: &Diff, format: Format, style: &Style) -> String {
    match format {
        Format::Json | Format::TailscaleJson => json::finish(&format!("{:#}", document(diff))),
        Format::JsonLine => json::finish(&document(diff).to_string()),
        Format::Table | Format::Html => table::draw_document(&words::lay_out(diff, style), style),
        Format::Markdown => markdown::draw_document(&words::lay_out(diff, style), style),
    }
}

fn document(diff: &Diff) -> Value {
    let english = catalogue::of(catalogue::Lang::En);
    let told = |told: &Told| {
        let why = told.why.as_ref().filter(|_| told.value.is_null());
        json!({ "value": told.value, "why": why, "absent": told.absent })
    };
    let side = |side: &Side| json!({ "file": side.name, "command": side.command, "started_at": side.started_at });
    let [a, b] = &diff.sides;
    let change = |change: &Change| {
        json!({
            "what": change.field.path(),
            "label": words::label(&change.field, english),
            "before": told(&change.before),
            "after": told(&change.after),
        })
    };
    json!({
        "schema": SCHEMA,
        "tool": { "name": "natscope", "version": env!("CARGO_PKG_VERSION") },
        "command": "diff",
        "diff": {
            "a": side(a),
            "b": side(b),
            "compared": diff.compared,
            "redacted": diff.redacted,
            "changes": diff.changes.iter().map(change).collect::<Vec<_>>(),
        },
    })
}

#[cfg(test)]
mod tests;
