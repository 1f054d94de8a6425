use thiserror::Error;

use super::{Fingerprint, Problem, attribute};

/// Type of a Binding request: method 1, class 0 (RFC 8489 section 5).
pub(super) const BINDING_REQUEST: u16 = 0x0001;
/// Type of a Binding success response.
pub(super) const BINDING_SUCCESS: u16 = 0x0101;
/// Type of a Binding error response.
pub(super) const BINDING_ERROR: u16 = 0x0111;

/// The magic cookie in the first four bytes of an RFC 8489 message's 16-byte id.
pub(super) const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];

/// Bytes of the header: type, length, cookie, transaction id.
pub(super) const HEADER: usize = 20;

/// Mask over the CRC-32 of FINGERPRINT, so that it differs from other protocols' CRCs (RFC 8489 section 14.7).
const FINGERPRINT_MASK: u32 = 0x5354_554e;

/// Why a datagram is no message of the kind asked for.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// Shorter than a STUN header.
    #[error("too short for STUN: {bytes} bytes")]
    TooShort {
        /// Bytes there are.
        bytes: usize,
    },
    /// The first two bits are not zero.
    #[error("not STUN")]
    NotStun,
    /// The magic cookie is missing.
    #[error("no STUN magic cookie")]
    NoCookie,
    /// The length in the header is no multiple of four.
    #[error("STUN length {declared} is no multiple of 4")]
    Misaligned {
        /// Length in the header.
        declared: usize,
    },
    /// The length in the header is more than there is.
    #[error("truncated: {declared} bytes of attributes announced, {present} present")]
    Truncated {
        /// Length in the header.
        declared: usize,
        /// Bytes after the header.
        present: usize,
    },
    /// There are bytes after the message.
    #[error("oversized: {declared} bytes of attributes announced, {present} present")]
    Oversized {
        /// Length in the header.
        declared: usize,
        /// Bytes after the header.
        present: usize,
    },
    /// STUN, but not the kind of message asked for (a Binding request, or a Binding response).
    #[error("unexpected STUN message type {kind:#06x}")]
    OtherType {
        /// The type in the header.
        kind: u16,
    },
    /// FINGERPRINT is wrong, or not the last attribute.
    #[error("wrong FINGERPRINT")]
    WrongFingerprint,
    /// A success response without a readable mapped address.
    #[error("no mapped address{}", first(.problems))]
    NoAddress {
        /// What is wrong with it.
        problems: Vec<Problem>,
    },
    /// A request with an attribute that cannot be read, where guessing would answer another question.
    #[error("malformed request: {0}")]
    Malformed(Problem),
}

fn first(problems: &[Problem]) -> String {
    problems.first().map(|problem| format!(" ({problem})")).unwrap_or_default()
}

/// A datagram that is one whole STUN message, its attributes not looked at yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame<'a> {
    pub(super) kind: u16,
    /// Cookie and transaction id; all of it the id in RFC 3489.
    pub(super) id: &'a [u8; 16],
    pub(super) fingerprint: Fingerprint,
    attributes: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Checks length and FINGERPRINT. The cookie is the caller's to check: a server answers requests without it.
    pub(super) fn decode(datagram: &'a [u8]) -> Result<Self, DecodeError> {
        let Some((header, attributes)) = datagram.split_first_chunk::<HEADER>() else {
            return Err(DecodeError::TooShort { bytes: datagram.len() });
        };
        let [k0, k1, l0, l1, id @ ..] = header;
        if k0 & 0xc0 != 0 {
            return Err(DecodeError::NotStun);
        }
        let declared = usize::from(u16::from_be_bytes([*l0, *l1]));
        let present = attributes.len();
        if declared > present {
            return Err(DecodeError::Truncated { declared, present });
        }
        if declared < present {
            return Err(DecodeError::Oversized { declared, present });
        }
        if !declared.is_multiple_of(4) {
            return Err(DecodeError::Misaligned { declared });
        }
        let fingerprint = check_fingerprint(datagram, attributes)?;
        Ok(Self { kind: u16::from_be_bytes([*k0, *k1]), id, fingerprint, attributes })
    }

    pub(super) fn has_cookie(&self) -> bool {
        self.id.starts_with(&MAGIC_COOKIE)
    }

    /// The attributes in order; the last item is an error when one runs past the end.
    pub(super) const fn attributes(&self) -> Attributes<'a> {
        Attributes { rest: self.attributes }
    }
}

/// An attribute as it stands in the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Attribute<'a> {
    pub(super) kind: u16,
    pub(super) value: &'a [u8],
}

/// See [`Frame::attributes`].
#[derive(Clone, Debug)]
pub(super) struct Attributes<'a> {
    rest: &'a [u8],
}

/// An attribute runs past the end of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Overrun;

impl<'a> Iterator for Attributes<'a> {
    type Item = Result<Attribute<'a>, Overrun>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let rest = std::mem::take(&mut self.rest);
        let Some(([k0, k1, l0, l1], rest)) = rest.split_first_chunk() else { return Some(Err(Overrun)) };
        let length = usize::from(u16::from_be_bytes([*l0, *l1]));
        let Some((value, rest)) = rest.split_at_checked(length) else { return Some(Err(Overrun)) };
        let padding = length.next_multiple_of(4) - length;
        // The message's length is a multiple of four, so the padding is there whenever the value is.
        self.rest = rest.get(padding..).unwrap_or_default();
        Some(Ok(Attribute { kind: u16::from_be_bytes([*k0, *k1]), value }))
    }
}

/// FINGERPRINT counts wherever it stands, and stands last in every honest message: one that is followed by more
/// attributes does not cover them, so such a message is rejected like one with a wrong CRC.
fn check_fingerprint(datagram: &[u8], attributes: &[u8]) -> Result<Fingerprint, DecodeError> {
    let mut walk = Attributes { rest: attributes };
    while let Some(Ok(found)) = walk.next() {
        if found.kind != attribute::FINGERPRINT {
            continue;
        }
        let covered = datagram.len() - walk.rest.len() - 8;
        let expected = fingerprint(datagram.get(..covered).unwrap_or_default()).to_be_bytes();
        return if walk.rest.is_empty() && found.value == expected.as_slice() {
            Ok(Fingerprint::Valid)
        } else {
            Err(DecodeError::WrongFingerprint)
        };
    }
    Ok(Fingerprint::Absent)
}

fn fingerprint(covered: &[u8]) -> u32 {
    crc32fast::hash(covered) ^ FINGERPRINT_MASK
}

/// Writes a message attribute by attribute. Values are ours and short; one that would not fit is left out whole,
/// so that what was written stays well-formed.
#[derive(Debug)]
pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub(super) fn new(kind: u16, id: &[u8; 16]) -> Self {
        // The largest answer of the server: IPv6 addresses in four attributes, SOFTWARE, FINGERPRINT.
        let mut bytes = Vec::with_capacity(160);
        bytes.extend_from_slice(&kind.to_be_bytes());
        bytes.extend_from_slice(&[0, 0]);
        bytes.extend_from_slice(id);
        Self(bytes)
    }

    pub(super) fn attribute(&mut self, kind: u16, value: &[u8]) {
        let padded = value.len().next_multiple_of(4);
        let Ok(length) = u16::try_from(value.len()) else { return };
        let Ok(total) = u16::try_from(self.0.len() - HEADER + 4 + padded) else { return };
        self.0.extend_from_slice(&kind.to_be_bytes());
        self.0.extend_from_slice(&length.to_be_bytes());
        self.0.extend_from_slice(value);
        self.0.resize(HEADER + usize::from(total), 0);
        if let Some(field) = self.0.get_mut(2..4) {
            field.copy_from_slice(&total.to_be_bytes());
        }
    }

    /// Ends the message with FINGERPRINT.
    pub(super) fn fingerprint(mut self) -> Vec<u8> {
        let covered = self.0.len();
        // The CRC covers a header whose length already counts FINGERPRINT, so it is written twice.
        self.attribute(attribute::FINGERPRINT, &[0; 4]);
        let value = fingerprint(self.0.get(..covered).unwrap_or_default()).to_be_bytes();
        if let Some(field) = self.0.get_mut(covered + 4..) {
            field.copy_from_slice(&value);
        }
        self.0
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.0
    }
}
