//! The TLS session and the certificate.

use std::net::IpAddr;
use std::time::Duration;

use super::Chart;
use crate::check::doctor::clients;
use crate::check::doctor::exam::{OTHER_NAME, What};
use crate::probe::{Cause, CertificateFault, CertificateSeen, Failure, HttpRequest, Sni, Stage, TlsAnswer};
use crate::report::{DoctorWhy, Layer, LayerState, MapNode, RelayFault, Unpinnable};

/// Certificates that are made for so many seconds at most are renewed in their last third; others a month before their end.
const SHORT_LIVED_S: i64 = 10 * 86_400;
/// When an ordinary certificate should have been renewed.
const SOON_S: i64 = 7 * 86_400;
/// When a short-lived one should have been.
const SOON_SHORT_LIVED_S: i64 = 36 * 3600;
/// Clocks further apart than this are worth a word.
const SKEW_S: u64 = 60;

pub(super) fn look(chart: &mut Chart<'_>) -> LayerState {
    let exam = chart.exam;
    if !exam.patient.tls {
        chart.facts.clients = clients::without_tls();
        skew(chart, None);
        return chart.skip(Layer::Tls);
    }
    let Some((_, touched, _)) = exam.primary() else {
        if !exam.touches_are_over() {
            // The run ended before it was known.
            return chart.skip(Layer::Tls);
        }
        return broken(chart);
    };
    let Some(tls) = &touched.tls else { return chart.skip(Layer::Tls) };
    chart.facts.tls_version = Some(tls.version.clone());
    let ordinary: Vec<_> = tls.certificates.iter().filter(|seen| seen.meta_key.is_none()).collect();
    chart.facts.chain = Some(ordinary.len());
    chart.facts.certificate = ordinary.first().map(|seen| (*seen).clone());
    chart.facts.clients = clients::views(exam.patient, tls);
    chart.facts.certificate_left = ordinary.first().and_then(|leaf| {
        let now = exam.input.now_unix_s;
        let left = u64::try_from(leaf.not_after.saturating_sub(now)).ok().filter(|_| leaf.not_before <= now)?;
        Some(Duration::from_secs(left))
    });
    let leaf = ordinary.first().copied();
    let decides = skew(chart, leaf);
    if let Some(leaf) = leaf {
        certificate(chart, tls, leaf, decides);
    }
    let took = tls.took;
    chart.layer(Layer::Tls, Some(took))
}

/// No address came to the end of a handshake.
fn broken(chart: &mut Chart<'_>) -> LayerState {
    let exam = chart.exam;
    let Some((address, failure)) = exam.tls_failure() else {
        // TCP came about in a copy, and not in the one whose end says most.
        let ended = |address| exam.state(&What::Touch(address)).answer()?.ended.clone();
        return match exam.touches().into_iter().find_map(ended) {
            Some(failure) => chart.undetermined(Layer::Tls, DoctorWhy::Lost { failure }),
            None => chart.skip(Layer::Tls),
        };
    };
    let is_silent = matches!(failure.cause, Cause::TimedOut { .. });
    if is_silent && !exam.is_silent_at(&What::Touch(address), Stage::Tls) {
        return chart.undetermined(Layer::Tls, DoctorWhy::Lost { failure });
    }
    no_handshake(chart, address, failure);
    chart.layer(Layer::Tls, None)
}

/// Why a handshake did not come about.
fn no_handshake(chart: &mut Chart<'_>, address: Option<IpAddr>, failure: Failure) {
    let exam = chart.exam;
    let host = exam.patient.node.host_name.clone();
    let named = exam.patient.node.host_address().is_none();
    if failure.cause == Cause::NotTls {
        let status = address
            .and_then(|address| exam.state(&What::PlainOnTls(address)).answer()?.http.as_ref())
            .map(|reply| reply.status);
        if let Some(address) = address {
            let address = std::net::SocketAddr::new(address, exam.patient.node.derp_port);
            chart.fault(RelayFault::PlainHttp { address, status });
            return;
        }
    }
    let h2 = exam.state(&What::Alpn(&["h2"])).whole().is_some();
    if h2 {
        chart.fault(RelayFault::Http2Only);
        // It stands in the way of TLS here, so that is the layer that failed.
        chart.fault(RelayFault::TlsBroken { failure });
        return;
    }
    if named && matches!(failure.cause, Cause::Reset | Cause::Closed | Cause::TimedOut { .. }) {
        let without = exam.state(&What::OtherSni(Sni::Absent)).whole().is_some();
        let other = exam.state(&What::OtherSni(Sni::Name(OTHER_NAME.to_owned()))).whole().is_some();
        if without || other {
            let instead = (!without).then(|| OTHER_NAME.to_owned());
            chart.fault(RelayFault::SniFiltered { sni: host, failure, instead });
            return;
        }
    }
    match failure.cause {
        Cause::TlsAlert { alert } => chart.fault(RelayFault::Alert { alert, sni: named.then_some(host) }),
        _ => chart.fault(RelayFault::TlsBroken { failure }),
    }
}

/// What is wrong with the certificate, by the rules that a client of this node goes by.
fn certificate(chart: &mut Chart<'_>, tls: &TlsAnswer, leaf: &CertificateSeen, clock_decides: bool) {
    let patient = chart.exam.patient;
    let node = &patient.node;
    let now = chart.exam.input.now_unix_s;
    // Whichever of the two clocks is wrong, that is to be looked into first: nothing is known of the certificate's dates.
    let dated = clock_decides || validity(chart, leaf, now);
    let entry = || MapNode {
        host: node.host_name.clone(),
        derp_port: node.derp_port,
        stun_port: node.stun_port,
        cert_name: Some(format!("sha256-raw:{}", leaf.sha256)),
    };
    let names = || {
        let mut names = leaf.dns_names.clone();
        names.extend(leaf.addresses.iter().map(ToString::to_string));
        names
    };
    // Where the map asks for no certificate at all, what strangers would say is worth a note.
    let insecure = node.insecure_for_tests && tls.by_map.is_none();
    let fault = if insecure { &tls.by_roots } else { &tls.by_map };
    match fault {
        Some(CertificateFault::UnknownIssuer) => {
            chart.fault(RelayFault::Untrusted {
                self_signed: leaf.self_issued,
                issuer: leaf.issuer.clone(),
                node: entry(),
                unpinnable: unpinnable(chart, tls, leaf),
                insecure,
            });
        }
        Some(CertificateFault::NameMismatch { expected }) if !insecure => {
            let overlooked = clients::overlooks_name(patient, tls);
            chart.fault(RelayFault::NameMismatch { expected: expected.clone(), names: names(), overlooked });
        }
        Some(CertificateFault::PinMismatch { expected, presented }) => chart.fault(RelayFault::PinMismatch {
            expected: expected.clone(),
            presented: presented.clone(),
            node: entry(),
        }),
        Some(CertificateFault::NotAlone { count }) => chart.fault(RelayFault::NotAlone { count: *count }),
        // The dates have been looked at already; a verifier says so too, and may mean another one of the chain.
        Some(fault @ (CertificateFault::Expired | CertificateFault::NotYetValid)) if !dated && !insecure => {
            chart.fault(other(fault));
        }
        Some(fault @ CertificateFault::Other { .. }) if !insecure => chart.fault(other(fault)),
        Some(_) | None => {}
    }
}

fn other(fault: &CertificateFault) -> RelayFault {
    let failure = Failure::new(Stage::Tls, Cause::Certificate { fault: fault.clone() });
    RelayFault::Certificate { failure }
}

/// Whether the dates of the certificate are at fault.
fn validity(chart: &mut Chart<'_>, leaf: &CertificateSeen, now: i64) -> bool {
    let seconds = |seconds: i64| u64::try_from(seconds).unwrap_or_default();
    if now > leaf.not_after {
        chart.fault(RelayFault::Expired { ago_s: seconds(now.saturating_sub(leaf.not_after)) });
        return true;
    }
    if now < leaf.not_before {
        chart.fault(RelayFault::NotYetValid { in_s: seconds(leaf.not_before.saturating_sub(now)) });
        return true;
    }
    let (left, lifetime) = (leaf.not_after.saturating_sub(now), leaf.not_after.saturating_sub(leaf.not_before));
    let soon = if lifetime <= SHORT_LIVED_S { SOON_SHORT_LIVED_S } else { SOON_S };
    if left < soon {
        chart.fault(RelayFault::ExpiresSoon { in_s: seconds(left), lifetime_s: seconds(lifetime) });
    }
    false
}

/// Why a pin of this certificate would not do.
fn unpinnable(chart: &Chart<'_>, tls: &TlsAnswer, leaf: &CertificateSeen) -> Option<Unpinnable> {
    let node = &chart.exam.patient.node;
    let count = tls.certificates.iter().filter(|seen| seen.meta_key.is_none()).count();
    if count > 1 {
        return Some(Unpinnable::Chain { count });
    }
    // No name is dialled where the host is an address, and so none is looked at.
    let named = node.host_address().is_none();
    if named && !leaf.dns_names.iter().any(|pattern| covers(pattern, &node.host_name)) {
        return Some(Unpinnable::Name { expected: node.host_name.clone() });
    }
    let now = chart.exam.input.now_unix_s;
    (now > leaf.not_after || now < leaf.not_before).then_some(Unpinnable::Dates)
}

/// Whether a DNS name of a certificate is for this host; `*` stands for one whole label, the first (RFC 6125 section 6.4.3).
fn covers(pattern: &str, host: &str) -> bool {
    let [pattern, host] = [pattern, host].map(|name| name.strip_suffix('.').unwrap_or(name));
    match pattern.strip_prefix("*.") {
        None => pattern.eq_ignore_ascii_case(host),
        Some(domain) => host.split_once('.').is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(domain)),
    }
}

/// The server's clock by its `Date`, where it sends one. True if this certificate is valid by that clock and not by this
/// host's.
fn skew(chart: &mut Chart<'_>, leaf: Option<&CertificateSeen>) -> bool {
    let requests = [HttpRequest::LatencyCheck, HttpRequest::DerpPlain, HttpRequest::DerpWebSocket];
    let replies = requests
        .into_iter()
        .filter_map(|request| chart.exam.state(&What::Request(request)).answer()?.http.as_ref()?.date_ahead_s);
    // `Date` has whole seconds and may come from a cache: the smallest difference is the least unfair.
    let Some(ahead) = replies.min_by_key(|ahead| ahead.unsigned_abs()) else { return false };
    chart.facts.date_ahead_s = Some(ahead);
    if ahead.unsigned_abs() <= SKEW_S {
        return false;
    }
    let now = chart.exam.input.now_unix_s;
    let valid_at = |time: i64| leaf.is_some_and(|leaf| (leaf.not_before..=leaf.not_after).contains(&time));
    let decides = leaf.is_some() && !valid_at(now) && valid_at(now.saturating_add(ahead));
    chart.fault(RelayFault::ClockSkew { ahead_s: ahead, decides });
    decides
}
