//! `natscope netcheck` and `natscope selftest` as a person or a script runs them: the built binary, its arguments,
//! streams, files and exit codes, against servers on loopback that are honest, broken or hostile.
//!
//! Nothing is sent beyond loopback: every map names loopback addresses only, and the router is never asked.

// All of 127.0.0.0/8 is local on Linux; each server has an address of its own here.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "all of this is a test"
)]

#[path = "../tools/mod.rs"]
mod tools;

mod program;
mod server;

mod bad_maps;
mod coturn;
mod hostile_https;
mod hostile_stun;
mod maps_over_http;
mod page;
mod predict;
mod saving;
mod selftest;
mod startup;
mod tailscale_json;
mod whole_run;
