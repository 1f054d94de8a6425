//! Offsets in a text as lines and columns, and the excerpt an error shows.

use super::tree::Span;
use crate::model::{Excerpt, Place};

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

    /// The places of many spans in one pass over the text. The spans must ascend.
    pub(super) fn places(&self, spans: &[Span]) -> Vec<Place> {
        let positions = self.positions(spans.iter().map(|span| span.start));
        let place = |(span, position): (&Span, Position)| Place {
            file: self.name.to_owned(),
            line: position.line,
            column: position.column,
            excerpt: Some(self.excerpt(*span)),
        };
        spans.iter().zip(positions).map(place).collect()
    }

    /// The line of `span`, cut around it. Costs what it shows, however long the line is.
    pub(super) fn excerpt(&self, span: Span) -> Excerpt {
        const BEFORE: usize = 80;
        const AFTER: usize = 160;
        let before = self.before(span.start);
        let mut lead: Vec<char> = before.chars().rev().take_while(|&c| c != '\n').take(BEFORE + 1).collect();
        let cut_before = lead.len() > BEFORE;
        lead.truncate(BEFORE);
        lead.reverse();

        let rest = self.text.get(before.len()..).unwrap_or_default();
        let mut tail: Vec<char> = rest.chars().take_while(|&c| c != '\n').take(AFTER + 1).collect();
        let cut_after = tail.len() > AFTER;
        tail.truncate(AFTER);
        if tail.last() == Some(&'\r') {
            tail.pop();
        }
        let place = self.text.get(before.len()..self.before(span.end).len()).unwrap_or_default();
        let marked = place.chars().take_while(|&c| c != '\n').take(AFTER).count().min(tail.len()).max(1);
        Excerpt {
            text: lead.iter().chain(&tail).map(|&c| printable(c)).collect(),
            before: lead.len(),
            marked,
            cut_before,
            cut_after,
        }
    }

    /// The text of a span.
    pub(super) fn raw(&self, span: Span) -> &'a str {
        let offset = |offset| usize::try_from(offset).unwrap_or(usize::MAX);
        self.text.get(offset(span.start)..offset(span.end)).unwrap_or_default()
    }

    fn before(&self, offset: u32) -> &'a str {
        let mut offset = usize::try_from(offset).unwrap_or(usize::MAX).min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        self.text.get(..offset).unwrap_or_default()
    }
}

/// The line with carets under the place, plain text without a trailing newline.
pub(super) fn drawn(excerpt: &Excerpt, line: usize) -> String {
    let width = |from: usize, length: usize| excerpt.text.chars().skip(from).take(length).map(columns).sum::<usize>();
    let (left, right) = (if excerpt.cut_before { "…" } else { "" }, if excerpt.cut_after { "…" } else { "" });
    let number = line.to_string();
    let gutter = " ".repeat(number.len());
    let pad = " ".repeat(width(0, excerpt.before) + left.chars().count());
    let carets = "^".repeat(width(excerpt.before, excerpt.marked).max(1));
    format!("{gutter} |\n{number} | {left}{}{right}\n{gutter} | {pad}{carets}", excerpt.text)
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
        let excerpt = drawn(&source("{\n\t\"日\": \"x\"\n}").excerpt(Span::new(10, 13)), 2);
        assert_eq!(excerpt, "  |\n2 |  \"日\": \"x\"\n  |        ^^^");
    }

    #[test]
    fn long_lines_are_cut_and_control_characters_replaced() {
        let text = format!("{}\u{1b}[31m\"here\"{}", "x".repeat(5000), "y".repeat(5000));
        let excerpt = drawn(&source(&text).excerpt(Span::new(5005, 5011)), 1);
        assert!(excerpt.lines().all(|line| line.chars().count() < 260), "{excerpt}");
        assert!(!excerpt.contains('\u{1b}'));
        let lines: Vec<&str> = excerpt.lines().collect();
        let caret = lines[2].chars().position(|c| c == '^').unwrap();
        assert_eq!(lines[1].chars().skip(caret).take(6).collect::<String>(), "\"here\"");
        assert!(lines[1].ends_with('…'));
    }
}
