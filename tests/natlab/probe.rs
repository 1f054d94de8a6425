//! The lab's own witness in the client's namespace: it measures what a scenario claims, with nothing of natscope.

mod services;

use std::collections::HashMap;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::stun;
use super::truth::Truth;
use services::connect;

/// How many requests measure loss and duplicates.
pub const FLOOD: u32 = 600;

/// Handed over in a file.
#[derive(Debug, Deserialize, Serialize)]
pub struct Order {
    pub targets: Vec<Target>,
    pub public: IpAddr,
    /// The prefix of the NAT64, where there is one.
    pub nat64: Ipv6Addr,
    pub certificate: PathBuf,
    pub truth: Truth,
}

#[derive(Debug, Deserialize, Serialize)]
pub struct Target {
    pub v4: Ipv4Addr,
    pub v6: Option<Ipv6Addr>,
    /// Silence is concluded from no earlier than this after a packet.
    pub longest_ms: f64,
}

/// The role: prints an object with a fact for each truth that was given. Mapping and filtering come first and each
/// on sockets of its own; the rest does not disturb the NAT's verdict.
pub fn run() {
    let path = std::env::args().nth(1).expect("the order's path");
    let order: Order = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let Value::Object(mut facts) = serde_json::to_value(&order.truth).unwrap() else { unreachable!("a table") };
    let mapping = facts.contains_key("mapping").then(|| mapping(&order));
    for (key, fact) in &mut facts {
        *fact = match key.as_str() {
            "mapping" => json!(mapping.as_ref().expect("measured").behaviour),
            "port_preservation" => json!(mapping.as_ref().expect("needs mapping").preserved),
            "public_address" => json!(mapping.as_ref().expect("needs mapping").seen == Some(order.public)),
            "filtering" => filtering(&order),
            "hairpinning" => json!(hairpinning(&order)),
            "udp_error" => json!(udp_error(&order)),
            "udp6" => json!(order.targets.iter().all(udp6)),
            "nat64" => json!(order.targets.iter().all(|target| beyond_nat64(&order, target))),
            "tcp_443" => json!(connect(SocketAddr::from((order.targets[0].v4, 443)), order.targets[0].longest_ms).0),
            "https" => json!(order.targets.iter().enumerate().all(|(n, target)| services::https(
                n,
                target,
                &order.certificate
            ))),
            "port_80" => json!(services::port_80(&order.targets[0])),
            "dns" => json!(services::dns()),
            "rtt" => rtt(&order),
            "loss_percent" => json!(flood(&order.targets[0]).0),
            "duplicate_percent" => json!(flood(&order.targets[0]).1),
            "nat_pmp" => json!(services::nat_pmp()),
            "upnp" => json!(services::ssdp()),
            "proxy" => json!(services::proxy(&order.targets[0])),
            other => panic!("no measurement of {other}"),
        };
    }
    println!("{}", Value::Object(facts));
}

struct Mapping {
    behaviour: &'static str,
    preserved: Option<bool>,
    seen: Option<IpAddr>,
}

fn mapping(order: &Order) -> Mapping {
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    let wait = longest(&order.targets);
    let mut destinations =
        vec![SocketAddr::from((order.targets[0].v4, 3478)), SocketAddr::from((order.targets[0].v4, 3479))];
    destinations.extend(order.targets[1..].iter().map(|target| SocketAddr::from((target.v4, 3478))));
    let mapped: Vec<_> = destinations.iter().map(|to| ask(&socket, *to, 0, wait).map(|(mapped, _)| mapped)).collect();
    let Some(first) = mapped[0] else { return Mapping { behaviour: "none", preserved: None, seen: None } };
    let local = SocketAddr::new(local_address(destinations[0]), socket.local_addr().unwrap().port());
    let elsewhere: Vec<_> = mapped[2..].iter().flatten().collect();
    assert!(!elsewhere.is_empty(), "only one server answers: no word on the mapping");
    let same = elsewhere.iter().all(|other| **other == first);
    let behaviour = match mapped[1] {
        _ if same && first == local => "direct",
        _ if same && mapped[1] == Some(first) => "endpoint-independent",
        Some(other) if other != first => "address-and-port-dependent",
        Some(_) => "address-dependent",
        None => panic!("the second port of the first server is silent"),
    };
    Mapping { behaviour, preserved: Some(first.port() == local.port()), seen: Some(first.ip()) }
}

/// On a socket that has only talked to the first server's first endpoint.
fn filtering(order: &Order) -> Value {
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    let to = SocketAddr::from((order.targets[0].v4, 3478));
    let wait = longest(&order.targets[..1]);
    if ask(&socket, to, 0, wait).is_none() {
        return json!("none");
    }
    let heard = |change| ask(&socket, to, change, wait).map(|(_, from)| from);
    if let Some(from) = heard(stun::CHANGE_IP | stun::CHANGE_PORT) {
        assert!(from.ip() != to.ip() && from.port() != to.port(), "the server did not change: {from}");
        return json!("endpoint-independent");
    }
    let other_port = heard(stun::CHANGE_PORT);
    json!(if other_port.is_some() { "address-dependent" } else { "address-and-port-dependent" })
}

/// From one socket to where another is seen from outside, and the outside source it should come from.
fn hairpinning(order: &Order) -> bool {
    let [one, other] = [(); 2].map(|()| UdpSocket::bind("0.0.0.0:0").unwrap());
    let to = SocketAddr::from((order.targets[0].v4, 3478));
    let wait = longest(&order.targets[..1]);
    let mapped = |socket| ask(socket, to, 0, wait).expect("a mapped endpoint").0;
    let (source, destination) = (mapped(&one), mapped(&other));
    other.set_read_timeout(Some(wait.max(Duration::from_millis(200)))).unwrap();
    let _ = one.send_to(b"hairpin", destination);
    let mut buffer = [0; 64];
    other.recv_from(&mut buffer).is_ok_and(|(length, from)| &buffer[..length] == b"hairpin" && from == source)
}

fn udp_error(order: &Order) -> &'static str {
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    socket.connect((order.targets[0].v4, 3478)).unwrap();
    socket.set_read_timeout(Some(longest(&order.targets[..1]))).unwrap();
    let _ = socket.send(&stun::encode_request([1; 12], 0));
    match socket.recv(&mut [0; 1500]).map_err(|e| e.kind()) {
        Ok(_) => "answered",
        Err(ErrorKind::HostUnreachable) => "host-unreachable",
        Err(ErrorKind::ConnectionRefused) => "connection-refused",
        Err(ErrorKind::WouldBlock | ErrorKind::TimedOut) => "silent",
        Err(_) => "other",
    }
}

fn udp6(target: &Target) -> bool {
    let socket = UdpSocket::bind("[::]:0").unwrap();
    let to = SocketAddr::from((target.v6.expect("an IPv6 address"), 3478));
    ask(&socket, to, 0, longest(std::slice::from_ref(target))).is_some()
}

fn beyond_nat64(order: &Order, target: &Target) -> bool {
    let socket = UdpSocket::bind("[::]:0").unwrap();
    let bits = u128::from(order.nat64) | u128::from(u32::from(target.v4));
    let to = SocketAddr::from((Ipv6Addr::from(bits), 3478));
    ask(&socket, to, 0, longest(std::slice::from_ref(target))).is_some_and(|(mapped, _)| mapped.ip() == order.public)
}

/// One question, up to seven copies close to each other: `(mapped endpoint, where the answer came from)`.
fn ask(socket: &UdpSocket, to: SocketAddr, change: u32, wait: Duration) -> Option<(SocketAddr, SocketAddr)> {
    let transactions: Vec<[u8; 12]> = (0..7).map(|_| transaction()).collect();
    let mut buffer = [0; 2048];
    for (n, copy) in transactions.iter().enumerate() {
        let _ = socket.send_to(&stun::encode_request(*copy, change), to);
        let last = n + 1 == transactions.len();
        let deadline = Instant::now() + if last { wait } else { wait.min(Duration::from_millis(30)) };
        while let Some(left) = deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            socket.set_read_timeout(Some(left)).unwrap();
            let Ok((length, from)) = socket.recv_from(&mut buffer) else { break };
            if let Some((id, mapped)) = stun::decode_response(&buffer[..length])
                && transactions.contains(&id)
            {
                return Some((mapped, from));
            }
        }
    }
    None
}

/// The least of several, which is what a distance is; both kinds by turns, so that no burst of load spoils all of one.
fn rtt(order: &Order) -> Value {
    let measure = |target: &Target| {
        let wait = longest(std::slice::from_ref(target));
        let (mut udp, mut tcp) = (f64::INFINITY, f64::INFINITY);
        for _ in 0..if target.longest_ms > 400.0 { 4 } else { 12 } {
            let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
            let start = Instant::now();
            if ask(&socket, SocketAddr::from((target.v4, 3478)), 0, wait).is_some() {
                udp = udp.min(start.elapsed().as_secs_f64() * 1000.0);
            }
            tcp = tcp.min(connect(SocketAddr::from((target.v4, 443)), target.longest_ms).1);
        }
        json!({"udp_ms": udp, "tcp_ms": tcp})
    };
    thread::scope(|scope| {
        let all: Vec<_> = order.targets.iter().map(|target| scope.spawn(move || measure(target))).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    })
}

/// `(unanswered, answered more than once)` of [`FLOOD`] requests, in percent.
fn flood(target: &Target) -> (f64, f64) {
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    let to = SocketAddr::from((target.v4, 3478));
    let listening = socket.try_clone().unwrap();
    listening.set_read_timeout(Some(longest(std::slice::from_ref(target)))).unwrap();
    let listener = thread::spawn(move || {
        let mut answers: HashMap<[u8; 12], u32> = HashMap::new();
        let mut buffer = [0; 2048];
        while let Ok(length) = listening.recv(&mut buffer) {
            if let Some((id, _)) = stun::decode_response(&buffer[..length]) {
                *answers.entry(id).or_default() += 1;
            }
        }
        answers
    });
    for _ in 0..FLOOD {
        let _ = socket.send_to(&stun::encode_request(transaction(), 0), to);
        thread::sleep(Duration::from_micros(700));
    }
    let answers = listener.join().unwrap();
    let percent = |count: usize| count as f64 * 100.0 / f64::from(FLOOD);
    (100.0 - percent(answers.len()), percent(answers.values().filter(|count| **count > 1).count()))
}

fn local_address(to: SocketAddr) -> IpAddr {
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    socket.connect(to).unwrap();
    socket.local_addr().unwrap().ip()
}

fn longest(targets: &[Target]) -> Duration {
    let longest = targets.iter().map(|target| target.longest_ms).fold(0.0, f64::max);
    Duration::from_secs_f64((longest + 60.0) / 1000.0)
}

fn transaction() -> [u8; 12] {
    let mut bytes = [0; 12];
    getrandom::fill(&mut bytes).unwrap();
    bytes
}
