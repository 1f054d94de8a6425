//! The driver against scripted servers on loopback.

pub(super) mod https;
mod others;
mod pace;
mod resolve;
mod stun;

use std::collections::VecDeque;
use std::time::Duration;

use super::*;

/// A check that asks fixed questions at once and listens for a while.
pub(super) struct Asking {
    questions: VecDeque<Probe>,
    wanted: usize,
    until: Moment,
    now: Moment,
    pub(super) heard: Vec<Observation>,
}

impl Asking {
    /// Is done when as many observations were heard as questions asked, or after five seconds.
    pub(super) fn new(questions: impl IntoIterator<Item = Question>) -> Self {
        let questions: VecDeque<Probe> =
            questions.into_iter().zip(0..).map(|(question, number)| Probe { id: ProbeId(number), question }).collect();
        let wanted = questions.len();
        let until = Moment::after_start(Duration::from_secs(5));
        Self { questions, wanted, until, now: Moment::START, heard: Vec::new() }
    }

    /// Is done when this many observations were heard.
    pub(super) const fn wanting(mut self, wanted: usize) -> Self {
        self.wanted = wanted;
        self
    }

    /// Gives up after that long.
    pub(super) fn until(mut self, until: Duration) -> Self {
        self.until = Moment::after_start(until);
        self
    }
}

impl Check for Asking {
    fn poll_probe(&mut self, now: Moment) -> Option<Probe> {
        self.now = now;
        self.questions.pop_front()
    }

    fn poll_timeout(&self) -> Option<Moment> {
        Some(self.until)
    }

    fn observe(&mut self, now: Moment, observation: Observation) {
        assert!(now >= observation.at && observation.at >= observation.sent_at);
        self.heard.push(observation);
    }

    fn is_done(&self) -> bool {
        self.heard.len() >= self.wanted || self.now >= self.until
    }
}

/// Asks the questions of the network as the options have it, and hands back what was heard.
pub(super) async fn ask(options: NetworkOptions, mut asking: Asking) -> Vec<Observation> {
    run(&mut asking, Network::new(options), None).await.unwrap();
    asking.heard
}

/// The one outcome of one question.
pub(super) async fn outcome_of(options: NetworkOptions, question: Question) -> Outcome {
    let mut heard = ask(options, Asking::new([question])).await;
    assert_eq!(heard.len(), 1, "{heard:?}");
    heard.remove(0).outcome
}

/// The failure of one question.
pub(super) async fn failure_of(options: NetworkOptions, question: Question) -> Failure {
    match outcome_of(options, question).await {
        Outcome::Failed(failure) => failure,
        other => panic!("no failure: {other:?}"),
    }
}
