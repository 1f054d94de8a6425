//! Over TLS: the relay's own certificate is known by its pin, which a map tells, and by nothing else.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::program::{Running, free_address, listen, ping};

/// A relay with a certificate of its own, and maps that name it.
struct Pinned {
    _relay: Running,
    url: String,
    pin: String,
    folder: TempDir,
}

impl Pinned {
    fn start() -> Self {
        let at = free_address();
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let relay = Running::start(&format!(
            "relay --open --addr {at} --stun-addr 127.0.0.1:0 --cert-dir {} --key {}",
            path("certificates"),
            path("relay.key")
        ));
        let pin = relay.line("Pin ").split_whitespace().last().unwrap().to_owned();
        relay.line("serving");
        Self { _relay: relay, url: format!("https://{at}"), pin, folder }
    }

    /// A map whose region `own` is this relay, with this certificate name.
    fn map(&self, cert_name: &str) -> PathBuf {
        let port: u16 = self.url.rsplit(':').next().unwrap().parse().unwrap();
        let node = json!({
            "Name": "901a", "RegionID": 901, "HostName": "127.0.0.1", "IPv4": "127.0.0.1", "IPv6": "none",
            "CertName": cert_name, "DERPPort": port, "STUNPort": -1
        });
        let region = json!({ "RegionID": 901, "RegionCode": "own", "RegionName": "Own", "Nodes": [node] });
        let file = self.folder.path().join(format!("{}.json", cert_name.len()));
        std::fs::write(&file, json!({ "Regions": { "901": region } }).to_string()).unwrap();
        file
    }
}

fn through(map: &Path, via: &str) -> String {
    format!("--via {via} --derp-map {}", map.display())
}

#[track_caller]
fn assert_tls_failure(report: &Value) {
    let relay = &report["ping"]["relays"][0];
    assert!(relay["joined"] != true && relay["failure"]["stage"] == "tls", "{report:#}");
    assert!(relay["failure"]["cause"].is_string(), "{report:#}");
}

#[test]
fn the_pin_of_the_map_is_enough() {
    let relay = Pinned::start();
    let map = relay.map(&relay.pin);
    // By code and by number.
    let (_listener, key) = listen(&through(&map, "own"));
    let (report, code) = ping(&format!("{key} {} -c 3 -i 50ms", through(&map, "901")));
    assert_eq!((code, &report["ping"]["received"]), (Some(0), &3.into()), "{report:#}");
    assert_eq!(report["ping"]["relay"], "own");
}

#[test]
fn another_pin_is_another_relay() {
    let relay = Pinned::start();
    let map = relay.map(&format!("sha256-raw:{}", "0".repeat(64)));
    let (report, code) = ping(&format!("nodekey:{} {} -c 1 --timeout 4s", "ab".repeat(32), through(&map, "own")));
    assert_eq!(code, Some(2), "{report:#}");
    assert_tls_failure(&report);
}

#[test]
fn without_a_pin_it_takes_a_word_to_trust_it() {
    let relay = Pinned::start();
    let url = &relay.url;
    let (report, code) = ping(&format!("nodekey:{} --via {url} -c 1 --timeout 4s", "ab".repeat(32)));
    assert_eq!(code, Some(2), "{report:#}");
    assert_tls_failure(&report);
    let (_listener, key) = listen(&format!("--via {url} --insecure"));
    let (report, code) = ping(&format!("{key} --via {url} --insecure -c 2 -i 50ms"));
    assert_eq!((code, &report["ping"]["received"]), (Some(0), &2.into()), "{report:#}");
}

#[test]
fn a_region_the_map_does_not_have_is_a_wrong_argument() {
    let relay = Pinned::start();
    let map = relay.map(&relay.pin);
    let line = format!("ping nodekey:{} {}", "ab".repeat(32), through(&map, "elsewhere"));
    let output = crate::program::natscope(&line).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(64), "{said}");
    assert!(said.contains("elsewhere") && said.contains("own"), "{said}");
}
