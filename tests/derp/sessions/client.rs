//! The client's end.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use natscope::derp::{ClientClose, ClientEvent, ClientSession, SendError, Sent};
use natscope::model::NodePrivate;
use natscope::wire::derp::{FrameKind, GoneReason, MAX_PACKET, Rule, ServerInfo, Violation, encode_raw};
use natscope::wire::nacl::{CannotOpen, node_public};

use super::{client, let_in, said, server_info, told};
use crate::start;
use crate::vectors::{hex, list, named, public};

#[test]
fn a_client_tells_all_that_relays_say() {
    let now = start();
    let mut session = let_in(now, &ServerInfo::ordinary());
    let frame = |name| hex(&named(list("frames", 35), name)["frame_hex"]);
    let b = public("client_b");
    for (name, wanted) in [
        ("keep_alive", ClientEvent::KeepAlive),
        ("recv_packet_empty_from_a", ClientEvent::Packet { source: public("client_a"), payload: Bytes::new() }),
        ("peer_gone_not_here_b", ClientEvent::PeerGone { peer: b, reason: GoneReason::NOT_HERE }),
        ("peer_gone_legacy_no_reason_b", ClientEvent::PeerGone { peer: b, reason: GoneReason::DISCONNECTED }),
        ("health_problem", ClientEvent::Health(Some("BAD".into()))),
        ("health_ok", ClientEvent::Health(None)),
        ("pong", ClientEvent::Pong([1, 2, 3, 4, 5, 6, 7, 8])),
        (
            "restarting",
            ClientEvent::Restarting { reconnect_in: Duration::from_millis(1500), try_for: Duration::from_secs(10) },
        ),
        ("send_packet_a_to_b", ClientEvent::Ignored { kind: FrameKind::SEND_PACKET, length: 42 }),
    ] {
        session.feed(&frame(name));
        assert_eq!(told(&mut session, now), [wanted], "{name}");
        assert_eq!(said(&mut session), b"", "{name} wants no answer");
    }
    session.feed(&frame("ping"));
    assert_eq!(told(&mut session, now), [ClientEvent::Pinged([1, 2, 3, 4, 5, 6, 7, 8])]);
    assert_eq!(said(&mut session), frame("pong"));
    assert_eq!(said(&mut session), b"");
    session.ping([1, 2, 3, 4, 5, 6, 7, 8]).unwrap();
    session.note_preferred(false).unwrap();
    assert_eq!(said(&mut session), [frame("ping"), frame("note_preferred_false")].concat());
}

#[test]
fn a_client_is_lenient_to_later_versions_and_not_to_a_megabyte() {
    let now = start();
    let mut session = let_in(now, &ServerInfo::ordinary());
    let mut bytes = BytesMut::new();
    encode_raw(FrameKind(0x77), &vec![7; 70_000], &mut bytes);
    encode_raw(FrameKind::RECV_PACKET, &[7; 31], &mut bytes);
    encode_raw(FrameKind::PONG, &[7; 7], &mut bytes);
    encode_raw(FrameKind::KEEP_ALIVE, &[7; 20], &mut bytes);
    encode_raw(FrameKind::SERVER_KEY, &[7; 40], &mut bytes);
    encode_raw(FrameKind::RECV_PACKET, &vec![7; 1 << 20], &mut bytes);
    session.feed(&bytes);
    let told_now = told(&mut session, now);
    let ignored = |kind, length| ClientEvent::Ignored { kind, length };
    assert_eq!(
        told_now[..3],
        [ignored(FrameKind(0x77), 70_000), ignored(FrameKind::RECV_PACKET, 31), ignored(FrameKind::PONG, 7)]
    );
    assert_eq!(told_now[3..5], [ClientEvent::KeepAlive, ignored(FrameKind::SERVER_KEY, 40)]);
    assert!(matches!(&told_now[5..], [ClientEvent::Packet { payload, .. }] if payload.len() == (1 << 20) - 32));

    session.feed(&[5, 0, 0x10, 0, 1]);
    let rule = Rule::TooLong { most: 1 << 20 };
    let violation = Violation { kind: FrameKind::RECV_PACKET, length: (1 << 20) + 1, rule };
    assert_eq!(told(&mut session, now), [ClientEvent::Closed(ClientClose::Violation(violation))]);
    assert_eq!(session.ping([0; 8]), Err(SendError::Closed));
}

#[test]
fn a_client_takes_no_nonsense_for_a_relays_key() {
    let now = start();
    for (bytes, wanted) in [
        (&b"HTTP/1.1 400"[..], Rule::First { wanted: FrameKind::SERVER_KEY }),
        (&[1, 0, 0, 0, 39], Rule::TooShort { least: 40 }),
        (&[1, 0, 0, 4, 1], Rule::TooLong { most: 1024 }),
        (&[&[1, 0, 0, 0, 40][..], &[1; 40]].concat(), Rule::Magic),
        (&[&[1, 0, 0, 0, 40][..], "DERP🔑".as_bytes(), &[0; 32]].concat(), Rule::ZeroKey),
    ] {
        let mut session = client(now, [0; 24], None, false);
        session.feed(bytes);
        let events = told(&mut session, now);
        assert!(
            matches!(&events[..], [ClientEvent::Closed(ClientClose::Violation(v))] if v.rule == wanted),
            "{events:?}"
        );
    }
    // A key of low order is a key, and no box is made for it.
    let mut session = client(now, [0; 24], None, false);
    let mut weak = [0; 32];
    weak[0] = 1;
    session.feed(&[&[1, 0, 0, 0, 40][..], "DERP🔑".as_bytes(), &weak].concat());
    let events = told(&mut session, now);
    assert!(matches!(&events[..], [ClientEvent::ServerKey(_), ClientEvent::Closed(ClientClose::WeakKey(_))]));
}

#[test]
fn an_end_means_what_came_before_it() {
    let now = start();
    let closed = |session: &mut ClientSession| {
        session.handle_read(0);
        told(session, now).pop()
    };
    let nothing = &mut client(now, [0; 24], None, false);
    assert_eq!(closed(nothing), Some(ClientEvent::Closed(ClientClose::NoKey)));
    let greeted = &mut client(now, [0; 24], None, false);
    greeted.feed(&hex(&named(list("frames", 35), "server_key")["frame_hex"]));
    assert_eq!(closed(greeted), Some(ClientEvent::Closed(ClientClose::Rejected)));
    let fast = &mut client(now, [0; 24], Some(public("server")), false);
    assert_eq!(closed(fast), Some(ClientEvent::Closed(ClientClose::Rejected)));
    let inside = &mut let_in(now, &ServerInfo::ordinary());
    inside.feed(&[6, 0, 0, 0, 0, 6, 0]);
    inside.handle_read(0);
    let end = ClientEvent::Closed(ClientClose::Left);
    assert_eq!(told(inside, now), [ClientEvent::KeepAlive, end], "what was said before the end is told");
}

#[test]
fn another_relays_greeting_does_not_open() {
    let now = start();
    let mut session = client(now, [0; 24], Some(node_public(&NodePrivate::generate([9; 32]))), false);
    session.feed(&server_info(&ServerInfo::ordinary()));
    assert_eq!(told(&mut session, now), [ClientEvent::Closed(ClientClose::CannotOpen(CannotOpen))]);
}

#[test]
fn a_client_gives_a_login_ten_seconds_and_silence_two_minutes() {
    let now = start();
    let mut session = client(now, [0; 24], None, false);
    let login = now + Duration::from_secs(10);
    let just_before = now + Duration::from_nanos(9_999_999_999);
    assert_eq!(session.poll_timeout(), Some(login));
    session.handle_timeout(just_before);
    session.feed(&hex(&named(list("frames", 35), "server_key")["frame_hex"]));
    assert_eq!(told(&mut session, now).len(), 1);
    assert_eq!(session.poll_timeout(), Some(login), "a key is no admission");
    session.handle_timeout(login);
    let timeout = ClientClose::LoginTimeout { after: Duration::from_secs(10) };
    assert_eq!(told(&mut session, login), [ClientEvent::Closed(timeout)]);
    assert_eq!(session.poll_timeout(), None);

    let mut session = let_in(now, &ServerInfo::ordinary());
    assert_eq!(session.poll_timeout(), Some(now + Duration::from_secs(120)));
    let heard = now + Duration::from_secs(100);
    session.feed(&[6, 0, 0, 0, 0, 5, 0]);
    assert_eq!(told(&mut session, heard), [ClientEvent::KeepAlive]);
    let silent = heard + Duration::from_secs(120);
    assert_eq!(session.poll_timeout(), Some(silent));
    session.feed(&[0]);
    assert_eq!(told(&mut session, heard + Duration::from_secs(60)), [], "half a frame is silence");
    session.handle_timeout(silent);
    let silent_for = ClientClose::Silent { after: Duration::from_secs(120) };
    assert_eq!(told(&mut session, silent), [ClientEvent::Closed(silent_for)]);
}

#[test]
fn a_client_drops_what_the_relays_limit_does_not_allow() {
    let now = start();
    let info = ServerInfo { version: 2, bytes_per_second: 1000, burst_bytes: 2000 };
    let mut session = let_in(now, &info);
    let mut send = |after_ms, bytes| {
        session.send(now + Duration::from_millis(after_ms), public("client_b"), vec![0; bytes].into())
    };
    assert_eq!(send(0, 1000 - 37), Ok(Sent::Queued));
    assert_eq!(send(0, 1001 - 37), Ok(Sent::Limited));
    assert_eq!(send(0, 1000 - 37), Ok(Sent::Queued));
    assert_eq!(send(99, 100 - 37), Ok(Sent::Limited));
    assert_eq!(send(100, 100 - 37), Ok(Sent::Queued));
    assert_eq!(said(&mut session).len(), 2100);

    let mut session = let_in(now, &ServerInfo::ordinary());
    let most = vec![0; MAX_PACKET];
    assert_eq!(session.send(now, public("client_b"), most.clone().into()), Ok(Sent::Queued));
    let longer = vec![0; MAX_PACKET + 1].into();
    assert!(matches!(session.send(now, public("client_b"), longer), Err(SendError::TooLong(_))));
    let refused = (0..20).find_map(|_| session.send(now, public("client_b"), most.clone().into()).err());
    assert!(matches!(refused, Some(SendError::Backlog { waiting }) if waiting > 1 << 20));
    said(&mut session);
    assert_eq!(session.send(now, public("client_b"), most.into()), Ok(Sent::Queued));
}
