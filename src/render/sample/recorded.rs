use std::time::Duration;

use serde_json::json;

use crate::model::Family;
use crate::probe::{
    Cause, Failure, HttpsTarget, Launch, Moment, Observation, Outcome, PortMappingService, Probe, ProbeId, Question,
    Record, ResolveAnswer, Slot, Stage, StunForm, StunReply, Tape,
};
use crate::report::{Finding, FindingDetail, Report, Saved, SavedCheck, Tunnel, Why};

use super::{endpoint, healthy, ip, known, micros};

/// Everything a map, a server, a router and a portal can put into a report to hurt its reader.
pub(in crate::render) fn hostile() -> Report {
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
pub(in crate::render) fn saved() -> Report {
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
                    local: Some(endpoint("192.168.1.20:41641")),
                    mapped: Some(endpoint("81.2.69.142:41641")),
                    problems: vec!["XOR-MAPPED-ADDRESS differs from MAPPED-ADDRESS 81.2.69.142:41642".to_owned()],
                    ..StunReply::bare(endpoint("167.172.182.26:3478"))
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
    let further = SavedCheck {
        check: "lifetime".to_owned(),
        inputs: json!({ "family": "v4", "servers": [["167.172.182.26:3478", null]], "limit_ms": 660_000.0 }),
        tape: Tape { idle: vec![Moment::after_start(micros(1_500))], ..Tape::of(record.clone()) },
    };
    Report { saved: Some(Saved { inputs, record, further: vec![further] }), ..healthy() }
}
