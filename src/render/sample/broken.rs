use std::time::Duration;

use crate::model::{Difficulty, Family, Filtering, Level, Mapping, NatType, PortAllocation, RegionId};
use crate::probe::{Cause, CertificateFault, Failure, PortMappingService, ProbeId, Stage};
use crate::report::{
    Command, Confidence, FamilyReport, Finding, FindingDetail, LatencyMethod, Netcheck, PathReport, PortMappingReport,
    RegionReport, Report, RouterReport, Verdict, Why,
};

use super::{endpoint, healthy, ip, known, micros, nat, no_answer, region, silent_family, started_at};

/// A company network: no UDP, HTTPS through a proxy, a relay whose certificate the proxy replaces.
pub(in crate::render) fn udp_blocked() -> Report {
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
        netcheck: Some(netcheck),
        nat_v4: Some(nat_v4),
        findings: vec![
            Finding::new(FindingDetail::UdpBlocked),
            Finding::new(FindingDetail::ProxyOnly { proxy: "http://proxy.corp.internal:3128".to_owned() }),
        ],
        ..Report::new(Command::Netcheck, started_at(), micros(4_010_000))
    }
}

/// Two relays whose STUN service is down: one is measured by its relay, the other only answers to ICMP.
pub(in crate::render) fn stun_down() -> Report {
    let refused = || Failure::new(Stage::Stun, Cause::Refused);
    let mut report = super::healthy();
    report.findings.clear();
    for region in report.netcheck.iter_mut().flat_map(|netcheck| &mut netcheck.regions) {
        let (method, relay_answers) = match region.code.as_str() {
            "nyc" => (LatencyMethod::Icmp, false),
            "lhr" => (LatencyMethod::Https, true),
            _ => continue,
        };
        (region.ipv4, region.ipv6, region.loss, region.jitter, region.samples) = (None, None, None, None, 0);
        (region.method, region.relay_answers) = (Some(method), Some(relay_answers));
        region.failure = Some(refused());
        report.findings.push(Finding::new(FindingDetail::StunDown {
            region: region.id,
            code: region.code.clone(),
            method,
            relay_answers: region.relay_answers,
            failure: refused(),
        }));
    }
    report
}

/// A cable that is not plugged in.
pub(in crate::render) fn offline() -> Report {
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
        netcheck: Some(netcheck),
        nat_v4: Some(nat_v4),
        ..Report::new(Command::Netcheck, started_at(), micros(350))
    }
}

/// What `natscope nat` says of a hard NAT with everything measured.
pub(in crate::render) fn hard_nat() -> Report {
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
        ping: None,
        listen: None,
        predict: None,
        redacted: false,
        findings: vec![
            Finding::new(FindingDetail::HardNat),
            Finding::new(FindingDetail::DoubleNat { wan: ip("100.72.3.4") }),
        ],
        ..healthy()
    }
}
