//! A check that asks what it is told to ask and concludes nothing: the simulator's own test subject.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use natscope::model::Family;
use natscope::probe::{Check, Moment, Observation, Probe, ProbeId, Question, Slot, StunForm};

/// Asks each question at its moment, and listens until the end.
pub(crate) struct Survey {
    plan: VecDeque<(Moment, Probe)>,
    until: Moment,
    now: Moment,
    pub(crate) heard: Vec<Observation>,
}

impl Survey {
    /// Asks in this order, all at once, and listens for ten seconds.
    pub(crate) fn of(questions: impl IntoIterator<Item = Question>) -> Self {
        Self::spaced(Duration::ZERO, questions)
    }

    /// Asks in this order with this pause between.
    pub(crate) fn spaced(pause: Duration, questions: impl IntoIterator<Item = Question>) -> Self {
        let plan: VecDeque<_> = (0..)
            .zip(questions)
            .map(|(n, question)| (Moment::after_start(pause * n), Probe { id: ProbeId(n), question }))
            .collect();
        let last = plan.back().map_or(Moment::START, |(at, _)| *at);
        Self { plan, until: last + Duration::from_secs(10), now: Moment::START, heard: Vec::new() }
    }
}

impl Check for Survey {
    fn poll_probe(&mut self, now: Moment) -> Option<Probe> {
        self.now = now;
        let due = self.plan.front().is_some_and(|(at, _)| *at <= now);
        due.then(|| self.plan.pop_front())?.map(|(_, probe)| probe)
    }

    fn poll_timeout(&self) -> Option<Moment> {
        Some(self.plan.front().map_or(self.until, |(at, _)| *at))
    }

    fn observe(&mut self, _now: Moment, observation: Observation) {
        self.heard.push(observation);
    }

    fn is_done(&self) -> bool {
        self.plan.is_empty() && self.now >= self.until
    }
}

/// A STUN request from a shared socket.
pub(crate) fn stun(index: u8, server: SocketAddr) -> Question {
    let family = Family::of(server.ip());
    Question::Stun { slot: Slot::Shared { family, index }, server, form: StunForm::Tailnode }
}
