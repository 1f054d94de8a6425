//! A short run of the fuzz targets with any toolchain: every kept input, and changes of it.
//!
//! The targets are those of `fuzz/`, where libFuzzer finds new inputs by the paths they take. What it, or this, has found
//! is kept in `fuzz/seeds`. Here the changes are made from a number, so that a run can be repeated:
//!
//!     NATSCOPE_FUZZ_SEED=7 NATSCOPE_FUZZ_INPUTS=1000000 cargo test --release --test fuzz
//!
//! An input that fails is printed, and written where the message says.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "the inputs are ours, and a failure is one"
)]
#![allow(unreachable_pub, missing_docs, reason = "the targets are a fuzzer's as well")]
#![allow(clippy::disallowed_methods, reason = "it tells what takes too long")]

mod change;
mod kept;

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

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// Changed inputs for a target, unless `NATSCOPE_FUZZ_INPUTS` says otherwise.
const INPUTS: u64 = 6_000;
/// Of targets each input of which takes a key agreement, which takes long in builds without optimization.
const FEWER_INPUTS: u64 = 1_000;
/// No input may take longer, on however busy a machine.
const LONGEST: Duration = Duration::from_secs(10);

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

#[test]
#[should_panic(expected = "an input of short failed")]
fn a_failing_input_fails_the_run() {
    try_all_of("short", &[vec![0; 40]], INPUTS, |input| assert!(input.len() >= 30, "too short"));
}

#[test]
fn changes_are_the_same_for_the_same_seed_and_reach_far() {
    let seeds = vec![b"GET /derp HTTP/1.1\r\n\r\n".to_vec(), vec![0; 40]];
    let inputs = |seed| {
        (0..500).map(|_| ()).scan(fastrand::Rng::with_seed(seed), {
            let seeds = seeds.clone();
            move |rng, ()| Some(change::change(rng, &seeds))
        })
    };
    assert!(inputs(3).eq(inputs(3)));
    assert!(!inputs(3).eq(inputs(4)));
    let lengths: std::collections::BTreeSet<usize> = inputs(5).map(|input| input.len()).collect();
    assert!(lengths.len() > 20 && lengths.contains(&0), "{lengths:?}");
    assert!(inputs(6).all(|input| input.len() <= change::LONGEST));
}

fn try_all(target: &str, usual: u64, run: fn(&[u8])) {
    try_all_of(target, &kept::inputs(target), usual, run);
}

fn try_all_of(target: &str, seeds: &[Vec<u8>], usual: u64, run: fn(&[u8])) {
    assert!(!seeds.is_empty(), "no inputs are kept for {target}");
    let number = |name: &str, usual: u64| std::env::var(name).map_or(usual, |number| number.parse().expect(name));
    let (seed, count) = (number("NATSCOPE_FUZZ_SEED", 1), number("NATSCOPE_FUZZ_INPUTS", usual));
    let mut rng = fastrand::Rng::with_seed(seed);
    for input in seeds {
        try_one(target, input, seed, run);
    }
    for _ in 0..count {
        try_one(target, &change::change(&mut rng, seeds), seed, run);
    }
}

fn try_one(target: &str, input: &[u8], seed: u64, run: fn(&[u8])) {
    let began = Instant::now();
    let ended = catch_unwind(AssertUnwindSafe(|| run(input)));
    if ended.is_ok() && began.elapsed() < LONGEST {
        return;
    }
    let path = kept::write(target, input);
    panic!(
        "an input of {target} failed after {:?} (NATSCOPE_FUZZ_SEED={seed}); it is in {}: {}",
        began.elapsed(),
        path.display(),
        input.escape_ascii()
    );
}
