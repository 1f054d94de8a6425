use std::time::Duration;

/// How much may wait, for how long. The defaults are for a relay with a few hundred MiB to spare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes of packets waiting for one connection, bookkeeping included.
    ///
    /// 1 MiB: what a client at 100 Mbit/s takes in 80 ms, a round trip and a scheduler's delay, so that bursts of a
    /// few hundred packets pass whole. A queue counted in packets (32 is customary) loses most of such a burst even
    /// to a reader that keeps up.
    pub queue_bytes: usize,
    /// The part of it that disco packets may take. 128 KiB are some 500 of them, of a hundred peers that all call at
    /// once; more can only be a flood.
    pub disco_bytes: usize,
    /// Longest time a packet waits. 2 s: by then its sender has sent it again (TCP's first retransmission comes after
    /// 1 s, RFC 6298), and to deliver both would only feed the queue.
    pub age: Duration,
    /// Most bytes of packets in memory over all connections: waiting, or handed out and being written.
    pub total_bytes: usize,
    /// Most notices about peers waiting for one connection. They are advice: those beyond it are left out, except for
    /// a watcher, which is told all and cut off at a million, as it would never learn what it missed.
    pub notices: usize,
    /// Longest time a connection may take no byte at all. 5 s: a phone that changes networks is silent for one to
    /// three; memory is bounded by the others meanwhile.
    pub stall: Duration,
    /// Longest time for one batch handed out: a reader that takes a byte now and then is cut off too.
    pub batch: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            queue_bytes: 1 << 20,
            disco_bytes: 128 << 10,
            age: Duration::from_secs(2),
            total_bytes: 256 << 20,
            notices: 1024,
            stall: Duration::from_secs(5),
            batch: Duration::from_secs(30),
        }
    }
}

impl Limits {
    /// Those of a connection between two relays of a mesh: sixteen times the room, as what goes to many clients of the
    /// other relay waits in one queue, and derper's 30 s for a relay that takes nothing. One that has died is noticed
    /// otherwise, and sooner.
    pub(super) fn of_mesh(self) -> Self {
        Self {
            queue_bytes: self.queue_bytes.saturating_mul(16),
            disco_bytes: self.disco_bytes.saturating_mul(16),
            stall: self.stall.max(Duration::from_secs(30)),
            batch: self.batch.max(Duration::from_secs(60)),
            ..self
        }
    }
}

/// Bytes a waiting packet costs beside its payload: its place in the queue, its share of a buffer's bookkeeping.
pub(super) const PACKET_COST: usize = 128;

/// Bytes a waiting notice costs.
pub(super) const NOTICE_COST: usize = 128;

/// Most notices that wait for a watcher: more than a relay has clients.
pub(super) const WATCHER_NOTICES: usize = 1 << 20;
