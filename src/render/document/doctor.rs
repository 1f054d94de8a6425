use std::time::Duration;

use super::{Fact, Scribe, Section, Tone};
use crate::render::catalogue::{DoctorHeadline, DoctorNote, Word};
use crate::render::number::round_trip;
use crate::report::{Doctor, FindingDetail, Layer, LayerExam, LayerState, NodeExam, Report, Severity};

impl Scribe<'_> {
    /// The sentence on top of `natscope doctor`.
    pub(super) fn doctor_headline(&self, doctor: &Doctor) -> (String, Tone) {
        let (headline, tone) = headline_of(doctor);
        (self.words.doctor_headline(&headline), tone)
    }

    /// The same as a line among others.
    pub(super) fn doctor_summary(&self, doctor: &Doctor) -> Section {
        let (text, tone) = self.doctor_headline(doctor);
        Section { title: None, facts: vec![self.fact(tone, Word::Doctor, text)] }
    }

    /// A section for each relay, a line for each layer.
    pub(super) fn doctor_sections(&self, doctor: &Doctor, report: &Report) -> Vec<Section> {
        let alone = doctor.nodes.len() == 1;
        let section = |node: &NodeExam| Section {
            title: (!alone).then(|| node_title(node)),
            facts: node.layers.iter().flat_map(|exam| self.layer_facts(node, exam, report)).collect(),
        };
        doctor.nodes.iter().map(section).collect()
    }

    fn layer_facts(&self, node: &NodeExam, exam: &LayerExam, report: &Report) -> Vec<Fact> {
        let faults = self.faults(node, exam.layer, report);
        let worst = faults.iter().map(|(severity, _)| *severity).max();
        let tone = match (exam.state, worst) {
            (LayerState::Failed, _) => Tone::Bad,
            (LayerState::Skipped, _) => Tone::Plain,
            (LayerState::Ok, Some(Severity::Warning | Severity::Error)) => Tone::Middling,
            (LayerState::Ok, _) => Tone::Good,
        };
        let mut texts: Vec<String> = Vec::new();
        if exam.state == LayerState::Failed {
            texts.extend(
                faults.iter().filter(|(severity, _)| *severity == Severity::Error).map(|(_, title)| title.clone()),
            );
        }
        texts.extend(notes(node, exam).iter().map(|note| self.words.doctor_note(note)));
        let took = exam.took.map(round_trip).filter(|_| exam.state == LayerState::Ok);
        let mut text = self.words.clauses(&texts);
        if let Some(took) = took.filter(|_| !matches!(exam.layer, Layer::Stun | Layer::Tcp)) {
            text = if text.is_empty() { took } else { self.words.aside(&text, &took) };
        }
        let mut facts = vec![Fact { tone, label: self.words.layer(exam.layer), text }];
        if self.verbose && exam.layer == Layer::Tls {
            let views = node.facts.clients.iter().map(|view| self.words.doctor_note(&DoctorNote::Client(view.clone())));
            facts.extend(views.map(|text| Fact { tone: Tone::Plain, label: "", text }));
            facts.extend(node.cert_pin.iter().map(|pin| Fact {
                tone: Tone::Plain,
                label: self.words.word(Word::CertPin),
                text: pin.clone(),
            }));
        }
        if self.verbose && exam.layer == Layer::Derp {
            let open = self.verdict(&node.open_relay, |open| self.yes_no(*open).to_owned());
            facts.push(self.fact(Tone::Plain, Word::OpenRelay, open));
        }
        facts
    }
}

/// What there is to say of a layer beside its faults.
fn notes<'a>(node: &'a NodeExam, exam: &LayerExam) -> Vec<DoctorNote<'a>> {
    let facts = &node.facts;
    let below = || {
        let failed =
            node.layers.iter().take_while(|it| it.layer != exam.layer).any(|it| it.state == LayerState::Failed);
        if failed && exam.layer < Layer::Stun { DoctorNote::Below } else { DoctorNote::NotReached }
    };
    let skipped = exam.state == LayerState::Skipped;
    if let Some(why) = node.undetermined(exam.layer).filter(|_| skipped) {
        return vec![DoctorNote::Undetermined(why)];
    }
    let relays_nothing = node.stun_only && skipped;
    match exam.layer {
        Layer::Map if exam.state == LayerState::Failed => vec![DoctorNote::EntryWrong],
        Layer::Map => vec![match &node.region {
            Some((id, code)) => DoctorNote::Entry { code, id: *id },
            None => DoctorNote::NotOfMap,
        }],
        Layer::Dns if skipped && facts.via_proxy.is_some() => vec![DoctorNote::NotReached],
        Layer::Dns if skipped => vec![DoctorNote::NoName],
        Layer::Dns => {
            facts.addresses.iter().map(|it| DoctorNote::Address { address: it.address, took: None }).collect()
        }
        Layer::Tcp | Layer::Tls | Layer::Http | Layer::Derp if relays_nothing => vec![DoctorNote::RelaysNothing],
        Layer::Tls if !node.tls => vec![DoctorNote::PlainHttp],
        Layer::Tcp | Layer::Tls | Layer::Http | Layer::Derp if skipped => vec![below()],
        Layer::Tcp => {
            let connected = facts.addresses.iter().filter_map(|it| {
                it.tcp.as_ref().ok().map(|took| DoctorNote::Address { address: it.address, took: Some(*took) })
            });
            connected.chain(facts.via_proxy.as_deref().map(DoctorNote::ViaProxy)).collect()
        }
        Layer::Tls => {
            let seen = facts.certificate.as_ref().zip(facts.tls_version.as_deref());
            let told = seen.map(|(leaf, version)| DoctorNote::Certificate {
                version,
                name: leaf.dns_names.first().map_or(leaf.common_name.as_str(), String::as_str),
                issuer: &leaf.issuer,
                left: facts.certificate_left,
            });
            told.into_iter().collect()
        }
        Layer::Http if exam.state == LayerState::Ok => {
            vec![DoctorNote::Upgraded { server: facts.server.as_deref() }]
        }
        Layer::Http => Vec::new(),
        Layer::Derp => {
            let admitted = match facts.admitted {
                Some(true) => Some(DoctorNote::Admitted { exchange: facts.exchange }),
                Some(false) => Some(DoctorNote::NotAdmitted),
                None => None,
            };
            let held = facts.hold.map(|(held, keep_alives, up)| DoctorNote::Held { held, keep_alives, up });
            admitted.into_iter().chain(held).collect()
        }
        Layer::Stun if skipped => vec![if facts.no_stun { DoctorNote::NoStunInMap } else { DoctorNote::NotReached }],
        Layer::Stun => {
            let answered = facts.stun.iter().filter_map(|stun| {
                let took = stun.tailnode.or(stun.plain)?;
                Some(DoctorNote::Stun { server: stun.server, took, mapped: stun.mapped })
            });
            answered.collect()
        }
        Layer::Path => match facts.via_proxy.as_deref() {
            Some(proxy) => vec![DoctorNote::ViaProxy(proxy)],
            None if exam.state == LayerState::Ok => vec![DoctorNote::Path],
            None => vec![DoctorNote::NotReached],
        },
    }
}

/// Severities and titles of what is wrong with a layer of a relay.
fn titles(report: &Report) -> impl Iterator<Item = (&crate::report::RelayFinding, Severity, &FindingDetail)> {
    report.findings.iter().filter_map(|finding| match &finding.detail {
        FindingDetail::Relay(relay) => Some((relay.as_ref(), finding.severity, &finding.detail)),
        _ => None,
    })
}

impl Scribe<'_> {
    fn faults(&self, node: &NodeExam, layer: Layer, report: &Report) -> Vec<(Severity, String)> {
        titles(report)
            .filter(|(relay, ..)| relay.node == node.name && relay.fault.layer() == layer)
            .map(|(_, severity, detail)| (severity, self.words.finding(detail).title))
            .collect()
    }
}

/// The name of a relay above its layers.
fn node_title(node: &NodeExam) -> String {
    let place = format!("{}:{}", node.host, node.port);
    if node.name.contains(node.host.as_str()) { node.name.clone() } else { format!("{} · {place}", node.name) }
}

/// What the sentence on top tells.
pub(in crate::render) fn headline_of(doctor: &Doctor) -> (DoctorHeadline<'_>, Tone) {
    match doctor.nodes.as_slice() {
        [] => return (DoctorHeadline::LocalOnly, Tone::Plain),
        [node] => return of_one(node),
        _ => {}
    }
    let count = |wanted: Tone| {
        let found = doctor.nodes.iter().filter(|node| of_one(node).1 == wanted).count();
        u32::try_from(found).unwrap_or(u32::MAX)
    };
    let (works, broken, unclear) = (count(Tone::Good), count(Tone::Bad), count(Tone::Unknown));
    let of = u32::try_from(doctor.nodes.len()).unwrap_or(u32::MAX);
    let tone = match (broken, unclear) {
        _ if works == of => Tone::Good,
        (0, 0) => Tone::Middling,
        (0, _) => Tone::Unknown,
        _ => Tone::Bad,
    };
    (DoctorHeadline::Several { works, of, unclear }, tone)
}

fn of_one(node: &NodeExam) -> (DoctorHeadline<'_>, Tone) {
    let name = node.name.as_str();
    let stun = node.layer(Layer::Stun);
    let broken = [Layer::Dns, Layer::Tcp, Layer::Tls, Layer::Http, Layer::Derp]
        .into_iter()
        .find(|layer| node.layer(*layer) == LayerState::Failed);
    let reachable = node.facts.addresses.iter().any(|it| it.tcp.is_ok()) || node.facts.via_proxy.is_some();
    match (broken, stun) {
        (Some(_), LayerState::Failed | LayerState::Skipped) if !reachable && !node.facts.addresses.is_empty() => {
            (DoctorHeadline::Silent { name }, Tone::Bad)
        }
        (Some(layer), _) => (DoctorHeadline::Broken { name, layer, stun: stun == LayerState::Ok }, Tone::Bad),
        (None, LayerState::Ok) if node.stun_only => (DoctorHeadline::StunOnly { name }, Tone::Good),
        (None, _) if !node.is_settled() => (DoctorHeadline::Unclear { name }, Tone::Unknown),
        (None, LayerState::Failed) if node.stun_only => (DoctorHeadline::Silent { name }, Tone::Bad),
        (None, LayerState::Failed) => (DoctorHeadline::RelayOnly { name }, Tone::Middling),
        (None, LayerState::Skipped) if node.facts.no_stun => (DoctorHeadline::NoStun { name }, Tone::Good),
        (None, LayerState::Skipped) => (DoctorHeadline::Unclear { name }, Tone::Unknown),
        (None, LayerState::Ok) => {
            (DoctorHeadline::Works { name, relayed: node.facts.admitted == Some(true) }, Tone::Good)
        }
    }
}

/// The longest of a time, for the line of a monitor.
pub(in crate::render) fn whole_millis(took: Duration) -> u128 {
    (took.as_micros() + 500) / 1000
}
