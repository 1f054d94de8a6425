//! A real Prometheus reads the page, scrapes it and answers what was on it.

use std::io::Write as _;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::program::{PATIENCE, Program, ask};
use crate::tools::program::installed;
use crate::tools::{not_run, start};

const DOCTORED: &str = "natscope_doctor_layer{target=\"one\",layer=\"derp\",state=\"ok\"} 1";

#[test]
fn promtool_has_nothing_to_say_against_the_page() {
    if !installed("promtool") {
        return not_run("promtool");
    }
    let program = Program::start(&["--doctor", "one"]);
    let page = program.page_with(DOCTORED);
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    promtool.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success() && said.trim().is_empty(), "{said}");
}

/// The values that a query has for its answer.
fn values(address: &str, query: &str) -> Vec<(Value, f64)> {
    let escaped: String = query.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let (status, _, body) = ask(address, "GET", &format!("/api/v1/query?query={escaped}"), "");
    if status != 200 {
        return Vec::new();
    }
    // The body may come in chunks.
    let (from, to) = (body.find('{').unwrap(), body.rfind('}').unwrap());
    let answer: Value = serde_json::from_str(&body[from..=to]).unwrap();
    let result = answer["data"]["result"].as_array().unwrap();
    result.iter().map(|one| (one["metric"].clone(), one["value"][1].as_str().unwrap().parse().unwrap())).collect()
}

#[test]
fn prometheus_scrapes_it() {
    if !installed("prometheus") {
        return not_run("prometheus");
    }
    let program = Program::start(&["--doctor", "one", "--every", "1s"]);
    program.page_with(DOCTORED);
    let directory = tempfile::tempdir().unwrap();
    let config = format!(
        "global: {{scrape_interval: 1s}}\nscrape_configs:\n  - job_name: natscope\n    static_configs:\n      - targets: \
         ['{}']\n",
        program.address
    );
    std::fs::write(directory.path().join("prometheus.yml"), config).unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("127.0.0.1:{port}");
    let mut command = Command::new("prometheus");
    command
        .current_dir(directory.path())
        .args(["--config.file=prometheus.yml", "--storage.tsdb.path=data", "--log.level=error"])
        .arg(format!("--web.listen-address={address}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let Some(_prometheus) = start(&mut command) else { return };
    let began = Instant::now();
    while std::net::TcpStream::connect(&address).is_err()
        || !values(&address, "up{job=\"natscope\"}").iter().any(|(_, up)| *up == 1.0)
    {
        assert!(began.elapsed() < PATIENCE, "it is not up");
        std::thread::sleep(Duration::from_millis(200));
    }
    // Read as OpenMetrics, with as many series as there are in the text.
    for (query, count, wanted) in [
        ("natscope_udp_usable{value=\"true\"}", 1, 1.0),
        ("natscope_region_up", 3, 1.0),
        ("natscope_home_region_info", 1, 1.0),
        ("natscope_doctor_layer{layer=\"derp\",state=\"ok\"}", 1, 1.0),
        ("natscope_runs_failed_total", 1, 0.0),
    ] {
        let found = values(&address, query);
        assert!(found.len() == count && found.iter().all(|(_, value)| *value == wanted), "{query}: {found:?}");
    }
    let latencies = values(&address, "natscope_region_latency_seconds");
    assert!(latencies.len() == 3 && latencies.iter().all(|(_, took)| (0.0..5.0).contains(took)), "{latencies:?}");
}
