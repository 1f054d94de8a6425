use std::time::Duration;

use super::{endpoint, ip, micros, started_at};
use crate::model::RegionId;
use crate::probe::{Cause, CertificateSeen, Failure, ProbeId, Stage};
use crate::report::{
    AddressExam, Client, ClientReason, ClientView, Command, Confidence, Doctor, DoctorWhy, ExamFacts, Finding,
    FindingDetail, Layer, LayerExam, LayerState, MapNode, NodeExam, RelayFault, RelayFinding, Report, StunExam,
    Verdict, Why,
};

/// A relay that works, and is open to everybody.
pub(in crate::render) fn relay_works() -> Report {
    let node = node("900a", &[], ExamFacts { admitted: Some(true), exchange: Some(micros(41_200)), ..facts() });
    report(vec![node], vec![("900a", RelayFault::OpenRelay)])
}

/// Two relays of a map: one behind a proxy, one with a certificate that nobody knows.
pub(in crate::render) fn relays_broken() -> Report {
    let blocked = ExamFacts { upgrade: Some(false), server: Some("nginx".to_owned()), ..facts() };
    let mut proxied = node("900a", &[Layer::Http], blocked);
    proxied.open_relay = Verdict::unknown(Why::Doctor(DoctorWhy::LayerFailed { layer: Layer::Http }));
    let refused = |client| ClientView { client, accepts: false, because: ClientReason::Refused };
    let mut unknown = facts();
    unknown.clients = vec![refused(Client::Tailscale), refused(Client::TailscaleRs)];
    unknown.stun = vec![StunExam {
        server: endpoint("203.0.113.9:3478"),
        tailnode: None,
        plain: None,
        mapped: None,
        failure: Some(silence()),
    }];
    let mut untrusted = node("900b", &[Layer::Tls, Layer::Stun], unknown);
    untrusted.open_relay =
        Verdict::known(false, Confidence::High, [ProbeId(9)]).because(Why::Doctor(DoctorWhy::KeyRefused));
    let faults = vec![
        (
            "900a",
            RelayFault::NoUpgrade {
                status: 426,
                location: None,
                server: Some("nginx".to_owned()),
                relay_seen: true,
                host: "relay.example.com".to_owned(),
            },
        ),
        (
            "900b",
            RelayFault::Untrusted {
                self_signed: true,
                issuer: "relay.example.com".to_owned(),
                node: MapNode {
                    host: "relay.example.com".to_owned(),
                    derp_port: 8443,
                    stun_port: None,
                    cert_name: Some(format!("sha256-raw:{}", "5a".repeat(32))),
                },
                unpinnable: None,
                insecure: false,
            },
        ),
        (
            "900b",
            RelayFault::NoStun {
                server: endpoint("203.0.113.9:3478"),
                failure: silence(),
                relay_works: true,
                plain: false,
            },
        ),
        ("900b", RelayFault::NotAdmitted),
    ];
    report(vec![proxied, untrusted], faults)
}

fn silence() -> Failure {
    Failure::new(Stage::Stun, Cause::NoAnswer { copies: 5, waited: Duration::from_millis(2300) })
}

fn facts() -> ExamFacts {
    let takes = |client| ClientView { client, accepts: true, because: ClientReason::Chain };
    ExamFacts {
        addresses: vec![AddressExam { address: ip("203.0.113.9"), tcp: Ok(micros(20_100)) }],
        tls_version: Some("1.3".to_owned()),
        certificate: Some(CertificateSeen {
            sha256: "5a".repeat(32),
            common_name: "relay.example.com".to_owned(),
            issuer: "A CA".to_owned(),
            self_issued: false,
            dns_names: vec!["relay.example.com".to_owned()],
            addresses: Vec::new(),
            not_before: 1_790_000_000,
            not_after: 1_797_700_000,
            meta_key: None,
        }),
        certificate_left: Some(Duration::from_secs(23 * 86_400)),
        chain: Some(2),
        clients: vec![takes(Client::Tailscale), takes(Client::TailscaleRs)],
        date_ahead_s: Some(0),
        key: Some("0b".repeat(32)),
        upgrade: Some(true),
        stun: vec![StunExam {
            server: endpoint("203.0.113.9:3478"),
            tailnode: Some(micros(20_400)),
            plain: None,
            mapped: Some(endpoint("198.51.100.7:41641")),
            failure: None,
        }],
        ..ExamFacts::default()
    }
}

fn node(name: &str, failed: &[Layer], facts: ExamFacts) -> NodeExam {
    let mut below = false;
    let exam = |layer: Layer| {
        let state = if failed.contains(&layer) {
            LayerState::Failed
        } else if below && layer < Layer::Stun {
            LayerState::Skipped
        } else {
            LayerState::Ok
        };
        below |= state == LayerState::Failed && layer == Layer::Http;
        LayerExam { layer, state, took: (state == LayerState::Ok).then(|| micros(20_300)) }
    };
    NodeExam {
        name: name.to_owned(),
        region: Some((RegionId(900), "own".to_owned())),
        host: "relay.example.com".to_owned(),
        port: 443,
        tls: true,
        stun_only: false,
        layers: Layer::ALL.into_iter().map(exam).collect(),
        undetermined: Vec::new(),
        open_relay: Verdict::known(true, Confidence::High, [ProbeId(7)])
            .because(Why::Doctor(DoctorWhy::StrangersRelayed)),
        cert_pin: Some(format!("sha256-raw:{}", "5a".repeat(32))),
        facts,
    }
}

fn report(nodes: Vec<NodeExam>, faults: Vec<(&str, RelayFault)>) -> Report {
    let finding = |(node, fault): (&str, RelayFault)| {
        Finding::new(FindingDetail::Relay(Box::new(RelayFinding { node: node.to_owned(), fault })))
    };
    Report {
        doctor: Some(Doctor { target: "own".to_owned(), nodes }),
        findings: faults.into_iter().map(finding).collect(),
        ..Report::new(Command::Doctor, started_at(), micros(391_000))
    }
}
