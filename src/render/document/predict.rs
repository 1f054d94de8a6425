use std::collections::BTreeSet;

use super::{Fact, Scribe, Section, Tone};
use crate::render::catalogue::Word;
use crate::report::{Class, Likelihood, Predict, PredictSide};

impl Scribe<'_> {
    /// The sentence on top of `natscope predict`.
    pub(super) fn predict_headline(&self, predict: &Predict) -> (String, Tone) {
        (self.words.predict_headline(predict), tone(predict))
    }

    /// Whether, how, how likely; what either side is; what is missing; what would help.
    pub(super) fn predict_sections(&self, predict: &Predict) -> Vec<Section> {
        let [a, b] = &predict.sides;
        let direct = self.verdict(&predict.direct, |direct| self.yes_no(*direct).to_owned());
        let mut facts = vec![
            self.fact(tone(predict), Word::Direct, direct),
            self.fact(Tone::Plain, Word::How, self.words.mechanism(predict.mechanism, predict.family)),
            self.fact(Tone::Plain, Word::Likelihood, self.words.likelihood(predict.likelihood)),
            self.side_fact(Word::SideA, a),
            self.side_fact(Word::SideB, b),
        ];
        let could = [(Word::SideACould, a), (Word::SideBCould, b)];
        facts.extend(could.into_iter().filter_map(|(label, side)| {
            let advised = side.advice?;
            let text = self.words.advised(self.words.advice(advised.advice), advised.enough);
            Some(self.fact(if advised.enough { Tone::Good } else { Tone::Plain }, label, text))
        }));
        let mut sections = vec![Section { title: None, facts }];
        if !predict.missing.is_empty() {
            let ask = |missing: &crate::report::Missing| {
                let text = self.words.labelled(&self.words.missing(*missing), self.words.how_to_learn(missing.fact));
                self.fact(Tone::Unknown, Word::Missing, text)
            };
            let facts = predict.missing.iter().map(ask).collect();
            sections.push(Section { title: Some(self.words.word(Word::WouldDecide).to_owned()), facts });
        }
        sections
    }

    /// `IPv4: NAT3; IPv6: open, NAT2 or NAT3`.
    fn side_fact(&self, label: Word, side: &PredictSide) -> Fact {
        let family = |word, classes: &[Class]| self.words.labelled(self.words.word(word), &self.classes(classes));
        let mut clauses = vec![family(Word::Ipv4, &side.v4), family(Word::Ipv6, &side.v6)];
        if side.tunnel {
            clauses.push(self.words.word(Word::ThroughTunnel).to_owned());
        }
        self.fact(Tone::Plain, label, self.words.clauses(&clauses))
    }

    /// What is known in common where the class itself is not.
    fn classes(&self, classes: &[Class]) -> String {
        let set: BTreeSet<Class> = classes.iter().copied().collect();
        let word = |word| self.words.word(word).to_owned();
        let hard = [Class::HardEif, Class::HardAdf, Class::HardPredictable, Class::HardRandom];
        if set.len() == 1 {
            set.iter().map(|class| self.words.class(*class).to_owned()).collect()
        } else if set == BTreeSet::from([Class::Nat1, Class::Nat2, Class::Nat3]) {
            word(Word::SomeEasyNat)
        } else if set == BTreeSet::from([Class::Open, Class::Nat2, Class::Nat3]) {
            word(Word::SomeFirewall)
        } else if set == BTreeSet::from(hard) {
            word(Word::SomeHardNat)
        } else if set.contains(&Class::Nat1) {
            word(if set.contains(&Class::Blocked) { Word::NotKnown } else { Word::SomeNat })
        } else {
            let names: Vec<String> = classes.iter().map(|class| self.words.class(*class).to_owned()).collect();
            names.join(" / ")
        }
    }
}

fn tone(predict: &Predict) -> Tone {
    match (predict.direct.value(), predict.likelihood) {
        (Some(true), _) => Tone::Good,
        (Some(false), Likelihood::Guessing) => Tone::Middling,
        (Some(false), _) => Tone::Bad,
        (None, _) => Tone::Unknown,
    }
}
