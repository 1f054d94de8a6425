use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::signal::{Signal, Told};
use crate::derp::{Rate, TokenBucket};
use crate::drive::relay::admission::Grounds;
use crate::model::NodePublic;

/// Lines about clients that were refused: after so many at once, one in so long. A stranger who keeps trying must not
/// fill the disk.
const REFUSALS_LOGGED: Rate = Rate { per_second: 1, burst: 30 };

/// The connections of clients, and on what grounds each is there.
#[derive(Debug, Default)]
pub(super) struct Roster {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    came: u64,
    present: HashMap<u64, Present>,
    /// What all of them were told, and whoever comes is told too.
    told: Told,
    refusals: Option<TokenBucket>,
    /// Refusals since the last one that was logged.
    unlogged: u64,
}

#[derive(Debug)]
struct Present {
    key: NodePublic,
    grounds: Grounds,
    signal: Arc<Signal>,
}

/// A connection's entry, gone when this is dropped.
#[derive(Debug)]
pub(super) struct Entry<R: AsRef<Roster>> {
    roster: R,
    number: u64,
    /// What the client is told.
    pub(super) signal: Arc<Signal>,
}

impl Roster {
    pub(super) fn enter<R: AsRef<Self>>(roster: R, key: NodePublic, grounds: Grounds) -> Entry<R> {
        let signal = Arc::<Signal>::default();
        let number = {
            let mut state = roster.as_ref().state();
            let number = state.came;
            state.came += 1;
            signal.tell(state.told);
            state.present.insert(number, Present { key, grounds, signal: Arc::clone(&signal) });
            number
        };
        Entry { roster, number, signal }
    }

    pub(super) fn close_unless(&self, admitted: impl Fn(&NodePublic, Grounds) -> bool) {
        for present in self.state().present.values().filter(|present| !admitted(&present.key, present.grounds)) {
            tracing::info!(key = %present.key, "client is no longer on an allow list and is closed");
            present.signal.tell(Told::Leave);
        }
    }

    /// Tells everybody who is here, and everybody who comes.
    pub(super) fn tell_all(&self, what: Told) {
        let mut state = self.state();
        state.told = state.told.max(what);
        for present in state.present.values() {
            present.signal.tell(what);
        }
    }

    /// Makes everybody who is here look around.
    pub(super) fn wake_all(&self) {
        for present in self.state().present.values() {
            present.signal.wake();
        }
    }

    /// Whether a line about a refusal may be logged now, and how many were not since the last one.
    pub(super) fn may_log_refusal(&self, now: Instant) -> Option<u64> {
        let mut state = self.state();
        let bucket = state.refusals.get_or_insert_with(|| TokenBucket::new(now, REFUSALS_LOGGED));
        if bucket.take(now, 1) {
            return Some(std::mem::take(&mut state.unlogged));
        }
        state.unlogged += 1;
        None
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AsRef<Roster> for Arc<super::Service> {
    fn as_ref(&self) -> &Roster {
        &self.roster
    }
}

impl<R: AsRef<Roster>> Drop for Entry<R> {
    fn drop(&mut self) {
        self.roster.as_ref().state().present.remove(&self.number);
    }
}
