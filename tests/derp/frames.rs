//! Every frame of the vectors, both ways, whole and cut short.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use natscope::model::{MeshKey, NodePrivate};
use natscope::wire::derp::{
    ClientInfo, Decoder, Frame, GoneReason, Phase, PresenceFlags, ServerInfo, Side, Violation, recv_packet_head,
};
use natscope::wire::nacl::{SharedSecret, disco_public, node_public};
use serde_json::Value;

use crate::vectors::{self, VECTORS, array, hex, key, list, text};

fn bytes(value: &Value) -> Bytes {
    hex(value).into()
}

/// What the vector says the frame is.
fn wanted(vector: &Value) -> Frame {
    let fields = &vector["fields"];
    let number = |name: &str| fields[name].as_u64().unwrap();
    let tail = || bytes(&vector["body_parts"].as_array().unwrap().last().unwrap()["hex"]);
    match vector["type"].as_u64().unwrap() {
        0x01 => Frame::ServerKey(key(&fields["server_pub"])),
        0x02 => Frame::ClientInfo { key: key(&fields["client_pub"]), nonce: array(&fields["nonce"]), sealed: tail() },
        0x03 => Frame::ServerInfo { nonce: array(&fields["nonce"]), sealed: tail() },
        0x04 => Frame::SendPacket { destination: key(&fields["dst"]), payload: bytes(&fields["payload"]) },
        0x05 => Frame::RecvPacket { source: key(&fields["src"]), payload: bytes(&fields["payload"]) },
        0x06 => Frame::KeepAlive,
        0x07 => Frame::NotePreferred(fields["preferred"].as_bool().unwrap()),
        0x08 => {
            Frame::PeerGone { peer: key(&fields["peer"]), reason: GoneReason(u8::try_from(number("reason")).unwrap()) }
        }
        0x09 => Frame::PeerPresent {
            peer: key(&fields["peer"]),
            endpoint: fields["ip"]
                .as_str()
                .map(|ip| (ip.parse::<std::net::IpAddr>().unwrap(), u16::try_from(number("port")).unwrap()).into()),
            flags: PresenceFlags(u8::try_from(number("flags")).unwrap()),
        },
        0x0a => Frame::ForwardPacket {
            source: key(&fields["src"]),
            destination: key(&fields["dst"]),
            payload: bytes(&fields["payload"]),
        },
        0x10 => Frame::WatchConns,
        0x11 => Frame::ClosePeer(key(&fields["peer"])),
        0x12 => Frame::Ping(array(&fields["data"])),
        0x13 => Frame::Pong(array(&fields["data"])),
        0x14 => Frame::Health(text(&fields["problem"]).to_owned()),
        0x15 => Frame::Restarting {
            reconnect_in: Duration::from_millis(number("reconnect_in_ms")),
            try_for: Duration::from_millis(number("try_for_ms")),
        },
        kind => panic!("type {kind} in the vectors"),
    }
}

/// Who reads the frame, and when.
fn reader(vector: &Value) -> (Side, Phase) {
    let side = if text(&vector["direction"]).starts_with("c2s") { Side::FromClient } else { Side::FromServer };
    // "both" is read by clients here, and by relays in a test of its own.
    let phase = if matches!(vector["type"].as_u64(), Some(1 | 2)) { Phase::Handshake } else { Phase::Established };
    (side, phase)
}

fn decode((side, phase): (Side, Phase), bytes: &[u8]) -> Result<Option<Frame>, Violation> {
    let mut decoder = Decoder::new(side, phase, BytesMut::from(bytes));
    let read = decoder.decode();
    if matches!(read, Ok(Some(_))) {
        assert_eq!(decoder.decode(), Ok(None));
        assert!(!decoder.is_amid_frame());
    }
    read
}

#[test]
fn every_frame_is_read_as_the_vectors_say() {
    for vector in list("frames", 35) {
        let frame = hex(&vector["frame_hex"]);
        assert_eq!(decode(reader(vector), &frame), Ok(Some(wanted(vector))), "{}", vector["name"]);
        assert_eq!(frame.len(), 5 + usize::try_from(vector["body_len"].as_u64().unwrap()).unwrap());
        assert_eq!(u64::from(wanted(vector).kind().0), vector["type"].as_u64().unwrap());
    }
    let ping = vectors::named(list("frames", 35), "ping");
    let read = decode((Side::FromClient, Phase::Established), &hex(&ping["frame_hex"]));
    assert_eq!(read, Ok(Some(Frame::Ping([1, 2, 3, 4, 5, 6, 7, 8]))));
}

/// Old and future forms are read and not written: those say the same in fewer or more bytes.
#[test]
fn every_frame_is_written_as_the_vectors_say() {
    let mut odd = Vec::new();
    for vector in list("frames", 35) {
        let mut written = BytesMut::from(&b"before"[..]);
        wanted(vector).encode_whole(&mut written).unwrap();
        if written[6..] != hex(&vector["frame_hex"]) {
            odd.push(text(&vector["name"]));
        }
    }
    assert_eq!(
        odd,
        [
            "server_key_with_future_extra_bytes",
            "peer_gone_legacy_no_reason_b",
            "peer_present_legacy_key_only",
            "peer_present_legacy_key_ipport",
            "ping_with_extra"
        ]
    );
}

#[test]
fn the_head_of_a_packet_and_its_payload_are_its_frame() {
    let vector = vectors::named(list("frames", 35), "recv_packet_from_a");
    let payload = bytes(&vector["fields"]["payload"]);
    let head = recv_packet_head(&vectors::public("client_a"), &payload);
    assert_eq!([&head[..], &payload].concat(), hex(&vector["frame_hex"]));
}

/// A stream may stop anywhere: what is there is no frame yet, or is known to be wrong already.
#[test]
fn every_truncation_is_incomplete() {
    for vector in list("frames", 35) {
        let frame = hex(&vector["frame_hex"]);
        for length in 0..frame.len() {
            assert_eq!(decode(reader(vector), &frame[..length]), Ok(None), "{} cut at {length}", vector["name"]);
        }
    }
    // And a body that is whole but cut short is a violation, or skipped; never a panic.
    for vector in list("frames", 35) {
        let frame = hex(&vector["frame_hex"]);
        for length in 0..frame.len() - 5 {
            let mut cut = frame[..5 + length].to_vec();
            cut[1..5].copy_from_slice(&u32::try_from(length).unwrap().to_be_bytes());
            for side in [Side::FromClient, Side::FromServer] {
                for phase in [Phase::Handshake, Phase::Established] {
                    assert!(!matches!(decode((side, phase), &cut), Ok(None)), "{} cut to {length}", vector["name"]);
                }
            }
        }
    }
}

/// Each reader takes the other direction's frames for unknown ones.
#[test]
fn frames_of_the_other_direction_are_skipped() {
    for vector in list("frames", 35).iter().filter(|vector| vector["direction"] != "both") {
        let side = match reader(vector).0 {
            Side::FromClient => Side::FromServer,
            Side::FromServer => Side::FromClient,
        };
        if vector["name"] == "ping_with_extra" {
            continue;
        }
        let decoded = decode((side, Phase::Established), &hex(&vector["frame_hex"])).unwrap().unwrap();
        let length = u32::try_from(vector["body_len"].as_u64().unwrap()).unwrap();
        let kind = wanted(vector).kind();
        assert_eq!(decoded, Frame::Unknown { kind, length }, "{}", vector["name"]);
    }
}

/// The boxes of the vectors open with the keys of the vectors, say what they should, and are made again byte for byte.
#[test]
fn every_greeting_opens_and_is_sealed_again() {
    let relay = vectors::private("server");
    let mut greetings = 0;
    for vector in list("frames", 35) {
        let (client, nonce, sealed, to_client) = match wanted(vector) {
            Frame::ClientInfo { key, nonce, sealed } => (key, nonce, sealed, false),
            Frame::ServerInfo { nonce, sealed } => (key(&vector["fields"]["client_pub"]), nonce, sealed, true),
            _ => continue,
        };
        greetings += 1;
        let plain = text(&vector["fields"]["plaintext_json"]);
        let secret = SharedSecret::for_nodes(&relay, &client).unwrap();
        assert_eq!(secret.open(&nonce, &sealed).unwrap(), plain.as_bytes());
        assert_eq!(secret.seal(&nonce, plain.as_bytes()), sealed);
        let written = if to_client {
            ServerInfo::decode(plain.as_bytes()).unwrap().encode()
        } else {
            ClientInfo::decode(plain.as_bytes()).unwrap().encode()
        };
        // One implementation writes names nobody reads; all others write what we write.
        if vector["name"] != "client_info_tailscale_rs_a" {
            assert_eq!(String::from_utf8(written).unwrap(), plain);
        }
    }
    assert_eq!(greetings, 9);
}

#[test]
fn keys_are_what_the_vectors_say() {
    let keys = &VECTORS["keys"];
    for who in ["server", "client_a", "client_b"] {
        let private: NodePrivate = text(&keys[who]["private_text"]).parse().unwrap();
        let public = node_public(&private);
        assert_eq!(private, vectors::private(who));
        assert_eq!(private, NodePrivate::generate(*private.as_bytes()), "clamped");
        assert_eq!(private.to_secret_text(), text(&keys[who]["private_text"]));
        assert_eq!(public, vectors::public(who));
        assert_eq!(public.to_string(), text(&keys[who]["public_text"]));
        assert_eq!(public.short(), text(&keys[who]["short_string"]));
        assert_eq!(text(&keys[who]["public_text"]).parse(), Ok(public));
    }
    for who in ["disco_a", "disco_b"] {
        let public = disco_public(&vectors::disco_private(who));
        assert_eq!(public.to_string(), text(&keys[who]["public_text"]));
    }
    assert!(text(&keys["mesh_key_hex"]).parse::<MeshKey>().is_ok());
}
