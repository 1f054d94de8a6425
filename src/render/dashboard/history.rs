//! What a region was like in the runs before.

use std::collections::VecDeque;
use std::time::Duration;

use crate::report::RegionReport;

/// Runs kept: as many as the widest terminal shows.
const RUNS: usize = 240;

/// Half a cell is what does not change, and a cell is twice as much.
const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// A run in which there was no latency.
const NONE: char = '×';

/// The runs of one region, oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    runs: VecDeque<Run>,
}

#[derive(Clone, Copy, Debug)]
struct Run {
    latency: Option<Duration>,
    loss: Option<f64>,
}

impl History {
    pub(super) fn push(&mut self, region: &RegionReport) {
        self.runs.push_back(Run { latency: region.latency, loss: region.loss });
        if self.runs.len() > RUNS {
            self.runs.pop_front();
        }
    }

    /// Share of round trips lost, over the runs that could tell; `None` when none could.
    pub(super) fn loss(&self) -> Option<f64> {
        let told: Vec<f64> = self.runs.iter().filter_map(|run| run.loss).collect();
        let runs = u32::try_from(told.len()).unwrap_or(u32::MAX);
        (runs > 0).then(|| told.iter().sum::<f64>() / f64::from(runs))
    }

    /// The newest runs that fit, a cell each. Blocks are scaled to what is shown: a region that is steady is half as high as
    /// one that once took twice as long.
    pub(super) fn line(&self, cells: usize) -> String {
        let shown = || self.runs.iter().skip(self.runs.len().saturating_sub(cells));
        let latencies = || shown().filter_map(|run| run.latency);
        let (least, most) = (latencies().min().unwrap_or_default(), latencies().max().unwrap_or_default());
        let full = most.max(least.saturating_mul(2)).as_nanos().max(1);
        let block = |latency: Duration| {
            let eighth = latency.as_nanos().saturating_mul(8).div_ceil(full).clamp(1, 8) - 1;
            usize::try_from(eighth).ok().and_then(|eighth| BLOCKS.get(eighth)).copied().unwrap_or(NONE)
        };
        shown().map(|run| run.latency.map_or(NONE, block)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(millis: &[Option<u64>]) -> History {
        let run = |millis: &Option<u64>| Run { latency: millis.map(Duration::from_millis), loss: None };
        History { runs: millis.iter().map(run).collect() }
    }

    #[test]
    fn steady_is_half_high_and_a_gap_is_seen() {
        assert_eq!(history(&[Some(20), Some(20), Some(20)]).line(10), "▄▄▄");
        assert_eq!(history(&[Some(10), None, Some(40), Some(80)]).line(10), "▁×▄█");
        assert_eq!(history(&[Some(10), None, Some(40), Some(80)]).line(2), "▄█");
        assert_eq!(history(&[None, None]).line(10), "××");
        assert_eq!(history(&[Some(0)]).line(10), "▁");
        assert_eq!(history(&[Some(20)]).line(0), "");
        assert_eq!(history(&[]).line(10), "");
    }

    #[test]
    fn loss_is_of_the_runs_that_could_tell() {
        let with = |losses: &[Option<f64>]| {
            History { runs: losses.iter().map(|loss| Run { latency: None, loss: *loss }).collect() }.loss()
        };
        assert_eq!(with(&[None, Some(0.5), Some(0.0), None]), Some(0.25));
        assert_eq!(with(&[None, None]), None);
        assert_eq!(with(&[]), None);
    }

    #[test]
    fn no_more_is_kept_than_is_shown() {
        let mut history = History::default();
        let region = crate::render::sample::measured(1, "fra", "Frankfurt", 20_000, 20_000, 0);
        for _ in 0..1000 {
            history.push(&region);
        }
        assert_eq!(history.line(usize::MAX).chars().count(), RUNS);
    }
}
