//! What is wrong with a DERP map, told without asking any relay: what its reader refuses or ignores, and what is well
//! formed and still not what anybody wants.
//!
//! Only the text is judged. Whether a name resolves or a port is open is not known here, and a map is not blamed for
//! what may be right: the public map has no mistakes, nor have the samples of Tailscale's and Headscale's manuals
//! beyond notes.

mod host_name;
mod reader;
mod rules;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::BTreeSet;

use crate::derpmap::{self, Decoded, MapError, MapFormat, MapLayer, Span, WarningDetail};
use crate::model::Place;
use crate::report::{Finding, FindingDetail, MapMistake, MapNotation, MapSourceReport, PlacedMistake};

/// The most findings kept of one text, the worst ones; the rest is counted.
pub const MAX_FINDINGS: usize = 1000;

/// A text looked through.
#[derive(Clone, Debug, PartialEq)]
pub struct Linted {
    /// What it is.
    pub source: MapSourceReport,
    /// Mistakes in the order of the text.
    pub findings: Vec<Finding>,
    /// Mistakes that were too many to keep.
    pub left_out: usize,
}

/// A mistake a rule has found.
struct Found {
    span: Span,
    path: String,
    mistake: MapMistake,
}

/// Looks through a text. `name` is what its places are called by; `alone` says that no other map is laid under or over
/// it. `Err` when there is no map to look through; [`unreadable`] makes that a result too.
pub fn lint(name: &str, text: &[u8], alone: bool) -> Result<Linted, MapError> {
    let derpmap::Examined { decoded, places, errors } = derpmap::examine(name, text)?;
    // What was refused counts as absent, and is not blamed for that a second time.
    let refused: BTreeSet<String> = errors.iter().map(|error| error.path.to_ascii_lowercase()).collect();
    let is_blamed = |path: &str| {
        let path = path.to_ascii_lowercase();
        let is_inside = |rest: &str| rest.is_empty() || rest.starts_with(['.', '[']);
        refused.iter().any(|refused| path.strip_prefix(refused.as_str()).is_some_and(is_inside))
    };
    let mut found = rules::all(&decoded, &places, alone);
    found.retain(|found| !is_blamed(&found.path));
    if !refused.is_empty() {
        // How many regions there are is not known.
        found.retain(|found| !matches!(found.mistake, MapMistake::SingleRegion | MapMistake::Empty));
    }
    // The worst ones are kept, so that a flood of notes hides no error.
    found.sort_by_key(|found| (Reverse(found.mistake.severity()), found.span));
    let mut left_out = decoded.warnings_left_out + found.len().saturating_sub(MAX_FINDINGS);
    found.truncate(MAX_FINDINGS);
    found.sort_by_key(|found| found.span);
    let spans: Vec<Span> = found.iter().map(|found| found.span).collect();
    let mut placed: Vec<PlacedMistake> = places
        .resolve(&spans)
        .into_iter()
        .zip(found)
        .map(|(place, Found { path, mistake, .. })| PlacedMistake { place, path, mistake })
        .collect();

    let is_read = |warning: &&derpmap::MapWarning| {
        let missed = match warning.detail {
            WarningDetail::RegionIdDiffers { .. } | WarningDetail::NodeRegionIdDiffers { .. } => ".RegionID",
            WarningDetail::NoHostName { .. } => ".HostName",
            WarningDetail::NoNodes => ".Nodes",
            _ => "",
        };
        !is_blamed(&warning.path) && !is_blamed(&format!("{}{missed}", warning.path))
    };
    placed.extend(decoded.warnings.iter().filter(is_read).map(|warning| PlacedMistake {
        place: Place {
            file: name.to_owned(),
            line: warning.line,
            column: warning.column,
            excerpt: warning.excerpt.clone(),
        },
        path: warning.path.clone(),
        mistake: reader::mistake_of(&decoded, &warning.detail),
    }));
    placed.extend(errors.iter().map(reader::placed));
    let position = |placed: &PlacedMistake| (placed.place.line, placed.place.column, placed.mistake.code());
    placed.sort_by_key(|placed| (Reverse(placed.mistake.severity()), position(placed)));
    left_out += placed.len().saturating_sub(MAX_FINDINGS);
    placed.truncate(MAX_FINDINGS);
    placed.sort_by_key(position);
    Ok(Linted { source: source_report(name, &decoded), findings: placed.into_iter().map(finding).collect(), left_out })
}

/// The result for a text that is no map.
#[must_use]
pub fn unreadable(error: &MapError) -> Linted {
    let source = MapSourceReport { name: error.file.to_string(), notation: None, regions: 0, nodes: 0, removes: 0 };
    Linted { source, findings: vec![finding(reader::placed(error))], left_out: 0 }
}

/// What a text is, in numbers.
#[must_use]
pub fn source_report(name: &str, decoded: &Decoded) -> MapSourceReport {
    let MapLayer { regions, .. } = &decoded.layer;
    let regions: Vec<_> = regions.iter().flat_map(|regions| regions.values()).collect();
    let set: Vec<_> = regions.iter().copied().flatten().collect();
    MapSourceReport {
        name: name.to_owned(),
        notation: Some(match decoded.format {
            MapFormat::Json => MapNotation::Json,
            MapFormat::HuJson => MapNotation::HuJson,
            MapFormat::HeadscaleYaml => MapNotation::HeadscaleYaml,
        }),
        regions: set.len(),
        nodes: set.iter().map(|region| region.nodes.len()).sum(),
        removes: regions.len() - set.len(),
    }
}

fn finding(placed: PlacedMistake) -> Finding {
    Finding::new(FindingDetail::MapMistake(Box::new(placed)))
}
