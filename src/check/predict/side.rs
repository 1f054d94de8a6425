//! What of a report decides whether a host can be reached directly.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use crate::model::{Difficulty, is_carrier_grade, is_global};
use crate::report::{Command, FamilyFacts, FamilyReport, Nat, Report, Side};

/// The side a report tells of. What was measured on loopback or inside a private network says nothing of the way to a
/// peer, and is left out.
#[must_use]
pub fn side_of(report: &Report) -> Side {
    let netcheck = report.netcheck.as_ref();
    let mut side = Side {
        local: local(report),
        gateway: netcheck.and_then(|netcheck| netcheck.router.gateway),
        carrier_grade: report.nat_v4.as_ref().and_then(|nat| nat.carrier_grade.value().copied()),
        double_nat: netcheck.and_then(|netcheck| netcheck.router.wan_is_mapped_address).map(|same| !same),
        tunnel: netcheck.is_some_and(|netcheck| netcheck.path.tunnel.is_some()),
        proxied: netcheck.is_some_and(|netcheck| netcheck.path.fake_dns),
        redacted: report.redacted,
        ..Side::default()
    };
    if report.command == Command::Selftest {
        return side;
    }
    let udp = netcheck.and_then(|netcheck| netcheck.udp.value().copied());
    side.v4 = family(report.nat_v4.as_ref(), netcheck.map(|netcheck| &netcheck.ipv4), udp);
    side.v6 = family(report.nat_v6.as_ref(), netcheck.map(|netcheck| &netcheck.ipv6), udp);
    side
}

fn family(nat: Option<&Nat>, reach: Option<&FamilyReport>, udp: Option<bool>) -> FamilyFacts {
    let usable = reach.and_then(|reach| reach.usable.value().copied());
    let mapped = mapped(nat, reach);
    let difficulty = nat.and_then(|nat| nat.difficulty.value().copied());
    let blocked = difficulty == Some(Difficulty::Blocked) || (udp == Some(false) && usable == Some(true));
    if blocked {
        let confidence = nat.and_then(|nat| nat.difficulty.confidence());
        let difficulty = Some(Difficulty::Blocked);
        return FamilyFacts { udp: Some(false), difficulty, confidence, ..FamilyFacts::default() };
    }
    let udp = if !mapped.is_empty() {
        Some(true)
    } else if usable == Some(false) {
        Some(false)
    } else {
        None
    };
    let mut facts = FamilyFacts { udp, mapped, ..FamilyFacts::default() };
    if let Some(nat) = nat.filter(|_| udp == Some(true)) {
        facts.difficulty = difficulty;
        facts.filtering = nat.filtering.value().copied();
        facts.allocation = nat.port_allocation.value().copied();
        facts.pooling = nat.pooling.value().copied();
        facts.hairpinning = nat.hairpinning.value().copied();
        let effective = nat.effective.value().copied();
        let helped = matches!(effective, Some(Difficulty::None | Difficulty::Easy)) && effective != difficulty;
        facts.port_mapped = difficulty.is_some() && helped;
        facts.confidence = nat.difficulty.confidence();
    }
    facts
}

/// Endpoints on the internet: others are what a server inside the network sees.
fn mapped(nat: Option<&Nat>, reach: Option<&FamilyReport>) -> BTreeSet<SocketAddr> {
    let told = nat.into_iter().flat_map(|nat| nat.mapped.iter().copied());
    let global = reach.and_then(|reach| reach.global.value().copied());
    told.chain(global).filter(|endpoint| is_global(endpoint.ip())).collect()
}

/// Addresses a neighbour could use. An overlay's reach across networks, and say nothing of them.
fn local(report: &Report) -> BTreeSet<IpAddr> {
    let families = report.netcheck.iter().flat_map(|netcheck| [&netcheck.ipv4, &netcheck.ipv6]);
    let nats = report.nat_v4.iter().chain(&report.nat_v6);
    let sockets = nats.flat_map(|nat| nat.local.iter().map(SocketAddr::ip));
    let all = families.flat_map(|family| family.local.iter().copied()).chain(sockets);
    all.filter(|address| !is_overlay(*address) && !is_own(*address)).collect()
}

fn is_overlay(address: IpAddr) -> bool {
    is_carrier_grade(address)
        || matches!(address, IpAddr::V6(v6) if v6.segments().starts_with(&[0xfd7a, 0x115c, 0xa1e0]))
}

fn is_own(address: IpAddr) -> bool {
    let link_local = match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    };
    address.is_loopback() || address.is_unspecified() || link_local
}
