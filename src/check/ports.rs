//! How a NAT picks ports and addresses, from the mappings it made for us, in the order it made them.
//!
//! Pure. Kept ports and steps of a sequence prove themselves: chance makes neither often enough. That there is no
//! pattern takes more mappings, and that there is but one address the most, since two addresses taken in turns by chance
//! look like one for a while.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use super::Operator;
use crate::model::{Pooling, PortAllocation};
use crate::probe::{ProbeId, Slot};
use crate::report::{Confidence, NatWhy, Verdict, Why};

/// One mapping a NAT made.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Binding {
    pub probe: ProbeId,
    pub slot: Slot,
    /// The local port, where the system told.
    pub local: Option<u16>,
    /// Where servers saw it; `None` where nobody told, though a packet made it.
    pub mapped: Option<SocketAddr>,
    /// Who told. Where only one does, it may lie.
    pub by: BTreeSet<Operator>,
    /// Another address of ours that as many told of the same mapping: nobody knows which of the two it is.
    pub rival: Option<IpAddr>,
}

/// Mappings needed before ports are called random …
const NEEDED_FOR_RANDOM: usize = 8;
/// … steps of one size for a sequence …
const NEEDED_STEPS: usize = 4;
/// … of no more than this: other hosts take ports as well …
const LONGEST_STEP: u16 = 16;
/// … and mappings before one address is called the only one: one run in 100,000 where there are two.
pub(super) const NEEDED_FOR_PAIRED: usize = 18;
/// So many sockets whose port is kept are no chance, whatever became of other mappings.
const NEEDED_KEEPERS: usize = 4;
/// An outer port this far from the local one may be of a sequence that passes by the local ports.
const NEAR: u16 = 1024;
/// Ports within so many of each other are a block.
const LARGEST_BLOCK: u32 = 4096;

/// How ports are picked.
pub(super) fn allocation(bindings: &[Binding]) -> Verdict<PortAllocation> {
    let seen = || bindings.iter().filter_map(|binding| Some((binding, binding.mapped?)));
    let evidence = || seen().map(|(binding, _)| binding.probe).take(12).collect::<Vec<_>>();
    let known = |value, confidence, why| Verdict::known(value, confidence, evidence()).because(why);
    let unknown = |why| Verdict::unknown(Why::Nat(why)).with_evidence(evidence());
    let total = seen().count();
    let kept = seen().filter(|(binding, mapped)| binding.local == Some(mapped.port()));
    let keepers: BTreeSet<Slot> = kept.clone().map(|(binding, _)| binding.slot).collect();
    let all = kept.clone().count() == total;
    // Chance keeps the port of one socket in 60,000. But a sequence may run through the very ports that are taken here.
    let passing_by = || {
        let moved = || seen().filter(|(binding, mapped)| binding.local != Some(mapped.port()));
        let near = |(binding, mapped): &(&Binding, SocketAddr)| {
            binding.local.is_some_and(|local| local.abs_diff(mapped.port()) <= NEAR)
        };
        moved().filter(near).count() * 2 >= moved().count()
    };
    // Nor is it two or three of a hundred mappings that chance keeps, once in a million NATs.
    let by_chance = || keepers.len() < NEEDED_KEEPERS && kept.clone().count() * 4 < total;
    let doubtful = (!all && keepers.len() * 2 <= sockets(bindings) && passing_by()) || by_chance();
    if keepers.len() >= 2 && !doubtful {
        let confidence = if all && total >= 3 { Confidence::High } else { Confidence::Medium };
        let why = Why::PortsKept { kept: count(keepers.len()), sockets: count(sockets(bindings)) };
        return known(PortAllocation::Preserving, confidence, why);
    }
    // Any one of those who told may have made up what it told.
    let tellers: BTreeSet<Operator> = bindings
        .iter()
        .filter(|binding| binding.by.len() == 1)
        .filter_map(|binding| binding.by.first().copied())
        .collect();
    let without = |liar: Option<Operator>| {
        let told_by_others =
            move |by: &BTreeSet<Operator>| liar.is_none_or(|liar| by.iter().any(|teller| *teller != liar));
        let mask = move |binding: &Binding| binding.mapped.filter(|_| told_by_others(&binding.by));
        bindings.iter().map(mask).collect::<Vec<_>>()
    };
    let trials: Vec<Vec<Option<SocketAddr>>> =
        std::iter::once(without(None)).chain(tellers.iter().map(|liar| without(Some(*liar)))).collect();
    // Local ports are taken in a row: outer ones at a fixed distance from them are in a row as well, and no sequence.
    if let Some(step) = trials.iter().filter(|ports| !follows(bindings, ports)).find_map(|ports| step(ports)) {
        return known(
            PortAllocation::Sequential,
            Confidence::High,
            Why::Nat(NatWhy::PortsInSequence { step, mappings: count(total) }),
        );
    }
    let have = trials.iter().map(|ports| distinct(ports)).min().unwrap_or_default();
    if doubtful && keepers.len() >= 2 {
        return unknown(NatWhy::PortsUnclear { mappings: count(total) });
    }
    if keepers.len() == 1 || have < NEEDED_FOR_RANDOM {
        return unknown(NatWhy::TooFewMappings { have: count(have), need: count(NEEDED_FOR_RANDOM) });
    }
    let addresses: BTreeSet<IpAddr> = seen().map(|(_, mapped)| mapped.ip()).collect();
    if addresses.len() > 1 || trials.iter().any(|ports| drifts(ports)) {
        return unknown(NatWhy::PortsUnclear { mappings: count(total) });
    }
    let ports = || seen().map(|(_, mapped)| mapped.port());
    let (lowest, highest) = (ports().min().unwrap_or_default(), ports().max().unwrap_or_default());
    let span = u32::from(highest - lowest) + 1;
    let block = (span <= LARGEST_BLOCK).then(|| span.next_power_of_two());
    let why = NatWhy::PortsScattered { mappings: count(total), lowest, highest, block };
    known(PortAllocation::Random, Confidence::Medium, Why::Nat(why))
}

/// Whether all mappings share an address.
pub(super) fn pooling(bindings: &[Binding]) -> Verdict<Pooling> {
    let seen = || bindings.iter().filter_map(|binding| Some((binding, binding.mapped?.ip())));
    let evidence = || seen().map(|(binding, _)| binding.probe).take(12).collect::<Vec<_>>();
    let rivals = bindings.iter().filter_map(|binding| binding.rival);
    let addresses: BTreeSet<IpAddr> = seen().map(|(_, address)| address).chain(rivals).collect();
    if addresses.len() > 1 {
        let mut told: BTreeMap<Operator, BTreeSet<IpAddr>> = BTreeMap::new();
        for (binding, address) in seen() {
            for by in &binding.by {
                told.entry(*by).or_default().insert(address);
            }
        }
        let why = Why::SeveralAddresses { addresses: addresses.into_iter().collect() };
        // One server that sees several of ours may make them up; where each sees one, it is the destination that decides.
        if told.values().filter(|addresses| addresses.len() > 1).count() >= 2 {
            return Verdict::known(Pooling::Arbitrary, Confidence::Medium, evidence()).because(why);
        }
        return Verdict::unknown(why).with_evidence(evidence());
    }
    let mappings = seen().count();
    if mappings < NEEDED_FOR_PAIRED {
        let why = NatWhy::OneAddressSoFar { mappings: count(mappings), need: count(NEEDED_FOR_PAIRED) };
        return Verdict::unknown(Why::Nat(why)).with_evidence(evidence());
    }
    Verdict::known(Pooling::Paired, Confidence::Medium, evidence())
        .because(Why::Nat(NatWhy::OneAddress { mappings: count(mappings) }))
}

/// Whether four of five outer ports are at one distance from the local ones.
fn follows(bindings: &[Binding], ports: &[Option<SocketAddr>]) -> bool {
    let mut distances: BTreeMap<u16, usize> = BTreeMap::new();
    let mut of = 0;
    for (binding, mapped) in bindings.iter().zip(ports) {
        if let (Some(local), Some(mapped)) = (binding.local, mapped) {
            *distances.entry(mapped.port().wrapping_sub(local)).or_default() += 1;
            of += 1;
        }
    }
    of > 0 && distances.values().any(|times| times * 5 >= of * 4)
}

/// The step of a sequence that four of five mappings are in.
fn step(ports: &[Option<SocketAddr>]) -> Option<u16> {
    let steps: Vec<Option<u16>> = pairs(ports)
        .map(|(gap, delta)| {
            let step = u16::try_from(delta).ok()?.checked_div(gap)?;
            (delta == i32::from(step) * i32::from(gap) && (1..=LONGEST_STEP).contains(&step)).then_some(step)
        })
        .collect();
    let mut counts: BTreeMap<u16, usize> = BTreeMap::new();
    for step in steps.iter().flatten() {
        *counts.entry(*step).or_default() += 1;
    }
    let (step, times) = counts.into_iter().max_by_key(|(_, times)| *times)?;
    (times >= NEEDED_STEPS && times * 5 >= steps.len() * 4).then_some(step)
}

/// Whether ports mostly rise, or mostly fall, as in a sequence that others take from as well.
fn drifts(ports: &[Option<SocketAddr>]) -> bool {
    let total = pairs(ports).count();
    let rising = pairs(ports).filter(|(_, delta)| *delta > 0).count();
    rising.max(total - rising) * 5 >= total * 4
}

/// From one mapping that was seen to the next: how many were made, and by how much the port differs.
fn pairs(ports: &[Option<SocketAddr>]) -> impl Iterator<Item = (u16, i32)> {
    let seen: Vec<(usize, u16)> =
        ports.iter().enumerate().filter_map(|(place, mapped)| Some((place, mapped.as_ref()?.port()))).collect();
    let pair = |pair: &[(usize, u16)]| {
        let (before, after) = (pair.first()?, pair.get(1)?);
        Some((u16::try_from(after.0 - before.0).ok()?, i32::from(after.1) - i32::from(before.1)))
    };
    seen.windows(2).filter_map(pair).collect::<Vec<_>>().into_iter()
}

fn distinct(ports: &[Option<SocketAddr>]) -> usize {
    ports.iter().flatten().collect::<BTreeSet<_>>().len()
}

fn sockets(bindings: &[Binding]) -> usize {
    let seen = bindings.iter().filter(|binding| binding.mapped.is_some());
    seen.map(|binding| binding.slot).collect::<BTreeSet<_>>().len()
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Family;

    /// Mappings of as many sockets at these ports, told by three operators in turn; 0: unseen.
    fn bindings(ports: &[u16]) -> Vec<Binding> {
        let operators = ["20.1.0.1", "20.2.0.1", "20.3.0.1"].map(|server| Operator::of(server.parse().unwrap()));
        (0_u8..)
            .zip(ports)
            .map(|(index, port)| Binding {
                probe: ProbeId(u32::from(index)),
                slot: Slot::Shared { family: Family::V4, index },
                local: Some(10_000 + u16::from(index)),
                mapped: (*port > 0).then(|| SocketAddr::new("198.51.100.7".parse().unwrap(), *port)),
                by: operators.get(usize::from(index) % 3).copied().filter(|_| *port > 0).into_iter().collect(),
                rival: None,
            })
            .collect()
    }

    fn allocated(ports: &[u16]) -> Option<PortAllocation> {
        let verdict = allocation(&bindings(ports));
        assert!(verdict.why().is_some());
        verdict.value().copied()
    }

    const SCATTERED: [u16; 9] = [40_000, 1_500, 33_000, 9_000, 61_000, 20_000, 52_000, 3_000, 47_000];

    #[test]
    fn patterns_are_seen_and_their_absence_takes_more() {
        assert_eq!(allocated(&[10_000, 10_001]), Some(PortAllocation::Preserving));
        assert_eq!(allocated(&[10_000, 30_001, 10_002]), Some(PortAllocation::Preserving), "one collided");
        assert_eq!(allocated(&[10_000, 20_001]), None, "once is chance");
        let mut scattered: Vec<u16> = SCATTERED.iter().copied().chain([17_000, 56_000, 8_000, 30_000]).collect();
        (scattered[3], scattered[9]) = (10_003, 10_009);
        assert_eq!(allocated(&scattered), None, "chance keeps two of many");
        assert_eq!(allocated(&[20_000, 20_002, 20_004, 20_006, 20_008]), Some(PortAllocation::Sequential));
        assert_eq!(allocated(&[20_000, 0, 20_004, 20_006, 0, 0, 20_012, 20_014]), Some(PortAllocation::Sequential));
        assert_eq!(allocated(&[20_000, 20_002, 20_004, 20_006]), None, "three steps");
        assert_eq!(allocated(&SCATTERED[..7]), None);
        assert_eq!(allocated(&SCATTERED), None, "any third of them may be made up");
        let more: Vec<u16> = SCATTERED.iter().copied().chain([17_000, 56_000, 8_000, 30_000]).collect();
        assert_eq!(allocated(&more), Some(PortAllocation::Random));
        let busy: Vec<u16> = (0..14).map(|n| 20_000 + 37 * n + n * n).collect();
        assert_eq!(allocated(&busy), None, "a sequence that others take from");
    }

    #[test]
    fn a_sequence_that_passes_by_the_local_ports_keeps_none() {
        assert_eq!(allocated(&[10_003, 10_001, 10_002, 10_007, 10_009, 10_011]), None);
        assert_eq!(allocated(&[10_000, 10_001, 10_002, 10_007]), Some(PortAllocation::Preserving), "most are kept");
        let by: Vec<u16> = (0..8).map(|n| 9_994 + 2 * n).collect();
        assert_eq!(allocated(&by), Some(PortAllocation::Sequential));
    }

    #[test]
    fn an_address_that_as_many_tell_is_not_left_out() {
        let ports: Vec<u16> = (1..=20).map(|n| 1_000 * n).collect();
        let mut bindings = bindings(&ports);
        bindings[3].rival = Some("198.51.100.8".parse().unwrap());
        let verdict = pooling(&bindings);
        assert!(
            verdict.value().is_none() && matches!(verdict.why(), Some(Why::SeveralAddresses { .. })),
            "{verdict:?}"
        );
    }

    #[test]
    fn a_liar_hides_no_sequence() {
        let mut ports: Vec<u16> = (0..15).map(|n| 20_000 + 2 * n).collect();
        for (place, made_up) in ports.iter_mut().enumerate().filter(|(place, _)| place % 3 == 1) {
            *made_up = 5_000 + 7_001 * u16::try_from(place % 8).unwrap();
        }
        assert_eq!(allocated(&ports), Some(PortAllocation::Sequential));
    }

    #[test]
    fn a_block_is_told_as_one() {
        let ports = [30_100, 30_400, 30_007, 30_333, 30_250, 30_180, 30_480, 30_020, 30_290, 30_111, 30_409, 30_060];
        let verdict = allocation(&bindings(&ports));
        assert_eq!(verdict.value(), Some(&PortAllocation::Random));
        assert!(
            matches!(verdict.why(), Some(Why::Nat(NatWhy::PortsScattered { block: Some(512), .. }))),
            "{verdict:?}"
        );
    }

    #[test]
    fn one_address_takes_many_mappings_and_two_take_two_witnesses() {
        let ports: Vec<u16> = (1..=18).map(|n| 1_000 * n).collect();
        assert_eq!(pooling(&bindings(&ports)).value(), Some(&Pooling::Paired));
        assert_eq!(pooling(&bindings(&ports[1..])).value(), None);
        let other = |places: &[usize]| {
            let mut bindings = bindings(&ports[..9]);
            for place in places {
                bindings[*place].mapped = Some("203.0.113.9:5".parse().unwrap());
            }
            let verdict = pooling(&bindings);
            assert!(matches!(verdict.why(), Some(Why::SeveralAddresses { .. })));
            verdict.value().copied()
        };
        assert_eq!(other(&[0, 1]), Some(Pooling::Arbitrary));
        assert_eq!(other(&[0, 3, 6]), None, "by destination");
        assert_eq!(other(&[0, 3]), None, "one server says so");
    }
}
