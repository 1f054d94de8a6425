//! Names are resolved, then every server is asked from every local port at once.

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::{Analysis, Input, conclude};
use crate::model::Family;
use crate::probe::{
    Cause, Check, Failure, Moment, Observation, Outcome, Probe, ProbeId, Question, Slot, Stage, StunReply,
};

/// Local ports each server is asked from.
const SOCKETS: u8 = 3;
/// The longest a name may take.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(4);

/// A check of TCP mappings under way.
#[derive(Debug)]
pub struct StreamCheck {
    input: Input,
    now: Moment,
    asked: u32,
    waiting: VecDeque<Probe>,
    /// What is under way: whose it is.
    open: HashMap<ProbeId, Asked>,
    /// What came of each question.
    heard: Vec<Heard>,
    /// Endpoints asked. Of two names for one, only the first is asked for: from one local port there can be one connection
    /// to it.
    endpoints: HashSet<SocketAddr>,
}

/// A question under way.
#[derive(Clone, Copy, Debug)]
enum Asked {
    Name { server: usize, family: Family },
    Server { server: usize, slot: Slot, endpoint: SocketAddr, second: bool },
}

/// What came of a question to a server.
#[derive(Clone, Debug, PartialEq)]
pub struct Heard {
    pub(super) probe: ProbeId,
    /// Its place among the servers.
    pub(super) server: usize,
    /// From which port it was asked, and where; `None`: its name was.
    pub(super) asked: Option<(Slot, SocketAddr)>,
    /// The second port of a server, which need not be there.
    pub(super) second: bool,
    pub(super) answer: Result<(StunReply, Duration), Failure>,
}

impl StreamCheck {
    /// A check that has asked nothing yet.
    #[must_use]
    pub fn new(input: &Input) -> Self {
        let mut check = Self {
            input: input.clone(),
            now: Moment::START,
            asked: 0,
            waiting: VecDeque::new(),
            open: HashMap::new(),
            heard: Vec::new(),
            endpoints: HashSet::new(),
        };
        for (index, server) in input.servers.iter().enumerate() {
            match server.address() {
                Some(address) => check.ask(index, address, server.port, false),
                None => check.resolve(index, &server.host),
            }
        }
        check
    }

    /// What follows from what was heard.
    #[must_use]
    pub fn analyze(&self) -> Analysis {
        conclude::analyze(&self.input, &self.heard)
    }

    /// Servers that have answered, and servers asked: for a display.
    #[must_use]
    pub fn progress(&self) -> (usize, usize) {
        let answered = |server| self.heard.iter().any(|heard| heard.server == server && heard.answer.is_ok());
        ((0..self.input.servers.len()).filter(|server| answered(*server)).count(), self.input.servers.len())
    }

    fn families(&self) -> impl Iterator<Item = Family> + use<> {
        let wanted = [(Family::V4, self.input.ipv4), (Family::V6, self.input.ipv6)];
        wanted.into_iter().filter(|(_, wanted)| *wanted).map(|(family, _)| family)
    }

    fn resolve(&mut self, server: usize, host: &str) {
        for family in self.families() {
            let question = Question::Resolve { host: host.to_owned(), family, timeout: self.left(RESOLVE_TIMEOUT) };
            self.put(Asked::Name { server, family }, question);
        }
    }

    /// From every local port.
    fn ask(&mut self, server: usize, address: IpAddr, port: u16, second: bool) {
        let family = Family::of(address);
        if !self.families().any(|wanted| wanted == family) {
            return;
        }
        let endpoint = SocketAddr::new(address, port);
        if !self.endpoints.insert(endpoint) {
            return;
        }
        let tls = self.input.servers.get(server).map(|server| server.host.clone()).filter(|_| self.input.tls);
        for index in 0..SOCKETS {
            let slot = Slot::Shared { family, index };
            let timeout = self.left(self.input.budget);
            let question = Question::StunStream { slot, server: endpoint, tls: tls.clone(), timeout };
            self.put(Asked::Server { server, slot, endpoint, second }, question);
        }
    }

    fn put(&mut self, asked: Asked, question: Question) {
        let id = ProbeId(self.asked);
        self.asked += 1;
        self.open.insert(id, asked);
        self.waiting.push_back(Probe { id, question });
    }

    fn left(&self, most: Duration) -> Duration {
        self.input.budget.saturating_sub(self.now.since_start()).min(most)
    }

    fn hear(&mut self, probe: ProbeId, asked: Asked, round_trip: Duration, outcome: Outcome) {
        match asked {
            Asked::Name { server, family } => {
                let failure = match outcome {
                    Outcome::Resolved(answer) => {
                        let address = answer.addresses.into_iter().find(|address| Family::of(*address) == family);
                        if let Some(address) = address {
                            let port = self.input.servers.get(server).map_or(0, |server| server.port);
                            return self.ask(server, address, port, false);
                        }
                        Failure::new(Stage::Dns, Cause::NoAddress)
                    }
                    Outcome::Failed(failure) => failure,
                    _ => return,
                };
                self.heard.push(Heard { probe, server, asked: None, second: false, answer: Err(failure) });
            }
            Asked::Server { server, slot, endpoint, second } => {
                let answer = match outcome {
                    Outcome::Stun(reply) => Ok((reply, round_trip)),
                    Outcome::Failed(failure) => Err(failure),
                    Outcome::Unfinished { stage } => {
                        let after = self.now.since_start();
                        Err(Failure::new(stage, Cause::TimedOut { after }))
                    }
                    _ => return,
                };
                self.heard.push(Heard { probe, server, asked: Some((slot, endpoint)), second, answer });
                self.ask_second_ports();
            }
        }
    }

    /// Where one port is seen at different endpoints, it takes two ports of a server to tell on what they depend. TLS is
    /// on another port than OTHER-ADDRESS tells.
    fn ask_second_ports(&mut self) {
        if self.input.tls || !conclude::seen_differently(&self.heard) {
            return;
        }
        let second = |heard: &Heard| {
            let (_, endpoint) = heard.asked?;
            let (reply, _) = heard.answer.as_ref().ok()?;
            let other = reply.other_address.filter(|other| other.port() != endpoint.port() && !heard.second)?;
            Some((heard.server, SocketAddr::new(endpoint.ip(), other.port())))
        };
        let found: Vec<_> = self.heard.iter().filter_map(second).collect();
        for (server, endpoint) in found {
            self.ask(server, endpoint.ip(), endpoint.port(), true);
        }
    }
}

impl Check for StreamCheck {
    fn poll_probe(&mut self, now: Moment) -> Option<Probe> {
        self.now = self.now.max(now);
        self.waiting.pop_front()
    }

    fn poll_timeout(&self) -> Option<Moment> {
        Some(Moment::after_start(self.input.budget))
    }

    fn observe(&mut self, now: Moment, observation: Observation) {
        self.now = self.now.max(now);
        let Some(probe) = observation.probe else { return };
        let Some(asked) = self.open.remove(&probe) else { return };
        self.hear(probe, asked, observation.round_trip(), observation.outcome);
    }

    fn is_done(&self) -> bool {
        let late = self.now.since_start() >= self.input.budget;
        late || (self.waiting.is_empty() && self.open.is_empty())
    }
}
