//! How a NAT filters.

use super::*;
use crate::check::filtering::FEWEST_COPIES;
use crate::model::{FilterHelp, Filtering, HelpCookie};

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
    assert_eq!(nat.filtering.why(), Some(&Why::Filter(FilterWhy::TooFewCopies { silent: FEWEST_COPIES, needed: 10 })));
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

/// Where answers come from in the test of a relay with one address, and where its offer says that they do.
struct Helped<'a> {
    offered: Option<&'a str>,
    /// To the socket under test.
    unasked: Option<&'a str>,
    /// To the one that has sent there before.
    proof: Option<&'a str>,
    /// From the relay's own other port, to both.
    neighbour: bool,
    refused: bool,
}

const HELPED: Helped<'_> = Helped {
    offered: Some("20.2.0.1:3478"),
    unasked: None,
    proof: Some("20.2.0.1:3478"),
    neighbour: true,
    refused: false,
};

fn helped(of: &Helped<'_>) -> Verdict<Filtering> {
    let mut story = Story::new("10.0.0.5", &NET[..3]);
    story.input.options.filtering = true;
    for (_, address) in &NET[..3] {
        story.stun(address, Some(("203.0.113.7", 50000)));
    }
    let cookie = HelpCookie([7; 8]);
    let (server, other) = ("20.1.0.1:3478", "20.1.0.1:3479");
    let mut ask = |index: u8, to: &str, form: StunForm, from: Option<&str>| {
        let help = of.offered.filter(|_| form == StunForm::AskForHelp);
        let refused = of.refused && index == 11 && matches!(form, StunForm::FromHelper(_));
        let reply = from.map(|from| StunReply {
            local: Some(SocketAddr::new(ip("10.0.0.5"), 41000 + u16::from(index))),
            mapped: Some(SocketAddr::new(ip("203.0.113.7"), 51000)),
            software: Some("natscope/0.1.0".to_owned()),
            help: help.map(|from| FilterHelp { from: from.parse().unwrap(), port: Some(3479), cookie }),
            error_code: refused.then_some(508),
            ..StunReply::bare(from.parse().unwrap())
        });
        let slot = Slot::Shared { family: Family::V4, index };
        let question = Question::Stun { slot, server: to.parse().unwrap(), form };
        story.ask(100, question, reply.map(Outcome::Stun));
    };
    ask(10, server, StunForm::AskForHelp, Some(server));
    for _ in 0..FEWEST_COPIES {
        ask(10, server, StunForm::Plain, Some(server));
        ask(10, server, StunForm::ChangePort, of.neighbour.then_some(other));
        ask(10, server, StunForm::FromHelper(cookie), of.unasked);
        ask(10, server, StunForm::AskForHelp, Some(server));
        ask(11, other, StunForm::Plain, None);
        ask(11, "20.2.0.1:3478", StunForm::Plain, None);
        ask(11, server, StunForm::ChangePort, Some(other));
        ask(11, server, StunForm::FromHelper(cookie), of.proof);
    }
    story.told().nat_v4.unwrap().filtering
}

#[test]
fn a_packet_of_another_relay_tells_what_one_of_another_address_would() {
    let stranger = Helped { unasked: Some("20.2.0.1:3478"), ..HELPED };
    assert_eq!(value(&helped(&stranger)), Some(Filtering::EndpointIndependent));
    assert_eq!(value(&helped(&HELPED)), Some(Filtering::AddressDependent));
    let strict = Helped { neighbour: false, ..HELPED };
    assert_eq!(value(&helped(&strict)), Some(Filtering::AddressAndPortDependent));
    // Where it comes from counts, not where it was to.
    let elsewhere = Helped { unasked: Some("20.3.0.9:9"), ..HELPED };
    assert_eq!(value(&helped(&elsewhere)), Some(Filtering::EndpointIndependent));
}

#[test]
fn silence_of_another_relay_needs_its_proof() {
    for proof in [None, Some("20.2.0.1:9"), Some("20.1.0.1:3479"), Some("20.1.0.1:3478")] {
        assert_eq!(value(&helped(&Helped { proof, ..HELPED })), None, "{proof:?}");
    }
    assert_eq!(value(&helped(&Helped { refused: true, ..HELPED })), None);
    let alone = helped(&Helped { offered: None, ..HELPED });
    let server = "20.1.0.1:3478".parse().unwrap();
    assert_eq!(alone.why(), Some(&Why::Filter(FilterWhy::NoHelper { server })));
}

#[test]
fn a_relay_at_the_same_address_or_in_this_network_is_no_stranger() {
    // The relay's own address, this host's own one, one beside it, and one inside.
    for from in ["20.1.0.1:5", "203.0.113.7:3478", "203.0.113.9:3478", "10.0.0.9:3478"] {
        let answered = Helped { unasked: Some(from), proof: None, ..HELPED };
        assert_eq!(value(&helped(&answered)), None, "{from}");
        let offered = Helped { offered: Some(from), proof: Some(from), ..HELPED };
        assert_eq!(value(&helped(&offered)), None, "{from}");
    }
}
