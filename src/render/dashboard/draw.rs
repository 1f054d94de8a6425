//! The dashboard as cells of a terminal.

use std::time::SystemTime;

use console::{Alignment, measure_text_width, pad_str, truncate_str};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style as Look};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::Dashboard;
use super::layout::title_lines;
use crate::probe::Moment;
use crate::render::catalogue::WatchWord;
use crate::render::document::Tone;
use crate::render::wrap::wrap;

/// From so many columns on a change is told with its day.
const DATED: usize = 60;
/// Columns of a fact's sign, and between its label and its text.
const SIGN: usize = 2;
const GAP: usize = 2;

impl Dashboard {
    /// Draws all of it, at this time.
    pub fn draw(&self, now: Moment, frame: &mut Frame<'_>) {
        let layout = self.layout(frame.area());
        let headline = self.headline(layout.headline.width);
        let looks = self.look(self.shown.tone).patch(self.modified(Modifier::BOLD));
        let lines = cut(&headline, usize::from(layout.headline.height), layout.headline.width);
        put(frame, layout.headline, lines.into_iter().map(|line| Line::styled(line, looks)).collect());
        if self.help {
            put(frame, layout.body, self.help_lines(layout.body.width));
        } else {
            put(
                frame,
                layout.facts,
                self.fact_lines(layout.facts.width, usize::from(layout.facts.height) > self.shown.facts.len()),
            );
            put(frame, layout.regions, self.region_lines(layout.regions));
            put(frame, layout.changes, self.change_lines(layout.changes));
        }
        put(frame, layout.footer, vec![self.footer(now, layout.footer.width)]);
    }

    /// A line for each fact, or as many as its reason takes.
    pub(super) fn fact_lines(&self, width: u16, whole: bool) -> Vec<Line<'static>> {
        let labels = self.shown.facts.iter().map(|fact| measure_text_width(fact.label)).max().unwrap_or(0);
        let room = width.saturating_sub(u16::try_from(SIGN + labels + GAP).unwrap_or(u16::MAX));
        let mut lines = Vec::new();
        for fact in &self.shown.facts {
            let text = if whole { wrap(&fact.text, usize::from(room.max(1))) } else { fit(&fact.text, room) };
            let mut text = text.lines();
            let label = pad_str(fact.label, labels + GAP, Alignment::Left, None);
            let first = format!("{label}{}", text.next().unwrap_or_default());
            lines.push(Line::from(vec![
                Span::styled(format!("{} ", fact.tone.sign()), self.look(fact.tone)),
                Span::raw(first),
            ]));
            lines.extend(text.map(|text| Line::raw(format!("{}{text}", " ".repeat(SIGN + labels + GAP)))));
        }
        lines
    }

    fn change_lines(&self, pane: Rect) -> Vec<Line<'static>> {
        let title = title_lines(pane);
        let room = usize::from(pane.height - title);
        let titled = (title > 0).then(|| self.rule(self.words().watch_word(WatchWord::Changes), pane.width));
        let mut lines: Vec<Line<'static>> = titled.into_iter().collect();
        let newest = self.changes.iter().skip(self.changes.len().saturating_sub(room));
        lines.extend(newest.map(|(time, text)| {
            Line::raw(fit(&format!("{}  {text}", stamp(*time, usize::from(pane.width) >= DATED)), pane.width))
        }));
        if self.changes.is_empty() && room > 0 {
            lines.push(Line::styled(
                fit(self.words().watch_word(WatchWord::NoChange), pane.width),
                self.modified(Modifier::DIM),
            ));
        }
        lines
    }

    /// The title of a pane, on a line across it.
    pub(super) fn rule(&self, title: &str, width: u16) -> Line<'static> {
        let text = fit(&format!("─ {title} "), width);
        let rest = usize::from(width).saturating_sub(measure_text_width(&text));
        Line::styled(text + &"─".repeat(rest), self.modified(Modifier::DIM))
    }

    /// How news of this kind look.
    pub(super) fn look(&self, tone: Tone) -> Look {
        self.colored(match tone {
            Tone::Plain => return Look::new(),
            Tone::Good => Color::Green,
            Tone::Middling | Tone::Unknown => Color::Yellow,
            Tone::Bad => Color::Red,
        })
    }

    pub(super) fn colored(&self, color: Color) -> Look {
        if self.color { Look::new().fg(color) } else { Look::new() }
    }

    /// Bold or dim, which go with colours and not without.
    pub(super) fn modified(&self, modifier: Modifier) -> Look {
        if self.color { Look::new().add_modifier(modifier) } else { Look::new() }
    }
}

/// The text in at most so many columns, with an ellipsis where something is missing.
pub(super) fn fit(text: &str, width: u16) -> String {
    truncate_str(text, usize::from(width), "…").into_owned()
}

/// The lines, no more than so many; what is on the others follows on the last one, as far as it goes.
fn cut(text: &str, lines: usize, width: u16) -> Vec<String> {
    let mut all: Vec<&str> = text.lines().collect();
    let last = all.split_off(lines.saturating_sub(1).min(all.len())).join(" ");
    all.into_iter().chain([last.as_str()]).map(|line| fit(line, width)).collect()
}

fn put(frame: &mut Frame<'_>, area: Rect, lines: Vec<Line<'static>>) {
    frame.render_widget(Paragraph::new(lines), area);
}

/// `11-27 04:35:06`, or without the day.
fn stamp(time: SystemTime, dated: bool) -> String {
    let text = humantime::format_rfc3339_seconds(time).to_string();
    let part = if dated { text.get(5..19) } else { text.get(11..19) };
    part.unwrap_or(&text).replace('T', " ")
}
