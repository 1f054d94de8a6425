//! `natscope watch` in a terminal, as a person sees it: the built binary inside tmux, which says what is on the screen, and
//! sends keys. Nothing is sent beyond loopback.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "all of this is a test"
)]

#[path = "../tools/mod.rs"]
mod tools;

mod terminal;

mod changes;
mod lines;
mod looks;
mod politeness;
mod way_out;
