//! Help with the test of filters, as natscope's relays give it to natscope: two attributes of our own, from the range
//! that whoever does not know them skips (RFC 8489 section 14).
//!
//! HELP-WANTED stands in requests: what is wanted in one byte, three of zero, for a packet the cookie, and zeros up to
//! the length that the answer may have. HELP-OFFER stands in answers to it: the other relay's endpoint as in
//! MAPPED-ADDRESS, the relay's own other port or zero, two bytes of zero, the cookie.

use std::net::SocketAddr;

use super::frame::{BINDING_ERROR, BINDING_REQUEST, BINDING_SUCCESS, HEADER, MAGIC_COOKIE, Writer};
use super::{Fault, TransactionId, attribute, value};
use crate::model::{FilterHelp, HelpCookie};

/// What is asked of a relay that helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HelpWanted {
    /// Whether and how it helps, besides the answer to the request itself.
    Offer,
    /// A packet from the other relay, and no answer.
    Packet(HelpCookie),
}

/// Bytes of a request for an offer: as many as the longest answer with one, over IPv6.
const OFFER_REQUEST: usize = 192;
/// Bytes of a request for a packet.
const PACKET_REQUEST: usize = 96;

const OFFER: u8 = 1;
const PACKET: u8 = 2;

impl HelpWanted {
    /// Bytes that a request for a packet must have at least: no answer to it is longer, over IPv6 neither.
    pub const PACKET_LEAST: usize = HEADER + 24 + 24 + 8;

    /// What is not understood asks for nothing.
    pub(super) fn decode(value: &[u8]) -> Option<Self> {
        match value {
            [OFFER, ..] => Some(Self::Offer),
            [PACKET, _, _, _, rest @ ..] => Some(Self::Packet(HelpCookie(*rest.first_chunk()?))),
            _ => None,
        }
    }
}

/// A Binding request that asks for help.
#[must_use]
pub fn encode_help_request(transaction: TransactionId, wanted: HelpWanted) -> Vec<u8> {
    let (mut value, length) = match wanted {
        HelpWanted::Offer => (vec![OFFER, 0, 0, 0], OFFER_REQUEST),
        HelpWanted::Packet(HelpCookie(cookie)) => ([&[PACKET, 0, 0, 0][..], &cookie].concat(), PACKET_REQUEST),
    };
    value.resize(length - HEADER - 4, 0);
    let mut writer = Writer::new(BINDING_REQUEST, &id(transaction));
    writer.attribute(attribute::HELP_WANTED, &value);
    writer.finish()
}

/// The packet that was wanted: a success response with XOR-MAPPED-ADDRESS and, where the sender knows it, RESPONSE-ORIGIN.
#[must_use]
pub fn encode_help(transaction: TransactionId, client: SocketAddr, origin: Option<SocketAddr>) -> Vec<u8> {
    let id = id(transaction);
    let mut writer = Writer::new(BINDING_SUCCESS, &id);
    writer.attribute(attribute::XOR_MAPPED_ADDRESS, &value::encode_xor_address(client, &id));
    if let Some(origin) = origin {
        writer.attribute(attribute::RESPONSE_ORIGIN, &value::encode_address(origin));
    }
    writer.finish()
}

/// Error 508 (RFC 8656 section 19): the relay helps, and cannot just now. Silence would look like a filter.
#[must_use]
pub fn encode_no_help(transaction: TransactionId) -> Vec<u8> {
    let mut writer = Writer::new(BINDING_ERROR, &id(transaction));
    writer.attribute(attribute::ERROR_CODE, &value::encode_error_code(508, "Busy"));
    writer.finish()
}

pub(super) fn encode_offer(offer: &FilterHelp) -> Vec<u8> {
    let mut value = value::encode_address(offer.from);
    value.extend(offer.port.unwrap_or(0).to_be_bytes());
    value.extend([0, 0]);
    value.extend(offer.cookie.0);
    value
}

pub(super) fn decode_offer(value: &[u8]) -> Result<FilterHelp, Fault> {
    let fault = Fault::Length { bytes: value.len() };
    let (address, rest) = value.split_last_chunk::<12>().map(|(address, rest)| (address, *rest)).ok_or(fault)?;
    let [p0, p1, _, _, cookie @ ..] = rest;
    let port = Some(u16::from_be_bytes([p0, p1])).filter(|port| *port != 0);
    Ok(FilterHelp { from: value::decode_address(address)?, port, cookie: HelpCookie(cookie) })
}

fn id(transaction: TransactionId) -> [u8; 16] {
    let mut id = [0; 16];
    let (cookie, rest) = id.split_at_mut(MAGIC_COOKIE.len());
    cookie.copy_from_slice(&MAGIC_COOKIE);
    rest.copy_from_slice(&transaction.0);
    id
}
