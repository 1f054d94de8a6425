//! A run as a whole: how often, how long, what is written where, and how it ends.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::program::{Files, assert_valid, bare, netcheck, report, stderr, stdout};
use crate::server::{Server, relay_region, stun_region};

#[test]
fn reports_repeat_as_often_as_asked_each_on_a_line() {
    let server = Server::honest_stun(100);
    let files = Files::new();
    let begun = Instant::now();
    let run = netcheck(files.map([stun_region(901, server.address)]), "--every 200ms --count 3 --format json-line")
        .assert()
        .code(0)
        .stderr("");
    assert!(begun.elapsed() >= Duration::from_millis(400), "the third report is due 400 ms after the first");
    let reports: Vec<Value> = stdout(&run).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(reports.len(), 3);
    reports.iter().for_each(assert_valid);
    let times: Vec<&str> = reports.iter().map(|report| report["started_at"].as_str().unwrap()).collect();
    assert!(times.is_sorted() && times[0] != times[2], "{times:?}");
}

#[test]
fn a_line_is_written_as_soon_as_its_report_is_made() {
    let server = Server::honest_stun(101);
    let files = Files::new();
    let mut command = bare("netcheck --every 30s --format json-line --derp-map");
    command.arg(files.map([stun_region(901, server.address)]));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert_valid(&serde_json::from_str(&line).unwrap());

    // Ctrl-C while it waits for the next one.
    interrupt(child.id());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.is_empty()), (Some(130), true));
}

#[test]
fn when_nobody_reads_any_more_the_reports_end() {
    let server = Server::honest_stun(101);
    let files = Files::new();
    let mut command = bare("netcheck --every 100ms --format json-line --derp-map");
    command.arg(files.map([stun_region(901, server.address)]));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    reader.read_line(&mut String::new()).unwrap();
    drop(reader);
    let begun = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if begun.elapsed() > Duration::from_secs(20) {
            child.kill().unwrap();
            panic!("it reports on and on to nobody");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.is_empty()), (Some(0), true));
}

#[test]
fn people_get_one_report_and_then_what_changed() {
    let server = Server::honest_stun(102);
    let files = Files::new();
    let map = files.map([stun_region(901, server.address)]);
    let run = netcheck(&map, "--every 200ms --count 3 --lang en").assert().code(0);
    let text = stdout(&run);
    assert_eq!(text.matches("natscope 0.").count(), 1, "one report only:\n{text}");
    let after = text.split("Region 901").last().unwrap();
    for line in after.lines().skip(1).filter(|line| !line.is_empty()) {
        assert!(line.starts_with("20") && line.contains("Z  "), "no change line: {line:?}\n{text}");
        // Every run has sockets of its own; nothing else changes here.
        assert!(line.contains('→'), "{line}");
    }

    let mut command = bare("netcheck --every 200ms --count 12 --lang en --no-icmp --derp-map");
    command.arg(&map);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    let mut first = String::new();
    while !first.contains("Region 901") {
        assert!(reader.read_line(&mut first).unwrap() > 0, "{first}");
    }
    drop(server);
    let mut rest = String::new();
    reader.read_to_string(&mut rest).unwrap();
    child.wait().unwrap();
    assert!(rest.contains("UDP"), "the server's end is no change:\n{rest}");
    assert!(!rest.contains("Latency"), "no second report:\n{rest}");
}

#[test]
fn a_dry_run_asks_nobody_and_lists_what_it_would_ask() {
    let stun = Server::honest_stun(103);
    let relay = Server::tcp_at(stun.address, |_| Ok(()));
    let files = Files::new();
    let map = files.map([relay_region(901, relay.address, Some(stun.address), json!({}))]);
    for format in ["table", "json", "markdown"] {
        let run = netcheck(&map, &format!("--dry-run --format {format}")).assert().code(0).stderr("");
        assert!(stdout(&run).contains(&stun.address.to_string()), "{}", stdout(&run));
        if format == "json" {
            let plan: Value = serde_json::from_str(&stdout(&run)).unwrap();
            let steps = plan["plan"].as_array().unwrap();
            let address = stun.address.to_string();
            assert!(steps.iter().any(|step| step["what"] == "stun" && step["server"] == *address), "{plan:#}");
            assert!(steps.iter().any(|step| step["what"] == "https" && step["region"] == 901), "{plan:#}");
            assert!(steps.iter().any(|step| step["what"] == "filter_scout" && step["server"] == *address), "{plan:#}");
            assert!(steps.iter().any(|step| step["what"] == "hairpin" && step["when"] == "seen"), "{plan:#}");
            let sockets = steps.iter().filter(|step| step["what"] == "mapping" && step["server"] == *address);
            assert_eq!(sockets.count(), 4, "two for the mapping and two for the hairpin test: {plan:#}");
        }
    }
    let run = netcheck(&map, "--dry-run --format tailscale-json").assert().code(64).stdout("");
    assert!(stderr(&run).contains("tailscale-json") && stderr(&run).contains("'json'"), "{}", stderr(&run));
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!((stun.heard(), relay.heard()), (0, 0));
    // It is the same server that a real run asks.
    netcheck(&map, "").assert().code(0);
    assert!(stun.heard() > 0 && relay.heard() > 0);
}

#[test]
fn a_timeout_bounds_a_run_that_nobody_answers() {
    let silent: Vec<Server> = (104..107).map(|third| Server::stun(third, |_, _| {})).collect();
    let files = Files::new();
    let map = files.map((901..).zip(&silent).map(|(id, server)| stun_region(id, server.address)));
    for (flag, most_ms) in [("--timeout 300ms", 800.0), ("--timeout 1s", 1500.0), ("", 3500.0)] {
        let run = netcheck(&map, &format!("--json --no-icmp {flag}")).assert().code(2);
        let report = report(&run);
        let took = report["took_ms"].as_f64().unwrap();
        assert!(took < most_ms, "{flag}: {took} ms");
        assert_eq!(report["netcheck"]["udp"]["value"], Value::Null);
        assert!(report["netcheck"]["udp"]["why"].is_string());
    }
    assert!(silent.iter().all(|server| server.heard() > 0));
}

#[test]
fn an_interrupted_run_says_so_by_its_code() {
    let silent = Server::stun(107, |_, _| {});
    let files = Files::new();
    let mut command = bare("netcheck --json --no-icmp --timeout 30s --derp-map");
    command.arg(files.map([stun_region(901, silent.address)]));
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let begun = Instant::now();
    while silent.heard() == 0 {
        assert!(begun.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(5));
    }
    interrupt(child.id());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert!(output.stdout.is_empty(), "no half report");
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let mut child = bare("selftest --format json-line").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), &*output.stderr), (Some(0), b"".as_slice()));
}

#[test]
fn addresses_that_cannot_be_had_are_arguments_that_are_wrong() {
    let server = Server::honest_stun(108);
    let files = Files::new();
    let map = files.map([stun_region(901, server.address)]);
    let taken = server.address.port().to_string();
    for (arguments, wanted) in [
        ("--bind-address 203.0.113.7", "203.0.113.7"),
        ("--interface nosuch0", "nosuch0"),
        (&*format!("--bind-address 127.0.108.1 --bind-port {taken}"), &*taken),
    ] {
        let run = netcheck(&map, arguments).assert().code(64).stdout("");
        assert!(stderr(&run).contains(wanted), "{arguments}: {}", stderr(&run));
    }
    let bound = report(&netcheck(&map, "--json --bind-address 127.0.108.9").assert().code(0));
    let global = bound["netcheck"]["ipv4"]["global"]["value"].as_str().unwrap();
    assert!(global.starts_with("127.0.108.9:"), "{global}");
}

#[test]
fn what_an_address_rules_out_is_not_blamed_on_the_system() {
    let files = Files::new();
    let server = Server::honest_stun(110);
    let map = files.map([stun_region(901, server.address)]);
    let [plain, bound] = ["", "--bind-address 127.0.110.9"]
        .map(|flag| report(&netcheck(&map, &format!("--json {flag}")).assert().code(0)));
    assert_eq!(plain["netcheck"]["ipv6"]["os_support"], bound["netcheck"]["ipv6"]["os_support"]);
    assert_eq!(bound["netcheck"]["ipv6"]["usable"]["value"], Value::Null);
}

#[test]
fn what_cannot_be_kept_is_known_before_anything_is_asked() {
    let server = Server::honest_stun(111);
    let files = Files::new();
    let map = files.map([stun_region(901, server.address)]);
    for flag in ["--save", "--output"] {
        let run = netcheck(&map, flag).arg(files.path("")).assert().code(64).stdout("");
        assert!(stderr(&run).contains("cannot write"), "{}", stderr(&run));
    }
    assert_eq!(server.heard(), 0);
}

#[test]
fn what_happens_is_logged_to_standard_error_when_asked_twice() {
    let server = Server::honest_stun(112);
    let files = Files::new();
    let map = files.map([stun_region(901, server.address)]);
    let once = netcheck(&map, "-v --json").assert().code(0).stderr("");
    let twice = netcheck(&map, "-vv --json").assert().code(0);
    assert!(report(&twice)["observations"].is_array() && report(&once)["observations"].is_array());
    let log = stderr(&twice);
    assert!(log.contains(&server.address.to_string()) && !log.contains('\u{1b}'), "{log}");
}

#[test]
fn many_regions_end_in_time() {
    let server = Server::honest_stun(109);
    let files = Files::new();
    let map = files.map((1..=120).map(|id| stun_region(id, server.address)));
    let begun = Instant::now();
    let report = report(&netcheck(&map, "--json --no-icmp").assert().code(0));
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(10), "{took:?}");
    let regions = report["netcheck"]["regions"].as_array().unwrap();
    assert_eq!(regions.len(), 120);
    assert!(regions.iter().all(|region| region["method"] == "stun"));
}

fn interrupt(process: u32) {
    assert!(Command::new("kill").args(["-INT", &process.to_string()]).status().unwrap().success());
}
