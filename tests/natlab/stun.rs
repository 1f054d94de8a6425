//! As much STUN as a server and a probe need, written apart from the product's codec: a lab must not share its bugs.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

pub const CHANGE_IP: u32 = 4;
pub const CHANGE_PORT: u32 = 2;
const COOKIE: u32 = 0x2112_a442;

/// What a request asks for.
pub struct Request {
    pub transaction: [u8; 12],
    pub change: u32,
    /// SOFTWARE is "tailnode" and the last attribute a right FINGERPRINT.
    pub tailnode: bool,
}

pub fn encode_request(transaction: [u8; 12], change: u32) -> Vec<u8> {
    let mut bytes = header(0x0001, transaction);
    if change != 0 {
        attribute(&mut bytes, 0x0003, &change.to_be_bytes());
    }
    attribute(&mut bytes, 0x8022, b"tailnode");
    fingerprint(&mut bytes);
    bytes
}

pub fn decode_request(bytes: &[u8]) -> Option<Request> {
    let (transaction, attributes) = decode(bytes, 0x0001)?;
    let change = attributes.iter().find(|(kind, _)| *kind == 0x0003).and_then(|(_, value)| (*value).try_into().ok());
    let software = attributes.iter().any(|(kind, value)| *kind == 0x8022 && *value == b"tailnode");
    let signed = bytes.len().checked_sub(8).is_some_and(|body| {
        let sum = (crc32fast::hash(&bytes[..body]) ^ 0x5354_554e).to_be_bytes();
        attributes.last().is_some_and(|(kind, value)| *kind == 0x8028 && *value == sum)
    });
    Some(Request { transaction, change: change.map_or(0, u32::from_be_bytes), tailnode: software && signed })
}

pub fn encode_response(transaction: [u8; 12], mapped: SocketAddr) -> Vec<u8> {
    let mut bytes = header(0x0101, transaction);
    let xored = match mapped.ip() {
        IpAddr::V4(v4) => IpAddr::V4(Ipv4Addr::from(u32::from(v4) ^ COOKIE)),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from(u128::from(v6) ^ mask6(transaction))),
    };
    attribute(&mut bytes, 0x0020, &address(SocketAddr::new(xored, mapped.port() ^ (COOKIE >> 16) as u16)));
    bytes
}

/// Error 420: CHANGE-REQUEST is not known here.
pub fn encode_refusal(transaction: [u8; 12]) -> Vec<u8> {
    let mut bytes = header(0x0111, transaction);
    attribute(&mut bytes, 0x0009, b"\0\0\x04\x14Unknown Attribute");
    attribute(&mut bytes, 0x000a, &[0x00, 0x03]);
    bytes
}

/// MAPPED-ADDRESS, RESPONSE-ORIGIN and OTHER-ADDRESS of RFC 5780.
pub fn add_discovery(bytes: &mut Vec<u8>, mapped: SocketAddr, origin: SocketAddr, other: SocketAddr) {
    for (kind, endpoint) in [(0x0001, mapped), (0x802b, origin), (0x802c, other)] {
        attribute(bytes, kind, &address(endpoint));
    }
}

pub fn attribute(bytes: &mut Vec<u8>, kind: u16, value: &[u8]) {
    bytes.extend(kind.to_be_bytes());
    bytes.extend((value.len() as u16).to_be_bytes());
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    let length = (bytes.len() - 20) as u16;
    bytes[2..4].copy_from_slice(&length.to_be_bytes());
}

/// Transaction and mapped endpoint of a success response.
pub fn decode_response(bytes: &[u8]) -> Option<([u8; 12], SocketAddr)> {
    let (transaction, attributes) = decode(bytes, 0x0101)?;
    let (_, value) = attributes.iter().find(|(kind, _)| *kind == 0x0020)?;
    let port = u16::from_be_bytes([*value.get(2)?, *value.get(3)?]) ^ (COOKIE >> 16) as u16;
    let ip = match value.get(4..)? {
        v4 if v4.len() == 4 => Ipv4Addr::from(u32::from_be_bytes(v4.try_into().ok()?) ^ COOKIE).into(),
        v6 => Ipv6Addr::from(u128::from_be_bytes(v6.try_into().ok()?) ^ mask6(transaction)).into(),
    };
    Some((transaction, SocketAddr::new(ip, port)))
}

type Attributes<'a> = Vec<(u16, &'a [u8])>;

fn decode(bytes: &[u8], class: u16) -> Option<([u8; 12], Attributes<'_>)> {
    let header = bytes.get(..20)?;
    let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
    if header[..2] != class.to_be_bytes() || header[4..8] != COOKIE.to_be_bytes() || bytes.len() != 20 + length {
        return None;
    }
    let mut attributes = Vec::new();
    let mut rest = &bytes[20..];
    while let [a, b, c, d, tail @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*c, *d]));
        attributes.push((u16::from_be_bytes([*a, *b]), tail.get(..length)?));
        rest = tail.get(length.next_multiple_of(4)..)?;
    }
    Some((header[8..].try_into().ok()?, attributes))
}

fn header(class: u16, transaction: [u8; 12]) -> Vec<u8> {
    let mut bytes = class.to_be_bytes().to_vec();
    bytes.extend([0, 0]);
    bytes.extend(COOKIE.to_be_bytes());
    bytes.extend(transaction);
    bytes
}

fn fingerprint(bytes: &mut Vec<u8>) {
    // The length it is computed over already counts it.
    attribute(bytes, 0x8028, &[0; 4]);
    let body = bytes.len() - 8;
    let sum = crc32fast::hash(&bytes[..body]) ^ 0x5354_554e;
    bytes[body + 4..].copy_from_slice(&sum.to_be_bytes());
}

fn address(endpoint: SocketAddr) -> Vec<u8> {
    let mut value = vec![0, if endpoint.is_ipv4() { 1 } else { 2 }];
    value.extend(endpoint.port().to_be_bytes());
    match endpoint.ip() {
        IpAddr::V4(v4) => value.extend(v4.octets()),
        IpAddr::V6(v6) => value.extend(v6.octets()),
    }
    value
}

fn mask6(transaction: [u8; 12]) -> u128 {
    let mut mask = [0; 16];
    mask[..4].copy_from_slice(&COOKIE.to_be_bytes());
    mask[4..].copy_from_slice(&transaction);
    u128::from_be_bytes(mask)
}
