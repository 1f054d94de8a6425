use std::time::{Duration, SystemTime};

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::probe::{Launch, Moment, Observation, Record, Tape, Turn};
use crate::report::{SCHEMA, Saved, SavedCheck};

/// A file is not a report that can be concluded from again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SavedError {
    /// It is no JSON object at all.
    #[error("this is no natscope report: a JSON object is expected")]
    NotAnObject,
    /// It says it follows another schema.
    #[error("this report follows schema {found}; this natscope reads schema {SCHEMA}")]
    OtherSchema {
        /// The number it gives.
        found: String,
    },
    /// A key is not there.
    #[error(
        "key {key:?} is missing: only a report written with --save (or -v) holds what was heard; save it again that way"
    )]
    Missing {
        /// Which.
        key: &'static str,
    },
    /// A value is not what it should be.
    #[error("{place}: {problem}")]
    Malformed {
        /// Where, as `observations[3]`.
        place: String,
        /// What is wrong.
        problem: String,
    },
}

/// What a report was concluded from, out of the report's JSON: when the run began, its inputs, probes and
/// observations. Of the conclusions inside, nothing is read.
pub fn saved_from(report: &Value) -> Result<(SystemTime, Saved), SavedError> {
    let Value::Object(_) = report else { return Err(SavedError::NotAnObject) };
    match required(report, "schema")? {
        number if number.as_u64() == Some(u64::from(SCHEMA)) => {}
        other => return Err(SavedError::OtherSchema { found: other.to_string() }),
    }
    let started_at = started_at(required(report, "started_at")?)?;
    let inputs = required(report, "inputs")?.clone();
    let record = record(report, "")?;
    let further = match report.get("further") {
        None => Vec::new(),
        Some(Value::Array(further)) => further.iter().enumerate().map(further_from).collect::<Result<_, _>>()?,
        Some(_) => {
            return Err(SavedError::Malformed {
                place: "further".to_owned(),
                problem: "a list is expected".to_owned(),
            });
        }
    };
    Ok((started_at, Saved { inputs, record, further }))
}

/// A further check as [`saved_from`] reads it.
pub(super) fn further(saved: &SavedCheck) -> Value {
    let SavedCheck { check, inputs, tape: Tape { record, told, idle, turns } } = saved;
    json!({
        "check": check,
        "inputs": inputs,
        "probes": super::plain(&record.launches),
        "observations": super::plain(&record.observations),
        "told_at_ms": super::plain(told),
        "idle_at_ms": super::plain(idle),
        "turns": turns.iter().map(|turn| turn.letter()).collect::<String>(),
        "ended_at_ms": super::plain(&record.ended_at),
    })
}

fn further_from((index, value): (usize, &Value)) -> Result<SavedCheck, SavedError> {
    let within = format!("further[{index}].");
    Ok(SavedCheck {
        check: one::<String>(required(value, "check")?, || format!("{within}check"))?,
        inputs: required(value, "inputs")?.clone(),
        tape: Tape {
            record: record(value, &within)?,
            told: each::<Moment>(value, "told_at_ms", &within)?,
            idle: each::<Moment>(value, "idle_at_ms", &within)?,
            turns: turns(value, &within)?,
        },
    })
}

fn turns(of: &Value, within: &str) -> Result<Vec<Turn>, SavedError> {
    let place = || format!("{within}turns");
    let letters = one::<String>(required(of, "turns")?, place)?;
    let turn = |letter: char| {
        let problem = format!("{letter:?} is no turn: l (launch), i (idle) and t (tell) are");
        Turn::of_letter(letter).ok_or_else(|| SavedError::Malformed { place: place(), problem })
    };
    letters.chars().map(turn).collect()
}

fn record(of: &Value, within: &str) -> Result<Record, SavedError> {
    Ok(Record {
        launches: each::<Launch>(of, "probes", within)?,
        observations: each::<Observation>(of, "observations", within)?,
        ended_at: one::<Moment>(required(of, "ended_at_ms")?, || format!("{within}ended_at_ms"))?,
    })
}

fn required<'a>(report: &'a Value, key: &'static str) -> Result<&'a Value, SavedError> {
    report.get(key).ok_or(SavedError::Missing { key })
}

fn started_at(value: &Value) -> Result<SystemTime, SavedError> {
    let malformed = |problem: String| SavedError::Malformed {
        place: "started_at".to_owned(),
        problem: format!("{problem}: {value}"),
    };
    let text = value.as_str().ok_or_else(|| malformed("an RFC 3339 time is expected, not".to_owned()))?;
    let time = humantime::parse_rfc3339(text).map_err(|error| malformed(format!("no RFC 3339 time ({error})")))?;
    // Whole milliseconds are written; more digits are somebody's edit and would not survive a second save.
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let millis = u64::try_from(since.as_millis()).unwrap_or_default();
    Ok(SystemTime::UNIX_EPOCH + Duration::from_millis(millis))
}

fn each<T: DeserializeOwned>(of: &Value, key: &'static str, within: &str) -> Result<Vec<T>, SavedError> {
    let Value::Array(items) = required(of, key)? else {
        return Err(SavedError::Malformed {
            place: format!("{within}{key}"),
            problem: "a list is expected".to_owned(),
        });
    };
    items.iter().enumerate().map(|(index, item)| one(item, || format!("{within}{key}[{index}]"))).collect()
}

fn one<T: DeserializeOwned>(value: &Value, place: impl Fn() -> String) -> Result<T, SavedError> {
    T::deserialize(value).map_err(|error| SavedError::Malformed { place: place(), problem: error.to_string() })
}
