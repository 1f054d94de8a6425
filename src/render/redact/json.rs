use std::net::{IpAddr, SocketAddr};

use serde_json::{Map, Value, json};

use super::pseudonym::{Pseudonyms, is_public_host};

/// The inputs of a check: a DERP map in Tailscale's JSON, host facts, options. What a string is, is told by its key;
/// one whose key tells nothing is free text.
pub(super) fn walk(value: &mut Value, names: &mut Pseudonyms) {
    match value {
        Value::Object(object) => self::object(object, names),
        Value::Array(items) => items.iter_mut().for_each(|item| walk(item, names)),
        Value::String(text) => names.text(text),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn object(object: &mut Map<String, Value>, names: &mut Pseudonyms) {
    let what = What::of(object);
    let entries = std::mem::take(object);
    for (mut key, mut value) in entries {
        match (plain(&key).as_str(), &mut value) {
            ("hostname" | "host", Value::String(host)) => names.host(host),
            ("certname", Value::String(name)) if !name.contains(':') => names.host(name),
            ("regioncode" | "code", Value::String(code)) => names.region_code(code, what == What::PublicRegion),
            ("regionname", Value::String(name)) => names.region_name(name, what == What::PublicRegion),
            ("name", Value::String(name)) => match what {
                What::Interface => names.interface(name),
                What::Node { public } => names.node_name(name, public),
                What::PublicRegion => names.region_name(name, true),
                What::Region => names.region_name(name, false),
                What::Other => names.text(name),
            },
            ("interface", Value::String(name)) => names.interface(name),
            // Where a relay of one's own stands is where its owner is.
            ("latitude" | "longitude", Value::Number(_)) if what != What::PublicRegion => value = json!(0.0),
            _ => walk(&mut value, names),
        }
        if key.parse::<IpAddr>().is_ok() || key.parse::<SocketAddr>().is_ok() || key.contains('.') {
            names.text(&mut key);
        }
        object.insert(key, value);
    }
}

/// What an object describes, by the keys it has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    PublicRegion,
    Region,
    Node { public: bool },
    Interface,
    Other,
}

impl What {
    fn of(object: &Map<String, Value>) -> Self {
        let value = |wanted: &str| object.iter().find(|(key, _)| plain(key) == wanted).map(|(_, value)| value);
        let is_public = |host: Option<&Value>| host.and_then(Value::as_str).is_some_and(is_public_host);
        if let Some(nodes) = value("nodes") {
            let nodes: Vec<_> = nodes.as_array().into_iter().flatten().filter_map(Value::as_object).collect();
            let host = |node: &Map<String, Value>| {
                is_public(node.iter().find(|(key, _)| plain(key) == "hostname").map(|(_, value)| value))
            };
            let public = !nodes.is_empty() && nodes.into_iter().all(host);
            if public { Self::PublicRegion } else { Self::Region }
        } else if let Some(host) = value("hostname") {
            Self::Node { public: is_public(Some(host)) }
        } else if value("addresses").is_some() {
            Self::Interface
        } else {
            Self::Other
        }
    }
}

/// `HostName` and `host_name` alike.
fn plain(key: &str) -> String {
    key.chars().filter(|character| *character != '_').collect::<String>().to_ascii_lowercase()
}
