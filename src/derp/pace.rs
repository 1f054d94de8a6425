use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::bucket::{Rate, TokenBucket};

/// How fast somebody may send. `None`: as fast as it goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pace {
    /// Bytes of frames' bodies.
    pub bytes: Option<Rate>,
    /// Packets.
    pub packets: Option<Rate>,
}

impl Pace {
    /// Whether there is anything to keep to.
    #[must_use]
    pub const fn is_free(&self) -> bool {
        self.bytes.is_none() && self.packets.is_none()
    }
}

/// Measures what is sent against a [`Pace`]. Nothing is ever dropped: whoever is too fast is not read from until what it
/// has sent already is paid for, and TCP makes it wait.
#[derive(Debug)]
pub(super) struct Pacer {
    bytes: Option<TokenBucket>,
    packets: Option<TokenBucket>,
}

impl Pacer {
    pub(super) fn new(now: Instant, pace: Pace) -> Self {
        let bucket = |rate: Option<Rate>| rate.map(|rate| TokenBucket::new(now, rate));
        Self { bytes: bucket(pace.bytes), packets: bucket(pace.packets) }
    }

    /// Charges for what has been read, and returns until when nothing more is to be read.
    pub(super) fn owe(&mut self, now: Instant, bytes: u64, packets: u64) -> Option<Instant> {
        let bytes = self.bytes.as_mut().and_then(|bucket| bucket.owe(now, bytes));
        let packets = self.packets.as_mut().filter(|_| packets > 0).and_then(|bucket| bucket.owe(now, packets));
        bytes.max(packets)
    }
}

/// A [`Pace`] that all clients keep to together. Each waits until what was read before it, and what was read of itself,
/// is paid for: one that sends little waits behind no more than the last read of each of the others.
#[derive(Debug)]
pub struct SharedPace(Mutex<Pacer>);

impl SharedPace {
    /// Nothing has been sent yet.
    #[must_use]
    pub fn new(now: Instant, pace: Pace) -> Self {
        Self(Mutex::new(Pacer::new(now, pace)))
    }

    pub(super) fn owe(&self, now: Instant, bytes: u64, packets: u64) -> Option<Instant> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).owe(now, bytes, packets)
    }
}
