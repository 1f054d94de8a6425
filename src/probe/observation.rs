use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Failure, Moment, ProbeId, RelayAnswer, Slot, Stage};
use crate::model::FilterHelp;

/// What was heard, and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// The probe it answers; `None` for a datagram that answers none ([`Outcome::Stray`]).
    pub probe: Option<ProbeId>,
    /// When the probe really left (a moment after the check asked for it).
    #[serde(rename = "sent_at_ms")]
    pub sent_at: Moment,
    /// When the answer arrived, or the failure became known.
    #[serde(rename = "at_ms")]
    pub at: Moment,
    /// The answer.
    pub outcome: Outcome,
}

impl Observation {
    /// Time from sending to hearing.
    #[must_use]
    pub const fn round_trip(&self) -> Duration {
        self.at.since(self.sent_at)
    }
}

/// The answer to a probe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// A STUN server answered this probe for the first time.
    Stun(StunReply),
    /// A further answer to a STUN probe already answered: a duplicate on the way, or a second server.
    StunDuplicate(StunReply),
    /// A STUN probe's own request arrived at another socket of this run: a NAT turned it back in. A probe whose request
    /// comes back may be answered as well.
    CameBack {
        /// The socket it arrived at.
        slot: Slot,
        /// Who seems to have sent it: our own endpoint on the outside, or, where the NAT left that as it was, on the inside.
        from: SocketAddr,
    },
    /// A datagram that answers no probe: an unknown transaction, another socket's, or no STUN at all.
    Stray {
        /// The socket it came to.
        slot: Slot,
        /// Who sent it.
        from: SocketAddr,
        /// What is wrong with it, in a few words.
        problem: String,
    },
    /// A name's addresses.
    Resolved(ResolveAnswer),
    /// A relay's HTTPS endpoint answered.
    Https(HttpsAnswer),
    /// An ICMP echo reply.
    Icmp(IcmpAnswer),
    /// Somebody answered the captive-portal request.
    Portal(PortalAnswer),
    /// A router answered.
    PortMapping(PortMappingAnswer),
    /// A relay, or whoever stands in its place, was asked.
    Relay(Box<RelayAnswer>),
    /// The probe failed, and this is how.
    Failed(Failure),
    /// The run ended while the probe was still under way. Not a failure: nobody knows what would have become of it.
    Unfinished {
        /// What was being waited for.
        stage: Stage,
    },
}

/// A STUN response to one of our transactions, received on the socket the request left from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StunReply {
    /// Who sent the reply, unmapped. Not always whom the request went to.
    pub from: SocketAddr,
    /// The local endpoint the request left from: the address the routing table picks for that server and the
    /// socket's port. `None` when the system would not tell.
    pub local: Option<SocketAddr>,
    /// Our endpoint as the server saw it: XOR-MAPPED-ADDRESS, else MAPPED-ADDRESS; unmapped. `None` in an error response.
    pub mapped: Option<SocketAddr>,
    /// MAPPED-ADDRESS, when the reply has one beside XOR-MAPPED-ADDRESS and it differs: a middlebox rewrote it.
    pub rewritten: Option<SocketAddr>,
    /// OTHER-ADDRESS (RFC 5780), or CHANGED-ADDRESS of RFC 3489.
    pub other_address: Option<SocketAddr>,
    /// RESPONSE-ORIGIN (RFC 5780), or SOURCE-ADDRESS of RFC 3489.
    pub response_origin: Option<SocketAddr>,
    /// SOFTWARE.
    pub software: Option<String>,
    /// A relay's offer to have a packet sent from another relay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<FilterHelp>,
    /// The code of an error response.
    pub error_code: Option<u16>,
    /// What was wrong with the reply without making it useless, in a few words each.
    pub problems: Vec<String>,
}

impl StunReply {
    /// A reply from there that says nothing, for struct update syntax.
    #[must_use]
    pub const fn bare(from: SocketAddr) -> Self {
        Self {
            from,
            local: None,
            mapped: None,
            rewritten: None,
            other_address: None,
            response_origin: None,
            software: None,
            help: None,
            error_code: None,
            problems: Vec::new(),
        }
    }
}

/// A name's addresses of the family asked for. Empty: the name exists and has none of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResolveAnswer {
    /// In the resolver's order.
    pub addresses: Vec<IpAddr>,
}

/// A relay's answer to `GET /derp/latency-check`, phase by phase.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HttpsAnswer {
    /// Who answered; the proxy when there is one.
    pub remote: SocketAddr,
    /// The HTTP(S) or SOCKS proxy in between, without credentials.
    pub via_proxy: Option<String>,
    /// TCP handshake: one round trip (to the proxy when there is one).
    #[serde(rename = "connect_ms", with = "super::millis")]
    pub connect: Duration,
    /// TLS handshake.
    #[serde(rename = "tls_ms", with = "super::millis")]
    pub tls: Duration,
    /// From sending the request to the response head: one round trip and the server's work.
    #[serde(rename = "request_ms", with = "super::millis")]
    pub request: Duration,
    /// HTTP status.
    pub status: u16,
    /// Lower-case hex SHA-256 of the leaf certificate's DER.
    pub cert_sha256: Option<String>,
}

/// An ICMP echo reply.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IcmpAnswer {
    /// Who replied.
    pub from: IpAddr,
}

/// The answer to a captive-portal request, whoever gave it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PortalAnswer {
    /// HTTP status.
    pub status: u16,
    /// `Location` of a redirect.
    pub location: Option<String>,
    /// Whether `X-Tailscale-Response` echoed our challenge.
    pub challenge_echoed: bool,
    /// Whether the body was empty, as that of a 204 is.
    pub body_empty: bool,
}

/// A router's answer about one port-mapping service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PortMappingAnswer {
    /// Whether the service says it would map ports (it may also answer that it must not, or knows not how).
    pub available: bool,
    /// The router's address on its outer side, where the service tells.
    pub wan_address: Option<IpAddr>,
    /// The result code as the service sent it: of NAT-PMP (RFC 6886 section 3.5), of PCP (RFC 6887 section 7.4; 12,
    /// `ADDRESS_MISMATCH`, means a NAT stands between this host and the server), or the `errorCode` of a UPnP fault. 0 is
    /// success. `None` where no such code was received.
    #[serde(default)]
    pub result_code: Option<u16>,
    /// What the router said of itself: product, result code; in a few words.
    pub detail: Option<String>,
}
