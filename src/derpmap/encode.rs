use serde_json::{Map, Value, json};

use super::layer::MapLayer;
use super::node::SHA256_RAW;
use crate::model::{CertName, DerpMap, Node, Pin, Region};

/// The map as Tailscale's own encoder writes it: keys in the order of its structs, optional ones left out when
/// they have their zero value. [`decode`](super::decode) gives the same map back.
#[must_use]
pub fn encode_json(map: &DerpMap) -> Value {
    encode_layer(&MapLayer::terse(map.clone()))
}

/// The layer in the same form, with what it removes as `null` and without what it does not mention. [`decode`](
/// super::decode) gives the same layer back.
#[must_use]
pub fn encode_layer(layer: &MapLayer) -> Value {
    let mut object = Map::new();
    if let Some(scores) = &layer.region_score {
        let scores = scores.iter().map(|(id, score)| (id.to_string(), json!(score)));
        object.insert("HomeParams".to_owned(), json!({"RegionScore": Value::Object(scores.collect())}));
    }
    if let Some(regions) = &layer.regions {
        let region = |region: &Option<Region>| region.as_ref().map_or(Value::Null, encode_region);
        let regions = regions.iter().map(|(id, it)| (id.to_string(), region(it)));
        object.insert("Regions".to_owned(), Value::Object(regions.collect()));
    }
    if let Some(omit) = layer.omit_default_regions {
        object.insert("omitDefaultRegions".to_owned(), Value::Bool(omit));
    }
    if object.is_empty() {
        // An object without any of these keys is no map.
        object.insert("Regions".to_owned(), Value::Null);
    }
    Value::Object(object)
}

/// The layer as a Tailscale policy of nothing but the section `derpMap`, with the keys as Tailscale's documentation
/// spells them.
#[must_use]
pub fn encode_policy(layer: &MapLayer) -> Value {
    let respell = |(key, value): (String, Value)| match key.as_str() {
        "omitDefaultRegions" => ("OmitDefaultRegions".to_owned(), value),
        _ => (key, value),
    };
    match encode_layer(layer) {
        Value::Object(map) => json!({ "derpMap": map.into_iter().map(respell).collect::<Map<_, _>>() }),
        other => other,
    }
}

fn encode_region(region: &Region) -> Value {
    let mut object = Map::new();
    object.insert("RegionID".to_owned(), json!(region.id));
    object.insert("RegionCode".to_owned(), json!(region.code));
    object.insert("RegionName".to_owned(), json!(region.name));
    for (key, degrees) in [("Latitude", region.latitude), ("Longitude", region.longitude)] {
        if degrees != 0.0 {
            object.insert(key.to_owned(), json!(degrees));
        }
    }
    insert_flag(&mut object, "Avoid", region.avoid);
    insert_flag(&mut object, "NoMeasureNoHome", region.no_measure_no_home);
    object.insert("Nodes".to_owned(), region.nodes.iter().map(encode_node).collect());
    Value::Object(object)
}

fn encode_node(node: &Node) -> Value {
    let mut object = Map::new();
    object.insert("Name".to_owned(), json!(node.name));
    object.insert("RegionID".to_owned(), json!(node.region_id));
    object.insert("HostName".to_owned(), json!(node.host_name));
    match &node.cert_name {
        CertName::HostName => {}
        CertName::Name(name) => insert_text(&mut object, "CertName", name.clone()),
        CertName::Sha256Raw(hash) => insert_text(&mut object, "CertName", format!("{SHA256_RAW}{hash}")),
    }
    insert_pin(&mut object, "IPv4", node.ipv4);
    insert_pin(&mut object, "IPv6", node.ipv6);
    match node.stun_port {
        Some(Node::DEFAULT_STUN_PORT) => {}
        Some(port) => insert_number(&mut object, "STUNPort", i32::from(port)),
        None => insert_number(&mut object, "STUNPort", -1),
    }
    insert_flag(&mut object, "STUNOnly", node.stun_only);
    if node.derp_port != Node::DEFAULT_DERP_PORT {
        insert_number(&mut object, "DERPPort", i32::from(node.derp_port));
    }
    insert_flag(&mut object, "InsecureForTests", node.insecure_for_tests);
    if let Some(address) = node.stun_test_ip {
        insert_text(&mut object, "STUNTestIP", address.to_string());
    }
    insert_flag(&mut object, "CanPort80", node.can_port_80);
    Value::Object(object)
}

fn insert_pin<A: ToString>(object: &mut Map<String, Value>, key: &str, pin: Pin<A>) {
    match pin {
        Pin::Resolve => {}
        Pin::Address(address) => insert_text(object, key, address.to_string()),
        Pin::Disabled => insert_text(object, key, "none".to_owned()),
    }
}

fn insert_text(object: &mut Map<String, Value>, key: &str, text: String) {
    object.insert(key.to_owned(), Value::String(text));
}

fn insert_number(object: &mut Map<String, Value>, key: &str, number: i32) {
    object.insert(key.to_owned(), json!(number));
}

fn insert_flag(object: &mut Map<String, Value>, key: &str, flag: bool) {
    if flag {
        object.insert(key.to_owned(), Value::Bool(true));
    }
}
