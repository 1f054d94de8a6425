//! The mapping of TCP, with or without TLS: which endpoint does each server see a local port at?
//!
//! As the netcheck does over UDP, and as RFC 5780 section 4.3 has it: connections from one local port to servers of
//! several operators, all held open at once, since a second connection from a port says nothing of the first one's
//! mapping once that is gone. Several local ports, so that one collision decides nothing. What a NAT lets in cannot be
//! found out this way: nobody can send to a connection but its peer.

mod conclude;
mod run;

use std::net::IpAddr;
use std::time::Duration;

pub use run::{Heard, StreamCheck};
use serde::{Deserialize, Serialize};

use crate::probe::Failure;
use crate::report::Nat;

/// What the check starts from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Whom to ask.
    pub servers: Vec<Server>,
    /// Over TLS.
    pub tls: bool,
    /// Over IPv4.
    pub ipv4: bool,
    /// Over IPv6.
    pub ipv6: bool,
    /// The longest it may take.
    #[serde(rename = "budget_ms", with = "crate::probe::millis")]
    pub budget: Duration,
}

/// A server to ask.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// What to call it.
    pub name: String,
    /// Its name in the DNS and in its certificate, or its address.
    pub host: String,
    /// Its TCP port.
    pub port: u16,
}

impl Server {
    /// Its address, where that is what it was named by.
    fn address(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }
}

/// What was concluded.
#[derive(Clone, Debug, PartialEq)]
pub struct Analysis {
    /// The mapping over IPv4; `None`: no server has such an address.
    pub nat_v4: Option<Nat>,
    /// The mapping over IPv6.
    pub nat_v6: Option<Nat>,
    /// Servers that could not be asked, by name, and why.
    pub failed: Vec<(String, Failure)>,
    /// Whether anybody answered.
    pub answered: bool,
}
