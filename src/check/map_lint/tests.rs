use std::fmt::Write as _;

use super::*;

fn codes_of(text: &str, alone: bool) -> Vec<String> {
    let linted = lint("m", text.as_bytes(), alone).unwrap_or_else(|error| unreadable(&error));
    linted.findings.iter().map(|finding| finding.code().to_owned()).collect()
}

/// A map of two regions whose first node has these fields.
fn with_node(fields: &str) -> String {
    format!(
        r#"{{"Regions": {{
            "900": {{"RegionID": 900, "RegionCode": "a", "RegionName": "A", "Nodes": [{{"Name": "a", "RegionID": 900, {fields}}}]}},
            "901": {{"RegionID": 901, "RegionCode": "b", "RegionName": "B",
                "Nodes": [{{"Name": "b", "RegionID": 901, "HostName": "b.example.com"}}]}}}}}}"#
    )
}

#[test]
fn what_is_right_is_not_blamed() {
    for fields in [
        r#""HostName": "a.example.com""#,
        r#""HostName": "203.0.113.1", "CertName": "a.example.com""#,
        r#""HostName": "2001:db8::1", "DERPPort": 8443, "STUNPort": 3479"#,
        r#""HostName": "a.example.com", "IPv4": "10.1.2.3", "IPv6": "fd00::1""#,
        r#""HostName": "a.example.com", "IPv4": "", "IPv6": null, "STUNPort": 3478"#,
        r#""HostName": "a.example.com", "IPv4": "203.0.113.1", "CanPort80": true"#,
        r#""HostName": "a.example.com", "InsecureForTests": false, "STUNOnly": false, "STUNTestIP": """#,
        // An underscore is nothing to a certificate that is pinned.
        r#""HostName": "a_b.example.com", "CertName": "sha256-raw:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff""#,
    ] {
        assert_eq!(codes_of(&with_node(fields), true), [""; 0], "{fields}");
    }
}

#[test]
fn tailscales_own_regions_may_have_their_numbers() {
    let text = r#"{"Regions": {
        "1": {"RegionID": 1, "RegionCode": "nyc", "RegionName": "New York", "Nodes": [{"Name": "1a", "RegionID": 1,
            "HostName": "derp1.tailscale.com"}]},
        "2": {"RegionID": 2, "RegionCode": "sfo", "RegionName": "San Francisco", "Nodes": [{"Name": "2a", "RegionID": 2,
            "HostName": "derp2.tailscale.com"}]}}}"#;
    assert_eq!(codes_of(text, true), [""; 0]);
}

#[test]
fn a_region_is_the_only_one_only_where_no_others_can_be() {
    let region = r#"{"RegionID": 900, "RegionCode": "a", "RegionName": "A", "Nodes": [{"Name": "a", "RegionID": 900, "HostName": "h"}]}"#;
    let json = format!(r#"{{"Regions": {{"900": {region}}}}}"#);
    assert_eq!(codes_of(&json, true), ["MAP-005"]);
    assert_eq!(codes_of(&json, false), [""; 0]);
    assert_eq!(codes_of(&format!(r#"{{"Regions": {{"900": {region}, "1": null}}}}"#), true), [""; 0]);
    assert_eq!(codes_of(&format!(r#"{{"derpMap": {json}}}"#), true), [""; 0]);
    let omits = format!(r#"{{"derpMap": {{"OmitDefaultRegions": true, "Regions": {{"900": {region}}}}}}}"#);
    assert_eq!(codes_of(&omits, false), ["MAP-005"]);
}

#[test]
fn a_map_without_regions_is_empty_only_where_nothing_is_under_it() {
    assert_eq!(codes_of(r#"{"Regions": {}}"#, true), ["MAP-030"]);
    assert_eq!(codes_of(r#"{"Regions": {}}"#, false), [""; 0]);
    assert_eq!(codes_of(r#"{"derpMap": {"OmitDefaultRegions": true}}"#, false), ["MAP-030"]);
    assert_eq!(codes_of(r#"{"Regions": {"1": null}}"#, true), [""; 0]);
}

#[test]
fn stun_is_missed_only_where_it_would_be_used() {
    let map = |region: &str| {
        with_node(r#""HostName": "h", "STUNPort": -1"#).replacen(
            r#""RegionCode": "a""#,
            &format!(r#""RegionCode": "a", {region}"#),
            1,
        )
    };
    let worst = |text: &str| lint("m", text.as_bytes(), true).unwrap().findings.iter().map(|it| it.severity).max();
    assert_eq!(worst(&map(r#""NoMeasureNoHome": false"#)), Some(crate::report::Severity::Warning));
    assert_eq!(worst(&map(r#""NoMeasureNoHome": true"#)), Some(crate::report::Severity::Info));
}

/// One wrong value hides no other, and is not blamed for what its absence would mean.
#[test]
fn errors_are_all_told() {
    let text = with_node(r#""HostName": 7, "IPv4": true, "STUNPort": "x""#);
    assert_eq!(codes_of(&text, true), ["MAP-020"; 3]);
    for wrong in [r#""Nodes": 7"#, r#""RegionID": "x""#] {
        let region = format!(
            r#"{{"RegionID": 900, "RegionCode": "a", "RegionName": "A", "Nodes": [{{"Name": "a", "RegionID": 900, "HostName": "h"}}], {wrong}}}"#
        );
        let codes = codes_of(&format!(r#"{{"Regions": {{"900": {region}}}}}"#), true);
        assert_eq!(codes, ["MAP-020"], "{wrong}");
    }
    assert_eq!(codes_of(r#"{"Regions": {"900": 7}}"#, true), ["MAP-020"]);
    assert_eq!(codes_of(r#"{"Regions": 7}"#, true), ["MAP-020"]);
}

#[test]
fn findings_are_bounded_and_end_soon() {
    let mut nodes = String::new();
    for index in 0..9_000 {
        let _ = write!(nodes, r#"{{"Name": "a", "RegionID": 900, "HostName": "http://{index}", "CanPort80": true}},"#);
    }
    let text = format!(r#"{{"Regions": {{"900": {{"RegionID": 900, "Nodes": [{nodes}]}}}}}}"#);
    let linted = lint("m", text.as_bytes(), true).unwrap();
    assert_eq!(linted.findings.len(), MAX_FINDINGS);
    // Three of each node, but for the name of the first; the region's code and name, and that it is the only one.
    assert_eq!(linted.left_out, 9_000 * 3 - 1 + 3 - MAX_FINDINGS);
    // Every one that is kept is an error, as there are 9000 of them.
    assert!(linted.findings.iter().all(|finding| finding.severity == crate::report::Severity::Error));
}
