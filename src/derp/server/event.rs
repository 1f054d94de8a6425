use std::time::Duration;

use bytes::Bytes;
use thiserror::Error;

use crate::model::NodePublic;
use crate::wire::derp::{ClientInfo, FrameKind, InfoError, ServerInfo, Violation};
use crate::wire::nacl::{CannotOpen, Nonce, WeakKey};

/// Something a relay is told about one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerEvent {
    /// The client has proved who it is. Answer with [`admit`](super::ServerSession::admit) or
    /// [`refuse`](super::ServerSession::refuse); until then nothing more is told.
    Identified {
        /// Its key.
        key: NodePublic,
        /// What it says of itself. Whether its mesh key is the right one is the caller's to decide.
        info: ClientInfo,
    },
    /// A packet for somebody.
    Packet {
        /// For whom.
        destination: NodePublic,
        /// Possibly empty.
        payload: Bytes,
    },
    /// A packet for a client of ours, from a client of another relay of the mesh.
    Forward {
        /// From whom.
        source: NodePublic,
        /// For whom.
        destination: NodePublic,
        /// Possibly empty.
        payload: Bytes,
    },
    /// Whether this relay is the client's home.
    Preferred(bool),
    /// A relay of the mesh wants to know who is here.
    Watch,
    /// A relay of the mesh wants this client's connections closed.
    ClosePeer(NodePublic),
    /// An echo was asked for. Not answered if the last one has not been written yet.
    Pinged {
        /// Whether it will be answered.
        answered: bool,
    },
    /// A frame of no use, skipped. It counts as a sign of life like any other.
    Ignored {
        /// Its type.
        kind: FrameKind,
        /// Bytes of its body.
        length: u32,
    },
    /// The session is over; close the connection.
    Closed(ServerClose),
}

/// With what a client is let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admission {
    /// Whether it may watch, forward and close: it has shown the right mesh key.
    pub mesh: bool,
    /// What we say of ourselves.
    pub info: ServerInfo,
    /// 24 random bytes for the greeting's box.
    pub nonce: Nonce,
    /// Random, below [`MAX_JITTER`](super::MAX_JITTER): keeps the keep-alives of many clients apart.
    pub jitter: Duration,
}

/// How far a login was when its time was up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Our key could not be written.
    WritingKey,
    /// The client's greeting did not come.
    AwaitingGreeting,
}

/// Why a session is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ServerClose {
    /// The client broke the protocol.
    #[error("the client broke the protocol: {0}")]
    Violation(#[from] Violation),
    /// The client may not say this: it is for relays of the mesh.
    #[error("the client sent {kind}, which takes the mesh key")]
    MeshOnly {
        /// What it said.
        kind: FrameKind,
    },
    /// The client's key is of no use.
    #[error("the client's key is of no use: {0}")]
    WeakKey(#[from] WeakKey),
    /// The client's greeting does not open: it has not the key it claims, or takes us for another relay.
    #[error("the client's greeting: {0}")]
    CannotOpen(#[from] CannotOpen),
    /// The client's greeting opens and makes no sense.
    #[error("the client's greeting: {0}")]
    Greeting(#[from] InfoError),
    /// It was not let in.
    #[error("the client was refused")]
    Refused,
    /// It closed the connection between two frames.
    #[error("the client closed the connection")]
    Left,
    /// The connection ended amid a frame.
    #[error("the connection ended amid a frame")]
    Cut,
    /// The login took too long.
    #[error("the login took too long ({})", match .stage {
        Stage::WritingKey => "our key could not be written",
        Stage::AwaitingGreeting => "the client's greeting did not come",
    })]
    Timeout {
        /// How far it was.
        stage: Stage,
    },
}
