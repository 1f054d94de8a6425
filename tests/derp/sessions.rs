//! Both ends of a connection: against the dialogues of the vectors, against hostile bytes, against time, and against
//! each other.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use natscope::derp::{
    Admission, ClientClose, ClientConfig, ClientEvent, ClientSession, Rate, RelayIdentity, SendError, Sent,
    ServerClose, ServerEvent, ServerSession, Stage,
};
use natscope::model::{NodePrivate, NodePublic};
use natscope::wire::derp::{
    ClientInfo, Frame, FrameKind, GoneReason, MAX_PACKET, Rule, ServerInfo, Violation, encode_raw,
};
use natscope::wire::nacl::{CannotOpen, Nonce, SharedSecret, node_public};
use natscope::wire::upgrade::{Request, ResponseReader, encode_switching};

use crate::start;
use crate::vectors::{array, hex, list, named, private, public, text};

fn relay() -> Arc<RelayIdentity> {
    Arc::new(RelayIdentity::new(private("server")))
}

fn server(now: Instant) -> ServerSession {
    let mut session = ServerSession::new(now, relay(), BytesMut::new());
    let mut out = BytesMut::new();
    assert!(session.poll_transmit(&mut out));
    assert_eq!(out, hex(&named(list("frames", 35), "server_key")["frame_hex"]));
    session.handle_written(now);
    session
}

const ADMISSION: Admission = Admission {
    mesh: false,
    info: ServerInfo { version: 2, bytes_per_second: 0, burst_bytes: 0 },
    nonce: [1; 24],
    jitter: Duration::from_secs(2),
    rate: None,
};

/// A server session with client A of the vectors admitted.
fn admitted(now: Instant, admission: &Admission) -> ServerSession {
    let mut session = server(now);
    session.feed(&hex(&named(list("frames", 35), "client_info_regular_a")["frame_hex"]));
    let event = session.poll_event(now);
    assert_eq!(event, Some(ServerEvent::Identified { key: public("client_a"), info: ClientInfo::ordinary() }));
    session.admit(now, admission);
    let mut out = BytesMut::new();
    assert!(session.poll_transmit(&mut out));
    assert!(session.is_admitted());
    session
}

fn events(session: &mut ServerSession, now: Instant) -> Vec<ServerEvent> {
    std::iter::from_fn(|| session.poll_event(now)).collect()
}

fn written(session: &mut ServerSession) -> Vec<u8> {
    let mut out = BytesMut::new();
    session.poll_transmit(&mut out);
    out.to_vec()
}

#[test]
fn a_relay_closes_on_what_it_must_close_on() {
    let now = start();
    let kind = |kind, length, rule| ServerClose::Violation(Violation { kind, length, rule });
    let field = |name| ServerClose::Greeting(natscope::wire::derp::InfoError::Field { name });
    for vector in list("server_must_close_on", 20) {
        let mut session = match text(&vector["phase"]) {
            "handshake" => server(now),
            _ => admitted(now, &ADMISSION),
        };
        session.feed(&hex(&vector["frame_hex"]));
        let wanted = match text(&vector["name"]) {
            "first_frame_not_client_info" => {
                kind(FrameKind::SEND_PACKET, 60, Rule::First { wanted: FrameKind::CLIENT_INFO })
            }
            "client_info_55_bytes" => kind(FrameKind::CLIENT_INFO, 55, Rule::TooShort { least: 56 }),
            "client_info_header_262145" => kind(FrameKind::CLIENT_INFO, 262_145, Rule::TooLong { most: 262_144 }),
            "client_info_bad_box" => ServerClose::CannotOpen(CannotOpen),
            "client_info_zero_pub" => kind(FrameKind::CLIENT_INFO, 96, Rule::ZeroKey),
            "client_info_json_empty_plaintext" => ServerClose::Greeting(natscope::wire::derp::InfoError::Json),
            "client_info_json_json_array" => ServerClose::Greeting(natscope::wire::derp::InfoError::Object),
            "client_info_json_version_string" => field("version"),
            name if name.starts_with("client_info_json_meshkey") => field("meshKey"),
            "note_preferred_len0" => kind(FrameKind::NOTE_PREFERRED, 0, Rule::Length { exactly: 1 }),
            "note_preferred_len2" => kind(FrameKind::NOTE_PREFERRED, 2, Rule::Length { exactly: 1 }),
            "ping_7_bytes" => kind(FrameKind::PING, 7, Rule::TooShort { least: 8 }),
            "ping_1001_bytes" => kind(FrameKind::PING, 1001, Rule::TooLong { most: 1000 }),
            "send_packet_31_bytes" => kind(FrameKind::SEND_PACKET, 31, Rule::TooShort { least: 32 }),
            "send_packet_payload_65537_header_and_key" => {
                kind(FrameKind::SEND_PACKET, 65_569, Rule::TooLong { most: 65_568 })
            }
            "watch_conns_without_mesh_key" => ServerClose::MeshOnly { kind: FrameKind::WATCH_CONNS },
            "close_peer_without_mesh_key" => ServerClose::MeshOnly { kind: FrameKind::CLOSE_PEER },
            "forward_packet_without_mesh_key" => ServerClose::MeshOnly { kind: FrameKind::FORWARD_PACKET },
            name => panic!("{name} is new"),
        };
        assert_eq!(events(&mut session, now), [ServerEvent::Closed(wanted)], "{}", vector["name"]);
        assert!(session.is_closed() && !session.wants_read(now));
        assert_eq!(written(&mut session), b"", "there is no goodbye");
    }
}

#[test]
fn a_relay_tolerates_what_it_must_tolerate() {
    let now = start();
    for vector in list("server_must_tolerate", 5) {
        let mut session = admitted(now, &ADMISSION);
        session.feed(&hex(&vector["frame_hex"]));
        let told = events(&mut session, now);
        match text(&vector["name"]) {
            "ping_1000_bytes" => assert_eq!(told, [ServerEvent::Pinged { answered: true }]),
            _ => assert!(matches!(told[..], [ServerEvent::Ignored { .. }]), "{told:?}"),
        }
        session.feed(&hex(&named(list("frames", 35), "note_preferred_true")["frame_hex"]));
        assert_eq!(events(&mut session, now), [ServerEvent::Preferred(true)], "{}", vector["name"]);
    }
}

#[test]
fn a_body_nobody_keeps_may_be_of_any_length_and_takes_no_memory() {
    let now = start();
    let mut session = admitted(now, &ADMISSION);
    session.feed(&[0x77, 0xff, 0xff, 0xff, 0xff]);
    let mut left = u64::from(u32::MAX);
    let chunk = vec![0; 1 << 20];
    while left > 0 {
        let length = left.min(chunk.len() as u64);
        session.feed(&chunk[..usize::try_from(length).unwrap()]);
        left -= length;
        let told = events(&mut session, now);
        let ignored = ServerEvent::Ignored { kind: FrameKind(0x77), length: u32::MAX };
        assert_eq!(told, if left == 0 { vec![ignored] } else { vec![] });
        assert!(session.room().capacity() <= 4 << 20);
    }
}

fn client(now: Instant, nonce: Nonce, relay: Option<NodePublic>, home: bool) -> ClientSession {
    let config = ClientConfig { key: private("client_a"), info: ClientInfo::ordinary(), nonce, home, relay };
    ClientSession::new(now, config, BytesMut::new()).unwrap()
}

fn told(session: &mut ClientSession, now: Instant) -> Vec<ClientEvent> {
    std::iter::from_fn(|| session.poll_event(now)).collect()
}

fn said(session: &mut ClientSession) -> Vec<u8> {
    let mut out = BytesMut::new();
    session.poll_transmit(&mut out);
    out.to_vec()
}

fn client_nonce() -> Nonce {
    array(&named(list("frames", 35), "client_info_regular_a")["fields"]["nonce"])
}

fn server_nonce() -> Nonce {
    array(&named(list("frames", 35), "server_info_for_a")["fields"]["nonce"])
}

const REQUEST: Request<'_> = Request { host: "derp.example.com", port: 443, fast_start: false, ideal_node: None };

/// Our user agent is not a stock client's; all other bytes are.
fn stock(request: &Request<'_>) -> Vec<u8> {
    let text = String::from_utf8(request.encode().unwrap().to_vec()).unwrap();
    let ours = format!("natscope/{}", env!("CARGO_PKG_VERSION"));
    text.replace(&ours, "Go-http-client/1.1").into_bytes()
}

#[test]
fn a_fast_start_is_the_dialogue_of_the_vectors() {
    let now = start();
    let dialogue = named(list("streams", 3), "fast_start_client_a");
    let mut session = client(now, client_nonce(), Some(public("server")), true);
    let request = stock(&Request { fast_start: true, ..REQUEST });
    let ours = [request.clone(), said(&mut session)].concat();
    assert_eq!(ours, hex(&dialogue["client_to_server_hex"]));

    let mut relay = ServerSession::new(now, relay(), BytesMut::from(&ours[request.len()..]));
    let mut theirs = written(&mut relay);
    relay.handle_written(now);
    assert!(matches!(relay.poll_event(now), Some(ServerEvent::Identified { .. })));
    assert_eq!(relay.poll_event(now), None, "nothing more before it is admitted");
    relay.admit(now, &Admission { nonce: server_nonce(), ..ADMISSION });
    theirs.extend(written(&mut relay));
    assert_eq!(relay.poll_event(now), Some(ServerEvent::Preferred(true)));
    assert_eq!(theirs, hex(&dialogue["server_to_client_hex"]));

    session.feed(&theirs);
    let wanted = [ClientEvent::ServerKey(public("server")), ClientEvent::Admitted(ServerInfo::ordinary())];
    assert_eq!(told(&mut session, now), wanted);
    assert!(session.is_admitted());
}

#[test]
fn a_normal_start_is_the_dialogue_of_the_vectors() {
    let now = start();
    let steps = named(list("streams", 3), "normal_start_client_a")["steps"].as_array().unwrap();
    assert_eq!(stock(&REQUEST), hex(&steps[0]["hex"]));

    let mut relay = ServerSession::new(now, relay(), BytesMut::new());
    let answer = [encode_switching(&public("server")).to_vec(), written(&mut relay)].concat();
    assert_eq!(answer, hex(&steps[1]["hex"]));

    let mut reader = ResponseReader::new();
    assert!(reader.feed(&answer).unwrap().unwrap().is_switching());
    let config = ClientConfig {
        key: private("client_a"),
        info: ClientInfo::ordinary(),
        nonce: client_nonce(),
        home: false,
        relay: None,
    };
    let mut session = ClientSession::new(now, config, reader.rest()).unwrap();
    assert_eq!(said(&mut session), b"");
    assert_eq!(session.send(now, public("client_b"), Bytes::new()), Err(SendError::NotYet));
    assert_eq!(told(&mut session, now), [ClientEvent::ServerKey(public("server"))]);
    let greeting = said(&mut session);
    assert_eq!(greeting, hex(&steps[2]["hex"]));

    relay.feed(&greeting);
    assert!(matches!(relay.poll_event(now), Some(ServerEvent::Identified { .. })));
    relay.admit(now, &Admission { nonce: server_nonce(), ..ADMISSION });
    let welcome = written(&mut relay);
    assert_eq!(welcome, hex(&steps[3]["hex"]));
    session.feed(&welcome);
    assert_eq!(told(&mut session, now), [ClientEvent::Admitted(ServerInfo::ordinary())]);
}

#[test]
fn a_packet_goes_in_and_comes_out_as_in_the_vectors() {
    let now = start();
    let steps = named(list("streams", 3), "a_sends_b")["steps"].as_array().unwrap();
    let mut client = client(now, client_nonce(), Some(public("server")), false);
    said(&mut client);
    assert_eq!(client.send(now, public("client_b"), Bytes::from("hello derp")), Ok(Sent::Queued));
    let sent = said(&mut client);
    assert_eq!(sent, hex(&steps[0]["hex"]));
    let mut relay = admitted(now, &ADMISSION);
    relay.feed(&sent);
    let packet = ServerEvent::Packet { destination: public("client_b"), payload: Bytes::from("hello derp") };
    assert_eq!(events(&mut relay, now), [packet]);
    client.feed(&hex(&steps[1]["hex"]));
    let packet = ClientEvent::Packet { source: public("client_a"), payload: Bytes::from("hello derp") };
    assert_eq!(told(&mut client, now), [packet]);
}

/// A client that has been let in.
fn let_in(now: Instant, info: &ServerInfo) -> ClientSession {
    let mut session = client(now, client_nonce(), Some(public("server")), false);
    said(&mut session);
    session.feed(&server_info(info));
    assert_eq!(told(&mut session, now), [ClientEvent::Admitted(*info)]);
    session
}

fn server_info(info: &ServerInfo) -> BytesMut {
    let secret = SharedSecret::for_nodes(&private("server"), &public("client_a")).unwrap();
    let mut frame = BytesMut::new();
    let sealed = secret.seal(&[3; 24], &info.encode()).into();
    Frame::ServerInfo { nonce: [3; 24], sealed }.encode_whole(&mut frame).unwrap();
    frame
}

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

    let mut session = admitted(now, &ADMISSION);
    session.handle_read(0);
    assert_eq!(events(&mut session, now), [ServerEvent::Closed(ServerClose::Left)]);
    let mut session = admitted(now, &ADMISSION);
    session.feed(&[7, 0, 0, 0, 1, 1, 4, 0]);
    session.handle_read(0);
    assert_eq!(events(&mut session, now), [ServerEvent::Preferred(true), ServerEvent::Closed(ServerClose::Cut)]);
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

#[test]
fn a_relay_gives_each_half_of_a_login_ten_seconds() {
    let now = start();
    let ten = Duration::from_secs(10);
    let mut session = ServerSession::new(now, relay(), BytesMut::new());
    assert_eq!(session.poll_timeout(), Some(now + ten));
    session.handle_written(now);
    assert_eq!(session.poll_timeout(), Some(now + ten), "nothing was taken to be written");
    session.handle_timeout(now + ten);
    let timeout = |stage| [ServerEvent::Closed(ServerClose::Timeout { stage })];
    assert_eq!(events(&mut session, now + ten), timeout(Stage::WritingKey));

    let mut session = ServerSession::new(now, relay(), BytesMut::new());
    written(&mut session);
    let later = now + Duration::from_secs(9);
    session.handle_written(later);
    session.handle_written(later + ten);
    assert_eq!(session.poll_timeout(), Some(later + ten), "the second half is fresh, once");
    session.feed(&[2, 0, 0, 0]);
    assert_eq!(events(&mut session, later), []);
    session.handle_timeout(later + ten);
    assert_eq!(events(&mut session, later + ten), timeout(Stage::AwaitingGreeting));
}

#[test]
fn a_refused_client_sees_nothing() {
    let now = start();
    let mut session = server(now);
    let greeting = hex(&named(list("frames", 35), "client_info_regular_a")["frame_hex"]);
    session.feed(&greeting);
    session.feed(&[7, 0, 0, 0, 1, 1]);
    assert!(matches!(session.poll_event(now), Some(ServerEvent::Identified { .. })));
    assert!(!session.wants_read(now));
    assert_eq!(session.poll_timeout(), None, "how long the door may take is its keeper's affair");
    session.refuse();
    assert_eq!(written(&mut session), b"");
    assert_eq!(events(&mut session, now), [ServerEvent::Closed(ServerClose::Refused)]);
    session.admit(now, &ADMISSION);
    assert!(session.is_closed(), "too late");
}

#[test]
fn a_relay_says_it_is_there_strictly_every_period() {
    let now = start();
    let mut session = admitted(now, &ADMISSION);
    let at = |seconds| now + Duration::from_secs(seconds);
    assert_eq!(session.poll_timeout(), Some(at(62)));
    session.handle_timeout(at(61));
    assert_eq!(written(&mut session), b"");
    session.handle_timeout(at(62));
    assert_eq!(written(&mut session), [6, 0, 0, 0, 0]);
    assert_eq!(session.poll_timeout(), Some(at(124)));
    // A machine that slept says it once, and keeps the beat.
    session.handle_timeout(at(400));
    session.handle_timeout(at(500));
    assert_eq!(written(&mut session), [6, 0, 0, 0, 0]);
    assert_eq!(session.poll_timeout(), Some(at(558)));
}

#[test]
fn one_echo_waits_at_a_time() {
    let now = start();
    let mut session = admitted(now, &ADMISSION);
    let mut pings = BytesMut::new();
    for byte in 1..4 {
        Frame::Ping([byte; 8]).encode_whole(&mut pings).unwrap();
    }
    session.feed(&pings);
    let pinged = |answered| ServerEvent::Pinged { answered };
    assert_eq!(events(&mut session, now), [pinged(true), pinged(false), pinged(false)]);
    assert_eq!(written(&mut session), [0x13, 0, 0, 0, 8, 1, 1, 1, 1, 1, 1, 1, 1]);
    session.feed(&pings[..13]);
    assert_eq!(events(&mut session, now), [pinged(true)]);
}

/// A relay of the mesh may do what others may not.
#[test]
fn the_mesh_key_opens_three_more_frames() {
    let now = start();
    let mut session = admitted(now, &Admission { mesh: true, ..ADMISSION });
    let frame = |name| hex(&named(list("frames", 35), name)["frame_hex"]);
    session.feed(&[frame("watch_conns"), frame("close_peer_b"), frame("forward_packet_a_to_b")].concat());
    let (source, destination) = (public("client_a"), public("client_b"));
    assert_eq!(
        events(&mut session, now),
        [
            ServerEvent::Watch,
            ServerEvent::ClosePeer(destination),
            ServerEvent::Forward { source, destination, payload: Bytes::from("hello derp") },
        ]
    );
}

#[test]
fn reading_pauses_when_a_client_is_faster_than_it_may_be() {
    let now = start();
    let rate = Rate { per_second: 20_000, burst: 65_568 };
    let mut session = admitted(now, &Admission { rate: Some(rate), ..ADMISSION });
    let mut packets = BytesMut::new();
    for _ in 0..100 {
        let payload = Bytes::from(vec![0; 1516]);
        Frame::SendPacket { destination: public("client_b"), payload }.encode_whole(&mut packets).unwrap();
    }
    session.feed(&packets);
    let mut at = now;
    let mut got = events(&mut session, at).len();
    assert_eq!(got, 65_568 / 1548 + 1);
    while got < 100 {
        assert!(!session.wants_read(at));
        at = session.poll_timeout().unwrap();
        session.handle_timeout(at);
        let more = events(&mut session, at).len();
        assert!(more > 0, "a timeout that does nothing is a busy loop");
        got += more;
    }
    let wanted = Duration::from_secs_f64(f64::from(99 * 1548 - 65_568) / 20_000.0);
    assert!((at - now).abs_diff(wanted) < Duration::from_millis(1), "{:?}", at - now);

    let mut mesh = admitted(now, &Admission { rate: Some(rate), mesh: true, ..ADMISSION });
    mesh.feed(&packets);
    assert_eq!(events(&mut mesh, now).len(), 100);
}
