//! Which relays should be asked now, and how long there is something to wait for.

use std::collections::BTreeSet;
use std::time::Duration;

use super::super::home::{self, Candidate};
use super::super::names::Names;
use super::super::plan::{self, Place};
use super::super::{Input, timing};
use super::{Attempt, Relays, State, Way};
use crate::check::Operator;
use crate::model::Family;
use crate::probe::Moment;

/// What the rest of the run has seen, as far as it bears on relays.
pub(in crate::check::netcheck) struct View<'a> {
    pub input: &'a Input,
    pub names: &'a Names,
    pub now: Moment,
    pub heard_udp: bool,
    pub slowest: Duration,
    pub tracks_settled: bool,
    /// By region.
    pub stun: Vec<RegionView>,
    /// Families something answered over by UDP.
    pub families: BTreeSet<Family>,
}

/// What STUN has seen of a region.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::check::netcheck) struct RegionView {
    /// Best round trip, and its family.
    pub best: Option<(Duration, Family)>,
    /// When it first answered.
    pub first_answer: Option<Moment>,
}

/// What is due, and what is waited for.
#[derive(Debug, Default)]
pub(in crate::check::netcheck) struct Wish {
    pub due: Vec<usize>,
    pub open_until: Option<Moment>,
    pub wake: Option<Moment>,
}

impl Relays {
    /// What should be asked now, and how long there is something to wait for.
    pub(in crate::check::netcheck) fn wish(&self, view: &View<'_>) -> Wish {
        let mut wish = Wish::default();
        if view.heard_udp {
            for region in 0..self.len() {
                self.silent_region(region, view, &mut wish);
            }
            self.silent_family(view, &mut wish);
            self.home(view, &mut wish);
        } else {
            self.race(view, &mut wish);
        }
        wish
    }

    /// Nothing over UDP: all regions, all at once.
    fn race(&self, view: &View<'_>, wish: &mut Wish) {
        let start = Moment::START + timing::RACE_AFTER;
        if view.now < start {
            wish.wait(start);
            return;
        }
        let under_way = self.attempts.iter().filter(|attempt| matches!(attempt.state, State::Waiting { .. })).count();
        let mut room = timing::HTTPS_AT_ONCE.saturating_sub(under_way);
        let slowest = self.attempts.iter().filter_map(|attempt| match attempt.state {
            State::Success { took, .. } => Some(took),
            _ => None,
        });
        // Once one relay has answered, the others get half as long again, or as long as a far one takes while more of them
        // must be up before UDP may be called blocked.
        let patience = slowest.max().map(|took| took * 3 / 2 + Duration::from_millis(200));
        let more_count = !self.via_proxy && Family::BOTH.iter().any(|family| self.few_are_up(*family, view));
        let patience = patience.map(|until| if more_count { until.max(timing::HTTPS_FLOOR) } else { until });
        for region in 0..self.len() {
            for index in self.next_attempts(region, view, None) {
                if room > 0 {
                    wish.due.push(index);
                    room -= 1;
                }
            }
            if self.succeeded(region) {
                continue;
            }
            for since in self.waiting(region) {
                wish.open(since + patience.unwrap_or(timing::SILENT_BUDGET));
            }
        }
        if !self.via_proxy {
            self.each_family(view, room, patience, wish);
            for family in Family::BOTH {
                self.again(family, view, wish);
            }
        }
    }

    /// Where packets get lost, connections do not come about, and one that took a second SYN shows no way that was up all
    /// the time. So they are tried anew, while fewer relays are shown to be up than silence over UDP takes, and enough of
    /// them are there.
    fn again(&self, family: Family, view: &View<'_>, wish: &mut Wish) {
        if !self.few_are_up(family, view) {
            return;
        }
        let of_family = || self.attempts.iter().enumerate().filter(|(_, attempt)| attempt.family == Some(family));
        let shown = self.shown(family, view);
        for (_, attempt) in of_family().filter(|(_, attempt)| attempt.turn > 0) {
            if let State::Waiting { since, .. } = attempt.state {
                wish.open(since + timing::CONNECT_AGAIN);
            }
        }
        let mut tried = BTreeSet::new();
        for (index, attempt) in of_family().filter(|(_, attempt)| matches!(attempt.state, State::New)) {
            let same = |other: &Attempt| (other.region, other.node) == (attempt.region, attempt.node);
            let before =
                of_family().map(|(_, other)| other).find(|other| same(other) && other.turn + 1 == attempt.turn);
            let since = match before.map(|before| &before.state) {
                Some(State::Waiting { since, .. } | State::Success { since, at_once: false, .. }) => *since,
                _ => continue,
            };
            let Some(operator) = self.silent_operator(attempt, family, view) else { continue };
            if shown.contains(&operator) || tried.len() >= timing::AGAIN_RELAYS || !tried.insert(operator) {
                continue;
            }
            let due = since + timing::CONNECT_AGAIN;
            if view.now >= due {
                wish.due.push(index);
            } else {
                wish.wait(due);
            }
        }
    }

    /// Whose silence over UDP counts, should this relay be up, and on which port.
    fn silent_operator(&self, attempt: &Attempt, family: Family, view: &View<'_>) -> Option<(u16, Operator)> {
        let node = self.node(view.input, attempt.region, attempt.node)?;
        match self.way(attempt, view)? {
            // Where there is no STUN, none is silent.
            Way::Direct(address) if plan::stun_place(node, family) != Place::Off => {
                Some((node.stun_port?, Operator::of(address)))
            }
            _ => None,
        }
    }

    fn operators(&self, family: Family, view: &View<'_>, which: fn(&State) -> bool) -> BTreeSet<(u16, Operator)> {
        let of_family = self.attempts.iter().filter(|attempt| attempt.family == Some(family));
        let these = of_family.filter(|attempt| which(&attempt.state));
        these.filter_map(|attempt| self.silent_operator(attempt, family, view)).collect()
    }

    /// Operators that are shown to be up all the time.
    fn shown(&self, family: Family, view: &View<'_>) -> BTreeSet<(u16, Operator)> {
        self.operators(family, view, |state| matches!(state, State::Success { at_once: true, .. }))
    }

    /// Whether something is up along the way of a family, but fewer relays are shown to be than silence over UDP takes, and
    /// there may be enough of them.
    fn few_are_up(&self, family: Family, view: &View<'_>) -> bool {
        let open = |state: &State| matches!(state, State::Waiting { .. } | State::Success { .. });
        let up = |state: &State| matches!(state, State::Success { .. });
        let any_up = self.attempts.iter().any(|attempt| attempt.family == Some(family) && up(&attempt.state));
        any_up && !suffice(&self.shown(family, view)) && suffice(&self.operators(family, view, open))
    }

    /// UDP may be blocked over one family and merely be late over the other: only what TCP shows to be up along the same
    /// way speaks by its silence.
    fn each_family(&self, view: &View<'_>, mut room: usize, patience: Option<Duration>, wish: &mut Wish) {
        for family in Family::BOTH {
            for index in self.witnesses(family, view, timing::FAMILY_WITNESSES) {
                match self.attempts.get(index).map(|attempt| &attempt.state) {
                    Some(State::New) if room > 0 => {
                        wish.due.push(index);
                        room -= 1;
                    }
                    Some(State::Waiting { since, .. }) => {
                        wish.open(*since + patience.unwrap_or(timing::SILENT_BUDGET));
                    }
                    _ => {}
                }
            }
        }
    }

    /// One relay of each operator whose silence would count, unless it is known to be down: those of regions that answered
    /// first, in that order, and first relays of regions before second ones.
    fn witnesses(&self, family: Family, view: &View<'_>, most: usize) -> Vec<usize> {
        let mut known: Vec<(bool, usize, Option<Moment>, usize, u16, Operator)> = self
            .attempts
            .iter()
            .enumerate()
            .filter(|(_, attempt)| attempt.family == Some(family) && attempt.turn == 0)
            .filter(|(_, attempt)| !matches!(attempt.state, State::Failed(_)))
            .filter_map(|(index, attempt)| {
                let answered = view.stun.get(attempt.region).and_then(|seen| seen.first_answer);
                let (port, operator) = self.silent_operator(attempt, family, view)?;
                Some((answered.is_none(), attempt.node, answered, index, port, operator))
            })
            .collect();
        known.sort_unstable();
        let mut seen = BTreeSet::new();
        known.retain(|(.., port, operator)| seen.insert((*port, *operator)));
        // Two for each port, at least.
        let mut taken: BTreeSet<(u16, Operator)> = BTreeSet::new();
        known.retain(|(.., port, operator)| {
            let wanted = taken.len() < most || taken.iter().filter(|(other, _)| other == port).count() < 2;
            wanted && taken.insert((*port, *operator))
        });
        known.into_iter().map(|(_, _, _, index, ..)| index).collect()
    }

    /// A region whose STUN is silent while others answer.
    fn silent_region(&self, region: usize, view: &View<'_>, wish: &mut Wish) {
        if view.stun.get(region).is_none_or(|seen| seen.best.is_some()) {
            return;
        }
        // A region without STUN has nothing else to be measured by, so there is nothing to wait for.
        let late = timing::REGION_RACE_AFTER.max(view.slowest + Duration::from_millis(50));
        let start = if self.has_stun(region, view.input) { Moment::START + late } else { Moment::START };
        if view.now < start {
            wish.wake(start);
            return;
        }
        wish.due.extend(self.next_attempts(region, view, None));
        if !self.succeeded(region) {
            let beyond = view.slowest * 3 / 2 + timing::SILENT_REGION_BEYOND;
            let end = Moment::START + beyond.max(timing::SILENT_REGION_END);
            for since in self.waiting(region) {
                let until = since + timing::SILENT_REGION_PATIENCE + view.slowest * 4 / 5;
                // One whose name took long is asked late, and not for nothing.
                wish.open(until.min(end.max(since + timing::SILENT_REGION_FLOOR)));
            }
        }
    }

    /// A family that is silent over UDP where the other one answers: TCP tells whether it is dead or only UDP is.
    fn silent_family(&self, view: &View<'_>, wish: &mut Wish) {
        if self.via_proxy || view.families.len() != 1 {
            return;
        }
        for family in Family::BOTH.into_iter().filter(|family| !view.families.contains(family)) {
            let few = self.few_are_up(family, view);
            for index in self.witnesses(family, view, timing::BLOCKED_OPERATORS) {
                let Some(attempt) = self.attempts.get(index) else { continue };
                let seen = view.stun.get(attempt.region).copied().unwrap_or_default();
                let round_trip = seen.best.map_or(view.slowest, |(best, _)| best);
                let answered = seen.first_answer.unwrap_or(Moment::START) + round_trip / 2;
                let start = answered.max(Moment::START + timing::RACE_AFTER);
                match attempt.state {
                    State::New if view.now >= start => wish.due.push(index),
                    State::New => wish.wait(start),
                    State::Waiting { since, .. } => {
                        // The way is up, so the others are not as far as that, or packets get lost.
                        let patience = round_trip * 3 + timing::MATURE_FLOOR;
                        wish.open(since + if few { patience.max(timing::HTTPS_FLOOR) } else { patience });
                    }
                    _ => {}
                }
            }
            self.again(family, view, wish);
        }
    }

    /// The relay of the region that is to be home must answer; the likely ones are asked early.
    fn home(&self, view: &View<'_>, wish: &mut Wish) {
        let mut early: Vec<(Moment, usize)> = view
            .stun
            .iter()
            .enumerate()
            .filter(|(region, _)| self.may_be_home(view.input, *region))
            .filter_map(|(region, seen)| Some((seen.first_answer?, region)))
            .collect();
        early.sort_unstable();
        // Where relay after relay fails, the rest are not worth a wait each.
        let failed = (0..self.len()).filter(|region| self.failure(*region).is_some() && !self.succeeded(*region));
        let several = failed.count() >= timing::HOME_FAILURES;
        let candidates = if several { usize::MAX } else { timing::HOME_CANDIDATES };
        for (_, region) in early.into_iter().take(candidates) {
            let family = view.stun.get(region).and_then(|seen| seen.best).map(|(_, family)| family);
            wish.due.extend(self.next_attempts(region, view, family));
        }
        if !view.tracks_settled {
            return;
        }
        let Some(region) = self.elected(view) else { return };
        let family = view.stun.get(region).and_then(|seen| seen.best).map(|(_, family)| family);
        wish.due.extend(self.next_attempts(region, view, family));
        if !self.succeeded(region)
            && let Some(until) = self.overdue(region)
        {
            // Its failure is told a moment after its time is over.
            wish.open(until + timing::TELLING);
        }
    }

    /// The region that would be home as things stand.
    fn elected(&self, view: &View<'_>) -> Option<usize> {
        let candidates: Vec<Candidate> = self
            .regions
            .iter()
            .enumerate()
            .filter_map(|(index, id)| {
                let latency = view.stun.get(index)?.best.map(|(latency, _)| latency).or_else(|| self.latency(index))?;
                let down = self.failure(index).filter(|_| self.exhausted(index, view));
                Candidate::of(view.input, *id, latency, down)
            })
            .collect();
        let election = home::elect(&candidates, view.input.previous_home)?;
        self.regions.iter().position(|id| *id == election.region)
    }

    fn may_be_home(&self, input: &Input, region: usize) -> bool {
        self.regions
            .get(region)
            .and_then(|id| input.map.regions.get(id))
            .is_some_and(|region| region.has_relay() && !region.avoid)
    }
}

/// Whether these are as many as silence over UDP takes: so many in all, and two asked on each port.
fn suffice(operators: &BTreeSet<(u16, Operator)>) -> bool {
    let all: BTreeSet<Operator> = operators.iter().map(|(_, operator)| *operator).collect();
    let ports: BTreeSet<u16> = operators.iter().map(|(port, _)| *port).collect();
    let of = |port: u16| operators.iter().filter(|(other, _)| *other == port).count();
    all.len() >= timing::BLOCKED_OPERATORS && (ports.len() == 1 || ports.into_iter().all(|port| of(port) >= 2))
}

impl Wish {
    fn wake(&mut self, at: Moment) {
        self.wake = Some(self.wake.map_or(at, |wake| wake.min(at)));
    }

    fn open(&mut self, until: Moment) {
        self.open_until = Some(self.open_until.map_or(until, |open| open.max(until)));
    }

    /// Something is certain to be asked at this moment.
    fn wait(&mut self, at: Moment) {
        self.wake(at);
        self.open(at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_operators_speak_and_two_on_each_port() {
        let set = |list: &[(u16, &str)]| {
            list.iter().map(|(port, server)| (*port, Operator::of(server.parse().unwrap()))).collect::<BTreeSet<_>>()
        };
        let [a, b, c, d] = ["20.1.0.1", "20.2.0.1", "20.3.0.1", "20.4.0.1"];
        assert!(!suffice(&set(&[])));
        assert!(!suffice(&set(&[(3478, a), (3478, b)])));
        assert!(!suffice(&set(&[(3478, a), (3478, b), (3478, "20.2.0.9")])), "one operator is one witness");
        assert!(suffice(&set(&[(3478, a), (3478, b), (3478, c)])));
        assert!(!suffice(&set(&[(3478, a), (3478, b), (3478, c), (443, d)])), "the other port may be closed at one");
        assert!(suffice(&set(&[(3478, a), (3478, b), (443, c), (443, d)])));
    }
}
