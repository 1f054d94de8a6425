use std::fmt::Display;

use super::{Fact, NatPart, Scribe, Section, Tone};
use crate::model::{Difficulty, Family, Filtering, Level, Mapping, NatType};
use crate::render::catalogue::{NatHeadline, Word};
use crate::render::number::seconds;
use crate::report::{ModeWhy, Nat, Report, Verdict, Why};

/// Servers that are named where there is a line for all of them.
const NAMED: usize = 3;

/// A fact about a verdict, and why there is none.
struct Row {
    fact: Fact,
    unknown: Option<Why>,
    parts: VerdictRow,
}

/// A verdict in parts.
#[derive(Clone, Debug)]
pub(in crate::render) struct VerdictRow {
    pub tone: Tone,
    pub label: &'static str,
    /// `?` when undetermined.
    pub value: String,
    /// The reason, or why there is none.
    pub why: String,
    /// How sure it is.
    pub confidence: &'static str,
    /// The probes it rests on.
    pub evidence: String,
}

impl Scribe<'_> {
    /// The sentence on top of `natscope nat`.
    pub(super) fn nat_headline(&self, report: &Report) -> (String, Tone) {
        let Some(nat) = report.nat() else { return (String::new(), Tone::Unknown) };
        let difficulty = nat.difficulty.value().copied();
        let second = match (&report.nat_v4, &report.nat_v6) {
            (Some(v4), Some(v6)) if std::ptr::eq(nat, v4) => Some((Family::V6, v6)),
            (Some(v4), Some(_)) => Some((Family::V4, v4)),
            _ => None,
        };
        let headline = NatHeadline {
            difficulty,
            nat_type: nat.nat_type.value().copied().filter(|kind| says_more(*kind)),
            level: nat.level.map(level_name),
            effective: nat.effective.value().copied().filter(|it| Some(*it) != difficulty),
            why: nat.difficulty.why().map(|why| self.words.why(why, &self.names)),
            other: second.and_then(|(family, nat)| Some((family, nat.difficulty.value().copied()?))),
        };
        (self.words.nat_headline(&headline), difficulty.map_or(Tone::Unknown, tone))
    }

    /// What is known of the NAT over one family. Without `--verbose`, what this version does not measure is not
    /// mentioned, and what is undetermined for the reason the difficulty is shares a line.
    pub(super) fn nat_section(&self, title: Word, nat: &Nat) -> Section {
        let mut facts = self.settle(self.nat_rows(nat), nat.difficulty.value().is_none());
        facts.extend(self.nat_rest(nat));
        Section { title: Some(self.words.word(title).to_owned()), facts }
    }

    /// The same where there is room for every verdict, with what it rests on.
    pub(super) fn nat_part(&self, title: Word, nat: &Nat) -> NatPart {
        let verdicts = self.nat_rows(nat).into_iter().map(|row| row.parts).collect();
        NatPart { title: self.words.word(title), verdicts, facts: self.nat_rest(nat) }
    }

    /// What is said beside the verdicts.
    fn nat_rest(&self, nat: &Nat) -> Vec<Fact> {
        let mut facts = self.classic_facts(nat);
        if !nat.mapped.is_empty() {
            facts.push(self.fact(Tone::Plain, Word::MappedEndpoints, self.row(&nat.mapped)));
        }
        // Without translation they are the same.
        if !nat.local.is_empty() && (self.verbose || nat.local != nat.mapped) {
            facts.push(self.fact(Tone::Plain, Word::LocalEndpoints, self.row(&nat.local)));
        }
        if !nat.servers.is_empty() && !self.lists_servers {
            facts.push(self.servers_fact(nat));
        }
        facts
    }

    /// Every verdict, the difficulty first.
    fn nat_rows(&self, nat: &Nat) -> Vec<Row> {
        let difficulty = |it: &Difficulty| (self.words.difficulty(*it).to_owned(), tone(*it));
        let mut rows = vec![self.verdict_row(Word::Nat, &nat.difficulty, difficulty)];
        if self.verbose || nat.effective.value() != nat.difficulty.value() {
            rows.push(self.verdict_row(Word::Effective, &nat.effective, difficulty));
        }
        rows.extend([
            self.plain_row(Word::NatType, &nat.nat_type, |kind| {
                self.with_alias(self.words.nat_type(*kind), nat.level.map(level_name))
            }),
            self.plain_row(Word::Mapping, &nat.mapping, |it| {
                self.with_alias(self.words.mapping(*it), mapping_alias(*it))
            }),
        ]);
        if nat.mapping.value().is_none() && (self.verbose || nat.mapping_varies.value().is_some()) {
            rows.push(self.bool_row(Word::MappingVaries, &nat.mapping_varies));
        }
        rows.extend([
            self.plain_row(Word::Filtering, &nat.filtering, |it| {
                self.with_alias(self.words.filtering(*it), Some(filtering_alias(*it)))
            }),
            self.bool_row(Word::Hairpinning, &nat.hairpinning),
            self.bool_row(Word::PortPreservation, &nat.port_preservation),
            self.plain_row(Word::PortAllocation, &nat.port_allocation, |it| self.words.allocation(*it).to_owned()),
            self.plain_row(Word::Pooling, &nat.pooling, |it| self.words.pooling(*it).to_owned()),
            self.plain_row(Word::MappingLifetime, &nat.mapping_lifetime, |it| seconds(*it)),
            self.verdict_row(Word::CarrierGrade, &nat.carrier_grade, |it| {
                (self.yes_no(*it).to_owned(), if *it { Tone::Middling } else { Tone::Plain })
            }),
        ]);
        rows
    }

    /// What the classic procedure says, and why not to trust it.
    fn classic_facts(&self, nat: &Nat) -> Vec<Fact> {
        let Some(classic) = &nat.classic else { return Vec::new() };
        let row = self.plain_row(Word::Classic, &classic.nat_type, |kind| self.words.nat_type(*kind).to_owned());
        let warning = |warning| self.fact(Tone::Middling, Word::Warning, self.words.classic_warning(warning));
        [row.fact].into_iter().chain(classic.warning.map(warning)).collect()
    }

    /// The rows as facts; `gather` the undetermined ones that share the first one's reason.
    fn settle(&self, rows: Vec<Row>, gather: bool) -> Vec<Fact> {
        let shared = rows.first().and_then(|row| row.unknown.clone()).filter(|_| gather);
        let mut facts: Vec<Fact> = Vec::new();
        let mut gathered: Vec<String> = Vec::new();
        for Row { fact, unknown, .. } in rows {
            if self.verbose || facts.is_empty() {
                facts.push(fact);
            } else if unknown.is_some() && unknown == shared {
                gathered.push(fact.label.to_owned());
            } else if !matches!(
                unknown,
                Some(Why::NotMeasuredYet | Why::OnlyWith { .. } | Why::Mode(ModeWhy::OnlyOverUdp))
            ) {
                facts.push(fact);
            }
        }
        if !gathered.is_empty() {
            let text = self.words.aside(&self.words.list(&gathered), self.words.word(Word::SameReason));
            facts.insert(1, self.fact(Tone::Unknown, Word::UnknownToo, text));
        }
        facts
    }

    /// `5 of 6 used; left out: stun.example.com:3478 (it never answered)`.
    fn servers_fact(&self, nat: &Nat) -> Fact {
        let used = nat.servers.iter().filter(|server| server.trusted).count();
        let mut clauses = vec![self.words.servers_used(used, nat.servers.len())];
        let left_out: Vec<String> = nat
            .servers
            .iter()
            .filter(|server| !server.trusted)
            .map(|server| match &server.note {
                Some(note) => self.words.aside(&server.server, &self.words.server_note(note)),
                None => server.server.clone(),
            })
            .collect();
        if !left_out.is_empty() {
            let mut named: Vec<String> = left_out.iter().take(NAMED).cloned().collect();
            if left_out.len() > NAMED {
                named.push(format!("+{}", left_out.len() - NAMED));
            }
            clauses.push(self.words.labelled(self.words.word(Word::LeftOut), &self.words.list(&named)));
        }
        let tone = if left_out.is_empty() { Tone::Plain } else { Tone::Middling };
        self.fact(tone, Word::Servers, self.words.clauses(&clauses))
    }

    /// `easy`, or `easy, port-restricted cone (NAT3)` where the type is known.
    pub(super) fn nat_name(&self, difficulty: Difficulty, nat: &Nat) -> String {
        let mut parts = vec![self.words.difficulty(difficulty).to_owned()];
        if let Some(kind) = nat.nat_type.value().copied().filter(|kind| says_more(*kind)) {
            parts.push(self.type_name(kind, nat.level));
        }
        if nat.effective.value().is_some_and(|effective| *effective != difficulty) {
            let effective = nat.effective.value().copied().unwrap_or(difficulty);
            parts.push(self.words.labelled(self.words.word(Word::Effective), self.words.difficulty(effective)));
        }
        if nat.carrier_grade.is_true() {
            parts.push(self.words.word(Word::CarrierGrade).to_owned());
        }
        self.words.list(&parts)
    }

    pub(super) fn type_name(&self, kind: NatType, level: Option<Level>) -> String {
        let name = self.words.nat_type(kind);
        level.map_or_else(|| name.to_owned(), |level| self.words.aside(name, level_name(level)))
    }

    fn with_alias(&self, name: &str, alias: Option<&str>) -> String {
        let parts: Vec<String> = [name].into_iter().chain(alias).map(str::to_owned).collect();
        self.words.list(&parts)
    }

    fn verdict_row<T>(&self, label: Word, verdict: &Verdict<T>, say: impl Fn(&T) -> (String, Tone)) -> Row {
        let tone = verdict.value().map_or(Tone::Unknown, |value| say(value).1);
        let fact = self.fact(tone, label, self.verdict(verdict, |value| say(value).0));
        let evidence: Vec<String> = verdict.evidence().iter().map(ToString::to_string).collect();
        let parts = VerdictRow {
            tone,
            label: self.words.word(label),
            value: verdict.value().map_or_else(|| "?".to_owned(), |value| say(value).0),
            why: verdict.why().map(|why| self.words.why(why, &self.names)).unwrap_or_default(),
            confidence: verdict.confidence().map_or("", |confidence| self.words.confidence(confidence)),
            evidence: evidence.join(" "),
        };
        Row { fact, unknown: verdict.why().filter(|_| verdict.value().is_none()).cloned(), parts }
    }

    fn plain_row<T>(&self, label: Word, verdict: &Verdict<T>, say: impl Fn(&T) -> String) -> Row {
        self.verdict_row(label, verdict, |value| (say(value), Tone::Plain))
    }

    fn bool_row(&self, label: Word, verdict: &Verdict<bool>) -> Row {
        self.plain_row(label, verdict, |value| self.yes_no(*value).to_owned())
    }

    fn row(&self, items: &[impl Display]) -> String {
        self.words.list(&items.iter().map(ToString::to_string).collect::<Vec<_>>())
    }
}

/// Whether RFC 3489's name says anything the difficulty has not said.
pub(super) const fn says_more(kind: NatType) -> bool {
    !matches!(kind, NatType::UdpBlocked | NatType::Unnamed)
}

/// The name users know.
pub(super) const fn level_name(level: Level) -> &'static str {
    match level {
        Level::Nat1 => "NAT1",
        Level::Nat2 => "NAT2",
        Level::Nat3 => "NAT3",
        Level::Nat4 => "NAT4",
    }
}

/// The usual abbreviation, the same in every language.
const fn mapping_alias(mapping: Mapping) -> Option<&'static str> {
    match mapping {
        Mapping::Direct => None,
        Mapping::EndpointIndependent => Some("EIM"),
        Mapping::AddressDependent => Some("ADM"),
        Mapping::AddressAndPortDependent => Some("APDM"),
    }
}

/// As [`mapping_alias`].
const fn filtering_alias(filtering: Filtering) -> &'static str {
    match filtering {
        Filtering::EndpointIndependent => "EIF",
        Filtering::AddressDependent => "ADF",
        Filtering::AddressAndPortDependent => "APDF",
    }
}

/// How good the news is.
pub(super) const fn tone(difficulty: Difficulty) -> Tone {
    match difficulty {
        Difficulty::None | Difficulty::Easy => Tone::Good,
        Difficulty::Hard => Tone::Middling,
        Difficulty::Blocked => Tone::Bad,
    }
}
