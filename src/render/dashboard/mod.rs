//! The dashboard of `--watch`: what is so now, what it was before, and what has changed, on a terminal of any size.
//!
//! [`Dashboard`] is told of reports, keys and the time, and draws itself into a frame. It measures nothing and writes to no
//! terminal: when a run is to begin it says when asked ([`Dashboard::is_due`]), and how often that may be is decided by whoever
//! made it ([`Pace`]). What it keeps is bounded, for it may be looked at for weeks.

mod draw;
mod footer;
mod help;
mod history;
mod layout;
mod regions;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, SystemTime};

use history::History;

use super::catalogue::{self, Catalogue, Lang};
use super::clean::clean;
use super::document::{Watched, watched};
use crate::model::RegionId;
use crate::probe::Moment;
use crate::report::Report;

/// Changes kept: more than any terminal has lines for.
const CHANGES: usize = 200;

/// How often a run may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// From the beginning of one run to that of the next, unasked.
    pub every: Duration,
    /// The same where somebody asks for it. Never longer than `every`.
    pub again: Duration,
}

/// A key, by what it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// Leave.
    Quit,
    /// Ctrl-C.
    Interrupt,
    /// Begin no further run by itself, or go on.
    Pause,
    /// Begin a run now.
    Measure,
    /// One region up.
    Up,
    /// One region down.
    Down,
    /// A page of regions up.
    PageUp,
    /// A page of regions down.
    PageDown,
    /// To the first region.
    First,
    /// To the last one.
    Last,
    /// Show the help, or no longer.
    Help,
    /// No key of the dashboard.
    Other,
}

/// What a key asks of whoever shows the dashboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Nothing but to be drawn again.
    Stay,
    /// To end, with all well.
    Quit,
    /// To end as a command does that is interrupted.
    Interrupt,
}

/// The dashboard: see the module's paragraph.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a state of its own")]
pub struct Dashboard {
    lang: Lang,
    color: bool,
    pace: Pace,
    /// Columns and lines, as last told.
    size: (u16, u16),
    latest: Option<Report>,
    shown: Watched,
    history: BTreeMap<RegionId, History>,
    /// Oldest first.
    changes: VecDeque<(SystemTime, String)>,
    /// When the last run began.
    begun: Option<Moment>,
    /// While one is under way: regions that have answered, of how many.
    measuring: Option<(usize, usize)>,
    /// Somebody asked for a run, and may have it.
    wanted: bool,
    /// Somebody asked for a run too early.
    refused: bool,
    paused: bool,
    help: bool,
    /// Regions above the first one that is shown.
    scroll: usize,
}

impl Dashboard {
    /// A dashboard without a report. `size` is columns and lines of the terminal.
    #[must_use]
    pub fn new(lang: Lang, color: bool, pace: Pace, size: (u16, u16)) -> Self {
        Self {
            lang,
            color,
            pace,
            size,
            latest: None,
            shown: Watched::default(),
            history: BTreeMap::new(),
            changes: VecDeque::new(),
            begun: None,
            measuring: None,
            wanted: false,
            refused: false,
            paused: false,
            help: false,
            scroll: 0,
        }
    }

    /// The last report, without what it was concluded from.
    #[must_use]
    pub const fn latest(&self) -> Option<&Report> {
        self.latest.as_ref()
    }

    /// Whether a run is to begin now. Ask again after every key, report and [`Dashboard::wake_at`].
    #[must_use]
    pub fn is_due(&self, now: Moment) -> bool {
        self.measuring.is_none() && (self.wanted || (!self.paused && now >= self.next_run()))
    }

    /// A run has begun.
    pub fn begin(&mut self, now: Moment) {
        self.begun = Some(now);
        self.measuring = Some((0, 0));
        (self.wanted, self.refused) = (false, false);
    }

    /// How far the run under way has come: regions that have answered, of how many. Harmless when none is.
    pub fn progress(&mut self, answered: usize, of: usize) {
        if self.measuring.is_some() {
            self.measuring = Some((answered, of));
        }
    }

    /// The run under way has ended in this report.
    pub fn report(&mut self, mut report: Report) {
        // It may be as large as all that was heard, and nothing here looks at it.
        report.saved = None;
        self.measuring = None;
        self.shown = watched(&report, self.lang);
        let changes = match &self.latest {
            Some(previous) => super::changes(previous, &report, self.lang),
            None => vec![self.shown.headline.clone()],
        };
        self.changes.extend(changes.iter().map(|change| (report.started_at, clean(change))));
        while self.changes.len() > CHANGES {
            self.changes.pop_front();
        }
        for region in report.netcheck.iter().flat_map(|netcheck| &netcheck.regions) {
            self.history.entry(region.id).or_default().push(region);
        }
        self.latest = Some(report);
        self.settle();
    }

    /// The terminal has another size: columns and lines.
    pub fn resize(&mut self, size: (u16, u16)) {
        self.size = size;
        self.settle();
    }

    /// A key was pressed.
    pub fn key(&mut self, now: Moment, key: Key) -> Wish {
        self.refused = false;
        let page = self.layout(self.whole()).regions_shown().max(1);
        match key {
            Key::Quit => return Wish::Quit,
            Key::Interrupt => return Wish::Interrupt,
            Key::Pause => self.paused = !self.paused,
            Key::Measure if self.measuring.is_some() => {}
            Key::Measure => {
                self.wanted = now >= self.earliest_run();
                self.refused = !self.wanted;
            }
            Key::Help => self.help = !self.help,
            Key::Up => self.scroll = self.scroll.saturating_sub(1),
            Key::Down => self.scroll += 1,
            Key::PageUp => self.scroll = self.scroll.saturating_sub(page),
            Key::PageDown => self.scroll += page,
            Key::First => self.scroll = 0,
            Key::Last => self.scroll = self.shown.regions.len(),
            Key::Other => {}
        }
        self.settle();
        Wish::Stay
    }

    /// When it will look different, or a run will be due, without anything happening: at the next full second of what is
    /// counted down. `None`: not before something happens.
    #[must_use]
    pub fn wake_at(&self, now: Moment) -> Option<Moment> {
        const SECOND: Duration = Duration::from_secs(1);
        let until = if self.measuring.is_some() {
            return Some(now + SECOND);
        } else if self.refused && now < self.earliest_run() {
            self.earliest_run()
        } else if self.paused {
            return None;
        } else {
            self.next_run()
        };
        let fraction = until.since(now).subsec_nanos();
        Some(now + if fraction == 0 { SECOND } else { Duration::from_nanos(fraction.into()) })
    }

    fn words(&self) -> &'static dyn Catalogue {
        catalogue::of(self.lang)
    }

    /// When the next run begins by itself.
    fn next_run(&self) -> Moment {
        self.begun.map_or(Moment::START, |begun| begun + self.pace.every)
    }

    /// When the next run may begin.
    fn earliest_run(&self) -> Moment {
        self.begun.map_or(Moment::START, |begun| begun + self.pace.again.min(self.pace.every))
    }

    /// Nobody is to scroll into the void, and back again.
    fn settle(&mut self) {
        let shown = self.layout(self.whole()).regions_shown();
        self.scroll = self.scroll.min(self.shown.regions.len().saturating_sub(shown.max(1)));
    }
}
