//! Finds inputs for `bodies/doctor.rs`.
#![no_main]

#[path = "../bodies/doctor.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|input: &[u8]| body::run(input));
