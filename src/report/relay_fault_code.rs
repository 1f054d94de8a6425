//! Where a fault belongs, its code, and how bad it is.

use super::{FileProblem, FindingCode, Layer, RelayFault, Severity};

impl RelayFault {
    /// The layer it belongs to.
    #[must_use]
    pub const fn layer(&self) -> Layer {
        match self {
            Self::NoAddress { .. }
            | Self::NotLookedUp { .. }
            | Self::AddressDiffers { .. }
            | Self::FakeAddress { .. } => Layer::Dns,
            Self::Tcp { .. } | Self::Proxy { .. } => Layer::Tcp,
            Self::PlainHttp { .. }
            | Self::Alert { .. }
            | Self::NameMismatch { .. }
            | Self::Untrusted { .. }
            | Self::PinMismatch { .. }
            | Self::NotAlone { .. }
            | Self::Expired { .. }
            | Self::ExpiresSoon { .. }
            | Self::NotYetValid { .. }
            | Self::Certificate { .. }
            | Self::ClockSkew { .. }
            | Self::SniFiltered { .. }
            | Self::TlsBroken { .. } => Layer::Tls,
            Self::NotDerp { .. }
            | Self::NoUpgrade { .. }
            | Self::WebSocketOnly { .. }
            | Self::Http2Only
            | Self::Cdn { .. }
            | Self::LatencyCheck { .. }
            | Self::Port80 { .. }
            | Self::NoHttp { .. } => Layer::Http,
            Self::NoServerKey { .. }
            | Self::NotAdmitted
            | Self::NoGreeting { .. }
            | Self::FastStartBroken { .. }
            | Self::SeveralKeys { .. }
            | Self::NotDelivered { .. }
            | Self::OpenRelay
            | Self::NotKept { .. }
            | Self::FailOpen
            | Self::NoKeepAlive { .. } => Layer::Derp,
            Self::NoStun { .. }
            | Self::TailnodeOnly { .. }
            | Self::MappedOdd { .. }
            | Self::NoStunOver { .. }
            | Self::StunFromElsewhere { .. } => Layer::Stun,
            Self::OneSided { .. }
            | Self::NotListening { .. }
            | Self::PortUnknown { .. }
            | Self::LoopbackOnly { .. }
            | Self::ClockUnsynchronized
            | Self::CertificateFile { .. }
            | Self::NoTailscaled { .. } => Layer::Path,
        }
    }

    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> FindingCode {
        use FindingCode as Code;
        match self {
            Self::NoAddress { .. } | Self::NotLookedUp { .. } => Code::DnsNoAddress,
            Self::AddressDiffers { .. } => Code::DnsDiffers,
            Self::FakeAddress { .. } => Code::DnsFake,
            Self::Tcp { .. } => Code::TcpClosed,
            Self::Proxy { .. } => Code::TcpProxy,
            Self::PlainHttp { .. } => Code::TlsPlainHttp,
            Self::Alert { .. } => Code::TlsAlert,
            Self::NameMismatch { .. } => Code::TlsName,
            Self::Untrusted { .. } => Code::TlsUntrusted,
            Self::PinMismatch { .. } | Self::NotAlone { .. } => Code::TlsPin,
            Self::Expired { .. } | Self::ExpiresSoon { .. } | Self::NotYetValid { .. } => Code::TlsValidity,
            Self::ClockSkew { .. } => Code::TlsClock,
            Self::SniFiltered { .. } => Code::TlsSni,
            Self::TlsBroken { .. } => Code::TlsBroken,
            Self::Certificate { .. } => Code::TlsCertificate,
            Self::NotDerp { .. } => Code::HttpNotDerp,
            Self::NoUpgrade { .. } => Code::HttpNoUpgrade,
            Self::WebSocketOnly { .. } => Code::HttpWebSocketOnly,
            Self::Http2Only => Code::HttpTwoOnly,
            Self::Cdn { .. } => Code::HttpCdn,
            Self::LatencyCheck { .. } | Self::Port80 { .. } => Code::HttpEndpoints,
            Self::NoHttp { .. } => Code::HttpNone,
            Self::NoServerKey { .. } | Self::NoGreeting { .. } => Code::DerpGarbled,
            Self::NotAdmitted => Code::DerpNotAdmitted,
            Self::SeveralKeys { .. } => Code::DerpSeveralKeys,
            Self::NotDelivered { .. } => Code::DerpNotDelivered,
            Self::OpenRelay => Code::DerpOpen,
            Self::NotKept { .. } | Self::NoKeepAlive { .. } => Code::DerpNotKept,
            Self::FastStartBroken { .. } => Code::DerpFastStart,
            Self::NoStun { .. } => Code::StunNone,
            Self::TailnodeOnly { .. } => Code::StunTailnodeOnly,
            Self::MappedOdd { .. } => Code::StunMapped,
            Self::NoStunOver { .. } => Code::StunFamily,
            Self::StunFromElsewhere { .. } => Code::StunElsewhere,
            Self::OneSided { .. } => Code::PathOneSided,
            Self::NotListening { .. } | Self::PortUnknown { .. } => Code::HostNotListening,
            Self::LoopbackOnly { .. } => Code::HostLoopbackOnly,
            Self::ClockUnsynchronized => Code::HostClock,
            Self::NoTailscaled { .. } => Code::HostTailscaled,
            Self::FailOpen => Code::DerpFailOpen,
            Self::CertificateFile { .. } => Code::HostCertificate,
        }
    }

    /// An error where the relay is of no use as it is, a warning where it works less well than it could.
    #[must_use]
    pub const fn severity(&self) -> Severity {
        match self {
            Self::NoAddress { pinned: true, .. }
            | Self::Cdn { works: true, .. }
            | Self::NotAdmitted
            | Self::SeveralKeys { meshed: true, .. }
            | Self::PortUnknown { .. }
            | Self::MappedOdd { near: true, .. }
            | Self::CertificateFile { problem: FileProblem::Unreadable { .. }, .. }
            | Self::TailnodeOnly { .. } => Severity::Info,
            Self::NotLookedUp { .. }
            | Self::AddressDiffers { .. }
            | Self::FakeAddress { .. }
            | Self::Tcp { others: true, .. }
            | Self::NameMismatch { overlooked: true, .. }
            | Self::Untrusted { insecure: true, .. }
            | Self::ExpiresSoon { .. }
            | Self::ClockSkew { decides: false, .. }
            | Self::Cdn { works: false, .. }
            | Self::LatencyCheck { .. }
            | Self::Port80 { .. }
            | Self::OpenRelay
            | Self::NoKeepAlive { .. }
            | Self::MappedOdd { near: false, .. }
            | Self::NoStunOver { .. }
            | Self::StunFromElsewhere { .. }
            | Self::OneSided { .. }
            | Self::LoopbackOnly { .. }
            | Self::ClockUnsynchronized
            | Self::CertificateFile { problem: FileProblem::NotPresented, .. }
            | Self::FailOpen => Severity::Warning,
            _ => Severity::Error,
        }
    }
}
