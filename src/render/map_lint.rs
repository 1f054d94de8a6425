//! What `derpmap lint` has found, in the manner of a compiler: what, where, the line with carets, what to write instead.

use std::fmt::Write as _;

use super::catalogue::{self, Catalogue, MapWord, Word};
use super::clean::clean;
use super::excerpt::excerpt;
use super::wrap::wrap;
use super::{Format, Style, json};
use crate::report::{Finding, FindingDetail, MapLint, PlacedMistake, Severity};

/// The narrowest terminal excerpts are laid out for.
const NARROWEST: usize = 40;

/// The whole of it. [`Format::TailscaleJson`] and [`Format::Html`] have no form for it; the arguments refuse
/// them.
#[must_use]
pub fn lint(lint: &MapLint, format: Format, style: &Style) -> String {
    match format {
        Format::Table | Format::Html => table(lint, style),
        Format::Markdown => markdown(lint, style),
        Format::Json | Format::TailscaleJson => json::render_lint(lint, false),
        Format::JsonLine => json::render_lint(lint, true),
    }
}

/// One line, for a monitor: the worst severity, what was read, how many mistakes, and the first of the worst.
#[must_use]
pub fn lint_line(lint: &MapLint, style: &Style) -> String {
    let words = catalogue::of(style.lang);
    let names: Vec<String> = lint.sources.iter().map(|source| clean(&source.name)).collect();
    let worst = lint.findings.iter().map(|finding| finding.severity).max();
    let state = match worst {
        Some(Severity::Error) => "ERROR",
        Some(Severity::Warning) => "WARNING",
        Some(Severity::Info) | None => "OK",
    };
    let mut summary = format!("{state}: {}: {}", words.list(&names), words.tally(tally(&lint.findings)));
    let first = lint.findings.iter().find(|finding| Some(finding.severity) == worst);
    if let Some((finding, PlacedMistake { place, .. })) = first.and_then(placed) {
        let at = format!("{} {}:{}:{}", finding.code(), place.file, place.line, place.column);
        summary = words.aside(&summary, &clean(&at));
    }
    summary.push('\n');
    summary
}

fn table(lint: &MapLint, style: &Style) -> String {
    let painter = Painter { words: catalogue::of(style.lang), style, width: style.width.max(NARROWEST) };
    let mut text = String::new();
    for (finding, placed) in lint.findings.iter().filter_map(placed) {
        painter.finding(&mut text, finding, placed);
        text.push('\n');
    }
    painter.summary(&mut text, lint);
    text
}

struct Painter<'a> {
    words: &'static dyn Catalogue,
    style: &'a Style,
    width: usize,
}

impl Painter<'_> {
    // Writing to a string cannot fail.
    fn finding(&self, text: &mut String, finding: &Finding, placed: &PlacedMistake) {
        let said = self.words.finding(&finding.detail);
        let color = match finding.severity {
            Severity::Error => console::Style::new().red(),
            Severity::Warning => console::Style::new().yellow(),
            Severity::Info => console::Style::new().blue(),
        };
        let label = format!("{}[{}]", self.words.severity(finding.severity), finding.code());
        let title = self.words.labelled(&label, &clean(&said.title));
        let title = wrap(&title, self.width);
        // What follows the label is bold too; the label alone has the colour.
        let (label, rest) = title.split_at_checked(label.len()).unwrap_or((&title, ""));
        let bold = console::Style::new().bold();
        let _ = writeln!(text, "{}{}", self.paint(&color.clone().bold(), label), self.paint(&bold, rest));

        let PlacedMistake { place, path, .. } = placed;
        let number = place.line.to_string();
        let gutter = " ".repeat(number.len());
        let at = clean(&format!("{}:{}:{}", place.file, place.line, place.column));
        let at = if path.is_empty() { at } else { self.words.aside(&at, &clean(path)) };
        let _ = writeln!(text, "{gutter}{} {at}", self.dim("-->"));
        if let Some(shown) = &place.excerpt {
            let [line, carets] = excerpt(shown, self.width.saturating_sub(number.len() + 3));
            let _ = writeln!(text, "{gutter} {}", self.dim("|"));
            let _ = writeln!(text, "{} {line}", self.dim(&format!("{number} |")));
            let carets_at = carets.len() - carets.trim_start().len();
            let (blank, carets) = carets.split_at(carets_at);
            let _ = writeln!(text, "{gutter} {} {blank}{}", self.dim("|"), self.paint(&color.bold(), carets));
        }
        let fix = self.words.labelled(self.words.word(Word::Fix), &clean(&said.fix));
        let indent = format!("{gutter}   ");
        let fix = wrap(&fix, self.width.saturating_sub(indent.len())).replace('\n', &format!("\n{indent}"));
        let _ = writeln!(text, "{gutter} {} {fix}", self.dim("="));
    }

    fn summary(&self, text: &mut String, lint: &MapLint) {
        for source in &lint.sources {
            let of_it =
                |finding: &&Finding| placed(finding).is_some_and(|(_, placed)| placed.place.file == source.name);
            let findings: Vec<Finding> = lint.findings.iter().filter(of_it).cloned().collect();
            let about = self.words.aside(&self.words.tally(tally(&findings)), &self.words.map_source(source));
            let _ = writeln!(text, "{}", wrap(&self.words.labelled(&clean(&source.name), &about), self.width));
        }
        if lint.left_out > 0 {
            let _ = writeln!(text, "{} {}", lint.left_out, self.words.map_word(MapWord::MoreLeftOut));
        }
        let worst = lint.findings.iter().max_by_key(|finding| finding.severity);
        if let Some(finding) = worst {
            let _ = writeln!(text, "{} natscope explain {}", self.words.map_word(MapWord::ExplainHint), finding.code());
        }
    }

    fn dim(&self, text: &str) -> String {
        self.paint(&console::Style::new().dim(), text)
    }

    fn paint(&self, paint: &console::Style, text: &str) -> String {
        // Whether to colour has been decided already: the library is not to ask the terminal again.
        if self.style.color { paint.clone().force_styling(true).apply_to(text).to_string() } else { text.to_owned() }
    }
}

fn markdown(lint: &MapLint, style: &Style) -> String {
    let words = catalogue::of(style.lang);
    let painter = Painter { words, style: &Style { color: false, ..*style }, width: 100 };
    let mut text = format!("## natscope derpmap lint\n\n{}", super::markdown::escape(&lint_line(lint, style)));
    text = text.trim_end().to_owned();
    text.push('\n');
    for (finding, placed) in lint.findings.iter().filter_map(placed) {
        let mut block = String::new();
        painter.finding(&mut block, finding, placed);
        // Indented, so that nothing in a stranger's line can end the block.
        let _ = write!(text, "\n### {}\n\n{}", finding.code(), indented(&block));
    }
    text
}

/// As a block of code in Markdown.
pub(super) fn indented(block: &str) -> String {
    block.lines().flat_map(|line| ["    ", line, "\n"]).collect()
}

fn placed(finding: &Finding) -> Option<(&Finding, &PlacedMistake)> {
    match &finding.detail {
        FindingDetail::MapMistake(placed) => Some((finding, placed.as_ref())),
        _ => None,
    }
}

/// Errors, warnings, notes.
fn tally(findings: &[Finding]) -> [usize; 3] {
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    [count(Severity::Error), count(Severity::Warning), count(Severity::Info)]
}
