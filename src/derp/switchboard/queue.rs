//! What waits for one connection: notices, disco packets, other packets. Bounded by bytes and by age; the oldest of
//! whoever sent most goes first when it is too much. Plain data: locks and wakers are [`outlet`](super::outlet)'s.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;

use super::budget::Budget;
use super::lane::{Content, Lane, Waiting};
use super::limits::{NOTICE_COST, PACKET_COST};
use super::{DropReason, Limits, PacketKind};
use crate::model::NodePublic;
use crate::wire::derp::{Frame, Packets};

/// Packets that may each keep a buffer of their sender in memory. Those beyond are copied, unless they lie in the same
/// buffer as the one before: a packet of 64 bytes that waits must not keep 64 KiB waiting with it a thousandfold.
const MOST_SHARED: usize = 16;

/// What one connection is still to be told.
#[derive(Debug, Default)]
pub(super) struct Queue {
    notices: VecDeque<Frame>,
    disco: Lane,
    data: Lane,
    /// Cost of what was handed out last, and is presumably being written.
    in_hand: usize,
    /// Where the last packet that was not copied ends.
    shared_until: Option<usize>,
}

/// When a packet came, from whom, and what it looks like.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival<'a> {
    pub(super) now: Instant,
    pub(super) source: &'a NodePublic,
    pub(super) kind: PacketKind,
}

/// Called with packets dropped: how many, and the bytes of their payloads.
pub(super) type OnDrop<'a> = &'a mut dyn FnMut(DropReason, PacketKind, usize, usize);

/// Where what is handed out is put.
pub trait Tray {
    /// Takes a notice, or a packet in a frame of its own.
    fn frame(&mut self, frame: Frame);

    /// Takes packets that came together.
    fn packets(&mut self, packets: Packets);
}

impl Tray for Vec<Frame> {
    fn frame(&mut self, frame: Frame) {
        self.push(frame);
    }

    fn packets(&mut self, packets: Packets) {
        self.extend(packets.decoded());
    }
}

impl Queue {
    /// Whether there is anything to hand out.
    pub(super) fn is_empty(&self) -> bool {
        self.notices.is_empty() && self.disco.is_empty() && self.data.is_empty()
    }

    /// Cost of all it holds.
    pub(super) fn cost(&self) -> usize {
        self.waiting() + self.in_hand + self.notices.len() * NOTICE_COST
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
        Arrival { now, source, kind }: Arrival<'_>,
        payload: Bytes,
        frame: impl FnOnce(Bytes) -> Frame,
        (limits, budget): (&Limits, &Budget),
        on_drop: OnDrop<'_>,
    ) -> bool {
        let bytes = payload.len();
        self.expire(now, limits, budget, on_drop);
        if !self.make_fit(kind, bytes, limits, budget, on_drop) {
            return false;
        }
        let (payload, pins) = match self.share(&payload) {
            Some(pins) => (payload, pins),
            None => (Bytes::copy_from_slice(&payload), false),
        };
        let waiting = Waiting { since: now, content: Content::One { frame: frame(payload), bytes }, pins };
        self.keep(source, kind, waiting, budget);
        true
    }

    /// Adds packets that came together: all of them if there is room, else one by one. Returns how many were not dropped
    /// themselves.
    pub(super) fn push_packets(
        &mut self,
        now: Instant,
        source: &NodePublic,
        mut packets: Packets,
        (limits, budget): (&Limits, &Budget),
        on_drop: OnDrop<'_>,
    ) -> usize {
        let kind = PacketKind::of_packets(&packets);
        self.expire(now, limits, budget, on_drop);
        let cost = packets.payload_bytes() + packets.count() * PACKET_COST;
        if self.fits(kind, cost, limits, budget) {
            let count = packets.count();
            self.keep_packets(now, source, kind, packets, budget);
            return count;
        }
        let mut taken = 0;
        while let Some(one) = split_one(&mut packets) {
            if self.make_fit(kind, one.payload_bytes(), limits, budget, on_drop) {
                self.keep_packets(now, source, kind, one, budget);
                taken += 1;
            }
        }
        taken
    }

    fn keep_packets(&mut self, now: Instant, source: &NodePublic, kind: PacketKind, packets: Packets, budget: &Budget) {
        let (packets, pins) = match self.share(packets.frames()) {
            Some(pins) => (packets, pins),
            None => (packets.copied(), false),
        };
        self.keep(source, kind, Waiting { since: now, content: Content::Some(packets), pins }, budget);
    }

    fn keep(&mut self, source: &NodePublic, kind: PacketKind, waiting: Waiting, budget: &Budget) {
        budget.charge(waiting.content.cost());
        self.lane(kind).push(source, waiting);
    }

    /// Hands out up to `most` bytes, and at least one frame if there is any: notices, then disco, then the rest. What
    /// was handed out before counts as written.
    pub(super) fn drain(
        &mut self,
        now: Instant,
        most: usize,
        (limits, budget): (&Limits, &Budget),
        tray: &mut impl Tray,
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
            tray.frame(frame);
        }
        // Disco goes first, and may not starve the rest: half is the rest's, if it wants it.
        let reserved = if self.data.is_empty() { 0 } else { (left / 2).min(self.data.cost()) };
        self.hand_out(PacketKind::Disco, left - reserved, tray, &mut handed);
        let left = left.saturating_sub(handed.cost);
        self.hand_out(PacketKind::Other, left, tray, &mut handed);
        self.in_hand += handed.cost;
        handed
    }

    fn hand_out(&mut self, kind: PacketKind, most: usize, tray: &mut impl Tray, handed: &mut Handed) {
        let mut spent = 0;
        while spent < most
            && let Some(content) = self.lane(kind).pop(most - spent)
        {
            spent += content.cost();
            handed.packets += content.count();
            handed.bytes += content.bytes();
            match content {
                Content::One { frame, .. } => tray.frame(frame),
                Content::Some(packets) => tray.packets(packets),
            }
        }
        handed.cost += spent;
    }

    /// Empties it for good: the connection is gone.
    pub(super) fn clear(&mut self, budget: &Budget, on_drop: OnDrop<'_>) {
        budget.release(self.cost());
        for kind in PacketKind::ALL {
            while let Some(content) = self.lane(kind).pop(usize::MAX) {
                on_drop(DropReason::GoneDisconnected, kind, content.count(), content.bytes());
            }
        }
        *self = Self::default();
    }

    /// Gives back memory that nothing is in.
    pub(super) fn shrink(&mut self) {
        self.disco.shrink();
        self.data.shrink();
        if self.notices.is_empty() {
            self.notices = VecDeque::new();
        }
    }

    /// Makes room for one packet, at the cost of older ones if it must be. False: it is dropped itself.
    fn make_fit(
        &mut self,
        kind: PacketKind,
        bytes: usize,
        limits: &Limits,
        budget: &Budget,
        on_drop: OnDrop<'_>,
    ) -> bool {
        let cost = bytes + PACKET_COST;
        if !self.could_fit(kind, cost, limits, budget) {
            on_drop(DropReason::QueueTail, kind, 1, bytes);
            return false;
        }
        while !self.fits(kind, cost, limits, budget) && self.make_room(kind, cost, limits, budget, on_drop) {}
        true
    }

    /// Whether there would be room if all went that may go for it: nothing is dropped for a packet that is dropped too.
    fn could_fit(&self, kind: PacketKind, cost: usize, limits: &Limits, budget: &Budget) -> bool {
        let (stays, goes, most) = match kind {
            PacketKind::Disco => (0, self.waiting(), limits.disco_bytes.min(limits.queue_bytes)),
            PacketKind::Other => (self.disco.cost(), self.data.cost(), limits.queue_bytes),
        };
        stays + cost <= most && budget.would_allow(stays, cost, goes)
    }

    fn fits(&self, kind: PacketKind, cost: usize, limits: &Limits, budget: &Budget) -> bool {
        let waiting = self.waiting();
        let disco_fits = kind == PacketKind::Other || self.disco.cost() + cost <= limits.disco_bytes;
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
        let has_its_part = self.disco.cost() + cost > limits.disco_bytes;
        let from = match kind {
            PacketKind::Disco if has_its_part || self.data.is_empty() => PacketKind::Disco,
            _ => PacketKind::Other,
        };
        self.discard(from, budget, on_drop)
    }

    /// Drops the oldest packet of a kind, if there is one, of the source that has most waiting.
    fn discard(&mut self, kind: PacketKind, budget: &Budget, on_drop: OnDrop<'_>) -> bool {
        let Some(content) = self.lane(kind).pop_of_most() else { return false };
        Self::lost(&content, kind, budget, on_drop);
        true
    }

    fn expire(&mut self, now: Instant, limits: &Limits, budget: &Budget, on_drop: OnDrop<'_>) {
        for kind in PacketKind::ALL {
            let stale = |since| now.saturating_duration_since(since) > limits.age;
            while let Some(content) = self.lane(kind).pop_stale(stale) {
                Self::lost(&content, kind, budget, on_drop);
            }
        }
    }

    fn lost(content: &Content, kind: PacketKind, budget: &Budget, on_drop: OnDrop<'_>) {
        budget.release(content.cost());
        on_drop(DropReason::QueueHead, kind, content.count(), content.bytes());
    }

    fn lane(&mut self, kind: PacketKind) -> &mut Lane {
        match kind {
            PacketKind::Disco => &mut self.disco,
            PacketKind::Other => &mut self.data,
        }
    }

    /// Cost of all packets that wait.
    const fn waiting(&self) -> usize {
        self.disco.cost() + self.data.cost()
    }

    /// Whether bytes may be kept as they lie, and then whether they are counted as what keeps their buffer. `None`: they
    /// alone would keep too large a buffer in memory, and are to be copied.
    fn share(&mut self, bytes: &[u8]) -> Option<bool> {
        let start = bytes.as_ptr().addr();
        // The next one of the same buffer begins where the last one ends, a head and perhaps small frames later.
        let follows = self.shared_until.is_some_and(|end| start >= end && start - end <= bytes.len() + PACKET_COST);
        if !follows && self.disco.pinned() + self.data.pinned() >= MOST_SHARED {
            self.shared_until = None;
            return None;
        }
        self.shared_until = Some(start + bytes.len());
        Some(!follows)
    }
}

/// Takes the first one off.
fn split_one(packets: &mut Packets) -> Option<Packets> {
    let mut first = true;
    packets.split_front(|_| std::mem::take(&mut first))
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
