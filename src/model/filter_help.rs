use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// What a relay gives whoever asks for help with the test of filters, and wants back: it shows that the request it comes
/// with is from where the relay saw the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HelpCookie(pub [u8; 8]);

/// A relay's offer to have a packet sent from elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FilterHelp {
    /// Another relay's STUN endpoint, which the packet comes from.
    pub from: SocketAddr,
    /// Another port of the relay itself, which it answers from when asked to change the port (RFC 5780 section 7.2).
    /// `None`: it has none.
    pub port: Option<u16>,
    /// To be shown with the request for the packet, from the same endpoint and within a minute.
    pub cookie: HelpCookie,
}
