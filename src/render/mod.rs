//! Turns a [`Report`] into text: one file per output format, all wording in one catalogue per language.
//!
//! Everything here is a pure function of the report and the [`Style`]. No file, no terminal, no clock and no network
//! is asked, and no conclusion is drawn: what is not in the report is not in the text. Strings that came from maps,
//! servers and routers are cleaned of control characters on the way out.

mod bar;
mod catalogue;
mod changes;
mod clean;
pub mod dashboard;
pub mod diff;
mod doctor_line;
mod document;
mod excerpt;
mod explain;
mod html;
pub mod json;
mod map_lint;
mod map_show;
mod markdown;
pub mod metrics;
mod number;
mod ping;
mod plan;
pub mod redact;
#[cfg(test)]
mod sample;
mod settings;
mod table;
mod tailscale_json;
#[cfg(test)]
mod tests;
mod wrap;

use std::fmt;
use std::str::FromStr;

pub use catalogue::Lang;
pub use clean::harmless;
pub use doctor_line::doctor_line;
pub use explain::{codes, explain, explain_list};
pub use map_lint::{lint, lint_line};
pub use map_show::show;
pub use ping::ping_event;
pub use plan::plan;
pub use settings::settings;

use crate::probe::Failure;
use crate::report::{MapMistake, Report};

/// An output format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Format {
    /// For people, at a terminal.
    #[default]
    Table,
    /// For machines: indented JSON, described by [`json::SCHEMA`].
    Json,
    /// The same on one line.
    JsonLine,
    /// For people, in an issue or a chat.
    Markdown,
    /// Field names and units of `tailscale netcheck --format json`.
    TailscaleJson,
    /// For people, in a browser or on paper: one page that loads nothing.
    Html,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 6] =
        [Self::Table, Self::Json, Self::JsonLine, Self::Markdown, Self::TailscaleJson, Self::Html];

    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Json => "json",
            Self::JsonLine => "json-line",
            Self::Markdown => "markdown",
            Self::TailscaleJson => "tailscale-json",
            Self::Html => "html",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// There is no format of that name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no format is named {name:?}; there are table, json, json-line, markdown, tailscale-json and html")]
pub struct UnknownFormat {
    /// The name asked for.
    pub name: String,
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|format| format.name() == name);
        found.ok_or_else(|| UnknownFormat { name: name.to_owned() })
    }
}

/// How the text is to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own, and any mix makes sense")]
pub struct Style {
    /// Whether escape sequences for colour may be used (by [`Format::Table`] alone).
    pub color: bool,
    /// Columns of the terminal; fewer than 40 count as 40.
    pub width: usize,
    /// Language of `table`, `markdown` and `html`. JSON is always in English, since machines search it.
    pub lang: Lang,
    /// Whether nodes, servers and the reason of every verdict are shown too (JSON always has them).
    pub verbose: bool,
    /// Whether STUN servers are listed even when not verbose (JSON always has them).
    pub servers: bool,
    /// Whether addresses and names that tell whose network it is are replaced; see [`redact`].
    pub redact: bool,
}

impl Default for Style {
    fn default() -> Self {
        Self { color: false, width: 80, lang: Lang::En, verbose: false, servers: false, redact: false }
    }
}

/// The report as text, with one newline at its end.
#[must_use]
pub fn render(report: &Report, format: Format, style: &Style) -> String {
    let redacted;
    let report = if style.redact {
        redacted = redact::redact(report);
        &redacted
    } else {
        report
    };
    match format {
        Format::Table => table::render(report, style),
        Format::Json => json::render(report),
        Format::JsonLine => json::render_line(report),
        Format::Markdown => markdown::render(report, style),
        Format::TailscaleJson => tailscale_json::render(report),
        Format::Html => html::render(report, style),
    }
}

/// A sentence, or several, that was made in English where no catalogue is known (an error, a line of a log), in a language.
/// What is no sentence of natscope's stays as it is.
#[must_use]
pub fn said(english: &str, lang: Lang) -> String {
    catalogue::of(lang).said(english)
}

/// A failure with its stage, as `connect: refused`, for an error that has no report around it.
#[must_use]
pub fn failure(failure: &Failure, lang: Lang) -> String {
    catalogue::of(lang).failure(failure)
}

/// What a mistake in a map is, without its place and its remedy.
#[must_use]
pub fn map_mistake(mistake: &MapMistake, lang: Lang) -> String {
    catalogue::of(lang).map_mistake(mistake).0
}

/// What changed between two reports of `--every`, a line each; nothing when only latencies moved.
#[must_use]
pub fn changes(previous: &Report, current: &Report, lang: Lang) -> Vec<String> {
    changes::changes(previous, current, catalogue::of(lang))
}
