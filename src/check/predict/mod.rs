//! Whether two hosts will talk directly, from what is known of each: a pure function of two [`Side`]s.
//!
//! Every class the facts leave possible is looked up in one table, on every path there may be (a shared network, IPv6,
//! IPv4). When all of that agrees, the prediction stands; otherwise it is undetermined, and says which fact is missing
//! and how to get it. *Directly* means what `natscope ping --direct` and Tailscale do: both sides send at once to the
//! endpoints STUN servers have told, and answer whoever gets through. Nobody guesses ports: where only guessing would
//! help, the prediction is no.
//!
//! What it takes for granted: the two networks reach each other at all, both programs run at the same time and have a
//! relay to introduce them, a NAT keeps its filter for each mapping by itself (as those do that have an entry for each; see
//! `tests/punch.rs` for the pairs that would do better otherwise), gives no flow another port because of a stranger's packet
//! (see [`predict`]'s confidence), and behaves tomorrow as it did when the report was made.

mod advice;
mod class;
mod missing;
mod network;
mod outcome;
mod side;
mod table;
#[cfg(test)]
mod tests;

pub use side::side_of;
pub use table::{Cell, cell};

use network::Network;
use outcome::{Outcome, Path};

use crate::model::{Difficulty, Family};
use crate::report::{
    Class, Confidence, Likelihood, Mechanism, PairWhy, Predict, PredictSide, Side, Verdict, Which, Why,
};

/// Predicts. The same for both orders, but for which side is which. Of medium confidence at most where a router that gives
/// a flow another port after a stranger's packet would spoil it.
#[must_use]
pub fn predict(a: &Side, b: &Side) -> Predict {
    let network = Network::of(a, b);
    let outcome = Outcome::of(a, b, network);
    let missing = if outcome.direct().is_none() { missing::missing(a, b, network) } else { Vec::new() };
    let [advice_a, advice_b] = advice::advise(a, b);
    let best = outcome.best();
    let side = |side: &Side, advice| PredictSide {
        v4: class::classes(&side.v4).into_iter().collect(),
        v6: class::classes(&side.v6).into_iter().collect(),
        tunnel: side.tunnel,
        advice,
    };
    let mut predict = Predict {
        direct: Verdict::unknown(Why::Pair(PairWhy::Missing(missing.clone()))),
        mechanism: best.map_or(Mechanism::Relay, |path| path.mechanism),
        family: best.and_then(|path| path.family),
        likelihood: outcome.likelihood(),
        sides: [side(a, advice_a), side(b, advice_b)],
        missing,
    };
    if network::one_host(a, b) {
        predict.direct = Verdict::unknown(Why::Pair(PairWhy::OneHost));
        predict.missing = Vec::new();
        predict.likelihood = Likelihood::Uncertain;
        return Predict { sides: predict.sides.map(|side| PredictSide { advice: None, ..side }), ..predict };
    }
    match (outcome.direct(), best) {
        (Some(true), Some(path)) => {
            let why = why_direct(a, b, path);
            predict.direct = Verdict::known(true, confidence(a, b, path), []).because(Why::Pair(why));
        }
        (Some(false), _) | (_, None) => {
            let (why, confidence) = why_not(a, b, &outcome, network);
            predict.direct = Verdict::known(false, confidence, []).because(Why::Pair(why));
            predict.mechanism = Mechanism::Relay;
            predict.family = None;
        }
        (None, Some(path)) => {
            if predict.missing.is_empty() {
                let why = PairWhy::DependsOnHitMapping { side: hard_side(a, b, path.family) };
                predict.direct = Verdict::unknown(Why::Pair(why));
            }
        }
    }
    predict
}

fn why_direct(a: &Side, b: &Side, path: &Path) -> PairWhy {
    let Some(family) = path.family else { return PairWhy::SameNetwork };
    let open = |side: &Side| class::classes(side.family(family)).iter().all(|class| *class == Class::Open);
    match path.mechanism {
        Mechanism::Hairpin => PairWhy::SharedNatHairpins,
        _ => match (open(a), open(b)) {
            (true, true) => PairWhy::AnybodyReaches { side: None, family },
            (true, false) => PairWhy::AnybodyReaches { side: Some(Which::A), family },
            (false, true) => PairWhy::AnybodyReaches { side: Some(Which::B), family },
            (false, false) => PairWhy::BothSend { family },
        },
    }
}

/// As sure as the reports are of what it rests on, and less where a router may spoil it: plain Linux NAT that accepts
/// strangers' packets itself (an open INPUT chain) keeps the peer's first packet as a flow of its own, and then gives the
/// flow to that peer another port. One that lets in only the port it has sent to never hears of it. No report tells.
fn confidence(a: &Side, b: &Side, path: &Path) -> Confidence {
    let Some(family) = path.family else { return Confidence::Medium };
    let strict = |side: &Side| class::classes(side.family(family)).contains(&Class::Nat3);
    let translated = |side: &Side| side.family(family).difficulty != Some(Difficulty::None);
    let spoilt = strict(a) && strict(b) && (translated(a) || translated(b));
    let most = if spoilt { Confidence::Medium } else { Confidence::High };
    let of = |side: &Side| {
        if side.proxied { Confidence::Low } else { side.family(family).confidence.unwrap_or(Confidence::Medium) }
    };
    of(a).min(of(b)).min(most)
}

fn why_not(a: &Side, b: &Side, outcome: &Outcome, network: Network) -> (PairWhy, Confidence) {
    if outcome.cells().last().is_some_and(|cell| *cell > Cell::Relay) {
        let family = outcome.best().and_then(|path| path.family);
        let why = PairWhy::OnlyByGuessing { side: hard_side(a, b, family) };
        return (why, Predict::WITHOUT_GUESSES);
    }
    let without_udp = |side: &Side| Family::BOTH.iter().all(|family| silent(side, *family));
    let common = Family::BOTH.iter().any(|family| !silent(a, *family) && !silent(b, *family));
    let why = match (without_udp(a), without_udp(b)) {
        (true, true) => PairWhy::NoUdp { side: None },
        (true, false) => PairWhy::NoUdp { side: Some(Which::A) },
        (false, true) => PairWhy::NoUdp { side: Some(Which::B) },
        (false, false) if !common => PairWhy::NoCommonFamily,
        (false, false) if network.nat_v4 == Some(true) => PairWhy::SharedNatDoesNotHairpin,
        (false, false) => PairWhy::BothHard,
    };
    (why, sure(a).min(sure(b)))
}

/// How sure a report is of what it says of either family.
fn sure(side: &Side) -> Confidence {
    let of = |family: &Family| side.family(*family).confidence;
    Family::BOTH.iter().filter_map(of).min().unwrap_or(Confidence::High)
}

fn silent(side: &Side, family: Family) -> bool {
    let facts = side.family(family);
    facts.udp == Some(false) || facts.difficulty == Some(Difficulty::Blocked)
}

/// Whose NAT is hard; `None`: both are, or neither is known to be.
fn hard_side(a: &Side, b: &Side, family: Option<Family>) -> Option<Which> {
    let hard = |side: &Side| {
        let facts = side.family(family.unwrap_or(Family::V4));
        class::classes(facts).iter().all(|class| class.is_hard())
    };
    match (hard(a), hard(b)) {
        (true, false) => Some(Which::A),
        (false, true) => Some(Which::B),
        _ => None,
    }
}
