//! Whom to ask, as data: which address of which node, over which family, or why not.

use std::net::{IpAddr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use super::{Input, timing};
use crate::check::Operator;
use crate::check::filtering::FEWEST_COPIES;
use crate::model::{Family, Nat64Prefix, Node, Pin, PublicStunServer, Region, RegionId, is_global};
use crate::probe::{HttpsTarget, PortMappingService};
use crate::report::{Plan, PlanStep, PlanWhat, PlanWhen, RegionSkip};

/// Where a node is for one family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Here.
    Known(IpAddr),
    /// Wherever DNS says its host name is.
    ByName,
    /// Nowhere: the map, the flags or the host rule it out.
    Off,
}

/// The place STUN is sent to, before the host's own limits are considered.
pub(super) fn stun_place(node: &Node, family: Family) -> Place {
    if node.stun_port.is_none() {
        return Place::Off;
    }
    match node.stun_test_ip {
        Some(address) if Family::of(address) == family => Place::Known(address),
        Some(_) => Place::Off,
        None => node_place(node, family),
    }
}

/// The place the relay is dialled at.
pub(super) fn relay_place(node: &Node, family: Family) -> Place {
    if node.stun_only { Place::Off } else { node_place(node, family) }
}

fn node_place(node: &Node, family: Family) -> Place {
    let pinned = match family {
        Family::V4 => pin_place(node.ipv4),
        Family::V6 => pin_place(node.ipv6),
    };
    if pinned != Place::ByName {
        return pinned;
    }
    match node.host_address() {
        Some(address) if Family::of(address) == family => Place::Known(address),
        Some(_) => Place::Off,
        None if node.host_name.is_empty() => Place::Off,
        None => Place::ByName,
    }
}

fn pin_place<A: Into<IpAddr>>(pin: Pin<A>) -> Place {
    match pin {
        Pin::Address(address) => Place::Known(address.into()),
        Pin::Disabled => Place::Off,
        Pin::Resolve => Place::ByName,
    }
}

impl Input {
    /// Whether the flags and the operating system allow this family at all.
    pub(super) const fn allows(&self, family: Family) -> bool {
        match family {
            Family::V4 => self.options.ipv4 && self.host.os_supports_v4,
            Family::V6 => self.options.ipv6 && self.host.os_supports_v6,
        }
    }

    /// Whether the routing table knows a way to the internet over this family.
    pub(super) const fn has_route(&self, family: Family) -> bool {
        match family {
            Family::V4 => self.host.route_v4.is_some(),
            Family::V6 => self.host.route_v6.is_some(),
        }
    }

    /// Whether a packet to this address is worth sending: without a route, only what is not on the internet is.
    pub(super) fn may_send(&self, address: IpAddr) -> bool {
        let family = Family::of(address);
        self.allows(family) && (self.has_route(family) || !is_global(address))
    }

    /// Whether a name is worth resolving for this family.
    pub(super) const fn may_resolve(&self, family: Family) -> bool {
        self.allows(family) && self.has_route(family)
    }

    /// Whether it is found out if a NAT64 leads to IPv4, to which there is no other way.
    pub(super) const fn looks_for_nat64(&self) -> bool {
        self.options.nat && self.options.ipv4 && !self.has_route(Family::V4) && self.may_resolve(Family::V6)
    }

    /// Whether the region is measured at all, and why not.
    pub(super) fn skip(&self, region: &Region) -> Option<RegionSkip> {
        if region.no_measure_no_home {
            return Some(RegionSkip::NoMeasure);
        }
        if region.nodes.is_empty() {
            return Some(RegionSkip::NoNodes);
        }
        let asked = |node: &Node| {
            Family::BOTH.into_iter().filter(|family| self.allows(*family)).any(|family| {
                stun_place(node, family) != Place::Off
                    || (self.options.https && relay_place(node, family) != Place::Off)
            })
        };
        (!region.nodes.iter().any(asked)).then_some(RegionSkip::NothingToAsk)
    }

    /// The gateway whose port-mapping services are asked: the default one, if its address is private.
    pub(super) fn gateway(&self) -> Option<IpAddr> {
        self.host
            .gateways
            .iter()
            .map(|gateway| gateway.address)
            .find(|address| self.allows(Family::of(*address)) && address.is_ipv4() && !is_global(*address))
    }
}

/// The HTTPS target of a node at an address.
pub(super) fn https_target(node: &Node, address: Option<IpAddr>) -> HttpsTarget {
    use crate::model::CertName;
    HttpsTarget {
        host_name: node.host_name.clone(),
        address,
        port: node.derp_port,
        cert_name: match &node.cert_name {
            CertName::HostName => String::new(),
            CertName::Name(name) => name.clone(),
            CertName::Sha256Raw(hash) => format!("sha256-raw:{hash}"),
        },
        insecure_for_tests: node.insecure_for_tests,
    }
}

/// Port-mapping services, in the order they are asked.
pub(super) const SERVICES: [PortMappingService; 3] =
    [PortMappingService::Pcp, PortMappingService::NatPmp, PortMappingService::Upnp];

/// Servers of this family that the mapping sockets ask at once: the first of distinct operators, in the map's order, those
/// on the internet before those inside this host's own network, which say nothing where there are others.
pub(super) fn mapping_servers(input: &Input, family: Family) -> Vec<SocketAddr> {
    let mut operators = Vec::new();
    let mut servers = Vec::new();
    for region in input.map.regions.values().filter(|region| input.skip(region).is_none()) {
        let Some(server) = region.nodes.iter().find_map(|node| known_stun(input, node, family)) else { continue };
        let operator = Operator::of(server.ip());
        if !operators.contains(&operator) {
            operators.push(operator);
            servers.push(server);
        }
    }
    servers.sort_by_key(|server: &SocketAddr| !is_global(server.ip()));
    servers.truncate(timing::MAPPING_SERVERS);
    servers
}

/// Servers of IPv4 that the map gives addresses of, the first of distinct operators, for hosts that have no IPv4.
pub(super) fn servers_of_ipv4(input: &Input) -> Vec<SocketAddrV4> {
    let mut operators = Vec::new();
    let mut servers = Vec::new();
    for node in
        input.map.regions.values().filter(|region| input.skip(region).is_none()).flat_map(|region| &region.nodes)
    {
        if let (Place::Known(IpAddr::V4(address)), Some(port)) = (stun_place(node, Family::V4), node.stun_port)
            && is_global(address.into())
            && !operators.contains(&Operator::of(address.into()))
        {
            operators.push(Operator::of(address.into()));
            servers.push(SocketAddrV4::new(address, port));
        }
    }
    servers.truncate(timing::MAPPING_SERVERS);
    servers
}

fn known_stun(input: &Input, node: &Node, family: Family) -> Option<SocketAddr> {
    match stun_place(node, family) {
        Place::Known(address) if input.may_send(address) => Some(SocketAddr::new(address, node.stun_port?)),
        _ => None,
    }
}

/// The plan in the form `--dry-run` prints. What depends on answers is listed with its condition.
#[must_use]
pub fn plan(input: &Input) -> Plan {
    let mut steps = Vec::new();
    let mut step = |when, copies, what| steps.push(PlanStep { when, copies, what });
    for region in input.map.regions.values() {
        if let Some(skip) = input.skip(region) {
            step(PlanWhen::Never, 0, PlanWhat::Skip { region: region.id, reason: skip });
            continue;
        }
        for (index, node) in region.nodes.iter().enumerate() {
            for family in Family::BOTH {
                plan_stun(input, region.id, node, family, copies_for(index), &mut step);
            }
        }
    }
    if input.options.nat {
        plan_nat(input, &mut step);
    }
    if input.looks_for_nat64() {
        let name = Nat64Prefix::NAME.to_owned();
        step(PlanWhen::AtOnce, 1, PlanWhat::Resolve { host: name, family: Family::V6 });
        for server in servers_of_ipv4(input) {
            step(PlanWhen::OnceResolved, timing::COPIES, PlanWhat::BeyondNat64 { server });
        }
    }
    if input.options.filtering {
        plan_filtering(input, &mut step);
    }
    if input.options.port_mapping
        && let Some(gateway) = input.gateway()
    {
        for service in SERVICES {
            step(PlanWhen::AtOnce, 1, PlanWhat::PortMapping { service, gateway });
        }
    }
    plan_races(input, &mut step);
    Plan { steps }
}

fn plan_nat(input: &Input, step: &mut impl FnMut(PlanWhen, u32, PlanWhat)) {
    for family in Family::BOTH {
        for server in mapping_servers(input, family) {
            for socket in timing::MAPPING_SOCKETS {
                step(PlanWhen::AtOnce, 1, PlanWhat::Mapping { socket, server });
            }
        }
    }
    if !input.options.hairpin {
        return;
    }
    let mut any = false;
    for family in Family::BOTH {
        for server in mapping_servers(input, family).into_iter().take(timing::HAIRPIN_SERVERS) {
            any = true;
            for socket in timing::HAIRPIN_SOCKETS {
                step(PlanWhen::AtOnce, 1, PlanWhat::Mapping { socket, server });
            }
        }
    }
    if any {
        step(PlanWhen::Seen, timing::HAIRPIN_ROUND, PlanWhat::Hairpin);
    }
}

fn plan_filtering(input: &Input, step: &mut impl FnMut(PlanWhen, u32, PlanWhat)) {
    let nodes = || {
        let regions = input.map.regions.values().filter(|region| input.skip(region).is_none());
        regions.flat_map(|region| &region.nodes).filter(|node| likely_offers_filter_test(node))
    };
    let tests = |family| {
        let mut known = nodes().filter_map(|node| known_stun(input, node, family));
        known.any(|server| is_global(server.ip()) || server.ip().is_loopback())
    };
    let named = |node: &Node| Family::BOTH.into_iter().any(|family| stun_place(node, family) == Place::ByName);
    let when = match Family::BOTH.into_iter().any(tests) {
        true => PlanWhen::AtOnce,
        false if nodes().any(named) => PlanWhen::OnceResolved,
        false => PlanWhen::Offered,
    };
    step(when, FEWEST_COPIES, PlanWhat::Filtering);
    // Relays are asked only where no such server is known.
    for family in Family::BOTH.into_iter().filter(|family| !tests(*family)) {
        for server in mapping_servers(input, family).into_iter().take(timing::SCOUTS) {
            step(PlanWhen::AtOnce, 1, PlanWhat::FilterScout { server });
        }
    }
}

fn plan_stun(
    input: &Input,
    region: RegionId,
    node: &Node,
    family: Family,
    copies: u32,
    step: &mut impl FnMut(PlanWhen, u32, PlanWhat),
) {
    let node_name = node.name.clone();
    match (stun_place(node, family), node.stun_port) {
        (Place::Known(address), Some(port)) if input.may_send(address) => {
            let server = SocketAddr::new(address, port);
            step(PlanWhen::AtOnce, copies, PlanWhat::Stun { region, node: node_name, server });
        }
        (Place::ByName, Some(port)) if input.may_resolve(family) => {
            let host = node.host_name.clone();
            step(PlanWhen::AtOnce, 1, PlanWhat::Resolve { host: host.clone(), family });
            step(PlanWhen::OnceResolved, copies, PlanWhat::StunByName { region, node: node_name, host, family, port });
        }
        _ => {}
    }
}

fn plan_races(input: &Input, step: &mut impl FnMut(PlanWhen, u32, PlanWhat)) {
    for region in input.map.regions.values().filter(|region| input.skip(region).is_none()) {
        if input.options.https
            && let Some(node) = region.nodes.iter().find(|node| !node.stun_only)
        {
            let what = PlanWhat::Https { region: region.id, host: node.host_name.clone(), port: node.derp_port };
            step(PlanWhen::HomeCandidateOrSilent { after: timing::RACE_AFTER }, 1, what);
        }
    }
    let silent = PlanWhen::UdpSilent { after: timing::RACE_AFTER };
    if input.options.https {
        let nodes = input.map.regions.values().filter(|region| input.skip(region).is_none());
        for node in nodes.flat_map(|region| &region.nodes).filter(|node| node.stun_only) {
            for server in Family::BOTH.into_iter().filter_map(|family| known_stun(input, node, family)) {
                step(silent, 1, PlanWhat::StunStream { server });
            }
        }
    }
    if input.options.icmp {
        step(silent, 1, PlanWhat::Icmp);
    }
    if input.options.captive_portal {
        for address in portal_addresses(input) {
            step(silent, 1, PlanWhat::CaptivePortal { address });
        }
    }
}

/// Port-80 endpoints for the captive-portal check: nodes that declare one and have an IPv4 address of their own (a
/// portal owns DNS), of distinct operators.
pub(super) fn portal_addresses(input: &Input) -> Vec<SocketAddr> {
    let mut operators = Vec::new();
    let mut addresses = Vec::new();
    for node in input.map.regions.values().flat_map(|region| &region.nodes).filter(|node| node.can_port_80) {
        if let Place::Known(address) = node_place(node, Family::V4)
            && input.may_send(address)
            && !operators.contains(&Operator::of(address))
        {
            operators.push(Operator::of(address));
            addresses.push(SocketAddr::new(address, 80));
        }
    }
    addresses.truncate(3);
    addresses
}

/// Whether a server is likely to offer the filter test of RFC 5780: it serves nothing but STUN, and is not listed as one
/// that offers no more than that.
pub(super) fn likely_offers_filter_test(node: &Node) -> bool {
    let listed_without = |server: &PublicStunServer| {
        !server.rfc5780 && server.host == node.host_name && node.stun_port == Some(server.port)
    };
    node.stun_only && !PublicStunServer::POOL.iter().any(listed_without)
}

/// Copies for the node at this index of its region.
pub(super) const fn copies_for(index: usize) -> u32 {
    if index == 0 { timing::COPIES } else { 1 }
}

/// How long the run may take at most when nothing answers.
pub(super) fn silent_budget(input: &Input) -> Duration {
    input.options.budget.min(timing::SILENT_BUDGET)
}
