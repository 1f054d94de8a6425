use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;

use super::FrameKind;
use crate::model::NodePublic;
use crate::wire::nacl::Nonce;

/// A frame, of either direction. Payloads and boxes are parts of the buffer they were read into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// Relay to client, first: its key.
    ServerKey(NodePublic),
    /// Client to relay, first: who it is, and a box with a [`ClientInfo`](super::ClientInfo) to prove it.
    ClientInfo {
        /// The key it claims.
        key: NodePublic,
        /// The box's nonce.
        nonce: Nonce,
        /// The box.
        sealed: Bytes,
    },
    /// Relay to client: admitted; a box with a [`ServerInfo`](super::ServerInfo).
    ServerInfo {
        /// The box's nonce.
        nonce: Nonce,
        /// The box.
        sealed: Bytes,
    },
    /// Client to relay: a packet for somebody.
    SendPacket {
        /// For whom.
        destination: NodePublic,
        /// At most [`MAX_PACKET`](super::MAX_PACKET) bytes, possibly none.
        payload: Bytes,
    },
    /// Relay to client: a packet from somebody.
    RecvPacket {
        /// From whom.
        source: NodePublic,
        /// Possibly empty.
        payload: Bytes,
    },
    /// Relay to client, every minute: still here.
    KeepAlive,
    /// Client to relay: whether it is the client's home.
    NotePreferred(bool),
    /// Relay to client: a peer is not here (any more).
    PeerGone {
        /// Who.
        peer: NodePublic,
        /// Why.
        reason: GoneReason,
    },
    /// Relay to watcher: a peer is here.
    PeerPresent {
        /// Who.
        peer: NodePublic,
        /// Where it connects from; `None` when the relay does not say. An IPv4 address is one.
        endpoint: Option<SocketAddr>,
        /// What it is.
        flags: PresenceFlags,
    },
    /// Relay to relay: a packet of one's client for the other's.
    ForwardPacket {
        /// From whom.
        source: NodePublic,
        /// For whom.
        destination: NodePublic,
        /// At most [`MAX_PACKET`](super::MAX_PACKET) bytes.
        payload: Bytes,
    },
    /// Relay to relay: tell me who is here, from now on.
    WatchConns,
    /// Relay to relay: close this client's connections.
    ClosePeer(NodePublic),
    /// An echo is asked for. Bytes beyond the eight are left out: they are not echoed.
    Ping([u8; 8]),
    /// The echo.
    Pong([u8; 8]),
    /// Relay to client: what is wrong with this connection, nothing if empty. Bytes that are no UTF-8 are replaced.
    Health(String),
    /// Relay to client: about to restart.
    Restarting {
        /// When to come back.
        reconnect_in: Duration,
        /// For how long to try.
        try_for: Duration,
    },
    /// A frame the reading side has no use for: an unknown type, or one of the other direction. Its body was skipped,
    /// not kept.
    Unknown {
        /// Its type.
        kind: FrameKind,
        /// Bytes of its body.
        length: u32,
    },
}

impl Frame {
    /// Its type.
    #[must_use]
    pub const fn kind(&self) -> FrameKind {
        match self {
            Self::ServerKey(_) => FrameKind::SERVER_KEY,
            Self::ClientInfo { .. } => FrameKind::CLIENT_INFO,
            Self::ServerInfo { .. } => FrameKind::SERVER_INFO,
            Self::SendPacket { .. } => FrameKind::SEND_PACKET,
            Self::RecvPacket { .. } => FrameKind::RECV_PACKET,
            Self::KeepAlive => FrameKind::KEEP_ALIVE,
            Self::NotePreferred(_) => FrameKind::NOTE_PREFERRED,
            Self::PeerGone { .. } => FrameKind::PEER_GONE,
            Self::PeerPresent { .. } => FrameKind::PEER_PRESENT,
            Self::ForwardPacket { .. } => FrameKind::FORWARD_PACKET,
            Self::WatchConns => FrameKind::WATCH_CONNS,
            Self::ClosePeer(_) => FrameKind::CLOSE_PEER,
            Self::Ping(_) => FrameKind::PING,
            Self::Pong(_) => FrameKind::PONG,
            Self::Health(_) => FrameKind::HEALTH,
            Self::Restarting { .. } => FrameKind::RESTARTING,
            Self::Unknown { kind, .. } => *kind,
        }
    }
}

/// Why a peer is gone, as sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GoneReason(pub u8);

impl GoneReason {
    /// It was here and left.
    pub const DISCONNECTED: Self = Self(0);
    /// It is not here, and may never have been.
    pub const NOT_HERE: Self = Self(1);
}

/// What a peer that is present is, as sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct PresenceFlags(pub u8);

impl PresenceFlags {
    /// Nothing else.
    pub const REGULAR: Self = Self(1);
    /// A relay of the mesh.
    pub const MESH_PEER: Self = Self(2);
    /// A monitoring client.
    pub const PROBER: Self = Self(4);
    /// A client that would rather be at another relay of the region.
    pub const NOT_IDEAL: Self = Self(8);

    /// Whether all of these are set.
    #[must_use]
    pub const fn contains(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }

    /// Both.
    #[must_use]
    pub const fn and(self, flags: Self) -> Self {
        Self(self.0 | flags.0)
    }
}
