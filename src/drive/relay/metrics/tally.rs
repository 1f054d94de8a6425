use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustls::ProtocolVersion;

/// A number that only grows.
#[derive(Debug, Default)]
pub(in crate::drive::relay) struct Counter(AtomicU64);

impl Counter {
    pub(in crate::drive::relay) fn add_one(&self) {
        self.add(1);
    }

    pub(in crate::drive::relay) fn add(&self, number: u64) {
        self.0.fetch_add(number, Ordering::Relaxed);
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
    pub(in crate::drive::relay) tcp_rtt: RttTally,
}

/// Round-trip times of clients, each measured again and again: derper's classes, which do not add up as those of a
/// histogram of Prometheus' do.
#[derive(Debug, Default)]
pub(in crate::drive::relay) struct RttTally {
    classes: [Counter; 8],
    /// The system did not tell.
    pub(in crate::drive::relay) error: Counter,
}

impl RttTally {
    /// The longest time of each class, in milliseconds; what takes longer is in the last one.
    const UP_TO: [(u64, &'static str); 7] =
        [(10, "10ms"), (20, "20ms"), (50, "50ms"), (100, "100ms"), (150, "150ms"), (250, "250ms"), (500, "500ms")];

    #[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "the system is asked there"))]
    pub(in crate::drive::relay) fn add(&self, round_trip: Duration) {
        let class = Self::UP_TO.iter().position(|(most, _)| round_trip <= Duration::from_millis(*most));
        let [.., longer] = &self.classes;
        class.and_then(|class| self.classes.get(class)).unwrap_or(longer).add_one();
    }

    /// Each class's label, and how often a client was in it.
    pub(super) fn classes(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let labels = Self::UP_TO.iter().map(|(_, label)| *label).chain(["inf"]);
        labels.zip(self.classes.iter().map(Counter::value)).chain([("error", self.error.value())])
    }
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
    /// Of these, without the sockets.
    pub(in crate::drive::relay) in_kernel: Counter,
    pub(in crate::drive::relay) not_stun: Counter,
    pub(in crate::drive::relay) read_error: Counter,
    pub(in crate::drive::relay) write_error: Counter,
    pub(in crate::drive::relay) ipv4: Counter,
    pub(in crate::drive::relay) ipv6: Counter,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_trip_is_in_one_class() {
        let tally = RttTally::default();
        for micros in [0, 10_000, 10_001, 150_000, 500_000, 500_001, u64::from(u32::MAX)] {
            tally.add(Duration::from_micros(micros));
        }
        let counted: Vec<_> = tally.classes().filter(|(_, count)| *count > 0).collect();
        assert_eq!(counted, [("10ms", 2), ("20ms", 1), ("150ms", 1), ("500ms", 1), ("inf", 2)]);
        assert_eq!(tally.classes().count(), 9);
    }
}
