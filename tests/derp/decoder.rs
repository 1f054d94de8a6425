//! The decoder on streams nobody wrote down: cut anywhere, made of anything.

use bytes::{Bytes, BytesMut};
use natscope::model::NodePublic;
use natscope::wire::derp::{
    Decoder, Frame, FrameKind, GoneReason, MAX_FRAME_TO_CLIENT, MAX_PACKET, Phase, PresenceFlags, Side, Violation,
    encode_raw,
};
use proptest::collection::vec;
use proptest::prelude::*;

fn key() -> impl Strategy<Value = NodePublic> {
    any::<[u8; 32]>().prop_map(NodePublic::from_bytes)
}

/// Mostly small payloads, now and then the largest.
fn payload() -> impl Strategy<Value = Bytes> {
    let length = prop_oneof![20 => 0..200_usize, 3 => 1000..1500_usize, 1 => Just(MAX_PACKET)];
    (length, any::<u8>()).prop_map(|(length, byte)| Bytes::from(vec![byte; length]))
}

/// What a client says after its greeting, as it is written and so as it is read.
fn from_client() -> impl Strategy<Value = Frame> {
    prop_oneof![
        (key(), payload()).prop_map(|(destination, payload)| Frame::SendPacket { destination, payload }),
        (key(), key(), payload()).prop_map(|(source, destination, payload)| Frame::ForwardPacket {
            source,
            destination,
            payload
        }),
        any::<bool>().prop_map(Frame::NotePreferred),
        any::<[u8; 8]>().prop_map(Frame::Ping),
        key().prop_map(Frame::ClosePeer),
        Just(Frame::WatchConns),
        unknown(0x20..),
    ]
}

fn from_server() -> impl Strategy<Value = Frame> {
    prop_oneof![
        (key(), payload()).prop_map(|(source, payload)| Frame::RecvPacket { source, payload }),
        Just(Frame::KeepAlive),
        (key(), any::<u8>()).prop_map(|(peer, reason)| Frame::PeerGone { peer, reason: GoneReason(reason) }),
        (key(), any::<Option<[u8; 4]>>(), any::<u16>(), any::<u8>()).prop_map(|(peer, ip, port, flags)| {
            let ip = ip.filter(|ip| *ip != [0; 4]);
            Frame::PeerPresent { peer, endpoint: ip.map(|ip| (ip, port).into()), flags: PresenceFlags(flags) }
        }),
        any::<[u8; 8]>().prop_map(Frame::Ping),
        any::<[u8; 8]>().prop_map(Frame::Pong),
        ".{0,40}".prop_map(Frame::Health),
        any::<[u32; 2]>().prop_map(|[reconnect_in, try_for]| {
            let millis = |millis: u32| std::time::Duration::from_millis(millis.into());
            Frame::Restarting { reconnect_in: millis(reconnect_in), try_for: millis(try_for) }
        }),
        (any::<[u8; 24]>(), payload()).prop_map(|(nonce, sealed)| Frame::ServerInfo { nonce, sealed }),
        unknown(0x20..),
    ]
}

fn unknown(kinds: std::ops::RangeFrom<u8>) -> impl Strategy<Value = Frame> {
    (kinds, prop_oneof![0..40_u32, 70_000..80_000_u32])
        .prop_map(|(kind, length)| Frame::Unknown { kind: FrameKind(kind), length })
}

fn stream() -> impl Strategy<Value = (Side, Vec<Frame>)> {
    prop_oneof![
        vec(from_client(), 0..12).prop_map(|frames| (Side::FromClient, frames)),
        vec(from_server(), 0..12).prop_map(|frames| (Side::FromServer, frames)),
    ]
}

/// All frames of a stream that comes in these pieces, and how it ends.
fn decode(side: Side, phase: Phase, pieces: &[&[u8]], read_into_room: bool) -> (Vec<Frame>, Option<Violation>) {
    let mut decoder = Decoder::new(side, phase, BytesMut::new());
    let mut frames = Vec::new();
    for piece in pieces {
        if read_into_room {
            decoder.room().extend_from_slice(piece);
            decoder.adapt(piece.len());
        } else {
            decoder.feed(piece);
        }
        loop {
            match decoder.decode() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(violation) => {
                    assert_eq!(decoder.decode(), Err(violation), "a violation is for good");
                    return (frames, Some(violation));
                }
            }
        }
        decoder.shrink();
    }
    (frames, None)
}

fn pieces<'a>(mut bytes: &'a [u8], lengths: &[usize]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    for length in lengths.iter().cycle() {
        if bytes.is_empty() || lengths.iter().all(|length| *length == 0) {
            break;
        }
        let (piece, rest) = bytes.split_at((*length).min(bytes.len()));
        pieces.push(piece);
        bytes = rest;
    }
    pieces.push(bytes);
    pieces
}

proptest! {
    #[test]
    fn what_is_written_is_read_however_it_is_cut(
        (side, frames) in stream(),
        lengths in vec(prop_oneof![0..40_usize, 0..100_000_usize], 1..8),
        read_into_room: bool,
    ) {
        let mut bytes = BytesMut::new();
        for frame in &frames {
            frame.encode_whole(&mut bytes).unwrap();
        }
        let (read, violation) = decode(side, Phase::Established, &pieces(&bytes, &lengths), read_into_room);
        prop_assert_eq!(violation, None);
        prop_assert_eq!(read, frames);
    }

    #[test]
    fn anything_is_read_alike_however_it_is_cut(
        bytes in vec(prop_oneof![3 => 0..22_u8, 1 => any::<u8>()], 0..400),
        lengths in vec(0..60_usize, 1..5),
        client: bool,
        established: bool,
    ) {
        let side = if client { Side::FromClient } else { Side::FromServer };
        let phase = if established { Phase::Established } else { Phase::Handshake };
        let whole = decode(side, phase, &[&bytes], false);
        prop_assert_eq!(&decode(side, phase, &pieces(&bytes, &lengths), true), &whole);
        prop_assert_eq!(&decode(side, phase, &pieces(&bytes, &[1]), false), &whole);
    }

    /// Whatever a header claims, room is made for what may come and no more.
    #[test]
    fn memory_follows_what_may_come_not_what_is_claimed(kind: u8, length: u32, client: bool, established: bool) {
        let side = if client { Side::FromClient } else { Side::FromServer };
        let phase = if established { Phase::Established } else { Phase::Handshake };
        let header = [&[kind][..], &length.to_be_bytes()].concat();
        let mut decoder = Decoder::new(side, phase, BytesMut::from(&header[..]));
        let _ = decoder.decode();
        let most = match (side, phase) {
            (Side::FromClient, Phase::Handshake) => 256 << 10,
            (Side::FromClient, Phase::Established) => MAX_PACKET + 64,
            (Side::FromServer, Phase::Handshake) => 1024,
            (Side::FromServer, Phase::Established) => MAX_FRAME_TO_CLIENT,
        };
        prop_assert!(decoder.room().capacity() <= most + (4 << 10));
    }
}

#[test]
fn payloads_lie_where_they_were_read() {
    let mut decoder = Decoder::new(Side::FromServer, Phase::Established, BytesMut::new());
    let mut bytes = BytesMut::new();
    for byte in 0..3 {
        encode_raw(FrameKind::RECV_PACKET, &[byte; 132], &mut bytes);
    }
    let room = decoder.room();
    room.extend_from_slice(&bytes);
    let base = room.as_ptr().addr();
    for index in 0..3 {
        let Ok(Some(Frame::RecvPacket { payload, .. })) = decoder.decode() else { panic!("a packet") };
        assert_eq!(payload.as_ptr().addr() - base, index * 137 + 37);
    }
}

/// Reads that fill their room are given more, and less again when little comes.
#[test]
fn room_follows_what_reads_bring() {
    let mut decoder = Decoder::new(Side::FromClient, Phase::Established, BytesMut::new());
    let mut rooms = Vec::new();
    for brought in [2048, 4096, 8192, 16_384, 32_768, 65_536, 65_536, 65_536] {
        rooms.push(decoder.room().capacity());
        decoder.adapt(brought);
        decoder.shrink();
    }
    assert_eq!(rooms, [2048, 4096, 8192, 16_384, 32_768, 65_536, 65_536, 65_536]);
    for _ in 0..10 {
        decoder.adapt(100);
    }
    decoder.shrink();
    assert_eq!(decoder.room().capacity(), 2048);
}
