//! What is true of a scenario's network, and whether the lab's own probe finds it so.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::lab::Lab;
use super::plan::Plan;
use super::probe::{self, Order, Target};
use super::scenario::{Ipv6, Scenario};

/// Only what is given is measured. Values are those of [`super::probe`].
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Truth {
    /// `direct`, `endpoint-independent`, `address-dependent`, `address-and-port-dependent` or `none`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mapping: Option<String>,
    /// As `mapping`, without `direct`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filtering: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port_preservation: Option<bool>,
    /// The address the servers see is the one the plan has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_address: Option<bool>,
    /// A host reaches itself at its outside endpoint, from its outside endpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hairpinning: Option<bool>,
    /// What a connected UDP socket hears: `host-unreachable`, `connection-refused` or `silent`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub udp_error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub udp6: Option<bool>,
    /// What is sent to a server's IPv4 address behind the prefix arrives there from the address the plan has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nat64: Option<bool>,
    /// `connected`, `refused` or `silent`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tcp_443: Option<String>,
    /// `/derp/latency-check` answers with the pinned certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub https: Option<bool>,
    /// `204` (with the challenge echoed), `302`, `refused` or `silent`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port_80: Option<String>,
    /// `ok`, `silent`, `slow` or `nxdomain`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dns: Option<String>,
    /// Round trips of UDP and of the TCP handshake are what the scenario asked of the wire, each server's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rtt: Option<bool>,
    /// Of round trips, so 19 for 10 in each direction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss_percent: Option<f64>,
    /// Answers too many, of requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duplicate_percent: Option<f64>,
    /// NAT-PMP answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nat_pmp: Option<bool>,
    /// SSDP answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upnp: Option<bool>,
    /// CONNECT to the first server's 443 through the router's proxy succeeds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy: Option<bool>,
}

/// Runs the probe in the client's namespace and compares.
pub fn check(scenario: &Scenario, lab: &Lab) -> Result<(), String> {
    check_in("cli", &lab.plan, scenario, lab)
}

/// The same of the client in the namespace of this short name.
pub fn check_in(short: &str, plan: &Plan, scenario: &Scenario, lab: &Lab) -> Result<(), String> {
    let targets = (0..scenario.server.len()).map(|n| Target {
        v4: plan.server(n),
        v6: (scenario.ipv6 != Ipv6::Off).then(|| plan.server6(n)),
        longest_ms: 2.0 * (scenario.rtt_ms(n) + scenario.server[n].reply_delay_ms),
    });
    let order = Order {
        targets: targets.collect(),
        public: plan.public(scenario),
        nat64: plan.nat64(),
        certificate: lab.folder().join("cert.der"),
        truth: scenario.truth.clone(),
    };
    let path = lab.folder().join("order.json");
    std::fs::write(&path, serde_json::to_string(&order).unwrap()).map_err(|e| e.to_string())?;
    let own = std::env::current_exe().map_err(|e| e.to_string())?;
    let output = lab.inside(short, own).arg(&path).env("NATLAB_ROLE", "probe").output().map_err(|e| e.to_string())?;
    let facts: Map<String, Value> = serde_json::from_slice(&output.stdout)
        .map_err(|e| format!("probe: {e}: {}", String::from_utf8_lossy(&output.stderr)))?;
    let Value::Object(wanted) = serde_json::to_value(&scenario.truth).unwrap() else { unreachable!("a table") };
    if wanted.is_empty() {
        return Err("[truth] is empty: nothing would be proven".to_owned());
    }
    let wrong: Vec<_> = wanted
        .iter()
        .filter_map(|(key, value)| {
            let fact = facts.get(key).unwrap_or(&Value::Null);
            let right = match key.as_str() {
                "rtt" => value.as_bool() == Some(rtts_are_right(scenario, fact)),
                "loss_percent" | "duplicate_percent" => is_drawn_from(fact, value),
                _ => fact == value,
            };
            (!right).then(|| format!("{key}: {fact}, should be {value}"))
        })
        .collect();
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("; ")) }
}

/// Ten percent, and what a busy machine adds to it.
fn rtts_are_right(scenario: &Scenario, fact: &Value) -> bool {
    (0..scenario.server.len()).all(|n| {
        let wanted = scenario.rtt_ms(n);
        ["udp_ms", "tcp_ms"].iter().all(|kind| {
            let delay = if *kind == "udp_ms" { scenario.server[n].reply_delay_ms } else { 0.0 };
            fact[n][kind].as_f64().is_some_and(|ms| ms >= wanted + delay && ms <= (wanted + delay) * 1.1 + 2.0)
        })
    })
}

/// Within four standard deviations of what so many throws give.
fn is_drawn_from(fact: &Value, wanted: &Value) -> bool {
    fact.as_f64().zip(wanted.as_f64()).is_some_and(|(fact, wanted)| {
        let deviation = (wanted * (100.0 - wanted) / f64::from(probe::FLOOD)).sqrt();
        (fact - wanted).abs() <= 4.0 * deviation
    })
}
