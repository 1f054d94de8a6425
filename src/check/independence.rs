//! Which servers count as independent witnesses: groups vote, not servers.

use std::net::{IpAddr, Ipv4Addr};

use crate::model::is_global;

/// Who runs a server, as far as its address tells: servers of one /24 (IPv4) or /48 (IPv6) are taken for one
/// operator's, whose faults may be common to them. Addresses that are not on the internet (loopback, private
/// space) tell nothing by their neighbourhood, so there each address stands for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Operator(IpAddr);

impl Operator {
    /// The operator of the server at this address.
    #[must_use]
    pub fn of(server: IpAddr) -> Self {
        if !is_global(server) {
            return Self(server);
        }
        Self(match server {
            IpAddr::V4(v4) => {
                let [a, b, c, _] = v4.octets();
                IpAddr::from([a, b, c, 0])
            }
            // An IPv4 server behind a NAT64 (RFC 6052) is as independent as its own address.
            IpAddr::V6(v6) if matches!(v6.segments(), [0x64, 0xff9b, 0, 0, 0, 0, ..]) => {
                let [.., high, low] = v6.segments();
                return Self::of(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)).into());
            }
            IpAddr::V6(v6) => {
                let [a, b, c, ..] = v6.segments();
                IpAddr::from([a, b, c, 0, 0, 0, 0, 0])
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(a: &str, b: &str) -> bool {
        Operator::of(a.parse().unwrap()) == Operator::of(b.parse().unwrap())
    }

    #[test]
    fn neighbours_on_the_internet_are_one_operator() {
        assert!(same("198.51.100.1", "198.51.100.200"));
        assert!(same("2001:db8:51::1", "2001:db8:51:9::2"));
        assert!(!same("198.51.100.1", "203.0.113.1"));
        assert!(!same("2001:db8:51::1", "2001:db8:52::1"));
    }

    #[test]
    fn servers_behind_a_nat64_are_told_apart_by_what_is_behind() {
        assert!(!same("64:ff9b::198.51.100.1", "64:ff9b::203.0.113.1"));
        assert!(same("64:ff9b::198.51.100.1", "64:ff9b::198.51.100.9"));
        assert!(same("64:ff9b::198.51.100.1", "198.51.100.9"));
    }

    #[test]
    fn neighbours_in_private_space_are_not() {
        assert!(!same("127.0.0.1", "127.0.0.2"));
        assert!(!same("192.168.1.2", "192.168.1.3"));
    }
}
