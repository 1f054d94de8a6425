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
/// No more than this, however much gets lost: with 30 % each way on the line and again beyond it, one control in four is
/// answered.
const MOST_ROUNDS: usize = 24;
/// The nearest server closes so many rounds, which is all it takes where nothing gets lost; then each has its turn, so
/// that none is sent many, and a bad way to one of them does not stand for the line.
const NEAREST_ROUNDS: usize = 2;

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
    /// Who closes rounds, once begun: these saw the first socket where it is sent to, so the whole way out lies between.
    controls: Vec<SocketAddr>,
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
        Self { family, own, seen, control: None, controls: Vec::new(), aims: None, shots: Vec::new(), came_back: false }
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
        let overdue = self.overdue(slowest);
        let lossy = loss.lost > 0 || overdue.is_some_and(|since| now >= since);
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
        if let Some(at) = overdue.filter(|at| *at > now) {
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

    /// When the first control without an answer is late, by what the others took: then packets get lost.
    fn overdue(&self, slowest: Duration) -> Option<Moment> {
        let controls = || self.shots.iter().map(|(_, shot)| shot).filter(|shot| shot.control && !shot.failed);
        let round_trip = controls().filter_map(|shot| shot.answered).max().unwrap_or(slowest);
        controls().find(|shot| shot.answered.is_none()).map(|shot| shot.at + timing::late_after(round_trip))
    }

    /// Marks a packet as sent, and says what to send.
    pub(super) fn launch(&mut self, probe: ProbeId, now: Moment) -> Option<(Slot, SocketAddr, StunForm)> {
        let begin = || {
            let agreed = self.aim(true);
            Some((agreed.or_else(|| self.aim(false))?, agreed.is_some()))
        };
        let (aims, agreed) = self.aims.or_else(begin)?;
        if self.aims.is_none() {
            self.aims = Some((aims, agreed));
            self.controls = self.controls_for(aims[0]);
        }
        let place = self.shots.len() % ROUND;
        let control = place == ROUND - 1;
        let from = if control { 0 } else { place % 2 };
        let server = if control { self.next_control()? } else { *aims.get(1 - from)? };
        let slot = Slot::Shared { family: self.family, index: *timing::HAIRPIN_SOCKETS.get(from)? };
        self.shots.push((probe, Shot { control, at: now, answered: None, failed: false }));
        Some((slot, server, StunForm::Plain))
    }

    /// The nearest that saw the first socket there, then the others.
    fn controls_for(&self, aim: SocketAddr) -> Vec<SocketAddr> {
        let saw = |server: &SocketAddr| self.seen[0].get(server) == Some(&aim);
        let nearest = self.control.filter(saw);
        let others = self.seen[0].keys().copied().filter(|server| saw(server) && Some(*server) != nearest);
        nearest.into_iter().chain(others).collect()
    }

    fn next_control(&self) -> Option<SocketAddr> {
        let round = self.shots.len() / ROUND;
        let turn = if round < NEAREST_ROUNDS { 0 } else { round % self.controls.len().max(1) };
        self.controls.get(turn).copied().or(self.control)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: u64) -> Moment {
        Moment::START + Duration::from_millis(millis)
    }

    /// Both sockets seen at the same address by three servers, the first of which somewhere else.
    fn aimed() -> Hairpin {
        let mut hairpin = Hairpin::new(Family::V4, BTreeSet::new());
        for (server, ports) in [("20.1.0.1:3478", [9, 9]), ("20.2.0.1:3478", [5, 6]), ("20.3.0.1:3478", [5, 6])] {
            for (socket, port) in ports.into_iter().enumerate() {
                hairpin.saw(socket, server.parse().unwrap(), SocketAddr::new([198, 51, 100, 7].into(), port));
            }
        }
        hairpin
    }

    /// Sends all that is due at `now`, and returns whom rounds were closed by.
    fn fire(hairpin: &mut Hairpin, now: Moment, loss: Seen) -> Vec<SocketAddr> {
        let mut controls = Vec::new();
        while hairpin.wish(now, loss, Duration::from_millis(20), true).due {
            let probe = ProbeId(u32::try_from(hairpin.shots.len()).unwrap());
            let (_, to, _) = hairpin.launch(probe, now).unwrap();
            controls.extend(Some(to).filter(|to| to.port() == 3478));
        }
        controls
    }

    #[test]
    fn those_close_rounds_who_saw_the_socket_where_it_is_sent_to_and_each_in_turn() {
        let mut hairpin = aimed();
        let lossy = Seen { lost: 3, settled: 10 };
        let controls: Vec<_> = (0..6).flat_map(|round| fire(&mut hairpin, ms(round * 20), lossy)).collect();
        let text: Vec<_> = controls.iter().map(ToString::to_string).collect();
        let (second, third) = ("20.2.0.1:3478", "20.3.0.1:3478");
        assert_eq!(text, [second, second, second, third, second, third]);
    }

    #[test]
    fn a_control_that_is_late_is_a_loss_and_lets_another_round_be_sent() {
        let mut hairpin = aimed();
        let none = Seen::default();
        assert_eq!(fire(&mut hairpin, ms(0), none).len(), 1);
        assert_eq!(fire(&mut hairpin, ms(5), none).len(), 1);
        let (_, first) = hairpin.shots.iter_mut().find(|(_, shot)| shot.control).unwrap();
        first.answered = Some(Duration::from_millis(8));
        assert!(fire(&mut hairpin, ms(39), none).is_empty(), "both rounds may still count");
        assert_eq!(fire(&mut hairpin, ms(40), none).len(), 1, "the second got lost");
        // Without that, the test would be over half a round trip and 30 ms after it began.
        assert!(hairpin.wish(ms(41), none, Duration::from_millis(20), true).open);
    }
}
