//! Durations as JSON has them: milliseconds with nanosecond digits, for fields whose names end in `_ms`.

use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize as _, Deserializer, Serializer};

/// Writes milliseconds.
#[allow(clippy::cast_precision_loss, reason = "exact below 2^50 ns, which is 13 days; no run is that long")]
pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_nanos() as f64 / 1e6)
}

/// The longest that is read. No run lasts a day, and what is reckoned from a time (three times a round trip, say) is to
/// stay far from the end of the numbers.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// Reads milliseconds; negative, infinite and absurdly long ones are errors.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let millis = f64::deserialize(deserializer)?;
    let seconds = Duration::try_from_secs_f64(millis / 1e3).map_err(D::Error::custom)?;
    if seconds > LONGEST {
        return Err(D::Error::custom(format_args!("{millis} ms is longer than a day")));
    }
    // Back to the whole nanoseconds it was written from: seconds as f64 lose the last digit.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked just above")]
    let nanos = (millis * 1e6).round() as u64;
    Ok(Duration::from_nanos(nanos))
}

/// The same for durations that may be absent, as `null`.
pub mod option {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes milliseconds or `null`.
    pub fn serialize<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        match duration {
            Some(duration) => super::serialize(duration, serializer),
            None => serializer.serialize_none(),
        }
    }

    /// Reads milliseconds or `null`.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        #[derive(Deserialize)]
        struct Millis(#[serde(with = "super")] Duration);
        Ok(Option::<Millis>::deserialize(deserializer)?.map(|Millis(duration)| duration))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Moment;
    use super::*;

    proptest! {
        #[test]
        fn a_moment_survives_json(nanos in 0_u64..86_400_000_000_000) {
            let moment = Moment::after_start(Duration::from_nanos(nanos));
            let text = serde_json::to_string(&moment).unwrap();
            prop_assert_eq!(serde_json::from_str::<Moment>(&text).unwrap(), moment);
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["-1", "1e300", "1e22", "86400001", "\"5\"", "null"] {
            assert!(serde_json::from_str::<Moment>(text).is_err(), "{text}");
        }
    }
}
