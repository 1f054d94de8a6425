//! Boxes as `NaCl` makes them (X25519, `HSalsa20`, `XSalsa20-Poly1305`): what relays' greetings and disco packets are sealed in.
//!
//! A box is tag and ciphertext; its nonce travels beside it. Nonces and private keys are handed in, never drawn here.

use crypto_box::aead::Aead;
use crypto_box::{PublicKey, SalsaBox, SecretKey};
use thiserror::Error;

use crate::model::{DiscoPrivate, DiscoPublic, NodePrivate, NodePublic};

/// Bytes of a nonce.
pub const NONCE_LENGTH: usize = 24;

/// Bytes a box is longer than what is in it.
pub const OVERHEAD: usize = 16;

/// A number used once: 24 random bytes, sent in the clear beside the box.
pub type Nonce = [u8; NONCE_LENGTH];

/// The public half of a node's or relay's key. An X25519 multiplication, some 50 µs.
#[must_use]
pub fn node_public(private: &NodePrivate) -> NodePublic {
    NodePublic::from_bytes(SecretKey::from(*private.as_bytes()).public_key().to_bytes())
}

/// The public half of a disco key.
#[must_use]
pub fn disco_public(private: &DiscoPrivate) -> DiscoPublic {
    DiscoPublic::from_bytes(SecretKey::from(*private.as_bytes()).public_key().to_bytes())
}

/// What two keys have in common: seals for, and opens from, one counterpart. Costs an X25519 multiplication to make
/// and little to use, so it is worth keeping.
pub struct SharedSecret(SalsaBox);

impl SharedSecret {
    /// Between a node and a relay. Refuses keys with which a box would be no secret.
    pub fn for_nodes(private: &NodePrivate, public: &NodePublic) -> Result<Self, WeakKey> {
        Self::new(private.as_bytes(), public.as_bytes())
    }

    /// Between two nodes' disco keys. Refuses keys with which a box would be no secret.
    pub fn for_disco(private: &DiscoPrivate, public: &DiscoPublic) -> Result<Self, WeakKey> {
        Self::new(private.as_bytes(), public.as_bytes())
    }

    fn new(private: &[u8; 32], public: &[u8; 32]) -> Result<Self, WeakKey> {
        if is_weak(public) {
            return Err(WeakKey);
        }
        Ok(Self(SalsaBox::new(&PublicKey::from(*public), &SecretKey::from(*private))))
    }

    /// The box with `plain` in it: [`OVERHEAD`] bytes longer. The nonce must not have been used with these keys before.
    #[must_use]
    pub fn seal(&self, nonce: &Nonce, plain: &[u8]) -> Vec<u8> {
        // The only failure is a plaintext of 256 GiB and more.
        self.0.encrypt(nonce.into(), plain).unwrap_or_default()
    }

    /// What is in a box, if it was sealed with these keys and this nonce and has not been touched.
    pub fn open(&self, nonce: &Nonce, sealed: &[u8]) -> Result<Vec<u8>, CannotOpen> {
        self.0.decrypt(nonce.into(), sealed).map_err(|_| CannotOpen)
    }
}

impl std::fmt::Debug for SharedSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SharedSecret(redacted)")
    }
}

/// A public key that leads to the same secret whatever the private key is: anybody could open the box.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the public key is of low order: a box made with it would be open to everybody")]
pub struct WeakKey;

/// A box not sealed with these keys and this nonce, or altered since.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the box does not open with these keys")]
pub struct CannotOpen;

/// The points of low order of Curve25519 and of its twist, with every way to write them in 255 bits: 0, 1, the two of
/// order 8, p − 1, p, p + 1, little-endian. The cryptography beneath takes them in silence.
const WEAK: [[u8; 32]; 7] = [
    [0; 32],
    with_ends(1, 0, 0),
    [
        0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09,
        0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00,
    ],
    [
        0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04, 0x44,
        0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57,
    ],
    with_ends(0xec, 0xff, 0x7f),
    with_ends(0xed, 0xff, 0x7f),
    with_ends(0xee, 0xff, 0x7f),
];

const fn with_ends(first: u8, middle: u8, last: u8) -> [u8; 32] {
    let mut bytes = [middle; 32];
    bytes[0] = first;
    bytes[31] = last;
    bytes
}

/// Whether a key is one of those. The highest bit of a key means nothing (RFC 7748 section 5).
fn is_weak(public: &[u8; 32]) -> bool {
    let mut masked = *public;
    if let Some(last) = masked.last_mut() {
        *last &= 127;
    }
    WEAK.contains(&masked)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The law of the list: whatever the private key, the box is the same. And so it is of no other key.
    #[test]
    fn every_weak_key_makes_the_same_box_for_everybody() {
        let sealed_by = |private: u8, public: [u8; 32]| {
            let secret = SalsaBox::new(&PublicKey::from(public), &SecretKey::from([private; 32]));
            SharedSecret(secret).seal(&[0; 24], b"secret")
        };
        for weak in WEAK {
            for high_bit in [0, 128] {
                let mut public = weak;
                public[31] |= high_bit;
                assert_eq!(sealed_by(1, public), sealed_by(77, public), "{public:02x?} is not weak");
                let node = NodePublic::from_bytes(public);
                assert_eq!(SharedSecret::for_nodes(&NodePrivate::from_bytes([1; 32]), &node).unwrap_err(), WeakKey);
            }
            let mut strong = weak;
            strong[0] ^= 2;
            strong[9] ^= 1;
            assert_ne!(sealed_by(1, strong), sealed_by(77, strong));
            assert!(!is_weak(&strong));
        }
    }

    #[test]
    fn a_box_opens_at_the_other_side_only_and_untouched_only() {
        let (alice, bob) = (NodePrivate::generate([5; 32]), NodePrivate::generate([6; 32]));
        let there = SharedSecret::for_nodes(&alice, &node_public(&bob)).unwrap();
        let here = SharedSecret::for_nodes(&bob, &node_public(&alice)).unwrap();
        let sealed = there.seal(&[7; 24], b"hello");
        assert_eq!(sealed.len(), 5 + OVERHEAD);
        assert_eq!(here.open(&[7; 24], &sealed).unwrap(), b"hello");
        assert_eq!(here.open(&[8; 24], &sealed), Err(CannotOpen));
        for index in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[index] ^= 1;
            assert_eq!(here.open(&[7; 24], &altered), Err(CannotOpen));
            assert_eq!(here.open(&[7; 24], &sealed[..index]), Err(CannotOpen));
        }
        assert_eq!(format!("{here:?}"), "SharedSecret(redacted)");
    }
}
