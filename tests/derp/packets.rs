//! Packets taken as they lie are the packets that would have been read one by one.

use bytes::{Bytes, BytesMut};
use natscope::model::NodePublic;
use natscope::wire::derp::{Decoder, Frame, MAX_PACKET, Packets, Phase, Side, encode_raw};
use natscope::wire::disco;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::switchboard::{disco_packet, key};

/// Frames with few destinations and few of other types, so that there is much to take together.
fn frame() -> impl Strategy<Value = Frame> {
    let payload = prop_oneof![
        5 => (0..1500_usize, any::<u8>()).prop_map(|(length, byte)| Bytes::from(vec![byte; length])),
        2 => any::<u8>().prop_map(disco_packet),
        1 => Just(Bytes::from(vec![3; MAX_PACKET])),
    ];
    prop_oneof![
        12 => (0..3_u8, payload).prop_map(|(to, payload)| Frame::SendPacket { destination: key(to), payload }),
        1 => any::<bool>().prop_map(Frame::NotePreferred),
        1 => any::<[u8; 8]>().prop_map(Frame::Ping),
    ]
}

/// A buffer's packets, taken as far as possible, with everything else between them; whom they go to comes before each.
fn taken(decoder: &mut Decoder, split: usize) -> Vec<Frame> {
    let mut frames = Vec::new();
    loop {
        while let Some((destination, packets)) = decoder.packets(&key(9)) {
            frames.extend(one_by_one(destination, packets, split));
        }
        match decoder.decode() {
            Ok(Some(frame)) => frames.push(frame),
            Ok(None) => return frames,
            Err(violation) => panic!("{violation}"),
        }
    }
}

/// Packets for somebody, as they were sent.
fn one_by_one(destination: NodePublic, mut packets: Packets, split: usize) -> Vec<Frame> {
    let (count, bytes, disco) = (packets.count(), packets.payload_bytes(), packets.are_disco());
    let mut left = split;
    let front = packets.split_front(|_| {
        left = left.wrapping_sub(1);
        left != usize::MAX
    });
    assert_eq!(front.as_ref().map_or(0, Packets::count), split.min(count));
    let parts: Vec<_> = front.into_iter().chain((!packets.is_empty()).then_some(packets)).collect();
    assert_eq!(parts.iter().map(Packets::count).sum::<usize>(), count);
    assert_eq!(parts.iter().map(Packets::payload_bytes).sum::<usize>(), bytes);
    let mut frames = Vec::new();
    for part in parts {
        assert_eq!(part.copied(), part);
        assert_eq!(part.are_disco(), disco);
        let mut whole = BytesMut::new();
        for frame in part.copied().decoded() {
            frame.encode_whole(&mut whole).unwrap();
            let Frame::RecvPacket { source, payload } = frame else { panic!("{frame:?}") };
            assert_eq!((source, disco::looks_like(&payload)), (key(9), disco));
            frames.push(Frame::SendPacket { destination, payload });
        }
        assert_eq!(part.frames(), whole);
        assert_eq!(part.into_frames(), whole);
    }
    frames
}

proptest! {
    #[test]
    fn together_or_one_by_one(
        frames in vec(frame(), 0..30),
        lengths in vec(prop_oneof![1..60_usize, 1..100_000_usize], 1..6),
        split in 0..4_usize,
    ) {
        let mut bytes = BytesMut::new();
        for frame in &frames {
            frame.encode_whole(&mut bytes).unwrap();
        }
        let mut decoder = Decoder::new(Side::FromClient, Phase::Established, BytesMut::new());
        let mut got = Vec::new();
        let mut lengths = lengths.iter().cycle();
        while !bytes.is_empty() {
            let length = bytes.len().min(*lengths.next().unwrap());
            decoder.room().extend_from_slice(&bytes.split_to(length));
            got.extend(taken(&mut decoder, split));
        }
        assert_eq!(got, frames);
        assert!(!decoder.is_amid_frame());
    }
}

#[test]
fn packets_that_go_the_same_way_are_one_piece_of_memory() {
    let mut buffer = BytesMut::new();
    for _ in 0..30 {
        Frame::SendPacket { destination: key(2), payload: vec![7; 1200].into() }.encode_whole(&mut buffer).unwrap();
    }
    let range = buffer.as_ptr_range();
    let mut decoder = Decoder::new(Side::FromClient, Phase::Established, buffer);
    let (destination, packets) = decoder.packets(&key(1)).unwrap();
    assert_eq!((destination, packets.count(), packets.payload_bytes()), (key(2), 30, 36_000));
    assert_eq!(packets.into_frames().as_ptr_range(), range, "and nothing was copied");
}

/// Who may not send packets (yet), and what is none, is left to be read frame by frame.
#[test]
fn only_a_relay_takes_packets_and_only_good_ones() {
    let mut packet = BytesMut::new();
    Frame::SendPacket { destination: key(2), payload: Bytes::new() }.encode_whole(&mut packet).unwrap();
    for (side, phase) in [(Side::FromServer, Phase::Established), (Side::FromClient, Phase::Handshake)] {
        assert_eq!(Decoder::new(side, phase, packet.clone()).packets(&key(1)), None);
    }
    for body in [vec![0; 31], vec![0; 32 + MAX_PACKET + 1]] {
        let mut wrong = packet.clone();
        encode_raw(natscope::wire::derp::FrameKind::SEND_PACKET, &body, &mut wrong);
        let mut decoder = Decoder::new(Side::FromClient, Phase::Established, wrong);
        assert_eq!(decoder.packets(&key(1)).map(|(_, packets)| packets.count()), Some(1));
        assert_eq!(decoder.packets(&key(1)), None);
        assert!(decoder.decode().is_err());
        decoder.feed(&packet);
        assert_eq!(decoder.packets(&key(1)), None, "a violation is for good");
    }
    // The body of a frame of no use is skipped, whatever it looks like.
    let mut skipped = BytesMut::from(&[0x77, 0, 0, 0, 100][..]);
    skipped.extend_from_slice(&packet);
    let mut decoder = Decoder::new(Side::FromClient, Phase::Established, skipped);
    assert_eq!(decoder.packets(&key(1)), None);
    assert_eq!(decoder.decode(), Ok(None));
    decoder.feed(&packet);
    assert_eq!(decoder.packets(&key(1)), None);
}
