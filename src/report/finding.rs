use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{FindingCode, LatencyMethod, PlacedMistake, RelayFinding, ServerNote};
use crate::model::{Nat64Prefix, RegionId};
use crate::probe::Failure;

/// Something that deserves attention, with a stable code, its causes and its fix (both made in `render/`).
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What was seen.
    pub detail: FindingDetail,
}

/// How bad a finding is. `--fail-on` compares with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Something works less well than it could.
    Warning,
    /// Something is broken.
    Error,
}

impl Finding {
    /// A finding of the severity its detail has by itself.
    #[must_use]
    pub fn new(detail: FindingDetail) -> Self {
        Self { severity: detail.severity(), detail }
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &str {
        self.detail.code()
    }
}

/// What was seen. A new one takes a variant, a code and a severity here, and its words in each catalogue.
#[derive(Clone, Debug, PartialEq)]
pub enum FindingDetail {
    /// NET-001: UDP gets no answer though the relays are up.
    UdpBlocked,
    /// NET-002: a region's STUN answers and its relay does not.
    RelayDown {
        /// The region.
        region: RegionId,
        /// Its code.
        code: String,
        /// What the relay did.
        failure: Failure,
    },
    /// NET-003: a region could not be measured.
    RegionUnreachable {
        /// The region.
        region: RegionId,
        /// Its code.
        code: String,
        /// How it failed.
        failure: Failure,
    },
    /// NET-004: a captive portal is in the way.
    CaptivePortal {
        /// Where it sends a browser.
        location: Option<String>,
    },
    /// NET-005: names are answered from 198.18.0.0/15.
    FakeDns {
        /// A name.
        host: String,
        /// Its answer.
        address: IpAddr,
    },
    /// NET-006: everything was measured through a tunnel.
    ThroughTunnel {
        /// The interface.
        interface: String,
    },
    /// NET-007: a STUN server's answers were left out.
    OddServer {
        /// Its name.
        server: String,
        /// Its endpoint.
        endpoint: SocketAddr,
        /// Why.
        note: ServerNote,
    },
    /// NET-008: names of the map could not be resolved.
    DnsFailing {
        /// How many names.
        names: u32,
        /// One of them.
        example: String,
        /// How it failed.
        failure: Failure,
    },
    /// NET-009: the map is an old copy.
    StaleMap {
        /// Where it should have come from.
        url: String,
        /// Age of the copy.
        age: Duration,
        /// Why nothing newer could be had.
        because: Failure,
    },
    /// NET-010: the NAT is hard.
    HardNat,
    /// NET-011: two NATs in a row.
    DoubleNat {
        /// The router's outer address.
        wan: IpAddr,
    },
    /// NET-012: IPv6 has an address and a route, and nobody answers over it.
    Ipv6BlackHole,
    /// NET-013: UDP to the servers asked loses packets.
    PacketLoss {
        /// Share of round trips lost, 0 to 1.
        loss: f64,
        /// Round trips counted.
        of: u32,
    },
    /// NET-014: HTTPS works only through a proxy.
    ProxyOnly {
        /// The proxy.
        proxy: String,
    },
    /// NET-015: a STUN server could not be asked, or did not answer, where others did.
    ServerUnreachable {
        /// Its name.
        server: String,
        /// How it failed.
        failure: Failure,
    },
    /// NET-016: IPv6 addresses are translated on the way.
    Ipv6Translated {
        /// Only the prefix changes (`NPTv6`), so that each address stays one's own.
        prefix_only: bool,
        /// This host's.
        local: IpAddr,
        /// The one servers see.
        mapped: IpAddr,
    },
    /// NET-017: IPv4 is carried over IPv6, and a translator of the provider's makes it IPv4 again.
    Ipv4OverIpv6 {
        /// By which this was seen: this host's IPv4 address, or an IPv6 address that stands for a server's IPv4 address.
        address: IpAddr,
        /// The prefix of the NAT64, where the resolver tells it (RFC 7050).
        prefix: Option<Nat64Prefix>,
    },
    /// NET-018: a region's STUN gives no answer where others' does, and its latency is had in another way.
    StunDown {
        /// The region.
        region: RegionId,
        /// Its code.
        code: String,
        /// How it was measured instead.
        method: LatencyMethod,
        /// Whether its relay answers over TCP. `None`: nobody knows.
        relay_answers: Option<bool>,
        /// What became of the STUN packets.
        failure: Failure,
    },
    /// A mistake in a DERP map, with the code of the map catalogue.
    Map {
        /// `MAP-001` and so on.
        code: &'static str,
        /// File or URL, with line and column.
        place: String,
        /// What is wrong, in the decoder's words.
        message: String,
        /// Whether it is more than a note.
        severity: Severity,
    },
    /// What `derpmap lint` has to say of a place in a map.
    MapMistake(Box<PlacedMistake>),
    /// What the doctor has to say of a relay.
    Relay(Box<RelayFinding>),
}

impl FindingDetail {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &str {
        match self {
            Self::UdpBlocked => FindingCode::UdpBlocked.name(),
            Self::RelayDown { .. } => FindingCode::RelayDown.name(),
            Self::RegionUnreachable { .. } => FindingCode::RegionUnreachable.name(),
            Self::CaptivePortal { .. } => FindingCode::CaptivePortal.name(),
            Self::FakeDns { .. } => FindingCode::FakeDns.name(),
            Self::ThroughTunnel { .. } => FindingCode::ThroughTunnel.name(),
            Self::OddServer { .. } => FindingCode::OddServer.name(),
            Self::DnsFailing { .. } => FindingCode::DnsFailing.name(),
            Self::StaleMap { .. } => FindingCode::StaleMap.name(),
            Self::HardNat => FindingCode::HardNat.name(),
            Self::DoubleNat { .. } => FindingCode::DoubleNat.name(),
            Self::Ipv6BlackHole => FindingCode::Ipv6BlackHole.name(),
            Self::PacketLoss { .. } => FindingCode::PacketLoss.name(),
            Self::ProxyOnly { .. } => FindingCode::ProxyOnly.name(),
            Self::ServerUnreachable { .. } => FindingCode::ServerUnreachable.name(),
            Self::Ipv6Translated { .. } => FindingCode::Ipv6Translated.name(),
            Self::Ipv4OverIpv6 { .. } => FindingCode::Ipv4OverIpv6.name(),
            Self::StunDown { .. } => FindingCode::StunDown.name(),
            Self::Map { code, .. } => code,
            Self::MapMistake(placed) => placed.mistake.code().name(),
            Self::Relay(finding) => finding.fault.code().name(),
        }
    }

    /// Whether it is what the doctor has to say of a relay.
    #[must_use]
    pub const fn is_of_relay(&self) -> bool {
        matches!(self, Self::Relay(_))
    }

    /// How bad it is.
    #[must_use]
    pub const fn severity(&self) -> Severity {
        match self {
            Self::ThroughTunnel { .. }
            | Self::HardNat
            | Self::DoubleNat { .. }
            | Self::ServerUnreachable { .. }
            | Self::Ipv6Translated { .. }
            | Self::Ipv4OverIpv6 { .. } => Severity::Info,
            Self::UdpBlocked
            | Self::RelayDown { .. }
            | Self::RegionUnreachable { .. }
            | Self::CaptivePortal { .. }
            | Self::FakeDns { .. }
            | Self::OddServer { .. }
            | Self::DnsFailing { .. }
            | Self::StaleMap { .. }
            | Self::Ipv6BlackHole
            | Self::PacketLoss { .. }
            | Self::StunDown { .. }
            | Self::ProxyOnly { .. } => Severity::Warning,
            Self::Map { severity, .. } => *severity,
            Self::MapMistake(placed) => placed.mistake.severity(),
            Self::Relay(finding) => finding.fault.severity(),
        }
    }
}
