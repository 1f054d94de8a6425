//! The NAT lab: the built binary behind the real kernel's NAT, in network namespaces of its own.
//!
//! A scenario is a TOML file in `scenarios/`: the network, what is true of it, and what natscope must say about it.
//! Each gives two trials: `lab::NAME` proves with an independent probe that the network is what the file says, and
//! `natscope::NAME` runs the binary in it. Everything happens inside namespaces that this process makes and that
//! end with it, killed or not: nothing outside is changed, and there is nothing to sweep. Where they cannot be made
//! the trials do not run, say so, and fail if `NATSCOPE_REQUIRE_LAB` is set to 1.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::format_collect,
    clippy::struct_excessive_bools,
    missing_docs,
    unreachable_pub,
    reason = "a test and its servers: real clocks, plain output, panics are failures"
)]

#[cfg(target_os = "linux")]
mod beside;
#[cfg(target_os = "linux")]
mod conclusions;
#[cfg(target_os = "linux")]
mod daemons;
#[cfg(target_os = "linux")]
mod dice;
#[cfg(target_os = "linux")]
mod enclosure;
#[cfg(target_os = "linux")]
mod helped;
#[cfg(target_os = "linux")]
mod housemate;
#[cfg(target_os = "linux")]
mod lab;
#[cfg(target_os = "linux")]
mod links;
#[cfg(target_os = "linux")]
mod map;
#[cfg(target_os = "linux")]
mod pairs;
#[cfg(target_os = "linux")]
mod plan;
#[cfg(target_os = "linux")]
mod probe;
#[cfg(target_os = "linux")]
mod rules;
#[cfg(target_os = "linux")]
mod runs;
#[cfg(target_os = "linux")]
mod scenario;
#[cfg(target_os = "linux")]
mod server;
#[cfg(target_os = "linux")]
mod stun;
#[cfg(target_os = "linux")]
mod trials;
#[cfg(target_os = "linux")]
mod truth;
#[cfg(target_os = "linux")]
mod verdicts;
#[cfg(target_os = "linux")]
mod wire;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    match std::env::var("NATLAB_ROLE").as_deref() {
        Ok("serve") => server::serve(),
        Ok("wire") => wire::run(),
        Ok("housemate") => housemate::run(),
        Ok("probe") => probe::run(),
        Ok("enclosed") => return trials::run(enclosure::furnish()),
        _ => return enclosure::enter(),
    }
    std::process::ExitCode::SUCCESS
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("NOT RUN: the NAT lab needs Linux network namespaces");
    assert!(std::env::var("NATSCOPE_REQUIRE_LAB").as_deref() != Ok("1"), "NATSCOPE_REQUIRE_LAB is set");
}
