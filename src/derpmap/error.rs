use std::fmt;

use thiserror::Error;

use super::source::{Source, drawn};
use super::tree::Span;
use super::{MAX_MAP_BYTES, MAX_NODES, json, yaml};
use crate::model::{Excerpt, Place};

/// A text is not a DERP map: where, what was found and what should be there.
///
/// `Display` is `file:line:column: path: problem`, then the line with carets under the place, without colours.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct MapError {
    /// The name the text goes by.
    pub file: Box<str>,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// Which value, as `Regions.901.Nodes[0].STUNPort`. Empty when the text as a whole is wrong.
    pub path: Box<str>,
    /// What is wrong.
    pub problem: Problem,
    /// The line the place is in; `None` when no line can be shown.
    pub excerpt: Option<Box<Excerpt>>,
}

/// What is wrong with a text that is not a DERP map.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Problem {
    /// Longer than [`MAX_MAP_BYTES`].
    #[error("too large: {bytes} bytes, and a map has at most {MAX_MAP_BYTES}")]
    TooLarge {
        /// Its length.
        bytes: usize,
    },
    /// Nothing in it but white space.
    #[error("it is empty")]
    Empty,
    /// Not text.
    #[error("not text but {looks_like}")]
    Binary {
        /// What its first bytes say.
        looks_like: &'static str,
    },
    /// A web page.
    #[error("it looks like an HTML page, not a DERP map: is the URL right, and does it need a login?")]
    Html,
    /// Bytes that are no characters.
    #[error("not UTF-8 text: save the file as UTF-8")]
    NotUtf8,
    /// Not the notation it began as.
    #[error("expected {expected}, found {found}")]
    Syntax {
        /// What could stand there.
        expected: String,
        /// What does.
        found: String,
    },
    /// Not YAML.
    #[error("not valid YAML: {said}")]
    Yaml {
        /// What the parser says.
        said: String,
    },
    /// Nested deeper than any map.
    #[error("nested more than {} levels deep", json::MAX_DEPTH)]
    TooDeep,
    /// More values than any map has; YAML aliases count as what they stand for.
    #[error("more than {} values", yaml::MAX_VALUES)]
    TooManyValues,
    /// More than [`MAX_NODES`] regions, or nodes in all regions together.
    #[error("more than {MAX_NODES} {what}: no run could ask them all. Make a map of those that matter")]
    TooMany {
        /// Regions or nodes.
        what: &'static str,
    },
    /// A value of another type or outside its range.
    #[error("expected {expected}, found {found}")]
    Value {
        /// What should be there.
        expected: &'static str,
        /// What is.
        found: String,
    },
    /// The key of a region is not its number.
    #[error("a region's key is its number, from 1 to 9007199254740991; found {found}")]
    RegionKey {
        /// The key.
        found: String,
    },
    /// YAML forbids what JSON shrugs at.
    #[error("the key `{key}` is here for the second time; the first is on line {first_line}")]
    DuplicateKey {
        /// The key.
        key: String,
        /// Where the first one is.
        first_line: usize,
    },
    /// No map in it. `looks_like` says what it seems to be.
    #[error("no DERP map in it: {looks_like}")]
    NoMap {
        /// What was found instead.
        looks_like: NotAMap,
    },
}

/// What a well-formed text that holds no map seems to be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotAMap {
    /// A Headscale `config.yaml`: it says where maps are.
    HeadscaleConfig {
        /// `derp.urls`.
        urls: Vec<String>,
        /// `derp.paths`.
        paths: Vec<String>,
        /// `derp.server.enabled`.
        has_embedded_relay: bool,
    },
    /// A Tailscale policy without `derpMap`.
    Policy,
    /// What stands inside `Regions`, without `Regions` around it.
    BareRegions,
    /// One region.
    BareRegion,
    /// One node.
    BareNode,
    /// An object with other keys.
    OtherObject {
        /// The first few of its keys.
        keys: Vec<String>,
    },
    /// No object at all.
    NotAnObject {
        /// What it is.
        found: String,
    },
}

impl MapError {
    pub(super) fn new(source: Source<'_>, span: Span, path: String, problem: Problem) -> Self {
        let position = source.position(span.start);
        Self {
            file: source.name.into(),
            line: position.line,
            column: position.column,
            path: path.into(),
            problem,
            excerpt: Some(Box::new(source.excerpt(span))),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn place(&self) -> Place {
        let excerpt = self.excerpt.as_deref().cloned();
        Place { file: self.file.to_string(), line: self.line, column: self.column, excerpt }
    }

    /// An error about the text as a whole, of which nothing is worth showing.
    pub(super) fn whole(file: &str, problem: Problem) -> Self {
        Self { file: file.into(), line: 1, column: 1, path: "".into(), problem, excerpt: None }
    }
}

impl fmt::Display for MapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: ", self.file, self.line, self.column)?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        write!(f, "{}", self.problem)?;
        if let Some(excerpt) = &self.excerpt {
            write!(f, "\n{}", drawn(excerpt, self.line))?;
        }
        Ok(())
    }
}

impl fmt::Display for NotAMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HeadscaleConfig { urls, paths, has_embedded_relay } => {
                f.write_str("it is Headscale's configuration, which only says where its maps are")?;
                for (index, place) in urls.iter().chain(paths).enumerate() {
                    f.write_str(if index == 0 { "; give instead: " } else { ", " })?;
                    f.write_str(place)?;
                }
                if *has_embedded_relay {
                    f.write_str("; the relay inside Headscale is in no file: name it by its URL")?;
                }
                Ok(())
            }
            Self::Policy => f.write_str("it is a Tailscale policy without a \"derpMap\" section"),
            Self::BareRegions => f.write_str("these are regions without {\"Regions\": …} around them"),
            Self::BareRegion => {
                f.write_str("this is one region; a map is {\"Regions\": {\"900\": …}} with the region inside")
            }
            Self::BareNode => f.write_str(
                "this is one node; a map is {\"Regions\": {\"900\": {\"RegionID\": 900, \"Nodes\": […]}}} with the node inside",
            ),
            Self::OtherObject { keys } if keys.is_empty() => f.write_str("the object is empty"),
            Self::OtherObject { keys } => write!(f, "there is no \"Regions\" among its keys ({})", keys.join(", ")),
            Self::NotAnObject { found } => write!(f, "a map is an object with \"Regions\" in it, this is {found}"),
        }
    }
}
