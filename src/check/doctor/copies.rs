//! Copies of one question: when another is asked, and what they amount to together.
//!
//! A lost packet costs TCP a second or more, so silence alone is asked again beside, and in the end once more with much time;
//! a refusal or a break may be a moment's, so it counts only when it is seen twice.

use std::time::Duration;

use super::exam::{Entry, Exam, What};
use super::wish::Wish;
use crate::probe::{Cause, DerpStart, Failure, Moment, ProbeId, Question, RelayAnswer, Stage, StunForm};

/// A second copy of an important question is asked when the first has not been answered for this long, and a third.
const COPIES: [Duration; 2] = [Duration::from_millis(600), Duration::from_millis(1200)];

/// The same for the first touch of a port: with the system's own repetition after a second, ten tries. Where a fifth of
/// the packets is lost each way, a relay is mistaken for a dead one once in ten thousand times.
const TOUCHES: [Duration; 4] =
    [Duration::from_millis(500), Duration::from_millis(900), Duration::from_millis(1300), Duration::from_millis(1700)];

/// When what failed in a way that may be a moment's is asked again.
const REPEAT: Duration = Duration::from_millis(150);

/// How much longer than the first the last copy is waited for, where others got part of the way: TCP repeats itself five times
/// in six seconds.
const PATIENCE: Duration = Duration::from_millis(3600);

/// How far a thing asked has come.
#[derive(Clone, Copy, Debug)]
pub(super) enum State<'e> {
    NotAsked,
    /// Not answered yet, or not for sure: see [`Exam::copy`] for what is asked then. After the end of a run: not known.
    Pending,
    /// Answered: the first copy that did all it was to do, else the one whose end says most.
    Ended(&'e RelayAnswer, ProbeId),
}

impl<'e> State<'e> {
    pub(super) fn answer(self) -> Option<&'e RelayAnswer> {
        match self {
            Self::Ended(answer, _) => Some(answer),
            Self::NotAsked | Self::Pending => None,
        }
    }

    /// The answer, if all was done that was asked.
    pub(super) fn whole(self) -> Option<&'e RelayAnswer> {
        self.answer().filter(|answer| answer.ended.is_none())
    }

    pub(super) const fn probe(self) -> Option<ProbeId> {
        match self {
            Self::Ended(_, probe) => Some(probe),
            Self::NotAsked | Self::Pending => None,
        }
    }

    pub(super) const fn is_over(self) -> bool {
        matches!(self, Self::Ended(..))
    }
}

/// What the end of a copy is worth, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Worth {
    /// Nothing was heard in time.
    Silent,
    /// It failed in a way that may be a moment's.
    Fragile,
    /// It failed in a way that the other side meant, or that this host knows of itself.
    Certain,
    /// All was done.
    Whole,
}

impl Worth {
    const fn of(answer: &RelayAnswer) -> Self {
        let Some(Failure { cause, .. }) = &answer.ended else { return Self::Whole };
        match cause {
            Cause::TimedOut { .. } => Self::Silent,
            Cause::Refused | Cause::Unreachable | Cause::Reset | Cause::Closed | Cause::Proxy { .. } => Self::Fragile,
            _ => Self::Certain,
        }
    }
}

impl Exam<'_> {
    /// How far a question to the relay's port has come.
    pub(super) fn state(&self, what: &What) -> State<'_> {
        let mut best: Option<(&RelayAnswer, ProbeId)> = None;
        let mut asked = false;
        for entry in self.copies(what) {
            asked = true;
            let Some(answer) = entry.answer() else { continue };
            if best.is_none_or(|(before, _)| weight(answer) > weight(before)) {
                best = Some((answer, entry.id));
            }
        }
        let Some((answer, probe)) = best else { return if asked { State::Pending } else { State::NotAsked } };
        if is_asked_again(what) && !self.is_enough(what, Worth::of(answer)) {
            return State::Pending;
        }
        State::Ended(answer, probe)
    }

    /// Whether no other copy is to be asked or waited for, the best so far being of this worth.
    fn is_enough(&self, what: &What, best: Worth) -> bool {
        let pending = || self.copies(what).any(|entry| entry.heard.is_empty());
        match best {
            Worth::Whole | Worth::Certain => true,
            Worth::Fragile => self.worth(what, Worth::Fragile) >= 2,
            Worth::Silent => !pending() && (!self.deserves_patience(what) || self.patient(what).is_some()),
        }
    }

    /// How many copies ended so.
    fn worth(&self, what: &What, wanted: Worth) -> usize {
        self.copies(what).filter_map(Entry::answer).filter(|answer| Worth::of(answer) == wanted).count()
    }

    /// Whether silence is to be told from loss with a copy that is given much time: an answer was on its way already.
    fn deserves_patience(&self, what: &What) -> bool {
        match what {
            What::Touch(_) => {
                self.patient.tls && self.copies(what).filter_map(Entry::answer).any(|answer| answer.connect.is_some())
            }
            What::Derp(DerpStart::Upgrade) => true,
            _ => false,
        }
    }

    fn patient(&self, what: &What) -> Option<&Entry> {
        let least = self.copies(what).find_map(Entry::timeout)? + PATIENCE;
        self.copies(what).find(|entry| entry.timeout().is_some_and(|timeout| timeout >= least))
    }

    /// Whether silence at this stage is the relay's and no loss: copies were silent there, the one with much time among them.
    pub(super) fn is_silent_at(&self, what: &What, stage: Stage) -> bool {
        let at = |answer: &RelayAnswer| answer.ended.as_ref().is_some_and(|failure| failure.stage == stage);
        let copies = self.copies(what).filter_map(Entry::answer).filter(|answer| at(answer)).count();
        copies >= 2 && self.patient(what).and_then(Entry::answer).is_some_and(at)
    }

    /// Whether packets were seen to get lost on the way to the relay: a copy of a question was silent, and another was answered.
    pub(super) fn saw_loss(&self) -> bool {
        let answered = |entry: &Entry| entry.answer().is_some_and(|answer| Worth::of(answer) != Worth::Silent);
        let touches = self.touches().into_iter().map(What::Touch);
        let asked = [What::Derp(DerpStart::Upgrade), What::Exchange].into_iter().chain(touches);
        let over_tcp = asked.into_iter().any(|what| self.copies(&what).count() > 1 && self.copies(&what).any(answered));
        let over_udp = self.stun_servers().into_iter().any(|server| {
            [StunForm::Tailnode, StunForm::Plain].into_iter().any(|form| {
                let reply = self.stun_reply(server, form);
                // Those that were asked before it are silent, or are answered later.
                reply.is_some_and(|(_, _, id)| self.stun(server, form).next().is_some_and(|first| first.id != id))
            })
        });
        over_tcp || over_udp
    }

    /// The first copy of a question, or the next one where those before it are silent, or failed in a way that may be a
    /// moment's. `question` makes one with this much time, or with as much as is usual.
    pub(super) fn copy(&self, what: &What, now: Moment, question: impl Fn(Option<Duration>) -> Question) -> Wish {
        let asked: Vec<Moment> = self.copies(what).map(|entry| entry.asked_at).collect();
        let Some(first) = asked.first().copied() else { return Wish::Ask(question(None)) };
        let at = |due: Moment| if due <= now { Wish::Ask(question(None)) } else { Wish::Later(due) };
        if self.copies(what).all(|entry| entry.heard.is_empty()) {
            // Far away, a copy in time for a near relay would only be one connection more.
            let far = self.primary().and_then(|(_, touched, _)| touched.connect).unwrap_or_default() * 4;
            let is_first = matches!(what, What::Touch(_) | What::Port80);
            let schedule: &[Duration] = if is_first { &TOUCHES } else { &COPIES };
            return schedule.get(asked.len() - 1).map_or(Wish::Nothing, |after| at(first + *after + far));
        }
        let pending = self.copies(what).any(|entry| entry.heard.is_empty());
        if pending || self.state(what).is_over() {
            return Wish::Nothing;
        }
        if self.worth(what, Worth::Fragile) > 0 {
            let last = self.copies(what).flat_map(|entry| &entry.heard).map(|heard| heard.at).max().unwrap_or(now);
            return at(last + REPEAT);
        }
        if self.deserves_patience(what) && self.patient(what).is_none() {
            let first = self.copies(what).find_map(Entry::timeout).unwrap_or_default();
            return Wish::Ask(question(Some(first + PATIENCE)));
        }
        Wish::Nothing
    }

    pub(super) fn once(&self, what: &What, question: impl FnOnce() -> Question) -> Wish {
        if self.copies(what).next().is_some() { Wish::Nothing } else { Wish::Ask(question()) }
    }
}

/// Whether copies of it are asked: by [`Exam::copy`], not by [`Exam::once`].
const fn is_asked_again(what: &What) -> bool {
    matches!(what, What::Touch(_) | What::Request(_) | What::Derp(_) | What::Exchange | What::Port80)
}

/// How much the end of a copy says; among those that failed alike, how far it got.
fn weight(answer: &RelayAnswer) -> (Worth, usize) {
    let steps = [answer.connect.is_some(), answer.tls.is_some(), answer.http.is_some(), answer.derp.is_some()];
    (Worth::of(answer), steps.into_iter().filter(|step| *step).count())
}
