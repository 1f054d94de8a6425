use std::sync::atomic::{AtomicU64, Ordering};

/// A number that only grows.
#[derive(Debug, Default)]
pub(in crate::drive::relay) struct Counter(AtomicU64);

impl Counter {
    pub(in crate::drive::relay) fn add_one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What happened and is not counted by the switchboard. A field's name is that of derper's metric, where it has one.
#[derive(Debug, Default)]
pub(in crate::drive::relay) struct Tally {
    pub(in crate::drive::relay) got_ping: Counter,
    pub(in crate::drive::relay) sent_pong: Counter,
    pub(in crate::drive::relay) websocket_accepts: Counter,
    /// Clients that were cut off as they took nothing.
    pub(in crate::drive::relay) sclient_write_timeouts: Counter,
    /// Clients that were not let in.
    pub(in crate::drive::relay) refused: Counter,
    pub(in crate::drive::relay) tls_listener_accepted: Counter,
    pub(in crate::drive::relay) tls_listener_rejected: Counter,
    pub(in crate::drive::relay) stun: StunTally,
}

/// STUN requests.
#[derive(Debug, Default)]
pub(in crate::drive::relay) struct StunTally {
    pub(in crate::drive::relay) success: Counter,
    pub(in crate::drive::relay) not_stun: Counter,
    pub(in crate::drive::relay) read_error: Counter,
    pub(in crate::drive::relay) write_error: Counter,
    pub(in crate::drive::relay) ipv4: Counter,
    pub(in crate::drive::relay) ipv6: Counter,
}
