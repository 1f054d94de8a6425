//! Worlds drawn at random.
//!
//! One assumption, which no tester can do without: where at least four independent servers exist, at most one of them
//! lies about our endpoint in a way that cannot be seen by itself; where fewer exist, none does. (Servers that say
//! something impossible, as a private address, may be many.) And where at least three servers exist, they are not all
//! down while their relays are up.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use natscope::model::{Family, Filtering, Mapping};

use super::draw_alternates::draw_alternates;
use super::draw_hairpins::draw_hairpins;
use super::draw_servers::{draw_link, draw_regions, round};
use super::draw_streams::draw_streams;
use super::{
    Dns, DnsAnswers, Host, Middlebox, MoreInterface, Neighbour, Network, Options, Pinning, Policy, Pool, Portal, Ports,
    Proxy, Router, Sending, Server, Service, SimRegion, Stun, Web, World,
};
use crate::random::{Random, mix};

impl World {
    /// The world of a seed.
    pub(crate) fn random(seed: u64) -> Self {
        let mut random = Random::new(mix(seed));
        let r = &mut random;
        let mut world = Self { seed: seed >> 1, host: draw_host(r), regions: draw_regions(r), ..Self::default() };
        // Where all STUN servers of a map are down and all its relays up, nobody can tell it from a blocked network. So it
        // is with those of one family, and one that the client does not learn of is none.
        let regions = || world.regions.iter().filter(|region| !region.no_measure);
        let all_down = |family| {
            let asked = |node: &&Server| node.in_map(family) != Pinning::Disabled && node.stun_port != 0;
            let mut asked = regions().flat_map(|region| &region.nodes).filter(asked);
            let up = |node: &Server| node.in_map(family) == Pinning::Pinned && node.stun.tells_truth();
            asked.clone().count() >= 3 && !asked.any(up)
        };
        if Family::BOTH.into_iter().any(all_down) {
            for node in world.regions.iter_mut().flat_map(|region| &mut region.nodes) {
                node.stun = Stun::Honest;
            }
        }
        draw_v4(&mut world, r);
        draw_v6(&mut world, r);
        draw_policies(&mut world, r);
        if r.chance(0.3) {
            world.access = draw_link(r);
        }
        world.router = draw_router(r);
        world.dns = draw_dns(&world, r);
        world.options = draw_options(r);
        if r.chance(0.2) {
            world.previous_home = Some(world.regions[r.below(world.regions.len() as u64) as usize].id);
        }
        draw_surroundings(&mut world, r);
        draw_inside(&mut world, &mut Random::new(mix(seed ^ 0x1a9)));
        draw_liar(&mut world, r);
        draw_alternates(&mut world, &mut Random::new(mix(seed ^ 0x5780)));
        draw_streams(&mut world, &mut Random::new(mix(seed ^ 0x7c9)));
        draw_hairpins(&mut world, &mut Random::new(mix(seed ^ 0x4a17)));
        world
    }

    /// Addresses of servers that are independent of each other: no two of one region or of one /24 (/48).
    pub(crate) fn independent(&self, family: Family) -> usize {
        let mut networks = BTreeSet::new();
        self.regions
            .iter()
            .filter(|region| !region.no_measure)
            .filter(|region| {
                // Those a client knows in any case.
                let outside = region.nodes.iter().filter(|node| !node.inside);
                let pinned = outside.filter(|node| node.in_map(family) == Pinning::Pinned);
                let firsts = pinned.filter_map(|node| node.stun_endpoint(family));
                // By its first one only: the count must not be too high.
                firsts.take(1).any(|endpoint| networks.insert(network_of(endpoint.ip())))
            })
            .count()
    }
}

/// The /24 or /48 an address is in.
pub(crate) fn network_of(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(v4) => IpAddr::V4((v4.to_bits() & 0xffff_ff00).into()),
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() & !(u128::MAX >> 48)).into()),
    }
}

fn draw_host(r: &mut Random) -> Host {
    let (v4, v6) = match r.below(20) {
        0 => (false, false),
        1 | 2 => (false, true),
        3..=8 => (true, true),
        _ => (true, false),
    };
    let third = r.port(0, 250) as u8;
    let mut host = Host {
        v4: v4.then(|| Ipv4Addr::new(192, 168, third, r.port(2, 250) as u8)),
        v6: v6.then(|| Ipv6Addr::new(0x2001, 0xdb8, 0x8000, third.into(), 0, 0, 0, r.port(2, 0xfff))),
        gateway: (v4 && r.chance(0.95)).then_some(IpAddr::V4(Ipv4Addr::new(192, 168, third, 1))),
        os_v6: !r.chance(0.1),
        os_v4: !r.chance(0.02),
        icmp: !r.chance(0.3),
        ..Host::default()
    };
    if r.chance(0.15) {
        host.more.push(MoreInterface {
            name: "tailscale0".into(),
            addresses: vec!["100.101.1.1".parse().expect("an address")],
            point_to_point: r.chance(0.5),
        });
    }
    host.send = match r.below(40) {
        0 => Sending::NotPermitted,
        1 => Sending::Unreachable,
        _ => Sending::Allowed,
    };
    host
}

fn draw_v4(world: &mut World, r: &mut Random) {
    let wan = IpAddr::V4(Ipv4Addr::new(198, 51, 100, r.port(1, 250) as u8));
    let boxes = match r.below(20) {
        // A public address.
        0 | 1 => {
            world.host.v4 = world.host.v4.map(|_| Ipv4Addr::new(203, 0, 113, 50));
            world.host.gateway = world.host.gateway.map(|_| IpAddr::V4(Ipv4Addr::new(203, 0, 113, 1)));
            if r.chance(0.6) { vec![Middlebox::firewall(draw_filtering(r))] } else { vec![] }
        }
        2..=7 => vec![draw_linux(r, wan, &world.regions)],
        8..=13 => vec![draw_nat(r, vec![wan])],
        14..=16 => {
            let inner: IpAddr = match r.below(10) {
                0 | 1 => "10.20.30.40".parse().expect("an address"),
                2 => "25.1.2.3".parse().expect("an address"),
                _ => IpAddr::V4(Ipv4Addr::new(100, 64, 7, r.port(1, 250) as u8)),
            };
            let pool = (0..r.between(1, 3)).map(|n| IpAddr::V4(Ipv4Addr::new(198, 51, 100, 100 + n as u8)));
            let home = if r.chance(0.5) { draw_linux(r, inner, &world.regions) } else { draw_nat(r, vec![inner]) };
            vec![home, Middlebox { carrier: true, ..draw_nat(r, pool.collect()) }]
        }
        17 => {
            let inner: IpAddr = "192.168.100.2".parse().expect("an address");
            vec![draw_nat(r, vec![inner]), draw_linux(r, wan, &world.regions)]
        }
        _ => {
            let uplinks = vec![wan, "203.0.113.9".parse().expect("an address")];
            let pool = if r.chance(0.7) { Pool::ByDestination } else { Pool::ByFlow };
            vec![Middlebox { pool, ..draw_nat(r, uplinks) }]
        }
    };
    world.v4.boxes = boxes;
}

fn draw_linux(r: &mut Random, wan: IpAddr, regions: &[SimRegion]) -> Middlebox {
    let mut linux = Middlebox { publics: vec![wan], ..Middlebox::linux() };
    linux.input_accept = r.chance(0.3);
    if r.chance(0.15) {
        let addresses = regions.iter().flat_map(|region| &region.nodes).filter_map(|node| node.v4.map(IpAddr::V4));
        let towards = if r.chance(0.3) { vec![] } else { addresses.filter(|_| r.chance(0.5)).collect() };
        linux.neighbours.push(Neighbour { slot: r.below(3) as u8, towards });
    }
    if r.chance(0.15) {
        // `random`, `fully-random`.
        linux.overload = false;
        linux.neighbours.clear();
        linux.mapping = Mapping::AddressAndPortDependent;
        linux.ports = Ports::Random;
    }
    linux
}

fn draw_nat(r: &mut Random, publics: Vec<IpAddr>) -> Middlebox {
    let several = publics.len() > 1;
    Middlebox {
        publics,
        mapping: r.pick(&[
            Mapping::EndpointIndependent,
            Mapping::EndpointIndependent,
            Mapping::AddressDependent,
            Mapping::AddressAndPortDependent,
        ]),
        filtering: draw_filtering(r),
        ports: match r.below(8) {
            0..=3 => Ports::Preserve,
            4 | 5 => Ports::Random,
            6 => Ports::Sequential(r.port(1, 4)),
            _ => Ports::Block(512),
        },
        pool: if several && r.chance(0.3) { Pool::Arbitrary } else { Pool::Paired },
        hairpin: r.chance(0.3),
        ..Middlebox::default()
    }
}

fn draw_filtering(r: &mut Random) -> Filtering {
    r.pick(&[
        Filtering::EndpointIndependent,
        Filtering::AddressDependent,
        Filtering::AddressAndPortDependent,
        Filtering::AddressAndPortDependent,
    ])
}

fn draw_v6(world: &mut World, r: &mut Random) {
    world.v6.boxes = match r.below(10) {
        0..=2 => vec![],
        3..=7 => vec![Middlebox::firewall(draw_filtering(r))],
        8 => {
            world.host.v6 = world.host.v6.map(|v6| (v6.to_bits() & (u128::MAX >> 16) | 0xfd00 << 112).into());
            let prefix = Some(Ipv6Addr::new(0x2001, 0xdb8, 0x9000, 1, 0, 0, 0, 0));
            let filtering = Filtering::EndpointIndependent;
            vec![Middlebox { publics: vec![], prefix, filtering, ..Middlebox::default() }]
        }
        _ => {
            world.host.v6 = world.host.v6.map(|v6| (v6.to_bits() & (u128::MAX >> 16) | 0xfd00 << 112).into());
            vec![draw_nat(r, vec!["2001:db8:9001::1".parse().expect("an address")])]
        }
    };
}

fn draw_policies(world: &mut World, r: &mut Random) {
    for network in [&mut world.v4, &mut world.v6] {
        *network = match r.below(25) {
            0 => Network { udp: Policy::Drop, ..network.clone() },
            1 => Network { udp: Policy::Reject, ..network.clone() },
            2 => Network { udp: Policy::Prohibit, ..network.clone() },
            3 => Network { udp: Policy::Only(vec![53, 443]), tcp: Policy::Only(vec![80, 443]), ..network.clone() },
            4 => Network { tcp: Policy::Drop, icmp: false, ..network.clone() },
            5 => Network { tcp: Policy::Reject, ..network.clone() },
            6 => Network { udp: Policy::Drop, tcp: Policy::Drop, icmp: false, ..network.clone() },
            _ => Network { icmp: !r.chance(0.2), ..network.clone() },
        };
    }
}

fn draw_router(r: &mut Random) -> Router {
    let mut service = || match r.below(10) {
        0..=3 => Service::Silent,
        4 | 5 => Service::Refused,
        6 | 7 => {
            let slow = r.chance(0.2);
            Service::Offers { after_ms: round(if slow { 3000.0 } else { 30.0 } * r.unit()), tells_wan: r.chance(0.8) }
        }
        8 => Service::Declines { tells_wan: r.chance(0.5) },
        _ => Service::Garbage,
    };
    Router { upnp: service(), nat_pmp: service(), pcp: service(), rtt_ms: round(0.3 + 4.0 * r.unit()), wan: None }
}

fn draw_dns(world: &World, r: &mut Random) -> Dns {
    let mut dns = Dns { delay_ms: round(1.0 + 60.0 * r.unit()), ..Dns::default() };
    dns.answers = match r.below(30) {
        0 => DnsAnswers::Nothing,
        1 => DnsAnswers::ServFail,
        2 => DnsAnswers::NoSuchName,
        3 => DnsAnswers::NoResolver,
        4 => DnsAnswers::Fake,
        _ => DnsAnswers::Truth,
    };
    if r.chance(0.05) {
        dns.delay_ms = round(500.0 + 5000.0 * r.unit());
    }
    if r.chance(0.1) {
        dns.missing = world.nodes().filter(|_| r.chance(0.3)).map(|node| node.host.clone()).collect();
    }
    dns
}

fn draw_options(r: &mut Random) -> Options {
    let mut on = || !r.chance(0.04);
    Options {
        ipv4: on(),
        ipv6: on(),
        nat: on(),
        filtering: false,
        hairpin: true,
        sockets: 2,
        port_mapping: on(),
        https: on(),
        icmp: on(),
        captive_portal: on(),
        budget_ms: 5000,
    }
}

fn draw_surroundings(world: &mut World, r: &mut Random) {
    match r.below(40) {
        0 | 1 => {
            world.portal = Some(r.pick(&[
                Portal::Redirects,
                Portal::Redirects,
                Portal::Answers,
                Portal::Cheats,
                Portal::AuthenticationRequired,
            ]));
            let forges = r.chance(0.3);
            for network in [&mut world.v4, &mut world.v6] {
                network.udp = Policy::Drop;
                network.tcp = if forges { Policy::Pass } else { Policy::Drop };
                network.icmp = false;
            }
            if forges {
                world.web = Web::TlsForged;
            }
            if r.chance(0.4) {
                world.dns.answers = DnsAnswers::Portal;
            }
        }
        2 => world.web = Web::HeadersStripped,
        3 => world.web = Web::Port80Dropped,
        4 => world.web = Web::TlsOpened,
        5 => world.web = Web::TlsForged,
        6 | 7 => {
            let works = !r.chance(0.2);
            let only = r.chance(0.7);
            world.proxy = Some(Proxy { url: "http://proxy.example:3128".into(), rtt_ms: 2.0, works });
            for network in [&mut world.v4, &mut world.v6].into_iter().filter(|_| only) {
                network.udp = Policy::Drop;
                network.tcp = Policy::Drop;
            }
        }
        8 => {
            // A tunnel that owns the default route; the router still tells of the physical way.
            world.host.interface = "wg0".into();
            world.host.point_to_point = true;
            world.router.wan = Some("198.51.100.200".parse().expect("an address"));
        }
        _ => {}
    }
}

/// In a few worlds one or two servers stand inside the host's own network. They never make up the whole map, and nothing
/// that blocks the way out is in these worlds: what answers inside would then be all there is to go by. It has a stream of
/// randomness of its own, so that the other worlds do not depend on it.
fn draw_inside(world: &mut World, r: &mut Random) {
    let behind = world.host.v4.is_some_and(|v4| v4.is_private()) && world.v4.boxes.iter().any(Middlebox::translates);
    let open = world.portal.is_none() && world.proxy.is_none() && world.v4.udp == Policy::Pass;
    if !behind || !open || world.regions.len() < 4 || !r.chance(0.15) {
        return;
    }
    let (number, last) = (r.below(2) as usize + 1, r.port(2, 120) as u8);
    let outside = world.regions.iter().skip(number).flat_map(|region| &region.nodes);
    if !outside.clone().any(|node| node.stun.tells_truth() && node.in_map(Family::V4) == Pinning::Pinned) {
        return;
    }
    for (third, node) in (0_u8..).zip(world.regions.iter_mut().take(number).flat_map(|region| &mut region.nodes)) {
        node.inside = true;
        node.stun = Stun::Honest;
        (node.v4, node.v4_in_map) = (Some(Ipv4Addr::new(10, 77, third, last)), Pinning::Pinned);
        (node.v6, node.v6_in_map) = (None, Pinning::Disabled);
    }
}

/// At most one server lies, and only where enough others exist in each family it can be asked over.
fn draw_liar(world: &mut World, r: &mut Random) {
    let enough = Family::BOTH.iter().all(|family| world.independent(*family) >= 4);
    if !enough || !r.chance(0.25) {
        return;
    }
    let region = r.below(world.regions.len() as u64) as usize;
    if let Some(server) = world.regions[region].nodes.first_mut() {
        server.stun = match r.below(4) {
            0 => Stun::RandomPort,
            1 => Stun::WrongAddress(Ipv4Addr::new(30, 9, 9, 9)),
            _ => Stun::WrongPort(r.port(1, 9)),
        };
    }
}
