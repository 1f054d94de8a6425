//! The one change that would help each side: found by asking the table again with the change made.

use super::network::Network;
use super::outcome::Outcome;
use crate::model::{Difficulty, Family, Filtering};
use crate::report::{Advice, Advised, FamilyFacts, Side};

/// What each side could do. Nothing where they talk directly as it is.
pub(super) fn advise(a: &Side, b: &Side) -> [Option<Advised>; 2] {
    let now = outcome(a, b);
    if now.direct() == Some(true) {
        return [None, None];
    }
    let alone = [
        best(&now, |advice| Some(outcome(&changed(advice, a)?, b))),
        best(&now, |advice| Some(outcome(a, &changed(advice, b)?))),
    ];
    if alone.iter().any(Option::is_some) {
        return alone;
    }
    // Where one alone changes nothing, both may have to.
    let both = best(&now, |advice| Some(outcome(&changed(advice, a)?, &changed(advice, b)?)));
    let half = both.map(|advised| Advised { enough: false, ..advised });
    [half, half]
}

fn outcome(a: &Side, b: &Side) -> Outcome {
    Outcome::of(a, b, Network::of(a, b))
}

/// The first advice that makes it direct, or else the first that makes it likelier.
fn best(now: &Outcome, then: impl Fn(Advice) -> Option<Outcome>) -> Option<Advised> {
    let tried: Vec<(Advice, Outcome)> =
        Advice::ALL.into_iter().filter_map(|advice| Some((advice, then(advice)?))).collect();
    let enough = tried.iter().find(|(_, outcome)| outcome.direct() == Some(true));
    let better = || {
        let most = tried.iter().map(|(_, outcome)| outcome.rank()).max()?;
        tried.iter().find(|(_, outcome)| outcome.rank() == most && outcome.rank() > now.rank())
    };
    enough.or_else(better).map(|(advice, outcome)| Advised { advice: *advice, enough: outcome.direct() == Some(true) })
}

/// The side after the change; `None` where there is nothing to change. What a change leaves open is not known after it.
pub(super) fn changed(advice: Advice, side: &Side) -> Option<Side> {
    let mut after = side.clone();
    let families = || Family::BOTH.into_iter();
    match advice {
        Advice::AllowUdp => {
            let blocked = |family: &Family| side.family(*family).difficulty == Some(Difficulty::Blocked);
            let blocked: Vec<Family> = families().filter(blocked).collect();
            for family in &blocked {
                *after.family_mut(*family) = FamilyFacts { udp: Some(true), ..FamilyFacts::default() };
            }
            (!blocked.is_empty()).then_some(after)
        }
        Advice::LeaveVpn => {
            after.v4 = FamilyFacts::default();
            after.v6 = FamilyFacts::default();
            after.tunnel = false;
            after.carrier_grade = None;
            after.double_nat = None;
            side.tunnel.then_some(after)
        }
        Advice::PortMapping => {
            after.v4.port_mapped = true;
            (own_router(side) && translated(side) && !side.v4.port_mapped).then_some(after)
        }
        Advice::EndpointIndependentNat => {
            after.v4 = FamilyFacts {
                udp: Some(true),
                difficulty: Some(Difficulty::Easy),
                filtering: None,
                allocation: None,
                ..after.v4
            };
            (own_router(side) && side.v4.difficulty == Some(Difficulty::Hard)).then_some(after)
        }
        Advice::EnableIpv6 => {
            after.v6 = FamilyFacts { udp: Some(true), difficulty: Some(Difficulty::None), ..FamilyFacts::default() };
            // A firewall that blocks UDP over one family would hardly let it pass over the other.
            let blocked = families().any(|family| side.family(family).difficulty == Some(Difficulty::Blocked));
            let lacks = side.v6.udp == Some(false) && !blocked;
            (lacks && !side.tunnel).then_some(after)
        }
        Advice::OpenFirewallPort => {
            let closed = |family: &Family| {
                let facts = side.family(*family);
                facts.difficulty == Some(Difficulty::None) && facts.filtering != Some(Filtering::EndpointIndependent)
            };
            let closed: Vec<Family> = families().filter(closed).collect();
            for family in &closed {
                after.family_mut(*family).filtering = Some(Filtering::EndpointIndependent);
            }
            (!closed.is_empty()).then_some(after)
        }
    }
}

/// Whether the NAT is one that this side may change. With a carrier's or a second one behind it, its own does not matter.
fn own_router(side: &Side) -> bool {
    !side.tunnel && side.carrier_grade != Some(true) && side.double_nat != Some(true)
}

fn translated(side: &Side) -> bool {
    side.v4.udp == Some(true) && !matches!(side.v4.difficulty, Some(Difficulty::None | Difficulty::Blocked))
}
