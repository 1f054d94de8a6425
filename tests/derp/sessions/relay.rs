//! The relay's end.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use natscope::derp::{Admission, Pace, Rate, ServerClose, ServerEvent, ServerSession, SharedPace, Stage};
use natscope::wire::derp::{Frame, FrameKind, Rule, Violation};
use natscope::wire::nacl::CannotOpen;

use super::{ADMISSION, admitted, events, identity, server, written};
use crate::start;
use crate::vectors::{hex, list, named, public, text};

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

#[test]
fn a_relay_gives_each_half_of_a_login_ten_seconds() {
    let now = start();
    let ten = Duration::from_secs(10);
    let mut session = ServerSession::new(now, identity(), BytesMut::new());
    assert_eq!(session.poll_timeout(), Some(now + ten));
    session.handle_written(now);
    assert_eq!(session.poll_timeout(), Some(now + ten), "nothing was taken to be written");
    session.handle_timeout(now + ten);
    let timeout = |stage| [ServerEvent::Closed(ServerClose::Timeout { stage })];
    assert_eq!(events(&mut session, now + ten), timeout(Stage::WritingKey));

    let mut session = ServerSession::new(now, identity(), BytesMut::new());
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
    let pace = Pace { bytes: Some(Rate { per_second: 20_000, burst: 65_568 }), packets: None };
    let mut session = admitted(now, &ADMISSION);
    session.set_pace(now, pace, None);
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

    let mut mesh = admitted(now, &Admission { mesh: true, ..ADMISSION });
    mesh.set_pace(now, pace, None);
    mesh.feed(&packets);
    assert_eq!(events(&mut mesh, now).len(), 100);
}

/// Packets are counted whether they are read one by one or together, and nothing else is.
#[test]
fn packets_have_a_pace_of_their_own() {
    let now = start();
    let pace = Pace { bytes: None, packets: Some(Rate { per_second: 10, burst: 5 }) };
    for together in [false, true] {
        let mut session = admitted(now, &ADMISSION);
        session.set_pace(now, pace, None);
        let mut frames = BytesMut::new();
        for number in 0..20 {
            Frame::NotePreferred(number % 2 == 0).encode_whole(&mut frames).unwrap();
        }
        session.feed(&frames);
        assert_eq!(events(&mut session, now).len(), 20);
        assert!(session.wants_read(now), "they are no packets");
        session.feed(&packets(25, 10));
        let until = now
            + if together {
                let (_, packets) = session.poll_packets(now, &public("client_a")).unwrap();
                assert_eq!(packets.count(), 25, "what has been read is passed on");
                Duration::from_secs(2)
            } else {
                assert_eq!(events(&mut session, now).len(), 6);
                Duration::from_millis(100)
            };
        assert!(!session.wants_read(now));
        assert_eq!(session.poll_timeout(), Some(until));
        session.handle_timeout(until);
        assert!(session.wants_read(until));
        session.set_pace(until, pace, None);
        session.set_pace(until, Pace::default(), None);
        session.feed(&packets(1000, 10));
        let passed = std::iter::from_fn(|| session.poll_packets(until, &public("client_a")));
        assert!(passed.map(|(_, packets)| packets.count()).sum::<usize>() >= 1000, "there is no pace any more");
    }
}

/// All clients share what there is, and one that sends little waits for no more than the last read of the other.
#[test]
fn a_shared_pace_holds_for_all_and_starves_nobody() {
    let began = start();
    let pace = Pace { bytes: Some(Rate { per_second: 100_000, burst: 1000 }), packets: None };
    let shared = Arc::new(SharedPace::new(began, pace));
    let mut sessions = [admitted(began, &ADMISSION), admitted(began, &ADMISSION)];
    for session in &mut sessions {
        session.set_pace(began, Pace::default(), Some(Arc::clone(&shared)));
    }
    let [heavy, light] = &mut sessions;
    let (mut bytes, mut worst, mut pings) = (0, 0, 0);
    for millis in 0..20_000 {
        let now = began + Duration::from_millis(millis);
        for session in [&mut *heavy, &mut *light] {
            session.handle_timeout(now);
        }
        if heavy.wants_read(now) {
            heavy.feed(&packets(16, 1000));
            while let Some((_, packets)) = heavy.poll_packets(now, &public("client_a")) {
                bytes += packets.payload_bytes() + 32 * packets.count();
            }
        }
        // A ping every 100 ms; a read brings those that have come.
        if light.wants_read(now) {
            while 100 * pings <= millis {
                light.feed(&packets(1, 100));
                worst = worst.max(millis - 100 * pings);
                pings += 1;
            }
            while let Some((_, packets)) = light.poll_packets(now, &public("client_b")) {
                bytes += packets.payload_bytes() + 32 * packets.count();
            }
        }
    }
    assert!((1_950_000..=2_050_000).contains(&bytes), "{bytes} bytes in 20 s at 100 kB/s");
    assert!(pings >= 199, "{pings} pings");
    assert!(worst <= 170, "a ping waited {worst} ms, and a read of the other takes 165");
}

/// So many packets with so many bytes each.
fn packets(count: usize, bytes: usize) -> BytesMut {
    let mut frames = BytesMut::new();
    for _ in 0..count {
        let payload = Bytes::from(vec![0; bytes]);
        Frame::SendPacket { destination: public("client_b"), payload }.encode_whole(&mut frames).unwrap();
    }
    frames
}

#[test]
fn a_client_that_leaves_within_a_frame_is_cut_off() {
    let now = start();
    let mut session = admitted(now, &ADMISSION);
    session.handle_read(0);
    assert_eq!(events(&mut session, now), [ServerEvent::Closed(ServerClose::Left)]);
    let mut session = admitted(now, &ADMISSION);
    session.feed(&[7, 0, 0, 0, 1, 1, 4, 0]);
    session.handle_read(0);
    assert_eq!(events(&mut session, now), [ServerEvent::Preferred(true), ServerEvent::Closed(ServerClose::Cut)]);
}
