//! Codes that show who wrote something: HMAC-SHA-256 (RFC 2104), cut short.

use sha2::{Digest as _, Sha256};

const BLOCK: usize = 64;

/// Makes codes, and knows its own again. Both states have taken the key in already.
#[derive(Clone)]
pub(super) struct Coder {
    inner: Sha256,
    outer: Sha256,
}

impl Coder {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        let padded = |mask: u8| {
            let mut block = [mask; BLOCK];
            block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
            Sha256::new_with_prefix(block)
        };
        Self { inner: padded(0x36), outer: padded(0x5c) }
    }

    /// For one use of a key that has others: what is made for one is worth nothing in another.
    pub(super) fn derived(key: &[u8; 32], label: &[u8]) -> Self {
        Self::new(&Self::new(key).whole(label))
    }

    pub(super) fn code<const N: usize>(&self, what: &[u8]) -> [u8; N] {
        let mut code = [0; N];
        code.iter_mut().zip(self.whole(what)).for_each(|(place, byte)| *place = byte);
        code
    }

    /// Takes as long for a code that is nearly right as for any other one.
    pub(super) fn is_right<const N: usize>(&self, what: &[u8], code: &[u8; N]) -> bool {
        let differences = self.code::<N>(what).iter().zip(code).fold(0, |all, (one, other)| all | (one ^ other));
        std::hint::black_box(differences) == 0
    }

    fn whole(&self, what: &[u8]) -> [u8; 32] {
        let inner = self.inner.clone().chain_update(what).finalize();
        self.outer.clone().chain_update(inner).finalize().into()
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
