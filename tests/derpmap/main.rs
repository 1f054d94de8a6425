//! DERP maps as people write them: every notation, every mistake with its place, and nothing that can hurt; and what
//! `natscope derpmap` and `natscope explain` make of them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../tools/mod.rs"]
mod tools;

mod errors;
mod hostile;
mod lint;
mod node;
mod notations;
mod round_trips;
mod strategy;
mod warnings;

use natscope::derpmap::{Decoded, MapError, decode, overlay};
use natscope::model::DerpMap;

pub(crate) const PUBLIC: &str = include_str!("../maps/public.json");
pub(crate) const POLICY: &str = include_str!("../maps/policy.hujson");
pub(crate) const HEADSCALE: &str = include_str!("../maps/headscale.yaml");
pub(crate) const HEADSCALE_CONFIG: &str = include_str!("../maps/headscale-config.yaml");

pub(crate) fn read(text: &str) -> Decoded {
    decode("m", text.as_bytes()).unwrap_or_else(|error| panic!("{error}"))
}

pub(crate) fn fail(text: &str) -> MapError {
    decode("m", text.as_bytes()).expect_err(text)
}

pub(crate) fn map_of(text: &str) -> DerpMap {
    overlay([read(text).layer])
}

/// Code, line, column and path of each warning.
pub(crate) fn codes(decoded: &Decoded) -> Vec<(&'static str, usize, usize, &str)> {
    decoded.warnings.iter().map(|w| (w.code, w.line, w.column, w.path.as_str())).collect()
}
