//! What the dashboard of `--watch` shows of a report: the same facts, a line each, and every region.

use std::time::Duration;

use super::regions::NAME;
use super::{Fact, Scribe, Tone};
use crate::model::RegionId;
use crate::render::catalogue::{self, Lang, RegionNames, Word};
use crate::render::clean::{clean, short};
use crate::report::{Nat, Netcheck, RegionReport, Report, Severity};

/// A report as the dashboard shows it. Every string is clean.
#[derive(Clone, Debug, Default)]
pub(in crate::render) struct Watched {
    /// The one sentence on top.
    pub headline: String,
    /// Whether it is good news.
    pub tone: Tone,
    /// The facts.
    pub facts: Vec<Fact>,
    /// Every region, nearest first, then those without a latency, in order of id.
    pub regions: Vec<WatchedRegion>,
}

/// A region on the dashboard.
#[derive(Clone, Debug)]
pub(in crate::render) struct WatchedRegion {
    pub id: RegionId,
    pub home: bool,
    pub code: String,
    pub name: String,
    pub latency: Option<Duration>,
    /// How it was measured, or why it was not.
    pub note: String,
}

/// Lays a report of netcheck out for the dashboard.
pub(in crate::render) fn watched(report: &Report, lang: Lang) -> Watched {
    let words = catalogue::of(lang);
    let scribe = Scribe { words, names: RegionNames::of(report), verbose: false, lists_servers: false };
    let (headline, tone) = scribe.headline(report);
    let Some(netcheck) = &report.netcheck else { return Watched { headline, tone, ..Watched::default() } };
    let mut facts = scribe.netcheck_facts(netcheck, report).facts;
    // Below the NAT, whose name tells the type where it is known; and home before what a small terminal cuts off.
    let place = |facts: &[Fact], word| facts.iter().position(|fact| fact.label == words.word(word));
    let below = place(&facts, Word::PortMapping).unwrap_or(facts.len());
    if let Some(home) = place(&facts, Word::HomeRegion).filter(|home| *home > below) {
        let home = facts.remove(home);
        facts.insert(below, home);
    }
    let types = [&report.nat_v4, &report.nat_v6].into_iter().flatten().filter_map(|nat| scribe.unknown_type(nat));
    // Both families have the same to say of it, or the first one says enough for a line.
    facts.splice(below..below, types.take(1));
    facts.extend(scribe.findings_fact(report));
    for fact in &mut facts {
        fact.text = clean(&fact.text);
    }
    Watched { headline: clean(&headline), tone, facts, regions: scribe.watched_regions(netcheck) }
}

impl Scribe<'_> {
    /// Where it is known how hard the NAT is and not what RFC 3489 calls it: the reason.
    fn unknown_type(&self, nat: &Nat) -> Option<Fact> {
        nat.difficulty.value()?;
        if nat.nat_type.value().is_some() {
            return None;
        }
        let text = self.verdict(&nat.nat_type, |kind| self.words.nat_type(*kind).to_owned());
        Some(self.fact(Tone::Unknown, Word::NatType, text))
    }

    /// Codes and titles of what deserves attention, most severe first.
    fn findings_fact(&self, report: &Report) -> Option<Fact> {
        let worst = report.findings.iter().map(|finding| finding.severity).max()?;
        let titles =
            report.findings.iter().filter(|finding| finding.severity > Severity::Info || worst == Severity::Info);
        let titles: Vec<String> =
            titles.map(|finding| format!("{} {}", finding.code(), self.words.finding(&finding.detail).title)).collect();
        let tone = match worst {
            Severity::Info => Tone::Plain,
            Severity::Warning => Tone::Middling,
            Severity::Error => Tone::Bad,
        };
        Some(self.fact(tone, Word::Findings, self.words.clauses(&titles)))
    }

    fn watched_regions(&self, netcheck: &Netcheck) -> Vec<WatchedRegion> {
        let home = netcheck.home_region.value();
        let mut regions: Vec<WatchedRegion> = netcheck
            .regions
            .iter()
            .map(|region| WatchedRegion {
                id: region.id,
                home: home == Some(&region.id),
                code: self.short_code(region),
                name: short(&region.name, NAME),
                latency: region.latency,
                note: clean(&self.note(region)),
            })
            .collect();
        regions.sort_by_key(|region| (region.latency.is_none(), region.latency, region.id));
        regions
    }

    fn note(&self, region: &RegionReport) -> String {
        if region.latency.is_some() { self.method(region) } else { self.unmeasured_because(region) }
    }
}
