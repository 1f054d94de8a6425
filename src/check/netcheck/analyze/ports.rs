//! The mappings a NAT made for this run, out of the record, and what they say of how it picks ports and addresses.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use super::evidence::{Evidence, StunCopy};
use super::nat::View;
use super::reach::count;
use crate::check::Operator;
use crate::check::ports::{self, Binding};
use crate::model::{Pooling, PortAllocation};
use crate::probe::{ProbeId, Slot};
use crate::report::{Confidence, NatWhy, Verdict, Why};

/// How external ports are picked.
pub(super) fn allocation(evidence: &Evidence<'_>, view: &View) -> Verdict<PortAllocation> {
    match view.conclusion.varies.value() {
        None if port_preservation(view).is_true() => port_preservation(view).map(|_| PortAllocation::Preserving),
        None => Verdict::unknown(view.conclusion.varies.why().cloned().unwrap_or(Why::SocketsDisagree)),
        Some(_) => ports::allocation(&bindings(evidence, view)),
    }
}

/// How external addresses are picked.
pub(super) fn pooling(evidence: &Evidence<'_>, view: &View) -> Verdict<Pooling> {
    if view.conclusion.direct {
        return Verdict::unknown(Why::Nat(NatWhy::NothingTranslates));
    }
    ports::pooling(&bindings(evidence, view))
}

/// What a mapping is for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Socket(Slot),
    Alone(ProbeId),
    Address(Slot, IpAddr),
    Endpoint(Slot, SocketAddr),
}

/// Mappings in the order they were made: by the first packet of each that left.
fn bindings(evidence: &Evidence<'_>, view: &View) -> Vec<Binding> {
    let all = evidence.stun.iter().chain(&evidence.hairpin).chain(&evidence.filter);
    let mut copies: Vec<&StunCopy<'_>> =
        all.filter(|copy| copy.slot.family() == view.family && copy.failure.is_none()).collect();
    copies.sort_by_key(|copy| copy.probe);
    let varies = view.conclusion.varies.is_true();
    let believed = view.believed();
    let mut order: Vec<Key> = Vec::new();
    let mut told: BTreeMap<Key, Vec<Told>> = BTreeMap::new();
    for copy in copies {
        let key = match copy.slot {
            Slot::Connected { .. } => Key::Alone(copy.probe),
            slot @ Slot::Shared { .. } if !varies => Key::Socket(slot),
            slot @ Slot::Shared { .. } if view.on_port_too == Some(false) => Key::Address(slot, copy.server.ip()),
            slot @ Slot::Shared { .. } => Key::Endpoint(slot, copy.server),
        };
        if !order.contains(&key) {
            order.push(key);
        }
        let reply = copy.reply.map(|(reply, _)| reply).filter(|reply| reply.error_code.is_none());
        if let Some(reply) = reply
            && let Some(mapped) = reply.mapped
            && believed.contains(&copy.server)
        {
            let local = reply.local.map(|local| local.port());
            let (probe, by) = (copy.probe, Operator::of(copy.server.ip()));
            told.entry(key).or_default().push(Told { probe, by, mapped, local });
        }
    }
    let mut known: BTreeSet<(Slot, SocketAddr)> = BTreeSet::new();
    let binding = |key: &Key| {
        let views = told.get(key).map(Vec::as_slice).unwrap_or_default();
        let slot = match *key {
            Key::Socket(slot) | Key::Address(slot, _) | Key::Endpoint(slot, _) => slot,
            Key::Alone(_) => Slot::Connected { family: view.family },
        };
        let Some(&Told { probe, mapped, local, .. }) = most_told(views) else {
            return Some(Binding {
                probe: ProbeId(0),
                slot,
                local: None,
                mapped: None,
                by: BTreeSet::new(),
                rival: None,
            });
        };
        // Another port of a server whose mapping depends on its address alone.
        let new = matches!(key, Key::Alone(_)) || known.insert((slot, mapped));
        let tellers = |of: IpAddr| {
            let telling = views.iter().filter(|view| view.mapped.ip() == of);
            telling.map(|view| view.by).collect::<BTreeSet<_>>().len()
        };
        let by: BTreeSet<Operator> = views.iter().filter(|view| view.mapped == mapped).map(|view| view.by).collect();
        let mut others = views.iter().map(|view| view.mapped.ip()).filter(|other| *other != mapped.ip());
        let rival = others.find(|other| tellers(*other) >= by.len());
        new.then_some(Binding { probe, slot, local, mapped: Some(mapped), by, rival })
    };
    order.iter().filter_map(binding).collect()
}

/// What a server told of a mapping.
#[derive(Clone, Copy)]
struct Told {
    probe: ProbeId,
    by: Operator,
    mapped: SocketAddr,
    local: Option<u16>,
}

/// The view most operators share; of several such the first told.
fn most_told(views: &[Told]) -> Option<&Told> {
    let sharing = |mapped: SocketAddr| {
        views.iter().filter(|view| view.mapped == mapped).map(|view| view.by).collect::<BTreeSet<_>>().len()
    };
    views.iter().rev().max_by_key(|view| sharing(view.mapped))
}

/// Whether the external port is the local one, on every socket that was seen.
pub(super) fn port_preservation(view: &View) -> Verdict<bool> {
    let varies = &view.conclusion.varies;
    let mut sockets: BTreeMap<Slot, BTreeSet<bool>> = BTreeMap::new();
    let mut mappings: BTreeSet<(Slot, SocketAddr)> = BTreeSet::new();
    let mut operators: BTreeSet<Operator> = BTreeSet::new();
    // One liar is not to undo what all the others tell.
    let believed = view.believed();
    for sighting in view.trusted().filter(|sighting| believed.contains(&sighting.server)) {
        if let Some(local) = sighting.local {
            sockets.entry(sighting.slot).or_default().insert(local.port() == sighting.mapped.port());
            mappings.insert((sighting.slot, sighting.mapped));
            operators.insert(Operator::of(sighting.server.ip()));
        }
    }
    let kept = sockets.values().filter(|kept| kept.len() == 1 && kept.contains(&true)).count();
    let changed = sockets.values().filter(|kept| kept.len() == 1 && kept.contains(&false)).count();
    let why = Why::PortsKept { kept: count(kept), sockets: count(sockets.len()) };
    let evidence = varies.evidence().to_vec();
    let known = |value, confidence| Verdict::known(value, confidence, evidence.clone()).because(why.clone());
    let several = sockets.len() >= 2;
    match varies.value() {
        Some(false) if several && kept == sockets.len() => known(true, Confidence::High),
        Some(false) if several && changed == sockets.len() => known(false, Confidence::High),
        // The first mapping may have kept it unseen: so many of them would not all have gone unseen.
        Some(true) if several && changed == sockets.len() && mappings.len() >= 6 => known(false, Confidence::Medium),
        // Whatever the mapping depends on: every server saw the port kept.
        None if several && kept == sockets.len() && operators.len() >= 2 => known(true, Confidence::Medium),
        Some(_) => Verdict::unknown(why).with_evidence(evidence),
        None => Verdict::unknown(varies.why().cloned().unwrap_or(Why::SocketsDisagree)),
    }
}
