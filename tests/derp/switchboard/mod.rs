//! The switchboard, rule by rule.

mod peers;
mod queues;

use std::sync::Arc;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use natscope::derp::{Inlet, Limits, Member, Outlet, Switchboard};
use natscope::model::NodePublic;
use natscope::wire::derp::{Frame, GoneReason, PresenceFlags};
use natscope::wire::disco;

use crate::start;

pub(crate) fn key(number: u8) -> NodePublic {
    NodePublic::from_bytes([number; 32])
}

pub(crate) fn member(number: u8) -> Member {
    Member { key: key(number), endpoint: None, flags: PresenceFlags::REGULAR }
}

/// All there is for a connection.
pub(crate) fn drain(outlet: &Outlet, now: Instant) -> Vec<Frame> {
    let mut batch = Vec::new();
    while outlet.drain(now, usize::MAX, &mut batch).frames > 0 {}
    batch
}

/// Its packets' payloads.
fn payloads(outlet: &Outlet, now: Instant) -> Vec<Bytes> {
    let frames = drain(outlet, now).into_iter();
    frames
        .filter_map(|frame| if let Frame::RecvPacket { payload, .. } = frame { Some(payload) } else { None })
        .collect()
}

pub(crate) fn disco_packet(tag: u8) -> Bytes {
    let mut packet = BytesMut::from(&disco::MAGIC[..]);
    packet.resize(disco::HEADER_LENGTH - 1, 0);
    packet.extend_from_slice(&[tag]);
    packet.freeze()
}

struct Two {
    board: Arc<Switchboard>,
    now: Instant,
    a: Inlet,
    a_out: Arc<Outlet>,
    b: Inlet,
    b_out: Arc<Outlet>,
}

fn two(limits: Limits) -> Two {
    let board = Switchboard::new(limits);
    let now = start();
    let (a, a_out) = board.join(now, member(1));
    let (b, b_out) = board.join(now, member(2));
    Two { board, now, a, a_out, b, b_out }
}

fn gone(number: u8, reason: GoneReason) -> Frame {
    Frame::PeerGone { peer: key(number), reason }
}
