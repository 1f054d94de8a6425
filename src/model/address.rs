use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// `::ffff:a.b.c.d` as the IPv4 address it stands for. derper answers so from its dual-stack socket.
#[must_use]
pub fn unmap(endpoint: SocketAddr) -> SocketAddr {
    SocketAddr::new(endpoint.ip().to_canonical(), endpoint.port())
}

/// Whether an address can be reached from the public internet as far as its number says (IANA special-purpose
/// registries, RFC 6890). Documentation addresses (RFC 5737, 3849) count as global: they are nobody's private
/// space, and test networks use them as the internet.
#[must_use]
pub const fn is_global(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_global_v4(v4),
        IpAddr::V6(v6) => is_global_v6(v6),
    }
}

const fn is_global_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(a == 0
        || a == 127
        || a >= 224
        || address.is_private()
        || address.is_link_local()
        || is_carrier_grade(IpAddr::V4(address))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (b == 18 || b == 19)))
}

const fn is_global_v6(address: Ipv6Addr) -> bool {
    // Global unicast is 2000::/3; 64:ff9b::/96 (RFC 6052) is the way to global IPv4 through NAT64.
    let segments = address.segments();
    segments[0] & 0xe000 == 0x2000 || (segments[0] == 0x64 && segments[1] == 0xff9b)
}

/// Shared address space between a carrier's NAT and its customers, 100.64.0.0/10 (RFC 6598).
#[must_use]
pub const fn is_carrier_grade(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            a == 100 && b & 0xc0 == 64
        }
        IpAddr::V6(_) => false,
    }
}

/// 198.18.0.0/15 (RFC 2544): what proxies in "fake-IP" mode answer instead of a name's real address.
#[must_use]
pub const fn is_fake_dns(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            a == 198 && (b == 18 || b == 19)
        }
        IpAddr::V6(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn global_is_what_the_registries_say() {
        for text in ["8.8.8.8", "203.0.113.9", "2001:db8::1", "2606:4700::1", "64:ff9b::808:808", "100.128.0.1"] {
            let address: IpAddr = text.parse().unwrap();
            assert!(is_global(address), "{text}");
        }
        for text in [
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.1.1",
            "127.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "198.18.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "192.0.0.4",
            "::1",
            "fe80::1",
            "fd00::1",
            "::",
        ] {
            let address: IpAddr = text.parse().unwrap();
            assert!(!is_global(address), "{text}");
        }
    }

    #[test]
    fn mapped_addresses_are_unmapped() {
        let mapped: SocketAddr = "[::ffff:192.0.2.1]:7".parse().unwrap();
        assert_eq!(unmap(mapped), "192.0.2.1:7".parse().unwrap());
    }
}
