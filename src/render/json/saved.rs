use std::time::{Duration, SystemTime};

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::probe::{Launch, Moment, Observation, Record};
use crate::report::{SCHEMA, Saved};

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
    let record = Record {
        launches: each::<Launch>(report, "probes")?,
        observations: each::<Observation>(report, "observations")?,
        ended_at: one::<Moment>(required(report, "ended_at_ms")?, || "ended_at_ms".to_owned())?,
    };
    Ok((started_at, Saved { inputs, record }))
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

fn each<T: DeserializeOwned>(report: &Value, key: &'static str) -> Result<Vec<T>, SavedError> {
    let Value::Array(items) = required(report, key)? else {
        return Err(SavedError::Malformed { place: key.to_owned(), problem: "a list is expected".to_owned() });
    };
    items.iter().enumerate().map(|(index, item)| one(item, || format!("{key}[{index}]"))).collect()
}

fn one<T: DeserializeOwned>(value: &Value, place: impl Fn() -> String) -> Result<T, SavedError> {
    T::deserialize(value).map_err(|error| SavedError::Malformed { place: place(), problem: error.to_string() })
}
