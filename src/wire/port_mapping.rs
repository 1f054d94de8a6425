//! Asking a router for a UDP port mapping: NAT-PMP (RFC 6886 section 3.3) and PCP's MAP (RFC 6887 section 11).
//!
//! Apart from `nat_pmp` and `pcp`, which ask what a router offers and cannot make a mapping: what is here does, and is for
//! those who were told to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use thiserror::Error;

const NAT_PMP: u8 = 0;
const NAT_PMP_MAP_UDP: u8 = 1;
const PCP: u8 = 2;
const PCP_MAP: u8 = 1;
const RESPONSE: u8 = 0x80;
/// In both protocols.
const UNSUPPORTED_VERSION: u16 = 1;
/// The protocol number of UDP, as PCP wants it.
const UDP: u8 = 17;

/// What a router has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mapped {
    /// NAT-PMP: the external port; its address is asked for apart.
    Port {
        /// The external port.
        port: u16,
        /// Seconds it is kept.
        lifetime: u32,
    },
    /// PCP: the external endpoint.
    Endpoint {
        /// The external endpoint.
        endpoint: SocketAddr,
        /// Seconds it is kept.
        lifetime: u32,
    },
    /// It has refused.
    Refused {
        /// What was asked in.
        protocol: Protocol,
        /// The code, of the protocol that was answered in.
        code: u16,
    },
}

/// What a mapping is asked for in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// RFC 6886.
    NatPmp,
    /// RFC 6887.
    Pcp,
}

/// NAT-PMP's request to map a UDP port, to the same port outside if it is free. A lifetime of 0 seconds takes it back.
#[must_use]
pub fn encode_nat_pmp(port: u16, lifetime: u32) -> Vec<u8> {
    let outside = if lifetime > 0 { port } else { 0 };
    [&[NAT_PMP, NAT_PMP_MAP_UDP, 0, 0][..], &port.to_be_bytes(), &outside.to_be_bytes(), &lifetime.to_be_bytes()]
        .concat()
}

/// PCP's request for the same. `client` is the source address the datagram will have; the nonce names the mapping.
#[must_use]
pub fn encode_pcp(client: IpAddr, nonce: [u8; 12], port: u16, lifetime: u32) -> Vec<u8> {
    let (client, any) = match client {
        IpAddr::V4(v4) => (v4.to_ipv6_mapped(), Ipv4Addr::UNSPECIFIED.to_ipv6_mapped()),
        IpAddr::V6(v6) => (v6, Ipv6Addr::UNSPECIFIED),
    };
    [
        &[PCP, PCP_MAP, 0, 0][..],
        &lifetime.to_be_bytes(),
        &client.octets(),
        &nonce,
        &[UDP, 0, 0, 0],
        &port.to_be_bytes(),
        &port.to_be_bytes(),
        &any.octets(),
    ]
    .concat()
}

/// The answer to either. Answers about other ports, or with another nonce, are not ours.
pub fn decode(datagram: &[u8], port: u16, nonce: [u8; 12]) -> Result<Mapped, NotAnAnswer> {
    let number = |at: usize| Some(u16::from_be_bytes(datagram.get(at..at + 2)?.try_into().ok()?));
    let long = |at: usize| Some(u32::from_be_bytes(datagram.get(at..at + 4)?.try_into().ok()?));
    match datagram {
        [NAT_PMP, opcode, ..] if *opcode == RESPONSE | NAT_PMP_MAP_UDP => {
            let code = number(2).ok_or(NotAnAnswer::Truncated)?;
            if code != 0 {
                // A server of NAT-PMP alone says so in its own version when it is asked in PCP's.
                let protocol = if code == UNSUPPORTED_VERSION { Protocol::Pcp } else { Protocol::NatPmp };
                return Ok(Mapped::Refused { protocol, code });
            }
            if number(8).ok_or(NotAnAnswer::Truncated)? != port {
                return Err(NotAnAnswer::Another);
            }
            let outside = number(10).ok_or(NotAnAnswer::Truncated)?;
            let lifetime = long(12).ok_or(NotAnAnswer::Truncated)?;
            Ok(Mapped::Port { port: outside, lifetime })
        }
        [NAT_PMP, _, 0, code, ..] if u16::from(*code) == UNSUPPORTED_VERSION => {
            Ok(Mapped::Refused { protocol: Protocol::Pcp, code: UNSUPPORTED_VERSION })
        }
        [PCP, opcode, _, code, ..] if *opcode & RESPONSE != 0 => {
            if *code != 0 {
                let code = u16::from(*code);
                // And the other way round, to each request of NAT-PMP's.
                let protocol = if code == UNSUPPORTED_VERSION { Protocol::NatPmp } else { Protocol::Pcp };
                return Ok(Mapped::Refused { protocol, code });
            }
            if *opcode != RESPONSE | PCP_MAP || datagram.get(24..36) != Some(&nonce[..]) {
                return Err(NotAnAnswer::Another);
            }
            if number(40).ok_or(NotAnAnswer::Truncated)? != port {
                return Err(NotAnAnswer::Another);
            }
            let lifetime = long(4).ok_or(NotAnAnswer::Truncated)?;
            let outside = number(42).ok_or(NotAnAnswer::Truncated)?;
            let address: [u8; 16] =
                datagram.get(44..60).and_then(|bytes| bytes.try_into().ok()).ok_or(NotAnAnswer::Truncated)?;
            let address = IpAddr::V6(Ipv6Addr::from(address)).to_canonical();
            Ok(Mapped::Endpoint { endpoint: SocketAddr::new(address, outside), lifetime })
        }
        [] | [_] | [_, _] | [_, _, _] => Err(NotAnAnswer::Truncated),
        _ => Err(NotAnAnswer::Another),
    }
}

/// Why a datagram is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NotAnAnswer {
    /// Too short for what it says it is.
    #[error("an answer about a port mapping is cut off")]
    Truncated,
    /// About something else.
    #[error("an answer about something else than this port mapping")]
    Another,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NONCE: [u8; 12] = *b"twelve bytes";

    #[test]
    fn requests_are_those_of_the_rfcs() {
        assert_eq!(encode_nat_pmp(0x1234, 120), [0, 1, 0, 0, 0x12, 0x34, 0x12, 0x34, 0, 0, 0, 120]);
        assert_eq!(encode_nat_pmp(0x1234, 0), [0, 1, 0, 0, 0x12, 0x34, 0, 0, 0, 0, 0, 0]);
        let request = encode_pcp("192.0.2.7".parse().unwrap(), NONCE, 0x1234, 120);
        assert_eq!(request[..8], [2, 1, 0, 0, 0, 0, 0, 120]);
        assert_eq!(request[8..24], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 7]);
        assert_eq!(request[24..36], NONCE);
        assert_eq!(request[36..44], [17, 0, 0, 0, 0x12, 0x34, 0x12, 0x34]);
        assert_eq!(request[44..], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0]);
    }

    #[test]
    fn answers_are_read() {
        let nat_pmp = [0, 129, 0, 0, 0, 0, 0, 9, 0x12, 0x34, 0xab, 0xcd, 0, 0, 0, 120];
        assert_eq!(decode(&nat_pmp, 0x1234, NONCE), Ok(Mapped::Port { port: 0xabcd, lifetime: 120 }));
        assert_eq!(decode(&nat_pmp, 0x1235, NONCE), Err(NotAnAnswer::Another));
        let refused = |protocol, code| Ok(Mapped::Refused { protocol, code });
        assert_eq!(decode(&[0, 129, 0, 2], 1, NONCE), refused(Protocol::NatPmp, 2));
        // Each by a server that knows the other protocol alone.
        assert_eq!(decode(&[0, 129, 0, 1], 1, NONCE), refused(Protocol::Pcp, 1));
        assert_eq!(decode(&[2, 129, 0, 1], 1, NONCE), refused(Protocol::NatPmp, 1));
        assert_eq!(decode(&[2, 128, 0, 1], 1, NONCE), refused(Protocol::NatPmp, 1));
        let mut pcp = encode_pcp("192.0.2.7".parse().unwrap(), NONCE, 0x1234, 120);
        pcp[1] = 129;
        pcp[42..44].copy_from_slice(&[0xab, 0xcd]);
        pcp[56..].copy_from_slice(&[203, 0, 113, 9]);
        let endpoint = "203.0.113.9:43981".parse().unwrap();
        assert_eq!(decode(&pcp, 0x1234, NONCE), Ok(Mapped::Endpoint { endpoint, lifetime: 120 }));
        assert_eq!(decode(&pcp, 0x1234, [0; 12]), Err(NotAnAnswer::Another));
        for length in 0..pcp.len() {
            assert!(decode(&pcp[..length], 0x1234, NONCE).is_err(), "{length}");
        }
        pcp[3] = 8;
        assert_eq!(decode(&pcp, 0x1234, NONCE), refused(Protocol::Pcp, 8));
    }

    proptest! {
        #[test]
        fn anything_is_an_answer_or_none(bytes in prop::collection::vec(any::<u8>(), 0..80), port: u16) {
            let _ = decode(&bytes, port, NONCE);
        }
    }
}
