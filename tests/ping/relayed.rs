use std::os::unix::fs::PermissionsExt as _;

use crate::program::{Running, free_address, listen, natscope, paths, ping, relay};

#[test]
fn pongs_come_through_the_relay_and_its_part_is_told() {
    let at = free_address();
    let _relay = relay(at);
    let (_listener, key) = listen(&format!("--via http://{at}"));
    let (report, code) = ping(&format!("{key} --via http://{at} -c 3 -i 50ms"));
    assert_eq!(code, Some(0), "{report:#}");
    let ping = &report["ping"];
    assert_eq!((&ping["sent"], &ping["received"]), (&3.into(), &3.into()), "{report:#}");
    assert_eq!((&ping["peer"], &ping["direct"]["value"]), (&key.into(), &serde_json::Value::Null));
    assert_eq!(paths(&report), ["relay"; 3]);
    // A ping takes both ways to the relay; the relay's part is measured apart.
    let times = |of: &str| ping["pongs"][2][of].as_f64().unwrap_or_else(|| panic!("{of}: {report:#}"));
    assert!(times("rtt_ms") > 0.0 && times("relay_rtt_ms") > 0.0 && times("peer_relay_rtt_ms") > 0.0);
}

#[test]
fn a_line_of_json_for_each_pong() {
    let at = free_address();
    let _relay = relay(at);
    let (_listener, key) = listen(&format!("--via http://{at}"));
    let output = natscope(&format!("ping {key} --via http://{at} -c 2 -i 50ms --format json-line")).output().unwrap();
    let lines: Vec<serde_json::Value> =
        String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let seqs: Vec<_> = lines.iter().map(|line| line["ping"]["pongs"].as_array().unwrap().len()).collect();
    assert!(lines.len() == 3 && seqs == [1, 1, 2], "{lines:#?}");
}

/// Large enough for the largest ping, and not answered in kind.
#[test]
fn large_pings_are_answered() {
    let at = free_address();
    let _relay = relay(at);
    let (_listener, key) = listen(&format!("--via http://{at}"));
    let (report, code) = ping(&format!("{key} --via http://{at} -c 2 -i 50ms --size 65000"));
    assert_eq!((code, &report["ping"]["received"]), (Some(0), &2.into()), "{report:#}");
}

#[test]
fn a_peer_that_is_not_there_is_said_to_be_so_at_once() {
    let at = free_address();
    let _relay = relay(at);
    let absent = format!("nodekey:{}", "ab".repeat(32));
    let output = natscope(&format!("ping {absent} --via http://{at} -c 1 --timeout 3s")).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("is not connected to relay"), "{said}");
    assert_eq!(output.status.code(), Some(2), "{said}");
}

#[test]
fn both_come_back_after_the_relay_died() {
    let at = free_address();
    let first = relay(at);
    let (_listener, key) = listen(&format!("--via http://{at}"));
    let pinging = Running::start(&format!("ping {key} --via http://{at} -c 1000 -i 50ms"));
    pinging.line("pong from");
    // Violently.
    drop(first);
    let _second = relay(at);
    pinging.line("joined relay");
    pinging.line("pong from");
    pinging.signal("INT");
    let (rest, code) = pinging.end();
    assert_eq!(code, Some(130), "{rest}");
    assert!(rest.contains("pings answered"), "no summary: {rest}");
}

#[test]
fn who_joins_several_relays_is_found_through_any() {
    let (a, b) = (free_address(), free_address());
    let (_a, _b) = (relay(a), relay(b));
    let (_listener, key) = listen(&format!("--via http://{a} --via http://{b}"));
    for via in [format!("--via http://{a}"), format!("--via http://{b}"), format!("--via http://{a},http://{b}")] {
        let (report, code) = ping(&format!("{key} {via} -c 2 -i 50ms"));
        assert_eq!((code, &report["ping"]["received"]), (Some(0), &2.into()), "{via}: {report:#}");
    }
}

#[test]
fn a_key_is_kept_in_its_file() {
    let at = free_address();
    let _relay = relay(at);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("listen.key");
    let listening = format!("--via http://{at} --key {}", file.display());
    let (first, key) = listen(&listening);
    drop(first);
    let (_again, same) = listen(&listening);
    assert_eq!(key, same);
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn nonsense_is_refused() {
    for arguments in ["ping nodekey:ab --via http://127.0.0.1:1", "ping --via x", "listen", "listen --via ftp://x"] {
        let output = natscope(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(64), "{arguments}: {output:?}");
    }
}
