use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::RelayQuestion;
use crate::model::{Family, HelpCookie};

/// Names a probe within a run; printed as `p3` where it serves as evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProbeId(pub u32);

impl fmt::Display for ProbeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p{}", self.0)
    }
}

/// One question to the network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    /// Its name.
    pub id: ProbeId,
    /// What is asked, and of whom.
    pub question: Question,
}

/// What a probe asks, and of whom. "Same socket" and "fresh socket" are part of the question: see [`Slot`].
///
/// Every probe ends: a `Stun` one by its answer or by silence (the driver reports no time-out for it, since how long
/// silence must last is the check's judgement), every other one by exactly one outcome within its `timeout`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Question {
    /// Which addresses of one family a name has (an A or AAAA query), asked of the system's resolvers.
    Resolve {
        /// The name.
        host: String,
        /// A or AAAA.
        family: Family,
        /// How long to wait.
        #[serde(rename = "timeout_ms", with = "super::millis")]
        timeout: Duration,
    },
    /// One STUN Binding request, one datagram, with a transaction id of its own.
    Stun {
        /// The local socket it leaves from.
        slot: Slot,
        /// Where it goes.
        server: SocketAddr,
        /// Its form.
        form: StunForm,
    },
    /// One STUN Binding request over a TCP connection of its own, which then stays open until the run ends: connections
    /// from one local port that are all open at once show one mapping, if it is one. Its answer also shows that the server
    /// is up, whatever becomes of datagrams.
    StunStream {
        /// Connections that name the same slot leave from the same local port.
        slot: Slot,
        /// Where it goes.
        server: SocketAddr,
        /// Speak TLS first, with a certificate for this name or address.
        tls: Option<String>,
        /// How long to wait for all of it.
        #[serde(rename = "timeout_ms", with = "super::millis")]
        timeout: Duration,
    },
    /// `GET /derp/latency-check` on a relay: TCP, TLS, request; each timed.
    HttpsLatency {
        /// The relay.
        target: HttpsTarget,
        /// How long to wait for all of it.
        #[serde(rename = "timeout_ms", with = "super::millis")]
        timeout: Duration,
    },
    /// One ICMP echo request.
    Icmp {
        /// Where it goes.
        address: IpAddr,
        /// How long to wait.
        #[serde(rename = "timeout_ms", with = "super::millis")]
        timeout: Duration,
    },
    /// `GET http://HOST/generate_204` with a challenge (`X-Tailscale-Challenge`), which a relay echoes in
    /// `X-Tailscale-Response` and a captive portal does not.
    CaptivePortal {
        /// The address to dial, port included.
        address: SocketAddr,
        /// The `Host` header.
        host: String,
        /// How long to wait.
        #[serde(rename = "timeout_ms", with = "super::millis")]
        timeout: Duration,
    },
    /// Whether the router offers a port-mapping service, and its WAN address where the service tells. Never
    /// creates a mapping.
    PortMapping {
        /// Which service.
        service: PortMappingService,
        /// The router.
        gateway: IpAddr,
        /// How long to wait, retransmissions included.
        #[serde(rename = "timeout_ms", with = "super::millis")]
        timeout: Duration,
    },
    /// How far one connection to a relay gets, and what is seen on the way.
    Relay(Box<RelayQuestion>),
}

/// A local UDP socket. Sockets are opened when first named and live until the end of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "socket", rename_all = "snake_case")]
pub enum Slot {
    /// The shared, unconnected socket of this family and number. All probes that name the same slot leave from the
    /// same local port.
    Shared {
        /// Its family.
        family: Family,
        /// Its number; 0 is bound to `--bind-port` where that is given.
        index: u8,
    },
    /// A socket for this probe alone, connected to the server, so that the network's refusals (ICMP port
    /// unreachable) are heard. Its local port is another one, so what it learns says nothing of the shared ones.
    Connected {
        /// Its family.
        family: Family,
    },
}

impl Slot {
    /// The family of the socket.
    #[must_use]
    pub const fn family(self) -> Family {
        match self {
            Self::Shared { family, .. } | Self::Connected { family } => family,
        }
    }
}

/// The form of a STUN Binding request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StunForm {
    /// SOFTWARE `tailnode` first, FINGERPRINT last: the only form derper answers; every RFC 8489 server does too.
    Tailnode,
    /// No attribute at all (RFC 8489).
    Plain,
    /// CHANGE-REQUEST "change port" (RFC 5780 section 7.2): answer from the same address, another port.
    ChangePort,
    /// CHANGE-REQUEST "change IP" and "change port": answer from another address and another port.
    ChangeAddressAndPort,
    /// RESPONSE-PORT (RFC 5780 section 7.5): answer to this port of the address the request comes from, on which
    /// another of our sockets may be mapped. The reply is ours wherever it is heard; `StunReply::local` tells where.
    ResponsePort(u16),
    /// Ask a relay of ours besides whether another relay helps with the test of filters: `StunReply::help` tells.
    AskForHelp,
    /// Have the other relay send the answer. The cookie is from an offer that came to the same socket.
    FromHelper(HelpCookie),
}

impl StunForm {
    /// Whether the answer is to come from where the request goes to.
    #[must_use]
    pub const fn is_answered_by_the_server_itself(self) -> bool {
        !matches!(self, Self::ChangePort | Self::ChangeAddressAndPort | Self::FromHelper(_))
    }
}

/// How to reach a relay over TLS.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HttpsTarget {
    /// The node's host name: SNI (unless it is an IP address), `Host` header, and what a proxy is asked for.
    pub host_name: String,
    /// The address to dial. `None` lets an HTTP proxy resolve the name; without a proxy that is a DNS failure.
    pub address: Option<IpAddr>,
    /// The TCP port.
    pub port: u16,
    /// `CertName` as the map has it: empty, another DNS name, or `sha256-raw:<hex>`.
    pub cert_name: String,
    /// Skip verification (a pin in `cert_name` is still enforced).
    pub insecure_for_tests: bool,
}

/// A way to ask a router for a port mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PortMappingService {
    /// UPnP Internet Gateway Device.
    Upnp,
    /// NAT-PMP (RFC 6886).
    NatPmp,
    /// PCP (RFC 6887).
    Pcp,
}
