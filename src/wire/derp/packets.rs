//! Packets on their way through a relay. The frame a client sends and the frame its peer is sent have the same length,
//! and differ in their type and in whose key they name: so what was read is written again from where it lies, one piece
//! of memory for all packets of a read that go the same way.

use bytes::{Buf as _, Bytes, BytesMut};

use super::limit::{self, Fate, Phase, Side};
use super::{Frame, FrameKind, HEADER_LENGTH, PACKET_HEAD_LENGTH};
use crate::model::NodePublic;
use crate::wire::disco;

/// Packets for one destination, from one source, all of one shape: whole `RecvPacket` frames, one after the other.
/// There is at least one.
#[derive(Debug, PartialEq, Eq)]
pub struct Packets {
    frames: BytesMut,
    count: usize,
    disco: bool,
}

impl Packets {
    /// How many.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.count
    }

    /// Bytes of their payloads.
    #[must_use]
    pub fn payload_bytes(&self) -> usize {
        self.frames.len().saturating_sub(self.count * PACKET_HEAD_LENGTH)
    }

    /// Whether they have the shape of disco packets. Either all have, or none has.
    #[must_use]
    pub const fn are_disco(&self) -> bool {
        self.disco
    }

    /// The frames, as they are written.
    #[must_use]
    pub fn frames(&self) -> &[u8] {
        &self.frames
    }

    /// The frames, to be written from where they lie.
    #[must_use]
    pub fn into_frames(self) -> Bytes {
        self.frames.freeze()
    }

    /// The same packets in memory of their own.
    #[must_use]
    pub fn copied(&self) -> Self {
        Self { frames: BytesMut::from(&self.frames[..]), count: self.count, disco: self.disco }
    }

    /// Takes the first packets off, as long as `wanted` says so, which is asked with the bytes of each one's payload.
    /// `None`: not even the first one, and nothing has changed.
    pub fn split_front(&mut self, mut wanted: impl FnMut(usize) -> bool) -> Option<Self> {
        let (mut end, mut count) = (0, 0);
        while let Some(whole) = self.frames.get(end..).and_then(whole_frame)
            && wanted(whole.saturating_sub(PACKET_HEAD_LENGTH))
        {
            end += whole;
            count += 1;
        }
        if count == 0 {
            return None;
        }
        self.count -= count;
        Some(Self { frames: self.frames.split_to(end), count, disco: self.disco })
    }

    /// Whether all of them were [split off](Self::split_front).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The same, as values.
    pub fn decoded(self) -> impl Iterator<Item = Frame> {
        let mut frames = self.frames;
        std::iter::from_fn(move || {
            let whole = whole_frame(&frames)?;
            let mut frame = frames.split_to(whole);
            frame.advance(HEADER_LENGTH);
            let source = frame.first_chunk().copied().map(NodePublic::from_bytes)?;
            frame.advance(PACKET_HEAD_LENGTH - HEADER_LENGTH);
            Some(Frame::RecvPacket { source, payload: frame.freeze() })
        })
    }
}

/// What a relay's buffer begins with, if these are packets that have arrived whole: those for the same destination as
/// the first, of the same shape, up to the first that is not. Each is made to be from `source`.
pub(super) fn take(buffer: &mut BytesMut, source: &NodePublic) -> Option<(NodePublic, Packets)> {
    let first = Sent::at(buffer)?;
    let (mut end, mut count) = (0, 0);
    while let Some(rest) = buffer.get_mut(end..)
        && let Some(sent) = Sent::at(rest)
        && (sent.destination, sent.disco) == (first.destination, first.disco)
        && let Some(([kind, ..], key)) = head(rest)
    {
        *kind = FrameKind::RECV_PACKET.0;
        *key = *source.as_bytes();
        end += sent.whole;
        count += 1;
    }
    let packets = Packets { frames: buffer.split_to(end), count, disco: first.disco };
    Some((NodePublic::from_bytes(first.destination), packets))
}

/// A packet as a client sends it.
struct Sent {
    destination: [u8; 32],
    disco: bool,
    /// Bytes of the frame.
    whole: usize,
}

impl Sent {
    /// The one these bytes begin with, if it is one, may be sent, and is all there.
    fn at(bytes: &[u8]) -> Option<Self> {
        let (kind, length) = limit::header(bytes).filter(|(kind, _)| *kind == FrameKind::SEND_PACKET)?;
        let fate = limit::judge(Side::FromClient, Phase::Established, kind, length);
        let whole = HEADER_LENGTH + length as usize;
        let body = bytes.get(HEADER_LENGTH..whole).filter(|_| fate == Ok(Fate::Keep))?;
        let (destination, payload) = body.split_first_chunk()?;
        Some(Self { destination: *destination, disco: disco::looks_like(payload), whole })
    }
}

/// The fields before a payload.
fn head(frame: &mut [u8]) -> Option<(&mut [u8; HEADER_LENGTH], &mut [u8; 32])> {
    let (header, rest) = frame.split_first_chunk_mut()?;
    Some((header, rest.first_chunk_mut()?))
}

/// Bytes of the frame these bytes begin with, which is a packet and all there.
fn whole_frame(bytes: &[u8]) -> Option<usize> {
    let (_, length) = limit::header(bytes)?;
    Some(HEADER_LENGTH + length as usize).filter(|whole| (PACKET_HEAD_LENGTH..=bytes.len()).contains(whole))
}
