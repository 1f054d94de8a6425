use std::sync::atomic::{AtomicUsize, Ordering};

/// Memory all queues share.
///
/// A queue may grow as long as it holds no more than is free: whoever is alone may take half of all, ten who take all
/// they can leave an eleventh of it to whoever comes next, and nobody has to know how many they are (Choudhury and
/// Hahne, "Dynamic queue length thresholds for shared-memory packet switches", 1998).
#[derive(Debug)]
pub(super) struct Budget {
    total: usize,
    used: AtomicUsize,
}

impl Budget {
    pub(super) const fn new(total: usize) -> Self {
        Self { total, used: AtomicUsize::new(0) }
    }

    /// Whether a queue that holds `held` may take `more`. Asked before each packet; two who ask at once may both be
    /// told yes, so that the total is passed by a packet for each core at the most.
    pub(super) fn allows(&self, held: usize, more: usize) -> bool {
        self.would_allow(held, more, 0)
    }

    /// The same, if it gave back this much first.
    pub(super) fn would_allow(&self, held: usize, more: usize, given_back: usize) -> bool {
        let used = self.used().saturating_sub(given_back);
        held + more <= self.total.saturating_sub(used)
    }

    pub(super) fn charge(&self, bytes: usize) {
        self.used.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn release(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Bytes in use.
    pub(super) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }
}
