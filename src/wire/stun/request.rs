use stun_rs::attributes::discovery::{ChangeRequest as ChangeRequestAttribute, ChangeRequestFlags, ResponsePort};
use stun_rs::attributes::stun::{Fingerprint as FingerprintAttribute, Software};
use stun_rs::{MessageClass, MessageEncoderBuilder, StunMessageBuilder, methods};
use thiserror::Error;

use super::frame::{BINDING_REQUEST, Frame, HEADER, MAGIC_COOKIE};
use super::{DecodeError, Fault, Fingerprint, HelpWanted, Problem, TransactionId, attribute};

/// What Tailscale's clients call themselves in SOFTWARE; derper answers nobody else.
const TAILNODE: &str = "tailnode";

/// Which attributes a Binding request carries besides what it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RequestForm {
    /// SOFTWARE `tailnode` first and FINGERPRINT last: the only form derper answers; every RFC 8489 server does too.
    Tailnode,
    /// None (RFC 8489). A server of RFC 3489 answers it as well: to it the cookie is part of the id.
    Plain,
}

/// CHANGE-REQUEST (RFC 5780 section 7.2): from where the answer is to come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ChangeRequest {
    /// From the server's other IP address.
    pub ip: bool,
    /// From the server's other port.
    pub port: bool,
}

/// stun-rs refused to encode a message.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("cannot encode the STUN request: {0}")]
pub struct EncodeError(String);

/// A Binding request, ready to be sent.
pub fn encode_request(
    transaction: TransactionId,
    form: RequestForm,
    change: Option<ChangeRequest>,
) -> Result<Vec<u8>, EncodeError> {
    let mut message =
        StunMessageBuilder::new(methods::BINDING, MessageClass::Request).with_transaction_id(transaction.0.into());
    // Tailscale's in-kernel responder wants SOFTWARE first.
    if form == RequestForm::Tailnode {
        message = message.with_attribute(Software::new(TAILNODE).map_err(|error| EncodeError(error.to_string()))?);
    }
    if let Some(change) = change {
        message = message.with_attribute(change.attribute());
    }
    if form == RequestForm::Tailnode {
        message = message.with_attribute(FingerprintAttribute::default());
    }
    encode(message)
}

/// A Binding request with RESPONSE-PORT (RFC 5780 section 7.5): the answer is to go to that port of the address the
/// request comes from.
pub fn encode_response_port_request(transaction: TransactionId, port: u16) -> Result<Vec<u8>, EncodeError> {
    encode(
        StunMessageBuilder::new(methods::BINDING, MessageClass::Request)
            .with_transaction_id(transaction.0.into())
            .with_attribute(ResponsePort::from(port)),
    )
}

fn encode(message: StunMessageBuilder) -> Result<Vec<u8>, EncodeError> {
    let mut bytes = vec![0; LARGEST];
    let written = MessageEncoderBuilder::default()
        .build()
        .encode(&mut bytes, &message.build())
        .map_err(|error| EncodeError(error.to_string()))?;
    bytes.truncate(written);
    Ok(bytes)
}

/// Room for the largest request: header, SOFTWARE, CHANGE-REQUEST, FINGERPRINT.
const LARGEST: usize = HEADER + 12 + 8 + 8;

impl ChangeRequest {
    /// The attribute's type, as UNKNOWN-ATTRIBUTES of a refusal lists it.
    pub const TYPE: u16 = attribute::CHANGE_REQUEST;
    /// Both the other address and the other port.
    pub const BOTH: Self = Self { ip: true, port: true };

    fn attribute(self) -> ChangeRequestAttribute {
        use ChangeRequestFlags::{ChangeIp, ChangePort};
        ChangeRequestAttribute::new(match (self.ip, self.port) {
            (true, true) => Some(ChangeIp | ChangePort),
            (true, false) => Some(ChangeIp.into()),
            (false, true) => Some(ChangePort.into()),
            (false, false) => None,
        })
    }

    fn decode(value: &[u8]) -> Result<Self, DecodeError> {
        let [_, _, _, flags] = value else {
            return Err(malformed(attribute::CHANGE_REQUEST, value));
        };
        Ok(Self { ip: flags & 0x04 != 0, port: flags & 0x02 != 0 })
    }
}

/// The 16 bytes after type and length, which the answer repeats: cookie and transaction id, or the 128-bit id of
/// RFC 3489.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestId(pub [u8; 16]);

impl RequestId {
    /// Whether the request is of RFC 3489, without the cookie, and wants an answer in kind.
    #[must_use]
    pub fn is_classic(&self) -> bool {
        !self.0.starts_with(&MAGIC_COOKIE)
    }

    /// The transaction id behind the cookie; none in a request of RFC 3489.
    #[must_use]
    pub fn transaction(&self) -> Option<TransactionId> {
        let id = self.0.strip_prefix(&MAGIC_COOKIE)?;
        id.try_into().ok().map(TransactionId)
    }
}

/// A Binding request as a server reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What the answer repeats.
    pub id: RequestId,
    /// Whether it is in the form of Tailscale's clients, as derper demands it: some SOFTWARE is exactly `tailnode`
    /// and FINGERPRINT is there, valid and last.
    pub tailnode: bool,
    /// Whether it had FINGERPRINT.
    pub fingerprint: Fingerprint,
    /// From where the answer is to come.
    pub change: Option<ChangeRequest>,
    /// To which port of the sender's address the answer is to go (RFC 5780 section 7.5).
    pub response_port: Option<u16>,
    /// Help with the test of filters, which only relays of ours give.
    pub help: Option<HelpWanted>,
    /// Comprehension-required attributes a server of this kind does not support, in order, each once, at most
    /// [`Request::UNKNOWN_LIMIT`]. Not empty: the answer is error 420 (RFC 8489 section 6.3.1).
    pub unknown: Vec<u16>,
}

impl Request {
    /// How many unknown attributes are kept, so that the 420 that lists them is no longer than its request.
    pub const UNKNOWN_LIMIT: usize = 8;
}

/// Reads a Binding request of RFC 8489, RFC 5780 or RFC 3489. Anything that is not exactly one is an error, and is
/// not to be answered.
pub fn decode_request(datagram: &[u8]) -> Result<Request, DecodeError> {
    let frame = Frame::decode(datagram)?;
    if frame.kind != BINDING_REQUEST {
        return Err(DecodeError::OtherType { kind: frame.kind });
    }
    let mut request = Request {
        id: RequestId(*frame.id),
        tailnode: false,
        fingerprint: frame.fingerprint,
        change: None,
        response_port: None,
        help: None,
        unknown: Vec::new(),
    };
    let mut tailnode = false;
    let mut integrity = false;
    for found in frame.attributes() {
        let Ok(found) = found else { return Err(DecodeError::Malformed(Problem::Overrun)) };
        // Nothing after MESSAGE-INTEGRITY counts but FINGERPRINT, which the frame has seen to.
        if integrity {
            continue;
        }
        match found.kind {
            attribute::SOFTWARE => tailnode |= found.value == TAILNODE.as_bytes(),
            attribute::CHANGE_REQUEST if request.change.is_none() => {
                request.change = Some(ChangeRequest::decode(found.value)?);
            }
            attribute::RESPONSE_PORT if request.response_port.is_none() => {
                request.response_port = Some(decode_response_port(found.value)?);
            }
            attribute::HELP_WANTED if request.help.is_none() => request.help = HelpWanted::decode(found.value),
            attribute::MESSAGE_INTEGRITY | attribute::MESSAGE_INTEGRITY_SHA256 => integrity = true,
            kind if is_unsupported(kind) => note_unknown(&mut request.unknown, kind),
            _ => {}
        }
    }
    request.tailnode = tailnode && request.fingerprint == Fingerprint::Valid && !request.id.is_classic();
    Ok(request)
}

fn note_unknown(unknown: &mut Vec<u16>, kind: u16) {
    if unknown.len() < Request::UNKNOWN_LIMIT && !unknown.contains(&kind) {
        unknown.push(kind);
    }
}

/// PADDING is known to the reader of responses, but a server here does not pad its answers yet, and must say so.
const fn is_unsupported(kind: u16) -> bool {
    attribute::is_comprehension_required(kind) && (kind == attribute::PADDING || !attribute::is_known(kind))
}

/// A port in two bytes (RFC 5780 section 7.5); coturn's client sends two more, reserved ones.
fn decode_response_port(value: &[u8]) -> Result<u16, DecodeError> {
    match value {
        [p0, p1] | [p0, p1, _, _] => Ok(u16::from_be_bytes([*p0, *p1])),
        _ => Err(malformed(attribute::RESPONSE_PORT, value)),
    }
}

const fn malformed(kind: u16, value: &[u8]) -> DecodeError {
    DecodeError::Malformed(Problem::Unreadable { kind, fault: Fault::Length { bytes: value.len() } })
}
