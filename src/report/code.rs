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
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_unique_and_without_gaps() {
        let names: BTreeSet<_> = FindingCode::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(names.len(), FindingCode::ALL.len());
        for layer in ["NET", "MAP"] {
            let count = names.iter().filter(|name| name.starts_with(layer)).count();
            let expected: BTreeSet<String> = (1..=count).map(|number| format!("{layer}-{number:03}")).collect();
            assert!(expected.iter().all(|name| names.contains(name.as_str())), "{layer}: {names:?}");
        }
    }
}
