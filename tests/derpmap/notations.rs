//! What each notation says, how one is told from another, and what is written in the first of them.

use natscope::derpmap::{MapFormat, MapLayer, NotAMap, Problem, WarningDetail, decode, encode_json, overlay};
use natscope::model::{CertName, DerpMap, Node, Pin, Region, RegionId};
use proptest::prelude::*;

use crate::strategy::derp_map;
use crate::{HEADSCALE, HEADSCALE_CONFIG, POLICY, PUBLIC, codes, fail, map_of, read};

#[test]
fn the_public_map() {
    let decoded = read(PUBLIC);
    assert_eq!(decoded.format, MapFormat::Json);
    assert_eq!(decoded.warnings, []);
    let map = overlay([decoded.layer]);
    assert_eq!(map.regions.keys().map(|id| id.0).collect::<Vec<_>>(), [1, 2, 17]);
    assert_eq!(map.home_params.region_score, [(RegionId(1), 0.75)].into());
    let first = &map.regions[&RegionId(1)];
    assert_eq!((first.code.as_str(), first.name.as_str()), ("aaa", "First City"));
    assert_eq!((first.latitude, first.longitude), (40.7, -74.0));
    assert_eq!(first.nodes[0].ipv4, Pin::Address("192.0.2.1".parse().unwrap()));
    assert_eq!(first.nodes[0].ipv6, Pin::Address("2001:db8:1::a".parse().unwrap()));
    assert_eq!(first.nodes[0].stun_port, Some(3478));
    assert!(first.nodes[0].can_port_80);
    assert_eq!((first.nodes[1].ipv6, first.nodes[1].stun_port), (Pin::Disabled, None));
    let second = &map.regions[&RegionId(2)];
    assert!(second.no_measure_no_home && !second.has_relay());
    assert_eq!(second.nodes[0].stun_port, Some(3479));
    let third = &map.regions[&RegionId(17)];
    assert!(third.avoid);
    let pinned = &third.nodes[0];
    assert_eq!(pinned.cert_name, CertName::Sha256Raw("0123456789abcdef".repeat(4)));
    assert_eq!((pinned.derp_port, pinned.insecure_for_tests), (8443, true));
    assert_eq!(pinned.stun_test_ip, Some("203.0.113.10".parse().unwrap()));
}

#[test]
fn a_policy_with_comments() {
    let decoded = read(POLICY);
    assert_eq!(decoded.format, MapFormat::HuJson);
    assert_eq!(decoded.warnings, []);
    assert_eq!(decoded.layer.omit_default_regions, Some(true));
    let regions = decoded.layer.regions.as_ref().unwrap();
    assert_eq!(regions[&RegionId(2)], None);
    let node = &regions[&RegionId(900)].as_ref().unwrap().nodes[0];
    assert_eq!(node.ipv4, Pin::Address("203.0.113.9".parse().unwrap()));
    assert_eq!(node.derp_port, 8443);
}

#[test]
fn a_headscale_map() {
    let decoded = read(HEADSCALE);
    assert_eq!(decoded.format, MapFormat::HeadscaleYaml);
    assert_eq!(decoded.warnings, []);
    let regions = decoded.layer.regions.as_ref().unwrap();
    assert_eq!(regions[&RegionId(1)], None);
    let own = regions[&RegionId(900)].as_ref().unwrap();
    assert_eq!((own.code.as_str(), own.name.as_str()), ("own", "Our Own"));
    assert_eq!(own.nodes[0].ipv6, Pin::Address("2001:db8::9".parse().unwrap()));
    assert_eq!((own.nodes[0].derp_port, own.nodes[0].can_port_80), (8443, false));
    assert_eq!(regions[&RegionId(901)].as_ref().unwrap().nodes[0].stun_port, None);
}

#[test]
fn a_headscale_configuration_is_told_from_a_map() {
    let Problem::NoMap { looks_like } = fail(HEADSCALE_CONFIG).problem else { panic!() };
    assert_eq!(
        looks_like,
        NotAMap::HeadscaleConfig {
            urls: vec!["https://maps.example.com/derpmap/default".to_owned()],
            paths: vec!["/etc/headscale/derp.yaml".to_owned()],
            has_embedded_relay: true,
        }
    );
}

#[test]
fn a_map_inside_a_netmap() {
    let text = format!(r#"{{"SelfNode": {{"ID": 1}}, "Peers": [], "Deep": {{"DERPMap": {PUBLIC}}}}}"#);
    assert_eq!(map_of(&text), map_of(PUBLIC));
    let error = fail(r#"{"DERPMap": {"Regions": {"900": {"Nodes": [{"STUNPort": true}]}}}}"#);
    assert_eq!(&*error.path, "DERPMap.Regions.900.Nodes[0].STUNPort");
}

#[test]
fn a_map_at_the_wrong_level_of_a_policy_is_found_and_said() {
    let decoded = read(r#"{"acls": [], "nodeAttrs": {"derpMap": {"Regions": {"7": null}}}}"#);
    assert_eq!(decoded.layer.regions.as_ref().unwrap()[&RegionId(7)], None);
    assert_eq!(codes(&decoded), [("MAP-010", 1, 39, "nodeAttrs.derpMap")]);
    assert!(read(r#"{"acls": [], "derpMap": {"Regions": {"7": null}}}"#).warnings.is_empty());
}

#[test]
fn json_keys_are_matched_in_any_case() {
    let map = map_of(
        r#"{"REGIONS": {"900": {"regionid": 900, "regionCODE": "x", "nodes": [
            {"name": "a", "regionid": 900, "hostname": "h", "stunport": 1, "canport80": true, "insecureForTests": true}]}},
            "OmitDefaultRegions": true, "homeparams": {"regionscore": {"900": 2}}}"#,
    );
    let node = &map.regions[&RegionId(900)].nodes[0];
    assert_eq!((node.name.as_str(), node.host_name.as_str(), node.stun_port), ("a", "h", Some(1)));
    assert!(node.can_port_80 && node.insecure_for_tests && map.omit_default_regions);
    assert_eq!(map.home_params.region_score, [(RegionId(900), 2.0)].into());
}

#[test]
fn yaml_keys_are_matched_exactly_and_said_when_wrong() {
    let decoded = read(
        "regions:\n  900:\n    RegionID: 900\n    regionid: 900\n    nodes:\n    - name: a\n      regionid: 900\n      \
         hostname: h\n      STUNPort: 1\n      derp_port: 2\n      colour: red\n",
    );
    assert_eq!(
        codes(&decoded),
        [
            ("MAP-006", 3, 5, "regions.900.RegionID"),
            ("MAP-006", 9, 7, "regions.900.nodes[0].STUNPort"),
            ("MAP-006", 10, 7, "regions.900.nodes[0].derp_port"),
            ("MAP-006", 11, 7, "regions.900.nodes[0].colour"),
        ]
    );
    let meant: Vec<_> = decoded
        .warnings
        .iter()
        .map(|w| match &w.detail {
            WarningDetail::UnknownKey { meant, .. } => meant.as_deref(),
            _ => panic!("{w}"),
        })
        .collect();
    assert_eq!(meant, [Some("regionid"), Some("stunport"), Some("derpport"), None]);
    let node = &overlay([decoded.layer]).regions[&RegionId(900)].nodes[0];
    assert_eq!((node.stun_port, node.derp_port), (Some(3478), 443));
}

#[test]
fn a_headscale_map_with_capital_regions_is_empty_and_says_why() {
    let decoded = read("Regions:\n  900:\n    nodes: []\n");
    assert_eq!(decoded.layer, MapLayer::default());
    assert_eq!(codes(&decoded), [("MAP-006", 1, 1, "Regions")]);
    assert!(decoded.warnings[0].to_string().contains("`regions` was probably meant"), "{}", decoded.warnings[0]);
}

#[test]
fn yaml_scalars_become_what_the_field_wants() {
    let map = map_of(
        "regions:\n  0x384:\n    regionid: 900\n    regioncode: 1_0\n    regionname: true\n    latitude: 5\n    \
         nodes:\n    - {name: 900, regionid: 900.0, hostname: h, stunonly: yes, ipv4: ~}\nomitdefaultregions: on\n",
    );
    let region = &map.regions[&RegionId(900)];
    assert_eq!((region.code.as_str(), region.name.as_str(), region.latitude), ("1_0", "true", 5.0));
    assert_eq!((region.nodes[0].name.as_str(), region.nodes[0].stun_only), ("900", true));
    assert_eq!(region.nodes[0].ipv4, Pin::Resolve);
    assert!(map.omit_default_regions);
}

#[test]
fn absent_and_present_are_told_apart() {
    let layer = |text: &str| read(text).layer;
    assert_eq!(layer(r#"{"omitDefaultRegions": false}"#).regions, None);
    assert_eq!(layer(r#"{"Regions": null}"#).regions, None);
    assert_eq!(layer(r#"{"Regions": {}}"#).regions, Some([].into()));
    assert_eq!(layer(r#"{"Regions": {}}"#).omit_default_regions, None);
    assert_eq!(layer(r#"{"Regions": {}, "HomeParams": {}}"#).region_score, None);
    assert_eq!(layer(r#"{"Regions": {}, "HomeParams": {"RegionScore": null}}"#).region_score, None);
    assert_eq!(layer(r#"{"HomeParams": {"RegionScore": {}}}"#).region_score, Some([].into()));
    assert_eq!(layer(r#"{"derpMap": null, "acls": []}"#), MapLayer::default());
}

#[test]
fn notations_are_laid_over_each_other() {
    let ids = |map: DerpMap| map.regions.keys().map(|id| id.0).collect::<Vec<_>>();
    assert_eq!(ids(overlay([read(PUBLIC).layer, read(HEADSCALE).layer])), [2, 17, 900, 901]);
    assert_eq!(ids(overlay([read(PUBLIC).layer, read(POLICY).layer])), [900]);
    assert_eq!(ids(overlay([read(POLICY).layer, read(PUBLIC).layer])), [1, 2, 17, 900]);
    assert_eq!(ids(overlay([])), [0; 0]);
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(map in derp_map()) {
        for text in [encode_json(&map).to_string(), serde_json::to_string_pretty(&encode_json(&map)).unwrap()] {
            let decoded = decode("m", text.as_bytes()).unwrap();
            prop_assert_eq!(&decoded.warnings.iter().filter(|w| w.code != "MAP-015").count(), &0);
            prop_assert_eq!(overlay([decoded.layer]), map.clone());
        }
        prop_assert_eq!(overlay([MapLayer::from(map.clone())]), map);
    }
}

#[test]
fn zero_values_are_left_out() {
    let mut map = DerpMap::default();
    let mut region = Region::new(RegionId(900), "x", "X");
    region.nodes.push(Node::new("900a", RegionId(900), "h"));
    map.regions.insert(region.id, region);
    assert_eq!(
        encode_json(&map).to_string(),
        r#"{"Regions":{"900":{"RegionID":900,"RegionCode":"x","RegionName":"X","Nodes":[{"Name":"900a","RegionID":900,"HostName":"h"}]}}}"#
    );
}
