//! What waits for one connection: notices, disco packets, other packets. Bounded by bytes and by age; the oldest goes
//! first when it is too much. Plain data: locks and wakers are [`outlet`](super::outlet)'s.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;

use super::budget::Budget;
use super::limits::{NOTICE_COST, PACKET_COST};
use super::{DropReason, Limits, PacketKind};
use crate::wire::derp::Frame;

/// Packets that may each keep a buffer of their sender in memory. Those beyond are copied, unless they lie in the same
/// buffer as the one before: a packet of 64 bytes that waits must not keep 64 KiB waiting with it a thousandfold.
const MOST_SHARED: usize = 16;

/// A packet that waits.
#[derive(Debug)]
struct Waiting {
    since: Instant,
    frame: Frame,
    bytes: usize,
    /// Whether it is the first here of the buffer it lies in.
    pins: bool,
}

/// What one connection is still to be told.
#[derive(Debug, Default)]
pub(super) struct Queue {
    notices: VecDeque<Frame>,
    disco: VecDeque<Waiting>,
    data: VecDeque<Waiting>,
    /// Cost of what waits in each.
    disco_cost: usize,
    data_cost: usize,
    /// Cost of what was handed out last, and is presumably being written.
    in_hand: usize,
    pinned: usize,
    /// Where the last packet that was not copied ends.
    shared_until: Option<usize>,
}

/// Called for each packet dropped.
pub(super) type OnDrop<'a> = &'a mut dyn FnMut(DropReason, PacketKind, usize);

impl Queue {
    /// Whether there is anything to hand out.
    pub(super) fn is_empty(&self) -> bool {
        self.notices.is_empty() && self.disco.is_empty() && self.data.is_empty()
    }

    /// Cost of all it holds.
    pub(super) fn cost(&self) -> usize {
        self.disco_cost + self.data_cost + self.in_hand + self.notices.len() * NOTICE_COST
    }

    pub(super) fn notices(&self) -> usize {
        self.notices.len()
    }

    /// Adds a notice, without limit: the caller has looked.
    pub(super) fn push_notice(&mut self, frame: Frame, budget: &Budget) {
        budget.charge(NOTICE_COST);
        self.notices.push_back(frame);
    }

    /// Adds a packet, at the cost of older ones if it must be. False: it was dropped itself.
    pub(super) fn push(
        &mut self,
        now: Instant,
        kind: PacketKind,
        payload: Bytes,
        frame: impl FnOnce(Bytes) -> Frame,
        (limits, budget): (&Limits, &Budget),
        on_drop: OnDrop<'_>,
    ) -> bool {
        let bytes = payload.len();
        let cost = bytes + PACKET_COST;
        self.expire(now, limits, budget, on_drop);
        if !self.could_fit(kind, cost, limits, budget) {
            on_drop(DropReason::QueueTail, kind, bytes);
            return false;
        }
        while !self.fits(kind, cost, limits, budget) && self.make_room(kind, cost, limits, budget, on_drop) {}
        let (payload, pins) = self.share_or_copy(payload);
        budget.charge(cost);
        let waiting = Waiting { since: now, frame: frame(payload), bytes, pins };
        match kind {
            PacketKind::Disco => {
                self.disco_cost += cost;
                self.disco.push_back(waiting);
            }
            PacketKind::Other => {
                self.data_cost += cost;
                self.data.push_back(waiting);
            }
        }
        true
    }

    /// Hands out up to `most` bytes, and at least one frame if there is any: notices, then disco, then the rest. What
    /// was handed out before counts as written.
    pub(super) fn drain(
        &mut self,
        now: Instant,
        most: usize,
        (limits, budget): (&Limits, &Budget),
        batch: &mut Vec<Frame>,
        on_drop: OnDrop<'_>,
    ) -> Handed {
        self.expire(now, limits, budget, on_drop);
        budget.release(std::mem::take(&mut self.in_hand));
        let mut handed = Handed::default();
        let mut left = most;
        while left > 0
            && let Some(frame) = self.notices.pop_front()
        {
            self.in_hand += NOTICE_COST;
            left = left.saturating_sub(NOTICE_COST);
            handed.notices += 1;
            batch.push(frame);
        }
        // Disco goes first, and may not starve the rest: half is the rest's, if it wants it.
        let reserved = if self.data.is_empty() { 0 } else { (left / 2).min(self.data_cost) };
        self.hand_out(PacketKind::Disco, left - reserved, batch, &mut handed);
        let left = left.saturating_sub(handed.cost);
        self.hand_out(PacketKind::Other, left, batch, &mut handed);
        self.in_hand += handed.cost;
        handed
    }

    fn hand_out(&mut self, kind: PacketKind, most: usize, batch: &mut Vec<Frame>, handed: &mut Handed) {
        let mut spent = 0;
        while spent < most
            && let Some(waiting) = self.pop(kind)
        {
            spent += waiting.bytes + PACKET_COST;
            handed.packets += 1;
            handed.bytes += waiting.bytes;
            batch.push(waiting.frame);
        }
        handed.cost += spent;
    }

    /// Empties it for good: the connection is gone.
    pub(super) fn clear(&mut self, budget: &Budget, on_drop: OnDrop<'_>) {
        budget.release(self.cost());
        for kind in PacketKind::ALL {
            while let Some(waiting) = self.pop(kind) {
                on_drop(DropReason::GoneDisconnected, kind, waiting.bytes);
            }
        }
        *self = Self::default();
    }

    /// Whether there would be room if all went that may go for it: nothing is dropped for a packet that is dropped too.
    fn could_fit(&self, kind: PacketKind, cost: usize, limits: &Limits, budget: &Budget) -> bool {
        let (stays, goes, most) = match kind {
            PacketKind::Disco => (0, self.disco_cost + self.data_cost, limits.disco_bytes.min(limits.queue_bytes)),
            PacketKind::Other => (self.disco_cost, self.data_cost, limits.queue_bytes),
        };
        stays + cost <= most && budget.would_allow(stays, cost, goes)
    }

    fn fits(&self, kind: PacketKind, cost: usize, limits: &Limits, budget: &Budget) -> bool {
        let waiting = self.disco_cost + self.data_cost;
        let disco_fits = kind == PacketKind::Other || self.disco_cost + cost <= limits.disco_bytes;
        disco_fits && waiting + cost <= limits.queue_bytes && budget.allows(waiting, cost)
    }

    /// Makes room for a packet of this kind. Others never cost a disco packet its place; disco costs them theirs while
    /// it has no more than its part.
    fn make_room(
        &mut self,
        kind: PacketKind,
        cost: usize,
        limits: &Limits,
        budget: &Budget,
        on_drop: OnDrop<'_>,
    ) -> bool {
        let has_its_part = self.disco_cost + cost > limits.disco_bytes;
        let from = match kind {
            PacketKind::Disco if has_its_part || self.data.is_empty() => PacketKind::Disco,
            _ => PacketKind::Other,
        };
        self.discard(from, budget, on_drop)
    }

    /// Drops the oldest of a kind, if there is one.
    fn discard(&mut self, kind: PacketKind, budget: &Budget, on_drop: OnDrop<'_>) -> bool {
        let Some(waiting) = self.pop(kind) else { return false };
        budget.release(waiting.bytes + PACKET_COST);
        on_drop(DropReason::QueueHead, kind, waiting.bytes);
        true
    }

    fn expire(&mut self, now: Instant, limits: &Limits, budget: &Budget, on_drop: OnDrop<'_>) {
        for kind in PacketKind::ALL {
            let stale = |waiting: &Waiting| now.saturating_duration_since(waiting.since) > limits.age;
            while self.of(kind).front().is_some_and(stale) {
                self.discard(kind, budget, on_drop);
            }
        }
    }

    fn of(&self, kind: PacketKind) -> &VecDeque<Waiting> {
        match kind {
            PacketKind::Disco => &self.disco,
            PacketKind::Other => &self.data,
        }
    }

    fn pop(&mut self, kind: PacketKind) -> Option<Waiting> {
        let (queue, cost) = match kind {
            PacketKind::Disco => (&mut self.disco, &mut self.disco_cost),
            PacketKind::Other => (&mut self.data, &mut self.data_cost),
        };
        let waiting = queue.pop_front()?;
        *cost -= waiting.bytes + PACKET_COST;
        self.pinned -= usize::from(waiting.pins);
        Some(waiting)
    }

    /// The payload as it lies, or a copy if it alone would keep too large a buffer in memory; and whether it is counted
    /// as the one that keeps it.
    fn share_or_copy(&mut self, payload: Bytes) -> (Bytes, bool) {
        let start = payload.as_ptr().addr();
        // The next one of the same buffer begins where the last one ends, a head and perhaps small frames later.
        let follows = self.shared_until.is_some_and(|end| start >= end && start - end <= payload.len() + PACKET_COST);
        if !follows && self.pinned >= MOST_SHARED {
            self.shared_until = None;
            return (Bytes::copy_from_slice(&payload), false);
        }
        self.shared_until = Some(start + payload.len());
        self.pinned += usize::from(!follows);
        (payload, !follows)
    }
}

/// What was handed out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Handed {
    pub(super) notices: usize,
    pub(super) packets: usize,
    /// Bytes of payloads.
    pub(super) bytes: usize,
    cost: usize,
}
