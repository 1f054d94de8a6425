use crate::model::{Difficulty, Mapping, RegionId};
use crate::probe::PortMappingService;
use crate::report::{
    Command, Finding, FindingDetail, Netcheck, PathReport, PortMappingReport, RegionSkip, Report, RouterReport,
    ServerNote, StunServer, Verdict, Why,
};

use super::{endpoint, family, ip, known, measured, micros, nat, no_answer, region, started_at};

/// A home router with an easy NAT, IPv6, four regions that answer and one that does not.
#[allow(clippy::too_many_lines, reason = "one report, field by field")]
pub(in crate::render) fn healthy() -> Report {
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
        ..Report::new(Command::Netcheck, started_at(), micros(1_432_100))
    }
}
