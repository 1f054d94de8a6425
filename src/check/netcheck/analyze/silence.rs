//! What silence over UDP says: who is up, as TCP shows, and is silent all the same.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use super::evidence::{Evidence, HttpsTry};
use super::owner::Owner;
use super::reach::count;
use crate::check::Operator;
use crate::check::netcheck::schedule::{Shown, Unanswered};
use crate::check::netcheck::timing;
use crate::model::{Family, Node};
use crate::probe::{Cause, Failure, HttpsAnswer, Outcome, Question};
use crate::report::{Confidence, Why};

/// What shows that a server is up along one way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Up {
    /// The longest round trip of those that showed it: silence is measured by that.
    pub round_trip: Duration,
    /// Since when, and how many copies must have left after that.
    pub shown: Shown,
}

impl Up {
    fn note(up: &mut BTreeMap<Operator, Self>, operator: Operator, seen: Self) {
        let up = up.entry(operator).or_insert(seen);
        *up = Self { round_trip: seen.round_trip.max(up.round_trip), shown: seen.shown.min(up.shown) };
    }
}

/// How silent servers that are up are over one family. A server counts once, not once for each of its addresses: its
/// STUN may be down over both.
pub(super) struct Silence {
    pub copies: u32,
    pub witnesses: BTreeMap<Operator, Owner>,
    /// Who was asked on which port.
    pub ports: BTreeMap<u16, BTreeSet<Operator>>,
    /// No server that is up was asked too few times.
    pub enough_each: bool,
    /// Each of them was refused by what is in the way, which no loss explains.
    pub refused: bool,
}

impl Silence {
    pub(super) fn of(evidence: &Evidence<'_>, family: Family, up: &BTreeMap<Operator, Up>) -> Self {
        let mut mature: BTreeMap<SocketAddr, u32> = BTreeMap::new();
        let mut turned_away: BTreeSet<SocketAddr> = BTreeSet::new();
        let mut after: BTreeMap<SocketAddr, (u32, u32)> = BTreeMap::new();
        let mut refused = BTreeSet::new();
        for copy in evidence.of_family(family).filter(|copy| !copy.shared()) {
            let Some(failure) = copy.failure else { continue };
            if failure.cause == Cause::Refused {
                refused.insert(copy.server);
            }
            // Whoever is turned away is asked no more, and the word of it came along a way that was up.
            if matches!(failure.cause, Cause::Refused | Cause::Unreachable | Cause::NotPermitted) {
                turned_away.insert(copy.server);
            }
        }
        for copy in evidence.of_family(family).filter(|copy| copy.shared()) {
            // Who sends nonsense is not silent.
            if evidence.strays.contains(&copy.server) || !evidence.is_witness(copy.server.ip()) {
                continue;
            }
            let Some(up) = up.get(&Operator::of(copy.server.ip())) else { continue };
            // A refusal comes in the place of an answer.
            let refused = turned_away.contains(&copy.server);
            let matured = refused || copy.matured(evidence.ended_at, up.round_trip);
            *mature.entry(copy.server).or_default() += u32::from(matured);
            let (seen, needed) = after.entry(copy.server).or_default();
            *seen += u32::from(matured && copy.at >= up.shown.since);
            *needed = up.shown.copies;
        }
        // Of all that left before, none may have got anywhere.
        let enough =
            |server| turned_away.contains(server) || after.get(server).is_some_and(|(seen, needed)| seen >= needed);
        for (_, copies) in mature.iter_mut().filter(|(server, _)| !enough(server)) {
            *copies = 0;
        }
        // A firewall refuses for all; where only some refuse, it is they.
        if mature.keys().any(|server| !refused.contains(server)) {
            mature.retain(|server, _| !refused.contains(server));
        }
        let heard = mature.iter().filter(|(_, copies)| **copies > 0);
        let mut ports: BTreeMap<u16, BTreeSet<Operator>> = BTreeMap::new();
        for (server, _) in heard.clone() {
            ports.entry(server.port()).or_default().insert(Operator::of(server.ip()));
        }
        Self {
            copies: mature.values().sum(),
            witnesses: heard.map(|(server, _)| (Operator::of(server.ip()), evidence.owner(server.ip()))).collect(),
            ports,
            refused: mature.keys().all(|server| turned_away.contains(server)),
            enough_each: mature
                .iter()
                .all(|(server, copies)| *copies >= timing::COPIES || turned_away.contains(server))
                && evidence.asked_over_and_over(family, up),
        }
    }

    pub(super) fn speaks(&self) -> bool {
        self.witnesses.len() >= timing::BLOCKED_OPERATORS
            && owners_suffice(&self.witnesses)
            && (self.refused || self.copies >= timing::BLOCKED_COPIES)
    }
}

impl Silence {
    /// Whether all of UDP is shown to be silent over a family by what was asked over it: of no port was only one server
    /// asked, or only such as are not known to be up.
    pub(super) fn tells(&self, evidence: &Evidence<'_>, family: Family) -> bool {
        let lone = self.ports.len() >= 2 && self.ports.values().any(|operators| operators.len() < 2);
        let shared = || evidence.of_family(family).filter(|copy| copy.shared());
        let untold = shared().any(|copy| !self.ports.contains_key(&copy.server.port()));
        self.speaks() && self.enough_each && !lone && !untold
    }

    /// What it says, where it does.
    pub(super) fn why(&self) -> Why {
        let ports = self.ports.keys().copied().collect();
        Why::UdpSilent { copies: self.copies, servers: count(self.witnesses.len()), ports }
    }

    /// One port only: the rest of UDP was not tried, and the why says which one was.
    pub(super) fn confidence(&self) -> Confidence {
        if self.ports.len() >= 2 { Confidence::High } else { Confidence::Medium }
    }
}

/// Whether UDP may get through over a family all the same: somebody was asked over it who is up, as another family shows,
/// and TCP neither got through to him this way nor failed wherever it was tried.
pub(super) fn may_be_open(evidence: &Evidence<'_>, family: Family, up: &[BTreeMap<Operator, Up>; 2]) -> bool {
    let Some(here) = up.get(family as usize) else { return false };
    let nodes = evidence.input.map.regions.values().flat_map(|region| &region.nodes);
    let mut unshown = nodes.filter(|node| {
        let up = |family: Family| {
            let operator = Operator::of(evidence.stun_server(node, family)?.ip());
            up.get(family as usize)?.contains_key(&operator).then_some(operator)
        };
        let asked = |server| evidence.of_family(family).any(|copy| copy.server == server && copy.failure.is_none());
        let shown_elsewhere = Family::BOTH.into_iter().any(|other| other != family && up(other).is_some());
        let server = evidence.stun_server(node, family);
        shown_elsewhere && server.is_some_and(|server| asked(server) && !here.contains_key(&Operator::of(server.ip())))
    });
    unshown.next().is_some() && !evidence.tcp_fails(family)
}

/// Why silent witnesses are not enough.
pub(super) fn too_few(witnesses: &BTreeMap<Operator, Owner>) -> Why {
    let servers = count(witnesses.len());
    match witnesses.values().next() {
        Some(Owner::Domain(domain)) if witnesses.len() >= timing::BLOCKED_OPERATORS && !owners_suffice(witnesses) => {
            Why::WitnessesOfOneOwner { servers, domain: domain.clone() }
        }
        _ => Why::TooFewWitnesses { servers, needed: count(timing::BLOCKED_OPERATORS) },
    }
}

/// Whether silence of all of these is the network's: one owner may have closed the same port on all of his machines.
pub(super) fn owners_suffice(witnesses: &BTreeMap<Operator, Owner>) -> bool {
    let owners: BTreeSet<&Owner> = witnesses.values().collect();
    owners.len() >= 2 || owners.iter().any(|owner| owner.is_public_service())
}

impl Evidence<'_> {
    /// Relays and STUN servers that answered over TCP along the way of one family, by operator, with a round trip that
    /// silence can be measured by. That one is up shows nothing of its other way, which may be the one that is down.
    pub(super) fn relays_up(&self, family: Family) -> BTreeMap<Operator, Up> {
        let mut up = BTreeMap::new();
        for region in self.input.map.regions.values() {
            for node in &region.nodes {
                let Some(server) = self.stun_server(node, family) else { continue };
                for seen in self.tcp_up(node, family) {
                    Up::note(&mut up, Operator::of(server.ip()), seen);
                }
            }
        }
        for (server, seen) in self.streams_up().filter(|(server, _)| Family::of(server.ip()) == family) {
            Up::note(&mut up, Operator::of(server.ip()), seen);
        }
        up
    }

    /// STUN servers that answered over TCP.
    pub(super) fn streams_up(&self) -> impl Iterator<Item = (SocketAddr, Up)> {
        self.others.iter().filter_map(|other| match (other.question, other.outcome) {
            (Question::StunStream { server, .. }, Some(Outcome::Stun(_))) => {
                let round_trip = other.round_trip.filter(|taken| *taken < timing::SYN_SENT_AGAIN)?;
                Some((*server, Up { round_trip, shown: Shown::at(other.at, false) }))
            }
            _ => None,
        })
    }

    /// Whether connections along the way of one family show that packets get lost: one took a second SYN, or came about
    /// while an earlier one to the same relay never did.
    fn tcp_loses(&self, family: Family) -> bool {
        let of_family =
            || self.https.iter().filter(|request| request.target.address.is_some_and(|to| Family::of(to) == family));
        let silent = |request: &HttpsTry<'_>| {
            let failed = |failure: &Failure| !matches!(failure.cause, Cause::TimedOut { .. });
            request.answer.is_none() && !request.failure.as_ref().is_some_and(failed)
        };
        of_family().filter_map(|request| Some((request, request.success()?))).any(|(request, answer)| {
            let before = |other: &HttpsTry<'_>| other.target.address == request.target.address && other.at < request.at;
            answer.connect >= timing::SYN_SENT_AGAIN || of_family().any(|other| before(other) && silent(other))
        })
    }

    /// Whether each server was asked so often over a family that one at the end of a bad way would have shown.
    fn asked_over_and_over(&self, family: Family, up: &BTreeMap<Operator, Up>) -> bool {
        let mut asked: BTreeMap<SocketAddr, u32> = BTreeMap::new();
        let mut turned_away: BTreeSet<SocketAddr> = BTreeSet::new();
        for copy in self.of_family(family).filter(|copy| self.is_witness(copy.server.ip())) {
            if copy.shared() {
                // Nobody knows how far it is.
                let old = self.ended_at >= copy.at + timing::FARTHEST;
                *asked.entry(copy.server).or_default() += u32::from(old);
            } else if copy.failure.is_some() {
                turned_away.insert(copy.server);
            }
        }
        let operators: BTreeSet<Operator> = asked.keys().map(|server| Operator::of(server.ip())).collect();
        let unshown = operators.iter().filter(|operator| !up.contains_key(operator)).count();
        let unanswered = Unanswered { lossy: self.tcp_loses(family), asked: operators.len(), unshown };
        asked.iter().all(|(server, copies)| {
            let is_up = up.contains_key(&Operator::of(server.ip()));
            *copies >= unanswered.copies(is_up) || turned_away.contains(server)
        })
    }

    /// Whether relays were asked over TCP along the way of one family, and that came to nothing everywhere.
    pub(super) fn tcp_fails(&self, family: Family) -> bool {
        let mut tries =
            self.https.iter().filter(|request| request.target.address.is_some_and(|to| Family::of(to) == family));
        let failed = |request: &HttpsTry<'_>| request.failure.is_some();
        tries.by_ref().next().is_some_and(failed) && tries.all(failed)
    }

    fn tcp_up(&self, node: &Node, family: Family) -> Vec<Up> {
        // A SYN that had to be sent again got lost when the datagrams may have been: the way was down, not UDP.
        let at_once = |answer: &HttpsAnswer| answer.connect < timing::SYN_SENT_AGAIN;
        // A proxy picks the way by itself.
        self.https_of(node)
            .filter(move |request| request.target.address.is_none_or(|address| Family::of(address) == family))
            .filter_map(|request| Some((request, request.success()?)))
            .filter(move |(_, answer)| at_once(answer))
            .map(|(request, answer)| {
                let same = |other: &HttpsTry<'_>| other.target.address == request.target.address;
                let again = self.https_of(node).any(|other| same(other) && other.at < request.at);
                Up { round_trip: answer.connect.max(answer.request), shown: Shown::at(request.at, again) }
            })
            .collect()
    }
}
