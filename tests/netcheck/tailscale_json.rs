//! `--format tailscale-json`, read as scripts written for `tailscale netcheck --format json` read it.

use std::io;
use std::process::Command;

use serde_json::{Map, Value};

use crate::program::{Files, natscope, netcheck, stdout};
use crate::server::{Server, stun_region};
use crate::tools::not_run;

/// The keys, in the order Go writes the fields of its report.
const KEYS: [&str; 21] = [
    "Now",
    "UDP",
    "IPv6",
    "IPv4",
    "IPv6CanSend",
    "IPv4CanSend",
    "OSHasIPv6",
    "ICMPv4",
    "MappingVariesByDestIP",
    "UPnP",
    "PMP",
    "PCP",
    "PreferredDERP",
    "RegionLatency",
    "RegionV4Latency",
    "RegionV6Latency",
    "GlobalV4Counters",
    "GlobalV6Counters",
    "GlobalV4",
    "GlobalV6",
    "CaptivePortal",
];

/// A script as people have them: which region is home, how far it is, which public endpoint there is.
const SCRIPT: &str = r#"
import json, sys
report = json.load(sys.stdin)
if not report["UDP"]:
    sys.exit("UDP is blocked")
home = report["PreferredDERP"]
latency = report["RegionLatency"][str(home)]
nearest = min(report["RegionLatency"].items(), key=lambda item: item[1])
host, _, port = report["GlobalV4"].rpartition(":")
assert isinstance(latency, int), latency
assert report["UPnP"] is None and report["PMP"] is None and report["PCP"] is None
assert all(count > 0 for count in report["GlobalV4Counters"].values())
print(home, nearest[0], host, int(port) > 0, 0 < latency / 1e6 < 2000)
"#;

#[test]
fn keys_order_and_units_are_tailscales() {
    let text = stdout(&netcheck("embedded", "--format tailscale-json").assert().code(0));
    let report: Map<String, Value> = serde_json::from_str(&text).unwrap();
    assert_eq!(report.keys().map(String::as_str).collect::<Vec<_>>(), KEYS);
    assert!(text.starts_with("{\n\t\"Now\": \""), "Go indents by a tab:\n{text}");
    for key in ["UDP", "IPv6", "IPv4", "IPv6CanSend", "IPv4CanSend", "OSHasIPv6", "ICMPv4"] {
        assert!(report[key].is_boolean(), "{key}: {}", report[key]);
    }
    for key in ["MappingVariesByDestIP", "UPnP", "PMP", "PCP", "CaptivePortal"] {
        assert!(report[key].is_boolean() || report[key].is_null(), "{key}: {}", report[key]);
    }
    assert_eq!((&report["UDP"], &report["IPv4"]), (&Value::Bool(true), &Value::Bool(true)));
    let latencies = report["RegionLatency"].as_object().unwrap();
    assert_eq!(latencies.len(), 3);
    for (region, latency) in latencies {
        assert!(region.parse::<u64>().is_ok(), "{region}");
        // Nanoseconds: no round trip takes less than a microsecond or, here, more than two seconds.
        assert!(latency.as_u64().is_some_and(|nanos| (1000..2_000_000_000).contains(&nanos)), "{latency}");
    }
    assert!(latencies.contains_key(&report["PreferredDERP"].to_string()), "{text}");
    let counters = report["GlobalV4Counters"].as_object().unwrap();
    assert!(counters.contains_key(report["GlobalV4"].as_str().unwrap()), "{text}");
}

#[test]
fn what_is_unknown_has_the_value_go_gives_it() {
    let silent = Server::stun(36, |_, _| {});
    let files = Files::new();
    let map = files.map([stun_region(901, silent.address)]);
    let run = netcheck(&map, "--format tailscale-json --timeout 500ms --no-icmp").assert().code(2);
    let report: Map<String, Value> = serde_json::from_str(&stdout(&run)).unwrap();
    assert_eq!(report.keys().map(String::as_str).collect::<Vec<_>>(), KEYS);
    assert_eq!((&report["UDP"], &report["IPv4"]), (&Value::Bool(false), &Value::Bool(false)));
    assert_eq!((report["PreferredDERP"].as_u64(), report["GlobalV4"].as_str()), (Some(0), Some("")));
    assert_eq!(report["MappingVariesByDestIP"], Value::Null);
    assert_eq!(report["RegionLatency"].as_object().map(Map::len), Some(0));
}

#[test]
fn a_script_reads_it_unchanged() {
    let files = Files::new();
    let output = files.path("report.json");
    natscope("netcheck --derp-map embedded --format tailscale-json --output").arg(&output).assert().code(0);
    let script = Command::new("python3").args(["-c", SCRIPT]).stdin(std::fs::File::open(&output).unwrap()).output();
    let heard = match script {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return not_run("python3"),
        other => other.unwrap(),
    };
    assert!(heard.status.success(), "{}", String::from_utf8_lossy(&heard.stderr));
    let said = String::from_utf8(heard.stdout).unwrap();
    let words: Vec<&str> = said.split_whitespace().collect();
    assert_eq!(words[2..], ["127.0.0.1", "True", "True"], "{said}");
    assert!(words[..2].iter().all(|id| id.parse::<u64>().is_ok_and(|id| id > 0)), "{said}");
}
