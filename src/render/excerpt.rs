//! A line of somebody's file with carets under a place in it, within a width and with wide characters counted as two.

use super::clean::clean;
use crate::model::Excerpt;

/// Two lines: the text, and the carets under it. At most `room` columns, however long the line.
pub(super) fn excerpt(excerpt: &Excerpt, room: usize) -> [String; 2] {
    let cells: Vec<(char, usize)> = clean(&excerpt.text).chars().map(|c| (c, columns(c))).collect();
    let width =
        |from: usize, to: usize| -> usize { cells.iter().take(to).skip(from).map(|(_, columns)| columns).sum() };
    let (mut from, mut to) = (0, cells.len());
    // Two columns for the marks of what is cut.
    let room = room.max(12) - 2;
    if width(from, to) > room {
        while width(from, excerpt.before) > room / 3 {
            from += 1;
        }
        while width(from, to) > room {
            to -= 1;
        }
    }
    let left = if from > 0 || excerpt.cut_before { "…" } else { "" };
    let right = if to < cells.len() || excerpt.cut_after { "…" } else { "" };
    let text: String = cells.iter().take(to).skip(from).map(|(c, _)| c).collect();
    let before = left.chars().count() + width(from, excerpt.before);
    let carets = width(excerpt.before, to.min(excerpt.before + excerpt.marked)).max(1);
    [format!("{left}{}{right}", text.trim_end()), format!("{}{}", " ".repeat(before), "^".repeat(carets))]
}

fn columns(c: char) -> usize {
    console::measure_text_width(c.encode_utf8(&mut [0; 4]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, marked: &str) -> Excerpt {
        let before = text.split(marked).next().unwrap().chars().count();
        Excerpt { text: text.to_owned(), before, marked: marked.chars().count(), cut_before: false, cut_after: false }
    }

    #[test]
    fn carets_stand_under_the_place() {
        assert_eq!(excerpt(&of("  hostname: \"x\"", "\"x\""), 60), ["  hostname: \"x\"", "            ^^^"]);
        assert_eq!(excerpt(&of("name: 法兰克福 x", "x"), 60), ["name: 法兰克福 x", "               ^"]);
        assert_eq!(excerpt(&of("name: 法兰克福", "兰克"), 60), ["name: 法兰克福", "        ^^^^"]);
    }

    #[test]
    fn nothing_is_wider_than_the_room_or_loses_its_place() {
        for room in [12, 20, 33, 80] {
            for at in [0, 1, 50, 150, 199] {
                for wide in ["x", "法"] {
                    let text = format!("{}#{}", wide.repeat(at), wide.repeat(199 - at));
                    let [line, carets] = excerpt(&of(&text, "#"), room);
                    assert!(console::measure_text_width(&line) <= room, "{line}");
                    let place = line.split('#').next().unwrap();
                    assert_eq!(console::measure_text_width(place), carets.find('^').unwrap(), "{line}\n{carets}");
                }
            }
        }
    }
}
