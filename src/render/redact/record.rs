use super::pseudonym::Pseudonyms;
use super::relay;
use super::verdict::failure;
use crate::probe::{HttpsTarget, Observation, Outcome, Question, Record, StunReply};

/// Everything asked and heard.
pub(super) fn walk(record: &mut Record, names: &mut Pseudonyms) {
    for launch in &mut record.launches {
        question(&mut launch.probe.question, names);
    }
    for Observation { probe: _, sent_at: _, at: _, outcome: heard } in &mut record.observations {
        outcome(heard, names);
    }
}

fn question(question: &mut Question, names: &mut Pseudonyms) {
    match question {
        Question::Resolve { host, family: _, timeout: _ } => names.host(host),
        Question::Stun { slot: _, server, form: _ } => names.endpoint(server),
        Question::StunStream { slot: _, server, tls, timeout: _ } => {
            names.endpoint(server);
            if let Some(name) = tls {
                names.host(name);
            }
        }
        Question::HttpsLatency { target: to, timeout: _ } => target(to, names),
        Question::Icmp { address, timeout: _ } => names.address(address),
        Question::CaptivePortal { address, host, timeout: _ } => {
            names.endpoint(address);
            names.host(host);
        }
        Question::PortMapping { service: _, gateway, timeout: _ } => names.address(gateway),
        Question::Relay(question) => relay::question(question, names),
    }
}

pub(super) fn target(target: &mut HttpsTarget, names: &mut Pseudonyms) {
    names.host(&mut target.host_name);
    target.address.iter_mut().for_each(|address| names.address(address));
    // A pin or a DNS name.
    if target.cert_name.contains(':') {
        names.text(&mut target.cert_name);
    } else {
        names.host(&mut target.cert_name);
    }
}

fn outcome(outcome: &mut Outcome, names: &mut Pseudonyms) {
    match outcome {
        Outcome::Stun(reply) | Outcome::StunDuplicate(reply) => stun(reply, names),
        Outcome::CameBack { slot: _, from } => names.endpoint(from),
        Outcome::Stray { slot: _, from, problem } => {
            names.endpoint(from);
            names.text(problem);
        }
        Outcome::Resolved(answer) => answer.addresses.iter_mut().for_each(|address| names.address(address)),
        Outcome::Https(answer) => {
            names.endpoint(&mut answer.remote);
            answer.via_proxy.iter_mut().for_each(|proxy| names.text(proxy));
            answer.cert_sha256.iter_mut().for_each(|hash| *hash = names.hash(hash));
        }
        Outcome::Unfinished { stage: _ } => {}
        Outcome::Icmp(answer) => names.address(&mut answer.from),
        Outcome::Portal(answer) => answer.location.iter_mut().for_each(|location| names.text(location)),
        Outcome::PortMapping(answer) => {
            answer.wan_address.iter_mut().for_each(|address| names.address(address));
            answer.detail.iter_mut().for_each(|detail| names.text(detail));
        }
        Outcome::Relay(answer) => relay::answer(answer, names),
        Outcome::Failed(how) => failure(how, names),
    }
}

fn stun(reply: &mut StunReply, names: &mut Pseudonyms) {
    let StunReply {
        from,
        local,
        mapped,
        rewritten,
        other_address,
        response_origin,
        software,
        help,
        error_code: _,
        problems,
    } = reply;
    names.endpoint(from);
    let helper = help.as_mut().map(|help| &mut help.from);
    let told = [local, mapped, rewritten, other_address, response_origin].into_iter().flatten().chain(helper);
    told.for_each(|endpoint| names.endpoint(endpoint));
    for text in software.iter_mut().chain(problems) {
        names.text(text);
    }
}
