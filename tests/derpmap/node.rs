//! The fields of a node: which values they take, and what becomes of others.

use natscope::derpmap::{MapWarning, WarningDetail, overlay};
use natscope::model::{CertName, Node, Pin, RegionId};

use crate::read;

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
