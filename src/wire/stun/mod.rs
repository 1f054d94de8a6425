//! STUN Binding messages (RFC 8489, RFC 5780, and the RFC 3489 framing servers still meet): bytes ⇄ values.
//!
//! Decoding is for hostile input and for diagnosis: it never panics, allocates little, and reads attribute by
//! attribute, so that a malformed optional attribute is named as a [`Problem`] and does not spoil a good address.
//! What makes a datagram unusable as a whole (length, cookie, FINGERPRINT) is a [`DecodeError`]. Requests are built
//! by stun-rs; reading, and the server's answers, are our own, since stun-rs reads all or nothing and knows no
//! message without the magic cookie.
//!
//! This room draws no transaction ids, checks none, verifies no MESSAGE-INTEGRITY, and does not judge what a mapped
//! address means.

mod answer;
mod attribute;
mod frame;
mod help;
mod problem;
mod request;
mod response;
#[cfg(test)]
mod tests;
mod value;

pub use answer::{AnswerFacts, encode_bad_request, encode_offer, encode_success, encode_unknown_attributes};
pub use frame::DecodeError;
pub use help::{HelpWanted, encode_help, encode_help_request, encode_no_help};
pub use problem::{Fault, Problem};
pub use request::{
    ChangeRequest, EncodeError, Request, RequestForm, RequestId, decode_request, encode_request,
    encode_response_port_request,
};
pub use response::{Class, Response, decode_response};

/// The 96-bit transaction id of RFC 8489 section 5. Whoever makes one draws it from a cryptographic source of
/// randomness: it is all that keeps a stranger from answering in the server's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransactionId(pub [u8; 12]);

/// Whether a message carried FINGERPRINT (RFC 8489 section 14.7). A wrong one is a [`DecodeError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fingerprint {
    /// It had none.
    Absent,
    /// It had one, last and right.
    Valid,
}
