//! `natscope derpmap`: maps shown, looked through, written in another notation. Only fetching a URL uses the network.

use std::collections::BTreeMap;

use super::exit::{CmdError, Exit, exceeds};
use super::maps::refusal;
use super::output::Output;
use crate::check::map_lint::{self, Linted};
use crate::cli::{ConvertArgs, DerpmapArgs, DerpmapCommand, FailOn, GlobalArgs, LintArgs, Notation, ShowArgs};
use crate::derpmap::{self, Decoded, MapError, MapLayer};
use crate::drive::map_source::{self, LoadError, LoadOptions, Loaded, Origin};
use crate::drive::wall_clock;
use crate::model::{MapSource, RegionId};
use crate::render::{self, Format};
use crate::report::{MapLint, MapShown, ShownRegion};

pub(super) async fn run(args: &DerpmapArgs, global: &GlobalArgs, output: &Output) -> Result<Exit, CmdError> {
    if global.redact {
        // What is worth showing of a map is names and addresses.
        return Err(CmdError::Usage(
            "a map is nothing but names and addresses: --redact would leave nothing of it".into(),
        ));
    }
    let now = wall_clock::now();
    let mut options = LoadOptions::new(now);
    if let Some(timeout) = global.timeout {
        options.timeout = options.timeout.min(timeout);
    }
    match &args.command {
        DerpmapCommand::Show(args) => show(args, options, output).await,
        DerpmapCommand::Lint(args) => lint(args, options, global, output).await,
        DerpmapCommand::Convert(args) => convert(args, options, output).await,
    }
}

async fn show(args: &ShowArgs, mut options: LoadOptions, output: &Output) -> Result<Exit, CmdError> {
    if let Some(dir) = &args.cache_dir {
        options.cache_dir = Some(dir.clone());
    }
    let named = if args.sources.is_empty() { &[MapSource::Default][..] } else { &args.sources };
    let mut sources = Vec::new();
    let mut layers = Vec::new();
    for source in named {
        let loaded = load(source, &options, derpmap::decode).await?;
        if let Origin::Stale { url, .. } = &loaded.origin {
            output.warn(&format!("{url} could not be fetched; this is the last copy of it"));
        }
        sources.push(map_lint::source_report(&source.to_string(), &loaded.map));
        layers.push(loaded.map.layer);
    }
    let (origins, removed) = origins(&layers);
    let map = derpmap::overlay(layers);
    let json = derpmap::encode_json(&map);
    let region = |(id, region)| {
        let Origins { source, replaces } = origins.get(&id).cloned().unwrap_or_default();
        ShownRegion { region, source, replaces }
    };
    let shown = MapShown {
        started_at: options.now,
        sources,
        regions: map.regions.into_iter().map(region).collect(),
        removed,
        region_score: map.home_params.region_score,
        json,
    };
    output.text(&render::show(&shown, output.format, &output.style))?;
    Ok(Exit::Done)
}

/// Which source a region comes from, and which ones it has replaced.
#[derive(Clone, Default)]
struct Origins {
    source: usize,
    replaces: Vec<usize>,
}

/// The origin of each region in force, and what was removed by which source; as [`derpmap::overlay`] does it.
fn origins(layers: &[MapLayer]) -> (BTreeMap<RegionId, Origins>, Vec<(RegionId, usize)>) {
    let mut origins: BTreeMap<RegionId, Origins> = BTreeMap::new();
    let mut removed: BTreeMap<RegionId, usize> = BTreeMap::new();
    for (index, layer) in layers.iter().enumerate() {
        if layer.omit_default_regions == Some(true) {
            removed.extend(std::mem::take(&mut origins).into_keys().map(|id| (id, index)));
        }
        for (id, region) in layer.regions.iter().flatten() {
            let before = origins.remove(id);
            if region.is_some() {
                let mut replaces = Vec::new();
                if let Some(before) = before {
                    replaces = before.replaces;
                    replaces.push(before.source);
                }
                origins.insert(*id, Origins { source: index, replaces });
                removed.remove(id);
            } else if before.is_some() {
                removed.insert(*id, index);
            }
        }
    }
    (origins, removed.into_iter().collect())
}

async fn lint(
    args: &LintArgs,
    mut options: LoadOptions,
    global: &GlobalArgs,
    output: &Output,
) -> Result<Exit, CmdError> {
    // What is there now is to be looked through, not a copy; and what has mistakes is not to become one.
    options.cache_dir = None;
    let alone = args.sources.len() == 1;
    let mut all = MapLint { started_at: options.now, sources: Vec::new(), findings: Vec::new(), left_out: 0 };
    for source in &args.sources {
        let lint = |name: &str, text: &[u8]| map_lint::lint(name, text, alone);
        let Linted { source, findings, left_out } = match map_source::load(source, &options, lint).await {
            Ok(loaded) => loaded.map,
            Err(LoadError::NotAMap { error, .. }) => map_lint::unreadable(&error),
            Err(LoadError::Embedded) => return Err(no_embedded()),
            Err(error) => return Err(refusal(&error)),
        };
        all.sources.push(source);
        all.findings.extend(findings);
        all.left_out += left_out;
    }
    let is_text = matches!(output.format, Format::Table | Format::Markdown);
    let text = if global.quiet && is_text {
        render::lint_line(&all, &output.style)
    } else {
        render::lint(&all, output.format, &output.style)
    };
    output.text(&text)?;
    // Of what was left out nobody knows how bad it is.
    let fails = exceeds(&all.findings, global.fail_on) || (all.left_out > 0 && global.fail_on != FailOn::Never);
    Ok(if fails { Exit::Findings } else { Exit::Done })
}

async fn convert(args: &ConvertArgs, mut options: LoadOptions, output: &Output) -> Result<Exit, CmdError> {
    options.cache_dir = None;
    let mut layers = Vec::new();
    for source in &args.sources {
        let Loaded { map: Decoded { layer, warnings, .. }, .. } = load(source, &options, derpmap::decode).await?;
        for warning in warnings {
            output.warn(&format!("{source}:{warning}"));
        }
        layers.push(layer);
    }
    let layer = match <[MapLayer; 1]>::try_from(layers) {
        Ok([layer]) => layer,
        Err(layers) => MapLayer::terse(derpmap::overlay(layers)),
    };
    if args.to == Notation::Yaml && (layer.region_score.is_some() || layer.omit_default_regions.is_some()) {
        output.warn("Headscale reads only the regions of a map file, not HomeParams and OmitDefaultRegions");
    }
    output.text(&match args.to {
        Notation::Json => format!("{:#}\n", derpmap::encode_layer(&layer)),
        Notation::Hujson => format!("{:#}\n", derpmap::encode_policy(&layer)),
        Notation::Yaml => derpmap::encode_yaml(&layer),
    })?;
    Ok(Exit::Done)
}

async fn load<T>(
    source: &MapSource,
    options: &LoadOptions,
    decode: impl Fn(&str, &[u8]) -> Result<T, MapError>,
) -> Result<Loaded<T>, CmdError> {
    match map_source::load(source, options, decode).await {
        Err(LoadError::Embedded) => Err(no_embedded()),
        loaded => loaded.map_err(|error| refusal(&error)),
    }
}

fn no_embedded() -> CmdError {
    CmdError::Usage("the map of the embedded relay is only there while it runs; give a URL, a file or -".into())
}
