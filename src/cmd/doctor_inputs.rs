//! The inputs of an examination as JSON, for `--save`, and back, for `--replay`.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::exit::CmdError;
use super::inputs::KeptFinding;
use crate::check::doctor::{DoctorInput, DoctorOptions, Patient};
use crate::derpmap;
use crate::model::{DerpMap, Region, RegionId};
use crate::probe::{HostFacts, LocalFacts};
use crate::report::Finding;

/// [`DoctorInput`] with its relays as a map in the form everybody reads.
#[derive(Serialize, Deserialize)]
struct Kept {
    command: String,
    target: String,
    derp_map: Value,
    /// What a map does not say of each relay, in its order.
    patients: Vec<KeptPatient>,
    host: HostFacts,
    #[serde(default)]
    local: Option<LocalFacts>,
    #[serde(default)]
    map_findings: Vec<KeptFinding>,
    options: DoctorOptions,
}

#[derive(Serialize, Deserialize)]
struct KeptPatient {
    name: String,
    of_map: bool,
    tls: bool,
    map_is_wrong: bool,
}

/// The inputs as JSON, and what was found about their map.
pub(super) fn to_json(input: &DoctorInput, map_findings: &[Finding]) -> Result<Value, CmdError> {
    let mut map = DerpMap::default();
    for patient in &input.patients {
        let id = patient.node.region_id;
        let code = patient.region.as_ref().map_or("relay", |(_, code)| code.as_str());
        let region = map.regions.entry(id).or_insert_with(|| Region::new(id, code, code));
        region.nodes.push(patient.node.clone());
    }
    let kept = Kept {
        command: "doctor".to_owned(),
        target: input.target.clone(),
        derp_map: derpmap::encode_json(&map),
        patients: input
            .patients
            .iter()
            .map(|patient| KeptPatient {
                name: patient.name.clone(),
                of_map: patient.region.is_some(),
                tls: patient.tls,
                map_is_wrong: patient.map_is_wrong,
            })
            .collect(),
        host: input.host.clone(),
        local: input.local.clone(),
        map_findings: map_findings.iter().filter_map(KeptFinding::of).collect(),
        options: DoctorOptions {
            v4: input.v4,
            v6: input.v6,
            now_unix_s: input.now_unix_s,
            hold: input.hold,
            budget: input.budget,
        },
    };
    serde_json::to_value(kept).map_err(|error| CmdError::Own(format!("cannot save the inputs: {error}")))
}

/// The inputs from JSON that [`to_json`] wrote. `name` is the file, for errors.
pub(super) fn from_json(name: &str, value: &Value) -> Result<(DoctorInput, Vec<Finding>), CmdError> {
    let refuse = |what: &dyn std::fmt::Display| CmdError::Usage(format!("{name}: inputs: {what}"));
    if value.get("command").and_then(Value::as_str) != Some("doctor") {
        return Err(refuse(&"this was not saved by `natscope doctor`"));
    }
    let kept = Kept::deserialize(value).map_err(|error| refuse(&error))?;
    let text = kept.derp_map.to_string();
    let decoded = derpmap::decode(&format!("{name}: inputs.derp_map"), text.as_bytes())
        .map_err(|error| CmdError::Usage(error.to_string()))?;
    let map = derpmap::overlay([decoded.layer]);
    let nodes: Vec<_> =
        map.regions.values().flat_map(|region| region.nodes.iter().map(move |node| (region, node))).collect();
    if nodes.len() != kept.patients.len() {
        return Err(refuse(&format!("{} relays in derp_map and {} in patients", nodes.len(), kept.patients.len())));
    }
    let patient = |((region, node), kept): ((&Region, &crate::model::Node), KeptPatient)| Patient {
        name: kept.name,
        region: kept.of_map.then(|| (RegionId(region.id.0), region.code.clone())),
        node: node.clone(),
        tls: kept.tls,
        map_is_wrong: kept.map_is_wrong,
    };
    let DoctorOptions { v4, v6, now_unix_s, hold, budget } = kept.options;
    let findings = kept.map_findings.into_iter().map(|kept| kept.finding().map_err(|code| refuse(&code)));
    let findings = findings.collect::<Result<_, _>>()?;
    let input = DoctorInput {
        target: kept.target,
        patients: nodes.into_iter().zip(kept.patients).map(patient).collect(),
        v4,
        v6,
        now_unix_s,
        host: kept.host,
        local: kept.local,
        hold,
        budget: budget.max(Duration::from_millis(1)),
    };
    Ok((input, findings))
}
