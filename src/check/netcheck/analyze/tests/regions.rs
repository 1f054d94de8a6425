//! Regions: their failures, and which of them is home.

use super::*;

fn name(story: &mut Story, host: &str, outcome: Option<Outcome>) {
    let timeout = timing::RESOLVE_TIMEOUT;
    story.ask(0, Question::Resolve { host: host.into(), family: Family::V4, timeout }, outcome);
}

#[test]
fn a_name_given_up_by_the_run_has_not_failed() {
    let relays = [NET[0], NET[1], ("slow.example", "by name")];
    let run = |ended: u64| {
        let mut story = Story::new("10.0.0.5", &relays);
        story.record.ended_at = ms(ended);
        name(&mut story, "slow.example", None);
        for (host, address) in &NET[..2] {
            story.stun(address, Some(("203.0.113.7", 50000))).relay(host, address);
        }
        story.told()
    };
    let early = run(500);
    assert!(!codes(&early).contains(&"NET-008"));
    let failure = early.netcheck.regions[2].failure.clone().unwrap();
    assert_eq!(failure, Failure::new(Stage::Dns, Cause::TimedOut { after: Duration::from_millis(500) }));
    assert!(codes(&run(2500)).contains(&"NET-008"), "it had all the time it was to have");
}

#[test]
fn why_the_nearest_relay_is_not_home_tells_what_is_missing() {
    let home = |relays: &[(&'static str, &'static str)], test_address: bool| {
        let mut story = Story::new("10.0.0.5", relays);
        for node in story.input.map.regions.values_mut().flat_map(|region| &mut region.nodes) {
            node.stun_test_ip = test_address.then(|| ip(NET[0].1));
        }
        story.stun(NET[0].1, Some(("203.0.113.7", 50000)));
        story
    };
    assert_eq!(home(&NET[..1], false).told().netcheck.home_region.why(), Some(&Why::NotAsked));
    let mut nameless = home(&[("a.example", "by name")], true);
    let region = RegionId(1);
    let failure = Failure::new(Stage::Dns, Cause::NoSuchName);
    name(&mut nameless, "a.example", Some(Outcome::Failed(failure.clone())));
    let wanted = Why::HomeRelayNotAsked { region, failure: Some(failure) };
    assert_eq!(nameless.told().netcheck.home_region.why(), Some(&wanted));
    let mut off = home(&NET[..1], true);
    off.input.map.regions.values_mut().flat_map(|region| &mut region.nodes).for_each(|node| node.ipv4 = Pin::Disabled);
    let wanted = Why::HomeRelayNotAsked { region, failure: None };
    assert_eq!(off.told().netcheck.home_region.why(), Some(&wanted));
}

#[test]
fn a_relay_without_an_address_for_this_host_is_passed_over() {
    // The nearest region is measured by a node that is no relay; its relay has an address of the other family only.
    let mut story = Story::new("10.0.0.5", &NET[..2]);
    let near = story.input.map.regions.get_mut(&RegionId(1)).unwrap();
    let mut relay = near.nodes[0].clone();
    near.nodes[0].stun_only = true;
    (relay.name, relay.ipv4, relay.ipv6) = ("1b".into(), Pin::Disabled, Pin::Address("2001:db8::1".parse().unwrap()));
    relay.stun_port = None;
    near.nodes.push(relay);
    for (host, address) in NET.into_iter().take(2) {
        story.stun(address, Some(("203.0.113.7", 50000)));
        if address != NET[0].1 {
            story.relay(host, address);
        }
    }
    let home = story.told().netcheck.home_region;
    assert_eq!(value(&home), Some(RegionId(2)), "{home:?}");
    // Where nobody was to ask relays, nobody knows.
    story.input.options.https = false;
    assert_eq!(value(&story.told().netcheck.home_region), Some(RegionId(1)));
}

#[test]
fn a_region_whose_stun_alone_fails_is_told_where_stun_answers_elsewhere() {
    // Of four regions, all of whose relays answer, the first are without STUN; the host's sockets are refused there.
    let told = |silent: usize, elsewhere: &[(&'static str, &'static str)]| {
        let relays: Vec<_> = NET.into_iter().take(silent).chain(elsewhere.iter().copied()).collect();
        let mut story = Story::new("10.0.0.5", &relays);
        for (at, (host, address)) in relays.into_iter().enumerate() {
            story.stun(address, (at >= silent).then_some(("203.0.113.7", 50000))).relay(host, address);
        }
        story.told()
    };
    let one = told(1, &NET[1..]);
    assert_eq!(codes(&one), ["NET-018"]);
    let FindingDetail::StunDown { region, method, relay_answers, failure, .. } = &one.findings[0].detail else {
        panic!("{:?}", one.findings)
    };
    assert_eq!((region.0, *method, *relay_answers), (1, LatencyMethod::Https, Some(true)));
    assert!(matches!(failure.cause, Cause::NoAnswer { copies: 5, .. }), "as many as it was sent: {failure:?}");
    assert_eq!(codes(&told(2, &NET[2..])), ["NET-018"; 2]);
    // A family it was not asked over may be another matter.
    let mut story = Story::new("10.0.0.5", &NET);
    for (at, (host, address)) in NET.into_iter().enumerate() {
        story.stun(address, (at >= 1).then_some(("203.0.113.7", 50000))).relay(host, address);
    }
    (story.input.host.os_supports_v6, story.input.host.route_v6) = (true, Some(ip("2001:db8:8000::5")));
    let node = &mut story.input.map.regions.get_mut(&RegionId(1)).unwrap().nodes[0];
    node.ipv6 = Pin::Resolve;
    assert_eq!(codes(&story.told()), [""; 0]);
    // Nobody's STUN answers: that is the network's doing, and said once.
    assert_eq!(codes(&told(4, &[])), ["NET-001"]);
    // Who answers on this side of the way to the internet does not say that others would.
    assert_eq!(codes(&told(1, &LAN[..1])), [""; 0]);
}
