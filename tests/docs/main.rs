//! What the documents show of the program is what the program does.
//!
//! `docs/transcripts.md` is a recording of every command: the test runs each again and compares the two without what may
//! differ from run to run. After a change of what is printed: `NATSCOPE_REFRESH=1 cargo test --test docs`.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "all of this is a test"
)]

#[path = "../tools/mod.rs"]
mod tools;

mod chinese;
mod config;
mod links;
mod packaging;
mod plain;
mod snippets;
mod stage;
mod transcripts;
mod words;
