//! The registry of finding codes: whatever natscope can find has its code here, and each catalogue an explanation.

/// Makes the enum, its list and its names from one table, so that none can be forgotten.
macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// The stable code of a kind of finding. A code never changes its meaning and is never used again.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum FindingCode {
            $($(#[$doc])* $variant,)*
        }

        impl FindingCode {
            /// Every code, in the order of `natscope explain --list`.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// As users read and write it, `MAP-001`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

codes! {
    /// UDP gets no answer though the relays are up.
    UdpBlocked = "NET-001",
    /// STUN answers and the relay does not.
    RelayDown = "NET-002",
    /// A region could not be measured.
    RegionUnreachable = "NET-003",
    /// A captive portal.
    CaptivePortal = "NET-004",
    /// Names answered from 198.18.0.0/15.
    FakeDns = "NET-005",
    /// Measured through a tunnel.
    ThroughTunnel = "NET-006",
    /// A STUN server's answers were left out.
    OddServer = "NET-007",
    /// Names could not be resolved.
    DnsFailing = "NET-008",
    /// The map is an old copy.
    StaleMap = "NET-009",
    /// The NAT is hard.
    HardNat = "NET-010",
    /// Two NATs in a row.
    DoubleNat = "NET-011",
    /// IPv6 is configured and nobody answers over it.
    Ipv6BlackHole = "NET-012",
    /// UDP loses packets.
    PacketLoss = "NET-013",
    /// HTTPS works only through a proxy.
    ProxyOnly = "NET-014",
    /// A STUN server did not answer where others did.
    ServerUnreachable = "NET-015",
    /// IPv6 addresses are translated on the way.
    Ipv6Translated = "NET-016",
    /// IPv4 is carried over IPv6 and translated by the provider.
    Ipv4OverIpv6 = "NET-017",
    /// A region is measured, and not by its STUN, which gives no answer.
    StunDown = "NET-018",
    /// `RegionID` is not the region's key.
    MapRegionId = "MAP-001",
    /// `HostName` is no host name.
    MapHostName = "MAP-002",
    /// A region id outside of what is set aside for one's own.
    MapReservedRegion = "MAP-003",
    /// Names that are missing or there twice.
    MapNames = "MAP-004",
    /// One region only, or `OmitDefaultRegions` that is no boolean.
    MapSingleRegion = "MAP-005",
    /// A key Headscale does not read.
    MapYamlKey = "MAP-006",
    /// What Headscale ignores in a map file.
    MapHeadscaleIgnores = "MAP-007",
    /// A removal Headscale may not carry out.
    MapHeadscaleNull = "MAP-008",
    /// A certificate that is not verified.
    MapInsecure = "MAP-009",
    /// Syntax, or a map at the wrong level.
    MapSyntax = "MAP-010",
    /// `Avoid` is deprecated.
    MapAvoid = "MAP-011",
    /// A node without a host name.
    MapNoHostName = "MAP-012",
    /// A key that is there twice.
    MapDuplicateKey = "MAP-013",
    /// A key nothing reads.
    MapUnknownKey = "MAP-014",
    /// A region without nodes.
    MapNoNodes = "MAP-015",
    /// A port that is none.
    MapPort = "MAP-016",
    /// A score that is ignored.
    MapScore = "MAP-017",
    /// An address that is none.
    MapAddress = "MAP-018",
    /// Further YAML documents.
    MapMoreDocuments = "MAP-019",
    /// A value of the wrong type.
    MapWrongType = "MAP-020",
    /// A region's key that is no number.
    MapRegionKey = "MAP-021",
    /// No map in the text.
    MapNone = "MAP-022",
    /// A text too large to be a map.
    MapTooLarge = "MAP-023",
    /// A certificate pin that never matches.
    MapPin = "MAP-024",
    /// `STUNPort` 0 or -1.
    MapStunPort = "MAP-025",
    /// An address family turned off.
    MapFamilyOff = "MAP-026",
    /// A region that cannot relay.
    MapStunOnly = "MAP-027",
    /// `STUNTestIP` is for tests.
    MapStunTestIp = "MAP-028",
    /// `CanPort80` without an IPv4 address.
    MapPort80 = "MAP-029",
    /// A map without regions.
    MapEmpty = "MAP-030",
    /// An address that is not reachable from elsewhere.
    MapOddAddress = "MAP-031",
    /// Degrees that are nowhere on earth.
    MapPosition = "MAP-032",
    /// The relay's name has no address.
    DnsNoAddress = "DNS-001",
    /// The name has other addresses than the map.
    DnsDiffers = "DNS-002",
    /// The name is answered from 198.18.0.0/15.
    DnsFake = "DNS-003",
    /// No TCP connection to the relay.
    TcpClosed = "TCP-001",
    /// The proxy of the environment does not lead to the relay.
    TcpProxy = "TCP-002",
    /// Something other than TLS on the relay's port.
    TlsPlainHttp = "TLS-001",
    /// The TLS handshake ended in an alert.
    TlsAlert = "TLS-002",
    /// The certificate is for other names.
    TlsName = "TLS-003",
    /// Nobody who is trusted has signed the certificate, and it is not pinned.
    TlsUntrusted = "TLS-004",
    /// The certificate is not the pinned one, or not alone.
    TlsPin = "TLS-005",
    /// The certificate has expired, will soon, or is not valid yet.
    TlsValidity = "TLS-006",
    /// The relay's clock and this host's differ.
    TlsClock = "TLS-007",
    /// Handshakes with the relay's name break off, others do not.
    TlsSni = "TLS-008",
    /// The TLS handshake breaks off, or never ends.
    TlsBroken = "TLS-009",
    /// Another fault of the certificate.
    TlsCertificate = "TLS-010",
    /// What answers gives no sign of being a relay.
    HttpNotDerp = "HTTP-001",
    /// A relay is there, and the upgrade does not get through to it.
    HttpNoUpgrade = "HTTP-002",
    /// Only a `WebSocket` gets through.
    HttpWebSocketOnly = "HTTP-003",
    /// HTTP/2 alone is spoken.
    HttpTwoOnly = "HTTP-004",
    /// A content-delivery network stands before the relay.
    HttpCdn = "HTTP-005",
    /// A relay's further endpoints are not answered as they should be.
    HttpEndpoints = "HTTP-006",
    /// HTTP is not answered.
    HttpNone = "HTTP-007",
    /// What follows the upgrade is no DERP.
    DerpGarbled = "DERP-001",
    /// A random key is not let in.
    DerpNotAdmitted = "DERP-002",
    /// Connections to one name meet several relays.
    DerpSeveralKeys = "DERP-003",
    /// A packet between two keys of one relay did not arrive.
    DerpNotDelivered = "DERP-004",
    /// The relay serves anybody.
    DerpOpen = "DERP-005",
    /// The relay lets everybody in while its verifier is down.
    DerpFailOpen = "DERP-006",
    /// A silent connection is not kept, or no keep-alive comes.
    DerpNotKept = "DERP-007",
    /// The certificate offers a fast start, and it does not work.
    DerpFastStart = "DERP-008",
    /// STUN is not answered.
    StunNone = "STUN-001",
    /// STUN answers the form of Tailscale's clients alone.
    StunTailnodeOnly = "STUN-002",
    /// STUN tells an endpoint that this host cannot have there.
    StunMapped = "STUN-003",
    /// STUN is answered over one address family alone.
    StunFamily = "STUN-004",
    /// STUN is answered from another address than was asked.
    StunElsewhere = "STUN-005",
    /// Nothing on this host listens on a port of the relay.
    HostNotListening = "HOST-001",
    /// A port of the relay is bound to loopback alone.
    HostLoopbackOnly = "HOST-002",
    /// This host's clock is not synchronized.
    HostClock = "HOST-003",
    /// The relay is to ask tailscaled, which is not there.
    HostTailscaled = "HOST-004",
    /// The certificate file is not what the relay presents, has expired, or is not there.
    HostCertificate = "HOST-005",
    /// UDP gets through from one host and not from another.
    PathOneSided = "PATH-001",
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_unique_and_without_gaps() {
        let names: BTreeSet<_> = FindingCode::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(names.len(), FindingCode::ALL.len());
        for layer in ["NET", "MAP", "DNS", "TCP", "TLS", "HTTP", "DERP", "STUN", "HOST", "PATH"] {
            let count = names.iter().filter(|name| name.starts_with(layer)).count();
            let expected: BTreeSet<String> = (1..=count).map(|number| format!("{layer}-{number:03}")).collect();
            assert!(expected.iter().all(|name| names.contains(name.as_str())), "{layer}: {names:?}");
        }
    }
}
