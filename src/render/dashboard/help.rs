//! What keys do, and what the signs mean.

use console::{Alignment, measure_text_width, pad_str};
use ratatui::text::Line;

use super::Dashboard;
use crate::render::catalogue::WatchWord;
use crate::render::wrap::wrap;

/// Columns for the keys.
const KEYS: usize = 20;
/// A terminal narrower than this has each key's meaning below it.
const BESIDE: usize = 50;

impl Dashboard {
    pub(super) fn help_lines(&self, width: u16) -> Vec<Line<'static>> {
        let width = usize::from(width);
        let keys = [
            ("q", WatchWord::QuitHelp),
            ("p", WatchWord::PauseHelp),
            ("r", WatchWord::MeasureHelp),
            ("↑ ↓ k j", WatchWord::ScrollHelp),
            ("PgUp PgDn Home End", WatchWord::PageHelp),
            ("?", WatchWord::HelpHelp),
        ];
        let beside = if width >= BESIDE { KEYS } else { 3 };
        let mut lines = vec![String::new()];
        for (key, word) in keys {
            let mut margin = pad_str(key, beside, Alignment::Left, None).into_owned();
            if measure_text_width(key) >= beside {
                lines.push(key.to_owned());
                margin = " ".repeat(beside);
            }
            for line in wrap(self.words().watch_word(word), width.saturating_sub(beside)).lines() {
                lines.push(format!("{margin}{line}"));
                margin = " ".repeat(beside);
            }
        }
        lines.push(String::new());
        let signs = [WatchWord::HistoryHelp, WatchWord::LossHelp, WatchWord::UnknownHelp, WatchWord::ChangesHelp];
        let signs = signs.map(|word| self.words().watch_word(word).to_owned());
        let again = self.pace.again.min(self.pace.every);
        for text in signs.into_iter().chain([self.words().how_often(self.pace.every, again)]) {
            lines.extend(wrap(&text, width).lines().map(str::to_owned));
        }
        lines.into_iter().map(Line::raw).collect()
    }
}
