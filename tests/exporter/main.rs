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

mod files;
mod program;
mod prometheus;
#[path = "../tools/mod.rs"]
mod tools;
