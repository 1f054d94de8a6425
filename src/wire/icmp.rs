//! ICMP echo (RFC 792, RFC 4443): requests encoded, replies decoded. Nothing else of ICMP.

use crate::model::Family;

/// Type of an echo request and of its reply, by family.
const fn types(family: Family) -> (u8, u8) {
    match family {
        Family::V4 => (8, 0),
        Family::V6 => (128, 129),
    }
}

/// An echo reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EchoReply<'a> {
    /// The request's identifier. Some systems rewrite it on the way out.
    pub identifier: u16,
    /// The request's sequence number.
    pub sequence: u16,
    /// The request's payload.
    pub payload: &'a [u8],
}

/// An echo request. The checksum of `ICMPv6` covers addresses not known here and is left to the system, which always
/// fills it in.
#[must_use]
pub fn encode_echo_request(family: Family, identifier: u16, sequence: u16, payload: &[u8]) -> Vec<u8> {
    let header = |checksum: u16| {
        let mut bytes = vec![types(family).0, 0];
        bytes.extend(checksum.to_be_bytes());
        bytes.extend(identifier.to_be_bytes());
        bytes.extend(sequence.to_be_bytes());
        bytes.extend(payload);
        bytes
    };
    match family {
        Family::V4 => header(!sum(&header(0))),
        Family::V6 => header(0),
    }
}

/// An echo reply; `None` for anything else. Raw IPv4 sockets, and some systems' unprivileged ones, hand out the IPv4
/// header too: it is skipped.
#[must_use]
pub fn decode_echo_reply(family: Family, datagram: &[u8]) -> Option<EchoReply<'_>> {
    let message = match family {
        Family::V4 => without_ipv4_header(datagram)?,
        Family::V6 => datagram,
    };
    let (&[kind, code, _, _, i0, i1, s0, s1], payload) = message.split_first_chunk::<8>()?;
    if (kind, code) != (types(family).1, 0) || (family == Family::V4 && sum(message) != u16::MAX) {
        return None;
    }
    Some(EchoReply { identifier: u16::from_be_bytes([i0, i1]), sequence: u16::from_be_bytes([s0, s1]), payload })
}

/// The datagram without its IPv4 header, if it has one. An echo reply begins with 0 and cannot be taken for one.
fn without_ipv4_header(datagram: &[u8]) -> Option<&[u8]> {
    match datagram.first()? {
        first if first >> 4 == 4 => datagram.get(usize::from(first & 0xf) * 4..),
        _ => Some(datagram),
    }
}

/// The one's complement sum of RFC 1071; all ones over a message with a right checksum.
fn sum(message: &[u8]) -> u16 {
    let words = message.chunks(2).map(|pair| match *pair {
        [high, low] => u32::from(u16::from_be_bytes([high, low])),
        [high] => u32::from(u16::from_be_bytes([high, 0])),
        _ => 0,
    });
    let folded = words.fold(0_u32, |sum, word| {
        let sum = sum + word;
        (sum & 0xffff) + (sum >> 16)
    });
    u16::try_from(folded).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The request turned into its reply, as the other side does it.
    fn reply_to(request: &[u8]) -> Vec<u8> {
        let mut reply = request.to_vec();
        reply[0] = 0;
        reply[2..4].fill(0);
        let checksum = !sum(&reply);
        reply[2..4].copy_from_slice(&checksum.to_be_bytes());
        reply
    }

    #[test]
    fn a_request_is_as_ping_sends_it() {
        let expected = [8, 0, 0x84, 0x2f, 0x12, 0x34, 0, 1, b'a', b'b', b'c'];
        let request = encode_echo_request(Family::V4, 0x1234, 1, b"abc");
        assert_eq!(request[..2], expected[..2]);
        assert_eq!(request[4..], expected[4..]);
        assert_eq!(sum(&request), u16::MAX);
        assert_eq!(encode_echo_request(Family::V6, 0x1234, 1, b"")[..], [128, 0, 0, 0, 0x12, 0x34, 0, 1]);
    }

    #[test]
    fn the_checksum_is_that_of_rfc_1071() {
        // The example of section 3, whose sum is ddf2.
        assert_eq!(sum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]), 0xddf2);
    }

    #[test]
    fn a_reply_is_read_with_and_without_ipv4_header() {
        let reply = reply_to(&encode_echo_request(Family::V4, 7, 9, b"payload"));
        let expected = Some(EchoReply { identifier: 7, sequence: 9, payload: b"payload" });
        assert_eq!(decode_echo_reply(Family::V4, &reply), expected);
        let with_header = [&[0x46][..], &[0; 23], &reply].concat();
        assert_eq!(decode_echo_reply(Family::V4, &with_header), expected);
        let v6 = [129, 0, 0xab, 0xcd, 0, 7, 0, 9, b'p'];
        let expected = Some(EchoReply { identifier: 7, sequence: 9, payload: b"p" });
        assert_eq!(decode_echo_reply(Family::V6, &v6), expected);
    }

    #[test]
    fn requests_errors_and_broken_replies_are_none() {
        let request = encode_echo_request(Family::V4, 7, 9, b"payload");
        assert_eq!(decode_echo_reply(Family::V4, &request), None);
        let mut broken = reply_to(&request);
        broken[8] ^= 1;
        assert_eq!(decode_echo_reply(Family::V4, &broken), None);
        assert_eq!(decode_echo_reply(Family::V6, &[129, 1, 0, 0, 0, 0, 0, 0]), None);
        assert_eq!(decode_echo_reply(Family::V4, &[3, 1, 0, 0, 0, 0, 0, 0]), None);
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_decoded(identifier: u16, sequence: u16, payload: Vec<u8>) {
            let reply = reply_to(&encode_echo_request(Family::V4, identifier, sequence, &payload));
            let expected = Some(EchoReply { identifier, sequence, payload: &payload });
            prop_assert_eq!(decode_echo_reply(Family::V4, &reply), expected);
        }

        #[test]
        fn any_bytes_are_no_panic(bytes: Vec<u8>) {
            for family in Family::BOTH {
                let _ = decode_echo_reply(family, &bytes);
            }
        }
    }
}
