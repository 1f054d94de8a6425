//! The classic procedure as a state machine: one lane with its tests in their order, and beside it the second socket's.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use super::Input;
use super::conclude::{Heard, Tests, conclude, other_address};
use crate::check::filtering::{MOST_COPIES, copies_needed};
use crate::model::Family;
use crate::probe::{Check, Moment, Observation, Outcome, Probe, ProbeId, Question, Slot, StunForm, StunReply};
use crate::report::Classic;

/// The socket of the procedure.
const CLASSIC: u8 = 1;
/// The one beside it.
const FRESH: u8 = 2;
/// Copies of a request that will be answered, if its server is there at all.
const COPIES: u32 = 7;
/// From the second socket, whether or not they are answered: so many that their loss can be judged by.
const FRESH_COPIES: u32 = 4;
/// The fewest copies whose silence means something, however little loss was seen: few were sent to see it.
const FEWEST_SILENT: u32 = 8;
/// Between copies that need not wait for one another.
const BETWEEN_COPIES: Duration = Duration::from_millis(25);
/// The longest it takes, whatever happens.
const LIMIT: Duration = Duration::from_secs(15);

/// A classic procedure under way.
#[derive(Debug)]
pub struct ClassicCheck {
    input: Input,
    now: Moment,
    tasks: Vec<Task>,
    sent: HashMap<ProbeId, usize>,
    /// The slowest answer so far.
    slowest: Duration,
}

/// One test, of either socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Test {
    First,
    Second,
    Elsewhere,
    Third,
    FreshFirst,
    FreshElsewhere,
    FreshNeighbour,
    ProofOther,
    ProofNeighbour,
}

impl Test {
    const fn form(self) -> StunForm {
        match self {
            Self::Second | Self::ProofOther => StunForm::ChangeAddressAndPort,
            Self::Third | Self::ProofNeighbour => StunForm::ChangePort,
            _ => StunForm::Plain,
        }
    }

    const fn socket(self) -> u8 {
        match self {
            Self::First | Self::Second | Self::Elsewhere | Self::Third => CLASSIC,
            _ => FRESH,
        }
    }

    /// Whether its silence may be the doing of a filter.
    const fn may_be_filtered(self) -> bool {
        matches!(self, Self::Second | Self::Third)
    }
}

/// A test under way.
#[derive(Debug)]
struct Task {
    test: Test,
    to: SocketAddr,
    sent: Vec<(Moment, bool)>,
    next_at: Moment,
    reply: Option<(ProbeId, StunReply)>,
    done: bool,
    /// An answer came so late that what was sent meanwhile may have let it in.
    spoiled: bool,
}

impl ClassicCheck {
    /// A procedure that has asked nothing yet.
    #[must_use]
    pub fn new(input: &Input) -> Self {
        let mut check = Self {
            input: input.clone(),
            now: Moment::START,
            tasks: Vec::new(),
            sent: HashMap::new(),
            slowest: Duration::ZERO,
        };
        check.begin(Test::First, input.server);
        check.begin(Test::FreshFirst, input.server);
        check
    }

    /// What it says, once it is done.
    #[must_use]
    pub fn classic(&self) -> Classic {
        let heard = |test| self.heard(test);
        let tests = Tests {
            first: heard(Test::First),
            second: heard(Test::Second),
            elsewhere: heard(Test::Elsewhere),
            third: heard(Test::Third),
            fresh_first: heard(Test::FreshFirst),
            fresh_elsewhere: heard(Test::FreshElsewhere),
            proof_other: heard(Test::ProofOther),
            proof_neighbour: heard(Test::ProofNeighbour),
        };
        conclude(&self.input, &tests)
    }

    fn heard(&self, test: Test) -> Heard {
        let Some(task) = self.task(test).filter(|task| !task.spoiled) else { return Heard::default() };
        let silent = (task.done && task.reply.is_none() && !self.hopeless()).then_some(task.sent.len());
        Heard { reply: task.reply.clone(), silent: silent.and_then(|copies| u32::try_from(copies).ok()) }
    }

    fn begin(&mut self, test: Test, to: SocketAddr) {
        if self.task(test).is_none() {
            self.tasks.push(Task {
                test,
                to,
                sent: Vec::new(),
                next_at: self.now,
                reply: None,
                done: false,
                spoiled: false,
            });
        }
    }

    fn task(&self, test: Test) -> Option<&Task> {
        self.tasks.iter().find(|task| task.test == test)
    }

    /// The answer to a test that is over.
    fn answer(&self, test: Test) -> Option<&StunReply> {
        let task = self.task(test).filter(|task| task.done)?;
        task.reply.as_ref().map(|(_, reply)| reply)
    }

    /// Whether a test is over without an answer.
    fn is_silent(&self, test: Test) -> bool {
        self.task(test).is_some_and(|task| task.done && task.reply.is_none())
    }

    /// Before a request is repeated that ought to be answered, and before silence means anything.
    fn patience(&self) -> Duration {
        let seen = self.input.round_trip.unwrap_or(Duration::from_millis(150));
        (seen * 2 + Duration::from_millis(200)).max(self.slowest * 3 / 2 + Duration::from_millis(100))
    }

    /// Loss, counted where nothing but loss can be the reason of silence.
    fn loss(&self) -> (u32, u32) {
        let patience = self.patience();
        let plain = self.tasks.iter().filter(|task| task.test.form() == StunForm::Plain);
        let copies = plain.flat_map(|task| &task.sent);
        let settled: Vec<_> = copies.filter(|(at, heard)| *heard || self.now.since(*at) >= patience).collect();
        let number = |many: usize| u32::try_from(many).unwrap_or(u32::MAX);
        (number(settled.iter().filter(|(_, heard)| !heard).count()), number(settled.len()))
    }

    fn needed(&self) -> u32 {
        let (lost, settled) = self.loss();
        copies_needed(lost, settled).max(FEWEST_SILENT)
    }

    /// So much is lost that chance may explain any silence.
    fn hopeless(&self) -> bool {
        self.needed() >= MOST_COPIES
    }

    /// What follows from what is known by now.
    fn advance(&mut self) {
        let (patience, needed, now) = (self.patience(), self.needed(), self.now);
        for task in &mut self.tasks {
            let wanted = task.wanted(needed);
            let sent = u32::try_from(task.sent.len()).unwrap_or(u32::MAX);
            let matured = task.sent.last().is_some_and(|(at, _)| now.since(*at) >= patience);
            let answered = task.reply.is_some() && (task.test.socket() == CLASSIC || sent >= wanted);
            task.done |= answered || (sent >= wanted && matured);
        }
        let server = self.input.server;
        let neighbour = |other: SocketAddr| SocketAddr::new(server.ip(), other.port());
        let other_of = |reply: &StunReply| other_address(server, reply);
        if let Some(other) = self.answer(Test::First).and_then(other_of) {
            self.begin(Test::Second, server);
            let direct = self.answer(Test::First).is_some_and(|reply| reply.mapped == reply.local);
            if !direct && self.is_silent(Test::Second) {
                self.begin(Test::Elsewhere, other);
            }
            let mapped = |test| self.answer(test).and_then(|reply| reply.mapped);
            if let (Some(first), Some(there)) = (mapped(Test::First), mapped(Test::Elsewhere))
                && first == there
            {
                self.begin(Test::Third, server);
            }
        }
        if let Some(other) = self.answer(Test::FreshFirst).and_then(other_of) {
            self.begin(Test::FreshElsewhere, other);
            self.begin(Test::FreshNeighbour, neighbour(other));
        }
        if self.answer(Test::FreshElsewhere).is_some() {
            self.begin(Test::ProofOther, server);
        }
        if self.answer(Test::FreshNeighbour).is_some() {
            self.begin(Test::ProofNeighbour, server);
        }
    }
}

impl Task {
    /// Copies to send if none is answered.
    const fn wanted(&self, needed: u32) -> u32 {
        if self.test.may_be_filtered() {
            needed
        } else if self.test.socket() == FRESH {
            // An answer to none of them is rare, and then it takes more.
            if self.reply.is_some() { FRESH_COPIES } else { COPIES + FRESH_COPIES }
        } else {
            COPIES
        }
    }
}

impl Check for ClassicCheck {
    fn poll_probe(&mut self, now: Moment) -> Option<Probe> {
        self.now = self.now.max(now);
        if self.is_done() {
            return None;
        }
        self.advance();
        let (needed, patience) = (self.needed(), self.patience());
        let family = Family::of(self.input.server.ip());
        let id = ProbeId(u32::try_from(self.sent.len()).ok()?);
        let due = |task: &Task| {
            let more = u32::try_from(task.sent.len()).is_ok_and(|sent| sent < task.wanted(needed));
            !task.done && task.next_at <= now && more
        };
        let (place, task) = self.tasks.iter_mut().enumerate().find(|(_, task)| due(task))?;
        let hurried = task.test.may_be_filtered() || task.test.socket() == FRESH;
        task.next_at = now + if hurried { BETWEEN_COPIES } else { patience };
        task.sent.push((now, false));
        let slot = Slot::Shared { family, index: task.test.socket() };
        let question = Question::Stun { slot, server: task.to, form: task.test.form() };
        self.sent.insert(id, place);
        Some(Probe { id, question })
    }

    fn poll_timeout(&self) -> Option<Moment> {
        let patience = self.patience();
        let open = self.tasks.iter().filter(|task| !task.done);
        let matured = |task: &Task| task.sent.last().map(|(at, _)| *at + patience);
        let moments = open.flat_map(|task| [Some(task.next_at), matured(task)]).flatten();
        moments.filter(|at| *at > self.now).chain([Moment::after_start(LIMIT)]).min()
    }

    fn observe(&mut self, now: Moment, observation: Observation) {
        self.now = self.now.max(now);
        let round_trip = observation.round_trip();
        let (Outcome::Stun(reply) | Outcome::StunDuplicate(reply)) = observation.outcome else { return };
        self.slowest = self.slowest.max(round_trip);
        let Some(id) = observation.probe else { return };
        // Test I at the other address opens the filter for the answer to Test II.
        let opened = self.task(Test::Elsewhere).is_some();
        let Some(task) = self.sent.get(&id).and_then(|place| self.tasks.get_mut(*place)) else { return };
        for (at, heard) in &mut task.sent {
            // The driver sends a moment after it was asked to; no copy is asked for that soon after another.
            *heard |= *at <= observation.sent_at && observation.sent_at < *at + BETWEEN_COPIES;
        }
        if task.test == Test::Second && task.reply.is_none() && opened {
            task.spoiled = true;
        } else if task.reply.is_none() {
            task.reply = Some((id, reply));
        }
    }

    fn is_done(&self) -> bool {
        let late = self.now.since_start() >= LIMIT;
        late || (!self.tasks.is_empty() && self.tasks.iter().all(|task| task.done))
    }
}
