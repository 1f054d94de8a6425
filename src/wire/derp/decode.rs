use bytes::{Buf, BytesMut};

use super::limit::{self, Fate, Phase, Side};
use super::{Frame, FrameKind, HEADER_LENGTH, Packets, Violation, body, packets};
use crate::model::NodePublic;

/// Bytes a read is given room for at first: an idle connection costs no more.
const LEAST_READ: usize = 2 << 10;

/// Bytes a read is given room for when reads keep filling theirs: some fifty packets of the usual size at once, while
/// a packet that waits keeps no more than this in memory with it.
const MOST_READ: usize = 64 << 10;

/// A stream of bytes, read as frames.
///
/// Read into [`room`](Self::room), then call [`decode`](Self::decode) until it has no more. Memory is bounded: by one
/// frame of the largest length that may come, and what a read brings beyond it.
#[derive(Debug)]
pub struct Decoder {
    buffer: BytesMut,
    side: Side,
    phase: Phase,
    read: usize,
    skipping: Option<Skipping>,
    last_length: u32,
    broken: Option<Violation>,
}

#[derive(Clone, Copy, Debug)]
struct Skipping {
    kind: FrameKind,
    length: u32,
    left: usize,
}

impl Decoder {
    /// A decoder of what this side says, which begins with `early`: bytes read together with what came before DERP.
    #[must_use]
    pub fn new(side: Side, phase: Phase, early: BytesMut) -> Self {
        Self { buffer: early, side, phase, read: LEAST_READ, skipping: None, last_length: 0, broken: None }
    }

    /// The handshake is over: other frames may come now, and the first frame's rules apply no longer.
    pub fn establish(&mut self) {
        self.phase = Phase::Established;
    }

    /// Where the next read belongs, with room made in it: read at its end, and take nothing away. How much room
    /// follows from what reads have brought of late.
    pub fn room(&mut self) -> &mut BytesMut {
        let missing = self.missing();
        self.buffer.reserve(missing.max(self.read));
        &mut self.buffer
    }

    /// Tells what a read into [`room`](Self::room) brought, so that the next is given more room, or less.
    pub fn adapt(&mut self, brought: usize) {
        if brought >= self.read {
            self.read = (self.read * 2).min(MOST_READ);
        } else if brought < self.read / 4 {
            self.read = (self.read / 2).max(LEAST_READ);
        }
    }

    /// Appends bytes that were read elsewhere.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Gives back the memory of an empty buffer: worth calling before a wait that may be long.
    pub fn shrink(&mut self) {
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
        }
    }

    /// Bytes waiting to become frames.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.buffer.len()
    }

    /// Bytes of the body of the frame decoded last.
    #[must_use]
    pub const fn last_length(&self) -> u32 {
        self.last_length
    }

    /// Whether a frame has begun and not ended: a stream that ends here was cut.
    #[must_use]
    pub fn is_amid_frame(&self) -> bool {
        self.skipping.is_some() || !self.buffer.is_empty()
    }

    /// The next frame; `None` when more bytes are needed. After a violation nothing follows but the same violation:
    /// where the next frame would begin is not to be trusted.
    pub fn decode(&mut self) -> Result<Option<Frame>, Violation> {
        if let Some(violation) = self.broken {
            return Err(violation);
        }
        let decoded = self.next();
        self.broken = decoded.as_ref().err().copied();
        decoded
    }

    /// The packets that come next, as long as they have one destination and one shape, made to be from `source`, and the
    /// destination. `None`: what comes next is another frame, or nothing yet, or wrong; [`decode`](Self::decode) tells.
    pub fn packets(&mut self, source: &NodePublic) -> Option<(NodePublic, Packets)> {
        let relays = self.side == Side::FromClient && self.phase == Phase::Established;
        if !relays || self.skipping.is_some() || self.broken.is_some() {
            return None;
        }
        packets::take(&mut self.buffer, source)
    }

    fn next(&mut self) -> Result<Option<Frame>, Violation> {
        if let Some(skipping) = self.skipping {
            return Ok(self.skip(skipping));
        }
        let Some((kind, length)) = limit::header(&self.buffer) else { return Ok(None) };
        let fate = limit::judge(self.side, self.phase, kind, length)?;
        self.last_length = length;
        let whole = length as usize;
        if fate == Fate::Skip {
            self.buffer.advance(HEADER_LENGTH);
            return Ok(self.skip(Skipping { kind, length, left: whole }));
        }
        if self.buffer.len() < HEADER_LENGTH + whole {
            return Ok(None);
        }
        let mut frame = self.buffer.split_to(HEADER_LENGTH + whole);
        frame.advance(HEADER_LENGTH);
        match body::decode(self.side, self.phase, kind, frame.freeze()) {
            Ok(Some(frame)) => Ok(Some(frame)),
            Ok(None) => Ok(Some(Frame::Unknown { kind, length })),
            Err(rule) => Err(Violation { kind, length, rule }),
        }
    }

    /// Throws away what is here of a body that is not kept.
    fn skip(&mut self, mut skipping: Skipping) -> Option<Frame> {
        let here = skipping.left.min(self.buffer.len());
        self.buffer.advance(here);
        skipping.left -= here;
        if skipping.left > 0 {
            self.skipping = Some(skipping);
            return None;
        }
        self.skipping = None;
        Some(Frame::Unknown { kind: skipping.kind, length: skipping.length })
    }

    /// Bytes missing of a frame that has begun and will be kept whole.
    fn missing(&self) -> usize {
        let Some((kind, length)) = limit::header(&self.buffer).filter(|_| self.skipping.is_none()) else { return 0 };
        match limit::judge(self.side, self.phase, kind, length) {
            Ok(Fate::Keep) => (HEADER_LENGTH + length as usize).saturating_sub(self.buffer.len()),
            Ok(Fate::Skip) | Err(_) => 0,
        }
    }
}
