//! A world seen from its parts: the map a client is given, what the host's system says, who lives at an address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use natscope::model::{DerpMap, Family, HomeParams, Node, Pin, Region, RegionId};
use natscope::probe::{Gateway, HostFacts, Interface, ProxyFacts};

use super::{DnsAnswers, Network, Pinning, Server, World};

/// Who lives where.
pub(crate) struct Servers<'w> {
    by_address: HashMap<IpAddr, &'w Server>,
    by_host: HashMap<&'w str, &'w Server>,
    fakes: HashMap<IpAddr, &'w Server>,
}

impl<'w> Servers<'w> {
    /// The directory of a world.
    pub(crate) fn of(world: &'w World) -> Self {
        let mut servers = Self { by_address: HashMap::new(), by_host: HashMap::new(), fakes: HashMap::new() };
        for (number, node) in (0_u16..).zip(world.nodes()) {
            for address in Family::BOTH.iter().filter_map(|family| node.address(*family)) {
                servers.by_address.entry(address).or_insert(node);
            }
            servers.by_host.entry(&node.host).or_insert(node);
            servers.fakes.insert(fake_address(number), node);
        }
        // After all that are in the map: one server's other address may be another one's only one.
        for node in world.nodes() {
            for other in Family::BOTH.iter().filter_map(|family| node.alternate(*family)) {
                servers.by_address.entry(other.ip()).or_insert(node);
            }
        }
        servers
    }

    /// The server at an address, and its true address.
    pub(crate) fn at(&self, address: IpAddr) -> Option<(&'w Server, IpAddr)> {
        let faked = || Some((*self.fakes.get(&address)?, self.fakes.get(&address)?.address(Family::V4)?));
        self.by_address.get(&address).map(|server| (*server, address)).or_else(faked)
    }

    /// The server of a name.
    pub(crate) fn named(&self, host: &str) -> Option<&'w Server> {
        self.by_host.get(host).copied()
    }

    /// The address a proxy in "fake-IP" mode gives for a name.
    pub(crate) fn fake_of(&self, host: &str) -> Option<IpAddr> {
        let server = self.named(host)?;
        self.fakes.iter().filter(|(_, fake)| std::ptr::eq(**fake, server)).map(|(address, _)| *address).min()
    }
}

fn fake_address(number: u16) -> IpAddr {
    let [high, low] = number.to_be_bytes();
    IpAddr::V4(Ipv4Addr::new(198, 18, high, low))
}

impl Server {
    /// Its true address.
    pub(crate) fn address(&self, family: Family) -> Option<IpAddr> {
        match family {
            Family::V4 => self.v4.map(IpAddr::V4),
            Family::V6 => self.v6.map(IpAddr::V6),
        }
    }

    /// Its STUN endpoint, as the map means it.
    pub(crate) fn stun_endpoint(&self, family: Family) -> Option<SocketAddr> {
        let address = self.address(family).filter(|_| self.stun_port != 0)?;
        (self.in_map(family) != Pinning::Disabled).then_some(SocketAddr::new(address, self.stun_port))
    }

    /// How the map gives its address.
    pub(crate) const fn in_map(&self, family: Family) -> Pinning {
        match family {
            Family::V4 => self.v4_in_map,
            Family::V6 => self.v6_in_map,
        }
    }

    /// The true round trip without any disturbance, milliseconds.
    pub(crate) fn rtt_ms(&self, family: Family) -> f64 {
        match family {
            Family::V4 => self.rtt_ms,
            Family::V6 => self.v6_rtt_ms.unwrap_or(self.rtt_ms),
        }
    }
}

impl World {
    /// All nodes of the map.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = &Server> {
        self.regions.iter().flat_map(|region| &region.nodes)
    }

    /// The way out over a family.
    pub(crate) const fn network(&self, family: Family) -> &Network {
        match family {
            Family::V4 => &self.v4,
            Family::V6 => &self.v6,
        }
    }

    /// The host's address towards the internet, when its system can use the family at all.
    pub(crate) fn local(&self, family: Family) -> Option<IpAddr> {
        match family {
            Family::V4 => self.host.v4.filter(|_| self.host.os_v4).map(IpAddr::V4),
            Family::V6 => self.host.v6.filter(|_| self.host.os_v6).map(IpAddr::V6),
        }
    }

    /// The map a client is given.
    pub(crate) fn derp_map(&self) -> DerpMap {
        let scores = self.regions.iter().filter_map(|region| Some((RegionId(region.id), region.score?)));
        let regions = self.regions.iter().map(|sim| {
            let mut region = Region::new(RegionId(sim.id), format!("r{}", sim.id), format!("Region {}", sim.id));
            region.avoid = sim.avoid;
            region.no_measure_no_home = sim.no_measure;
            region.nodes = sim.nodes.iter().map(|node| map_node(region.id, node)).collect();
            (region.id, region)
        });
        DerpMap {
            regions: regions.collect(),
            home_params: HomeParams { region_score: scores.collect() },
            omit_default_regions: false,
        }
    }

    /// What the host's system says.
    pub(crate) fn host_facts(&self) -> HostFacts {
        let host = &self.host;
        let loopback = Interface {
            name: "lo".into(),
            index: 1,
            mtu: 65536,
            loopback: true,
            point_to_point: false,
            addresses: vec![IpAddr::V4(Ipv4Addr::LOCALHOST)],
        };
        let first = Interface {
            name: host.interface.clone(),
            index: 2,
            mtu: 1500,
            loopback: false,
            point_to_point: host.point_to_point,
            addresses: [host.v4.map(IpAddr::V4), host.v6.map(IpAddr::V6)].into_iter().flatten().collect(),
        };
        let more = (3_u32..).zip(&host.more).map(|(index, more)| Interface {
            name: more.name.clone(),
            index,
            mtu: 1280,
            loopback: false,
            point_to_point: more.point_to_point,
            addresses: more.addresses.clone(),
        });
        let up = [loopback].into_iter().chain((!first.addresses.is_empty()).then_some(first)).chain(more);
        HostFacts {
            interfaces: up.collect(),
            gateways: host
                .gateway
                .map(|address| Gateway { address, interface: host.interface.clone() })
                .into_iter()
                .collect(),
            route_v4: self.local(Family::V4),
            route_v6: self.local(Family::V6),
            os_supports_v4: host.os_v4,
            os_supports_v6: host.os_v6,
            resolvers: if self.dns.answers == DnsAnswers::NoResolver { vec![] } else { vec!["192.168.1.1".into()] },
            proxy: ProxyFacts { https: self.proxy.as_ref().map(|proxy| proxy.url.clone()), http: None },
        }
    }
}

fn map_node(region: RegionId, server: &Server) -> Node {
    let mut node = Node::new(&server.name, region, &server.host);
    node.ipv4 = pin(server.v4_in_map, server.v4);
    node.ipv6 = pin(server.v6_in_map, server.v6);
    node.stun_port = (server.stun_port != 0).then_some(server.stun_port);
    node.derp_port = server.derp_port;
    node.stun_only = server.stun_only;
    node.can_port_80 = server.can_port_80;
    node
}

fn pin<A>(pinning: Pinning, address: Option<A>) -> Pin<A> {
    match (pinning, address) {
        (Pinning::Pinned, Some(address)) => Pin::Address(address),
        (Pinning::Resolve, _) => Pin::Resolve,
        (Pinning::Pinned | Pinning::Disabled, _) => Pin::Disabled,
    }
}
