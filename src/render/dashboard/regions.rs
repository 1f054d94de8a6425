//! The pane of regions: nearest first, with what they were like in the runs before.

use console::{Alignment, measure_text_width, pad_str};
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::Dashboard;
use super::draw::fit;
use super::layout::title_lines;
use crate::render::catalogue::Word;
use crate::render::document::{Tone, WatchedRegion};
use crate::render::number::{percent, round_trip};

/// Columns: a mark, a round trip, a share, and those between them.
const MARK: usize = 2;
const LATENCY: usize = 9;
const LOSS: usize = 7;
const GAP: usize = 2;
/// From so many columns on there are names, and how each region was measured.
const NAMED: usize = 60;
const METHODS: usize = 72;
/// A history narrower than this says nothing.
const HISTORY: usize = 5;

/// Columns of the pane. A part there is no room for has none.
struct Columns {
    code: usize,
    name: usize,
    loss: usize,
    method: usize,
    history: usize,
}

impl Dashboard {
    pub(super) fn region_lines(&self, pane: Rect) -> Vec<Line<'static>> {
        let title = title_lines(pane);
        let room = usize::from(pane.height - title);
        let of = self.shown.regions.len();
        if of == 0 {
            return Vec::new();
        }
        let columns = self.columns(usize::from(pane.width));
        let first = self.scroll.min(of.saturating_sub(room));
        let title = (title > 0).then(|| self.title(&columns, (first + 1, (first + room).min(of), of), pane.width));
        let shown = self.shown.regions.iter().skip(first).take(room);
        title.into_iter().chain(shown.map(|region| self.region(region, &columns, usize::from(pane.width)))).collect()
    }

    fn columns(&self, width: usize) -> Columns {
        let widest = |of: fn(&WatchedRegion) -> &str| {
            self.shown.regions.iter().map(|region| measure_text_width(of(region))).max().unwrap_or(0)
        };
        let code = widest(|region| &region.code);
        let mut left = width.saturating_sub(MARK + code + LATENCY + 1);
        let mut take = |columns: usize, wanted: bool| {
            let taken = if wanted && columns <= left { columns } else { 0 };
            left -= taken;
            taken
        };
        let loss = take(LOSS, true);
        let name = take(widest(|region| &region.name) + GAP, width >= NAMED);
        let methods = self.shown.regions.iter().filter(|region| region.latency.is_some());
        let method = methods.map(|region| measure_text_width(&region.note)).max().unwrap_or(0);
        let method = take(method.min(16) + GAP, width >= METHODS);
        let history = left.saturating_sub(GAP);
        Columns { code, name, loss, method, history: if history >= HISTORY { history } else { 0 } }
    }

    /// `─ Regions: 1–7 of 28 ───── Latency ─ Loss ─`, each over its column.
    fn title(&self, columns: &Columns, (first, last, of): (usize, usize, usize), width: u16) -> Line<'static> {
        let title = self.words().regions_shown(first, last, of);
        let until = MARK + columns.code + columns.name + 1 + LATENCY;
        let (latency, loss) = (self.words().word(Word::Latency), self.words().word(Word::Loss));
        let left = format!("{title} ");
        // The rule's own two columns stand before the title.
        let gap = until.checked_sub(2 + measure_text_width(&left) + measure_text_width(latency) + 1);
        let Some(gap) = gap else { return self.rule(&title, width) };
        let mut text = format!("{left}{} {latency}", "─".repeat(gap));
        if let Some(gap) = columns.loss.checked_sub(measure_text_width(loss) + 2) {
            text = format!("{text} {} {loss}", "─".repeat(gap));
        }
        self.rule(&text, width)
    }

    fn region(&self, region: &WatchedRegion, columns: &Columns, width: usize) -> Line<'static> {
        let history = self.history.get(&region.id);
        let mark = if region.home { "* " } else { "  " };
        let name = pad_str(&region.name, columns.name.saturating_sub(GAP), Alignment::Left, None);
        let name = if columns.name > 0 { format!("  {name}") } else { String::new() };
        let latency = region.latency.map_or_else(|| "?".to_owned(), round_trip);
        let tone = region.latency.map_or(Tone::Unknown, Tone::of_latency);
        let mut spans = vec![
            Span::styled(mark, self.look(Tone::Good)),
            Span::raw(format!("{}{name} ", pad_str(&region.code, columns.code, Alignment::Left, None))),
            Span::styled(pad_str(&latency, LATENCY, Alignment::Right, None).into_owned(), self.look(tone)),
        ];
        let used = MARK + columns.code + columns.name + 1 + LATENCY;
        let loss = history.and_then(super::History::loss);
        if columns.loss > 0 {
            let text = loss.map_or_else(|| "?".to_owned(), percent);
            let tone = if loss.is_some_and(|loss| loss > 0.0) { Tone::Middling } else { Tone::Plain };
            spans
                .push(Span::styled(pad_str(&text, columns.loss, Alignment::Right, None).into_owned(), self.look(tone)));
        }
        if region.latency.is_none() {
            // The reason has the room of what there is none of.
            let room = u16::try_from(width.saturating_sub(used + columns.loss + GAP)).unwrap_or(u16::MAX);
            if usize::from(room) >= HISTORY {
                spans.push(Span::raw(format!("  {}", fit(&region.note, room))));
            }
            return Line::from(spans);
        }
        if columns.method > 0 {
            let room = columns.method - GAP;
            let method = fit(&region.note, u16::try_from(room).unwrap_or(u16::MAX));
            spans.push(Span::raw(format!("  {}", pad_str(&method, room, Alignment::Left, None))));
        }
        if let Some(history) = history.filter(|_| columns.history > 0) {
            spans.push(Span::styled(format!("  {}", history.line(columns.history)), self.look(tone)));
        }
        Line::from(spans)
    }
}
