//! STUN servers that are broken or mean. What they do costs their own region, and no other.

use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::program::{Files, assert_failure, bare, netcheck, peak_memory, region, report, stderr};
use crate::server::{Request, Server, message, stun_region, success};

/// A run with an honest server in it is over by then, on a busy machine too.
const SOON_MS: f64 = 3000.0;

type Answer = Box<dyn FnMut(&UdpSocket, &Request<'_>) + Send>;

/// How servers misbehave, and the failure each must bring: stage and kind, or none where the answer is good enough.
fn manners() -> Vec<(&'static str, Answer, Option<&'static str>)> {
    fn manner(answer: impl FnMut(&UdpSocket, &Request<'_>) + Send + 'static) -> Answer {
        Box::new(answer)
    }
    vec![
        ("silent", manner(|_, _| {}), Some("no_answer")),
        (
            "cut at every length in turn",
            manner({
                let mut length = 0;
                move |socket, request| {
                    let whole = request.success();
                    request.reply(socket, &whole[..length % whole.len()]);
                    length += 7;
                }
            }),
            Some("no_answer"),
        ),
        (
            "a header that claims more than there is",
            manner(|socket, request| {
                let mut datagram = request.success();
                datagram[2..4].copy_from_slice(&0xfffc_u16.to_be_bytes());
                request.reply(socket, &datagram);
            }),
            Some("no_answer"),
        ),
        (
            "an attribute that claims more than there is",
            manner(|socket, request| {
                let mut datagram = request.success();
                datagram[22..24].copy_from_slice(&0xffff_u16.to_be_bytes());
                request.reply(socket, &datagram);
            }),
            Some("no_answer"),
        ),
        ("60 kB of garbage", manner(|socket, request| request.reply(socket, &[0xa5; 60_000])), Some("no_answer")),
        (
            "60 kB of attributes nobody knows around a good one",
            manner(|socket, request| {
                let mut attributes = vec![(0x0020, request.success()[24..].to_vec())];
                attributes.extend((0..60).map(|_| (0xbeef, vec![7; 1000])));
                request.reply(socket, &message(0x0101, request.transaction, &attributes));
            }),
            None,
        ),
        (
            "another transaction's id",
            manner(|socket, request| {
                let mut id = request.transaction.to_vec();
                id[11] ^= 1;
                request.reply(socket, &success(&id, request.from));
            }),
            Some("no_answer"),
        ),
        (
            "every answer twenty times",
            manner(|socket, request| {
                for _ in 0..20 {
                    request.reply(socket, &request.success());
                }
            }),
            None,
        ),
        (
            "from another port",
            manner({
                let other = UdpSocket::bind("127.0.1.1:0").unwrap();
                move |_, request| request.reply(&other, &request.success())
            }),
            Some("malformed"),
        ),
        (
            "its own request",
            manner(|socket, request| request.reply(socket, &message(0x0001, request.transaction, &[]))),
            Some("no_answer"),
        ),
    ]
}

#[test]
fn each_costs_its_own_region_only() {
    let honest = Server::honest_stun(50);
    let mut regions = vec![stun_region(901, honest.address)];
    let mut hostile = Vec::new();
    for ((id, third), (name, answer, kind)) in (1..).zip(51_u8..).zip(manners()) {
        let server = Server::stun(third, answer);
        regions.push(stun_region(id, server.address));
        hostile.push((id, name, kind, server));
    }
    let files = Files::new();
    let run = netcheck(files.map(regions), "--json --no-icmp").assert().code(0).stderr("");
    let report = report(&run);
    assert_eq!(region(&report, 901)["method"], "stun");
    assert_eq!(report["netcheck"]["udp"]["value"], true);
    for (id, name, kind, _server) in &hostile {
        let region = region(&report, *id);
        if let Some(kind) = kind {
            eprintln!("{name}");
            assert_failure(region, "stun", kind);
            assert_eq!(region["latency_ms"], Value::Null, "{name}");
        } else {
            assert_eq!((&region["method"], &region["failure"]), (&Value::from("stun"), &Value::Null), "{name}");
            assert!(region["samples"].as_u64().unwrap() <= 7, "duplicates counted: {region:#}");
            assert!(region["loss"].as_f64().is_some_and(|loss| (0.0..=1.0).contains(&loss)), "{name}: {region:#}");
        }
    }
    let took = report["took_ms"].as_f64().unwrap();
    assert!(took < SOON_MS, "{took} ms");
}

#[test]
fn alone_they_prove_nothing_more_than_they_show() {
    for (name, answer, kind) in manners() {
        let server = Server::stun(63, answer);
        let files = Files::new();
        let run = netcheck(files.map([stun_region(1, server.address)]), "--json --no-icmp").assert();
        let report = report(&run);
        let udp = &report["netcheck"]["udp"]["value"];
        let code = run.get_output().status.code();
        if kind == Some("no_answer") {
            // Of one server's silence nothing follows for UDP.
            assert_eq!((udp, code), (&Value::Null, Some(2)), "{name}: {}", stderr(&run));
        } else {
            assert_eq!((udp, code), (&Value::Bool(true), Some(0)), "{name}: {}", stderr(&run));
        }
        assert_eq!(report["nat"]["ipv4"]["type"]["value"], Value::Null, "{name}");
    }
}

#[test]
fn an_error_response_is_a_failure_with_its_code() {
    for code in [400, 420] {
        let server = Server::stun(62, move |socket, request| request.reply(socket, &request.error(code, "No")));
        let files = Files::new();
        let run = netcheck(files.map([stun_region(1, server.address)]), "--json --no-icmp").assert();
        let report = report(&run);
        assert_failure(region(&report, 1), "stun", "stun_error");
        assert!(region(&report, 1)["failure"]["cause"].as_str().unwrap().contains(&code.to_string()));
        // The datagrams got through all the same.
        assert_eq!(report["netcheck"]["udp"]["value"], true);
    }
}

#[test]
fn a_lie_about_the_endpoint_is_outvoted_or_nothing_is_concluded() {
    let honest: Vec<Server> = (64..67).map(Server::honest_stun).collect();
    let liar = Server::stun(67, |socket, request| {
        request.reply(socket, &success(request.transaction, "127.9.9.9:4242".parse().unwrap()));
    });
    let files = Files::new();
    let servers = honest.iter().chain([&liar]);
    let report = report(
        &netcheck(files.map((901..).zip(servers).map(|(id, it)| stun_region(id, it.address))), "--json").assert(),
    );
    let global = report["netcheck"]["ipv4"]["global"]["value"].as_str();
    assert!(global.is_none_or(|endpoint| endpoint.starts_with("127.0.0.1:")), "{:#}", report["netcheck"]["ipv4"]);
    assert_ne!(report["nat"]["ipv4"]["difficulty"]["value"], "hard");
}

/// Ten thousand datagrams a second, for as long as the run lasts.
#[test]
fn a_flood_of_garbage_neither_grows_memory_nor_delays_the_end() {
    let honest = Server::honest_stun(68);
    let files = Files::new();
    let quiet = files.map([stun_region(901, honest.address)]);
    let mut command = bare("netcheck --json --no-icmp --derp-map");
    let (output, before) = peak_memory({
        command.arg(&quiet);
        command
    });
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let target: Arc<Mutex<Vec<SocketAddr>>> = Arc::default();
    let flooder = Server::stun(69, {
        let target = Arc::clone(&target);
        // It never answers, so the run lasts as long as it can.
        move |_, request| target.lock().unwrap().push(request.from)
    });
    let over = Arc::new(AtomicBool::new(false));
    let sending = std::thread::spawn({
        let over = Arc::clone(&over);
        move || flood(&target, &over)
    });
    let map = files.map([stun_region(901, honest.address), stun_region(902, flooder.address)]);
    let mut command = bare("netcheck --json --no-icmp --derp-map");
    command.arg(&map);
    let begun = Instant::now();
    let (output, during) = peak_memory(command);
    let took = begun.elapsed();
    over.store(true, Ordering::SeqCst);
    let sent = sending.join().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(region(&report, 901)["method"], "stun");
    assert_failure(region(&report, 902), "stun", "no_answer");
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert!(sent > 100, "only {sent} datagrams of flood");
    assert!(during < before + 8 * 1024, "{before} KiB without, {during} KiB with {sent} datagrams of flood");
}

/// Sends garbage to everybody in `target`, ten datagrams a millisecond. Returns how many.
fn flood(target: &Mutex<Vec<SocketAddr>>, over: &AtomicBool) -> usize {
    let socket = UdpSocket::bind("127.0.69.1:0").unwrap();
    let mut garbage: Vec<u8> = (0..1200_u16).map(|byte| u8::try_from(byte % 251).unwrap()).collect();
    let mut sent = 0;
    while !over.load(Ordering::SeqCst) {
        let victims = target.lock().unwrap().clone();
        for victim in victims.iter().cycle().take(if victims.is_empty() { 0 } else { 10 }) {
            garbage[0] = u8::try_from(sent % 256).unwrap();
            sent += usize::from(socket.send_to(&garbage, victim).is_ok());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    sent
}
