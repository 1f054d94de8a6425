//! The hairpin test: two sockets send to each other's outside endpoint, once servers have told those.
//!
//! In rounds: both ways twice, and a request to a server by which silence is measured. The sockets serve nothing else,
//! and nothing of it is sent where a NAT does not translate. It holds the run up by half a round trip at most, unless
//! packets get lost.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::super::timing;
use super::filter::Seen;
use crate::check::filtering::copies_needed;
use crate::check::hairpin::{self, FEWEST, Shot, Silence};
use crate::model::Family;
use crate::probe::{Moment, Observation, Outcome, ProbeId, Slot, StunForm};

const ROUND: usize = timing::HAIRPIN_ROUND as usize;
/// Between rounds while nothing is known to get lost …
const SPACING: Duration = Duration::from_millis(5);
/// … and when something does: far enough apart for a burst of loss to end.
const LOSSY_SPACING: Duration = Duration::from_millis(20);
/// No more than this, however much gets lost.
const MOST_ROUNDS: usize = 12;

/// The test over one family.
#[derive(Debug)]
pub(super) struct Hairpin {
    family: Family,
    /// Addresses of this host: what is sent there never leaves it.
    own: BTreeSet<IpAddr>,
    /// Where servers saw each socket.
    seen: [BTreeMap<SocketAddr, SocketAddr>; 2],
    /// Who answered the first socket first.
    control: Option<SocketAddr>,
    /// The outside endpoints sent to, of each socket, once begun; and whether servers agreed on them.
    aims: Option<([SocketAddr; 2], bool)>,
    shots: Vec<(ProbeId, Shot)>,
    came_back: bool,
}

/// What the test wants.
#[derive(Debug, Default)]
pub(super) struct Wish {
    pub due: bool,
    pub wake: Option<Moment>,
    pub open: bool,
}

impl Hairpin {
    /// Nothing known yet.
    pub(super) fn new(family: Family, own: BTreeSet<IpAddr>) -> Self {
        let seen = [BTreeMap::new(), BTreeMap::new()];
        Self { family, own, seen, control: None, aims: None, shots: Vec::new(), came_back: false }
    }

    pub(super) const fn family(&self) -> Family {
        self.family
    }

    /// Whether anything can be wanted yet.
    pub(super) const fn has_heard(&self) -> bool {
        self.control.is_some() && !self.came_back
    }

    /// Which of the two sockets a slot is.
    pub(super) fn socket_of(slot: Slot) -> Option<usize> {
        match slot {
            Slot::Shared { index, .. } => timing::HAIRPIN_SOCKETS.iter().position(|socket| *socket == index),
            Slot::Connected { .. } => None,
        }
    }

    /// A server saw a socket of the test.
    pub(super) fn saw(&mut self, socket: usize, server: SocketAddr, mapped: SocketAddr) {
        if let Some(seen) = self.seen.get_mut(socket) {
            seen.insert(server, mapped);
        }
        if socket == 0 {
            self.control = self.control.or(Some(server));
        }
    }

    /// Whether no more servers need be asked where the sockets are.
    pub(super) fn is_aimed(&self) -> bool {
        self.aims.is_some() || self.aim(true).is_some()
    }

    fn aim(&self, agreed: bool) -> Option<[SocketAddr; 2]> {
        let of = |socket: &BTreeMap<SocketAddr, SocketAddr>| {
            let views = socket.iter().map(|(server, mapped)| (*server, *mapped));
            let aim = if agreed { hairpin::agreed(views) } else { hairpin::attested(views) };
            aim.filter(|aim| !self.own.contains(&aim.ip()))
        };
        let [first, second] = &self.seen;
        Some([of(first)?, of(second)?])
    }

    /// What is due at `now`. `settled`: no server's view is waited for any longer.
    pub(super) fn wish(&self, now: Moment, loss: Seen, slowest: Duration, settled: bool) -> Wish {
        if !self.has_heard() {
            return Wish::default();
        }
        let agreed = match self.aims {
            Some((_, agreed)) => agreed,
            None if self.aim(true).is_some() => true,
            None if settled && self.aim(false).is_some() => false,
            None => return Wish::default(),
        };
        let lossy = loss.lost > 0;
        // Where the mapping depends on the destination silence says nothing, so once more for loss is enough.
        let most = if agreed { MOST_ROUNDS } else { 2 };
        let rounds = self.shots.len() / ROUND;
        let last = self.shots.last().map(|(_, shot)| shot.at);
        let silence = self.silence(now, slowest);
        let needed = copies_needed(loss.lost, loss.settled).max(FEWEST);
        let mut wish = Wish { due: false, wake: silence.wake, open: silence.pending > 0 };
        if !self.shots.len().is_multiple_of(ROUND) {
            (wish.due, wish.open) = (true, true);
        } else if rounds < most && silence.proven + silence.pending < needed {
            let spacing = if lossy { LOSSY_SPACING } else { SPACING };
            let at = last.map_or(now, |last| last + spacing);
            wish.open = true;
            wish.due = now >= at;
            wish.wake = Some(wish.wake.map_or(at, |wake| wake.min(at)));
        }
        let patience = self.shots.first().map(|(_, first)| first.at + slowest / 2 + timing::HAIRPIN_PATIENCE);
        if !lossy && patience.is_some_and(|until| now >= until) {
            return Wish::default();
        }
        if let Some(until) = patience.filter(|_| !lossy) {
            wish.wake = wish.wake.map(|wake| wake.min(until));
        }
        wish
    }

    fn silence(&self, now: Moment, slowest: Duration) -> Silence {
        hairpin::silence(self.shots.iter().map(|(_, shot)| *shot), now, timing::late_after(slowest))
    }

    /// Marks a packet as sent, and says what to send.
    pub(super) fn launch(&mut self, probe: ProbeId, now: Moment) -> Option<(Slot, SocketAddr, StunForm)> {
        let begin = || {
            let agreed = self.aim(true);
            Some((agreed.or_else(|| self.aim(false))?, agreed.is_some()))
        };
        let (aims, agreed) = self.aims.or_else(begin)?;
        self.aims = Some((aims, agreed));
        let place = self.shots.len() % ROUND;
        let control = place == ROUND - 1;
        let from = if control { 0 } else { place % 2 };
        let server = if control { self.control? } else { *aims.get(1 - from)? };
        let slot = Slot::Shared { family: self.family, index: *timing::HAIRPIN_SOCKETS.get(from)? };
        self.shots.push((probe, Shot { control, at: now, answered: None, failed: false }));
        Some((slot, server, StunForm::Plain))
    }

    /// Takes what became of a packet.
    pub(super) fn hear(&mut self, observation: &Observation) {
        let Some(probe) = observation.probe else { return };
        let Some((_, shot)) = self.shots.iter_mut().find(|(of, _)| *of == probe) else { return };
        match &observation.outcome {
            Outcome::CameBack { slot, .. } if !shot.control => {
                self.came_back |= slot.family() == self.family && Self::socket_of(*slot).is_some();
            }
            Outcome::Stun(_) if shot.control => shot.answered = Some(observation.round_trip()),
            Outcome::Failed(_) => shot.failed = true,
            _ => {}
        }
    }
}
