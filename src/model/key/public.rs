use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::hex::{self, KeyError};

macro_rules! public_key {
    ($(#[$about:meta])* $name:ident, $prefix:literal) => {
        $(#[$about])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 32]);

        impl $name {
            #[doc = concat!("What its text begins with: `", $prefix, "`.")]
            pub const PREFIX: &'static str = $prefix;

            /// The key of these bytes. All-zero bytes are taken: see [`is_zero`](Self::is_zero).
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// Its bytes, as on the wire.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }

            /// Whether it is the all-zero key, which nobody has and no box may be made for.
            #[must_use]
            pub fn is_zero(&self) -> bool {
                self.0 == [0; 32]
            }

            /// The bare 64 lower-case hex digits, as in HTTP headers and certificates.
            #[must_use]
            pub fn to_hex(&self) -> String {
                hex::encode(&self.0)
            }

            /// A key of 64 bare hex digits of either case.
            pub fn from_hex(digits: &str) -> Result<Self, KeyError> {
                hex::decode("", digits).map(Self)
            }

            /// The form for logs and tables: five characters of base64 in brackets, empty for the zero key. Too
            /// short to name anybody for sure.
            #[must_use]
            pub fn short(&self) -> String {
                short(&self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}{}", $prefix, hex::encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = KeyError;

            fn from_str(text: &str) -> Result<Self, KeyError> {
                hex::decode($prefix, text).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

public_key! {
    /// The public key that names a node to a relay, or a relay to its clients: `nodekey:<64 hex>`.
    NodePublic, "nodekey:"
}

public_key! {
    /// The public key that names a node in disco packets: `discokey:<64 hex>`.
    DiscoPublic, "discokey:"
}

/// Base64 characters of a short form: few enough for a table, enough to tell a handful of keys apart.
const SHORT_LENGTH: usize = 5;

fn short(bytes: &[u8; 32]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if *bytes == [0; 32] {
        return String::new();
    }
    let first = bytes.first_chunk::<4>().map_or(0, |first| u32::from_be_bytes(*first));
    let sextets = (0..SHORT_LENGTH).map(|index| (first >> (26 - 6 * index)) & 63);
    let characters = sextets.filter_map(|sextet| ALPHABET.get(sextet as usize).copied().map(char::from));
    std::iter::once('[').chain(characters).chain([']']).collect()
}
