//! Numbers as people read them, the same in every language: rounded for the eye, never for a machine.

use std::time::Duration;

/// A round trip: `0.4 ms`, `12.3 ms`, `1.52 s`.
pub(super) fn round_trip(duration: Duration) -> String {
    let micros = duration.as_micros();
    let tenths = micros.saturating_add(50) / 100;
    if tenths == 0 && !duration.is_zero() {
        "<0.1 ms".to_owned()
    } else if tenths < 10_000 {
        format!("{}.{} ms", tenths / 10, tenths % 10)
    } else {
        let hundredths = micros.saturating_add(5_000) / 10_000;
        format!("{}.{:02} s", hundredths / 100, hundredths % 100)
    }
}

/// A wait or an age, where decimals would only distract: `250 ms`, `1.5 s`, `3 s`, `5 min`, `7 h`, `3 d`.
pub(super) fn span(duration: Duration) -> String {
    let millis = duration.as_millis();
    let seconds = duration.as_secs();
    if millis < 1000 {
        format!("{millis} ms")
    } else if seconds < 10 && millis % 1000 >= 50 {
        let tenths = millis.saturating_add(50) / 100;
        if tenths.is_multiple_of(10) {
            format!("{} s", tenths / 10)
        } else {
            format!("{}.{} s", tenths / 10, tenths % 10)
        }
    } else if seconds < 120 {
        format!("{seconds} s")
    } else if seconds < 2 * 3600 {
        format!("{} min", seconds / 60)
    } else if seconds < 2 * 86_400 {
        format!("{} h", seconds / 3600)
    } else {
        format!("{} d", seconds / 86_400)
    }
}

/// A time in seconds, where its size is what matters: `3.5 s`, `17.5 s`, `140 s`.
pub(super) fn seconds(duration: Duration) -> String {
    let tenths = duration.as_millis() / 100;
    if tenths < 1000 && !tenths.is_multiple_of(10) {
        format!("{}.{} s", tenths / 10, tenths % 10)
    } else {
        format!("{} s", tenths / 10)
    }
}

/// The same, rounded up: for what is no more than this.
pub(super) fn seconds_up(duration: Duration) -> String {
    let step = if duration < Duration::from_secs(100) { Duration::from_millis(100) } else { Duration::from_secs(1) };
    seconds(duration + step.saturating_sub(Duration::from_nanos(1)))
}

/// A share of one: `0%`, `<1%`, `33%`.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=100 just before")]
pub(super) fn percent(share: f64) -> String {
    let percent = (share * 100.0).clamp(0.0, 100.0);
    if percent > 0.0 && percent < 1.0 { "<1%".to_owned() } else { format!("{}%", percent.round() as u32) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips() {
        for (micros, text) in [
            (0, "0.0 ms"),
            (40, "<0.1 ms"),
            (400, "0.4 ms"),
            (12_349, "12.3 ms"),
            (999_949, "999.9 ms"),
            (999_950, "1.00 s"),
            (1_523_000, "1.52 s"),
        ] {
            assert_eq!(round_trip(Duration::from_micros(micros)), text);
        }
    }

    #[test]
    fn spans() {
        for (millis, text) in [
            (250, "250 ms"),
            (1_000, "1 s"),
            (1_500, "1.5 s"),
            (1_960, "2 s"),
            (119_000, "119 s"),
            (300_000, "5 min"),
            (7 * 3_600_000, "7 h"),
            (3 * 86_400_000, "3 d"),
        ] {
            assert_eq!(span(Duration::from_millis(millis)), text);
        }
    }

    #[test]
    fn whole_seconds() {
        for (millis, text) in [(0, "0 s"), (3_540, "3.5 s"), (17_999, "17.9 s"), (20_000, "20 s"), (139_900, "139 s")] {
            assert_eq!(seconds(Duration::from_millis(millis)), text);
        }
        for (millis, text) in [(0, "0 s"), (3_540, "3.6 s"), (17_999, "18 s"), (20_000, "20 s"), (139_900, "140 s")] {
            assert_eq!(seconds_up(Duration::from_millis(millis)), text);
        }
    }

    #[test]
    fn shares() {
        for (share, text) in [(0.0, "0%"), (0.004, "<1%"), (1.0 / 3.0, "33%"), (1.0, "100%"), (7.0, "100%")] {
            assert_eq!(percent(share), text);
        }
    }
}
