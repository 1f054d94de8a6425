use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The prefix behind which a NAT64 stands for all of IPv4 (RFC 6052).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nat64Prefix {
    bits: u128,
    length: u8,
}

impl Nat64Prefix {
    /// The name that has IPv4 addresses only, so that an IPv6 address of it was made by a DNS64 (RFC 7050).
    pub const NAME: &str = "ipv4only.arpa";

    /// The one that is the same everywhere (RFC 6052 section 2.1).
    pub const WELL_KNOWN: Self = Self { bits: 0x0064_ff9b << 96, length: 96 };

    /// The addresses it has.
    const KNOWN: [Ipv4Addr; 2] = [Ipv4Addr::new(192, 0, 0, 170), Ipv4Addr::new(192, 0, 0, 171)];

    /// All there are (RFC 6052 section 2.2).
    const LENGTHS: [u8; 6] = [96, 64, 56, 48, 40, 32];

    /// The prefix that addresses of [`Self::NAME`] give away. `None`: none of them holds one of the known addresses where
    /// it would be, with nothing behind it.
    #[must_use]
    pub fn discover(addresses: &[IpAddr]) -> Option<Self> {
        addresses.iter().find_map(|address| {
            let IpAddr::V6(v6) = address else { return None };
            let holds = |length: &u8| {
                let prefix = Self::of(*v6, *length);
                prefix.strip(*v6).is_some_and(|v4| Self::KNOWN.contains(&v4)).then_some(prefix)
            };
            Self::LENGTHS.iter().find_map(holds)
        })
    }

    const fn of(address: Ipv6Addr, length: u8) -> Self {
        Self { bits: address.to_bits() & (u128::MAX << (128 - length)), length }
    }

    /// The address that stands for an IPv4 address.
    #[must_use]
    pub fn embed(self, v4: Ipv4Addr) -> Ipv6Addr {
        let v4 = u128::from(v4.to_bits());
        let bits = if self.length == 96 {
            v4
        } else {
            // Bits 64 to 71 stay zero: what reaches there moves on by an octet.
            let whole = v4 << (96 - self.length);
            let below = whole & u128::from(u64::MAX);
            (whole ^ below) | below >> 8
        };
        Ipv6Addr::from_bits(self.bits | bits)
    }

    /// The IPv4 address that an address stands for; `None`: it is not behind the prefix, or stands for none.
    #[must_use]
    pub fn strip(self, address: Ipv6Addr) -> Option<Ipv4Addr> {
        let rest = address.to_bits() & !(u128::MAX << (128 - self.length));
        let bits = if self.length == 96 {
            rest
        } else {
            let below = rest & u128::from(u64::MAX);
            ((rest ^ below) | below << 8) >> (96 - self.length)
        };
        let v4 = Ipv4Addr::from_bits(u32::try_from(bits & u128::from(u32::MAX)).ok()?);
        (self.embed(v4) == address).then_some(v4)
    }
}

impl fmt::Display for Nat64Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", Ipv6Addr::from_bits(self.bits), self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of RFC 6052 section 2.4.
    const EXAMPLES: [(u8, &str, &str); 6] = [
        (32, "2001:db8::", "2001:db8:c000:221::"),
        (40, "2001:db8:100::", "2001:db8:1c0:2:21::"),
        (48, "2001:db8:122::", "2001:db8:122:c000:2:2100::"),
        (56, "2001:db8:122:300::", "2001:db8:122:3c0:0:221::"),
        (64, "2001:db8:122:344::", "2001:db8:122:344:c0:2:2100::"),
        (96, "2001:db8:122:344::", "2001:db8:122:344::192.0.2.33"),
    ];

    #[test]
    fn addresses_are_those_of_the_rfc_and_back() {
        let v4 = Ipv4Addr::new(192, 0, 2, 33);
        for (length, prefix, address) in EXAMPLES {
            let (prefix, address) = (Nat64Prefix::of(prefix.parse().unwrap(), length), address.parse().unwrap());
            assert_eq!(prefix.embed(v4), address, "/{length}");
            assert_eq!(prefix.strip(address), Some(v4), "/{length}");
            assert_eq!(prefix.strip("2001:db9::".parse().unwrap()), None);
        }
    }

    #[test]
    fn a_prefix_is_known_by_the_addresses_of_ipv4only_arpa() {
        for (length, prefix, _) in EXAMPLES {
            let prefix = Nat64Prefix::of(prefix.parse().unwrap(), length);
            for v4 in Nat64Prefix::KNOWN {
                assert_eq!(Nat64Prefix::discover(&[prefix.embed(v4).into()]), Some(prefix), "/{length}");
            }
        }
        let discover = |texts: &[&str]| {
            let addresses: Vec<IpAddr> = texts.iter().map(|text| text.parse().unwrap()).collect();
            Nat64Prefix::discover(&addresses).map(|prefix| prefix.to_string())
        };
        assert_eq!(discover(&["64:ff9b::192.0.0.171"]), Some(Nat64Prefix::WELL_KNOWN.to_string()));
        // What a resolver answers that has an answer for everything.
        assert_eq!(discover(&["2001:db8::80", "198.18.0.7", "192.0.0.170"]), None);
        assert_eq!(discover(&[]), None);
        // With something behind it, it is not an address of that form.
        assert_eq!(discover(&["2001:db8:c000:aa::1"]), None);
    }
}
