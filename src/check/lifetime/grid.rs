//! The mappings of a test, each tried once at an age of its own, and the spare ones that split the last gap.

use std::net::SocketAddr;
use std::time::Duration;

use super::conclude::{Fate, Sample};
use super::flow::{Flow, Idle};
use super::help::{Ask, Helper, Keeper, Tag};
use super::{AGES_MS, BETWEEN_COPIES, BETWEEN_EXCHANGES, Class, SPARES_MS, TRYING};
use crate::check::filtering::MOST_COPIES;
use crate::probe::{Moment, StunForm, StunReply};

/// How long before a try the mapping kept alive is seen to.
const LEAD: Duration = Duration::from_secs(1);

/// All mappings, opened with the help of one server.
#[derive(Debug)]
pub(super) struct Grid {
    helper: Helper,
    keeper: Keeper,
    /// Before a request is repeated, and before silence means anything.
    retransmit: Duration,
    items: Vec<Item>,
    /// Classes of which a mapping was found dead.
    refining: Vec<Class>,
    pub(super) samples: Vec<Sample>,
}

/// One mapping and what is planned for it.
#[derive(Debug)]
struct Item {
    flow: Flow,
    opens_at: Moment,
    /// The age to try it at; `None`: spare.
    age: Option<Duration>,
    attempt: Option<Attempt>,
    /// Its place among the samples.
    sample: Option<usize>,
    done: bool,
}

/// Copies on their way to an idle mapping.
#[derive(Debug)]
struct Attempt {
    idle: Idle,
    begun: Moment,
    copies: Vec<Moment>,
    next_at: Moment,
    controls_heard: u32,
    /// Packets went to another address of ours than the mapping's.
    misaimed: bool,
}

impl Grid {
    /// Opens mappings for all ages that can be tried in the time left, and spare ones.
    pub(super) fn new(helper: Helper, first_socket: u8, now: Moment, left: Duration, retransmit: Duration) -> Self {
        let mut socket = first_socket;
        let mut next_socket = || {
            socket = socket.saturating_add(1);
            socket
        };
        let keeper = Keeper::new(first_socket, helper.targets());
        let mut items = Vec::new();
        for class in Class::BOTH {
            let opening = BETWEEN_EXCHANGES * (class.exchanges() - 1);
            let ages: Vec<Duration> = AGES_MS
                .map(Duration::from_millis)
                .into_iter()
                .filter(|age| *age + opening + TRYING + retransmit * 2 <= left)
                .collect();
            let oldest = ages.last().copied().unwrap_or_default();
            let spares = SPARES_MS.map(Duration::from_millis).into_iter().filter(|later| *later < oldest);
            let planned = ages.iter().map(|age| (now, Some(*age))).chain(spares.map(|later| (now + later, None)));
            for (opens_at, age) in planned {
                let flow = Flow::new(next_socket(), class, helper.targets(), opens_at);
                items.push(Item { flow, opens_at, age, attempt: None, sample: None, done: false });
            }
        }
        Self { helper, keeper, retransmit, items, refining: Vec::new(), samples: Vec::new() }
    }

    pub(super) const fn server(&self) -> SocketAddr {
        self.helper.server
    }

    pub(super) fn is_done(&self) -> bool {
        self.items.iter().all(|item| item.done)
    }

    /// The longest it will still take.
    pub(super) fn left(&self, now: Moment) -> Duration {
        let end = |item: &Item| {
            let opening = BETWEEN_EXCHANGES * (item.flow.class.exchanges() - 1);
            Some(item.opens_at + opening + item.age? + TRYING)
        };
        let last = self.items.iter().filter(|item| !item.done).filter_map(end).max();
        last.map_or(Duration::ZERO, |last| last.since(now))
    }

    /// Whether a mapping is being tried.
    pub(super) fn is_trying(&self) -> bool {
        self.items.iter().any(|item| item.attempt.is_some() && !item.done)
    }

    /// What is to be sent now. `needed`: so many copies must be silent to mean anything, as far as loss is known; it
    /// matters while a mapping is being tried. `patience`: before silence means anything.
    pub(super) fn asks(&mut self, now: Moment, needed: u32, patience: Duration) -> Vec<Ask> {
        self.retransmit = patience;
        let needed = needed as usize;
        self.conclude(now, needed);
        for class in Class::BOTH {
            self.settle(class, now);
        }
        let mut asks = Vec::new();
        for (index, item) in self.items.iter_mut().enumerate().filter(|(_, item)| !item.done) {
            let socket = item.flow.socket;
            for (exchange, target, server) in item.flow.requests(now, self.retransmit) {
                let tag = Tag::Open { flow: index, exchange, target };
                asks.push(Ask { socket, server, form: StunForm::Plain, tag });
            }
        }
        let wanted = self.next_try().is_some_and(|at| at <= now + LEAD);
        if wanted && !self.keeper.is_fresh(now + LEAD / 2) {
            asks.extend(self.keeper.asks(now, self.retransmit.min(LEAD / 4)));
        }
        self.tries(now, needed.max(1), &mut asks);
        asks
    }

    /// Copies that are due, to idle mappings and to the one kept alive.
    fn tries(&mut self, now: Moment, needed: usize, asks: &mut Vec<Ask>) {
        let (slack, fresh) = (self.retransmit, self.keeper.is_fresh(now));
        let kept = self.keeper.mapped.filter(|_| fresh);
        for (index, item) in self.items.iter_mut().enumerate() {
            if item.try_at(slack).is_none_or(|at| at > now) {
                continue;
            }
            let (Some(idle), Some(mapped)) = (item.flow.idle_since(slack), item.flow.mapped) else { continue };
            let begin =
                || Attempt { idle, begun: now, copies: Vec::new(), next_at: now, controls_heard: 0, misaimed: false };
            let attempt = item.attempt.get_or_insert_with(begin);
            let Some(kept) = kept else { continue };
            if attempt.next_at > now || attempt.copies.len() >= needed {
                continue;
            }
            asks.push(self.helper.ask(item.flow.socket, mapped, Tag::Copy { flow: index }));
            let tag = Tag::Control { flow: index };
            asks.push(self.helper.ask(self.keeper.socket, kept, tag));
            attempt.copies.push(now);
            attempt.next_at = now + BETWEEN_COPIES;
        }
    }

    /// Looks whether silence has lasted long enough.
    fn conclude(&mut self, now: Moment, needed: usize) {
        let settled = |at: &Moment| now.since(*at) >= self.retransmit;
        // So bad that chance may explain anything.
        let hopeless = needed >= MOST_COPIES as usize;
        let mut found = Vec::new();
        for (index, item) in self.items.iter_mut().enumerate().filter(|(_, item)| !item.done) {
            if item.flow.lost {
                item.done = true;
                continue;
            }
            let Some(attempt) = &item.attempt else { continue };
            let silent = attempt.copies.iter().filter(|at| settled(at)).count();
            let fate = if silent >= needed {
                let last = attempt.copies.iter().max().copied().unwrap_or(now);
                let oldest = (last + self.retransmit).since(attempt.idle.since_earliest);
                let proven = attempt.controls_heard > 0 && !attempt.misaimed && !hopeless;
                if proven { Fate::Dead(oldest) } else { Fate::Unclear }
            } else if now.since(attempt.begun) > TRYING {
                Fate::Unclear
            } else {
                continue;
            };
            item.done = true;
            found.push((index, fate));
        }
        for (index, fate) in found {
            self.note(index, fate);
        }
    }

    fn note(&mut self, index: usize, fate: Fate) {
        let place = self.samples.len();
        let Some(item) = self.items.get_mut(index) else { return };
        item.done = true;
        if let Some(sample) = item.sample.and_then(|place| self.samples.get_mut(place)) {
            // An answer that was later than anybody's patience is one.
            sample.fate = fate;
        } else {
            item.sample = Some(place);
            self.samples.push(Sample { class: item.flow.class, fate });
        }
    }

    /// Once a mapping of the class is dead, its spare ones are tried at once, and nothing older. Without a death and
    /// with no more ages to try, it is over.
    fn settle(&mut self, class: Class, now: Moment) {
        let of_class = |sample: &&Sample| sample.class == class;
        let dead = self.samples.iter().filter(of_class).any(|sample| matches!(sample.fate, Fate::Dead(_)));
        let alive = |sample: &Sample| match sample.fate {
            Fate::Alive(age) => Some(age),
            _ => None,
        };
        let survived = self.samples.iter().filter(of_class).filter_map(alive).max().unwrap_or_default();
        let planned = self.items.iter().any(|item| item.flow.class == class && item.age.is_some() && !item.done);
        if self.refining.contains(&class) || (!dead && planned) {
            return;
        }
        self.refining.push(class);
        let slack = self.retransmit;
        for item in self.items.iter_mut().filter(|item| item.flow.class == class && !item.done) {
            let idle = item.flow.idle_since(slack).map(|idle| now.since(idle.since_latest));
            if dead && item.age.is_none() && idle.is_some_and(|idle| idle > survived) {
                item.age = Some(Duration::ZERO);
            } else if item.attempt.is_none() {
                item.done = true;
            }
        }
    }

    /// When the next mapping is to be tried, which may be now.
    fn next_try(&self) -> Option<Moment> {
        self.items.iter().filter_map(|item| item.try_at(self.retransmit)).min()
    }

    /// When it wants to act next.
    pub(super) fn due(&self, now: Moment) -> Option<Moment> {
        let open = || self.items.iter().filter(|item| !item.done);
        let opening = open().filter_map(|item| item.flow.due()).min();
        let begun = || open().filter_map(|item| item.attempt.as_ref());
        // What is not after now has been acted on by then, or waits for an answer.
        let later = |at: &Moment| *at > now;
        let copies = begun().map(|attempt| attempt.next_at).filter(later).min();
        let matured = begun().flat_map(|attempt| &attempt.copies).map(|at| *at + self.retransmit).filter(later).min();
        let given_up = begun().map(|attempt| attempt.begun + TRYING + BETWEEN_COPIES).filter(later).min();
        let tries = open().filter_map(|item| item.try_at(self.retransmit));
        let tries = tries.flat_map(|at| [at - LEAD, at]).filter(later).min();
        let keeping = [self.keeper.due(), self.keeper.stale_at() - LEAD / 2].into_iter().filter(later).min();
        let keeping = keeping.filter(|_| self.next_try().is_some_and(|at| at <= now + LEAD));
        [opening, copies, matured, given_up, tries, keeping].into_iter().flatten().min()
    }

    pub(super) fn launched(&mut self, tag: Tag, at: Moment) {
        if let Tag::Open { flow, target, .. } = tag
            && let Some(item) = self.items.get_mut(flow)
        {
            item.flow.launched(target, at);
        }
    }

    pub(super) fn hear(&mut self, tag: Tag, sent_at: Moment, at: Moment, reply: &StunReply) {
        match tag {
            Tag::Open { flow, exchange, target } => {
                if let Some(item) = self.items.get_mut(flow) {
                    item.flow.hear(exchange, target, sent_at, at, reply);
                }
            }
            Tag::Keep { target } => self.keeper.hear(target, at, reply),
            Tag::Copy { flow } => {
                let Some(item) = self.items.get(flow) else { return };
                let Some(attempt) = &item.attempt else { return };
                // Copies before the one that was heard may have come through the NAT, refreshing it, and got lost behind.
                let first = attempt.copies.first().copied().unwrap_or(sent_at);
                let age = first.since(attempt.idle.since_latest);
                if self.helper.came_through(reply, item.flow.local) {
                    self.note(flow, Fate::Alive(age));
                }
            }
            Tag::Control { flow } => {
                if !self.helper.came_through(reply, self.keeper.local) {
                    return;
                }
                let Some(item) = self.items.get_mut(flow) else { return };
                let aimed = item.flow.mapped.is_some_and(|mapped| Helper::aimed_at(reply, mapped));
                if let Some(attempt) = &mut item.attempt {
                    attempt.controls_heard += 1;
                    attempt.misaimed |= !aimed;
                }
            }
        }
    }
}

impl Item {
    /// When it is to be tried; `None` while that is not known, and once it has been.
    fn try_at(&self, slack: Duration) -> Option<Moment> {
        if self.done {
            return None;
        }
        Some(self.flow.idle_since(slack)?.since_latest + self.age?)
    }
}
