//! For people, in a browser or on paper: the verdict, the way packets take as a drawing, latencies as bars, every verdict
//! on the NAT with what it rests on, and findings with what to do.
//!
//! The page is one file and loads nothing. It has no script, and its policy forbids whatever a stranger's string might
//! smuggle in: everything but the one style sheet, by its hash.

mod diagram;
mod icon;
mod markup;
mod regions;
#[cfg(test)]
mod tests;

use super::Style;
use super::catalogue::{self, Catalogue, Word};
use super::document::{Document, Fact, FindingRow, Grid, NatPart, Page, Section, Tone, VerdictRow, lay_out_page};
use crate::report::{Command, Report, Severity};
use markup::Markup;

/// How the page looks.
const SHEET: &str = include_str!("style.css");
/// The base64 of its SHA-256: no other style is let in.
const SHEET_HASH: &str = "9aCqCtfI7Xlh5ScDLA61I8xs+CppGNChOUWpIXDe0WQ=";

/// Where RFC 4787 says what mapping and filtering are.
const RFC_4787: &str = "https://www.rfc-editor.org/rfc/rfc4787";

/// The report as a page.
pub(super) fn render(report: &Report, style: &Style) -> String {
    let page = lay_out_page(report, style);
    let words = catalogue::of(style.lang);
    let writer = Writer { words, is_doctor: report.command == Command::Doctor };
    let mut markup = Markup::default();
    markup.doctype();
    markup.block("html", &[("lang", style.lang.name())], |html| {
        html.new_line();
        html.block("head", &[], |head| Writer::head(head, &page.document));
        html.block("body", &[], |body| {
            body.new_line();
            body.block("main", &[], |main| writer.main(main, &page));
        });
    });
    markup.finish()
}

struct Writer {
    words: &'static dyn Catalogue,
    is_doctor: bool,
}

impl Writer {
    fn head(head: &mut Markup, document: &Document) {
        let policy =
            format!("default-src 'none'; style-src 'sha256-{SHEET_HASH}'; base-uri 'none'; form-action 'none'");
        head.new_line();
        head.empty("meta", &[("charset", "utf-8")]);
        head.new_line();
        for (name, content) in [
            ("viewport", "width=device-width, initial-scale=1"),
            ("color-scheme", "light dark"),
            ("referrer", "no-referrer"),
            ("robots", "noindex"),
        ] {
            head.empty("meta", &[("name", name), ("content", content)]);
            head.new_line();
        }
        head.empty("meta", &[("http-equiv", "Content-Security-Policy"), ("content", policy.as_str())]);
        head.new_line();
        head.line("title", &[], &document.headline);
        head.style(SHEET);
    }

    fn main(&self, main: &mut Markup, page: &Page) {
        let document = &page.document;
        main.new_line();
        Self::top(main, document);
        self.way(main, page);
        if !self.is_doctor {
            Self::sections(main, &document.sections);
        }
        if !document.regions.is_empty() {
            self.section(main, Word::Regions, |section| regions::table(section, &document.regions, self.words));
        }
        for (what, reasons) in [(Word::NotMeasured, &document.unmeasured), (Word::StunFailed, &document.without_stun)] {
            if !reasons.is_empty() {
                self.section(main, what, |section| {
                    facts(section, reasons.iter().map(|(codes, why)| ("bad", codes, why)));
                });
            }
        }
        for nat in &page.nats {
            main.block("section", &[], |section| self.nat(section, nat));
        }
        if !document.findings.is_empty() {
            self.section(main, Word::Findings, |section| {
                for (row, anchor) in document.findings.iter().zip(anchors(&document.findings)) {
                    self.finding(section, row, &anchor);
                }
                section.block("p", &[("class", "note")], |p| p.prose(self.words.word(Word::AboutCodes)));
            });
        }
        if self.is_doctor {
            Self::sections(main, &document.sections);
        }
        for grid in &document.grids {
            main.block("section", &[], |section| self::grid(section, grid));
        }
        main.block("footer", &[], |footer| footer.say(&document.about));
    }

    fn top(main: &mut Markup, document: &Document) {
        let class = format!("verdict {}", class_of(document.tone));
        main.block("header", &[("class", &class)], |header| {
            header.line("h1", &[], &document.headline);
            header.line("p", &[("class", "note")], &document.about);
            if !document.findings.is_empty() {
                header.block("p", &[("class", "tags")], |p| {
                    for (row, anchor) in document.findings.iter().zip(anchors(&document.findings)) {
                        let target = format!("#{anchor}");
                        p.leaf("a", &[("class", severity_class(row.severity)), ("href", &target)], &row.code);
                        p.say(" ");
                    }
                });
            }
        });
    }

    fn way(&self, main: &mut Markup, page: &Page) {
        if page.lanes.is_empty() {
            return;
        }
        let title = if self.is_doctor { Word::Layers } else { Word::Path };
        self.section(main, title, |section| {
            section.block("figure", &[], |figure| {
                let steps = page.lanes.iter().map(|lane| {
                    let stops: Vec<&str> = lane.stops.iter().map(|stop| stop.title.as_str()).collect();
                    self.words.labelled(&lane.label, &stops.join(" → "))
                });
                diagram::draw(figure, &page.lanes, &self.words.clauses(&steps.collect::<Vec<_>>()));
            });
            let doubtful = page.lanes.iter().flat_map(|lane| &lane.stops).any(|stop| !stop.certain);
            let notes = [(doubtful, Word::DashedIsUnknown), (page.more_lanes, Word::MoreRelays)];
            for (_, note) in notes.iter().filter(|(applies, _)| *applies) {
                section.line("p", &[("class", "note")], self.words.word(*note));
            }
        });
    }

    fn section(&self, main: &mut Markup, title: Word, inside: impl FnOnce(&mut Markup)) {
        main.block("section", &[], |section| {
            section.line("h2", &[], self.words.word(title));
            inside(section);
        });
    }

    fn sections(main: &mut Markup, sections: &[Section]) {
        for section in sections {
            main.block("section", &[], |it| {
                if let Some(title) = &section.title {
                    it.line("h2", &[], title);
                }
                Self::facts(it, &section.facts);
            });
        }
    }

    fn facts(section: &mut Markup, rows: &[Fact]) {
        facts(section, rows.iter().map(|fact| (class_of(fact.tone), fact.label, &fact.text)));
    }

    fn nat(&self, section: &mut Markup, nat: &NatPart) {
        section.line("h2", &[], nat.title);
        let header = [
            self.words.word(Word::Property),
            self.words.word(Word::Verdict),
            self.words.word(Word::Reason),
            self.words.word(Word::Certainty),
            self.words.map_word(super::catalogue::MapWord::Evidence),
        ];
        table(section, "nat", &header, |body| {
            for row in &nat.verdicts {
                verdict(body, row);
            }
        });
        Self::facts(section, &nat.facts);
        section.block("p", &[("class", "note")], |p| {
            p.say(self.words.word(Word::ProbesAreNumbered));
            p.say(" ");
            p.leaf("a", &[("href", RFC_4787), ("rel", "noreferrer noopener")], "RFC 4787");
        });
    }

    fn finding(&self, section: &mut Markup, row: &FindingRow, anchor: &str) {
        let class = format!("finding {}", severity_class(row.severity));
        section.block("article", &[("class", &class), ("id", anchor)], |article| {
            article.block("h3", &[], |h3| {
                h3.leaf("span", &[("class", "code")], &row.code);
                h3.say(" ");
                h3.leaf("span", &[("class", "severity")], self.words.severity(row.severity));
                h3.say(" ");
                h3.say(&row.text.title);
            });
            article.block("dl", &[], |dl| {
                let mut part = |label: Word, text: &str| {
                    dl.leaf("dt", &[], self.words.word(label));
                    dl.line("dd", &[], text);
                };
                part(Word::Fix, &row.text.fix);
                part(Word::Observed, &row.text.observed);
                if !row.text.causes.is_empty() {
                    part(Word::PossibleCauses, &self.words.clauses(&row.text.causes));
                }
            });
            for snippet in &row.text.snippets {
                article.line("p", &[("class", "note")], &snippet.name);
                article.block("pre", &[], |pre| pre.say_lines(&snippet.text));
            }
        });
    }
}

fn facts<'a, L: AsRef<str> + 'a>(section: &mut Markup, rows: impl Iterator<Item = (&'a str, L, &'a String)>) {
    section.block("dl", &[("class", "facts")], |dl| {
        dl.new_line();
        for (class, label, text) in rows {
            dl.leaf("dt", &[("class", class)], label.as_ref());
            dl.block("dd", &[], |dd| dd.prose(text));
        }
    });
}

fn verdict(body: &mut Markup, row: &VerdictRow) {
    let class = class_of(row.tone);
    body.block("tr", &[], |tr| {
        tr.leaf("th", &[("scope", "row")], row.label);
        tr.leaf("td", &[("class", class)], &row.value);
        tr.inline("td", &[], |td| td.prose(&row.why));
        tr.leaf("td", &[], row.confidence);
        tr.leaf("td", &[("class", "code")], &row.evidence);
    });
}

fn grid(section: &mut Markup, grid: &Grid) {
    section.line("h2", &[], &grid.title);
    table(section, "grid", &grid.columns, |body| {
        for row in &grid.rows {
            body.block("tr", &[], |tr| row.iter().for_each(|text| tr.leaf("td", &[], text)));
        }
    });
}

/// A table, wide ones with a bar to move them.
fn table(section: &mut Markup, class: &str, header: &[&str], rows: impl FnOnce(&mut Markup)) {
    section.block("div", &[("class", "wide")], |div| {
        div.block("table", &[("class", class)], |table| {
            table.block("thead", &[], |thead| {
                thead.inline("tr", &[], |tr| header.iter().for_each(|text| tr.leaf("th", &[("scope", "col")], text)));
            });
            table.block("tbody", &[], |tbody| {
                tbody.new_line();
                rows(tbody);
            });
        });
    });
}

/// Where each finding stands: its code, with a number behind it from the second of the same code on.
fn anchors(findings: &[FindingRow]) -> Vec<String> {
    let before = |index: usize, code: &str| findings.iter().take(index).filter(|row| row.code == code).count();
    let anchor = |(index, row): (usize, &FindingRow)| match before(index, &row.code) {
        0 => row.code.clone(),
        many => format!("{}-{}", row.code, many + 1),
    };
    findings.iter().enumerate().map(anchor).collect()
}

/// The class of a tone in the style sheet.
const fn class_of(tone: Tone) -> &'static str {
    match tone {
        Tone::Plain => "plain",
        Tone::Good => "good",
        Tone::Middling => "middling",
        Tone::Bad => "bad",
        Tone::Unknown => "unknown",
    }
}

const fn severity_class(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "middling",
        Severity::Error => "bad",
    }
}

fn number(value: usize) -> String {
    value.to_string()
}
