//! Finds inputs for `bodies/derp_server_session.rs`.
#![no_main]

#[path = "../bodies/derp_server_session.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|input: &[u8]| body::run(input));
