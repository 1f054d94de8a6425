//! The way from HTTP to DERP.

use super::Chart;
use crate::check::doctor::exam::What;
use crate::check::doctor::wish::{ALPN_1, ALPN_BOTH};
use crate::probe::{Cause, DerpStart, Failure, HttpReply, HttpRequest, RelayAnswer, Stage};
use crate::report::{DoctorWhy, Layer, LayerState, RelayFault};

/// What derper says to a request for `/derp` without an upgrade, and headscale after it.
const WANTS_UPGRADE: &str = "DERP requires connection upgrade";
/// What derper says when it is not to relay.
const DISABLED: &str = "derp server disabled";

/// What web servers say to plain HTTP on a port of theirs that speaks TLS: Go's, nginx, Apache.
const TLS_WANTED: [&str; 3] = [
    "Client sent an HTTP request to an HTTPS server",
    "The plain HTTP request was sent to HTTPS port",
    "speaking plain HTTP to an SSL-enabled server port",
];

/// Headers by which a content-delivery network is known, with what their values hold (empty: anything).
const CDN: [(&str, &str); 7] = [
    ("cf-ray", ""),
    ("server", "cloudflare"),
    ("x-amz-cf-id", ""),
    ("x-served-by", "cache-"),
    ("server", "akamaighost"),
    ("via", "varnish"),
    ("via", "cloudfront"),
];

pub(super) fn look(chart: &mut Chart<'_>) -> LayerState {
    let exam = chart.exam;
    let upgrade = exam.state(&What::Derp(DerpStart::Upgrade));
    let plain = reply(exam.state(&What::Request(HttpRequest::DerpPlain)).answer());
    let check = exam.state(&What::Request(HttpRequest::LatencyCheck));
    chart.facts.server = [plain, reply(check.answer()), reply(upgrade.answer())]
        .into_iter()
        .flatten()
        .find_map(|reply| reply.header("server").map(str::to_owned));
    let Some(answer) = upgrade.answer() else {
        return chart.skip(Layer::Http);
    };
    if answer.http.is_none()
        && let Some(failure) = &answer.ended
        && is_lost(chart, failure)
    {
        return chart.undetermined(Layer::Http, DoctorWhy::Lost { failure: failure.clone() });
    }
    let switched = answer.http.as_ref().is_some_and(|reply| reply.status == 101);
    chart.facts.upgrade = Some(switched);
    let took = answer.http.as_ref().map(|reply| reply.took);
    cdn(chart, [plain, reply(check.answer()), answer.http.as_ref()], switched);
    if switched {
        if let Some(check) = check.answer() {
            latency_check(chart, check);
        }
        port_80(chart);
        return chart.layer(Layer::Http, took);
    }
    let failure = answer.ended.clone().unwrap_or(Failure::new(Stage::Http, Cause::Closed));
    match &answer.http {
        Some(refusal) => refused(chart, refusal, plain, reply(check.answer())),
        None if plain.is_none() && chooses_http_2(chart) => chart.fault(RelayFault::Http2Only),
        None => {
            let others = plain.is_some() || reply(check.answer()).is_some();
            chart.fault(RelayFault::NoHttp { failure, others, tls: exam.patient.tls });
        }
    }
    chart.layer(Layer::Http, took)
}

/// Whether it ended below HTTP, where an earlier connection came through; or by silence that may be a loss; or it could not
/// be asked.
fn is_lost(chart: &Chart<'_>, failure: &Failure) -> bool {
    let upgrade = What::Derp(DerpStart::Upgrade);
    match failure.cause {
        // The handshake's end may say so once HTTP is spoken, as where a client's certificate is wanted.
        Cause::TlsAlert { .. } | Cause::Malformed { .. } => false,
        Cause::TimedOut { .. } => !chart.exam.is_silent_at(&upgrade, Stage::Http),
        Cause::Unsupported { .. } => true,
        _ => failure.stage < Stage::Http,
    }
}

fn reply(answer: Option<&RelayAnswer>) -> Option<&HttpReply> {
    answer?.http.as_ref()
}

/// Something answered the upgrade with another status than 101.
fn refused(chart: &mut Chart<'_>, refusal: &HttpReply, plain: Option<&HttpReply>, check: Option<&HttpReply>) {
    let owned = |name: &str| refusal.header(name).map(str::to_owned);
    let (status, location, server) = (refusal.status, owned("location"), owned("server"));
    let socket = chart.exam.state(&What::Request(HttpRequest::DerpWebSocket));
    let socket_works =
        socket.whole().and_then(|answer| answer.derp.as_ref()).is_some_and(|derp| !derp.server_keys.is_empty());
    chart.facts.websocket = socket.answer().map(|_| socket_works);
    if socket_works {
        chart.fault(RelayFault::WebSocketOnly { status, server });
        return;
    }
    let wants_upgrade = |reply: &HttpReply| reply.status == 426 && reply.body.contains(WANTS_UPGRADE);
    let disabled = refusal.body.contains(DISABLED);
    // derper's answer to the latency check: empty, and for every origin.
    let is_check = |reply: &HttpReply| {
        reply.status == 200 && reply.body.is_empty() && reply.header("access-control-allow-origin") == Some("*")
    };
    let relay_seen = plain.is_some_and(wants_upgrade) || wants_upgrade(refusal) || check.is_some_and(is_check);
    // An error that only somebody in between makes.
    let of_a_proxy = matches!(status, 500..=599);
    let wants_tls = !chart.exam.patient.tls && TLS_WANTED.iter().any(|said| refusal.body.contains(said));
    if disabled || wants_tls || !(relay_seen || of_a_proxy) {
        chart.fault(RelayFault::NotDerp { status, location, server, disabled, wants_tls });
    } else {
        let host = chart.exam.patient.node.host_name.clone();
        chart.fault(RelayFault::NoUpgrade { status, location, server, relay_seen, host });
    }
}

/// Whether HTTP/2 is chosen where it is offered, as most servers do, and HTTP/1 is not understood: what comes is something
/// else, or the handshake ends where HTTP/1.1 alone is offered.
fn chooses_http_2(chart: &Chart<'_>) -> bool {
    let exam = chart.exam;
    let chosen = exam.state(&What::Alpn(ALPN_BOTH)).whole().and_then(|answer| answer.tls.as_ref()?.alpn.clone());
    let cause = |what: &What| Some(&exam.state(what).answer()?.ended.as_ref()?.cause);
    let garbled = matches!(cause(&What::Derp(DerpStart::Upgrade)), Some(Cause::Malformed { .. }));
    let refused = matches!(cause(&What::Alpn(ALPN_1)), Some(Cause::TlsAlert { .. }));
    chosen.as_deref() == Some("h2") && (garbled || refused)
}

fn cdn(chart: &mut Chart<'_>, replies: [Option<&HttpReply>; 3], works: bool) {
    let found = replies.into_iter().flatten().find_map(|reply| {
        CDN.iter().find_map(|(name, holds)| {
            let value = reply.header(name)?;
            value.to_ascii_lowercase().contains(holds).then(|| format!("{name}: {value}"))
        })
    });
    if let Some(header) = found {
        chart.fault(RelayFault::Cdn { header, works });
    }
}

/// Clients measure relays by it where UDP is blocked.
fn latency_check(chart: &mut Chart<'_>, answer: &RelayAnswer) {
    match &answer.http {
        Some(reply) if reply.status <= 299 => {}
        Some(reply) => chart.fault(RelayFault::LatencyCheck { status: Some(reply.status) }),
        None if answer.ended.as_ref().is_some_and(is_answer) => chart.fault(RelayFault::LatencyCheck { status: None }),
        // What failed below it, or was silent, may be a loss.
        None => {}
    }
}

/// Whether the way HTTP failed is the other side's doing.
fn is_answer(failure: &Failure) -> bool {
    failure.stage == Stage::Http && !matches!(failure.cause, Cause::TimedOut { .. })
}

fn port_80(chart: &mut Chart<'_>) {
    let Some(answer) = chart.exam.state(&What::Port80).answer() else { return };
    match (&answer.http, &answer.ended) {
        (Some(reply), _) if reply.status == 204 && reply.challenge_echoed => {}
        (Some(reply), _) => chart.fault(RelayFault::Port80 { status: Some(reply.status), failure: None }),
        (None, failure) => chart.fault(RelayFault::Port80 { status: None, failure: failure.clone() }),
    }
}
