use serde_json::{Value, json};

use super::Words;
use crate::model::Family;
use crate::report::{Advised, Class, Fact, Likelihood, Mechanism, Missing, Predict, PredictSide, Which};

impl Words<'_> {
    pub(super) fn predict(&self, predict: &Predict) -> Value {
        let [a, b] = &predict.sides;
        json!({
            "direct": self.verdict(&predict.direct, |direct| json!(direct)),
            "mechanism": mechanism_name(predict.mechanism),
            "family": predict.family.map(family),
            "likelihood": likelihood(predict.likelihood),
            "a": self.predict_side(a),
            "b": self.predict_side(b),
            "missing": predict.missing.iter().map(|missing| self.missing(*missing)).collect::<Vec<_>>(),
            "advice": predict.advice_codes(),
        })
    }

    fn predict_side(&self, side: &PredictSide) -> Value {
        let classes = |classes: &[Class]| classes.iter().map(|it| class(*it)).collect::<Vec<_>>();
        json!({
            "ipv4": classes(&side.v4),
            "ipv6": classes(&side.v6),
            "tunnel": side.tunnel,
            "advice": side.advice.map(|Advised { advice, enough }| json!({
                "code": advice.code(),
                "enough": enough,
                "text": self.catalogue.advice(advice),
            })),
        })
    }

    fn missing(&self, missing: Missing) -> Value {
        json!({
            "side": missing.side.map(|side| match side {
                Which::A => "a",
                Which::B => "b",
            }),
            "family": missing.family.map(family),
            "fact": fact(missing.fact),
            "how": self.catalogue.how_to_learn(missing.fact),
        })
    }
}

const fn family(family: Family) -> &'static str {
    match family {
        Family::V4 => "ipv4",
        Family::V6 => "ipv6",
    }
}

pub(in crate::render) const fn mechanism_name(mechanism: Mechanism) -> &'static str {
    match mechanism {
        Mechanism::Lan => "lan",
        Mechanism::PublicEndpoint => "public-endpoint",
        Mechanism::HolePunch => "hole-punch",
        Mechanism::HitMapping => "hit-mapping",
        Mechanism::Hairpin => "hairpin",
        Mechanism::Relay => "relay",
    }
}

const fn likelihood(likelihood: Likelihood) -> &'static str {
    match likelihood {
        Likelihood::None => "none",
        Likelihood::Guessing => "guessing",
        Likelihood::Uncertain => "uncertain",
        Likelihood::Likely => "likely",
        Likelihood::High => "high",
    }
}

const fn class(class: Class) -> &'static str {
    match class {
        Class::Open => "open",
        Class::Nat1 => "nat1",
        Class::Nat2 => "nat2",
        Class::Nat3 => "nat3",
        Class::HardEif => "hard-eif",
        Class::HardAdf => "hard-adf",
        Class::HardPredictable => "hard-predictable",
        Class::HardRandom => "hard-random",
        Class::Blocked => "blocked",
    }
}

const fn fact(fact: Fact) -> &'static str {
    match fact {
        Fact::Udp => "udp",
        Fact::Mapping => "mapping",
        Fact::Filtering => "filtering",
        Fact::Allocation => "port-allocation",
        Fact::Pooling => "pooling",
        Fact::Hairpinning => "hairpinning",
        Fact::NetworkRedacted => "network-redacted",
        Fact::NetworkUnknown => "network-unknown",
        Fact::PrivatePath => "private-path",
    }
}
