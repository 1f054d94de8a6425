use std::time::Duration;

use super::exam::Exam;
use super::wish::Wish;
use super::{DoctorInput, analyze};
use crate::probe::{Check, Launch, Moment, Observation, Probe, ProbeId, Record};
use crate::report::{Doctor, Finding};

/// Relays looked at at once: more would meet each other on a thin line, and their times would say less.
const AT_ONCE: usize = 6;

/// The doctor's check. It ends by itself when every relay has been looked at, or its budget is spent.
#[derive(Debug)]
pub struct DoctorRun<'a> {
    input: &'a DoctorInput,
    exams: Vec<Exam<'a>>,
    record: Record,
    next: u32,
    now: Moment,
}

impl<'a> DoctorRun<'a> {
    /// A run that has asked nothing yet.
    #[must_use]
    pub fn new(input: &'a DoctorInput) -> Self {
        let mut exams: Vec<Exam<'a>> = Vec::new();
        for patient in &input.patients {
            let same = |exam: &Exam<'_>| exam.patient.node == patient.node && exam.patient.tls == patient.tls;
            if !exams.iter().any(same) {
                exams.push(Exam::new(patient, input));
            }
        }
        Self { input, exams, record: Record::default(), next: 0, now: Moment::default() }
    }

    /// How many relays have been looked at, of how many.
    #[must_use]
    pub fn progress(&self) -> (usize, usize) {
        let over = self.exams.iter().filter(|exam| self.is_over(exam)).count();
        (over, self.exams.len())
    }

    /// What was asked and heard. Call once the run is done.
    #[must_use]
    pub fn into_record(mut self, ended_at: Moment) -> Record {
        self.record.ended_at = ended_at;
        self.record
    }

    /// What it amounts to so far.
    #[must_use]
    pub fn conclude(&self) -> (Doctor, Vec<Finding>) {
        analyze(self.input, &Record { ended_at: self.now, ..self.record.clone() })
    }

    fn is_over(&self, exam: &Exam<'_>) -> bool {
        matches!(exam.wish(self.now), Wish::Nothing) && !exam.is_waiting(self.now)
    }

    /// The relays being looked at: those begun and not over, and as many new ones as there is room for.
    fn open(&self) -> Vec<usize> {
        let open = |(_, exam): &(usize, &Exam<'a>)| !self.is_over(exam);
        let (mut begun, mut fresh): (Vec<usize>, Vec<usize>) = (Vec::new(), Vec::new());
        for (index, exam) in self.exams.iter().enumerate().filter(open) {
            if exam.entries.is_empty() { fresh.push(index) } else { begun.push(index) }
        }
        let room = AT_ONCE.saturating_sub(begun.len());
        begun.extend(fresh.into_iter().take(room));
        begun
    }

    fn is_late(&self) -> bool {
        self.now.since_start() >= self.input.budget
    }
}

impl Check for DoctorRun<'_> {
    fn poll_probe(&mut self, now: Moment) -> Option<Probe> {
        self.now = now;
        if self.is_late() {
            return None;
        }
        for index in self.open() {
            let exam = self.exams.get_mut(index)?;
            if let Wish::Ask(question) = exam.wish(now) {
                let probe = Probe { id: ProbeId(self.next), question };
                self.next += 1;
                self.record.launches.push(Launch { probe: probe.clone(), at: now });
                exam.ask(&probe, now);
                return Some(probe);
            }
        }
        None
    }

    fn poll_timeout(&self) -> Option<Moment> {
        /// How often it is looked whether silence has lasted long enough.
        const LOOK: Duration = Duration::from_millis(50);
        if self.is_done() {
            return None;
        }
        let later = self.open().into_iter().filter_map(|index| match self.exams.get(index)?.wish(self.now) {
            Wish::Later(moment) => Some(moment),
            Wish::Ask(_) => Some(self.now),
            Wish::Nothing => Some(self.now + LOOK),
        });
        let end = Moment::default() + self.input.budget;
        Some(later.min().map_or(end, |moment| moment.min(end)))
    }

    fn observe(&mut self, now: Moment, observation: Observation) {
        self.now = self.now.max(now);
        if let Some(probe) = observation.probe {
            for exam in &mut self.exams {
                exam.hear(probe, observation.sent_at, observation.at, &observation.outcome);
            }
        }
        self.record.observations.push(observation);
    }

    fn is_done(&self) -> bool {
        self.is_late() || self.exams.iter().all(|exam| self.is_over(exam))
    }
}
