use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::{PathReport, Verdict};
use crate::model::RegionId;
use crate::probe::{Failure, PortMappingService};

/// The netcheck block of a report.
#[derive(Clone, Debug, PartialEq)]
pub struct Netcheck {
    /// Whether UDP reaches the STUN servers of the map and their answers come back.
    pub udp: Verdict<bool>,
    /// IPv4.
    pub ipv4: FamilyReport,
    /// IPv6.
    pub ipv6: FamilyReport,
    /// Whether ICMP echo gets answers.
    pub icmp: Verdict<bool>,
    /// Whether a captive portal stands in the way.
    pub captive_portal: Verdict<bool>,
    /// Port-mapping services of the router.
    pub port_mapping: PortMappingReport,
    /// The router's own idea of its outer address, compared with STUN's.
    pub router: RouterReport,
    /// The region a client would choose as its home, with why this one.
    pub home_region: Verdict<RegionId>,
    /// Every region of the map, in order of id.
    pub regions: Vec<RegionReport>,
    /// What stands between this host and the internet, as far as the host itself tells.
    pub path: PathReport,
}

/// What was learned over one address family.
#[derive(Clone, Debug, PartialEq)]
pub struct FamilyReport {
    /// Whether anything was reached over it.
    pub usable: Verdict<bool>,
    /// Whether the operating system can open its sockets.
    pub os_support: bool,
    /// Local addresses of interfaces that are up, loopback and link-local ones left out.
    pub local: Vec<IpAddr>,
    /// The endpoint most servers see us at.
    pub global: Verdict<SocketAddr>,
    /// Every endpoint servers saw the measuring socket at, and how many servers did.
    pub observed: BTreeMap<SocketAddr, u32>,
}

/// Port-mapping services the router offers. Asking created no mapping.
#[derive(Clone, Debug, PartialEq)]
pub struct PortMappingReport {
    /// UPnP IGD.
    pub upnp: Verdict<bool>,
    /// NAT-PMP.
    pub nat_pmp: Verdict<bool>,
    /// PCP.
    pub pcp: Verdict<bool>,
}

impl PortMappingReport {
    /// The verdict on one service.
    #[must_use]
    pub const fn of(&self, service: PortMappingService) -> &Verdict<bool> {
        match service {
            PortMappingService::Upnp => &self.upnp,
            PortMappingService::NatPmp => &self.nat_pmp,
            PortMappingService::Pcp => &self.pcp,
        }
    }
}

/// The router's own idea of its outer address.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RouterReport {
    /// The default gateway.
    pub gateway: Option<IpAddr>,
    /// Its address on the outer side, and which service told.
    pub wan_address: Option<(IpAddr, PortMappingService)>,
    /// Whether that is the address STUN servers see: `None` when either is not known.
    pub wan_is_mapped_address: Option<bool>,
}

/// One region.
#[derive(Clone, Debug, PartialEq)]
pub struct RegionReport {
    /// Its id.
    pub id: RegionId,
    /// Its short name.
    pub code: String,
    /// Its long name.
    pub name: String,
    /// Best round trip of any node over any family, by `method`.
    pub latency: Option<Duration>,
    /// Best STUN round trip over IPv4.
    pub ipv4: Option<Duration>,
    /// Best STUN round trip over IPv6.
    pub ipv6: Option<Duration>,
    /// How `latency` was measured.
    pub method: Option<LatencyMethod>,
    /// Share of STUN round trips lost, 0 to 1; `None` when no copy's fate was settled.
    pub loss: Option<f64>,
    /// Mean difference of successive round trips to one node (as RFC 3550's jitter); `None` with fewer than two.
    pub jitter: Option<Duration>,
    /// STUN round trips measured.
    pub samples: u32,
    /// Why it has no latency, or why only by a lesser method.
    pub failure: Option<Failure>,
    /// Why it was not measured at all.
    pub skipped: Option<RegionSkip>,
    /// Whether the relay itself answered over TCP: `None` when it was not asked.
    pub relay_answers: Option<bool>,
    /// Its nodes, in the map's order.
    pub nodes: Vec<NodeReport>,
}

/// How a latency was measured. Only equal methods compare exactly: HTTPS includes the server's work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LatencyMethod {
    /// STUN over UDP.
    Stun,
    /// A request over an established TLS connection.
    Https,
    /// ICMP echo.
    Icmp,
}

/// Why a region was left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegionSkip {
    /// The map says `NoMeasureNoHome`.
    NoMeasure,
    /// The map gives it no nodes.
    NoNodes,
    /// No node has an address of a family in use, a STUN port, or a relay that may be asked.
    NothingToAsk,
    /// The run ended before it was asked.
    NotAsked,
}

/// One node of a region.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeReport {
    /// Its name in the map.
    pub name: String,
    /// Its host name.
    pub host: String,
    /// Best STUN round trip over IPv4.
    pub ipv4: Option<Duration>,
    /// Best STUN round trip over IPv6.
    pub ipv6: Option<Duration>,
    /// Why it was not reached.
    pub failure: Option<Failure>,
}
