//! Translation that is not a home router's NAT: of IPv6 to IPv6, and of IPv4 carried over IPv6.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::evidence::Evidence;
use super::nat::View;
use crate::check::mapping::Sighting;
use crate::model::Family;
use crate::report::FindingDetail;

/// Whether a server saw an IPv4 address of a socket of IPv6: a NAT64 is on the way to it.
pub(super) fn crosses_nat64(sighting: &Sighting) -> bool {
    sighting.slot.family() == Family::V6 && sighting.mapped.is_ipv4()
}

/// The same with the server at its IPv4 address, by which it is known whose it is: all that a NAT64 leads to has one
/// prefix.
pub(super) fn by_ipv4(evidence: &Evidence<'_>, sighting: Sighting) -> Sighting {
    let IpAddr::V6(address) = sighting.server.ip() else { return sighting };
    match evidence.nat64.and_then(|prefix| prefix.strip(address)) {
        Some(v4) => Sighting { server: SocketAddr::new(v4.into(), sighting.server.port()), ..sighting },
        None => sighting,
    }
}

/// The host's IPv4 address, where it is one of those between a translator on the host and its provider's (RFC 7335:
/// 464XLAT, DS-Lite).
pub(super) fn clat(evidence: &Evidence<'_>) -> Option<IpAddr> {
    let in_range = |address: &IpAddr| match address {
        IpAddr::V4(v4) => v4.to_bits() & !7 == Ipv4Addr::new(192, 0, 0, 0).to_bits(),
        IpAddr::V6(_) => false,
    };
    evidence.input.host.route_v4.filter(in_range)
}

/// What is to be told of it.
pub(super) fn findings(evidence: &Evidence<'_>, views: &[View; 2], details: &mut Vec<FindingDetail>) {
    let [_, v6] = views;
    if let Some((local, mapped, prefix_only)) = nat66(v6) {
        details.push(FindingDetail::Ipv6Translated { prefix_only, local, mapped });
    }
    let synthesized = || v6.beyond_nat64.iter().map(|sighting| sighting.server.ip()).min();
    // The prefix alone is a promise that nobody has kept yet.
    if let Some(address) = clat(evidence).or_else(synthesized) {
        details.push(FindingDetail::Ipv4OverIpv6 { address, prefix: evidence.nat64 });
    }
}

/// IPv6 addresses that servers see another of, and whether only the prefix differs (`NPTv6`, RFC 6296). Said only where
/// the mapping is known, so that no server alone makes it up.
fn nat66(view: &View) -> Option<(IpAddr, IpAddr, bool)> {
    if view.conclusion.direct || view.conclusion.varies.value().is_none() {
        return None;
    }
    let believed = view.believed();
    let pairs: Vec<_> = view
        .trusted()
        .filter(|sighting| believed.contains(&sighting.server))
        .filter_map(|sighting| Some((sighting.local?, sighting.mapped)))
        .collect();
    let (local, mapped) = pairs.first().map(|(local, mapped)| (local.ip(), mapped.ip()))?;
    let changed = pairs.iter().all(|(local, mapped)| local.ip() != mapped.ip());
    let prefix_only = pairs.iter().all(|(local, mapped)| {
        local.port() == mapped.port()
            && interface_id(local.ip()).is_some_and(|id| interface_id(mapped.ip()) == Some(id))
    });
    changed.then_some((local, mapped, prefix_only))
}

fn interface_id(address: IpAddr) -> Option<u64> {
    match address {
        IpAddr::V4(_) => None,
        IpAddr::V6(v6) => {
            let [.., a, b, c, d] = v6.segments();
            Some([a, b, c, d].into_iter().fold(0, |id, part| id << 16 | u64::from(part)))
        }
    }
}
