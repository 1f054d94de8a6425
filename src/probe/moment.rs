use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A point in time, as the time passed since the run began. Real in `drive/`, virtual in the simulator, and the
/// same after `--save` and `--replay`: checks never see a clock.
///
/// Serialized as milliseconds with nanosecond digits, so it belongs in a field whose name ends in `_ms`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment {
    nanos: u64,
}

impl Moment {
    /// The beginning of the run.
    pub const START: Self = Self { nanos: 0 };

    /// The moment this long after the beginning. Saturates after 584 years.
    #[must_use]
    pub fn after_start(passed: Duration) -> Self {
        Self { nanos: u64::try_from(passed.as_nanos()).unwrap_or(u64::MAX) }
    }

    /// Time passed since the beginning.
    #[must_use]
    pub const fn since_start(self) -> Duration {
        Duration::from_nanos(self.nanos)
    }

    /// Time passed since `earlier`; zero when that is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.nanos.saturating_sub(earlier.nanos))
    }

    /// Time between the two, whichever came first.
    #[must_use]
    pub const fn apart(self, other: Self) -> Duration {
        Duration::from_nanos(self.nanos.abs_diff(other.nanos))
    }
}

impl Add<Duration> for Moment {
    type Output = Self;

    fn add(self, later_by: Duration) -> Self {
        Self::after_start(self.since_start().saturating_add(later_by))
    }
}

impl Sub<Duration> for Moment {
    type Output = Self;

    fn sub(self, earlier_by: Duration) -> Self {
        Self::after_start(self.since_start().saturating_sub(earlier_by))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} ms", self.since_start().as_secs_f64() * 1e3)
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        super::millis::serialize(&self.since_start(), serializer)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        super::millis::deserialize(deserializer).map(Self::after_start)
    }
}
