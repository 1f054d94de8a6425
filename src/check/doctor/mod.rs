//! Why a relay does not work: each layer asked, from its name to a packet relayed, and what the answers amount to.
//!
//! [`DoctorRun`] is the check; [`analyze`] concludes from its record, and again from a saved one. Only what a client would
//! see is looked at, and nothing is blamed on a layer above one that has failed. STUN needs the name alone, so it is asked
//! at once.

mod analyze;
mod clients;
mod compare;
mod copies;
mod exam;
mod local;
mod run;
#[cfg(test)]
mod tests;
mod wish;

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use analyze::analyze;
pub use compare::{SeenElsewhere, compare};
pub use local::{SeenOfRelays, TAILSCALED_SOCKET, look as look_locally};
pub use run::DoctorRun;

use crate::model::{CertName, Family, Node, Pin, RegionId};
use crate::probe::{HostFacts, HttpsTarget, LocalFacts};

/// What is looked at, and under which circumstances.
#[derive(Clone, Debug, PartialEq)]
pub struct DoctorInput {
    /// What was named on the command line.
    pub target: String,
    /// The relays. Those that are in it twice are looked at once.
    pub patients: Vec<Patient>,
    /// Whether IPv4 may be used.
    pub v4: bool,
    /// Whether IPv6 may be used.
    pub v6: bool,
    /// Seconds since 1970 by this host's clock when the run began.
    pub now_unix_s: i64,
    /// Facts of this host.
    pub host: HostFacts,
    /// Facts of this host as that of the relay, where it is.
    pub local: Option<LocalFacts>,
    /// For how much time a connection is held to see whether it is kept.
    pub hold: Option<Duration>,
    /// The time for all of it.
    pub budget: Duration,
}

/// A relay to be looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct Patient {
    /// Its name in the map, or its URL.
    pub name: String,
    /// Its region, where it is of a map.
    pub region: Option<(RegionId, String)>,
    /// Its entry, or what an address says of it.
    pub node: Node,
    /// Whether TLS is spoken.
    pub tls: bool,
    /// Whether its entry in the map, or the map as a whole, has mistakes that are errors.
    pub map_is_wrong: bool,
}

/// How long a connection is tried for, before the time its round trips take.
const CONNECT: Duration = Duration::from_millis(2400);

impl Patient {
    /// The pinned or literal addresses of a family. `None`: DNS is to be asked.
    fn fixed(&self, family: Family) -> Option<Vec<IpAddr>> {
        let pin = match family {
            Family::V4 => widened(self.node.ipv4),
            Family::V6 => widened(self.node.ipv6),
        };
        match (pin, self.node.host_address()) {
            (Pin::Address(address), _) => Some(vec![address]),
            (Pin::Disabled, _) => Some(Vec::new()),
            (Pin::Resolve, Some(literal)) => {
                Some(if Family::of(literal) == family { vec![literal] } else { Vec::new() })
            }
            (Pin::Resolve, None) => None,
        }
    }

    /// How it is reached at an address.
    fn target(&self, address: Option<IpAddr>) -> HttpsTarget {
        HttpsTarget {
            host_name: self.node.host_name.clone(),
            address,
            port: self.node.derp_port,
            cert_name: match &self.node.cert_name {
                CertName::HostName => String::new(),
                CertName::Name(name) => name.clone(),
                CertName::Sha256Raw(hash) => format!("sha256-raw:{hash}"),
            },
            insecure_for_tests: self.node.insecure_for_tests,
        }
    }

    /// The pin of its entry.
    fn pin(&self) -> Option<&str> {
        match &self.node.cert_name {
            CertName::Sha256Raw(hash) => Some(hash),
            CertName::HostName | CertName::Name(_) => None,
        }
    }
}

fn widened<A: Into<IpAddr>>(pin: Pin<A>) -> Pin<IpAddr> {
    match pin {
        Pin::Address(address) => Pin::Address(address.into()),
        Pin::Resolve => Pin::Resolve,
        Pin::Disabled => Pin::Disabled,
    }
}

/// What of an input is kept with a record beside the map, to conclude from it again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DoctorOptions {
    /// See [`DoctorInput`].
    pub v4: bool,
    /// See [`DoctorInput`].
    pub v6: bool,
    /// See [`DoctorInput`].
    pub now_unix_s: i64,
    /// See [`DoctorInput`].
    #[serde(rename = "hold_ms", with = "crate::probe::millis::option")]
    pub hold: Option<Duration>,
    /// See [`DoctorInput`].
    #[serde(rename = "budget_ms", with = "crate::probe::millis")]
    pub budget: Duration,
}
