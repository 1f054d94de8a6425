//! The home region: the nearest relay, and loyalty to the one before.

use std::time::Duration;

use super::Input;
use crate::model::RegionId;
use crate::probe::Failure;

/// A home must be nearer by this much to replace the one before …
const MUCH_NEARER: Duration = Duration::from_millis(10);

/// A region that was measured and may be home.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Candidate {
    pub region: RegionId,
    pub latency: Duration,
    /// `RegionScore` of the map.
    pub score: Option<f64>,
    /// Deprecated `Avoid`: only home if it is already.
    pub avoid: bool,
    /// Its relay does not answer over TCP, and how it failed.
    pub down: Option<Failure>,
}

/// The outcome.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Election {
    pub region: RegionId,
    /// The nearest candidate, when loyalty kept another one.
    pub kept_despite: Option<RegionId>,
    /// The second best.
    pub next: Option<RegionId>,
    /// A better one that is down.
    pub passed_over: Option<RegionId>,
}

impl Candidate {
    /// A measured region as a candidate; `None` when it may never be home (no relay, or not to be measured).
    pub(super) fn of(input: &Input, region: RegionId, latency: Duration, down: Option<Failure>) -> Option<Self> {
        let of_map = input.map.regions.get(&region)?;
        let may = of_map.has_relay() && !of_map.no_measure_no_home;
        let score = input.map.home_params.region_score.get(&region).copied();
        may.then_some(Self { region, latency, score, avoid: of_map.avoid, down })
    }

    /// The latency by the map's measure: what is compared, wherever latencies of two regions are. (Tailscale weighs the
    /// new home and not the old one, so a score below 1 makes it leave a home it would choose again.)
    fn weight(&self) -> Duration {
        let score = self.score.filter(|score| *score > 0.0).unwrap_or(1.0);
        Duration::try_from_secs_f64(self.latency.as_secs_f64() * score).unwrap_or(Duration::MAX)
    }
}

/// Elects among candidates. Tailscale's rule: the lowest latency wins; but the home before is kept while it answers, if
/// the winner is nearer by less than 10 ms or takes more than two thirds of its latency. Each latency is taken times
/// the region's score.
pub(super) fn elect(candidates: &[Candidate], previous: Option<RegionId>) -> Option<Election> {
    let mut up: Vec<&Candidate> = candidates
        .iter()
        .filter(|candidate| candidate.down.is_none())
        .filter(|candidate| !candidate.avoid || Some(candidate.region) == previous)
        .collect();
    up.sort_by_key(|candidate| (candidate.weight(), candidate.region));
    let best = *up.first()?;
    let passed_over = candidates
        .iter()
        .filter(|candidate| candidate.down.is_some() && !candidate.avoid && candidate.weight() < best.weight())
        .min_by_key(|candidate| (candidate.weight(), candidate.region))
        .map(|candidate| candidate.region);
    let old = previous.and_then(|previous| up.iter().find(|candidate| candidate.region == previous));
    if let Some(old) = old
        && old.region != best.region
    {
        let (old_weight, best_weight) = (old.weight(), best.weight());
        let gain = old_weight.saturating_sub(best_weight);
        if gain < MUCH_NEARER || best_weight.saturating_mul(3) > old_weight.saturating_mul(2) {
            return Some(Election {
                region: old.region,
                kept_despite: Some(best.region),
                next: Some(best.region),
                passed_over: None,
            });
        }
    }
    Some(Election {
        region: best.region,
        kept_despite: None,
        next: up.get(1).map(|candidate| candidate.region),
        passed_over,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::{Cause, Stage};

    fn candidate(region: u64, millis: u64) -> Candidate {
        Candidate {
            region: RegionId(region),
            latency: Duration::from_millis(millis),
            score: None,
            avoid: false,
            down: None,
        }
    }

    fn elected(candidates: &[Candidate], previous: Option<u64>) -> Option<u64> {
        elect(candidates, previous.map(RegionId)).map(|election| election.region.0)
    }

    #[test]
    fn the_nearest_wins_and_ties_go_to_the_lower_id() {
        assert_eq!(elected(&[candidate(1, 30), candidate(2, 10), candidate(3, 20)], None), Some(2));
        assert_eq!(elected(&[candidate(5, 10), candidate(4, 10)], None), Some(4));
        assert_eq!(elected(&[], Some(1)), None);
    }

    #[test]
    fn the_home_before_is_kept_unless_the_new_one_is_much_nearer() {
        // 9 ms nearer: kept. 10 ms nearer and at most two thirds: replaced. 40 → 30 is more than two thirds: kept.
        assert_eq!(elected(&[candidate(1, 19), candidate(2, 10)], Some(1)), Some(1));
        assert_eq!(elected(&[candidate(1, 20), candidate(2, 10)], Some(1)), Some(2));
        assert_eq!(elected(&[candidate(1, 40), candidate(2, 30)], Some(1)), Some(1));
        assert_eq!(elected(&[candidate(1, 45), candidate(2, 30)], Some(1)), Some(2));
        // The home before was not measured this time.
        assert_eq!(elected(&[candidate(2, 30)], Some(1)), Some(2));
    }

    #[test]
    fn scores_weigh_and_avoided_regions_stay_only_where_they_are_home() {
        let favoured = Candidate { score: Some(0.5), ..candidate(1, 30) };
        assert_eq!(elected(&[favoured, candidate(2, 20)], None), Some(1));
        let avoided = Candidate { avoid: true, ..candidate(1, 5) };
        assert_eq!(elected(&[avoided.clone(), candidate(2, 20)], None), Some(2));
        assert_eq!(elected(&[avoided, candidate(2, 20)], Some(1)), Some(1));
    }

    #[test]
    fn loyalty_weighs_both_sides() {
        let scored = |region, millis, score| Candidate { score: Some(score), ..candidate(region, millis) };
        // 42 ms count as 21: nearer than 30, and by less than 10 ms.
        assert_eq!(elected(&[candidate(1, 30), scored(2, 42, 0.5)], Some(1)), Some(1));
        // 36 ms count as 18: at most two thirds of 30, though they are more than 30.
        assert_eq!(elected(&[candidate(1, 30), scored(2, 36, 0.5)], Some(1)), Some(2));
        // The home before counts as 20 as well: what is as far by its own score does not replace it.
        assert_eq!(elected(&[scored(1, 40, 0.5), candidate(2, 15)], Some(1)), Some(1));
        assert_eq!(elected(&[scored(1, 40, 0.5), candidate(2, 10)], Some(1)), Some(2));
        assert_eq!(elected(&[scored(1, 40, 2.0), candidate(2, 39)], Some(1)), Some(2));
        assert_eq!(elected(&[scored(1, 30, 0.0), candidate(2, 20)], None), Some(2), "no weight at all is no weight");
    }

    #[test]
    fn a_relay_that_is_down_is_passed_over_by_name() {
        let down = Candidate { down: Some(Failure::new(Stage::Connect, Cause::Refused)), ..candidate(1, 5) };
        let election = elect(&[down, candidate(2, 20)], Some(RegionId(1))).unwrap();
        assert_eq!(election.region, RegionId(2));
        assert_eq!(election.passed_over, Some(RegionId(1)));
    }
}
