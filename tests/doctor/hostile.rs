//! Servers that mean ill: an end within bounds, and a finding.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::certificates::{self_signed, usual};
use crate::patient::{doctor, examined};
use crate::servers::{Answer, as_a_relay, page, serve, text, wants, web};

/// What everything has to end in.
const BOUND: Duration = Duration::from_secs(12);

async fn ends_with(code: &str, fields: serde_json::Value) {
    let begun = tokio::time::Instant::now();
    let seen = examined(&fields).await;
    assert!(seen.codes(true).contains(&code), "{:?}", seen.report["findings"]);
    assert_eq!(seen.exit, 1);
    assert!(begun.elapsed() < BOUND, "{:?}", begun.elapsed());
}

async fn web_ends_with(code: &str, answer: fn(&str) -> Answer) {
    let address = web(&usual(), answer).await;
    ends_with(code, json!({ "DERPPort": address.port() })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn endless_headers() {
    web_ends_with("HTTP-007", |_| Answer::Endless(b"HTTP/1.1 200 OK\r\nA: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endless_body() {
    web_ends_with("HTTP-001", |_| Answer::Endless(b"HTTP/1.1 200 OK\r\n\r\naaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_drip() {
    web_ends_with("HTTP-007", |_| Answer::Drip(b"HTTP/1.1 200 OK and so on and so on ")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redirects_to_elsewhere_are_told_and_not_followed() {
    web_ends_with("HTTP-001", |_| page("301 Moved Permanently", "Location: https://127.0.0.1:1/\r\n", "")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_of_garbage() {
    web_ends_with("DERP-001", |head| {
        if wants(head, "derp") {
            let mut bytes = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: DERP\r\n\r\n".to_vec();
            // A key of 4 GiB.
            bytes.extend_from_slice(&[1, 0xff, 0xff, 0xff, 0xff, 0x44, 0x45]);
            return Answer::Hang(bytes);
        }
        as_a_relay(head)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn escape_sequences_do_not_reach_the_terminal() {
    let address =
        web(&usual(), |_| text("HTTP/1.1 403 No\r\nServer: \u{1b}]0;owned\u{7}x\r\nContent-Length: 0\r\n\r\n")).await;
    let seen = examined(&json!({ "DERPPort": address.port() })).await;
    assert!(!seen.report.to_string().contains(['\u{1b}', '\u{7}']));
    assert_eq!(seen.codes(true), ["HTTP-001"]);
}

/// Certificates without end: each of them is small, the chain of them is not.
#[tokio::test(flavor = "multi_thread")]
async fn a_huge_chain_of_certificates() {
    let mut identity = self_signed(&["localhost"]);
    for _ in 0..400 {
        identity.chain.push(identity.chain[0].clone());
    }
    let address = web(&identity, as_a_relay).await;
    let seen = examined(&json!({ "DERPPort": address.port() })).await;
    assert!(seen.codes(true).iter().any(|code| code.starts_with("TLS-")), "{:?}", seen.report["findings"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn random_bytes_in_place_of_tls() {
    let address = serve(|mut stream: TcpStream| async move {
        let bytes: Vec<u8> =
            (0..4096_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24).to_le_bytes()[0]).collect();
        let _ = stream.write_all(&bytes).await;
        tokio::time::sleep(Duration::from_secs(30)).await;
    })
    .await;
    ends_with("TLS-001", json!({ "DERPPort": address.port() })).await;
}

/// The most memory the program ever had, with a server that sends as fast as it can.
#[tokio::test(flavor = "multi_thread")]
#[cfg(target_os = "linux")]
async fn memory_stays_bounded() {
    use std::process::Stdio;

    let address: SocketAddr = web(&usual(), |_| Answer::Endless(&[b'a'; 16_000])).await;
    let map = crate::patient::map(&json!({ "DERPPort": address.port() }));
    let mut child = crate::patient::program()
        .args(["doctor", "own", "--json", "--derp-map"])
        .arg(map.path())
        .env("SSL_CERT_FILE", crate::certificates::authority_file())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0_u64;
    while child.try_wait().unwrap().is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let peak =
            text.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.trim().parse().ok());
        most = most.max(peak.unwrap_or(0));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(most > 0 && most < 80 * 1024, "{most} KiB");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_refuses() {
    let proxy =
        serve(|stream: TcpStream| crate::servers::answered(Box::new(stream), |_| page("403 Forbidden", "", ""))).await;
    let output = tokio::task::spawn_blocking(move || {
        crate::patient::program()
            .args(["doctor", "--json", "https://203.0.113.9", "--stun-port=0"])
            .env("HTTPS_PROXY", format!("http://{proxy}"))
            .output()
            .unwrap()
    });
    let seen = crate::patient::read(&output.await.unwrap());
    assert_eq!(seen.codes(true), ["TCP-002"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn replay_says_the_same_again() {
    let address = web(&usual(), |_| page("404 Not Found", "", "")).await;
    // A map with a mistake in it: a key that nothing reads.
    let map = crate::patient::map(&json!({ "DERPPort": address.port(), "StunPort ": 3478 }));
    let file = tempfile::NamedTempFile::new().unwrap();
    let (map, file) = (map.path().to_str().unwrap(), file.path().to_str().unwrap());
    let live = doctor(["own", "--derp-map", map, "--save", file]).await;
    let again = doctor(["--replay", file, "-v"]).await;
    assert!(live.report.get("probes").is_none() && again.report["probes"].as_array().is_some_and(|it| !it.is_empty()));
    assert_eq!(live.report["doctor"], again.report["doctor"]);
    let all = |seen: &crate::patient::Seen| {
        let findings = seen.report["findings"].as_array().unwrap().iter();
        findings.map(|finding| (finding["code"].clone(), finding["severity"].clone())).collect::<Vec<_>>()
    };
    assert!(all(&live).iter().any(|(code, _)| code.as_str().unwrap().starts_with("MAP-")), "{:?}", all(&live));
    assert_eq!(all(&live), all(&again));
    for with in [["--compare", file], ["--save", file], ["--long=1s", "own"]] {
        let output = crate::patient::program().args(["doctor", "--replay", file]).args(with).output().unwrap();
        assert_eq!(output.status.code(), Some(64), "{with:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    for broken in ["{}", "[1]", "{\"schema\":1,\"inputs\":{\"command\":\"doctor\"}}", "not json"] {
        std::fs::write(file, broken).unwrap();
        let output = crate::patient::program().args(["doctor", "--replay", file]).output();
        assert_eq!(output.unwrap().status.code(), Some(64), "{broken}");
    }
}

/// Every number of a saved report, one sort after the other, is put at the ends of what a number can be: the file is refused
/// or concluded from, and nothing breaks.
#[tokio::test(flavor = "multi_thread")]
async fn absurd_numbers_in_a_saved_report() {
    let folder = tempfile::tempdir().unwrap();
    let (_relay, https, stun) = crate::servers::secure_relay(&usual(), folder.path());
    let map = crate::patient::map(&json!({ "DERPPort": https.port(), "STUNPort": stun }));
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap().to_owned();
    let live =
        doctor(["own", "--derp-map", map.path().to_str().unwrap(), "--local", "--long=1s", "--save", &path]).await;
    assert!(live.report["doctor"].is_object());
    let saved: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let mut keys = std::collections::BTreeSet::new();
    numbers(&saved, "", &mut keys);
    assert!(keys.contains("not_after") && keys.contains("date_ahead_s") && keys.contains("now_unix_s"), "{keys:?}");
    let extremes =
        [json!(i64::MIN), json!(i64::MAX), json!(u64::MAX), json!(-1), json!(0), json!(1e308), json!(86_400_000)];
    for key in &keys {
        for extreme in &extremes {
            let mut changed = saved.clone();
            replace(&mut changed, "", key, extreme);
            std::fs::write(&path, changed.to_string()).unwrap();
            let output = crate::patient::program().args(["doctor", "--replay", &path, "-v"]).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            let code = output.status.code();
            assert!(matches!(code, Some(0..=3 | 64)), "{key} = {extreme}: {code:?} {said}");
            assert!(!said.contains("panicked"), "{key} = {extreme}: {said}");
        }
    }
}

/// The keys under which there are numbers.
fn numbers(value: &Value, under: &str, keys: &mut std::collections::BTreeSet<String>) {
    match value {
        Value::Object(object) => object.iter().for_each(|(key, value)| numbers(value, key, keys)),
        Value::Array(items) => items.iter().for_each(|value| numbers(value, under, keys)),
        Value::Number(_) => {
            keys.insert(under.to_owned());
        }
        _ => {}
    }
}

/// Puts a number in the place of all those under a key.
fn replace(value: &mut Value, under: &str, wanted: &str, number: &Value) {
    match value {
        Value::Object(object) => object.iter_mut().for_each(|(key, value)| replace(value, key, wanted, number)),
        Value::Array(items) => items.iter_mut().for_each(|value| replace(value, under, wanted, number)),
        Value::Number(_) if under == wanted => *value = number.clone(),
        _ => {}
    }
}
