//! How a NAT filters.

use super::*;
use crate::check::filtering::FEWEST_COPIES;

/// A filter test of a server that sees this host at `mapped`: nothing unasked comes in, and the first of the proofs
/// does, and so do the others unless they `get_lost`.
fn strict_filter(server: &str, mapped: &str, get_lost: bool) -> Nat {
    let mut story = Story::new("10.0.0.5", &NET[..3]);
    story.input.options.filtering = true;
    for (_, address) in &NET[..3] {
        story.stun(address, Some(("203.0.113.7", 50000)));
    }
    let at = |port| SocketAddr::new(ip(server), port);
    let mut ask = |index: u8, to: u16, form: StunForm, from: Option<u16>| {
        let reply = from.map(|port| StunReply {
            local: Some(SocketAddr::new(ip("10.0.0.5"), 41000 + u16::from(index))),
            mapped: Some(SocketAddr::new(ip(mapped), 51000)),
            other_address: Some(SocketAddr::new(ip("20.1.0.2"), 3479)),
            ..StunReply::bare(at(port))
        });
        let slot = Slot::Shared { family: Family::V4, index };
        story.ask(100, Question::Stun { slot, server: at(to), form }, reply.map(Outcome::Stun));
    };
    for copy in 0..FEWEST_COPIES {
        ask(10, 3478, StunForm::Plain, Some(3478));
        ask(10, 3478, StunForm::ChangeAddressAndPort, None);
        ask(10, 3478, StunForm::ChangePort, None);
        ask(11, 3479, StunForm::Plain, None);
        ask(11, 3478, StunForm::ChangePort, (copy == 0 || !get_lost).then_some(3479));
    }
    story.told().nat_v4.unwrap()
}

#[test]
fn silence_of_a_filter_is_never_quite_sure_and_cites_its_probes() {
    let nat = strict_filter("20.1.0.1", "203.0.113.7", false);
    assert_eq!(value(&nat.nat_type), Some(NatType::PortRestrictedCone));
    for confidence in [nat.filtering.confidence(), nat.nat_type.confidence()] {
        assert_eq!(confidence, Some(Confidence::Low), "one server, and this host may have a firewall");
    }
    let cited = nat.filtering.evidence().len();
    assert_eq!(cited, FEWEST_COPIES as usize + 1, "those that did not come in, and the proof: {:?}", nat.filtering);
}

#[test]
fn loss_on_the_way_of_the_proof_is_loss_on_the_way_of_what_is_missing() {
    let nat = strict_filter("20.1.0.1", "203.0.113.7", true);
    assert_eq!(nat.filtering.why(), Some(&Why::Filter(FilterWhy::TooFewCopies { silent: FEWEST_COPIES, needed: 9 })));
    assert_eq!(value(&nat.nat_type), None);
}

#[test]
fn what_gets_lost_on_the_way_to_a_server_of_two_regions_is_lost_once() {
    let of = |relays: &[(&str, &str)]| {
        let mut story = Story::new("10.0.0.5", relays);
        story.stun("20.1.0.1", Some(("203.0.113.7", 50000)));
        let slot = Slot::Shared { family: Family::V4, index: 0 };
        let lost = Question::Stun { slot, server: "20.1.0.1:3478".parse().unwrap(), form: StunForm::Tailnode };
        for _ in 0..5 {
            story.ask(150, lost.clone(), None);
        }
        let losses = story.told().findings.into_iter().filter_map(|finding| match finding.detail {
            FindingDetail::PacketLoss { of, .. } => Some(of),
            _ => None,
        });
        losses.collect::<Vec<_>>()
    };
    assert_eq!(of(&NET[..1]), [10]);
    assert_eq!(of(&[NET[0], ("relay.example", NET[0].1)]), [10]);
}

#[test]
fn a_filter_test_inside_this_network_is_none() {
    for (server, mapped) in [("10.0.0.9", "10.0.0.5"), ("20.1.0.1", "10.0.0.5"), ("10.0.0.9", "203.0.113.7")] {
        let nat = strict_filter(server, mapped, false);
        assert_eq!(nat.filtering.why(), Some(&Why::Filter(FilterWhy::NoFilterServer)), "{server} sees {mapped}");
    }
}
