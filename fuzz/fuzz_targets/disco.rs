//! Finds inputs for `bodies/disco.rs`.
#![no_main]

#[path = "../bodies/disco.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|input: &[u8]| body::run(input));
