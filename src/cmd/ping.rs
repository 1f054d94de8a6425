//! `natscope ping`.

use std::net::SocketAddr;
use std::pin::pin;
use std::time::{Duration, SystemTime};

use tokio::sync::mpsc;

use super::exit::{CmdError, Exit};
use super::output::{Output, Reader};
use super::via::{self, Joining, Relays};
use crate::check::ping::{obstacle, round_trips, side_of};
use crate::cli::{GlobalArgs, PingArgs, ProbingArgs};
use crate::derp::peer::{Note, PeerEvent, PingConfig, PingSession, Route};
use crate::drive::peer::{self, PeerNews};
use crate::drive::wall_clock;
use crate::model::NodePublic;
use crate::probe::{Failure, Moment};
use crate::render::{self, Format};
use crate::report::{Command, Confidence, PathSide, PathSides, Ping, PingEvent, Pong, PongPath, Report, Verdict, Why};

/// How long the verdict on the NAT is waited for when the pings are over and there is no direct path to show.
const NAT_PATIENCE: Duration = Duration::from_secs(4);

pub(super) async fn run(args: &PingArgs, global: &GlobalArgs, output: &Output) -> Result<Exit, CmdError> {
    let until = global.timeout.map(|timeout| tokio::time::Instant::now() + timeout);
    let direct = args.relay.direct || args.until_direct;
    let mut joining = via::join(&args.relay, direct, &args.map, &args.probing, global, output).await?;
    joining.options.gives_up = true;
    // Less than all of it: a relay that is silent is to be reported with the step it is silent at.
    joining.options.patience = global.timeout.map(|timeout| timeout * 3 / 4);
    let plan = PingPlan {
        peer: args.peer,
        count: args.count,
        interval: args.interval,
        size: args.size.into(),
        direct,
        until_direct: args.until_direct,
    };
    let report = Box::pin(ping(&plan, joining, &args.probing, global, output, until)).await?;
    output.text(&ending(output))?;
    output.report(&report.report)?;
    Ok(if report.interrupted { Exit::Interrupted } else { exit(&report.report, direct) })
}

/// What to do.
pub(super) struct PingPlan {
    pub(super) peer: NodePublic,
    pub(super) count: u32,
    pub(super) interval: Duration,
    pub(super) size: usize,
    pub(super) direct: bool,
    pub(super) until_direct: bool,
}

impl PingPlan {
    /// The same for a session, as the peer and through the relays of `joining`.
    pub(super) fn config(&self, joining: &Joining) -> Result<PingConfig, CmdError> {
        Ok(PingConfig {
            key: joining.key.clone(),
            seed: peer::random()?,
            peer: self.peer,
            count: self.count,
            interval: self.interval,
            size: self.size,
            direct: self.direct,
            until_direct: self.until_direct,
            relays: joining.names.len(),
        })
    }
}

/// What came of it.
pub(super) struct Pinged {
    pub(super) report: Report,
    pub(super) interrupted: bool,
}

/// An empty line between what happened and what it amounts to.
fn ending(output: &Output) -> String {
    if output.format == Format::Table { "\n".to_owned() } else { String::new() }
}

fn exit(report: &Report, direct: bool) -> Exit {
    match &report.ping {
        Some(ping) if ping.received == 0 => Exit::NothingAnswered,
        Some(ping) if direct && !ping.direct.is_true() => Exit::Findings,
        _ => Exit::Done,
    }
}

/// Pings until all is answered, the time is up, or somebody presses Ctrl-C.
pub(super) async fn ping(
    plan: &PingPlan,
    joining: Joining,
    probing: &ProbingArgs,
    global: &GlobalArgs,
    output: &Output,
    until: Option<tokio::time::Instant>,
) -> Result<Pinged, CmdError> {
    let started_at = wall_clock::now();
    let begun = tokio::time::Instant::now();
    let mut session = PingSession::new(plan.config(&joining)?);
    let mut tally = Tally::new(plan, &joining, started_at);
    let (notes, measured_notes) = mpsc::channel(1);
    let mut ours: Option<Report> = None;
    let (mut interrupted, mut out_of_time) = (false, false);
    {
        let told = |at: Moment, news: PeerNews| tally.hear(at, news, output);
        let mut work = pin!(peer::run(&mut session, joining.options, measured_notes, told));
        let mut facts = pin!(nat_facts(plan.direct, &joining.witnesses, probing, global, notes));
        let mut measured = false;
        loop {
            tokio::select! {
                ended = &mut work => break ended?,
                facts = &mut facts, if !measured => {
                    measured = true;
                    ours = facts?;
                }
                _ = tokio::signal::ctrl_c() => {
                    interrupted = true;
                    break;
                }
                () = by(until) => {
                    out_of_time = true;
                    break;
                }
            }
        }
        // The verdict on the NAT is only needed where there is no direct path.
        if plan.direct && !measured && !interrupted {
            let patience = tokio::time::Instant::now() + NAT_PATIENCE;
            let patience = until.map_or(patience, |until| until.min(patience));
            if let Ok(facts) = tokio::time::timeout_at(patience, facts).await {
                ours = facts?;
            }
        }
    }
    if let Some(error) = tally.error.take() {
        return Err(error);
    }
    if out_of_time {
        tally.relays.out_of_time(begun.elapsed());
    }
    let (sent, endpoints) = (session.sent(), session.endpoints());
    let mut report = tally.report(begun.elapsed(), sent, &tally.pongs);
    if plan.direct {
        let mut side = ours.as_ref().map(side_of).unwrap_or_default();
        side.endpoints = endpoints;
        if let Some(ours) = ours {
            (report.nat_v4, report.nat_v6) = (ours.nat_v4, ours.nat_v6);
        }
        if let Some(ping) = &mut report.ping {
            ping.direct = tally.direct(&side);
            ping.sides = Some(PathSides { ours: side, theirs: tally.theirs() });
        }
    }
    Ok(Pinged { report, interrupted })
}

async fn nat_facts(
    direct: bool,
    witnesses: &crate::model::DerpMap,
    probing: &ProbingArgs,
    global: &GlobalArgs,
    notes: mpsc::Sender<Note>,
) -> Result<Option<Report>, CmdError> {
    if !direct {
        return Ok(None);
    }
    let report = via::nat_facts(Command::Ping, witnesses, probing, global).await?;
    if let Some(report) = &report {
        // Nobody listens any more when the pings are over.
        let _ = notes.send(via::note_of(report)).await;
    }
    Ok(report)
}

pub(super) async fn by(until: Option<tokio::time::Instant>) {
    match until {
        Some(until) => tokio::time::sleep_until(until).await,
        None => std::future::pending().await,
    }
}

/// What has been heard so far.
pub(super) struct Tally {
    peer: NodePublic,
    direct: bool,
    started_at: SystemTime,
    relays: Relays,
    first_relay: Option<usize>,
    pongs: Vec<Pong>,
    upgraded: Option<(SocketAddr, Duration)>,
    not_offered: bool,
    offered: Vec<SocketAddr>,
    note: Option<Note>,
    no_socket: Option<Failure>,
    findings: Vec<crate::report::Finding>,
    error: Option<CmdError>,
}

impl Tally {
    pub(super) fn new(plan: &PingPlan, joining: &Joining, started_at: SystemTime) -> Self {
        Self {
            peer: plan.peer,
            direct: plan.direct,
            started_at,
            relays: Relays::new(&joining.names),
            first_relay: None,
            pongs: Vec::new(),
            upgraded: None,
            not_offered: false,
            offered: Vec::new(),
            note: None,
            no_socket: None,
            findings: joining.findings.clone(),
            error: None,
        }
    }

    /// The pongs so far.
    pub(super) fn pongs(&self) -> &[Pong] {
        &self.pongs
    }

    /// Takes note of news, and tells them. Answers whether anybody still reads.
    fn hear(&mut self, at: Moment, news: PeerNews, output: &Output) -> bool {
        let before = self.pongs.len();
        let Some(event) = self.note(at, news) else { return true };
        let told = match output.format {
            Format::Table => output.text(&render::ping_event(&event, &output.style)),
            Format::JsonLine if self.pongs.len() > before => {
                let fresh: Vec<Pong> = self.pongs.iter().skip(before).copied().collect();
                let sent = fresh.iter().map(|pong| pong.seq).max().unwrap_or_default();
                output.report(&self.report(at.since_start(), sent, &fresh))
            }
            _ => {
                if !matches!(event, PingEvent::Pong { .. }) {
                    output.aside(&render::ping_event(&event, &output.style));
                }
                Ok(Reader::There)
            }
        };
        match told {
            Ok(reader) => reader == Reader::There,
            Err(error) => {
                self.error = Some(error);
                false
            }
        }
    }

    pub(super) fn note(&mut self, at: Moment, news: PeerNews) -> Option<PingEvent> {
        let peer = self.peer;
        Some(match news {
            PeerNews::Joined { relay, again } => {
                self.relays.joined(relay);
                PingEvent::Joined { relay: self.relays.name(relay), again }
            }
            PeerNews::Failed { relay, failure, retry } => {
                self.relays.failed(relay, &failure);
                PingEvent::RelayFailed { relay: self.relays.name(relay), failure, retry }
            }
            PeerNews::RoundTrip { relay, took } => {
                self.relays.measured(relay, took);
                return None;
            }
            PeerNews::PortMapping(Ok(endpoint)) => PingEvent::PortMapped { endpoint },
            PeerNews::PortMapping(Err(failure)) => PingEvent::NoPortMapping { failure },
            PeerNews::NoSocket(failure) => {
                self.no_socket = Some(failure);
                return None;
            }
            PeerNews::Event(event) => match event {
                PeerEvent::Pong { seq, round_trip, route, ours, theirs } => {
                    let (path, relay) = match route {
                        Route::Relay { relay, .. } => {
                            self.first_relay.get_or_insert(relay);
                            (PongPath::Relay { relay, ours, theirs }, Some(self.relays.name(relay)))
                        }
                        Route::Direct { endpoint } => {
                            self.upgraded.get_or_insert((endpoint, at.since_start()));
                            (PongPath::Direct { endpoint }, None)
                        }
                    };
                    let pong = Pong { seq, round_trip, path };
                    self.pongs.push(pong);
                    PingEvent::Pong { pong, peer, relay }
                }
                PeerEvent::Unanswered { seq } => PingEvent::Lost { seq },
                PeerEvent::Absent { relay } => PingEvent::PeerAbsent { relay: self.relays.name(relay), peer },
                PeerEvent::Left { relay } => PingEvent::PeerLeft { relay: self.relays.name(relay), peer },
                PeerEvent::DirectUp { peer, endpoint, after } => {
                    self.upgraded.get_or_insert((endpoint, at.since_start()));
                    PingEvent::DirectUp { peer, endpoint, after }
                }
                PeerEvent::DirectDown { peer, endpoint } => PingEvent::DirectDown { peer, endpoint },
                PeerEvent::DirectNotOffered => {
                    self.not_offered = true;
                    PingEvent::DirectNotOffered { peer }
                }
                PeerEvent::Offered { endpoints } => {
                    self.not_offered = false;
                    self.offered = endpoints;
                    return None;
                }
                PeerEvent::Noted(note) => {
                    self.note = Some(note);
                    return None;
                }
                PeerEvent::Came { .. } | PeerEvent::Answered { .. } => return None,
            },
        })
    }

    pub(super) fn report(&self, took: Duration, sent: u32, pongs: &[Pong]) -> Report {
        let times: Vec<Duration> = self.pongs.iter().map(|pong| pong.round_trip).collect();
        let direct = match self.upgraded {
            Some((endpoint, after)) => {
                Verdict::known(true, Confidence::High, []).because(Why::DirectPong { endpoint, after })
            }
            None if self.direct => Verdict::unknown(Why::NotAsked),
            None => Verdict::unknown(Why::DirectNotTried),
        };
        let ping = Ping {
            relay: self.relays.name(self.first_relay.unwrap_or(0)),
            peer: self.peer,
            sent,
            received: u32::try_from(self.pongs.len()).unwrap_or(u32::MAX),
            pongs: pongs.to_vec(),
            round_trips: round_trips(&times),
            direct,
            upgraded_after: self.upgraded.map(|(_, after)| after),
            sides: None,
            relays: self.relays.0.clone(),
        };
        Report {
            ping: Some(ping),
            findings: self.findings.clone(),
            ..Report::new(Command::Ping, self.started_at, took)
        }
    }

    /// Whether a direct path came about, and what is in its way.
    pub(super) fn direct(&self, ours: &PathSide) -> Verdict<bool> {
        if let Some((endpoint, after)) = self.upgraded {
            return Verdict::known(true, Confidence::High, []).because(Why::DirectPong { endpoint, after });
        }
        if let Some(failure) = &self.no_socket {
            let failure = failure.clone();
            return Verdict::known(false, Confidence::High, []).because(Why::DirectNoSocket { failure });
        }
        if self.pongs.is_empty() {
            return Verdict::unknown(Why::NoPong);
        }
        let failed = Verdict::known(false, Confidence::High, []);
        if self.not_offered {
            return failed.because(Why::DirectNotOffered);
        }
        // It answers, and has told nothing: that takes no more than a round trip, unless the packets were lost.
        if self.note.is_none() && self.offered.is_empty() {
            return Verdict::known(false, Confidence::Medium, []).because(Why::DirectNotOffered);
        }
        failed.because(Why::DirectFailed { obstacle: obstacle(ours, self.theirs().as_ref()) })
    }

    fn theirs(&self) -> Option<PathSide> {
        if self.note.is_none() && self.offered.is_empty() {
            return None;
        }
        let note = self.note.unwrap_or_default();
        Some(PathSide {
            udp: note.udp,
            mapping: note.mapping,
            mapping_varies: note.mapping_varies,
            filtering: note.filtering,
            ipv6: note.ipv6,
            endpoints: self.offered.clone(),
        })
    }
}
