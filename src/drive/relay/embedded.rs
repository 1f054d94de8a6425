use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::Relay;
use crate::model::{CertName, DerpMap, Node, Pin, Region, RegionId};

/// The first of the region numbers the map of embedded relays uses; 900 to 999 are for self-hosted ones.
const FIRST_REGION: u64 = 901;

/// Names of the regions, in the relays' order.
const CODES: [&str; 9] = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];

/// A DERP map with a region for each relay: 901 `one`, 902 `two` and so on. Nodes carry the relays' addresses of both
/// families, their ports, and their certificates as pins; nothing in it needs DNS.
#[must_use]
pub fn embedded_map(relays: &[&Relay]) -> DerpMap {
    let mut map = DerpMap::default();
    for (id, (index, relay)) in (FIRST_REGION..).zip(relays.iter().enumerate()) {
        let id = RegionId(id);
        let code = CODES.get(index).map_or_else(|| format!("r{}", index + 1), |&code| code.to_owned());
        let mut region = Region::new(id, &code, format!("Embedded {code}"));
        region.nodes.push(node(id, relay));
        map.regions.insert(id, region);
    }
    map
}

fn node(region: RegionId, relay: &Relay) -> Node {
    let mut node = Node::new(format!("{region}a"), region, relay.host_name());
    // A wildcard is where a relay listens, not where it can be reached.
    let bound = || relay.stun_addrs().iter().chain(relay.https_addrs()).map(SocketAddr::ip);
    let addresses = || bound().filter(|address| !address.is_unspecified());
    node.ipv4 = addresses().find_map(as_v4).map_or(Pin::Disabled, Pin::Address);
    node.ipv6 = addresses().find_map(as_v6).map_or(Pin::Disabled, Pin::Address);
    node.stun_port = relay.stun_addrs().first().map(SocketAddr::port);
    match relay.https_addrs().first() {
        Some(https) => node.derp_port = https.port(),
        None => node.stun_only = true,
    }
    if let Some(hash) = relay.cert_pin().as_deref().and_then(|pin| pin.strip_prefix("sha256-raw:")) {
        node.cert_name = CertName::Sha256Raw(hash.to_owned());
    }
    node.can_port_80 = relay.http_addrs().first().is_some_and(|http| http.port() == 80);
    node
}

fn as_v4(address: IpAddr) -> Option<Ipv4Addr> {
    match address {
        IpAddr::V4(v4) => Some(v4),
        IpAddr::V6(_) => None,
    }
}

fn as_v6(address: IpAddr) -> Option<Ipv6Addr> {
    match address {
        IpAddr::V4(_) => None,
        IpAddr::V6(v6) => Some(v6),
    }
}
