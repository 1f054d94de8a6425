//! STUN, which is UDP, and knows nothing of the relay beside it.

use std::net::{IpAddr, SocketAddr};

use super::Chart;
use crate::check::doctor::exam::Exam;
use crate::model::{Family, is_global};
use crate::probe::{Cause, Failure, Outcome, Stage, StunForm};
use crate::report::{DoctorWhy, Layer, LayerState, RelayFault, StunExam};

const FORMS: [StunForm; 2] = [StunForm::Tailnode, StunForm::Plain];

pub(super) fn look(chart: &mut Chart<'_>) -> LayerState {
    let exam = chart.exam;
    chart.facts.no_stun = exam.patient.node.stun_port.is_none();
    let servers = exam.stun_servers();
    let asked: Vec<SocketAddr> =
        servers.into_iter().filter(|server| exam.stun(*server, StunForm::Tailnode).next().is_some()).collect();
    if asked.is_empty() {
        return chart.skip(Layer::Stun);
    }
    for server in &asked {
        let reply = |form| exam.stun_reply(*server, form);
        let mapped = FORMS.into_iter().find_map(|form| reply(form)?.0.mapped);
        let failure =
            (reply(StunForm::Tailnode).is_none() && is_settled(exam, *server)).then(|| failure(exam, *server));
        chart.facts.stun.push(StunExam {
            server: *server,
            tailnode: reply(StunForm::Tailnode).map(|(_, took, _)| took),
            plain: reply(StunForm::Plain).map(|(_, took, _)| took),
            mapped,
            failure,
        });
    }
    let exams = chart.facts.stun.clone();
    let works = |stun: &StunExam| stun.tailnode.is_some();
    let any = exams.iter().any(works);
    let relay_works = [Layer::Http, Layer::Derp]
        .into_iter()
        .all(|layer| chart.layers.iter().any(|exam| exam.layer == layer && exam.state == LayerState::Ok));
    for stun in &exams {
        if let (false, Some(failure)) = (works(stun), &stun.failure) {
            let failure = failure.clone();
            let (server, family) = (stun.server, Family::of(stun.server.ip()));
            if any {
                // Over a family that TCP gets through: else it is this host's way that is missing.
                let reached = chart.facts.addresses.iter().any(|it| it.address == server.ip() && it.tcp.is_ok());
                // What a proxy reaches says nothing of this host's own way.
                if reached && chart.facts.via_proxy.is_none() {
                    chart.fault(RelayFault::NoStunOver { family, server, failure });
                }
            } else if !(lacks_route(exam, family) && failure.cause == Cause::Unreachable) && !is_by_chance(exam, stun) {
                chart.fault(RelayFault::NoStun { server, failure, relay_works, plain: stun.plain.is_some() });
            }
        } else if works(stun) && stun.plain.is_none() {
            chart.fault(RelayFault::TailnodeOnly { server: stun.server });
        }
        if let Some(mapped) = stun.mapped.filter(|mapped| is_odd(exam, stun.server, *mapped)) {
            chart.fault(RelayFault::MappedOdd {
                server: stun.server,
                mapped,
                near: is_near(exam, stun.server, mapped),
            });
        }
        if let Some(from) = from_elsewhere(exam, stun.server) {
            chart.fault(RelayFault::StunFromElsewhere { server: stun.server, from });
        }
    }
    // Of both forms one alone is answered, and packets get lost.
    let by_chance = |stun: &&StunExam| is_by_chance(exam, stun);
    if let Some(failure) = exams.iter().find(by_chance).and_then(|stun| stun.failure.clone()).filter(|_| !any) {
        return chart.undetermined(Layer::Stun, DoctorWhy::Lost { failure });
    }
    let no_way = |stun: &StunExam| {
        let family = Family::of(stun.server.ip());
        let unreachable = stun.failure.as_ref().is_some_and(|failure| failure.cause == Cause::Unreachable);
        (unreachable && lacks_route(exam, family)).then_some(family)
    };
    if let Some(family) = exams.iter().find_map(no_way).filter(|_| exams.iter().all(|stun| no_way(stun).is_some())) {
        return chart.undetermined(Layer::Stun, DoctorWhy::NoRoute { family });
    }
    if !exams.iter().any(|stun| works(stun) || stun.failure.is_some() || stun.plain.is_some()) {
        return chart.skip(Layer::Stun);
    }
    let took = exams.iter().filter_map(|stun| stun.tailnode).min();
    chart.layer(Layer::Stun, took)
}

/// Whether the silence of Tailscale's form may be that of lost packets, since the plain one was answered and packets do get
/// lost. Where neither is answered, twice as many copies were silent.
fn is_by_chance(exam: &Exam<'_>, stun: &StunExam) -> bool {
    let silent = stun.failure.as_ref().is_some_and(|failure| matches!(failure.cause, Cause::NoAnswer { .. }));
    silent && stun.tailnode.is_none() && stun.plain.is_some() && exam.saw_loss()
}

/// Whether silence has lasted long enough, or was broken by a refusal, before the run ended.
fn is_settled(exam: &Exam<'_>, server: SocketAddr) -> bool {
    let entries = || exam.stun(server, StunForm::Tailnode);
    let last = entries().map(|entry| entry.asked_at).max().unwrap_or_default();
    let refused = entries().filter(|entry| entry.failure().is_some()).count() >= 2;
    let all_sent = entries().count() >= super::super::wish::STUN_COPIES.len();
    refused || (all_sent && exam.ended_at.is_none_or(|ended| ended >= last + super::super::wish::STUN_PATIENCE))
}

/// What became of requests that were not answered: a refusal if one was heard, else silence.
fn failure(exam: &Exam<'_>, server: SocketAddr) -> Failure {
    let entries: Vec<_> = exam.stun(server, StunForm::Tailnode).collect();
    let told = entries.iter().find_map(|entry| entry.failure());
    if let Some(failure) = told {
        return failure.clone();
    }
    let copies = u32::try_from(entries.len()).unwrap_or(u32::MAX);
    let first = entries.iter().map(|entry| entry.asked_at).min().unwrap_or_default();
    let last = entries.iter().map(|entry| entry.asked_at).max().unwrap_or_default();
    Failure::new(Stage::Stun, Cause::NoAnswer { copies, waited: last.since(first) + super::super::wish::STUN_PATIENCE })
}

fn lacks_route(exam: &Exam<'_>, family: Family) -> bool {
    let host = &exam.input.host;
    match family {
        Family::V4 => host.route_v4.is_none(),
        Family::V6 => host.route_v6.is_none(),
    }
}

/// Whether a server on the internet saw us at an address that is not of the internet, or at its own: something at its side
/// translates addresses before it.
fn is_odd(exam: &Exam<'_>, server: SocketAddr, mapped: SocketAddr) -> bool {
    // A server of this very host sees it where both are.
    is_global(server.ip()) && (!is_global(mapped.ip()) || (server.ip() == mapped.ip() && !is_ours(exam, server.ip())))
}

/// Whether a server that sees this host there is in its network: at an address of this host or its router, or at the server's
/// own public one. Then the router turned the request back (RFC 4787 section 6), or it never left this host, and strangers may
/// be seen as they are.
fn is_near(exam: &Exam<'_>, server: SocketAddr, mapped: SocketAddr) -> bool {
    let mut gateways = exam.input.host.gateways.iter();
    is_ours(exam, mapped.ip()) || server.ip() == mapped.ip() || gateways.any(|it| it.address == mapped.ip())
}

fn is_ours(exam: &Exam<'_>, address: IpAddr) -> bool {
    exam.input.host.interfaces.iter().any(|interface| interface.addresses.contains(&address))
}

/// Who answered in the place of the server.
fn from_elsewhere(exam: &Exam<'_>, server: SocketAddr) -> Option<SocketAddr> {
    let replies = FORMS.into_iter().flat_map(|form| exam.stun(server, form)).flat_map(|entry| &entry.heard);
    replies
        .filter_map(|heard| match &heard.outcome {
            Outcome::Stun(reply) | Outcome::StunDuplicate(reply) => Some(reply.from),
            _ => None,
        })
        .find(|from| *from != server)
}
