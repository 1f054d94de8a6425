//! What a patient tester could tell, losses aside: what no answer shows, and no silence may be taken for, is nobody's to
//! tell. Only where something is obtainable does leaving it undetermined count.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use natscope::model::{Family, Filtering, Mapping, Pooling, PortAllocation};
use natscope::probe::PortMappingService;

use crate::truth_nat::NatTruth;
use crate::world::{DnsAnswers, Pinning, Sending, Service, Tcp, Web, World, network_of};

/// Servers that must be up and silent before the network is blamed.
const WITNESSES: usize = 3;
/// Mappings it takes to call ports random, or one address the only one.
const FOR_RANDOM: u8 = 8;
const FOR_PAIRED: u8 = 18;

impl World {
    /// Whether it can be told that UDP is blocked: this host refuses to send; or as many servers as it takes are up along
    /// one family, and every port is one that two of them were asked on.
    pub(crate) fn blockage_obtainable(&self) -> bool {
        if self.host.send != Sending::Allowed {
            return true;
        }
        let plain = self.options.https
            && self.proxy.is_none()
            && self.portal.is_none()
            && self.web == Web::default()
            && self.dns.answers == DnsAnswers::Truth;
        let families = || Family::BOTH.into_iter().filter(|family| self.uses(*family));
        plain && families().any(|family| self.shows_silence(family)) && families().all(|family| self.all_are_up(family))
    }

    /// Servers a relay of which is up over a family, by the port that STUN is asked on.
    fn silent_and_up(&self, family: Family) -> BTreeMap<u16, BTreeSet<IpAddr>> {
        let mut up: BTreeMap<u16, BTreeSet<IpAddr>> = BTreeMap::new();
        let known = self.measurable(family).filter(|(server, _)| self.known(server, family) == Some(true));
        for (_, to) in known.filter(|(server, _)| !server.inside && self.up_over_tcp(server, family)) {
            up.entry(to.port()).or_default().insert(network_of(to.ip()));
        }
        up
    }

    fn up_over_tcp(&self, server: &crate::world::Server, family: Family) -> bool {
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

    /// Whether it can be told of a service that it is there, or not: silence tells neither.
    pub(crate) fn service_obtainable(&self, service: PortMappingService) -> bool {
        let asked = self.host.gateway.is_some() && self.options.port_mapping && self.uses(Family::V4);
        asked
            && self.host.send == Sending::Allowed
            && matches!(self.service(service), Service::Offers { .. } | Service::Declines { .. })
    }

    /// Whether the router tells its outer address, and somebody else ours.
    pub(crate) fn carrier_obtainable(&self, family: Family, truth: &NatTruth) -> bool {
        let services = [PortMappingService::Upnp, PortMappingService::NatPmp, PortMappingService::Pcp];
        let tells = |service| {
            matches!(
                self.service(service),
                Service::Offers { tells_wan: true, .. } | Service::Declines { tells_wan: true }
            )
        };
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

    /// Whether a NAT's own endpoint is one that can be sent to, and nothing else is in the way.
    pub(crate) fn hairpin_obtainable(&self, truth: &NatTruth) -> bool {
        let alike = truth.varies_obtainable && truth.mapping == [Mapping::EndpointIndependent];
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
