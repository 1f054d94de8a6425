//! A link at work: who gets lost, who comes late, who comes twice.

use std::time::Duration;

use natscope::probe::Moment;

use crate::random::Random;
use crate::world::Link;

/// A link and the state of its bursts.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Links {
    /// Gilbert–Elliott state per direction: whether in a burst, and until when.
    bursts: [(bool, Moment); 2],
}

/// Which way a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Out,
    Back,
}

/// Milliseconds as a duration, to the nanosecond.
pub(crate) fn millis(ms: f64) -> Duration {
    Duration::from_nanos((ms * 1e6).round() as u64)
}

impl Links {
    /// Whether a packet gets lost.
    pub(crate) fn loses(&mut self, link: &Link, way: Way, now: Moment, random: &mut Random) -> bool {
        let chance = match way {
            Way::Out => link.loss_out,
            Way::Back => link.loss_back,
        };
        self.in_burst(link, way, now, random) || random.chance(chance)
    }

    fn in_burst(&mut self, link: &Link, way: Way, now: Moment, random: &mut Random) -> bool {
        if link.burst_ms <= 0.0 {
            return false;
        }
        let (bursting, until) = &mut self.bursts[way as usize];
        if *until == Moment::START {
            // The state the link is found in: as often bursting as it bursts.
            *bursting = random.chance(link.burst_ms / (link.burst_ms + link.calm_ms));
            *until = Moment::START + random.exponential(millis(if *bursting { link.burst_ms } else { link.calm_ms }));
        }
        while *until <= now {
            *bursting = !*bursting;
            let mean = millis(if *bursting { link.burst_ms } else { link.calm_ms }).max(Duration::from_micros(100));
            *until = *until + random.exponential(mean).max(Duration::from_micros(1));
        }
        *bursting
    }
}

/// What a way adds to half the round trip.
pub(crate) fn extra(link: &Link, way: Way, random: &mut Random) -> Duration {
    let jitter = random.up_to(millis(link.jitter_ms / 2.0));
    let late = way == Way::Back && random.chance(link.late);
    if late { jitter + millis(link.late_ms) } else { jitter }
}
