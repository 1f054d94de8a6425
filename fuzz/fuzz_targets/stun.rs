//! Finds inputs for `bodies/stun.rs`.
#![no_main]

#[path = "../bodies/stun.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|input: &[u8]| body::run(input));
