use std::net::{IpAddr, SocketAddr};

use super::Relay;
use crate::model::{CertName, DerpMap, Node, Pin, Region, RegionId};

impl Relay {
    /// A DERP map of this relay alone, as its owner puts it into a policy: its host name, the ports really bound, and
    /// its certificate's pin if no authority vouches for it. A relay without HTTPS has something in front of it that
    /// has the certificate, on the port of HTTPS.
    #[must_use]
    pub fn map(&self, region: RegionId) -> DerpMap {
        let mut node = Node::new(format!("{region}a"), region, self.host_name.clone());
        node.stun_port = self.stun_addrs().first().map(SocketAddr::port);
        match self.host_name.parse() {
            Ok(IpAddr::V4(v4)) => (node.ipv4, node.ipv6) = (Pin::Address(v4), Pin::Disabled),
            Ok(IpAddr::V6(v6)) => (node.ipv4, node.ipv6) = (Pin::Disabled, Pin::Address(v6)),
            Err(_) => {}
        }
        if let Some(https) = self.https_addrs().first() {
            node.derp_port = https.port();
        }
        if let Some(identity) = self.identity.as_ref().filter(|identity| identity.is_self_signed())
            && let Some(pin) = identity.pin()
            && let Some(hash) = pin.strip_prefix("sha256-raw:")
        {
            node.cert_name = CertName::Sha256Raw(hash.to_owned());
        }
        // Clients of a node that promises it and has no IPv4 address to ask report a captive portal.
        let http = self.http_addrs().iter().any(|address| address.port() == 80);
        node.can_port_80 = http && !self.https_addrs().is_empty() && matches!(node.ipv4, Pin::Address(_));
        let mut map = DerpMap::default();
        let mut region = Region::new(region, "relay", self.host_name.clone());
        region.nodes.push(node);
        map.regions.insert(region.id, region);
        map
    }
}
