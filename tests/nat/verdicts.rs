//! What is concluded from how many servers, and what is not.

use std::net::UdpSocket;

use serde_json::Value;

use crate::program::{ended, natscope, relays, server, words};
use crate::tools::not_run;
use crate::tools::program::{NATSCOPE, bare, codes, installed};

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
fn without_a_network_the_built_in_servers_are_out_of_reach() {
    if !installed("unshare") {
        return not_run("unshare");
    }
    let mut shell = bare("unshare");
    shell.args(["--user", "--map-root-user", "--net", NATSCOPE, "nat", "--json"]);
    let run = ended(&mut shell);
    assert_eq!(run.code, 2, "{}{}", run.stdout, run.stderr);
    let report = run.report();
    assert_eq!(report["nat"]["ipv4"]["difficulty"]["value"], Value::Null);
    assert!(report["nat"]["ipv4"]["difficulty"]["why"].is_string());
    let mut shell = bare("unshare");
    shell.args(["--user", "--map-root-user", "--net", NATSCOPE, "nat", "-6"]);
    let run = ended(shell.args(["--json", "[2001:db8::1]"]));
    let nat = &run.report()["nat"];
    assert_eq!((run.code, &nat["ipv4"]), (2, &Value::Null));
    assert!(nat["ipv6"]["difficulty"]["why"].as_str().unwrap().contains("IPv6"), "{nat:#}");
}
