//! `natscope predict`, from files.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::program::{Files, natscope, report, stderr, stdout};

fn known(value: &Value) -> Value {
    json!({ "value": value, "why": null, "confidence": "high", "evidence": [] })
}

fn unknown() -> Value {
    json!({ "value": null, "why": "nobody asked", "confidence": null, "evidence": [] })
}

/// A report as `natscope netcheck --json` writes it, of a host without IPv6 behind a NAT.
fn host(difficulty: &str, filtering: Option<&str>, public: &str, local: &str) -> Value {
    let mapped = if difficulty == "hard" { vec![1, 2] } else { vec![1] };
    let mapped: Vec<String> = mapped.into_iter().map(|port| format!("{public}:{port}")).collect();
    let filtering = filtering.map_or_else(unknown, |filtering| known(&json!(filtering)));
    let family = |usable: bool, local: &[&str]| json!({ "usable": known(&json!(usable)), "os_support": true, "local": local, "global": unknown(), "observed": {} });
    json!({
        "schema": 1, "tool": { "name": "natscope", "version": "0.1.0" }, "command": "netcheck",
        "started_at": "2026-11-26T00:00:00.000Z", "took_ms": 1.0,
        "netcheck": {
            "udp": known(&json!(true)), "ipv4": family(true, &[local]), "ipv6": family(false, &[]), "icmp": unknown(),
            "captive_portal": unknown(),
            "port_mapping": { "upnp": unknown(), "nat_pmp": unknown(), "pcp": unknown() },
            "router": { "gateway": "192.168.1.1", "wan_address": null, "told_by": null, "wan_is_mapped_address": null },
            "path": { "interface": "eth0", "address": local, "tunnel": null, "proxy": null, "fake_dns": false },
            "home_region": unknown(), "regions": [],
        },
        "nat": { "ipv4": {
            "difficulty": known(&json!(difficulty)), "effective": known(&json!(difficulty)), "type": unknown(), "level": null,
            "mapping": unknown(), "mapping_varies": unknown(), "filtering": filtering, "hairpinning": unknown(),
            "port_preservation": unknown(), "port_allocation": unknown(), "pooling": unknown(),
            "mapping_lifetime_s": unknown(), "carrier_grade": unknown(), "mapped": mapped,
            "local": [format!("{local}:1")], "servers": [],
        }, "ipv6": null },
        "findings": [],
    })
}

const PORTS: &str = "address-and-port-dependent";

struct Pair(Files);

impl Pair {
    fn new(a: &Value, b: &Value) -> Self {
        for host in [a, b] {
            crate::program::assert_valid(host);
        }
        let files = Files::new();
        files.write("a.json", format!("{a:#}"));
        files.write("b.json", b.to_string());
        Self(files)
    }

    fn a(&self) -> PathBuf {
        self.0.path("a.json")
    }

    fn b(&self) -> PathBuf {
        self.0.path("b.json")
    }

    fn predict(&self, arguments: &str) -> assert_cmd::Command {
        let mut command = natscope(&format!("predict {arguments}"));
        command.args([self.a(), self.b()]);
        command
    }
}

#[test]
fn yes_no_and_undetermined_have_their_exit_codes() {
    let easy = host("easy", Some(PORTS), "81.2.69.142", "192.168.1.20");
    let other = host("easy", None, "9.9.9.9", "192.168.1.20");
    let pair = Pair::new(&easy, &other);
    let yes = report(&pair.predict("--json").assert().code(0).stderr(""));
    assert_eq!(yes["command"], "predict");
    assert_eq!(yes["predict"]["direct"]["value"], true);
    assert_eq!((&yes["predict"]["mechanism"], &yes["predict"]["family"]), (&json!("hole-punch"), &json!("ipv4")));
    assert_eq!(yes["predict"]["a"]["ipv4"], json!(["nat3"]));
    let table = stdout(&pair.predict("").assert().code(0));
    assert!(table.contains("A and B connect directly, over IPv4."), "{table}");
    let chinese = stdout(&pair.predict("--lang zh-CN --format markdown").assert().code(0));
    assert!(chinese.contains("可以直连"), "{chinese}");

    let pair = Pair::new(&easy, &host("hard", Some(PORTS), "9.9.9.9", "192.168.1.20"));
    let no = report(&pair.predict("--format json-line").assert().code(0));
    assert_eq!(no["predict"]["direct"]["value"], false);
    assert_eq!(no["predict"]["advice"], json!(["port-mapping"]));
    assert_eq!(no["predict"]["b"]["advice"]["enough"], true);

    let pair = Pair::new(&easy, &host("hard", None, "9.9.9.9", "192.168.1.20"));
    let unclear = report(&pair.predict("--json").assert().code(3));
    assert_eq!(unclear["predict"]["direct"]["value"], Value::Null);
    let missing = &unclear["predict"]["missing"][0];
    assert_eq!((&missing["side"], &missing["fact"]), (&json!("b"), &json!("filtering")));
}

#[test]
fn redacted_reports_are_not_taken_for_neighbours() {
    let mut hidden = host("easy", Some(PORTS), "203.0.113.1", "192.168.0.1");
    hidden["redacted"] = json!(true);
    let pair = Pair::new(&hidden, &hidden);
    let unclear = report(&pair.predict("--json").assert().code(3));
    assert_eq!(unclear["predict"]["missing"][0]["fact"], "network-redacted");
}

/// What natscope itself writes can be read, whichever command and form. On loopback nothing is said of the way to a peer.
#[test]
fn reports_of_this_program_are_read() {
    let files = Files::new();
    for (name, command) in [
        ("netcheck", "netcheck --derp-map embedded --save"),
        ("selftest", "selftest --save"),
        ("nat", "nat --derp-map embedded --save"),
        ("hidden", "netcheck --derp-map embedded --redact --save"),
        ("plain", "nat --derp-map embedded --json --output"),
        ("lines", "netcheck --derp-map embedded --every 100ms --count 2 --format json-line --output"),
    ] {
        natscope(command).arg(files.path(name)).assert().code(vec![0, 3]);
    }
    for one in ["netcheck", "selftest", "nat", "hidden", "plain", "lines"] {
        let run = natscope("predict --json").args([files.path(one), files.path("netcheck")]).assert().code(3);
        let unclear = report(&run);
        assert_eq!(unclear["predict"]["direct"]["value"], Value::Null, "{one}");
    }
    let hidden: Value = serde_json::from_slice(&std::fs::read(files.path("hidden")).unwrap()).unwrap();
    assert_eq!(hidden["redacted"], true);
    // Pseudonyms stay pseudonyms, through however many hands they go.
    let run = natscope("netcheck --json --replay").arg(files.path("hidden")).assert().code(0);
    assert_eq!(report(&run)["redacted"], true);
}

#[test]
fn files_that_are_no_reports_are_refused_with_their_place() {
    let easy = host("easy", Some(PORTS), "81.2.69.142", "192.168.1.20");
    let pair = Pair::new(&easy, &easy);
    let whole = format!("{easy:#}");
    let huge = format!("{{\"schema\": 1, \"command\": \"netcheck\", \"x\": \"{}\"", "x".repeat(1 << 20));
    let deep = "[".repeat(1 << 20);
    let cases: [(&str, Vec<u8>, &str); 9] = [
        ("a letter", b"Dear Sir".to_vec(), "b.json:1:1: this is not JSON"),
        ("cut", whole.as_bytes()[..whole.len() / 2].to_vec(), "this is not JSON: EOF while parsing"),
        ("nothing", Vec::new(), "b.json:1:1: this is empty"),
        (
            "Tailscale's",
            b"{\"Now\": \"\", \"UDP\": true}".to_vec(),
            "b.json:1:1: this is the JSON of `tailscale netcheck`",
        ),
        ("wrong", whole.replacen("\"easy\"", "\"soft\"", 1).into_bytes(), "unknown variant `soft`"),
        ("huge", huge.into_bytes(), "this is not JSON: EOF"),
        ("deep", deep.into_bytes(), "this is not JSON: EOF"),
        ("not text", vec![0xff, 0xfe, 0], "this is not UTF-8 text"),
        ("a schema to come", whole.replacen("\"schema\": 1", "\"schema\": 2", 1).into_bytes(), "follows schema 2"),
    ];
    for (what, bytes, wanted) in cases {
        pair.0.write("b.json", &bytes);
        let run = pair.predict("").assert().code(64).stdout("");
        assert!(stderr(&run).contains(wanted) && stderr(&run).contains("b.json"), "{what}: {}", stderr(&run));
    }
    let run = natscope("predict").args([pair.a(), pair.0.path("absent")]).assert().code(64);
    assert!(stderr(&run).contains("absent: No such file"), "{}", stderr(&run));
    let run = natscope("predict").arg(pair.a()).arg("/dev/zero").assert().code(64);
    assert!(stderr(&run).contains("longer than any saved report"), "{}", stderr(&run));
    natscope("predict").arg(pair.a()).assert().code(64);
    natscope("predict --format tailscale-json").args([pair.a(), pair.a()]).assert().code(64);
}
