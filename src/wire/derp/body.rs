//! Bodies → frames, of lengths that [`limit`](super::limit) has already judged.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use bytes::{Buf, Bytes};

use super::{Frame, FrameKind, GoneReason, MAGIC, Phase, PresenceFlags, Rule, Side};
use crate::model::NodePublic;

/// The frame of this body, or the rule it breaks. `None`: a body this type cannot have, or a type not asked for, which
/// is as good as unknown.
pub(super) fn decode(side: Side, phase: Phase, kind: FrameKind, body: Bytes) -> Result<Option<Frame>, Rule> {
    match side {
        Side::FromClient => from_client(kind, body),
        Side::FromServer if kind == FrameKind::SERVER_KEY => match server_key(body) {
            // It matters as the first frame, and is no harm later.
            Err(_) if phase == Phase::Established => Ok(None),
            key => key.map(Some),
        },
        Side::FromServer => Ok(from_server(kind, body)),
    }
}

fn from_client(kind: FrameKind, mut body: Bytes) -> Result<Option<Frame>, Rule> {
    Ok(match kind {
        FrameKind::SEND_PACKET => key(&mut body).map(|destination| Frame::SendPacket { destination, payload: body }),
        FrameKind::FORWARD_PACKET => match (key(&mut body), key(&mut body)) {
            (Some(source), Some(destination)) => Some(Frame::ForwardPacket { source, destination, payload: body }),
            _ => None,
        },
        FrameKind::NOTE_PREFERRED => body.first().map(|byte| Frame::NotePreferred(*byte != 0)),
        FrameKind::WATCH_CONNS => Some(Frame::WatchConns),
        FrameKind::CLOSE_PEER => key(&mut body).map(Frame::ClosePeer),
        FrameKind::PING => body.first_chunk().copied().map(Frame::Ping),
        FrameKind::CLIENT_INFO => match (key(&mut body), take(&mut body)) {
            // No box can be made for it, and the computations beneath are not made for it either.
            (Some(key), _) if key.is_zero() => return Err(Rule::ZeroKey),
            (Some(key), Some(nonce)) => Some(Frame::ClientInfo { key, nonce, sealed: body }),
            _ => None,
        },
        _ => None,
    })
}

fn from_server(kind: FrameKind, mut body: Bytes) -> Option<Frame> {
    match kind {
        FrameKind::RECV_PACKET => key(&mut body).map(|source| Frame::RecvPacket { source, payload: body }),
        FrameKind::KEEP_ALIVE => Some(Frame::KeepAlive),
        FrameKind::PEER_GONE => key(&mut body).map(|peer| {
            // Old relays give no reason; they know only one.
            let reason = body.first().map_or(GoneReason::DISCONNECTED, |byte| GoneReason(*byte));
            Frame::PeerGone { peer, reason }
        }),
        FrameKind::PEER_PRESENT => key(&mut body).map(|peer| {
            let endpoint = take(&mut body).zip(take(&mut body)).and_then(|(ip, port)| endpoint(ip, port));
            let flags = PresenceFlags(body.first().copied().unwrap_or_default());
            Frame::PeerPresent { peer, endpoint, flags }
        }),
        FrameKind::PING => body.first_chunk().copied().map(Frame::Ping),
        FrameKind::PONG => body.first_chunk().copied().map(Frame::Pong),
        FrameKind::HEALTH => Some(Frame::Health(String::from_utf8_lossy(&body).into_owned())),
        FrameKind::RESTARTING => match (take(&mut body), take(&mut body)) {
            (Some(reconnect_in), Some(try_for)) => {
                let millis = |bytes| Duration::from_millis(u32::from_be_bytes(bytes).into());
                Some(Frame::Restarting { reconnect_in: millis(reconnect_in), try_for: millis(try_for) })
            }
            _ => None,
        },
        FrameKind::SERVER_INFO => take(&mut body).map(|nonce| Frame::ServerInfo { nonce, sealed: body }),
        _ => None,
    }
}

fn server_key(mut body: Bytes) -> Result<Frame, Rule> {
    match (take(&mut body), key(&mut body)) {
        (Some(MAGIC), Some(key)) if key.is_zero() => Err(Rule::ZeroKey),
        (Some(MAGIC), Some(key)) => Ok(Frame::ServerKey(key)),
        _ => Err(Rule::Magic),
    }
}

fn key(body: &mut Bytes) -> Option<NodePublic> {
    take(body).map(NodePublic::from_bytes)
}

/// The next N bytes, if there are so many.
fn take<const N: usize>(body: &mut Bytes) -> Option<[u8; N]> {
    let taken = *body.first_chunk()?;
    body.advance(N);
    Some(taken)
}

/// All zeros say "unknown".
fn endpoint(ip: [u8; 16], port: [u8; 2]) -> Option<SocketAddr> {
    let ip = IpAddr::V6(Ipv6Addr::from(ip)).to_canonical();
    (!ip.is_unspecified()).then(|| SocketAddr::new(ip, u16::from_be_bytes(port)))
}
