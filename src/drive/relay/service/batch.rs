use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes, BytesMut};

use crate::derp::Tray;
use crate::wire::derp::{Frame, Packets};

/// What is no longer than this is copied next to what goes before it: that is cheaper than one more piece to write.
const COPIED: usize = 256;

/// Frames on their way into a connection, as pieces that are written from where they lie.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pieces: VecDeque<Bytes>,
    length: usize,
    /// Heads and small things, not yet a piece.
    open: BytesMut,
}

impl Batch {
    pub(super) fn is_empty(&self) -> bool {
        self.length == 0 && self.open.is_empty()
    }

    /// For bytes that are frames already.
    pub(super) const fn open(&mut self) -> &mut BytesMut {
        &mut self.open
    }

    /// Makes it ready to be written. Until then, the last things pushed may not be in the [`Buf`].
    pub(super) fn close(&mut self) {
        if !self.open.is_empty() {
            let piece = self.open.split().freeze();
            self.length += piece.len();
            self.pieces.push_back(piece);
        }
    }

    /// Gives memory back before a wait that may be long.
    pub(super) fn shrink(&mut self) {
        if self.is_empty() {
            *self = Self::default();
        }
    }

    fn append(&mut self, bytes: Bytes) {
        if bytes.len() <= COPIED {
            self.open.extend_from_slice(&bytes);
        } else {
            self.close();
            self.length += bytes.len();
            self.pieces.push_back(bytes);
        }
    }
}

impl Tray for Batch {
    /// A frame that nobody may send is left out: there is none in a switchboard.
    fn frame(&mut self, frame: Frame) {
        if let Ok(tail) = frame.encode(&mut self.open) {
            self.append(tail);
        }
    }

    fn packets(&mut self, packets: Packets) {
        self.append(packets.into_frames());
    }
}

impl Buf for Batch {
    fn remaining(&self) -> usize {
        self.length
    }

    fn chunk(&self) -> &[u8] {
        self.pieces.front().map(|piece| &piece[..]).unwrap_or_default()
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let pairs = slices.iter_mut().zip(&self.pieces);
        pairs.map(|(slice, piece)| *slice = IoSlice::new(piece)).count()
    }

    fn advance(&mut self, mut count: usize) {
        self.length = self.length.saturating_sub(count);
        while let Some(piece) = self.pieces.front_mut() {
            if count < piece.len() {
                piece.advance(count);
                return;
            }
            count -= piece.len();
            self.pieces.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::NodePublic;

    #[test]
    fn pieces_are_the_frames_in_order_wherever_they_are_cut() {
        let packet = |length: usize| Frame::RecvPacket {
            source: NodePublic::from_bytes([7; 32]),
            payload: Bytes::from(vec![1; length]),
        };
        let frames = [packet(0), packet(5000), Frame::KeepAlive, packet(COPIED), packet(COPIED + 1), packet(3)];
        let mut whole = BytesMut::new();
        for frame in &frames {
            frame.encode_whole(&mut whole).unwrap();
        }
        for step in [1, 7, 300, 100_000] {
            let mut batch = Batch::default();
            for frame in &frames {
                batch.frame(frame.clone());
            }
            batch.close();
            assert_eq!(batch.remaining(), whole.len());
            let mut written = Vec::new();
            while batch.has_remaining() {
                let mut slices = [IoSlice::new(&[]); 2];
                let used = batch.chunks_vectored(&mut slices);
                let pieces: Vec<u8> = slices[..used].iter().flat_map(|slice| slice.iter().copied()).collect();
                let taken = pieces.len().min(step);
                written.extend_from_slice(&pieces[..taken]);
                batch.advance(taken);
            }
            assert!(batch.is_empty());
            assert_eq!(written, whole, "{step}");
        }
    }
}
