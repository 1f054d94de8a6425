//! The vectors, as values.

use std::sync::LazyLock;

use natscope::model::{DiscoPrivate, DiscoPublic, NodePrivate, NodePublic};
use serde_json::Value;

pub(crate) static VECTORS: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("vectors.json")).unwrap());

/// The entries of a list, which must be this many: a vector that is lost is a test that is lost.
pub(crate) fn list(name: &str, count: usize) -> &'static [Value] {
    let list = VECTORS[name].as_array().unwrap();
    assert_eq!(list.len(), count, "{name}");
    list
}

/// The entry of this name.
pub(crate) fn named<'a>(list: &'a [Value], name: &str) -> &'a Value {
    list.iter().find(|entry| entry["name"] == name).unwrap_or_else(|| panic!("no {name}"))
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

/// Bytes written as hex digits.
pub(crate) fn hex(value: &Value) -> Vec<u8> {
    let digits = text(value);
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

pub(crate) fn array<const N: usize>(value: &Value) -> [u8; N] {
    hex(value).try_into().unwrap()
}

pub(crate) fn key(value: &Value) -> NodePublic {
    NodePublic::from_hex(text(value)).unwrap()
}

pub(crate) fn private(who: &str) -> NodePrivate {
    NodePrivate::from_bytes(array(&VECTORS["keys"][who]["private_hex"]))
}

pub(crate) fn public(who: &str) -> NodePublic {
    key(&VECTORS["keys"][who]["public_hex"])
}

pub(crate) fn disco_private(who: &str) -> DiscoPrivate {
    DiscoPrivate::from_bytes(array(&VECTORS["keys"][who]["private_hex"]))
}

pub(crate) fn disco_public(who: &str) -> DiscoPublic {
    DiscoPublic::from_bytes(array(&VECTORS["keys"][who]["public_hex"]))
}
