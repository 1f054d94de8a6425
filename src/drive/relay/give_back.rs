//! Memory of clients that have left goes back to the system.
//!
//! glibc keeps what is freed as long as anything above it in the heap lives, and something does: after ten thousand clients
//! a relay would hold their memory until it ends. It gives everything back when told to, which takes it milliseconds and
//! the memory's next users a page fault each; so it is told when many have left and no more are leaving. Other C libraries
//! need not be told.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use super::service::Service;

/// How often clients are counted.
const EVERY: Duration = Duration::from_secs(5);

/// The memory of fewer is not worth the trouble.
const MANY: usize = 500;

/// Gives back again and again, until it is dropped.
pub(super) async fn watch(service: Arc<Service>) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut tide = Tide::default();
    loop {
        ticks.tick().await;
        if tide.has_ebbed(service.clients()) {
            // It only fails when the runtime is about to end.
            let _ = tokio::task::spawn_blocking(give_back).await;
        }
    }
}

/// How many clients there were.
#[derive(Debug, Default)]
struct Tide {
    /// The most since memory was given back.
    most: usize,
    last: usize,
}

impl Tide {
    /// Whether so many have left that their memory is worth something, and it is over.
    fn has_ebbed(&mut self, now: usize) -> bool {
        let falling = now < self.last;
        self.last = now;
        self.most = self.most.max(now);
        let ebbed = !falling && self.most - now >= MANY && now <= self.most / 2;
        if ebbed {
            self.most = now;
        }
        ebbed
    }
}

fn give_back() {
    #[allow(unsafe_code, reason = "no crate wraps it")]
    // SAFETY: it may be called at any time, by any thread, and touches nothing but what is free.
    unsafe {
        nix::libc::malloc_trim(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_given_back_when_many_have_left() {
        for (clients, wanted) in [
            (vec![0, 10_000, 10_000, 0, 0, 0], vec![4]),
            // Once, when the last of them has left, and again after a second time.
            (vec![2_000, 1_200, 700, 300, 300, 300, 900, 300, 300], vec![4, 8]),
            // Half of them stay.
            (vec![2_000, 1_001, 1_001, 1_001], vec![]),
            (vec![2_000, 1_000, 1_000, 1_000], vec![2]),
            (vec![900, 401, 401, 401], vec![]),
            // It goes on by ones.
            (vec![2_000, 400, 399, 398, 399], vec![4]),
        ] {
            let mut tide = Tide::default();
            let ebbed: Vec<_> =
                clients.iter().enumerate().filter(|(_, now)| tide.has_ebbed(**now)).map(|(at, _)| at).collect();
            assert_eq!(ebbed, wanted, "{clients:?}");
        }
    }

    #[test]
    fn what_is_free_is_given_back() {
        let resident = || -> usize {
            let status = std::fs::read_to_string("/proc/self/status").unwrap();
            let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
            line.trim().trim_end_matches(" kB").parse().unwrap()
        };
        // Small enough to be of the heap, with one at its end that stays.
        let many: Vec<Box<[u8; 4000]>> = (0..20_000).map(|_| Box::new([1; 4000])).collect();
        let last = Box::new([1; 4000]);
        let full = resident();
        drop(many);
        give_back();
        // Other tests of the process use some meanwhile.
        assert!(full - resident() > 40_000, "{full}, {} KiB", resident());
        drop(last);
    }
}
