use thiserror::Error;

use super::FrameKind;

/// A frame that must end the connection, and the rule it breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{kind} of {length} bytes: {rule}")]
pub struct Violation {
    /// Its type.
    pub kind: FrameKind,
    /// Bytes of its body, as its header says.
    pub length: u32,
    /// What is wrong with it.
    pub rule: Rule,
}

/// The rules a frame may break.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Rule {
    /// Another frame has to come first.
    #[error("the first frame must be {wanted}")]
    First {
        /// The one wanted.
        wanted: FrameKind,
    },
    /// Too few bytes.
    #[error("it has at least {least}")]
    TooShort {
        /// The fewest.
        least: u32,
    },
    /// Too many bytes.
    #[error("it has at most {most}")]
    TooLong {
        /// The most.
        most: u32,
    },
    /// Not the one length it has.
    #[error("it has exactly {exactly}")]
    Length {
        /// The length.
        exactly: u32,
    },
    /// A relay's key without the magic before it.
    #[error("it does not begin with the magic bytes of DERP")]
    Magic,
    /// A greeting of the all-zero key, which nobody has.
    #[error("nobody has the all-zero key")]
    ZeroKey,
}
