//! A layer as Headscale's YAML. Only what such a map is made of is written: mappings, lists, scalars on one line.

use std::fmt::Write as _;

use serde_json::Value;

use super::encode::encode_layer;
use super::layer::MapLayer;

/// The layer as a map file of Headscale: keys in lower case, as its decoder wants them, region ids as numbers.
/// [`decode`](super::decode) gives the same layer back; Headscale itself reads `regions` only.
#[must_use]
pub fn encode_yaml(layer: &MapLayer) -> String {
    let mut text = String::new();
    write(&mut text, &encode_layer(layer), 0);
    text
}

/// A collection in lines of its own, each indented by `depth` steps.
fn write(text: &mut String, value: &Value, depth: usize) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                // Region ids have no case. Writing to a string cannot fail.
                let _ = write!(text, "{indent}{}:", key.to_ascii_lowercase());
                write_after_key(text, value, depth);
            }
        }
        Value::Array(elements) => {
            for element in elements {
                // The first member of a mapping shares the line of the dash.
                let mut inside = String::new();
                write(&mut inside, element, depth + 1);
                let inside = if inside.is_empty() { "{}\n" } else { inside.trim_start() };
                let _ = write!(text, "{indent}- {inside}");
            }
        }
        _ => {}
    }
}

fn write_after_key(text: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            text.push('\n');
            write(text, value, depth + 1);
        }
        Value::Array(elements) if !elements.is_empty() => {
            text.push('\n');
            write(text, value, depth + 1);
        }
        Value::Object(_) => text.push_str(" {}\n"),
        Value::Array(_) => text.push_str(" []\n"),
        scalar => {
            let _ = writeln!(text, " {}", self::scalar(scalar));
        }
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(string) if is_plain(string) => string.clone(),
        Value::String(string) => quoted(string),
        other => other.to_string(),
    }
}

/// Whether any YAML decoder takes the text for this very string without quotes: a name or a host name.
fn is_plain(text: &str) -> bool {
    // What some version of YAML takes for a boolean, null or a number. A number in any notation begins with a digit,
    // a sign or a dot.
    const WORDS: [&str; 9] = ["true", "false", "yes", "no", "on", "off", "y", "n", "null"];
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
        && !WORDS.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// In double quotes, where YAML has the escapes of JSON. What YAML does not print, or breaks lines at, is escaped too.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    for c in Value::String(text.to_owned()).to_string().chars() {
        let prints = matches!(c, ' '..='~' | '\u{a0}'..='\u{2027}' | '\u{202a}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}')
            && c != '\u{feff}';
        if prints || c > '\u{ffff}' {
            quoted.push(c);
        } else {
            let _ = write!(quoted, "\\u{:04x}", u32::from(c));
        }
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::derpmap::{MapFormat, decode, overlay};
    use crate::model::{CertName, DerpMap, Node, Pin, Region, RegionId};

    #[test]
    fn names_stand_bare_and_all_else_in_quotes() {
        for bare in ["derp.example.com", "900a".replacen('9', "x", 1).as_str(), "fra", "a_b-c.d"] {
            assert_eq!(scalar(&Value::from(bare)), bare);
        }
        for (text, written) in [
            ("", "\"\""),
            ("900a", "\"900a\""),
            ("1.2.3.4", "\"1.2.3.4\""),
            ("No", "\"No\""),
            ("e3", "e3"),
            ("New York", "\"New York\""),
            ("a: b", "\"a: b\""),
            ("a\u{85}\u{2028}\u{7f}\n\"", "\"a\\u0085\\u2028\\u007f\\n\\\"\""),
            ("法兰克福", "\"法兰克福\""),
        ] {
            assert_eq!(scalar(&Value::from(text)), written);
        }
    }

    #[test]
    fn collections_are_nested_by_indentation() {
        let value = serde_json::json!({"Regions": {"900": {"Nodes": [{"Name": "a", "STUNPort": -1}, {}], "Avoid": true},
            "1": null, "901": {"Nodes": []}}, "HomeParams": {"RegionScore": {}}});
        let mut text = String::new();
        write(&mut text, &value, 0);
        assert_eq!(
            text,
            "regions:\n  900:\n    nodes:\n      - name: a\n        stunport: -1\n      - {}\n    avoid: true\n  1: null\n  \
             901:\n    nodes: []\nhomeparams:\n  regionscore: {}\n"
        );
    }

    #[test]
    fn what_is_written_is_read_again() {
        let mut map = DerpMap::default();
        for id in [900, 901] {
            let mut region = Region::new(RegionId(id), "r: #1", "Zürich \"west\"".to_owned());
            for name in ["a", "b"] {
                let mut node = Node::new(format!("{id}{name}"), RegionId(id), "relay.example.com");
                node.cert_name = CertName::Sha256Raw("ab".repeat(32));
                node.ipv4 = Pin::Address("192.0.2.1".parse().unwrap());
                node.ipv6 = Pin::Disabled;
                node.derp_port = 8443;
                node.stun_port = None;
                region.nodes.push(node);
            }
            map.regions.insert(RegionId(id), region);
        }
        let text = encode_yaml(&MapLayer::terse(map.clone()));
        assert!(text.contains("\n  901:\n    regionid: 901\n"), "{text}");
        assert!(text.contains("\n    nodes:\n      - name: \"901a\"\n        regionid: 901\n"), "{text}");
        let decoded = decode("map.yaml", text.as_bytes()).unwrap();
        assert_eq!((decoded.format, decoded.warnings.len()), (MapFormat::HeadscaleYaml, 0), "{:?}", decoded.warnings);
        assert_eq!(overlay([decoded.layer]), map);
    }
}
