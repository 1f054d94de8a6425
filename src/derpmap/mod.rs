//! DERP maps: text into [`MapLayer`]s, layers into a [`DerpMap`](crate::model::DerpMap), and maps into text.
//!
//! Three notations are told apart by content: Tailscale's DERPMap JSON, the `derpMap` section of a Tailscale policy
//! (HuJSON), and the YAML maps of Headscale. Each is read as the Go program it is written for reads it, with what
//! that program ignores silently turned into a [`MapWarning`] that has a line and a column. No region and no node
//! is lost without one. Hostile text costs bounded time and memory and never panics.
//!
//! It opens no files and fetches nothing, and it does not lint: a map that works is not criticised here, only the
//! places of its parts are told to whoever does.

mod encode;
mod encode_yaml;
mod error;
mod fields;
mod json;
mod json_text;
mod layer;
mod locate;
mod node;
mod number;
mod places;
mod read;
mod source;
mod text;
mod tree;
mod warning;
mod yaml;

pub use encode::{encode_json, encode_layer, encode_policy};
pub use encode_yaml::encode_yaml;
pub use error::{MapError, NotAMap, Problem};
pub use layer::{MapLayer, overlay};
pub use places::{Places, Spot};
pub use tree::Span;
pub use warning::{MapWarning, Severity, WarningDetail};

use fields::{Dialect, Finished, Path, Reader};
use source::Source;

/// The longest text that is read as a map, 16 MiB: the public map is 100 times smaller.
pub const MAX_MAP_BYTES: usize = 16 * 1024 * 1024;

/// The most regions, and the most nodes of all regions together, that a text may have: the public map has about 30
/// and 100. Each node is asked, and a run that asks more of them measures nothing but itself.
pub const MAX_NODES: usize = 10_000;

/// A text read as a map.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoded {
    /// What it says.
    pub layer: MapLayer,
    /// What in it is not as it should be, in the order of the text.
    pub warnings: Vec<MapWarning>,
    /// Warnings that were too many to keep.
    pub warnings_left_out: usize,
    /// What it was read as.
    pub format: MapFormat,
    /// Whether it is the `derpMap` of a Tailscale policy, which is laid over Tailscale's own map.
    pub is_policy: bool,
}

/// A text read as far as it goes.
#[derive(Clone, Debug)]
pub struct Examined<'a> {
    /// What could be read. What is in `errors` counts as absent.
    pub decoded: Decoded,
    /// Where it stands.
    pub places: Places<'a>,
    /// Values for which [`decode`] refuses the text, in the order they were found.
    pub errors: Vec<MapError>,
}

/// The notations of a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MapFormat {
    /// Tailscale's `DERPMap` as JSON, at the top or inside another document.
    Json,
    /// A Tailscale policy, or a map with the comments and trailing commas a policy may have.
    HuJson,
    /// A Headscale map, YAML.
    HeadscaleYaml,
}

/// Reads a text as a map. `name` is what errors call it, as the file or URL it came from.
pub fn decode(name: &str, text: &[u8]) -> Result<Decoded, MapError> {
    read(name, text, false).map(|examined| examined.decoded)
}

/// Reads a text as a map as far as it goes, for whoever wants to know all that is wrong with it. `Err` when there is no
/// going on: it is no JSON and no YAML, there is no map in it, or too much.
pub fn examine<'a>(name: &'a str, text: &'a [u8]) -> Result<Examined<'a>, MapError> {
    read(name, text, true)
}

fn read<'a>(name: &'a str, text: &'a [u8], go_on: bool) -> Result<Examined<'a>, MapError> {
    let text = text::check(name, text)?;
    let source = Source { name, text };
    let dialect = locate::dialect(text);
    let mut reader = Reader::new(source, dialect);
    if go_on {
        reader.go_on_after_errors();
    }
    let (root, format) = match dialect {
        Dialect::Json => {
            let parsed = json::parse(source)?;
            let is_hujson = parsed.has_extensions || locate::is_policy(&parsed.root);
            (parsed.root, if is_hujson { MapFormat::HuJson } else { MapFormat::Json })
        }
        Dialect::Yaml => {
            let parsed = yaml::parse(source)?;
            if let Some(span) = parsed.second_document {
                reader.warn(&Path::ROOT, span, WarningDetail::MoreDocuments);
            }
            (parsed.root, MapFormat::HeadscaleYaml)
        }
    };
    let located = locate::locate(&root).map_err(|looks_like| {
        let span = tree::Span { end: root.span.start, ..root.span };
        MapError::new(source, span, String::new(), Problem::NoMap { looks_like })
    })?;
    let above = located.path.join(".");
    let path = if above.is_empty() { Path::ROOT } else { Path::ROOT.key(&above) };
    if located.path.len() > 1 && locate::is_policy(&root) {
        reader.warn(&path, located.map.span, WarningDetail::MisplacedMap);
    }
    // A netmap spells it DERPMap.
    let is_policy = dialect == Dialect::Json && (locate::is_policy(&root) || located.path == ["derpMap"]);
    let layer = reader.map(&path, located.map).map_err(|error| reader.first_refused().unwrap_or(error))?;
    let Finished { warnings, left_out, spots, errors } = reader.finish(format);
    let decoded = Decoded { layer, warnings, warnings_left_out: left_out, format, is_policy };
    Ok(Examined { decoded, places: Places { source, above, spots }, errors })
}
