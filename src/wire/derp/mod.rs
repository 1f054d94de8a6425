//! DERP, version 2: frames ⇄ bytes. A frame is a type, a length and a body; the types are open, the lengths bounded.
//!
//! [`Decoder`] turns a stream of bytes into [`Frame`]s, checks each length before there is memory for it, and hands out
//! payloads as parts of the buffer they were read into. [`Frame::encode`] writes all of a frame but its payload, so
//! that payloads are written from where they lie; and a relay takes [`Packets`] as they lie, many at a time. Who may say what, and when, is `derp/`'s affair; which bytes are a
//! frame at all is decided here.

mod body;
mod decode;
mod encode;
mod frame;
mod info;
mod kind;
mod limit;
mod packets;
mod violation;

pub use decode::Decoder;
pub use encode::{PACKET_HEAD_LENGTH, TooLong, encode_raw, recv_packet_head};
pub use frame::{Frame, GoneReason, PresenceFlags};
pub use info::{ClientInfo, InfoError, ServerInfo};
pub use kind::FrameKind;
pub use limit::{Phase, Side};
pub use packets::Packets;
pub use violation::{Rule, Violation};

/// What a relay's key is sent after: "DERP🔑".
pub const MAGIC: [u8; 8] = *b"DERP\xf0\x9f\x94\x91";

/// The version of the protocol: in the greetings, the HTTP header and the certificate.
pub const VERSION: u32 = 2;

/// Bytes before every body: type and length.
pub const HEADER_LENGTH: usize = 5;

/// Most bytes of a packet's payload.
pub const MAX_PACKET: usize = 65_536;

/// Most bytes of a body a client takes once it knows the relay's key.
pub const MAX_FRAME_TO_CLIENT: usize = 1 << 20;

/// Most bytes of a client's greeting.
pub const MAX_CLIENT_INFO: usize = 256 << 10;
