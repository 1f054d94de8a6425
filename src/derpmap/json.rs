//! JSON and HuJSON text into a tree.
//!
//! HuJSON is JSON with `//` and `/* */` comments and trailing commas, nothing else: no bare keys, no single
//! quotes, no `#`. What is allowed beyond that is allowed by Go's encoding/json too: duplicate keys, and lone
//! surrogates, which become U+FFFD. Recursion stops at [`MAX_DEPTH`], the tree at [`MAX_VALUES`] values.

use std::borrow::Cow;

use super::error::{MapError, Problem};
use super::source::Source;
use super::tree::{Key, Member, Node, Span, Value, shorten};
use super::yaml::MAX_VALUES;

/// Deeper than any map, and far from the end of the stack.
pub(super) const MAX_DEPTH: usize = 128;

/// A tree, and whether the text uses what HuJSON adds to JSON.
#[derive(Debug)]
pub(super) struct Parsed<'a> {
    pub(super) root: Node<'a>,
    pub(super) has_extensions: bool,
}

pub(super) fn parse(source: Source<'_>) -> Result<Parsed<'_>, MapError> {
    let mut parser = Parser { source, at: 0, values: 0, open: Vec::new(), has_extensions: false };
    parser.skip_blanks()?;
    let root = parser.value()?;
    parser.skip_blanks()?;
    if parser.peek().is_some() {
        return Err(parser.unexpected("the end of the text after the closing brace"));
    }
    Ok(Parsed { root, has_extensions: parser.has_extensions })
}

/// Where reading stands.
pub(super) struct Parser<'a> {
    pub(super) source: Source<'a>,
    /// Always on a character boundary.
    pub(super) at: usize,
    values: usize,
    /// Where the objects and lists around this place begin.
    open: Vec<(u8, usize)>,
    has_extensions: bool,
}

impl<'a> Parser<'a> {
    fn value(&mut self) -> Result<Node<'a>, MapError> {
        let start = self.at;
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(self.error(start, start + 1, Problem::TooManyValues));
        }
        let value = match self.peek() {
            Some(b'{') => Value::Object(self.nested(Self::members)?),
            Some(b'[') => Value::Array(self.nested(Self::elements)?),
            Some(b'"') => Value::String(self.string()?),
            Some(b'-' | b'0'..=b'9') => Value::Number(Cow::Borrowed(self.number()?)),
            Some(b't') if self.take_word("true") => Value::Bool(true),
            Some(b'f') if self.take_word("false") => Value::Bool(false),
            Some(b'n') if self.take_word("null") => Value::Null,
            _ => return Err(self.unexpected("a value")),
        };
        Ok(Node { span: Span::new(start, self.at), value })
    }

    /// What is between two brackets.
    fn nested<T>(&mut self, inside: impl FnOnce(&mut Self) -> Result<T, MapError>) -> Result<T, MapError> {
        if self.open.len() >= MAX_DEPTH {
            return Err(self.error(self.at, self.at + 1, Problem::TooDeep));
        }
        self.open.push((self.peek().unwrap_or_default(), self.at));
        self.at += 1;
        self.skip_blanks()?;
        let value = inside(self)?;
        self.at += 1;
        self.open.pop();
        Ok(value)
    }

    fn members(&mut self) -> Result<Vec<Member<'a>>, MapError> {
        let mut members = Vec::new();
        while self.peek() != Some(b'}') {
            let start = self.at;
            if self.peek() != Some(b'"') {
                return Err(self.unexpected("a key in double quotes, or `}`"));
            }
            let text = self.string()?;
            let key = Key { span: Span::new(start, self.at), text, quoted: true };
            self.skip_blanks()?;
            if self.peek() != Some(b':') {
                return Err(self.unexpected("`:` after the key"));
            }
            self.at += 1;
            self.skip_blanks()?;
            members.push(Member { key, value: self.value()? });
            self.comma(b'}', "`,` or `}`")?;
        }
        Ok(members)
    }

    fn elements(&mut self) -> Result<Vec<Node<'a>>, MapError> {
        let mut elements = Vec::new();
        while self.peek() != Some(b']') {
            elements.push(self.value()?);
            self.comma(b']', "`,` or `]`")?;
        }
        Ok(elements)
    }

    /// Between two values: a comma, or the closing bracket, which is left alone.
    fn comma(&mut self, close: u8, expected: &str) -> Result<(), MapError> {
        self.skip_blanks()?;
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                self.skip_blanks()?;
                self.has_extensions |= self.peek() == Some(close);
                Ok(())
            }
            Some(byte) if byte == close => Ok(()),
            _ => Err(self.unexpected(expected)),
        }
    }

    /// `-? (0 | [1-9][0-9]*) ('.' [0-9]+)? ([eE] [+-]? [0-9]+)?`
    fn number(&mut self) -> Result<&'a str, MapError> {
        let start = self.at;
        self.take(b"-");
        if self.take(b"0") {
            if self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
                return Err(self.unexpected("no digit after a leading zero"));
            }
        } else {
            self.digits()?;
        }
        if self.take(b".") {
            self.digits()?;
        }
        if self.take(b"eE") {
            self.take(b"+-");
            self.digits()?;
        }
        Ok(self.source.text.get(start..self.at).unwrap_or_default())
    }

    fn digits(&mut self) -> Result<(), MapError> {
        let count = self.rest().bytes().take_while(u8::is_ascii_digit).count();
        if count == 0 {
            return Err(self.unexpected("a digit"));
        }
        self.at += count;
        Ok(())
    }

    pub(super) fn take(&mut self, any_of: &[u8]) -> bool {
        let takes = self.peek().is_some_and(|byte| any_of.contains(&byte));
        self.at += usize::from(takes);
        takes
    }

    fn take_word(&mut self, word: &str) -> bool {
        let is_it = self.rest().strip_prefix(word).is_some_and(|after| !after.starts_with(is_word_character));
        self.at += if is_it { word.len() } else { 0 };
        is_it
    }

    fn skip_blanks(&mut self) -> Result<(), MapError> {
        loop {
            let rest = self.rest();
            self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
            let start = self.at;
            let rest = self.rest();
            let length = if rest.starts_with("//") {
                rest.find('\n').unwrap_or(rest.len())
            } else if rest.starts_with("/*") {
                let Some(end) = rest.get(2..).and_then(|inside| inside.find("*/")) else {
                    let problem = Problem::Syntax {
                        expected: "`*/` at the end of this comment".to_owned(),
                        found: "the end of the text".to_owned(),
                    };
                    return Err(self.error(start, start + 2, problem));
                };
                end + 4
            } else {
                return Ok(());
            };
            self.at += length;
            self.has_extensions = true;
        }
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.source.text.as_bytes().get(self.at).copied()
    }

    pub(super) fn rest(&self) -> &'a str {
        self.source.text.get(self.at..).unwrap_or_default()
    }

    pub(super) fn unexpected(&self, expected: &str) -> MapError {
        let rest = self.rest();
        let word = rest.find(|c| !is_word_character(c)).unwrap_or(rest.len());
        let (found, length) = match rest.chars().next() {
            None => (self.end_of_text(), 0),
            Some('\'') => ("a single quote; JSON strings stand in double quotes".to_owned(), 1),
            Some('#') => ("`#`; comments begin with //".to_owned(), 1),
            Some('"') => ("a string".to_owned(), 1),
            Some(c) if word == 0 => (format!("`{}`", c.escape_default()), c.len_utf8()),
            Some(_) => (format!("`{}`", shorten(rest.get(..word).unwrap_or_default())), word),
        };
        self.error(self.at, self.at + length, Problem::Syntax { expected: expected.to_owned(), found })
    }

    /// A cut download or paste: say what is still open.
    pub(super) fn end_of_text(&self) -> String {
        match self.open.last() {
            None => "the end of the text".to_owned(),
            Some(&(bracket, at)) => {
                let position = self.source.position(Span::new(at, at).start);
                format!(
                    "the end of the text, while the `{}` of line {}, column {} is still open; is the file cut off?",
                    char::from(bracket),
                    position.line,
                    position.column
                )
            }
        }
    }

    pub(super) fn error(&self, start: usize, end: usize, problem: Problem) -> MapError {
        MapError::new(self.source, Span::new(start, end), String::new(), problem)
    }
}

fn is_word_character(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '$' | '-')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn source(text: &str) -> Source<'_> {
        Source { name: "m", text }
    }

    fn plain(node: &Node<'_>) -> serde_json::Value {
        match &node.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(value) => (*value).into(),
            Value::Number(text) => serde_json::from_str(text).unwrap(),
            Value::String(text) => text.as_ref().into(),
            Value::Array(elements) => elements.iter().map(plain).collect(),
            Value::Object(members) => {
                members.iter().map(|member| (member.key.text.clone().into_owned(), plain(&member.value))).collect()
            }
        }
    }

    fn failure(text: &str) -> (usize, usize, String) {
        let error = parse(source(text)).unwrap_err();
        (error.line, error.column, error.problem.to_string())
    }

    #[test]
    fn comments_and_trailing_commas_are_seen() {
        for (text, has_extensions) in [
            (r#"{"a": [1, 2], "b": {}}"#, false),
            (r#"{"a": [1, 2,], "b": {}}"#, true),
            (r#"{"a": [1, 2], "b": {},}"#, true),
            ("{\"a\": [1, 2], // two\n \"b\": {}}", true),
            ("/**/{\"a\" /*:*/ : [1,/***/2], \"b\": {}}//", true),
        ] {
            let parsed = parse(source(text)).unwrap();
            assert_eq!(plain(&parsed.root), serde_json::json!({"a": [1, 2], "b": {}}), "{text}");
            assert_eq!(parsed.has_extensions, has_extensions, "{text}");
        }
    }

    #[test]
    fn the_place_of_a_mistake() {
        for (text, line, column, problem) in [
            ("{\"a\": 1 \"b\": 2}", 1, 9, "expected `,` or `}`, found a string"),
            ("{\"a\": 1,\n  b: 2}", 2, 3, "expected a key in double quotes, or `}`, found `b`"),
            ("{'a': 1}", 1, 2, "found a single quote; JSON strings stand in double quotes"),
            ("{\"a\": True}", 1, 7, "expected a value, found `True`"),
            ("{\"a\" 1}", 1, 6, "expected `:` after the key, found `1`"),
            ("{\"a\": [1,,2]}", 1, 10, "expected a value, found `,`"),
            ("{,}", 1, 2, "expected a key in double quotes"),
            ("[,]", 1, 2, "expected a value"),
            ("{\"a\": \"x,\n\"b\": 1}", 1, 7, "expected `\"` at the end of this string, found the end of the line"),
            ("{\"a\": \"\\x\"}", 1, 8, "expected an escape that JSON has"),
            ("{\"a\": \"\\u12\"}", 1, 8, "four hexadecimal digits"),
            ("{\"a\": 007}", 1, 8, "no digit after a leading zero"),
            ("{\"a\": 1.}", 1, 9, "expected a digit"),
            ("{\"a\": +1}", 1, 7, "expected a value"),
            ("{\"a\": NaN}", 1, 7, "expected a value, found `NaN`"),
            ("{} {}", 1, 4, "expected the end of the text"),
            ("{\"a\": 1} # note", 1, 10, "comments begin with //"),
            ("{\n  \"a\": {\n", 3, 1, "the `{` of line 2, column 8 is still open; is the file cut off?"),
            ("{ /* ", 1, 3, "expected `*/` at the end of this comment"),
            ("{\"日本\": ?}", 1, 8, "expected a value, found `?`"),
            ("{\"a\": \"\u{1}\"}", 1, 8, "no control characters"),
        ] {
            let (found_line, found_column, found) = failure(text);
            assert_eq!((found_line, found_column), (line, column), "{text}: {found}");
            assert!(found.contains(problem), "{text}: {found}");
        }
    }

    #[test]
    fn depth_and_size_are_bounded() {
        assert!(parse(source(&format!("{}{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH)))).is_ok());
        let deep = "[".repeat(1_000_000);
        assert_eq!(parse(source(&deep)).unwrap_err().problem, Problem::TooDeep);
        let wide = format!("[{}", "0,".repeat(MAX_VALUES));
        assert_eq!(parse(source(&wide)).unwrap_err().problem, Problem::TooManyValues);
    }

    #[test]
    fn escapes_decode() {
        let parsed = parse(source(r#""a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00\ud83dx\ude00""#)).unwrap();
        let expected = "a\"\\/\u{8}\u{c}\n\r\té😀\u{fffd}x\u{fffd}";
        assert_eq!(plain(&parsed.root), serde_json::Value::from(expected));
    }

    proptest! {
        /// Without what HuJSON adds, and lone surrogates apart, the grammar is the one `serde_json` reads.
        #[test]
        fn agrees_with_serde_json(text in "[\\[\\]{},:\"\\\\/*a0-9.eE+\\- \n\ttrufalsn]{0,24}") {
            let own = parse(source(&text));
            let other: Result<serde_json::Value, _> = serde_json::from_str(&text);
            match (own, other) {
                (Ok(own), Ok(other)) => prop_assert_eq!(plain(&own.root), other),
                (Ok(own), Err(error)) => prop_assert!(own.has_extensions || error.to_string().contains("out of range"), "{}", error),
                (Err(error), Ok(_)) => prop_assert!(false, "{}", error),
                (Err(_), Err(_)) => {}
            }
        }

        #[test]
        fn values_come_back(numbers in proptest::collection::vec(any::<i64>(), 0..5), text in any::<String>()) {
            let value = serde_json::json!({"n": numbers, &text: [text, null, true, {"x": 1.5}]});
            let encoded = serde_json::to_string_pretty(&value).unwrap();
            prop_assert_eq!(plain(&parse(source(&encoded)).unwrap().root), value);
        }
    }
}
