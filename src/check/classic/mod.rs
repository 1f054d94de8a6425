//! The classic procedure of RFC 3489 section 10.1, as other programs run it: Test I, II, I again at the other address,
//! III, one after the other on one socket, against one server.
//!
//! Three things are done better than the procedure asks for, so that it says what it means to say: requests are repeated
//! as the loss seen demands, so that a lost packet is no "no"; the source of every answer is compared with what was
//! asked for; and silence counts only if the same answers reach a second socket, which the procedure does not know. That
//! socket also tells where the order of the packets has misled.

mod conclude;
mod run;

use std::net::SocketAddr;
use std::time::Duration;

pub use run::ClassicCheck;
use serde::{Deserialize, Serialize};

use crate::model::NatType;

/// What the classic procedure starts from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The server to ask.
    pub server: SocketAddr,
    /// Its best round trip, where that is known.
    pub round_trip: Option<Duration>,
    /// What separate sockets and several servers have told.
    pub verdict: Option<NatType>,
}
