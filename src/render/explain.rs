//! `natscope explain`: the long form of a finding's code, and the list of all codes.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::catalogue::{self, Explanation, Lang, MapWord, Word};
use super::wrap::wrap;
use super::{Format, Style, json};
use crate::report::FindingCode;

/// Every code there is an explanation of, in order.
pub fn codes() -> impl Iterator<Item = &'static str> {
    FindingCode::ALL.iter().map(|code| code.name())
}

/// What a code means, what it rests on, what to do. `None`: there is no such code. [`Format::Html`] has no form for it; the
/// arguments refuse it.
#[must_use]
pub fn explain(code: &str, format: Format, style: &Style) -> Option<String> {
    let code = FindingCode::ALL.iter().copied().find(|known| known.name().eq_ignore_ascii_case(code))?;
    let words = catalogue::of(style.lang);
    let Explanation { title, means, evidence, fix } = words.explanation(code);
    let parts = [
        (words.map_word(MapWord::Means), means),
        (words.map_word(MapWord::Evidence), evidence),
        (words.word(Word::Fix), fix),
    ];
    // Writing to a string cannot fail.
    Some(match format {
        Format::Table | Format::Html => {
            let width = style.width.clamp(40, 100);
            let mut text = format!("{}\n", wrap(&words.labelled(code.name(), title), width));
            for (label, part) in parts {
                let part = wrap(part, width - 2).replace('\n', "\n  ");
                let _ = write!(text, "\n{label}\n  {part}\n");
            }
            text
        }
        Format::Markdown => {
            let mut text = format!("## {}: {title}\n", code.name());
            for (label, part) in parts {
                let _ = write!(text, "\n**{label}**\n\n{}\n", super::markdown::prose(part));
            }
            text
        }
        Format::Json | Format::TailscaleJson => json::finish(&format!("{:#}", document([code]))),
        Format::JsonLine => json::finish(&document([code]).to_string()),
    })
}

/// Every code with its title.
#[must_use]
pub fn explain_list(format: Format, style: &Style) -> String {
    let words = catalogue::of(style.lang);
    let lines = FindingCode::ALL.iter().map(|code| (code.name(), words.explanation(*code).title));
    match format {
        Format::Table | Format::Html => lines.flat_map(|(code, title)| [code, "  ", title, "\n"]).collect(),
        Format::Markdown => {
            let (code, title) = (words.map_word(MapWord::Code), words.map_word(MapWord::Title));
            let head = format!("| {code} | {title} |\n| --- | --- |\n");
            head + &lines.flat_map(|(code, title)| ["| ", code, " | ", title, " |\n"]).collect::<String>()
        }
        Format::Json | Format::TailscaleJson => {
            json::finish(&format!("{:#}", document(FindingCode::ALL.iter().copied())))
        }
        Format::JsonLine => json::finish(&document(FindingCode::ALL.iter().copied()).to_string()),
    }
}

/// In English, as all JSON. It is no report and follows no schema.
fn document(codes: impl IntoIterator<Item = FindingCode>) -> Value {
    let words = catalogue::of(Lang::En);
    let explained = codes.into_iter().map(|code| {
        let Explanation { title, means, evidence, fix } = words.explanation(code);
        json!({ "code": code.name(), "title": title, "means": means, "evidence": evidence, "fix": fix })
    });
    json!({
        "tool": { "name": "natscope", "version": env!("CARGO_PKG_VERSION") },
        "explanations": explained.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_explained_in_every_language() {
        for lang in Lang::ALL {
            for code in FindingCode::ALL {
                let Explanation { title, means, evidence, fix } = catalogue::of(lang).explanation(*code);
                for text in [title, means, evidence, fix] {
                    assert!(text.chars().count() >= 4 && !text.contains("  "), "{code:?} in {lang:?}: {text}");
                    // A language's words are in that language.
                    let has_chinese = text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
                    assert_eq!(has_chinese, lang == Lang::ZhCn, "{code:?}: {text}");
                }
            }
        }
    }

    #[test]
    fn codes_are_found_in_any_case_and_nothing_else_is() {
        let style = Style::default();
        assert!(explain("map-002", Format::Table, &style).is_some_and(|text| text.starts_with("MAP-002: ")));
        assert_eq!(explain("MAP-999", Format::Table, &style), None);
        assert_eq!(explain_list(Format::Table, &style).lines().count(), codes().count());
    }

    #[test]
    fn text_keeps_to_the_width() {
        for lang in Lang::ALL {
            let style = Style { width: 60, lang, ..Style::default() };
            for code in codes() {
                let text = explain(code, Format::Table, &style).unwrap();
                // A command is not broken, and may be longer.
                let long = |line: &&str| console::measure_text_width(line) > 60 && line.trim().contains(' ');
                let long: Vec<_> = text.lines().filter(long).collect();
                assert!(long.is_empty(), "{long:#?}");
            }
        }
    }
}
