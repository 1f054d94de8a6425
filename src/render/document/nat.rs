use std::fmt::Display;

use super::{Fact, Scribe, Section, Tone};
use crate::model::{Difficulty, Level, NatType};
use crate::render::catalogue::Word;
use crate::render::number::span;
use crate::report::{Nat, Verdict};

impl Scribe<'_> {
    /// Everything known of the NAT over one family.
    pub(super) fn nat_section(&self, title: Word, nat: &Nat) -> Section {
        let plain = |label, text: String| self.fact(Tone::Plain, label, text);
        let mut facts = vec![
            self.verdict_fact(Word::Nat, &nat.difficulty, |difficulty| {
                (self.words.difficulty(*difficulty).to_owned(), tone(*difficulty))
            }),
            self.verdict_fact(Word::Effective, &nat.effective, |difficulty| {
                (self.words.difficulty(*difficulty).to_owned(), tone(*difficulty))
            }),
            self.verdict_fact(Word::NatType, &nat.nat_type, |kind| (self.type_name(*kind, nat.level), Tone::Plain)),
            self.verdict_fact(Word::Mapping, &nat.mapping, |it| (self.words.mapping(*it).to_owned(), Tone::Plain)),
        ];
        if nat.mapping.value().is_none() {
            facts.push(self.bool_fact(Word::MappingVaries, &nat.mapping_varies));
        }
        facts.extend([
            self.verdict_fact(Word::Filtering, &nat.filtering, |it| {
                (self.words.filtering(*it).to_owned(), Tone::Plain)
            }),
            self.bool_fact(Word::Hairpinning, &nat.hairpinning),
            self.bool_fact(Word::PortPreservation, &nat.port_preservation),
            self.verdict_fact(Word::PortAllocation, &nat.port_allocation, |it| {
                (self.words.allocation(*it).to_owned(), Tone::Plain)
            }),
            self.verdict_fact(Word::Pooling, &nat.pooling, |it| (self.words.pooling(*it).to_owned(), Tone::Plain)),
            self.verdict_fact(Word::MappingLifetime, &nat.mapping_lifetime, |it| (span(*it), Tone::Plain)),
            self.verdict_fact(Word::CarrierGrade, &nat.carrier_grade, |it| {
                (self.yes_no(*it).to_owned(), if *it { Tone::Middling } else { Tone::Plain })
            }),
        ]);
        if !nat.mapped.is_empty() {
            facts.push(plain(Word::MappedEndpoints, self.row(&nat.mapped)));
        }
        if !nat.local.is_empty() {
            facts.push(plain(Word::LocalEndpoints, self.row(&nat.local)));
        }
        Section { title: Some(self.words.word(title)), facts }
    }

    /// `easy`, or `easy, port-restricted cone (NAT3)` where the type is known.
    pub(super) fn nat_name(&self, difficulty: Difficulty, nat: &Nat) -> String {
        let mut parts = vec![self.words.difficulty(difficulty).to_owned()];
        match nat.nat_type.value() {
            // Those two say nothing the difficulty has not said.
            None | Some(NatType::UdpBlocked | NatType::Unnamed) => {}
            Some(kind) => parts.push(self.type_name(*kind, nat.level)),
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

    fn verdict_fact<T>(&self, label: Word, verdict: &Verdict<T>, say: impl Fn(&T) -> (String, Tone)) -> Fact {
        let tone = verdict.value().map_or(Tone::Unknown, |value| say(value).1);
        self.fact(tone, label, self.verdict(verdict, |value| say(value).0))
    }

    fn bool_fact(&self, label: Word, verdict: &Verdict<bool>) -> Fact {
        self.verdict_fact(label, verdict, |value| (self.yes_no(*value).to_owned(), Tone::Plain))
    }

    fn row(&self, items: &[impl Display]) -> String {
        self.words.list(&items.iter().map(ToString::to_string).collect::<Vec<_>>())
    }
}

/// The name users know.
const fn level_name(level: Level) -> &'static str {
    match level {
        Level::Nat1 => "NAT1",
        Level::Nat2 => "NAT2",
        Level::Nat3 => "NAT3",
        Level::Nat4 => "NAT4",
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
