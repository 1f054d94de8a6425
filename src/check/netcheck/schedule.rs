//! When the next copy to a server is due, by what the run has shown so far.

use std::time::Duration;

use super::timing;
use crate::probe::Moment;

/// What the run as a whole has shown so far, as far as one track's patience depends on it.
#[derive(Clone, Debug, Default)]
pub(super) struct Signs {
    /// Something has answered over UDP.
    pub heard_udp: bool,
    /// The longest of the best round trips of the servers that answered.
    pub slowest: Duration,
    /// A server that answers has left a copy unanswered for longer than its round trip explains.
    pub loss_seen: bool,
    /// Of each family that nothing is heard over, while TCP shows that something is up along it.
    pub silent: [Option<Unanswered>; 2],
}

/// Whom nothing is heard from over UDP along the way of a family, counted by operators.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Unanswered {
    /// Connections show that packets get lost.
    pub lossy: bool,
    /// Asked over UDP.
    pub asked: usize,
    /// Those of them that nobody knows to be up.
    pub unshown: usize,
}

impl Unanswered {
    /// Copies each server must have been sent before the silence of those that are up counts. One that nobody knows to be
    /// up may be the only one whose STUN works, at the end of a bad way; where packets get lost, so may any. That several
    /// such all lose what they were sent is as unlikely with fewer copies to each.
    pub(super) fn copies(self, up: bool) -> u32 {
        let each = |all: u32, of: usize| all.div_ceil(u32::try_from(of).unwrap_or(u32::MAX).max(1));
        if self.lossy {
            each(timing::COPIES_LOSSY_IN_ALL, self.asked).clamp(timing::MAX_COPIES, timing::MOST_COPIES_LOSSY)
        } else if up {
            0
        } else {
            each(timing::COPIES_UNSHOWN, self.unshown).max(timing::NEEDED_COPIES_SILENT)
        }
    }
}

/// What one track knows of its own server from elsewhere.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Knowledge {
    /// TCP round trip to the server, or the slowest to any while UDP is silent everywhere.
    pub tcp: Option<Duration>,
    /// STUN round trip of the same server from the measuring socket.
    pub measured: Option<Duration>,
    /// The measuring socket has given the server up.
    pub given_up: bool,
    /// Copies that [`Unanswered`] wants.
    pub more_copies: u32,
    /// The socket asks so few servers that each answer counts.
    pub few_witnesses: bool,
    /// What TCP shows of the way to the server, where nothing is heard over UDP, and its round trip.
    pub up: Option<(Shown, Duration)>,
}

/// That a way is up, as TCP shows. One that was down until then has swallowed whatever was sent before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shown {
    /// When the first packet left that showed it.
    pub since: Moment,
    /// Copies that must have left after that for silence to count.
    pub copies: u32,
}

impl Shown {
    /// By the first connection that was tried, or by one more because that one did not come about, so that packets do
    /// get lost here.
    pub(super) const fn at(since: Moment, again: bool) -> Self {
        Self { since, copies: if again { timing::COPIES } else { 1 } }
    }

    /// The earlier one counts.
    pub(super) fn min(self, other: Self) -> Self {
        if (other.since, other.copies) < (self.since, self.copies) { other } else { self }
    }
}

/// What a track wants next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Another copy, now.
    Copy {
        /// From a connected socket of its own.
        connected: bool,
    },
    /// Nothing before this moment.
    Wait(Moment),
    /// Nothing more, unless something is heard.
    Patience,
    /// It is over.
    Settled,
}

/// How long after its last needed copy a silent server is given up; `None`: not before the run's own end.
pub(super) fn patience(signs: &Signs, knowledge: Knowledge) -> Option<Duration> {
    if signs.heard_udp {
        let slow = signs.slowest * 3 / 2 + Duration::from_millis(20);
        return Some(slow.max(timing::GIVE_UP_FLOOR));
    }
    knowledge.tcp.map(|round_trip| round_trip * 3 + timing::MATURE_FLOOR)
}

/// From one copy to a silent server to the next.
pub(super) fn spacing(signs: &Signs, sent: u32, needed: u32) -> Duration {
    if signs.loss_seen {
        let index = usize::try_from(sent.saturating_sub(timing::COPIES)).unwrap_or_default();
        let last = timing::LOSSY_SPACING.len() - 1;
        return timing::LOSSY_SPACING.get(index.min(last)).copied().unwrap_or(timing::FIRST_TIMEOUT);
    }
    if sent < needed {
        // A node that got a single copy: not before the round trips seen so far say that it is late.
        return overdue(signs);
    }
    let first = timing::late_after(signs.slowest).max(timing::FIRST_TIMEOUT);
    (needed..sent).fold(first, |wait, _| wait * 3 / 2)
}

/// When a server that has not answered stands out: while answers come in from farther and farther away, it is merely
/// the next. Otherwise most of a map of the whole world would be asked once more, each from a socket of its own.
pub(super) fn overdue(signs: &Signs) -> Duration {
    timing::late_after(signs.slowest).clamp(timing::CONNECTED_AFTER, timing::FIRST_TIMEOUT)
}

pub(super) fn silent_mapping(now: Moment, signs: &Signs, knowledge: Knowledge, last: Moment, sent: u32) -> Next {
    if knowledge.given_up {
        return Next::Settled;
    }
    // A server that answers the measuring socket is there.
    let known = knowledge.measured.is_some();
    let most = if known && knowledge.few_witnesses { timing::MAX_COPIES } else { timing::MAPPING_COPIES };
    if signs.loss_seen && sent < most {
        // One copy a round trip would hold up the run by as many round trips of a far server as get lost.
        return due(now, last + spacing(signs, sent, sent), false);
    }
    let Some(round_trip) = knowledge.measured else {
        // Nobody knows yet whether the server is there; the measuring socket will find out.
        return Next::Patience;
    };
    let at = last + timing::late_after(round_trip);
    if now < at {
        Next::Wait(at)
    } else if sent < timing::MAPPING_COPIES {
        Next::Copy { connected: false }
    } else {
        Next::Settled
    }
}

pub(super) fn due(now: Moment, at: Moment, connected: bool) -> Next {
    if now >= at { Next::Copy { connected } } else { Next::Wait(at) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_server_that_nobody_knows_is_asked_more_often_than_each_of_many() {
        let clean = |unshown| Unanswered { lossy: false, asked: unshown + 3, unshown };
        assert_eq!((1..=4).map(|unshown| clean(unshown).copies(false)).collect::<Vec<_>>(), [14, 7, 5, 5]);
        assert_eq!(clean(1).copies(true), 0);
        let lossy = |asked| Unanswered { lossy: true, asked, unshown: 0 }.copies(true);
        assert_eq!([3, 4, 6, 9, 28].map(lossy), [18, 18, 12, 8, 7]);
    }
}
