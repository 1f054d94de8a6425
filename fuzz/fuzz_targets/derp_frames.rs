//! Finds inputs for `bodies/derp_frames.rs`.
#![no_main]

#[path = "../bodies/derp_frames.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|input: &[u8]| body::run(input));
