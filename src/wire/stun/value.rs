//! Values of attributes: addresses, text, error codes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::Fault;
use super::frame::MAGIC_COOKIE;
use crate::model;

/// Longest text kept of what a stranger sends, in characters.
const TEXT_LIMIT: usize = 128;

const FAMILY_V4: u8 = 1;
const FAMILY_V6: u8 = 2;

/// An address in the plain form of MAPPED-ADDRESS. `::ffff:a.b.c.d` comes out as IPv4.
pub(super) fn decode_address(value: &[u8]) -> Result<SocketAddr, Fault> {
    let fault = Fault::Length { bytes: value.len() };
    let ([_, family, p0, p1], address) = value.split_first_chunk().ok_or(fault)?;
    let address: IpAddr = match *family {
        FAMILY_V4 => <[u8; 4]>::try_from(address).map_err(|_| fault)?.into(),
        FAMILY_V6 => <[u8; 16]>::try_from(address).map_err(|_| fault)?.into(),
        family => return Err(Fault::Family { family }),
    };
    Ok(model::unmap(SocketAddr::new(address, u16::from_be_bytes([*p0, *p1]))))
}

/// An address in the form of XOR-MAPPED-ADDRESS (RFC 8489 section 14.2). `::ffff:a.b.c.d` comes out as IPv4.
pub(super) fn decode_xor_address(value: &[u8], id: &[u8; 16]) -> Result<SocketAddr, Fault> {
    // Masked bytes are unmasked in place and read like a plain address.
    let mut plain = [0; 20];
    let bytes = value.len();
    let copy = plain.get_mut(..bytes).ok_or(Fault::Length { bytes })?;
    copy.copy_from_slice(value);
    mask(copy, id);
    decode_address(copy)
}

/// The plain form; an IPv4-mapped IPv6 address is written as IPv4.
pub(super) fn encode_address(endpoint: SocketAddr) -> Vec<u8> {
    let endpoint = model::unmap(endpoint);
    let mut value = Vec::with_capacity(20);
    value.push(0);
    match endpoint.ip() {
        IpAddr::V4(address) => encode_parts(&mut value, FAMILY_V4, endpoint.port(), &Ipv4Addr::octets(&address)),
        IpAddr::V6(address) => encode_parts(&mut value, FAMILY_V6, endpoint.port(), &Ipv6Addr::octets(&address)),
    }
    value
}

/// The XOR form; an IPv4-mapped IPv6 address is written as IPv4, which every client understands (derper does not).
pub(super) fn encode_xor_address(endpoint: SocketAddr, id: &[u8; 16]) -> Vec<u8> {
    let mut value = encode_address(endpoint);
    mask(&mut value, id);
    value
}

/// Text of a stranger, fit for a terminal: what is not UTF-8, controls, and what turns the direction of writing are
/// replaced; trailing NULs, which old servers pad with, are dropped; long texts are cut.
pub(super) fn decode_text(value: &[u8]) -> String {
    let end = value.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    // Four bytes a character at most: no need to look at 64 KiB for 128 characters.
    let value = value.get(..end.min(TEXT_LIMIT * 4)).unwrap_or_default();
    String::from_utf8_lossy(value)
        .chars()
        .map(|c| if is_unprintable(c) { char::REPLACEMENT_CHARACTER } else { c })
        .take(TEXT_LIMIT)
        .collect()
}

/// Code and reason of ERROR-CODE (RFC 8489 section 14.8).
pub(super) fn decode_error_code(value: &[u8]) -> Result<(u16, String), Fault> {
    let fault = Fault::Length { bytes: value.len() };
    let ([_, _, class, number], reason) = value.split_first_chunk().ok_or(fault)?;
    // Five bits before the class are reserved and to be ignored.
    let class = class & 0x07;
    let number = *number;
    if !(3..=6).contains(&class) || number > 99 {
        return Err(Fault::ErrorCode { class, number });
    }
    Ok((u16::from(class) * 100 + u16::from(number), decode_text(reason)))
}

/// ERROR-CODE; `code` is one of 300 to 699.
pub(super) fn encode_error_code(code: u16, reason: &str) -> Vec<u8> {
    let [_, class] = (code / 100).to_be_bytes();
    let [_, number] = (code % 100).to_be_bytes();
    let mut value = vec![0, 0, class, number];
    value.extend_from_slice(reason.as_bytes());
    value
}

/// Types in UNKNOWN-ATTRIBUTES, at most `limit` of them; an odd byte at the end is ignored.
pub(super) fn decode_unknown_attributes(value: &[u8], limit: usize) -> Vec<u16> {
    value.as_chunks().0.iter().take(limit).copied().map(u16::from_be_bytes).collect()
}

fn encode_parts(value: &mut Vec<u8>, family: u8, port: u16, address: &[u8]) {
    value.push(family);
    value.extend_from_slice(&port.to_be_bytes());
    value.extend_from_slice(address);
}

/// Port against the cookie's first half, address against cookie and transaction id; twice is once undone.
fn mask(value: &mut [u8], id: &[u8; 16]) {
    if let Some(([_, _, port @ ..], address)) = value.split_first_chunk_mut::<4>() {
        xor(port, &MAGIC_COOKIE);
        xor(address, id);
    }
}

fn xor(bytes: &mut [u8], mask: &[u8]) {
    for (byte, mask) in bytes.iter_mut().zip(mask) {
        *byte ^= mask;
    }
}

fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}
