//! The play: a function answers each question after a while, or never.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::check::doctor::{DoctorInput, DoctorRun, Patient};
use crate::model::{Node, RegionId};
use crate::probe::{
    Cause, CertificateSeen, Check as _, DerpAnswer, DerpStart, Failure, HostFacts, HttpReply, HttpRequest, Moment,
    Observation, Outcome, Probe, Question, RelayAnswer, RelayAsk, ServerGreeting, Stage, StunForm, StunReply,
    TlsAnswer,
};
use crate::report::{Doctor, Finding, Severity};

pub(super) const NOW: i64 = 1_800_000_000;
pub(super) const DAY: i64 = 86_400;
pub(super) const KEY: &str = "aa";

pub(super) fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

pub(super) fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// `relay.example` at 203.0.113.7, over TLS.
pub(super) fn input() -> DoctorInput {
    DoctorInput {
        target: "relay.example".to_owned(),
        patients: vec![Patient {
            name: "https://relay.example".to_owned(),
            region: None,
            node: Node::new("https://relay.example", RegionId(999), "relay.example"),
            tls: true,
            map_is_wrong: false,
        }],
        v4: true,
        v6: true,
        now_unix_s: NOW,
        host: HostFacts { route_v4: Some(ip("192.168.1.2")), ..HostFacts::default() },
        local: None,
        hold: None,
        budget: Duration::from_secs(15),
    }
}

/// A certificate that is in order.
pub(super) fn leaf() -> CertificateSeen {
    CertificateSeen {
        sha256: "5a".repeat(32),
        common_name: "relay.example".to_owned(),
        issuer: "A CA".to_owned(),
        self_issued: false,
        dns_names: vec!["relay.example".to_owned()],
        addresses: Vec::new(),
        not_before: NOW - 30 * DAY,
        not_after: NOW + 60 * DAY,
        meta_key: None,
    }
}

pub(super) fn tls() -> TlsAnswer {
    TlsAnswer {
        took: millis(20),
        version: "1.3".to_owned(),
        alpn: None,
        certificates: vec![leaf()],
        by_map: None,
        by_roots: None,
    }
}

pub(super) fn failed(stage: Stage, cause: Cause) -> RelayAnswer {
    RelayAnswer { ended: Some(Failure::new(stage, cause)), ..RelayAnswer::default() }
}

/// TCP and TLS came about, and nothing else.
pub(super) fn secured() -> RelayAnswer {
    RelayAnswer {
        remote: Some(SocketAddr::new(ip("203.0.113.7"), 443)),
        connect: Some(millis(20)),
        tls: Some(tls()),
        ..RelayAnswer::default()
    }
}

pub(super) fn reply(status: u16, body: &str) -> HttpReply {
    HttpReply {
        took: millis(20),
        status,
        headers: vec![("server".to_owned(), "a server".to_owned())],
        body: body.to_owned(),
        challenge_echoed: false,
        date_ahead_s: Some(0),
    }
}

pub(super) fn answered(status: u16, body: &str) -> RelayAnswer {
    RelayAnswer { http: Some(reply(status, body)), ..secured() }
}

/// The upgrade refused with this status.
pub(super) fn refused(status: u16, body: &str) -> RelayAnswer {
    let ended = Some(Failure::new(Stage::Http, Cause::Status { code: status }));
    RelayAnswer { ended, ..answered(status, body) }
}

pub(super) fn admitted(keys: &[&str]) -> RelayAnswer {
    RelayAnswer {
        derp: Some(DerpAnswer {
            server_keys: keys.iter().map(|key| (*key).to_owned()).collect(),
            key_after: Some(millis(20)),
            admitted: Some(ServerGreeting { after: millis(20), version: 2, bytes_per_second: 0 }),
            ..DerpAnswer::default()
        }),
        ..answered(101, "")
    }
}

/// DERP was begun, and ended so.
pub(super) fn broken_off(keys: &[&str], cause: Cause) -> RelayAnswer {
    let mut answer = admitted(keys);
    if let Some(derp) = &mut answer.derp {
        derp.admitted = None;
    }
    answer.ended = Some(Failure::new(Stage::Derp, cause));
    answer
}

pub(super) fn exchanged(packets: u8) -> RelayAnswer {
    let mut answer = admitted(&[KEY]);
    if let Some(derp) = &mut answer.derp {
        derp.let_in = 2;
        derp.packets = packets;
        derp.exchange = (packets == 2).then_some(millis(40));
    }
    answer.ended = (packets < 2).then_some(Failure::new(Stage::Derp, Cause::TimedOut { after: millis(1500) }));
    answer
}

/// Two keys that were let in, and the connection of one was cut before a packet came.
pub(super) fn undelivered(keys: &[&str]) -> RelayAnswer {
    let mut answer = exchanged(0);
    if let Some(derp) = &mut answer.derp {
        derp.server_keys = keys.iter().map(|key| (*key).to_owned()).collect();
    }
    answer.ended = Some(Failure::new(Stage::Derp, Cause::Closed));
    answer
}

/// Two keys that were turned away.
pub(super) fn turned_away(keys: &[&str]) -> RelayAnswer {
    let mut answer = broken_off(keys, Cause::NotAdmitted);
    if let Some(derp) = &mut answer.derp {
        derp.turned_away = 2;
    }
    answer
}

/// A relay in order, and open to everybody.
pub(super) fn healthy(ask: &RelayAsk) -> RelayAnswer {
    match ask {
        RelayAsk::Handshake { .. } => secured(),
        RelayAsk::Http { request: HttpRequest::DerpPlain } => answered(426, "DERP requires connection upgrade"),
        RelayAsk::Http { .. } => answered(200, ""),
        RelayAsk::Derp { start: DerpStart::WebSocket } => failed(Stage::Http, Cause::Closed),
        RelayAsk::Derp { .. } | RelayAsk::DerpHold { .. } => admitted(&[KEY]),
        RelayAsk::DerpExchange => exchanged(2),
    }
}

pub(super) fn mapped(from: SocketAddr, endpoint: &str) -> Outcome {
    Outcome::Stun(StunReply {
        from,
        local: None,
        mapped: Some(endpoint.parse().unwrap()),
        rewritten: None,
        other_address: None,
        response_origin: None,
        software: None,
        help: None,
        error_code: None,
        problems: Vec::new(),
    })
}

/// What the world answers: after how long, and what. `None`: silence.
pub(super) type Answer = Option<(Duration, Outcome)>;

/// The world around a relay in order, its port played by `relay`.
pub(super) fn world(question: &Question, relay: impl Fn(&RelayAsk) -> Option<RelayAnswer>) -> Answer {
    let after = millis(20);
    match question {
        Question::Resolve { family, .. } => {
            let addresses = if *family == crate::model::Family::V4 { vec![ip("203.0.113.7")] } else { Vec::new() };
            Some((after, Outcome::Resolved(crate::probe::ResolveAnswer { addresses })))
        }
        Question::Stun { server, .. } => Some((after, mapped(*server, "198.51.100.1:4000"))),
        Question::Relay(question) => {
            let silent = || failed(Stage::Connect, Cause::TimedOut { after: question.timeout });
            let answer = relay(&question.ask);
            let took = if answer.is_some() { after * 4 } else { question.timeout };
            Some((took, Outcome::Relay(Box::new(answer.unwrap_or_else(silent)))))
        }
        _ => None,
    }
}

/// Answers everything but STUN of the form.
pub(super) fn without_stun(question: &Question, missing: &[StunForm]) -> Answer {
    match question {
        Question::Stun { form, .. } if missing.contains(form) => None,
        other => world(other, |ask| Some(healthy(ask))),
    }
}

/// What came of a play.
pub(super) struct Played {
    pub(super) doctor: Doctor,
    pub(super) findings: Vec<Finding>,
    pub(super) took: Duration,
    pub(super) asked: Vec<Question>,
}

impl Played {
    /// Codes of what is a warning or worse.
    pub(super) fn codes(&self) -> Vec<&str> {
        let serious = self.findings.iter().filter(|finding| finding.severity > Severity::Info);
        serious.map(Finding::code).collect()
    }

    /// All codes.
    pub(super) fn all_codes(&self) -> Vec<&str> {
        self.findings.iter().map(Finding::code).collect()
    }
}

/// Plays to the end.
pub(super) fn play(input: &DoctorInput, mut answer: impl FnMut(&Question, usize) -> Answer) -> Played {
    let mut run = DoctorRun::new(input);
    let mut now = Moment::START;
    let mut coming: Vec<(Moment, Moment, Probe, Outcome)> = Vec::new();
    let mut asked = Vec::new();
    for _ in 0..100_000 {
        while let Some(probe) = run.poll_probe(now) {
            if let Some((after, outcome)) = answer(&probe.question, asked.len()) {
                coming.push((now + after, now, probe.clone(), outcome));
            }
            asked.push(probe.question);
        }
        if run.is_done() {
            let (doctor, findings) = run.conclude();
            // The same record gives the same report, whoever reads it.
            let record = run.into_record(now);
            assert_eq!(crate::check::doctor::analyze(input, &record), (doctor.clone(), findings.clone()));
            return Played { doctor, findings, took: now.since_start(), asked };
        }
        coming.sort_by_key(|(at, ..)| *at);
        let heard = coming.first().map(|(at, ..)| *at);
        let wake = run.poll_timeout().map(|at| at.max(now + Duration::from_millis(1)));
        match (heard, wake) {
            (Some(at), wake) if wake.is_none_or(|wake| at <= wake) => {
                now = at;
                let (at, sent_at, probe, outcome) = coming.remove(0);
                run.observe(now, Observation { probe: Some(probe.id), sent_at, at, outcome });
            }
            (_, Some(wake)) => now = wake,
            (_, None) => panic!("the run waits for nothing and is not done"),
        }
    }
    panic!("the run does not end");
}
