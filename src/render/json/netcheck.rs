use serde_json::{Map, Value, json};

use super::{Words, millis};
use crate::probe::PortMappingService;
use crate::report::{
    FamilyReport, LatencyMethod, Netcheck, NodeReport, PathReport, RegionReport, RegionSkip, RouterReport, Tunnel,
};

impl Words<'_> {
    pub(super) fn netcheck(&self, netcheck: &Netcheck) -> Value {
        json!({
            "udp": self.verdict(&netcheck.udp, |value| json!(value)),
            "ipv4": self.family(&netcheck.ipv4),
            "ipv6": self.family(&netcheck.ipv6),
            "icmp": self.verdict(&netcheck.icmp, |value| json!(value)),
            "captive_portal": self.verdict(&netcheck.captive_portal, |value| json!(value)),
            "port_mapping": {
                "upnp": self.verdict(&netcheck.port_mapping.upnp, |value| json!(value)),
                "nat_pmp": self.verdict(&netcheck.port_mapping.nat_pmp, |value| json!(value)),
                "pcp": self.verdict(&netcheck.port_mapping.pcp, |value| json!(value)),
            },
            "router": router(&netcheck.router),
            "path": path(&netcheck.path),
            "home_region": self.verdict(&netcheck.home_region, |region| json!(region.0)),
            "regions": netcheck.regions.iter().map(|region| self.region(region)).collect::<Vec<_>>(),
        })
    }

    fn family(&self, family: &FamilyReport) -> Value {
        let observed: Map<_, _> =
            family.observed.iter().map(|(endpoint, count)| (endpoint.to_string(), json!(count))).collect();
        json!({
            "usable": self.verdict(&family.usable, |value| json!(value)),
            "os_support": family.os_support,
            "local": family.local.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "global": self.verdict(&family.global, |endpoint| json!(endpoint.to_string())),
            "observed": observed,
        })
    }

    fn region(&self, region: &RegionReport) -> Value {
        json!({
            "id": region.id.0,
            "code": region.code,
            "name": region.name,
            "latency_ms": region.latency.map(millis),
            "ipv4_ms": region.ipv4.map(millis),
            "ipv6_ms": region.ipv6.map(millis),
            "method": region.method.map(method),
            "loss": region.loss,
            "jitter_ms": region.jitter.map(millis),
            "samples": region.samples,
            "failure": region.failure.as_ref().map(|failure| self.failure(failure)),
            "skipped": region.skipped.map(skipped),
            "relay_answers": region.relay_answers,
            "nodes": region.nodes.iter().map(|node| self.node(node)).collect::<Vec<_>>(),
        })
    }

    fn node(&self, node: &NodeReport) -> Value {
        json!({
            "name": node.name,
            "host": node.host,
            "ipv4_ms": node.ipv4.map(millis),
            "ipv6_ms": node.ipv6.map(millis),
            "failure": node.failure.as_ref().map(|failure| self.failure(failure)),
        })
    }
}

fn router(router: &RouterReport) -> Value {
    json!({
        "gateway": router.gateway.map(|address| address.to_string()),
        "wan_address": router.wan_address.map(|(address, _)| address.to_string()),
        "told_by": router.wan_address.map(|(_, service)| match service {
            PortMappingService::Upnp => "upnp",
            PortMappingService::NatPmp => "nat_pmp",
            PortMappingService::Pcp => "pcp",
        }),
        "wan_is_mapped_address": router.wan_is_mapped_address,
    })
}

fn path(path: &PathReport) -> Value {
    json!({
        "interface": path.interface,
        "address": path.address.map(|address| address.to_string()),
        "tunnel": path.tunnel.as_ref().map(|tunnel| match tunnel {
            Tunnel::ByName => "by_name",
            Tunnel::ByAddress => "by_address",
            Tunnel::PointToPoint => "point_to_point",
        }),
        "proxy": path.proxy,
        "fake_dns": path.fake_dns,
    })
}

const fn method(method: LatencyMethod) -> &'static str {
    match method {
        LatencyMethod::Stun => "stun",
        LatencyMethod::Https => "https",
        LatencyMethod::Icmp => "icmp",
    }
}

pub(super) const fn skipped(skip: RegionSkip) -> &'static str {
    match skip {
        RegionSkip::NoMeasure => "no_measure",
        RegionSkip::NoNodes => "no_nodes",
        RegionSkip::NothingToAsk => "nothing_to_ask",
        RegionSkip::NotAsked => "not_asked",
    }
}
