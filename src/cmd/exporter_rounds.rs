//! What the exporter measures, round by round: the map, a netcheck, and each relay the doctor is to look at.
//!
//! A round never ends the exporter: what fails is counted, and tried again in the next one.

use std::cell::Cell;
use std::time::Duration;

use tokio::time::Instant;

use super::doctor;
use super::exit::CmdError;
use super::maps::{self, InForce};
use super::netcheck::{self, Setup, network_options};
use super::pace;
use crate::check::netcheck::Options;
use crate::cli::{ExporterArgs, GlobalArgs};
use crate::drive::exporter::Board;
use crate::drive::wall_clock;
use crate::model::{DerpMap, MapSource, RegionId, RelayTarget};
use crate::render::metrics::{Exported, Runs, metrics};
use crate::report::{Command, Report};

/// How long a map is used before it is read again: they change a few times a year.
const MAP_LASTS: Duration = Duration::from_secs(60 * 60);

/// A run ends by itself within its budget. One that does not within this much more is given up.
const GRACE: Duration = Duration::from_secs(15);

/// What is measured, and what came of it so far.
pub(super) struct Rounds<'a> {
    args: &'a ExporterArgs,
    global: &'a GlobalArgs,
    board: Board,
    options: Options,
    /// The map, once there is one, and when it is to be read again.
    map: Option<InForce>,
    read_again: Instant,
    /// The home region of the run before, which the next one leaves only for a better one.
    home: Option<RegionId>,
    targets: Vec<RelayTarget>,
    /// When each target may be examined again: a round that takes shorter than the one before must not bring them nearer.
    examine_again: Vec<Instant>,
    /// As many examinations as targets.
    exported: Exported,
    /// When the next round may begin.
    next: Instant,
}

impl<'a> Rounds<'a> {
    /// Nothing measured yet, which is on the board at once.
    pub(super) fn new(args: &'a ExporterArgs, global: &'a GlobalArgs, board: Board) -> Self {
        let mut targets: Vec<RelayTarget> = Vec::new();
        for target in &args.doctors {
            if !targets.contains(target) {
                targets.push(target.clone());
            }
        }
        let doctors = targets.iter().map(|target| (target.to_string(), Runs::default())).collect();
        let rounds = Self {
            args,
            global,
            board,
            options: netcheck::options(args.leave_out, &args.probing, global, Duration::ZERO),
            map: None,
            read_again: Instant::now(),
            home: None,
            examine_again: vec![Instant::now(); targets.len()],
            targets,
            exported: Exported { every: args.every, netcheck: Runs::default(), doctors },
            next: Instant::now(),
        };
        rounds.put_up();
        rounds
    }

    /// Reads the map, and refuses what will never do. A network that is not there yet is waited for, round by round.
    pub(super) async fn begin(&mut self) -> Result<(), CmdError> {
        match self.load().await {
            Ok(map) => self.use_map(map),
            Err(error @ CmdError::NoMap(_)) => tracing::warn!("{error}; it is tried again"),
            Err(error) => return Err(error),
        }
        for target in &self.targets {
            if self.map.is_some() || !self.needs_map(target) {
                self.patients(target)?;
            }
        }
        let shortest = self.shortest();
        if self.map.is_some() && self.args.every < shortest {
            let why = if shortest == pace::OWN {
                "a measurement is not to overlap the next one"
            } else {
                "relays are other people's machines, and only what the map gives an address of loopback or of a private \
                 network is surely yours"
            };
            return Err(CmdError::Usage(format!(
                "--every {}: not below {}: {why}",
                humantime::format_duration(self.args.every),
                humantime::format_duration(shortest)
            )));
        }
        Ok(())
    }

    /// What is measured, in one line.
    pub(super) fn described(&self) -> String {
        let regions = self.map.as_ref().map_or_else(
            || "no map yet".to_owned(),
            |map| match map.map.regions.len() {
                1 => "1 region".to_owned(),
                regions => format!("{regions} regions"),
            },
        );
        let relays = match self.targets.len() {
            0 => String::new(),
            1 => ", the doctor on 1 relay".to_owned(),
            relays => format!(", the doctor on {relays} relays"),
        };
        format!("measures   {regions}{relays}, every {}", humantime::format_duration(self.every()))
    }

    /// One round, which puts up each result as soon as it is there.
    pub(super) async fn round(&mut self, again: &Cell<bool>) {
        let begun = Instant::now();
        self.refresh(again.take()).await;
        // A map that came later may be of other people's relays.
        self.exported.every = self.every();
        let report = self.netcheck().await;
        if let Ok(report) = &report {
            let home = report.netcheck.as_ref().and_then(|netcheck| netcheck.home_region.value().copied());
            self.home = home.or(self.home);
        }
        ended(&mut self.exported.netcheck, "the netcheck", begun, report);
        self.put_up();
        for index in 0..self.targets.len() {
            let Some(target) = self.targets.get(index).cloned() else { continue };
            if let Some(due) = self.examine_again.get(index) {
                tokio::time::sleep_until(*due).await;
            }
            let begun = Instant::now();
            if let Some(due) = self.examine_again.get_mut(index) {
                *due = begun + self.exported.every;
            }
            let report = self.examine(&target).await;
            if let Some((name, runs)) = self.exported.doctors.get_mut(index) {
                ended(runs, name, begun, report);
            }
            self.put_up();
        }
        self.next = begun + self.exported.every;
    }

    /// Until the next round is due.
    pub(super) async fn pause(&self) {
        tokio::time::sleep_until(self.next).await;
    }

    fn put_up(&self) {
        self.board.put(&metrics(&self.exported));
    }

    fn every(&self) -> Duration {
        self.args.every.max(self.shortest())
    }

    fn shortest(&self) -> Duration {
        let empty = DerpMap::default();
        let map = self.map.as_ref().map_or(&empty, |map| &map.map);
        let addressed: Vec<_> = self
            .targets
            .iter()
            .filter_map(|target| match target {
                RelayTarget::Address(address) => Some(address.node()),
                RelayTarget::Region(_) => None,
            })
            .collect();
        // What is not known is other people's.
        if self.map.is_none() { pace::WATCH } else { pace::shortest(map, &addressed) }
    }

    async fn load(&self) -> Result<InForce, CmdError> {
        let (args, now) = (&self.args.map, wall_clock::now());
        if self.targets.iter().any(|target| self.needs_map(target)) {
            maps::load_and_lint(args, now, self.global.timeout).await
        } else {
            maps::load(args, now, self.global.timeout).await
        }
    }

    fn use_map(&mut self, map: InForce) {
        self.map = Some(map);
        self.read_again = Instant::now() + MAP_LASTS;
    }

    /// Reads the map where there is none, where it is old, or where that is asked for. One that cannot be read leaves the
    /// last one in force. What comes from a pipe cannot be read twice, and embedded relays are not started twice.
    async fn refresh(&mut self, asked: bool) {
        let once = |source: &MapSource| matches!(source, MapSource::Stdin | MapSource::Embedded);
        let due = asked || Instant::now() >= self.read_again;
        if self.map.is_some() && (!due || self.args.map.derp_maps.iter().any(once)) {
            return;
        }
        match self.load().await {
            Ok(map) => self.use_map(map),
            Err(error) => {
                self.read_again = Instant::now() + MAP_LASTS;
                let instead = if self.map.is_some() { "the last map stays in force" } else { "it is tried again" };
                tracing::warn!("{error}; {instead}");
            }
        }
    }

    async fn netcheck(&self) -> Result<Report, CmdError> {
        let Some(map) = &self.map else { return Err(no_map()) };
        let setup = Setup {
            command: Command::Netcheck,
            options: self.options.clone(),
            network: network_options(&self.args.probing),
            findings: map.findings.clone(),
            keep: false,
            socks5: None,
        };
        let run = netcheck::silently(&setup, &map.map, self.home, None);
        in_time(self.options.budget, run).await
    }

    fn needs_map(&self, target: &RelayTarget) -> bool {
        target.needs_map() || !self.args.map.derp_maps.is_empty()
    }

    fn patients(&self, target: &RelayTarget) -> Result<doctor::Asked, CmdError> {
        let nothing = InForce { map: DerpMap::default(), findings: Vec::new(), relays: Vec::new() };
        // One that is named by its address is looked at without a map where there is none yet.
        let map = match &self.map {
            Some(map) if self.needs_map(target) => map,
            None if target.needs_map() => return Err(no_map()),
            Some(_) | None => &nothing,
        };
        let (mut patients, map_findings) = doctor::patients(Some(target), map)?;
        doctor::set_stun_port(&mut patients, self.args.stun_port);
        Ok(doctor::Asked { target: target.to_string(), patients, map_findings })
    }

    async fn examine(&self, target: &RelayTarget) -> Result<Report, CmdError> {
        let asked = self.patients(target)?;
        let budget = self.global.timeout.unwrap_or_else(|| doctor::usual_budget(asked.patients.len()));
        in_time(budget, doctor::silently(asked, &self.args.probing, self.global, budget)).await
    }
}

fn no_map() -> CmdError {
    CmdError::NoMap("there is no DERP map yet".to_owned())
}

/// What a run says, unless it takes far longer than it may.
async fn in_time(budget: Duration, run: impl Future<Output = Result<Report, CmdError>>) -> Result<Report, CmdError> {
    tokio::time::timeout(budget + GRACE, run)
        .await
        .map_err(|_| CmdError::Own(format!("not over {} after it was to be", humantime::format_duration(GRACE))))?
}

/// Counts a run. One without a report takes back what the last one said.
fn ended(runs: &mut Runs, what: &str, begun: Instant, report: Result<Report, CmdError>) {
    let now = wall_clock::now();
    runs.total += 1;
    runs.last = Some(now);
    runs.took = Some(begun.elapsed());
    match report {
        Ok(report) => {
            tracing::debug!(took_ms = begun.elapsed().as_millis(), "{what}: done");
            runs.last_success = Some(now);
            // What it was concluded from is not told, and would stay in memory.
            runs.report = Some(Report { saved: None, ..report });
        }
        Err(error) => {
            tracing::warn!("{what}: {error}");
            runs.failed += 1;
            runs.report = None;
        }
    }
}
