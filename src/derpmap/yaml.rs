//! YAML text into the tree that JSON becomes, as Go's yaml.v3 resolves it.
//!
//! Only the first document is read. Anchors, aliases and merge keys (`<<`) are expanded, and count as what they
//! stand for against [`MAX_VALUES`]: a file of a few hundred bytes that means billions of values is refused.

use std::borrow::Cow;
use std::collections::HashMap;

use granit_parser::{Event, Options, Parser, ScalarStyle, ScanError, Tag};

use super::error::{MapError, Problem};
use super::source::Source;
use super::tree::{Key, Member, Node, Span, Value};

/// More values than any map has: the public one has a few thousand.
pub(super) const MAX_VALUES: usize = 1_000_000;

/// A tree, and whether more documents follow it.
#[derive(Debug)]
pub(super) struct Parsed<'a> {
    pub(super) root: Node<'a>,
    /// Where the second document begins.
    pub(super) second_document: Option<Span>,
}

pub(super) fn parse(source: Source<'_>) -> Result<Parsed<'_>, MapError> {
    let mut options = Options::default();
    options.set_emit_comments(false);
    // The depth of JSON; the parser counts flow and block collections apart.
    options.flow_nesting_limit = super::json::MAX_DEPTH;
    options.block_nesting_limit = super::json::MAX_DEPTH;
    let mut builder = Builder { source, values: 0, stack: Vec::new(), anchors: HashMap::new(), root: None };
    let mut documents = 0;
    let mut second_document = None;
    for next in Parser::new_from_str_with_options(source.text, options) {
        let (event, span) = next.map_err(|error| syntax_error(source, &error))?;
        let span = span.byte_range().map_or(Span::default(), |range| Span::new(range.start, range.end));
        if let Event::DocumentStart(..) = event {
            documents += 1;
            if documents > 1 {
                second_document = Some(span);
                break;
            }
        }
        builder.handle_event(event, span)?;
    }
    let root = builder.root.unwrap_or(Node { span: Span::default(), value: Value::Null });
    Ok(Parsed { root, second_document })
}

struct Builder<'a> {
    source: Source<'a>,
    values: usize,
    stack: Vec<Open<'a>>,
    anchors: HashMap<usize, Node<'a>>,
    root: Option<Node<'a>>,
}

/// A collection whose end has not come yet.
struct Open<'a> {
    start: Span,
    anchor: usize,
    content: Content<'a>,
}

enum Content<'a> {
    Sequence(Vec<Node<'a>>),
    Mapping {
        members: Vec<Member<'a>>,
        /// Where each key stands, to find duplicates.
        seen: HashMap<String, u32>,
        merges: Vec<Node<'a>>,
        pending: Option<PendingKey<'a>>,
    },
}

enum PendingKey<'a> {
    Merge,
    Key(Key<'a>),
}

impl<'a> Builder<'a> {
    fn handle_event(&mut self, event: Event<'a>, span: Span) -> Result<(), MapError> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let quoted = style != ScalarStyle::Plain;
                if self.expects_key() {
                    if anchor != 0 {
                        let value = resolve(text.clone(), quoted, tag.as_deref());
                        self.anchors.insert(anchor, Node { span, value });
                    }
                    return self.accept_key(Key { span, text, quoted });
                }
                let value = resolve(text, quoted, tag.as_deref());
                self.accept(Node { span, value }, anchor)
            }
            Event::SequenceStart(_, anchor, _) => self.open(span, anchor, Content::Sequence(Vec::new())),
            Event::MappingStart(_, anchor, _) => {
                let content =
                    Content::Mapping { members: Vec::new(), seen: HashMap::new(), merges: Vec::new(), pending: None };
                self.open(span, anchor, content)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(anchor) => {
                let Some(target) = self.anchors.get(&anchor) else {
                    let problem = Problem::Yaml { said: "an anchor inside of itself".to_owned() };
                    return Err(self.error(span, problem));
                };
                // Checked before the copy is made; the depth, because later steps recurse.
                let (weight, depth) = (target.weight(), target.depth());
                if self.stack.len() + depth > super::json::MAX_DEPTH {
                    return Err(self.error(span, Problem::TooDeep));
                }
                self.count(weight, span)?;
                let Some(Node { value, .. }) = self.anchors.get(&anchor).cloned() else { return Ok(()) };
                if self.expects_key() {
                    let (Value::String(text) | Value::Number(text)) = value else {
                        return Err(self.error(span, Problem::Yaml { said: "a key that is no scalar".to_owned() }));
                    };
                    return self.accept_key(Key { span, text, quoted: false });
                }
                self.accept(Node { span, value }, 0)
            }
            _ => Ok(()),
        }
    }

    fn expects_key(&self) -> bool {
        matches!(self.stack.last(), Some(Open { content: Content::Mapping { pending: None, .. }, .. }))
    }

    fn open(&mut self, start: Span, anchor: usize, content: Content<'a>) -> Result<(), MapError> {
        if self.expects_key() {
            return Err(self.error(start, Problem::Yaml { said: "a key that is no scalar".to_owned() }));
        }
        self.stack.push(Open { start, anchor, content });
        if self.stack.len() > super::json::MAX_DEPTH {
            return Err(self.error(start, Problem::TooDeep));
        }
        Ok(())
    }

    fn close(&mut self) -> Result<(), MapError> {
        let Some(Open { start, anchor, content }) = self.stack.pop() else { return Ok(()) };
        let value = match content {
            Content::Sequence(elements) => Value::Array(elements),
            Content::Mapping { mut members, mut seen, merges, .. } => {
                // What is written in the mapping itself wins over what is merged, and earlier merges over later.
                for merge in merges {
                    for member in merge_members(merge) {
                        if !seen.contains_key(member.key.text.as_ref()) {
                            seen.insert(member.key.text.to_string(), member.key.span.start);
                            members.push(member);
                        }
                    }
                }
                Value::Object(members)
            }
        };
        // The span of its first token: a block collection has no last one.
        self.accept(Node { span: start, value }, anchor)
    }

    fn accept_key(&mut self, key: Key<'a>) -> Result<(), MapError> {
        let source = self.source;
        let Some(Open { content: Content::Mapping { seen, pending, .. }, .. }) = self.stack.last_mut() else {
            return Ok(());
        };
        if key.text == "<<" && !key.quoted {
            *pending = Some(PendingKey::Merge);
            return Ok(());
        }
        if let Some(first) = seen.insert(key.text.to_string(), key.span.start) {
            let first_line = source.position(first).line;
            let problem = Problem::DuplicateKey { key: super::tree::shorten(&key.text), first_line };
            return Err(MapError::new(source, key.span, String::new(), problem));
        }
        *pending = Some(PendingKey::Key(key));
        Ok(())
    }

    fn accept(&mut self, node: Node<'a>, anchor: usize) -> Result<(), MapError> {
        self.count(1, node.span)?;
        if anchor != 0 {
            self.count(node.weight(), node.span)?;
            self.anchors.insert(anchor, node.clone());
        }
        match self.stack.last_mut() {
            None => self.root = Some(node),
            Some(Open { content: Content::Sequence(elements), .. }) => elements.push(node),
            Some(Open { content: Content::Mapping { members, merges, pending, .. }, .. }) => match pending.take() {
                Some(PendingKey::Merge) => merges.push(node),
                Some(PendingKey::Key(key)) => members.push(Member { key, value: node }),
                None => {}
            },
        }
        Ok(())
    }

    fn count(&mut self, values: usize, span: Span) -> Result<(), MapError> {
        self.values = self.values.saturating_add(values);
        if self.values > MAX_VALUES { Err(self.error(span, Problem::TooManyValues)) } else { Ok(()) }
    }

    fn error(&self, span: Span, problem: Problem) -> MapError {
        MapError::new(self.source, span, String::new(), problem)
    }
}

fn merge_members(merge: Node<'_>) -> Vec<Member<'_>> {
    match merge.value {
        Value::Object(members) => members,
        Value::Array(merges) => merges.into_iter().flat_map(merge_members).collect(),
        _ => Vec::new(),
    }
}

/// What a scalar means in the YAML 1.2 core schema with yaml.v3's extra notations of integers.
fn resolve<'a>(text: Cow<'a, str>, quoted: bool, tag: Option<&Tag>) -> Value<'a> {
    let is_string = match tag {
        Some(tag) => tag.is_yaml_core_schema_tag("str"),
        None => quoted,
    };
    if is_string {
        return Value::String(text);
    }
    match text.as_ref() {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    if is_number(&text) { Value::Number(text) } else { Value::String(text) }
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if super::number::integer(text).is_some() {
        return true;
    }
    // Rust's parser also takes `inf` and `nan`, which YAML writes with a dot.
    matches!(digits, ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN")
        || (digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
            && digits.contains(|c: char| c.is_ascii_digit())
            && text.parse::<f64>().is_ok())
}

fn syntax_error(source: Source<'_>, error: &ScanError) -> MapError {
    let marker = error.marker();
    let at = marker.byte_offset().unwrap_or_default();
    // A tab is noticed once it has been passed.
    let before = source.text.get(..at).is_some_and(|before| before.ends_with('\t'));
    let at = at - usize::from(before);
    let problem = Problem::Yaml { said: error.info() };
    MapError::new(source, Span::new(at, at + 1), String::new(), problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source<'_> {
        Source { name: "m", text }
    }

    fn shown(text: &str) -> String {
        fn write(node: &Node<'_>) -> String {
            match &node.value {
                Value::Array(elements) => format!("[{}]", elements.iter().map(write).collect::<Vec<_>>().join(" ")),
                Value::Object(members) => {
                    let members = members.iter().map(|member| format!("{}:{}", member.key.text, write(&member.value)));
                    format!("{{{}}}", members.collect::<Vec<_>>().join(" "))
                }
                Value::Null => "null".to_owned(),
                Value::Bool(value) => value.to_string(),
                Value::Number(text) => format!("#{text}"),
                Value::String(text) => format!("{text:?}"),
            }
        }
        write(&parse(source(text)).unwrap().root)
    }

    #[test]
    fn scalars_resolve_as_in_yaml_v3() {
        for (text, expected) in [
            ("900", "#900"),
            ("\"900\"", "\"900\""),
            ("0x1f", "#0x1f"),
            ("1_000", "#1_000"),
            ("-1", "#-1"),
            ("1.5", "#1.5"),
            (".5", "#.5"),
            (".inf", "#.inf"),
            ("inf", "\"inf\""),
            ("1.2.3.4", "\"1.2.3.4\""),
            ("2001:db8::1", "\"2001:db8::1\""),
            ("~", "null"),
            ("", "null"),
            ("'~'", "\"~\""),
            ("True", "true"),
            ("yes", "\"yes\""),
            ("!!str 900", "\"900\""),
            ("1e3", "#1e3"),
            ("e3", "\"e3\""),
            ("-", "[null]"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn anchors_and_merges_expand() {
        let text = "base: &b {x: 1, y: 2}\nlist: [*b]\nmerged:\n  <<: *b\n  y: 3\n";
        assert_eq!(shown(text), "{base:{x:#1 y:#2} list:[{x:#1 y:#2}] merged:{y:#3 x:#1}}");
    }

    #[test]
    fn duplicates_name_the_first() {
        let error = parse(source("a: 1\nb: 2\na: 3\n")).unwrap_err();
        assert_eq!((error.line, error.column), (3, 1));
        assert_eq!(error.problem, Problem::DuplicateKey { key: "a".to_owned(), first_line: 1 });
    }

    #[test]
    fn bombs_are_refused() {
        use std::fmt::Write as _;
        let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let previous = vec![format!("*a{}", level - 1); 10].join(", ");
            writeln!(laughs, "a{level}: &a{level} [{previous}]").unwrap();
        }
        assert_eq!(parse(source(&laughs)).unwrap_err().problem, Problem::TooManyValues);
        // The escape makes the text one that has to be copied.
        let text = format!("a: &a \"\\t{}\"\nb: [{}]\n", "x".repeat(1_000_000), "*a,".repeat(100_000));
        assert_eq!(parse(source(&text)).unwrap_err().problem, Problem::TooManyValues);
        assert!(parse(source(&"[".repeat(100_000))).is_err());
        assert!(parse(source(&"- ".repeat(100_000))).is_err());
        assert!(parse(source("a: &a [*a]")).is_err());
        assert!(parse(source("a: *nowhere")).is_err());
    }

    #[test]
    fn mistakes_have_a_place() {
        let error = parse(source("regions:\n  900:\n\tname: x\n")).unwrap_err();
        assert_eq!(error.line, 3, "{error}");
        let error = parse(source("regions:\n  900: [1, 2\n")).unwrap_err();
        assert!(error.line >= 2, "{error}");
    }

    #[test]
    fn a_second_document_is_noticed() {
        assert!(parse(source("a: 1\n---\nb: 2\n")).unwrap().second_document.is_some());
        assert!(parse(source("---\na: 1\n...\n")).unwrap().second_document.is_none());
    }
}
