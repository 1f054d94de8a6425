//! The wall clock: when things happened, for people. Never used to measure.

use std::time::SystemTime;

/// The time of day.
#[must_use]
#[allow(clippy::disallowed_methods, reason = "this is the clock everything else is told the time by")]
pub fn now() -> SystemTime {
    SystemTime::now()
}
