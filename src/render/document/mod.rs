//! The layout `table`, `markdown` and `html` share: which facts are shown, in which order and in which words, but not how
//! they are drawn. Every string in it is cleaned by whoever draws it.

mod doctor;
mod facts;
mod grids;
mod nat;
mod offline;
mod ping;
mod predict;
mod regions;
mod route;
mod stages;
mod watched;

use std::time::Duration;

pub(super) use doctor::{headline_of, whole_millis};
pub(super) use nat::VerdictRow;
pub(super) use route::{Lane, Stop, StopKind};
pub(super) use watched::{Watched, WatchedRegion, watched};

use super::Style;
use super::catalogue::{self, Catalogue, FindingText, Headline, RegionNames, Told, Word};
use super::json::rfc3339;
use super::number::round_trip;
use crate::model::Transport;
use crate::report::{Command, Nat, Report, Severity, Verdict};

/// A report laid out.
#[derive(Clone, Debug, Default)]
pub(super) struct Document {
    /// The one sentence on top.
    pub headline: String,
    /// Whether it is good news.
    pub tone: Tone,
    /// Which tool, command and time.
    pub about: String,
    /// The facts.
    pub sections: Vec<Section>,
    /// Measured regions, nearest first.
    pub regions: Vec<RegionRow>,
    /// The others: codes, and the reason they share.
    pub unmeasured: Vec<(String, String)>,
    /// Measured ones whose STUN failed, though there is UDP: codes, and the reason they share.
    pub without_stun: Vec<(String, String)>,
    /// What deserves attention.
    pub findings: Vec<FindingRow>,
    /// With `--verbose`: nodes, servers. With `--servers`: servers.
    pub grids: Vec<Grid>,
}

/// Facts that belong together.
#[derive(Clone, Debug, Default)]
pub(super) struct Section {
    /// Heading; the first section has none.
    pub title: Option<String>,
    /// The facts.
    pub facts: Vec<Fact>,
}

/// A labelled fact.
#[derive(Clone, Debug)]
pub(super) struct Fact {
    pub tone: Tone,
    pub label: &'static str,
    pub text: String,
}

/// Whether a fact is good news.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Tone {
    /// Neither.
    #[default]
    Plain,
    Good,
    /// It works less well than it could.
    Middling,
    Bad,
    Unknown,
}

impl Tone {
    /// Good where a call feels immediate, less so where one starts to notice, bad beyond.
    pub(super) const fn of_latency(latency: Duration) -> Self {
        match latency.as_millis() {
            0..60 => Self::Good,
            60..150 => Self::Middling,
            _ => Self::Bad,
        }
    }

    /// The sign in front of a line.
    pub(super) const fn sign(self) -> &'static str {
        match self {
            Self::Plain => "·",
            Self::Good => "✓",
            Self::Middling => "!",
            Self::Bad => "✗",
            Self::Unknown => "?",
        }
    }
}

/// A measured region.
#[derive(Clone, Debug)]
pub(super) struct RegionRow {
    pub home: bool,
    pub code: String,
    pub name: String,
    pub latency: Duration,
    pub loss: String,
    pub jitter: String,
    pub method: String,
}

/// A finding.
#[derive(Clone, Debug)]
pub(super) struct FindingRow {
    pub severity: Severity,
    pub code: String,
    pub text: FindingText,
}

/// A further table.
#[derive(Clone, Debug)]
pub(super) struct Grid {
    pub title: String,
    pub columns: Vec<&'static str>,
    pub rows: Vec<Vec<String>>,
}

/// What a page has besides.
#[derive(Clone, Debug, Default)]
pub(super) struct Page {
    /// The document, without the sections on NATs.
    pub document: Document,
    /// What packets pass on their way, a lane for each family or relay.
    pub lanes: Vec<Lane>,
    /// Whether there are relays that have no lane.
    pub more_lanes: bool,
    /// The NAT over each family.
    pub nats: Vec<NatPart>,
}

/// What is known of the NAT over one family, verdict by verdict.
#[derive(Clone, Debug)]
pub(super) struct NatPart {
    pub title: &'static str,
    pub verdicts: Vec<VerdictRow>,
    /// What else there is to say.
    pub facts: Vec<Fact>,
}

/// Lays a report out.
pub(super) fn lay_out(report: &Report, style: &Style) -> Document {
    let scribe = Scribe::new(report, style);
    let mut document = scribe.document(report);
    if style.verbose || report.command == Command::Nat {
        document.sections.extend(nats(report).map(|(title, nat)| scribe.nat_section(title, nat)));
    }
    document
}

/// Lays a report out as a page, which has room for the NAT in full and for the servers that tell of it.
pub(super) fn lay_out_page(report: &Report, style: &Style) -> Page {
    let scribe = Scribe::new(report, &Style { servers: true, ..*style });
    let (lanes, more_lanes) = scribe.lanes(report);
    let nats = nats(report).map(|(title, nat)| scribe.nat_part(title, nat)).collect();
    Page { document: scribe.document(report), lanes, more_lanes, nats }
}

fn nats(report: &Report) -> impl Iterator<Item = (Word, &Nat)> {
    let nats = [(Word::NatIpv4, &report.nat_v4), (Word::NatIpv6, &report.nat_v6)];
    nats.into_iter().filter_map(|(title, nat)| Some((title, nat.as_ref()?)))
}

/// Writes the parts of a document.
struct Scribe<'a> {
    words: &'static dyn Catalogue,
    names: RegionNames<'a>,
    verbose: bool,
    /// Whether servers have a table of their own.
    lists_servers: bool,
}

impl<'a> Scribe<'a> {
    fn new(report: &'a Report, style: &Style) -> Self {
        Self {
            words: catalogue::of(style.lang),
            names: RegionNames::of(report),
            verbose: style.verbose,
            lists_servers: style.verbose || style.servers,
        }
    }
}

impl Scribe<'_> {
    /// All of it but the sections on NATs.
    fn document(&self, report: &Report) -> Document {
        let (headline, tone) = self.headline(report);
        let mut document = Document { headline, tone, about: self.about(report), ..Document::default() };
        if let Some(netcheck) = &report.netcheck {
            document.sections.push(self.netcheck_facts(netcheck, report));
            document.regions = self.region_rows(netcheck);
            document.unmeasured = self.unmeasured(netcheck);
            document.without_stun = self.without_stun(netcheck);
        }
        document.sections.extend(report.ping.as_ref().map(|ping| self.ping_facts(ping)));
        document.sections.extend(report.listen.as_ref().map(|listen| self.listen_facts(listen)));
        document.sections.extend(report.doctor.iter().flat_map(|doctor| match report.command {
            Command::Doctor => self.doctor_sections(doctor, report),
            _ => vec![self.doctor_summary(doctor)],
        }));
        document.sections.extend(report.predict.iter().flat_map(|predict| self.predict_sections(predict)));
        document.findings = report.findings.iter().map(|finding| self.finding(finding)).collect();
        if self.lists_servers {
            document.grids = self.grids(report);
        }
        document
    }

    fn headline(&self, report: &Report) -> (String, Tone) {
        if report.command == Command::Nat {
            return self.nat_headline(report);
        }
        match (report.command, &report.ping, &report.listen) {
            (Command::Ping, Some(ping), _) => return self.ping_headline(ping),
            (Command::Listen, _, Some(listen)) => return self.listen_headline(listen),
            _ => {}
        }

        if let (Command::Doctor, Some(doctor)) = (report.command, &report.doctor) {
            return self.doctor_headline(doctor);
        }
        if let Some(predict) = &report.predict {
            return self.predict_headline(predict);
        }
        let netcheck = report.netcheck.as_ref();
        let nat = report.nat();
        let difficulty = nat.and_then(|nat| nat.difficulty.value().copied());
        let home_code;
        let home = netcheck.map(|netcheck| &netcheck.home_region);
        let home = match home.map(|home| home.value()) {
            None => Told::Absent,
            Some(None) => Told::Undetermined,
            Some(Some(id)) => {
                home_code = self.names.code(*id);
                let regions = netcheck.iter().flat_map(|netcheck| &netcheck.regions);
                let latency = regions.filter(|region| region.id == *id).find_map(|region| region.latency);
                Told::Known((home_code.as_str(), latency))
            }
        };
        let headline = Headline {
            udp: Told::of(netcheck, |netcheck| netcheck.udp.value().copied()),
            offline: netcheck.is_some_and(offline::looks_offline),
            portal: netcheck.is_some_and(|netcheck| netcheck.captive_portal.is_true()),
            nat: Told::of(nat, |nat| nat.difficulty.value().copied()),
            effective: nat.and_then(|nat| nat.effective.value().copied()).filter(|it| Some(*it) != difficulty),
            nat_type: nat.and_then(|nat| nat.nat_type.value().copied()),
            home,
        };
        (self.words.headline(&headline), tone_of(&headline))
    }

    fn about(&self, report: &Report) -> String {
        format!(
            "natscope {} {}{} · {} · {} {}",
            env!("CARGO_PKG_VERSION"),
            report.command.name(),
            report.nat().map_or_else(String::new, over),
            rfc3339(report.started_at),
            self.words.word(Word::TookTime),
            round_trip(report.took),
        )
    }

    fn finding(&self, finding: &crate::report::Finding) -> FindingRow {
        FindingRow {
            severity: finding.severity,
            code: finding.code().to_owned(),
            text: self.words.finding(&finding.detail),
        }
    }

    /// `value (why)`, or `? (why)` when undetermined; `--verbose` adds how sure it is and what it rests on.
    fn verdict<T>(&self, verdict: &Verdict<T>, say: impl FnOnce(&T) -> String) -> String {
        let value = verdict.value().map_or_else(|| "?".to_owned(), say);
        let mut text = match verdict.why() {
            Some(why) => self.words.aside(&value, &self.words.why(why, &self.names)),
            None => value,
        };
        if self.verbose {
            let confidence = verdict.confidence().map(|confidence| self.words.confidence(confidence).to_owned());
            let marks: Vec<_> =
                confidence.into_iter().chain(verdict.evidence().iter().map(ToString::to_string)).collect();
            if !marks.is_empty() {
                text = format!("{text} [{}]", marks.join(" "));
            }
        }
        text
    }

    fn fact(&self, tone: Tone, label: Word, text: impl Into<String>) -> Fact {
        Fact { tone, label: self.words.word(label), text: text.into() }
    }

    fn yes_no(&self, value: bool) -> &'static str {
        self.words.word(if value { Word::Yes } else { Word::No })
    }
}

/// Over and through what servers were asked where that is not the usual: ` · TCP`, ` · SOCKS5 192.0.2.1:1080`.
fn over(nat: &Nat) -> String {
    let transport = (nat.transport != Transport::Udp).then(|| format!(" · {}", nat.transport));
    let proxy = nat.proxy.as_ref().map(|proxy| format!(" · SOCKS5 {proxy}"));
    [transport, proxy].into_iter().flatten().collect()
}

/// The tone of the worst news in it.
fn tone_of(headline: &Headline<'_>) -> Tone {
    if headline.offline || headline.portal || headline.udp == Told::Known(false) {
        return Tone::Bad;
    }
    match headline {
        Headline { udp: Told::Undetermined, .. }
        | Headline { nat: Told::Undetermined, .. }
        | Headline { home: Told::Undetermined, .. } => Tone::Unknown,
        Headline { nat: Told::Known(difficulty), .. } => nat::tone(*difficulty),
        Headline { nat: Told::Absent, .. } => Tone::Good,
    }
}
