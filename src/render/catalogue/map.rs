use super::Explanation;
use crate::report::{FindingCode, MapMistake, MapSourceReport};

/// What a language has to say of maps and of the codes of findings.
pub(in crate::render) trait MapWords {
    /// A mistake in a map: what it is with what it does, and what to write instead.
    fn map_mistake(&self, mistake: &MapMistake) -> (String, String);
    /// The long form of a finding's code.
    fn explanation(&self, code: FindingCode) -> Explanation;
    /// What a lint comes to: errors, warnings, notes.
    fn tally(&self, tally: [usize; 3]) -> String;
    /// What a text was read as, and how much is in it.
    fn map_source(&self, source: &MapSourceReport) -> String;
    /// A word about maps or explanations.
    fn map_word(&self, word: MapWord) -> &'static str;
}

/// Words about maps and explanations that stand alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::render) enum MapWord {
    Means,
    Evidence,
    Code,
    Title,
    Id,
    Source,
    Removed,
    RemovedBy,
    Replaces,
    Score,
    MoreLeftOut,
    ExplainHint,
    EmptyMap,
    Value,
    EveryCommand,
    FromFlag,
    FromVariable,
    FromDefault,
    NoConfigFile,
    ConfigFile,
}
