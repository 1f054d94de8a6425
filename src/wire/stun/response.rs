use std::net::SocketAddr;

use super::frame::{Attribute, BINDING_ERROR, BINDING_SUCCESS, Frame};
use super::problem::Problems;
use super::{DecodeError, Fault, Fingerprint, Problem, TransactionId, attribute, help, value};
use crate::model::FilterHelp;

/// A Binding response. Addresses are unmapped (`::ffff:a.b.c.d` is IPv4); texts are fit for a terminal and bounded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// Whose request it answers.
    pub transaction: TransactionId,
    /// Success, or which error.
    pub class: Class,
    /// XOR-MAPPED-ADDRESS.
    pub xor_mapped: Option<SocketAddr>,
    /// XOR-MAPPED-ADDRESS under its old number 0x8020.
    pub xor_mapped_alternative: Option<SocketAddr>,
    /// MAPPED-ADDRESS.
    pub mapped: Option<SocketAddr>,
    /// OTHER-ADDRESS (RFC 5780), else CHANGED-ADDRESS of RFC 3489.
    pub other_address: Option<SocketAddr>,
    /// RESPONSE-ORIGIN (RFC 5780), else SOURCE-ADDRESS of RFC 3489.
    pub response_origin: Option<SocketAddr>,
    /// SOFTWARE.
    pub software: Option<String>,
    /// A relay's offer to help with the test of filters.
    pub help: Option<FilterHelp>,
    /// ALTERNATE-SERVER, where an error 300 sends the client.
    pub alternate_server: Option<SocketAddr>,
    /// Whether it had FINGERPRINT.
    pub fingerprint: Fingerprint,
    /// What was wrong with it without making it useless.
    pub problems: Vec<Problem>,
}

/// The class of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Class {
    /// It carries a mapped address.
    Success,
    /// The server refused.
    Error {
        /// 300 to 699; `None` when ERROR-CODE is missing or unreadable, which the problems then tell.
        code: Option<u16>,
        /// The server's words.
        reason: String,
        /// What UNKNOWN-ATTRIBUTES lists, beside error 420.
        unknown: Vec<u16>,
    },
}

impl Response {
    /// How many types of UNKNOWN-ATTRIBUTES are kept.
    const UNKNOWN_LIMIT: usize = 16;

    /// The client's endpoint as the server saw it: XOR-MAPPED-ADDRESS under either number, else MAPPED-ADDRESS.
    /// Always there in a success response.
    #[must_use]
    pub fn endpoint(&self) -> Option<SocketAddr> {
        self.xor_mapped.or(self.xor_mapped_alternative).or(self.mapped)
    }

    /// MAPPED-ADDRESS where it differs from XOR-MAPPED-ADDRESS: a middlebox rewrote it on the way.
    #[must_use]
    pub fn rewritten(&self) -> Option<SocketAddr> {
        self.mapped.filter(|&mapped| self.endpoint() != Some(mapped))
    }
}

/// Reads a Binding response: success or error. The caller compares the transaction id.
///
/// A datagram that is longer or shorter than its header says, has no cookie or a wrong FINGERPRINT, or is a success
/// without a readable address, is an error; anything else wrong with it stands in [`Response::problems`].
pub fn decode_response(datagram: &[u8]) -> Result<Response, DecodeError> {
    let frame = Frame::decode(datagram)?;
    if !frame.has_cookie() {
        return Err(DecodeError::NoCookie);
    }
    if frame.kind != BINDING_SUCCESS && frame.kind != BINDING_ERROR {
        return Err(DecodeError::OtherType { kind: frame.kind });
    }
    let mut reader = Reader::new(&frame);
    for found in frame.attributes() {
        match found {
            Ok(found) => reader.read(found),
            Err(_) => reader.problems.note(Problem::Overrun),
        }
    }
    reader.finish(&frame)
}

/// What was read so far.
struct Reader<'a> {
    id: &'a [u8; 16],
    xor_mapped: Option<SocketAddr>,
    xor_mapped_alternative: Option<SocketAddr>,
    mapped: Option<SocketAddr>,
    other_address: Option<SocketAddr>,
    changed_address: Option<SocketAddr>,
    response_origin: Option<SocketAddr>,
    source_address: Option<SocketAddr>,
    alternate_server: Option<SocketAddr>,
    software: Option<String>,
    help: Option<FilterHelp>,
    error: Option<(u16, String)>,
    unknown: Vec<u16>,
    integrity: bool,
    problems: Problems,
}

impl<'a> Reader<'a> {
    fn new(frame: &Frame<'a>) -> Self {
        Self {
            id: frame.id,
            xor_mapped: None,
            xor_mapped_alternative: None,
            mapped: None,
            other_address: None,
            changed_address: None,
            response_origin: None,
            source_address: None,
            alternate_server: None,
            software: None,
            help: None,
            error: None,
            unknown: Vec::new(),
            integrity: false,
            problems: Problems::default(),
        }
    }

    fn read(&mut self, found: Attribute<'_>) {
        let Attribute { kind, value } = found;
        if kind == attribute::FINGERPRINT {
            return;
        }
        if self.integrity && kind != attribute::MESSAGE_INTEGRITY_SHA256 {
            self.problems.note(Problem::AfterIntegrity { kind });
            return;
        }
        let plain = || value::decode_address(value);
        let problems = &mut self.problems;
        match kind {
            attribute::XOR_MAPPED_ADDRESS => {
                keep(&mut self.xor_mapped, kind, value::decode_xor_address(value, self.id), problems);
            }
            attribute::XOR_MAPPED_ADDRESS_ALTERNATIVE => {
                keep(&mut self.xor_mapped_alternative, kind, value::decode_xor_address(value, self.id), problems);
            }
            attribute::MAPPED_ADDRESS => keep(&mut self.mapped, kind, plain(), problems),
            attribute::OTHER_ADDRESS => keep(&mut self.other_address, kind, plain(), problems),
            attribute::CHANGED_ADDRESS => keep(&mut self.changed_address, kind, plain(), problems),
            attribute::RESPONSE_ORIGIN => keep(&mut self.response_origin, kind, plain(), problems),
            attribute::SOURCE_ADDRESS => keep(&mut self.source_address, kind, plain(), problems),
            attribute::ALTERNATE_SERVER => keep(&mut self.alternate_server, kind, plain(), problems),
            attribute::SOFTWARE => keep(&mut self.software, kind, Ok(value::decode_text(value)), problems),
            attribute::HELP_OFFER => keep(&mut self.help, kind, help::decode_offer(value), problems),
            attribute::ERROR_CODE => keep(&mut self.error, kind, value::decode_error_code(value), problems),
            attribute::UNKNOWN_ATTRIBUTES if self.unknown.is_empty() => {
                self.unknown = value::decode_unknown_attributes(value, Response::UNKNOWN_LIMIT);
            }
            attribute::MESSAGE_INTEGRITY | attribute::MESSAGE_INTEGRITY_SHA256 => self.integrity = true,
            _ if attribute::is_comprehension_required(kind) && !attribute::is_known(kind) => {
                problems.note(Problem::UnknownRequired { kind });
            }
            _ => {}
        }
    }

    fn finish(mut self, frame: &Frame<'_>) -> Result<Response, DecodeError> {
        let class = if frame.kind == BINDING_SUCCESS {
            if self.xor_mapped.or(self.xor_mapped_alternative).or(self.mapped).is_none() {
                return Err(DecodeError::NoAddress { problems: self.problems.into_vec() });
            }
            Class::Success
        } else {
            if self.error.is_none() {
                self.problems.note(Problem::NoErrorCode);
            }
            let (code, reason) = self.error.unzip();
            let reason = reason.unwrap_or_default();
            Class::Error { code, reason, unknown: self.unknown }
        };
        let [_, _, _, _, transaction @ ..] = *frame.id;
        Ok(Response {
            transaction: TransactionId(transaction),
            class,
            xor_mapped: self.xor_mapped,
            xor_mapped_alternative: self.xor_mapped_alternative,
            mapped: self.mapped,
            other_address: self.other_address.or(self.changed_address),
            response_origin: self.response_origin.or(self.source_address),
            software: self.software,
            help: self.help,
            alternate_server: self.alternate_server,
            fingerprint: frame.fingerprint,
            problems: self.problems.into_vec(),
        })
    }
}

/// Keeps the first readable value of an attribute (RFC 8489 section 14) and notes what is odd about the others.
fn keep<T: PartialEq>(place: &mut Option<T>, kind: u16, read: Result<T, Fault>, problems: &mut Problems) {
    match (read, &place) {
        (Ok(value), None) => *place = Some(value),
        (Ok(value), Some(first)) if value != *first => problems.note(Problem::Repeated { kind }),
        (Ok(_), Some(_)) => {}
        (Err(fault), _) => problems.note(Problem::Unreadable { kind, fault }),
    }
}
