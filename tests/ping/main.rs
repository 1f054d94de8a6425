//! `natscope listen` and `natscope ping` through `natscope relay`: the built program in every part. Loopback only.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::zombie_processes,
    reason = "all of this is a test"
)]

#[path = "../tools/mod.rs"]
mod tools;

mod direct;
mod hostile;
mod program;
mod relayed;
mod tls;
