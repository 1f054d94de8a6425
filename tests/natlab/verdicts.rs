//! What natscope must say, and whether its `--json` output says it.

use std::collections::BTreeMap;

use libtest_mimic::Failed;
use serde::Deserialize;
use serde_json::{Value, json};

use super::scenario::Scenario;

/// Only what is given is compared, besides what holds of every report ([`check`]).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    pub exit_code: i32,
    /// Bounds on the report's own `took_ms`.
    pub max_ms: Option<f64>,
    pub min_ms: Option<f64>,
    pub udp: Option<Wanted>,
    /// `usable` of the family.
    pub ipv4: Option<Wanted>,
    pub ipv6: Option<Wanted>,
    pub icmp: Option<Wanted>,
    pub captive_portal: Option<Wanted>,
    pub upnp: Option<Wanted>,
    pub nat_pmp: Option<Wanted>,
    pub pcp: Option<Wanted>,
    /// The number of the region.
    pub home_region: Option<Wanted>,
    /// How many regions have a latency.
    pub regions_measured: Option<usize>,
    /// How every measured region was measured.
    pub method: Option<Wanted>,
    /// By region code; keys as in a region of the report, and `failure_stage`.
    #[serde(default)]
    pub regions: BTreeMap<String, BTreeMap<String, Wanted>>,
    /// Keys as in `nat.ipv4` of the report: `difficulty`, `type`, `level`, `mapping`, `filtering`, …
    #[serde(default)]
    pub nat: BTreeMap<String, Wanted>,
    #[serde(default)]
    pub nat6: BTreeMap<String, Wanted>,
    /// What the classic procedure says, and whether it comes with a warning.
    pub rfc3489: Option<(String, bool)>,
    /// How long an idle mapping really lives, in seconds, by class (`single`, `stream`): the bracket must contain it.
    #[serde(default)]
    pub lifetime: BTreeMap<String, f64>,
    /// Every mapped endpoint of the NAT's IPv4 report has the address the servers see.
    #[serde(default)]
    pub mapped_is_public: bool,
    /// Codes of findings that must be there.
    #[serde(default)]
    pub findings: Vec<String>,
}

/// A value, `"unknown"` (undetermined, with a why), or a list of which one must be the case.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Wanted {
    Bool(bool),
    Number(f64),
    Text(String),
    AnyOf(Vec<Wanted>),
}

/// Everything that is wrong with a run, or nothing.
pub fn check(
    scenario: &Scenario,
    public: std::net::IpAddr,
    expect: &Expect,
    exit: Option<i32>,
    stdout: &str,
) -> Vec<String> {
    let mut wrong = Vec::new();
    if exit != Some(expect.exit_code) {
        wrong.push(format!("exit code {exit:?}, should be {}", expect.exit_code));
    }
    let Ok(report) = serde_json::from_str::<Value>(stdout) else {
        wrong.push("standard output is not one JSON document".to_owned());
        return wrong;
    };
    if report["schema"] != 1 {
        wrong.push(format!("schema {}", report["schema"]));
    }
    every_unknown_has_a_why(&report, "", &mut wrong);
    match report["took_ms"].as_f64() {
        None => wrong.push("no took_ms".to_owned()),
        Some(took) if expect.max_ms.is_some_and(|max| took > max) || expect.min_ms.is_some_and(|min| took < min) => {
            wrong.push(format!("took {took} ms, should be {:?} to {:?}", expect.min_ms, expect.max_ms));
        }
        Some(_) => (),
    }
    let check = &report["netcheck"];
    let verdicts = [
        ("udp", &check["udp"], &expect.udp),
        ("ipv4", &check["ipv4"]["usable"], &expect.ipv4),
        ("ipv6", &check["ipv6"]["usable"], &expect.ipv6),
        ("icmp", &check["icmp"], &expect.icmp),
        ("captive_portal", &check["captive_portal"], &expect.captive_portal),
        ("upnp", &check["port_mapping"]["upnp"], &expect.upnp),
        ("nat_pmp", &check["port_mapping"]["nat_pmp"], &expect.nat_pmp),
        ("pcp", &check["port_mapping"]["pcp"], &expect.pcp),
        ("home_region", &check["home_region"], &expect.home_region),
    ];
    for (key, got, wanted) in verdicts {
        compare(key, got, wanted.as_ref(), &mut wrong);
    }
    for (family, wanted) in [("ipv4", &expect.nat), ("ipv6", &expect.nat6)] {
        for (key, wanted) in wanted {
            compare(&format!("nat.{family}.{key}"), &report["nat"][family][key], Some(wanted), &mut wrong);
        }
    }
    if let Some((name, warns)) = &expect.rfc3489 {
        let classic = &report["nat"]["ipv4"]["rfc3489"];
        if classic["type"]["value"] != name.as_str() || classic["warning"].is_string() != *warns {
            wrong.push(format!("rfc3489: {classic}, should be {name}, warning: {warns}"));
        }
    }
    for (class, truth) in &expect.lifetime {
        let bracket = &report["nat"]["ipv4"]["lifetime"][class]["value"];
        let (alive, dead) = (bracket["alive_s"].as_f64(), bracket["dead_s"].as_f64());
        if !alive.is_some_and(|alive| alive > 0.0 && alive <= *truth) || !dead.is_some_and(|dead| dead >= *truth) {
            wrong.push(format!("lifetime.{class}: {bracket}, should contain {truth}"));
        }
    }
    if check.is_object() {
        regions(scenario, expect, check, &mut wrong);
    }
    if expect.mapped_is_public {
        let mapped: Vec<std::net::SocketAddr> = endpoints(&report["nat"]["ipv4"]["mapped"]);
        if mapped.is_empty() || mapped.iter().any(|endpoint| endpoint.ip() != public) {
            wrong.push(format!("mapped endpoints {mapped:?}, should all be of {public}"));
        }
    }
    for code in &expect.findings {
        if !report["findings"].as_array().is_some_and(|all| all.iter().any(|finding| finding["code"] == code.as_str()))
        {
            wrong.push(format!("no finding {code}: {}", report["findings"]));
        }
    }
    wrong
}

fn regions(scenario: &Scenario, expect: &Expect, check: &Value, wrong: &mut Vec<String>) {
    let empty = Vec::new();
    let regions = check["regions"].as_array().unwrap_or(&empty);
    if regions.len() != scenario.server.len() {
        wrong.push(format!("{} regions, the map has {}", regions.len(), scenario.server.len()));
    }
    let measured: Vec<_> = regions.iter().filter(|region| region["latency_ms"].is_number()).collect();
    if expect.regions_measured.is_some_and(|count| count != measured.len()) {
        wrong.push(format!("{} regions measured, should be {:?}", measured.len(), expect.regions_measured));
    }
    for region in regions {
        let code = region["code"].as_str().unwrap_or_default();
        let Some(n) = code
            .strip_prefix('s')
            .and_then(|n| n.parse::<usize>().ok())
            .filter(|n| (1..=scenario.server.len()).contains(n))
        else {
            wrong.push(format!("region {code:?} is not of the map"));
            continue;
        };
        // The wire is a floor under every measurement: less is wrong, whatever the method.
        let floor = scenario.rtt_ms(n - 1);
        match region["latency_ms"].as_f64() {
            Some(ms) if ms < floor => wrong.push(format!("region {code}: {ms} ms, the wire alone takes {floor}")),
            Some(_) => compare(&format!("{code}.method"), &region["method"], expect.method.as_ref(), wrong),
            None if region["failure"].is_null() => wrong.push(format!("region {code}: neither latency nor failure")),
            None => (),
        }
    }
    for (code, keys) in &expect.regions {
        let region = regions.iter().find(|region| region["code"] == code.as_str()).unwrap_or(&Value::Null);
        for (key, wanted) in keys {
            let got = if key == "failure_stage" { &region["failure"]["stage"] } else { &region[key] };
            compare(&format!("{code}.{key}"), got, Some(wanted), wrong);
        }
    }
}

fn compare(key: &str, got: &Value, wanted: Option<&Wanted>, wrong: &mut Vec<String>) {
    if let Some(wanted) = wanted.filter(|wanted| !wanted.is_met(got)) {
        wrong.push(format!("{key}: {got}, should be {wanted:?}"));
    }
}

impl Wanted {
    /// `got` is a verdict or a plain value.
    fn is_met(&self, got: &Value) -> bool {
        let value = got.get("value").unwrap_or(got);
        match self {
            Self::Bool(wanted) => value.as_bool() == Some(*wanted),
            Self::Number(wanted) => value.as_f64() == Some(*wanted),
            Self::Text(wanted) if wanted == "unknown" => {
                got.get("value").is_some_and(Value::is_null) && got["why"].as_str().is_some_and(|why| !why.is_empty())
            }
            Self::Text(wanted) if wanted == "null" => got.is_null(),
            Self::Text(wanted) => value.as_str() == Some(wanted),
            Self::AnyOf(all) => all.iter().any(|one| one.is_met(got)),
        }
    }
}

fn every_unknown_has_a_why(value: &Value, path: &str, wrong: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            if fields.contains_key("why") && fields.contains_key("value") {
                let why = fields["why"].as_str().is_some_and(|why| !why.is_empty());
                if fields["value"].is_null() && !why {
                    wrong.push(format!("{path} is undetermined without a why"));
                }
            }
            for (key, inner) in fields {
                every_unknown_has_a_why(inner, &format!("{path}.{key}"), wrong);
            }
        }
        Value::Array(items) => {
            for (n, inner) in items.iter().enumerate() {
                every_unknown_has_a_why(inner, &format!("{path}[{n}]"), wrong);
            }
        }
        _ => (),
    }
}

fn endpoints(list: &Value) -> Vec<std::net::SocketAddr> {
    list.as_array().into_iter().flatten().filter_map(|text| text.as_str()?.parse().ok()).collect()
}

/// The comparison itself: a sound report passes, and each single wrong value in it does not.
pub fn are_compared() -> Result<(), Failed> {
    let text = r#"
about = "x"
nat = "open"
server = [{ rtt_ms = 20 }]
[truth]
mapping = "direct"
[[run]]
args = ["netcheck"]
[run.expect]
exit_code = 0
min_ms = 10
max_ms = 100
udp = true
ipv6 = "unknown"
home_region = 901
regions_measured = 1
method = "stun"
mapped_is_public = true
findings = ["NAT-001"]
nat = { difficulty = ["easy", "unknown"] }
regions = { s1 = { latency_ms = 21 } }
"#;
    let scenario = Scenario::parse("x", text)?;
    let public = "203.0.113.10".parse().unwrap();
    let region = json!({"code": "s1", "latency_ms": 21, "method": "stun", "failure": null});
    let sound = json!({
        "schema": 1, "took_ms": 50.5,
        "netcheck": {
            "udp": {"value": true, "why": null}, "ipv6": {"usable": {"value": null, "why": "no answer"}},
            "home_region": {"value": 901, "why": null}, "regions": [region],
        },
        "nat": {"ipv4": {"difficulty": {"value": "easy", "why": null}, "mapped": ["203.0.113.10:7"]}},
        "findings": [{"code": "NAT-001"}],
    });
    let judge =
        |report: &Value, exit| check(&scenario, public, &scenario.run[0].expect, Some(exit), &report.to_string());
    let wrong = judge(&sound, 0);
    if !wrong.is_empty() {
        return Err(wrong.join("; ").into());
    }
    if judge(&sound, 1).is_empty() {
        return Err("the exit code is not compared".into());
    }
    for (pointer, value) in [
        ("/schema", json!(2)),
        ("/took_ms", json!(101)),
        ("/took_ms", json!(9)),
        ("/netcheck/udp/value", json!(false)),
        ("/netcheck/udp/value", json!(null)),
        ("/netcheck/ipv6/usable/value", json!(false)),
        ("/netcheck/ipv6/usable/why", json!("")),
        ("/netcheck/home_region/value", json!(902)),
        ("/netcheck/regions", json!([])),
        ("/netcheck/regions/0/method", json!("https")),
        ("/netcheck/regions/0/latency_ms", json!(22)),
        ("/netcheck/regions/0/latency_ms", json!(19)),
        ("/netcheck/regions/0/latency_ms", json!(null)),
        ("/nat/ipv4/difficulty/value", json!("hard")),
        ("/nat/ipv4/mapped/0", json!("203.0.113.11:7")),
        ("/findings/0/code", json!("NAT-002")),
    ] {
        let mut report = sound.clone();
        *report.pointer_mut(pointer).expect("a place") = value.clone();
        if judge(&report, 0).is_empty() {
            return Err(format!("{pointer} = {value} passed").into());
        }
    }
    Ok(())
}
