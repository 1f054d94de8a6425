//! What a patient tester could tell, losses aside: what no answer shows, and no silence may be taken for, is nobody's to
//! tell. Only where something is obtainable does leaving it undetermined count.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use natscope::model::{Family, Filtering, Mapping, Pooling, PortAllocation, is_global};
use natscope::probe::PortMappingService;

use crate::truth_nat::NatTruth;
use crate::world::{
    DnsAnswers, Pinning, Port80, Portal, Sending, Server, Service, SimRegion, Tcp, Web, World, network_of,
};

/// Servers that must be up and silent before the network is blamed.
const WITNESSES: usize = 3;
/// Mappings it takes to call ports random, or one address the only one.
const FOR_RANDOM: u8 = 8;
const FOR_PAIRED: u8 = 18;
/// A router's services are waited for so long; it is on the local network.
const ROUTER_PATIENCE_MS: f64 = 400.0;
/// So many endpoints on port 80 are asked.
const PORTAL_ENDPOINTS: usize = 3;

impl World {
    /// Whether it can be told that UDP is blocked: this host forbids sending; or as many servers as it takes are up along
    /// one family, and every port is one that two of them were asked on. That there is no way to anybody may be a route
    /// that is missing for a moment.
    pub(crate) fn blockage_obtainable(&self) -> bool {
        let families = || Family::BOTH.into_iter().filter(|family| self.uses(*family));
        let shown =
            families().any(|family| self.shows_silence(family)) && families().all(|family| self.all_are_up(family));
        self.blockage_obtainable_if(shown)
    }

    /// The same of one family, whatever gets through over the other one.
    pub(crate) fn blockage_obtainable_over(&self, family: Family) -> bool {
        self.blockage_obtainable_if(self.shows_silence(family) && self.all_are_up(family))
    }

    fn blockage_obtainable_if(&self, shown: bool) -> bool {
        let plain = self.options.https
            && self.proxy.is_none()
            && self.portal.is_none()
            && self.web == Web::default()
            && self.dns.answers == DnsAnswers::Truth;
        match self.host.send {
            Sending::NotPermitted => true,
            Sending::Unreachable => false,
            Sending::Allowed => plain && shown,
        }
    }

    /// Servers a relay of which is up over a family, by the port that STUN is asked on.
    fn silent_and_up(&self, family: Family) -> BTreeMap<u16, BTreeSet<IpAddr>> {
        let mut up: BTreeMap<u16, BTreeSet<IpAddr>> = BTreeMap::new();
        // Two relays of a region are asked.
        let asked = |server: &Server| {
            let relays = |region: &SimRegion| {
                region.nodes.iter().filter(|node| !node.stun_only).take(2).any(|node| node == server)
            };
            self.regions.iter().any(relays)
        };
        let known = self.measurable(family).filter(|(server, _)| self.known(server, family) == Some(true));
        let known = known.filter(|(server, _)| asked(server));
        for (_, to) in known.filter(|(server, _)| !server.inside && self.up_over_tcp(server, family)) {
            up.entry(to.port()).or_default().insert(network_of(to.ip()));
        }
        up
    }

    fn up_over_tcp(&self, server: &Server, family: Family) -> bool {
        !server.stun_only && server.tcp == Tcp::Up && self.connects(server, family)
    }

    fn shows_silence(&self, family: Family) -> bool {
        let up = self.silent_and_up(family);
        let all: BTreeSet<_> = up.values().flatten().collect();
        all.len() >= WITNESSES && (up.len() == 1 || up.values().all(|operators| operators.len() >= 2))
    }

    /// Whether nobody was asked of whom nobody knows whether he is up.
    fn all_are_up(&self, family: Family) -> bool {
        self.measurable(family).all(|(server, _)| {
            self.known(server, family) == Some(true) && !server.inside && self.up_over_tcp(server, family)
        })
    }

    /// Whether somebody on the internet could tell the family's public endpoint: three that see it alike.
    pub(crate) fn global_obtainable(&self, family: Family, truth: &NatTruth) -> bool {
        truth.varies_obtainable && truth.mapping_varies == [false] && !self.dns_fakes() && self.uses(family)
    }

    /// Whether it can be told of a service that it is there, or not: silence tells neither, and a router at a public
    /// address translates for nobody and is not asked.
    pub(crate) fn service_obtainable(&self, service: PortMappingService) -> bool {
        let home = self.host.gateway.is_some_and(|gateway| !is_global(gateway));
        let asked = home && self.options.port_mapping && self.uses(Family::V4);
        asked && self.host.send == Sending::Allowed && self.in_time(service).is_some()
    }

    /// Whether somebody answers pings whose address is known: silence says nothing.
    pub(crate) fn icmp_obtainable(&self) -> bool {
        let echoes = |family| {
            let first =
                self.regions.iter().filter(|region| !region.no_measure).filter_map(|region| region.nodes.first());
            let known = first.filter(move |server| {
                self.known(server, family) == Some(true)
                    && server.stun_endpoint(family).is_some()
                    && !(self.dns_fakes() && server.in_map(family) == Pinning::Resolve)
            });
            self.uses(family) && self.network(family).icmp && known.into_iter().any(|server| server.icmp)
        };
        self.options.icmp && self.host.icmp && Family::BOTH.into_iter().any(echoes)
    }

    /// What a service answers while it is waited for, and whether with the outer address.
    fn in_time(&self, service: PortMappingService) -> Option<bool> {
        let (after_ms, tells_wan) = match self.service(service) {
            Service::Offers { after_ms, tells_wan } => (after_ms, tells_wan),
            Service::Declines { tells_wan } => (0.0, tells_wan),
            Service::Silent | Service::Refused | Service::Garbage => return None,
        };
        (self.router.rtt_ms + after_ms <= ROUTER_PATIENCE_MS).then_some(tells_wan)
    }

    /// Whether a portal can be told, or that there is none: one that does not give itself away by what it answers; or
    /// somebody's answer, a datagram's or one on port 80 that no proxy has had its hands on.
    pub(crate) fn portal_obtainable(&self, udp: &[bool]) -> bool {
        let mut asked: Vec<&Server> = Vec::new();
        for server in self.nodes().filter(|server| server.can_port_80 && server.in_map(Family::V4) == Pinning::Pinned) {
            let network = |server: &Server| server.v4.map(|address| network_of(address.into()));
            if server.v4.is_some() && !asked.iter().any(|other| network(other) == network(server)) {
                asked.push(server);
            }
        }
        asked.truncate(PORTAL_ENDPOINTS);
        let asks = self.options.captive_portal && self.uses(Family::V4) && !asked.is_empty();
        match self.portal {
            Some(Portal::Cheats) => false,
            Some(_) => asks,
            None => {
                let echoes = |server: &&Server| server.port_80 == Port80::Echoes && !server.link.loses();
                let passes = self.network(Family::V4).tcp.passes(80) && self.web == Web::default();
                let answered = asks && passes && !self.access.loses() && asked.iter().any(echoes);
                self.options.captive_portal && (udp == [true] || answered)
            }
        }
    }

    /// Whether the router tells its outer address, and somebody else ours.
    pub(crate) fn carrier_obtainable(&self, family: Family, truth: &NatTruth) -> bool {
        let services = [PortMappingService::Upnp, PortMappingService::NatPmp, PortMappingService::Pcp];
        let tells = |service| self.service_obtainable(service) && self.in_time(service) == Some(true);
        // What it tells may be any address, or a private one, which shows no carrier's NAT: only its own tells.
        let own = self.router.wan.is_none();
        family == Family::V4
            && own
            && self.options.port_mapping
            && services.into_iter().any(tells)
            && self.global_obtainable(family, truth)
            && truth.carrier_grade == [false]
            && self.network(family).boxes.len() == 1
    }

    /// Whether a NAT's own endpoint is known and one that can be sent to, and nothing else is in the way.
    pub(crate) fn hairpin_obtainable(&self, family: Family, truth: &NatTruth) -> bool {
        let alike = self.global_obtainable(family, truth) && truth.mapping == [Mapping::EndpointIndependent];
        // That nothing comes back through a filter takes a second packet from the other side, which it lets in.
        let open = truth.filtering == [Filtering::EndpointIndependent];
        self.options.hairpin && alike && (truth.hairpinning == [true] || open)
    }

    /// Whether ports are kept, or never are.
    pub(crate) fn preservation_obtainable(truth: &NatTruth) -> bool {
        truth.varies_obtainable && truth.mapping_varies == [false] && truth.port_preservation.len() == 1
    }

    /// How ports are picked: that there is no pattern takes many.
    pub(crate) fn allocation_obtainable(&self, truth: &NatTruth) -> bool {
        let random = truth.port_allocation.contains(&PortAllocation::Random);
        Self::preservation_obtainable(truth) && (!random || self.options.sockets >= FOR_RANDOM)
    }

    /// Whether there is one address: that takes more.
    pub(crate) fn pooling_obtainable(&self, truth: &NatTruth) -> bool {
        let paired = truth.pooling == [Pooling::Paired] && truth.mapping == [Mapping::EndpointIndependent];
        truth.varies_obtainable && paired && self.options.sockets >= FOR_PAIRED
    }

    /// Whether it can be told that a family works, or that there is none.
    pub(crate) fn usable_obtainable(&self, family: Family, usable: &[bool]) -> bool {
        let wanted = if family == Family::V4 { self.options.ipv4 } else { self.options.ipv6 };
        let relay = self.nodes().any(|server| {
            self.known(server, family) == Some(true)
                && server.in_map(family) == Pinning::Pinned
                && self.stun_answers(server, family)
        });
        wanted && (self.local(family).is_none() || (usable == [true] && relay))
    }
}
