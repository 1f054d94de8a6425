use serde_json::{Value, json};

use super::{Words, millis, plain};
use crate::probe::CertificateSeen;
use crate::report::{
    AddressExam, ClientReason, ClientView, Confidence, Doctor, Layer, LayerExam, LayerState, NodeExam, StunExam,
    Verdict, Why,
};

impl Words<'_> {
    pub(super) fn doctor(&self, doctor: &Doctor) -> Value {
        let alone = match doctor.nodes.as_slice() {
            [node] => Some(node),
            _ => None,
        };
        json!({
            "target": doctor.target,
            "layers": doctor.layers().iter().map(layer).collect::<Vec<_>>(),
            "open_relay": self.verdict(&open_relay(doctor), |open| json!(open)),
            "cert_pin": alone.and_then(|node| node.cert_pin.as_ref()),
            "nodes": doctor.nodes.iter().map(|node| self.node_exam(node)).collect::<Vec<_>>(),
        })
    }

    fn node_exam(&self, node: &NodeExam) -> Value {
        let facts = &node.facts;
        json!({
            "name": node.name,
            "region": node.region.as_ref().map(|(id, code)| json!({ "id": id.0, "code": code })),
            "host": node.host,
            "port": node.port,
            "tls": node.tls,
            "layers": node.layers.iter().map(|exam| self.layer_of(node, exam)).collect::<Vec<_>>(),
            "open_relay": self.verdict(&node.open_relay, |open| json!(open)),
            "cert_pin": node.cert_pin,
            "addresses": facts.addresses.iter().map(|it| self.address_exam(it)).collect::<Vec<_>>(),
            "via_proxy": facts.via_proxy,
            "tls_version": facts.tls_version,
            "certificate": facts.certificate.as_ref().map(certificate),
            "certificates": facts.chain,
            "clients": facts.clients.iter().map(client).collect::<Vec<_>>(),
            "server": facts.server,
            "clock_ahead_s": facts.date_ahead_s,
            "relay_key": facts.key,
            "upgrade": facts.upgrade,
            "fast_start": facts.fast_start,
            "websocket": facts.websocket,
            "admitted": facts.admitted,
            "exchange_ms": facts.exchange.map(millis),
            "stun": facts.stun.iter().map(|it| self.stun_exam(it)).collect::<Vec<_>>(),
            "hold": facts.hold.map(|(held, keep_alives, up)| json!({
                "held_ms": millis(held),
                "keep_alives": keep_alives,
                "up": up,
            })),
        })
    }

    /// A layer of one relay, with why nothing is known of it.
    fn layer_of(&self, node: &NodeExam, exam: &LayerExam) -> Value {
        let mut value = layer(exam);
        let why = node.undetermined(exam.layer).cloned().map(Why::Doctor);
        if let (Some(object), Some(why)) = (value.as_object_mut(), why) {
            object.insert("why".to_owned(), json!(self.catalogue.why(&why, &self.names)));
        }
        value
    }

    fn address_exam(&self, exam: &AddressExam) -> Value {
        let (took, failure) = match &exam.tcp {
            Ok(took) => (Some(millis(*took)), None),
            Err(failure) => (None, Some(self.failure(failure))),
        };
        json!({ "address": exam.address, "connect_ms": took, "failure": failure })
    }

    fn stun_exam(&self, exam: &StunExam) -> Value {
        json!({
            "server": exam.server,
            "tailnode_ms": exam.tailnode.map(millis),
            "plain_ms": exam.plain.map(millis),
            "mapped": exam.mapped,
            "failure": exam.failure.as_ref().map(|failure| self.failure(failure)),
        })
    }
}

/// A relay's name, and its layers.
pub type Elsewhere = (String, Vec<(Layer, LayerState)>);

/// The layers of each relay, by name, in a report of `natscope doctor`. `None`: it is none.
#[must_use]
pub fn seen_elsewhere(report: &Value) -> Option<Vec<Elsewhere>> {
    let layer = |value: &Value| {
        let state = match value.get("state")?.as_str()? {
            "ok" => LayerState::Ok,
            "failed" => LayerState::Failed,
            _ => LayerState::Skipped,
        };
        Some((Layer::named(value.get("layer")?.as_str()?)?, state))
    };
    let node = |value: &Value| {
        let layers = value.get("layers")?.as_array()?.iter().filter_map(layer).collect();
        Some((value.get("name")?.as_str()?.to_owned(), layers))
    };
    Some(report.get("doctor")?.get("nodes")?.as_array()?.iter().filter_map(node).collect())
}

fn layer(exam: &LayerExam) -> Value {
    let state = match exam.state {
        LayerState::Ok => "ok",
        LayerState::Failed => "failed",
        LayerState::Skipped => "skipped",
    };
    json!({ "layer": exam.layer.name(), "state": state, "took_ms": exam.took.map(millis) })
}

/// Whether one of the relays is open; whether none is, where that is known of each.
fn open_relay(doctor: &Doctor) -> Verdict<bool> {
    let verdicts = || doctor.nodes.iter().map(|node| &node.open_relay);
    let open = verdicts().find(|verdict| verdict.is_true());
    let unknown = || verdicts().find(|verdict| verdict.value().is_none());
    match open.or_else(unknown).or_else(|| verdicts().next()) {
        Some(verdict) => verdict.clone(),
        None => Verdict::known(false, Confidence::High, []),
    }
}

fn certificate(seen: &CertificateSeen) -> Value {
    let mut value = plain(seen);
    if let Some(object) = value.as_object_mut() {
        // A meta-certificate is not a relay's own.
        object.remove("meta_key");
        for key in ["not_before", "not_after"] {
            let time = object.get(key).and_then(Value::as_i64).map(super::rfc3339_of_unix);
            object.insert(key.to_owned(), json!(time));
        }
    }
    value
}

fn client(view: &ClientView) -> Value {
    let because = match view.because {
        ClientReason::Chain => "chain",
        ClientReason::ChainOnly => "chain-only",
        ClientReason::Pin => "pin",
        ClientReason::Insecure => "insecure-for-tests",
        ClientReason::NoPins => "no-pins",
        ClientReason::NoTls => "no-tls",
        ClientReason::Refused => "refused",
    };
    json!({ "client": view.client.name(), "accepts": view.accepts, "because": because })
}
