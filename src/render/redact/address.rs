use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::model::{is_carrier_grade, is_fake_dns, is_global};

/// What an address is by its number. A pseudonym is of the same kind, so that whoever reads or replays a redacted
/// report concludes the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    PublicV4,
    PrivateV4,
    CarrierGrade,
    LinkLocalV4,
    FakeDns,
    ReservedV4,
    PublicV6,
    UniqueLocal,
    /// `fd7a:115c:a1e0::/48`, the same for every Tailscale network, and a sign of one.
    TailscaleV6,
    LinkLocalV6,
    OtherV6,
}

/// The well-known prefix of NAT64 (RFC 6052), which holds an IPv4 address in its last 32 bits.
const NAT64: [u16; 6] = [0x64, 0xff9b, 0, 0, 0, 0];

impl Kind {
    /// `None` for an address that is the same on every host and so identifies nobody.
    pub(super) fn of(address: IpAddr) -> Option<Self> {
        match address {
            IpAddr::V4(v4) => Self::of_v4(v4),
            IpAddr::V6(v6) => Self::of_v6(v6),
        }
    }

    fn of_v4(address: Ipv4Addr) -> Option<Self> {
        let ip = IpAddr::V4(address);
        if address.is_private() {
            Some(Self::PrivateV4)
        } else if address.is_link_local() {
            Some(Self::LinkLocalV4)
        } else if is_carrier_grade(ip) {
            Some(Self::CarrierGrade)
        } else if is_fake_dns(ip) {
            Some(Self::FakeDns)
        } else if is_global(ip) {
            Some(Self::PublicV4)
        } else {
            (address.octets()[0] >= 240 && !address.is_broadcast()).then_some(Self::ReservedV4)
        }
    }

    fn of_v6(address: Ipv6Addr) -> Option<Self> {
        if address.is_unspecified() || address.is_loopback() || address.is_multicast() {
            return None;
        }
        Some(match address.segments() {
            [first, ..] if first & 0xe000 == 0x2000 => Self::PublicV6,
            [0xfd7a, 0x115c, 0xa1e0, ..] => Self::TailscaleV6,
            [first, ..] if first & 0xfe00 == 0xfc00 => Self::UniqueLocal,
            [first, ..] if first & 0xffc0 == 0xfe80 => Self::LinkLocalV6,
            _ => Self::OtherV6,
        })
    }

    /// The pseudonym of this number, from 1. Beyond a small range (762 public IPv4 addresses) they come out of
    /// 240.0.0.0/4, which is nobody's.
    pub(super) fn pseudonym(self, number: u32) -> IpAddr {
        let v4 = |base: [u8; 4], room: u32| {
            let base = if number < room { u32::from(Ipv4Addr::from(base)) } else { self.overflow() };
            IpAddr::V4(Ipv4Addr::from(base.saturating_add(number)))
        };
        let v6 = |base: [u16; 8]| IpAddr::V6(Ipv6Addr::from(u128::from(Ipv6Addr::from(base)) | u128::from(number)));
        match self {
            Self::PublicV4 => match number {
                // RFC 5737.
                ..255 => v4([203, 0, 113, 0], 255),
                255..509 => v4([198, 51, 99, 2], 509),
                _ => v4([192, 0, 0, 4], 763),
            },
            Self::PrivateV4 => v4([192, 168, 0, 0], 65_535),
            Self::CarrierGrade => v4([100, 64, 0, 0], 1 << 22),
            Self::LinkLocalV4 => v4([169, 254, 0, 0], 65_535),
            Self::FakeDns => v4([198, 18, 0, 0], 1 << 17),
            Self::ReservedV4 => v4([240, 0, 0, 0], 1 << 24),
            // RFC 3849.
            Self::PublicV6 => v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0]),
            Self::UniqueLocal => v6([0xfd00, 0, 0, 0, 0, 0, 0, 0]),
            Self::TailscaleV6 => v6([0xfd7a, 0x115c, 0xa1e0, 0, 0, 0, 0, 0]),
            Self::LinkLocalV6 => v6([0xfe80, 0, 0, 0, 0, 0, 0, 0]),
            // RFC 6666: the discard prefix.
            Self::OtherV6 => v6([0x100, 0, 0, 0, 0, 0, 0, 0]),
        }
    }

    const fn overflow(self) -> u32 {
        // One eighth of 240.0.0.0/4 each, the last for addresses that are of it anyway.
        (241 << 24) + ((self as u32) << 24)
    }
}

/// Puts an IPv4 address into an IPv6 one.
type Embed = fn(Ipv4Addr) -> Ipv6Addr;

/// The IPv4 address inside an IPv6 one (mapped, or of NAT64), and the way back.
pub(super) fn embedded(address: IpAddr) -> Option<(Ipv4Addr, Embed)> {
    let IpAddr::V6(v6) = address else { return None };
    if let Some(v4) = v6.to_ipv4_mapped() {
        return Some((v4, |v4| v4.to_ipv6_mapped()));
    }
    let [prefix @ .., high, low] = v6.segments();
    (prefix == NAT64).then(|| {
        let back: Embed = |v4| {
            let [a, b, c, d] = v4.octets();
            Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]))
        };
        (Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)), back)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn pseudonyms_differ_and_keep_their_kind() {
        let mut seen = HashSet::new();
        for kind in [
            Kind::PublicV4,
            Kind::PrivateV4,
            Kind::CarrierGrade,
            Kind::LinkLocalV4,
            Kind::FakeDns,
            Kind::ReservedV4,
            Kind::PublicV6,
            Kind::UniqueLocal,
            Kind::TailscaleV6,
            Kind::LinkLocalV6,
            Kind::OtherV6,
        ] {
            for number in (1..2_000).chain(65_000..66_000) {
                let pseudonym = kind.pseudonym(number);
                assert!(seen.insert(pseudonym), "{kind:?} {number}: {pseudonym} twice");
                let reserved = Kind::of(pseudonym) == Some(Kind::ReservedV4);
                assert!(Kind::of(pseudonym) == Some(kind) || (reserved && number > 762), "{kind:?} {pseudonym}");
            }
        }
        assert_eq!(Kind::PublicV4.pseudonym(254).to_string(), "203.0.113.254");
        assert_eq!(Kind::PublicV4.pseudonym(255).to_string(), "198.51.100.1");
        assert_eq!(Kind::PublicV4.pseudonym(762).to_string(), "192.0.2.254");
    }

    #[test]
    fn embedded_addresses_come_out_and_go_back() {
        for text in ["::ffff:81.2.69.142", "64:ff9b::81.2.69.142"] {
            let address: IpAddr = text.parse().unwrap();
            let (v4, back) = embedded(address).unwrap();
            assert_eq!(v4, Ipv4Addr::new(81, 2, 69, 142));
            assert_eq!(IpAddr::V6(back(v4)), address);
        }
        assert!(embedded("2001:db8::1".parse().unwrap()).is_none());
    }
}
