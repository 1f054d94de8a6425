//! Which requests the program may answer: those to endpoints where a socket of the relay would get them.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

/// A socket of STUN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bound {
    pub(super) address: SocketAddr,
    /// `[::]` for IPv4 as well.
    pub(super) dual_stack: bool,
    /// What comes in elsewhere is not for it.
    pub(super) only: Option<u32>,
}

/// An address of this host, and the number of its interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Local {
    pub(super) interface: u32,
    pub(super) ip: IpAddr,
}

/// An interface that the program is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) interface: u32,
    pub(super) loopback: bool,
}

/// Where requests are answered: on which interface, to which endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Endpoint {
    pub(super) interface: u32,
    pub(super) ip: IpAddr,
    pub(super) port: u16,
}

/// What is there to answer for. As the system does, each interface takes packets to any address of the host, but loopback's
/// only where they cannot be anybody else's, and link-local ones where they are.
pub(super) fn endpoints(bound: &[Bound], locals: &[Local], places: &[Place]) -> BTreeSet<Endpoint> {
    let mut found = BTreeSet::new();
    for place in places {
        let there: Vec<&Bound> =
            bound.iter().filter(|bound| bound.only.is_none_or(|only| only == place.interface)).collect();
        let endpoint = |ip, bound: &Bound| Endpoint { interface: place.interface, ip, port: bound.address.port() };
        for local in locals.iter().filter(|local| comes_in(local, *place)) {
            found.extend(there.iter().filter(|bound| takes(bound, local.ip)).map(|bound| endpoint(local.ip, bound)));
        }
        // All of 127.0.0.0/8 is this host's, and 127.0.0.1 alone is in its list.
        let loopback = there.iter().filter(|bound| place.loopback && bound.address.ip().is_loopback());
        found.extend(loopback.map(|bound| endpoint(bound.address.ip(), bound)));
    }
    found
}

fn comes_in(local: &Local, place: Place) -> bool {
    let link_local = match local.ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    if local.ip.is_loopback() {
        place.loopback
    } else if link_local {
        place.interface == local.interface
    } else {
        true
    }
}

fn takes(bound: &Bound, ip: IpAddr) -> bool {
    let wildcard = bound.address.ip().is_unspecified();
    let family = bound.address.is_ipv4() == ip.is_ipv4() || bound.dual_stack && ip.is_ipv4();
    bound.address.ip() == ip || wildcard && family
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locals() -> Vec<Local> {
        [(1, "127.0.0.1"), (1, "::1"), (2, "192.0.2.1"), (2, "2001:db8::1"), (2, "fe80::1"), (3, "198.51.100.1")]
            .map(|(interface, ip)| Local { interface, ip: ip.parse().unwrap() })
            .to_vec()
    }

    fn answered(bound: &[(&str, bool)], place: Place) -> Vec<String> {
        let bound: Vec<_> = bound
            .iter()
            .map(|&(address, dual_stack)| Bound { address: address.parse().unwrap(), dual_stack, only: None })
            .collect();
        let found = endpoints(&bound, &locals(), &[place]);
        assert!(found.iter().all(|endpoint| endpoint.interface == place.interface));
        found.iter().map(|endpoint| SocketAddr::new(endpoint.ip, endpoint.port).to_string()).collect()
    }

    const ETH0: Place = Place { interface: 2, loopback: false };
    const ETH1: Place = Place { interface: 3, loopback: false };
    const LO: Place = Place { interface: 1, loopback: true };

    #[test]
    fn a_wildcard_is_every_address_that_may_be_written_to_there() {
        let all = [("0.0.0.0:3478", false), ("[::]:3478", false)];
        let public = ["192.0.2.1:3478", "198.51.100.1:3478", "[2001:db8::1]:3478", "[fe80::1]:3478"];
        assert_eq!(answered(&all, ETH0), public);
        assert_eq!(answered(&all, ETH1), &public[..3], "a link-local address is another host's on another link");
        let on_loopback = ["127.0.0.1:3478", "192.0.2.1:3478", "198.51.100.1:3478", "[::1]:3478", "[2001:db8::1]:3478"];
        assert_eq!(answered(&all, LO), on_loopback);
        assert_eq!(answered(&all[..1], ETH0), &public[..2]);
        assert_eq!(answered(&all[1..], ETH0), &public[2..]);
        assert_eq!(answered(&[("[::]:3478", true)], ETH0), public);
    }

    #[test]
    fn an_address_is_answered_for_while_the_host_has_it() {
        assert_eq!(answered(&[("192.0.2.1:3478", false)], ETH0), ["192.0.2.1:3478"]);
        assert_eq!(answered(&[("192.0.2.1:3478", false)], ETH1), ["192.0.2.1:3478"], "Linux takes it there too");
        assert!(answered(&[("192.0.2.9:3478", false)], ETH0).is_empty());
        assert!(answered(&[("127.0.0.1:3478", false)], ETH0).is_empty(), "nobody comes from there with that");
        assert!(answered(&[("127.0.1.1:3478", false)], ETH0).is_empty());
        assert_eq!(answered(&[("127.0.1.1:3478", false)], LO), ["127.0.1.1:3478"]);
        let two = [("192.0.2.1:3478", false), ("192.0.2.1:3479", false)];
        assert_eq!(answered(&two, ETH0), ["192.0.2.1:3478", "192.0.2.1:3479"]);
    }

    #[test]
    fn a_socket_of_one_interface_gets_nothing_from_another() {
        let address = "[fe80::1]:3478".parse().unwrap();
        let both = [
            Local { interface: 2, ip: "fe80::1".parse().unwrap() },
            Local { interface: 3, ip: "fe80::1".parse().unwrap() },
        ];
        let found = |only| endpoints(&[Bound { address, dual_stack: false, only }], &both, &[ETH0, ETH1]);
        assert_eq!(found(Some(3)).iter().map(|endpoint| endpoint.interface).collect::<Vec<_>>(), [3]);
        assert_eq!(found(None).len(), 2);
    }
}
