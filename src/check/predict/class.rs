//! Which classes the facts of a family leave possible.

use std::collections::BTreeSet;

use crate::model::{Difficulty, Filtering, Pooling, PortAllocation};
use crate::report::{Class, FamilyFacts};

/// Every class the facts allow: fewer with each fact.
pub(super) fn classes(facts: &FamilyFacts) -> BTreeSet<Class> {
    if facts.udp == Some(false) || facts.difficulty == Some(Difficulty::Blocked) {
        return BTreeSet::from([Class::Blocked]);
    }
    if facts.port_mapped {
        return BTreeSet::from([Class::Open]);
    }
    let filters = match facts.filtering {
        Some(filtering) => vec![filtering],
        None => vec![Filtering::EndpointIndependent, Filtering::AddressDependent, Filtering::AddressAndPortDependent],
    };
    let of = |class: fn(Filtering) -> Class| filters.iter().copied().map(class).collect::<BTreeSet<_>>();
    match facts.difficulty {
        Some(Difficulty::None) => of(firewall),
        Some(Difficulty::Easy) => of(easy),
        Some(Difficulty::Hard) => hard(&filters, facts.allocation),
        // No UDP is the only further possibility: whoever has some is one of the others.
        Some(Difficulty::Blocked) | None => {
            let mut all = of(firewall);
            all.extend(of(easy));
            all.extend(hard(&filters, facts.allocation));
            if facts.udp.is_none() {
                all.insert(Class::Blocked);
            }
            all
        }
    }
}

/// Whether the external address may differ from one destination to the next: each answer that is possible.
pub(super) fn roams(facts: &FamilyFacts) -> Vec<bool> {
    let addresses: BTreeSet<_> = facts.mapped.iter().map(std::net::SocketAddr::ip).collect();
    match facts.pooling {
        _ if addresses.len() > 1 => vec![true],
        Some(Pooling::Paired) => vec![false],
        Some(Pooling::Arbitrary) => vec![true],
        // Several mappings of one address: it is shared by all of them.
        None if facts.mapped.len() > 1 => vec![false],
        None => vec![false, true],
    }
}

/// Without translation, what a filter lets in is all there is to it.
const fn firewall(filtering: Filtering) -> Class {
    match filtering {
        Filtering::EndpointIndependent => Class::Open,
        Filtering::AddressDependent => Class::Nat2,
        Filtering::AddressAndPortDependent => Class::Nat3,
    }
}

const fn easy(filtering: Filtering) -> Class {
    match filtering {
        Filtering::EndpointIndependent => Class::Nat1,
        Filtering::AddressDependent => Class::Nat2,
        Filtering::AddressAndPortDependent => Class::Nat3,
    }
}

fn hard(filters: &[Filtering], allocation: Option<PortAllocation>) -> BTreeSet<Class> {
    let strict: &[Class] = match allocation {
        // A port kept for the first destination says nothing of the next one's.
        Some(PortAllocation::Random | PortAllocation::Preserving) => &[Class::HardRandom],
        Some(PortAllocation::Sequential) => &[Class::HardPredictable],
        None => &[Class::HardPredictable, Class::HardRandom],
    };
    let of = |filtering: &Filtering| match filtering {
        Filtering::EndpointIndependent => &[Class::HardEif],
        Filtering::AddressDependent => &[Class::HardAdf],
        Filtering::AddressAndPortDependent => strict,
    };
    filters.iter().flat_map(of).copied().collect()
}
