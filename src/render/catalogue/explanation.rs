/// The long form of a finding's code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::render) struct Explanation {
    /// What it is.
    pub title: &'static str,
    /// What it means for whoever has it.
    pub means: &'static str,
    /// What natscope goes by, and what that does not prove.
    pub evidence: &'static str,
    /// What to do.
    pub fix: &'static str,
}

/// Makes a catalogue's `explanation` of its constants in `net` and `map`. The match is exhaustive: a new code does not
/// compile until every language explains it.
macro_rules! explanations {
    () => {
        /// What a code means, what it rests on, what to do.
        pub(super) const fn explanation(code: $crate::report::FindingCode) -> Explanation {
            match code {
                $crate::report::FindingCode::UdpBlocked => net::UDP_BLOCKED,
                $crate::report::FindingCode::RelayDown => net::RELAY_DOWN,
                $crate::report::FindingCode::RegionUnreachable => net::REGION_UNREACHABLE,
                $crate::report::FindingCode::CaptivePortal => net::CAPTIVE_PORTAL,
                $crate::report::FindingCode::FakeDns => net::FAKE_DNS,
                $crate::report::FindingCode::ThroughTunnel => net::THROUGH_TUNNEL,
                $crate::report::FindingCode::OddServer => net::ODD_SERVER,
                $crate::report::FindingCode::DnsFailing => net::DNS_FAILING,
                $crate::report::FindingCode::StaleMap => net::STALE_MAP,
                $crate::report::FindingCode::HardNat => net::HARD_NAT,
                $crate::report::FindingCode::DoubleNat => net::DOUBLE_NAT,
                $crate::report::FindingCode::Ipv6BlackHole => net::IPV6_BLACK_HOLE,
                $crate::report::FindingCode::PacketLoss => net::PACKET_LOSS,
                $crate::report::FindingCode::ProxyOnly => net::PROXY_ONLY,
                $crate::report::FindingCode::ServerUnreachable => net::SERVER_UNREACHABLE,
                $crate::report::FindingCode::Ipv6Translated => net::IPV6_TRANSLATED,
                $crate::report::FindingCode::Ipv4OverIpv6 => net::IPV4_OVER_IPV6,
                $crate::report::FindingCode::StunDown => net::STUN_DOWN,
                $crate::report::FindingCode::MapRegionId => map::REGION_ID,
                $crate::report::FindingCode::MapHostName => map::HOST_NAME,
                $crate::report::FindingCode::MapReservedRegion => map::RESERVED_REGION,
                $crate::report::FindingCode::MapNames => map::NAMES,
                $crate::report::FindingCode::MapSingleRegion => map::SINGLE_REGION,
                $crate::report::FindingCode::MapYamlKey => map::YAML_KEY,
                $crate::report::FindingCode::MapHeadscaleIgnores => map::HEADSCALE_IGNORES,
                $crate::report::FindingCode::MapHeadscaleNull => map::HEADSCALE_NULL,
                $crate::report::FindingCode::MapInsecure => map::INSECURE,
                $crate::report::FindingCode::MapSyntax => map::SYNTAX,
                $crate::report::FindingCode::MapAvoid => map::AVOID,
                $crate::report::FindingCode::MapNoHostName => map::NO_HOST_NAME,
                $crate::report::FindingCode::MapDuplicateKey => map::DUPLICATE_KEY,
                $crate::report::FindingCode::MapUnknownKey => map::UNKNOWN_KEY,
                $crate::report::FindingCode::MapNoNodes => map::NO_NODES,
                $crate::report::FindingCode::MapPort => map::PORT,
                $crate::report::FindingCode::MapScore => map::SCORE,
                $crate::report::FindingCode::MapAddress => map::ADDRESS,
                $crate::report::FindingCode::MapMoreDocuments => map::MORE_DOCUMENTS,
                $crate::report::FindingCode::MapWrongType => map::WRONG_TYPE,
                $crate::report::FindingCode::MapRegionKey => map::REGION_KEY,
                $crate::report::FindingCode::MapNone => map::NONE,
                $crate::report::FindingCode::MapTooLarge => map::TOO_LARGE,
                $crate::report::FindingCode::MapPin => map::PIN,
                $crate::report::FindingCode::MapStunPort => map::STUN_PORT,
                $crate::report::FindingCode::MapFamilyOff => map::FAMILY_OFF,
                $crate::report::FindingCode::MapStunOnly => map::STUN_ONLY,
                $crate::report::FindingCode::MapStunTestIp => map::STUN_TEST_IP,
                $crate::report::FindingCode::MapPort80 => map::PORT80,
                $crate::report::FindingCode::MapEmpty => map::EMPTY,
                $crate::report::FindingCode::MapOddAddress => map::ODD_ADDRESS,
                $crate::report::FindingCode::MapPosition => map::POSITION,
            }
        }
    };
}

pub(super) use explanations;
