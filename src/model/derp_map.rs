use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

/// The number of a DERP region: 1 to 2^53 − 1; 900 to 999 are for self-hosted ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RegionId(pub u64);

impl fmt::Display for RegionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The relays a client may use, by region (Tailscale's `DERPMap`).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DerpMap {
    /// Regions by their key in the map.
    pub regions: BTreeMap<RegionId, Region>,
    /// How the home region is to be chosen.
    pub home_params: HomeParams,
    /// Whether Tailscale's control plane is to leave its own regions out. Clients only carry it.
    pub omit_default_regions: bool,
}

/// `HomeParams` of a map.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HomeParams {
    /// Factor on a region's latency when the home region is chosen; a missing one is 1. Always greater than 0.
    pub region_score: BTreeMap<RegionId, f64>,
}

/// A group of relays close to each other (Tailscale's `DERPRegion`).
#[derive(Clone, Debug, PartialEq)]
pub struct Region {
    /// The key of the region in the map.
    pub id: RegionId,
    /// Short name, as `fra`.
    pub code: String,
    /// Long name, as `Frankfurt`.
    pub name: String,
    /// Degrees north, 0 when not given.
    pub latitude: f64,
    /// Degrees east, 0 when not given.
    pub longitude: f64,
    /// Deprecated: not to become home unless it is already.
    pub avoid: bool,
    /// Never measured and never home, still usable to reach a peer.
    pub no_measure_no_home: bool,
    /// Relays in order of priority.
    pub nodes: Vec<Node>,
}

/// One relay of a region (Tailscale's `DERPNode`).
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Unique over the whole map, as `900a`.
    pub name: String,
    /// The region it belongs to.
    pub region_id: RegionId,
    /// DNS name or IP address: what is dialled, the SNI and the HTTP `Host`.
    pub host_name: String,
    /// How its certificate is checked.
    pub cert_name: CertName,
    /// Its IPv4 address.
    pub ipv4: Pin<Ipv4Addr>,
    /// Its IPv6 address.
    pub ipv6: Pin<Ipv6Addr>,
    /// UDP port of its STUN server, `None` when it has none.
    pub stun_port: Option<u16>,
    /// It answers STUN and relays nothing.
    pub stun_only: bool,
    /// TCP port of the relay.
    pub derp_port: u16,
    /// Its certificate is not verified.
    pub insecure_for_tests: bool,
    /// Overrides the address STUN is sent to.
    pub stun_test_ip: Option<IpAddr>,
    /// It answers captive-portal checks on TCP port 80.
    pub can_port_80: bool,
}

/// `CertName` of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CertName {
    /// Empty: the certificate is for the host name.
    #[default]
    HostName,
    /// The certificate is for this other DNS name (domain fronting).
    Name(String),
    /// `sha256-raw:<hex>`: the text after the colon must equal the lower-case hex SHA-256 of the whole leaf
    /// certificate. Kept as written, since clients compare strings: an upper-case pin never matches.
    Sha256Raw(String),
}

/// How the map gives a node's address of one family.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pin<A> {
    /// Not given: ask DNS for the host name.
    #[default]
    Resolve,
    /// This one.
    Address(A),
    /// Any other text, as `none`: the node has no address of this family.
    Disabled,
}

impl Node {
    /// The UDP port of STUN when the map does not say.
    pub const DEFAULT_STUN_PORT: u16 = 3478;
    /// The TCP port of the relay when the map does not say.
    pub const DEFAULT_DERP_PORT: u16 = 443;

    /// A node with the defaults of Tailscale's client for everything the map leaves out.
    #[must_use]
    pub fn new(name: impl Into<String>, region_id: RegionId, host_name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            region_id,
            host_name: host_name.into(),
            cert_name: CertName::default(),
            ipv4: Pin::default(),
            ipv6: Pin::default(),
            stun_port: Some(Self::DEFAULT_STUN_PORT),
            stun_only: false,
            derp_port: Self::DEFAULT_DERP_PORT,
            insecure_for_tests: false,
            stun_test_ip: None,
            can_port_80: false,
        }
    }

    /// The host name when it is itself an IP address (brackets around IPv6 allowed).
    #[must_use]
    pub fn host_address(&self) -> Option<IpAddr> {
        let text = self.host_name.trim_start_matches('[').trim_end_matches(']');
        text.parse().ok()
    }
}

impl Region {
    /// A region without nodes.
    #[must_use]
    pub fn new(id: RegionId, code: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            id,
            code: code.into(),
            name: name.into(),
            latitude: 0.0,
            longitude: 0.0,
            avoid: false,
            no_measure_no_home: false,
            nodes: Vec::new(),
        }
    }

    /// Whether a relay connection to the region is possible at all: it has a node that is not STUN-only.
    #[must_use]
    pub fn has_relay(&self) -> bool {
        self.nodes.iter().any(|node| !node.stun_only)
    }
}
