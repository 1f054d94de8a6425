//! Finds inputs for `bodies/derpmap.rs`.
#![no_main]

#[path = "../bodies/derpmap.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|input: &[u8]| body::run(input));
