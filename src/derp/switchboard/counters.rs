//! What happened, counted: by the names derper's metrics have, so that dashboards made for those fit.

use std::array;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{DropReason, PacketKind};

/// Things counted that have no labels.
#[derive(Clone, Copy, Debug)]
pub(super) enum Count {
    Accepts,
    PacketsReceived,
    BytesReceived,
    PacketsSent,
    BytesSent,
    ReceivedDisco,
    ReceivedOther,
    ForwardedIn,
    ForwardedOut,
    GoneDisconnected,
    GoneNotHere,
    DupClientConns,
    HomeMovesIn,
    HomeMovesOut,
}

const COUNTS: usize = 14;
const REASONS: usize = 7;
const KINDS: usize = 2;

/// Stripes, so that cores do not fight for one cache line on every packet.
const STRIPES: usize = 16;

/// Counters of a switchboard, readable at any time.
#[derive(Debug)]
pub struct Counters {
    stripes: [Stripe; STRIPES],
}

/// Two cache lines apart: processors fetch lines in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Stripe {
    counts: [AtomicU64; COUNTS],
    dropped_packets: [[AtomicU64; KINDS]; REASONS],
    dropped_bytes: [[AtomicU64; KINDS]; REASONS],
}

impl Default for Counters {
    fn default() -> Self {
        Self { stripes: array::from_fn(|_| Stripe::default()) }
    }
}

impl Counters {
    /// Adds to a counter; `place` is anything that differs among those who count.
    pub(super) fn add(&self, place: u64, count: Count, amount: u64) {
        if let Some(counter) = self.stripe(place).counts.get(count as usize) {
            counter.fetch_add(amount, Ordering::Relaxed);
        }
    }

    /// Counts dropped packets, and the bytes of their payloads.
    pub(super) fn dropped(&self, place: u64, reason: DropReason, kind: PacketKind, packets: usize, bytes: usize) {
        let stripe = self.stripe(place);
        for (counters, amount) in [(&stripe.dropped_packets, packets as u64), (&stripe.dropped_bytes, bytes as u64)] {
            if let Some(counter) = counters.get(reason as usize).and_then(|kinds| kinds.get(kind as usize)) {
                counter.fetch_add(amount, Ordering::Relaxed);
            }
        }
    }

    fn stripe(&self, place: u64) -> &Stripe {
        let [first, ..] = &self.stripes;
        usize::try_from(place % STRIPES as u64).ok().and_then(|place| self.stripes.get(place)).unwrap_or(first)
    }

    /// The sums. Each is right; that they were so at one moment is not promised.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let sum = |of: &dyn Fn(&Stripe) -> u64| self.stripes.iter().map(of).fold(0, u64::wrapping_add);
        let count = |count: Count| {
            sum(&|stripe| stripe.counts.get(count as usize).map_or(0, |counter| counter.load(Ordering::Relaxed)))
        };
        let cell = |cells: &[[AtomicU64; KINDS]; REASONS], reason: DropReason, kind: PacketKind| {
            let counter = cells.get(reason as usize).and_then(|kinds| kinds.get(kind as usize));
            counter.map_or(0, |counter| counter.load(Ordering::Relaxed))
        };
        let mut dropped = Vec::with_capacity(REASONS * KINDS);
        for reason in DropReason::ALL {
            for kind in PacketKind::ALL {
                let packets = sum(&|stripe| cell(&stripe.dropped_packets, reason, kind));
                let bytes = sum(&|stripe| cell(&stripe.dropped_bytes, reason, kind));
                dropped.push(Dropped { reason, kind, packets, bytes });
            }
        }
        Snapshot {
            accepts: count(Count::Accepts),
            packets_received: count(Count::PacketsReceived),
            bytes_received: count(Count::BytesReceived),
            packets_sent: count(Count::PacketsSent),
            bytes_sent: count(Count::BytesSent),
            packets_received_disco: count(Count::ReceivedDisco),
            packets_received_other: count(Count::ReceivedOther),
            packets_forwarded_in: count(Count::ForwardedIn),
            packets_forwarded_out: count(Count::ForwardedOut),
            peer_gone_disconnected_frames: count(Count::GoneDisconnected),
            peer_gone_not_here_frames: count(Count::GoneNotHere),
            total_dup_client_conns: count(Count::DupClientConns),
            home_moves_in: count(Count::HomeMovesIn),
            home_moves_out: count(Count::HomeMovesOut),
            dropped,
        }
    }
}

/// The counters at a time. Bytes are those of payloads. A field's name is the metric's, without its prefix.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Connections that joined.
    pub accepts: u64,
    /// Packets clients sent.
    pub packets_received: u64,
    /// Bytes of them.
    pub bytes_received: u64,
    /// Packets handed out to be written.
    pub packets_sent: u64,
    /// Bytes of them.
    pub bytes_sent: u64,
    /// Packets clients sent that look like disco: `packets_received_kind{kind="disco"}`.
    pub packets_received_disco: u64,
    /// And those that do not.
    pub packets_received_other: u64,
    /// Packets other relays of the mesh sent for clients here.
    pub packets_forwarded_in: u64,
    /// Packets handed to links to other relays of the mesh.
    pub packets_forwarded_out: u64,
    /// Notices that a peer left.
    pub peer_gone_disconnected_frames: u64,
    /// Notices that a peer is not here.
    pub peer_gone_not_here_frames: u64,
    /// Connections that joined while their key had another one.
    pub total_dup_client_conns: u64,
    /// Clients that made this relay their home, other than right after they joined.
    pub home_moves_in: u64,
    /// Clients that chose another home.
    pub home_moves_out: u64,
    /// `packets_dropped` and `bytes_dropped`, every reason and kind, zeros too.
    pub dropped: Vec<Dropped>,
}

impl Snapshot {
    /// Packets dropped for a reason, of either kind.
    #[must_use]
    pub fn dropped_for(&self, reason: DropReason) -> u64 {
        self.dropped.iter().filter(|dropped| dropped.reason == reason).map(|dropped| dropped.packets).sum()
    }
}

/// Packets dropped for one reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// The reason.
    pub reason: DropReason,
    /// What they looked like.
    pub kind: PacketKind,
    /// How many.
    pub packets: u64,
    /// Bytes of their payloads.
    pub bytes: u64,
}
