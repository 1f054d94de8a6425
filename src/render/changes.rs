//! What changed between two reports of a repeated netcheck, in a line each. Latencies alone are no news.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::catalogue::{Catalogue, Change, RegionNames, Word};
use super::clean::short;
use crate::report::{FamilyReport, Nat, Netcheck, Report, Verdict};

/// The changes, most important first.
pub(super) fn changes(previous: &Report, current: &Report, words: &dyn Catalogue) -> Vec<String> {
    let mut lines = Vec::new();
    if let (Some(before), Some(now)) = (&previous.netcheck, &current.netcheck) {
        switch(Word::Udp, &before.udp, &now.udp, words, &mut lines);
        let v4 = same_socket(previous.nat_v4.as_ref(), current.nat_v4.as_ref());
        family(Word::Ipv4, (&before.ipv4, &now.ipv4), v4, words, &mut lines);
        let v6 = same_socket(previous.nat_v6.as_ref(), current.nat_v6.as_ref());
        family(Word::Ipv6, (&before.ipv6, &now.ipv6), v6, words, &mut lines);
        captive_portal(before, now, words, &mut lines);
        home(previous, current, words, &mut lines);
        regions(before, now, words, &mut lines);
    }
    nat(Word::Nat, previous.nat_v4.as_ref(), current.nat_v4.as_ref(), words, &mut lines);
    nat(Word::NatIpv6, previous.nat_v6.as_ref(), current.nat_v6.as_ref(), words, &mut lines);
    lines
}

fn switch(
    what: Word,
    before: &Verdict<bool>,
    now: &Verdict<bool>,
    words: &dyn Catalogue,
    lines: &mut Vec<String>,
) -> bool {
    let change = match (before.value(), now.value()) {
        (before, now) if before == now => return false,
        (_, None) => Change::Unclear(what),
        (None, Some(now)) => Change::Became(what, "?", words.word(if *now { Word::Yes } else { Word::No })),
        (Some(_), Some(false)) => Change::Lost(what),
        (Some(_), Some(true)) => Change::Back(what),
    };
    lines.push(words.change(&change));
    true
}

/// The family itself, else where it is seen from outside. A family that has just come or gone says the rest.
fn family(
    what: Word,
    (before, now): (&FamilyReport, &FamilyReport),
    same_socket: bool,
    words: &dyn Catalogue,
    lines: &mut Vec<String>,
) {
    if switch(what, &before.usable, &now.usable, words, lines) {
        return;
    }
    let (Some(before), Some(now)) = (before.global.value(), now.global.value()) else { return };
    lines.extend(endpoint(*before, *now, same_socket, words));
}

/// Whether a local endpoint was measured from both times, as with `--bind-port`. A new socket has a new mapped port
/// behind any NAT, and that is no news.
fn same_socket(before: Option<&Nat>, now: Option<&Nat>) -> bool {
    let (Some(before), Some(now)) = (before, now) else { return false };
    before.local.iter().any(|local| now.local.contains(local))
}

fn endpoint(before: SocketAddr, now: SocketAddr, same_socket: bool, words: &dyn Catalogue) -> Option<String> {
    if before.ip() != now.ip() {
        let (before, now) = (before.to_string(), now.to_string());
        Some(words.change(&Change::Became(Word::MappedAddress, &before, &now)))
    } else if same_socket && before.port() != now.port() {
        let (before, now) = (before.port().to_string(), now.port().to_string());
        Some(words.change(&Change::Became(Word::MappedPort, &before, &now)))
    } else {
        None
    }
}

fn captive_portal(before: &Netcheck, now: &Netcheck, words: &dyn Catalogue, lines: &mut Vec<String>) {
    let (Some(before), Some(now)) = (before.captive_portal.value(), now.captive_portal.value()) else { return };
    if before != now {
        let say = |portal: &bool| words.word(if *portal { Word::InTheWay } else { Word::NoneFound });
        lines.push(words.change(&Change::Became(Word::CaptivePortal, say(before), say(now))));
    }
}

fn home(previous: &Report, current: &Report, words: &dyn Catalogue, lines: &mut Vec<String>) {
    let code = |report: &Report| {
        let id = *report.netcheck.as_ref()?.home_region.value()?;
        Some((id, short(&RegionNames::of(report).code(id), 24)))
    };
    let (before, now) = (code(previous), code(current));
    if before.as_ref().map(|(id, _)| id) != now.as_ref().map(|(id, _)| id) {
        let say = |home: Option<(_, String)>| home.map_or_else(|| "?".to_owned(), |(_, code)| code);
        lines.push(words.change(&Change::Became(Word::HomeRegion, &say(before), &say(now))));
    }
}

fn regions(before: &Netcheck, now: &Netcheck, words: &dyn Catalogue, lines: &mut Vec<String>) {
    let answering = |netcheck: &Netcheck| -> BTreeMap<_, _> {
        let measured = netcheck.regions.iter().filter(|region| region.latency.is_some());
        measured.map(|region| (region.id, short(&region.code, 24))).collect()
    };
    let (before, now) = (answering(before), answering(now));
    let lost = before.iter().filter(|(id, _)| !now.contains_key(id));
    let appeared = now.iter().filter(|(id, _)| !before.contains_key(id));
    lines.extend(lost.map(|(_, code)| words.change(&Change::RegionLost(code))));
    lines.extend(appeared.map(|(_, code)| words.change(&Change::RegionAppeared(code))));
}

fn nat(what: Word, before: Option<&Nat>, now: Option<&Nat>, words: &dyn Catalogue, lines: &mut Vec<String>) {
    let (Some(before), Some(now)) = (before, now) else { return };
    let (before, now) = (before.difficulty.value(), now.difficulty.value());
    if before != now {
        let say = |difficulty: Option<&_>| difficulty.map_or("?", |difficulty| words.difficulty(*difficulty));
        lines.push(words.change(&Change::Became(what, say(before), say(now))));
    }
}
