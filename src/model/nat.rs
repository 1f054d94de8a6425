use serde::{Deserialize, Serialize};

/// How a NAT chooses the external endpoint of an internal one (RFC 4787 section 4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mapping {
    /// No translation: the local endpoint is the one servers see.
    Direct,
    /// One external endpoint for all destinations.
    EndpointIndependent,
    /// One external endpoint for each destination address.
    AddressDependent,
    /// One external endpoint for each destination address and port.
    AddressAndPortDependent,
}

/// Which incoming packets a NAT or firewall lets through to an endpoint (RFC 4787 section 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Filtering {
    /// Anybody's, once the endpoint has sent anything.
    EndpointIndependent,
    /// Those from addresses the endpoint has sent to.
    AddressDependent,
    /// Those from addresses and ports the endpoint has sent to.
    AddressAndPortDependent,
}

/// How hard a NAT makes a direct path (Tailscale's Easy and Hard, with the two ends added).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Difficulty {
    /// The host has a public address of its own.
    None,
    /// The address learned from STUN is the address a peer can use.
    Easy,
    /// The mapping depends on the destination.
    Hard,
    /// UDP does not get out.
    Blocked,
}

/// The name RFC 3489 section 5 gives a combination of mapping and filtering.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NatType {
    /// No NAT, no filter.
    OpenInternet,
    /// No NAT, a stateful filter.
    SymmetricUdpFirewall,
    /// NAT1.
    FullCone,
    /// NAT2.
    RestrictedCone,
    /// NAT3.
    PortRestrictedCone,
    /// NAT4.
    Symmetric,
    /// UDP gets no answer at all.
    UdpBlocked,
    /// A combination RFC 3489 has no name for.
    Unnamed,
}

/// NAT1 to NAT4, as game consoles' and routers' users number the RFC 3489 cones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Level {
    /// Full cone.
    #[serde(rename = "NAT1")]
    Nat1,
    /// Restricted cone.
    #[serde(rename = "NAT2")]
    Nat2,
    /// Port-restricted cone.
    #[serde(rename = "NAT3")]
    Nat3,
    /// Symmetric.
    #[serde(rename = "NAT4")]
    Nat4,
}

/// How a NAT picks external ports (RFC 4787 section 4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PortAllocation {
    /// The internal port is kept.
    Preserving,
    /// The next one of a sequence.
    Sequential,
    /// No pattern.
    Random,
}

/// How a NAT with several external addresses chooses among them (RFC 4787 section 4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pooling {
    /// All mappings of a host share one external address.
    Paired,
    /// Mappings of one host may get different external addresses.
    Arbitrary,
}
