//! What there is to do at a moment, recomputed from the state every time.

use super::super::plan;
use super::super::relays::{RegionView, View};
use super::super::schedule::{Next, Signs};
use super::super::timing;
use super::super::tracks::{Fate, Role, Track};
use super::{Agenda, Ask, Asked, NetcheckCheck};
use crate::model::{Family, is_global};
use crate::probe::Moment;

impl NetcheckCheck {
    /// What there is to do at `now`, recomputed from the state: the first thing that is due, or, when nothing is, how
    /// long that will last. (A flight asks hundreds of times what is due; what comes after it matters once.)
    pub(super) fn agenda(&self, now: Moment) -> Agenda {
        let signs = self.signs(now);
        let mut list = List { now, ask: None, wake: None, open: false, pace: self.pace };
        let budget = Moment::START + self.input.options.budget;
        if now >= budget {
            return Agenda { ask: None, wake: None, done: true };
        }
        let silent = !signs.heard_udp && !self.relays.any_success() && !self.any_stream();
        let silent_end = Moment::START + plan::silent_budget(&self.input);
        if silent && now >= silent_end {
            return Agenda { ask: None, wake: None, done: true };
        }
        self.name_agenda(&signs, &mut list);
        if let Some(due) = list.agenda_if_due() {
            return due;
        }
        let tracks_settled = self.track_agenda(&signs, &mut list);
        if let Some(due) = list.agenda_if_due() {
            return due;
        }
        self.router_agenda(&mut list);
        self.relay_agenda(&signs, tracks_settled, &mut list);
        self.portal_agenda(&signs, &mut list);
        let silent = !signs.heard_udp;
        let raced = if silent { self.relays.len() } else { 0 };
        self.pings.agenda(raced, silent && !self.relays.any_success(), &mut list);
        self.stream_agenda(signs.heard_udp, &mut list);
        self.scout_agenda(&mut list);
        self.filter_agenda(&mut list);
        self.hairpin_agenda(&signs, &mut list);
        if silent {
            list.wake_at(silent_end);
        }
        list.wake_at(budget);
        let done = !list.open && list.ask.is_none();
        Agenda { ask: list.ask, wake: list.wake, done }
    }

    /// How long names are waited for.
    pub(super) fn names_until(&self, signs: &Signs) -> Moment {
        let something_answered = signs.heard_udp || self.relays.any_success() || self.any_stream();
        Moment::START
            + if something_answered {
                timing::NAMES_FLOOR.max(signs.slowest * 2)
            } else {
                plan::silent_budget(&self.input)
            }
    }

    fn name_agenda(&self, signs: &Signs, list: &mut List) {
        let until = self.names_until(signs);
        for index in self.names.unasked() {
            list.due(Ask::Name(index));
        }
        if self.names.waiting() {
            list.open_until(until);
        }
    }

    /// Returns whether all measuring tracks are settled.
    fn track_agenda(&self, signs: &Signs, list: &mut List) -> bool {
        let mut settled = true;
        for (index, track) in self.tracks.iter().enumerate() {
            if list.ask.is_some() {
                return false;
            }
            match track.next(list.now, signs, self.knowledge(track, signs)) {
                Next::Settled => continue,
                Next::Copy { connected } => list.due_paced(Ask::Copy { track: index, connected }),
                Next::Wait(at) => list.wake_at(at),
                Next::Patience => {}
            }
            list.open = true;
            settled &= track.role != Role::Measure;
        }
        settled
    }

    fn router_agenda(&self, list: &mut List) {
        // A router that has answered for one service is worth waiting for with the others.
        let answers = self.routers.iter().any(|(_, asked)| *asked == Asked::Answered);
        let patience = if answers { timing::PORT_MAPPING_TIMEOUT } else { timing::PORT_MAPPING_PATIENCE };
        for (index, (_, asked)) in self.routers.iter().enumerate() {
            match asked {
                Asked::NotYet => list.due(Ask::Router(index)),
                Asked::Waiting(since) => list.open_until(*since + patience),
                Asked::Answered | Asked::Failed => {}
            }
        }
    }

    fn relay_agenda(&self, signs: &Signs, tracks_settled: bool, list: &mut List) {
        if !self.input.options.https {
            return;
        }
        let view = View {
            input: &self.input,
            names: &self.names,
            now: list.now,
            heard_udp: signs.heard_udp,
            slowest: signs.slowest,
            tracks_settled,
            stun: self.region_views(),
            families: Family::BOTH.into_iter().filter(|family| self.heard(*family)).collect(),
        };
        let wish = self.relays.wish(&view);
        for attempt in wish.due {
            list.due(Ask::Relay(attempt));
        }
        if let Some(until) = wish.open_until {
            list.open_until(until);
        }
        if let Some(at) = wish.wake {
            list.wake_at(at);
        }
    }

    /// What STUN has seen, by region.
    pub(super) fn region_views(&self) -> Vec<RegionView> {
        let mut views = vec![RegionView::default(); self.relays.len()];
        for track in self.tracks.iter().filter(|track| track.role == Role::Measure) {
            let Some(view) = views.get_mut(track.region) else { continue };
            if let Some(best) = track.best() {
                let best = (best, track.slot.family());
                view.best = Some(view.best.map_or(best, |other| other.min(best)));
            }
            for copy in &track.copies {
                if let Fate::Answered(round_trip) = copy.fate {
                    let at = copy.at + round_trip;
                    view.first_answer = Some(view.first_answer.map_or(at, |other| other.min(at)));
                }
            }
        }
        views
    }

    pub(super) fn heard(&self, family: Family) -> bool {
        self.tracks.iter().any(|track| track.slot.family() == family && track.answered())
    }

    fn filter_agenda(&self, list: &mut List) {
        if self.filters.is_empty() {
            return;
        }
        for (index, filter) in self.filters.iter().enumerate() {
            let seen = self.loss_seen(filter.family(), list.now);
            let wish = filter.wish(list.now, seen, |server| self.known(server));
            if let Some(due) = wish.due {
                list.due_paced(Ask::Filter { filter: index, due });
            }
            if let Some(at) = wish.wake {
                list.wake_at(at);
            }
            list.open |= wish.open;
        }
    }

    fn hairpin_agenda(&self, signs: &Signs, list: &mut List) {
        let mut heard = self.hairpins.iter().enumerate().filter(|(_, hairpin)| hairpin.has_heard()).peekable();
        if heard.peek().is_none() {
            return;
        }
        for (index, hairpin) in heard {
            let loss = self.loss_seen(hairpin.family(), list.now);
            let settled = !hairpin.is_aimed() && self.hairpin_settled(hairpin.family(), signs);
            let wish = hairpin.wish(list.now, loss, signs.slowest, settled);
            if wish.due {
                list.due_paced(Ask::Hairpin(index));
            }
            if let Some(at) = wish.wake {
                list.wake_at(at);
            }
            list.open |= wish.open;
        }
    }

    fn portal_agenda(&self, signs: &Signs, list: &mut List) {
        // An answer from inside this network says nothing of what stands at its edge, unless there is nobody else.
        let beyond = || self.tracks.iter().filter(|track| is_global(track.server.ip()));
        let heard = if beyond().next().is_some() {
            beyond().any(Track::answered) || self.relays.any_success_beyond()
        } else {
            signs.heard_udp || self.relays.any_success()
        };
        if heard {
            return;
        }
        let start = Moment::START + timing::RACE_AFTER;
        for (index, (_, asked)) in self.portals.iter().enumerate() {
            match asked {
                Asked::NotYet if list.now >= start => list.due(Ask::Portal(index)),
                Asked::NotYet => {
                    list.open = true;
                    list.wake_at(start);
                }
                Asked::Waiting(_) => list.open = true,
                Asked::Answered | Asked::Failed => {}
            }
        }
    }
}

/// Collects what is due, when to wake, and whether the run must go on.
pub(super) struct List {
    pub now: Moment,
    ask: Option<Ask>,
    wake: Option<Moment>,
    pub open: bool,
    pace: Moment,
}

impl List {
    /// Nothing yet, at a moment when a paced question may be asked.
    #[cfg(test)]
    pub(super) const fn at(now: Moment) -> Self {
        Self { now, ask: None, wake: None, open: false, pace: Moment::START }
    }

    /// What is due.
    #[cfg(test)]
    pub(super) const fn asked(&self) -> Option<Ask> {
        self.ask
    }

    pub(super) fn due(&mut self, ask: Ask) {
        self.open = true;
        self.ask = self.ask.or(Some(ask));
    }

    pub(super) fn due_paced(&mut self, ask: Ask) {
        self.open = true;
        if self.now >= self.pace {
            self.ask = self.ask.or(Some(ask));
        } else {
            self.wake_at(self.pace);
        }
    }

    /// Something is due: nothing else matters before that is asked.
    fn agenda_if_due(&self) -> Option<Agenda> {
        self.ask.map(|ask| Agenda { ask: Some(ask), wake: Some(self.now), done: false })
    }

    pub(super) fn wake_at(&mut self, at: Moment) {
        if at > self.now {
            self.wake = Some(self.wake.map_or(at, |wake| wake.min(at)));
        }
    }

    pub(super) fn open_until(&mut self, until: Moment) {
        if until > self.now {
            self.open = true;
            self.wake_at(until);
        }
    }
}
