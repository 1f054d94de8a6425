//! The mapping verdict: does the endpoint a NAT gives us depend on whom we talk to?
//!
//! A pure function of what servers saw. It never concludes from one destination, never from one socket when another
//! one contradicts it, and never lets a single odd server decide. It assumes that of four independent servers at
//! most one lies, and says how many witnesses it had. With fewer, a server that stands alone is nobody's fault yet: it
//! may be the only one that another uplink leads to.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

#[cfg(test)]
mod tests;
mod views;

use views::{Seen, Views};

use super::Operator;
use crate::model::is_global;
use crate::probe::{ProbeId, Slot};
use crate::report::{Confidence, Verdict, Why};

/// One server's view of one of our sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sighting {
    pub probe: ProbeId,
    pub slot: Slot,
    pub server: SocketAddr,
    /// The local endpoint used, where the system told.
    pub local: Option<SocketAddr>,
    pub mapped: SocketAddr,
}

/// What the sightings say.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Conclusion {
    /// Whether the mapping varies with the destination.
    pub varies: Verdict<bool>,
    /// Whether nothing translates at all: servers see the local endpoint.
    pub direct: bool,
    /// Servers that disagree with all others on every socket, and what they saw.
    pub odd: BTreeMap<SocketAddr, SocketAddr>,
    /// Fresh sockets might settle what these could not.
    pub more_sockets_would_help: bool,
}

/// Independent servers needed before anything is concluded.
pub(super) const NEEDED_OPERATORS: usize = 2;

/// Independent servers needed to say that the mapping differs: with two, the odd one may be a server.
const NEEDED_TO_DIFFER: usize = 3;

/// Independent servers that must agree before another one is called odd.
const NEEDED_TO_BLAME: usize = 3;

/// The sightings that tell of the way to the internet: by servers on it, of an address on it. Servers inside this
/// host's own network, whatever their address, see it as its neighbours do. Where there are no others, all are left.
pub(super) fn across_internet(sightings: &[Sighting]) -> Vec<Sighting> {
    let across: Vec<Sighting> = sightings.iter().filter(|sighting| sighting.crosses_internet()).copied().collect();
    if across.is_empty() { sightings.to_vec() } else { across }
}

impl Sighting {
    /// Whether the server is on the internet and saw an address that is.
    pub(super) const fn crosses_internet(&self) -> bool {
        crosses_internet(self.server.ip(), self.mapped.ip())
    }
}

/// Whether the way to a server that saw this host at `mapped` is one across the internet.
pub(super) const fn crosses_internet(server: IpAddr, mapped: IpAddr) -> bool {
    is_global(server) && is_global(mapped)
}

/// Concludes from sightings of one family. Sightings by servers that are known not to be trusted (wrong source,
/// NAT of their own, not [across the internet](across_internet)) must have been left out.
pub(super) fn conclude(sightings: &[Sighting]) -> Conclusion {
    let evidence: BTreeSet<ProbeId> = sightings.iter().map(|sighting| sighting.probe).collect();
    let mut conclusion = conclude_bare(sightings);
    conclusion.varies = conclusion.varies.with_evidence(evidence);
    conclusion
}

/// What is left of a conclusion that the mapping does not vary, given what other servers saw of sockets that nobody else
/// was asked from. Such a view tells nothing of ports. But an address that the servers that agree have not seen is that
/// of another way out, where two operators have seen one; and a single one may lie, where three agree against it.
pub(super) fn reconsider(conclusion: Conclusion, sightings: &[Sighting], alone: &[Sighting]) -> Conclusion {
    if conclusion.varies.value() != Some(&false) {
        return conclusion;
    }
    let (odd, agreeing): (Vec<&Sighting>, Vec<_>) =
        sightings.iter().partition(|sighting| conclusion.odd.contains_key(&sighting.server));
    // One operator's views of a socket agree with nobody's, be it one that serves the measurement.
    let mut watched: BTreeMap<Slot, BTreeSet<Operator>> = BTreeMap::new();
    for sighting in &agreeing {
        watched.entry(sighting.slot).or_default().insert(Operator::of(sighting.server.ip()));
    }
    let (together, lone): (Vec<&Sighting>, Vec<_>) = agreeing
        .iter()
        .copied()
        .partition(|sighting| watched.get(&sighting.slot).is_some_and(|by| by.len() >= NEEDED_OPERATORS));
    let known: BTreeSet<IpAddr> = together.iter().map(|sighting| sighting.mapped.ip()).collect();
    let other = || {
        odd.iter()
            .copied()
            .chain(lone.iter().copied())
            .chain(alone)
            .filter(|sighting| !known.contains(&sighting.mapped.ip()))
    };
    let dissenters: BTreeSet<Operator> = other().map(|sighting| Operator::of(sighting.server.ip())).collect();
    let witnesses: BTreeSet<Operator> = agreeing.iter().map(|sighting| Operator::of(sighting.server.ip())).collect();
    let enough = witnesses.difference(&dissenters).count() >= NEEDED_TO_BLAME;
    if dissenters.is_empty() || (dissenters.len() == 1 && enough) {
        return conclusion;
    }
    let addresses: BTreeSet<IpAddr> =
        known.iter().copied().chain(other().map(|sighting| sighting.mapped.ip())).collect();
    let why = Why::SeveralAddresses { addresses: addresses.into_iter().collect() };
    let evidence = conclusion.varies.evidence().iter().copied().chain(other().map(|sighting| sighting.probe));
    Conclusion {
        varies: Verdict::unknown(why).with_evidence(evidence.collect::<BTreeSet<_>>()),
        direct: false,
        odd: BTreeMap::new(),
        more_sockets_would_help: false,
    }
}

/// Whether two ports of one address see different endpoints of one socket: on two sockets at least, and on none the
/// other way.
///
/// Sightings by servers that may make endpoints up must have been left out.
pub(super) fn on_port_too<'a>(sightings: impl IntoIterator<Item = &'a Sighting>) -> Option<bool> {
    let mut seen: BTreeMap<(Slot, IpAddr), BTreeMap<u16, BTreeSet<SocketAddr>>> = BTreeMap::new();
    for sighting in sightings {
        let ports = seen.entry((sighting.slot, sighting.server.ip())).or_default();
        ports.entry(sighting.server.port()).or_default().insert(sighting.mapped);
    }
    let mut same = BTreeSet::new();
    let mut differ = BTreeSet::new();
    for ((slot, _), ports) in seen.iter().filter(|(_, ports)| ports.len() >= 2) {
        let endpoints: BTreeSet<_> = ports.values().flatten().collect();
        if endpoints.len() == 1 {
            same.insert(*slot);
        } else {
            differ.insert(*slot);
        }
    }
    match (same.len(), differ.len()) {
        (2.., 0) => Some(false),
        (0, 2..) => Some(true),
        _ => None,
    }
}

fn conclude_bare(sightings: &[Sighting]) -> Conclusion {
    let undetermined = |why, more_sockets_would_help| Conclusion {
        varies: Verdict::unknown(why),
        direct: false,
        odd: BTreeMap::new(),
        more_sockets_would_help,
    };
    let views = Views::of(sightings);
    let operators = views.best_socket_operators();
    if operators < NEEDED_OPERATORS {
        let why = Why::TooFewServers { have: count(views.operators()), need: count(NEEDED_OPERATORS) };
        return undetermined(why, false);
    }
    let odd = views.odd_servers();
    if let Some(addresses) = views.second_uplink(&odd) {
        return undetermined(Why::SeveralAddresses { addresses }, false);
    }
    let honest = views.without(&odd);
    if honest.untranslated() {
        let servers = count(honest.best_socket_operators());
        return Conclusion {
            varies: Verdict::known(false, honest.confidence(), []).because(Why::NoTranslation { servers }),
            direct: true,
            odd,
            more_sockets_would_help: false,
        };
    }
    if views.sockets.len() < 2 {
        // A lone socket may have met a port collision, and cannot tell an odd server from an odd NAT.
        return undetermined(Why::OneSocket, true);
    }

    let same = honest.sockets.values().filter(|seen| seen.agree()).count();
    let differ = honest.sockets.values().filter(|seen| seen.all_differ()).count();
    let total = honest.sockets.len();
    let agreeing = honest.best_socket_operators();

    // Uplinks chosen by flow may lead one socket to all servers by one of them, and the next socket by another.
    let apart = honest.several_addresses().filter(|_| same == total);
    if let Some(addresses) = apart {
        return undetermined(Why::SeveralAddresses { addresses }, false);
    }
    if same == total && agreeing >= NEEDED_OPERATORS {
        let why = if odd.is_empty() {
            Why::MappingSame { servers: count(agreeing), sockets: count(total) }
        } else {
            Why::MappingSameButOddServers { servers: count(agreeing), odd: count(odd.len()) }
        };
        let confidence = if odd.is_empty() { honest.confidence() } else { Confidence::Medium };
        return Conclusion {
            varies: Verdict::known(false, confidence, []).because(why),
            direct: false,
            odd,
            more_sockets_would_help: false,
        };
    }
    if let Some(addresses) = views.several_addresses()
        && !views.ports_differ_too()
    {
        return undetermined(Why::SeveralAddresses { addresses }, false);
    }
    let three = views.best_socket_operators() >= NEEDED_TO_DIFFER && odd.is_empty();
    if differ == total && total >= 2 && three && views.differ_whoever_lies() {
        let endpoints = views.sockets.values().map(|seen| seen.endpoints().len()).max().unwrap_or_default();
        return Conclusion {
            varies: Verdict::known(true, views.confidence(), [])
                .because(Why::MappingDiffers { servers: count(operators), endpoints: count(endpoints) }),
            direct: false,
            odd: BTreeMap::new(),
            more_sockets_would_help: false,
        };
    }
    // Two views that agree may be of a liar whose offset undoes a sequence of ports; of three, two are honest.
    let refuted = honest.agreeing().best_socket_operators() >= NEEDED_TO_DIFFER;
    if same >= 2 && same > total - same && refuted && odd.is_empty() {
        // Where most sockets are seen as they are, no NAT is there to make ports collide: one server is odd.
        if honest.agreeing().untranslated() {
            let servers = count(agreeing);
            return Conclusion {
                varies: Verdict::known(false, Confidence::Medium, []).because(Why::NoTranslation { servers }),
                direct: true,
                odd,
                more_sockets_would_help: false,
            };
        }
        return Conclusion {
            varies: Verdict::known(false, Confidence::Medium, []).because(honest.why_not_everywhere(same)),
            direct: false,
            odd,
            more_sockets_would_help: false,
        };
    }
    // The same servers against each other on every socket: more sockets would show the same again.
    if views.operators() < NEEDED_TO_DIFFER || (same == 0 && differ == 0) {
        let endpoints: BTreeSet<SocketAddr> = views.sockets.values().flat_map(Seen::endpoints).collect();
        return undetermined(Why::ServersDisagree { endpoints: endpoints.into_iter().collect() }, false);
    }
    undetermined(Why::SocketsDisagree, true)
}

/// Whether a server's view of us says that the server itself sits behind a NAT: it is on the internet and sees us at
/// a private address.
pub(super) const fn is_server_side_nat(server: IpAddr, mapped: IpAddr) -> bool {
    is_global(server) && !is_global(mapped)
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
