//! DERP maps as people write them: every notation, every mistake with its place, and nothing that can hurt.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use natscope::derpmap::{
    Decoded, MAX_MAP_BYTES, MapError, MapFormat, MapLayer, MapWarning, NotAMap, Problem, Severity, WarningDetail,
    decode, encode_json, overlay,
};
use natscope::model::{CertName, DerpMap, Node, Pin, Region, RegionId};
use proptest::prelude::*;

#[path = "maps/strategy.rs"]
mod strategy;
use strategy::derp_map;

const PUBLIC: &str = include_str!("maps/public.json");
const POLICY: &str = include_str!("maps/policy.hujson");
const HEADSCALE: &str = include_str!("maps/headscale.yaml");
const HEADSCALE_CONFIG: &str = include_str!("maps/headscale-config.yaml");

fn read(text: &str) -> Decoded {
    decode("m", text.as_bytes()).unwrap_or_else(|error| panic!("{error}"))
}

fn fail(text: &str) -> MapError {
    decode("m", text.as_bytes()).expect_err(text)
}

fn map_of(text: &str) -> DerpMap {
    overlay([read(text).layer])
}

/// The only node of region 900, of a JSON object.
fn node_of(fields: &str) -> (Node, Vec<MapWarning>) {
    let text = format!(
        r#"{{"Regions": {{"900": {{"RegionID": 900, "Nodes": [{{"Name": "a", "RegionID": 900, {fields}}}]}}}}}}"#
    );
    let decoded = read(&text);
    let warnings = decoded.warnings.clone();
    let mut map = overlay([decoded.layer]);
    (map.regions.remove(&RegionId(900)).unwrap().nodes.remove(0), warnings)
}

fn codes(decoded: &Decoded) -> Vec<(&'static str, usize, usize, &str)> {
    decoded.warnings.iter().map(|w| (w.code, w.line, w.column, w.path.as_str())).collect()
}

// --- The notations ---------------------------------------------------------------------------------------------------

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

// --- The node --------------------------------------------------------------------------------------------------------

#[test]
fn ports() {
    let h = r#""HostName": "h""#;
    for (field, stun, derp, stun_only, warned) in [
        ("\"STUNPort\": 0", Some(3478), 443, false, false),
        ("\"STUNPort\": -1", None, 443, false, false),
        ("\"STUNPort\": -2", None, 443, false, true),
        ("\"STUNPort\": 65535", Some(65535), 443, false, false),
        ("\"STUNPort\": 65536", None, 443, false, true),
        ("\"STUNPort\": null", Some(3478), 443, false, false),
        ("\"DERPPort\": 0", Some(3478), 443, false, false),
        ("\"DERPPort\": 8443", Some(3478), 8443, false, false),
        ("\"DERPPort\": 70000", Some(3478), 443, true, true),
        ("\"DERPPort\": -1", Some(3478), 443, true, true),
        ("\"STUNOnly\": true", Some(3478), 443, true, false),
    ] {
        let (node, warnings) = node_of(&format!("{h}, {field}"));
        assert_eq!((node.stun_port, node.derp_port, node.stun_only), (stun, derp, stun_only), "{field}");
        assert_eq!(
            warnings.iter().map(|w| w.code).collect::<Vec<_>>(),
            vec!["MAP-016"; usize::from(warned)],
            "{field}"
        );
    }
}

#[test]
fn addresses() {
    let v4 = |text: &str| Pin::Address(text.parse().unwrap());
    for (text, pin, warned) in [
        ("", Pin::Resolve, false),
        ("192.0.2.1", v4("192.0.2.1"), false),
        ("none", Pin::Disabled, false),
        ("off", Pin::Disabled, false),
        ("192.0.2.300", Pin::Disabled, true),
        (" 192.0.2.1", Pin::Disabled, true),
        ("2001:db8::1", Pin::Disabled, true),
    ] {
        let (node, warnings) = node_of(&format!(r#""HostName": "h", "IPv4": "{text}""#));
        assert_eq!(node.ipv4, pin, "{text}");
        assert_eq!(warnings.iter().map(|w| w.code).collect::<Vec<_>>(), vec!["MAP-018"; usize::from(warned)], "{text}");
    }
    let (node, warnings) = node_of(r#""HostName": "h", "STUNTestIP": "nonsense""#);
    assert_eq!((node.stun_test_ip, node.stun_port), (None, None));
    assert_eq!(warnings[0].code, "MAP-018");
}

#[test]
fn certificate_names() {
    for (text, expected) in [
        ("", CertName::HostName),
        ("front.example.com", CertName::Name("front.example.com".to_owned())),
        ("sha256-raw:ABC", CertName::Sha256Raw("ABC".to_owned())),
        ("SHA256-RAW:abc", CertName::Name("SHA256-RAW:abc".to_owned())),
    ] {
        assert_eq!(node_of(&format!(r#""HostName": "h", "CertName": "{text}""#)).0.cert_name, expected);
    }
}

#[test]
fn a_node_without_a_host_name_is_kept() {
    for (fields, host, dialled) in [
        (r#""IPv4": "192.0.2.1", "IPv6": "2001:db8::1""#, "192.0.2.1", Some("192.0.2.1")),
        (r#""IPv4": "none", "IPv6": "2001:db8::1", "HostName": """#, "2001:db8::1", Some("2001:db8::1")),
        (r#""IPv4": "none""#, "", None),
    ] {
        let (node, warnings) = node_of(fields);
        assert_eq!(node.host_name, host);
        let dialled = dialled.map(|address| address.parse().unwrap());
        assert_eq!(warnings.len(), 1);
        assert_eq!((warnings[0].code, &warnings[0].detail), ("MAP-012", &WarningDetail::NoHostName { dialled }));
    }
}

// --- Warnings --------------------------------------------------------------------------------------------------------

#[test]
fn a_region_is_kept_under_its_key() {
    let decoded = read(
        "{\"Regions\": {\"900\": {\"RegionID\": 901,\n \"Nodes\": [{\"HostName\": \"h\", \"RegionID\": 902},\n  {\"HostName\": \
         \"i\"}]},\n\"905\": {\"Nodes\": null}}}",
    );
    assert_eq!(
        codes(&decoded),
        [
            ("MAP-001", 1, 34, "Regions.900"),
            ("MAP-001", 2, 42, "Regions.900.Nodes[0]"),
            ("MAP-001", 3, 3, "Regions.900.Nodes[1]"),
            ("MAP-001", 4, 1, "Regions.905"),
            ("MAP-015", 4, 9, "Regions.905"),
        ]
    );
    let map = overlay([decoded.layer]);
    assert_eq!(map.regions[&RegionId(900)].id, RegionId(900));
    assert!(map.regions[&RegionId(900)].nodes.iter().all(|node| node.region_id == RegionId(900)));
    assert!(map.regions[&RegionId(905)].nodes.is_empty());
}

#[test]
fn unknown_keys_are_mentioned() {
    let decoded = read("{\"Regions\": {}, \"Comment\": 1,\n \"home-params\": {}}");
    assert_eq!(codes(&decoded), [("MAP-014", 1, 17, "Comment"), ("MAP-014", 2, 2, "home-params")]);
    assert_eq!(decoded.warnings[0].severity, Severity::Info);
    assert_eq!(decoded.warnings[1].severity, Severity::Warning);
}

#[test]
fn the_last_of_duplicates_counts_in_json() {
    let decoded = read(
        "{\"Regions\": {\"900\": {\"RegionID\": 900, \"RegionCode\": \"a\",\n\"regioncode\": \"b\", \"Nodes\": []},\n\
         \"0900\": {\"RegionID\": 900, \"RegionCode\": \"c\", \"Nodes\": []}},\n\"Regions\": {\"901\": null}}",
    );
    let duplicates: Vec<_> = decoded.warnings.iter().filter(|w| w.code == "MAP-013").collect();
    let places: Vec<_> = duplicates.iter().map(|w| (w.line, w.column)).collect();
    assert_eq!(places, [(2, 1), (3, 1), (4, 1)]);
    let WarningDetail::DuplicateKey { first_line, .. } = duplicates[1].detail else { panic!() };
    assert_eq!(first_line, 1);
    let regions = decoded.layer.regions.unwrap();
    assert_eq!(regions[&RegionId(900)].as_ref().unwrap().code, "c");
    assert!(regions.contains_key(&RegionId(901)), "two Regions objects are merged, as Go does");
}

#[test]
fn duplicates_are_an_error_in_yaml() {
    let error = fail("regions:\n  900:\n    regionid: 900\n    regionid: 901\n");
    assert_eq!((error.line, error.column), (4, 5));
    assert_eq!(error.problem, Problem::DuplicateKey { key: "regionid".to_owned(), first_line: 3 });
}

#[test]
fn scores_that_are_ignored() {
    let decoded = read(r#"{"HomeParams": {"RegionScore": {"1": 0, "2": -1.5, "3": null, "4": 0.5}}}"#);
    assert_eq!(decoded.layer.region_score.as_ref().unwrap().iter().collect::<Vec<_>>(), [(&RegionId(4), &0.5)]);
    assert_eq!(decoded.warnings.iter().map(|w| w.code).collect::<Vec<_>>(), ["MAP-017"; 3]);
}

#[test]
fn null_nodes_and_further_documents_are_mentioned() {
    let decoded =
        read(r#"{"Regions": {"900": {"RegionID": 900, "Nodes": [null, {"RegionID": 900, "HostName": "h"}]}}}"#);
    assert_eq!(codes(&decoded), [("MAP-015", 1, 49, "Regions.900.Nodes[0]")]);
    let decoded = read("regions: {}\n---\nregions: {900: null}\n");
    assert_eq!(codes(&decoded), [("MAP-019", 2, 1, "")]);
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

// --- Errors ----------------------------------------------------------------------------------------------------------

#[test]
fn wrong_types_have_a_place_and_a_path() {
    let node = |field: &str| {
        format!(
            "{{\"Regions\": {{\n \"901\": {{\"RegionID\": 901, \"Nodes\": [\n  {{\"HostName\": \"日本\", {field}}}]}}}}}}"
        )
    };
    for (text, line, column, path, problem) in [
        (
            node("\"STUNPort\": \"3478\""),
            3,
            34,
            "Regions.901.Nodes[0].STUNPort",
            "expected a whole number, found the string \"3478\"",
        ),
        (
            node("\"stunPort\": 3478.5"),
            3,
            34,
            "Regions.901.Nodes[0].stunPort",
            "expected a whole number, found the number 3478.5",
        ),
        (node("\"STUNPort\": 1e3"), 3, 34, "Regions.901.Nodes[0].STUNPort", "found the number 1e3"),
        (node("\"STUNPort\": 99999999999999999999"), 3, 34, "Regions.901.Nodes[0].STUNPort", "expected a whole number"),
        (
            node("\"STUNOnly\": \"true\""),
            3,
            34,
            "Regions.901.Nodes[0].STUNOnly",
            "expected true or false, without quotes",
        ),
        (node("\"CertName\": 5"), 3, 34, "Regions.901.Nodes[0].CertName", "expected a string, found the number 5"),
        (node("\"IPv4\": [\"192.0.2.1\"]"), 3, 30, "Regions.901.Nodes[0].IPv4", "expected a string, found a list"),
        (r#"{"Regions": []}"#.into(), 1, 13, "Regions", "expected an object with a region for each id, found a list"),
        (
            r#"{"Regions": {"900": []}}"#.into(),
            1,
            21,
            "Regions.900",
            "expected a region, an object with \"Nodes\", found a list",
        ),
        (
            r#"{"Regions": {"900": {"Nodes": {}}}}"#.into(),
            1,
            31,
            "Regions.900.Nodes",
            "expected a list of nodes, found an object",
        ),
        (r#"{"Regions": {"900": {"Nodes": ["x"]}}}"#.into(), 1, 32, "Regions.900.Nodes[0]", "expected a node"),
        (r#"{"Regions": {"fra": {}}}"#.into(), 1, 14, "Regions.fra", "a region's key is its number"),
        (r#"{"Regions": {"0": {}}}"#.into(), 1, 14, "Regions.0", "a region's key is its number"),
        (r#"{"Regions": {"-1": {}}}"#.into(), 1, 14, "Regions.-1", "a region's key is its number"),
        (
            r#"{"Regions": {"9007199254740992": {}}}"#.into(),
            1,
            14,
            "Regions.9007199254740992",
            "from 1 to 9007199254740991",
        ),
        (r#"{"omitDefaultRegions": "true"}"#.into(), 1, 24, "omitDefaultRegions", "found the string \"true\""),
        (r#"{"Regions": {"9": {"Latitude": 1e999}}}"#.into(), 1, 32, "Regions.9.Latitude", "expected a number"),
        (
            r#"{"HomeParams": {"RegionScore": {"9": "1"}}}"#.into(),
            1,
            38,
            "HomeParams.RegionScore.9",
            "expected a number",
        ),
        ("regions:\n  \"900\": {}\n".into(), 2, 3, "regions.900", "`900` in quotes"),
        ("regions:\n- 900: {}\n".into(), 2, 3, "regions", "found a list"),
        (
            "regions:\n  900:\n    nodes:\n    - stunport: 1.5\n".into(),
            4,
            17,
            "regions.900.nodes[0].stunport",
            "whole number",
        ),
        (
            "regions:\n  900:\n    nodes:\n    - stunport: 'x'\n".into(),
            4,
            17,
            "regions.900.nodes[0].stunport",
            "whole number",
        ),
        ("omitdefaultregions: maybe\n".into(), 1, 21, "omitdefaultregions", "found the string \"maybe\""),
    ] {
        let error = fail(&text);
        assert_eq!((error.line, error.column, &*error.path), (line, column, path), "{error}");
        assert!(error.problem.to_string().contains(problem), "{error}");
        assert!(error.excerpt.is_some() && error.to_string().contains('^'), "{error}");
    }
}

#[test]
fn an_error_shows_the_place() {
    let error = fail("{\n  \"Regions\": {\n    \"901\": {\"Nodes\": [{\"STUNPort\": \"3478\"}]}\n  }\n}\n");
    insta::assert_snapshot!(error, @r#"
    m:3:36: Regions.901.Nodes[0].STUNPort: expected a whole number, found the string "3478"
      |
    3 |     "901": {"Nodes": [{"STUNPort": "3478"}]}
      |                                    ^^^^^^
    "#);
}

#[test]
fn what_is_no_map_is_named() {
    let looks_like = |text: &str| match fail(text).problem {
        Problem::NoMap { looks_like } => looks_like,
        other => panic!("{text}: {other:?}"),
    };
    assert_eq!(looks_like(r#"{"acls": []}"#), NotAMap::Policy);
    assert_eq!(looks_like(r#"{"900": {"Nodes": []}}"#), NotAMap::BareRegions);
    assert_eq!(looks_like(r#"{"RegionID": 900, "Nodes": []}"#), NotAMap::BareRegion);
    assert_eq!(looks_like(r#"{"Name": "a", "HostName": "h"}"#), NotAMap::BareNode);
    assert_eq!(looks_like(r#"{"error": "no"}"#), NotAMap::OtherObject { keys: vec!["error".to_owned()] });
    assert_eq!(looks_like("{}"), NotAMap::OtherObject { keys: vec![] });
    for text in ["[]", "null", "\"x\"", "42", "just words", "- a\n- b"] {
        assert!(matches!(looks_like(text), NotAMap::NotAnObject { .. }), "{text}");
    }
}

#[test]
fn what_is_no_text_is_named() {
    let problem = |bytes: &[u8]| decode("m", bytes).unwrap_err().problem;
    assert_eq!(problem(b""), Problem::Empty);
    assert_eq!(problem(b"\xef\xbb\xbf \n\t"), Problem::Empty);
    for page in ["<!DOCTYPE html><p>", "\n<HTML>", "<?xml version='1.0'?><html>", "<!-- x --><head>"] {
        assert_eq!(problem(page.as_bytes()), Problem::Html, "{page}");
    }
    assert!(matches!(problem(b"\x1f\x8b\x08garbage"), Problem::Binary { looks_like } if looks_like.contains("gzip")));
    assert!(matches!(problem(b"\xff\xfe{\0}\0"), Problem::Binary { looks_like } if looks_like.contains("UTF-16")));
    assert!(matches!(problem(b"{\"a\": \0}"), Problem::Binary { .. }));
    let error = decode("m", b"{\n \"a\xc3\xa9\": \"\xff\"}").unwrap_err();
    assert_eq!((error.problem, error.line, error.column), (Problem::NotUtf8, 2, 9));
}

#[test]
fn a_byte_order_mark_is_no_column() {
    let text = format!("\u{feff}{PUBLIC}");
    assert_eq!(map_of(&text), map_of(PUBLIC));
    let error = fail("\u{feff}{\"Regions\": 1}");
    assert_eq!((error.line, error.column), (1, 13));
}

#[test]
fn line_ends_of_windows_are_no_columns() {
    let text = PUBLIC.replace('\n', "\r\n");
    assert_eq!(map_of(&text), map_of(PUBLIC));
    let text = HEADSCALE.replace('\n', "\r\n");
    assert_eq!(map_of(&text), map_of(HEADSCALE));
    let error = fail("{\r\n\"Regions\": 1\r\n}");
    assert_eq!((error.line, error.column), (2, 12));
    assert!(!error.to_string().contains('\r'));
}

// --- Layers ----------------------------------------------------------------------------------------------------------

#[test]
fn notations_are_laid_over_each_other() {
    let ids = |map: DerpMap| map.regions.keys().map(|id| id.0).collect::<Vec<_>>();
    assert_eq!(ids(overlay([read(PUBLIC).layer, read(HEADSCALE).layer])), [2, 17, 900, 901]);
    assert_eq!(ids(overlay([read(PUBLIC).layer, read(POLICY).layer])), [900]);
    assert_eq!(ids(overlay([read(POLICY).layer, read(PUBLIC).layer])), [1, 2, 17, 900]);
    assert_eq!(ids(overlay([])), [0; 0]);
}

// --- Hostile text ----------------------------------------------------------------------------------------------------

#[test]
fn every_truncation_is_an_error_or_a_map() {
    for text in [PUBLIC, POLICY, HEADSCALE, HEADSCALE_CONFIG] {
        for length in 0..text.len() {
            if let Err(error) = decode("m", &text.as_bytes()[..length]) {
                assert!(error.line <= text.lines().count() + 1 && error.column >= 1, "{error}");
                assert!(!error.to_string().contains('\u{1b}'));
            }
        }
    }
    for length in 1..PUBLIC.trim_end().len() {
        let error = decode("m", &PUBLIC.as_bytes()[..length]).expect_err("a cut map is no map");
        assert!(matches!(error.problem, Problem::Syntax { .. }), "{length}: {error}");
    }
}

#[test]
fn large_and_deep_texts_end_soon() {
    let started = || {
        #[expect(clippy::disallowed_methods, reason = "a test of time")]
        Instant::now()
    };
    let begun = started();
    assert!(matches!(fail(&" ".repeat(100_000_000)).problem, Problem::TooLarge { bytes: 100_000_000 }));
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert_eq!(fail(&"{\"a\":".repeat(2_000_000)).problem, Problem::TooDeep);
    let length = MAX_MAP_BYTES / 8;
    let texts = [
        format!("{{\"Regions\": {{\"900\": {{\"Nodes\": [{}", "{},".repeat(length / 3)),
        format!("{{\"Regions\": {{}}, {}}}", "\"Regions\": 1,".repeat(length / 13)),
        format!("{{{}\"Regions\": {{}}}}", "\"a\": 1, ".repeat(length / 8)),
        format!("{{\"HomeParams\": {{\"RegionScore\": {{{}}}}}}}", "\"1\": -1,".repeat(length / 8)),
        format!("{{\"Regions\": \"{}\"}}", "x".repeat(length)),
        format!("regions: [{}", "a, ".repeat(length / 30)),
        format!("regions: \"{}", "x".repeat(length)),
        format!("{}\nregions: {{}}", "# comment\n".repeat(length / 10)),
    ];
    for text in texts {
        let begun = started();
        let _ = decode("m", text.as_bytes());
        let took = begun.elapsed();
        assert!(took < Duration::from_secs(20), "{took:?} for {}…", &text[..40]);
    }
}

#[test]
fn a_bomb_of_aliases_is_refused() {
    let mut text = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned();
    for level in 1..30 {
        let inside = vec![format!("*a{}", level - 1); 9].join(",");
        writeln!(text, "a{level}: &a{level} [{inside}]").unwrap();
    }
    text.push_str("regions: *a29\n");
    assert_eq!(fail(&text).problem, Problem::TooManyValues);
}

#[test]
fn warnings_are_bounded() {
    let decoded = read(&format!("{{{}\"Regions\": {{}}}}", "\"a\": 1, ".repeat(5000)));
    assert_eq!((decoded.warnings.len(), decoded.warnings_left_out), (1000, 4000));
}

proptest! {
    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode("m", &bytes);
    }

    #[test]
    fn any_text_of_its_own_letters(text in "[\\[\\]{}:,\"'#&*<>!|%@`\\-\n\t ?0-9a-zé日\u{2028}]{0,80}") {
        if let Err(error) = decode("m", text.as_bytes()) {
            prop_assert!(error.line <= text.split('\n').count());
        }
    }

    #[test]
    fn any_json_where_the_map_is(value in json()) {
        for text in [value.to_string(), serde_json::json!({"Regions": value}).to_string(),
                     serde_json::json!({"Regions": {"900": value}}).to_string(),
                     serde_json::json!({"Regions": {"900": {"Nodes": [value]}}}).to_string()] {
            let _ = decode("m", text.as_bytes());
        }
    }

    /// A bit of damage anywhere in a good map.
    #[test]
    fn damaged_maps(at in 0..4000_usize, with in any::<u8>(), which in 0..3_usize) {
        let mut bytes = [PUBLIC, POLICY, HEADSCALE][which].as_bytes().to_vec();
        let at = at % bytes.len();
        bytes[at] = with;
        let _ = decode("m", &bytes);
    }

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

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(|x| serde_json::json!(x)),
        ".{0,8}".prop_map(Into::into),
    ];
    let key = prop_oneof![
        Just("Regions".to_owned()),
        Just("Nodes".to_owned()),
        Just("HostName".to_owned()),
        Just("STUNPort".to_owned()),
        Just("derpMap".to_owned()),
        Just("900".to_owned()),
        ".{0,4}",
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            proptest::collection::vec((key.clone(), inner), 0..6)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
}
