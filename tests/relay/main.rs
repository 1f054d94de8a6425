//! The relay as its clients and its owner see it: in this process, and as the built program.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic is how a test fails"
)]
#![allow(
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::zombie_processes,
    reason = "a test that did not run says so, a long one what it saw; a failed one may leave a process"
)]
#![allow(dead_code, reason = "the tools are those of all tests")]

mod access;
#[cfg(target_os = "linux")]
mod acme;
mod browser;
#[cfg(target_os = "linux")]
mod faults;
mod herd;
mod hostile;
mod limits;
mod mesh;
#[cfg(unix)]
mod mesh_key;
mod metrics;
mod peer;
mod program;
mod proxies;
#[cfg(unix)]
mod supervised;
#[path = "../tools/mod.rs"]
mod tools;
mod traffic;

use std::net::SocketAddr;

use natscope::drive::relay::{Access, Relay, RelayHandle, RelayOptions};

/// A relay over plain HTTP on a free port of loopback.
fn options() -> RelayOptions {
    RelayOptions { http_addrs: vec!["127.0.0.1:0".parse().unwrap()], access: Access::Anyone, ..RelayOptions::default() }
}

fn start(options: RelayOptions) -> (RelayHandle, SocketAddr) {
    let relay = Relay::bind(options).unwrap();
    let address = relay.http_addrs()[0];
    (relay.spawn(), address)
}
