//! What the operating system says of this host's place in the network.
//!
//! Read once at the start of a run, within milliseconds and without a packet. Nothing here fails: what the system
//! does not tell is empty, and so is what it has not.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use getifs::ipnet::IpNet;

use crate::model::Family;
use crate::probe::{Gateway, HostFacts, Interface};

/// Somewhere on the internet, as far as routing tables know: documentation addresses (RFC 5737, RFC 3849), which
/// are nobody's.
const SOMEWHERE_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1));
const SOMEWHERE_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));

/// Interfaces, gateways, resolvers and the like kept of each kind, whatever a host has.
const KEPT_MAX: usize = 256;

/// The facts as they are now.
#[must_use]
pub fn facts() -> HostFacts {
    let interfaces = interfaces();
    let (route_v4, route_v6) = (route_address(SOMEWHERE_V4), route_address(SOMEWHERE_V6));
    HostFacts {
        gateways: gateways(&interfaces, [route_v4, route_v6]),
        interfaces,
        route_v4,
        route_v6,
        os_supports_v4: supports(Family::V4),
        os_supports_v6: supports(Family::V6),
        resolvers: resolvers(),
        proxy: super::network::proxies_of_environment(),
    }
}

/// The facts as they are for what leaves through one interface. Only a route through it to the internet counts, with the
/// address the interface has for it: an address alone leads nowhere.
#[must_use]
pub fn facts_through(interface: &str) -> HostFacts {
    let mut facts = facts();
    let routes: Vec<(u32, IpNet)> =
        getifs::route_table().unwrap_or_default().iter().map(|route| (route.index(), route.destination())).collect();
    through(&mut facts, interface, &routes);
    facts
}

/// Narrows the facts to an interface, given the routing table: interfaces by index, and where they lead.
fn through(facts: &mut HostFacts, name: &str, routes: &[(u32, IpNet)]) {
    facts.gateways.retain(|gateway| gateway.interface == name);
    let interface = facts.interfaces.iter().find(|interface| interface.name == name);
    let address = |usual: Option<IpAddr>, somewhere: IpAddr| {
        let interface = interface?;
        // Not only default routes: VPNs lay two halves of the internet over those.
        routes.iter().find(|(index, net)| *index == interface.index && net.contains(&somewhere))?;
        let of_family = |address: &IpAddr| Family::of(*address) == Family::of(somewhere) && !is_link_local(*address);
        usual
            .filter(|usual| interface.addresses.contains(usual))
            .or_else(|| interface.addresses.iter().copied().find(of_family))
    };
    (facts.route_v4, facts.route_v6) = (address(facts.route_v4, SOMEWHERE_V4), address(facts.route_v6, SOMEWHERE_V6));
}

const fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    }
}

/// The index of an interface, 0 when there is none of that name, and its first address of the family.
pub(super) fn interface(name: &str, family: Family) -> (u32, Option<IpAddr>) {
    let found = interfaces().into_iter().find(|interface| interface.name == name);
    found.map_or((0, None), |found| {
        (found.index, found.addresses.into_iter().find(|address| Family::of(*address) == family))
    })
}

/// The index of the interface a default gateway is reached through, 0 when it is none.
pub(super) fn interface_of_gateway(gateway: IpAddr) -> u32 {
    let routes = getifs::route_table().unwrap_or_default();
    let found = routes.iter().find(|route| route.is_default() && route.gateway() == Some(gateway));
    found.map_or(0, getifs::IpRoute::index)
}

fn interfaces() -> Vec<Interface> {
    let addresses = getifs::interface_addrs().unwrap_or_default();
    let of = |index| addresses.iter().filter(move |found| found.index() == index).map(getifs::IfNet::addr);
    let all = getifs::interfaces().unwrap_or_default();
    all.iter()
        .filter(|interface| interface.flags().contains(getifs::Flags::UP))
        .take(KEPT_MAX)
        .map(|interface| Interface {
            name: interface.name().to_string(),
            index: interface.index(),
            mtu: interface.mtu(),
            loopback: interface.flags().contains(getifs::Flags::LOOPBACK),
            point_to_point: interface.flags().contains(getifs::Flags::POINTOPOINT),
            addresses: of(interface.index()).take(KEPT_MAX).collect(),
        })
        .collect()
}

/// Default gateways in the order of the routing table, except that those the system would use now come first: a
/// table may hold routes of other rules, or of links that are down.
fn gateways(interfaces: &[Interface], routes: [Option<IpAddr>; 2]) -> Vec<Gateway> {
    let mut gateways = Vec::new();
    for route in getifs::route_table().unwrap_or_default() {
        let Some(address) = route.gateway().filter(|_| route.is_default()) else { continue };
        let known = interfaces.iter().find(|interface| interface.index == route.index());
        let Some(interface) = known.map(|interface| interface.name.clone()) else { continue };
        let gateway = Gateway { address, interface };
        if gateways.len() < KEPT_MAX && !gateways.contains(&gateway) {
            gateways.push(gateway);
        }
    }
    let used = |gateway: &Gateway| {
        let of_family = |address: &&IpAddr| Family::of(**address) == Family::of(gateway.address);
        let local = routes.iter().flatten().find(of_family);
        let interface = interfaces.iter().find(|interface| interface.name == gateway.interface);
        interface.zip(local).is_some_and(|(interface, local)| interface.addresses.contains(local))
    };
    gateways.sort_by_key(|gateway| !used(gateway));
    gateways
}

/// The local address the routing table picks towards a destination.
fn route_address(destination: IpAddr) -> Option<IpAddr> {
    let socket = UdpSocket::bind((Family::of(destination).unspecified(), 0)).ok()?;
    // Connecting a UDP socket only asks the routing table. The port is discard's, and nothing is sent to it.
    socket.connect(SocketAddr::new(destination, 9)).ok()?;
    socket.local_addr().ok().map(|local| local.ip()).filter(|local| !local.is_unspecified())
}

/// Whether this host can have sockets of IPv6.
#[must_use]
pub fn has_ipv6() -> bool {
    supports(Family::V6)
}

/// Whether sockets of the family can be opened, and for IPv6 bound to its loopback address too: an IPv6 that is
/// switched off still hands out sockets.
fn supports(family: Family) -> bool {
    let local = match family {
        Family::V4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        Family::V6 => IpAddr::V6(Ipv6Addr::LOCALHOST),
    };
    UdpSocket::bind((local, 0)).is_ok()
}

#[cfg(all(unix, not(target_vendor = "apple"), not(target_os = "android")))]
fn resolvers() -> Vec<String> {
    resolvers_of(&std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default())
}

#[cfg(any(windows, target_vendor = "apple", target_os = "android"))]
fn resolvers() -> Vec<String> {
    let Ok((config, _)) = hickory_resolver::system_conf::read_system_conf() else { return Vec::new() };
    let address = |server: &hickory_resolver::config::NameServerConfig| match server
        .connections
        .first()
        .map(|connection| connection.port)
    {
        None | Some(53) => server.ip.to_string(),
        Some(port) => SocketAddr::new(server.ip, port).to_string(),
    };
    config.name_servers().iter().map(address).take(KEPT_MAX).collect()
}

#[cfg(not(any(unix, windows)))]
fn resolvers() -> Vec<String> {
    Vec::new()
}

/// The nameservers of a `resolv.conf`, zones of their addresses (`fe80::1%eth0`) included.
#[cfg(unix)]
#[cfg_attr(any(target_vendor = "apple", target_os = "android"), allow(dead_code, reason = "the system is asked there"))]
fn resolvers_of(resolv_conf: &str) -> Vec<String> {
    let address = |line: &str| {
        let mut words = line.split_whitespace();
        let address = words.next().filter(|word| *word == "nameserver").and(words.next())?;
        let (number, _zone) = address.split_once('%').unwrap_or((address, ""));
        number.parse::<IpAddr>().ok().map(|_| address.to_owned())
    };
    resolv_conf.lines().filter_map(address).take(KEPT_MAX).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::drive::clock::Clock;

    #[test]
    fn this_host_has_a_loopback_interface_and_is_quickly_known() {
        let clock = Clock::start();
        let mut best = Duration::MAX;
        let mut found = HostFacts::default();
        // The best of some tries: the machine may be busy with other things.
        for _ in 0..10 {
            let began = clock.now();
            found = facts();
            best = best.min(clock.now().since(began));
        }
        println!("{found:#?}\nread within {best:?}");
        assert!(best < Duration::from_millis(5), "{best:?}");
        let loopback = found.interfaces.iter().find(|interface| interface.loopback).expect("a loopback interface");
        assert!(loopback.addresses.contains(&IpAddr::V4(Ipv4Addr::LOCALHOST)));
        assert!(loopback.index > 0 && loopback.mtu > 0 && !loopback.name.is_empty());
        assert!(found.os_supports_v4);
        for local in [found.route_v4, found.route_v6].into_iter().flatten() {
            assert!(found.interfaces.iter().any(|interface| interface.addresses.contains(&local)), "{local}");
        }
        for gateway in &found.gateways {
            assert!(found.interfaces.iter().any(|interface| interface.name == gateway.interface));
        }
    }

    #[test]
    fn only_a_route_through_the_interface_counts() {
        let interface = |name: &str, index, addresses: &[&str]| Interface {
            name: name.to_owned(),
            index,
            mtu: 1500,
            loopback: false,
            point_to_point: false,
            addresses: addresses.iter().map(|address| address.parse().unwrap()).collect(),
        };
        let gateway =
            |name: &str, address: &str| Gateway { address: address.parse().unwrap(), interface: name.to_owned() };
        let facts = HostFacts {
            interfaces: vec![
                interface("eth0", 2, &["192.0.2.7", "fe80::2", "2001:db8:2::7"]),
                interface("docker0", 3, &["172.17.0.1", "fe80::3"]),
                interface("tun0", 4, &["10.8.0.2"]),
            ],
            gateways: vec![gateway("eth0", "192.0.2.1"), gateway("tun0", "10.8.0.1")],
            route_v4: Some("10.8.0.2".parse().unwrap()),
            route_v6: Some("2001:db8:2::7".parse().unwrap()),
            ..HostFacts::default()
        };
        let routes: Vec<(u32, IpNet)> = [
            (4, "0.0.0.0/1"),
            (4, "128.0.0.0/1"),
            (2, "0.0.0.0/0"),
            (2, "192.0.2.0/24"),
            (3, "172.17.0.0/16"),
            (2, "::/0"),
            (3, "fe80::/64"),
        ]
        .map(|(index, net)| (index, net.parse().unwrap()))
        .into();
        for (name, route_v4, route_v6, gateways) in [
            ("eth0", Some("192.0.2.7"), Some("2001:db8:2::7"), 1),
            ("docker0", None, None, 0),
            ("tun0", Some("10.8.0.2"), None, 1),
            ("nosuch0", None, None, 0),
        ] {
            let mut narrowed = facts.clone();
            through(&mut narrowed, name, &routes);
            let parsed = |address: Option<&str>| address.map(|address| address.parse::<IpAddr>().unwrap());
            assert_eq!((narrowed.route_v4, narrowed.route_v6), (parsed(route_v4), parsed(route_v6)), "{name}");
            assert_eq!(narrowed.gateways.len(), gateways, "{name}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn resolvers_are_read_from_their_file() {
        let text = "# nameserver 192.0.2.9\nsearch lan\nnameserver 192.0.2.1\n  nameserver\tfe80::1%eth0 \n\
                    nameserver nonsense\nnameserver\n";
        assert_eq!(resolvers_of(text), ["192.0.2.1", "fe80::1%eth0"]);
    }
}
