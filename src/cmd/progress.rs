//! Progress on standard error, where that is a terminal, for anything that takes longer than half a second.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::output::Output;
use crate::probe::Moment;
use crate::render::{self, Lang};

/// What is not drawn: everything that ends sooner than this.
const QUIET_FOR: Duration = Duration::from_millis(500);

/// One line that says what is going on.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    drawn: bool,
    lang: Lang,
}

impl Progress {
    /// Nothing yet, whatever the terminal.
    pub(super) fn new(output: &Output) -> Self {
        Self { bar: output.draws_progress().then(ProgressBar::hidden), drawn: false, lang: output.style.lang }
    }

    /// Says what is going on, once the run is old enough.
    pub(super) fn tell(&mut self, since_start: Moment, message: impl FnOnce() -> String) {
        let Some(bar) = self.bar.as_mut() else { return };
        if since_start.since_start() < QUIET_FOR {
            return;
        }
        if !self.drawn {
            self.drawn = true;
            *bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(120));
        }
        bar.set_message(render::said(&message(), self.lang));
    }

    /// Wipes the line.
    pub(super) fn clear(&mut self) {
        if let Some(bar) = self.bar.as_ref() {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}
