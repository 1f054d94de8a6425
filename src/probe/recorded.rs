use std::time::Duration;

use super::{Check, Launch, Moment, Observation, Probe, Question, Record};

/// A check together with a record of all it asked and was told, for checks that conclude from what they remember
/// rather than from a record.
#[derive(Debug)]
pub struct Recorded<C> {
    check: C,
    tape: Tape,
}

/// A record that tells in which order everything happened: all it takes to run the check again as it was run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tape {
    /// What was asked and heard.
    pub record: Record,
    /// When the check was told of each observation, which is a moment after it was made.
    pub told: Vec<Moment>,
    /// When the check had nothing to ask: what it made of that moment may matter later.
    pub idle: Vec<Moment>,
    /// What came after what.
    pub turns: Vec<Turn>,
}

/// One thing that happens to a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It was asked for a probe, and had one.
    Launch,
    /// It was asked for a probe, and had none.
    Idle,
    /// It was told an observation.
    Tell,
}

impl Turn {
    /// As it is written in a saved report, where there are thousands.
    #[must_use]
    pub const fn letter(self) -> char {
        match self {
            Self::Launch => 'l',
            Self::Idle => 'i',
            Self::Tell => 't',
        }
    }

    /// What [`Self::letter`] has written.
    #[must_use]
    pub fn of_letter(letter: char) -> Option<Self> {
        [Self::Launch, Self::Idle, Self::Tell].into_iter().find(|turn| turn.letter() == letter)
    }
}

/// The record is not one of this check: it would have asked something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("probe p{at} is not what would be asked there: this was recorded by another version, or has been edited")]
pub struct NotReplayed {
    /// The first probe that differs.
    pub at: usize,
}

impl<C> Recorded<C> {
    /// A check that has asked nothing yet.
    pub fn new(check: C) -> Self {
        Self { check, tape: Tape::default() }
    }

    /// The check.
    pub const fn check(&self) -> &C {
        &self.check
    }

    /// The check, and all it asked and was told.
    pub fn into_parts(self) -> (C, Tape) {
        (self.check, self.tape)
    }
}

impl<C: Check> Check for Recorded<C> {
    fn poll_probe(&mut self, now: Moment) -> Option<Probe> {
        let probe = self.check.poll_probe(now);
        let record = &mut self.tape.record;
        record.ended_at = record.ended_at.max(now);
        if let Some(probe) = &probe {
            record.launches.push(Launch { probe: probe.clone(), at: now });
            self.tape.turns.push(Turn::Launch);
        } else {
            self.tape.idle.push(now);
            self.tape.turns.push(Turn::Idle);
        }
        probe
    }

    fn poll_timeout(&self) -> Option<Moment> {
        self.check.poll_timeout()
    }

    fn observe(&mut self, now: Moment, observation: Observation) {
        let record = &mut self.tape.record;
        record.ended_at = record.ended_at.max(now);
        record.observations.push(observation.clone());
        self.tape.told.push(now);
        self.tape.turns.push(Turn::Tell);
        self.check.observe(now, observation);
    }

    fn is_done(&self) -> bool {
        self.check.is_done()
    }
}

impl Tape {
    /// A tape of a record alone, for checks that do not mind when they are asked, nor being told at once.
    #[must_use]
    pub fn of(record: Record) -> Self {
        let told: Vec<Moment> = record.observations.iter().map(|observation| observation.at).collect();
        let launches = record.launches.iter().map(|launch| (launch.at, Turn::Launch));
        let mut turns: Vec<_> = launches.chain(told.iter().map(|at| (*at, Turn::Tell))).collect();
        turns.sort_by_key(|(at, _)| *at);
        let turns = turns.into_iter().map(|(_, turn)| turn).collect();
        Self { record, told, idle: Vec::new(), turns }
    }

    /// Runs a check that has asked nothing yet as it was run when this was recorded.
    pub fn replay(&self, check: &mut impl Check) -> Result<(), NotReplayed> {
        let Record { launches, observations, ended_at } = &self.record;
        let mut launches = launches.iter().enumerate();
        let mut told = observations.iter().zip(&self.told);
        let mut idle = self.idle.iter();
        let mut at = 0;
        for turn in &self.turns {
            let as_then = match turn {
                Turn::Launch => launches.next().is_some_and(|(index, launch)| {
                    at = index;
                    check.poll_probe(launch.at).is_some_and(|probe| is_same(&probe, &launch.probe))
                }),
                Turn::Idle => idle.next().is_some_and(|now| check.poll_probe(*now).is_none()),
                Turn::Tell => told.next().is_some_and(|(observation, now)| {
                    check.observe(*now, observation.clone());
                    true
                }),
            };
            if !as_then {
                return Err(NotReplayed { at });
            }
        }
        // Time alone may end a check.
        check.poll_probe(*ended_at).map_or(Ok(()), |_| Err(NotReplayed { at }))
    }
}

/// Whether the same is asked, however long an answer is waited for: that depends on when it is asked.
fn is_same(one: &Probe, other: &Probe) -> bool {
    one.id == other.id && timeless(&one.question) == timeless(&other.question)
}

/// A question without how long an answer is waited for, which depends on when it is asked.
fn timeless(question: &Question) -> Question {
    let mut question = question.clone();
    match &mut question {
        Question::Resolve { timeout, .. }
        | Question::StunStream { timeout, .. }
        | Question::HttpsLatency { timeout, .. }
        | Question::Icmp { timeout, .. }
        | Question::CaptivePortal { timeout, .. }
        | Question::PortMapping { timeout, .. } => *timeout = Duration::ZERO,
        Question::Relay(question) => question.timeout = Duration::ZERO,
        Question::Stun { .. } => {}
    }
    question
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Family;
    use crate::probe::{Outcome, ProbeId, Slot, Stage, StunForm};

    /// Asks for two probes, and for a third when it was told something before it was asked at a second.
    #[derive(Default)]
    struct Curious {
        asked: u32,
        told: bool,
    }

    impl Check for Curious {
        fn poll_probe(&mut self, now: Moment) -> Option<Probe> {
            let more = self.asked < 2 || self.asked == 2 && self.told && now.since_start() >= Duration::from_secs(1);
            let slot = Slot::Shared { family: Family::V4, index: 0 };
            let server = "192.0.2.1:3478".parse().unwrap();
            more.then(|| {
                self.asked += 1;
                let question = Question::Stun { slot, server, form: StunForm::Plain };
                Probe { id: ProbeId(self.asked), question }
            })
        }

        fn poll_timeout(&self) -> Option<Moment> {
            None
        }

        fn observe(&mut self, _: Moment, _: Observation) {
            self.told = true;
        }

        fn is_done(&self) -> bool {
            self.asked == 3
        }
    }

    fn tape() -> Tape {
        let mut recorded = Recorded::new(Curious::default());
        let at = |millis| Moment::after_start(Duration::from_millis(millis));
        while recorded.poll_probe(at(0)).is_some() {}
        assert!(recorded.poll_probe(at(1000)).is_none(), "it was told nothing");
        let outcome = Outcome::Unfinished { stage: Stage::Stun };
        // Made before it was last asked, and told afterwards.
        recorded.observe(at(1001), Observation { probe: None, sent_at: at(0), at: at(990), outcome });
        while recorded.poll_probe(at(1001)).is_some() {}
        recorded.into_parts().1
    }

    #[test]
    fn what_was_recorded_runs_again_turn_by_turn() {
        let tape = tape();
        assert_eq!(tape.turns.iter().map(|turn| turn.letter()).collect::<String>(), "lliitli");
        let mut check = Curious::default();
        assert_eq!(tape.replay(&mut check), Ok(()));
        assert!(check.is_done() && check.told);
    }

    #[test]
    fn what_was_recorded_of_something_else_does_not() {
        let tape = tape();
        let replay = |tape: &Tape| tape.replay(&mut Curious::default());
        let mut other = tape.clone();
        if let Question::Stun { form, .. } = &mut other.record.launches[1].probe.question {
            *form = StunForm::Tailnode;
        }
        assert_eq!(replay(&other), Err(NotReplayed { at: 1 }));
        let mut fewer = tape.clone();
        fewer.record.launches.truncate(2);
        assert_eq!(replay(&fewer), Err(NotReplayed { at: 1 }), "a turn without its probe");
        let mut sooner = tape;
        sooner.turns.truncate(2);
        sooner.turns.insert(0, Turn::Idle);
        assert_eq!(replay(&sooner), Err(NotReplayed { at: 0 }));
    }
}
