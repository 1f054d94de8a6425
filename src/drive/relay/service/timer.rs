use std::future::Future as _;
use std::pin::Pin;
use std::task::Context;
use std::time::Instant;

use tokio::time::Sleep;

/// Wakes a task at the time it wants to be woken at, or earlier.
pub(super) struct Timer {
    sleep: Pin<Box<Sleep>>,
    set: Option<Instant>,
}

impl Timer {
    pub(super) fn new(now: Instant) -> Self {
        Self { sleep: Box::pin(tokio::time::sleep_until(now.into())), set: None }
    }

    /// Whether the time has come. Otherwise the task is woken when it has.
    pub(super) fn poll_due(&mut self, now: Instant, wanted: Option<Instant>, context: &mut Context<'_>) -> bool {
        if self.set.is_some_and(|set| now >= set) {
            self.set = None;
        }
        let Some(wanted) = wanted else { return false };
        if self.set.is_some_and(|set| set <= wanted) {
            return false;
        }
        self.sleep.as_mut().reset(wanted.into());
        self.set = Some(wanted);
        let due = self.sleep.as_mut().poll(context).is_ready();
        if due {
            self.set = None;
        }
        due
    }
}
