//! Makes strings from maps, servers and routers harmless: no escape sequence, no reordering of the line, no flood.

use std::fmt::Write as _;

/// Longest string shown to a person, in characters. JSON has the whole of it.
const SHOWN: usize = 300;

/// The string on one line, without anything a terminal or a viewer would act on, shortened to [`SHOWN`] characters.
pub(super) fn clean(text: &str) -> String {
    let mut cleaned: String = text
        .chars()
        .take(SHOWN)
        .map(|character| match character {
            '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => ' ',
            other if is_active(other) => '\u{fffd}',
            other => other,
        })
        .collect();
    if text.chars().nth(SHOWN).is_some() {
        cleaned.push('…');
    }
    cleaned
}

/// The text with its lines as they are, and nothing else in it that a terminal would act on. For errors, which may
/// quote a stranger's map and have lines of their own.
#[must_use]
pub fn harmless(text: &str) -> String {
    let replace = |character: char| if character != '\n' && is_active(character) { '\u{fffd}' } else { character };
    text.chars().map(replace).collect()
}

/// Cleaned, and no longer than `most` characters.
pub(super) fn short(text: &str, most: usize) -> String {
    let cleaned = clean(text);
    if cleaned.chars().count() <= most {
        return cleaned;
    }
    let mut cut: String = cleaned.chars().take(most.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

/// JSON text whose strings hold nothing active: serde escapes C0 only, and C1 has its own escape introducer.
pub(super) fn escape_json(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for character in json.chars() {
        // Active ASCII is either layout, which JSON may have, or DEL; in strings serde has escaped the rest.
        if is_active(character) && !matches!(character, '\n' | '\t') {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                // Writing to a string cannot fail.
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        } else {
            escaped.push(character);
        }
    }
    escaped
}

/// Controls (C0, DEL, C1), line separators, and the characters that reorder or hide text.
fn is_active(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{fff9}'..='\u{fffb}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_active_is_left() {
        let hostile = "a\u{1b}[31mb\u{9b}2Jc\u{202e}d\u{7f}e\nf\u{200b}\u{e0041}";
        assert_eq!(clean(hostile), "a\u{fffd}[31mb\u{fffd}2Jc\u{fffd}d\u{fffd}e f\u{fffd}\u{fffd}");
        let json = escape_json(&serde_json::to_string(hostile).unwrap());
        assert!(json.chars().all(|character| (' '..='~').contains(&character)), "{json}");
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), hostile);
    }

    #[test]
    fn errors_keep_their_lines_only() {
        assert_eq!(
            harmless("a:1: found\n  | \u{1b}[31m\t\u{9b}2J 法"),
            "a:1: found\n  | \u{fffd}[31m\u{fffd}\u{fffd}2J 法"
        );
    }

    #[test]
    fn floods_are_cut() {
        assert_eq!(clean(&"x".repeat(10_000)).chars().count(), SHOWN + 1);
        assert_eq!(short("Frankfurt", 6), "Frank…");
        assert_eq!(short("法兰克福", 4), "法兰克福");
    }
}
