//! Draws lanes as SVG: boxes from left to right, what leads from one to the next, and what is said of several together.
//!
//! What is uncertain is dashed and has a `?`; whether something works is told by a sign as well as by colour. Texts that
//! have no room are cut, and whole in the element's title.

use super::icon;
use super::markup::Markup;
use super::{class_of, number};
use crate::render::clean::clean;
use crate::render::document::{Lane, Stop, StopKind, Tone};
use crate::render::wrap::wrap;

/// The width of the drawing, in its own units: at full width on a screen, about pixels.
const WIDTH: usize = 1120;
/// The widest a box gets, and the room beside it that a link needs, with a word above it and without one.
const WIDEST: usize = 220;
const LINK: usize = 66;
const SHORT_LINK: usize = 30;
/// The height of a title, of a line, and of what is around them.
const TITLE: usize = 30;
const LINE: usize = 16;
const PADDING: usize = 8;
/// Lines of a box.
const LINES: usize = 4;
/// Above the boxes: the lane's name, and the bracket over several boxes.
const LABEL: usize = 26;
const BRACKET: usize = 30;
/// Below them.
const GAP: usize = 14;
/// What a column of text takes, roughly, and what two take in a title.
const COLUMN: usize = 7;
const TWO_OF_TITLE: usize = 14;
/// What a drawing of an icon takes.
const ICON: usize = 24;

/// All lanes in one drawing.
pub(super) fn draw(markup: &mut Markup, lanes: &[Lane], title: &str) {
    let plots: Vec<Plot<'_>> = lanes.iter().map(Plot::of).collect();
    let height: usize = plots.iter().map(Plot::height).sum();
    let view = format!("0 0 {WIDTH} {height}");
    let attributes = [
        ("class", "path"),
        ("role", "img"),
        ("aria-label", title),
        ("viewBox", view.as_str()),
        ("xmlns", "http://www.w3.org/2000/svg"),
    ];
    markup.block("svg", &attributes, |svg| {
        svg.new_line();
        let mut top = 0;
        for plot in &plots {
            plot.draw(svg, top);
            top += plot.height();
        }
    });
}

/// A lane with its measures.
struct Plot<'a> {
    lane: &'a Lane,
    /// Of a box.
    width: usize,
    /// From one box to the next.
    step: usize,
    /// What is in each box.
    texts: Vec<(String, Vec<String>)>,
    lines: usize,
}

impl<'a> Plot<'a> {
    fn of(lane: &'a Lane) -> Self {
        let boxes = lane.stops.len().max(1);
        let labelled = lane.stops.iter().flat_map(|stop| &stop.links).any(|link| !link.label.is_empty());
        let link = if labelled { LINK } else { SHORT_LINK };
        let width = (WIDTH.saturating_sub((boxes - 1) * link) / boxes).clamp(60, WIDEST);
        let step = if boxes > 1 { (WIDTH - 2 - width) / (boxes - 1) } else { 0 };
        // Boxes far apart are hard to follow.
        let step = step.min(width + 2 * LINK);
        let texts: Vec<_> = lane.stops.iter().map(|stop| texts(stop, width)).collect();
        let lines = texts.iter().map(|(_, lines)| lines.len()).max().unwrap_or_default();
        Self { lane, width, step, texts, lines }
    }

    fn box_height(&self) -> usize {
        TITLE + self.lines * LINE + PADDING
    }

    fn above(&self) -> usize {
        LABEL + if self.lane.group.is_some() { BRACKET } else { 0 }
    }

    fn height(&self) -> usize {
        self.above() + self.box_height() + GAP
    }

    fn left(&self, index: usize) -> usize {
        1 + index * self.step
    }

    fn draw(&self, svg: &mut Markup, top: usize) {
        svg.block("g", &[("transform", &format!("translate(0 {top})"))], |g| {
            g.line("text", &[("class", "lane"), ("x", "1"), ("y", "16")], &self.lane.label);
            self.bracket(g);
            let pairs = self.lane.stops.iter().zip(&self.texts).enumerate();
            for (index, (stop, (title, lines))) in pairs {
                if index > 0 {
                    self.links(g, index, stop);
                }
                self.stop(g, index, stop, title, lines);
            }
        });
    }

    fn bracket(&self, svg: &mut Markup) {
        let Some(group) = &self.lane.group else { return };
        let (left, right) = (self.left(group.first), self.left(group.last) + self.width);
        let (y, foot) = (self.above() - 12, self.above() - 5);
        let line = format!("M{left} {foot}V{y}H{right}V{foot}");
        let class = format!("bracket {}{}", class_of(group.tone), dashed(group.tone != Tone::Unknown));
        svg.empty("path", &[("class", class.as_str()), ("d", line.as_str())]);
        let class = format!("said {}", class_of(group.tone));
        let (x, y) = (number(usize::midpoint(left, right)), number(y - 8));
        let attributes = [("class", class.as_str()), ("x", x.as_str()), ("y", y.as_str()), ("text-anchor", "middle")];
        svg.line("text", &attributes, &group.text);
    }

    fn stop(&self, svg: &mut Markup, index: usize, stop: &Stop, title: &str, lines: &[String]) {
        let class = format!("stop {}{}", class_of(stop.tone), dashed(stop.certain));
        let place = format!("translate({} {})", self.left(index), self.above());
        let round = number(if stop.kind == StopKind::Internet { self.box_height() / 2 } else { 7 });
        svg.block("g", &[("class", &class), ("transform", &place)], |g| {
            let whole: Vec<&str> =
                [stop.title.as_str()].into_iter().chain(stop.lines.iter().map(String::as_str)).collect();
            g.leaf("title", &[], &whole.join(" · "));
            let (width, height) = (number(self.width), number(self.box_height()));
            g.empty("rect", &[("width", &width), ("height", &height), ("rx", &round)]);
            let has_icon = icon::draw(g, stop.kind, inset(stop.kind));
            let x = number(inset(stop.kind) + if has_icon { ICON } else { 0 });
            g.leaf("text", &[("class", "name"), ("x", &x), ("y", "21")], title);
            let x = number(inset(stop.kind));
            for (line, text) in lines.iter().enumerate() {
                let y = number(TITLE + 11 + line * LINE);
                g.leaf("text", &[("x", &x), ("y", &y)], text);
            }
        });
    }

    /// Lines side by side into a stop.
    fn links(&self, svg: &mut Markup, index: usize, stop: &Stop) {
        let (from, to) = (self.left(index - 1) + self.width, self.left(index));
        let middle = self.above() + self.box_height() / 2;
        let certain = stop.links.iter().any(|link| link.tone != Tone::Plain) || stop.certain;
        for (row, link) in stop.links.iter().enumerate() {
            let y = middle + row * 26 - (stop.links.len() - 1) * 13;
            let class = format!("link {}{}", class_of(link.tone), dashed(link.tone != Tone::Unknown && certain));
            let line = format!("M{from} {y}H{to}");
            svg.empty("path", &[("class", class.as_str()), ("d", line.as_str())]);
            if link.tone == Tone::Bad {
                let (x, y0, y1) = (usize::midpoint(from, to), y - 6, y + 6);
                let cross = format!("M{} {y0}L{} {y1}M{} {y1}L{} {y0}", x - 6, x + 6, x - 6, x + 6);
                svg.empty("path", &[("class", "link bad"), ("d", cross.as_str())]);
            }
            if !link.label.is_empty() {
                let (x, y) = (number(usize::midpoint(from, to)), number(y - 9));
                let class = format!("on {}", class_of(link.tone));
                let attributes = [("class", class.as_str()), ("x", &x), ("y", &y), ("text-anchor", "middle")];
                svg.leaf("text", &attributes, &cut(&link.label, (to - from) / COLUMN + 2));
            }
            svg.new_line();
        }
    }
}

/// How far texts are from the edge of a box.
const fn inset(kind: StopKind) -> usize {
    match kind {
        StopKind::Internet => 16,
        _ => 10,
    }
}

/// A title and lines that have room in a box of that width.
fn texts(stop: &Stop, width: usize) -> (String, Vec<String>) {
    let room = width.saturating_sub(2 * inset(stop.kind));
    let icon = if stop.kind == StopKind::Layer { 0 } else { ICON };
    let title = cut(&stop.title, room.saturating_sub(icon) * 2 / TWO_OF_TITLE);
    let columns = room / COLUMN;
    let wrapped = stop.lines.iter().flat_map(|line| {
        let text = wrap(&clean(line), columns);
        text.lines().flat_map(|line| broken(line, columns)).collect::<Vec<_>>()
    });
    let mut lines: Vec<String> = wrapped.collect();
    if lines.len() > LINES {
        lines.truncate(LINES);
        if let Some(last) = lines.last_mut() {
            *last = cut(&format!("{last} …"), columns);
        }
    }
    (title, lines)
}

/// In pieces of so many columns: an address has no blank to break at.
fn broken(line: &str, columns: usize) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut taken = 0;
    for character in line.chars() {
        let wide = console::measure_text_width(character.encode_utf8(&mut [0; 4]));
        if taken + wide > columns {
            pieces.push(String::new());
            taken = 0;
        }
        taken += wide;
        if let Some(piece) = pieces.last_mut() {
            piece.push(character);
        }
    }
    pieces
}

/// No more than so many columns.
fn cut(text: &str, columns: usize) -> String {
    let text = clean(text);
    if console::measure_text_width(&text) <= columns {
        return text;
    }
    console::truncate_str(&text, columns.max(2), "…").into_owned()
}

const fn dashed(certain: bool) -> &'static str {
    if certain { "" } else { " dashed" }
}
