//! Writes markup that is well-formed by construction, as HTML and as XML: elements are closed by whoever opened them,
//! and no text can end its place. Names of elements and attributes are literals of this room.

use crate::render::clean::clean;

/// Attributes: names, and values that are escaped.
pub(super) type Attributes<'a> = &'a [(&'static str, &'a str)];

/// Markup that is being written.
#[derive(Debug, Default)]
pub(super) struct Markup {
    text: String,
}

impl Markup {
    /// What has been written.
    pub(super) fn finish(self) -> String {
        self.text
    }

    /// The declaration that makes browsers keep to the standard.
    pub(super) fn doctype(&mut self) {
        self.text.push_str("<!DOCTYPE html>\n");
    }

    /// An element on lines of its own.
    pub(super) fn block(&mut self, name: &'static str, attributes: Attributes<'_>, inside: impl FnOnce(&mut Self)) {
        self.inline(name, attributes, inside);
        self.text.push('\n');
    }

    /// An element.
    pub(super) fn inline(&mut self, name: &'static str, attributes: Attributes<'_>, inside: impl FnOnce(&mut Self)) {
        self.start(name, attributes);
        self.text.push('>');
        inside(self);
        self.text.extend(["</", name, ">"]);
    }

    /// An element that holds text alone.
    pub(super) fn leaf(&mut self, name: &'static str, attributes: Attributes<'_>, text: &str) {
        self.inline(name, attributes, |it| it.say(text));
    }

    /// The same on a line of its own.
    pub(super) fn line(&mut self, name: &'static str, attributes: Attributes<'_>, text: &str) {
        self.leaf(name, attributes, text);
        self.text.push('\n');
    }

    /// An element that can hold nothing.
    pub(super) fn empty(&mut self, name: &'static str, attributes: Attributes<'_>) {
        self.start(name, attributes);
        self.text.push_str("/>");
    }

    /// Where a line may end.
    pub(super) fn new_line(&mut self) {
        self.text.push('\n');
    }

    /// Text, whoever's it is.
    pub(super) fn say(&mut self, text: &str) {
        escape_into(&mut self.text, &clean(text));
    }

    /// Text whose lines stay as they are.
    pub(super) fn say_lines(&mut self, text: &str) {
        for (index, line) in text.lines().enumerate() {
            if index > 0 {
                self.text.push('\n');
            }
            self.say(line);
        }
    }

    /// Our own text, with code between backquotes.
    pub(super) fn prose(&mut self, text: &str) {
        for (index, part) in text.split('`').enumerate() {
            if index % 2 == 0 { self.say(part) } else { self.leaf("code", &[], part) }
        }
    }

    /// The one style sheet, which holds nothing that markup acts on.
    pub(super) fn style(&mut self, sheet: &'static str) {
        self.text.extend(["<style>", sheet, "</style>\n"]);
    }

    fn start(&mut self, name: &'static str, attributes: Attributes<'_>) {
        self.text.extend(["<", name]);
        for (attribute, value) in attributes {
            self.text.extend([" ", attribute, "=\""]);
            escape_into(&mut self.text, &clean(value));
            self.text.push('"');
        }
    }
}

/// In text as in attributes. The entities are those that XML has, too.
fn escape_into(out: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // XML has no place for them.
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_end_its_place() {
        let mut markup = Markup::default();
        let hostile = "</p><script>alert('x')</script>\" onload=\"y & z\u{1b}\u{0}\n\u{ffff}";
        markup.block("p", &[("title", hostile)], |it| it.say(hostile));
        let escaped = "&lt;/p&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&quot; onload=&quot;y &amp; \
                       z\u{fffd}\u{fffd} \u{fffd}";
        assert_eq!(markup.finish(), format!("<p title=\"{escaped}\">{escaped}</p>\n"));
    }

    #[test]
    fn lines_and_code_stay() {
        let mut markup = Markup::default();
        markup.leaf("b", &[], "");
        markup.empty("br", &[]);
        markup.say_lines("a\n  <b>\n");
        markup.prose("run `natscope <x>`, then");
        assert_eq!(markup.finish(), "<b></b><br/>a\n  &lt;b&gt;run <code>natscope &lt;x&gt;</code>, then");
    }
}
