//! `natscope exporter` as it is run, and as a real Prometheus sees it.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a panic is how a test fails"
)]
#![allow(
    clippy::zombie_processes,
    clippy::float_cmp,
    clippy::format_collect,
    clippy::assigning_clones,
    reason = "a failed test may leave a process; what is compared is whole numbers, and short"
)]

mod files;
mod program;
mod prometheus;
#[path = "../tools/mod.rs"]
mod tools;
