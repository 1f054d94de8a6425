//! As much of Rust's grammar as is needed to find the paths in a file: comments, strings, `use` trees, test modules.

/// A file of `src/`, and the room it is in.
pub(crate) struct Source {
    /// Its path from the project's directory.
    pub(crate) path: String,
    /// Its room: the first directory below `src`, or the name of a file that lies in `src` itself.
    pub(crate) room: String,
    /// Its tokens, comments and strings left out.
    pub(crate) tokens: Vec<Token>,
    /// How many modules deep it is: 1 for `src/check/mod.rs`, 2 for `src/check/nat.rs`.
    depth: usize,
}

/// An identifier, `::`, or one character.
pub(crate) struct Token {
    text: String,
    line: usize,
    in_tests: bool,
}

/// A path as written, `use` trees taken apart: `use a::{b, c::d}` is `a::b` and `a::c::d`.
pub(crate) struct Written {
    pub(crate) segments: Vec<String>,
    pub(crate) line: usize,
    /// Whether it stands in a test module.
    pub(crate) in_tests: bool,
    /// Whether it is a `use` of its first segment; otherwise one word alone is a variable, not a crate.
    pub(crate) imported: bool,
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let inside = path.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod");
        let room = inside.split('/').next().unwrap_or_default().to_owned();
        let mut tokens = tokens(text);
        mark_tests(&mut tokens, path.ends_with("/tests.rs") || path.contains("/tests/"));
        Self { path: path.to_owned(), room, tokens, depth: inside.split('/').count() }
    }

    /// The room a path leads to, as far as it starts at the crate's root: `crate::probe::Slot` leads to `probe`.
    pub(crate) fn resolve<'a>(&self, segments: &'a [String]) -> Option<&'a str> {
        let first = segments.first()?.as_str();
        if first == "crate" || first == "natscope" {
            return segments.get(1).map(String::as_str);
        }
        // A test module inside the file is one deeper, so more `super`s than modules also end at the root.
        let supers = segments.iter().take_while(|segment| *segment == "super").count();
        if supers > 0 && supers >= self.depth { segments.get(supers).map(String::as_str) } else { None }
    }
}

impl Written {
    pub(crate) fn starts_with(&self, wanted: &[&str]) -> bool {
        (self.imported || self.segments.len() > 1)
            && self.segments.iter().zip(wanted).filter(|(one, other)| one == other).count() == wanted.len()
    }

    pub(crate) fn contains(&self, wanted: &[&str]) -> bool {
        self.segments.windows(wanted.len()).any(|window| window == wanted)
    }
}

/// Every path in the tokens. A macro call is a path that ends in `!`.
pub(crate) fn paths(tokens: &[Token]) -> Vec<Written> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let after_dot = at > 0 && tokens[at - 1].text == ".";
        if tokens[at].is_word() && !after_dot {
            at = branch(tokens, at, &[], &mut found).max(at + 1);
        } else {
            at += 1;
        }
    }
    found
}

/// Reads a path from `at` on, below `above`; returns where it ends.
fn branch(tokens: &[Token], mut at: usize, above: &[String], found: &mut Vec<Written>) -> usize {
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text.as_str());
    let start = at;
    let imported = above.is_empty() && start > 0 && text(start - 1) == "use";
    let mut segments = above.to_vec();
    loop {
        if text(at) == "{" {
            at += 1;
            while at < tokens.len() && text(at) != "}" {
                at = if text(at) == "," { at + 1 } else { branch(tokens, at, &segments, found).max(at + 1) };
            }
            return at + 1;
        }
        segments.push(text(at).to_owned());
        at += 1;
        if text(at) != "::" {
            break;
        }
        at += 1;
        // A turbofish ends what is of interest; its types are read as paths of their own.
        if text(at) == "<" {
            break;
        }
    }
    if text(at) == "!" && text(at + 1) != "=" {
        segments.push("!".to_owned());
    }
    if let Some(token) = tokens.get(start) {
        found.push(Written { segments, line: token.line, in_tests: token.in_tests, imported });
    }
    at
}

impl Token {
    fn is_word(&self) -> bool {
        self.text.starts_with(|c: char| c.is_alphabetic() || c == '_')
    }
}

/// Marks what stands under `#[cfg(test)]`.
fn mark_tests(tokens: &mut [Token], all: bool) {
    let mark: Vec<_> = ["#", "[", "cfg", "(", "test", ")", "]"].into();
    let mut at = 0;
    while at < tokens.len() {
        tokens[at].in_tests |= all;
        if !tokens[at..].iter().map(|token| token.text.as_str()).take(mark.len()).eq(mark.iter().copied()) {
            at += 1;
            continue;
        }
        let mut depth = 0;
        for token in &mut tokens[at..] {
            token.in_tests = true;
            at += 1;
            match token.text.as_str() {
                "{" => depth += 1,
                "}" => depth -= 1,
                _ => {}
            }
            if depth == 0 && matches!(token.text.as_str(), "}" | ";") {
                break;
            }
        }
    }
}

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let line = text[..text.len() - rest.len()].matches('\n').count() + 1;
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            block_comment(rest)
        } else if let Some(length) = string(rest) {
            length
        } else if first == '\'' {
            character(rest)
        } else if first.is_whitespace() {
            first.len_utf8()
        } else {
            let word = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
            let length = if rest.starts_with("::") { 2 } else { word.max(first.len_utf8()) };
            tokens.push(Token { text: rest[..length].to_owned(), line, in_tests: false });
            length
        };
        rest = &rest[length..];
    }
    tokens
}

fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest[at..].starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                break;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    at
}

/// The length of the string literal `rest` starts with, prefix included.
fn string(rest: &str) -> Option<usize> {
    let prefix = ["br", "cr", "b", "c", "r", ""].into_iter().find(|prefix| {
        let after = rest.strip_prefix(prefix).unwrap_or("x").trim_start_matches('#');
        after.starts_with('"') && (prefix.ends_with('r') || !rest[prefix.len()..].starts_with('#'))
    })?;
    let body = &rest[prefix.len()..];
    if prefix.ends_with('r') {
        let hashes = body.len() - body.trim_start_matches('#').len();
        let end = format!("\"{}", "#".repeat(hashes));
        let from = prefix.len() + hashes + 1;
        return Some(rest[from..].find(&end).map_or(rest.len(), |at| from + at + end.len()));
    }
    let mut escaped = false;
    for (at, c) in body.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some(prefix.len() + at + 1),
            _ => {}
        }
    }
    Some(rest.len())
}

/// The length of a character literal, or of the apostrophe of a lifetime.
fn character(rest: &str) -> usize {
    let mut chars = rest.char_indices().skip(1);
    match chars.next() {
        Some((_, '\\')) => {
            rest[2..].char_indices().skip(1).find(|(_, c)| *c == '\'').map_or(rest.len(), |(at, _)| at + 3)
        }
        Some(_) => chars.next().filter(|(_, c)| *c == '\'').map_or(1, |(at, _)| at + 1),
        None => 1,
    }
}
