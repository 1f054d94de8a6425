//! A box between host and internet, as data: NAT, firewall, prefix translator.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use natscope::model::{Filtering, Mapping};
use serde::{Deserialize, Serialize};

/// A NAT; or a firewall, when it has neither public addresses nor a prefix.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(clippy::struct_excessive_bools, reason = "each is a behaviour of its own, and any mix exists")]
pub(crate) struct Middlebox {
    /// Addresses on its outer side. None: it does not translate.
    pub(crate) publics: Vec<IpAddr>,
    /// It only changes the first 64 bits (`NPTv6`, RFC 6296).
    pub(crate) prefix: Option<Ipv6Addr>,
    /// RFC 4787 section 4.1. `direct` in a firewall.
    pub(crate) mapping: Mapping,
    /// RFC 4787 section 5.
    pub(crate) filtering: Filtering,
    /// RFC 4787 section 4.2.
    pub(crate) ports: Ports,
    /// How one of several public addresses is chosen.
    pub(crate) pool: Pool,
    /// RFC 4787 section 6.
    pub(crate) hairpin: bool,
    /// What it turns back keeps its inner source address (against RFC 4787 REQ-9).
    pub(crate) keeps_source: bool,
    /// Whether a carrier runs it for many customers.
    pub(crate) carrier: bool,
    /// Linux: a port is taken only towards destinations it is in use to, so two hosts may share one
    /// (against RFC 4787 REQ-3); the mapping is then made per flow, by the rules of conntrack.
    pub(crate) overload: bool,
    /// Linux: an unsolicited packet that reaches the router itself makes state, and a later flow to its sender gets
    /// another port.
    pub(crate) input_accept: bool,
    /// Seconds an idle mapping lives.
    pub(crate) lifetime_s: u32,
    /// Seconds it lives once packets went both ways for more than two seconds.
    pub(crate) stream_s: u32,
    /// Other hosts behind it that hold the port of one of our sockets.
    pub(crate) neighbours: Vec<Neighbour>,
}

/// Another host behind the same NAT, whose source port is that of one of our shared sockets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Neighbour {
    /// The number of the socket.
    pub(crate) slot: u8,
    /// Destinations it talks to; none: all of them.
    #[serde(default)]
    pub(crate) towards: Vec<IpAddr>,
}

/// How external ports are picked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Ports {
    /// The internal one if it is free, else a random one.
    Preserve,
    Random,
    /// The last one plus this.
    Sequential(u16),
    /// A random one of the block this customer has.
    Block(u16),
}

/// How one of several public addresses is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Pool {
    /// One for the host.
    Paired,
    /// By chance for each mapping.
    Arbitrary,
    /// Several uplinks, chosen by destination address.
    ByDestination,
    /// Several uplinks, chosen by flow.
    ByFlow,
}

impl Default for Middlebox {
    fn default() -> Self {
        Self {
            publics: vec![IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7))],
            prefix: None,
            mapping: Mapping::EndpointIndependent,
            filtering: Filtering::AddressAndPortDependent,
            ports: Ports::Preserve,
            pool: Pool::Paired,
            hairpin: false,
            keeps_source: false,
            carrier: false,
            overload: false,
            input_accept: false,
            lifetime_s: 120,
            stream_s: 300,
            neighbours: Vec::new(),
        }
    }
}

impl Middlebox {
    /// MASQUERADE of a Linux router, input policy drop.
    pub(crate) fn linux() -> Self {
        Self { overload: true, lifetime_s: 30, stream_s: 120, ..Self::default() }
    }

    /// A stateful firewall.
    pub(crate) fn firewall(filtering: Filtering) -> Self {
        Self { publics: Vec::new(), mapping: Mapping::Direct, filtering, ..Self::default() }
    }

    /// Whether addresses change on the way through it.
    pub(crate) const fn translates(&self) -> bool {
        !self.publics.is_empty() || self.prefix.is_some()
    }

    /// Whether there are several uplinks.
    pub(crate) fn several_uplinks(&self) -> bool {
        self.publics.len() > 1 && matches!(self.pool, Pool::ByDestination | Pool::ByFlow)
    }
}
