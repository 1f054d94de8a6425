//! Latencies, a bar each.

use super::markup::Markup;
use super::number;
use crate::render::catalogue::{Catalogue, Word};
use crate::render::document::{RegionRow, Tone};
use crate::render::number::round_trip;

/// The longest bar, in pixels.
const LONGEST: u128 = 260;

/// Measured regions, nearest first.
pub(super) fn table(section: &mut Markup, rows: &[RegionRow], words: &dyn Catalogue) {
    let slowest = rows.iter().map(|row| row.latency.as_nanos()).max().unwrap_or_default().max(1);
    let [region, name, latency] = [Word::Region, Word::Name, Word::Latency].map(|word| words.word(word));
    let [loss, jitter, method] = [Word::Loss, Word::Jitter, Word::Method].map(|word| words.word(word));
    super::table(section, "regions", &[region, name, latency, "", loss, jitter, method], |body| {
        for row in rows {
            let class = super::class_of(Tone::of_latency(row.latency));
            body.block("tr", &[("class", if row.home { "home" } else { "other" })], |tr| {
                tr.leaf("th", &[("scope", "row")], &row.code);
                let name =
                    if row.home { words.aside(&row.name, words.word(Word::HomeRegion)) } else { row.name.clone() };
                tr.leaf("td", &[], &name);
                tr.leaf("td", &[("class", "number")], &round_trip(row.latency));
                // Anything measured shows.
                let length = (row.latency.as_nanos().saturating_mul(LONGEST) / slowest).clamp(2, LONGEST);
                tr.inline("td", &[], |td| bar(td, usize::try_from(length).unwrap_or_default(), class));
                let number = if matches!(row.loss.as_str(), "" | "0%") { "number" } else { "number bad" };
                tr.leaf("td", &[("class", number)], &row.loss);
                tr.leaf("td", &[("class", "number")], &row.jitter);
                tr.leaf("td", &[], &row.method);
            });
        }
    });
}

fn bar(cell: &mut Markup, length: usize, class: &str) {
    let attributes = [("class", "bar"), ("viewBox", "0 0 260 12"), ("aria-hidden", "true")];
    cell.inline("svg", &attributes, |svg| {
        svg.empty("rect", &[("class", "track"), ("width", "260"), ("height", "12"), ("rx", "3")]);
        svg.empty("rect", &[("class", class), ("width", &number(length)), ("height", "12"), ("rx", "3")]);
    });
}
