use std::time::{Duration, Instant};

/// How much may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Units a second, bytes or events. 0 lets only the burst pass.
    pub per_second: u64,
    /// Units at once after a pause.
    pub burst: u64,
}

/// A token bucket: full at first, refilled steadily, never above its burst.
#[derive(Clone, Copy, Debug)]
pub struct TokenBucket {
    rate: Rate,
    /// In billionths of a unit, below zero when more was [owed](Self::owe) than there was.
    level: i128,
    at: Instant,
}

/// Billionths in a unit: a nanosecond adds as many of them as the rate has units a second.
const UNIT: i128 = 1_000_000_000;

impl TokenBucket {
    /// A full bucket.
    #[must_use]
    pub fn new(now: Instant, rate: Rate) -> Self {
        Self { rate, level: i128::from(rate.burst) * UNIT, at: now }
    }

    /// Takes this much if it is there: all or nothing.
    pub fn take(&mut self, now: Instant, amount: u64) -> bool {
        self.refill(now);
        let amount = i128::from(amount) * UNIT;
        let enough = self.level >= amount;
        if enough {
            self.level -= amount;
        }
        enough
    }

    /// Takes this much in any case, and returns when the bucket is out of debt: `None` if it is not in debt.
    pub fn owe(&mut self, now: Instant, amount: u64) -> Option<Instant> {
        self.refill(now);
        self.level -= i128::from(amount) * UNIT;
        if self.level >= 0 {
            return None;
        }
        let nanos = self.level.unsigned_abs().div_ceil(u128::from(self.rate.per_second.max(1)));
        now.checked_add(Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))
    }

    fn refill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.at);
        self.at = self.at.max(now);
        let gained = i128::try_from(passed.as_nanos()).unwrap_or(i128::MAX);
        let gained = gained.saturating_mul(self.rate.per_second.into());
        self.level = self.level.saturating_add(gained).min(i128::from(self.rate.burst) * UNIT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::disallowed_methods, reason = "some moment to count from")]
    fn a_bucket_holds_its_burst_and_fills_at_its_rate() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut bucket = TokenBucket::new(start, Rate { per_second: 1, burst: 3 });
        assert_eq!([0, 0, 0, 0].map(|millis| bucket.take(at(millis), 1)), [true, true, true, false]);
        assert_eq!([999, 1000, 1000].map(|millis| bucket.take(at(millis), 1)), [false, true, false]);
        assert_eq!([9000, 9000, 9000, 9000].map(|millis| bucket.take(at(millis), 1)), [true, true, true, false]);
        // Time that runs backwards gives nothing twice.
        assert!(!bucket.take(at(0), 1));
        assert!(bucket.take(at(10_000), 1));
    }

    #[test]
    #[allow(clippy::disallowed_methods, reason = "some moment to count from")]
    fn debt_is_paid_off_at_the_rate() {
        let start = Instant::now();
        let mut bucket = TokenBucket::new(start, Rate { per_second: 20_000, burst: 65_568 });
        assert_eq!(bucket.owe(start, 65_568), None);
        assert_eq!(bucket.owe(start, 20_000), Some(start + Duration::from_secs(1)));
        assert_eq!(bucket.owe(start + Duration::from_secs(1), 10_000), Some(start + Duration::from_millis(1500)));
        let mut closed = TokenBucket::new(start, Rate { per_second: 0, burst: 0 });
        assert!(closed.owe(start, u64::MAX).is_none_or(|until| until > start));
    }
}
