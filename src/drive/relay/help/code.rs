//! Codes that show who wrote something: HMAC-SHA-256 (RFC 2104), cut short.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// Makes codes, and knows its own again. Its state has taken the key in already.
#[derive(Clone)]
pub(super) struct Coder(Hmac<Sha256>);

impl Coder {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        // A key shorter than a block of the hash is filled up with zeros (RFC 2104 section 2).
        let mut block = [0; 64];
        block.iter_mut().zip(key).for_each(|(place, byte)| *place = *byte);
        Self(Hmac::new(&block.into()))
    }

    /// For one use of a key that has others: what is made for one is worth nothing in another.
    pub(super) fn derived(key: &[u8; 32], label: &[u8]) -> Self {
        Self::new(&Self::new(key).code(label))
    }

    pub(super) fn code<const N: usize>(&self, what: &[u8]) -> [u8; N] {
        let mut code = [0; N];
        let whole = self.0.clone().chain_update(what).finalize().into_bytes();
        code.iter_mut().zip(whole).for_each(|(place, byte)| *place = byte);
        code
    }

    /// Takes as long for a code that is nearly right as for any other one.
    pub(super) fn is_right<const N: usize>(&self, what: &[u8], code: &[u8; N]) -> bool {
        self.0.clone().chain_update(what).verify_truncated_left(code).is_ok()
    }
}

impl std::fmt::Debug for Coder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Coder(secret)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Test case 2 of RFC 4231, its key padded with zeros, which HMAC does anyway.
    #[test]
    fn codes_are_hmac_sha_256() {
        let mut key = [0; 32];
        key[..4].copy_from_slice(b"Jefe");
        let code: [u8; 8] = Coder::new(&key).code(b"what do ya want for nothing?");
        assert_eq!(code, [0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e]);
        assert!(Coder::new(&key).is_right(b"what do ya want for nothing?", &code));
        assert!(!Coder::new(&key).is_right(b"what do ya want for nothing!", &code));
        assert!(!Coder::derived(&key, b"a").is_right(b"what do ya want for nothing?", &code));
    }
}
