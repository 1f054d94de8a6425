//! What is so, from the world alone (and, for endpoints, from what truly reached the servers): for every verdict the
//! values it may claim. An empty list: no claim may be made, since nothing that can be heard would support one.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use natscope::model::Family;
use natscope::probe::{PortMappingService, Slot};

use crate::run::Run;
use crate::truth_nat::{NatTruth, nat};
use crate::world::{DnsAnswers, Pinning, Sending, Server, Service, SimRegion, Stun, Tcp, Web, World};

/// Values a verdict may claim.
pub(crate) type Right<T> = Vec<T>;

/// What is so.
#[derive(Clone, Debug)]
pub(crate) struct Truth {
    pub(crate) udp: Right<bool>,
    /// Whether a patient tester could tell it.
    pub(crate) udp_obtainable: bool,
    pub(crate) usable: [Right<bool>; 2],
    pub(crate) global: [Right<SocketAddr>; 2],
    pub(crate) icmp: Right<bool>,
    pub(crate) captive_portal: Right<bool>,
    pub(crate) nat: [NatTruth; 2],
}

impl Truth {
    /// The truth about a world, for a run in it.
    pub(crate) fn of(world: &World, run: &Run) -> Self {
        let (udp, udp_obtainable) = udp(world);
        Self {
            udp,
            udp_obtainable,
            usable: Family::BOTH.map(|family| usable(world, family)),
            global: Family::BOTH.map(|family| global(run, family)),
            icmp: icmp(world),
            captive_portal: vec![world.portal.is_some()],
            nat: Family::BOTH.map(|family| nat(world, run, family)),
        }
    }
}

impl World {
    /// Whether the host may use a family at all: it has a route, and nobody told the check to leave it out.
    pub(crate) fn uses(&self, family: Family) -> bool {
        let option = match family {
            Family::V4 => self.options.ipv4,
            Family::V6 => self.options.ipv6,
        };
        option && self.local(family).is_some()
    }

    /// Whether a client can learn a server's address. `None`: perhaps, if it has the patience.
    pub(crate) fn known(&self, server: &Server, family: Family) -> Option<bool> {
        if server.address(family).is_none() {
            return Some(false);
        }
        match server.in_map(family) {
            Pinning::Pinned => Some(true),
            Pinning::Disabled => Some(false),
            Pinning::Resolve => {
                let answered = match self.dns.answers {
                    DnsAnswers::Truth => !self.dns.missing.contains(&server.host),
                    DnsAnswers::Fake => family == Family::V4 && !self.dns.missing.contains(&server.host),
                    _ => false,
                };
                if answered && self.dns.delay_ms > 500.0 { None } else { Some(answered) }
            }
        }
    }

    /// Servers that may be measured over a family, with their true STUN endpoints.
    pub(crate) fn measurable(&self, family: Family) -> impl Iterator<Item = (&Server, SocketAddr)> {
        let regions = self.regions.iter().filter(|region| !region.no_measure);
        let servers = regions.flat_map(|region| &region.nodes);
        servers
            .filter(move |server| self.known(server, family) != Some(false))
            .filter_map(move |server| Some((server, server.stun_endpoint(family)?)))
    }

    /// Whether STUN answers of this server reach the host, losses aside.
    pub(crate) fn stun_answers(&self, server: &Server, family: Family) -> bool {
        self.uses(family)
            && self.host.send == Sending::Allowed
            && self.known(server, family) != Some(false)
            && server.stun_endpoint(family).is_some_and(|endpoint| {
                self.network(family).udp.passes(endpoint.port())
                    && server.stun.responds()
                    && self.network(family).lets_in(server.stun, endpoint)
            })
    }

    /// Whether it is the network, or the host's own firewall, that keeps answers of these servers away: there are
    /// servers that would answer, and none of those gets through.
    pub(crate) fn blames_network(&self, asked: &[(Family, &Server, SocketAddr)]) -> bool {
        if self.host.send != Sending::Allowed {
            // A portal's resolver has an address for every name, and sending there is refused as well.
            let named = self.dns.answers == DnsAnswers::Portal
                && self.nodes().any(|server| server.v4_in_map == Pinning::Resolve && server.stun_port != 0);
            return named || !asked.is_empty();
        }
        let mut would_answer = asked.iter().filter(|(_, server, _)| server.stun.responds()).peekable();
        would_answer.peek().is_some()
            && would_answer.all(|(family, server, to)| {
                let network = self.network(*family);
                !network.udp.passes(to.port()) || !network.lets_in(server.stun, *to)
            })
    }

    /// Whether nothing sent to these servers gets through, though some may be down themselves: who says so is right,
    /// by luck or not.
    pub(crate) fn lets_nobody_out(&self, asked: &[(Family, &Server, SocketAddr)]) -> bool {
        let kept = |(family, _, to): &(Family, &Server, SocketAddr)| !self.network(*family).udp.passes(to.port());
        !asked.is_empty() && (self.host.send != Sending::Allowed || asked.iter().all(kept))
    }

    /// Whether the host refuses to send at all, to somebody it has the address of: a portal's resolver gives its own.
    pub(crate) fn refuses(&self, family: Family) -> bool {
        let named = |server: &Server| {
            self.dns.answers == DnsAnswers::Portal
                && family == Family::V4
                && server.in_map(family) == Pinning::Resolve
                && server.stun_port != 0
        };
        let regions = self.regions.iter().filter(|region| !region.no_measure);
        self.uses(family)
            && self.host.send != Sending::Allowed
            && (self.measurable(family).next().is_some() || regions.flat_map(|region| &region.nodes).any(named))
    }

    /// Whether a relay can be used over TCP, losses aside.
    pub(crate) fn relay_works(&self, server: &Server) -> bool {
        let trusted = self.web != Web::TlsForged && server.tcp == Tcp::Up;
        let reached = match &self.proxy {
            // The proxy looks the name up, and may find an address that the map leaves out; not one that is nowhere.
            Some(proxy) => proxy.works && Family::BOTH.iter().any(|family| server.address(*family).is_some()),
            None => Family::BOTH.iter().any(|family| self.connects(server, *family)),
        };
        !server.stun_only && trusted && reached
    }

    /// Whether TCP connections to the relay get through the network.
    pub(crate) fn connects(&self, server: &Server, family: Family) -> bool {
        self.uses(family)
            && self.known(server, family) != Some(false)
            && self.network(family).tcp.passes(server.derp_port)
    }

    /// Whether nothing is lost to any server of a region.
    pub(crate) fn lossless(&self, region: &SimRegion) -> bool {
        !self.access.loses() && region.nodes.iter().all(|node| !node.link.loses())
    }

    /// The router's outer address.
    pub(crate) fn outer(&self) -> Option<IpAddr> {
        self.router.wan.or_else(|| self.v4.boxes.first()?.publics.first().copied())
    }

    /// What a service of the router is.
    pub(crate) const fn service(&self, service: PortMappingService) -> Service {
        match service {
            PortMappingService::Upnp => self.router.upnp,
            PortMappingService::NatPmp => self.router.nat_pmp,
            PortMappingService::Pcp => self.router.pcp,
        }
    }
}

fn udp(world: &World) -> (Right<bool>, bool) {
    let right = udp_by_answers(world);
    let families = || Family::BOTH.into_iter().filter(|family| world.uses(*family));
    let asked: Vec<_> = families().flat_map(|f| world.measurable(f).map(move |(server, to)| (f, server, to))).collect();
    let false_at_best = world.lets_nobody_out(&asked) || families().any(|family| world.refuses(family));
    if right.is_empty() && false_at_best {
        return (vec![false], false);
    }
    let obtainable = right.contains(&true) || world.blockage_obtainable();
    (right, obtainable)
}

fn udp_by_answers(world: &World) -> Right<bool> {
    let families = Family::BOTH.into_iter().filter(|family| world.uses(*family));
    let asked: Vec<_> = families.flat_map(|f| world.measurable(f).map(move |(server, to)| (f, server, to))).collect();
    let (sure, unsure): (Vec<_>, Vec<_>) =
        asked.iter().copied().partition(|(family, server, _)| world.known(server, *family) == Some(true));
    let answers = |(family, server, _): &(Family, &Server, SocketAddr)| world.stun_answers(server, *family);
    if sure.iter().any(answers) {
        return vec![true];
    }
    // Names that take long: those who wait for them hear, the others go by what they have asked.
    if unsure.iter().any(answers) {
        return if world.blames_network(&sure) { vec![true, false] } else { vec![true] };
    }
    // Something comes back, though it is no STUN: who says UDP works is right, who says nothing is careful, and
    // who goes by the servers that would have answered is right as well, if those are kept away.
    let passes = |family: Family, to: SocketAddr| world.network(family).udp.passes(to.port());
    if world.host.send == Sending::Allowed
        && asked.iter().any(|(family, server, to)| server.stun == Stun::Garbage && passes(*family, *to))
    {
        return if world.blames_network(&asked) { vec![true, false] } else { vec![true] };
    }
    if world.blames_network(&asked) { vec![false] } else { vec![] }
}

fn usable(world: &World, family: Family) -> Right<bool> {
    if world.local(family).is_none() {
        return vec![false];
    }
    if !world.uses(family) {
        return vec![];
    }
    if world.portal.is_some() || world.proxy.is_some() {
        return vec![true, false];
    }
    let network = world.network(family);
    let servers = || world.nodes().filter(|server| world.known(server, family) != Some(false));
    let over_udp = servers().any(|server| world.stun_answers(server, family));
    // Even a refusal is an answer.
    let over_tcp = servers().any(|server| {
        !server.stun_only && world.connects(server, family) && !matches!(server.tcp, Tcp::Dead | Tcp::HangsInTls)
    });
    let over_streams = servers().any(|server| {
        server.stun_only
            && server.stun_tcp
            && server.stun.responds()
            && world.network(family).tcp.passes(server.stun_port)
    });
    let over_icmp = servers().any(|server| echoes(world, server, family));
    if over_udp || over_tcp || over_streams || over_icmp {
        return vec![true];
    }
    let udp_blocked = world.host.send != Sending::Allowed
        || servers().all(|server| server.stun_port == 0 || !network.udp.passes(server.stun_port));
    let tcp_blocked = servers().all(|server| {
        let port = if server.stun_only { server.stun_port } else { server.derp_port };
        !network.tcp.passes(port)
    });
    if servers().next().is_some() && udp_blocked && tcp_blocked { vec![false] } else { vec![] }
}

fn echoes(world: &World, server: &Server, family: Family) -> bool {
    let asked = world.uses(family) && world.known(server, family) != Some(false);
    asked && world.host.icmp && world.network(family).icmp && server.icmp
}

fn icmp(world: &World) -> Right<bool> {
    if !world.host.icmp || !world.options.icmp || !Family::BOTH.iter().any(|family| world.uses(*family)) {
        return vec![];
    }
    let answered = world.nodes().any(|server| Family::BOTH.iter().any(|family| echoes(world, server, *family)));
    vec![answered]
}

/// Endpoints servers truly saw the measuring socket at.
fn global(run: &Run, family: Family) -> Right<SocketAddr> {
    let measuring = Slot::Shared { family, index: 0 };
    let seen: BTreeSet<_> =
        run.reached.iter().filter(|reached| reached.slot == measuring).map(|reached| reached.external).collect();
    // What is not on the internet is no endpoint there.
    seen.into_iter().filter(|endpoint| natscope::model::is_global(endpoint.ip())).collect()
}
