//! The DERP map of a lab, and the certificate its relays share.

use std::path::Path;
use std::sync::OnceLock;

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::plan::Plan;
use super::scenario::{Ipv6, Scenario, StunMode};

pub struct Certificate {
    pub der: Vec<u8>,
    pub key: Vec<u8>,
    /// Both, as the relay of natscope reads them.
    pub pem: [String; 2],
}

/// One for all labs of this process: making it costs more than a lab.
pub fn certificate() -> &'static Certificate {
    static MADE: OnceLock<Certificate> = OnceLock::new();
    MADE.get_or_init(|| {
        let names: Vec<_> = (1..=5).map(|n| format!("s{n}.owner{n}.test")).collect();
        let made = rcgen::generate_simple_self_signed(names).expect("a certificate");
        Certificate {
            der: made.cert.der().to_vec(),
            key: made.signing_key.serialize_der(),
            pem: [made.cert.pem(), made.signing_key.serialize_pem()],
        }
    })
}

pub fn write(scenario: &Scenario, plan: &Plan, to: &Path) {
    let pin: String = Sha256::digest(&certificate().der).iter().map(|byte| format!("{byte:02x}")).collect();
    let mut regions = Map::new();
    for (n, server) in scenario.server.iter().enumerate() {
        let id = 901 + n;
        let mut node = json!({
            "Name": format!("{id}a"),
            "RegionID": id,
            "HostName": format!("s{0}.owner{0}.test", n + 1),
            "CertName": format!("sha256-raw:{pin}"),
            "STUNPort": 3478,
            "DERPPort": 443,
        });
        if scenario.literals {
            node["IPv4"] = json!(plan.server(n));
            node["IPv6"] = if scenario.ipv6 == Ipv6::Off { json!("none") } else { json!(plan.server6(n)) };
            node["CanPort80"] = json!(!server.no_relay);
        }
        if server.no_relay && server.stun != StunMode::Killed {
            node["STUNOnly"] = json!(true);
        }
        let code = format!("s{}", n + 1);
        let region = json!({"RegionID": id, "RegionCode": code, "RegionName": code, "Nodes": [node]});
        regions.insert(id.to_string(), region);
    }
    let map = json!({"Regions": Value::Object(regions)});
    std::fs::write(to, serde_json::to_vec_pretty(&map).unwrap()).expect("the map");
}
