use std::net::{IpAddr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use super::RegionSkip;
use crate::model::{Family, RegionId};
use crate::probe::PortMappingService;

/// What a run would ask, without asking: what `--dry-run` prints.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// In the order of sending, as far as that is fixed.
    pub steps: Vec<PlanStep>,
}

/// One line of a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanStep {
    /// When it is asked.
    pub when: PlanWhen,
    /// How many times at least.
    pub copies: u32,
    /// What is asked, of whom.
    pub what: PlanWhat,
}

/// When a step is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlanWhen {
    /// In the first flight.
    AtOnce,
    /// As soon as the name is resolved.
    OnceResolved,
    /// When a server's answer says that it can.
    Offered,
    /// When servers have told at which outside endpoints they see the sockets.
    Seen,
    /// When nobody has answered over UDP by then.
    UdpSilent {
        /// After the start.
        after: Duration,
    },
    /// When the region is among the first to answer, or silent, or UDP is silent altogether.
    HomeCandidateOrSilent {
        /// After the start.
        after: Duration,
    },
    /// Not at all.
    Never,
}

/// What a step asks.
#[derive(Clone, Debug, PartialEq)]
pub enum PlanWhat {
    /// A name's addresses.
    Resolve {
        /// The name.
        host: String,
        /// A or AAAA.
        family: Family,
    },
    /// STUN to a known address.
    Stun {
        /// The region measured.
        region: RegionId,
        /// The node.
        node: String,
        /// Its STUN server.
        server: SocketAddr,
    },
    /// STUN to an address still to be resolved.
    StunByName {
        /// The region measured.
        region: RegionId,
        /// The node.
        node: String,
        /// Its host name.
        host: String,
        /// The family.
        family: Family,
        /// The UDP port.
        port: u16,
    },
    /// STUN from a socket of its own, for the mapping.
    Mapping {
        /// The number of the local socket.
        socket: u8,
        /// The server.
        server: SocketAddr,
    },
    /// STUN from two sockets a server, which is asked to answer from its other port and address (RFC 5780 section 4.4);
    /// two servers at a time in each family.
    Filtering,
    /// STUN to a relay in the form that has room for its other endpoint: does it test filters?
    FilterScout {
        /// The relay's STUN server.
        server: SocketAddr,
    },
    /// STUN over IPv6 to a server of IPv4, from the measuring and the mapping sockets, if there is a NAT64 (RFC 7050).
    BeyondNat64 {
        /// The server.
        server: SocketAddrV4,
    },
    /// From each of two sockets of this host to the outside endpoint of the other, and a request beside them.
    Hairpin,
    /// STUN over TCP: is a server up that serves nothing but STUN?
    StunStream {
        /// The server.
        server: SocketAddr,
    },
    /// The relay over HTTPS.
    Https {
        /// The region.
        region: RegionId,
        /// The host name.
        host: String,
        /// The TCP port.
        port: u16,
    },
    /// The first nodes by ICMP echo.
    Icmp,
    /// Port 80 with a challenge.
    CaptivePortal {
        /// The endpoint.
        address: SocketAddr,
    },
    /// The router.
    PortMapping {
        /// The service.
        service: PortMappingService,
        /// The router.
        gateway: IpAddr,
    },
    /// A region is left out.
    Skip {
        /// The region.
        region: RegionId,
        /// Why.
        reason: RegionSkip,
    },
}
