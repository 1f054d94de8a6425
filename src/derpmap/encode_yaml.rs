use std::fmt::Write as _;

use serde_json::Value;

use super::encode_json;
use crate::model::DerpMap;

/// The map as Headscale reads it from a file of its `derp.paths`: Tailscale's fields with their names in lower case,
/// which is the only case it knows. [`decode`](super::decode) gives the same map back.
#[must_use]
pub fn encode_yaml(map: &DerpMap) -> String {
    let mut text = String::new();
    write(&mut text, &encode_json(map), 0);
    text
}

/// A block: each entry on lines of its own, deeper by two columns than what it belongs to.
fn write(text: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                indent(text, depth);
                text.push_str(&name.to_lowercase());
                entry(text, value, depth);
            }
        }
        Value::Array(items) => {
            for item in items {
                let mut block = String::new();
                write(&mut block, item, depth + 1);
                indent(text, depth);
                text.push_str("- ");
                text.push_str(block.trim_start());
            }
        }
        scalar => {
            indent(text, depth);
            let _ = writeln!(text, "{scalar}");
        }
    }
}

fn entry(text: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Object(object) if !object.is_empty() => {
            text.push_str(":\n");
            write(text, value, depth + 1);
        }
        Value::Array(items) if !items.is_empty() => {
            text.push_str(":\n");
            write(text, value, depth + 1);
        }
        // Texts as JSON has them, numbers and empty collections are YAML too.
        scalar => {
            let _ = writeln!(text, ": {scalar}");
        }
    }
}

fn indent(text: &mut String, depth: usize) {
    text.extend(std::iter::repeat_n("  ", depth));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::derpmap::{MapFormat, decode, overlay};
    use crate::model::{CertName, Node, Pin, Region, RegionId};

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
        let text = encode_yaml(&map);
        assert!(text.contains("\n  901:\n    regionid: 901\n"), "{text}");
        assert!(text.contains("\n    nodes:\n      - name: \"901a\"\n        regionid: 901\n"), "{text}");
        let decoded = decode("map.yaml", text.as_bytes()).unwrap();
        assert_eq!((decoded.format, decoded.warnings.len()), (MapFormat::HeadscaleYaml, 0), "{:?}", decoded.warnings);
        assert_eq!(overlay([decoded.layer]), map);
    }
}
