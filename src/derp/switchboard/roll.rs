//! Who is here, one by one: for a person who looks, not for every packet.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::{Member, Outlet};

/// One connection at a time. Bytes are those of payloads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Present {
    /// Who it is.
    pub member: Member,
    /// When it joined.
    pub since: Instant,
    /// Whether this relay is its home.
    pub home: bool,
    /// Whether it watches who is here.
    pub watching: bool,
    /// Packets it sent, those it forwarded among them.
    pub packets_received: u64,
    /// Bytes of them.
    pub bytes_received: u64,
    /// Packets handed out to be written to it.
    pub packets_sent: u64,
    /// Bytes of them.
    pub bytes_sent: u64,
    /// Bytes that wait for it, or are being written.
    pub held: usize,
    /// How long its TCP takes there and back, when that was measured last.
    pub round_trip: Option<Duration>,
}

/// What one connection carried.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    packets_received: AtomicU64,
    bytes_received: AtomicU64,
    packets_sent: AtomicU64,
    bytes_sent: AtomicU64,
    /// Microseconds; 0 as long as nothing is known.
    round_trip: AtomicU32,
}

impl Traffic {
    pub(super) fn received(&self, packets: u64, bytes: u64) {
        self.packets_received.fetch_add(packets, Ordering::Relaxed);
        self.bytes_received.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn sent(&self, packets: usize, bytes: usize) {
        self.packets_sent.fetch_add(packets as u64, Ordering::Relaxed);
        self.bytes_sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Notes how long it takes there and back.
    pub(super) fn takes(&self, round_trip: Duration) {
        self.round_trip.store(u32::try_from(round_trip.as_micros()).unwrap_or(u32::MAX).max(1), Ordering::Relaxed);
    }

    fn round_trip(&self) -> Option<Duration> {
        let micros = self.round_trip.load(Ordering::Relaxed);
        (micros > 0).then(|| Duration::from_micros(micros.into()))
    }

    fn bytes(&self) -> u64 {
        self.bytes_received.load(Ordering::Relaxed).saturating_add(self.bytes_sent.load(Ordering::Relaxed))
    }
}

/// Those with most bytes, the busiest first; of equals, whoever came first.
pub(super) fn busiest(everybody: Vec<Arc<Outlet>>, most: usize) -> Vec<Present> {
    // What carries packets meanwhile must not change its place while places are compared.
    let mut ranked: Vec<_> =
        everybody.into_iter().map(|outlet| (u64::MAX - outlet.traffic.bytes(), outlet.id, outlet)).collect();
    let rank = |(bytes, id, _): &(u64, u64, Arc<Outlet>)| (*bytes, *id);
    if most < ranked.len() {
        ranked.select_nth_unstable_by_key(most, rank);
        ranked.truncate(most);
    }
    ranked.sort_unstable_by_key(rank);
    ranked.into_iter().map(|(.., outlet)| present(&outlet)).collect()
}

fn present(outlet: &Outlet) -> Present {
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    Present {
        member: outlet.member,
        since: outlet.since,
        home: outlet.home.load(Ordering::Relaxed),
        watching: outlet.is_watching(),
        packets_received: count(&outlet.traffic.packets_received),
        bytes_received: count(&outlet.traffic.bytes_received),
        packets_sent: count(&outlet.traffic.packets_sent),
        bytes_sent: count(&outlet.traffic.bytes_sent),
        held: outlet.held(),
        round_trip: outlet.traffic.round_trip(),
    }
}
