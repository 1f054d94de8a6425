//! The netcheck: is UDP open, what are my public endpoints, how far is each DERP region, which is home?
//!
//! [`NetcheckCheck`] decides what to ask next; [`analyze`] concludes from the record of what was heard. Neither
//! knows a socket or a word of prose, and the second never looks at the first, so a saved record concludes again.

mod analyze;
mod home;
mod names;
mod plan;
mod relays;
mod run;
mod schedule;
mod timing;
mod tracks;

use std::time::Duration;

pub(in crate::check) use analyze::tunnel;
pub use analyze::{Analysis, analyze};
pub use plan::plan;
pub use run::NetcheckCheck;
use serde::{Deserialize, Serialize};

use crate::model::{DerpMap, RegionId};
use crate::probe::HostFacts;

/// Everything a netcheck starts from.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// The map in force, filtered by `--region`.
    pub map: DerpMap,
    /// What the operating system says.
    pub host: HostFacts,
    /// What to leave out.
    pub options: Options,
    /// The home region of the run before, which is kept unless another one is better by enough.
    pub previous_home: Option<RegionId>,
}

/// What a netcheck measures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of the command line, and any mix makes sense")]
pub struct Options {
    /// Over IPv4.
    pub ipv4: bool,
    /// Over IPv6.
    pub ipv6: bool,
    /// The NAT's mapping.
    pub nat: bool,
    /// The NAT's filtering, with the help of servers that speak RFC 5780.
    #[serde(default)]
    pub filtering: bool,
    /// Whether packets to our own outside endpoint come back.
    #[serde(default)]
    pub hairpin: bool,
    /// Local sockets that ask about the mapping, beside the measuring one: two, or more to see more of how ports and
    /// addresses are picked.
    #[serde(default = "usual_sockets")]
    pub sockets: u8,
    /// The router's port-mapping services.
    pub port_mapping: bool,
    /// Relays over HTTPS.
    pub https: bool,
    /// ICMP echo.
    pub icmp: bool,
    /// Captive portals.
    pub captive_portal: bool,
    /// The longest the run may take.
    #[serde(rename = "budget_ms", with = "crate::probe::millis")]
    pub budget: Duration,
}

impl Options {
    /// The fewest and the most sockets that may ask about the mapping.
    pub const SOCKETS: std::ops::RangeInclusive<u8> = usual_sockets()..=32;
}

const fn usual_sockets() -> u8 {
    2
}

impl Default for Options {
    fn default() -> Self {
        Self {
            ipv4: true,
            ipv6: true,
            nat: true,
            filtering: false,
            hairpin: true,
            sockets: usual_sockets(),
            port_mapping: true,
            https: true,
            icmp: true,
            captive_portal: true,
            budget: timing::BUDGET,
        }
    }
}
