//! One server asked from one socket: when the next copy is due, and when nothing more is to be expected.

use std::net::SocketAddr;
use std::time::Duration;

use super::schedule::{Knowledge, Next, Signs, due, overdue, patience, silent_mapping, spacing};
use super::timing;
use crate::probe::{Cause, Failure, Moment, ProbeId, Slot};

/// A server asked over and over from one socket.
#[derive(Clone, Debug)]
pub(super) struct Track {
    /// Index of the region in the plan.
    pub region: usize,
    /// What the answers are for.
    pub role: Role,
    pub server: SocketAddr,
    pub slot: Slot,
    /// Copies that are sent in any case.
    pub wanted: u32,
    /// When the first copy is due.
    pub start: Moment,
    pub copies: Vec<Copy>,
}

/// What a track's answers are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Latency, loss, reachability.
    Measure,
    /// The NAT's mapping only.
    Mapping,
    /// The mapping of IPv4, by servers beyond a NAT64.
    BeyondNat64,
}

/// One datagram of a track.
#[derive(Clone, Debug)]
pub(super) struct Copy {
    pub probe: ProbeId,
    pub at: Moment,
    /// It left from a connected socket of its own.
    pub connected: bool,
    pub fate: Fate,
}

#[derive(Clone, Debug)]
pub(super) enum Fate {
    Waiting,
    Answered(Duration),
    Failed(Failure),
}

impl Copy {
    /// The time until its answer.
    pub(super) const fn round_trip(&self) -> Option<Duration> {
        match self.fate {
            Fate::Answered(round_trip) => Some(round_trip),
            _ => None,
        }
    }

    const fn has_failed(&self) -> bool {
        matches!(self.fate, Fate::Failed(_))
    }
}

impl Track {
    /// The best round trip so far.
    pub(super) fn best(&self) -> Option<Duration> {
        self.round_trips().min()
    }

    /// The worst one of the shared socket.
    pub(super) fn worst(&self) -> Option<Duration> {
        self.copies.iter().filter(|copy| !copy.connected).filter_map(Copy::round_trip).max()
    }

    fn round_trips(&self) -> impl Iterator<Item = Duration> {
        self.copies.iter().filter_map(Copy::round_trip)
    }

    /// Whether anything came back, over any socket.
    pub(super) fn answered(&self) -> bool {
        self.copies.iter().any(|copy| matches!(copy.fate, Fate::Answered(_)))
    }

    /// A copy of an answering track is overdue: something was lost.
    pub(super) fn shows_loss(&self, now: Moment) -> bool {
        let Some(worst) = self.round_trips().max() else { return false };
        let late = timing::late_after(worst);
        self.copies.iter().any(|copy| matches!(copy.fate, Fate::Waiting) && !copy.connected && now >= copy.at + late)
    }

    /// What comes next.
    pub(super) fn next(&self, now: Moment, signs: &Signs, knowledge: Knowledge) -> Next {
        let mut shared = self.copies.iter().filter(|copy| !copy.connected);
        let Some(first) = shared.next() else {
            return due(now, self.start, false);
        };
        let (mut last, mut sent, mut failed) = (first, 1_u32, u32::from(first.has_failed()));
        for copy in shared {
            (last, sent, failed) = (copy, sent + 1, failed + u32::from(copy.has_failed()));
        }
        if failed == sent && failed >= 2 {
            return Next::Settled;
        }
        if sent < self.wanted {
            return due(now, last.at + timing::COPY_SPACING, false);
        }
        if self.answered() {
            return self.stragglers(now);
        }
        match self.role {
            Role::Measure => self.silent(now, signs, knowledge, first.at, last.at, sent),
            Role::Mapping => silent_mapping(now, signs, knowledge, last.at, sent),
            Role::BeyondNat64 => {
                // How far the translator is nobody knows.
                let until = last.at + timing::FIRST_TIMEOUT.max(timing::late_after(signs.slowest));
                if now < until { Next::Wait(until) } else { Next::Settled }
            }
        }
    }

    /// Answered: only copies that may still come are waited for, and not those that were only sent because the server
    /// seemed silent.
    fn stragglers(&self, now: Moment) -> Next {
        let worst = self.round_trips().max().unwrap_or_default();
        let expected = self
            .copies
            .iter()
            .filter(|copy| !copy.connected)
            .take(usize::try_from(self.wanted).unwrap_or(usize::MAX))
            .filter(|copy| matches!(copy.fate, Fate::Waiting))
            .map(|copy| copy.at + timing::lost_after(worst))
            .max();
        match expected {
            Some(until) if until > now => Next::Wait(until),
            _ => Next::Settled,
        }
    }

    fn silent(&self, now: Moment, signs: &Signs, knowledge: Knowledge, first: Moment, last: Moment, sent: u32) -> Next {
        if self.turned_away() {
            return Next::Settled;
        }
        let needed = if signs.loss_seen {
            timing::NEEDED_COPIES_LOSSY
        } else if signs.heard_udp {
            timing::NEEDED_COPIES
        } else {
            timing::NEEDED_COPIES_SILENT
        };
        let needed = needed.max(knowledge.more_copies);
        let give_up = self.shared_copy(needed).and_then(|at| patience(signs, knowledge).map(|wait| at + wait));
        let give_up = give_up.map(|at| at.max(first + timing::FARTHEST));
        let counted = self.shared_copy(knowledge.more_copies).map(|at| at + timing::FARTHEST);
        let give_up = give_up.map(|at| counted.map_or(at, |counted| at.max(counted)));
        // Silence counts from when the way is known to be up, and only once it has lasted.
        let give_up = match (give_up, knowledge.up) {
            (Some(at), Some((up, round_trip))) => {
                let mut after = self.copies.iter().filter(|copy| !copy.connected && copy.at >= up.since);
                let enough = after.nth(usize::try_from(up.copies.saturating_sub(1)).unwrap_or(usize::MAX));
                // Where the other family is heard, fewer were wanted of this one at first.
                let few = signs.heard_udp && sent < timing::NEEDED_COPIES_SILENT;
                match enough.map(|copy| copy.at).filter(|_| !few) {
                    None if sent < timing::MOST_COPIES.max(needed + up.copies) => {
                        let next = last + timing::COPY_SPACING;
                        return if now >= next { Next::Copy { connected: false } } else { Next::Wait(next) };
                    }
                    None => Some(at),
                    Some(_) if signs.heard_udp => Some(at.max(last + round_trip * 3 + timing::MATURE_FLOOR)),
                    Some(enough) => Some(at.max(enough + round_trip * 3 + timing::MATURE_FLOOR)),
                }
            }
            (at, _) => at,
        };
        if let Some(at) = give_up
            && now >= at
        {
            return Next::Settled;
        }
        let mut wakes: Vec<Moment> = give_up.into_iter().collect();
        if !self.copies.iter().any(|copy| copy.connected) {
            let at = first + overdue(signs);
            if now >= at {
                return Next::Copy { connected: true };
            }
            wakes.push(at);
        }
        if sent < timing::MAX_COPIES.max(needed) {
            let apart = if knowledge.more_copies > 0 { timing::LOSSY_SPACING[0] } else { spacing(signs, sent, needed) };
            let at = last + apart;
            if now >= at {
                return Next::Copy { connected: false };
            }
            wakes.push(at);
        }
        wakes.into_iter().min().map_or(Next::Patience, Next::Wait)
    }

    /// When the `number`th copy left the shared socket, counting from 1.
    fn shared_copy(&self, number: u32) -> Option<Moment> {
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        self.copies.iter().filter(|copy| !copy.connected).nth(index).map(|copy| copy.at)
    }

    /// The network told the connected socket that this will not do.
    fn turned_away(&self) -> bool {
        self.copies.iter().filter(|copy| copy.connected).any(|copy| {
            matches!(
                &copy.fate,
                Fate::Failed(Failure { cause: Cause::Refused | Cause::Unreachable | Cause::NotPermitted, .. })
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Family;
    use crate::probe::Stage;

    fn ms(millis: u64) -> Moment {
        Moment::START + Duration::from_millis(millis)
    }

    fn track(copies: &[(u64, bool, Fate)]) -> Track {
        Track {
            region: 0,
            role: Role::Measure,
            server: "192.0.2.1:3478".parse().unwrap(),
            slot: Slot::Shared { family: Family::V4, index: 0 },
            wanted: 3,
            start: Moment::START,
            copies: copies
                .iter()
                .map(|(at, connected, fate)| Copy {
                    probe: ProbeId(0),
                    at: ms(*at),
                    connected: *connected,
                    fate: fate.clone(),
                })
                .collect(),
        }
    }

    fn answered(millis: u64) -> Fate {
        Fate::Answered(Duration::from_millis(millis))
    }

    #[test]
    fn three_copies_leave_whatever_happens() {
        let signs = Signs::default();
        assert_eq!(track(&[]).next(ms(0), &signs, Knowledge::default()), Next::Copy { connected: false });
        let one = track(&[(0, false, answered(5))]);
        assert_eq!(one.next(ms(10), &signs, Knowledge::default()), Next::Wait(ms(25)));
        assert_eq!(one.next(ms(25), &signs, Knowledge::default()), Next::Copy { connected: false });
    }

    #[test]
    fn a_mapping_socket_loses_no_round_trips_where_datagrams_are_lost() {
        let mut silent = track(&[(0, false, Fate::Waiting)]);
        (silent.role, silent.wanted) = (Role::Mapping, 1);
        let lossless = Signs { heard_udp: true, slowest: Duration::from_millis(300), ..Signs::default() };
        let lossy = Signs { loss_seen: true, ..lossless.clone() };
        let measured = Knowledge { measured: Some(Duration::from_millis(300)), ..Knowledge::default() };
        assert_eq!(silent.next(ms(50), &lossless, Knowledge::default()), Next::Patience);
        assert_eq!(silent.next(ms(50), &lossless, measured), Next::Wait(ms(385)));
        for at in [30, 60, 90] {
            assert_eq!(silent.next(ms(at - 1), &lossy, Knowledge::default()), Next::Wait(ms(at)));
            assert_eq!(silent.next(ms(at), &lossy, Knowledge::default()), Next::Copy { connected: false });
            silent.copies.push(Copy { probe: ProbeId(1), at: ms(at), connected: false, fate: Fate::Waiting });
        }
        assert_eq!(silent.next(ms(120), &lossy, Knowledge::default()), Next::Patience);
        assert_eq!(silent.next(ms(120), &lossy, measured), Next::Wait(ms(90 + 385)));
        assert_eq!(silent.next(ms(90 + 385), &lossy, measured), Next::Settled);
    }

    #[test]
    fn a_server_farther_than_the_others_so_far_is_not_yet_silent() {
        let mut silent = track(&[(0, false, Fate::Waiting), (25, false, Fate::Waiting), (50, false, Fate::Waiting)]);
        let heard = |millis| Signs { heard_udp: true, slowest: Duration::from_millis(millis), ..Signs::default() };
        assert_eq!(silent.next(ms(100), &heard(100), Knowledge::default()), Next::Wait(ms(135)));
        assert_eq!(silent.next(ms(135), &heard(100), Knowledge::default()), Next::Copy { connected: true });
        assert_eq!(silent.next(ms(249), &heard(240), Knowledge::default()), Next::Wait(ms(250)));
        assert_eq!(silent.next(ms(250), &heard(240), Knowledge::default()), Next::Copy { connected: true });
        // A node that got one copy is asked again no sooner.
        silent.copies.truncate(1);
        silent.wanted = 1;
        silent.copies.push(Copy { probe: ProbeId(1), at: ms(75), connected: true, fate: Fate::Waiting });
        assert_eq!(silent.next(ms(100), &heard(100), Knowledge::default()), Next::Wait(ms(135)));
        assert_eq!(silent.next(ms(135), &heard(100), Knowledge::default()), Next::Copy { connected: false });
    }

    #[test]
    fn an_answering_server_is_waited_for_no_longer_than_it_takes() {
        let signs = Signs { heard_udp: true, ..Signs::default() };
        let two_of_three = track(&[(0, false, answered(40)), (25, false, answered(44)), (50, false, Fate::Waiting)]);
        assert_eq!(two_of_three.next(ms(70), &signs, Knowledge::default()), Next::Wait(ms(150)));
        assert_eq!(two_of_three.next(ms(150), &signs, Knowledge::default()), Next::Settled);
        assert!(two_of_three.shows_loss(ms(115)));
        assert!(!two_of_three.shows_loss(ms(114)));
    }

    #[test]
    fn a_silent_server_is_given_up_by_the_measure_of_the_others() {
        let waiting = [(0, false, Fate::Waiting), (25, false, Fate::Waiting), (50, false, Fate::Waiting)];
        let mut silent = track(&waiting);
        let signs = Signs { heard_udp: true, slowest: Duration::from_millis(20), ..Signs::default() };
        assert_eq!(silent.next(ms(75), &signs, Knowledge::default()), Next::Copy { connected: true });
        silent.copies.push(Copy { probe: ProbeId(1), at: ms(75), connected: true, fate: Fate::Waiting });
        assert_eq!(silent.next(ms(76), &signs, Knowledge::default()), Next::Wait(ms(300)));
        // However near the others are, it may be on the far side of the world.
        assert_ne!(silent.next(ms(409), &signs, Knowledge::default()), Next::Settled);
        assert_eq!(silent.next(ms(410), &signs, Knowledge::default()), Next::Settled);
        // Nothing at all has answered: TCP's round trip decides, and without one the run's own end.
        let nothing = Signs::default();
        for sent in [125, 200] {
            assert_eq!(silent.next(ms(sent), &nothing, Knowledge::default()), Next::Copy { connected: false });
            silent.copies.push(Copy { probe: ProbeId(2), at: ms(sent), connected: false, fate: Fate::Waiting });
        }
        let tcp = Knowledge { tcp: Some(Duration::from_millis(50)), ..Knowledge::default() };
        assert_ne!(silent.next(ms(449), &nothing, tcp), Next::Settled);
        assert_eq!(silent.next(ms(450), &nothing, tcp), Next::Settled);
        assert_eq!(silent.next(ms(450), &nothing, Knowledge::default()), Next::Copy { connected: false });
    }

    #[test]
    fn loss_elsewhere_buys_a_silent_server_more_copies() {
        let waiting = [(0, false, Fate::Waiting), (25, false, Fate::Waiting), (50, false, Fate::Waiting)];
        let silent = track(&waiting);
        let signs = Signs { heard_udp: true, slowest: Duration::from_millis(20), loss_seen: true, ..Signs::default() };
        assert_eq!(silent.next(ms(75), &signs, Knowledge::default()), Next::Copy { connected: true });
        let mut silent = silent;
        silent.copies.push(Copy { probe: ProbeId(1), at: ms(75), connected: true, fate: Fate::Waiting });
        assert_eq!(silent.next(ms(80), &signs, Knowledge::default()), Next::Copy { connected: false });
    }

    #[test]
    fn a_refusal_ends_it() {
        let refused = Fate::Failed(Failure::new(Stage::Stun, Cause::Refused));
        let silent = track(&[
            (0, false, Fate::Waiting),
            (25, false, Fate::Waiting),
            (50, false, Fate::Waiting),
            (75, true, refused),
        ]);
        assert_eq!(silent.next(ms(76), &Signs::default(), Knowledge::default()), Next::Settled);
    }
}
