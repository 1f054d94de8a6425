//! What is not known for sure, and is said to be so.

use std::cell::Cell;
use std::time::Duration;

use super::play::*;
use crate::check::doctor::{DoctorInput, Patient};
use crate::model::{Family, Node, Pin, RegionId};
use crate::probe::{
    Cause, DerpStart, Failure, HttpRequest, Outcome, Question, RelayAnswer, RelayAsk, ResolveAnswer, Sni, Stage,
    StunForm,
};
use crate::report::{DoctorWhy, FindingDetail, Layer, LayerState, RelayFault, Severity};

/// Every copy of a question ends so; a copy with much time only after that time.
fn always(input: &DoctorInput, odd: impl Fn(&RelayAsk, Duration) -> Option<RelayAnswer>) -> Played {
    play(input, |question, _| match question {
        Question::Relay(it) => {
            let Some(answer) = odd(&it.ask, it.timeout) else { return world(question, |ask| Some(healthy(ask))) };
            let silent = matches!(answer.ended, Some(Failure { cause: Cause::TimedOut { .. }, .. }));
            Some((if silent { it.timeout } else { millis(80) }, Outcome::Relay(Box::new(answer))))
        }
        other => world(other, |ask| Some(healthy(ask))),
    })
}

/// As [`always`] for the first `times` copies; the others are those of a relay in order.
fn at_first(times: usize, odd: impl Fn(&RelayAsk) -> Option<RelayAnswer>) -> Played {
    let left = Cell::new(times);
    always(&input(), |ask, _| {
        let answer = odd(ask)?;
        let now = left.get().checked_sub(1)?;
        left.set(now);
        Some(answer)
    })
}

fn why(played: &Played, layer: Layer) -> Option<&DoctorWhy> {
    played.doctor.nodes[0].undetermined(layer)
}

fn at(stage: Stage, cause: Cause) -> RelayAnswer {
    RelayAnswer { ended: Some(Failure::new(stage, cause)), ..secured() }
}

fn silence() -> Cause {
    Cause::TimedOut { after: millis(2400) }
}

fn is_upgrade(ask: &RelayAsk) -> bool {
    *ask == RelayAsk::Derp { start: DerpStart::Upgrade }
}

#[test]
fn a_break_counts_when_it_is_seen_twice() {
    let breaks = [
        at(Stage::Http, Cause::Reset),
        at(Stage::Http, Cause::Closed),
        failed(Stage::Connect, Cause::Refused),
        at(Stage::Tls, Cause::Reset),
        broken_off(&[], Cause::Closed),
    ];
    for answer in &breaks {
        let once = at_first(1, |ask| is_upgrade(ask).then(|| answer.clone()));
        assert_eq!(once.codes(), ["DERP-005"], "{answer:?}");
    }
    let touched = failed(Stage::Connect, Cause::Refused);
    let once = at_first(1, |ask| matches!(ask, RelayAsk::Handshake { .. }).then(|| touched.clone()));
    assert_eq!(once.codes(), ["DERP-005"]);
    let check = |ask: &RelayAsk| {
        matches!(ask, RelayAsk::Http { request: HttpRequest::LatencyCheck }).then(|| at(Stage::Http, Cause::Closed))
    };
    assert_eq!(at_first(1, check).codes(), ["DERP-005"]);
    assert_eq!(at_first(2, check).codes(), ["HTTP-006", "DERP-005"]);
    let lost = |ask: &RelayAsk| matches!(ask, RelayAsk::DerpExchange).then(|| undelivered(&[KEY]));
    assert_eq!(at_first(1, lost).codes(), ["DERP-005"]);
}

#[test]
fn what_ends_below_http_says_nothing_of_it() {
    for answer in [
        failed(Stage::Connect, Cause::Refused),
        failed(Stage::Connect, silence()),
        at(Stage::Tls, Cause::Reset),
        at(Stage::Tls, silence()),
    ] {
        let played = always(&input(), |ask, _| is_upgrade(ask).then(|| answer.clone()));
        assert_eq!(played.codes(), [] as [&str; 0], "{answer:?}");
        let node = &played.doctor.nodes[0];
        assert_eq!((node.layer(Layer::Http), node.layer(Layer::Derp)), (LayerState::Skipped, LayerState::Skipped));
        assert_eq!(why(&played, Layer::Http), Some(&DoctorWhy::Lost { failure: answer.ended.clone().unwrap() }));
        assert!(!node.is_settled() && node.open_relay.value().is_none());
    }
}

/// Silence is waited for once more with much time, and only that makes it the relay's.
#[test]
fn silence_is_told_from_loss() {
    let usual = millis(3000);
    let http =
        |ask: &RelayAsk, timeout: Duration| (is_upgrade(ask) && timeout < usual).then(|| at(Stage::Http, silence()));
    assert_eq!(always(&input(), http).codes(), ["DERP-005"]);
    let handshake = |ask: &RelayAsk, timeout: Duration| {
        let is_touch = matches!(ask, RelayAsk::Handshake { sni: Sni::HostName, alpn } if alpn.is_empty());
        let silent = RelayAnswer { tls: None, ..at(Stage::Tls, silence()) };
        (is_touch && timeout < usual).then_some(silent)
    };
    assert_eq!(always(&input(), handshake).codes(), ["DERP-005"]);
    // The copy with much time does not get as far.
    let lost = |ask: &RelayAsk, timeout: Duration| {
        let answer = if timeout < usual { at(Stage::Http, silence()) } else { failed(Stage::Connect, silence()) };
        is_upgrade(ask).then_some(answer)
    };
    let played = always(&input(), lost);
    assert_eq!(played.codes(), [] as [&str; 0]);
    assert!(matches!(why(&played, Layer::Http), Some(DoctorWhy::Lost { .. })));
    // It is silent as well.
    let silent = always(&input(), |ask, _| is_upgrade(ask).then(|| at(Stage::Http, silence())));
    assert_eq!(silent.codes(), ["HTTP-007"]);
    let RelayFault::NoHttp { others: true, .. } = fault(&silent) else { panic!("{:?}", silent.findings) };
    assert!(silent.took < millis(12_000), "{:?}", silent.took);
    let derp = |key: &'static [&'static str]| {
        move |ask: &RelayAsk, timeout: Duration| {
            (is_upgrade(ask) && timeout < usual).then(|| broken_off(key, silence()))
        }
    };
    for key in [&[][..], &[KEY]] {
        assert_eq!(always(&input(), derp(key)).codes(), ["DERP-005"]);
    }
}

#[test]
fn a_key_is_refused_when_another_one_is_too() {
    let refused = || broken_off(&[KEY], Cause::NotAdmitted);
    // The second try lets both in: the first was cut by somebody else.
    let cut = always(&input(), |ask, _| is_upgrade(ask).then(refused));
    assert_eq!(cut.codes(), ["DERP-005"]);
    assert!(cut.doctor.nodes[0].open_relay.is_true());
    // The second try does not show it.
    let lost = always(&input(), |ask, _| match ask {
        RelayAsk::Derp { .. } => Some(refused()),
        RelayAsk::DerpExchange => Some(failed(Stage::Connect, silence())),
        _ => None,
    });
    assert_eq!(lost.all_codes(), [] as [&str; 0]);
    assert!(matches!(why(&lost, Layer::Derp), Some(DoctorWhy::RefusedOnce { .. })));
    assert!(!lost.doctor.nodes[0].is_settled());
}

#[test]
fn packets_that_are_not_seen_to_be_lost() {
    let exchange = |answer: RelayAnswer| {
        move |ask: &RelayAsk, _: Duration| matches!(ask, RelayAsk::DerpExchange).then(|| answer.clone())
    };
    // One key was in: the other never got as far.
    let mut one = undelivered(&[KEY]);
    one.derp.as_mut().unwrap().let_in = 1;
    // Ours to send, and not sent.
    let mut limited = undelivered(&[KEY]);
    limited.ended = Some(Failure::new(Stage::Derp, Cause::Unsupported { what: "a limit".to_owned() }));
    for answer in [one, limited] {
        let played = always(&input(), exchange(answer.clone()));
        assert_eq!(played.codes(), [] as [&str; 0], "{answer:?}");
        assert!(played.doctor.nodes[0].open_relay.value().is_none());
    }
    // Silence counts when it is all there is.
    assert_eq!(always(&input(), exchange(exchanged(1))).codes(), ["DERP-004"]);
    // And where nothing else got lost: the first touch was silent here, and the second was not.
    let first = Cell::new(true);
    let lossy = always(&input(), |ask, _| match ask {
        RelayAsk::DerpExchange => Some(exchanged(1)),
        RelayAsk::Handshake { sni: Sni::HostName, .. } if first.replace(false) => {
            Some(failed(Stage::Connect, silence()))
        }
        _ => None,
    });
    assert_eq!(lossy.codes(), [] as [&str; 0]);
    assert!(lossy.doctor.nodes[0].open_relay.value().is_none());
    // Relays that know of one another are no fault.
    let mut meshed = exchanged(2);
    meshed.derp.as_mut().unwrap().server_keys.push("bb".to_owned());
    let played = always(&input(), exchange(meshed));
    assert_eq!(played.codes(), ["DERP-005"]);
    let note = played.findings.iter().find(|finding| finding.code() == "DERP-003").unwrap();
    assert_eq!(note.severity, Severity::Info);
}

/// Of two forms of STUN requests one alone is answered: by a server that knows no other, or since the others got lost.
#[test]
fn a_form_of_stun_that_may_have_got_lost() {
    let plain_alone = |lost: usize| {
        let left = Cell::new(lost);
        play(&input(), move |question, _| match question {
            Question::Stun { form: StunForm::Plain, .. } if left.get() > 0 => {
                left.set(left.get() - 1);
                None
            }
            _ => without_stun(question, &[StunForm::Tailnode]),
        })
    };
    assert_eq!(plain_alone(0).codes(), ["STUN-001", "DERP-005"]);
    let lossy = plain_alone(2);
    assert_eq!(lossy.codes(), ["DERP-005"]);
    assert!(matches!(why(&lossy, Layer::Stun), Some(DoctorWhy::Lost { .. })));
    // Neither is answered, in sixteen copies.
    assert_eq!(plain_alone(100).codes(), ["STUN-001", "DERP-005"]);
}

fn fault(played: &Played) -> RelayFault {
    let found = played.findings.iter().find_map(|finding| match &finding.detail {
        FindingDetail::Relay(relay) => Some(relay.fault.clone()),
        _ => None,
    });
    found.unwrap()
}

fn resolved(question: &Question, v4: &Outcome, v6: &Outcome) -> Answer {
    match question {
        Question::Resolve { family: Family::V4, .. } => Some((millis(20), v4.clone())),
        Question::Resolve { .. } => Some((millis(20), v6.clone())),
        other => world(other, |ask| Some(healthy(ask))),
    }
}

#[test]
fn a_resolver_that_fails_says_nothing_of_the_name() {
    let failed = |cause: Cause| Outcome::Failed(Failure::new(Stage::Dns, cause));
    let nothing = || Outcome::Resolved(ResolveAnswer { addresses: Vec::new() });
    for cause in [silence(), Cause::NoResolver, Cause::Resolver { said: "SERVFAIL".to_owned() }] {
        for v6 in [failed(cause.clone()), nothing()] {
            let played = play(&input(), |question, _| resolved(question, &failed(cause.clone()), &v6));
            let RelayFault::NotLookedUp { .. } = fault(&played) else { panic!("{:?}", played.findings) };
            assert_eq!(played.doctor.nodes[0].layer(Layer::Dns), LayerState::Skipped);
            assert!(matches!(why(&played, Layer::Dns), Some(DoctorWhy::NotLookedUp { .. })));
            assert!(!played.doctor.anything_answered());
        }
    }
    // Over one family alone, it is that family's address that is missing.
    let mut one = input();
    one.v6 = false;
    let played = play(&one, |question, _| resolved(question, &nothing(), &nothing()));
    let RelayFault::NoAddress { only: Some(Family::V4), .. } = fault(&played) else { panic!("{:?}", played.findings) };
    let gone = failed(Cause::NoSuchName);
    let played = play(&one, |question, _| resolved(question, &gone, &gone));
    let RelayFault::NoAddress { only: None, .. } = fault(&played) else { panic!("{:?}", played.findings) };
}

#[test]
fn a_proxy_knows_names_that_this_host_does_not() {
    let mut proxied = input();
    proxied.host.proxy.https = Some("proxy.example:3128".to_owned());
    proxied.patients[0].node.stun_port = None;
    let gone = Outcome::Failed(Failure::new(Stage::Dns, Cause::NoSuchName));
    let played = play(&proxied, |question, _| match question {
        Question::Relay(it) => {
            let mut answer = healthy(&it.ask);
            answer.via_proxy = Some("proxy.example:3128".to_owned());
            Some((millis(80), Outcome::Relay(Box::new(answer))))
        }
        other => resolved(other, &gone, &gone),
    });
    assert_eq!(played.codes(), ["DERP-005"]);
    assert_eq!(played.doctor.nodes[0].layer(Layer::Dns), LayerState::Skipped);
    assert!(played.doctor.anything_answered() && played.doctor.nodes[0].is_settled());
}

#[test]
fn a_family_that_this_host_lacks_is_no_fault_of_the_relays() {
    let mut six = input();
    six.patients[0].node.ipv4 = Pin::Disabled;
    six.patients[0].node.ipv6 = Pin::Address("2001:db8::7".parse().unwrap());
    let unreachable = |stage| Failure::new(stage, Cause::Unreachable);
    let played = play(&six, |question, _| match question {
        Question::Stun { .. } => Some((millis(1), Outcome::Failed(unreachable(Stage::Stun)))),
        Question::Relay(_) => {
            Some((millis(1), Outcome::Relay(Box::new(failed(Stage::Connect, unreachable(Stage::Connect).cause)))))
        }
        other => world(other, |_| None),
    });
    assert_eq!(played.codes(), [] as [&str; 0]);
    for layer in [Layer::Tcp, Layer::Stun] {
        assert_eq!(why(&played, layer), Some(&DoctorWhy::NoRoute { family: Family::V6 }));
    }
    assert!(!played.doctor.nodes[0].is_settled());
}

/// Two entries of one host, at different addresses: each is judged by what was heard of its own.
#[test]
fn two_entries_of_one_host() {
    let node = |name: &str, address: &str| {
        let mut node = Node::new(name, RegionId(900), "relay.example");
        node.ipv4 = Pin::Address(address.parse().unwrap());
        node.ipv6 = Pin::Disabled;
        Patient {
            name: name.to_owned(),
            region: Some((RegionId(900), "own".to_owned())),
            node,
            tls: true,
            map_is_wrong: false,
        }
    };
    let mut two = input();
    two.patients = vec![node("900a", "203.0.113.7"), node("900b", "203.0.113.8")];
    let played = play(&two, |question, _| match question {
        Question::Relay(it) if it.target.address == Some(ip("203.0.113.8")) => {
            Some((millis(20), Outcome::Relay(Box::new(failed(Stage::Connect, Cause::Refused)))))
        }
        Question::Stun { server, .. } if server.ip() == ip("203.0.113.8") => None,
        other => world(other, |ask| Some(healthy(ask))),
    });
    let of = |name: &str| -> Vec<&str> {
        let relay = |finding: &&crate::report::Finding| matches!(&finding.detail, FindingDetail::Relay(relay) if relay.node == name);
        played.findings.iter().filter(relay).map(crate::report::Finding::code).collect()
    };
    assert_eq!((of("900a"), of("900b")), (vec!["DERP-005"], vec!["TCP-001", "STUN-001", "DNS-002"]));
}

/// `STUNTestIP` is where STUN is asked, and is none of the relay's addresses.
#[test]
fn stun_is_asked_elsewhere() {
    let mut elsewhere = input();
    elsewhere.patients[0].node.stun_test_ip = Some(ip("203.0.113.99"));
    let played = play(&elsewhere, |question, _| world(question, |ask| Some(healthy(ask))));
    assert_eq!(played.codes(), ["DERP-005"]);
    assert_eq!(played.doctor.nodes[0].layer(Layer::Stun), LayerState::Ok);
}

#[test]
fn a_connection_that_was_to_be_held_and_was_not() {
    let mut held = input();
    held.hold = Some(millis(90_000));
    held.budget = millis(15_000);
    let played = play(&held, |question, _| match question {
        Question::Relay(it) if matches!(it.ask, RelayAsk::DerpHold { .. }) => None,
        other => world(other, |ask| Some(healthy(ask))),
    });
    assert_eq!(played.codes(), ["DERP-005"]);
    assert!(!played.doctor.nodes[0].is_settled(), "it was not held to the end");
}

#[test]
fn http_at_a_port_that_speaks_tls() {
    let mut plain = input();
    plain.patients[0].tls = false;
    for said in [
        "Client sent an HTTP request to an HTTPS server.",
        "<h1>400 Bad Request</h1> The plain HTTP request was sent to HTTPS port",
    ] {
        let played = always(&plain, |ask, _| {
            let mut answer = match ask {
                RelayAsk::Http { .. } => answered(400, said),
                _ => refused(400, said),
            };
            answer.tls = None;
            Some(answer)
        });
        let RelayFault::NotDerp { wants_tls: true, .. } = fault(&played) else { panic!("{:?}", played.findings) };
    }
    // The same status without a sign of a relay is no proxy before one.
    let played = always(&input(), |ask, _| match ask {
        RelayAsk::Http { .. } => Some(answered(400, "")),
        RelayAsk::Derp { .. } => Some(refused(400, "")),
        _ => None,
    });
    assert_eq!(played.codes(), ["HTTP-001"]);
}

/// Nearly every server chooses HTTP/2 where both are offered; that alone is no refusal of HTTP/1.
#[test]
fn choosing_http_2_is_not_speaking_it_alone() {
    let with = |alone: RelayAnswer| {
        always(&input(), move |ask, _| match ask {
            RelayAsk::Handshake { alpn, .. } if alpn.len() == 2 => {
                let mut answer = secured();
                answer.tls.as_mut().unwrap().alpn = Some("h2".to_owned());
                Some(answer)
            }
            RelayAsk::Handshake { alpn, .. } if alpn.len() == 1 => Some(alone.clone()),
            RelayAsk::Handshake { .. } => None,
            _ => Some(at(Stage::Http, Cause::Closed)),
        })
    };
    assert_eq!(with(secured()).codes(), ["HTTP-007"]);
    let alert = Cause::TlsAlert { alert: "no_application_protocol".to_owned() };
    assert_eq!(with(failed(Stage::Tls, alert)).codes(), ["HTTP-004"]);
}
