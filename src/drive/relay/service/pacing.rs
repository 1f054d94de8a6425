use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use crate::derp::{Pace, ServerSession, SharedPace};

/// How fast clients may send: looked at on every turn, and so a number that tells whether anything has changed.
#[derive(Debug, Default)]
pub(super) struct Pacing {
    version: AtomicU64,
    now: RwLock<(Pace, Option<Arc<SharedPace>>)>,
}

impl Pacing {
    /// Sets other paces, from which each client begins with nothing owed. Each is to be woken: it may be pausing.
    pub(super) fn set(&self, now: Instant, each: Pace, all: Pace) {
        let shared = (!all.is_free()).then(|| Arc::new(SharedPace::new(now, all)));
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = (each, shared);
        self.version.fetch_add(1, Ordering::Release);
    }

    /// That of each client.
    pub(super) fn each(&self) -> Pace {
        self.now.read().unwrap_or_else(PoisonError::into_inner).0
    }

    /// Tells a session of the paces, if it does not know these: `known` is what it was told of last, at first zero.
    pub(super) fn tell(&self, now: Instant, known: &mut u64, session: &mut ServerSession) {
        let version = self.version.load(Ordering::Acquire);
        if version != *known {
            *known = version;
            let (each, shared) = self.now.read().unwrap_or_else(PoisonError::into_inner).clone();
            session.set_pace(now, each, shared);
        }
    }
}
