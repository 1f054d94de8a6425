use sha2::{Digest, Sha256};

/// Random bytes out of one seed, which is handed in: a run with the same seed is the same run. Nobody who does not know
/// the seed can tell them from random ones.
#[derive(Clone)]
pub(super) struct Dice {
    seed: [u8; 32],
    drawn: u64,
}

impl Dice {
    pub(super) const fn new(seed: [u8; 32]) -> Self {
        Self { seed, drawn: 0 }
    }

    /// The next bytes, at most 32.
    pub(super) fn draw<const N: usize>(&mut self) -> [u8; N] {
        const { assert!(N <= 32, "one draw is one hash") };
        self.drawn += 1;
        let hash = Sha256::new().chain_update(self.seed).chain_update(self.drawn.to_be_bytes()).finalize();
        hash.first_chunk().copied().unwrap_or([0; N])
    }
}
