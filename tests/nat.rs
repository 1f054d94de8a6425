//! `natscope nat` as a person or a script runs it: the built binary, its arguments, streams, files and exit codes,
//! against embedded relays and coturn on loopback, and against coturn on a made-up internet in a namespace.
//!
//! Nothing is sent beyond loopback: servers are named by their addresses there, and the router is never asked. A
//! program that is not installed makes its test say NOT RUN; with `NATSCOPE_REQUIRE_TOOLS=1` that is a failure.

// All of 127.0.0.0/8 is local on Linux; each server has addresses of its own here.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "all of this is a test"
)]

#[path = "tools/mod.rs"]
mod tools;

use std::net::{SocketAddr, UdpSocket};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use natscope::drive::relay::{Relay, RelayHandle, RelayOptions};
use serde_json::Value;
use tools::{free_ports, not_run, start_coturn};

const SCHEMA: &str = include_str!("../src/report/natscope.schema.json");
const PATIENCE: Duration = Duration::from_secs(30);

/// What a run left behind.
struct Run {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Run {
    /// The report it printed, checked against the schema.
    #[track_caller]
    fn report(&self) -> Value {
        let report = serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stderr));
        let validator = jsonschema::validator_for(&serde_json::from_str(SCHEMA).unwrap()).unwrap();
        let problems: Vec<String> =
            validator.iter_errors(&report).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(problems.is_empty(), "{problems:#?}");
        report
    }
}

fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy().to_uppercase();
        if text.starts_with("NATSCOPE_") || text.ends_with("_PROXY") || text.starts_with("LC_") {
            command.env_remove(&name);
        }
    }
    // The default gateway is beyond loopback.
    command.env("LANG", "C.UTF-8").env("NATSCOPE_NO_PORTMAP", "1").stdin(Stdio::null());
    command
}

fn natscope(arguments: &str) -> Run {
    let mut command = command(env!("CARGO_BIN_EXE_natscope"));
    ended(command.args(arguments.split_whitespace()))
}

fn ended(command: &mut Command) -> Run {
    let output = command.output().unwrap();
    Run {
        code: output.status.code().expect("it ends by itself"),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Relays on 127.0.`n`.1 and .2, for as long as the runtime lives.
fn relays(ordinals: &[u8]) -> (Vec<SocketAddr>, tokio::runtime::Runtime, Vec<RelayHandle>) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let relays: Vec<Relay> =
        ordinals.iter().map(|ordinal| Relay::bind(RelayOptions::loopback(*ordinal)).unwrap()).collect();
    let servers = relays.iter().map(|relay| relay.stun_addrs()[0]).collect();
    let guard = runtime.enter();
    let handles = relays.into_iter().map(Relay::spawn).collect();
    drop(guard);
    (servers, runtime, handles)
}

fn words(servers: &[SocketAddr]) -> String {
    servers.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// What a report says of the server at this endpoint.
#[track_caller]
fn server(nat: &Value, endpoint: SocketAddr) -> &Value {
    let servers = nat["servers"].as_array().unwrap();
    servers.iter().find(|server| server["endpoint"] == endpoint.to_string()).unwrap_or_else(|| panic!("{nat:#}"))
}

fn codes(report: &Value) -> Vec<&str> {
    report["findings"].as_array().unwrap().iter().map(|finding| finding["code"].as_str().unwrap()).collect()
}

#[test]
fn one_server_is_not_enough_and_the_report_says_so() {
    let (servers, _runtime, _relays) = relays(&[121]);
    let run = natscope(&format!("nat --json {}", servers[0]));
    assert_eq!((run.code, run.stderr.as_str()), (3, ""));
    let report = run.report();
    assert_eq!(report["command"], "nat");
    assert_eq!(report.get("netcheck"), None, "nat reports on the NAT alone");
    let nat = &report["nat"]["ipv4"];
    for verdict in ["difficulty", "effective", "type", "mapping"] {
        assert_eq!(nat[verdict]["value"], Value::Null, "{verdict}");
        assert_eq!(nat[verdict]["why"], "1 independent server answered, and it takes 2", "{verdict}");
    }
    assert_eq!(nat["level"], Value::Null);
    assert_eq!(server(nat, servers[0])["trusted"], true);
}

#[test]
fn three_servers_see_that_loopback_has_no_nat() {
    let (servers, _runtime, _relays) = relays(&[122, 123, 124]);
    let run = natscope(&format!("nat --json {}", words(&servers)));
    let report = run.report();
    let nat = &report["nat"]["ipv4"];
    assert_eq!(
        (nat["mapping"]["value"].as_str(), nat["mapping"]["confidence"].as_str()),
        (Some("direct"), Some("high"))
    );
    assert_eq!(nat["port_preservation"]["value"], true);
    assert_eq!(nat["mapped"], nat["local"]);
    for named in servers {
        let server = server(nat, named);
        assert_eq!((&server["server"], &server["trusted"]), (&named.to_string().into(), &true.into()), "{server:#}");
        assert!(server["rtt_ms"].as_f64().is_some(), "{server:#}");
    }
    // Each of them has a second address with a second port, and answers from there when asked to.
    assert_eq!(nat["filtering"]["value"], "endpoint-independent", "{nat:#}");
    // Whether a NAT stands between this host and the internet is another question, which loopback cannot answer.
    assert_eq!((run.code, &nat["difficulty"]["value"]), (3, &Value::Null));
    assert!(nat["difficulty"]["why"].as_str().unwrap().contains("not on the internet"));
    assert_eq!(report["nat"]["ipv6"], Value::Null, "no IPv6 server was named");
}

#[test]
fn flags_words_and_uris_name_servers_alike_and_a_map_adds_its_own() {
    let (servers, _runtime, _relays) = relays(&[125, 126, 127]);
    let directory = tempfile::tempdir().unwrap();
    let map = directory.path().join("map.json");
    let region = serde_json::json!({
        "RegionID": 1, "RegionCode": "own", "RegionName": "Own",
        "Nodes": [{
            "Name": "own1", "RegionID": 1, "HostName": servers[2].ip().to_string(), "STUNPort": servers[2].port(),
            "STUNOnly": true,
        }],
    });
    std::fs::write(&map, serde_json::json!({ "Regions": { "1": region } }).to_string()).unwrap();
    let run = natscope(&format!(
        "nat --json stun:{} --stun-server {} --stun-server {} --derp-map {}",
        servers[0],
        servers[1],
        servers[0],
        map.display()
    ));
    let report = run.report();
    for (named, name) in servers.iter().zip([&*servers[0].to_string(), &*servers[1].to_string(), "own1"]) {
        assert_eq!(server(&report["nat"]["ipv4"], *named)["server"], name);
    }
    assert_eq!(report["nat"]["ipv4"]["mapping"]["value"], "direct");
}

#[test]
fn nobody_home_is_told_by_the_exit_code() {
    let silent = UdpSocket::bind("127.0.128.1:0").unwrap();
    let refusing = UdpSocket::bind("127.0.129.1:0").unwrap().local_addr().unwrap();
    let silent_at = silent.local_addr().unwrap();
    let run = natscope(&format!("nat --json --timeout 1s {silent_at} {refusing}"));
    assert_eq!((run.code, run.stderr.as_str()), (2, ""));
    let report = run.report();
    let nat = &report["nat"]["ipv4"];
    assert_eq!(nat["difficulty"]["value"], Value::Null);
    assert!(nat["difficulty"]["why"].as_str().is_some_and(|why| !why.is_empty()));
    for server in nat["servers"].as_array().unwrap() {
        assert_eq!((&server["trusted"], server["note"].as_str()), (&Value::Bool(false), Some("it never answered")));
    }
    assert!(silent.set_nonblocking(true).is_ok() && silent.recv(&mut [0; 100]).is_ok(), "it was asked");
}

#[test]
fn a_dead_server_among_live_ones_is_named() {
    let (mut servers, _runtime, _relays) = relays(&[130, 131]);
    let dead = UdpSocket::bind("127.0.132.1:0").unwrap().local_addr().unwrap();
    servers.push(dead);
    let run = natscope(&format!("nat --json {}", words(&servers)));
    let report = run.report();
    assert_eq!((run.code, codes(&report)), (3, vec!["NET-015"]));
    let finding = &report["findings"][0];
    assert_eq!(finding["severity"], "info");
    assert!(finding["title"].as_str().unwrap().contains(&dead.to_string()), "{finding:#}");
    assert_eq!(report["nat"]["ipv4"]["mapping"]["value"], "direct");
    assert_eq!(natscope(&format!("nat --fail-on info {}", words(&servers))).code, 1);
}

#[test]
fn bad_arguments_are_64_and_say_what_would_be_right() {
    for (arguments, wanted) in [
        ("stuns:127.0.0.1 127.0.0.2", "for all of them write --transport tls"),
        ("--transport udp stuns:127.0.0.1", "--transport says UDP"),
        ("--transport tcp --lifetime 127.0.0.1", "--lifetime cannot be used over TCP"),
        ("--transport tls --rfc3489 127.0.0.1", "--rfc3489 cannot be used over TLS"),
        ("--transport tcp --derp-map embedded 127.0.0.1", "--derp-map cannot be used over TCP"),
        ("--transport dtls 127.0.0.1", "possible values: udp, tcp, tls"),
        ("--socks5 u@127.0.0.1 127.0.0.1", "USER:PASSWORD@"),
        ("127.0.0.1:0", "from 1 to 65535"),
        ("stun://127.0.0.1", "without slashes"),
        ("--stun-server a..b", "1 to 63 characters"),
        ("-4 [::1]:3478", "is not IPv4"),
        ("--format tailscale-json 127.0.0.1", "only `natscope netcheck` can write it"),
        ("--replay there-is-none.json", "there-is-none.json"),
        ("--derp-map there-is-none.json", "there-is-none.json"),
    ] {
        let run = natscope(&format!("nat {arguments}"));
        assert_eq!((run.code, run.stdout.as_str()), (64, ""), "{arguments}: {}", run.stderr);
        let heard = run.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(heard.contains(wanted), "{arguments}: {heard}");
    }
}

#[test]
fn what_was_saved_concludes_again_for_either_command() {
    let (servers, _runtime, _relays) = relays(&[133, 134, 135]);
    let directory = tempfile::tempdir().unwrap();
    let saved = directory.path().join("saved.json");
    let first = natscope(&format!("nat --json --save {} {}", saved.display(), words(&servers)));
    let again = natscope(&format!("nat --json --replay {}", saved.display()));
    assert_eq!((first.code, again.code), (3, 3));
    for key in ["nat", "findings", "started_at", "command"] {
        assert_eq!(first.report()[key], again.report()[key], "{key}");
    }
    let netcheck = natscope(&format!("netcheck --json --replay {}", saved.display()));
    assert_eq!(netcheck.report()["netcheck"]["udp"]["value"], true);
    assert_eq!(netcheck.report()["nat"], first.report()["nat"]);
    let redacted = natscope(&format!("nat --json --redact -v --replay {}", saved.display()));
    assert_eq!(redacted.report()["nat"]["ipv4"]["mapping"]["value"], "direct");
}

#[test]
fn people_read_a_sentence_and_on_request_about_each_server() {
    let (servers, _runtime, _relays) = relays(&[136, 137, 138]);
    let list = words(&servers);
    let text = natscope(&format!("nat {list} --lang en")).stdout;
    assert!(text.starts_with(" NAT undetermined: the servers asked are not on the internet"), "{text}");
    assert!(text.contains("direct (3 servers saw our own local endpoint)"), "{text}");
    assert!(text.contains(" used") && !text.contains("RFC 5780  Note"), "{text}");
    let text = natscope(&format!("nat --servers {list} --lang en")).stdout;
    assert!(text.contains("RFC 5780  Note") && !text.contains(" used"), "{text}");
    for server in &servers {
        assert!(text.contains(&server.to_string()), "{text}");
    }
    let text = natscope(&format!("nat --servers {list} --lang zh-CN")).stdout;
    assert!(text.starts_with(" 未能确定 NAT 类型：") && text.contains("说明"), "{text}");
    let text = natscope(&format!("nat {list} --format markdown")).stdout;
    assert!(text.starts_with("## NAT undetermined: "), "{text}");
}

#[test]
fn coturn_tells_how_loopback_filters() {
    let ports = free_ports("127.0.139.1");
    let Some(_coturn) = start_coturn(&["127.0.139.1", "127.0.139.2"], ports) else { return };
    let (servers, _runtime, _relays) = relays(&[140, 141]);
    let coturn: SocketAddr = format!("127.0.139.1:{}", ports[0]).parse().unwrap();
    // coturn binds its sockets about a second before it reads from them.
    let begun = Instant::now();
    loop {
        let report = natscope(&format!("nat --json {coturn} {}", words(&servers))).report();
        let nat = &report["nat"]["ipv4"];
        if server(nat, coturn)["trusted"] == true {
            assert_eq!(server(nat, coturn)["rfc5780"], true, "{nat:#}");
            assert_eq!(nat["mapping"]["value"], "direct");
            assert_eq!(nat["filtering"]["value"], "endpoint-independent", "{nat:#}");
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "coturn does not answer: {nat:#}");
    }
    // Alone it cannot tell the mapping, and still tells the filtering.
    let run = natscope(&format!("nat --json {coturn}"));
    let report = run.report();
    let nat = &report["nat"]["ipv4"];
    assert_eq!((run.code, &nat["difficulty"]["value"]), (3, &Value::Null));
    assert_eq!(nat["filtering"]["value"], "endpoint-independent");
}

/// Two STUN servers of different networks on a made-up internet, and this host with an address on it.
const INTERNET: &str = r#"
    set -e
    ip link set lo up
    ip link add wan type veth peer name far
    ip address add 198.51.100.77/24 dev wan
    ip link set wan up
    ip link set far up
    ip route add default dev wan
    for address in 203.0.113.1 203.0.113.2 192.0.2.1; do ip address add "$address/32" dev lo; done
    coturn() {
        name=$1; shift
        turnserver -n --stun-only -z --no-tls --no-dtls --no-tcp --no-cli -l stdout -p 3478 \
            --pidfile "$DIRECTORY/$name.pid" --userdb "$DIRECTORY/$name.db" "$@" >"$DIRECTORY/$name.log" 2>&1 &
        running="$running $!"
    }
    coturn two --alt-listening-port 3479 -L 203.0.113.1 -L 203.0.113.2
    coturn one -L 192.0.2.1
    # coturn binds its sockets about a second before it reads from them.
    for attempt in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        sleep 1
        code=0
        "$NATSCOPE" nat 203.0.113.1 192.0.2.1 --bind-address 198.51.100.77 $ARGUMENTS >"$DIRECTORY/told" || code=$?
        [ $code -ne 0 ] || break
    done
    cat "$DIRECTORY/told"
    kill $running
    exit $code
"#;

#[test]
fn a_public_address_is_told_by_exit_code_and_headline() {
    let inside = |arguments: &str| {
        let directory = tempfile::tempdir().unwrap();
        let mut shell = command("unshare");
        shell.args(["--user", "--map-root-user", "--net", "sh", "-c", INTERNET]);
        shell.env("NATSCOPE", env!("CARGO_BIN_EXE_natscope")).env("DIRECTORY", directory.path());
        ended(shell.env("ARGUMENTS", arguments))
    };
    for program in ["unshare", "ip", "turnserver"] {
        if !installed(program) {
            return not_run(program);
        }
    }
    let run = inside("--json");
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let report = run.report();
    let nat = &report["nat"]["ipv4"];
    assert_eq!((&nat["difficulty"]["value"], &nat["mapping"]["value"]), (&"none".into(), &"direct".into()), "{nat:#}");
    assert_eq!(
        (&nat["filtering"]["value"], &nat["type"]["value"]),
        (&"endpoint-independent".into(), &"open-internet".into())
    );
    let run = inside("--lang en");
    assert!(run.stdout.starts_with(" No NAT (open internet): "), "{}{}", run.stdout, run.stderr);
}

#[test]
fn without_a_network_the_built_in_servers_are_out_of_reach() {
    if !installed("unshare") {
        return not_run("unshare");
    }
    let mut shell = command("unshare");
    shell.args(["--user", "--map-root-user", "--net", env!("CARGO_BIN_EXE_natscope"), "nat", "--json"]);
    let run = ended(&mut shell);
    assert_eq!(run.code, 2, "{}{}", run.stdout, run.stderr);
    let report = run.report();
    assert_eq!(report["nat"]["ipv4"]["difficulty"]["value"], Value::Null);
    assert!(report["nat"]["ipv4"]["difficulty"]["why"].is_string());
    let mut shell = command("unshare");
    shell.args(["--user", "--map-root-user", "--net", env!("CARGO_BIN_EXE_natscope"), "nat", "-6"]);
    let run = ended(shell.args(["--json", "[2001:db8::1]"]));
    let nat = &run.report()["nat"];
    assert_eq!((run.code, &nat["ipv4"]), (2, &Value::Null));
    assert!(nat["ipv6"]["difficulty"]["why"].as_str().unwrap().contains("IPv6"), "{nat:#}");
}

fn installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
}

/// Answers Binding requests to where they ask for it, offers no other address, and counts those with RESPONSE-PORT.
fn helpful_server() -> (SocketAddr, std::sync::Arc<std::sync::atomic::AtomicU32>) {
    use natscope::wire::stun::{AnswerFacts, decode_request, encode_success};
    let socket = UdpSocket::bind("127.0.142.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let counted = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
    let count = std::sync::Arc::clone(&counted);
    std::thread::spawn(move || {
        let mut buffer = [0; 2048];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let Ok(request) = decode_request(&buffer[..length]) else { continue };
            let mut to = from;
            if let Some(port) = request.response_port {
                to.set_port(port);
                count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            }
            let facts = AnswerFacts { mapped: from, origin: Some(address), other: None, software: "test" };
            let _ = socket.send_to(&encode_success(&request, &facts), to);
        }
    });
    (address, counted)
}

/// Nothing expires on loopback, but that is not known where no server tells how it filters.
#[test]
fn ctrl_c_ends_a_lifetime_test_with_what_is_known() {
    let (server, helped) = helpful_server();
    let mut program = command(env!("CARGO_BIN_EXE_natscope"));
    program.args(["nat", "--json", "--lifetime", &server.to_string()]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = program.spawn().unwrap();
    let begun = Instant::now();
    // The trial takes one; the mappings tried at the second age, 7 seconds, come after those tried at the first.
    while helped.load(std::sync::atomic::Ordering::SeqCst) < 1 + 4 + 2 {
        assert!(begun.elapsed() < PATIENCE, "nothing was tried");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let run = Run {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    };
    assert_eq!((run.code, run.stderr.as_str()), (130, ""));
    let report = run.report();
    let nat = &report["nat"]["ipv4"];
    let bracket = &nat["lifetime"]["single"]["value"];
    assert!(bracket["alive_s"].as_f64().unwrap() > 3.4 && bracket["dead_s"].is_null(), "{nat:#}");
    assert!(nat["mapping_lifetime_s"]["value"].as_f64().unwrap() > 3.4, "{nat:#}");
    assert_eq!(nat["lifetime"]["server"], server.to_string());
}

#[test]
fn a_lifetime_test_takes_no_longer_than_it_may() {
    let (server, _helped) = helpful_server();
    let begun = Instant::now();
    let run = natscope(&format!("nat --json --lifetime --timeout 2s {server}"));
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    let report = run.report();
    let verdict = &report["nat"]["ipv4"]["mapping_lifetime_s"];
    assert!(verdict["value"].is_null() && verdict["why"].as_str().is_some_and(|why| !why.is_empty()), "{verdict}");
}

#[test]
fn loopback_has_nothing_that_expires_and_is_open_internet_to_the_classic_procedure() {
    let (servers, _runtime, _relays) = relays(&[143, 144, 145]);
    let report = natscope(&format!("nat --json --lifetime --rfc3489 {}", words(&servers))).report();
    let nat = &report["nat"]["ipv4"];
    assert_eq!(nat["mapping_lifetime_s"]["why"], "no NAT and no filter: nothing expires", "{nat:#}");
    assert_eq!((&nat["rfc3489"]["type"]["value"], &nat["rfc3489"]["warning"]), (&"open-internet".into(), &Value::Null));
    assert_eq!(nat["rfc3489"]["server"], servers[0].to_string());
    // Embedded relays serve as long as anybody asks.
    let report = natscope("nat --json --rfc3489 --derp-map embedded").report();
    assert_eq!(report["nat"]["ipv4"]["rfc3489"]["type"]["value"], "open-internet", "{report:#}");
}
