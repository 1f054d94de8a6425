//! A scanner for the XML routers send: elements, text, CDATA, comments, entities. It expands nothing of a DOCTYPE,
//! checks neither names nor nesting beyond the balance of tags, and drops namespace prefixes and attributes.

use thiserror::Error;

/// The document is not XML, or ends too early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Malformed {
    /// A tag, comment, CDATA section or element is not closed.
    #[error("XML that ends too early")]
    Unfinished,
    /// A closing tag too many, or something after the root element.
    #[error("XML with a closing tag too many")]
    Unbalanced,
    /// No element at all.
    #[error("no XML element")]
    Empty,
}

/// A step through a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step<'a> {
    /// An element begins.
    Open(&'a str),
    /// An element ends; with the text since the last tag, trimmed: the content of an element without children.
    Close(&'a str, String),
}

/// The steps of a document, up to the first error. Names are local ones: `s:Body` is `Body`.
pub(super) fn steps(document: &str) -> Steps<'_> {
    Steps { rest: document, depth: 0, seen_root: false, text: String::new(), closing: None, is_over: false }
}

/// See [`steps`].
pub(super) struct Steps<'a> {
    rest: &'a str,
    depth: usize,
    seen_root: bool,
    text: String,
    /// The name of an empty element (`<a/>`) whose end is still to be told.
    closing: Option<&'a str>,
    is_over: bool,
}

impl<'a> Iterator for Steps<'a> {
    type Item = Result<Step<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let step = self.advance();
        self.is_over = !matches!(step, Ok(Some(_)));
        step.transpose()
    }
}

impl<'a> Steps<'a> {
    fn advance(&mut self) -> Result<Option<Step<'a>>, Malformed> {
        if let Some(name) = self.closing.take() {
            return self.close(name).map(Some);
        }
        loop {
            let Some((text, markup)) = self.rest.split_once('<') else { return self.end() };
            if self.depth > 0 {
                decode_entities(text, &mut self.text);
            }
            if let Some(after) = markup.strip_prefix("!--") {
                (_, self.rest) = after.split_once("-->").ok_or(Malformed::Unfinished)?;
            } else if let Some(after) = markup.strip_prefix("![CDATA[") {
                let (verbatim, rest) = after.split_once("]]>").ok_or(Malformed::Unfinished)?;
                self.text.push_str(verbatim);
                self.rest = rest;
            } else if let Some(after) = markup.strip_prefix('?') {
                (_, self.rest) = after.split_once("?>").ok_or(Malformed::Unfinished)?;
            } else if let Some(after) = markup.strip_prefix('!') {
                self.rest = skip_doctype(after)?;
            } else if let Some(after) = markup.strip_prefix('/') {
                let (name, rest) = after.split_once('>').ok_or(Malformed::Unfinished)?;
                self.rest = rest;
                return self.close(local_name(name)).map(Some);
            } else {
                let (tag, rest) = split_tag(markup)?;
                self.rest = rest;
                return self.open(tag).map(Some);
            }
        }
    }

    fn open(&mut self, tag: &'a str) -> Result<Step<'a>, Malformed> {
        if self.depth == 0 && self.seen_root {
            return Err(Malformed::Unbalanced);
        }
        self.seen_root = true;
        self.depth += 1;
        self.text.clear();
        let name = local_name(tag.trim_end_matches('/'));
        if tag.ends_with('/') {
            self.closing = Some(name);
        }
        Ok(Step::Open(name))
    }

    fn close(&mut self, name: &'a str) -> Result<Step<'a>, Malformed> {
        self.depth = self.depth.checked_sub(1).ok_or(Malformed::Unbalanced)?;
        let text = self.text.trim().to_owned();
        self.text.clear();
        Ok(Step::Close(name, text))
    }

    const fn end(&self) -> Result<Option<Step<'a>>, Malformed> {
        match (self.seen_root, self.depth) {
            (false, _) => Err(Malformed::Empty),
            (true, 0) => Ok(None),
            (true, _) => Err(Malformed::Unfinished),
        }
    }
}

/// Splits at the `>` that ends a tag; one inside a quoted attribute does not.
fn split_tag(markup: &str) -> Result<(&str, &str), Malformed> {
    let mut quote = None;
    for (at, byte) in markup.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => {
                let tag = markup.get(..at).ok_or(Malformed::Unfinished)?;
                return Ok((tag, markup.get(at + 1..).ok_or(Malformed::Unfinished)?));
            }
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), _) if open == byte => quote = None,
            _ => {}
        }
    }
    Err(Malformed::Unfinished)
}

/// What follows `<!DOCTYPE …>`, its internal subset in brackets included; nothing in it is expanded.
fn skip_doctype(markup: &str) -> Result<&str, Malformed> {
    let mut brackets = 0_usize;
    for (at, byte) in markup.bytes().enumerate() {
        match byte {
            b'[' => brackets += 1,
            b']' => brackets = brackets.saturating_sub(1),
            b'>' if brackets == 0 => return markup.get(at + 1..).ok_or(Malformed::Unfinished),
            _ => {}
        }
    }
    Err(Malformed::Unfinished)
}

/// `s:Body xmlns:s="…"` is `Body`.
fn local_name(tag: &str) -> &str {
    let name = tag.split(char::is_whitespace).next().unwrap_or_default();
    name.rsplit(':').next().unwrap_or_default()
}

/// The predefined entities and character references; what is none is kept as it stands.
fn decode_entities(text: &str, into: &mut String) {
    let mut pieces = text.split('&');
    into.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let decoded = piece.split_once(';').and_then(|(name, rest)| Some((entity(name)?, rest)));
        if let Some((character, rest)) = decoded {
            into.push(character);
            into.push_str(rest);
        } else {
            into.push('&');
            into.push_str(piece);
        }
    }
}

fn entity(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn leaves(document: &str) -> Result<Vec<(String, String)>, Malformed> {
        steps(document)
            .filter_map(|step| match step {
                Ok(Step::Close(name, text)) if !text.is_empty() => Some(Ok((name.to_owned(), text))),
                Ok(_) => None,
                Err(error) => Some(Err(error)),
            })
            .collect()
    }

    #[test]
    fn prefixes_attributes_cdata_comments_and_entities() {
        let document = "<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY b \"c>\">]>\n<!-- <x>1</x> --><s:a t=\"> '\" u='\"'>\n\
            <b>1 &amp; 2 &#x41;&#66;&unknown; &</b><n:c/><d ><![CDATA[<e>&amp;</e>]]></d><f> <!-- in --> 7 </f></s:a>\n<!-- end -->";
        let expected = [("b", "1 & 2 AB&unknown; &"), ("d", "<e>&amp;</e>"), ("f", "7")];
        assert_eq!(leaves(document).unwrap(), expected.map(|(name, text)| (name.to_owned(), text.to_owned())));
    }

    #[test]
    fn every_truncation_is_an_error() {
        let document = "<?xml version=\"1.0\"?><a x=\"1\"><b>t</b><c/><![CDATA[d]]><!-- e --></a>";
        assert!(leaves(document).is_ok());
        for length in 0..document.len() {
            assert!(leaves(&document[..length]).is_err(), "{}", &document[..length]);
        }
    }

    #[test]
    fn tags_must_balance() {
        assert_eq!(leaves("</a>"), Err(Malformed::Unbalanced));
        assert_eq!(leaves("<a></a><b></b>"), Err(Malformed::Unbalanced));
        assert_eq!(leaves("<a><b></a>"), Err(Malformed::Unfinished));
        assert_eq!(leaves("not XML"), Err(Malformed::Empty));
    }

    #[test]
    fn hostile_documents_cost_linear_time() {
        // A billion laughs is never expanded; a quarter of a megabyte of anything is read at once.
        let laughs = "<!DOCTYPE l [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;\">]><l>&b;</l>";
        assert_eq!(leaves(laughs).unwrap(), [("l".to_owned(), "&b;".to_owned())]);
        for piece in ["<a>", "<!--", "<![CDATA[", "<", "&", "<a/>", "<a b='", "<!DOCTYPE [", "</a>", "<a>x</a>"] {
            let _ = leaves(&piece.repeat(256 * 1024 / piece.len()));
        }
    }

    proptest! {
        #[test]
        fn any_text_ends(document in "(<|>|/|a|b:|!--|-->|!\\[CDATA\\[|\\]\\]>|\\?|&|;|#x41|\"|'| |é|!DOCTYPE|\\[){0,60}") {
            let count = steps(&document).count();
            prop_assert!(count <= 2 * document.len() + 1);
        }

        #[test]
        fn text_comes_back(text in "[ -~é]{0,40}") {
            let escaped = text.replace('&', "&amp;").replace('<', "&lt;");
            let document = format!("<a>{escaped}</a>");
            let last = steps(&document).last();
            prop_assert_eq!(last, Some(Ok(Step::Close("a", text.trim().to_owned()))));
        }
    }
}
