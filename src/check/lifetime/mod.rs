//! How long does a NAT keep a mapping that nothing passes through?
//!
//! A mapping is opened, left alone, and at a certain age tried *from outside*: a server that it has talked to is asked
//! to send to it. Nothing else proves a mapping's death: a request from inside opens it anew, often on the same port.
//! Two ways to have a server send, both of RFC 5780:
//!
//! - RESPONSE-PORT, asked from another socket: the answer goes to the port of the idle mapping. Right for every NAT
//!   whose sockets share an external address.
//! - CHANGE-REQUEST, asked from the idle socket: its mapping is refreshed by that, but what the answer comes through is
//!   the permission of the *other* endpoint, which has been idle. Right only where a filter is known to be there and
//!   all destinations share a mapping.
//!
//! All ages are tried in parallel, each on a socket of its own and once: the run lasts as long as the first mapping
//! found dead, not the sum of a search. Silence counts as death only if copies sent at the same time to a mapping kept
//! alive came through. Every age is a bound: the time since the NAT last saw a packet of the mapping is known to lie
//! between what this host sent and heard.

mod conclude;
mod flow;
mod grid;
mod help;
mod run;
mod trial;

use std::net::SocketAddr;
use std::time::Duration;

pub use run::{LifetimeCheck, Progress};
use serde::{Deserialize, Serialize};

use crate::model::Family;

/// What a lifetime test starts from: what a run of the NAT's other tests has told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The family to test over.
    pub family: Family,
    /// Servers that may help, best first, and their best round trip.
    pub servers: Vec<(SocketAddr, Option<Duration>)>,
    /// Whether a filter is known that lets in nobody but addresses that were sent to.
    pub filters: bool,
    /// Whether the mapping is known not to depend on the destination.
    pub same_mapping: bool,
    /// The longest the test may take.
    #[serde(rename = "limit_ms", with = "crate::probe::millis")]
    pub limit: Duration,
}

/// The longest a test takes unless told otherwise: the last age, with room for opening and trying.
pub const LIMIT: Duration = Duration::from_secs(11 * 60);

/// Which traffic a mapping has seen before it was left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    /// One request and its answer.
    Single,
    /// Four, spread over more than three seconds: Linux counts a flow as a stream after two.
    Stream,
}

impl Class {
    const BOTH: [Self; 2] = [Self::Single, Self::Stream];

    const fn exchanges(self) -> u32 {
        match self {
            Self::Single => 1,
            Self::Stream => 4,
        }
    }
}

/// Between the exchanges of a stream.
const BETWEEN_EXCHANGES: Duration = Duration::from_millis(1050);

/// Ages tried, in milliseconds. Each is less than half again as much as the one before (the first few apart, which
/// are soon over), so that the first one found dead is not much older than the truth; none is one that
/// makers of NATs choose (5, 10, 20, 30, 60, 120, 180, 300, 600 s), where the outcome would hang on milliseconds.
const AGES_MS: [u64; 14] = [
    3_500, 7_000, 12_000, 17_000, 25_000, 35_000, 50_000, 70_000, 100_000, 140_000, 200_000, 280_000, 400_000, 620_000,
];

/// How much later than the others, in milliseconds, sockets are opened that are kept for when the first mapping is
/// found dead: they are that much younger then, and split what is left to search at once.
const SPARES_MS: [u64; 8] = [800, 1_700, 3_600, 7_500, 15_000, 31_000, 63_000, 127_000];

/// From the end of the last exchange until everything about an age is known: copies, their waiting, a late answer.
const TRYING: Duration = Duration::from_secs(3);

/// Between copies of one try.
const BETWEEN_COPIES: Duration = Duration::from_millis(25);
