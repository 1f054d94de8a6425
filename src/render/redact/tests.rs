//! The law of this room: nothing that identifies gets through, in any format; and what is told stays true.

use std::collections::{BTreeMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::redact;
use crate::model::{Difficulty, RegionId};
use crate::probe::{
    Cause, CertificateFault, Failure, HttpsAnswer, IcmpAnswer, Launch, Moment, Observation, Outcome, PortMappingAnswer,
    PortMappingService, PortalAnswer, Probe, ProbeId, Question, Stage,
};
use crate::render::{Format, Lang, Style, render, sample};
use crate::report::{
    Confidence, Finding, FindingDetail, LatencyMethod, NodeReport, Report, ServerNote, Severity, Tunnel, Verdict, Why,
};

/// Everything of somebody's that a report may hold.
#[derive(Clone, Debug)]
struct Identity {
    public: Ipv4Addr,
    private: Ipv4Addr,
    carrier: Ipv4Addr,
    own_v6: Ipv6Addr,
    local_v6: Ipv6Addr,
    server: Ipv4Addr,
    relay: String,
    proxy: String,
    code: String,
    node: String,
    user: String,
    hash: String,
    /// What stands before and after a name in free text.
    around: (String, String),
}

impl Identity {
    /// All of it as it would be searched for.
    fn secrets(&self) -> Vec<String> {
        let addresses = [self.public, self.private, self.carrier, self.server].map(|address| address.to_string());
        let v6 = [self.own_v6, self.local_v6].map(|address| address.to_string());
        let names = [&self.relay, &self.proxy, &self.code, &self.node, &self.user, &self.hash].map(Clone::clone);
        addresses.into_iter().chain(v6).chain(names).collect()
    }
}

fn identity() -> impl Strategy<Value = Identity> {
    // No documentation ranges, and no private network that pseudonyms are taken from: a pseudonym may look like any
    // of theirs.
    let public = (20_u8..90, any::<[u8; 3]>()).prop_map(|(a, [b, c, d])| Ipv4Addr::new(a, b, c, d));
    let private = any::<[u8; 3]>().prop_map(|[b, c, d]| Ipv4Addr::new(10, b, c, d));
    let carrier = (100_u8..128, any::<[u8; 2]>()).prop_map(|(b, [c, d])| Ipv4Addr::new(100, b, c, d));
    let v6 = |first: u16| {
        any::<[u16; 7]>()
            .prop_map(move |[b, c, d, e, f, g, h]| Ipv6Addr::new(first, b | 0x1000, c, d, e, f, g, h | 0x1000))
    };
    let name = "[a-z]{3}q[a-z0-9]{2}x[0-9]{2}";
    let around = prop_oneof![
        Just((" ", " ")),
        Just(("(", ")")),
        Just(("\"", "\"")),
        Just(("=", ",")),
        Just(("to ", ": ")),
        Just(("[", "]")),
        Just(("<", ">.")),
        Just(("'", "'!")),
        Just(("|", ";")),
        Just(("", ""))
    ]
    .prop_map(|(before, after)| (before.to_owned(), after.to_owned()));
    let addresses = (public.clone(), private, carrier, v6(0x2a02), v6(0xfe80), public);
    let names = (name, name, name, name, name, "[0-9a-f]{63}7");
    (addresses, names, around).prop_map(|(addresses, names, around)| {
        let (public, private, carrier, own_v6, local_v6, server) = addresses;
        let (relay, proxy, code, node, user, hash) = names;
        Identity {
            public,
            private,
            carrier,
            own_v6,
            local_v6,
            server,
            relay: format!("{relay}.net"),
            proxy,
            code,
            node,
            user,
            hash,
            around,
        }
    })
}

/// A report with the identity in every place there is.
#[allow(clippy::too_many_lines, reason = "a list of places")]
fn identified(who: &Identity) -> Report {
    let (before, after) = &who.around;
    let text = |secret: &dyn ToString| format!("it said {before}{}{after}", secret.to_string());
    // A bare word is a name only where it occurs as one elsewhere; a user's does not.
    let mut told: Vec<_> = who.secrets().into_iter().filter(|secret| *secret != who.user).collect();
    told.extend([format!("/home/{}/derp.json:3", who.user), format!("{}@{}", who.user, who.relay)]);
    let everything = told.iter().map(|secret| text(secret)).collect::<Vec<_>>().join(" and ");
    let public = IpAddr::V4(who.public);
    let private = IpAddr::V4(who.private);
    let own_v6 = IpAddr::V6(who.own_v6);
    let relay_endpoint = SocketAddr::from((who.server, 3478));
    let os = || Failure::new(Stage::Connect, Cause::Os { message: everything.clone() });
    let proxy_url = format!("http://{}:{}@{}:3128/{}", who.user, who.hash, who.proxy, who.user);
    let portal = Some(format!("http://{}/login?ip={private}&u={}", who.relay, who.user));

    let mut report = sample::saved();
    let netcheck = report.netcheck.as_mut().unwrap();
    netcheck.udp = Verdict::unknown(Why::SendRefused { failure: os() });
    for (family, local, global) in
        [(&mut netcheck.ipv4, private, public), (&mut netcheck.ipv6, IpAddr::V6(who.local_v6), own_v6)]
    {
        let global = SocketAddr::new(global, 41_641);
        family.local = vec![local, global.ip()];
        family.global = sample::known(global, Why::SeveralAddresses { addresses: vec![global.ip()] }, &[1]);
        family.observed = BTreeMap::from([(global, 3), (relay_endpoint, 1)]);
        family.usable = Verdict::unknown(Why::ServersDisagree { endpoints: vec![global, relay_endpoint] });
    }
    netcheck.captive_portal = sample::known(true, Why::PortalAnswered { status: 302, location: portal.clone() }, &[1]);
    let service = PortMappingService::Upnp;
    netcheck.port_mapping.upnp =
        sample::known(true, Why::RouterOffers { service, detail: Some(everything.clone()) }, &[1]);
    netcheck.port_mapping.nat_pmp =
        sample::known(false, Why::RouterDeclines { service, detail: Some(everything.clone()) }, &[1]);
    netcheck.port_mapping.pcp = Verdict::unknown(Why::RouterUnreachable { service, failure: os() });
    netcheck.router.gateway = Some(private);
    netcheck.router.wan_address = Some((IpAddr::V4(who.carrier), service));
    netcheck.router.wan_is_mapped_address = Some(false);
    netcheck.home_region = sample::known(
        RegionId(901),
        Why::HomeRelayDown { passed_over: RegionId(901), failure: os(), latency: Duration::ZERO },
        &[1],
    );
    netcheck.path.interface = Some(format!("wg-{}", who.user));
    netcheck.path.address = Some(private);
    netcheck.path.proxy = Some(proxy_url.clone());
    netcheck.path.tunnel = Some(Tunnel::ByName);
    let mut region = sample::region(901, &who.code, &format!("{} Inc", who.code));
    region.failure = Some(Failure::new(
        Stage::Tls,
        Cause::Certificate {
            fault: CertificateFault::PinMismatch { expected: who.hash.clone(), presented: everything.clone() },
        },
    ));
    region.nodes.push(NodeReport {
        name: who.node.clone(),
        host: who.relay.clone(),
        ipv4: None,
        ipv6: None,
        failure: Some(Failure::new(
            Stage::Tls,
            Cause::Certificate { fault: CertificateFault::NameMismatch { expected: who.relay.to_uppercase() } },
        )),
    });
    netcheck.regions.push(region);

    let nat = report.nat_v4.as_mut().unwrap();
    let wans = [
        Why::WanIsCarrierGrade { wan: IpAddr::V4(who.carrier) },
        Why::OwnAddressIsCarrierGrade { address: IpAddr::V4(who.carrier) },
        Why::WanIsMappedAddress { wan: public },
        Why::WanIsPrivate { wan: private },
        Why::WanIsAnother { wan: IpAddr::V4(who.carrier), mapped: public },
    ];
    let [mut wans @ .., another] = wans.map(Verdict::<bool>::unknown);
    let verdicts = [&mut nat.mapping_varies, &mut nat.hairpinning, &mut nat.port_preservation, &mut nat.carrier_grade];
    for (verdict, wan) in verdicts.into_iter().zip(&mut wans) {
        std::mem::swap(verdict, wan);
    }
    nat.difficulty = another.map(|_| Difficulty::Hard);
    nat.mapped = vec![SocketAddr::new(public, 41_641), SocketAddr::new(public, 50_000)];
    nat.local = vec![SocketAddr::new(private, 41_641)];
    for (server, note) in [
        (who.node.clone(), ServerNote::WrongSource { from: relay_endpoint }),
        (who.relay.clone(), ServerNote::ServerSideNat { saw: private }),
        (format!("stun:{}:3478", who.relay), ServerNote::Outlier { saw: SocketAddr::new(public, 9) }),
    ] {
        let mut one = nat.servers[0].clone();
        (one.server, one.endpoint, one.note) = (server, relay_endpoint, Some(note));
        nat.servers.push(one);
    }

    report.findings = [
        FindingDetail::RelayDown { region: RegionId(901), code: who.code.clone(), failure: os() },
        FindingDetail::RegionUnreachable { region: RegionId(901), code: who.code.clone(), failure: os() },
        FindingDetail::StunDown {
            region: RegionId(901),
            code: who.code.clone(),
            method: LatencyMethod::Icmp,
            relay_answers: None,
            failure: os(),
        },
        FindingDetail::CaptivePortal { location: portal.clone() },
        FindingDetail::FakeDns { host: who.relay.clone(), address: private },
        FindingDetail::ThroughTunnel { interface: format!("wg-{}", who.user) },
        FindingDetail::OddServer {
            server: who.node.clone(),
            endpoint: relay_endpoint,
            note: ServerNote::ServerSideNat { saw: private },
        },
        FindingDetail::ServerUnreachable { server: format!("{}:3478", who.relay), failure: os() },
        FindingDetail::DnsFailing { names: 1, example: who.relay.clone(), failure: os() },
        FindingDetail::StaleMap {
            url: format!("https://{}/{}", who.relay, who.user),
            age: Duration::from_secs(9),
            because: os(),
        },
        FindingDetail::DoubleNat { wan: IpAddr::V4(who.carrier) },
        FindingDetail::ProxyOnly { proxy: proxy_url.clone() },
        FindingDetail::Map {
            code: "MAP-001",
            place: format!("/home/{}/derp map.json:3:5", who.user),
            message: everything.clone(),
            severity: Severity::Warning,
        },
    ]
    .map(Finding::new)
    .into();

    let saved = report.saved.as_mut().unwrap();
    saved.inputs = json!({
        "map": { "Regions": { "901": { "RegionID": 901, "RegionCode": who.code, "RegionName": who.code,
            "Latitude": 48.1, "Nodes": [ { "Name": who.node, "RegionID": 901, "HostName": who.relay,
            "CertName": format!("sha256-raw:{}", who.hash), "IPv4": who.server.to_string() } ] } } },
        "host": { "interfaces": [ { "name": format!("wg-{}", who.user), "index": 2,
            "addresses": [private.to_string(), own_v6.to_string()] } ], "proxy": { "https": proxy_url } },
        "seen": { public.to_string(): 1, format!("{public}:41641"): 2 },
        "note": everything,
    });
    let ask = |id, question| Launch { probe: Probe { id: ProbeId(id), question }, at: Moment::START };
    let timeout = Duration::from_secs(1);
    saved.record.launches.extend([
        ask(4, Question::Icmp { address: own_v6, timeout }),
        ask(5, Question::CaptivePortal { address: relay_endpoint, host: who.relay.clone(), timeout }),
        ask(6, Question::PortMapping { service, gateway: private, timeout }),
    ]);
    let heard =
        |id, outcome| Observation { probe: Some(ProbeId(id)), sent_at: Moment::START, at: Moment::START, outcome };
    saved.record.observations.extend([
        heard(4, Outcome::Icmp(IcmpAnswer { from: own_v6 })),
        heard(
            5,
            Outcome::Portal(PortalAnswer { status: 302, location: portal, challenge_echoed: false, body_empty: false }),
        ),
        heard(
            6,
            Outcome::PortMapping(PortMappingAnswer {
                result_code: None,
                available: true,
                wan_address: Some(public),
                detail: Some(everything.clone()),
            }),
        ),
        heard(
            2,
            Outcome::Https(HttpsAnswer {
                remote: relay_endpoint,
                via_proxy: Some(format!("http://{}:3128", who.proxy)),
                connect: timeout,
                tls: timeout,
                request: timeout,
                status: 200,
                cert_sha256: Some(who.hash.clone()),
            }),
        ),
        heard(9, Outcome::Failed(os())),
    ]);
    report
}

fn every_text(report: &Report, redact: bool) -> impl Iterator<Item = (Format, String)> {
    let styles = Format::ALL.into_iter().flat_map(|format| Lang::ALL.map(|lang| (format, lang)));
    styles.map(move |(format, lang)| {
        let style = Style { lang, verbose: true, redact, width: 4_000, ..Style::default() };
        (format, render(report, format, &style))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn nothing_that_identifies_gets_through(who in identity()) {
        let report = identified(&who);
        for (format, text) in every_text(&report, true) {
            let text = text.to_lowercase();
            for secret in who.secrets() {
                prop_assert!(!text.contains(&secret), "{format}: {secret} in {text}");
            }
        }
        // The same search finds every one of them when nothing is redacted.
        let plain = render(&report, Format::Json, &Style::default());
        for secret in who.secrets() {
            prop_assert!(plain.contains(&secret), "{secret}");
        }
    }

    #[test]
    fn equal_stays_equal_and_different_different(who in identity()) {
        let report = identified(&who);
        let redacted = redact(&report);
        prop_assert_eq!(&redacted, &redact(&report));
        let netcheck = redacted.netcheck.as_ref().unwrap();
        let nat = redacted.nat_v4.as_ref().unwrap();
        let global = *netcheck.ipv4.global.value().unwrap();
        prop_assert_eq!(global, nat.mapped[0]);
        prop_assert_eq!(global.ip(), nat.mapped[1].ip());
        prop_assert_eq!(netcheck.ipv4.local[0], nat.local[0].ip());
        prop_assert_eq!(Some(netcheck.ipv4.local[0]), netcheck.router.gateway);
        let kinds = |report: &Report| {
            let netcheck = report.netcheck.clone().unwrap();
            let all = netcheck.ipv4.local.into_iter().chain(netcheck.ipv6.local).chain(netcheck.router.gateway);
            all.map(super::address::Kind::of).collect::<Vec<_>>()
        };
        prop_assert_eq!(kinds(&report), kinds(&redacted));
        let distinct = |report: &Report| {
            let servers = report.nat_v4.as_ref().unwrap().servers.iter().map(|server| server.endpoint);
            servers.chain(report.nat_v4.as_ref().unwrap().mapped.clone()).collect::<HashSet<_>>().len()
        };
        prop_assert_eq!(distinct(&report), distinct(&redacted));
    }

    #[test]
    fn any_text_is_redacted_without_a_panic(text in ".{0,80}", tail in "[\\[\\]:/@.%a-f0-9-]{0,40}") {
        let mut report = sample::healthy();
        report.findings = vec![Finding::new(FindingDetail::ProxyOnly { proxy: format!("{text}{tail}") })];
        report.netcheck.as_mut().unwrap().regions[0].code = text;
        let _ = redact(&report);
    }
}

#[test]
fn redacted_reports_still_replay() {
    let report = redact(&sample::saved());
    let json: Value = serde_json::from_str(&render(&report, Format::Json, &Style::default())).unwrap();
    let (_, saved) = crate::render::json::saved_from(&json).unwrap();
    assert_eq!(Some(saved), report.saved);
}

#[test]
fn documentation_addresses_of_a_test_network_are_not_mistaken_for_pseudonyms() {
    let mut report = sample::healthy();
    let originals: Vec<SocketAddr> = (1..40).rev().map(|n| SocketAddr::from(([203, 0, 113, n], 1))).collect();
    report.nat_v4.as_mut().unwrap().mapped = originals.clone();
    let redacted = redact(&report).nat_v4.unwrap().mapped;
    assert_eq!(redacted.iter().collect::<HashSet<_>>().len(), originals.len());
    assert!(redacted.iter().all(|endpoint| !originals.contains(endpoint)), "{redacted:?}");
}

#[test]
fn tailscale_keeps_its_names() {
    let mut report = sample::healthy();
    report.nat_v4.as_mut().unwrap().difficulty = Verdict::known(Difficulty::Easy, Confidence::High, []);
    let text = render(&redact(&report), Format::Json, &Style::default());
    for name in ["derp4.tailscale.com", "\"fra\"", "Frankfurt", "\"4a\"", "MiniUPnPd/2.3.1", "eth0"] {
        assert!(text.contains(name), "{name}");
    }
}

#[test]
fn a_server_with_its_port_is_a_host_that_keeps_its_port() {
    let mut report = sample::easy_nat();
    report.saved = None;
    let redacted = redact(&report);
    let nat = redacted.nat_v4.unwrap();
    let names: Vec<&str> = nat.servers.iter().map(|server| server.server.as_str()).collect();
    let [first, second, third, fourth, intranet] = names[..] else { panic!("{names:?}") };
    assert!(first.ends_with(":3478") && second.ends_with(":443"), "{names:?}");
    assert!(third.ends_with(":3478") && third != "192.0.2.7:3478", "{names:?}");
    // A single label names a machine, too.
    assert!(!intranet.contains("intranet") && intranet.ends_with(":3478") && intranet != fourth, "{names:?}");
    let FindingDetail::ServerUnreachable { server, .. } = &redacted.findings[1].detail else { panic!() };
    assert_eq!(server, intranet);
}
