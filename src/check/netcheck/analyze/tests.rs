//! Records made by hand, and what must be concluded from them.

mod families;
mod filters;
mod regions;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::*;
use crate::check::netcheck::{Options, timing};
use crate::model::{DerpMap, Difficulty, NatType, Node, Pin, Region, RegionId};
use crate::probe::{
    Cause, Failure, HostFacts, HttpsAnswer, Interface, Launch, Moment, Observation, Outcome, PortalAnswer, Probe,
    ProbeId, Question, Slot, Stage, StunForm, StunReply,
};
use crate::report::{Confidence, FilterWhy, FindingDetail, LatencyMethod, Nat, RegionSkip, ServerNote, Verdict, Why};

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
                    local: Some(SocketAddr::new(host, 40000 + u16::from(socket))),
                    mapped: Some(SocketAddr::new(ip(mapped), port + u16::from(socket))),
                    ..StunReply::bare(server)
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
