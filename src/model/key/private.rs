use std::fmt;
use std::str::FromStr;

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::hex::{self, KeyError};

macro_rules! secret {
    ($(#[$about:meta])* $name:ident, $prefix:literal) => {
        $(#[$about])*
        ///
        /// Wiped from memory when dropped, never shown by `Debug`, compared in constant time.
        #[derive(Clone, Zeroize, ZeroizeOnDrop)]
        pub struct $name([u8; 32]);

        impl $name {
            /// The key of exactly these bytes, as stored or as sent.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// Its bytes: a secret.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }

            /// The text for a key file: a secret.
            #[must_use]
            pub fn to_secret_text(&self) -> String {
                format!("{}{}", $prefix, hex::encode(&self.0))
            }
        }

        impl FromStr for $name {
            type Err = KeyError;

            fn from_str(text: &str) -> Result<Self, KeyError> {
                hex::decode($prefix, text).map(Self)
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.0.ct_eq(&other.0).into()
            }
        }

        impl Eq for $name {}

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(secret)"))
            }
        }
    };
}

secret! {
    /// The private key of a node or a relay: `privkey:<64 hex>`.
    NodePrivate, "privkey:"
}

secret! {
    /// The private key of a node's disco packets. It has no text in common use; `privkey:` is read and written.
    DiscoPrivate, "privkey:"
}

secret! {
    /// What all relays of a mesh share: 64 bare hex digits.
    MeshKey, ""
}

impl NodePrivate {
    /// A new key of 32 random bytes.
    #[must_use]
    pub const fn generate(random: [u8; 32]) -> Self {
        Self(clamp(random))
    }
}

impl DiscoPrivate {
    /// A new key of 32 random bytes.
    #[must_use]
    pub const fn generate(random: [u8; 32]) -> Self {
        Self(clamp(random))
    }
}

/// The bits an X25519 private key has set and not set (RFC 7748 section 5), so that stored keys are the same in all
/// programs that read them.
const fn clamp(mut bytes: [u8; 32]) -> [u8; 32] {
    bytes[0] &= 0b1111_1000;
    bytes[31] = (bytes[31] & 0b0111_1111) | 0b0100_0000;
    bytes
}
