use std::net::SocketAddr;

use super::frame::{BINDING_ERROR, BINDING_SUCCESS, Writer};
use super::{Fingerprint, Request, attribute, help, value};
use crate::model::FilterHelp;

/// What a server tells in a success response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnswerFacts<'a> {
    /// Where the request came from. An IPv4-mapped IPv6 address is told as IPv4.
    pub mapped: SocketAddr,
    /// The endpoint the answer leaves from; `None` when the server does not know it (a wildcard socket).
    pub origin: Option<SocketAddr>,
    /// The endpoint the answer would leave from if both address and port were to be changed; `None` when there is no
    /// such endpoint (RFC 5780 section 7.4 forbids to make one up).
    pub other: Option<SocketAddr>,
    /// SOFTWARE.
    pub software: &'a str,
}

/// A success response in the kind the request wants:
///
/// - to Tailscale's clients XOR-MAPPED-ADDRESS alone (32 bytes, 44 for IPv6), since the Rust one reads 64 bytes at
///   most, unless they ask for something of RFC 5780;
/// - to clients of RFC 3489 MAPPED-ADDRESS, SOURCE-ADDRESS and CHANGED-ADDRESS;
/// - to all others XOR-MAPPED-ADDRESS, MAPPED-ADDRESS, RESPONSE-ORIGIN, OTHER-ADDRESS, SOFTWARE.
#[must_use]
pub fn encode_success(request: &Request, facts: &AnswerFacts<'_>) -> Vec<u8> {
    let mut writer = Writer::new(BINDING_SUCCESS, &request.id.0);
    if request.id.is_classic() {
        address(&mut writer, attribute::MAPPED_ADDRESS, Some(facts.mapped));
        address(&mut writer, attribute::SOURCE_ADDRESS, facts.origin);
        address(&mut writer, attribute::CHANGED_ADDRESS, facts.other);
        return end(writer, request);
    }
    writer.attribute(attribute::XOR_MAPPED_ADDRESS, &value::encode_xor_address(facts.mapped, &request.id.0));
    if request.tailnode && request.change.is_none() && request.response_port.is_none() {
        return writer.finish();
    }
    address(&mut writer, attribute::MAPPED_ADDRESS, Some(facts.mapped));
    address(&mut writer, attribute::RESPONSE_ORIGIN, facts.origin);
    address(&mut writer, attribute::OTHER_ADDRESS, facts.other);
    writer.attribute(attribute::SOFTWARE, facts.software.as_bytes());
    end(writer, request)
}

/// A success response as to all others, with an offer of help besides.
#[must_use]
pub fn encode_offer(request: &Request, facts: &AnswerFacts<'_>, offer: &FilterHelp) -> Vec<u8> {
    let mut writer = Writer::new(BINDING_SUCCESS, &request.id.0);
    writer.attribute(attribute::XOR_MAPPED_ADDRESS, &value::encode_xor_address(facts.mapped, &request.id.0));
    address(&mut writer, attribute::MAPPED_ADDRESS, Some(facts.mapped));
    address(&mut writer, attribute::RESPONSE_ORIGIN, facts.origin);
    address(&mut writer, attribute::OTHER_ADDRESS, facts.other);
    writer.attribute(attribute::SOFTWARE, facts.software.as_bytes());
    writer.attribute(attribute::HELP_OFFER, &help::encode_offer(offer));
    end(writer, request)
}

/// Error 420: the request has attributes the server would have to understand (RFC 8489 section 6.3.1).
#[must_use]
pub fn encode_unknown_attributes(request: &Request, unknown: &[u16]) -> Vec<u8> {
    let mut listed = unknown.to_vec();
    // RFC 3489 section 11.2.10 had no padding: an odd one is listed twice.
    if request.id.is_classic() && listed.len() % 2 == 1 {
        listed.extend(unknown.last());
    }
    let listed: Vec<u8> = listed.into_iter().flat_map(u16::to_be_bytes).collect();
    let mut writer = error(request, 420, "Unknown Attribute");
    writer.attribute(attribute::UNKNOWN_ATTRIBUTES, &listed);
    end(writer, request)
}

/// Error 400: the request contradicts itself.
#[must_use]
pub fn encode_bad_request(request: &Request) -> Vec<u8> {
    end(error(request, 400, "Bad Request"), request)
}

fn error(request: &Request, code: u16, reason: &str) -> Writer {
    let mut writer = Writer::new(BINDING_ERROR, &request.id.0);
    // RFC 3489 section 11.2.9 had no padding: there the reason itself is a multiple of four long.
    let width = if request.id.is_classic() { reason.len().next_multiple_of(4) } else { 0 };
    writer.attribute(attribute::ERROR_CODE, &value::encode_error_code(code, &format!("{reason:width$}")));
    writer
}

fn address(writer: &mut Writer, kind: u16, endpoint: Option<SocketAddr>) {
    if let Some(endpoint) = endpoint {
        writer.attribute(kind, &value::encode_address(endpoint));
    }
}

fn end(writer: Writer, request: &Request) -> Vec<u8> {
    match request.fingerprint {
        Fingerprint::Valid => writer.fingerprint(),
        Fingerprint::Absent => writer.finish(),
    }
}
