//! The same in words.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::fields::Field;
use super::{Change, Diff, Side, Told};
use crate::model::{Difficulty, Filtering, Mapping, NatType, Pooling, PortAllocation};
use crate::render::catalogue::{self, Catalogue, Lang, Word};
use crate::render::document::{Document, Fact, Grid, Section, Tone};
use crate::render::json::mechanism_name;
use crate::render::number::{percent, round_trip, span};
use crate::render::{Style, clean};
use crate::report::{Layer, Mechanism, Severity};

/// Longer values are cut: a report of a stranger may hold anything.
const LONGEST: usize = 200;

pub(super) fn lay_out(diff: &Diff, style: &Style) -> Document {
    let words = catalogue::of(style.lang);
    let [a, b] = &diff.sides;
    let fact = |label: Word, text: String| Fact { tone: Tone::Plain, label: words.word(label), text };
    let mut facts = vec![fact(Word::Before, about(a)), fact(Word::After, about(b))];
    if diff.redacted {
        facts.push(fact(Word::Redacted, words.word(Word::AddressesNotCompared).to_owned()));
    }
    let mut document = Document {
        headline: words.diff_headline(diff.changes.len(), diff.compared),
        tone: if diff.changes.is_empty() { Tone::Good } else { Tone::Plain },
        about: format!("natscope {} diff", env!("CARGO_PKG_VERSION")),
        sections: vec![Section { title: None, facts }],
        ..Document::default()
    };
    if !diff.changes.is_empty() {
        let row = |change: &Change| {
            let (before, after) = (&change.before, &change.after);
            vec![label(&change.field, words), told(&change.field, before, style), told(&change.field, after, style)]
        };
        document.grids.push(Grid {
            title: words.word(Word::Changes).to_owned(),
            columns: vec![words.word(Word::What), words.word(Word::Before), words.word(Word::After)],
            rows: diff.changes.iter().map(row).collect(),
        });
    }
    document
}

fn about(side: &Side) -> String {
    format!("{} · {} · {}", side.name, side.command, side.started_at)
}

/// What something is called.
pub(super) fn label(field: &Field, words: &dyn Catalogue) -> String {
    let word = |word| words.word(word).to_owned();
    match field {
        Field::Netcheck(path) => match *path {
            "udp" => word(Word::Udp),
            "ipv4.usable" => word(Word::Ipv4),
            "ipv6.usable" => word(Word::Ipv6),
            "ipv4.global" => words.aside(words.word(Word::MappedAddress), words.word(Word::Ipv4)),
            "ipv6.global" => words.aside(words.word(Word::MappedAddress), words.word(Word::Ipv6)),
            "captive_portal" => word(Word::CaptivePortal),
            "home_region" => word(Word::HomeRegion),
            "icmp" => word(Word::Icmp),
            "port_mapping.upnp" => "UPnP".to_owned(),
            "port_mapping.nat_pmp" => "NAT-PMP".to_owned(),
            _ => "PCP".to_owned(),
        },
        Field::Nat(family, path) => {
            let nat = words.word(if *family == "ipv4" { Word::NatIpv4 } else { Word::NatIpv6 });
            let label = match *path {
                "difficulty" => return nat.to_owned(),
                "effective" => Word::Effective,
                "type" => Word::NatType,
                "mapping" => Word::Mapping,
                "filtering" => Word::Filtering,
                "hairpinning" => Word::Hairpinning,
                "port_preservation" => Word::PortPreservation,
                "port_allocation" => Word::PortAllocation,
                "pooling" => Word::Pooling,
                "mapping_lifetime_s" => Word::MappingLifetime,
                _ => Word::CarrierGrade,
            };
            words.labelled(nat, words.word(label))
        }
        Field::Latency(code) => words.aside(words.word(Word::Latency), &short(code)),
        Field::Loss(code) => words.aside(words.word(Word::Loss), &short(code)),
        Field::PingDirect => word(Word::DirectPath),
        Field::PingAnswered => word(Word::Answered),
        Field::Predict("direct") => word(Word::Direct),
        Field::Predict(_) => word(Word::How),
        Field::Layer(node, layer) => {
            let layer = Layer::named(layer).map_or_else(|| short(layer), |layer| words.layer(layer).to_owned());
            words.aside(&layer, &short(node))
        }
        Field::Doctor("open_relay") => word(Word::OpenRelay),
        Field::Doctor(_) => word(Word::CertPin),
        Field::CertificateEnd(node) => words.aside(words.word(Word::CertificateEnd), &short(node)),
        Field::Finding(code) => words.aside(words.word(Word::Finding), &short(code)),
    }
}

/// What is told of it.
fn told(field: &Field, told: &Told, style: &Style) -> String {
    let words = catalogue::of(style.lang);
    if told.absent {
        return match field {
            Field::Latency(_) => words.word(Word::NoAnswer).to_owned(),
            _ => "–".to_owned(),
        };
    }
    match &told.value {
        // Reasons come out of the file, where they are in English.
        Value::Null => match &told.why {
            Some(why) if style.lang == Lang::En => words.aside("?", &short(why)),
            _ => words.aside("?", words.word(Word::Undetermined)),
        },
        Value::Bool(yes) => words.word(if *yes { Word::Yes } else { Word::No }).to_owned(),
        Value::Number(number) => {
            let number = number.as_f64().unwrap_or_default().clamp(0.0, 1e9);
            match field {
                Field::Latency(_) => round_trip(Duration::from_secs_f64(number / 1000.0)),
                Field::Loss(_) => percent(number.min(1.0)),
                Field::Nat(..) => span(Duration::from_secs_f64(number)),
                _ => number.to_string(),
            }
        }
        Value::String(text) => word_of(field, text, words).unwrap_or_else(|| short(text)),
        other => short(&other.to_string()),
    }
}

/// The words for a name that the JSON has for a value.
fn word_of(field: &Field, text: &str, words: &dyn Catalogue) -> Option<String> {
    let word = match field {
        Field::Nat(_, "difficulty" | "effective") => words.difficulty(read::<Difficulty>(text)?),
        Field::Nat(_, "type") => words.nat_type(read::<NatType>(text)?),
        Field::Nat(_, "mapping") => words.mapping(read::<Mapping>(text)?),
        Field::Nat(_, "filtering") => words.filtering(read::<Filtering>(text)?),
        Field::Nat(_, "port_allocation") => words.allocation(read::<PortAllocation>(text)?),
        Field::Nat(_, "pooling") => words.pooling(read::<Pooling>(text)?),
        Field::Finding(_) => {
            let (many, severity) = text.rsplit_once(" × ").map_or((None, text), |(many, of)| (Some(many), of));
            let severity = words.severity(read::<Severity>(severity)?);
            return Some(many.map_or_else(|| severity.to_owned(), |many| format!("{many} × {severity}")));
        }
        Field::Predict("mechanism") => return Some(words.mechanism(mechanism(text)?, None)),
        Field::Layer(..) => words.word(match text {
            "ok" => Word::Ok,
            "failed" => Word::Failed,
            "skipped" => Word::LeftOut,
            _ => return None,
        }),
        _ => return None,
    };
    Some(word.to_owned())
}

/// The way two hosts talk that the JSON has this name for.
fn mechanism(name: &str) -> Option<Mechanism> {
    use Mechanism::{Hairpin, HitMapping, HolePunch, Lan, PublicEndpoint, Relay};
    [Lan, PublicEndpoint, HolePunch, HitMapping, Hairpin, Relay].into_iter().find(|it| mechanism_name(*it) == name)
}

fn read<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_value(Value::String(text.to_owned())).ok()
}

fn short(text: &str) -> String {
    clean::short(text, LONGEST)
}
