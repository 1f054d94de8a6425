//! One family and the other, and translators between them.

use super::*;
use crate::probe::ResolveAnswer;

#[test]
fn who_asks_for_the_nat_is_answered_about_the_families_asked_over() {
    let told = |story: &Story, command| story.told().take_nats(command, &story.input, &story.record);
    let mut story = Story::new("10.0.0.5", &NET[..1]);
    let [v4, v6] = told(&story, Command::Nat);
    assert_eq!(v4.unwrap().difficulty.why(), Some(&Why::NotAsked));
    let v6 = v6.unwrap();
    let no_support = Some(&Why::NoOsSupport { family: Family::V6 });
    assert_eq!((v6.difficulty.why(), v6.filtering.why(), v6.nat_type.why()), (no_support, no_support, no_support));
    // A named server of the other family, which keeps silent.
    story.input.host.os_supports_v6 = true;
    story.input.host.route_v6 = Some(ip("2001:db8::5"));
    let slot = Slot::Shared { family: Family::V6, index: 0 };
    let server = SocketAddr::new(ip("2001:db8:1::1"), 3478);
    story.ask(0, Question::Stun { slot, server, form: StunForm::Tailnode }, None);
    let [v4, v6] = told(&story, Command::Nat);
    assert_eq!((v4, v6.is_some()), (None, true));
    let [v4, v6] = told(&story, Command::Netcheck);
    assert_eq!((v4.is_some(), v6), (true, None));
}

/// A host with nothing but IPv6, whose resolver makes addresses behind a NAT64 of those of IPv4 servers.
fn ipv6_only() -> Story {
    let mut story = Story::new("2001:db8:8000::5", &[]);
    let host = &mut story.input.host;
    host.route_v6 = host.route_v4.take();
    (host.os_supports_v4, host.os_supports_v6) = (true, true);
    story
}

#[test]
fn what_is_seen_through_a_nat64_is_the_ipv4_nats() {
    let native = ["2001:db8:1::1", "2001:db8:2::1"];
    let beyond = ["64:ff9b::20.1.0.1", "64:ff9b::20.2.0.1", "64:ff9b::20.3.0.1"];
    let mut story = ipv6_only();
    for server in native {
        story.stun(server, Some(("2001:db8:8000::5", 40000)));
    }
    let without = story.told();
    assert!(!codes(&without).contains(&"NET-017"));
    for server in beyond {
        story.stun(server, Some(("203.0.113.64", 51000)));
    }
    let told = story.told();
    let v6 = told.nat_v6.as_ref().unwrap();
    assert_eq!(v6.difficulty.value(), Some(&Difficulty::None), "{:?}", v6.difficulty.why());
    assert_eq!(v6.mapped, without.nat_v6.unwrap().mapped);
    let v4 = told.nat_v4.as_ref().unwrap();
    assert_eq!(v4.difficulty.value(), Some(&Difficulty::Easy), "{:?}", v4.difficulty.why());
    assert!(v4.mapped.iter().all(|endpoint| endpoint.ip() == ip("203.0.113.64")));
    let noted = v6.servers.iter().filter(|server| server.note == Some(ServerNote::ThroughNat64)).count();
    assert_eq!((noted, codes(&told).contains(&"NET-017"), codes(&told).contains(&"NET-007")), (3, true, false));
}

#[test]
fn servers_behind_a_prefix_of_the_providers_own_are_told_apart_when_the_resolver_tells_it() {
    let beyond = ["2001:db8:64::20.1.0.1", "2001:db8:64::20.2.0.1", "2001:db8:64::20.3.0.1"];
    let told = |answer: Option<&str>| {
        let mut story = ipv6_only();
        let addresses = answer.into_iter().map(ip).collect();
        let (host, timeout) = ("ipv4only.arpa".to_owned(), timing::RESOLVE_TIMEOUT);
        let answer = Outcome::Resolved(ResolveAnswer { addresses });
        story.ask(0, Question::Resolve { host, family: Family::V6, timeout }, Some(answer));
        for server in beyond {
            story.stun(server, Some(("203.0.113.64", 51000)));
        }
        let told = story.told();
        let prefix = told.findings.iter().find_map(|finding| match &finding.detail {
            FindingDetail::Ipv4OverIpv6 { prefix, .. } => Some(prefix.map(|prefix| prefix.to_string())),
            _ => None,
        });
        (told.nat_v4.unwrap().difficulty.value().copied(), prefix.flatten())
    };
    let known = told(Some("2001:db8:64::192.0.0.170"));
    assert_eq!(known, (Some(Difficulty::Easy), Some("2001:db8:64::/96".to_owned())));
    // Otherwise they may all be one operator's.
    assert_eq!(told(None), (None, None));
    assert_eq!(told(Some("2001:db8::80")), (None, None), "an answer for every name is no NAT64's");
}

#[test]
fn a_hard_nat64_is_hard_and_leaves_ipv6_alone() {
    let mut story = ipv6_only();
    for (server, port) in [("64:ff9b::20.1.0.1", 51000), ("64:ff9b::20.2.0.1", 52000), ("64:ff9b::20.3.0.1", 53000)] {
        story.stun(server, Some(("203.0.113.64", port)));
    }
    let told = story.told();
    assert_eq!(told.nat_v4.unwrap().difficulty.value(), Some(&Difficulty::Hard));
    let v6 = told.nat_v6.unwrap();
    assert_eq!((v6.difficulty.value(), v6.mapping.value()), (None, None), "no server told of IPv6");
    // Beside IPv4 of one's own it is no news of that.
    story.input.host.route_v4 = Some(ip("10.0.0.5"));
    assert_eq!(story.told().nat_v4.unwrap().difficulty.value(), None);
}

#[test]
fn translated_ipv6_is_told_with_its_kind() {
    for (mapped, port, kind) in [("2001:db8:9000::5", 40000, true), ("2001:db8:9001::1", 40000, false)] {
        let mut story = ipv6_only();
        for server in ["2001:db8:1::1", "2001:db8:2::1", "2001:db8:3::1"] {
            story.stun(server, Some((mapped, port)));
        }
        let told = story.told();
        let found = told.findings.iter().find_map(|finding| match finding.detail {
            FindingDetail::Ipv6Translated { prefix_only, .. } => Some(prefix_only),
            _ => None,
        });
        assert_eq!(found, Some(kind), "{mapped}");
    }
}
