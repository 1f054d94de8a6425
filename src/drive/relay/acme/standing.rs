//! How it is with the authority, for the owner to see.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::failure::{Failure, Kind};

/// What has come of it so far.
#[derive(Debug, Default)]
pub(in crate::drive::relay) struct Standing(Mutex<Facts>);

/// The same, as of now.
#[derive(Clone, Debug, Default)]
pub(in crate::drive::relay) struct Facts {
    pub(in crate::drive::relay) obtained: u64,
    failed: [u64; Kind::ALL.len()],
    /// The failure since the last success, and when it was.
    pub(in crate::drive::relay) failure: Option<(SystemTime, String)>,
    /// When the authority is asked next.
    pub(in crate::drive::relay) next: Option<SystemTime>,
}

impl Facts {
    /// Attempts that failed, by whose fault it was.
    pub(in crate::drive::relay) fn failures(&self) -> impl Iterator<Item = (Kind, u64)> {
        Kind::ALL.into_iter().zip(self.failed)
    }
}

impl Standing {
    pub(in crate::drive::relay) fn facts(&self) -> Facts {
        self.state().clone()
    }

    pub(super) fn obtained(&self) {
        let mut state = self.state();
        state.obtained += 1;
        state.failure = None;
    }

    pub(super) fn failed(&self, now: SystemTime, failure: &Failure) {
        let mut state = self.state();
        let counters = Kind::ALL.into_iter().zip(&mut state.failed);
        for (_, count) in counters.filter(|(kind, _)| *kind == failure.kind) {
            *count += 1;
        }
        state.failure = Some((now, failure.to_string()));
    }

    pub(super) fn next(&self, at: SystemTime) {
        self.state().next = Some(at);
    }

    fn state(&self) -> MutexGuard<'_, Facts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
