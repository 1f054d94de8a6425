//! For people, in an issue or a chat: the same document as the table, as GitHub-flavoured Markdown.
//!
//! Strings of strangers cannot break out of their place: no markup, no table cell, no mention of a user, no link.

use super::Style;
use super::catalogue::{self, Catalogue, Word};
use super::clean::clean;
use super::document::{Document, FindingRow, Grid, RegionRow, Section, lay_out};
use super::number::round_trip;
use crate::report::Report;

/// The report as Markdown.
pub(super) fn render(report: &Report, style: &Style) -> String {
    draw_document(&lay_out(report, style), style)
}

/// What is laid out already, as Markdown.
pub(super) fn draw_document(document: &Document, style: &Style) -> String {
    let words = catalogue::of(style.lang);
    let mut blocks = top(document);
    blocks.extend(document.sections.iter().flat_map(section));
    if !document.regions.is_empty() {
        blocks.push(heading(words.word(Word::Regions)));
        blocks.push(regions(&document.regions, words));
    }
    for (what, reasons) in [(Word::NotMeasured, &document.unmeasured), (Word::StunFailed, &document.without_stun)] {
        if !reasons.is_empty() {
            blocks.push(heading(words.word(what)));
            let items = reasons.iter().map(|(codes, reason)| item(codes, reason));
            blocks.push(items.collect::<Vec<_>>().join("\n"));
        }
    }
    if !document.findings.is_empty() {
        blocks.push(heading(words.word(Word::Findings)));
        blocks.extend(document.findings.iter().map(|row| finding(row, words)));
    }
    for grid in &document.grids {
        blocks.push(heading(&grid.title));
        blocks.push(self::grid(grid));
    }
    let mut text = blocks.join("\n\n");
    text.push('\n');
    text
}

fn top(document: &Document) -> Vec<String> {
    vec![format!("## {}", escape(&document.headline)), format!("_{}_", escape(&document.about))]
}

fn section(section: &Section) -> Vec<String> {
    let facts = section.facts.iter().map(|fact| item(fact.label, &fact.text)).collect::<Vec<_>>().join("\n");
    section.title.as_deref().map(heading).into_iter().chain([facts]).collect()
}

fn regions(rows: &[RegionRow], words: &dyn Catalogue) -> String {
    let columns = [Word::Region, Word::Name, Word::Latency, Word::Loss, Word::Jitter, Word::Method];
    let mut lines = vec![
        line(columns.map(|column| words.word(column).to_owned())),
        "| :-- | :-- | --: | --: | --: | :-- |".to_owned(),
    ];
    lines.extend(rows.iter().map(|row| {
        let code = if row.home { format!("**{}**", escape(&row.code)) } else { escape(&row.code) };
        let latency = round_trip(row.latency);
        let cells = [&row.name, &latency, &row.loss, &row.jitter, &row.method].map(|text| escape(text));
        line([code].into_iter().chain(cells))
    }));
    lines.join("\n")
}

fn finding(row: &FindingRow, words: &dyn Catalogue) -> String {
    let mut lines =
        vec![format!("**{}** ({}): {}", escape(&row.code), words.severity(row.severity), escape(&row.text.title))];
    lines.push(String::new());
    lines.push(item(words.word(Word::Observed), &row.text.observed));
    if !row.text.causes.is_empty() {
        lines.push(item(words.word(Word::PossibleCauses), &words.clauses(&row.text.causes)));
    }
    lines.push(item(words.word(Word::Fix), &row.text.fix));
    for snippet in &row.text.snippets {
        // Indented, so that nothing in it can end the block.
        let block = super::map_lint::indented(&clean_lines(&snippet.text));
        lines.push(format!(
            "\n{}\n\n{}",
            escape(words.labelled(&snippet.name, "").trim_end()),
            block.trim_end_matches('\n')
        ));
    }
    lines.join("\n")
}

fn clean_lines(text: &str) -> String {
    text.lines().map(clean).collect::<Vec<_>>().join("\n")
}

fn grid(grid: &Grid) -> String {
    let mut lines = vec![
        line(grid.columns.iter().map(|column| escape(column))),
        line(grid.columns.iter().map(|_| "---".to_owned())),
    ];
    lines.extend(grid.rows.iter().map(|row| line(row.iter().map(|text| escape(text)))));
    lines.join("\n")
}

fn heading(text: &str) -> String {
    format!("### {}", escape(text))
}

fn item(label: &str, text: &str) -> String {
    format!("- **{}:** {}", escape(label), escape(text))
}

fn line(cells: impl IntoIterator<Item = String>) -> String {
    let cells: Vec<_> = cells.into_iter().collect();
    format!("| {} |", cells.join(" | "))
}

/// Text as text, except that commands of ours stand in code.
pub(super) fn escape(text: &str) -> String {
    let cleaned = clean(text);
    let mut escaped = String::with_capacity(cleaned.len());
    let mut rest = cleaned.as_str();
    while let Some((before, command, after)) = our_command(rest) {
        escaped.extend([plain(before).as_str(), "`", command, "`"]);
        rest = after;
    }
    escaped + &plain(rest)
}

/// Our own text, of any length: code stands in it as code already.
pub(super) fn prose(text: &str) -> String {
    text.split('`')
        .enumerate()
        .map(|(index, part)| if index % 2 == 0 { plain(part) } else { format!("`{part}`") })
        .collect()
}

/// The first `` `natscope …` `` of letters and blanks, with what is before and after it.
fn our_command(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once("`natscope ")?;
    let (arguments, after) = rest.split_once('`')?;
    let harmless = arguments.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b' ');
    let command = text.get(before.len() + 1..text.len() - after.len() - 1)?;
    harmless.then_some((before, command, after))
}

/// Everything Markdown would act on is escaped. A backslash does not stop GitHub from linking users and addresses, an
/// empty comment does.
fn plain(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' | '*' | '_' | '[' | '|' | '~' | '#' | '$' | '!' | '`' => escaped.extend(['\\', character]),
            '<' => escaped.push_str("&lt;"),
            '&' => escaped.push_str("&amp;"),
            '@' => escaped.push_str("@<!-- -->"),
            other => escaped.push(other),
        }
    }
    escaped.replace("://", ":<!-- -->//").replace("www.", "www<!-- -->.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_commands_stay_code() {
        assert_eq!(
            escape("run `natscope nat`, then `natscope derpmap lint`."),
            "run `natscope nat`, then `natscope derpmap lint`."
        );
        assert_eq!(escape("`natscope <b>` a`b"), "\\`natscope &lt;b>\\` a\\`b");
        assert_eq!(escape("a|b *c* @d http://e"), "a\\|b \\*c\\* @<!-- -->d http:<!-- -->//e");
    }
}
