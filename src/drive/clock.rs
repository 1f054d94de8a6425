//! The one place that reads the monotonic clock, and turns it into [`Moment`]s.
//!
//! It knows no wall-clock time: when a run happened is for its caller to note.

use std::time::Instant;

use crate::probe::Moment;

/// A clock that has been running since the run began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    start: Instant,
}

impl Clock {
    /// Starts the clock: [`Moment::START`] is now.
    #[must_use]
    #[allow(clippy::disallowed_methods, reason = "this is the clock everything else is told the time by")]
    pub(crate) fn start() -> Self {
        Self { start: Instant::now() }
    }

    /// The time.
    #[must_use]
    pub(crate) fn now(self) -> Moment {
        Moment::after_start(self.start.elapsed())
    }

    /// A moment as tokio's timers want it. One too far away to be told becomes a year from the start.
    #[must_use]
    pub(crate) fn instant(self, moment: Moment) -> tokio::time::Instant {
        const YEAR: std::time::Duration = std::time::Duration::from_secs(365 * 24 * 3600);
        let passed = moment.since_start().min(YEAR);
        tokio::time::Instant::from_std(self.start.checked_add(passed).unwrap_or(self.start))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn moments_and_instants_agree() {
        let clock = Clock::start();
        let moment = Moment::after_start(Duration::from_millis(5));
        assert_eq!(clock.instant(moment).into_std() - clock.start, Duration::from_millis(5));
        let forever = Moment::after_start(Duration::MAX);
        assert!(clock.instant(forever).into_std() > clock.start);
        let earlier = clock.now();
        assert!(clock.now() >= earlier);
    }
}
