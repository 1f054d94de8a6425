//! Breaks lines, in scripts with blanks between words and in those without.

use console::measure_text_width;

/// What may not begin a line.
const CLOSING: &str = "，。、；：！？）」』”’》…,.;:!?)]";
/// What may not end one.
const OPENING: &str = "（「『“‘《([";

/// The text in lines of at most `width` columns, unless a single word is longer. Breaks at blanks and around wide
/// characters, but never before closing or after opening punctuation.
pub(super) fn wrap(text: &str, width: usize) -> String {
    let mut lines = String::with_capacity(text.len());
    let mut used = 0;
    for unit in units(text) {
        let bare = unit.trim_start();
        let columns = measure_text_width(unit);
        if used > 0 && used + columns > width {
            lines.push('\n');
            lines.push_str(bare);
            used = measure_text_width(bare);
        } else {
            lines.push_str(unit);
            used += columns;
        }
    }
    lines
}

/// The text in pieces that are not to be broken, each with the blanks before it.
fn units(text: &str) -> Vec<&str> {
    let mut units = Vec::new();
    let mut rest = text;
    let mut previous = None;
    for (index, character) in text.char_indices() {
        let start = text.len() - rest.len();
        if index > start && previous.is_some_and(|previous| may_break(previous, character)) {
            let (unit, after) = rest.split_at_checked(index - start).unwrap_or((rest, ""));
            units.push(unit);
            rest = after;
        }
        previous = Some(character);
    }
    if !rest.is_empty() {
        units.push(rest);
    }
    units
}

fn may_break(before: char, after: char) -> bool {
    if after == ' ' {
        return before != ' ';
    }
    let wide = |character: char| measure_text_width(character.encode_utf8(&mut [0; 4])) > 1;
    before != ' ' && (wide(before) || wide(after)) && !CLOSING.contains(after) && !OPENING.contains(before)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_where_each_script_allows() {
        assert_eq!(wrap("no answer from port 80", 10), "no answer\nfrom port\n80");
        assert_eq!(wrap("没有收到任何应答：本机离线。", 10), "没有收到任\n何应答：本\n机离线。");
        // The full stop stays with what it ends, the bracket with what it opens.
        assert_eq!(wrap("应答到了。对", 8), "应答到\n了。对");
        assert_eq!(wrap("应答（NAT 类型）", 8), "应答\n（NAT 类\n型）");
        assert_eq!(wrap("请用 `natscope nat` 测量", 14), "请用 `natscope\nnat` 测量");
        assert_eq!(wrap("averyveryverylongword b", 8), "averyveryverylongword\nb");
        assert_eq!(wrap("", 8), "");
    }
}
