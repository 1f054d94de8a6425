//! Our STUN server and our codec against programs we did not write: coturn's `turnutils_stunclient`,
//! `turnutils_natdiscovery` and `turnserver`, and Debian's `stun`, an RFC 3489 client. Loopback only.
//!
//! A program that is not installed makes its test say NOT RUN; with `NATSCOPE_REQUIRE_TOOLS=1` that is a failure.

// All of 127.0.0.0/8 is local on Linux; two addresses are needed here.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "all of this file is a test"
)]

use std::net::{SocketAddr, UdpSocket};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use natscope::drive::relay::{Relay, RelayHandle, RelayOptions};
use natscope::wire::stun::{
    ChangeRequest, Class, Fingerprint, RequestForm, Response, TransactionId, decode_response, encode_request,
};

mod tools;

use tools::{Running, free_ports, not_run, start_coturn};

const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn coturns_client_reads_our_answers() {
    let (server, _relay) = relay(81);
    let Some(heard) = run("turnutils_stunclient", &["-f", "-p", &port(server), &server.ip().to_string()]).await else {
        return;
    };
    assert_contains(&heard, &format!("Response origin: : {server}"));
    assert_contains(&heard, "UDP reflexive addr: 127.0.0.1:");
    // The second answer comes from the other address and port.
    assert_contains(&heard, "RFC 5780 response 2");
    assert_contains(&heard, "Response origin: : 127.0.81.2:");
}

#[tokio::test(flavor = "multi_thread")]
async fn coturns_client_reads_our_ipv6_answers() {
    if UdpSocket::bind("[::1]:0").is_err() {
        return not_run("IPv6 on loopback");
    }
    let options = RelayOptions { stun_addrs: vec!["[::1]:0".parse().unwrap()], ..RelayOptions::default() };
    let (server, _relay) = spawn(Relay::bind(options).unwrap());
    let Some(heard) = run("turnutils_stunclient", &["-p", &port(server), "::1"]).await else { return };
    assert_contains(&heard, "UDP reflexive addr: ::1:");
}

#[tokio::test(flavor = "multi_thread")]
async fn coturns_nat_discovery_finds_the_truth_through_us() {
    let (server, _relay) = relay(82);
    let arguments = ["-m", "-f", "-L", "127.0.0.1", "-p", &port(server), &server.ip().to_string()];
    let Some(heard) = run("turnutils_natdiscovery", &arguments).await else { return };
    // It says "No NAT!" and, at the end of filtering, "NAT with Endpoint Independent Filtering!": the mapping line is
    // what tells that it saw its own address, the filtering line that answers came from all over.
    assert_contains(&heard, "No NAT! (Endpoint Independent Mapping)");
    assert_contains(&heard, "NAT with Endpoint Independent Filtering!");
    assert_contains(&heard, "No ALG: Mapped == XOR-Mapped");
    assert!(!heard.contains("error"), "{heard}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_classic_client_finds_the_truth_through_us() {
    let (server, _relay) = relay(83);
    let Some(heard) = run("stun", &[&server.to_string(), "-v"]).await else { return };
    assert_contains(&heard, &format!("SourceAddress = {server}"));
    assert_contains(&heard, "ChangedAddress = 127.0.83.2:");
    for line in ["test I = 1", "test II = 1", "test III = 1", "test I(2) = 1", "is nat  = 0", "mapped IP same = 1"] {
        assert_contains(&heard, line);
    }
    assert_contains(&heard, "Primary: Open");
}

#[tokio::test(flavor = "multi_thread")]
async fn our_codec_talks_to_coturns_server() {
    let (first, second) = ("127.0.84.1", "127.0.84.2");
    let [port, alternate_port] = free_ports(first);
    let Some((mut turnserver, _directory)) = start_coturn(&[first, second], [port, alternate_port]) else { return };
    let server: SocketAddr = format!("{first}:{port}").parse().unwrap();
    let other: SocketAddr = format!("{second}:{alternate_port}").parse().unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let local = socket.local_addr().unwrap();
    for form in [RequestForm::Plain, RequestForm::Tailnode] {
        let (from, response) = ask(&socket, server, form, None, &mut turnserver);
        assert_eq!((from, response.class), (server, Class::Success));
        assert_eq!((response.xor_mapped, response.mapped), (Some(local), Some(local)));
        assert_eq!((response.response_origin, response.other_address), (Some(server), Some(other)));
        assert!(response.software.is_some_and(|software| software.starts_with("Coturn-")));
        assert_eq!(response.problems, []);
        // It answers FINGERPRINT with FINGERPRINT, and ours verifies it.
        let expected = if form == RequestForm::Tailnode { Fingerprint::Valid } else { Fingerprint::Absent };
        assert_eq!(response.fingerprint, expected);

        let (from, response) = ask(&socket, server, form, Some(ChangeRequest::BOTH), &mut turnserver);
        assert_eq!((from, response.endpoint()), (other, Some(local)));
        let change = ChangeRequest { ip: false, port: true };
        let (from, _) = ask(&socket, server, form, Some(change), &mut turnserver);
        assert_eq!(from, format!("{first}:{alternate_port}").parse().unwrap());
    }
}

fn relay(ordinal: u8) -> (SocketAddr, RelayHandle) {
    spawn(Relay::bind(RelayOptions::loopback(ordinal)).unwrap())
}

fn spawn(relay: Relay) -> (SocketAddr, RelayHandle) {
    (relay.stun_addrs()[0], relay.spawn())
}

fn port(server: SocketAddr) -> String {
    server.port().to_string()
}

/// Runs a program to its end and returns what it wrote. `None`: it is not installed.
async fn run(program: &str, arguments: &[&str]) -> Option<String> {
    if !tools::program::installed(program) {
        not_run(program);
        return None;
    }
    // `timeout` (coreutils) bounds it, since it may wait for answers for ever.
    let limit = PATIENCE.as_secs().to_string();
    let mut command = Command::new("timeout");
    command.arg(&limit).arg(program).args(arguments).stdin(Stdio::null());
    let Output { stdout, stderr, .. } =
        tokio::task::spawn_blocking(move || command.output()).await.unwrap().expect("coreutils");
    Some(format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr)))
}

/// Asks again until there is an answer: coturn binds its sockets about a second before it reads from them.
fn ask(
    socket: &UdpSocket,
    server: SocketAddr,
    form: RequestForm,
    change: Option<ChangeRequest>,
    turnserver: &mut Running,
) -> (SocketAddr, Response) {
    static ASKED: std::sync::atomic::AtomicU8 = std::sync::atomic::AtomicU8::new(0);
    let transaction = TransactionId([ASKED.fetch_add(1, std::sync::atomic::Ordering::Relaxed); 12]);
    let request = encode_request(transaction, form, change).unwrap();
    let begun = Instant::now();
    let mut buffer = [0; 2048];
    socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    while begun.elapsed() < PATIENCE {
        assert!(turnserver.0.try_wait().unwrap().is_none(), "turnserver ended early");
        socket.send_to(&request, server).unwrap();
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let response = decode_response(&buffer[..length]).unwrap();
            // Answers to earlier copies of earlier requests are passed over.
            if response.transaction == transaction {
                return (from, response);
            }
        }
    }
    panic!("turnserver does not answer {form:?} {change:?}");
}

#[track_caller]
fn assert_contains(heard: &str, expected: &str) {
    assert!(heard.contains(expected), "{expected:?} is not in:\n{heard}");
}
