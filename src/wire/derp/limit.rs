//! Which lengths a frame may have, by who reads it and when: decided on the header alone, before any memory is taken.

use super::{FrameKind, HEADER_LENGTH, MAX_CLIENT_INFO, MAX_FRAME_TO_CLIENT, MAX_PACKET, Rule, Violation};

/// Whose frames are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// A client's, by a relay.
    FromClient,
    /// A relay's, by a client.
    FromServer,
}

/// How far the connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The first frame is still to come: the client's greeting, or the relay's key.
    Handshake,
    /// Everything else may come.
    Established,
}

/// What becomes of a frame with this header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Its body is kept, and then read.
    Keep,
    /// Its body is skipped.
    Skip,
}

const KEY: u32 = 32;
const NONCE: u32 = 24;

/// Bytes a ping may have (the first eight are echoed; the rest is for probing path MTUs).
const PING: (u32, u32) = (8, 1000);

/// Bytes a relay's key may have: magic and key, and room for what later versions add.
const SERVER_KEY: (u32, u32) = (40, 1024);

/// Decides on a header.
pub(super) fn judge(side: Side, phase: Phase, kind: FrameKind, length: u32) -> Result<Fate, Violation> {
    let judged = match (side, phase) {
        (Side::FromClient, Phase::Handshake) => client_greeting(kind, length),
        (Side::FromClient, Phase::Established) => from_client(kind, length),
        (Side::FromServer, Phase::Handshake) => server_key(kind, length),
        (Side::FromServer, Phase::Established) => from_server(kind, length),
    };
    judged.map_err(|rule| Violation { kind, length, rule })
}

fn client_greeting(kind: FrameKind, length: u32) -> Result<Fate, Rule> {
    if kind != FrameKind::CLIENT_INFO {
        return Err(Rule::First { wanted: FrameKind::CLIENT_INFO });
    }
    between(length, KEY + NONCE, narrow(MAX_CLIENT_INFO))
}

fn server_key(kind: FrameKind, length: u32) -> Result<Fate, Rule> {
    if kind != FrameKind::SERVER_KEY {
        return Err(Rule::First { wanted: FrameKind::SERVER_KEY });
    }
    between(length, SERVER_KEY.0, SERVER_KEY.1)
}

fn from_client(kind: FrameKind, length: u32) -> Result<Fate, Rule> {
    let packet = narrow(MAX_PACKET);
    match kind {
        FrameKind::SEND_PACKET => between(length, KEY, KEY + packet),
        FrameKind::FORWARD_PACKET => between(length, 2 * KEY, 2 * KEY + packet),
        FrameKind::NOTE_PREFERRED => exactly(length, 1),
        FrameKind::WATCH_CONNS => exactly(length, 0),
        FrameKind::CLOSE_PEER => exactly(length, KEY),
        FrameKind::PING => between(length, PING.0, PING.1),
        // A second greeting, a client's pong, and what later versions have: of any length and to nobody's harm.
        _ => Ok(Fate::Skip),
    }
}

/// A client is lenient: a body too short for its type is as good as an unknown type, and one too long has something
/// a later version put there.
fn from_server(kind: FrameKind, length: u32) -> Result<Fate, Rule> {
    let most = narrow(MAX_FRAME_TO_CLIENT);
    if length > most {
        return Err(Rule::TooLong { most });
    }
    let least = match kind {
        // After a fast start the relay's key comes among the other frames, if at all.
        FrameKind::SERVER_KEY if length <= SERVER_KEY.1 => SERVER_KEY.0,
        FrameKind::SERVER_INFO => NONCE,
        FrameKind::RECV_PACKET | FrameKind::PEER_GONE | FrameKind::PEER_PRESENT => KEY,
        FrameKind::PING | FrameKind::PONG | FrameKind::RESTARTING => 8,
        FrameKind::KEEP_ALIVE | FrameKind::HEALTH => 0,
        _ => return Ok(Fate::Skip),
    };
    Ok(if length < least { Fate::Skip } else { Fate::Keep })
}

fn between(length: u32, least: u32, most: u32) -> Result<Fate, Rule> {
    if length < least {
        Err(Rule::TooShort { least })
    } else if length > most {
        Err(Rule::TooLong { most })
    } else {
        Ok(Fate::Keep)
    }
}

fn exactly(length: u32, exactly: u32) -> Result<Fate, Rule> {
    if length == exactly { Ok(Fate::Keep) } else { Err(Rule::Length { exactly }) }
}

/// Constants of this protocol fit.
fn narrow(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// A header, if there are bytes enough for one.
pub(super) fn header(bytes: &[u8]) -> Option<(FrameKind, u32)> {
    let header: &[u8; HEADER_LENGTH] = bytes.first_chunk()?;
    let [kind, length @ ..] = *header;
    Some((FrameKind(kind), u32::from_be_bytes(length)))
}
