use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use thiserror::Error;

use crate::model::NodePublic;
use crate::wire::derp::{FrameKind, GoneReason, InfoError, PresenceFlags, ServerInfo, TooLong, Violation};
use crate::wire::nacl::{CannotOpen, WeakKey};

/// Something a client is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientEvent {
    /// The relay's key. After a fast start it may differ from the certificate's, and then nothing good will follow.
    ServerKey(NodePublic),
    /// The relay has let us in: nothing before this proves that.
    Admitted(ServerInfo),
    /// A packet.
    Packet {
        /// From whom, by the relay's word.
        source: NodePublic,
        /// Possibly empty.
        payload: Bytes,
    },
    /// A peer is not here (any more). Relays need not say so, and say it seldom.
    PeerGone {
        /// Who.
        peer: NodePublic,
        /// Why.
        reason: GoneReason,
    },
    /// A peer is here.
    PeerPresent {
        /// Who.
        peer: NodePublic,
        /// Where it connects from.
        endpoint: Option<SocketAddr>,
        /// What it is.
        flags: PresenceFlags,
    },
    /// The relay asked for an echo, and gets it if we said we answer.
    Pinged([u8; 8]),
    /// The echo of a ping of ours, or of nobody's.
    Pong([u8; 8]),
    /// The relay is still there.
    KeepAlive,
    /// What is wrong with the connection, by the relay's word; `None`: nothing any more.
    Health(Option<String>),
    /// The relay is about to restart.
    Restarting {
        /// When to come back.
        reconnect_in: Duration,
        /// For how long to try.
        try_for: Duration,
    },
    /// A frame of no use to us, skipped.
    Ignored {
        /// Its type.
        kind: FrameKind,
        /// Bytes of its body.
        length: u32,
    },
    /// The session is over; close the connection.
    Closed(ClientClose),
}

/// Why a client's session is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ClientClose {
    /// The relay broke the protocol.
    #[error("the relay broke the protocol: {0}")]
    Violation(#[from] Violation),
    /// The relay's key is of no use.
    #[error("the relay's key is of no use: {0}")]
    WeakKey(#[from] WeakKey),
    /// The relay's greeting does not open: it is not who its key says, or does not take us for who we are.
    #[error("the relay's greeting: {0}")]
    CannotOpen(#[from] CannotOpen),
    /// The relay's greeting opens and makes no sense.
    #[error("the relay's greeting: {0}")]
    Greeting(#[from] InfoError),
    /// The connection ended before the relay's key: no DERP relay, or something in between.
    #[error("the connection was closed before a relay's key came")]
    NoKey,
    /// The connection ended between our greeting and the relay's: it does not let us in.
    #[error("the relay closed the connection on our greeting: it does not admit this key")]
    Rejected,
    /// The relay closed the connection.
    #[error("the relay closed the connection")]
    Left,
    /// The login took too long.
    #[error("the relay did not admit us within {} s", .after.as_secs())]
    LoginTimeout {
        /// How long it had.
        after: Duration,
    },
    /// Nothing was heard for too long.
    #[error("the relay has been silent for {} s", .after.as_secs())]
    Silent {
        /// How long it was.
        after: Duration,
    },
}

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// It is on its way.
    Queued,
    /// Dropped, as the relay's limit wants it.
    Limited,
}

/// Why a packet was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SendError {
    /// Longer than packets may be.
    #[error(transparent)]
    TooLong(#[from] TooLong),
    /// Our greeting is not out yet.
    #[error("the relay has not sent its key yet")]
    NotYet,
    /// The connection is slower than the sender.
    #[error("{waiting} bytes are waiting to be written")]
    Backlog {
        /// How many.
        waiting: usize,
    },
    /// The session is over.
    #[error("the session is over")]
    Closed,
}
