//! Tailscale's Rust netcheck (`ts_netcheck`) against our relay on loopback.
#![cfg(target_os = "linux")]

use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use natscope::drive::relay::{Relay, RelayOptions};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use ts_derp::{IpUsage, ServerConnInfo, TlsValidationConfig};
use ts_netcheck::{StunProber, https, measure_https_latency};

const PATIENCE: Duration = Duration::from_secs(10);

/// Two providers are in this graph, so that rustls cannot choose one itself.
fn install_provider() {
    // An error says that another test of this process was first.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

#[tokio::test]
async fn its_stun_prober_reads_our_answers() {
    let relay = Relay::bind(stun_alone()).unwrap();
    let servers = relay.stun_addrs().to_vec();
    let _relay = relay.spawn();
    measure_each(&servers).await;
}

/// With a program on the loopback interface of this machine, which is gone when the test is.
#[tokio::test]
async fn its_stun_prober_reads_the_answers_of_the_kernel() {
    let mut options = stun_alone();
    options.stun_in_kernel = vec!["lo".to_owned()];
    options.metrics_addrs = vec![SocketAddr::from(([127, 0, 0, 1], 0))];
    let relay = match Relay::bind(options) {
        Ok(relay) => relay,
        Err(error) => return not_run(&format!("the answers of the kernel: {error}")),
    };
    let (servers, metrics) = (relay.stun_addrs().to_vec(), relay.metrics_addrs()[0]);
    let _relay = relay.spawn();
    let end = tokio::time::Instant::now() + PATIENCE;
    let mut before = None;
    loop {
        measure_each(&servers).await;
        // Counted every second.
        tokio::time::sleep(Duration::from_millis(1500)).await;
        let mut stream = TcpStream::connect(metrics).await.unwrap();
        let request = format!("GET /metrics HTTP/1.1\r\nHost: {metrics}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut page = String::new();
        stream.read_to_string(&mut page).await.unwrap();
        let counted = page.lines().find_map(|line| line.strip_prefix("natscope_stun_in_kernel ")).expect(&page);
        let counted: u64 = counted.parse().unwrap();
        // All of a turn, and not one of them in each.
        if before.replace(counted).is_some_and(|before| counted == before + servers.len() as u64) {
            return;
        }
        assert!(tokio::time::Instant::now() < end, "the kernel answers: {page}");
    }
}

/// STUN on loopback. `ts_netcheck` binds a wildcard socket of either family; without IPv6 there is one half to test.
fn stun_alone() -> RelayOptions {
    install_provider();
    let mut options = RelayOptions::loopback(1);
    if !options.stun_addrs.iter().any(SocketAddr::is_ipv6) {
        not_run("the IPv6 half: there is no IPv6 on loopback");
    }
    options.https_addrs.clear();
    options.http_addrs.clear();
    options
}

/// Past the test harness, which keeps to itself what a passing test prints.
fn not_run(why: &str) {
    let _ = writeln!(std::io::stderr(), "NOT RUN: {why}");
    assert!(std::env::var_os("NATSCOPE_REQUIRE_TOOLS").is_none_or(|value| value != "1"), "{why}");
}

async fn measure_each(servers: &[SocketAddr]) {
    let prober = StunProber::try_new().await.unwrap();
    for server in servers {
        let (_, mapped) = timeout(PATIENCE, prober.measure(*server)).await.expect("an answer it can read").unwrap();
        assert!(mapped.ip().to_canonical().is_loopback(), "{mapped}");
        assert_ne!(mapped.port(), 0);
    }
}

#[tokio::test]
async fn it_measures_our_https_latency() {
    install_provider();
    let relay = Relay::bind(RelayOptions::loopback(2)).unwrap();
    let server = relay.https_addrs()[0];
    let IpAddr::V4(address) = server.ip() else { panic!("an IPv4 address") };
    // It skips servers with a pinned certificate and trusts no other self-signed one, so the certificate is not
    // checked.
    let info = ServerConnInfo {
        hostname: address.to_string(),
        ipv4: IpUsage::FixedAddr(address),
        ipv6: IpUsage::Disable,
        tls_validation_config: TlsValidationConfig::InsecureForTests,
        https_port: server.port(),
        stun_port: None,
        stun_only: false,
        supports_port_80: false,
    };
    let _relay = relay.spawn();
    let config = https::Config { fail_on_status: true, ..https::Config::default() };
    let measured = timeout(PATIENCE, measure_https_latency([&info], config)).await.expect("an answer in time");
    let (latency, _, remote) = measured.expect("a measurement");
    assert_eq!(remote, server);
    assert!(latency < PATIENCE);
}
