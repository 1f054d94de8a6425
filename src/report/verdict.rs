use super::Why;
use crate::probe::ProbeId;

/// A conclusion. Unknown is never bare: without a value there is always a why, by construction.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict<T> {
    value: Option<T>,
    why: Option<Why>,
    confidence: Option<Confidence>,
    evidence: Vec<ProbeId>,
}

/// How sure a verdict is. Never a licence to be wrong: what could be wrong is undetermined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// One line of evidence, or a known gap.
    Low,
    /// Enough evidence, with something left unchecked.
    Medium,
    /// Several independent lines of evidence agree.
    High,
}

impl<T> Verdict<T> {
    /// A verdict that stands on `evidence`.
    #[must_use]
    pub fn known(value: T, confidence: Confidence, evidence: impl IntoIterator<Item = ProbeId>) -> Self {
        Self { value: Some(value), why: None, confidence: Some(confidence), evidence: evidence.into_iter().collect() }
    }

    /// Undetermined, because.
    #[must_use]
    pub const fn unknown(why: Why) -> Self {
        Self { value: None, why: Some(why), confidence: None, evidence: Vec::new() }
    }

    /// The same verdict with its reason in words.
    #[must_use]
    pub fn because(mut self, why: Why) -> Self {
        self.why = Some(why);
        self
    }

    /// The same verdict, no surer than `most`.
    #[must_use]
    pub fn at_most(mut self, most: Confidence) -> Self {
        self.confidence = self.confidence.map(|confidence| confidence.min(most));
        self
    }

    /// The same verdict resting on these probes (also: what an undetermined one has looked at).
    #[must_use]
    pub fn with_evidence(mut self, evidence: impl IntoIterator<Item = ProbeId>) -> Self {
        self.evidence = evidence.into_iter().collect();
        self
    }

    /// The same verdict about something that follows from it.
    #[must_use]
    pub fn map<U>(self, conclude: impl FnOnce(T) -> U) -> Verdict<U> {
        Verdict { value: self.value.map(conclude), why: self.why, confidence: self.confidence, evidence: self.evidence }
    }

    /// The value; `None` when undetermined.
    #[must_use]
    pub const fn value(&self) -> Option<&T> {
        self.value.as_ref()
    }

    /// The reason. Always there when the value is not.
    #[must_use]
    pub const fn why(&self) -> Option<&Why> {
        self.why.as_ref()
    }

    /// How sure; `None` when undetermined.
    #[must_use]
    pub const fn confidence(&self) -> Option<Confidence> {
        self.confidence
    }

    /// The probes it rests on.
    #[must_use]
    pub fn evidence(&self) -> &[ProbeId] {
        &self.evidence
    }
}

impl Verdict<bool> {
    /// Whether it is known to be so.
    #[must_use]
    pub fn is_true(&self) -> bool {
        self.value == Some(true)
    }

    /// Whether it is known not to be so.
    #[must_use]
    pub fn is_false(&self) -> bool {
        self.value == Some(false)
    }
}
