use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use thiserror::Error;

use super::{Frame, FrameKind, HEADER_LENGTH, MAGIC, MAX_FRAME_TO_CLIENT, MAX_PACKET};
use crate::model::NodePublic;

/// Bytes of a packet's frame before its payload: header and one key.
pub const PACKET_HEAD_LENGTH: usize = HEADER_LENGTH + 32;

/// A frame that nobody may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{kind} with {length} bytes, where {most} are the most")]
pub struct TooLong {
    /// Its type.
    pub kind: FrameKind,
    /// Bytes asked for.
    pub length: usize,
    /// Bytes allowed.
    pub most: usize,
}

impl Frame {
    /// Appends the frame to `head`, all but the payload, box or text it ends with: that is returned, to be written
    /// after `head` from where it lies. An unknown frame, whose body was not kept, has that many zeros.
    pub fn encode(&self, head: &mut BytesMut) -> Result<Bytes, TooLong> {
        let start = head.len();
        head.put_slice(&header(self.kind(), 0));
        let tail = self.put_fields(head);
        let fixed = head.len() - start - HEADER_LENGTH;
        let most = match self {
            Self::SendPacket { .. } | Self::RecvPacket { .. } | Self::ForwardPacket { .. } => fixed + MAX_PACKET,
            _ => MAX_FRAME_TO_CLIENT,
        };
        let length = fixed + tail.len();
        if length > most {
            head.truncate(start);
            return Err(TooLong { kind: self.kind(), length, most });
        }
        if let Some(place) = head.get_mut(start..start + HEADER_LENGTH) {
            place.copy_from_slice(&header(self.kind(), length));
        }
        Ok(tail)
    }

    /// Appends the whole frame to `out`.
    pub fn encode_whole(&self, out: &mut BytesMut) -> Result<(), TooLong> {
        let tail = self.encode(out)?;
        out.put_slice(&tail);
        Ok(())
    }

    /// Appends the fixed fields of its body, and returns what comes after them.
    fn put_fields(&self, head: &mut BytesMut) -> Bytes {
        match self {
            Self::ServerKey(key) => {
                head.put_slice(&MAGIC);
                head.put_slice(key.as_bytes());
            }
            Self::ClientInfo { key, nonce, sealed } => {
                head.put_slice(key.as_bytes());
                head.put_slice(nonce);
                return sealed.clone();
            }
            Self::ServerInfo { nonce, sealed } => {
                head.put_slice(nonce);
                return sealed.clone();
            }
            Self::SendPacket { destination: key, payload } | Self::RecvPacket { source: key, payload } => {
                head.put_slice(key.as_bytes());
                return payload.clone();
            }
            Self::KeepAlive | Self::WatchConns => {}
            Self::NotePreferred(preferred) => head.put_u8(u8::from(*preferred)),
            Self::PeerGone { peer, reason } => {
                head.put_slice(peer.as_bytes());
                head.put_u8(reason.0);
            }
            Self::PeerPresent { peer, endpoint, flags } => {
                head.put_slice(peer.as_bytes());
                put_endpoint(head, *endpoint);
                head.put_u8(flags.0);
            }
            Self::ForwardPacket { source, destination, payload } => {
                head.put_slice(source.as_bytes());
                head.put_slice(destination.as_bytes());
                return payload.clone();
            }
            Self::ClosePeer(peer) => head.put_slice(peer.as_bytes()),
            Self::Ping(data) | Self::Pong(data) => head.put_slice(data),
            Self::Health(problem) => return Bytes::copy_from_slice(problem.as_bytes()),
            Self::Restarting { reconnect_in, try_for } => {
                head.put_u32(millis(*reconnect_in));
                head.put_u32(millis(*try_for));
            }
            // One byte more than is allowed is enough to be told so.
            Self::Unknown { length, .. } => return vec![0; (*length as usize).min(MAX_FRAME_TO_CLIENT + 1)].into(),
        }
        Bytes::new()
    }
}

/// The head of a packet to a client, whose payload follows: the frame relays write most. A payload longer than
/// [`MAX_PACKET`] never gets this far, as none is read.
#[must_use]
pub fn recv_packet_head(source: &NodePublic, payload: &Bytes) -> [u8; PACKET_HEAD_LENGTH] {
    let mut head = [0; PACKET_HEAD_LENGTH];
    if let Some((before, key)) = head.split_first_chunk_mut::<HEADER_LENGTH>() {
        *before = header(FrameKind::RECV_PACKET, 32 + payload.len());
        key.copy_from_slice(source.as_bytes());
    }
    head
}

/// Appends a frame of any type with any body, sensible or not: for tests, and for what has no name here.
pub fn encode_raw(kind: FrameKind, body: &[u8], out: &mut BytesMut) {
    out.put_slice(&header(kind, body.len()));
    out.put_slice(body);
}

fn header(kind: FrameKind, length: usize) -> [u8; HEADER_LENGTH] {
    let [a, b, c, d] = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    [kind.0, a, b, c, d]
}

/// An unknown endpoint is all zeros; IPv4 is written as IPv6.
fn put_endpoint(head: &mut BytesMut, endpoint: Option<SocketAddr>) {
    let ip = match endpoint.map(|endpoint| endpoint.ip()) {
        Some(IpAddr::V4(ip)) => ip.to_ipv6_mapped(),
        Some(IpAddr::V6(ip)) => ip,
        None => Ipv6Addr::UNSPECIFIED,
    };
    head.put_slice(&ip.octets());
    head.put_u16(endpoint.map_or(0, |endpoint| endpoint.port()));
}

/// Seven weeks at most.
fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}
