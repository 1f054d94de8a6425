//! `natscope nat` as a person or a script runs it: the built binary, its arguments, streams, files and exit codes,
//! against embedded relays, coturn and Dante on loopback, and against coturn on a made-up internet in a namespace.
//!
//! Nothing is sent beyond loopback: servers are named by their addresses there, and the router is never asked. A
//! program that is not installed makes its test say NOT RUN; with `NATSCOPE_REQUIRE_TOOLS=1` that is a failure.

// All of 127.0.0.0/8 is local on Linux; each server has addresses of its own here.
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

mod arguments;
mod coturn;
mod lifetime;
mod proxy;
mod transport;
mod verdicts;
