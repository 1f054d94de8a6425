//! NAT-PMP (RFC 6886): the external-address request, and what a router may answer to it.
//!
//! Bytes ⇄ values only. There is no encoder for a mapping request, so nothing built on this module can create a
//! mapping. Result codes are kept as sent, known or not.

use std::fmt;
use std::net::Ipv4Addr;

use thiserror::Error;

/// The UDP port a router listens on, of NAT-PMP and PCP alike (RFC 6886 section 3, RFC 6887 section 19.1).
pub const PORT: u16 = 5351;

/// The bit of the opcode byte that marks a response (RFC 6886 section 3.5, RFC 6887 section 7).
const RESPONSE_BIT: u8 = 0x80;

/// Version of NAT-PMP.
const VERSION: u8 = 0;

/// Opcode of the external-address request.
const EXTERNAL_ADDRESS: u8 = 0;

/// The external-address request (RFC 6886 section 3.2): version 0, opcode 0.
#[must_use]
pub const fn encode_external_address_request() -> [u8; 2] {
    [VERSION, EXTERNAL_ADDRESS]
}

/// What a server on port 5351 may answer to an external-address request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It speaks NAT-PMP.
    ExternalAddress {
        /// Its verdict.
        result: ResultCode,
        /// Seconds since its mapping table was last reset (RFC 6886 section 3.6).
        epoch: u32,
        /// Its external address. `None` when the result is not success: the field means nothing then.
        address: Option<Ipv4Addr>,
    },
    /// It speaks another version: a PCP server without NAT-PMP answers so (RFC 6887 section 9).
    UnsupportedVersion {
        /// The version it says it speaks.
        speaks: u8,
    },
}

/// Decodes the answer to an external-address request. Bytes after the answer are ignored, as routers pad.
pub fn decode_answer(datagram: &[u8]) -> Result<Answer, DecodeError> {
    let [version, opcode, result_high, result_low, rest @ ..] = datagram else {
        return Err(DecodeError::Truncated { got: datagram.len(), need: 4 });
    };
    let result = ResultCode(u16::from_be_bytes([*result_high, *result_low]));
    let [epoch_0, epoch_1, epoch_2, epoch_3, rest @ ..] = rest else {
        return Err(DecodeError::Truncated { got: datagram.len(), need: 8 });
    };
    // RFC 6886 section 3.5 draws this one packet with opcode 0, not 128; implementations send either.
    if result == ResultCode::UNSUPPORTED_VERSION && (*opcode == 0 || opcode & RESPONSE_BIT != 0) {
        return Ok(Answer::UnsupportedVersion { speaks: *version });
    }
    if *version != VERSION {
        return Err(DecodeError::Version { version: *version });
    }
    if *opcode != RESPONSE_BIT | EXTERNAL_ADDRESS {
        return Err(DecodeError::Opcode { opcode: *opcode });
    }
    let epoch = u32::from_be_bytes([*epoch_0, *epoch_1, *epoch_2, *epoch_3]);
    if result != ResultCode::SUCCESS {
        return Ok(Answer::ExternalAddress { result, epoch, address: None });
    }
    let [a, b, c, d, ..] = rest else {
        return Err(DecodeError::Truncated { got: datagram.len(), need: 12 });
    };
    Ok(Answer::ExternalAddress { result, epoch, address: Some(Ipv4Addr::new(*a, *b, *c, *d)) })
}

/// A result code as sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ResultCode(pub u16);

impl ResultCode {
    /// It would map ports.
    pub const SUCCESS: Self = Self(0);
    /// It does not speak this version.
    pub const UNSUPPORTED_VERSION: Self = Self(1);
    /// Not authorised or refused: the function is there and switched off.
    pub const NOT_AUTHORIZED: Self = Self(2);
    /// The router itself has no address on its outer side.
    pub const NETWORK_FAILURE: Self = Self(3);
}

impl fmt::Display for ResultCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.0 {
            0 => "success",
            1 => "unsupported version",
            2 => "not authorized or refused",
            3 => "network failure",
            4 => "out of resources",
            5 => "unsupported opcode",
            _ => "unassigned",
        };
        write!(f, "NAT-PMP result {} ({name})", self.0)
    }
}

/// Why a datagram is no answer to an external-address request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// Shorter than its kind must be.
    #[error("{got} bytes where a NAT-PMP answer has at least {need}")]
    Truncated {
        /// Bytes received.
        got: usize,
        /// Bytes needed to go on.
        need: usize,
    },
    /// Not version 0, and no complaint about the version.
    #[error("version {version} in an answer to NAT-PMP")]
    Version {
        /// The version byte.
        version: u8,
    },
    /// Not the answer to opcode 0.
    #[error("opcode {opcode} in an answer to the external-address request")]
    Opcode {
        /// The opcode byte, response bit included.
        opcode: u8,
    },
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As RFC 6886 section 3.2 draws it: 3600 s, 203.0.113.9.
    const SUCCESS: [u8; 12] = [0, 128, 0, 0, 0, 0, 0x0e, 0x10, 203, 0, 113, 9];

    #[test]
    fn the_request_is_two_zero_bytes() {
        assert_eq!(encode_external_address_request(), [0, 0]);
    }

    #[test]
    fn success_tells_epoch_and_address() {
        assert_eq!(
            decode_answer(&SUCCESS),
            Ok(Answer::ExternalAddress {
                result: ResultCode::SUCCESS,
                epoch: 3600,
                address: Some(Ipv4Addr::new(203, 0, 113, 9)),
            })
        );
    }

    #[test]
    fn every_truncation_is_an_error() {
        for length in 0..SUCCESS.len() {
            assert!(matches!(decode_answer(&SUCCESS[..length]), Err(DecodeError::Truncated { .. })), "{length}");
        }
        let refusal = [0, 128, 0, 2, 0, 0, 0, 1];
        for length in 0..refusal.len() {
            assert!(matches!(decode_answer(&refusal[..length]), Err(DecodeError::Truncated { .. })), "{length}");
        }
    }

    #[test]
    fn a_result_that_is_not_success_has_no_address() {
        for code in [2_u16, 3, 4, 5, 77, 0xffff] {
            let mut answer = SUCCESS;
            answer[2..4].copy_from_slice(&code.to_be_bytes());
            assert_eq!(
                decode_answer(&answer),
                Ok(Answer::ExternalAddress { result: ResultCode(code), epoch: 3600, address: None })
            );
        }
    }

    #[test]
    fn a_pcp_server_says_which_version_it_speaks() {
        // RFC 6887 section 9: version 2, response, UNSUPP_VERSION; 24 bytes. And RFC 6886's own form, opcode 0.
        let mut pcp = [0; 24];
        pcp[..4].copy_from_slice(&[2, 0x80, 0, 1]);
        assert_eq!(decode_answer(&pcp), Ok(Answer::UnsupportedVersion { speaks: 2 }));
        assert_eq!(decode_answer(&[0, 0, 0, 1, 0, 0, 0, 9]), Ok(Answer::UnsupportedVersion { speaks: 0 }));
    }

    #[test]
    fn other_versions_opcodes_and_requests_are_refused() {
        let with = |at: usize, byte: u8| {
            let mut answer = SUCCESS;
            answer[at] = byte;
            decode_answer(&answer)
        };
        assert_eq!(with(0, 2), Err(DecodeError::Version { version: 2 }));
        assert_eq!(with(1, 0), Err(DecodeError::Opcode { opcode: 0 }));
        assert_eq!(with(1, 129), Err(DecodeError::Opcode { opcode: 129 }));
    }

    proptest! {
        #[test]
        fn any_bytes_decode_or_are_refused(datagram in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(Answer::ExternalAddress { result, address, .. }) = decode_answer(&datagram) {
                prop_assert_eq!(address.is_some(), result == ResultCode::SUCCESS);
                prop_assert_eq!(&datagram[..2], &[0, 128]);
            }
        }

        #[test]
        fn what_a_server_sends_is_what_is_read(epoch: u32, address: u32, padding in proptest::collection::vec(any::<u8>(), 0..9)) {
            let mut answer = vec![0, 128, 0, 0];
            answer.extend(epoch.to_be_bytes());
            answer.extend(address.to_be_bytes());
            answer.extend(padding);
            prop_assert_eq!(decode_answer(&answer), Ok(Answer::ExternalAddress {
                result: ResultCode::SUCCESS, epoch, address: Some(Ipv4Addr::from(address)),
            }));
        }
    }
}
