//! What JSON and YAML have in common: values that remember where they stand.

use std::borrow::Cow;
use std::fmt;

/// A value and its place in the text.
#[derive(Clone, Debug)]
pub(super) struct Node<'a> {
    pub(super) span: Span,
    pub(super) value: Value<'a>,
}

#[derive(Clone, Debug)]
pub(super) enum Value<'a> {
    Null,
    Bool(bool),
    /// As written. YAML's notations are already those of [`Value::integer`] and [`Value::float`].
    Number(Cow<'a, str>),
    String(Cow<'a, str>),
    Array(Vec<Node<'a>>),
    /// In the order of the text, duplicates included.
    Object(Vec<Member<'a>>),
}

#[derive(Clone, Debug)]
pub(super) struct Member<'a> {
    pub(super) key: Key<'a>,
    pub(super) value: Node<'a>,
}

#[derive(Clone, Debug)]
pub(super) struct Key<'a> {
    pub(super) span: Span,
    pub(super) text: Cow<'a, str>,
    /// YAML tells `900` from `"900"`; JSON keys are always strings.
    pub(super) quoted: bool,
}

/// Byte offsets of the first byte and the one after the last. Maps are far smaller than 4 GiB, see
/// [`MAX_MAP_BYTES`](super::MAX_MAP_BYTES).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    pub(super) start: u32,
    pub(super) end: u32,
}

impl Span {
    pub(super) fn new(start: usize, end: usize) -> Self {
        let narrow = |offset| u32::try_from(offset).unwrap_or(u32::MAX);
        Self { start: narrow(start), end: narrow(end) }
    }
}

impl<'a> Node<'a> {
    pub(super) fn members(&self) -> Option<&[Member<'a>]> {
        match &self.value {
            Value::Object(members) => Some(members),
            _ => None,
        }
    }

    /// What a copy of it costs: the values it is made of, itself included, and one more for every 64 bytes of text.
    pub(super) fn weight(&self) -> usize {
        const TEXT: usize = 64;
        1 + match &self.value {
            Value::Null | Value::Bool(_) => 0,
            Value::Number(text) | Value::String(text) => text.len() / TEXT,
            Value::Array(elements) => elements.iter().map(Self::weight).sum(),
            Value::Object(members) => {
                members.iter().map(|member| member.key.text.len() / TEXT + member.value.weight()).sum()
            }
        }
    }

    /// How many collections are inside each other: 0 for a scalar.
    pub(super) fn depth(&self) -> usize {
        match &self.value {
            Value::Array(elements) => 1 + elements.iter().map(Self::depth).max().unwrap_or(0),
            Value::Object(members) => 1 + members.iter().map(|member| member.value.depth()).max().unwrap_or(0),
            _ => 0,
        }
    }
}

/// What was found, for an error: `the string "3478"`, `an object`.
impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Number(text) => write!(f, "the number {}", shorten(text)),
            Self::String(text) => write!(f, "the string {:?}", shorten(text)),
            Self::Array(_) => f.write_str("a list"),
            Self::Object(_) => f.write_str("an object"),
        }
    }
}

/// The beginning of a text that may be megabytes long, without control characters.
pub(super) fn shorten(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut short: String = text.chars().take(LONGEST).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(LONGEST).is_some() {
        short.push('…');
    }
    short
}
