//! Reports made by hand, for the tests of this room.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime};

use serde_json::json;

use crate::model::{Difficulty, Family, Filtering, Level, Mapping, NatType, Pooling, PortAllocation, RegionId};
use crate::probe::{
    Cause, CertificateFault, Failure, HttpsTarget, Launch, Moment, Observation, Outcome, PortMappingService, Probe,
    ProbeId, Question, Record, ResolveAnswer, Slot, Stage, StunForm, StunReply,
};
use crate::report::{
    Command, Confidence, FamilyReport, Finding, FindingDetail, LatencyMethod, Nat, Netcheck, NodeReport, PathReport,
    PortMappingReport, RegionReport, RegionSkip, Report, RouterReport, Saved, ServerNote, StunServer, Tunnel, Verdict,
    Why,
};

pub(super) fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

pub(super) fn endpoint(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn micros(micros: u64) -> Duration {
    Duration::from_micros(micros)
}

pub(super) fn known<T>(value: T, why: Why, evidence: &[u32]) -> Verdict<T> {
    Verdict::known(value, Confidence::High, evidence.iter().copied().map(ProbeId)).because(why)
}

fn started_at() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_689_296_250)
}

pub(super) fn region(id: u64, code: &str, name: &str) -> RegionReport {
    RegionReport {
        id: RegionId(id),
        code: code.to_owned(),
        name: name.to_owned(),
        latency: None,
        ipv4: None,
        ipv6: None,
        method: None,
        loss: None,
        jitter: None,
        samples: 0,
        failure: None,
        skipped: None,
        relay_answers: None,
        nodes: Vec::new(),
    }
}

fn measured(id: u64, code: &str, name: &str, v4: u64, v6: u64, jitter: u64) -> RegionReport {
    let host = format!("derp{id}.tailscale.com");
    RegionReport {
        latency: Some(micros(v4.min(v6))),
        ipv4: Some(micros(v4)),
        ipv6: Some(micros(v6)),
        method: Some(LatencyMethod::Stun),
        loss: Some(0.0),
        jitter: Some(micros(jitter)),
        samples: 6,
        relay_answers: Some(true),
        nodes: vec![NodeReport {
            name: format!("{id}a"),
            host,
            ipv4: Some(micros(v4)),
            ipv6: Some(micros(v6)),
            failure: None,
        }],
        ..region(id, code, name)
    }
}

fn family(local: &str, global: &str) -> FamilyReport {
    FamilyReport {
        usable: known(true, Why::FamilyAnswered { servers: 4 }, &[1, 2]),
        os_support: true,
        local: vec![ip(local)],
        global: known(endpoint(global), Why::FamilyAnswered { servers: 4 }, &[1, 2]),
        observed: BTreeMap::from([(endpoint(global), 4)]),
    }
}

fn silent_family(usable: Verdict<bool>, why: Why) -> FamilyReport {
    FamilyReport {
        usable,
        os_support: true,
        local: Vec::new(),
        global: Verdict::unknown(why),
        observed: BTreeMap::new(),
    }
}

fn not_measured<T>() -> Verdict<T> {
    Verdict::unknown(Why::NotMeasuredHere { ask: "natscope nat" })
}

fn nat(difficulty: Verdict<Difficulty>, mapping: Verdict<Mapping>, varies: Verdict<bool>) -> Nat {
    Nat {
        effective: difficulty.clone().because(Why::NoPortMappingVerified),
        difficulty,
        nat_type: not_measured(),
        level: None,
        mapping,
        mapping_varies: varies,
        filtering: not_measured(),
        hairpinning: not_measured(),
        port_preservation: Verdict::known(true, Confidence::Medium, [ProbeId(1)]),
        port_allocation: Verdict::known(PortAllocation::Preserving, Confidence::Medium, [ProbeId(1)]),
        pooling: Verdict::known(Pooling::Paired, Confidence::Low, [ProbeId(1)]),
        mapping_lifetime: not_measured(),
        carrier_grade: known(false, Why::WanIsMappedAddress { wan: ip("81.2.69.142") }, &[9]),
        mapped: Vec::new(),
        local: Vec::new(),
        servers: Vec::new(),
    }
}

/// A home router with an easy NAT, IPv6, four regions that answer and one that does not.
pub(super) fn healthy() -> Report {
    let same = || Why::MappingSame { servers: 4, sockets: 2 };
    let mut nat_v4 = nat(
        known(Difficulty::Easy, same(), &[1, 2, 3]),
        known(Mapping::EndpointIndependent, same(), &[1, 2, 3]),
        known(false, same(), &[1, 2, 3]),
    );
    nat_v4.mapped = vec![endpoint("81.2.69.142:41641")];
    nat_v4.local = vec![endpoint("192.168.1.20:41641")];
    nat_v4.servers = vec![
        StunServer {
            server: "4a".to_owned(),
            endpoint: endpoint("167.172.182.26:3478"),
            rfc5780: false,
            round_trip: Some(micros(12_300)),
            trusted: true,
            note: None,
        },
        StunServer {
            server: "1a".to_owned(),
            endpoint: endpoint("164.90.1.2:3478"),
            rfc5780: true,
            round_trip: None,
            trusted: false,
            note: Some(ServerNote::ServerSideNat { saw: ip("172.17.0.1") }),
        },
    ];
    let mut nat_v6 = nat(
        known(Difficulty::None, Why::NoTranslation { servers: 4 }, &[4]),
        known(Mapping::Direct, Why::NoTranslation { servers: 4 }, &[4]),
        known(false, Why::NoTranslation { servers: 4 }, &[4]),
    );
    nat_v6.mapped = vec![endpoint("[2a02:8109:9a40::20]:41641")];
    nat_v6.local = nat_v6.mapped.clone();
    let mut lossy = measured(1, "nyc", "New York City", 98_400, 99_000, 3_100);
    lossy.loss = Some(1.0 / 6.0);
    let mut down = region(5, "syd", "Sydney");
    down.failure = Some(no_answer(3, 2_400));
    down.loss = Some(1.0);
    down.relay_answers = Some(true);
    let mut left_out = region(12, "ord", "Chicago");
    left_out.skipped = Some(RegionSkip::NoMeasure);
    let netcheck = Netcheck {
        udp: known(true, Why::UdpAnswered { answers: 24, servers: 8 }, &[1, 2, 3]),
        ipv4: family("192.168.1.20", "81.2.69.142:41641"),
        ipv6: family("2a02:8109:9a40::20", "[2a02:8109:9a40::20]:41641"),
        icmp: known(true, Why::IcmpAnswered { answers: 3 }, &[7]),
        captive_portal: known(false, Why::UdpWorks, &[1]),
        port_mapping: PortMappingReport {
            upnp: known(
                true,
                Why::RouterOffers { service: PortMappingService::Upnp, detail: Some("MiniUPnPd/2.3.1".to_owned()) },
                &[9],
            ),
            nat_pmp: known(false, Why::RouterRefuses { service: PortMappingService::NatPmp }, &[10]),
            pcp: Verdict::unknown(Why::RouterSilent { service: PortMappingService::Pcp, waited: micros(750_000) }),
        },
        router: RouterReport {
            gateway: Some(ip("192.168.1.1")),
            wan_address: Some((ip("81.2.69.142"), PortMappingService::Upnp)),
            wan_is_mapped_address: Some(true),
        },
        home_region: known(
            RegionId(4),
            Why::HomeNearest { latency: micros(12_300), of: 4, next: Some((RegionId(8), micros(17_820))), score: None },
            &[1, 2],
        ),
        regions: vec![
            lossy,
            measured(2, "sfo", "San Francisco", 152_320, 151_900, 1_000),
            measured(4, "fra", "Frankfurt", 12_349, 12_300, 410),
            down,
            measured(8, "lhr", "London", 17_820, 18_400, 700),
            left_out,
        ],
        path: PathReport {
            interface: Some("eth0".to_owned()),
            address: Some(ip("192.168.1.20")),
            ..Default::default()
        },
    };
    Report {
        command: Command::Netcheck,
        started_at: started_at(),
        took: micros(1_432_100),
        netcheck: Some(netcheck),
        nat_v4: Some(nat_v4),
        nat_v6: Some(nat_v6),
        findings: vec![
            Finding::new(FindingDetail::RegionUnreachable {
                region: RegionId(5),
                code: "syd".to_owned(),
                failure: no_answer(3, 2_400),
            }),
            Finding::new(FindingDetail::OddServer {
                server: "1a".to_owned(),
                endpoint: endpoint("164.90.1.2:3478"),
                note: ServerNote::ServerSideNat { saw: ip("172.17.0.1") },
            }),
        ],
        saved: None,
    }
}

/// A company network: no UDP, HTTPS through a proxy, a relay whose certificate the proxy replaces.
pub(super) fn udp_blocked() -> Report {
    let silent = || Why::UdpSilent { copies: 18, servers: 6, ports: vec![3478] };
    let https = |id, code: &str, name: &str, latency| RegionReport {
        latency: Some(micros(latency)),
        method: Some(LatencyMethod::Https),
        loss: Some(1.0),
        failure: Some(no_answer(3, 3_000)),
        relay_answers: Some(true),
        ..region(id, code, name)
    };
    let mut intercepted = region(9, "dfw", "Dallas");
    intercepted.failure = Some(Failure::new(Stage::Tls, Cause::Certificate { fault: CertificateFault::UnknownIssuer }));
    intercepted.relay_answers = Some(false);
    let blocked = known(Difficulty::Blocked, silent(), &[1, 2]);
    let mut nat_v4 = nat(blocked, Verdict::unknown(Why::UdpIsBlocked), Verdict::unknown(Why::UdpIsBlocked));
    nat_v4.nat_type = known(NatType::UdpBlocked, silent(), &[1, 2]);
    nat_v4.port_preservation = Verdict::unknown(Why::UdpIsBlocked);
    nat_v4.port_allocation = Verdict::unknown(Why::UdpIsBlocked);
    nat_v4.pooling = Verdict::unknown(Why::UdpIsBlocked);
    nat_v4.carrier_grade = Verdict::unknown(Why::WanUnknown);
    let netcheck = Netcheck {
        udp: known(false, silent(), &[1, 2, 3]),
        ipv4: FamilyReport {
            usable: known(true, Why::FamilyAnswered { servers: 3 }, &[11]),
            local: vec![ip("10.20.30.40")],
            ..silent_family(Verdict::unknown(Why::Offline), Why::NoMappedAddress { family: Family::V4 })
        },
        ipv6: silent_family(
            Verdict::known(false, Confidence::High, []).because(Why::NoRoute { family: Family::V6 }),
            Why::NoRoute { family: Family::V6 },
        ),
        icmp: Verdict::unknown(Why::IcmpSilent { copies: 3 }),
        captive_portal: known(false, Why::TlsVerified, &[11]),
        port_mapping: PortMappingReport {
            upnp: Verdict::unknown(Why::LeftOut { flag: "--no-portmap" }),
            nat_pmp: Verdict::unknown(Why::LeftOut { flag: "--no-portmap" }),
            pcp: Verdict::unknown(Why::LeftOut { flag: "--no-portmap" }),
        },
        router: RouterReport::default(),
        home_region: known(
            RegionId(4),
            Why::HomeNearest {
                latency: micros(31_000),
                of: 2,
                next: Some((RegionId(1), micros(1_204_000))),
                score: Some(0.5),
            },
            &[11],
        ),
        regions: vec![https(1, "nyc", "New York City", 1_204_000), https(4, "fra", "Frankfurt", 31_000), intercepted],
        path: PathReport {
            interface: Some("eth0".to_owned()),
            address: Some(ip("10.20.30.40")),
            proxy: Some("http://proxy.corp.internal:3128".to_owned()),
            ..Default::default()
        },
    };
    Report {
        command: Command::Netcheck,
        started_at: started_at(),
        took: micros(4_010_000),
        netcheck: Some(netcheck),
        nat_v4: Some(nat_v4),
        nat_v6: None,
        findings: vec![
            Finding::new(FindingDetail::UdpBlocked),
            Finding::new(FindingDetail::ProxyOnly { proxy: "http://proxy.corp.internal:3128".to_owned() }),
        ],
        saved: None,
    }
}

/// A cable that is not plugged in.
pub(super) fn offline() -> Report {
    let nothing = |id, code: &str, name: &str| RegionReport {
        failure: Some(Failure::new(Stage::Dns, Cause::NoResolver)),
        ..region(id, code, name)
    };
    let netcheck = Netcheck {
        udp: Verdict::unknown(Why::Offline),
        ipv4: silent_family(
            Verdict::known(false, Confidence::High, []).because(Why::NoRoute { family: Family::V4 }),
            Why::NoRoute { family: Family::V4 },
        ),
        ipv6: silent_family(
            Verdict::known(false, Confidence::High, []).because(Why::NoOsSupport { family: Family::V6 }),
            Why::NoOsSupport { family: Family::V6 },
        ),
        icmp: Verdict::unknown(Why::IcmpNotPermitted),
        captive_portal: Verdict::unknown(Why::PortalSilent),
        port_mapping: PortMappingReport {
            upnp: Verdict::unknown(Why::NoGateway),
            nat_pmp: Verdict::unknown(Why::NoGateway),
            pcp: Verdict::unknown(Why::NoGateway),
        },
        router: RouterReport::default(),
        home_region: Verdict::unknown(Why::NoHomeCandidate),
        regions: vec![nothing(1, "nyc", "New York City"), nothing(4, "fra", "Frankfurt"), nothing(8, "lhr", "London")],
        path: PathReport::default(),
    };
    let unknown = || Why::Offline;
    let mut nat_v4 = nat(Verdict::unknown(unknown()), Verdict::unknown(unknown()), Verdict::unknown(unknown()));
    nat_v4.effective = Verdict::unknown(unknown());
    nat_v4.port_preservation = Verdict::unknown(unknown());
    nat_v4.port_allocation = Verdict::unknown(unknown());
    nat_v4.pooling = Verdict::unknown(unknown());
    nat_v4.carrier_grade = Verdict::unknown(Why::WanUnknown);
    Report {
        command: Command::Netcheck,
        started_at: started_at(),
        took: micros(350),
        netcheck: Some(netcheck),
        nat_v4: Some(nat_v4),
        nat_v6: None,
        findings: Vec::new(),
        saved: None,
    }
}

/// What `natscope nat` says of a hard NAT with everything measured.
pub(super) fn hard_nat() -> Report {
    let differs = || Why::MappingDiffers { servers: 3, endpoints: 3 };
    let mut it = nat(
        known(Difficulty::Hard, differs(), &[1, 2, 3]),
        known(Mapping::AddressAndPortDependent, differs(), &[1, 2, 3]),
        known(true, differs(), &[1, 2, 3]),
    );
    it.effective = known(Difficulty::Easy, Why::RouterOffers { service: PortMappingService::Pcp, detail: None }, &[8]);
    it.nat_type = Verdict::known(NatType::Symmetric, Confidence::High, [1, 2, 3].map(ProbeId));
    it.level = Some(Level::Nat4);
    it.filtering = Verdict::known(Filtering::AddressAndPortDependent, Confidence::Medium, [ProbeId(4)]);
    it.hairpinning = Verdict::known(false, Confidence::Medium, [ProbeId(5)]);
    it.port_preservation = Verdict::known(false, Confidence::High, [ProbeId(1)]);
    it.port_allocation = Verdict::known(PortAllocation::Random, Confidence::Medium, [ProbeId(1)]);
    it.mapping_lifetime = Verdict::known(Duration::from_secs(120), Confidence::Medium, [ProbeId(6)]);
    it.carrier_grade = known(true, Why::WanIsCarrierGrade { wan: ip("100.72.3.4") }, &[8]);
    it.mapped = vec![endpoint("81.2.69.142:50213"), endpoint("81.2.69.142:7001")];
    it.local = vec![endpoint("192.168.1.20:41641")];
    Report {
        command: Command::Nat,
        netcheck: None,
        nat_v4: Some(it),
        nat_v6: None,
        findings: vec![
            Finding::new(FindingDetail::HardNat),
            Finding::new(FindingDetail::DoubleNat { wan: ip("100.72.3.4") }),
        ],
        ..healthy()
    }
}

/// Everything a map, a server, a router and a portal can put into a report to hurt its reader.
pub(super) fn hostile() -> Report {
    let evil =
        "\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31mX\u{202e}gpj|a`b`<img src=x>\n| 1 | @root [l](http://evil.test) *b*";
    let mut report = healthy();
    let netcheck = report.netcheck.as_mut().unwrap();
    for region in &mut netcheck.regions {
        region.code = evil.to_owned();
        region.name = evil.repeat(50);
        for node in &mut region.nodes {
            node.name = evil.to_owned();
            node.host = evil.to_owned();
            node.failure = Some(Failure::new(Stage::Http, Cause::Proxy { said: evil.repeat(100) }));
        }
    }
    netcheck.captive_portal = known(true, Why::PortalAnswered { status: 302, location: Some(evil.to_owned()) }, &[3]);
    netcheck.port_mapping.upnp =
        known(true, Why::RouterOffers { service: PortMappingService::Upnp, detail: Some(evil.to_owned()) }, &[9]);
    netcheck.path.interface = Some(evil.to_owned());
    netcheck.path.proxy = Some(evil.to_owned());
    netcheck.path.tunnel = Some(Tunnel::ByName);
    report.findings.push(Finding::new(FindingDetail::CaptivePortal { location: Some(evil.to_owned()) }));
    report.findings.push(Finding::new(FindingDetail::Map {
        code: "MAP-002",
        place: evil.to_owned(),
        message: evil.to_owned(),
        severity: crate::report::Severity::Error,
    }));
    report
}

/// The healthy report with a small record, as `--save` writes it.
pub(super) fn saved() -> Report {
    let slot = Slot::Shared { family: Family::V4, index: 0 };
    let probe = |id, question| Launch { probe: Probe { id: ProbeId(id), question }, at: Moment::START };
    let heard = |id, outcome| Observation {
        probe: Some(ProbeId(id)),
        sent_at: Moment::after_start(micros(10)),
        at: Moment::after_start(Duration::from_nanos(12_310_001)),
        outcome,
    };
    let record = Record {
        launches: vec![
            probe(
                0,
                Question::Resolve {
                    host: "relay.acme.example.net".to_owned(),
                    family: Family::V4,
                    timeout: Duration::from_secs(3),
                },
            ),
            probe(1, Question::Stun { slot, server: endpoint("167.172.182.26:3478"), form: StunForm::Tailnode }),
            probe(
                2,
                Question::HttpsLatency {
                    target: HttpsTarget {
                        host_name: "relay.acme.example.net".to_owned(),
                        address: Some(ip("45.77.1.9")),
                        port: 443,
                        cert_name: format!("sha256-raw:{}", "ab".repeat(32)),
                        insecure_for_tests: false,
                    },
                    timeout: Duration::from_secs(3),
                },
            ),
        ],
        observations: vec![
            heard(0, Outcome::Resolved(ResolveAnswer { addresses: vec![ip("45.77.1.9")] })),
            heard(
                1,
                Outcome::Stun(StunReply {
                    from: endpoint("167.172.182.26:3478"),
                    local: Some(endpoint("192.168.1.20:41641")),
                    mapped: Some(endpoint("81.2.69.142:41641")),
                    rewritten: None,
                    other_address: None,
                    response_origin: None,
                    software: None,
                    error_code: None,
                    problems: vec!["XOR-MAPPED-ADDRESS differs from MAPPED-ADDRESS 81.2.69.142:41642".to_owned()],
                }),
            ),
            heard(
                2,
                Outcome::Failed(Failure::new(
                    Stage::Connect,
                    Cause::Os { message: "connect to 45.77.1.9:443 (relay.acme.example.net) failed".to_owned() },
                )),
            ),
        ],
        ended_at: Moment::after_start(micros(1_432_100)),
    };
    let inputs = json!({
        "map": { "Regions": { "901": { "RegionID": 901, "RegionCode": "acme", "RegionName": "Acme HQ", "Nodes": [
            { "Name": "acme-1", "RegionID": 901, "HostName": "relay.acme.example.net", "IPv4": "45.77.1.9" }
        ] } } },
        "host": { "interfaces": [ { "name": "wg-acme", "index": 2, "addresses": ["192.168.1.20", "fe80::1c2b"] } ],
                  "gateways": [ { "address": "192.168.1.1", "interface": "wg-acme" } ],
                  "resolvers": ["192.168.1.1"], "proxy": { "https": "http://proxy.acme.example.net:3128" } },
    });
    Report { saved: Some(Saved { inputs, record }), ..healthy() }
}

fn no_answer(copies: u32, waited_ms: u64) -> Failure {
    Failure::new(Stage::Stun, Cause::NoAnswer { copies, waited: Duration::from_millis(waited_ms) })
}
