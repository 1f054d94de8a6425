//! Which facts keep a prediction undetermined: those that, once known, would narrow it.

use super::class::roams;
use super::network::Network;
use super::outcome::Outcome;
use crate::model::{Difficulty, Family, Filtering, Pooling, PortAllocation};
use crate::report::{Fact, FamilyFacts, Missing, Side, Which};

/// How much it would help to know a fact.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Help {
    /// It would narrow what is possible.
    Narrows,
    /// It could decide.
    May,
    /// It would decide, whatever it is.
    Decides,
}

/// The facts that would help most, in order of side and family.
pub(super) fn missing(a: &Side, b: &Side, network: Network) -> Vec<Missing> {
    let now = Outcome::of(a, b, network);
    let mut found: Vec<(Help, Missing)> = Vec::new();
    let mut weigh = |missing: Missing, then: Vec<Outcome>| {
        let decided = then.iter().filter(|outcome| outcome.direct().is_some()).count();
        let help = if decided == then.len() && decided > 0 {
            Help::Decides
        } else if decided > 0 {
            Help::May
        } else if then.iter().any(|outcome| outcome.cells() != now.cells()) {
            Help::Narrows
        } else {
            return;
        };
        found.push((help, missing));
    };
    if let Some((fact, then)) = joint(a, b, network) {
        weigh(Missing { side: None, family: None, fact }, then);
    }
    for which in [Which::A, Which::B] {
        for family in Family::BOTH {
            let side = if which == Which::A { a } else { b };
            for (fact, known) in unknown(side.family(family)) {
                let then = known.into_iter().map(|facts| {
                    let mut learned = side.clone();
                    *learned.family_mut(family) = facts;
                    let (a, b) = if which == Which::A { (&learned, b) } else { (a, &learned) };
                    Outcome::of(a, b, Network::of(a, b))
                });
                weigh(Missing { side: Some(which), family: Some(family), fact }, then.collect());
            }
        }
    }
    let most = found.iter().map(|(help, _)| *help).max();
    let mut best: Vec<Missing> =
        found.into_iter().filter(|(help, _)| Some(*help) == most).map(|(_, missing)| missing).collect();
    best.sort_unstable();
    // Where no single fact decides, the one to begin with.
    if most == Some(Help::Narrows) {
        let first = best.iter().map(|missing| missing.fact).min();
        best.retain(|missing| Some(missing.fact) == first);
    }
    best
}

/// What it takes both reports to know.
fn joint(a: &Side, b: &Side, network: Network) -> Option<(Fact, Vec<Outcome>)> {
    let of = |network| Outcome::of(a, b, network);
    let apart = Network { lan: Some(false), ..network };
    let together = Network { lan: Some(true), ..network };
    if network.nat_v4 == Some(true) {
        return network.lan.is_none().then(|| (Fact::PrivatePath, vec![of(apart), of(together)]));
    }
    let known = |lan: bool, nat: bool| Network {
        lan: network.lan.or(Some(lan)),
        nat_v4: network.nat_v4.or(Some(nat)),
        nat_v6: network.nat_v6.or(Some(nat)),
    };
    let fact = if a.redacted || b.redacted { Fact::NetworkRedacted } else { Fact::NetworkUnknown };
    let answers = [known(false, false), known(false, true), known(true, true)];
    answers.iter().any(|answer| *answer != network).then(|| (fact, answers.map(of).into()))
}

/// Each fact of a family that is not known and could be, with every answer there is.
fn unknown(facts: &FamilyFacts) -> Vec<(Fact, Vec<FamilyFacts>)> {
    let with = |change: &dyn Fn(&mut FamilyFacts)| {
        let mut facts = facts.clone();
        change(&mut facts);
        facts
    };
    if facts.udp == Some(false) || facts.difficulty == Some(Difficulty::Blocked) {
        return Vec::new();
    }
    if facts.udp.is_none() && facts.difficulty.is_none() {
        return vec![(Fact::Udp, [true, false].map(|it| with(&|facts| facts.udp = Some(it))).into())];
    }
    let mut unknown = Vec::new();
    if facts.difficulty.is_none() {
        let answers = [Difficulty::None, Difficulty::Easy, Difficulty::Hard];
        unknown.push((Fact::Mapping, answers.map(|it| with(&|facts| facts.difficulty = Some(it))).into()));
    }
    if facts.filtering.is_none() {
        let answers = [Filtering::EndpointIndependent, Filtering::AddressDependent, Filtering::AddressAndPortDependent];
        unknown.push((Fact::Filtering, answers.map(|it| with(&|facts| facts.filtering = Some(it))).into()));
    }
    if facts.allocation.is_none() {
        let answers = [PortAllocation::Sequential, PortAllocation::Random];
        unknown.push((Fact::Allocation, answers.map(|it| with(&|facts| facts.allocation = Some(it))).into()));
    }
    if roams(facts).len() > 1 {
        let answers = [Pooling::Paired, Pooling::Arbitrary];
        unknown.push((Fact::Pooling, answers.map(|it| with(&|facts| facts.pooling = Some(it))).into()));
    }
    if facts.hairpinning.is_none() {
        let answers = [true, false];
        unknown.push((Fact::Hairpinning, answers.map(|it| with(&|facts| facts.hairpinning = Some(it))).into()));
    }
    unknown
}
