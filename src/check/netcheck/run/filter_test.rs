//! One filter test: a server, and what its two sockets ask it.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::super::timing;
use super::filter::{Due, FIRST_SOCKET, FIRST_SPARE_SOCKET, Known, Wish};
use super::flow::{Flow, Kind, Next};
use crate::check::filtering::{help_tells, may_be_helped};
use crate::check::mapping::crosses_internet;
use crate::model::{Family, FilterHelp, is_global};
use crate::probe::{Moment, Slot, StunReply};

/// The port that STUN servers listen on unless told otherwise (RFC 8489 section 18.6). Their other port is then the next
/// one, as a rule.
const STUN_PORT: u16 = 3478;
/// From opening the filter to asking for what is to pass it.
const AFTER_OPENING: Duration = Duration::from_millis(4);

/// What a way over another relay takes at most, as long as nothing has come by it.
const BETWEEN_RELAYS: Duration = Duration::from_millis(700);

/// The test of one server.
#[derive(Debug)]
pub(super) struct Test {
    pub(super) server: SocketAddr,
    /// The socket under test: F.
    tested: Slot,
    /// The socket that opens the filter: G, or, once that has guessed wrong, …
    opener: Slot,
    /// … this one.
    spare: Slot,
    /// Where else the server says it can answer from, by its first answer.
    other: Option<SocketAddr>,
    /// The error code with which it refused to answer from another address.
    refused: Option<u16>,
    /// It answered without saying so, or from elsewhere, or refuses, or stands inside this host's own network: the test
    /// is of no use.
    pub(super) useless: bool,
    /// It offered the test, and then never sent what would prove anything.
    pub(super) fruitless: bool,
    /// An answer to F came from another address: that passes no filter but an open one.
    pub(super) stranger_passed: bool,
    pub(super) flows: Vec<Flow>,
}

impl Test {
    pub(super) fn begin(server: SocketAddr, family: Family, number: u8, now: Moment) -> Self {
        let slot = |index| Slot::Shared { family, index };
        let (f, g) = (slot(FIRST_SOCKET + 2 * number), slot(FIRST_SOCKET + 2 * number + 1));
        let mut test = Self {
            server,
            tested: f,
            opener: g,
            spare: slot(FIRST_SPARE_SOCKET + number),
            other: None,
            refused: None,
            useless: false,
            fruitless: false,
            stranger_passed: false,
            flows: Vec::new(),
        };
        test.add(Kind::Control, f, server, now);
        test.add(Kind::Elsewhere, f, server, now);
        test.add(Kind::Neighbour, f, server, now);
        // The usual port saves a round trip. What listens next to an unusual one is no business of ours.
        if server.port() == STUN_PORT {
            test.ask_for_neighbour(SocketAddr::new(server.ip(), STUN_PORT + 1), now);
        }
        test
    }

    fn add(&mut self, kind: Kind, slot: Slot, server: SocketAddr, start: Moment) {
        self.flows.push(Flow { kind, slot, server, start, over: false, copies: Vec::new() });
    }

    fn ask_for_neighbour(&mut self, neighbour: SocketAddr, now: Moment) {
        self.add(Kind::Opening, self.opener, neighbour, now);
        self.add(Kind::NeighbourProof, self.opener, self.server, now + AFTER_OPENING);
    }

    /// Takes a reply to a flow of this kind from this socket. Returns the server's other endpoint when this is the first to
    /// tell it.
    pub(super) fn learn(&mut self, kind: Kind, slot: Slot, reply: &StunReply, now: Moment) -> Option<SocketAddr> {
        let unchanged = reply.from == self.server;
        // Of an address on the internet that sees this host at none: it is inside as well.
        self.useless |= reply.mapped.is_some_and(|mapped| !self.tells(mapped.ip()));
        match kind {
            Kind::Control if self.other.is_none() && !self.asks_for_help() => {
                let other = reply.other_address.filter(|other| ![0, self.server.port()].contains(&other.port()));
                // A server that answers from elsewhere unasked has said nothing of where else it answers from.
                let Some(other) = other.filter(|_| unchanged && reply.error_code.is_none()) else {
                    if unchanged && may_be_helped(reply) {
                        self.add(Kind::Offer, self.tested, self.server, now);
                    } else {
                        self.useless = true;
                    }
                    return None;
                };
                self.useless |= self.refused.is_some();
                self.other = Some(other);
                self.open(other, now);
                Some(other)
            }
            // A relay with one address says so of each copy, some of which are answered after its offer; it has another way.
            Kind::Elsewhere
                if unchanged && reply.error_code.is_some() && (self.other.is_none() || self.asks_for_help()) =>
            {
                self.refused = reply.error_code;
                None
            }
            Kind::Offer if slot == self.tested => {
                let offer = reply.help.filter(|offer| unchanged && self.is_of_use(offer, reply.mapped));
                self.useless |= offer.is_none();
                offer.filter(|_| self.other.is_none()).and_then(|offer| self.take_up(offer, now))
            }
            Kind::Offer => {
                if let Some(offer) = reply.help.filter(|offer| unchanged && self.other == Some(offer.from))
                    && !self.flows.iter().any(|flow| matches!(flow.kind, Kind::HelpProof(_)))
                {
                    self.add(Kind::Opening, slot, offer.from, now);
                    self.add(Kind::HelpProof(offer.cookie), slot, self.server, now + AFTER_OPENING);
                }
                None
            }
            Kind::Helped(_) => {
                self.useless |= unchanged;
                let mapped = reply.mapped.map(|mapped| mapped.ip());
                self.stranger_passed |=
                    mapped.is_some_and(|mapped| help_tells(reply.from.ip(), self.server.ip(), mapped));
                None
            }
            Kind::Elsewhere | Kind::Neighbour => {
                self.useless |= unchanged;
                self.stranger_passed |=
                    kind == Kind::Elsewhere && reply.from.ip() != self.server.ip() && reply.mapped.is_some();
                None
            }
            _ => None,
        }
    }

    /// Whether what passes between a server that saw this host at `mapped` and this host tells of filters.
    fn tells(&self, mapped: IpAddr) -> bool {
        self.server.ip().is_loopback() || crosses_internet(self.server.ip(), mapped)
    }

    /// It is a relay of ours, which may have another one answer.
    fn asks_for_help(&self) -> bool {
        self.flows.iter().any(|flow| flow.kind == Kind::Offer)
    }

    /// Whether what is offered can tell anything.
    fn is_of_use(&self, offer: &FilterHelp, mapped: Option<SocketAddr>) -> bool {
        let mapped = mapped.map(|mapped| mapped.ip());
        offer.from.port() != 0
            && is_likely(offer.from.ip(), self.server.ip())
            && mapped.is_some_and(|mapped| help_tells(offer.from.ip(), self.server.ip(), mapped))
    }

    /// Has the other relay answer F, and lets G ask for an offer of its own: a cookie is good for one socket.
    fn take_up(&mut self, offer: FilterHelp, now: Moment) -> Option<SocketAddr> {
        self.other = Some(offer.from);
        let neighbour = offer.port.filter(|port| *port != self.server.port());
        if let Some(port) = neighbour {
            self.open_neighbour(port, now);
        }
        // In this order: whatever asks for an offer after the first of these is a control.
        self.add(Kind::Helped(offer.cookie), self.tested, self.server, now);
        self.add(Kind::HelpControl, self.tested, self.server, now);
        self.add(Kind::Offer, self.opener, self.server, now);
        neighbour.map(|port| SocketAddr::new(self.server.ip(), port))
    }

    /// Opens the filter for where the server says it answers from, and asks for proof.
    fn open(&mut self, other: SocketAddr, now: Moment) {
        self.open_neighbour(other.port(), now);
        if other.ip() != self.server.ip() && is_likely(other.ip(), self.server.ip()) {
            self.add(Kind::Opening, self.opener, other, now);
            self.add(Kind::ElsewhereProof, self.opener, self.server, now + AFTER_OPENING);
        }
    }

    fn open_neighbour(&mut self, port: u16, now: Moment) {
        let neighbour = SocketAddr::new(self.server.ip(), port);
        if !self.flows.iter().any(|flow| flow.kind == Kind::Opening && flow.server == neighbour) {
            // The guess was wrong, and nobody is to be asked for more of it.
            let guessed = |flow: &&mut Flow| matches!(flow.kind, Kind::Opening | Kind::NeighbourProof);
            for flow in self.flows.iter_mut().filter(guessed) {
                flow.over = true;
                self.opener = self.spare;
            }
            self.ask_for_neighbour(neighbour, now);
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
    pub(super) fn is_dead(&self, now: Moment, needed: u32, known: Known) -> bool {
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

    /// Everything was asked, and neither did a packet pass unasked nor is it proven that one was sent.
    pub(super) fn proves_nothing(&self, now: Moment, needed: u32, known: Known) -> bool {
        let proof = |flow: &Flow| match flow.kind {
            Kind::ElsewhereProof | Kind::HelpProof(_) => self.answered(Kind::Neighbour),
            Kind::NeighbourProof => !self.answered(Kind::Neighbour),
            _ => false,
        };
        let proven = self.flows.iter().any(|flow| proof(flow) && flow.answered());
        let round_trip = self.round_trip().or(known.round_trip);
        let over = |flow: &Flow| self.is_idle(flow) || matches!(self.next(flow, now, needed, round_trip), Next::Over);
        self.other.is_some() && !self.stranger_passed && !proven && self.flows.iter().all(over)
    }

    fn next(&self, flow: &Flow, now: Moment, needed: u32, round_trip: Option<Duration>) -> Next {
        let helped = flow.kind.is_help();
        let control = if helped { Kind::HelpControl } else { Kind::Control };
        let control = self.flows.iter().find(|flow| flow.kind == control);
        let silent = self.flows.iter().filter(|flow| flow.kind.takes_silence() && !flow.answered());
        let silent = silent.filter(|flow| flow.kind.is_help() == helped);
        let longest = silent.map(|flow| flow.copies.len()).max().unwrap_or_default();
        let round_trip = match flow.kind {
            Kind::Helped(_) | Kind::HelpProof(_) => round_trip.map(|round_trip| self.helped_round_trip(round_trip)),
            _ => round_trip,
        };
        flow.next(now, needed, round_trip, control, longest)
    }

    /// How long the way over the other relay takes: that shows in the proofs alone.
    fn helped_round_trip(&self, direct: Duration) -> Duration {
        let proofs = self.flows.iter().filter(|flow| matches!(flow.kind, Kind::HelpProof(_)));
        proofs.flat_map(Flow::round_trips).max().unwrap_or(BETWEEN_RELAYS).max(direct)
    }

    /// The proof for another address matters only where another port came through.
    fn is_idle(&self, flow: &Flow) -> bool {
        match flow.kind {
            Kind::ElsewhereProof | Kind::HelpProof(_) => !self.answered(Kind::Neighbour),
            Kind::NeighbourProof => self.answered(Kind::Neighbour) || self.answered(Kind::NeighbourProof),
            _ => false,
        }
    }

    pub(super) fn wish(&self, index: usize, now: Moment, needed: u32, known: Known, wish: &mut Wish) {
        let round_trip = self.round_trip().or(known.round_trip);
        for (position, flow) in self.flows.iter().enumerate().filter(|(_, flow)| !self.is_idle(flow)) {
            match self.next(flow, now, needed, round_trip) {
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

/// Whether a server may have this address as its other one. A stranger that names an address inside our network, or one
/// that is no host's, is not to make us send there.
fn is_likely(other: IpAddr, server: IpAddr) -> bool {
    let a_hosts = match other {
        IpAddr::V4(v4) => !v4.is_unspecified() && !v4.is_broadcast() && !v4.is_multicast(),
        IpAddr::V6(v6) => !v6.is_unspecified() && !v6.is_multicast(),
    };
    a_hosts && Family::of(other) == Family::of(server) && is_global(other) == is_global(server)
}
