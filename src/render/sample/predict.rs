use crate::model::Family;
use crate::report::{
    Advice, Advised, Class, Command, Confidence, Fact, Likelihood, Mechanism, Missing, PairWhy, Predict, PredictSide,
    Report, Verdict, Which, Why,
};

use super::{micros, started_at};

/// Both send, over IPv6.
pub(in crate::render) fn predicted_direct() -> Report {
    let why = PairWhy::BothSend { family: Family::V6 };
    let side = |v4: &[Class], tunnel| PredictSide {
        v4: v4.to_vec(),
        v6: vec![Class::Open, Class::Nat2, Class::Nat3],
        tunnel,
        advice: None,
    };
    report(Predict {
        direct: Verdict::known(true, Confidence::High, []).because(Why::Pair(why)),
        mechanism: Mechanism::HolePunch,
        family: Some(Family::V6),
        likelihood: Likelihood::High,
        sides: [side(&[Class::Nat1, Class::Nat2, Class::Nat3], false), side(&[Class::HardRandom], true)],
        missing: Vec::new(),
    })
}

/// Easy, and yet relayed.
pub(in crate::render) fn predicted_relayed() -> Report {
    let why = PairWhy::OnlyByGuessing { side: Some(Which::B) };
    let side = |class, advice, enough| PredictSide {
        v4: vec![class],
        v6: vec![Class::Blocked],
        tunnel: false,
        advice: Some(Advised { advice, enough }),
    };
    report(Predict {
        direct: Verdict::known(false, Confidence::Medium, []).because(Why::Pair(why)),
        mechanism: Mechanism::Relay,
        family: None,
        likelihood: Likelihood::Guessing,
        sides: [side(Class::Nat3, Advice::PortMapping, true), side(Class::HardRandom, Advice::LeaveVpn, false)],
        missing: Vec::new(),
    })
}

/// Two facts are missing.
pub(in crate::render) fn predicted_unclear() -> Report {
    let missing = vec![
        Missing { side: None, family: None, fact: Fact::NetworkRedacted },
        Missing { side: Some(Which::B), family: Some(Family::V4), fact: Fact::Filtering },
    ];
    let hard = vec![Class::HardEif, Class::HardAdf, Class::HardPredictable, Class::HardRandom];
    let advice = Some(Advised { advice: Advice::PortMapping, enough: true });
    let all = Class::ALL.to_vec();
    report(Predict {
        direct: Verdict::unknown(Why::Pair(PairWhy::Missing(missing.clone()))),
        mechanism: Mechanism::HolePunch,
        family: Some(Family::V4),
        likelihood: Likelihood::Uncertain,
        sides: [
            PredictSide { v4: vec![Class::Nat3], v6: all.clone(), tunnel: false, advice: None },
            PredictSide { v4: hard, v6: all, tunnel: false, advice },
        ],
        missing,
    })
}

fn report(predict: Predict) -> Report {
    Report { predict: Some(predict), ..Report::new(Command::Predict, started_at(), micros(1_200)) }
}
