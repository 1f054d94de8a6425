//! `natscope doctor`, the built program, against real components: for each code a set-up that raises it and nothing else,
//! and set-ups in order, which raise nothing above a note.
//!
//! The table of them is kept in docs/doctor.md; `NATSCOPE_REFRESH=1 cargo test --test doctor` writes it anew.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::zombie_processes,
    reason = "a panic is how a test fails, and one that did not run says so"
)]
#![allow(dead_code, reason = "the tools are those of all tests")]

mod certificates;
mod faults;
mod healthy;
mod hostile;
mod namespace;
mod patient;
mod proxies;
mod rare;
mod servers;
mod table;
#[path = "../tools/mod.rs"]
mod tools;

use patient::Seen;
use std::future::Future;
use std::pin::Pin;

/// What comes of a set-up; `None`: it could not run, and said so.
type Run = Pin<Box<dyn Future<Output = Option<Seen>> + Send>>;

/// A set-up.
struct Setup {
    /// What it is, for the table.
    name: &'static str,
    /// What it raises that is a warning or worse.
    raises: &'static [&'static str],
    /// Codes of notes that are part of it; others may be there too.
    notes: &'static [&'static str],
    run: fn() -> Run,
}

const fn setup(
    name: &'static str,
    raises: &'static [&'static str],
    notes: &'static [&'static str],
    run: fn() -> Run,
) -> Setup {
    Setup { name, raises, notes, run }
}
