use thiserror::Error;

/// Why a text is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// It does not begin with the prefix of its kind.
    #[error("a key of this kind begins with \"{prefix}\"")]
    Prefix {
        /// The prefix wanted.
        prefix: &'static str,
    },
    /// Not exactly 64 digits.
    #[error("{got} characters where a key has 64 hex digits")]
    Length {
        /// Characters found.
        got: usize,
    },
    /// A character that is no hex digit.
    #[error("character {position} of the 64 is no hex digit")]
    Digit {
        /// Its position, from 1.
        position: usize,
    },
}

/// The 32 bytes of 64 hex digits of either case after exactly this prefix.
pub(super) fn decode(prefix: &'static str, text: &str) -> Result<[u8; 32], KeyError> {
    let digits = text.strip_prefix(prefix).ok_or(KeyError::Prefix { prefix })?;
    let got = digits.chars().count();
    if got != 64 {
        return Err(KeyError::Length { got });
    }
    let mut bytes = [0; 32];
    for (index, digit) in digits.chars().enumerate() {
        let value = digit.to_digit(16).and_then(|value| u8::try_from(value).ok());
        let value = value.ok_or(KeyError::Digit { position: index + 1 })?;
        if let Some(byte) = bytes.get_mut(index / 2) {
            *byte = *byte << 4 | value;
        }
    }
    Ok(bytes)
}

/// 64 lower-case hex digits.
pub(super) fn encode(bytes: &[u8; 32]) -> String {
    let nibbles = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    nibbles.filter_map(|nibble| char::from_digit(nibble.into(), 16)).collect()
}
