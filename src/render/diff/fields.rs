//! What is compared, and when it counts as another.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{Change, Told};

/// Something both reports may tell of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Field {
    /// A verdict of the netcheck block, by its path there.
    Netcheck(&'static str),
    /// A verdict of the NAT block over a family.
    Nat(&'static str, &'static str),
    /// A region's latency, by its code.
    Latency(String),
    /// The share of probes a region lost, by its code.
    Loss(String),
    /// Whether a peer that was pinged was reached directly.
    PingDirect,
    /// How many pings of how many were answered.
    PingAnswered,
    /// What is predicted.
    Predict(&'static str),
    /// A layer of a relay, or of this host's own view of it.
    Layer(String, String),
    /// A verdict or fact of the doctor.
    Doctor(&'static str),
    /// The end of a certificate, by node.
    CertificateEnd(String),
    /// Findings of one code: how severe the worst is, and how many there are where there are several. What their titles
    /// say has numbers of the run in it.
    Finding(String),
}

impl Field {
    /// Where a script finds it.
    pub(super) fn path(&self) -> String {
        match self {
            Self::Netcheck(path) => format!("netcheck.{path}"),
            Self::Nat(family, path) => format!("nat.{family}.{path}"),
            Self::Latency(code) => format!("netcheck.regions.{code}.latency_ms"),
            Self::Loss(code) => format!("netcheck.regions.{code}.loss"),
            Self::PingDirect => "ping.direct".to_owned(),
            Self::PingAnswered => "ping.received".to_owned(),
            Self::Predict(path) => format!("predict.{path}"),
            Self::Layer(node, layer) => format!("doctor.{node}.layers.{layer}"),
            Self::Doctor(path) => format!("doctor.{path}"),
            Self::CertificateEnd(node) => format!("doctor.{node}.certificate.not_after"),
            Self::Finding(code) => format!("findings.{code}"),
        }
    }
}

/// Verdicts of the netcheck block.
const NETCHECK: [&str; 11] = [
    "udp",
    "ipv4.usable",
    "ipv4.global",
    "ipv6.usable",
    "ipv6.global",
    "captive_portal",
    "home_region",
    "icmp",
    "port_mapping.upnp",
    "port_mapping.nat_pmp",
    "port_mapping.pcp",
];

/// Verdicts of the NAT block.
const NAT: [&str; 11] = [
    "difficulty",
    "effective",
    "type",
    "mapping",
    "filtering",
    "hairpinning",
    "port_preservation",
    "port_allocation",
    "pooling",
    "mapping_lifetime_s",
    "carrier_grade",
];

/// A latency is another when it moved by this much …
const LATENCY_MS: f64 = 10.0;
/// … and by this share of what it was: jitter does less.
const LATENCY_SHARE: f64 = 0.25;
/// Loss is another when it moved by this much: a region gets a handful of probes.
const LOSS: f64 = 0.25;

/// The changes, and how many things were compared.
pub(super) fn compare(before: &Value, after: &Value, redacted: bool) -> (Vec<Change>, usize) {
    let mut comparison = Comparison { changes: Vec::new(), compared: 0 };
    for path in NETCHECK {
        let field = Field::Netcheck(path);
        match path {
            // Pseudonyms differ from report to report.
            "ipv4.global" | "ipv6.global" | "home_region" if redacted => {}
            "ipv4.global" | "ipv6.global" => {
                comparison.verdict(field, &global(before, path), &global(after, path));
            }
            "home_region" => comparison.verdict(field, &home(before), &home(after)),
            _ => comparison.verdict(field, at(&before["netcheck"], path), at(&after["netcheck"], path)),
        }
    }
    for family in ["ipv4", "ipv6"] {
        for path in NAT {
            let of = |report: &'_ Value| report["nat"][family][path].clone();
            comparison.verdict(Field::Nat(family, path), &of(before), &of(after));
        }
    }
    if !redacted {
        comparison.regions(before, after);
    }
    comparison.verdict(Field::PingDirect, &before["ping"]["direct"], &after["ping"]["direct"]);
    let answered = |report: &Value| {
        let ping = &report["ping"];
        ping["sent"].as_u64().and_then(|sent| Some(format!("{}/{sent}", ping["received"].as_u64()?)))
    };
    comparison.plain(Field::PingAnswered, answered(before).map(Value::from), answered(after).map(Value::from));
    comparison.verdict(Field::Predict("direct"), &before["predict"]["direct"], &after["predict"]["direct"]);
    let mechanism = |report: &Value| Some(report["predict"]["mechanism"].clone()).filter(|it| !it.is_null());
    comparison.plain(Field::Predict("mechanism"), mechanism(before), mechanism(after));
    comparison.doctor(before, after, redacted);
    // Each command looks for findings of its own: what another one does not tell has not gone.
    if comparison.compared > 0 && before["command"] == after["command"] {
        comparison.findings(before, after);
    }
    (comparison.changes, comparison.compared)
}

/// The value at a path of names with points between them.
fn at<'a>(value: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(value, |value, key| &value[key])
}

/// The verdict on the home region, told by its code.
fn home(report: &Value) -> Value {
    let mut verdict = report["netcheck"]["home_region"].clone();
    let id = verdict["value"].clone();
    let regions = report["netcheck"]["regions"].as_array().into_iter().flatten();
    let code = regions.filter(|region| region["id"] == id).find_map(|region| region["code"].as_str());
    if let (Some(code), false) = (code, id.is_null()) {
        verdict["value"] = json!(code);
    }
    verdict
}

/// The verdict on the public endpoint, without the port: that of a fresh socket is another each time.
fn global(report: &Value, path: &str) -> Value {
    let mut verdict = at(&report["netcheck"], path).clone();
    let address = verdict["value"].as_str().and_then(|endpoint| endpoint.rsplit_once(':')).map(|(address, _)| address);
    let address = address.map(|address| address.trim_matches(['[', ']']).to_owned());
    if let Some(address) = address {
        verdict["value"] = json!(address);
    }
    verdict
}

struct Comparison {
    changes: Vec<Change>,
    compared: usize,
}

impl Comparison {
    /// Two verdicts, where both reports have one. What neither has determined is no news, whatever the reasons.
    fn verdict(&mut self, field: Field, before: &Value, after: &Value) {
        let told = |verdict: &Value| {
            let value = verdict.as_object()?.get("value")?.clone();
            // A verdict never is an object or a list; whoever made the file may have thought otherwise.
            let value = if value.is_object() || value.is_array() { json!(value.to_string()) } else { value };
            Some(Told { value, why: verdict["why"].as_str().map(str::to_owned), absent: false })
        };
        if let (Some(before), Some(after)) = (told(before), told(after)) {
            self.note(field, before, after);
        }
    }

    /// Two values, where both reports have one.
    fn plain(&mut self, field: Field, before: Option<Value>, after: Option<Value>) {
        let told = |value| Told { value, ..Told::default() };
        if let (Some(before), Some(after)) = (before, after) {
            self.note(field, told(before), told(after));
        }
    }

    fn note(&mut self, field: Field, before: Told, after: Told) {
        self.compared += 1;
        if before.value != after.value || before.absent != after.absent {
            self.changes.push(Change { field, before, after });
        }
    }

    /// What only one of them has: it came, or it went.
    fn appeared(&mut self, field: Field, before: Option<Value>, after: Option<Value>) {
        let told = |value: Option<Value>| Told { absent: value.is_none(), value: value.unwrap_or_default(), why: None };
        self.note(field, told(before), told(after));
    }

    /// Regions both reports have, and measured or tried to.
    fn regions(&mut self, before: &Value, after: &Value) {
        let (Some(before), Some(after)) = (regions(before), regions(after)) else { return };
        let both = before.into_iter().filter_map(|(code, was)| Some((*after.get(&code)?, code, was)));
        for (is, code, was) in both {
            if [was, is].iter().any(|region| !region["skipped"].is_null()) {
                continue;
            }
            let number = |key: &str| Some((was[key].as_f64()?, is[key].as_f64()?));
            let Some((before, after)) = number("latency_ms") else {
                let told = |region: &Value| Some(region["latency_ms"].clone()).filter(Value::is_number);
                self.appeared(Field::Latency(code), told(was), told(is));
                continue;
            };
            self.compared += 1;
            let by = (before - after).abs();
            if by >= LATENCY_MS && by >= before * LATENCY_SHARE {
                self.change(Field::Latency(code.clone()), before, after);
            }
            if let Some((before, after)) = number("loss")
                && (before - after).abs() >= LOSS
            {
                self.change(Field::Loss(code), before, after);
            }
        }
    }

    fn change(&mut self, field: Field, before: f64, after: f64) {
        let told = |value: f64| Told { value: json!(value), ..Told::default() };
        self.changes.push(Change { field, before: told(before), after: told(after) });
    }

    fn doctor(&mut self, before: &Value, after: &Value, redacted: bool) {
        let (before, after) = (&before["doctor"], &after["doctor"]);
        self.verdict(Field::Doctor("open_relay"), &before["open_relay"], &after["open_relay"]);
        // Pins, and names of nodes, are pseudonyms then.
        if redacted {
            return;
        }
        let pin = |doctor: &Value| doctor.is_object().then(|| doctor["cert_pin"].clone());
        self.plain(Field::Doctor("cert_pin"), pin(before), pin(after));
        let now = layers(after);
        for ((node, layer), was) in layers(before) {
            let is = now.get(&(node.clone(), layer.clone())).cloned();
            self.plain(Field::Layer(node, layer), Some(was), is);
        }
        let now = certificates(after);
        for (node, was) in certificates(before) {
            let is = now.get(&node).cloned();
            self.plain(Field::CertificateEnd(node), Some(was), is);
        }
    }

    fn findings(&mut self, before: &Value, after: &Value) {
        let (before, after) = (findings(before), findings(after));
        let codes: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        for code in codes {
            self.appeared(Field::Finding(code.clone()), before.get(code).cloned(), after.get(code).cloned());
        }
    }
}

/// Regions by code, and by number where they have none.
fn regions(report: &Value) -> Option<BTreeMap<String, &Value>> {
    let regions = report["netcheck"]["regions"].as_array()?;
    let code = |region: &Value| match region["code"].as_str() {
        Some(code) if !code.is_empty() => code.to_owned(),
        _ => region["id"].to_string(),
    };
    Some(regions.iter().map(|region| (code(region), region)).collect())
}

/// Nodes of a doctor's report, by name.
fn nodes(doctor: &Value) -> impl Iterator<Item = (String, &Value)> {
    let nodes = doctor["nodes"].as_array().into_iter().flatten();
    nodes.map(|node| (node["name"].as_str().unwrap_or_default().to_owned(), node))
}

/// The state of each layer of each node.
fn layers(doctor: &Value) -> BTreeMap<(String, String), Value> {
    let of = |(name, node): (String, &Value)| {
        let layers = node["layers"].as_array().into_iter().flatten();
        let layer =
            move |layer: &Value| Some(((name.clone(), layer["layer"].as_str()?.to_owned()), layer["state"].clone()));
        layers.filter_map(layer).collect::<Vec<_>>()
    };
    nodes(doctor).flat_map(of).collect()
}

fn certificates(doctor: &Value) -> BTreeMap<String, Value> {
    let end = |(name, node): (String, &Value)| Some((name, json!(node["certificate"]["not_after"].as_str()?)));
    nodes(doctor).filter_map(end).collect()
}

/// By code how severe the worst finding is, and how many there are where it is not the only one: `2 × error`.
fn findings(report: &Value) -> BTreeMap<String, Value> {
    let mut found: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for finding in report["findings"].as_array().into_iter().flatten() {
        if let (Some(code), Some(severity)) = (finding["code"].as_str(), finding["severity"].as_str()) {
            found.entry(code.to_owned()).or_default().push(severity);
        }
    }
    let told = |severities: &[&str]| {
        let worst = ["error", "warning", "info"].into_iter().find(|severity| severities.contains(severity));
        let worst = worst.or(severities.first().copied()).unwrap_or_default();
        json!(if severities.len() > 1 { format!("{} × {worst}", severities.len()) } else { worst.to_owned() })
    };
    found.into_iter().map(|(code, severities)| (code, told(&severities))).collect()
}
