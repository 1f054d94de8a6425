//! Tailscale's Rust netcheck (`ts_netcheck`) against our relay on loopback.
#![cfg(target_os = "linux")]

use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use natscope::drive::relay::{Relay, RelayOptions};
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
    install_provider();
    let mut options = RelayOptions::loopback(1);
    // `ts_netcheck` binds a wildcard socket of either family; without IPv6 there is one half to test.
    let has_v6 = options.stun_addrs.iter().any(SocketAddr::is_ipv6);
    if !has_v6 {
        // Past the test harness, which keeps to itself what a passing test prints.
        let _ = writeln!(std::io::stderr(), "NOT RUN: the IPv6 half, there is no IPv6 on loopback");
        assert!(std::env::var_os("NATSCOPE_REQUIRE_TOOLS").is_none_or(|value| value != "1"));
    }
    options.https_addrs.clear();
    options.http_addrs.clear();
    let relay = Relay::bind(options).unwrap();
    let servers = relay.stun_addrs().to_vec();
    assert_eq!(servers.len(), if has_v6 { 2 } else { 1 });
    let _relay = relay.spawn();
    let prober = StunProber::try_new().await.unwrap();
    for server in servers {
        let (_, mapped) = timeout(PATIENCE, prober.measure(server)).await.expect("an answer it can read").unwrap();
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
