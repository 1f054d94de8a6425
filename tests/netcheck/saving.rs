//! `--save`, `--replay` and `--redact`.

use std::path::Path;

use serde_json::{Value, json};

use crate::program::{Files, natscope, netcheck, report, stderr, stdout};
use crate::server::{Server, relay_region, stun_region};

#[test]
fn a_replay_concludes_the_same() {
    let [honest, silent] = [Server::honest_stun(37), Server::stun(38, |_, _| {})];
    let files = Files::new();
    let map = files.map([
        stun_region(901, honest.address),
        stun_region(902, silent.address),
        relay_region(903, "127.0.39.1:1".parse().unwrap(), None, json!({})),
    ]);
    let saved = files.path("night.json");
    let first = report(&netcheck(&map, "--json --save").arg(&saved).assert().code(0));
    let heard = honest.heard();
    let again = report(&natscope("netcheck --json --replay").arg(&saved).assert().code(0));
    assert_eq!(honest.heard(), heard, "a replay must send nothing");
    for block in ["netcheck", "nat", "findings", "started_at", "command", "tool"] {
        assert_eq!(first[block], again[block], "{block}");
    }
    // Kept again, and concluded from once more.
    let twice = files.path("twice.json");
    natscope("netcheck -v --json --output").arg(&twice).arg("--replay").arg(&saved).assert().code(0);
    let once_more = report(&natscope("netcheck --json --replay").arg(&twice).assert().code(0));
    assert_eq!(again, once_more);
    // The file holds what it says, in the words of the schema.
    crate::program::assert_valid(&serde_json::from_slice(&std::fs::read(&saved).unwrap()).unwrap());
}

/// What was found when the map was loaded is in no record, and still part of what was reported.
#[test]
fn a_replay_keeps_what_was_found_about_the_map() {
    let stun = Server::honest_stun(41);
    let mut region = stun_region(901, stun.address);
    region["RegionID"] = json!(17);
    let body = json!({ "Regions": { "901": region } }).to_string();
    let broken = std::sync::atomic::AtomicBool::new(false);
    let web = Server::tcp(42, move |mut stream| {
        use std::io::Write as _;
        crate::server::read_request(&mut stream)?;
        if broken.swap(true, std::sync::atomic::Ordering::SeqCst) {
            return stream.write_all(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
        }
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    });
    let files = Files::new();
    let (saved, cache) = (files.path("saved.json"), files.path("cache"));
    let run = |redact: &str| {
        let mut command = netcheck(format!("http://{}/map.json", web.address), redact);
        command.args(["--json", "--cache-dir"]).arg(&cache).arg("--save").arg(&saved);
        let first = report(&command.assert().code(0));
        let again = report(&natscope("netcheck --json --replay").arg(&saved).assert().code(0));
        let twice = files.path("twice.json");
        natscope("netcheck -v --json --output").arg(&twice).arg("--replay").arg(&saved).assert().code(0);
        assert_eq!(again, report(&natscope("netcheck --json --replay").arg(&twice).assert().code(0)));
        (first, again)
    };
    run("");
    let (first, again) = run("");
    assert_eq!(crate::program::codes(&first), ["NET-009", "MAP-001"]);
    assert_eq!(first["findings"], again["findings"]);
    let (_, again) = run("--redact");
    assert_eq!(crate::program::codes(&again), ["NET-009", "MAP-001"]);
}

#[test]
fn a_replay_concludes_the_same_of_the_embedded_relay() {
    let files = Files::new();
    let saved = files.path("saved.json");
    let first = report(&netcheck("embedded", "--json --save").arg(&saved).assert().code(0));
    let again = report(&natscope("netcheck --json --replay").arg(&saved).assert().code(0));
    for block in ["netcheck", "nat", "findings"] {
        assert_eq!(first[block], again[block], "{block}");
    }
    for format in ["table", "markdown", "tailscale-json"] {
        let run = natscope(&format!("netcheck --format {format} --replay")).arg(&saved).assert().code(0);
        assert!(!stdout(&run).is_empty());
    }
}

#[test]
fn a_replay_may_be_written_over_what_it_was_read_from() {
    let files = Files::new();
    let path = files.path("night.json");
    netcheck("embedded", "--save").arg(&path).assert().code(0);
    let replay = |arguments: &str| {
        let mut command = natscope(arguments);
        command.args(["--output".as_ref(), path.as_os_str(), "--replay".as_ref(), path.as_os_str()]);
        command.assert().stdout("")
    };
    replay("netcheck -v --json").code(0);
    let report: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    crate::program::assert_valid(&report);
    assert_eq!(report["netcheck"]["udp"]["value"], true);
    // What cannot be replayed stays what it is.
    std::fs::write(&path, "a letter").unwrap();
    replay("netcheck").code(64);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "a letter");
}

#[test]
fn what_never_ends_is_read_so_far_only() {
    let begun = std::time::Instant::now();
    let run = natscope("netcheck --replay /dev/zero").assert().code(64).stdout("");
    assert!(stderr(&run).contains("/dev/zero: longer than any saved report"), "{}", stderr(&run));
    assert!(begun.elapsed() < std::time::Duration::from_secs(20));
}

#[test]
fn a_saved_file_that_is_not_one_is_refused() {
    let files = Files::new();
    let saved = files.path("saved.json");
    netcheck("embedded", "--save").arg(&saved).assert().code(0);
    let text = std::fs::read_to_string(&saved).unwrap();
    let whole: Value = serde_json::from_str(&text).unwrap();
    let tampered = |change: &dyn Fn(&mut Value)| {
        let mut copy = whole.clone();
        change(&mut copy);
        copy.to_string()
    };
    let without = |key: &'static str| tampered(&move |it| drop(it.as_object_mut().unwrap().shift_remove(key)));
    for (bytes, wanted) in [
        (text[..text.len() / 2].to_owned(), "not JSON"),
        (String::new(), "is empty; --replay takes"),
        ("[]".to_owned(), "a JSON object is expected"),
        ("{}".to_owned(), "\"schema\" is missing"),
        (tampered(&|it| it["schema"] = json!(2)), "schema 2"),
        (tampered(&|it| it["schema"] = json!("1")), "schema"),
        (without("observations"), "\"observations\" is missing"),
        (without("probes"), "\"probes\" is missing"),
        (without("inputs"), "\"inputs\" is missing"),
        (without("started_at"), "\"started_at\" is missing"),
        (tampered(&|it| it["started_at"] = json!("yesterday")), "started_at"),
        (tampered(&|it| it["observations"] = json!({})), "observations: a list is expected"),
        (tampered(&|it| it["observations"][1] = json!(7)), "observations[1]"),
        (tampered(&|it| it["observations"][0]["at_ms"] = json!(-4)), "observations[0]"),
        (tampered(&|it| it["observations"][0]["at_ms"] = json!(1e300)), "observations[0]"),
        (tampered(&|it| it["probes"][0]["probe"]["question"] = json!("why")), "probes[0]"),
        (tampered(&|it| it["ended_at_ms"] = json!("late")), "ended_at_ms"),
        (tampered(&|it| it["inputs"]["host"] = json!(null)), "inputs"),
        (tampered(&|it| it["inputs"]["command"] = json!("rm")), "it was saved by the command \"rm\""),
        (
            tampered(&|it| {
                it["inputs"]["map_findings"] = json!([
                    {"finding": "map", "map_code": "MAP-999", "place": "m:1:1", "message": "x", "severity": "info"}
                ]);
            }),
            "the code \"MAP-999\"",
        ),
        (tampered(&|it| it["inputs"]["derp_map"]["Regions"] = json!("none")), "inputs"),
        (tampered(&|it| it["ended_at_ms"] = json!(9e9)), "longer than a day"),
    ] {
        let path = files.write("bad.json", bytes);
        let run = natscope("netcheck --replay").arg(&path).assert();
        let message = stderr(&run);
        assert_eq!((run.get_output().status.code(), &*stdout(&run)), (Some(64), ""), "{wanted}: {message}");
        assert!(message.contains("bad.json") && message.contains(wanted), "{wanted:?} is not in: {message}");
        assert!(message.len() < 1000 && !message.contains("panicked"), "{message}");
    }
    for path in [files.path("missing.json").as_path(), files.path("").as_path(), Path::new("/dev/null")] {
        let message = stderr(&natscope("netcheck --replay").arg(path).assert().code(64).stdout(""));
        assert!(message.contains(&*path.to_string_lossy()), "{message}");
    }
}

/// Whatever of a record is cut off or repeated, a report comes out of it and no panic.
#[test]
fn a_record_with_holes_still_makes_a_report() {
    let files = Files::new();
    let saved = files.path("saved.json");
    netcheck("embedded", "--save").arg(&saved).assert().code(0);
    let whole: Value = serde_json::from_slice(&std::fs::read(&saved).unwrap()).unwrap();
    let observations = whole["observations"].as_array().unwrap().clone();
    let probes = whole["probes"].as_array().unwrap().clone();
    let doubled: Vec<Value> = observations.iter().chain(&observations).cloned().collect();
    let backwards: Vec<Value> = observations.iter().rev().cloned().collect();
    for (key, value) in [
        ("observations", json!([])),
        ("observations", json!(doubled)),
        ("observations", json!(backwards)),
        ("observations", json!(observations[..observations.len() / 2])),
        ("probes", json!([])),
        ("probes", json!(probes[..probes.len() / 2])),
        ("ended_at_ms", json!(0.0)),
        ("ended_at_ms", json!(8e7)),
    ] {
        let mut copy = whole.clone();
        copy[key] = value;
        let path = files.write("holes.json", copy.to_string());
        let run = natscope("netcheck --json --replay").arg(&path).assert();
        assert!(matches!(run.get_output().status.code(), Some(0..=3)), "{key}: {}", stderr(&run));
        report(&run);
    }
}

#[test]
fn redacted_output_tells_nothing_of_this_host() {
    let server = Server::honest_stun(40);
    let files = Files::new();
    let mut region = stun_region(901, server.address);
    region["RegionCode"] = json!("hideout");
    region["RegionName"] = json!("Secret Town");
    region["Nodes"][0]["Name"] = json!("cellar7");
    let map = files.map([region]);
    let saved = files.path("saved.json");
    let plain = report(&netcheck(&map, "-v --json --save").arg(&saved).assert().code(0));
    let mut secrets = facts_of_this_host(&plain);
    secrets.extend(["hideout", "Secret Town", "cellar7"].map(str::to_owned));
    for format in ["table", "json", "json-line", "markdown", "tailscale-json"] {
        for verbose in ["", "-v"] {
            let run = natscope(&format!("netcheck --redact {verbose} --format {format} --replay")).arg(&saved).assert();
            assert_untold(&secrets, &stdout(&run), format);
            let run = netcheck(&map, &format!("--redact {verbose} --format {format}")).assert().code(0);
            assert_untold(&secrets, &stdout(&run), format);
        }
    }
    let kept = files.path("redacted.json");
    netcheck(&map, "--redact --save").arg(&kept).assert().code(0);
    assert_untold(&secrets, &std::fs::read_to_string(&kept).unwrap(), "--save");
    // A redacted record is still one.
    let again = report(&natscope("netcheck --json --replay").arg(&kept).assert().code(0));
    assert_eq!(again["netcheck"]["udp"]["value"], true);
}

/// Addresses and names of this machine, as far as the report could tell them. Loopback is the same everywhere.
fn facts_of_this_host(report: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for family in ["ipv4", "ipv6"] {
        let local = report["netcheck"][family]["local"].as_array().unwrap();
        found.extend(local.iter().filter_map(|address| address.as_str().map(str::to_owned)));
    }
    found.extend(report["netcheck"]["router"]["gateway"].as_str().map(str::to_owned));
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    found.extend(Some(host.trim().to_owned()).filter(|name| name.len() > 3));
    found
}

#[track_caller]
fn assert_untold(secrets: &[String], text: &str, of: &str) {
    assert!(!text.is_empty(), "{of}: nothing was written");
    for secret in secrets {
        assert!(!text.contains(secret.as_str()), "{of} tells {secret}:\n{text:.3000}");
    }
}

#[test]
fn a_log_beside_a_redacted_report_is_called_what_it_is() {
    let run = netcheck("embedded", "--redact -vv").assert().code(0);
    assert!(stderr(&run).contains("the log of -vv is not redacted"), "{}", stderr(&run));
    let quiet = netcheck("embedded", "--redact -v").assert().code(0);
    assert!(!stderr(&quiet).contains("not redacted"), "{}", stderr(&quiet));
}
