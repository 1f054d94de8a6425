//! Disco: the packets nodes find each other with, here as far as they travel through relays.
//!
//! A packet is magic, the sender's disco key, a nonce and a box; in the box are a type, a version and fields. What
//! follows the fields is padding or of a later version, and ignored; versions are not looked at; unknown types are kept.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use thiserror::Error;

use crate::model::{DiscoPublic, NodePublic};
use crate::wire::nacl::{CannotOpen, NONCE_LENGTH, Nonce, OVERHEAD, SharedSecret};

/// What every packet begins with: "TS💬".
pub const MAGIC: [u8; 6] = *b"TS\xf0\x9f\x92\xac";

/// Bytes before the box: magic, key, nonce.
pub const HEADER_LENGTH: usize = MAGIC.len() + 32 + NONCE_LENGTH;

/// Bytes of a packet with an unpadded ping.
pub const PING_LENGTH: usize = HEADER_LENGTH + OVERHEAD + 2 + 12 + 32;

/// Whether a payload has the shape of a disco packet. Relays go by this alone: they cannot open the box.
#[must_use]
pub fn looks_like(payload: &[u8]) -> bool {
    payload.len() >= HEADER_LENGTH && payload.starts_with(&MAGIC)
}

/// Whom a packet claims to be from: what has to be known before its box can be opened.
#[must_use]
pub fn sender(packet: &[u8]) -> Option<DiscoPublic> {
    packet.strip_prefix(&MAGIC)?.first_chunk().copied().map(DiscoPublic::from_bytes).filter(|_| looks_like(packet))
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Asks for a pong.
    Ping {
        /// Names the ping; the pong repeats it.
        transaction: [u8; 12],
        /// The sender's node key; old senders leave it out.
        node: Option<NodePublic>,
        /// Zero bytes after it, to probe what size of packet gets through.
        padding: usize,
    },
    /// Answers a ping.
    Pong {
        /// The ping's.
        transaction: [u8; 12],
        /// Where the ping came from. Of one that came through a relay: 127.3.3.40 with the region's number as port.
        source: SocketAddr,
    },
    /// Asks the peer to ping these endpoints.
    CallMeMaybe {
        /// The sender's.
        endpoints: Vec<SocketAddr>,
    },
    /// A type not known here, with what follows type and version.
    Unknown {
        /// Its type.
        kind: u8,
        /// Its version.
        version: u8,
        /// Its fields.
        body: Vec<u8>,
    },
}

const PING: u8 = 1;
const PONG: u8 = 2;
const CALL_ME_MAYBE: u8 = 3;
const VERSION: u8 = 0;

/// Bytes of an endpoint: address and port.
const ENDPOINT: usize = 18;

/// Why a packet cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DiscoError {
    /// Not the shape of a disco packet.
    #[error("no disco packet")]
    Shape,
    /// The box does not open.
    #[error(transparent)]
    CannotOpen(#[from] CannotOpen),
    /// Too few bytes for the type.
    #[error("a disco message of type {kind} with {got} bytes, where it has at least {least}")]
    Truncated {
        /// Its type; 0 when not even that is there.
        kind: u8,
        /// Bytes in the box.
        got: usize,
        /// Bytes needed.
        least: usize,
    },
}

/// The packet that carries `message` from `sender`, whose secret with the receiver this is.
#[must_use]
pub fn seal(message: &Message, sender: &DiscoPublic, secret: &SharedSecret, nonce: &Nonce) -> Vec<u8> {
    let sealed = secret.seal(nonce, &message.encode());
    [&MAGIC[..], sender.as_bytes(), nonce, &sealed].concat()
}

/// The message in a packet from the peer whose secret this is.
pub fn open(packet: &[u8], secret: &SharedSecret) -> Result<Message, DiscoError> {
    let rest = packet.strip_prefix(&MAGIC).ok_or(DiscoError::Shape)?;
    let (_, rest) = rest.split_first_chunk::<32>().ok_or(DiscoError::Shape)?;
    let (nonce, sealed) = rest.split_first_chunk().ok_or(DiscoError::Shape)?;
    Message::decode(&secret.open(nonce, sealed)?)
}

impl Message {
    /// What is in the box.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Ping { transaction, node, padding } => {
                let node = node.as_ref().map_or(&[][..], |node| node.as_bytes());
                [&[PING, VERSION], &transaction[..], node, &vec![0; *padding]].concat()
            }
            Self::Pong { transaction, source } => {
                [&[PONG, VERSION], &transaction[..], &endpoint_bytes(*source)].concat()
            }
            Self::CallMeMaybe { endpoints } => {
                [CALL_ME_MAYBE, VERSION].into_iter().chain(endpoints.iter().copied().flat_map(endpoint_bytes)).collect()
            }
            Self::Unknown { kind, version, body } => [&[*kind, *version], &body[..]].concat(),
        }
    }

    /// Reads what is in a box.
    pub fn decode(inner: &[u8]) -> Result<Self, DiscoError> {
        let Some((&[kind, version], body)) = inner.split_first_chunk() else {
            return Err(DiscoError::Truncated { kind: 0, got: inner.len(), least: 2 });
        };
        let truncated = |least| DiscoError::Truncated { kind, got: inner.len(), least };
        match kind {
            PING => {
                let (transaction, rest) = body.split_first_chunk().ok_or(truncated(14))?;
                let node = rest.split_first_chunk().map(|(node, _)| NodePublic::from_bytes(*node));
                let padding = rest.len() - node.map_or(0, |_| 32);
                Ok(Self::Ping { transaction: *transaction, node, padding })
            }
            PONG => {
                let (transaction, rest) = body.split_first_chunk().ok_or(truncated(32))?;
                let source = rest.first_chunk().copied().map(endpoint).ok_or(truncated(32))?;
                Ok(Self::Pong { transaction: *transaction, source })
            }
            CALL_ME_MAYBE => {
                let (chunks, rest) = body.as_chunks::<ENDPOINT>();
                // A list that does not come out even is taken for an empty one, as nodes do.
                let endpoints = if rest.is_empty() { chunks.iter().copied().map(endpoint).collect() } else { vec![] };
                Ok(Self::CallMeMaybe { endpoints })
            }
            _ => Ok(Self::Unknown { kind, version, body: body.to_vec() }),
        }
    }
}

fn endpoint(bytes: [u8; ENDPOINT]) -> SocketAddr {
    let [ip @ .., high, low] = bytes;
    SocketAddr::new(IpAddr::V6(Ipv6Addr::from(ip)).to_canonical(), u16::from_be_bytes([high, low]))
}

fn endpoint_bytes(endpoint: SocketAddr) -> [u8; ENDPOINT] {
    let ip = match endpoint.ip() {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    };
    let mut bytes = [0; ENDPOINT];
    if let Some((address, port)) = bytes.split_first_chunk_mut::<16>() {
        *address = ip.octets();
        port.copy_from_slice(&endpoint.port().to_be_bytes());
    }
    bytes
}
