//! Maps drawn at random, with whatever a text may hold in place of names.

use natscope::model::{CertName, DerpMap, HomeParams, Node, Pin, Region, RegionId};
use proptest::prelude::*;

fn pin<A: std::fmt::Debug + Copy + 'static>(address: impl Strategy<Value = A>) -> impl Strategy<Value = Pin<A>> {
    prop_oneof![Just(Pin::Resolve), address.prop_map(Pin::Address), Just(Pin::Disabled)]
}

fn node(region: RegionId) -> impl Strategy<Value = Node> {
    let cert_name = prop_oneof![
        Just(CertName::HostName),
        "[a-z.]{1,12}".prop_map(CertName::Name),
        "[0-9a-fA-F]{0,64}".prop_map(CertName::Sha256Raw),
    ];
    // Port 0 cannot be written: it stands for the default.
    let stun_port = prop_oneof![Just(None), (1..=u16::MAX).prop_map(Some), Just(Some(3478))];
    let derp_port = prop_oneof![Just(443_u16), 1..=u16::MAX];
    let flags = any::<[bool; 3]>();
    let pins = (pin(any::<std::net::Ipv4Addr>()), pin(any::<std::net::Ipv6Addr>()), any::<Option<std::net::IpAddr>>());
    (".*", ".{1,9}", cert_name, pins, stun_port, derp_port, flags).prop_map(
        move |(name, host_name, cert_name, (ipv4, ipv6, stun_test_ip), stun_port, derp_port, flags)| Node {
            name,
            region_id: region,
            host_name,
            cert_name,
            ipv4,
            ipv6,
            stun_port,
            stun_only: flags[0],
            derp_port,
            insecure_for_tests: flags[1],
            stun_test_ip,
            can_port_80: flags[2],
        },
    )
}

fn region_id() -> impl Strategy<Value = RegionId> {
    prop_oneof![1..=1000_u64, 1..=9_007_199_254_740_991_u64].prop_map(RegionId)
}

fn region() -> impl Strategy<Value = (RegionId, Region)> {
    region_id().prop_flat_map(|id| {
        let degrees = (-90.0..90.0_f64, -180.0..180.0_f64);
        (".*", ".*", degrees, any::<[bool; 2]>(), proptest::collection::vec(node(id), 0..4)).prop_map(
            move |(code, name, (latitude, longitude), flags, nodes)| {
                let region = Region {
                    id,
                    code,
                    name,
                    latitude,
                    longitude,
                    avoid: flags[0],
                    no_measure_no_home: flags[1],
                    nodes,
                };
                (id, region)
            },
        )
    })
}

/// Any map.
pub(crate) fn derp_map() -> impl Strategy<Value = DerpMap> {
    let scores = proptest::collection::btree_map(region_id(), 0.001..10.0_f64, 0..3);
    (proptest::collection::vec(region(), 0..4), scores, any::<bool>()).prop_map(
        |(regions, region_score, omit_default_regions)| DerpMap {
            regions: regions.into_iter().collect(),
            home_params: HomeParams { region_score },
            omit_default_regions,
        },
    )
}
