//! What to ask and what it means: pure functions and state machines without IO.
//!
//! A check never sees a socket, a byte, a clock or a word of prose. It is told observations and concludes from the
//! record of them, so the same record gives the same report, whatever order things arrived in.

pub mod classic;
pub mod doctor;
mod filtering;
mod hairpin;
mod independence;
pub mod lifetime;
pub mod map_lint;
mod mapping;
pub mod nat_servers;
pub mod netcheck;
pub mod ping;
mod ports;
pub mod predict;
pub mod stream;

pub use independence::Operator;
