use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustls::ProtocolVersion;

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
    /// Requests over TLS, by version; and connections that use it now.
    pub(super) tls_requests: [Counter; 2],
    pub(super) tls_active: [AtomicU64; 2],
    pub(in crate::drive::relay) stun: StunTally,
}

/// A version of TLS that is spoken here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::drive::relay) enum TlsVersion {
    V1_2,
    V1_3,
}

impl TlsVersion {
    pub(super) const ALL: [Self; 2] = [Self::V1_2, Self::V1_3];

    /// There are two, and any later one would have to be asked for.
    pub(in crate::drive::relay) fn of(negotiated: Option<ProtocolVersion>) -> Self {
        if negotiated == Some(ProtocolVersion::TLSv1_2) { Self::V1_2 } else { Self::V1_3 }
    }

    /// The metric's label.
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::V1_2 => "1.2",
            Self::V1_3 => "1.3",
        }
    }

    pub(super) fn of_each<T>(self, values: &[T; 2]) -> &T {
        let [old, new] = values;
        match self {
            Self::V1_2 => old,
            Self::V1_3 => new,
        }
    }
}

/// A connection over TLS, counted until this is dropped.
#[derive(Debug)]
pub(in crate::drive::relay) struct TlsInUse {
    tally: Arc<Tally>,
    version: TlsVersion,
}

impl TlsInUse {
    pub(in crate::drive::relay) fn begin(tally: Arc<Tally>, version: TlsVersion) -> Self {
        version.of_each(&tally.tls_active).fetch_add(1, Ordering::Relaxed);
        Self { tally, version }
    }

    /// There was a request.
    pub(in crate::drive::relay) fn request(&self) {
        self.version.of_each(&self.tally.tls_requests).add_one();
    }
}

impl Drop for TlsInUse {
    fn drop(&mut self) {
        self.version.of_each(&self.tally.tls_active).fetch_sub(1, Ordering::Relaxed);
    }
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
