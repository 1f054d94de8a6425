//! Which part of the terminal is for what. The smaller it is, the less is shown, from the bottom of this list up: the
//! verdict, the keys, regions, facts, changes.

use ratatui::layout::Rect;

use super::Dashboard;
use crate::render::catalogue::WatchWord;
use crate::render::wrap::wrap;

/// From so many columns on, changes stand beside the regions.
const BESIDE: u16 = 120;
/// A pane of fewer lines has no title.
const TITLED: u16 = 3;
/// Lines there must be besides verdict and keys for facts, and besides these for changes.
const BEFORE_FACTS: u16 = 6;
const BEFORE_CHANGES: u16 = 8;

/// The parts. Those there is no room for are empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) headline: Rect,
    pub(super) facts: Rect,
    pub(super) regions: Rect,
    pub(super) changes: Rect,
    pub(super) footer: Rect,
    /// All between headline and footer, for the help.
    pub(super) body: Rect,
}

impl Layout {
    /// How many regions there is room for.
    pub(super) fn regions_shown(&self) -> usize {
        usize::from(self.regions.height.saturating_sub(title_lines(self.regions)))
    }
}

/// Lines of a pane's title.
pub(super) const fn title_lines(pane: Rect) -> u16 {
    if pane.height >= TITLED { 1 } else { 0 }
}

impl Dashboard {
    /// The terminal, as far as is known.
    pub(super) const fn whole(&self) -> Rect {
        let (width, height) = self.size;
        Rect { x: 0, y: 0, width, height }
    }

    /// The sentence on top, in lines.
    pub(super) fn headline(&self, width: u16) -> String {
        let headline = match self.shown.headline.as_str() {
            "" => self.words().watch_word(WatchWord::FirstRun),
            headline => headline,
        };
        wrap(headline, usize::from(width))
    }

    pub(super) fn layout(&self, area: Rect) -> Layout {
        let mut below = area;
        let mut take = |lines: u16| {
            let lines = lines.min(below.height);
            let taken = Rect { height: lines, ..below };
            below = Rect { y: below.y.saturating_add(lines), height: below.height - lines, ..below };
            taken
        };
        // An eighth of the terminal may be verdict, and with a single line it is all there is.
        let headline = take(lines(self.headline(area.width).lines().count()).min((area.height / 8).max(1)));
        let rest = area.height - headline.height;
        let keys = rest.min(1);
        let body = rest - keys;
        let wanted = match lines(self.shown.regions.len()) {
            0 => 0,
            regions => regions.saturating_add(1).max(TITLED),
        };
        let facts = take(self.facts_lines(area.width, body, wanted));
        let panes = body - facts.height;
        let (regions, changes) = if area.width >= BESIDE {
            let pane = take(panes);
            let width = area.width / 5 * 3;
            let beside = Rect { x: pane.x + width + 2, width: area.width - width - 2, ..pane };
            (Rect { width, ..pane }, beside)
        } else if panes >= BEFORE_CHANGES {
            // What the regions do not need is the changes'.
            let changes = (panes / 3).clamp(TITLED, 10).max(panes.saturating_sub(wanted));
            (take(panes - changes), take(changes))
        } else {
            (take(panes), take(0))
        };
        let footer = take(keys);
        let body = Rect { y: area.y + headline.height, height: body, ..area };
        Layout { headline, facts, regions, changes, footer, body }
    }

    /// Lines for the facts, of so many for these, the regions, which want some of them, and changes: each reason whole where
    /// there is room for all, else a line for each fact, and no more than half where there are too few for that.
    fn facts_lines(&self, width: u16, body: u16, regions: u16) -> u16 {
        if body < BEFORE_FACTS {
            return 0;
        }
        let left = body.saturating_sub(regions.max(BEFORE_CHANGES)).saturating_sub(2 * TITLED);
        let whole = lines(self.fact_lines(width, true).len());
        if whole <= left { whole } else { lines(self.shown.facts.len()).min(left.max(body / 2)) }
    }
}

fn lines(count: usize) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX)
}
