//! What the servers' views of us say of the NAT over one family.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::evidence::{Evidence, StunCopy};
use super::reach::{self, count, some_of};
use super::{filter, hairpin, ports, router, servers, translated};
use crate::check::Operator;
use crate::check::mapping::{self, Conclusion, Sighting};
use crate::model::{Difficulty, Family, Filtering, Level, Mapping, NatType, Transport, is_global};
use crate::probe::StunForm;
use crate::report::{Confidence, Nat, Netcheck, StunServer, Verdict, Why};

/// One family's sightings, the bad servers sorted out.
pub(super) struct View {
    pub family: Family,
    pub conclusion: Conclusion,
    /// Whether the mapping depends on the port as well, if it depends on anything.
    pub on_port_too: Option<bool>,
    /// Endpoints of the measuring socket, and how many servers saw it there.
    pub observed: BTreeMap<SocketAddr, u32>,
    pub servers: Vec<StunServer>,
    /// What servers saw, the best kind only: see [`mapping::across_internet`].
    sightings: Vec<Sighting>,
    /// What servers saw of our sockets of this family from beyond a NAT64: they tell of IPv4.
    pub beyond_nat64: Vec<Sighting>,
    /// Operators asked.
    asked: usize,
    /// Why nobody was asked, where nobody was.
    unasked: Option<Why>,
}

/// Among so many independent servers one may lie.
const LIAR_AMONG: usize = 4;

impl View {
    pub(super) fn of(evidence: &Evidence<'_>, family: Family) -> Self {
        let copies: Vec<&StunCopy<'_>> = evidence.of_family(family).collect();
        let bad = servers::bad(&copies);
        let trusted = copies.iter().copied().filter(|copy| !bad.contains_key(&copy.server));
        let (shared, mut alone): (Vec<_>, Vec<_>) = trusted.filter_map(sighting).partition(|(copy, _)| copy.shared());
        // Sockets of the tests have asked few servers as well, or one and itself at another address.
        let asks_where = |copy: &&StunCopy<'_>| matches!(copy.form, StunForm::Plain | StunForm::Tailnode);
        let tested_here = evidence.tests().filter(asks_where).filter(|copy| copy.slot.family() == family);
        alone.extend(tested_here.filter(|copy| !bad.contains_key(&copy.server)).filter_map(sighting));
        let tested = || evidence.filter.iter().filter(|copy| copy.form == StunForm::Plain);
        let alone =
            alone.into_iter().filter(|(copy, _)| copy.reply.is_some_and(|(reply, _)| reply.from == copy.server));
        let across = |sighting: &Sighting| sighting.crosses_internet() && !translated::crosses_nat64(sighting);
        let alone: Vec<Sighting> = alone.map(|(_, sighting)| sighting).filter(across).collect();
        let shared = shared.into_iter().map(|(_, sighting)| sighting);
        let (beyond_nat64, mut all): (Vec<_>, Vec<_>) = shared.partition(translated::crosses_nat64);
        if family == Family::V4 && !evidence.input.has_route(Family::V4) {
            // The way to IPv4 there is.
            let beyond = Self::of(evidence, Family::V6).beyond_nat64;
            all.extend(beyond.into_iter().map(|sighting| translated::by_ipv4(evidence, sighting)));
        }
        let sightings = mapping::across_internet(&all);
        let near: BTreeSet<SocketAddr> = all
            .iter()
            .map(|sighting| sighting.server)
            .filter(|server| sightings.iter().all(|sighting| sighting.server != *server))
            .collect();
        let mut conclusion = mapping::reconsider(mapping::conclude(&sightings), &sightings, &alone);
        let unasked = (copies.is_empty() && sightings.is_empty()).then(|| reach::not_asked(evidence, family));
        if let Some(why) = &unasked {
            conclusion.varies = Verdict::unknown(why.clone());
        }
        let steady = servers::steady(copies.iter().copied().chain(tested()));
        let on_port_too =
            mapping::on_port_too(sightings.iter().filter(|sighting| steady.contains(&sighting.server.ip())));
        let asked = copies.iter().map(|copy| Operator::of(copy.server.ip())).collect::<BTreeSet<_>>().len();
        let observed = servers::observed(&copies, &bad, &near);
        let servers = Vec::new();
        let mut view =
            Self { family, conclusion, on_port_too, observed, servers, sightings, beyond_nat64, asked, unasked };
        view.servers = servers::list(evidence, family, &copies, &bad, &near, &view.conclusion);
        view
    }

    /// Views by servers that agree with the rest.
    pub(super) fn trusted(&self) -> impl Iterator<Item = &Sighting> {
        self.sightings.iter().filter(|sighting| !self.conclusion.odd.contains_key(&sighting.server))
    }

    /// Servers whose views are used: where the mapping is the same for all, those that agree with most, somewhere.
    pub(super) fn believed(&self) -> BTreeSet<SocketAddr> {
        if self.conclusion.varies.value() != Some(&false) {
            return self.trusted().map(|sighting| sighting.server).collect();
        }
        let mut witnesses: BTreeMap<_, BTreeSet<Operator>> = BTreeMap::new();
        let at = |sighting: &Sighting| (sighting.slot, sighting.mapped);
        for sighting in self.trusted() {
            witnesses.entry(at(sighting)).or_default().insert(Operator::of(sighting.server.ip()));
        }
        let shared = |sighting: &&Sighting| witnesses.get(&at(sighting)).is_some_and(|by| by.len() >= 2);
        self.trusted().filter(shared).map(|sighting| sighting.server).collect()
    }

    /// The endpoint most independent servers see the measuring socket at.
    pub(super) fn global(&self) -> Verdict<SocketAddr> {
        let mut witnesses: BTreeMap<SocketAddr, BTreeSet<Operator>> = BTreeMap::new();
        let measuring = || {
            self.trusted()
                .filter(|sighting| sighting.slot == crate::probe::Slot::Shared { family: self.family, index: 0 })
        };
        for sighting in measuring() {
            witnesses.entry(sighting.mapped).or_default().insert(Operator::of(sighting.server.ip()));
        }
        let evidence = || some_of(measuring().map(|sighting| sighting.probe));
        let most = witnesses.values().map(BTreeSet::len).max().unwrap_or_default();
        let mut leaders = witnesses.iter().filter(|(_, by)| by.len() == most).map(|(endpoint, _)| *endpoint);
        let (Some(leader), None) = (leaders.next(), leaders.next()) else {
            let why = match self.conclusion.varies.why() {
                Some(why) if !witnesses.is_empty() => why.clone(),
                _ => Why::NoMappedAddress { family: self.family },
            };
            return Verdict::unknown(why).with_evidence(evidence());
        };
        // What a server inside this network sees is no endpoint on the internet. On loopback nobody takes it for one.
        if !is_global(leader.ip()) && !leader.ip().is_loopback() {
            return Verdict::unknown(Why::ServersNotOnInternet).with_evidence(evidence());
        }
        // One of several may be the one that lies: nobody else has answered to say so.
        if most < 2 && self.asked >= LIAR_AMONG {
            let why = Why::TooFewServers { have: count(most), need: count(mapping::NEEDED_OPERATORS) };
            return Verdict::unknown(why).with_evidence(evidence());
        }
        let confidence = match most {
            0 | 1 => Confidence::Low,
            2 => Confidence::Medium,
            _ => Confidence::High,
        };
        let verdict = Verdict::known(leader, confidence, evidence());
        if most < 2 {
            verdict.because(Why::TooFewServers { have: count(most), need: count(mapping::NEEDED_OPERATORS) })
        } else {
            verdict.because(Why::SeenBy { servers: count(most) })
        }
    }

    /// Our address on the internet as trusted servers see it, when they agree on one.
    pub(super) fn address(&self) -> Option<IpAddr> {
        let addresses: BTreeSet<IpAddr> = self.trusted().map(|sighting| sighting.mapped.ip()).collect();
        let witnesses: BTreeSet<Operator> = self.trusted().map(|sighting| Operator::of(sighting.server.ip())).collect();
        // One of several may be the one that lies.
        if witnesses.len() < 2 && self.asked >= LIAR_AMONG {
            return None;
        }
        addresses.first().copied().filter(|address| addresses.len() == 1 && is_global(*address))
    }

    /// Whether the conclusion is about the way to the internet.
    pub(super) fn on_internet(&self) -> bool {
        self.trusted().any(Sighting::crosses_internet)
    }

    /// Whether the conclusion is about the way to servers inside this host's own network, which must not be taken for
    /// the one to the internet. On loopback nobody takes it for that.
    pub(super) fn on_this_network(&self) -> bool {
        !self.on_internet() && self.trusted().any(|sighting| !sighting.server.ip().is_loopback())
    }

    /// What is concluded of the way to the servers, unless that way must not be taken for the one to the internet.
    fn told<T>(&self, verdict: Verdict<T>) -> Verdict<T> {
        if verdict.value().is_some() && self.on_this_network() {
            return Verdict::unknown(Why::ServersNotOnInternet).with_evidence(verdict.evidence().to_vec());
        }
        verdict
    }
}

/// What a server saw, if it said.
fn sighting<'a, 'b>(copy: &'b StunCopy<'a>) -> Option<(&'b StunCopy<'a>, Sighting)> {
    let (reply, _) = copy.reply?;
    let mapped = reply.mapped.filter(|_| reply.error_code.is_none())?;
    let (probe, slot, server) = (copy.probe, copy.slot, copy.server);
    Some((copy, Sighting { probe, slot, server, local: reply.local, mapped }))
}

/// The NAT block.
pub(super) fn nat(evidence: &Evidence<'_>, view: &View, netcheck: &Netcheck) -> Nat {
    let blocked = reach::blocked_over(evidence, view.family, &netcheck.udp);
    let difficulty = difficulty(view, blocked.as_ref());
    let told_by = blocked.as_ref().map(|silent| silent.confidence().unwrap_or(Confidence::Low));
    let blocked = blocked.is_some();
    let mapping = mapping_verdict(view, blocked);
    let filtering = match &view.unasked {
        _ if blocked => Verdict::unknown(Why::UdpIsBlocked),
        Some(why) => Verdict::unknown(why.clone()),
        None => filter::filtering(evidence, view),
    };
    let (nat_type, level) = if let Some(confidence) = told_by {
        (Verdict::known(NatType::UdpBlocked, confidence, []).because(Why::UdpIsBlocked), None)
    } else {
        classify(view, &filtering)
    };
    Nat {
        transport: Transport::Udp,
        proxy: None,
        effective: effective(&difficulty),
        nat_type,
        level,
        mapping: view.told(mapping),
        mapping_varies: if blocked {
            Verdict::unknown(Why::UdpIsBlocked)
        } else {
            view.told(view.conclusion.varies.clone())
        },
        filtering,
        hairpinning: if blocked {
            Verdict::unknown(Why::UdpIsBlocked)
        } else {
            view.told(hairpin::hairpinning(evidence, view.family, &view.conclusion))
        },
        port_preservation: view.told(ports::port_preservation(view)),
        port_allocation: view.told(ports::allocation(evidence, view)),
        pooling: view.told(ports::pooling(evidence, view)),
        mapping_lifetime: Verdict::unknown(Why::OnlyWith { flag: "--lifetime" }),
        lifetime: None,
        classic: None,
        carrier_grade: router::carrier_grade(evidence, view, &netcheck.router),
        mapped: most_seen_first(view.trusted().map(|sighting| (sighting.mapped, sighting.server))),
        local: most_seen_first(view.trusted().filter_map(|sighting| Some((sighting.local?, sighting.server)))),
        servers: view.servers.clone(),
        difficulty,
    }
}

/// RFC 3489's name and NAT1 to NAT4, from mapping and filtering. A mapping that depends on the destination is symmetric
/// whatever the filter: the address a peer was told is not the one it would have to use.
fn classify(view: &View, filtering: &Verdict<Filtering>) -> (Verdict<NatType>, Option<Level>) {
    let varies = &view.conclusion.varies;
    if varies.value().is_some() && !view.on_internet() {
        let why = Why::ServersNotOnInternet;
        return (Verdict::unknown(why).with_evidence(varies.evidence().to_vec()), None);
    }
    let named = |filter: Filtering| match (view.conclusion.direct, filter) {
        (true, Filtering::EndpointIndependent) => (NatType::OpenInternet, None),
        (true, _) => (NatType::SymmetricUdpFirewall, None),
        (false, Filtering::EndpointIndependent) => (NatType::FullCone, Some(Level::Nat1)),
        (false, Filtering::AddressDependent) => (NatType::RestrictedCone, Some(Level::Nat2)),
        (false, Filtering::AddressAndPortDependent) => (NatType::PortRestrictedCone, Some(Level::Nat3)),
    };
    match varies.value() {
        Some(true) => (varies.clone().map(|_| NatType::Symmetric), Some(Level::Nat4)),
        Some(false) => match filtering.value() {
            Some(filter) => {
                let (name, level) = named(*filter);
                let confidence = varies.confidence().min(filtering.confidence()).unwrap_or(Confidence::Low);
                let evidence = varies.evidence().iter().chain(filtering.evidence()).copied();
                (Verdict::known(name, confidence, evidence).because(Why::FromMappingAndFiltering), level)
            }
            None => (filtering.clone().map(|_| NatType::Symmetric), None),
        },
        None => (varies.clone().map(|_| NatType::Symmetric), None),
    }
}

fn mapping_verdict(view: &View, blocked: bool) -> Verdict<Mapping> {
    if blocked {
        return Verdict::unknown(Why::UdpIsBlocked);
    }
    let varies = &view.conclusion.varies;
    match varies.value() {
        Some(false) if view.conclusion.direct => varies.clone().map(|_| Mapping::Direct),
        Some(false) => varies.clone().map(|_| Mapping::EndpointIndependent),
        // On the address or on the port as well takes a server with two ports.
        Some(true) => match view.on_port_too {
            Some(true) => varies.clone().map(|_| Mapping::AddressAndPortDependent),
            Some(false) => varies.clone().map(|_| Mapping::AddressDependent),
            None => Verdict::unknown(Why::DependencyNotMeasured).with_evidence(varies.evidence().to_vec()),
        },
        None => varies.clone().map(|_| Mapping::EndpointIndependent),
    }
}

fn difficulty(view: &View, blocked: Option<&Verdict<bool>>) -> Verdict<Difficulty> {
    if let Some(silent) = blocked {
        return silent.clone().map(|_| Difficulty::Blocked);
    }
    let varies = &view.conclusion.varies;
    match varies.value() {
        Some(_) if !view.on_internet() => {
            Verdict::unknown(Why::ServersNotOnInternet).with_evidence(varies.evidence().to_vec())
        }
        Some(true) => varies.clone().map(|_| Difficulty::Hard),
        Some(false) if view.conclusion.direct => varies.clone().map(|_| Difficulty::None),
        Some(false) => varies.clone().map(|_| Difficulty::Easy),
        None => varies.clone().map(|_| Difficulty::Easy),
    }
}

fn effective(difficulty: &Verdict<Difficulty>) -> Verdict<Difficulty> {
    if difficulty.value().is_some() {
        difficulty.clone().because(Why::NoPortMappingVerified)
    } else {
        difficulty.clone()
    }
}

/// Endpoints with the servers that saw them: first the one most independent servers did. How often one of them did
/// comes after that, since whoever is wrong may be the one that was asked the most.
fn most_seen_first(seen: impl Iterator<Item = (SocketAddr, SocketAddr)>) -> Vec<SocketAddr> {
    let mut counts: BTreeMap<SocketAddr, (BTreeSet<Operator>, usize)> = BTreeMap::new();
    for (endpoint, server) in seen {
        let (by, times) = counts.entry(endpoint).or_default();
        by.insert(Operator::of(server.ip()));
        *times += 1;
    }
    let mut list: Vec<_> = counts.into_iter().collect();
    list.sort_by_key(|(endpoint, (by, times))| (std::cmp::Reverse((by.len(), *times)), *endpoint));
    list.into_iter().map(|(endpoint, _)| endpoint).collect()
}

/// Mean difference of successive round trips (RFC 3550's interarrival jitter, without its smoothing).
pub(super) fn jitter(round_trips: &[Duration]) -> Option<Duration> {
    let differences: Vec<Duration> =
        round_trips.windows(2).filter_map(|pair| Some(pair.first()?.abs_diff(*pair.get(1)?))).collect();
    let number = u32::try_from(differences.len()).ok().filter(|number| *number > 0)?;
    Some(differences.into_iter().sum::<Duration>() / number)
}
