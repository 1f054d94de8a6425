//! DERP's core against bytes it did not make: `vectors.json` holds frames, greetings, disco packets and dialogues that
//! were computed with other cryptography and replayed through Tailscale's own Go code.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic, reason = "a panic is how a test fails")]

mod decoder;
mod disco;
mod frames;
mod info;
mod packets;
mod sessions;
mod switchboard;
mod switchboard_model;
mod upgrade;
mod vectors;

use std::time::Instant;

/// Some moment to count from.
#[allow(clippy::disallowed_methods, reason = "the tests' only look at a clock; all else is arithmetic")]
fn start() -> Instant {
    Instant::now()
}
