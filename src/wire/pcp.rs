//! PCP (RFC 6887): the ANNOUNCE request, and what a router may answer to it.
//!
//! Bytes ⇄ values only. ANNOUNCE with lifetime 0 asks whether a server is there and would serve this client; it
//! carries no nonce and leaves nothing behind (section 14.1). There is no encoder for MAP or PEER, so nothing built
//! on this module can create a mapping. Result codes are kept as sent, known or not.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use thiserror::Error;

pub use super::nat_pmp::PORT;

/// Length of the common header of requests and responses (section 7).
const HEADER: usize = 24;

/// No PCP message is longer (section 7).
pub const MAX_MESSAGE: usize = 1100;

const VERSION: u8 = 2;
const ANNOUNCE: u8 = 0;
const RESPONSE_BIT: u8 = 0x80;

/// The ANNOUNCE request (section 14.1.1). `client` is the source address the datagram will have: a server compares
/// the two to find a NAT in between (section 8.2). An IPv4 address is sent as `::ffff:a.b.c.d` (section 5).
#[must_use]
pub fn encode_announce(client: IpAddr) -> [u8; HEADER] {
    let client: Ipv6Addr = match client {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => v6,
    };
    let mut request = [0; HEADER];
    let (head, address) = request.split_at_mut(8);
    head.copy_from_slice(&[VERSION, ANNOUNCE, 0, 0, 0, 0, 0, 0]);
    address.copy_from_slice(&client.octets());
    request
}

/// What a server on port 5351 may answer to an ANNOUNCE request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It speaks PCP version 2.
    Announce {
        /// Its verdict.
        result: ResultCode,
        /// For an error: how long, in seconds, the same will be answered (section 7.2).
        lifetime: u32,
        /// Seconds since its mapping table was last reset (section 8.5).
        epoch: u32,
    },
    /// It speaks another version: 0 is NAT-PMP (section 9, RFC 6886 section 3.5).
    UnsupportedVersion {
        /// The version it says it speaks.
        speaks: u8,
    },
}

/// Decodes the answer to an ANNOUNCE request, with the tests of section 8.3. Options are ignored: ANNOUNCE has none.
pub fn decode_answer(datagram: &[u8]) -> Result<Answer, DecodeError> {
    let got = datagram.len();
    let [version, opcode, reserved, result, rest @ ..] = datagram else {
        return Err(DecodeError::Truncated { got, need: 4 });
    };
    let is_response = opcode & RESPONSE_BIT != 0;
    let result = ResultCode(*result);
    if *version == 0 {
        // A NAT-PMP server's complaint: 8 bytes, the result code 16 bits wide, opcode 0 as RFC 6886 draws it or 128 as
        // implementations send it.
        if rest.len() < 4 {
            return Err(DecodeError::Truncated { got, need: 8 });
        }
        return if *reserved == 0 && result == ResultCode::UNSUPP_VERSION && (is_response || *opcode == 0) {
            Ok(Answer::UnsupportedVersion { speaks: 0 })
        } else {
            Err(DecodeError::Version { version: 0 })
        };
    }
    if got > MAX_MESSAGE || !got.is_multiple_of(4) {
        return Err(DecodeError::Length { got });
    }
    let [life_0, life_1, life_2, life_3, epoch_0, epoch_1, epoch_2, epoch_3, rest @ ..] = rest else {
        return Err(DecodeError::Truncated { got, need: HEADER });
    };
    if rest.len() < 12 {
        return Err(DecodeError::Truncated { got, need: HEADER });
    }
    if !is_response {
        return Err(DecodeError::Opcode { opcode: *opcode });
    }
    if result == ResultCode::UNSUPP_VERSION {
        return Ok(Answer::UnsupportedVersion { speaks: *version });
    }
    if *version != VERSION {
        return Err(DecodeError::Version { version: *version });
    }
    if *opcode != RESPONSE_BIT | ANNOUNCE {
        return Err(DecodeError::Opcode { opcode: *opcode });
    }
    Ok(Answer::Announce {
        result,
        lifetime: u32::from_be_bytes([*life_0, *life_1, *life_2, *life_3]),
        epoch: u32::from_be_bytes([*epoch_0, *epoch_1, *epoch_2, *epoch_3]),
    })
}

/// A result code as sent (section 7.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ResultCode(pub u8);

impl ResultCode {
    /// It would serve this client.
    pub const SUCCESS: Self = Self(0);
    /// It does not speak this version.
    pub const UNSUPP_VERSION: Self = Self(1);
    /// It is there and will not serve this client.
    pub const NOT_AUTHORIZED: Self = Self(2);
    /// The datagram's source is not the address in the request: a NAT stands between this host and the server.
    pub const ADDRESS_MISMATCH: Self = Self(12);
}

impl fmt::Display for ResultCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.0 {
            0 => "SUCCESS",
            1 => "UNSUPP_VERSION",
            2 => "NOT_AUTHORIZED",
            3 => "MALFORMED_REQUEST",
            4 => "UNSUPP_OPCODE",
            5 => "UNSUPP_OPTION",
            6 => "MALFORMED_OPTION",
            7 => "NETWORK_FAILURE",
            8 => "NO_RESOURCES",
            9 => "UNSUPP_PROTOCOL",
            10 => "USER_EX_QUOTA",
            11 => "CANNOT_PROVIDE_EXTERNAL",
            12 => "ADDRESS_MISMATCH",
            13 => "EXCESSIVE_REMOTE_PEERS",
            _ => "unassigned",
        };
        write!(f, "PCP result {} ({name})", self.0)
    }
}

/// Why a datagram is no answer to ANNOUNCE.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// Shorter than its kind must be.
    #[error("{got} bytes where a PCP answer has at least {need}")]
    Truncated {
        /// Bytes received.
        got: usize,
        /// Bytes needed to go on.
        need: usize,
    },
    /// Longer than 1100 bytes, or no multiple of 4.
    #[error("{got} bytes, which no PCP message has")]
    Length {
        /// Bytes received.
        got: usize,
    },
    /// Not version 2, and no complaint about the version.
    #[error("version {version} in an answer to PCP version 2")]
    Version {
        /// The version byte.
        version: u8,
    },
    /// No response, or not to ANNOUNCE.
    #[error("opcode {opcode} in an answer to ANNOUNCE")]
    Opcode {
        /// The opcode byte, response bit included.
        opcode: u8,
    },
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn answer(result: u8) -> [u8; HEADER] {
        let mut answer = [0; HEADER];
        answer[..12].copy_from_slice(&[2, 0x80, 0, result, 0, 0, 7, 8, 0, 0, 0x0e, 0x10]);
        answer
    }

    #[test]
    fn the_request_names_the_client() {
        let request = encode_announce("192.168.1.100".parse().unwrap());
        assert_eq!(request[..8], [2, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(request[8..], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 168, 1, 100]);
        let request = encode_announce("2001:db8::7".parse().unwrap());
        assert_eq!(request[8..], [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]);
    }

    #[test]
    fn results_are_kept_as_sent() {
        for code in [0, 2, 12, 13, 200] {
            assert_eq!(
                decode_answer(&answer(code)),
                Ok(Answer::Announce { result: ResultCode(code), lifetime: 0x708, epoch: 3600 })
            );
        }
        assert_eq!(ResultCode::ADDRESS_MISMATCH.to_string(), "PCP result 12 (ADDRESS_MISMATCH)");
    }

    #[test]
    fn every_truncation_is_an_error() {
        for length in 0..HEADER {
            assert!(decode_answer(&answer(0)[..length]).is_err(), "{length}");
            assert!(decode_answer(&answer(1)[..length]).is_err(), "{length}");
        }
        let nat_pmp = [0, 128, 0, 1, 0, 0, 0, 9];
        for length in 0..nat_pmp.len() {
            assert!(decode_answer(&nat_pmp[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn a_nat_pmp_server_or_an_older_pcp_one_says_its_version() {
        assert_eq!(decode_answer(&[0, 128, 0, 1, 0, 0, 0, 9]), Ok(Answer::UnsupportedVersion { speaks: 0 }));
        assert_eq!(decode_answer(&[0, 0, 0, 1, 0, 0, 0, 9]), Ok(Answer::UnsupportedVersion { speaks: 0 }));
        let mut older = answer(1);
        older[0] = 1;
        assert_eq!(decode_answer(&older), Ok(Answer::UnsupportedVersion { speaks: 1 }));
    }

    #[test]
    fn other_versions_opcodes_lengths_and_requests_are_refused() {
        let with = |at: usize, byte: u8| {
            let mut answer = answer(0);
            answer[at] = byte;
            decode_answer(&answer)
        };
        assert_eq!(with(0, 1), Err(DecodeError::Version { version: 1 }));
        assert_eq!(with(0, 0), Err(DecodeError::Version { version: 0 }));
        assert_eq!(with(1, 0), Err(DecodeError::Opcode { opcode: 0 }));
        assert_eq!(with(1, 0x81), Err(DecodeError::Opcode { opcode: 0x81 }));
        let mut odd = answer(0).to_vec();
        odd.push(0);
        assert_eq!(decode_answer(&odd), Err(DecodeError::Length { got: 25 }));
        odd.resize(MAX_MESSAGE, 0);
        assert!(decode_answer(&odd).is_ok());
        odd.resize(MAX_MESSAGE + 4, 0);
        assert_eq!(decode_answer(&odd), Err(DecodeError::Length { got: MAX_MESSAGE + 4 }));
        // Our own request, reflected, is no answer.
        assert!(decode_answer(&encode_announce("10.0.0.1".parse().unwrap())).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_decode_or_are_refused(datagram in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(Answer::Announce { .. }) = decode_answer(&datagram) {
                prop_assert!(datagram.len() >= HEADER);
                prop_assert_eq!(&datagram[..2], &[2, 0x80]);
            }
        }

        #[test]
        fn what_a_server_sends_is_what_is_read(result in any::<u8>().prop_filter("a complaint", |r| *r != 1), lifetime: u32, epoch: u32, filling: [u8; 12]) {
            let mut answer = vec![2, 0x80, 0, result];
            answer.extend(lifetime.to_be_bytes());
            answer.extend(epoch.to_be_bytes());
            answer.extend(filling);
            prop_assert_eq!(decode_answer(&answer), Ok(Answer::Announce { result: ResultCode(result), lifetime, epoch }));
        }
    }
}
