//! What the answers of a relay amount to: layer after layer, nothing blamed on a layer above one that has failed.

mod derp;
mod http;
mod names;
mod path;
mod stun;
mod tcp;
mod tls;

use std::time::Duration;

use super::DoctorInput;
use super::exam::Exam;
use super::local::SeenOfRelays;
use crate::probe::{Outcome, Record};
use crate::report::{
    Doctor, DoctorWhy, ExamFacts, Finding, FindingDetail, Layer, LayerExam, LayerState, NodeExam, RelayFault,
    RelayFinding, Severity, Verdict, Why,
};

/// What is known of the relays of `input` by `record`, and what deserves attention, most severe first.
#[must_use]
pub fn analyze(input: &DoctorInput, record: &Record) -> (Doctor, Vec<Finding>) {
    let mut findings = Vec::new();
    let mut nodes = Vec::new();
    for patient in &input.patients {
        let exam = Exam::of(patient, input, record);
        let (node, faults) = examine(&exam);
        // What only this host can reach is open to nobody.
        let is_private =
            !node.facts.addresses.is_empty() && node.facts.addresses.iter().all(|exam| exam.address.is_loopback());
        let told = faults.into_iter().map(|fault| {
            let harmless = is_private && fault == RelayFault::OpenRelay;
            let finding = RelayFinding { node: node.name.clone(), fault };
            let mut finding = Finding::new(FindingDetail::Relay(Box::new(finding)));
            if harmless {
                finding.severity = Severity::Info;
            }
            finding
        });
        findings.extend(told);
        nodes.push(node);
    }
    findings.extend(path::look(input));
    if let Some(facts) = &input.local {
        let answering = |node: &NodeExam| {
            let tcp = node.facts.addresses.iter().any(|exam| exam.tcp.is_ok()).then_some((false, node.port));
            let stun = node.facts.stun.iter().filter(|stun| stun.tailnode.is_some() || stun.plain.is_some());
            tcp.into_iter().chain(stun.map(|stun| (true, stun.server.port()))).collect::<Vec<_>>()
        };
        let seen = SeenOfRelays {
            presented: nodes.iter().filter_map(|node| Some(node.facts.certificate.as_ref()?.sha256.as_str())).collect(),
            answering: nodes.iter().flat_map(answering).collect(),
        };
        let here = || input.patients.first().map_or_else(|| input.target.clone(), |patient| patient.name.clone());
        findings.extend(
            super::local::look(input, facts, &seen)
                .into_iter()
                .map(|fault| Finding::new(FindingDetail::Relay(Box::new(RelayFinding { node: here(), fault })))),
        );
    }
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    (Doctor { target: input.target.clone(), nodes }, findings)
}

/// What is gathered while the layers are gone through.
struct Chart<'e> {
    exam: &'e Exam<'e>,
    facts: ExamFacts,
    faults: Vec<RelayFault>,
    layers: Vec<LayerExam>,
    undetermined: Vec<(Layer, DoctorWhy)>,
    open_relay: Verdict<bool>,
}

impl Chart<'_> {
    fn fault(&mut self, fault: RelayFault) {
        self.faults.push(fault);
    }

    /// Enters a layer that was looked at: it has failed if one of its faults is an error.
    fn layer(&mut self, layer: Layer, took: Option<Duration>) -> LayerState {
        let fails = |fault: &RelayFault| fault.layer() == layer && fault.severity() == Severity::Error;
        let state = if self.faults.iter().any(fails) { LayerState::Failed } else { LayerState::Ok };
        self.layers.push(LayerExam { layer, state, took });
        state
    }

    /// Enters a layer that was asked about, and of which nothing is known for sure.
    fn undetermined(&mut self, layer: Layer, why: DoctorWhy) -> LayerState {
        if self.open_relay.value().is_none() {
            self.open_relay = Verdict::unknown(Why::Doctor(why.clone()));
        }
        self.undetermined.push((layer, why));
        self.skip(layer)
    }

    fn skip(&mut self, layer: Layer) -> LayerState {
        self.layers.push(LayerExam { layer, state: LayerState::Skipped, took: None });
        LayerState::Skipped
    }
}

fn examine(exam: &Exam<'_>) -> (NodeExam, Vec<RelayFault>) {
    let patient = exam.patient;
    let mut chart = Chart {
        exam,
        facts: ExamFacts::default(),
        faults: Vec::new(),
        layers: Vec::new(),
        undetermined: Vec::new(),
        open_relay: Verdict::unknown(Why::NotAsked),
    };
    if patient.map_is_wrong {
        chart.layers.push(LayerExam { layer: Layer::Map, state: LayerState::Failed, took: None });
    } else if patient.region.is_some() {
        chart.layer(Layer::Map, None);
    } else {
        chart.skip(Layer::Map);
    }
    let mut below = names::look(&mut chart);
    if patient.node.stun_only {
        for layer in [Layer::Tcp, Layer::Tls, Layer::Http, Layer::Derp] {
            chart.skip(layer);
        }
        chart.open_relay = Verdict::unknown(Why::Doctor(DoctorWhy::StunOnlyNode));
    } else {
        for (layer, look) in UPPER {
            // Skipped is not failed: a relay over plain HTTP has no layer of TLS.
            below = if below == LayerState::Failed {
                chart.skip(layer);
                LayerState::Failed
            } else {
                match look(&mut chart) {
                    // A certificate that clients refuse keeps nobody from looking behind it.
                    LayerState::Failed if layer == Layer::Tls && exam.primary().is_some() => LayerState::Ok,
                    state => state,
                }
            };
        }
        if below == LayerState::Failed && chart.open_relay.value().is_none() {
            let failed = chart.layers.iter().find(|exam| exam.state == LayerState::Failed).map(|exam| exam.layer);
            if let Some(layer) = failed.filter(|layer| *layer != Layer::Derp) {
                chart.open_relay = Verdict::unknown(Why::Doctor(DoctorWhy::LayerFailed { layer }));
            }
        }
    }
    stun::look(&mut chart);
    if chart.facts.addresses.is_empty() && chart.facts.stun.is_empty() && chart.facts.via_proxy.is_none() {
        chart.skip(Layer::Path);
    } else {
        chart.layer(Layer::Path, None);
    }
    let cert_pin = chart.facts.certificate.as_ref().map(|seen| format!("sha256-raw:{}", seen.sha256));
    let Chart { facts, mut faults, layers, undetermined, open_relay, .. } = chart;
    faults.sort_by_key(RelayFault::layer);
    let node = NodeExam {
        name: patient.name.clone(),
        region: patient.region.clone(),
        host: patient.node.host_name.clone(),
        port: patient.node.derp_port,
        tls: patient.tls,
        stun_only: patient.node.stun_only,
        layers,
        undetermined,
        open_relay,
        cert_pin,
        facts,
    };
    (node, faults)
}

/// A look at a layer, which enters it.
type Look = fn(&mut Chart<'_>) -> LayerState;

const UPPER: [(Layer, Look); 4] =
    [(Layer::Tcp, tcp::look), (Layer::Tls, tls::look), (Layer::Http, http::look), (Layer::Derp, derp::look)];

/// The time of a lookup.
fn resolve_time(exam: &Exam<'_>, family: crate::model::Family) -> Option<Duration> {
    let heard = exam.resolved(family)?.heard.first()?;
    matches!(heard.outcome, Outcome::Resolved(_)).then(|| heard.at.since(heard.sent_at))
}
