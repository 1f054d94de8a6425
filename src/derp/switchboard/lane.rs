//! What waits for one connection and is of one kind, in order.

use std::collections::VecDeque;
use std::time::Instant;

use super::limits::PACKET_COST;
use crate::wire::derp::{Frame, Packets};

/// Something that waits: a packet, or several that came together.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) since: Instant,
    pub(super) content: Content,
    /// Whether it is the first here of the buffer it lies in.
    pub(super) pins: bool,
}

#[derive(Debug)]
pub(super) enum Content {
    /// One packet, as a frame of any type that carries one.
    One {
        frame: Frame,
        /// Bytes of its payload.
        bytes: usize,
    },
    /// As many as came together.
    Some(Packets),
}

impl Content {
    pub(super) fn count(&self) -> usize {
        match self {
            Self::One { .. } => 1,
            Self::Some(packets) => packets.count(),
        }
    }

    /// Bytes of payloads.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::One { bytes, .. } => *bytes,
            Self::Some(packets) => packets.payload_bytes(),
        }
    }

    pub(super) fn cost(&self) -> usize {
        self.bytes() + self.count() * PACKET_COST
    }
}

/// First in, first out.
#[derive(Debug, Default)]
pub(super) struct Lane {
    waiting: VecDeque<Waiting>,
    cost: usize,
    /// How many of those that wait keep a buffer in memory.
    pinned: usize,
}

impl Lane {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) const fn cost(&self) -> usize {
        self.cost
    }

    pub(super) const fn pinned(&self) -> usize {
        self.pinned
    }

    pub(super) fn push(&mut self, waiting: Waiting) {
        self.cost += waiting.content.cost();
        self.pinned += usize::from(waiting.pins);
        self.waiting.push_back(waiting);
    }

    /// Since when the oldest waits.
    pub(super) fn oldest(&self) -> Option<Instant> {
        self.waiting.front().map(|waiting| waiting.since)
    }

    /// Takes the oldest packet out, or those that came with it too, as long as that has cost less than this.
    pub(super) fn pop(&mut self, most: usize) -> Option<Content> {
        let waiting = self.waiting.front_mut()?;
        let too_much = waiting.content.cost() > most;
        if let Content::Some(packets) = &mut waiting.content
            && too_much
        {
            let mut spent = 0;
            let part = packets.split_front(|bytes| {
                let wanted = spent < most.max(1);
                spent += bytes + PACKET_COST;
                wanted
            })?;
            let part = Content::Some(part);
            self.cost -= part.cost();
            if packets.is_empty() {
                self.drop_front();
            }
            return Some(part);
        }
        let waiting = self.drop_front()?;
        self.cost -= waiting.content.cost();
        Some(waiting.content)
    }

    fn drop_front(&mut self) -> Option<Waiting> {
        let waiting = self.waiting.pop_front()?;
        self.pinned -= usize::from(waiting.pins);
        Some(waiting)
    }

    /// Gives back what memory is not used.
    pub(super) fn shrink(&mut self) {
        if self.waiting.is_empty() {
            self.waiting = VecDeque::new();
        }
    }
}
