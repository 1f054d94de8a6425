//! `natscope doctor`.

use std::path::Path;
use std::time::{Duration, SystemTime};

use super::exit::{CmdError, Exit};
use super::maps::{self, InForce};
use super::netcheck::{self, facts, network_options, waited_for};
use super::output::Output;
use super::progress::Progress;
use super::{doctor_inputs, replay};
use crate::check::doctor::{DoctorInput, DoctorRun, Patient, SeenElsewhere, TAILSCALED_SOCKET, analyze, compare};
use crate::cli::{DoctorArgs, GlobalArgs, ProbingArgs};
use crate::drive::{local, network, wall_clock};
use crate::model::{DerpMap, Node, Region, RelayAddress, RelayTarget};
use crate::probe::{Moment, Record};
use crate::render::{self, Format, json};
use crate::report::{Command, Finding, FindingDetail, Report, Saved, Severity};

/// The time for one relay, and for what each round of others adds where there are many.
const BUDGET: Duration = Duration::from_secs(15);
const EACH_MORE: Duration = Duration::from_secs(1);

pub(super) async fn run(args: &DoctorArgs, global: &GlobalArgs, output: &Output) -> Result<Exit, CmdError> {
    if let Some(path) = &args.replay {
        return replayed(path, global, output);
    }
    if let Some(path) = &args.save {
        Output::check_writable(path)?;
    }
    let begun = tokio::time::Instant::now();
    let started_at = wall_clock::now();
    let elsewhere = args.compare.as_deref().map(seen_elsewhere).transpose()?;
    let only_local = args.local && args.target.is_none() && args.map.derp_maps.is_empty();
    let needs_map =
        !only_local && (args.target.as_ref().is_none_or(RelayTarget::needs_map) || !args.map.derp_maps.is_empty());
    let in_force = if needs_map {
        waited_for(maps::load_and_lint(&args.map, started_at, global.timeout), output).await?
    } else {
        InForce { map: DerpMap::default(), findings: Vec::new(), relays: Vec::new() }
    };
    let (mut patients, map_findings) =
        if only_local { (Vec::new(), Vec::new()) } else { patients(args.target.as_ref(), &in_force)? };
    set_stun_port(&mut patients, args.stun_port);
    let hold = args.long;
    let budget = global.timeout.map_or_else(
        || usual_budget(patients.len()) + hold.unwrap_or_default(),
        |timeout| timeout.saturating_sub(begun.elapsed()),
    );
    let options = netcheck::probing_options(&args.probing, global, Duration::ZERO);
    let network = network_options(&args.probing);
    let input = DoctorInput {
        target: args.target.as_ref().map_or_else(|| named(args), ToString::to_string),
        patients,
        v4: options.ipv4,
        v6: options.ipv6,
        now_unix_s: unix_seconds(started_at),
        host: facts(&network),
        local: args.local.then(|| local::facts(&[TAILSCALED_SOCKET])),
        hold,
        budget,
    };
    let mut run = DoctorRun::new(&input);
    let mut progress = Progress::new(output);
    let mut watch = |now: Moment, run: &DoctorRun<'_>| {
        progress.tell(now, || {
            let (over, of) = run.progress();
            let holding = hold.filter(|hold| now.since_start() < *hold);
            match holding {
                Some(hold) => {
                    format!("holding a connection, {} s to go", hold.saturating_sub(now.since_start()).as_secs())
                }
                None if of > 1 => format!("{over} of {of} relays examined"),
                None => "examining the relay".to_owned(),
            }
        });
    };
    let ended = network::run(&mut run, network::Network::new(network), Some(&mut watch)).await?;
    progress.clear();
    let record = run.into_record(ended);
    let mut report = conclude(&input, record, started_at, map_findings)?;
    if let (Some(elsewhere), Some(doctor)) = (&elsewhere, &report.doctor) {
        let findings = compare(doctor, elsewhere);
        report.findings.extend(findings);
        report.findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    }
    if let Some(path) = &args.save {
        output.save(path, &report)?;
    }
    if global.verbose == 0 {
        report.saved = None;
    }
    tell(&report, global, output)
}

/// The time for so many relays, where nobody says otherwise.
pub(super) fn usual_budget(relays: usize) -> Duration {
    let more = u32::try_from(relays).unwrap_or(u32::MAX).saturating_sub(1);
    BUDGET + EACH_MORE * more.min(600)
}

/// What a map says counts; of an address nobody has said anything.
pub(super) fn set_stun_port(patients: &mut [Patient], port: Option<u16>) {
    let Some(port) = port else { return };
    for patient in patients.iter_mut().filter(|patient| patient.region.is_none()) {
        patient.node.stun_port = Some(port).filter(|port| *port != 0);
    }
}

/// What is to be examined.
pub(super) struct Asked {
    pub(super) target: String,
    pub(super) patients: Vec<Patient>,
    /// Findings about their map.
    pub(super) map_findings: Vec<Finding>,
}

/// An examination without a word on the way, beside something else that has the terminal.
pub(super) async fn silently(
    asked: Asked,
    probing: &ProbingArgs,
    global: &GlobalArgs,
    budget: Duration,
) -> Result<Report, CmdError> {
    let started_at = wall_clock::now();
    let options = netcheck::probing_options(probing, global, Duration::ZERO);
    let network = network_options(probing);
    let input = DoctorInput {
        target: asked.target,
        patients: asked.patients,
        v4: options.ipv4,
        v6: options.ipv6,
        now_unix_s: unix_seconds(started_at),
        host: facts(&network),
        local: None,
        hold: None,
        budget,
    };
    let mut run = DoctorRun::new(&input);
    let ended = network::run(&mut run, network::Network::new(network), None).await?;
    conclude(&input, run.into_record(ended), started_at, asked.map_findings)
}

/// Writes the report, or the line of `-q`.
fn tell(report: &Report, global: &GlobalArgs, output: &Output) -> Result<Exit, CmdError> {
    let is_text = matches!(output.format, Format::Table | Format::Markdown);
    if global.quiet && is_text {
        output.text(&render::doctor_line(report, &output.style))?;
    } else {
        output.report(report)?;
    }
    Ok(Exit::of(report, global.fail_on))
}

pub(super) fn conclude(
    input: &DoctorInput,
    record: Record,
    started_at: SystemTime,
    map_findings: Vec<Finding>,
) -> Result<Report, CmdError> {
    let (doctor, mut findings) = analyze(input, &record);
    let inputs = doctor_inputs::to_json(input, &map_findings)?;
    findings.extend(map_findings);
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let took = record.ended_at.since_start();
    Ok(Report {
        doctor: Some(doctor),
        findings,
        saved: Some(Saved { inputs, record, further: Vec::new() }),
        ..Report::new(Command::Doctor, started_at, took)
    })
}

/// Concludes again from a file.
fn replayed(path: &Path, global: &GlobalArgs, output: &Output) -> Result<Exit, CmdError> {
    let (name, value) = replay::saved(path, replay::SAVED)?;
    let refuse = |error: &dyn std::fmt::Display| CmdError::Usage(format!("{name}: {error}"));
    let (started_at, saved) = json::saved_from(&value).map_err(|error| refuse(&error))?;
    let (input, map_findings) = doctor_inputs::from_json(&name, &saved.inputs)?;
    let mut report = conclude(&input, saved.record, started_at, map_findings)?;
    report.redacted = value.get("redacted").and_then(serde_json::Value::as_bool).unwrap_or_default();
    if global.verbose == 0 {
        report.saved = None;
    }
    tell(&report, global, output)
}

/// The relays a target names, and what is wrong with their map.
pub(super) fn patients(
    target: Option<&RelayTarget>,
    in_force: &InForce,
) -> Result<(Vec<Patient>, Vec<Finding>), CmdError> {
    let map = &in_force.map;
    let regions: Vec<&Region> = match target {
        None => map.regions.values().collect(),
        Some(RelayTarget::Address(address)) => return Ok(addressed(address, in_force)),
        Some(named) => {
            let region = named.region(map).ok_or_else(|| {
                CmdError::Usage(format!(
                    "{named}: the map has no region of that code or number; it has {}. A relay that is in no map is \
                     written https://HOST[:PORT]",
                    maps::known(map)
                ))
            })?;
            vec![region]
        }
    };
    let findings = about(&regions, &in_force.findings, target.is_none());
    let patients: Vec<Patient> =
        regions.iter().flat_map(|region| region.nodes.iter().map(|node| patient(region, node, &findings))).collect();
    if patients.is_empty() {
        return Err(CmdError::Usage("there is no relay to examine: the region has no nodes".to_owned()));
    }
    Ok((patients, findings))
}

/// A relay that is named by its address: by its entry in the map, where it has one there.
fn addressed(address: &RelayAddress, in_force: &InForce) -> (Vec<Patient>, Vec<Finding>) {
    let is_it = |node: &&Node| {
        node.host_name.eq_ignore_ascii_case(address.host()) && node.derp_port == address.port() && address.tls()
    };
    for region in in_force.map.regions.values() {
        if let Some(node) = region.nodes.iter().find(is_it) {
            let findings = about(&[region], &in_force.findings, false);
            return (vec![patient(region, node, &findings)], findings);
        }
    }
    let patient = Patient {
        name: address.to_string(),
        region: None,
        node: address.node(),
        tls: address.tls(),
        map_is_wrong: false,
    };
    (vec![patient], Vec::new())
}

fn patient(region: &Region, node: &Node, findings: &[Finding]) -> Patient {
    let is_wrong = |finding: &Finding| match &finding.detail {
        FindingDetail::MapMistake(placed) => {
            finding.severity == Severity::Error && region_of(&placed.path).is_none_or(|id| id == region.id.to_string())
        }
        _ => false,
    };
    Patient {
        name: node.name.clone(),
        region: Some((region.id, region.code.clone())),
        node: node.clone(),
        tls: true,
        map_is_wrong: findings.iter().any(is_wrong),
    }
}

/// Findings about these regions or the map as a whole; notes only where the map itself was what was named.
fn about(regions: &[&Region], findings: &[Finding], whole: bool) -> Vec<Finding> {
    let matters = |finding: &&Finding| match &finding.detail {
        FindingDetail::MapMistake(placed) => {
            let named = region_of(&placed.path);
            let ours = named.is_none_or(|id| regions.iter().any(|region| region.id.to_string() == id));
            ours && (whole || finding.severity > Severity::Info)
        }
        _ => true,
    };
    findings.iter().filter(matters).cloned().collect()
}

/// The region a place in a map is in: `Regions.901.Nodes[0]`, `derpMap.Regions.901` or, in YAML, `regions.901`.
fn region_of(path: &str) -> Option<&str> {
    let mut parts = path.split('.');
    parts.find(|part| part.eq_ignore_ascii_case("regions"))?;
    parts.next()
}

/// What the report in a file says of relays.
fn seen_elsewhere(path: &Path) -> Result<Vec<SeenElsewhere>, CmdError> {
    let (name, value) =
        replay::saved(path, "--compare takes a report of `natscope doctor` (--save or --json) from another host")?;
    let refuse = |error: &dyn std::fmt::Display| CmdError::Usage(format!("--compare {name}: {error}"));
    if value.get("redacted").is_some() {
        return Err(refuse(&"this report is redacted: its names cannot be compared"));
    }
    json::seen_elsewhere(&value)
        .map(|seen| seen.into_iter().map(|(name, layers)| SeenElsewhere { name, layers }).collect())
        .ok_or_else(|| refuse(&"this is no report of `natscope doctor`"))
}

/// The maps, where they are what was named.
fn named(args: &DoctorArgs) -> String {
    let names: Vec<String> = args.map.derp_maps.iter().map(ToString::to_string).collect();
    if names.is_empty() { "this host".to_owned() } else { names.join(", ") }
}

pub(super) fn unix_seconds(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_in_maps_are_those_of_regions_or_of_none() {
        assert_eq!(region_of("Regions.901.Nodes[0].HostName"), Some("901"));
        assert_eq!(region_of("derpMap.Regions.9"), Some("9"));
        assert_eq!(region_of("regions.90.nodes[1]"), Some("90"));
        assert_eq!((region_of("Regions"), region_of("OmitDefaultRegions"), region_of("")), (None, None, None));
    }
}
