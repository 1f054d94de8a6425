//! What waits for one connection and is of one kind, by source.

use std::collections::VecDeque;
use std::time::Instant;

use super::limits::PACKET_COST;
use crate::model::NodePublic;
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

/// Bytes a source may have taken out before the next one's turn comes: a few packets, or one of the largest at a debt.
const QUANTUM: usize = 8 << 10;

/// Sources that are told apart; those beyond share a turn. Every packet is looked up among them, and none may take long.
const MOST_FLOWS: usize = 128;

/// Packets in the order they came, by source; sources take turns, so that whoever sends much waits behind himself. What
/// is dropped is the oldest of whoever has most waiting.
///
/// This is deficit round robin (Shreedhar and Varghese, 1995) with the drop policy of FQ-CoDel (RFC 8290 section 4.2).
/// Sources are told apart by their whole key: a hash of it could be made to meet a victim's.
#[derive(Debug, Default)]
pub(super) struct Lane {
    /// The first one's turn it is. None of them is empty.
    flows: VecDeque<Flow>,
    cost: usize,
    /// How many of those that wait keep a buffer in memory.
    pinned: usize,
}

/// What waits and comes from one source.
#[derive(Debug)]
struct Flow {
    /// `None`: from all those that came when there were too many to be told apart.
    source: Option<NodePublic>,
    waiting: VecDeque<Waiting>,
    cost: usize,
    /// Bytes it may have taken out before the next one's turn comes. Below zero, it has had more than its share.
    credit: isize,
}

impl Lane {
    pub(super) fn is_empty(&self) -> bool {
        self.flows.is_empty()
    }

    pub(super) const fn cost(&self) -> usize {
        self.cost
    }

    pub(super) const fn pinned(&self) -> usize {
        self.pinned
    }

    pub(super) fn push(&mut self, source: &NodePublic, waiting: Waiting) {
        let cost = waiting.content.cost();
        self.cost += cost;
        self.pinned += usize::from(waiting.pins);
        let source = self.place(source);
        if let Some(flow) = self.flows.iter_mut().find(|flow| flow.source == source) {
            flow.cost += cost;
            flow.waiting.push_back(waiting);
        } else {
            let waiting = VecDeque::from([waiting]);
            self.flows.push_back(Flow { source, waiting, cost, credit: QUANTUM.cast_signed() });
        }
    }

    /// Where a source's next packet belongs. As long as anything waits with those that are not told apart, nobody is
    /// newly told apart: it could overtake itself.
    fn place(&self, source: &NodePublic) -> Option<NodePublic> {
        let mut rest = self.flows.len() >= MOST_FLOWS;
        for flow in &self.flows {
            match &flow.source {
                Some(known) if known == source => return Some(*source),
                Some(_) => {}
                None => rest = true,
            }
        }
        (!rest).then_some(*source)
    }

    /// Takes out what is next: the oldest of the source whose turn it is, and those that came with it, as long as that
    /// has cost less than `most`.
    pub(super) fn pop(&mut self, most: usize) -> Option<Content> {
        if self.flows.len() == 1 {
            // Nobody waits for it, so that it owes nobody.
            self.flows.iter_mut().for_each(|flow| flow.credit = QUANTUM.cast_signed());
            return self.take(0, most);
        }
        while let Some(flow) = self.flows.front_mut()
            && flow.credit <= 0
        {
            flow.credit += QUANTUM.cast_signed();
            self.flows.rotate_left(1);
        }
        let credit = self.flows.front()?.credit;
        let flows = self.flows.len();
        let content = self.take(0, most.min(credit.unsigned_abs()))?;
        if flows == self.flows.len()
            && let Some(flow) = self.flows.front_mut()
        {
            flow.credit = credit - content.cost().cast_signed();
        }
        Some(content)
    }

    /// Takes the oldest packet out of those of the source that has most waiting.
    pub(super) fn pop_of_most(&mut self) -> Option<Content> {
        let most = self.flows.iter().enumerate().max_by_key(|(_, flow)| flow.cost).map(|(at, _)| at)?;
        self.take(most, 1)
    }

    /// Takes the oldest packet out that has waited since before this.
    pub(super) fn pop_stale(&mut self, is_stale: impl Fn(Instant) -> bool) -> Option<Content> {
        let stale = |flow: &Flow| flow.waiting.front().is_some_and(|waiting| is_stale(waiting.since));
        let at = self.flows.iter().position(stale)?;
        self.take(at, 1)
    }

    /// Takes out the oldest of a flow, as long as that has cost less than `most`.
    fn take(&mut self, at: usize, most: usize) -> Option<Content> {
        let flow = self.flows.get_mut(at)?;
        let (content, pins) = flow.take(most)?;
        self.cost -= content.cost();
        self.pinned -= usize::from(pins);
        if flow.waiting.is_empty() {
            self.flows.remove(at);
        }
        Some(content)
    }

    /// Gives back what memory is not used.
    pub(super) fn shrink(&mut self) {
        if self.flows.is_empty() {
            self.flows = VecDeque::new();
        }
    }
}

impl Flow {
    /// And whether what is taken out was the last that kept its buffer.
    fn take(&mut self, most: usize) -> Option<(Content, bool)> {
        let (content, pins) = self.split_or_pop(most)?;
        self.cost -= content.cost();
        Some((content, pins))
    }

    fn split_or_pop(&mut self, most: usize) -> Option<(Content, bool)> {
        let first = self.waiting.front_mut()?;
        let too_much = first.content.cost() > most;
        if let Content::Some(packets) = &mut first.content
            && too_much
        {
            let mut spent = 0;
            let part = packets.split_front(|bytes| {
                let wanted = spent < most.max(1);
                spent += bytes + PACKET_COST;
                wanted
            });
            if !packets.is_empty() {
                return part.map(|part| (Content::Some(part), false));
            }
            let pins = self.waiting.pop_front()?.pins;
            return part.map(|part| (Content::Some(part), pins));
        }
        let first = self.waiting.pop_front()?;
        Some((first.content, first.pins))
    }
}
