//! Laws that hold for all sides.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use crate::check::predict::advice::changed;
use crate::check::predict::network::Network;
use crate::check::predict::outcome::Outcome;
use crate::check::predict::predict;
use crate::model::{Difficulty, Family, Filtering, Pooling, PortAllocation};
use crate::report::{Advice, Confidence, FamilyFacts, Missing, PairWhy, Predict, Side, Verdict, Which, Why};

const MAPPED_V4: [&str; 5] =
    ["81.2.69.142:1000", "81.2.69.142:1001", "81.2.69.143:1000", "198.51.100.7:9", "9.9.9.9:53"];
const MAPPED_V6: [&str; 3] = ["[2001:db8:1::1]:5", "[2001:db8:1::2]:5", "[2001:db8:2::1]:5"];
const LOCAL: [&str; 7] =
    ["192.168.1.20", "192.168.1.21", "192.168.9.20", "10.0.0.5", "2001:db8:1::1", "2001:db8:1::2", "81.2.69.142"];

fn facts(mapped: &'static [&'static str]) -> impl Strategy<Value = FamilyFacts> {
    let difficulty = select(vec![None, Some(Difficulty::None), Some(Difficulty::Easy), Some(Difficulty::Hard)]);
    let filtering = select(vec![
        None,
        Some(Filtering::EndpointIndependent),
        Some(Filtering::AddressDependent),
        Some(Filtering::AddressAndPortDependent),
    ]);
    let allocation = select(vec![None, Some(PortAllocation::Sequential), Some(PortAllocation::Random)]);
    let rest = (any::<Option<bool>>(), prop::bool::weighted(0.1), select(vec![None, Some(Pooling::Paired)]));
    let endpoints = subsequence(mapped, 0..=2);
    (difficulty, filtering, allocation, rest, endpoints, 0..4u8).prop_map(
        |(difficulty, filtering, allocation, (hairpinning, port_mapped, pooling), endpoints, udp)| {
            let mapped: BTreeSet<SocketAddr> = endpoints.into_iter().map(|text| text.parse().unwrap()).collect();
            if mapped.is_empty() {
                return match udp {
                    0 => FamilyFacts { udp: Some(false), ..FamilyFacts::default() },
                    1 => FamilyFacts {
                        udp: Some(false),
                        difficulty: Some(Difficulty::Blocked),
                        confidence: Some(Confidence::High),
                        ..FamilyFacts::default()
                    },
                    _ => FamilyFacts::default(),
                };
            }
            FamilyFacts {
                udp: Some(true),
                difficulty,
                filtering,
                allocation,
                pooling,
                hairpinning,
                port_mapped,
                mapped,
                confidence: difficulty.map(|_| Confidence::High),
            }
        },
    )
}

fn side() -> impl Strategy<Value = Side> {
    let local = subsequence(&LOCAL[..], 0..=3);
    let gateway = select(vec![None, Some("192.168.1.1"), Some("10.0.0.1")]);
    let flags = (prop::bool::weighted(0.2), prop::bool::weighted(0.1), prop::bool::weighted(0.2));
    (facts(&MAPPED_V4), facts(&MAPPED_V6), local, gateway, any::<Option<bool>>(), any::<Option<bool>>(), flags)
        .prop_map(|(v4, v6, local, gateway, carrier_grade, double_nat, (tunnel, proxied, redacted))| Side {
            v4,
            v6,
            local: local.into_iter().map(|text| text.parse::<IpAddr>().unwrap()).collect(),
            gateway: gateway.map(|text| text.parse().unwrap()),
            carrier_grade,
            double_nat,
            tunnel,
            proxied,
            redacted,
        })
}

fn other(which: Which) -> Which {
    match which {
        Which::A => Which::B,
        Which::B => Which::A,
    }
}

fn mirrored_missing(missing: &[Missing]) -> Vec<Missing> {
    let mut mirrored: Vec<Missing> =
        missing.iter().map(|missing| Missing { side: missing.side.map(other), ..*missing }).collect();
    mirrored.sort_unstable();
    mirrored
}

/// The same prediction with the sides named the other way around.
fn mirrored(predict: Predict) -> Predict {
    let why = match predict.direct.why() {
        Some(Why::Pair(why)) => match why.clone() {
            PairWhy::AnybodyReaches { side, family } => PairWhy::AnybodyReaches { side: side.map(other), family },
            PairWhy::OnlyByGuessing { side } => PairWhy::OnlyByGuessing { side: side.map(other) },
            PairWhy::NoUdp { side } => PairWhy::NoUdp { side: side.map(other) },
            PairWhy::DependsOnHitMapping { side } => PairWhy::DependsOnHitMapping { side: side.map(other) },
            PairWhy::Missing(missing) => PairWhy::Missing(mirrored_missing(&missing)),
            same => same,
        },
        other => panic!("{other:?}"),
    };
    let [a, b] = predict.sides;
    Predict {
        direct: predict.direct.because(Why::Pair(why)),
        sides: [b, a],
        missing: mirrored_missing(&predict.missing),
        ..predict
    }
}

fn outcome(a: &Side, b: &Side) -> Outcome {
    Outcome::of(a, b, Network::of(a, b))
}

/// Every way in which one more fact may become known.
fn learned(side: &Side) -> Vec<(&'static str, Side)> {
    let mut learned = Vec::new();
    for family in Family::BOTH {
        let facts = side.family(family);
        let mut learn = |fact: &'static str, known: bool, change: &dyn Fn(&mut FamilyFacts)| {
            if !known {
                let mut side = side.clone();
                change(side.family_mut(family));
                learned.push((fact, side));
            }
        };
        let unsettled = facts.udp != Some(false);
        for udp in [true, false] {
            learn("udp", facts.udp.is_some() || facts.difficulty.is_some(), &|facts| facts.udp = Some(udp));
        }
        for difficulty in [Difficulty::None, Difficulty::Easy, Difficulty::Hard] {
            learn("difficulty", facts.difficulty.is_some() || !unsettled, &|facts| facts.difficulty = Some(difficulty));
        }
        for filtering in
            [Filtering::EndpointIndependent, Filtering::AddressDependent, Filtering::AddressAndPortDependent]
        {
            learn("filtering", facts.filtering.is_some(), &|facts| facts.filtering = Some(filtering));
        }
        for allocation in [PortAllocation::Sequential, PortAllocation::Random, PortAllocation::Preserving] {
            learn("allocation", facts.allocation.is_some(), &|facts| facts.allocation = Some(allocation));
        }
        learn("pooling", facts.pooling.is_some(), &|facts| facts.pooling = Some(Pooling::Paired));
        for hairpins in [true, false] {
            learn("hairpinning", facts.hairpinning.is_some(), &|facts| facts.hairpinning = Some(hairpins));
        }
    }
    for carrier_grade in [true, false] {
        if side.carrier_grade.is_none() {
            learned.push(("carrier_grade", Side { carrier_grade: Some(carrier_grade), ..side.clone() }));
        }
    }
    if side.gateway.is_none() {
        learned.push(("gateway", Side { gateway: Some("192.168.1.1".parse().unwrap()), ..side.clone() }));
    }
    learned
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_order_does_not_matter((a, b) in (side(), side())) {
        prop_assert_eq!(predict(&a, &b), mirrored(predict(&b, &a)));
    }

    /// A fact more never makes possible what was not, so a yes stays a yes and a no a no.
    #[test]
    fn facts_only_narrow((a, b) in (side(), side())) {
        let before = outcome(&a, &b);
        for (fact, a) in learned(&a) {
            let after = outcome(&a, &b);
            prop_assert!(after.cells().is_subset(&before.cells()), "{fact}: {:?} → {:?}", before.cells(), after.cells());
            prop_assert!(before.direct().is_none() || after.direct() == before.direct(), "{}", fact);
        }
    }

    /// A side that improves is never worse off.
    #[test]
    fn improvements_never_hurt((a, b) in (side(), side())) {
        let before = outcome(&a, &b).rank();
        for advice in [Advice::PortMapping, Advice::EnableIpv6, Advice::OpenFirewallPort] {
            if let Some(better) = changed(advice, &a) {
                let after = outcome(&better, &b).rank();
                prop_assert!(after >= before, "{advice:?}: {before:?} → {after:?}");
            }
        }
    }

    /// What is said fits together.
    #[test]
    fn a_prediction_is_of_one_piece((a, b) in (side(), side())) {
        let predict = predict(&a, &b);
        prop_assert!(predict.direct.why().is_some(), "a yes and a no have their reason too");
        match predict.direct.value() {
            Some(true) => prop_assert!(predict.missing.is_empty() && predict.advice_codes().is_empty()),
            Some(false) => prop_assert!(predict.missing.is_empty()),
            None => {
                let told = Verdict::<bool>::unknown(Why::Pair(PairWhy::Missing(Vec::new())));
                prop_assert_ne!(predict.direct.clone(), told, "undetermined, and nothing to say why");
            }
        }
        for advised in predict.sides.iter().zip([&a, &b]).filter_map(|(side, facts)| Some((side.advice?, facts))) {
            prop_assert!(changed(advised.0.advice, advised.1).is_some(), "advice that changes nothing");
        }
        for (which, advised) in predict.sides.iter().enumerate() {
            let Some(advised) = advised.advice.filter(|advised| advised.enough) else { continue };
            let then = if which == 0 {
                outcome(&changed(advised.advice, &a).unwrap(), &b)
            } else {
                outcome(&a, &changed(advised.advice, &b).unwrap())
            };
            prop_assert_eq!(then.direct(), Some(true));
        }
    }
}
