//! Records made by hand, and what must be concluded from them.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::*;
use crate::check::netcheck::{Options, timing};
use crate::model::{DerpMap, Difficulty, NatType, Node, Pin, Region, RegionId};
use crate::probe::{
    Cause, Failure, HostFacts, HttpsAnswer, Interface, Launch, Moment, Observation, Outcome, PortalAnswer, Probe,
    ProbeId, Question, ResolveAnswer, Slot, Stage, StunForm, StunReply,
};
use crate::report::{Confidence, FilterWhy, FindingDetail, Nat, RegionSkip, ServerNote, Verdict, Why};

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn ms(millis: u64) -> Moment {
    Moment::START + Duration::from_millis(millis)
}

/// A run of 2.5 s of a host with one IPv4 address.
struct Story {
    input: Input,
    record: Record,
}

impl Story {
    /// The host's address, and its relays by host name and address, a region each.
    fn new(host: &str, relays: &[(&str, &str)]) -> Self {
        let mut map = DerpMap::default();
        for (id, (name, address)) in (1..).map(RegionId).zip(relays) {
            let mut region = Region::new(id, format!("r{}", id.0), "Region");
            let mut node = Node::new(format!("{}a", id.0), id, *name);
            node.ipv4 = address.parse().map_or(Pin::Resolve, Pin::Address);
            node.ipv6 = Pin::Disabled;
            node.can_port_80 = true;
            region.nodes.push(node);
            map.regions.insert(id, region);
        }
        let interface = Interface {
            name: "eth0".into(),
            index: 2,
            mtu: 1500,
            loopback: false,
            point_to_point: false,
            addresses: vec![ip(host)],
        };
        let host = HostFacts {
            interfaces: vec![interface],
            route_v4: Some(ip(host)),
            os_supports_v4: true,
            ..HostFacts::default()
        };
        let input = Input { map, host, options: Options::default(), previous_home: None };
        Self { input, record: Record { ended_at: ms(2500), ..Record::default() } }
    }

    fn ask(&mut self, at: u64, question: Question, outcome: Option<Outcome>) -> &mut Self {
        let id = ProbeId(u32::try_from(self.record.launches.len()).unwrap());
        self.record.launches.push(Launch { probe: Probe { id, question }, at: ms(at) });
        if let Some(outcome) = outcome {
            let (sent_at, at) = (ms(at), ms(at + 10));
            self.record.observations.push(Observation { probe: Some(id), sent_at, at, outcome });
        }
        self
    }

    /// Five copies from each of three sockets; `sees` is the mapped address and the first port, if it answers.
    fn stun(&mut self, server: &str, sees: Option<(&str, u16)>) -> &mut Self {
        let server = SocketAddr::new(ip(server), 3478);
        let host = self.input.host.route_v4.or(self.input.host.route_v6).unwrap();
        let family = Family::of(server.ip());
        for socket in 0..3_u8 {
            for copy in 0..5 {
                let reply = sees.map(|(mapped, port)| StunReply {
                    from: server,
                    local: Some(SocketAddr::new(host, 40000 + u16::from(socket))),
                    mapped: Some(SocketAddr::new(ip(mapped), port + u16::from(socket))),
                    rewritten: None,
                    other_address: None,
                    response_origin: None,
                    software: None,
                    error_code: None,
                    problems: Vec::new(),
                });
                let slot = Slot::Shared { family, index: socket };
                let question = Question::Stun { slot, server, form: StunForm::Tailnode };
                self.ask(copy * 25, question, reply.map(Outcome::Stun));
            }
        }
        self
    }

    /// The relay of the map with this host name is asked over HTTPS, and answers.
    fn relay(&mut self, name: &str, address: &str) -> &mut Self {
        let nodes = self.input.map.regions.values().flat_map(|region| &region.nodes);
        let node = nodes.clone().find(|node| node.host_name == name).unwrap();
        let target = crate::check::netcheck::plan::https_target(node, Some(ip(address)));
        let phase = Duration::from_millis(10);
        let answer = HttpsAnswer {
            remote: SocketAddr::new(ip(address), 443),
            via_proxy: None,
            connect: phase,
            tls: phase,
            request: phase,
            status: 200,
            cert_sha256: None,
        };
        let question = Question::HttpsLatency { target, timeout: Duration::from_secs(1) };
        self.ask(100, question, Some(Outcome::Https(answer)))
    }

    fn portal(&mut self, address: &str, status: u16, location: &str) -> &mut Self {
        let location = Some(location.to_owned());
        let answer = PortalAnswer { status, location, challenge_echoed: false, body_empty: true };
        let timeout = timing::PORTAL_TIMEOUT;
        let question =
            Question::CaptivePortal { address: SocketAddr::new(ip(address), 80), host: address.to_owned(), timeout };
        self.ask(100, question, Some(Outcome::Portal(answer)))
    }

    fn told(&self) -> Analysis {
        let analysis = analyze(&self.input, &self.record);
        assert!(analysis.netcheck.udp.value().is_some() || analysis.netcheck.udp.why().is_some());
        analysis
    }
}

fn codes(analysis: &Analysis) -> Vec<&str> {
    analysis.findings.iter().map(Finding::code).collect()
}

fn value<T: Copy>(verdict: &Verdict<T>) -> Option<T> {
    verdict.value().copied()
}

const LAN: [(&str, &str); 2] = [("a.lan", "10.0.0.9"), ("b.lan", "10.0.1.9")];
const NET: [(&str, &str); 4] = [
    ("derp1.example", "20.1.0.1"),
    ("derp2.example.org", "20.2.0.1"),
    ("derp3.example.net", "20.3.0.1"),
    ("derp4.example.info", "20.4.0.1"),
];

#[test]
fn relays_on_the_lan_neither_hide_a_hard_nat_nor_blame_the_internet() {
    let relays: Vec<_> = LAN.into_iter().chain(NET).take(5).collect();
    let mut story = Story::new("10.0.0.5", &relays);
    for (_, address) in LAN {
        story.stun(address, Some(("10.0.0.5", 40000)));
    }
    for (port, (_, address)) in [50000, 51000, 52000].into_iter().zip(NET) {
        story.stun(address, Some(("203.0.113.7", port)));
    }
    let told = story.told();
    let nat = told.nat_v4.as_ref().unwrap();
    assert_eq!(value(&nat.difficulty), Some(Difficulty::Hard));
    assert!(!codes(&told).contains(&"NET-007"));
    let notes: Vec<_> = nat.servers.iter().map(|server| server.note).collect();
    let near = Some(ServerNote::NotOnInternet);
    assert_eq!(notes, [near, near, None, None, None]);
    assert!(told.netcheck.ipv4.observed.keys().all(|endpoint| endpoint.ip() == ip("203.0.113.7")));
}

#[test]
fn a_private_address_is_no_open_internet_however_public_the_servers() {
    for (host, wanted) in [("10.0.0.5", None), ("100.64.3.7", None), ("198.51.100.7", Some(Difficulty::None))] {
        let mut story = Story::new(host, &NET[..3]);
        for (_, address) in &NET[..3] {
            story.stun(address, Some((host, 40000)));
        }
        let told = story.told();
        let nat = told.nat_v4.as_ref().unwrap();
        assert_eq!(value(&nat.difficulty), wanted, "{host}");
        assert_eq!(told.netcheck.ipv4.global.value().is_some(), wanted.is_some(), "{host}");
        let varies = wanted.map(|_| false);
        let told = (value(&nat.mapping_varies), value(&nat.mapping).is_some(), value(&nat.port_preservation).is_some());
        assert_eq!(told, (varies, varies.is_some(), varies.is_some()), "{host}");
        // Its filter was not tested: no type either way.
        assert_eq!(value(&nat.nat_type), None::<NatType>);
        assert_eq!(nat.nat_type.why() == Some(&Why::ServersNotOnInternet), wanted.is_none(), "{host}");
    }
}

#[test]
fn an_address_of_the_shared_space_alone_is_no_carrier() {
    let mut story = Story::new("100.64.3.7", &NET[..3]);
    for (_, address) in &NET[..3] {
        story.stun(address, Some(("203.0.113.7", 50000)));
    }
    let nat = story.told().nat_v4.unwrap();
    assert_eq!(value(&nat.difficulty), Some(Difficulty::Easy));
    assert_eq!(nat.carrier_grade.value(), None);
    assert_eq!(nat.carrier_grade.why(), Some(&Why::OwnAddressIsCarrierGrade { address: ip("100.64.3.7") }));
}

#[test]
fn what_answers_inside_proves_nothing_of_the_edge() {
    let relays: Vec<_> = LAN.into_iter().take(1).chain(NET).collect();
    let mut story = Story::new("10.0.0.5", &relays);
    story.stun(LAN[0].1, Some(("10.0.0.5", 40000))).relay(LAN[0].0, LAN[0].1);
    for (_, address) in NET {
        story.stun(address, None);
    }
    let told = story.told();
    assert_eq!(value(&told.netcheck.udp), None);
    assert_eq!(told.netcheck.udp.why(), Some(&Why::OnlyNeighboursAnswered { servers: 1 }));
    assert_eq!(value(&told.netcheck.captive_portal), None);
    assert_eq!(told.netcheck.captive_portal.why(), Some(&Why::NotAsked));
    story.portal(NET[0].1, 302, "http://login.hotel.example/");
    assert_eq!(value(&story.told().netcheck.captive_portal), Some(true));
    // Relays that are up out there, and silent over UDP: then it is the network.
    let mut story = Story::new("10.0.0.5", &relays);
    story.stun(LAN[0].1, Some(("10.0.0.5", 40000)));
    for (name, address) in NET {
        story.stun(address, None).relay(name, address);
    }
    assert_eq!(value(&story.told().netcheck.udp), Some(false));
    // A map of nothing but neighbours is taken for what it is.
    let mut story = Story::new("10.0.0.5", &LAN);
    story.stun(LAN[0].1, Some(("10.0.0.5", 40000)));
    let told = story.told();
    assert_eq!(value(&told.netcheck.udp), Some(true));
    assert_eq!(told.netcheck.captive_portal.why(), Some(&Why::ServersNotOnInternet));
}

#[test]
fn a_redirect_to_https_at_the_same_host_is_the_relays_own() {
    let portal = |status, location| {
        let mut story = Story::new("10.0.0.5", &NET[..1]);
        story.stun(NET[0].1, None).portal(NET[0].1, status, location);
        value(&story.told().netcheck.captive_portal)
    };
    for location in ["https://20.1.0.1/generate_204", "HTTPS://derp1.EXAMPLE:443/x", "https://derp1.example"] {
        for status in [301, 302, 307, 308] {
            assert_eq!(portal(status, location), None, "{location}");
        }
    }
    for location in [
        "http://20.1.0.1/login",
        "https://login.example/?https://20.1.0.1/",
        "https://20.1.0.1@login.example/",
        "https://20.1.0.1.login.example/",
        "/login",
    ] {
        assert_eq!(portal(302, location), Some(true), "{location}");
    }
}

#[test]
fn relays_of_one_owner_do_not_blame_the_network() {
    let silent = |names: [&'static str; 3]| {
        let relays: Vec<_> = names.into_iter().zip(NET).map(|(name, (_, address))| (name, address)).collect();
        let mut story = Story::new("10.0.0.5", &relays);
        for (name, address) in relays {
            story.stun(address, None).relay(name, address);
        }
        let told = story.told();
        (value(&told.netcheck.udp), told.netcheck.udp.why().cloned())
    };
    let domain = "home.example".to_owned();
    let one = ["a.Home.example", "b.home.example.", "c.eu.home.example"];
    assert_eq!(silent(one), (None, Some(Why::WitnessesOfOneOwner { servers: 3, domain })));
    for several in [
        ["a.home.example", "b.home.example", "derp.other.example"],
        ["20.1.0.1", "20.2.0.1", "20.3.0.1"],
        ["derp1.tailscale.com", "derp2.tailscale.com", "derp3.tailscale.com"],
    ] {
        assert_eq!(silent(several).0, Some(false), "{several:?}");
    }
}

#[test]
fn what_was_never_asked_is_said_to_be_so() {
    let mut story = Story::new("10.0.0.5", &NET);
    story.record.ended_at = ms(0);
    let told = story.told();
    let net = &told.netcheck;
    for verdict in [&net.udp, &net.ipv4.usable, &net.icmp, &net.captive_portal] {
        assert_eq!((value(verdict), verdict.why()), (None, Some(&Why::NotAsked)));
    }
    assert!(net.regions.iter().all(|region| region.skipped == Some(RegionSkip::NotAsked)), "{:?}", net.regions);
    assert!(codes(&told).is_empty());
    // No address at all is another matter.
    story
        .input
        .map
        .regions
        .values_mut()
        .flat_map(|region| &mut region.nodes)
        .for_each(|node| node.ipv4 = Pin::Disabled);
    let family = Family::V4;
    assert_eq!(story.told().netcheck.ipv4.usable.why(), Some(&Why::NoServers { family }));
    assert_eq!(story.told().netcheck.captive_portal.why(), Some(&Why::NoPortalEndpoint));
}

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

/// A filter test of a server that sees this host at `mapped`: nothing unasked comes in, and the first of three proofs
/// does, and so do the other two unless they `get_lost`.
fn strict_filter(server: &str, mapped: &str, get_lost: bool) -> Nat {
    let mut story = Story::new("10.0.0.5", &NET[..3]);
    story.input.options.filtering = true;
    for (_, address) in &NET[..3] {
        story.stun(address, Some(("203.0.113.7", 50000)));
    }
    let at = |port| SocketAddr::new(ip(server), port);
    let mut ask = |index: u8, to: u16, form: StunForm, from: Option<u16>| {
        let reply = from.map(|port| StunReply {
            from: at(port),
            local: Some(SocketAddr::new(ip("10.0.0.5"), 41000 + u16::from(index))),
            mapped: Some(SocketAddr::new(ip(mapped), 51000)),
            rewritten: None,
            other_address: Some(SocketAddr::new(ip("20.1.0.2"), 3479)),
            response_origin: None,
            software: None,
            error_code: None,
            problems: Vec::new(),
        });
        let slot = Slot::Shared { family: Family::V4, index };
        story.ask(100, Question::Stun { slot, server: at(to), form }, reply.map(Outcome::Stun));
    };
    for copy in 0..3 {
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
    assert_eq!(nat.filtering.evidence().len(), 4, "three that did not come in, and the proof: {:?}", nat.filtering);
}

#[test]
fn loss_on_the_way_of_the_proof_is_loss_on_the_way_of_what_is_missing() {
    let nat = strict_filter("20.1.0.1", "203.0.113.7", true);
    assert_eq!(nat.filtering.why(), Some(&Why::Filter(FilterWhy::TooFewCopies { silent: 3, needed: 8 })));
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

#[test]
fn no_flag_is_named_that_nobody_gave() {
    let mut story = Story::new("10.0.0.5", &NET[..1]);
    story.input.options.https = false;
    for server in &NET[..1] {
        story.stun(server.1, None);
    }
    assert_eq!(story.told().netcheck.udp.why(), Some(&Why::LeftOut { flag: "--no-https" }));
    story.input.map.regions.values_mut().flat_map(|region| &mut region.nodes).for_each(|node| node.stun_only = true);
    assert_eq!(story.told().netcheck.udp.why(), Some(&Why::TooFewWitnesses { servers: 0, needed: 3 }));
    let wanted = Why::NotMeasuredHere { ask: "natscope nat" };
    assert_eq!(story.told().nat_v4.unwrap().filtering.why(), Some(&wanted));
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
        name(&mut story, "ipv4only.arpa", Some(Outcome::Resolved(ResolveAnswer { addresses })));
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
