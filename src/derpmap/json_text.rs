//! Strings of JSON, with their escapes.

use std::borrow::Cow;

use super::error::{MapError, Problem};
use super::json::Parser;

impl<'a> Parser<'a> {
    pub(super) fn string(&mut self) -> Result<Cow<'a, str>, MapError> {
        let opening = self.at;
        self.at += 1;
        let mut text = Cow::Borrowed("");
        loop {
            let rest = self.rest();
            let plain = rest.find(['"', '\\', '\n', '\r']).unwrap_or(rest.len());
            let (chunk, after) = rest.split_at(plain);
            if let Some(control) = chunk.find(|c: char| u32::from(c) < 0x20) {
                self.at += control;
                return Err(self.unexpected("no control characters in a string"));
            }
            if text.is_empty() {
                text = Cow::Borrowed(chunk);
            } else {
                text.to_mut().push_str(chunk);
            }
            self.at += plain;
            match after.bytes().next() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some(b'\\') => {
                    let escaped = self.escape()?;
                    text.to_mut().push(escaped);
                }
                end => {
                    let found = if end.is_some() { "the end of the line" } else { "the end of the text" };
                    let problem = Problem::Syntax {
                        expected: "`\"` at the end of this string".to_owned(),
                        found: found.to_owned(),
                    };
                    return Err(self.error(opening, self.at, problem));
                }
            }
        }
    }

    fn escape(&mut self) -> Result<char, MapError> {
        let start = self.at;
        let byte = self.source.text.as_bytes().get(start + 1).copied();
        self.at += 2;
        let c = match byte {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(start),
            _ => {
                self.at = start;
                return Err(self.unexpected("an escape that JSON has (\\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX)"));
            }
        };
        Ok(c)
    }

    fn unicode_escape(&mut self, start: usize) -> Result<char, MapError> {
        let Some(unit) = self.four_hex_digits() else {
            self.at = start;
            return Err(self.unexpected("four hexadecimal digits after \\u"));
        };
        if !(0xd800..0xdc00).contains(&unit) {
            return Ok(char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        let before_second = self.at;
        if self.rest().starts_with("\\u") {
            self.at += 2;
            if let Some(low @ 0xdc00..0xe000) = self.four_hex_digits() {
                let code = 0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
        }
        self.at = before_second;
        Ok(char::REPLACEMENT_CHARACTER)
    }

    fn four_hex_digits(&mut self) -> Option<u32> {
        let digits = self.source.text.get(self.at..self.at + 4)?;
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        self.at += 4;
        u32::from_str_radix(digits, 16).ok()
    }
}
