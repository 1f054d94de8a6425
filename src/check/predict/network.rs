//! Whether two sides share a network or a NAT, as far as addresses of two reports can tell.
//!
//! Everybody's printer is 192.168.1.20: equal private networks prove nothing unless the public address is the same too,
//! and even that a carrier gives to neighbours.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};

use crate::model::{Difficulty, Family, is_global};
use crate::report::{FamilyFacts, Side};

/// What they share; `None` where it cannot be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Network {
    /// A network in which they reach each other without going outside.
    pub(super) lan: Option<bool>,
    /// The NAT over IPv4.
    pub(super) nat_v4: Option<bool>,
    /// The NAT over IPv6.
    pub(super) nat_v6: Option<bool>,
}

impl Network {
    /// What two sides share.
    pub(super) fn of(a: &Side, b: &Side) -> Self {
        let nat = |family| shares_nat(a, b, family);
        let (nat_v4, nat_v6) = (nat(Family::V4), nat(Family::V6));
        Self { lan: shares_lan(a, b, nat_v4), nat_v4, nat_v6 }
    }

    /// Whether they share the NAT of a family.
    pub(super) const fn nat(self, family: Family) -> Option<bool> {
        match family {
            Family::V4 => self.nat_v4,
            Family::V6 => self.nat_v6,
        }
    }
}

/// Whether the reports are of one host: the same addresses inside and outside.
pub(super) fn one_host(a: &Side, b: &Side) -> bool {
    let outside = |side: &Side| addresses(&side.v4).union(&addresses(&side.v6)).copied().collect::<BTreeSet<_>>();
    comparable(a, b) && !a.local.is_empty() && a.local == b.local && !outside(a).is_disjoint(&outside(b))
}

fn comparable(a: &Side, b: &Side) -> bool {
    !a.redacted && !b.redacted
}

fn shares_nat(a: &Side, b: &Side, family: Family) -> Option<bool> {
    let (one, other) = (a.family(family), b.family(family));
    // Without translation there is nothing to share. Who is behind the other reaches it anyway.
    if [one, other].iter().any(|facts| facts.difficulty == Some(Difficulty::None)) {
        return Some(false);
    }
    if !comparable(a, b) {
        return None;
    }
    let (mine, yours) = (addresses(one), addresses(other));
    if mine.is_empty() || yours.is_empty() {
        return None;
    }
    if !mine.is_disjoint(&yours) {
        // Unless one of them has that address for itself.
        return (one.difficulty.is_some() && other.difficulty.is_some()).then_some(true);
    }
    // A carrier's NAT has neighbouring addresses for different customers, and turns packets between them around itself.
    let networks = |addresses: &BTreeSet<IpAddr>| addresses.iter().map(|it| network(*it)).collect::<BTreeSet<_>>();
    let neighbours = !networks(&mine).is_disjoint(&networks(&yours));
    let may_be_carriers = |side: &Side| side.carrier_grade != Some(false);
    if neighbours && may_be_carriers(a) && may_be_carriers(b) { None } else { Some(false) }
}

fn shares_lan(a: &Side, b: &Side, shares_nat: Option<bool>) -> Option<bool> {
    let public = |side: &Side| side.v4.difficulty == Some(Difficulty::None);
    if !comparable(a, b) {
        return if public(a) || public(b) { Some(false) } else { None };
    }
    // An address that both have is of two networks: no network has it twice.
    let together = |fits: fn(IpAddr) -> bool| {
        let (mine, yours) = (by_network(&a.local, fits), by_network(&b.local, fits));
        mine.iter().any(|(network, mine)| yours.get(network).is_some_and(|yours| mine.len() > 1 || mine != yours))
    };
    let same_address = !addresses(&a.v4).is_disjoint(&addresses(&b.v4));
    // A /64 of the internet is one link. Two public IPv4 addresses there are odd, unless somebody has one for itself.
    if together(|address| address.is_ipv6() && is_global(address)) {
        let apart = !same_address && !a.v4.mapped.is_empty() && !b.v4.mapped.is_empty();
        return (!apart || public(a) || public(b)).then_some(true);
    }
    if shares_nat == Some(false) && !same_address {
        return Some(false);
    }
    let neighbours = together(is_private_v4);
    let same_gateway = a.gateway.is_some() && a.gateway == b.gateway;
    let own_router = |side: &Side| side.carrier_grade == Some(false);
    if same_address {
        // The router has that public address for itself, so both are its own.
        return (neighbours && same_gateway && own_router(a) && own_router(b)).then_some(true);
    }
    // The public address of one is not known. Large private networks are often routed, small ones hardly ever.
    let blocks = |side: &Side| side.local.iter().filter_map(|address| block(*address)).collect::<BTreeSet<_>>();
    let (mine, yours) = (blocks(a), blocks(b));
    if mine.is_empty() || yours.is_empty() {
        return None;
    }
    let shared: BTreeSet<_> = mine.intersection(&yours).collect();
    let small = shared.iter().all(|block| **block == Block::Small);
    (shared.is_empty() || (small && !neighbours)).then_some(false)
}

fn addresses(facts: &FamilyFacts) -> BTreeSet<IpAddr> {
    facts.mapped.iter().map(std::net::SocketAddr::ip).collect()
}

/// The addresses that fit, by network.
fn by_network(addresses: &BTreeSet<IpAddr>, fits: fn(IpAddr) -> bool) -> BTreeMap<IpAddr, BTreeSet<IpAddr>> {
    let mut networks: BTreeMap<IpAddr, BTreeSet<IpAddr>> = BTreeMap::new();
    for address in addresses.iter().filter(|address| fits(**address)) {
        networks.entry(network(*address)).or_default().insert(*address);
    }
    networks
}

/// The /24 or /64 of an address: reports hold no prefix lengths, and these are the usual ones.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            IpAddr::from([a, b, c, 0])
        }
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

const fn is_private_v4(address: IpAddr) -> bool {
    matches!(address, IpAddr::V4(v4) if v4.is_private())
}

/// The blocks of RFC 1918, by size.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Block {
    /// 10.0.0.0/8.
    Large,
    /// 172.16.0.0/12.
    Middle,
    /// 192.168.0.0/16.
    Small,
}

fn block(address: IpAddr) -> Option<Block> {
    let IpAddr::V4(v4) = address else { return None };
    if !v4.is_private() {
        return None;
    }
    Some(match v4.octets() {
        [10, ..] => Block::Large,
        [172, ..] => Block::Middle,
        _ => Block::Small,
    })
}
