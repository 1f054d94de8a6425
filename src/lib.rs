//! natscope tells a person why two machines can or cannot talk directly, and what to do about it.
//!
//! Everything between the arguments and standard output is a function from data to data, except one room,
//! [`drive`], which owns sockets, the clock and randomness: a *check* asks for **probes**; the network, or a
//! simulator, answers with **observations**; pure functions turn those into **verdicts** in a **report**;
//! renderers turn the report into text. `tests/architecture` guards which room may know which.

pub mod check;
pub mod cli;
pub mod cmd;
pub mod derp;
pub mod derpmap;
pub mod drive;
pub mod model;
pub mod probe;
pub mod render;
pub mod report;
pub mod wire;
