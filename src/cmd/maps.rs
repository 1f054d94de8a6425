//! The DERP map in force: sources loaded, laid over each other, filtered.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::exit::CmdError;
use crate::check::map_lint::{self, Linted};
use crate::cli::MapArgs;
use crate::derpmap::{self, Decoded, MapLayer};
use crate::drive::map_source::{self, LoadError, LoadOptions, Loaded, Origin};
use crate::drive::relay::{Relay, RelayHandle, RelayOptions, embedded_map};
use crate::model::{DerpMap, MapSource, RegionId};
use crate::report::{Finding, FindingDetail, Severity};

/// How many relays `embedded` starts: as many independent servers as a verdict on the mapping takes, and one more.
const EMBEDDED_RELAYS: u8 = 3;

/// Regions an error names, and characters of their codes: the public map fits, a stranger's map need not.
const NAMED: usize = 40;
const CODE: usize = 20;

/// The map in force.
pub(super) struct InForce {
    pub(super) map: DerpMap,
    /// What is wrong with its sources.
    pub(super) findings: Vec<Finding>,
    /// Embedded relays serve as long as this lives.
    pub(super) relays: Vec<RelayHandle>,
}

/// Loads and combines the sources the arguments name, the public map when they name none, all within the timeout.
pub(super) async fn load(args: &MapArgs, now: SystemTime, timeout: Option<Duration>) -> Result<InForce, CmdError> {
    load_and(args, now, timeout, false).await
}

/// The same, looked through for mistakes as by `derpmap lint`.
pub(super) async fn load_and_lint(
    args: &MapArgs,
    now: SystemTime,
    timeout: Option<Duration>,
) -> Result<InForce, CmdError> {
    load_and(args, now, timeout, true).await
}

async fn load_and(args: &MapArgs, now: SystemTime, timeout: Option<Duration>, lint: bool) -> Result<InForce, CmdError> {
    let mut options = LoadOptions::new(now);
    if let Some(dir) = &args.cache_dir {
        options.cache_dir = Some(dir.clone());
    }
    let longest_fetch = options.timeout;
    let until = timeout.map(|timeout| Instant::now() + timeout);
    let sources = if args.derp_maps.is_empty() { &[MapSource::Default][..] } else { &args.derp_maps };
    let mut combined = InForce { map: DerpMap::default(), findings: Vec::new(), relays: Vec::new() };
    let mut layers = Vec::new();
    for source in sources {
        if *source == MapSource::Embedded {
            let (map, relays) = embedded()?;
            combined.relays.extend(relays);
            layers.push(MapLayer::from(map));
            continue;
        }
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        options.timeout = left.map_or(longest_fetch, |left| left.min(longest_fetch));
        let alone = sources.len() == 1;
        let decode = |name: &str, bytes: &[u8]| {
            let decoded = derpmap::decode(name, bytes)?;
            let linted = lint.then(|| map_lint::lint(name, bytes, alone)).transpose()?;
            Ok((decoded, linted))
        };
        let load = map_source::load(source, &options, decode);
        let loaded = match left {
            // A fetch ends by itself, and may then still find the last copy.
            Some(left) if matches!(source, MapSource::File(_) | MapSource::Stdin) => {
                tokio::time::timeout(left, load).await.map_err(|_| too_late(source, timeout))?
            }
            _ => load.await,
        };
        let loaded = loaded.map_err(|error| refusal(&error))?;
        combined.findings.extend(findings(source, now, &loaded));
        layers.push(loaded.map.0.layer);
    }
    combined.map = derpmap::overlay(layers);
    filter(&mut combined.map, &args.regions)?;
    if combined.map.regions.is_empty() {
        let names: Vec<String> = sources.iter().map(ToString::to_string).collect();
        return Err(CmdError::Usage(format!(
            "the DERP map has no regions (from {}): add some, or give another map with --derp-map",
            names.join(", ")
        )));
    }
    Ok(combined)
}

/// Starts relays on loopback and makes the map of them.
pub(super) fn embedded() -> Result<(DerpMap, Vec<RelayHandle>), CmdError> {
    let relays = (1..=EMBEDDED_RELAYS)
        .map(|ordinal| Relay::bind(RelayOptions::loopback(ordinal)))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| CmdError::Own(format!("cannot start the embedded relay: {error}")))?;
    let map = embedded_map(&relays.iter().collect::<Vec<_>>());
    Ok((map, relays.into_iter().map(Relay::spawn).collect()))
}

/// A source that cannot be fetched is the network's doing, and so is what a hotel serves in place of a map; a file that
/// is not a map is the user's.
pub(super) fn refusal(error: &LoadError<derpmap::MapError>) -> CmdError {
    match error {
        LoadError::Fetch { .. } | LoadError::NotAMap { is_fetched: true, .. } => CmdError::NoMap(error.to_string()),
        LoadError::Local(_) | LoadError::NotAMap { is_fetched: false, .. } => CmdError::Usage(error.to_string()),
        LoadError::Embedded => CmdError::Own(error.to_string()),
    }
}

/// A pipe that nobody writes to.
fn too_late(source: &MapSource, timeout: Option<Duration>) -> CmdError {
    let timeout = humantime::format_duration(timeout.unwrap_or_default());
    CmdError::NoMap(format!("no DERP map: {source} was not read to its end within the {timeout} of --timeout"))
}

fn findings(source: &MapSource, now: SystemTime, loaded: &Loaded<(Decoded, Option<Linted>)>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Origin::Stale { url, fetched_at, because } = &loaded.origin {
        let age = now.duration_since(*fetched_at).unwrap_or_default();
        findings.push(Finding::new(FindingDetail::StaleMap { url: url.clone(), age, because: because.clone() }));
    }
    let (decoded, linted) = &loaded.map;
    if let Some(linted) = linted {
        findings.extend(linted.findings.iter().cloned());
        return findings;
    }
    for warning in &decoded.warnings {
        findings.push(Finding::new(FindingDetail::Map {
            code: warning.code,
            place: format!("{source}:{}:{}", warning.line, warning.column),
            message: warning.detail.to_string(),
            severity: match warning.severity {
                derpmap::Severity::Info => Severity::Info,
                derpmap::Severity::Warning => Severity::Warning,
            },
        }));
    }
    findings
}

/// Keeps the regions named by code or id.
fn filter(map: &mut DerpMap, wanted: &[String]) -> Result<(), CmdError> {
    if wanted.is_empty() {
        return Ok(());
    }
    let mut keep: Vec<RegionId> = Vec::new();
    for name in wanted {
        let found = map.regions.values().find(|region| {
            region.code.eq_ignore_ascii_case(name) || name.parse().is_ok_and(|id| region.id == RegionId(id))
        });
        let Some(region) = found else {
            return Err(CmdError::Usage(format!(
                "--region {name}: the map has no region of that code or id; it has {}",
                known(map)
            )));
        };
        keep.push(region.id);
    }
    map.regions.retain(|id, _| keep.contains(id));
    Ok(())
}

/// The regions of a map in words, not all of a long one.
pub(super) fn known(map: &DerpMap) -> String {
    let mut names: Vec<String> =
        map.regions.values().take(NAMED).map(|region| format!("{} ({})", shortened(&region.code), region.id)).collect();
    if map.regions.len() > NAMED {
        names.push(format!("and {} more", map.regions.len() - NAMED));
    }
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

fn shortened(code: &str) -> String {
    if code.chars().count() <= CODE { code.to_owned() } else { code.chars().take(CODE).chain(['…']).collect() }
}
