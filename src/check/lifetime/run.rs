//! The lifetime test as a state machine: find a server that helps, open mappings, try each at its age.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::conclude::{Sample, bracket, safe};
use super::grid::Grid;
use super::help::{Ask, Tag};
use super::trial::{self, Trial};
use super::{Class, Input, TRYING};
use crate::check::filtering::copies_needed;
use crate::probe::{Check, Moment, Observation, Outcome, Probe, ProbeId, Question, Slot};
use crate::report::{Bracket, Lifetime, ModeWhy, Verdict, Why};

/// Between datagrams, so that opening all mappings is no burst.
const PACE: Duration = Duration::from_millis(2);

/// A lifetime test under way.
#[derive(Debug)]
pub struct LifetimeCheck {
    input: Input,
    now: Moment,
    asked: u32,
    sent: HashMap<ProbeId, Sent>,
    waiting: VecDeque<Ask>,
    paced: Moment,
    /// The slowest answer so far: on a path that is late at times, silence takes longer to mean anything.
    slowest: Duration,
    /// Servers tried so far, the one on trial included.
    tried: usize,
    /// Counts stages: a tag belongs to one of them.
    stages: usize,
    next_socket: u8,
    stage: Stage,
}

/// A request that was sent.
#[derive(Debug)]
struct Sent {
    stage: usize,
    tag: Tag,
    at: Moment,
    heard: bool,
}

#[derive(Debug)]
enum Stage {
    Trial(Box<Trial>),
    Grid(Box<Grid>),
    /// Nobody helps.
    Over,
}

/// How far a test has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The longest it will still take.
    pub left: Duration,
    /// What is known of mappings after one exchange.
    pub single: Bracket,
    /// And of those after a stream.
    pub stream: Bracket,
}

impl LifetimeCheck {
    /// A test that has asked nothing yet.
    #[must_use]
    pub fn new(input: &Input) -> Self {
        let mut check = Self {
            input: input.clone(),
            now: Moment::START,
            asked: 0,
            sent: HashMap::new(),
            waiting: VecDeque::new(),
            paced: Moment::START,
            slowest: Duration::ZERO,
            tried: 0,
            stages: 0,
            next_socket: 1,
            stage: Stage::Over,
        };
        check.next_trial();
        check
    }

    /// What is known by now: when it is done, or was broken off.
    #[must_use]
    pub fn lifetime(&self) -> (Lifetime, Verdict<Duration>) {
        let (samples, server, why): (&[Sample], _, _) = match &self.stage {
            Stage::Over => {
                (&[], None, Why::Mode(ModeWhy::NobodyHelps { servers: u32::try_from(self.tried).unwrap_or(u32::MAX) }))
            }
            Stage::Trial(_) => (&[], None, Why::RanOutOfTime { after: self.now.since_start() }),
            Stage::Grid(grid) => {
                (&grid.samples, Some(grid.server()), Why::RanOutOfTime { after: self.now.since_start() })
            }
        };
        let lifetime = Lifetime {
            single: bracket(samples, Class::Single, Some(&why)),
            stream: bracket(samples, Class::Stream, Some(&why)),
            server,
        };
        let safe = safe(&lifetime);
        (lifetime, safe)
    }

    /// For a display.
    #[must_use]
    pub fn progress(&self) -> Progress {
        let (lifetime, _) = self.lifetime();
        let known = |bracket: &Verdict<Bracket>| bracket.value().copied();
        let nothing = Bracket { alive: Duration::ZERO, dead: None };
        let left = match &self.stage {
            Stage::Grid(grid) => grid.left(self.now),
            Stage::Trial(_) => self.input.limit.saturating_sub(self.now.since_start()),
            Stage::Over => Duration::ZERO,
        };
        Progress {
            left,
            single: known(&lifetime.single).unwrap_or(nothing),
            stream: known(&lifetime.stream).unwrap_or(nothing),
        }
    }

    fn next_trial(&mut self) {
        let Some((server, _)) = self.input.servers.get(self.tried) else {
            self.stage = Stage::Over;
            return;
        };
        let change = self.input.filters && self.input.same_mapping;
        let trial = Trial::new(*server, change, self.next_socket, self.now);
        self.stage = Stage::Trial(Box::new(trial));
        self.next_socket = self.next_socket.saturating_add(Trial::SOCKETS);
        self.tried += 1;
        self.stages += 1;
        self.waiting.clear();
    }

    /// Before a request is sent again, and before silence means anything.
    fn retransmit(&self) -> Duration {
        let round_trip = self.tried.checked_sub(1).and_then(|index| self.input.servers.get(index)?.1);
        let expected = round_trip.map_or(Duration::from_millis(500), |known| known * 2 + Duration::from_millis(200));
        expected.max(self.slowest * 3 / 2 + Duration::from_millis(100)).min(TRYING)
    }

    fn advance(&mut self) {
        let (now, retransmit) = (self.now, self.retransmit());
        match &mut self.stage {
            Stage::Trial(trial) => {
                self.waiting.extend(trial.asks(now, retransmit));
                match trial.outcome {
                    trial::Outcome::Open => {}
                    trial::Outcome::Helps(helper) => {
                        let left = self.input.limit.saturating_sub(now.since_start());
                        self.stage = Stage::Grid(Box::new(Grid::new(helper, self.next_socket, now, left, retransmit)));
                        self.stages += 1;
                        self.waiting.clear();
                    }
                    trial::Outcome::Useless => self.next_trial(),
                }
            }
            Stage::Grid(grid) => {
                let needed = if grid.is_trying() { copies_needed_of(&self.sent, now, retransmit) } else { 0 };
                self.waiting.extend(grid.asks(now, needed, retransmit));
            }
            Stage::Over => {}
        }
    }

    fn out_of_time(&self) -> bool {
        self.now.since_start() >= self.input.limit
    }
}

/// How many copies must be silent before chance explains it no more. Loss is counted where nothing but loss can be the
/// reason of silence: not among copies to mappings that may be dead, nor among those that may be refused.
fn copies_needed_of(sent: &HashMap<ProbeId, Sent>, now: Moment, patience: Duration) -> u32 {
    let plain = |sent: &&Sent| !matches!(sent.tag, Tag::Copy { .. });
    let settled = || sent.values().filter(plain).filter(|sent| sent.heard || now.since(sent.at) >= patience);
    let number = |many: usize| u32::try_from(many).unwrap_or(u32::MAX);
    copies_needed(number(settled().filter(|sent| !sent.heard).count()), number(settled().count()))
}

impl Check for LifetimeCheck {
    fn poll_probe(&mut self, now: Moment) -> Option<Probe> {
        self.now = self.now.max(now);
        if self.is_done() {
            return None;
        }
        self.advance();
        if self.paced > now {
            return None;
        }
        let ask = self.waiting.pop_front()?;
        self.paced = now + PACE;
        let id = ProbeId(self.asked);
        self.asked += 1;
        self.sent.insert(id, Sent { stage: self.stages, tag: ask.tag, at: now, heard: false });
        match &mut self.stage {
            Stage::Trial(trial) => trial.launched(ask.tag, now),
            Stage::Grid(grid) => grid.launched(ask.tag, now),
            Stage::Over => {}
        }
        let slot = Slot::Shared { family: self.input.family, index: ask.socket };
        Some(Probe { id, question: Question::Stun { slot, server: ask.server, form: ask.form } })
    }

    fn poll_timeout(&self) -> Option<Moment> {
        let due = match &self.stage {
            Stage::Trial(trial) => trial.due(),
            Stage::Grid(grid) => grid.due(self.now),
            Stage::Over => None,
        };
        let paced = Some(self.paced).filter(|_| !self.waiting.is_empty());
        let end = Moment::after_start(self.input.limit);
        // Somebody may want to be told how much time is left.
        let tick = self.now + Duration::from_millis(500);
        [due, paced, Some(end), Some(tick)].into_iter().flatten().min()
    }

    fn observe(&mut self, now: Moment, observation: Observation) {
        self.now = self.now.max(now);
        let (Outcome::Stun(reply) | Outcome::StunDuplicate(reply)) = &observation.outcome else { return };
        let Some(sent) = observation.probe.and_then(|probe| self.sent.get_mut(&probe)) else { return };
        sent.heard = true;
        self.slowest = self.slowest.max(observation.round_trip());
        let (of, tag) = (sent.stage, sent.tag);
        let (sent_at, at) = (observation.sent_at, observation.at);
        match &mut self.stage {
            Stage::Trial(trial) if of == self.stages => trial.hear(tag, sent_at, at, reply),
            Stage::Grid(grid) if of == self.stages => grid.hear(tag, sent_at, at, reply),
            _ => {}
        }
    }

    fn is_done(&self) -> bool {
        self.out_of_time()
            || match &self.stage {
                Stage::Trial(_) => false,
                Stage::Grid(grid) => grid.is_done(),
                Stage::Over => true,
            }
    }
}
