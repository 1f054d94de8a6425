//! A short run of the fuzz targets with any toolchain: every kept input, and changes of it.
//!
//! The targets are those of `fuzz/`, where libFuzzer finds new inputs by the paths they take. What it, or this, has found
//! is kept in `fuzz/seeds`. Here the changes are made from a number, so that a run can be repeated:
//!
//!     NATSCOPE_FUZZ_SEED=7 NATSCOPE_FUZZ_INPUTS=1000000 cargo test --release --test fuzz
//!
//! An input fails that panics, overflows the stack, takes more memory than is there or does not end. It is printed, and
//! written where the message says; with a copy of it in `fuzz/seeds`, it alone is tried again by `NATSCOPE_FUZZ_INPUTS=0`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "the inputs are ours, and a failure is one"
)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the process that tries tells the one that waits")]
#![allow(unreachable_pub, missing_docs, reason = "the targets are a fuzzer's as well")]
#![allow(clippy::disallowed_methods, reason = "a session is told a time, and any will do")]

mod change;
mod harness;
mod kept;
mod trial;

#[path = "../../fuzz/bodies/derp_frames.rs"]
mod derp_frames;
#[path = "../../fuzz/bodies/derp_server_session.rs"]
mod derp_server_session;
#[path = "../../fuzz/bodies/derpmap.rs"]
mod derpmap;
#[path = "../../fuzz/bodies/disco.rs"]
mod disco;
#[path = "../../fuzz/bodies/doctor.rs"]
mod doctor;
#[path = "../../fuzz/bodies/stun.rs"]
mod stun;

use std::time::Duration;
use trial::{Trial, number, seed};

/// Changed inputs for a target, unless `NATSCOPE_FUZZ_INPUTS` says otherwise.
const INPUTS: u64 = 6_000;
/// Of targets each input of which takes a key agreement, which takes long in builds without optimization.
const FEWER_INPUTS: u64 = 1_000;
/// Generous, for machines that are busy.
const LONG: Duration = Duration::from_secs(5);

#[test]
fn derp_frames() {
    try_all("derp_frames", INPUTS, derp_frames::run);
}

#[test]
fn derp_server_session() {
    try_all("derp_server_session", FEWER_INPUTS, derp_server_session::run);
}

#[test]
fn derpmap() {
    try_all("derpmap", INPUTS, derpmap::run);
}

#[test]
fn disco() {
    try_all("disco", FEWER_INPUTS, disco::run);
}

#[test]
fn doctor() {
    try_all("doctor", INPUTS, doctor::run);
}

#[test]
fn stun() {
    try_all("stun", INPUTS, stun::run);
}

fn try_all(name: &'static str, usual: u64, run: fn(&[u8])) {
    let seeds = kept::inputs(name);
    assert!(!seeds.is_empty(), "no inputs are kept for {name}");
    let trial = Trial { name, seeds, count: number("NATSCOPE_FUZZ_INPUTS", usual), long: LONG, run };
    if let Err(failure) = trial.outcome() {
        let path = kept::write(name, &failure.input);
        panic!("an input failed, with NATSCOPE_FUZZ_SEED={}; it is in {}: {failure}", seed(), path.display());
    }
}
