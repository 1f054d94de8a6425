use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::{Classic, Lifetime, Verdict};
use crate::model::{Difficulty, Filtering, Level, Mapping, NatType, Pooling, PortAllocation, Transport};

/// What is known of the NAT over one address family.
#[derive(Clone, Debug, PartialEq)]
pub struct Nat {
    /// What servers were asked over.
    pub transport: Transport,
    /// The SOCKS5 proxy they were asked through, whose NAT this then is; without credentials.
    pub proxy: Option<String>,
    /// Easy or hard.
    pub difficulty: Verdict<Difficulty>,
    /// The same with a verified port mapping counted in.
    pub effective: Verdict<Difficulty>,
    /// RFC 3489's name.
    pub nat_type: Verdict<NatType>,
    /// NAT1 to NAT4.
    pub level: Option<Level>,
    /// RFC 4787 mapping behaviour.
    pub mapping: Verdict<Mapping>,
    /// Whether the mapping depends on the destination, where `mapping` cannot say on what of it.
    pub mapping_varies: Verdict<bool>,
    /// RFC 4787 filtering behaviour.
    pub filtering: Verdict<Filtering>,
    /// Whether packets to our own external endpoint come back.
    pub hairpinning: Verdict<bool>,
    /// Whether the external port is the local one.
    pub port_preservation: Verdict<bool>,
    /// How external ports are picked.
    pub port_allocation: Verdict<PortAllocation>,
    /// How external addresses are picked.
    pub pooling: Verdict<Pooling>,
    /// How long a mapping may be idle and is certain to live, whatever it has carried before.
    pub mapping_lifetime: Verdict<Duration>,
    /// How long idle mappings live, in full. `None`: not measured.
    pub lifetime: Option<Lifetime>,
    /// What the classic procedure of RFC 3489 says. `None`: not asked.
    pub classic: Option<Classic>,
    /// Whether a carrier's NAT (CGN) is on the path.
    pub carrier_grade: Verdict<bool>,
    /// External endpoints seen, most seen first.
    pub mapped: Vec<SocketAddr>,
    /// Local endpoints used.
    pub local: Vec<SocketAddr>,
    /// Servers asked, and what they said.
    pub servers: Vec<StunServer>,
}

/// What one STUN server said.
#[derive(Clone, Debug, PartialEq)]
pub struct StunServer {
    /// Its name in the map, or its host.
    pub server: String,
    /// Its endpoint.
    pub endpoint: SocketAddr,
    /// Whether it advertises RFC 5780.
    pub rfc5780: bool,
    /// Best round trip.
    pub round_trip: Option<Duration>,
    /// Whether its answers were used for verdicts.
    pub trusted: bool,
    /// Why not.
    pub note: Option<ServerNote>,
}

/// Why a server's answers were not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerNote {
    /// It never answered.
    Silent,
    /// Its replies came from another endpoint.
    WrongSource {
        /// Where they came from.
        from: SocketAddr,
    },
    /// It saw us at a private address though it is on the internet: a NAT or proxy of its own stands before it.
    ServerSideNat {
        /// What it saw.
        saw: IpAddr,
    },
    /// On every socket it saw another endpoint than all the others did.
    Outlier {
        /// What it saw.
        saw: SocketAddr,
    },
    /// It is inside this host's own network, where others are across the internet: it says nothing of a NAT on the way
    /// there. No fault of the server's.
    NotOnInternet,
    /// It is reached through a NAT64, so it tells of IPv4. No fault of the server's.
    ThroughNat64,
    /// It answered without a mapped endpoint.
    NoMappedAddress,
}
