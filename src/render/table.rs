//! For people, at a terminal: the verdict in a sentence, the facts, the regions with bars, the findings.
//!
//! Never wider than the width asked for, unless one word is. Escape sequences only when colour is asked for, and
//! never any that came in with the data.

use comfy_table::{Attribute, Cell, CellAlignment, Color, ContentArrangement, LineStyle, Table, TableStyle};

use super::Style;
use super::bar::bar;
use super::catalogue::{self, Catalogue, Snippet, Word};
use super::clean::clean;
use super::document::{Document, FindingRow, Grid, RegionRow, Section, Tone, lay_out};
use super::number::round_trip;
use super::wrap::wrap;
use crate::report::{Report, Severity};

/// The narrowest terminal a table is laid out for.
const NARROWEST: usize = 40;
/// From this width on there is room for bars; from the second, for longer ones.
const BARS_FROM: usize = 72;
const LONG_BARS_FROM: usize = 100;

/// No lines but one below the header.
const UNDERLINED: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─'));
const BARE: TableStyle = TableStyle::new();

/// The report as a table.
pub(super) fn render(report: &Report, style: &Style) -> String {
    draw_document(&lay_out(report, style), style)
}

/// What is laid out already, as a table.
pub(super) fn draw_document(document: &Document, style: &Style) -> String {
    Painter { words: catalogue::of(style.lang), style }.document(document)
}

struct Painter<'a> {
    words: &'static dyn Catalogue,
    style: &'a Style,
}

impl Painter<'_> {
    fn document(&self, document: &Document) -> String {
        let mut blocks = vec![self.top(document)];
        blocks.extend(document.sections.iter().map(|section| self.section(section)));
        if !document.regions.is_empty() {
            blocks.push(self.regions(&document.regions));
        }
        if !document.unmeasured.is_empty() {
            blocks.push(self.reasons(Word::NotMeasured, &document.unmeasured));
        }
        if !document.without_stun.is_empty() {
            blocks.push(self.reasons(Word::StunFailed, &document.without_stun));
        }
        if !document.findings.is_empty() {
            blocks.push(self.findings(&document.findings));
        }
        blocks.extend(document.grids.iter().map(|grid| self.grid(grid)));
        let mut text = blocks.join("\n\n");
        text.push('\n');
        text
    }

    fn top(&self, document: &Document) -> String {
        let mut table = self.table(BARE);
        table.add_row([self.bold(&document.headline, color_of(document.tone))]);
        table.add_row([self.dim(&document.about)]);
        draw(&table)
    }

    fn section(&self, section: &Section) -> String {
        let mut table = self.table(BARE);
        let room = self.room(section.facts.iter().map(|fact| fact.label));
        for fact in &section.facts {
            let (sign, color) = (fact.tone.sign(), color_of(fact.tone));
            table.add_row([self.cell(sign, color), self.cell(fact.label, None), wrapped(&fact.text, room)]);
        }
        keep_together(&mut table, 1);
        self.titled(section.title.as_deref(), &table)
    }

    fn regions(&self, rows: &[RegionRow]) -> String {
        let bars = match self.style.width {
            width if width >= LONG_BARS_FROM => Some(24),
            width if width >= BARS_FROM => Some(12),
            _ => None,
        };
        let slowest = rows.iter().map(|row| row.latency).max().unwrap_or_default();
        let mut table = self.table(UNDERLINED);
        let mut header = vec!["", self.words.word(Word::Region), self.words.word(Word::Name)];
        header.push(self.words.word(Word::Latency));
        header.extend(bars.map(|_| ""));
        header.extend([Word::Loss, Word::Jitter, Word::Method].map(|word| self.words.word(word)));
        table.set_header(header.into_iter().map(|text| self.bold(text, None)).collect::<Vec<_>>());
        for row in rows {
            let color = color_of(Tone::of_latency(row.latency));
            let mut cells = vec![
                self.cell(if row.home { "*" } else { "" }, Some(Color::DarkGreen)),
                self.cell(&row.code, None),
                self.cell(&row.name, None),
                self.cell(&round_trip(row.latency), color).set_alignment(CellAlignment::Right),
            ];
            cells.extend(bars.map(|cells| self.cell(&bar(row.latency, slowest, cells), color)));
            cells.extend([
                self.cell(&row.loss, loss_color(row)).set_alignment(CellAlignment::Right),
                self.cell(&row.jitter, None).set_alignment(CellAlignment::Right),
                self.cell(&row.method, None),
            ]);
            table.add_row(cells);
        }
        draw(&table)
    }

    fn reasons(&self, what: Word, rows: &[(String, String)]) -> String {
        let mut table = self.table(UNDERLINED);
        let header = [what, Word::Reason].map(|word| self.bold(self.words.word(word), None));
        table.set_header(header);
        for (codes, reason) in rows {
            table.add_row([self.cell(codes, None), self.cell(reason, Some(Color::DarkRed))]);
        }
        draw(&table)
    }

    fn findings(&self, rows: &[FindingRow]) -> String {
        let room = self.room(rows.iter().map(|row| row.code.as_str()));
        let mut blocks = Vec::new();
        let mut table = self.table(BARE);
        for row in rows {
            let (sign, color) = severity_sign(row.severity);
            let label = |word| self.words.word(word);
            table.add_row([
                self.cell(sign, Some(color)),
                self.bold(&row.code, Some(color)),
                self.bold(&row.text.title, None),
            ]);
            let mut more = Vec::new();
            if self.style.verbose {
                more.push((label(Word::Observed), row.text.observed.clone()));
                if !row.text.causes.is_empty() {
                    more.push((label(Word::PossibleCauses), self.words.clauses(&row.text.causes)));
                }
            }
            more.push((label(Word::Fix), row.text.fix.clone()));
            for (label, text) in more {
                let text = self.words.labelled(label, &text);
                table.add_row([self.cell("", None), self.cell("", None), wrapped(&text, room)]);
            }
            if !row.text.snippets.is_empty() && (row.severity > Severity::Info || self.style.verbose) {
                keep_together(&mut table, 1);
                blocks.push(draw(&table));
                blocks.push(self.snippets(&row.text.snippets));
                table = self.table(BARE);
            }
        }
        if table.row_count() > 0 {
            keep_together(&mut table, 1);
            blocks.push(draw(&table));
        }
        let heading = self.heading(self.words.word(Word::Findings));
        format!("{heading}\n{}", blocks.join("\n"))
    }

    /// What is to be pasted stands as it is, however wide: a broken line would not be what it says.
    fn snippets(&self, snippets: &[Snippet]) -> String {
        let block = |snippet: &Snippet| {
            let name = self.words.labelled(&snippet.name, "");
            let lines = snippet.text.lines().map(|line| format!("        {}", clean(line)).trim_end().to_owned());
            std::iter::once(format!("      {}", name.trim_end())).chain(lines).collect::<Vec<_>>().join("\n")
        };
        snippets.iter().map(block).collect::<Vec<_>>().join("\n")
    }

    fn grid(&self, grid: &Grid) -> String {
        let mut table = self.table(UNDERLINED);
        table.set_header(grid.columns.iter().map(|column| self.bold(column, None)).collect::<Vec<_>>());
        for row in &grid.rows {
            table.add_row(row.iter().map(|text| self.cell(text, None)).collect::<Vec<_>>());
        }
        if let Some(last_but_one) = grid.columns.len().checked_sub(2).filter(|_| self.leaves_room_for_notes(grid)) {
            keep_together(&mut table, last_but_one);
        }
        self.titled(Some(&grid.title), &table)
    }

    /// Whether the last column is wide enough for prose when no other one is broken.
    fn leaves_room_for_notes(&self, grid: &Grid) -> bool {
        const PROSE: usize = 14;
        let before = grid.columns.len().saturating_sub(1);
        let widest = |column: usize| {
            let cells = grid.rows.iter().filter_map(|row| row.get(column)).map(|text| clean(text));
            let header = grid.columns.get(column).map(|text| (*text).to_owned());
            cells.chain(header).map(|text| console::measure_text_width(&text) + 2).max().unwrap_or_default()
        };
        (0..before).map(widest).sum::<usize>() + PROSE + 2 <= self.style.width.max(NARROWEST)
    }

    /// A table of exactly the width asked for at most: comfy-table is not to ask the terminal, which on some answers
    /// zero, nor to decide on colour by itself.
    fn table(&self, style: TableStyle) -> Table {
        let mut table = Table::new();
        let width = self.style.width.max(NARROWEST);
        table
            .load_style(style)
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(u16::try_from(width).unwrap_or(u16::MAX))
            .force_no_tty();
        if self.style.color {
            table.enforce_styling();
            table.style_text_only();
        }
        table
    }

    fn titled(&self, title: Option<&str>, table: &Table) -> String {
        match title {
            Some(title) => format!("{}\n{}", self.heading(title), draw(table)),
            None => draw(table),
        }
    }

    fn heading(&self, title: &str) -> String {
        let mut heading = self.table(BARE);
        heading.add_row([self.bold(title, None)]);
        draw(&heading)
    }

    fn cell(&self, text: &str, color: Option<Color>) -> Cell {
        let cell = Cell::new(clean(text));
        match color {
            Some(color) if self.style.color => cell.fg(color),
            _ => cell,
        }
    }

    /// Columns left beside a sign and the longest label, each with a blank on either side.
    fn room<'a>(&self, labels: impl Iterator<Item = &'a str>) -> usize {
        let longest = labels.map(console::measure_text_width).max().unwrap_or_default();
        self.style.width.max(NARROWEST).saturating_sub(3 + longest + 2 + 2)
    }

    fn bold(&self, text: &str, color: Option<Color>) -> Cell {
        let cell = self.cell(text, color);
        if self.style.color { cell.add_attribute(Attribute::Bold) } else { cell }
    }

    fn dim(&self, text: &str) -> Cell {
        let cell = self.cell(text, None);
        if self.style.color { cell.add_attribute(Attribute::Dim) } else { cell }
    }
}

/// Broken into lines here rather than by comfy-table, which knows of no break but the blank.
fn wrapped(text: &str, room: usize) -> Cell {
    Cell::new(wrap(&clean(text), room))
}

fn draw(table: &Table) -> String {
    table.trim_fmt()
}

/// Labels are not to be broken so that a long value has more room.
fn keep_together(table: &mut Table, columns: usize) {
    for index in 0..=columns {
        if let Some(column) = table.column_mut(index) {
            column.set_constraint(comfy_table::ColumnConstraint::ContentWidth);
        }
    }
}

const fn color_of(tone: Tone) -> Option<Color> {
    match tone {
        Tone::Plain => None,
        Tone::Good => Some(Color::DarkGreen),
        Tone::Middling | Tone::Unknown => Some(Color::DarkYellow),
        Tone::Bad => Some(Color::DarkRed),
    }
}

const fn severity_sign(severity: Severity) -> (&'static str, Color) {
    match severity {
        Severity::Info => ("i", Color::DarkBlue),
        Severity::Warning => ("!", Color::DarkYellow),
        Severity::Error => ("✗", Color::DarkRed),
    }
}

fn loss_color(row: &RegionRow) -> Option<Color> {
    (!matches!(row.loss.as_str(), "" | "0%")).then_some(Color::DarkRed)
}
