use std::fmt;

use super::attribute;

/// Something wrong with a message that did not make it useless.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Problem {
    /// An attribute could not be read and was left out.
    Unreadable {
        /// Its type.
        kind: u16,
        /// What is wrong with it.
        fault: Fault,
    },
    /// An attribute's length points past the end of the message; it and what follows were left out.
    Overrun,
    /// An attribute came again with another value; the first one counts (RFC 8489 section 14).
    Repeated {
        /// Its type.
        kind: u16,
    },
    /// An attribute follows MESSAGE-INTEGRITY, where none but FINGERPRINT counts (RFC 8489 section 14.5).
    AfterIntegrity {
        /// Its type.
        kind: u16,
    },
    /// An attribute the receiver must understand and we do not. A strict client (RFC 8489 section 6.3.3) would drop
    /// the response.
    UnknownRequired {
        /// Its type.
        kind: u16,
    },
    /// An error response whose ERROR-CODE is missing or unreadable.
    NoErrorCode,
    /// There were more problems than are kept.
    More,
}

/// What is wrong with an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// Its length does not fit its type.
    Length {
        /// The length in bytes.
        bytes: usize,
    },
    /// Its address family is neither IPv4 (1) nor IPv6 (2).
    Family {
        /// The family in its place.
        family: u8,
    },
    /// Its error code is not within 300 to 699.
    ErrorCode {
        /// Class byte and number byte.
        class: u8,
        /// See `class`.
        number: u8,
    },
}

/// A list of problems that a hostile message cannot make long.
#[derive(Debug, Default)]
pub(super) struct Problems(Vec<Problem>);

impl Problems {
    /// A message has about a dozen attributes; what is wrong beyond that says nothing new.
    const LIMIT: usize = 16;

    pub(super) fn note(&mut self, problem: Problem) {
        match self.0.len() {
            count if count < Self::LIMIT => self.0.push(problem),
            Self::LIMIT => self.0.push(Problem::More),
            _ => {}
        }
    }

    pub(super) fn into_vec(self) -> Vec<Problem> {
        self.0
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Unreadable { kind, fault } => write!(f, "{}: {fault}", Name(kind)),
            Self::Overrun => f.write_str("an attribute runs past the end of the message"),
            Self::Repeated { kind } => write!(f, "{} repeated with another value", Name(kind)),
            Self::AfterIntegrity { kind } => write!(f, "{} after MESSAGE-INTEGRITY ignored", Name(kind)),
            Self::UnknownRequired { kind } => write!(f, "unknown comprehension-required {}", Name(kind)),
            Self::NoErrorCode => f.write_str("error response without a readable ERROR-CODE"),
            Self::More => f.write_str("more problems left out"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Length { bytes } => write!(f, "length {bytes} does not fit"),
            Self::Family { family } => write!(f, "unknown address family {family}"),
            Self::ErrorCode { class, number } => write!(f, "class {class}, number {number} is no error code"),
        }
    }
}

struct Name(u16);

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match attribute::name(self.0) {
            Some(name) => f.write_str(name),
            None => write!(f, "attribute {:#06x}", self.0),
        }
    }
}
