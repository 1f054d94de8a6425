//! STUN in the kernel: Tailscale's requests are answered where packets come in, by a program that the kernel checks and
//! runs there (BPF, at tc's ingress hook), and everything else goes its usual way to the sockets.
//!
//! What an answer costs is mostly its way through the system, up to a socket and down again, and this one takes neither.
//! The program is gone when its links are, and those when the process is, however it ends. Firewall rules do not see what
//! it answers: whoever wants it asks for it, interface by interface.

mod endpoints;

#[cfg(all(target_os = "linux", target_endian = "little"))]
mod attached;
#[cfg(all(target_os = "linux", target_endian = "little"))]
mod code;
#[cfg(all(target_os = "linux", target_endian = "little"))]
mod elf;
#[cfg(not(all(target_os = "linux", target_endian = "little")))]
mod nowhere;
#[cfg(all(target_os = "linux", target_endian = "little"))]
mod program;

use std::sync::Arc;
use std::time::Duration;

#[cfg(all(target_os = "linux", target_endian = "little"))]
pub(super) use attached::Kernel;
pub(super) use endpoints::Bound;
#[cfg(not(all(target_os = "linux", target_endian = "little")))]
pub(super) use nowhere::Kernel;

use super::metrics::Tally;

/// How often answers are counted with the others, and how often it is looked whether this host's addresses and interfaces
/// are still the same. Until then new ones are answered from the sockets.
const COUNT_EVERY: Duration = Duration::from_secs(1);
const LOOKS_EVERY: u32 = 5;

/// Has the program answer until it is dropped.
pub(super) async fn keep(mut kernel: Kernel, tally: Arc<Tally>) {
    let mut ticks = tokio::time::interval(COUNT_EVERY);
    for tick in (0..LOOKS_EVERY).cycle() {
        ticks.tick().await;
        if tick == 0 {
            kernel.look();
        }
        kernel.count(&tally.stun);
    }
}
