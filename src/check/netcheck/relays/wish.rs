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
        // Once one relay has answered, the others get half as long again.
        let patience = slowest.max().map(|took| took * 3 / 2 + Duration::from_millis(200));
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
        // Where there is no STUN, none is silent.
        let operator = |attempt: &Attempt| {
            let node = self.node(view.input, attempt.region, attempt.node)?;
            match self.way(attempt, view)? {
                Way::Direct(address) if plan::stun_place(node, family) != Place::Off => Some(Operator::of(address)),
                _ => None,
            }
        };
        let of_family = || self.attempts.iter().enumerate().filter(|(_, attempt)| attempt.family == Some(family));
        let up = |attempt: &Attempt| matches!(attempt.state, State::Success { at_once: true, .. });
        let shown: BTreeSet<Operator> =
            of_family().filter(|(_, attempt)| up(attempt)).filter_map(|(_, attempt)| operator(attempt)).collect();
        let open = |attempt: &Attempt| matches!(attempt.state, State::Waiting { .. } | State::Success { .. });
        let may_be: BTreeSet<Operator> =
            of_family().filter(|(_, attempt)| open(attempt)).filter_map(|(_, attempt)| operator(attempt)).collect();
        if shown.is_empty() || shown.len() >= timing::BLOCKED_OPERATORS || may_be.len() < timing::BLOCKED_OPERATORS {
            return;
        }
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
            let Some(operator) = operator(attempt) else { continue };
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

    /// UDP may be blocked over one family and merely be late over the other: only what TCP shows to be up along the same
    /// way speaks by its silence.
    fn each_family(&self, view: &View<'_>, mut room: usize, patience: Option<Duration>, wish: &mut Wish) {
        for family in Family::BOTH {
            let ways = (0..self.len()).filter_map(|region| self.of_family(region, family, view));
            for index in ways.take(timing::FAMILY_WITNESSES) {
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
            let mut witnesses: Vec<(Moment, Duration, usize)> = view
                .stun
                .iter()
                .enumerate()
                .filter(|(region, _)| self.of_family(*region, family, view).is_some())
                .filter_map(|(region, seen)| Some((seen.first_answer?, seen.best?.0, region)))
                .collect();
            witnesses.sort_unstable();
            // Where one is down, the next takes its place.
            witnesses.retain(|(_, _, region)| {
                let attempt = self.of_family(*region, family, view).and_then(|index| self.attempts.get(index));
                !attempt.is_some_and(|attempt| matches!(attempt.state, State::Failed(_)))
            });
            for (answered, round_trip, region) in witnesses.into_iter().take(timing::BLOCKED_OPERATORS) {
                let start = (Moment::START + timing::RACE_AFTER).max(answered + round_trip / 2);
                let Some(index) = self.of_family(region, family, view) else { continue };
                match self.attempts.get(index).map(|attempt| &attempt.state) {
                    Some(State::New) if view.now >= start => wish.due.push(index),
                    Some(State::New) => wish.wait(start),
                    Some(State::Waiting { since, .. }) => wish.open(*since + round_trip * 3 + timing::MATURE_FLOOR),
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
