//! A plan as JSON: not a report, and so not of its schema.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{millis, plain};
use crate::render::catalogue::{self, Lang};
use crate::report::{Plan, PlanStep, PlanWhat, PlanWhen};

/// `{"tool": …, "plan": [step, …]}`.
pub(in crate::render) fn document(plan: &Plan) -> Value {
    json!({
        "tool": { "name": "natscope", "version": env!("CARGO_PKG_VERSION") },
        "plan": plan.steps.iter().map(step).collect::<Vec<_>>(),
    })
}

/// When, after how long at the earliest, how many times, and what of whom.
fn step(step: &PlanStep) -> Value {
    let (when, after) = when(step.when);
    let mut object = Map::new();
    object.insert("when".to_owned(), json!(when));
    object.insert("after_ms".to_owned(), after.map_or(Value::Null, millis));
    object.insert("copies".to_owned(), json!(step.copies));
    if let Value::Object(what) = what(&step.what) {
        object.extend(what);
    }
    object.insert("text".to_owned(), json!(catalogue::of(Lang::En).plan_what(&step.what)));
    Value::Object(object)
}

const fn when(when: PlanWhen) -> (&'static str, Option<Duration>) {
    match when {
        PlanWhen::AtOnce => ("at_once", None),
        PlanWhen::OnceResolved => ("once_resolved", None),
        PlanWhen::Offered => ("offered", None),
        PlanWhen::Seen => ("seen", None),
        PlanWhen::UdpSilent { after } => ("udp_silent", Some(after)),
        PlanWhen::HomeCandidateOrSilent { after } => ("home_candidate_or_silent", Some(after)),
        PlanWhen::Never => ("never", None),
    }
}

fn what(what: &PlanWhat) -> Value {
    match what {
        PlanWhat::Resolve { host, family } => json!({ "what": "resolve", "host": host, "family": plain(family) }),
        PlanWhat::Stun { region, node, server } => {
            json!({ "what": "stun", "region": region.0, "node": node, "server": server.to_string() })
        }
        PlanWhat::StunByName { region, node, host, family, port } => json!({
            "what": "stun_by_name", "region": region.0, "node": node, "host": host, "family": plain(family),
            "port": port,
        }),
        PlanWhat::Mapping { socket, server } => {
            json!({ "what": "mapping", "socket": socket, "server": server.to_string() })
        }
        PlanWhat::Filtering => json!({ "what": "filtering" }),
        PlanWhat::FilterScout { server } => json!({ "what": "filter_scout", "server": server.to_string() }),
        PlanWhat::BeyondNat64 { server } => json!({ "what": "beyond_nat64", "server": server.to_string() }),
        PlanWhat::Hairpin => json!({ "what": "hairpin" }),
        PlanWhat::StunStream { server } => json!({ "what": "stun_stream", "server": server.to_string() }),
        PlanWhat::Https { region, host, port } => {
            json!({ "what": "https", "region": region.0, "host": host, "port": port })
        }
        PlanWhat::Icmp => json!({ "what": "icmp" }),
        PlanWhat::CaptivePortal { address } => json!({ "what": "captive_portal", "server": address.to_string() }),
        PlanWhat::PortMapping { service, gateway } => {
            json!({ "what": "port_mapping", "service": plain(service), "gateway": gateway.to_string() })
        }
        PlanWhat::Skip { region, reason } => {
            json!({ "what": "skip", "region": region.0, "reason": super::netcheck::skipped(*reason) })
        }
    }
}
