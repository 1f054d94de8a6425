//! Offsets in a text as lines and columns, and the excerpt an error shows.

use std::fmt::Write as _;

use super::tree::Span;

/// The text of a map, with the name it goes by in errors.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source<'a> {
    pub(super) name: &'a str,
    pub(super) text: &'a str,
}

/// Line and column from 1; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    pub(super) line: usize,
    pub(super) column: usize,
}

impl<'a> Source<'a> {
    pub(super) fn position(&self, offset: u32) -> Position {
        let before = self.before(offset);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Position {
            line: 1 + before.bytes().filter(|&byte| byte == b'\n').count(),
            column: 1 + before.get(line_start..).unwrap_or_default().chars().count(),
        }
    }

    /// The positions of many offsets in one pass over the text. The offsets must ascend.
    pub(super) fn positions(&self, offsets: impl IntoIterator<Item = u32>) -> Vec<Position> {
        let mut position = Position { line: 1, column: 1 };
        let mut passed = 0;
        let mut found = Vec::new();
        for offset in offsets {
            let until = self.before(offset).len();
            for c in self.text.get(passed..until).unwrap_or_default().chars() {
                if c == '\n' {
                    position = Position { line: position.line + 1, column: 1 };
                } else {
                    position.column += 1;
                }
            }
            passed = passed.max(until);
            found.push(position);
        }
        found
    }

    /// The line of `span` with carets under it, plain text without a trailing newline. Long lines are cut around
    /// the place; control characters are replaced, for a map must not steer the terminal of who reads the error.
    pub(super) fn excerpt(&self, span: Span) -> String {
        const BEFORE: usize = 60;
        const WIDTH: usize = 100;
        let Position { line, column } = self.position(span.start);
        let start = self.before(span.start).rfind('\n').map_or(0, |at| at + 1);
        let rest = self.text.get(start..).unwrap_or_default();
        let whole = rest.split('\n').next().unwrap_or_default().trim_end_matches('\r');
        let skipped = if column > BEFORE + 20 { column - 1 - BEFORE } else { 0 };
        let shown: Vec<char> = whole.chars().skip(skipped).take(WIDTH).map(printable).collect();
        let is_cut = whole.chars().nth(skipped + WIDTH).is_some();

        let lead = column - 1 - skipped;
        let start_byte = self.before(span.start).len();
        let end_byte = self.before(span.end).len().max(start_byte);
        let marked = self.text.get(start_byte..end_byte).unwrap_or_default();
        let marked = marked.split('\n').next().unwrap_or_default().chars().take(WIDTH).count();
        let marked = marked.min(shown.len().saturating_sub(lead)).max(1);

        let pad: usize = shown.iter().take(lead).map(|&c| columns(c)).sum();
        let carets: usize = shown.iter().skip(lead).take(marked).map(|&c| columns(c)).sum();
        let (ellipsis, after) = (if skipped > 0 { "…" } else { "" }, if is_cut { "…" } else { "" });
        let number = line.to_string();
        let gutter = " ".repeat(number.len());
        let mut excerpt = String::new();
        let text: String = shown.iter().collect();
        let _ = write!(
            excerpt,
            "{gutter} |\n{number} | {ellipsis}{text}{after}\n{gutter} | {}{}",
            " ".repeat(pad + ellipsis.chars().count()),
            "^".repeat(carets.max(1)),
        );
        excerpt
    }

    fn before(&self, offset: u32) -> &'a str {
        let mut offset = usize::try_from(offset).unwrap_or(usize::MAX).min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        self.text.get(..offset).unwrap_or_default()
    }
}

fn printable(c: char) -> char {
    match c {
        '\t' => ' ',
        // Bidirectional overrides turn the line around and the caret with it.
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' => '\u{fffd}',
        c if c.is_control() => '\u{fffd}',
        c => c,
    }
}

/// Terminal columns of a character: 2 for the scripts terminals draw wide (Unicode TR 11, roughly).
fn columns(c: char) -> usize {
    match c {
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{1f300}'..='\u{1f64f}'
        | '\u{1f900}'..='\u{1f9ff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source<'_> {
        Source { name: "m", text }
    }

    #[test]
    fn columns_count_characters() {
        let text = "ab\nжё\r\n日本x";
        let at = |needle: &str| source(text).position(u32::try_from(text.find(needle).unwrap()).unwrap());
        assert_eq!(at("b"), Position { line: 1, column: 2 });
        assert_eq!(at("ё"), Position { line: 2, column: 2 });
        assert_eq!(at("x"), Position { line: 3, column: 3 });
        assert_eq!(source(text).position(9999), Position { line: 3, column: 4 });
    }

    #[test]
    fn one_pass_finds_the_same_positions() {
        let text = "ab\nжё\r\n日本x\n\n";
        let offsets: Vec<u32> = (0..20).collect();
        let single: Vec<_> = offsets.iter().map(|&offset| source(text).position(offset)).collect();
        assert_eq!(source(text).positions(offsets), single);
    }

    #[test]
    fn carets_stand_under_the_place() {
        let excerpt = source("{\n\t\"日\": \"x\"\n}").excerpt(Span::new(10, 13));
        assert_eq!(excerpt, "  |\n2 |  \"日\": \"x\"\n  |        ^^^");
    }

    #[test]
    fn long_lines_are_cut_and_control_characters_replaced() {
        let text = format!("{}\u{1b}[31m\"here\"{}", "x".repeat(5000), "y".repeat(5000));
        let excerpt = source(&text).excerpt(Span::new(5005, 5011));
        assert!(excerpt.lines().all(|line| line.chars().count() < 120), "{excerpt}");
        assert!(!excerpt.contains('\u{1b}'));
        let lines: Vec<&str> = excerpt.lines().collect();
        let caret = lines[2].chars().position(|c| c == '^').unwrap();
        assert_eq!(lines[1].chars().skip(caret).take(6).collect::<String>(), "\"here\"");
        assert!(lines[1].ends_with('…'));
    }
}
