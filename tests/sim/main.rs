//! The simulated internet: checks run in virtual time against worlds of NATs, links, servers, resolvers and routers.
//!
//! **The law: a verdict equals the truth or is undetermined with a why; never wrong.** Worlds come from scenario files
//! (`tests/scenarios/*.toml`) and from seeds; a seed that breaks the law is printed as a scenario file that brings it
//! back exactly. `NATSCOPE_SIM_NETWORKS` says how many worlds are drawn, `NATSCOPE_SIM_SEED` where to begin.
//!
//! One assumption: where at least four independent servers exist, at most one of them lies about our endpoint in a way
//! that cannot be seen by itself; where fewer exist, none does. Without it no tester could conclude anything.
//!
//! What it does not do: real sockets (`tests/` of the driver), a real kernel's NAT (the NAT lab).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test that cannot go on must say so"
)]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "small numbers, made here"
)]

mod alternates;
mod classic;
mod exchange;
mod internet;
mod judge;
mod judge_findings;
mod judge_regions;
mod laws;
mod lifetime;
mod link;
mod nat;
mod netcheck;
mod obtainable;
mod plan;
mod random;
mod run;
mod scenarios;
mod simulator;
mod survey;
mod timing;
mod truth;
mod truth_nat;
mod world;
