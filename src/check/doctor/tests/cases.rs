//! One fault a case, and the code it has.

use super::play::*;
use crate::check::doctor::DoctorInput;
use crate::model::Pin;
use crate::probe::{
    Cause, DerpStart, Failure, HttpRequest, Outcome, Question, RelayAnswer, RelayAsk, Sni, Stage, StunForm,
};
use crate::report::{LayerState, RelayFault};

/// A relay that does as a healthy one but where `odd` says otherwise.
pub(super) fn odd(input: &DoctorInput, odd: impl Fn(&RelayAsk) -> Option<RelayAnswer>) -> Played {
    play(input, |question, _| world(question, |ask| Some(odd(ask).unwrap_or_else(|| healthy(ask)))))
}

pub(super) fn layers(played: &Played) -> String {
    let letter = |state| match state {
        LayerState::Ok => 'o',
        LayerState::Failed => 'x',
        LayerState::Skipped => '-',
    };
    played.doctor.nodes[0].layers.iter().map(|exam| letter(exam.state)).collect()
}

#[test]
fn an_open_relay_in_order() {
    let played = odd(&input(), |_| None);
    assert_eq!(played.codes(), ["DERP-005"]);
    // map, dns, tcp, tls, http, derp, stun, path
    assert_eq!(layers(&played), "-ooooooo");
    assert!(played.doctor.nodes[0].open_relay.is_true());
    let pin = played.doctor.nodes[0].cert_pin.clone().unwrap();
    assert_eq!(pin, format!("sha256-raw:{}", "5a".repeat(32)));
}

#[test]
fn a_relay_for_its_own_clients_has_nothing_above_a_note() {
    let played = odd(&input(), |ask| match ask {
        RelayAsk::Derp { .. } => Some(broken_off(&[KEY], Cause::NotAdmitted)),
        RelayAsk::DerpExchange => Some(turned_away(&[KEY])),
        _ => None,
    });
    assert_eq!(played.all_codes(), ["DERP-002"]);
    assert!(played.doctor.nodes[0].open_relay.is_false());
    assert_eq!(layers(&played), "-ooooooo");
    // Two connections more are compared: a balancer is noticed also where nobody is let in.
    let balanced = |ask: &RelayAsk| match ask {
        RelayAsk::Derp { .. } => Some(broken_off(&[KEY], Cause::NotAdmitted)),
        RelayAsk::DerpExchange => Some(turned_away(&[KEY, "bb"])),
        _ => None,
    };
    assert_eq!(odd(&input(), balanced).codes(), ["DERP-003"]);
}

#[test]
fn names() {
    let gone = |question: &Question, _| match question {
        Question::Resolve { .. } => Some((millis(20), Outcome::Failed(Failure::new(Stage::Dns, Cause::NoSuchName)))),
        other => world(other, |ask| Some(healthy(ask))),
    };
    let played = play(&input(), gone);
    assert_eq!((played.codes(), layers(&played).as_str()), (vec!["DNS-001"], "-x------"));

    // With an address in the map, the name is only a note.
    let mut pinned = input();
    pinned.patients[0].node.ipv4 = Pin::Address("203.0.113.7".parse().unwrap());
    let played = play(&pinned, gone);
    assert_eq!(played.all_codes(), ["DERP-005", "DNS-001"]);
    assert_eq!(layers(&played), "-ooooooo");

    pinned.patients[0].node.ipv4 = Pin::Address("203.0.113.8".parse().unwrap());
    let played = odd(&pinned, |_| None);
    assert_eq!(played.codes(), ["DNS-002", "DERP-005"]);

    let fake = |question: &Question, _| match question {
        Question::Resolve { family: crate::model::Family::V4, .. } => {
            Some((millis(20), Outcome::Resolved(crate::probe::ResolveAnswer { addresses: vec![ip("198.18.0.9")] })))
        }
        other => world(other, |ask| Some(healthy(ask))),
    };
    assert!(play(&input(), fake).codes().contains(&"DNS-003"));
}

#[test]
fn connections() {
    for cause in [Cause::Refused, Cause::Unreachable, Cause::Reset] {
        let played = odd(&input(), |_| Some(failed(Stage::Connect, cause.clone())));
        assert_eq!((played.codes(), layers(&played).as_str()), (vec!["TCP-001"], "-ox---oo"), "{cause:?}");
    }
    let played = play(&input(), |question, _| world(question, |_| None));
    assert_eq!(played.codes(), ["TCP-001"]);
    let RelayFault::Tcp { stun: true, others: false, .. } = fault(&played) else { panic!("{:?}", played.findings) };

    // One address of two.
    let mut two = input();
    two.patients[0].node.ipv6 = Pin::Address("2001:db8::7".parse().unwrap());
    two.host.route_v6 = Some(ip("2001:db8::2"));
    let v6_refuses = |question: &Question, _| match question {
        Question::Relay(it) if it.target.address == Some(ip("2001:db8::7")) => {
            Some((millis(20), Outcome::Relay(Box::new(failed(Stage::Connect, Cause::Refused)))))
        }
        other => world(other, |ask| Some(healthy(ask))),
    };
    let played = play(&two, v6_refuses);
    assert_eq!(played.codes(), ["TCP-001", "DERP-005"]);
    assert_eq!(layers(&played), "-ooooooo");

    // This host has no IPv6: no fault of the relay's.
    two.host.route_v6 = None;
    let no_route = |question: &Question, _| match question {
        Question::Relay(it) if it.target.address == Some(ip("2001:db8::7")) => {
            Some((millis(1), Outcome::Relay(Box::new(failed(Stage::Connect, Cause::Unreachable)))))
        }
        Question::Stun { server, .. } if server.is_ipv6() => {
            Some((millis(1), Outcome::Failed(Failure::new(Stage::Stun, Cause::Unreachable))))
        }
        other => world(other, |ask| Some(healthy(ask))),
    };
    assert_eq!(play(&two, no_route).codes(), ["DERP-005"]);
}

pub(super) fn fault(played: &Played) -> RelayFault {
    let found = played.findings.iter().find_map(|finding| match &finding.detail {
        crate::report::FindingDetail::Relay(relay) => Some(relay.fault.clone()),
        _ => None,
    });
    found.unwrap()
}

#[test]
fn handshakes() {
    let of = |cause: Cause| {
        move |ask: &RelayAsk| {
            let failed = RelayAnswer { tls: None, ended: Some(Failure::new(Stage::Tls, cause.clone())), ..secured() };
            matches!(ask, RelayAsk::Handshake { .. }).then_some(failed)
        }
    };
    let played = odd(&input(), of(Cause::NotTls));
    assert_eq!((played.codes(), layers(&played).as_str()), (vec!["TLS-001"], "-oox--oo"));
    let RelayFault::PlainHttp { status: Some(426), .. } = fault(&played) else { panic!() };
    assert_eq!(odd(&input(), of(Cause::TlsAlert { alert: "internal_error".into() })).codes(), ["TLS-002"]);
    for cause in [Cause::Reset, Cause::Closed, Cause::TimedOut { after: millis(2400) }] {
        assert_eq!(odd(&input(), of(cause.clone())).codes(), ["TLS-009"], "{cause:?}");
        // Only with the relay's name.
        let filtered = |ask: &RelayAsk| match ask {
            RelayAsk::Handshake { sni: Sni::HostName, .. } => of(cause.clone())(ask),
            _ => None,
        };
        assert_eq!(odd(&input(), filtered).codes(), ["TLS-008"], "{cause:?}");
    }
}

#[test]
fn proxies() {
    let proxy = |status: u16, plain: u16, plain_body: &'static str, socket: bool| {
        move |ask: &RelayAsk| match ask {
            RelayAsk::Derp { start: DerpStart::Upgrade } => Some(refused(status, "")),
            RelayAsk::Http { request: HttpRequest::DerpPlain } => Some(answered(plain, plain_body)),
            RelayAsk::Http { request: HttpRequest::DerpWebSocket } if socket => Some(admitted(&[KEY])),
            RelayAsk::Http { request } if *request != HttpRequest::LatencyCheck => Some(refused(status, "")),
            _ => None,
        }
    };
    let wants = "DERP requires connection upgrade";
    for (status, plain, body, socket, code) in [
        (426, 426, wants, false, "HTTP-002"),
        (400, 426, wants, false, "HTTP-002"),
        (502, 502, "", false, "HTTP-002"),
        (404, 404, "", false, "HTTP-001"),
        (200, 200, "<html>", false, "HTTP-001"),
        (403, 403, "", false, "HTTP-001"),
        (302, 302, "", false, "HTTP-001"),
        (426, 426, wants, true, "HTTP-003"),
    ] {
        let played = odd(&input(), proxy(status, plain, body, socket));
        assert_eq!(played.codes(), [code], "{status} {plain}");
        assert_eq!(layers(&played), "-ooox-oo", "{status}");
    }
    // A status that says nothing, and the latency check of a relay behind it.
    let behind = |ask: &RelayAsk| match ask {
        RelayAsk::Http { request: HttpRequest::LatencyCheck } => {
            let mut answer = answered(200, "");
            if let Some(reply) = &mut answer.http {
                reply.headers.push(("access-control-allow-origin".to_owned(), "*".to_owned()));
            }
            Some(answer)
        }
        other => proxy(404, 404, "", false)(other),
    };
    assert_eq!(odd(&input(), behind).codes(), ["HTTP-002"]);

    let switched_off = |ask: &RelayAsk| match ask {
        RelayAsk::Derp { .. } => Some(refused(404, "derp server disabled")),
        _ => None,
    };
    let RelayFault::NotDerp { disabled: true, .. } = fault(&odd(&input(), switched_off)) else { panic!() };

    let h2 = |ask: &RelayAsk| match ask {
        RelayAsk::Handshake { alpn, .. } if alpn.len() == 2 => {
            let mut answer = secured();
            if let Some(tls) = &mut answer.tls {
                tls.alpn = Some("h2".to_owned());
            }
            Some(answer)
        }
        RelayAsk::Handshake { .. } => None,
        _ => Some(RelayAnswer {
            ended: Some(Failure::new(Stage::Http, Cause::Malformed { problem: "no HTTP".to_owned() })),
            ..secured()
        }),
    };
    assert_eq!(odd(&input(), h2).codes(), ["HTTP-004"]);

    let silent = |ask: &RelayAsk| match ask {
        RelayAsk::Handshake { .. } => None,
        _ => Some(RelayAnswer {
            ended: Some(Failure::new(Stage::Http, Cause::TimedOut { after: millis(2400) })),
            ..secured()
        }),
    };
    assert_eq!(odd(&input(), silent).codes(), ["HTTP-007"]);

    let cdn = |ask: &RelayAsk| {
        let mut answer = proxy(403, 403, "", false)(ask).unwrap_or_else(|| healthy(ask));
        if let Some(reply) = &mut answer.http {
            reply.headers = vec![("server".to_owned(), "cloudflare".to_owned())];
        }
        Some(answer)
    };
    assert_eq!(odd(&input(), cdn).codes(), ["HTTP-001", "HTTP-005"]);

    let no_check = |ask: &RelayAsk| {
        matches!(ask, RelayAsk::Http { request: HttpRequest::LatencyCheck }).then(|| answered(404, ""))
    };
    assert_eq!(odd(&input(), no_check).codes(), ["HTTP-006", "DERP-005"]);
}

#[test]
fn sessions() {
    let derp = |answer: RelayAnswer| move |ask: &RelayAsk| matches!(ask, RelayAsk::Derp { .. }).then(|| answer.clone());
    let garbled = Cause::Malformed { problem: "no magic".to_owned() };
    assert_eq!(odd(&input(), derp(broken_off(&[], garbled))).codes(), ["DERP-001"]);
    assert_eq!(odd(&input(), derp(broken_off(&[KEY], Cause::TimedOut { after: millis(2400) }))).codes(), ["DERP-001"]);
    // Another relay at the second connection.
    let two = |ask: &RelayAsk| matches!(ask, RelayAsk::DerpExchange).then(|| undelivered(&[KEY, "bb"]));
    assert_eq!(odd(&input(), two).codes(), ["DERP-003"]);
    let lost = |ask: &RelayAsk| matches!(ask, RelayAsk::DerpExchange).then(|| undelivered(&[KEY]));
    let played = odd(&input(), lost);
    assert_eq!(played.codes(), ["DERP-004"]);
    assert!(played.doctor.nodes[0].open_relay.value().is_none());

    let mut held = input();
    held.hold = Some(millis(90_000));
    held.budget = millis(120_000);
    let ended = |cause: Cause| {
        move |ask: &RelayAsk| match ask {
            RelayAsk::DerpHold { .. } => {
                let mut answer = broken_off(&[KEY], cause.clone());
                if let Some(derp) = &mut answer.derp {
                    derp.held = Some(millis(60_000));
                }
                Some(answer)
            }
            _ => None,
        }
    };
    assert_eq!(odd(&held, ended(Cause::Closed)).codes(), ["DERP-007", "DERP-005"]);
    for keep_alives in [0, 2] {
        let heard = |ask: &RelayAsk| {
            let mut answer = ended(Cause::Closed)(ask)?;
            if let Some(derp) = &mut answer.derp {
                derp.keep_alives = keep_alives;
            }
            Some(answer)
        };
        let played = odd(&held, heard);
        let RelayFault::NotKept { keep_alives: told, .. } = fault(&played) else { panic!() };
        assert_eq!(told, keep_alives);
    }
    // Our own deadline is no doing of the relay's.
    let late = odd(&held, ended(Cause::TimedOut { after: millis(92_400) }));
    assert_eq!((late.codes(), late.doctor.nodes[0].facts.hold), (vec!["DERP-005"], None));
}

#[test]
fn stun() {
    let played = play(&input(), |question, _| without_stun(question, &[StunForm::Tailnode, StunForm::Plain]));
    assert_eq!((played.codes(), layers(&played).as_str()), (vec!["STUN-001", "DERP-005"], "-oooooxo"));
    let played = play(&input(), |question, _| without_stun(question, &[StunForm::Plain]));
    assert_eq!(played.all_codes(), ["DERP-005", "STUN-002"]);

    let private = |question: &Question, _| match question {
        Question::Stun { server, .. } => Some((millis(20), mapped(*server, "172.17.0.1:4000"))),
        other => world(other, |ask| Some(healthy(ask))),
    };
    assert_eq!(play(&input(), private).codes(), ["DERP-005", "STUN-003"]);
    // Behind one router, it is this host's own address or the router's that a server there sees.
    for seen in ["192.168.1.2:4000", "192.168.1.1:4000", "203.0.113.7:4000"] {
        let mut near = input();
        near.host.interfaces = vec![crate::probe::Interface {
            name: "eth0".to_owned(),
            index: 2,
            mtu: 1500,
            loopback: false,
            point_to_point: false,
            addresses: vec![ip("192.168.1.2")],
        }];
        near.host.gateways = vec![crate::probe::Gateway { address: ip("192.168.1.1"), interface: "eth0".to_owned() }];
        let turned_back = |question: &Question, _| match question {
            Question::Stun { server, .. } => Some((millis(20), mapped(*server, seen))),
            other => world(other, |ask| Some(healthy(ask))),
        };
        // A note, and no warning: strangers may be seen as they are.
        let played = play(&near, turned_back);
        assert_eq!(played.codes(), ["DERP-005"], "{seen}");
        assert!(played.all_codes().contains(&"STUN-003"), "{seen}");
    }

    let mut none = input();
    none.patients[0].node.stun_port = None;
    let played = odd(&none, |_| None);
    assert_eq!((played.codes(), layers(&played).as_str()), (vec!["DERP-005"], "-ooooo-o"));

    let mut only = input();
    only.patients[0].node.stun_only = true;
    let played = odd(&only, |_| None);
    assert_eq!((played.codes(), layers(&played).as_str()), (vec![], "-o----oo"));
    assert!(!played.asked.iter().any(|question| matches!(question, Question::Relay(_))), "it relays nothing");
}
