//! What a client's task is told by the relay: looked at on every turn, and so no lock and no list.

use std::sync::atomic::{AtomicU8, Ordering};
use std::task::Context;

use futures_util::task::AtomicWaker;

/// What a client is to do. Later ones outrank earlier ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Told {
    /// Stay.
    #[default]
    Stay,
    /// The relay stops: deliver what was accepted, and leave.
    Stop,
    /// Leave: its key is no longer admitted.
    Leave,
    /// Leave at once.
    Cut,
}

/// Tells one task.
#[derive(Debug, Default)]
pub(super) struct Signal {
    told: AtomicU8,
    waker: AtomicWaker,
}

impl Signal {
    /// Tells it this, unless it has been told what outranks it.
    pub(super) fn tell(&self, what: Told) {
        self.told.fetch_max(what as u8, Ordering::Release);
        self.waker.wake();
    }

    /// Makes the task take a turn.
    pub(super) fn wake(&self) {
        self.waker.wake();
    }

    /// What it was told. It is woken when that changes.
    pub(super) fn poll(&self, context: &Context<'_>) -> Told {
        self.waker.register(context.waker());
        match self.told.load(Ordering::Acquire) {
            0 => Told::Stay,
            1 => Told::Stop,
            2 => Told::Leave,
            _ => Told::Cut,
        }
    }
}
