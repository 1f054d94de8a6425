//! Fixed vectors (seen from a real derper and its client), each with all its truncations; then random messages, in
//! both directions against stun-rs.

mod against_stun_rs;
mod answers;
mod help;
mod requests;
mod responses;

use std::net::SocketAddr;

use super::*;

/// Transaction id 00..0b.
const COUNTING: TransactionId = TransactionId([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
const TAILNODE: &str = "000100142112a442000102030405060708090a0b802200087461696c6e6f6465802800048aabad90";
const TAILNODE_CHANGE: &str =
    "0001001c2112a442000102030405060708090a0b802200087461696c6e6f6465000300040000000680280004e3fc9845";
const BARE: &str = "000100002112a442000102030405060708090a0b";
const XOR: &str = "0101000c2112a442000102030405060708090a0b00200008000183bbea12d54b";

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
}

fn endpoint(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// A response with these attributes, given as `(type, value)`.
fn response(kind: u16, attributes: &[(u16, &[u8])]) -> Vec<u8> {
    let mut writer = frame::Writer::new(kind, b"\x21\x12\xa4\x42\0\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b");
    for (kind, value) in attributes {
        writer.attribute(*kind, value);
    }
    writer.finish()
}

const GOOD_XOR: (u16, &[u8]) = (0x0020, &[0, 1, 0x83, 0xbb, 0xea, 0x12, 0xd5, 0x4b]);

#[test]
fn every_truncation_of_every_vector_is_an_error() {
    for hex in [TAILNODE, TAILNODE_CHANGE, BARE, XOR] {
        let whole = bytes(hex);
        for end in 0..whole.len() {
            assert!(decode_request(&whole[..end]).is_err(), "{hex} cut at {end}");
            assert!(decode_response(&whole[..end]).is_err(), "{hex} cut at {end}");
        }
    }
}
