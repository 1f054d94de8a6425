//! The record, indexed by what was asked.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

pub(super) use super::copies::StunCopy;
use super::owner::Owner;
use crate::check::netcheck::plan::{Place, relay_place, stun_place};
use crate::check::netcheck::run::filter::{FIRST_SOCKET, LAST_SOCKET};
use crate::check::netcheck::{Input, timing};
use crate::model::{Family, Nat64Prefix, Node, is_fake_dns, is_global};
use crate::probe::{
    Cause, Failure, HttpsAnswer, HttpsTarget, Moment, Observation, Outcome, ProbeId, Question, Record, Slot, Stage,
};
use crate::report::Why;

/// The record of a run, indexed.
pub(super) struct Evidence<'a> {
    pub input: &'a Input,
    pub ended_at: Moment,
    /// STUN datagrams in the order of sending.
    pub stun: Vec<StunCopy<'a>>,
    /// Those of the filter tests, which serve nothing else.
    pub filter: Vec<StunCopy<'a>>,
    /// Those of the hairpin test.
    pub hairpin: Vec<StunCopy<'a>>,
    /// Those that ask relays whether they test filters.
    pub scouts: Vec<StunCopy<'a>>,
    pub https: Vec<HttpsTry<'a>>,
    /// Who sent something that was no answer.
    pub strays: BTreeSet<SocketAddr>,
    names: BTreeMap<(&'a str, Family), NameTry<'a>>,
    /// The prefix of the NAT64 that the resolver makes addresses for.
    pub nat64: Option<Nat64Prefix>,
    pub others: Vec<OtherTry<'a>>,
}

/// One HTTPS request and what became of it.
pub(super) struct HttpsTry<'a> {
    pub probe: ProbeId,
    pub at: Moment,
    pub target: &'a HttpsTarget,
    pub answer: Option<&'a HttpsAnswer>,
    /// A bad status counts as one, and so does silence for as long as was to be waited. A request that was still under
    /// way when the run ended has neither answer nor failure.
    pub failure: Option<Failure>,
    /// What a request still under way at the end was waiting for, and how long it had: words for the report, and no
    /// evidence against the relay.
    pub under_way: Option<Failure>,
    pub waited: Duration,
}

/// One name asked for, and what became of it.
struct NameTry<'a> {
    at: Moment,
    timeout: Duration,
    outcome: Option<&'a Outcome>,
}

/// Any other question and what became of it.
pub(super) struct OtherTry<'a> {
    pub probe: ProbeId,
    pub question: &'a Question,
    pub at: Moment,
    pub outcome: Option<&'a Outcome>,
    /// From sending to hearing, if anything was heard.
    pub round_trip: Option<Duration>,
}

impl<'a> Evidence<'a> {
    pub(super) fn of(input: &'a Input, record: &'a Record) -> Self {
        let mut heard: BTreeMap<ProbeId, Vec<&Observation>> = BTreeMap::new();
        for observation in &record.observations {
            if let Some(probe) = observation.probe {
                heard.entry(probe).or_default().push(observation);
            }
        }
        let mut evidence = Self {
            input,
            ended_at: record.ended_at,
            stun: Vec::new(),
            filter: Vec::new(),
            hairpin: Vec::new(),
            scouts: Vec::new(),
            https: Vec::new(),
            strays: record.observations.iter().filter_map(stray).collect(),
            names: BTreeMap::new(),
            nat64: None,
            others: Vec::new(),
        };
        for launch in &record.launches {
            let probe = launch.probe.id;
            let observations = heard.get(&probe).map(Vec::as_slice).unwrap_or_default();
            let first = observations
                .iter()
                .filter(|observation| {
                    !matches!(observation.outcome, Outcome::StunDuplicate(_) | Outcome::Unfinished { .. })
                })
                .min_by_key(|observation| observation.at)
                .copied();
            let round_trip = first.map(Observation::round_trip);
            let first = first.map(|observation| &observation.outcome);
            match &launch.probe.question {
                Question::Stun { slot, server, form } => {
                    let copy = StunCopy::of(probe, *slot, *server, *form, launch.at, observations);
                    evidence.sort_in(copy);
                }
                Question::HttpsLatency { target, timeout } => {
                    let waited = record.ended_at.since(launch.at);
                    let reached = observations.iter().find_map(|observation| match observation.outcome {
                        Outcome::Unfinished { stage } => Some(stage),
                        _ => None,
                    });
                    let reached = reached.unwrap_or(Stage::Connect);
                    evidence.https.push(https_try(probe, launch.at, target, first, reached, *timeout, waited));
                }
                // No name of the map: that it does not exist, as it should not, is no failure.
                Question::Resolve { host, .. } if host == Nat64Prefix::NAME => {
                    evidence.nat64 = match first {
                        Some(Outcome::Resolved(answer)) => Nat64Prefix::discover(&answer.addresses),
                        _ => None,
                    };
                }
                Question::Resolve { host, family, timeout } => {
                    let name = NameTry { at: launch.at, timeout: *timeout, outcome: first };
                    evidence.names.insert((host, *family), name);
                }
                question => {
                    evidence.others.push(OtherTry { probe, question, at: launch.at, outcome: first, round_trip });
                }
            }
        }
        evidence
    }

    fn sort_in(&mut self, copy: StunCopy<'a>) {
        let copies = match copy.slot {
            Slot::Shared { index: FIRST_SOCKET..=LAST_SOCKET, .. } => &mut self.filter,
            Slot::Shared { index: timing::SCOUT_SOCKET, .. } => &mut self.scouts,
            Slot::Shared { index, .. } if timing::HAIRPIN_SOCKETS.contains(&index) => &mut self.hairpin,
            _ => &mut self.stun,
        };
        copies.push(copy);
    }

    /// Copies that serve one test alone.
    pub(super) fn tests(&self) -> impl Iterator<Item = &StunCopy<'a>> {
        self.filter.iter().chain(&self.hairpin).chain(&self.scouts)
    }

    /// Questions of other kinds, with their probe, when they were asked and what was heard.
    pub(super) fn others(&self) -> &[OtherTry<'a>] {
        &self.others
    }

    /// Whether any server on the internet was asked over UDP.
    pub(super) fn internet_asked(&self) -> bool {
        self.stun.iter().any(|copy| is_global(copy.server.ip()))
    }

    /// Whether a server tells of the network beyond this one: those on the internet do, and where none of them was
    /// asked, all are taken for what the map's owner calls the network.
    pub(super) fn is_witness(&self, server: IpAddr) -> bool {
        is_global(server) || !self.internet_asked()
    }

    /// Whose the server at this address is.
    pub(super) fn owner(&self, server: IpAddr) -> Owner {
        let family = Family::of(server);
        let nodes = || self.input.map.regions.values().flat_map(|region| &region.nodes);
        let here = |node: &&Node| self.stun_server(node, family).is_some_and(|endpoint| endpoint.ip() == server);
        match nodes().find(here) {
            Some(node) if node.host_address().is_none() && !node.host_name.is_empty() => {
                Owner::of_host(&node.host_name)
            }
            _ => Owner::Address(server),
        }
    }

    /// Copies from the measuring socket of a family.
    pub(super) fn measuring(&self, family: Family) -> impl Iterator<Item = &StunCopy<'a>> {
        self.stun.iter().filter(move |copy| copy.slot == Slot::Shared { family, index: 0 })
    }

    /// Copies of a family from any socket.
    pub(super) fn of_family(&self, family: Family) -> impl Iterator<Item = &StunCopy<'a>> {
        self.stun.iter().filter(move |copy| copy.slot.family() == family)
    }

    /// The endpoint of a node's STUN server: from the map, or as resolved in this run.
    pub(super) fn stun_server(&self, node: &Node, family: Family) -> Option<SocketAddr> {
        let address = self.placed(node, family, &stun_place(node, family))?;
        Some(SocketAddr::new(address, node.stun_port?))
    }

    /// The address of a node's relay.
    pub(super) fn relay_address(&self, node: &Node, family: Family) -> Option<IpAddr> {
        self.placed(node, family, &relay_place(node, family))
    }

    fn placed(&self, node: &Node, family: Family, place: &Place) -> Option<IpAddr> {
        match place {
            Place::Known(address) => Some(*address),
            Place::ByName => self.resolved(&node.host_name, family),
            Place::Off => None,
        }
    }

    fn resolved(&self, host: &str, family: Family) -> Option<IpAddr> {
        match self.names.get(&(host, family))?.outcome? {
            Outcome::Resolved(answer) => {
                answer.addresses.iter().copied().find(|address| Family::of(*address) == family)
            }
            _ => None,
        }
    }

    /// How resolving a name over a family failed; `None` when it was not asked, gave an address or was still under way.
    pub(super) fn name_failure(&self, host: &str, family: Family) -> Option<Failure> {
        let name = self.names.get(&(host, family))?;
        let cause = match name.outcome {
            Some(Outcome::Failed(failure)) => return Some(failure.clone()),
            Some(Outcome::Resolved(_)) if self.resolved(host, family).is_some() => return None,
            Some(_) => Cause::NoAddress,
            None => return self.name_silence(name).filter(|_| self.ended_at.since(name.at) >= name.timeout),
        };
        Some(Failure::new(Stage::Dns, cause))
    }

    /// What a name that the run did not wait for any longer was waiting for: words for the report, and no failure.
    pub(super) fn name_under_way(&self, host: &str, family: Family) -> Option<Failure> {
        let name = self.names.get(&(host, family)).filter(|_| self.name_failure(host, family).is_none())?;
        self.name_silence(name)
    }

    fn name_silence(&self, name: &NameTry<'_>) -> Option<Failure> {
        let after = self.ended_at.since(name.at);
        name.outcome.is_none().then(|| Failure::new(Stage::Dns, Cause::TimedOut { after }))
    }

    /// Why nobody was asked over a family.
    pub(super) fn nobody_asked(&self, family: Family) -> Why {
        let regions = self.input.map.regions.values().filter(|region| self.input.skip(region).is_none());
        let (mut failed, mut unasked) = (None, false);
        for node in regions.flat_map(|region| &region.nodes) {
            match stun_place(node, family) {
                Place::Known(address) => unasked |= self.input.may_send(address),
                Place::ByName if self.input.may_resolve(family) => {
                    let host = node.host_name.as_str();
                    let failure = || self.name_failure(host, family).or_else(|| self.name_under_way(host, family));
                    failed = failed.or_else(failure);
                    unasked |= !self.names.contains_key(&(host, family)) || self.resolved(host, family).is_some();
                }
                Place::ByName | Place::Off => {}
            }
        }
        match failed {
            _ if unasked => Why::NotAsked,
            Some(failure) => Why::NamesFailed { failure },
            None => Why::NoServers { family },
        }
    }

    /// Names that gave no address in any family they were asked for, with the more telling failure.
    pub(super) fn failed_names(&self) -> Vec<(&'a str, Failure)> {
        let mut failed: BTreeMap<&'a str, Vec<Failure>> = BTreeMap::new();
        let mut good = Vec::new();
        for (host, family) in self.names.keys() {
            // Nobody knows what would have become of it.
            if self.name_under_way(host, *family).is_some() {
                good.push(*host);
                continue;
            }
            match self.name_failure(host, *family) {
                Some(failure) => failed.entry(host).or_default().push(failure),
                None => good.push(*host),
            }
        }
        failed.retain(|host, _| !good.contains(host));
        let telling = |failure: &Failure| failure.cause != Cause::NoAddress;
        failed
            .into_iter()
            .filter_map(|(host, failures)| {
                let failure = failures.iter().find(|failure| telling(failure)).or(failures.first())?;
                Some((host, failure.clone()))
            })
            .collect()
    }

    /// A name answered from 198.18.0.0/15.
    pub(super) fn fake_dns(&self) -> Option<(&'a str, IpAddr)> {
        self.names.keys().find_map(|(host, family)| {
            self.resolved(host, *family).filter(|address| is_fake_dns(*address)).map(|address| (*host, address))
        })
    }

    /// HTTPS requests to a node's relay.
    pub(super) fn https_of<'b>(&'b self, node: &'b Node) -> impl Iterator<Item = &'b HttpsTry<'a>> {
        self.https.iter().filter(move |request| {
            request.target.host_name == node.host_name
                && request.target.port == node.derp_port
                && request.target.address.is_none_or(|address| {
                    self.relay_address(node, Family::of(address)).is_some_and(|own| own == address)
                })
        })
    }
}

impl<'a> HttpsTry<'a> {
    /// Whether nothing at all came back in this time: told so, or still under way at the end.
    pub(super) fn silent_for(&self, time: Duration) -> bool {
        let silent = match &self.failure {
            Some(failure) => failure.stage == Stage::Connect && matches!(failure.cause, Cause::TimedOut { .. }),
            None => self.answer.is_none(),
        };
        silent && self.waited >= time
    }

    /// The answer, if it was a success.
    pub(super) fn success(&self) -> Option<&'a HttpsAnswer> {
        self.answer.filter(|answer| answer.status <= 299)
    }
}

fn stray(observation: &Observation) -> Option<SocketAddr> {
    match &observation.outcome {
        Outcome::Stray { from, .. } => Some(*from),
        _ => None,
    }
}

fn https_try<'a>(
    probe: ProbeId,
    at: Moment,
    target: &'a HttpsTarget,
    outcome: Option<&'a Outcome>,
    reached: Stage,
    timeout: Duration,
    waited: Duration,
) -> HttpsTry<'a> {
    let silence = Failure::new(reached, Cause::TimedOut { after: waited });
    let mut under_way = None;
    let (answer, failure) = match outcome {
        Some(Outcome::Https(answer)) => {
            let bad = (answer.status > 299).then(|| Failure::new(Stage::Http, Cause::Status { code: answer.status }));
            (Some(answer), bad)
        }
        Some(Outcome::Failed(failure)) => (None, Some(failure.clone())),
        _ if waited >= timeout => (None, Some(silence)),
        _ => {
            under_way = Some(silence);
            (None, None)
        }
    };
    HttpsTry { probe, at, target, answer, failure, under_way, waited }
}
