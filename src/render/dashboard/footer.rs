//! The last line: keys, and what is being waited for.

use std::time::Duration;

use console::measure_text_width;
use ratatui::style::Modifier;
use ratatui::text::{Line, Span};

use super::Dashboard;
use super::draw::fit;
use crate::probe::Moment;
use crate::render::catalogue::WatchWord;

/// Columns between two keys.
const GAP: usize = 2;

impl Dashboard {
    /// As many keys as there is room for, and on the right what is being waited for, which comes first.
    pub(super) fn footer(&self, now: Moment, width: u16) -> Line<'static> {
        let status = fit(&self.status(now), width);
        let mut room = usize::from(width).saturating_sub(measure_text_width(&status));
        let mut spans = Vec::new();
        for (key, word) in self.keys() {
            let text = format!("{key} {}", self.words().watch_word(word));
            let columns = measure_text_width(&text) + GAP;
            if columns > room {
                break;
            }
            room -= columns;
            spans.push(Span::styled(key, self.modified(Modifier::BOLD)));
            spans.push(Span::raw(format!("{}{}", text.strip_prefix(key).unwrap_or(&text), " ".repeat(GAP))));
        }
        spans.push(Span::raw(" ".repeat(room)));
        spans.push(Span::raw(status));
        Line::from(spans)
    }

    fn keys(&self) -> Vec<(&'static str, WatchWord)> {
        if self.help {
            return vec![("?", WatchWord::Back), ("q", WatchWord::Quit)];
        }
        let pause = if self.paused { WatchWord::Resume } else { WatchWord::Pause };
        let mut keys = vec![("q", WatchWord::Quit), ("p", pause), ("r", WatchWord::Measure), ("?", WatchWord::Help)];
        if self.layout(self.whole()).regions_shown() < self.shown.regions.len() {
            keys.push(("↑↓", WatchWord::Scroll));
        }
        keys
    }

    fn status(&self, now: Moment) -> String {
        if let Some((answered, of)) = self.measuring {
            self.words().measuring(answered, of)
        } else if self.refused && now < self.earliest_run() {
            self.words().too_early(whole_seconds(self.earliest_run().since(now)))
        } else if self.paused {
            self.words().watch_word(WatchWord::Paused).to_owned()
        } else {
            self.words().next_run(whole_seconds(self.next_run().since(now)))
        }
    }
}

/// Rounded up: nothing begins before it was said to.
fn whole_seconds(wait: Duration) -> Duration {
    Duration::from_secs(wait.as_secs() + u64::from(wait.subsec_nanos() > 0))
}
