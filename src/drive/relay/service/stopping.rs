//! What a client goes through when the relay stops.

use std::future::Future;
use std::pin::Pin;
use std::task::Context;
use std::time::{Duration, Instant};

use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::end::End;

/// A client that has sent nothing for this long has sent all it had to send.
const QUIET: Duration = Duration::from_millis(50);

/// And one that goes on sending is not listened to longer than this.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How far a client is.
pub(super) enum Stopping {
    /// The relay does not stop.
    Not,
    /// What the client has sent before is still being read.
    Reading { last: Instant, until: Instant },
    /// Other clients are still being read: until this is ready.
    Waiting(Pin<Box<dyn Future<Output = ()> + Send>>),
    /// Nothing more will be accepted for it.
    Delivering,
}

impl Stopping {
    pub(super) fn begin(now: Instant) -> Self {
        Self::Reading { last: now, until: now + LAST_WORDS }
    }

    /// Whether what the client says is still read.
    pub(super) const fn reads(&self) -> bool {
        matches!(self, Self::Not | Self::Reading { .. })
    }

    /// Takes note that the client has said something.
    pub(super) const fn note_read(&mut self, now: Instant) {
        if let Self::Reading { last, .. } = self {
            *last = now;
        }
    }

    /// When to [`step`](Self::step) on, if nothing happens until then.
    pub(super) fn due(&self) -> Option<Instant> {
        match self {
            Self::Reading { last, until } => Some((*last + QUIET).min(*until)),
            _ => None,
        }
    }

    /// Goes on, one step after the other; true if it was a step. `delivered`: nothing is left to be written. `reader` is
    /// there until all that the client sent before the relay stopped has been read, and one of `readers`.
    pub(super) fn step(
        &mut self,
        now: Instant,
        context: &mut Context<'_>,
        delivered: bool,
        readers: &TaskTracker,
        reader: &mut Option<TaskTrackerToken>,
    ) -> Result<bool, End> {
        match self {
            // What was there has been read in this turn: a busy machine may let the timer come before bytes.
            Self::Reading { .. } => {
                if self.due().is_some_and(|due| now < due) {
                    return Ok(false);
                }
                drop(reader.take());
                let readers = readers.clone();
                *self = Self::Waiting(Box::pin(async move { readers.wait().await }));
                Ok(true)
            }
            Self::Waiting(others) => {
                if others.as_mut().poll(context).is_pending() {
                    return Ok(false);
                }
                *self = Self::Delivering;
                Ok(true)
            }
            Self::Delivering if delivered => Err(End::Delivered),
            Self::Not | Self::Delivering => Ok(false),
        }
    }
}
