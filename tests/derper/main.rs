//! A relay of ours in one mesh with Tailscale's own.
//!
//!     go install tailscale.com/cmd/derper@latest
//!     NATSCOPE_DERPER=~/go/bin/derper cargo test --test derper
//!
//! Without a derper the trial is ignored and says NOT RUN.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::indexing_slicing,
    reason = "a test: plain output, panics are failures"
)]
#![allow(dead_code, unreachable_pub, reason = "modules of other tests")]

#[cfg(target_os = "linux")]
#[path = "../relay/faults/door.rs"]
mod door;
#[cfg(target_os = "linux")]
mod mesh;
#[cfg(target_os = "linux")]
#[path = "../relay/peer.rs"]
mod peer;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    use libtest_mimic::{Arguments, Completion, Trial};

    let trial = Trial::ignorable_test("a_mesh_with_tailscales_derper", || {
        let Some(derper) = std::env::var_os("NATSCOPE_DERPER") else {
            return Ok(Completion::ignored_with(
                "NOT RUN: NATSCOPE_DERPER is not set to the path of Tailscale's derper",
            ));
        };
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(mesh::a_mesh_with_tailscales_derper(derper.as_ref()));
        Ok(Completion::Completed)
    });
    libtest_mimic::run(&Arguments::from_args(), vec![trial]).exit_code()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("NOT RUN: the test of a mesh with derper is for Linux");
}
