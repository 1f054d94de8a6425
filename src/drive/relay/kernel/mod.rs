//! STUN in the kernel: Tailscale's requests are answered where packets come in, by a program that the kernel checks and
//! runs there (BPF, at tc's ingress hook), and everything else goes its usual way to the sockets.
//!
//! What an answer costs is mostly its way through the system, up to a socket and down again, and this one takes neither.
//! The program is gone when its links are, and those when the process is, however it ends. Firewall rules do not see what
//! it answers: whoever wants it asks for it, interface by interface.

// Systems that the loader knows, and that have the byte order the program is written for.
#[cfg(all(
    target_os = "linux",
    target_endian = "little",
    any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "arm", target_arch = "riscv64")
))]
mod bpf;
#[cfg(not(all(
    target_os = "linux",
    target_endian = "little",
    any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "arm", target_arch = "riscv64")
)))]
#[path = "nowhere.rs"]
mod bpf;

pub(super) use bpf::Kernel;

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

use super::metrics::Tally;

/// How often answers are counted with the others, and how often it is looked whether this host's addresses and interfaces
/// are still the same. Until then new ones are answered from the sockets.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Has the program answer, from when this returns until what is returned is dropped; `ended` is dropped when it no longer
/// does. In a thread of its own: the kernel may take its time over interfaces.
pub(super) fn keep<E: Send + 'static>(
    mut kernel: Kernel,
    tally: Arc<Tally>,
    ended: E,
) -> io::Result<Sender<Infallible>> {
    let (wake, woken) = channel();
    kernel.look();
    std::thread::Builder::new().name("stun-kernel".to_owned()).spawn(move || {
        while woken.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
            // What is no longer answered for has been counted.
            kernel.count(&tally.stun);
            kernel.look();
        }
        kernel.count(&tally.stun);
        drop(kernel);
        drop(ended);
    })?;
    Ok(wake)
}
