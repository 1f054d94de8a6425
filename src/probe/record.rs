use serde::{Deserialize, Serialize};

use super::{Moment, Observation, Probe};

/// Everything a run asked and heard: what conclusions are drawn from, and what `--save` keeps.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Probes in the order they were launched. Probe `pN` is not always at index N.
    pub launches: Vec<Launch>,
    /// Observations in the order they were told.
    pub observations: Vec<Observation>,
    /// When the run ended.
    #[serde(rename = "ended_at_ms")]
    pub ended_at: Moment,
}

/// A probe and when it was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Launch {
    /// The probe.
    pub probe: Probe,
    /// When the check asked for it.
    #[serde(rename = "at_ms")]
    pub at: Moment,
}
