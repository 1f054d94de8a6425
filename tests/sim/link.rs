//! A link at work: who gets lost, who comes late, who comes twice.

use std::time::Duration;

use natscope::probe::Moment;

use crate::random::Random;
use crate::world::Link;

/// A link and the state of its bursts, by direction.
#[derive(Clone, Debug, Default)]
pub(crate) struct Links {
    bursts: [Bursts; 2],
}

/// Gilbert–Elliott: when losing everything begins and ends. Kept, since packets are not asked for in the order of time:
/// a TCP exchange is worked out to its end when it begins.
#[derive(Clone, Debug, Default)]
struct Bursts {
    at_first: bool,
    changes: Vec<Moment>,
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
        let bursts = &mut self.bursts[way as usize];
        let mean = |bursting: bool| millis(if bursting { link.burst_ms } else { link.calm_ms });
        if bursts.changes.is_empty() {
            // The state the link is found in: as often bursting as it bursts.
            bursts.at_first = random.chance(link.burst_ms / (link.burst_ms + link.calm_ms));
            bursts.changes.push(Moment::START + random.exponential(mean(bursts.at_first)));
        }
        while let Some(last) = bursts.changes.last().copied().filter(|last| *last <= now) {
            let bursting = bursts.at_first ^ (bursts.changes.len() % 2 == 1);
            let mean = mean(bursting).max(Duration::from_micros(100));
            bursts.changes.push(last + random.exponential(mean).max(Duration::from_micros(1)));
        }
        bursts.at_first ^ (bursts.changes.partition_point(|change| *change <= now) % 2 == 1)
    }
}

/// What a way adds to half the round trip.
pub(crate) fn extra(link: &Link, way: Way, random: &mut Random) -> Duration {
    let jitter = random.up_to(millis(link.jitter_ms / 2.0));
    let late = way == Way::Back && random.chance(link.late);
    if late { jitter + millis(link.late_ms) } else { jitter }
}
