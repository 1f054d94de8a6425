//! Pairs as they occur, and what is said of each.

use crate::check::predict::predict;
use crate::model::{Difficulty, Family, Filtering, PortAllocation};
use crate::report::{
    Advice, Confidence, Fact, FamilyFacts, Likelihood, Mechanism, Missing, PairWhy, Predict, Side, Which, Why,
};

use Filtering::{AddressAndPortDependent as Apdf, AddressDependent as Adf, EndpointIndependent as Eif};

fn facts(difficulty: Difficulty, filtering: impl Into<Option<Filtering>>, mapped: &[&str]) -> FamilyFacts {
    FamilyFacts {
        udp: Some(true),
        difficulty: Some(difficulty),
        filtering: filtering.into(),
        mapped: mapped.iter().map(|text| text.parse().unwrap()).collect(),
        confidence: Some(Confidence::High),
        ..FamilyFacts::default()
    }
}

/// A host at home without IPv6, behind this public address.
fn home(difficulty: Difficulty, filtering: impl Into<Option<Filtering>>, public: &str) -> Side {
    let second = format!("{public}:2");
    let first = format!("{public}:1");
    let mapped: &[&str] = if difficulty == Difficulty::Hard { &[&first, &second] } else { &[&first] };
    Side {
        v4: facts(difficulty, filtering, mapped),
        v6: FamilyFacts { udp: Some(false), ..FamilyFacts::default() },
        local: ["192.168.1.20".parse().unwrap()].into(),
        gateway: Some("192.168.1.1".parse().unwrap()),
        ..Side::default()
    }
}

fn with_v6(mut side: Side, address: &str) -> Side {
    side.v6 = facts(Difficulty::None, None, &[&format!("[{address}]:9")]);
    side.local.insert(address.parse().unwrap());
    side
}

fn blocked() -> Side {
    Side {
        v4: FamilyFacts { udp: Some(false), difficulty: Some(Difficulty::Blocked), ..FamilyFacts::default() },
        v6: FamilyFacts { udp: Some(false), ..FamilyFacts::default() },
        local: ["10.7.0.4".parse().unwrap()].into(),
        ..Side::default()
    }
}

const HERE: &str = "81.2.69.142";
const THERE: &str = "9.9.9.9";

fn easy(filtering: impl Into<Option<Filtering>>) -> Side {
    home(Difficulty::Easy, filtering, HERE)
}

fn easy_there(filtering: impl Into<Option<Filtering>>) -> Side {
    home(Difficulty::Easy, filtering, THERE)
}

fn hard_there(filtering: impl Into<Option<Filtering>>) -> Side {
    home(Difficulty::Hard, filtering, THERE)
}

fn why(predict: &Predict) -> PairWhy {
    match predict.direct.why() {
        Some(Why::Pair(why)) => why.clone(),
        other => panic!("{other:?}"),
    }
}

fn advice(predict: &Predict) -> [Option<(Advice, bool)>; 2] {
    [0, 1].map(|side| predict.sides[side].advice.map(|advised| (advised.advice, advised.enough)))
}

#[test]
fn easy_with_easy_is_direct_whatever_is_let_in() {
    let predict = predict(&easy(None), &easy_there(None));
    assert_eq!(predict.direct.value(), Some(&true));
    // Either may be a router that gives a flow another port after a stranger's packet.
    assert_eq!(predict.direct.confidence(), Some(Confidence::Medium));
    assert_eq!((predict.mechanism, predict.family), (Mechanism::HolePunch, Some(Family::V4)));
    assert_eq!(predict.likelihood, Likelihood::High);
    assert_eq!(why(&predict), PairWhy::BothSend { family: Family::V4 });
    assert_eq!(advice(&predict), [None, None]);
}

#[test]
fn easy_with_hard_depends_on_both_filters() {
    for lets_in in [Eif, Adf] {
        let predict = predict(&easy(lets_in), &hard_there(None));
        assert_eq!(predict.direct.value(), Some(&true), "{lets_in:?}");
        assert_eq!(predict.direct.confidence(), Some(Confidence::High), "{lets_in:?}");
    }
    // The case users know as "easy, yet relayed".
    let relayed = predict(&easy(Apdf), &hard_there(Apdf));
    assert_eq!(relayed.direct.value(), Some(&false));
    assert_eq!(relayed.direct.confidence(), Some(Confidence::Medium));
    assert_eq!((relayed.mechanism, relayed.likelihood), (Mechanism::Relay, Likelihood::Guessing));
    assert_eq!(why(&relayed), PairWhy::OnlyByGuessing { side: Some(Which::B) });
    assert_eq!(advice(&relayed), [Some((Advice::PortMapping, true)), Some((Advice::PortMapping, true))]);

    let open = predict(&easy(Apdf), &hard_there(None));
    assert_eq!(open.direct.value(), None);
    let filtering = |side| Missing { side: Some(side), family: Some(Family::V4), fact: Fact::Filtering };
    assert_eq!(open.missing, [filtering(Which::B)]);
    assert_eq!(open.likelihood, Likelihood::Uncertain);
    // Of two that are missing, the one that could decide alone.
    assert_eq!(predict(&easy(None), &hard_there(None)).missing, [filtering(Which::A)]);

    // Whether answers leave by the mapping that was hit is in no report.
    let likely = predict(&easy(Apdf), &hard_there(Eif));
    assert_eq!(likely.direct.value(), None);
    assert_eq!((likely.mechanism, likely.likelihood), (Mechanism::HitMapping, Likelihood::Likely));
    assert_eq!(why(&likely), PairWhy::DependsOnHitMapping { side: Some(Which::B) });
}

#[test]
fn an_address_filter_does_not_help_against_one_that_roams() {
    let mut roams = hard_there(Apdf);
    roams.v4.mapped.insert("9.9.9.10:7".parse().unwrap());
    assert_eq!(predict(&easy(Adf), &roams).direct.value(), Some(&false));
    assert_eq!(predict(&easy(Eif), &roams).direct.value(), Some(&true));
    // Seen once only: it may or may not roam.
    let mut seen_once = hard_there(Apdf);
    seen_once.v4.mapped.pop_first();
    let predict = predict(&easy(Adf), &seen_once);
    assert_eq!(predict.direct.value(), None);
    assert_eq!(predict.missing.iter().map(|missing| missing.fact).collect::<Vec<_>>(), [Fact::Pooling]);
}

#[test]
fn hard_with_hard_is_relayed() {
    let mut random = hard_there(Apdf);
    random.v4.allocation = Some(PortAllocation::Random);
    let predict = predict(&home(Difficulty::Hard, Apdf, HERE), &random);
    assert_eq!(predict.direct.value(), Some(&false));
    assert_eq!(why(&predict), PairWhy::BothHard);
    assert_eq!(predict.direct.confidence(), Some(Confidence::High));
    assert_eq!(advice(&predict), [Some((Advice::PortMapping, true)), Some((Advice::PortMapping, true))]);
}

#[test]
fn ipv6_needs_no_hole_in_a_nat() {
    let a = with_v6(home(Difficulty::Hard, Apdf, HERE), "2001:db8:1::20");
    let b = with_v6(hard_there(Apdf), "2001:db8:2::20");
    let both = predict(&a, &b);
    assert_eq!((both.direct.value(), both.family), (Some(&true), Some(Family::V6)));
    assert_eq!(both.direct.confidence(), Some(Confidence::High));
    // One alone has nobody to talk to, and is told what the other should do.
    let one = predict(&a, &hard_there(Apdf));
    assert_eq!(one.direct.value(), Some(&false));
    assert_eq!(advice(&one)[1], Some((Advice::PortMapping, true)));
    let mut carrier = hard_there(Apdf);
    carrier.carrier_grade = Some(true);
    let one = predict(&a, &carrier);
    assert_eq!(advice(&one)[1], Some((Advice::EnableIpv6, true)), "its own router is not the one that matters");
}

#[test]
fn an_open_side_takes_anybody_with_udp() {
    let mut open = home(Difficulty::None, Eif, HERE);
    open.local = ["81.2.69.142".parse().unwrap()].into();
    let predicted = predict(&open, &hard_there(Apdf));
    assert_eq!(predicted.mechanism, Mechanism::PublicEndpoint);
    assert_eq!(why(&predicted), PairWhy::AnybodyReaches { side: Some(Which::A), family: Family::V4 });
    let relayed = predict(&open, &blocked());
    assert_eq!(relayed.direct.value(), Some(&false));
    assert_eq!(why(&relayed), PairWhy::NoUdp { side: Some(Which::B) });
    assert_eq!(advice(&relayed), [None, Some((Advice::AllowUdp, true))]);

    let mut mapped = home(Difficulty::Hard, Apdf, HERE);
    mapped.v4.port_mapped = true;
    assert_eq!(predict(&mapped, &hard_there(Apdf)).direct.value(), Some(&true));
}

#[test]
fn both_blocked_is_told_to_both() {
    let mut there = blocked();
    there.local = ["192.168.7.7".parse().unwrap()].into();
    let predict = predict(&blocked(), &there);
    assert_eq!(predict.direct.value(), Some(&false));
    assert_eq!(advice(&predict), [Some((Advice::AllowUdp, false)), Some((Advice::AllowUdp, false))]);
}

#[test]
fn large_private_networks_may_be_one() {
    let mut there = blocked();
    there.local = ["10.9.0.4".parse().unwrap()].into();
    let predict = predict(&blocked(), &there);
    assert_eq!(predict.direct.value(), None);
    assert_eq!(predict.missing.first().map(|missing| missing.fact), Some(Fact::NetworkUnknown));
}

#[test]
fn behind_one_public_address_it_takes_a_shared_network_or_hairpinning() {
    let mut neighbour = easy(Apdf);
    neighbour.local = ["192.168.1.21".parse().unwrap()].into();
    // Neighbours of one carrier look just so.
    let unclear = predict(&easy(Apdf), &neighbour);
    assert_eq!(unclear.direct.value(), None);
    assert_eq!(unclear.missing.first().map(|missing| missing.fact), Some(Fact::PrivatePath));
    let own = |side: &Side| Side { carrier_grade: Some(false), ..side.clone() };
    let lan = predict(&own(&easy(Apdf)), &own(&neighbour));
    assert_eq!((lan.direct.value(), lan.mechanism), (Some(&true), Mechanism::Lan));
    assert_eq!(why(&lan), PairWhy::SameNetwork);

    let turned = |mut side: Side| {
        side.v4.hairpinning = Some(true);
        side.gateway = None;
        side
    };
    let hairpin = predict(&turned(easy(Eif)), &turned(home(Difficulty::Easy, Eif, HERE)));
    assert_eq!(hairpin.direct.value(), None, "the same local address too: one host, or two networks");
    let mut elsewhere = home(Difficulty::Easy, Eif, HERE);
    elsewhere.local = ["10.1.1.1".parse().unwrap()].into();
    let hairpin = predict(&turned(easy(Eif)), &turned(elsewhere));
    assert_eq!((hairpin.direct.value(), hairpin.mechanism), (Some(&true), Mechanism::Hairpin));
}

#[test]
fn two_reports_of_one_host_say_nothing() {
    let predict = predict(&easy(Eif), &easy(Eif));
    assert_eq!(predict.direct.value(), None);
    assert_eq!(why(&predict), PairWhy::OneHost);
}

#[test]
fn pseudonyms_are_not_compared() {
    // Both were 203.0.113.1 in their own report, which says nothing of whether they were the same.
    let hidden = |side: Side| Side { redacted: true, ..side };
    let (a, b) = (hidden(easy(Apdf)), hidden(easy(Apdf)));
    let unclear = predict(&a, &b);
    assert_eq!(unclear.direct.value(), None);
    assert_ne!(why(&unclear), PairWhy::OneHost);
    assert_eq!(unclear.mechanism, Mechanism::HolePunch);
    assert_eq!(unclear.missing.first().map(|missing| missing.fact), Some(Fact::NetworkRedacted));
    assert_eq!(predict(&a, &easy_there(Apdf)).direct.value(), None);
    // Without a NAT there is none to share.
    let (a, b) = (hidden(with_v6(easy(Apdf), "2001:db8::1")), hidden(with_v6(hard_there(Apdf), "2001:db8::1")));
    assert_eq!(predict(&a, &b).direct.value(), Some(&true));
}

#[test]
fn neighbouring_addresses_may_be_one_carriers() {
    let mut next = home(Difficulty::Easy, Apdf, "81.2.69.143");
    assert_eq!(predict(&easy(Apdf), &next).direct.value(), None);
    next.carrier_grade = Some(false);
    assert_eq!(predict(&easy(Apdf), &next).direct.value(), Some(&true));
}

#[test]
fn a_vpn_is_judged_by_its_nat_and_may_be_left() {
    let mut through = home(Difficulty::Hard, Apdf, HERE);
    through.tunnel = true;
    assert_eq!(predict(&through, &easy_there(Adf)).direct.value(), Some(&true));
    let predict = predict(&through, &easy_there(Apdf));
    assert_eq!(predict.direct.value(), Some(&false));
    assert_eq!(advice(&predict)[0], Some((Advice::LeaveVpn, false)));
}

#[test]
fn a_proxy_in_between_makes_it_less_sure() {
    let mut through = easy(Apdf);
    through.proxied = true;
    assert_eq!(predict(&through, &easy_there(Apdf)).direct.confidence(), Some(Confidence::Low));
}

#[test]
fn nothing_known_is_nothing_said() {
    let predict = predict(&Side::default(), &Side::default());
    assert_eq!((predict.direct.value(), predict.likelihood), (None, Likelihood::Uncertain));
    assert!(!predict.missing.is_empty());
}
