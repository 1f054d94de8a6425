//! The lifetime test, which waits, and the classic procedure of RFC 3489.

use std::net::{SocketAddr, UdpSocket};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::program::{PATIENCE, Run, natscope, relays, words};
use crate::tools::program::{NATSCOPE, bare};

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
    let mut program = bare(NATSCOPE);
    program.args(["nat", "--json", "--lifetime", &server.to_string()]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = program.spawn().unwrap();
    let begun = Instant::now();
    // The trial takes one; the mappings tried at the second age, 7 seconds, come after those tried at the first.
    while helped.load(std::sync::atomic::Ordering::SeqCst) < 1 + 4 + 2 {
        assert!(begun.elapsed() < PATIENCE, "nothing was tried");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let run = Run::of(child.wait_with_output().unwrap());
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
