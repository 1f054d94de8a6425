use std::time::Duration;

use crate::render::catalogue::{WatchWord, WatchWords};
use crate::render::number::span;

impl WatchWords for super::English {
    fn watch_word(&self, word: WatchWord) -> &'static str {
        match word {
            WatchWord::Changes => "Changes",
            WatchWord::NoChange => "none so far",
            WatchWord::FirstRun => "The first report is under way.",
            WatchWord::Paused => "paused",
            WatchWord::Quit => "quit",
            WatchWord::Pause => "pause",
            WatchWord::Resume => "go on",
            WatchWord::Measure => "measure now",
            WatchWord::Scroll => "scroll",
            WatchWord::Help => "help",
            WatchWord::Back => "back",
            WatchWord::QuitHelp => "quit; so does Ctrl-C",
            WatchWord::PauseHelp => "pause: no run begins by itself until p is pressed again",
            WatchWord::MeasureHelp => "measure now, unless the last run began too short a time ago",
            WatchWord::ScrollHelp => "scroll the regions",
            WatchWord::PageHelp => "the same by pages, and to either end",
            WatchWord::HelpHelp => "this help, and back",
            WatchWord::HistoryHelp => {
                "a block for each run, newest last, as high as its round trip, which by HTTPS is longer; × where none was measured"
            }
            WatchWord::LossHelp => "loss: share of STUN round trips lost, over the last 240 runs at most",
            WatchWord::UnknownHelp => {
                "?: undetermined, with the reason, which is never a no; the whole reason is in natscope netcheck"
            }
            WatchWord::ChangesHelp => "changes: what differs between reports, in UTC; round trips alone are no news",
        }
    }

    fn measuring(&self, answered: usize, of: usize) -> String {
        if of == 0 { "measuring".to_owned() } else { format!("measuring: {answered} of {of}") }
    }

    fn next_run(&self, wait: Duration) -> String {
        format!("next in {}", span(wait))
    }

    fn too_early(&self, wait: Duration) -> String {
        format!("too early: r in {}", span(wait))
    }

    fn regions_shown(&self, first: usize, last: usize, of: usize) -> String {
        if first == 1 && last == of { format!("Regions: {of}") } else { format!("Regions: {first}–{last} of {of}") }
    }

    fn how_often(&self, every: Duration, again: Duration) -> String {
        format!(
            "a run begins every {}, or with r, no sooner than {} after the last one began",
            span(every),
            span(again)
        )
    }
}
