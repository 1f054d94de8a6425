//! Whether a captive portal answers for everybody.

use std::net::IpAddr;

use super::evidence::{Evidence, OtherTry};
use super::reach::some_of;
use crate::check::netcheck::plan::portal_addresses;
use crate::model::{Family, is_global};
use crate::probe::{Outcome, PortalAnswer, ProbeId, Question};
use crate::report::{Confidence, Verdict, Why};

/// Whether a captive portal is in the way.
pub(super) fn captive_portal(evidence: &Evidence<'_>) -> Verdict<bool> {
    // A portal lets no UDP through but DNS, and cannot fake a certificate. What is this side of it proves nothing.
    let beyond = |address: IpAddr| is_global(address);
    let udp =
        evidence.stun.iter().find(|copy| copy.reply.is_some() && copy.server.port() != 53 && beyond(copy.server.ip()));
    if let Some(copy) = udp {
        return Verdict::known(false, Confidence::High, [copy.probe]).because(Why::UdpWorks);
    }
    let verified = |request: &&super::evidence::HttpsTry<'_>| {
        request.success().is_some_and(|answer| answer.via_proxy.is_none())
            && !request.target.insecure_for_tests
            && request.target.address.is_none_or(beyond)
    };
    if let Some(request) = evidence.https.iter().find(verified) {
        return Verdict::known(false, Confidence::High, [request.probe]).because(Why::TlsVerified);
    }
    if !evidence.input.options.captive_portal {
        return Verdict::unknown(Why::LeftOut { flag: "--no-captive-portal" });
    }
    portal_answers(evidence)
}

/// Whether this is the redirect web servers make of every plain request: to HTTPS at the same host. A portal sends
/// elsewhere, to itself.
fn is_upgrade(location: Option<&str>, host: &str) -> bool {
    let Some((scheme, rest)) = location.and_then(|location| location.split_once("://")) else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let bare = |authority: &str| {
        let bracketed = authority.strip_prefix('[').and_then(|rest| Some(rest.split_once(']')?.0.to_owned()));
        bracketed.unwrap_or_else(|| authority.split(':').next().unwrap_or_default().to_owned())
    };
    scheme.eq_ignore_ascii_case("https")
        && !authority.contains('@')
        && bare(authority).eq_ignore_ascii_case(host.trim_matches(['[', ']']))
}

fn portal_answers(evidence: &Evidence<'_>) -> Verdict<bool> {
    let asked: Vec<&OtherTry<'_>> =
        evidence.others().iter().filter(|other| matches!(other.question, Question::CaptivePortal { .. })).collect();
    let answers: Vec<_> = asked
        .iter()
        .filter_map(|other| match other.outcome {
            Some(Outcome::Portal(answer)) => Some((other.probe, answer)),
            _ => None,
        })
        .collect();
    // Its own redirects are known by the host it was asked for, or by the names the map has for its address.
    let hosts = |wanted: ProbeId| {
        let question = asked.iter().find(|other| other.probe == wanted).map(|other| other.question);
        let Some(Question::CaptivePortal { address, host, .. }) = question else { return Vec::new() };
        let nodes = evidence.input.map.regions.values().flat_map(|region| &region.nodes);
        let named = nodes.filter(|node| evidence.relay_address(node, Family::of(address.ip())) == Some(address.ip()));
        named.map(|node| node.host_name.as_str()).chain([host.as_str()]).collect()
    };
    let upgrade = |probe: ProbeId, answer: &PortalAnswer| {
        matches!(answer.status, 301 | 302 | 307 | 308)
            && hosts(probe).into_iter().any(|host| is_upgrade(answer.location.as_deref(), host))
    };
    let probes = || some_of(asked.iter().map(|other| other.probe));
    if let Some((probe, _)) = answers.iter().find(|(_, answer)| answer.status == 204 && answer.challenge_echoed) {
        return Verdict::known(false, Confidence::High, [*probe]).because(Why::ChallengeEchoed);
    }
    // A redirect, a page of its own, or RFC 6585's 511; an error of the relay's own web server is none of these.
    let foreign = answers.iter().find(|(probe, answer)| {
        if upgrade(*probe, answer) {
            return false;
        }
        let page = answer.status == 200 && !answer.body_empty;
        (300..400).contains(&answer.status) || answer.status == 511 || page
    });
    if let Some((probe, answer)) = foreign {
        let confidence = if answers.len() >= 2 { Confidence::High } else { Confidence::Medium };
        return Verdict::known(true, confidence, [*probe])
            .because(Why::PortalAnswered { status: answer.status, location: answer.location.clone() });
    }
    let why = if !answers.is_empty() {
        Why::ChallengeStripped
    } else if asked.is_empty() && !evidence.internet_asked() && evidence.stun.iter().any(|copy| copy.reply.is_some()) {
        Why::ServersNotOnInternet
    } else if asked.is_empty() && !portal_addresses(evidence.input).is_empty() {
        Why::NotAsked
    } else if asked.is_empty() {
        Why::NoPortalEndpoint
    } else {
        Why::PortalSilent
    };
    Verdict::unknown(why).with_evidence(probes())
}
