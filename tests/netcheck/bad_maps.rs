//! Maps that are not what they should be, and maps in every form people have them in.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::program::{Files, bare, codes, map, netcheck, peak_memory, region, report, stderr};
use crate::server::{Server, stun_region};

/// Longest message a bad file may bring about.
const LONGEST: usize = 2000;

/// Files that are no map, with what the message must hold.
const REFUSED: [(&str, &[&str]); 14] = [
    (r#"{"Regions":{"901":{"RegionID":901,"Nodes":[{"Na"#, &[":1:45", "expected `\"`", "found the end of the text"]),
    (r#"{"Regions":{"901":{"RegionID":901,"Nodes":["#, &[":1:44", "expected", "found the end"]),
    (
        "{\"Regions\": {\"901\": {\"RegionID\": 901, \"Nodes\": [\n  {\"Name\": \"a\", \"STUNPort\": \"3478\"}]}}}",
        &[":2:29", "Regions.901.Nodes[0].STUNPort", "expected a whole number", "found the string \"3478\""],
    ),
    (r#"{"Regions":{"901":{"RegionID":901,"Nodes":{}}}}"#, &[":1:43", "Nodes", "expected", "found"]),
    (r#"{"Regions":[]}"#, &[":1:12", "Regions", "expected", "found"]),
    (r#"{"Regions":{"nine":{"RegionID":9}}}"#, &[":1:13", "a region's key is its number", "found `nine`"]),
    (r#"{"Regions":{"-1":{"RegionID":-1}}}"#, &[":1:13", "a region's key is its number"]),
    (r#"{"Regions":{}}"#, &["has no regions"]),
    ("", &[":1:1", "empty"]),
    ("   \n\n", &["empty"]),
    ("null", &[":1:1", "an object with \"Regions\" in it"]),
    ("[1, 2]", &[":1:1", "an object with \"Regions\" in it"]),
    ("<!DOCTYPE html>\n<html><body>Please log in</body></html>", &[":1:1", "HTML page"]),
    ("\u{0}\u{1}\u{2}PNG\u{0}\u{0}", &[":1:1", "binary"]),
];

#[test]
fn what_is_no_map_is_refused_with_its_place() {
    let files = Files::new();
    for (text, wanted) in REFUSED {
        let message = refused(&files.write("bad.json", text));
        assert!(message.contains("bad.json"), "{message}");
        for part in wanted {
            assert!(message.contains(part), "{part:?} is not in: {message}");
        }
    }
}

#[test]
fn every_truncation_of_a_map_is_refused() {
    let files = Files::new();
    let whole = map([stun_region(901, "127.0.31.1:3478".parse().unwrap())]).to_string();
    for length in (1..whole.len()).step_by(23) {
        let message = refused(&files.write("cut.json", &whole[..length]));
        assert!(message.contains("cut.json:1:"), "{message}");
    }
}

#[test]
fn floods_are_refused_in_few_words() {
    let files = Files::new();
    let mut wide = String::from(r#"{"Regions":{"#);
    for key in 0..100_000 {
        write!(wide, r#""x{key}":1,"#).unwrap();
    }
    wide.push_str(r#""y":1}}"#);
    for (name, text, wanted) in [
        ("deep.json", r#"{"Regions":"#.repeat(100_000), "nested"),
        ("key.json", format!(r#"{{"Regions":{{"{}":1}}}}"#, "x".repeat(1_000_000)), "a region's key is its number"),
        ("wide.json", wide, "a region's key is its number"),
        ("string.json", format!(r#"{{"Regions":"{}"}}"#, "y".repeat(1_000_000)), "found the string"),
        ("random.json", (0..=u8::MAX).cycle().take(100_000).map(char::from).collect(), "binary"),
    ] {
        let message = refused(&files.write(name, text));
        assert!(message.contains(name) && message.contains(wanted), "{message}");
    }
}

#[test]
fn a_map_of_a_hundred_megabytes_is_not_read() {
    let files = Files::new();
    let path = files.path("huge.json");
    // A hole in a file system: long, and takes no room.
    std::fs::File::create(&path).unwrap().set_len(100_000_000).unwrap();
    let message = refused(&path);
    assert!(message.contains("too large") && message.contains("16777216"), "{message}");
    let piped = netcheck("-", "--no-https").pipe_stdin(&path).unwrap().assert().code(64).stdout("");
    assert!(stderr(&piped).contains("<stdin>: too large"), "{}", stderr(&piped));
}

#[test]
fn a_map_with_more_nodes_than_can_be_asked_is_refused() {
    let files = Files::new();
    let region = |id: u64, nodes: usize| {
        let mut region = stun_region(id, "127.0.31.1:3478".parse().unwrap());
        let node = region["Nodes"][0].clone();
        region["Nodes"] = vec![node; nodes].into();
        region
    };
    let message = refused(&files.map((1..=11).map(|id| region(id, 1000))));
    assert!(message.contains("more than 10000 nodes"), "{message}");
    let message = refused(&files.map((1..=10_001).map(|id| region(id, 0))));
    assert!(message.contains("more than 10000 regions"), "{message}");
}

/// One region with very many nodes and very many regions with one node: what a run holds grows with their sum.
#[test]
fn a_lopsided_map_takes_time_and_memory_by_its_nodes() {
    let files = Files::new();
    let node = |address: String| json!({"HostName": address, "IPv4": address, "STUNOnly": true});
    let address = |number: usize| format!("127.{}.{}.9", 100 + number / 200, 1 + number % 200);
    let regions = (1..=4001_usize).map(|id| {
        let nodes: Vec<Value> = match id {
            1 => (0..4000).map(|number| node(address(number))).collect(),
            _ => vec![node(address(4000 + id))],
        };
        json!({"RegionID": id, "RegionCode": format!("r{id}"), "Nodes": nodes})
    });
    let mut command = bare("netcheck --no-icmp --timeout 1s --json --derp-map");
    command.arg(files.map(regions));
    let begun = Instant::now();
    let (output, peak) = peak_memory(command);
    let took = begun.elapsed();
    println!("{peak} KiB in {took:?}");
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
    assert!((1..150 * 1024).contains(&peak), "{peak} KiB");
    assert!(took < Duration::from_secs(30), "{took:?}");
}

#[test]
fn what_is_no_file_is_said() {
    let files = Files::new();
    let message = refused(&files.path("missing.json"));
    assert!(message.contains("missing.json") && message.contains("no such file"), "{message}");
    let message = refused(files.path("").as_path());
    assert!(message.contains("directory"), "{message}");
}

#[test]
fn a_region_that_is_not_in_the_map_is_said_with_those_that_are() {
    let files = Files::new();
    let many = (1..=5000).map(|id| stun_region(id, "127.0.31.1:3478".parse().unwrap()));
    let run = netcheck(files.map(many), "--region nosuch").assert().code(64).stdout("");
    let message = stderr(&run);
    assert!(message.contains("nosuch") && message.contains("r1 (1)") && message.contains("and 4960 more"), "{message}");
    assert!(message.len() < LONGEST, "{} bytes", message.len());

    let mut hostile = stun_region(901, "127.0.31.1:3478".parse().unwrap());
    hostile["RegionCode"] = json!("a\u{1b}[31m\u{7}");
    let run = netcheck(files.map([hostile]), "--region nosuch").assert().code(64);
    assert!(!stderr(&run).contains(['\u{1b}', '\u{7}']), "{:?}", stderr(&run));
}

#[test]
fn mistakes_that_leave_a_map_readable_are_findings_and_it_is_measured() {
    let server = Server::honest_stun(31);
    let good = stun_region(901, server.address);
    let mut differs = good.clone();
    differs["RegionID"] = json!(17);
    let mut unknown = good.clone();
    unknown["Nodes"][0]["StunPrt"] = json!(1);
    let mut again = good.clone();
    again["Nodes"].as_array_mut().unwrap().push(Value::Null);
    for (changed, code) in [(differs, "MAP-001"), (unknown, "MAP-014"), (again, "MAP-015")] {
        let files = Files::new();
        let path = files.write("map.json", json!({ "Regions": { "901": changed } }).to_string());
        let report = report(&netcheck(&path, "--json").assert().code(0));
        assert_eq!(region(&report, 901)["method"], "stun");
        assert_eq!(codes(&report), [code], "{:#}", report["findings"]);
        let finding = &report["findings"][0];
        let place = finding["observed"].as_str().unwrap();
        assert!(place.contains("map.json:1:"), "no place in {place}");
        netcheck(&path, "--fail-on info").assert().code(1);
    }
}

#[test]
fn a_region_without_nodes_is_kept_and_said() {
    let server = Server::honest_stun(32);
    let files = Files::new();
    let mut empty = stun_region(902, server.address);
    empty["Nodes"] = json!([]);
    let report = report(&netcheck(files.map([stun_region(901, server.address), empty]), "--json").assert().code(0));
    assert_eq!(region(&report, 901)["method"], "stun");
    assert_eq!(region(&report, 902)["skipped"], "no_nodes");
    assert_eq!(codes(&report), ["MAP-015"]);
}

#[test]
fn a_map_is_read_from_standard_input() {
    let server = Server::honest_stun(33);
    let text = map([stun_region(901, server.address)]).to_string();
    let report = report(&netcheck("-", "--json").write_stdin(text).assert().code(0));
    assert_eq!(region(&report, 901)["method"], "stun");
    let run = netcheck("-", "").write_stdin("{").assert().code(64);
    assert!(stderr(&run).contains("<stdin>:1:"), "{}", stderr(&run));
}

#[test]
fn a_map_that_nobody_writes_is_not_waited_for_beyond_the_timeout() {
    let files = Files::new();
    let fifo = files.path("fifo");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status().unwrap();
    assert!(made.success());
    let empty = files.map([stun_region(901, "127.0.31.1:3478".parse().unwrap())]);
    let begun = Instant::now();
    let run = netcheck(&empty, "--timeout 300ms --derp-map").arg(&fifo).assert().code(2).stdout("");
    assert!(stderr(&run).contains("fifo") && stderr(&run).contains("300ms"), "{}", stderr(&run));
    assert!(begun.elapsed() < Duration::from_secs(10));

    let mut child = bare("netcheck --timeout 300ms --derp-map -");
    let mut child = child.stdin(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let open = child.stdin.take();
    let begun = Instant::now();
    let output = child.wait_with_output().unwrap();
    drop(open);
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn later_maps_are_laid_over_earlier_ones_and_null_removes_a_region() {
    let server = Server::honest_stun(34);
    let files = Files::new();
    let base = files.map([stun_region(901, server.address), stun_region(902, server.address)]);
    let mut moved = stun_region(902, server.address);
    moved["RegionName"] = json!("Moved");
    let over = files.write("over.json", json!({ "Regions": { "901": null, "902": moved } }).to_string());
    let report = report(&netcheck(&base, "--json --derp-map").arg(&over).assert().code(0));
    let regions = report["netcheck"]["regions"].as_array().unwrap();
    assert_eq!(regions.len(), 1);
    assert_eq!(region(&report, 902)["name"], "Moved");
}

#[test]
fn a_policy_and_a_headscale_file_are_read_as_they_are() {
    let server = Server::honest_stun(35);
    let (ip, port) = (server.address.ip(), server.address.port());
    let files = Files::new();
    let policy = files.write(
        "policy.hujson",
        format!(
            "// Who may talk to whom.\n{{\n  \"acls\": [], /* none yet */\n  \"derpMap\": {{\n    \"OmitDefaultRegions\": \
             true,\n    \"Regions\": {{ \"901\": {{ \"RegionID\": 901, \"RegionCode\": \"mine\",\n      \"Nodes\": [{{ \
             \"Name\": \"1\", \"RegionID\": 901, \"HostName\": \"{ip}\", \"IPv4\": \"{ip}\", \"IPv6\": \"none\", \
             \"STUNPort\": {port}, }}], }}, }},\n  }},\n}}\n"
        ),
    );
    let headscale = files.write(
        "derp.yaml",
        format!(
            "regions:\n  901:\n    regionid: 901\n    regioncode: mine\n    regionname: Mine\n    nodes:\n      - name: \
             1a\n        regionid: 901\n        hostname: {ip}\n        ipv4: {ip}\n        ipv6: none\n        \
             stunport: {port}\n        stunonly: true\n"
        ),
    );
    for path in [policy, headscale] {
        let report = report(&netcheck(&path, "--json --no-https --no-icmp").assert().code(0));
        assert_eq!(
            (region(&report, 901)["code"].as_str(), region(&report, 901)["method"].as_str()),
            (Some("mine"), Some("stun"))
        );
        assert_eq!(codes(&report), [""; 0], "{}", path.display());
    }
}

/// Runs a netcheck of the file, which must refuse it and say little.
#[track_caller]
fn refused(path: &Path) -> String {
    let run = netcheck(path, "").assert().code(64).stdout("");
    let message = stderr(&run);
    assert!(!message.is_empty() && message.len() < LONGEST, "{} bytes: {message:.300}", message.len());
    assert!(!message.contains("panicked") && !message.contains('\u{1b}'), "{message}");
    message
}
