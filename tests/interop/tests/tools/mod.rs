//! Our relay, and Tailscale's client of it.

#![allow(dead_code, reason = "each test takes what it needs")]

use std::net::SocketAddr;
use std::time::Duration;

use natscope::drive::relay::{Relay, RelayHandle, RelayOptions};
use tokio::time::timeout;
use ts_derp::{Client, DefaultClient, IpUsage, ServerConnInfo, TlsValidationConfig};
use ts_keys::NodeKeyPair;

pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// What it can read: a frame of 64 KiB, the sender's key included.
pub(crate) const LARGEST: usize = 65_504;

pub(crate) fn install_provider() {
    // ts_netcheck brings a second one into the graph, and the library then knows no default.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// The relay, and where its HTTPS and its plain HTTP are.
pub(crate) fn start(options: RelayOptions) -> (RelayHandle, SocketAddr, SocketAddr) {
    let relay = Relay::bind(options).unwrap();
    let first = |addresses: &[SocketAddr]| addresses.first().copied().unwrap_or(([0, 0, 0, 0], 0).into());
    let (https, http) = (first(relay.https_addrs()), first(relay.http_addrs()));
    (relay.spawn(), https, http)
}

/// Over TLS, with their code from the first byte.
pub(crate) async fn join_tls(server: SocketAddr, key: &NodeKeyPair) -> DefaultClient {
    let SocketAddr::V4(v4) = server else { panic!("an IPv4 address") };
    let info = ServerConnInfo {
        hostname: v4.ip().to_string(),
        ipv4: IpUsage::FixedAddr(*v4.ip()),
        ipv6: IpUsage::Disable,
        tls_validation_config: TlsValidationConfig::InsecureForTests,
        https_port: server.port(),
        stun_port: None,
        stun_only: false,
        supports_port_80: false,
    };
    timeout(PATIENCE, Client::connect([&info], key)).await.expect("in time").expect("let in")
}

/// Of every length from 1 to the largest, sooner or later, and different from its neighbours.
pub(crate) fn packet(number: usize) -> Vec<u8> {
    let length = match number {
        0 => LARGEST,
        _ => number * 7919 % LARGEST + 1,
    };
    (0..length).map(|index| (number * 31 + index) as u8).collect()
}
