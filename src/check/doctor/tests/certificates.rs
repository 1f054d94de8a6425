//! Faults of certificates, and of the clocks they are judged by.

use super::cases::{fault, layers, odd};
use super::play::*;
use crate::model::CertName;
use crate::probe::{CertificateFault, CertificateSeen, RelayAsk, TlsAnswer};
use crate::report::{FindingDetail, Layer, LayerState, RelayFault, Severity, Unpinnable};

#[test]
fn certificates() {
    let with = |change: &dyn Fn(&mut TlsAnswer)| {
        let mut changed = tls();
        change(&mut changed);
        move |ask: &RelayAsk| {
            let mut answer = healthy(ask);
            answer.tls = answer.tls.map(|_| changed.clone());
            Some(answer)
        }
    };
    let fault = |fault: CertificateFault| {
        with(&move |tls| {
            tls.by_map = Some(fault.clone());
            tls.by_roots = Some(fault.clone());
        })
    };
    let mismatch = || CertificateFault::NameMismatch { expected: "relay.example".to_owned() };
    // What is behind a bad certificate is looked at all the same, and so is whether it is open.
    assert_eq!(odd(&input(), fault(CertificateFault::UnknownIssuer)).codes(), ["TLS-004", "DERP-005"]);
    assert_eq!(odd(&input(), fault(mismatch())).codes(), ["TLS-003", "DERP-005"]);
    assert_eq!(odd(&input(), fault(CertificateFault::NotAlone { count: 2 })).codes(), ["TLS-005", "DERP-005"]);
    let other = CertificateFault::Other { said: "bad signature".to_owned() };
    assert_eq!(odd(&input(), fault(other)).codes(), ["TLS-010", "DERP-005"]);

    // Dates count whatever a verifier says first.
    for (before, after, severity) in [
        (-90 * DAY, -1, Severity::Error),
        (DAY, 90 * DAY, Severity::Error),
        (-87 * DAY, 3 * DAY, Severity::Warning),
        (-5 * DAY, DAY, Severity::Warning),
    ] {
        let dated = with(&|tls| {
            tls.certificates[0].not_before = NOW + before;
            tls.certificates[0].not_after = NOW + after;
        });
        let played = odd(&input(), dated);
        let finding = played.findings.iter().find(|finding| finding.code() == "TLS-006").unwrap();
        assert_eq!(finding.severity, severity, "{before} {after}");
    }
    // One for six days is as it should be on its third.
    let young = with(&|tls| {
        tls.certificates[0].not_before = NOW - 3 * DAY;
        tls.certificates[0].not_after = NOW + 3 * DAY;
    });
    assert_eq!(odd(&input(), young).codes(), ["DERP-005"]);

    // Tailscale's client does not look at the name of a relay that is named by its address.
    let mut by_address = input();
    by_address.patients[0].node.host_name = "203.0.113.7".to_owned();
    let played = odd(&by_address, fault(mismatch()));
    let finding = played.findings.iter().find(|finding| finding.code() == "TLS-003").unwrap();
    assert_eq!(finding.severity, Severity::Warning);

    // InsecureForTests: clients connect, and are told nothing.
    let mut insecure = input();
    insecure.patients[0].node.insecure_for_tests = true;
    let self_signed = with(&|tls| tls.by_roots = Some(CertificateFault::UnknownIssuer));
    let played = odd(&insecure, self_signed);
    assert_eq!(played.findings.iter().filter(|finding| finding.severity == Severity::Error).count(), 0);
    assert_eq!(played.doctor.nodes[0].layer(Layer::Tls), LayerState::Ok);

    // A pin that matches needs nobody's signature.
    let mut pinned = input();
    pinned.patients[0].node.cert_name = CertName::Sha256Raw("5a".repeat(32));
    let self_signed = with(&|tls| tls.by_roots = Some(CertificateFault::UnknownIssuer));
    assert_eq!(odd(&pinned, self_signed).codes(), ["DERP-005"]);
}

/// A pin is proposed where Tailscale's client would take it, and nowhere else.
#[test]
fn pins_that_would_not_do_are_not_proposed() {
    let unpinnable = |host: &str, change: &dyn Fn(&mut TlsAnswer)| {
        let mut input = input();
        input.patients[0].node.host_name = host.to_owned();
        let mut changed = tls();
        changed.by_map = Some(CertificateFault::UnknownIssuer);
        changed.by_roots = Some(CertificateFault::UnknownIssuer);
        change(&mut changed);
        let played = odd(&input, move |ask| {
            let mut answer = healthy(ask);
            answer.tls = answer.tls.map(|_| changed.clone());
            Some(answer)
        });
        let untrusted = played.findings.iter().find_map(|finding| match &finding.detail {
            FindingDetail::Relay(relay) => match &relay.fault {
                RelayFault::Untrusted { unpinnable, .. } => Some(unpinnable.clone()),
                _ => None,
            },
            _ => None,
        });
        untrusted.unwrap()
    };
    let name = |expected: &str| Some(Unpinnable::Name { expected: expected.to_owned() });
    let names = |names: &'static [&'static str]| {
        move |tls: &mut TlsAnswer| {
            tls.certificates[0].dns_names = names.iter().map(|name| (*name).to_owned()).collect();
        }
    };
    assert_eq!(unpinnable("relay.example", &|_| {}), None);
    assert_eq!(unpinnable("relay.example", &names(&["other.example", "RELAY.example."])), None);
    assert_eq!(unpinnable("relay.example", &names(&["other.example"])), name("relay.example"));
    assert_eq!(unpinnable("relay.example", &names(&[])), name("relay.example"));
    assert_eq!(unpinnable("relay.example", &names(&["*.example"])), None);
    assert_eq!(unpinnable("relay.example", &names(&["*.relay.example", "*.com"])), name("relay.example"));
    // Where no name is dialled, none is looked at.
    assert_eq!(unpinnable("203.0.113.7", &names(&[])), None);
    let chain = |tls: &mut TlsAnswer| tls.certificates.push(tls.certificates[0].clone());
    assert_eq!(unpinnable("relay.example", &chain), Some(Unpinnable::Chain { count: 2 }));
    // A derper's own beside it is none of a chain.
    let meta = |tls: &mut TlsAnswer| {
        tls.certificates.push(CertificateSeen { meta_key: Some("aa".repeat(32)), ..leaf() });
    };
    assert_eq!(unpinnable("relay.example", &meta), None);
    let old = |tls: &mut TlsAnswer| tls.certificates[0].not_after = NOW - DAY;
    assert_eq!(unpinnable("relay.example", &old), Some(Unpinnable::Dates));
}

#[test]
fn clocks() {
    let skewed = |ahead: i64, change: &dyn Fn(&mut TlsAnswer)| {
        let mut changed = tls();
        change(&mut changed);
        move |ask: &RelayAsk| {
            let mut answer = healthy(ask);
            answer.tls = answer.tls.map(|_| changed.clone());
            if let Some(reply) = &mut answer.http {
                reply.date_ahead_s = Some(ahead);
            }
            Some(answer)
        }
    };
    let played = odd(&input(), skewed(-4000, &|_| {}));
    assert_eq!((played.codes(), layers(&played).as_str()), (vec!["TLS-007", "DERP-005"], "-ooooooo"));

    // One of the two clocks is wrong by a year, and the certificate is valid by the relay's: nothing is said of its dates.
    let expired = |tls: &mut TlsAnswer| {
        tls.certificates[0].not_after = NOW - 200 * DAY;
        tls.certificates[0].not_before = NOW - 400 * DAY;
        tls.by_map = Some(CertificateFault::Expired);
        tls.by_roots = Some(CertificateFault::Expired);
    };
    let young = |tls: &mut TlsAnswer| {
        tls.certificates[0].not_before = NOW + 300 * DAY;
        tls.certificates[0].not_after = NOW + 500 * DAY;
        tls.by_map = Some(CertificateFault::NotYetValid);
        tls.by_roots = Some(CertificateFault::NotYetValid);
    };
    for played in [odd(&input(), skewed(-365 * DAY, &expired)), odd(&input(), skewed(365 * DAY, &young))] {
        assert_eq!((played.codes(), layers(&played).as_str()), (vec!["TLS-007", "DERP-005"], "-ooxoooo"));
        let RelayFault::ClockSkew { decides: true, .. } = fault(&played) else { panic!() };
    }
    // Expired by both.
    assert_eq!(odd(&input(), skewed(-4000, &expired)).codes(), ["TLS-006", "TLS-007", "DERP-005"]);
    // Times out of this world are of a file that was meddled with.
    for ahead in [i64::MIN, i64::MAX] {
        let absurd = |tls: &mut TlsAnswer| {
            tls.certificates[0].not_before = i64::MIN;
            tls.certificates[0].not_after = if ahead == i64::MIN { i64::MAX } else { i64::MIN };
        };
        assert!(odd(&input(), skewed(ahead, &absurd)).codes().contains(&"TLS-007"));
    }
}
