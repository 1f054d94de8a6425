//! The filter tests: a server is asked to answer from elsewhere, on a socket that has sent nowhere else.
//!
//! Two sockets a test. F sends to the server alone, so that whatever reaches it from elsewhere has passed the filter
//! unasked. G first sends to the places the server would answer from, which opens the filter for them, and then asks
//! for the same answers: those prove that the server really sends them. Neither socket serves any other purpose.

use std::net::SocketAddr;
use std::time::Duration;

use super::super::timing;
use super::super::tracks::{Copy, Fate};
use super::flow::{Flow, Kind, Next};
use crate::check::filtering::copies_needed;
use crate::model::Family;
use crate::probe::{Moment, ProbeId, Slot, StunForm, StunReply};

/// The first local socket of the filter tests; each takes two.
pub(in crate::check::netcheck) const FIRST_SOCKET: u8 = 10;
/// … and the last.
pub(in crate::check::netcheck) const LAST_SOCKET: u8 = FIRST_SOCKET + 15;
/// Servers tested at once in each family …
const AT_ONCE: usize = 2;
/// … and in all, when the first ones turn out not to offer the test.
const IN_ALL: usize = 8;
/// From opening the filter to asking for what is to pass it.
const AFTER_OPENING: Duration = Duration::from_millis(4);

/// The filter tests of one family.
#[derive(Debug)]
pub(super) struct Filter {
    family: Family,
    candidates: Vec<SocketAddr>,
    tests: Vec<Test>,
}

#[derive(Debug)]
struct Test {
    server: SocketAddr,
    /// Where else the server says it can answer from, by its first answer.
    other: Option<SocketAddr>,
    /// It answered without saying so, or from elsewhere, or refuses: the test is of no use.
    useless: bool,
    /// An answer to F came from another address: that passes no filter but an open one.
    stranger_passed: bool,
    flows: Vec<Flow>,
}

/// A copy that is due: test, flow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Due {
    test: usize,
    flow: usize,
}

/// What the run as a whole has seen of loss.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    pub lost: u32,
    pub settled: u32,
}

impl Seen {
    fn needed(self) -> u32 {
        copies_needed(self.lost, self.settled)
    }
}

/// What the measuring socket knows of a server.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Known {
    pub round_trip: Option<Duration>,
    pub given_up: bool,
}

/// What the tests want.
#[derive(Debug, Default)]
pub(super) struct Wish {
    pub due: Option<Due>,
    pub wake: Option<Moment>,
    pub open: bool,
}

impl Filter {
    /// No test yet.
    pub(super) const fn new(family: Family) -> Self {
        Self { family, candidates: Vec::new(), tests: Vec::new() }
    }

    pub(super) const fn family(&self) -> Family {
        self.family
    }

    pub(super) const fn has_no_candidate(&self) -> bool {
        self.candidates.is_empty()
    }

    /// A server that may be tested, in the order of preference. Another port of one already known is the same server.
    pub(super) fn add(&mut self, server: SocketAddr, now: Moment) {
        if Family::of(server.ip()) == self.family && !self.candidates.iter().any(|known| known.ip() == server.ip()) {
            self.candidates.push(server);
            self.follow(now);
        }
    }

    /// A server answered a request of another kind: if it is still to be tested, it is the next where it told its other
    /// address, and the last where it did not. (It may have left that out for want of room.)
    pub(super) fn rank(&mut self, server: SocketAddr, offers: bool) {
        let begun = self.tests.len();
        let place = self.candidates.iter().skip(begun).position(|known| *known == server);
        if let Some(place) = place {
            let candidate = self.candidates.remove(begun + place);
            self.candidates.insert(if offers { begun } else { self.candidates.len() }, candidate);
        }
    }

    /// Begins tests as long as fewer than two are of use.
    fn follow(&mut self, now: Moment) {
        while self.tests.iter().filter(|test| !test.useless).count() < AT_ONCE
            && self.tests.len() < IN_ALL
            && let Some(server) = self.candidates.get(self.tests.len()).copied()
        {
            let test = Test::begin(server, self.family, self.tests.len(), now);
            self.tests.push(test);
        }
    }

    /// What is due at `now`.
    pub(super) fn wish(&self, now: Moment, seen: Seen, known: impl Fn(SocketAddr) -> Known) -> Wish {
        let mut wish = Wish::default();
        if self.decided() {
            return wish;
        }
        let needed = seen.needed();
        for (index, test) in self.tests.iter().enumerate() {
            let known = known(test.server);
            if !test.useless && !test.is_dead(now, needed, known) {
                test.wish(index, now, needed, known, &mut wish);
            }
        }
        wish
    }

    /// Gives up tests of servers that do not answer plain requests, and begins others in their place. Returns whether
    /// any began.
    pub(super) fn replace_dead(&mut self, now: Moment, seen: Seen, known: impl Fn(SocketAddr) -> Known) -> bool {
        let needed = seen.needed();
        for test in &mut self.tests {
            test.useless |= test.is_dead(now, needed, known(test.server));
        }
        let before = self.tests.len();
        self.follow(now);
        self.tests.len() > before
    }

    /// Round trips of the control requests that got lost, and all whose fate is settled.
    pub(super) fn tally(&self, now: Moment) -> (u32, u32) {
        let controls = self.tests.iter().flat_map(|test| &test.flows).filter(|flow| flow.kind == Kind::Control);
        controls.fold((0, 0), |(lost, settled), flow| {
            let (more_lost, more_settled) = tally(&flow.copies, now);
            (lost + more_lost, settled + more_settled)
        })
    }

    /// A packet from elsewhere has come through: nothing more can be learned.
    fn decided(&self) -> bool {
        self.tests.iter().any(|test| test.stranger_passed)
    }

    /// Marks a copy as sent, and says what to send.
    pub(super) fn launch(
        &mut self,
        due: Due,
        probe: ProbeId,
        now: Moment,
    ) -> Option<(Slot, SocketAddr, StunForm, usize)> {
        let flow = self.tests.get_mut(due.test)?.flows.get_mut(due.flow)?;
        let copy = flow.copies.len();
        flow.copies.push(Copy { probe, at: now, connected: false, fate: Fate::Waiting });
        Some((flow.slot, flow.server, flow.kind.form(), copy))
    }

    /// Takes a reply. Returns the server's other endpoint when this is the first to tell it.
    pub(super) fn hear(
        &mut self,
        due: Due,
        copy: usize,
        fate: Fate,
        reply: Option<&StunReply>,
        now: Moment,
    ) -> Option<(SocketAddr, SocketAddr)> {
        let test = self.tests.get_mut(due.test)?;
        let flow = test.flows.get_mut(due.flow)?;
        let kind = flow.kind;
        flow.copies.get_mut(copy)?.fate = fate;
        let learned = reply.and_then(|reply| test.learn(kind, reply, now)).map(|other| (test.server, other));
        self.follow(now);
        learned
    }
}

impl Test {
    fn begin(server: SocketAddr, family: Family, index: usize, now: Moment) -> Self {
        let mut test = Self { server, other: None, useless: false, stranger_passed: false, flows: Vec::new() };
        let index = u8::try_from(index).unwrap_or(u8::MAX / 4);
        let slot = |offset| Slot::Shared { family, index: FIRST_SOCKET + 2 * index + offset };
        let (f, g) = (slot(0), slot(1));
        test.add(Kind::Control, f, server, now);
        test.add(Kind::Elsewhere, f, server, now);
        test.add(Kind::Neighbour, f, server, now);
        // Most servers' other port is the next one. A wrong guess is corrected when the server tells.
        if let Some(port) = server.port().checked_add(1) {
            test.add(Kind::Opening, g, SocketAddr::new(server.ip(), port), now);
            test.add(Kind::NeighbourProof, g, server, now + AFTER_OPENING);
        }
        test
    }

    fn add(&mut self, kind: Kind, slot: Slot, server: SocketAddr, start: Moment) {
        self.flows.push(Flow { kind, slot, server, start, copies: Vec::new() });
    }

    fn learn(&mut self, kind: Kind, reply: &StunReply, now: Moment) -> Option<SocketAddr> {
        let unchanged = reply.from == self.server;
        match kind {
            Kind::Control if self.other.is_none() => {
                let other = reply.other_address.filter(|other| other.port() != self.server.port());
                // A server that answers from elsewhere unasked has said nothing of where else it answers from.
                let Some(other) = other.filter(|_| unchanged && reply.error_code.is_none()) else {
                    self.useless = true;
                    return None;
                };
                self.other = Some(other);
                self.open(other, now);
                Some(other)
            }
            Kind::Elsewhere | Kind::Neighbour => {
                self.useless |= unchanged;
                self.stranger_passed |= kind == Kind::Elsewhere && reply.from.ip() != self.server.ip();
                None
            }
            _ => None,
        }
    }

    /// Opens the filter of G for where the server says it answers from, and asks for proof.
    fn open(&mut self, other: SocketAddr, now: Moment) {
        let Some(g) = self.flows.iter().find(|flow| flow.kind == Kind::Opening).map(|flow| flow.slot) else { return };
        let neighbour = SocketAddr::new(self.server.ip(), other.port());
        if !self.flows.iter().any(|flow| flow.kind == Kind::Opening && flow.server == neighbour) {
            self.add(Kind::Opening, g, neighbour, now);
            self.add(Kind::NeighbourProof, g, self.server, now + AFTER_OPENING);
        }
        if other.ip() != self.server.ip() {
            self.add(Kind::Opening, g, other, now);
            self.add(Kind::ElsewhereProof, g, self.server, now + AFTER_OPENING);
        }
    }

    fn answered(&self, kind: Kind) -> bool {
        self.flows.iter().filter(|flow| flow.kind == kind).any(Flow::answered)
    }

    /// Worst round trip to the server itself.
    fn round_trip(&self) -> Option<Duration> {
        self.flows.iter().filter(|flow| flow.kind == Kind::Control).flat_map(Flow::round_trips).max()
    }

    /// The server does not answer plain requests, or nobody's.
    fn is_dead(&self, now: Moment, needed: u32, known: Known) -> bool {
        if self.answered(Kind::Control) {
            return false;
        }
        let Some(control) = self.flows.iter().find(|flow| flow.kind == Kind::Control) else { return true };
        let sent = u32::try_from(control.copies.len()).unwrap_or(u32::MAX);
        let overdue = known.round_trip.is_some_and(|round_trip| {
            sent >= needed && control.copies.last().is_some_and(|copy| now >= copy.at + timing::late_after(round_trip))
        });
        known.given_up || overdue
    }

    fn wish(&self, index: usize, now: Moment, needed: u32, known: Known, wish: &mut Wish) {
        let round_trip = self.round_trip().or(known.round_trip);
        for (position, flow) in self.flows.iter().enumerate() {
            // The proof for another address matters only where another port came through.
            let idle = match flow.kind {
                Kind::ElsewhereProof => !self.answered(Kind::Neighbour),
                Kind::NeighbourProof => self.answered(Kind::Neighbour) || self.answered(Kind::NeighbourProof),
                _ => false,
            };
            if idle {
                continue;
            }
            match flow.next(now, needed, round_trip) {
                Next::Copy => {
                    wish.open = true;
                    wish.due = wish.due.or(Some(Due { test: index, flow: position }));
                }
                Next::Wait(at) => {
                    wish.open = true;
                    wish.wake = Some(wish.wake.map_or(at, |wake| wake.min(at)));
                }
                Next::Patience => wish.open = true,
                Next::Over => {}
            }
        }
    }
}

/// Copies that got lost, and all whose fate is settled, of a server that answers.
pub(super) fn tally(copies: &[Copy], now: Moment) -> (u32, u32) {
    let shared = || copies.iter().filter(|copy| !copy.connected);
    let answered = shared().filter_map(|copy| match copy.fate {
        Fate::Answered(round_trip) => Some(round_trip),
        _ => None,
    });
    let Some(worst) = answered.clone().max() else { return (0, 0) };
    let late = timing::late_after(worst);
    let overdue = shared().filter(|copy| matches!(copy.fate, Fate::Waiting) && now >= copy.at + late).count();
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    (count(overdue), count(overdue + answered.count()))
}
