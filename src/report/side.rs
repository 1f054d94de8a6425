use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use super::Confidence;
use crate::model::{Difficulty, Family, Filtering, Pooling, PortAllocation};

/// What decides whether a host can be reached directly: the facts of one report, without how they were measured.
/// `None` is not known, never "no".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Side {
    /// Over IPv4.
    pub v4: FamilyFacts,
    /// Over IPv6.
    pub v6: FamilyFacts,
    /// Addresses of this host's own, of either family.
    pub local: BTreeSet<IpAddr>,
    /// The default gateway.
    pub gateway: Option<IpAddr>,
    /// Whether a carrier's NAT (CGN) is on the path.
    pub carrier_grade: Option<bool>,
    /// Whether a second NAT stands behind the router: its outer address is not the one servers see.
    pub double_nat: Option<bool>,
    /// Whether everything was measured through a tunnel (VPN).
    pub tunnel: bool,
    /// Whether something answers in others' names (a proxy with fake addresses), so that little is certain.
    pub proxied: bool,
    /// Whether addresses are pseudonyms, which mean nothing outside of their own report.
    pub redacted: bool,
}

impl Side {
    /// The facts of one family.
    #[must_use]
    pub const fn family(&self, family: Family) -> &FamilyFacts {
        match family {
            Family::V4 => &self.v4,
            Family::V6 => &self.v6,
        }
    }

    /// The same, to change.
    pub const fn family_mut(&mut self, family: Family) -> &mut FamilyFacts {
        match family {
            Family::V4 => &mut self.v4,
            Family::V6 => &mut self.v6,
        }
    }
}

/// What one address family is good for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FamilyFacts {
    /// Whether UDP gets to the internet and back.
    pub udp: Option<bool>,
    /// How hard the NAT is. [`Difficulty::Blocked`] says what `udp` says when it is false.
    pub difficulty: Option<Difficulty>,
    /// What it lets in.
    pub filtering: Option<Filtering>,
    /// How it picks external ports.
    pub allocation: Option<PortAllocation>,
    /// How it picks external addresses.
    pub pooling: Option<Pooling>,
    /// Whether packets to an external endpoint of its own come back in.
    pub hairpinning: Option<bool>,
    /// Whether a port mapping was made and proven to let anybody in.
    pub port_mapped: bool,
    /// External endpoints servers have seen, on the internet.
    pub mapped: BTreeSet<SocketAddr>,
    /// How sure the report is of the difficulty; `None` where it does not say.
    pub confidence: Option<Confidence>,
}
