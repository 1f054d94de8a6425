//! The mapping verdict: does the endpoint a NAT gives us depend on whom we talk to?
//!
//! A pure function of what servers saw. It never concludes from one destination, never from one socket when another
//! one contradicts it, and never lets a single odd server decide. It assumes that of four independent servers at
//! most one lies, and says how many witnesses it had. With fewer, a server that stands alone is nobody's fault yet: it
//! may be the only one that another uplink leads to.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

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
    let known: BTreeSet<IpAddr> = agreeing.iter().map(|sighting| sighting.mapped.ip()).collect();
    let other = || odd.iter().copied().chain(alone).filter(|sighting| !known.contains(&sighting.mapped.ip()));
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
    if differ == total && total >= 2 && views.best_socket_operators() >= NEEDED_TO_DIFFER && odd.is_empty() {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Family;

    /// Servers of five operators on the internet, two neighbours of this host, and two of a campus whose addresses are
    /// public.
    const NET: [&str; 5] = ["20.1.0.1", "20.2.0.1", "20.3.0.1", "20.4.0.1", "20.5.0.1"];
    const LAN: [&str; 2] = ["10.0.0.9", "10.0.1.9"];
    const CAMPUS: [&str; 3] = ["20.7.0.1", "20.8.0.1", "20.9.0.1"];

    /// What one server sees, by socket.
    type Sees = (&'static str, fn(u8) -> String);

    fn direct(socket: u8) -> String {
        format!("10.0.0.5:{}", 40000 + u16::from(socket))
    }

    fn easy(socket: u8) -> String {
        format!("203.0.113.7:{}", 50000 + u16::from(socket))
    }

    fn other_uplink(socket: u8) -> String {
        format!("203.0.113.8:{}", 50000 + u16::from(socket))
    }

    fn any_address(socket: u8) -> String {
        format!("198.51.77.{}:{}", 9 + 3 * socket, 33_333 + 777 * u16::from(socket))
    }

    /// Uplinks chosen by flow: by chance all servers are asked by one of them from one socket.
    fn uplink_by_socket(socket: u8) -> String {
        if socket == 1 { other_uplink(socket) } else { easy(socket) }
    }

    fn elsewhere(socket: u8) -> String {
        direct(socket).replace("10.0.0.5", "203.0.113.8")
    }

    fn other_port(socket: u8) -> String {
        format!("203.0.113.7:{}", 60000 + u16::from(socket))
    }

    fn third_port(socket: u8) -> String {
        format!("203.0.113.7:{}", 61000 + u16::from(socket))
    }

    fn fourth_port(socket: u8) -> String {
        format!("203.0.113.7:{}", 62000 + u16::from(socket))
    }

    /// A neighbour holds the port of the first socket.
    fn collides(socket: u8) -> String {
        if socket == 0 { other_port(socket) } else { easy(socket) }
    }

    fn sightings(servers: &[Sees], sockets: u8) -> Vec<Sighting> {
        let of = |socket: u8| {
            servers.iter().map(move |(server, sees)| Sighting {
                probe: ProbeId(u32::from(socket)),
                slot: Slot::Shared { family: Family::V4, index: socket },
                server: SocketAddr::new(server.parse().unwrap(), 3478),
                local: Some(direct(socket).parse().unwrap()),
                mapped: sees(socket).parse().unwrap(),
            })
        };
        (0..sockets).flat_map(of).collect()
    }

    fn concluded(servers: &[Sees]) -> Conclusion {
        conclude(&across_internet(&sightings(servers, 3)))
    }

    /// Whether the mapping varies, whether nothing translates, how many servers are odd.
    fn told(servers: &[Sees]) -> (Option<bool>, bool, usize) {
        let conclusion = concluded(servers);
        assert!(conclusion.varies.value().is_some() || conclusion.varies.why().is_some());
        (conclusion.varies.value().copied(), conclusion.direct, conclusion.odd.len())
    }

    const UNKNOWN: (Option<bool>, bool, usize) = (None, false, 0);

    #[test]
    fn neighbours_do_not_outvote_the_internet() {
        let lan = LAN.map(|server| (server, direct as fn(u8) -> String));
        let hard: [Sees; 3] = [(NET[0], easy), (NET[1], other_port), (NET[2], third_port)];
        for public in 1..=3 {
            let servers: Vec<Sees> = lan.into_iter().chain(hard.into_iter().take(public)).collect();
            let wanted = if public == 3 { (Some(true), false, 0) } else { UNKNOWN };
            assert_eq!(told(&servers), wanted, "{public} on the internet");
        }
        let campus = CAMPUS.map(|server| (server, direct as fn(u8) -> String));
        let servers: Vec<Sees> = campus.into_iter().chain(hard).collect();
        assert_eq!(told(&servers), (Some(true), false, 0), "nor do those with public addresses of their own");
        let one: Vec<Sees> = campus.into_iter().chain([(NET[0], easy as fn(u8) -> String)]).collect();
        assert_eq!(told(&one), UNKNOWN);
        assert_eq!(told(&lan), (Some(false), true, 0), "alone they tell what is so among them");
        let left = across_internet(&sightings(&lan, 1));
        assert!(!left.iter().any(Sighting::crosses_internet), "and that it is not about the internet");
    }

    #[test]
    fn servers_that_agree_make_an_easy_nat_and_as_many_views_a_hard_one() {
        assert_eq!(told(&[(NET[0], easy)]), UNKNOWN, "one destination proves nothing");
        assert_eq!(told(&[(NET[0], easy), (NET[1], easy)]), (Some(false), false, 0));
        assert_eq!(told(&[(NET[0], easy), (NET[1], other_port)]), UNKNOWN, "the NAT, or a server");
        let hard: [Sees; 3] = [(NET[0], easy), (NET[1], other_port), (NET[2], third_port)];
        assert_eq!(told(&hard), (Some(true), false, 0));
        assert_eq!(conclude(&sightings(&hard, 1)).varies.value(), None, "one socket may collide");
        let same_house: [Sees; 2] = [("20.1.0.1", easy), ("20.1.0.2", easy)];
        assert_eq!(told(&same_house), UNKNOWN, "one operator is one witness");
    }

    #[test]
    fn a_dissenter_is_odd_only_against_three() {
        for dissent in [other_port as fn(u8) -> String, other_uplink] {
            let three: [Sees; 3] = [(NET[0], easy), (NET[1], easy), (NET[2], dissent)];
            assert_eq!(told(&three), UNKNOWN);
            assert!(matches!(
                concluded(&three).varies.why(),
                Some(Why::ServersDisagree { .. } | Why::SeveralAddresses { .. })
            ));
        }
        for dissent in [other_port as fn(u8) -> String, any_address] {
            let four: [Sees; 4] = [(NET[0], easy), (NET[1], easy), (NET[3], easy), (NET[2], dissent)];
            assert_eq!(told(&four), (Some(false), false, 1));
        }
    }

    #[test]
    fn a_second_uplink_is_no_odd_server() {
        for (majority, dissent) in [(easy as fn(u8) -> String, other_uplink as fn(u8) -> String), (direct, elsewhere)] {
            let mut servers: Vec<Sees> = NET[1..].iter().map(|server| (*server, majority)).collect();
            servers.push((NET[0], dissent));
            let concluded = conclude(&sightings(&servers, 3));
            assert_eq!((concluded.varies.value(), concluded.direct, concluded.odd.len()), (None, false, 0));
            assert!(matches!(concluded.varies.why(), Some(Why::SeveralAddresses { .. })), "{concluded:?}");
        }
    }

    #[test]
    fn sockets_that_leave_by_several_uplinks_make_no_easy_nat() {
        for number in 2..=5 {
            let servers: Vec<Sees> = NET[..number].iter().map(|server| (*server, uplink_by_socket as _)).collect();
            assert_eq!(told(&servers), UNKNOWN, "{number}");
            assert!(matches!(concluded(&servers).varies.why(), Some(Why::SeveralAddresses { .. })));
        }
    }

    #[test]
    fn another_way_out_shows_on_sockets_that_nobody_else_was_asked_from() {
        let rest = [NET[0], NET[1], NET[2]].map(|server| (server, easy as fn(u8) -> String));
        let with_odd: Vec<Sees> = rest.into_iter().chain([(NET[3], any_address as _)]).collect();
        let after = |servers: &[Sees], alone: &[Sees]| {
            let seen = sightings(servers, 3);
            let conclusion = reconsider(conclude(&seen), &seen, &sightings(alone, 1));
            assert!(conclusion.varies.value().is_some() || conclusion.varies.why().is_some());
            (conclusion.varies.value().copied(), conclusion.odd.len())
        };
        let elsewhere: [Sees; 1] = [(NET[4], other_uplink)];
        assert_eq!(after(&with_odd, &elsewhere), (None, 0), "the odd server is not alone");
        assert_eq!(after(&with_odd, &[(NET[4], third_port)]), (Some(false), 1), "a port of its own is no other way");
        assert_eq!(after(&with_odd, &[(NET[3], any_address)]), (Some(false), 1), "it is still alone");
        assert_eq!(after(&rest, &elsewhere), (Some(false), 0), "one against three may lie");
        assert_eq!(after(&rest[..2], &elsewhere), (None, 0), "one against two may not");
        assert_eq!(after(&rest[..2], &[]), (Some(false), 0));
    }

    #[test]
    fn two_dissenters_are_no_odd_servers() {
        let rest = [NET[0], NET[1], NET[2]].map(|server| (server, easy as fn(u8) -> String));
        let apart: Vec<Sees> = rest.into_iter().chain([(NET[3], other_port as _), (NET[4], third_port as _)]).collect();
        assert_eq!(told(&apart), UNKNOWN);
        let together: Vec<Sees> =
            rest.into_iter().chain([(NET[3], other_uplink as _), (NET[4], other_uplink as _)]).collect();
        assert_eq!(told(&together), UNKNOWN);
        // Of one house they are one dissenter.
        let house: Vec<Sees> =
            rest.into_iter().chain([("20.4.0.1", other_port as _), ("20.4.0.2", fourth_port as _)]).collect();
        assert_eq!(told(&house), (Some(false), false, 2));
    }

    #[test]
    fn a_liar_whose_offset_undoes_a_sequence_makes_no_easy_nat() {
        // Only the first socket heard all; the others an honest server, and one whose lie happens to agree with it.
        let servers: [Sees; 4] = [(NET[0], easy), (NET[1], collides), (NET[2], third_port), (NET[3], fourth_port)];
        let all = sightings(&servers, 3);
        let (first, few) = (Slot::Shared { family: Family::V4, index: 0 }, [NET[0], NET[1]]);
        let near = |sighting: &Sighting| few.iter().any(|few| sighting.server.ip().to_string() == *few);
        let heard: Vec<Sighting> = all.into_iter().filter(|seen| seen.slot == first || near(seen)).collect();
        assert_eq!(conclude(&heard).varies.value(), None, "{heard:?}");
    }

    #[test]
    fn a_collision_on_one_socket_makes_no_hard_nat() {
        let servers = [(NET[0], easy as fn(u8) -> String), (NET[1], easy as _), (NET[2], collides as _)];
        assert_eq!(told(&servers), (Some(false), false, 0));
        assert!(matches!(concluded(&servers).varies.why(), Some(Why::MappingSameButLoneView { .. })));
        // A server that was wrong about one socket looks the same, however many others there are; two do not.
        let mut servers: Vec<Sees> = NET[1..].iter().map(|server| (*server, easy as _)).collect();
        servers.push((NET[0], collides));
        assert_eq!(told(&servers), (Some(false), false, 0));
        let wanted = Why::MappingSameButLoneView { sockets: 2, differing: 1 };
        assert_eq!(concluded(&servers).varies.why(), Some(&wanted));
        servers[0] = (NET[1], collides);
        assert!(matches!(concluded(&servers).varies.why(), Some(Why::MappingSameButPortCollision { .. })));
    }
}
