//! The map in force: its regions and nodes, and which source each region comes from.

use std::fmt::Write as _;

use comfy_table::{ContentArrangement, LineStyle, Table, TableStyle};

use super::catalogue::{self, Catalogue, MapWord, Word};
use super::clean::clean;
use super::map_lint::indented;
use super::{Format, Style, json};
use crate::model::{Node, Pin};
use crate::report::{MapShown, ShownRegion};

const UNDERLINED: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─'));

/// The map in force. [`Format::TailscaleJson`] and [`Format::Html`] have no form for it; the arguments
/// refuse them.
#[must_use]
pub fn show(shown: &MapShown, format: Format, style: &Style) -> String {
    match format {
        Format::Table | Format::Html => table(shown, style),
        // Indented, so that nothing in a stranger's name can end the block.
        Format::Markdown => indented(&table(shown, style)),
        Format::Json | Format::TailscaleJson => json::render_shown(shown, false),
        Format::JsonLine => json::render_shown(shown, true),
    }
}

fn table(shown: &MapShown, style: &Style) -> String {
    let words = catalogue::of(style.lang);
    let mut blocks = vec![sources(shown, words, style), regions(shown, words, style)];
    if !shown.removed.is_empty() {
        let mut table = underlined(style);
        table.set_header([MapWord::Removed, MapWord::RemovedBy].map(|word| words.map_word(word)));
        for (id, source) in &shown.removed {
            table.add_row([id.to_string(), name_of(shown, *source)]);
        }
        blocks.push(table.trim_fmt());
    }
    let mut text = blocks.join("\n\n");
    text.push('\n');
    text
}

fn sources(shown: &MapShown, words: &dyn Catalogue, style: &Style) -> String {
    let mut table = underlined(style);
    table.set_header(["", words.map_word(MapWord::Source), ""]);
    for (index, source) in shown.sources.iter().enumerate() {
        table.add_row([(index + 1).to_string(), clean(&source.name), words.map_source(source)]);
    }
    table.trim_fmt()
}

fn regions(shown: &MapShown, words: &dyn Catalogue, style: &Style) -> String {
    if shown.regions.is_empty() {
        return format!(" {}", words.map_word(MapWord::EmptyMap));
    }
    let scored = shown.regions.iter().any(|it| shown.region_score.contains_key(&it.region.id));
    let mut table = underlined(style);
    let mut header = vec![words.map_word(MapWord::Id), words.word(Word::Region), words.word(Word::Name)];
    header.extend(scored.then(|| words.map_word(MapWord::Score)));
    header.extend([words.word(Word::Nodes), words.map_word(MapWord::Source)]);
    table.set_header(header);
    for ShownRegion { region, source, replaces } in &shown.regions {
        let mut cells = vec![region.id.to_string(), clean(&region.code), clean(&region.name)];
        if scored {
            cells.push(shown.region_score.get(&region.id).map_or_else(String::new, ToString::to_string));
        }
        let nodes = region.nodes.iter().map(|node| self::node(node, style.verbose));
        cells.push(nodes.collect::<Vec<_>>().join("\n"));
        let from = (source + 1).to_string();
        let replaced: Vec<String> = replaces.iter().map(|index| (index + 1).to_string()).collect();
        cells.push(if replaced.is_empty() {
            from
        } else {
            words.aside(&from, &format!("{} {}", words.map_word(MapWord::Replaces), words.list(&replaced)))
        });
        table.add_row(cells);
    }
    table.trim_fmt()
}

/// `900a derp.example.com:8443`, and with `-v` what else is not as usual.
// Writing to a string cannot fail.
fn node(node: &Node, verbose: bool) -> String {
    let mut text = format!("{} {}", node.name, node.host_name);
    if node.derp_port != Node::DEFAULT_DERP_PORT {
        let _ = write!(text, ":{}", node.derp_port);
    }
    if !verbose {
        return clean(&text);
    }
    let pin = |pin: Option<String>, off: bool| pin.or_else(|| off.then(|| "-".to_owned()));
    let v4 = if let Pin::Address(address) = node.ipv4 { Some(address.to_string()) } else { None };
    let v6 = if let Pin::Address(address) = node.ipv6 { Some(address.to_string()) } else { None };
    for (family, address) in
        [("IPv4", pin(v4, node.ipv4 == Pin::Disabled)), ("IPv6", pin(v6, node.ipv6 == Pin::Disabled))]
    {
        if let Some(address) = address {
            let _ = write!(text, ", {family} {address}");
        }
    }
    match node.stun_port {
        Some(Node::DEFAULT_STUN_PORT) => {}
        Some(port) => drop(write!(text, ", STUN {port}")),
        None => text.push_str(", STUN -"),
    }
    for (flag, is_set) in
        [("STUNOnly", node.stun_only), ("InsecureForTests", node.insecure_for_tests), ("CanPort80", node.can_port_80)]
    {
        if is_set {
            let _ = write!(text, ", {flag}");
        }
    }
    clean(&text)
}

fn name_of(shown: &MapShown, index: usize) -> String {
    shown.sources.get(index).map_or_else(String::new, |source| clean(&source.name))
}

fn underlined(style: &Style) -> Table {
    let mut table = Table::new();
    table.load_style(UNDERLINED).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(u16::try_from(style.width).unwrap_or(u16::MAX).max(40)).force_no_tty();
    table
}
