//! Three real STUN servers: coturn on loopback addresses of its own.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::program::{Files, assert_failure, codes, netcheck, region, report};
use crate::server::stun_region;
use crate::tools::{Running, free_ports, start_coturn};

/// coturn binds its sockets about a second before it reads from them, and this machine may be busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often each situation is measured.
const RUNS: usize = 3;

#[test]
fn three_servers_are_measured_and_a_dead_one_delays_nobody() {
    let mut servers: Vec<(SocketAddr, Running, tempfile::TempDir)> = Vec::new();
    for third in [1_u8, 2, 3] {
        let address = format!("127.0.{third}.1");
        let ports = free_ports(&address);
        let Some((running, directory)) = start_coturn(&[&address], ports) else { return };
        servers.push((SocketAddr::new(address.parse().unwrap(), ports[0]), running, directory));
    }
    let files = Files::new();
    let map = files.map((901..).zip(&servers).map(|(id, server)| stun_region(id, server.0)));
    await_all(&map);

    let measured =
        || -> Vec<Value> { (0..RUNS).map(|_| report(&netcheck(&map, "--json --no-icmp").assert().code(0))).collect() };
    let before = measured();
    for report in &before {
        assert_eq!(report["netcheck"]["udp"]["value"], true);
        assert_eq!(
            report["netcheck"]["ipv4"]["global"]["value"].as_str().unwrap().split(':').next(),
            Some("127.0.0.1")
        );
        assert_eq!(report["netcheck"]["ipv4"]["observed"].as_object().unwrap().len(), 1, "one endpoint, seen by all");
        for id in [901, 902, 903] {
            let region = region(report, id);
            assert_eq!(region["method"], "stun", "{region:#}");
            assert!(region["latency_ms"].as_f64().is_some_and(|latency| latency > 0.0 && latency < 1000.0));
        }
    }

    // The middle one dies.
    drop(servers.remove(1));
    let after = measured();
    for report in &after {
        assert_failure(region(report, 902), "stun", "refused");
        assert_eq!(region(report, 902)["latency_ms"], Value::Null);
        assert_eq!(codes(report), ["NET-003"]);
        for id in [901, 903] {
            assert_eq!(region(report, id)["method"], "stun");
        }
    }
    // The machine still answers to ICMP, which is no answer of its STUN server's.
    let pinged = report(&netcheck(&map, "--json").assert().code(0));
    assert_failure(region(&pinged, 902), "stun", "refused");
    assert_eq!(region(&pinged, 902)["ipv4_ms"], Value::Null);
    // Where this host may not send echo requests, nothing measures the region.
    let told = if region(&pinged, 902)["method"] == "icmp" { "NET-018" } else { "NET-003" };
    assert_eq!(codes(&pinged), [told], "{pinged:#}");

    let (before, after) = (median_took(&before), median_took(&after));
    assert!(after <= 1.5 * before + 300.0, "{before} ms with all three, {after} ms with one dead");
}

#[track_caller]
fn await_all(map: &Path) {
    let begun = Instant::now();
    loop {
        let run = netcheck(map, "--json --fail-on never").assert();
        let heard = report(&run);
        if heard["netcheck"]["regions"].as_array().unwrap().iter().all(|region| region["method"] == "stun") {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "coturn does not answer: {heard:#}");
    }
}

fn median_took(reports: &[Value]) -> f64 {
    let mut took: Vec<f64> = reports.iter().map(|report| report["took_ms"].as_f64().unwrap()).collect();
    took.sort_by(f64::total_cmp);
    took[took.len() / 2]
}
