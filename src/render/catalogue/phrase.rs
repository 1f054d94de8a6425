//! Sentences that are made where no catalogue is known, in English: errors, lines of a log, what a server's answer lacks. A
//! language has them as pairs, the English sentence first, with `{}` for each part that is not the sentence's own. A part may
//! be such a sentence itself. What is in no pair stays as it is: it is somebody else's.

use std::cell::Cell;
use std::cmp::Reverse;

/// English, and the same in another language, where `{}` are the parts in order and `{0}`, `{1}` those of that number.
pub(super) type Phrase = (&'static str, &'static str);

/// Parts within parts: an error that quotes an error that quotes one.
const DEEPEST: usize = 6;

/// What is longer is no sentence, and not worth the search.
const LONGEST: usize = 8_000;

/// Texts looked at for one sentence, its parts among them. Ours take a few dozen; a stranger's may be made so that there are
/// millions, and stays in English then.
const MOST_LOOKS: u32 = 400;

/// A text of one line or several. Of the pairs of `tables` that fit, the one counts that leaves the least as it was.
pub(super) fn translated(text: &str, tables: &[&[Phrase]]) -> String {
    if text.len() > LONGEST {
        return text.to_owned();
    }
    let looks = Cell::new(MOST_LOOKS);
    let said = whole(text, tables, DEEPEST, &looks);
    said.map_or_else(
        || {
            let line = |line: &str| {
                let bare = line.trim();
                let (before, after) = line.split_once(bare).unwrap_or((line, ""));
                // A line of somebody's file, with its number before it.
                let is_quoted = bare.split_whitespace().take(2).any(|word| word == "|");
                let said = if bare.is_empty() || is_quoted { None } else { whole(bare, tables, DEEPEST, &looks) };
                said.map_or_else(|| line.to_owned(), |said| format!("{before}{}{after}", said.text))
            };
            text.split('\n').map(line).collect::<Vec<_>>().join("\n")
        },
        |said| said.text,
    )
}

/// A sentence in the other language.
struct Said {
    text: String,
    /// Letters of its parts that no pair had.
    left: usize,
}

fn whole(text: &str, tables: &[&[Phrase]], deep: usize, looks: &Cell<u32>) -> Option<Said> {
    let deeper = deep.checked_sub(1)?;
    looks.set(looks.get().checked_sub(1)?);
    let pairs = tables.iter().flat_map(|table| table.iter());
    let found = pairs.filter_map(|&(english, other)| {
        let mut left = 0;
        let mut part = |part: &str| {
            let said = whole(part, tables, deeper, looks)
                .unwrap_or_else(|| Said { text: part.to_owned(), left: letters(part) });
            left += said.left;
            said.text
        };
        let parts: Vec<String> = parts(english, text)?.into_iter().map(&mut part).collect();
        Some((Reverse(left), letters(english), english.len(), filled(other, &parts)))
    });
    let (Reverse(left), _, _, text) =
        found.max_by(|one, other| (one.0, one.1, one.2).cmp(&(other.0, other.1, other.2)))?;
    Some(Said { text, left })
}

fn letters(text: &str) -> usize {
    text.bytes().filter(u8::is_ascii_alphabetic).count()
}

/// What stands in the place of each `{}`, on one line if the sentence is; `None` where it is another sentence.
fn parts<'t>(pattern: &str, text: &'t str) -> Option<Vec<&'t str>> {
    let mut pieces = pattern.split("{}");
    let mut rest = text.strip_prefix(pieces.next()?)?;
    let mut pieces = pieces.peekable();
    let mut parts = Vec::new();
    while let Some(piece) = pieces.next() {
        let (part, after) =
            if pieces.peek().is_none() { (rest.strip_suffix(piece)?, "") } else { rest.split_once(piece)? };
        parts.push(part);
        rest = after;
    }
    let is_one_line = !pattern.contains('\n');
    (rest.is_empty() && !(is_one_line && parts.iter().any(|part| part.contains('\n')))).then_some(parts)
}

fn filled(pattern: &str, parts: &[String]) -> String {
    let mut text = String::new();
    let mut next = parts.iter();
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        let (name, behind) = after.split_once('}').unwrap_or((after, ""));
        let part = match name {
            "" => next.next(),
            number => number.parse::<usize>().ok().and_then(|number| parts.get(number)),
        };
        if let Some(part) = part {
            text.push_str(part);
            rest = behind;
        } else {
            // A brace of the sentence.
            text.push('{');
            rest = after;
        }
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAIRS: &[Phrase] = &[
        ("cannot read {}: {}", "无法读取 {}：{}"),
        ("{} of {}", "{1} 之 {0}"),
        ("it is empty", "内容为空"),
        ("{}; the nearest is {}", "{}；最接近的是 {}"),
        ("write {\"a\": {}}", "请写 {\"a\": {}}"),
        ("serving", "开始服务"),
    ];

    #[test]
    fn sentences_are_found_with_their_parts() {
        for (english, chinese) in [
            ("serving", "开始服务"),
            ("cannot read a.json: it is empty", "无法读取 a.json：内容为空"),
            ("cannot read a: it is empty; the nearest is b", "无法读取 a：内容为空；最接近的是 b"),
            ("3 of 5", "5 之 3"),
            ("write {\"a\": 7}", "请写 {\"a\": 7}"),
            ("first\n  it is empty\nserving ", "first\n  内容为空\n开始服务 "),
            ("of a stranger", "of a stranger"),
            ("", ""),
        ] {
            assert_eq!(translated(english, &[PAIRS]), chinese, "{english}");
        }
        // A flood ends.
        let flood = "cannot read a: ".repeat(10_000);
        assert_eq!(translated(&flood, &[PAIRS]), flood);
        let less = "cannot read a: ".repeat(500);
        assert!(translated(&less, &[PAIRS]).starts_with("无法读取 a：无法读取"));
    }

    #[test]
    fn a_text_made_to_be_many_sentences_at_once_is_not_searched_through() {
        let pairs: Vec<Phrase> = (0..40).map(|_| ("{}: {}", "{}：{}")).chain([("{}: {}: {}", "{}：{}：{}")]).collect();
        let looks = Cell::new(MOST_LOOKS);
        let hostile = "a: ".repeat(2_000);
        // Every look but the last few finds something, and no more than so many are taken.
        assert!(whole(hostile.trim_end(), &[&pairs], DEEPEST, &looks).is_some());
        assert_eq!(looks.get(), 0);
    }
}
