//! Any stream of frames, of either direction, in any pieces: read alike as a whole and in pieces, in bounded memory; and
//! what was read can be written and read again.

use bytes::BytesMut;
use natscope::wire::derp::{Decoder, Frame, MAX_FRAME_TO_CLIENT, Phase, Side, Violation};

pub fn run(input: &[u8]) {
    let [flags, piece, bytes @ ..] = input else { return };
    let (client, established, piece) = (flags & 1 != 0, flags & 2 != 0, *piece);
    let side = if client { Side::FromClient } else { Side::FromServer };
    let phase = if established { Phase::Established } else { Phase::Handshake };
    let whole = read(side, phase, bytes, bytes.len().max(1));
    assert_eq!(read(side, phase, bytes, usize::from(piece).max(1)), whole);

    let mut again = BytesMut::new();
    let frames = whole.0.into_iter().filter(|frame| frame.encode_whole(&mut again).is_ok()).collect::<Vec<_>>();
    let (read_again, violation) = read(side, phase, &again, again.len().max(1));
    assert_eq!(violation, None);
    // Types whose body made no sense are unknown ones, and zeros in their place may make sense.
    for (frame, again) in frames.iter().zip(&read_again) {
        assert!(frame == again || matches!(frame, Frame::Unknown { .. } | Frame::Health(_)), "{frame:?} {again:?}");
    }
    assert_eq!(frames.len(), read_again.len());
}

fn read(side: Side, phase: Phase, bytes: &[u8], piece: usize) -> (Vec<Frame>, Option<Violation>) {
    let mut decoder = Decoder::new(side, phase, BytesMut::new());
    let mut frames = Vec::new();
    for piece in bytes.chunks(piece) {
        decoder.feed(piece);
        loop {
            match decoder.decode() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(violation) => return (frames, Some(violation)),
            }
        }
        assert!(decoder.room().capacity() <= 2 * (MAX_FRAME_TO_CLIENT + bytes.len()));
    }
    (frames, None)
}
