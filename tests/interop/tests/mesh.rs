//! Tailscale's own DERP client on relays of ours that make one region.

mod tools;

use std::net::SocketAddr;
use std::time::Duration;

use natscope::drive::relay::{Certificates, MeshOptions, RelayHandle, RelayOptions};
use tokio::time::{Instant, timeout};
use tools::{PATIENCE, install_provider, join_tls, packet, start};
use ts_derp::DefaultClient;
use ts_keys::{NodeKeyPair, NodePublicKey};

const PACKETS: usize = 500;

/// Two relays over TLS, each with the pin of the other's certificate.
fn two() -> ([RelayHandle; 2], [SocketAddr; 2], Vec<tempfile::TempDir>) {
    let directories: Vec<_> = (0..2).map(|_| tempfile::tempdir().unwrap()).collect();
    let options = |index: usize| RelayOptions {
        certificates: Certificates::SelfSigned { dir: Some(directories[index].path().to_owned()) },
        ..RelayOptions::loopback(7 + index as u8)
    };
    // They make their certificates, and find free ports.
    let found = [0, 1].map(|index| {
        let relay = natscope::drive::relay::Relay::bind(options(index)).unwrap();
        (relay.https_addrs()[0], relay.cert_pin().unwrap())
    });
    let relays = [0, 1].map(|index| {
        let (address, pin) = &found[1 - index];
        let nodes = vec![format!("{address}={pin}").parse().unwrap()];
        let mesh = Some(MeshOptions { key: "5e".repeat(32).parse().unwrap(), key_file: None, nodes });
        start(RelayOptions { https_addrs: vec![found[index].0], mesh, ..options(index) }).0
    });
    (relays, [found[0].0, found[1].0], directories)
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_two_relays_exchange_packets() {
    install_provider();
    let (relays, [first, second], _directories) = two();
    let (a, b) = (NodeKeyPair::random(), NodeKeyPair::random());
    let (client_a, client_b) = (join_tls(first, &a).await, join_tls(second, &b).await);
    known(&client_a, a.public, &client_b, b.public).await;
    known(&client_b, b.public, &client_a, a.public).await;
    for number in 0..PACKETS {
        // One at a time, so that none can be too many.
        for (from, key_from, to, key_to) in
            [(&client_a, a.public, &client_b, b.public), (&client_b, b.public, &client_a, a.public)]
        {
            let sent = packet(number);
            from.send_one(key_to, &sent).await.unwrap();
            let (source, received) = timeout(PATIENCE, to.recv_one()).await.expect("in time").expect("a packet");
            assert_eq!(source, key_from);
            assert!(received.as_ref() == sent, "packet {number} is not the next one, or not whole");
        }
    }
    for relay in relays {
        relay.stop().await.unwrap();
    }
}

/// Sends until one arrives: relays tell one another of their clients in their own time. All that were sent are taken.
async fn known(from: &DefaultClient, key_from: NodePublicKey, to: &DefaultClient, key_to: NodePublicKey) {
    let began = Instant::now();
    for mark in 0_u32.. {
        assert!(began.elapsed() < PATIENCE, "the relays do not know each other's clients");
        from.send_one(key_to, &mark.to_be_bytes()).await.unwrap();
        if let Ok(received) = timeout(Duration::from_millis(300), to.recv_one()).await {
            let (source, mut got) = received.map(|(source, got)| (source, got.as_ref().to_vec())).expect("a packet");
            assert_eq!(source, key_from);
            while got != mark.to_be_bytes() {
                got = timeout(PATIENCE, to.recv_one()).await.expect("in time").expect("a packet").1.as_ref().to_vec();
            }
            return;
        }
    }
}
