//! The built program: what it answers, when it refuses, how it ends.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};

use crate::tools::program::{NATSCOPE, bare};

pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// An exporter of embedded relays, serving.
pub(crate) struct Program {
    child: Child,
    pub(crate) address: String,
    lines: std::io::Lines<BufReader<ChildStderr>>,
}

impl Program {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut child = exporter(arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut address = String::new();
        let mut said = String::new();
        for line in lines.by_ref() {
            let line = line.unwrap();
            if let Some(rest) = line.strip_prefix("metrics    http://") {
                address = rest.trim_end_matches("/metrics").to_owned();
            }
            if line == "serving" {
                return Self { child, address, lines };
            }
            said.push_str(&line);
        }
        panic!("it does not serve: {said}");
    }

    /// The page once a series is on it.
    pub(crate) fn page_with(&self, series: &str) -> String {
        let began = Instant::now();
        loop {
            let (status, _, page) = ask(&self.address, "GET", "/metrics", "");
            assert_eq!(status, 200);
            if page.contains(series) {
                return page;
            }
            assert!(began.elapsed() < PATIENCE, "no {series} in {page}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    fn ended(mut self) -> (Option<i32>, String) {
        let said: Vec<String> = self.lines.by_ref().map(Result::unwrap).collect();
        (self.child.wait().unwrap().code(), said.join("\n"))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn exporter(arguments: &[&str]) -> Command {
    let mut command = bare(NATSCOPE);
    command.args(["exporter", "--derp-map", "embedded", "--listen", "127.0.0.1:0"]).args(arguments);
    command
}

/// Status, head and body.
pub(crate) fn ask(address: &str, method: &str, path: &str, headers: &str) -> (u16, String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // A head that is too long may be answered, and the connection closed, before all of it is written.
    let _ = write!(stream, "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}\r\n");
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), head.to_lowercase(), body.to_owned())
}

#[test]
fn what_is_measured_is_told() {
    let program = Program::start(&["--doctor", "one", "--every", "1s"]);
    let page = program.page_with("natscope_doctor_layer{target=\"one\",layer=\"derp\",state=\"ok\"} 1");
    for wanted in [
        "# TYPE natscope_runs_total counter\n",
        "natscope_udp_usable{value=\"true\"} 1\n",
        "natscope_udp_usable{value=\"undetermined\"} 0\n",
        "natscope_family_udp_usable{family=\"ipv4\",value=\"true\"} 1\n",
        // Nothing was asked of the router, and so nothing is known of it.
        "natscope_port_mapping{service=\"pcp\",value=\"undetermined\"} 1\n",
        "natscope_region_up{region=\"901\",code=\"one\"} 1\n",
        "natscope_region_loss_ratio{region=\"903\",code=\"three\"} 0\n",
        "natscope_runs_failed_total 0\n",
        "natscope_run_interval_seconds 1\n",
        "natscope_doctor_findings{target=\"one\",severity=\"info\",code=\"DERP-005\"} 1\n",
        "natscope_doctor_certificate_left_seconds{target=\"one\",node=\"901a\"} ",
        "natscope_home_region_id 90",
    ] {
        assert!(page.contains(wanted), "{wanted} in {page}");
    }
    // One measurement follows the other.
    program.page_with("natscope_runs_total 3\n");
    let accept = "Accept: application/openmetrics-text;version=1.0.0\r\n";
    let (status, head, page) = ask(&program.address, "GET", "/metrics", accept);
    assert!(status == 200 && head.contains("content-type: application/openmetrics-text; version=1.0.0"), "{head}");
    assert!(page.ends_with("\n# EOF\n") && page.contains("# UNIT natscope_run_interval_seconds seconds\n"), "{page}");
    program.signal("TERM");
    assert_eq!(program.ended(), (Some(0), String::new()));
}

#[test]
fn the_address_answers_what_it_is_for() {
    let program = Program::start(&[]);
    let get = |path| ask(&program.address, "GET", path, "");
    assert_eq!((get("/healthz").0, get("/healthz").2), (200, "ok\n".to_owned()));
    assert!(get("/").2.contains("/metrics"));
    assert_eq!(get("/debug/varz").0, 404);
    assert_eq!(ask(&program.address, "POST", "/metrics", "").0, 405);
    assert_eq!(ask(&program.address, "HEAD", "/metrics", "").2, "");
    assert_eq!(ask(&program.address, "GET", "/metrics", &format!("X: {}\r\n", "x".repeat(100_000))).0, 431);
    // Those who hold connections do not keep others out.
    let held: Vec<_> = (0..100).map(|_| TcpStream::connect(&program.address).unwrap()).collect();
    assert_eq!(get("/healthz").0, 200);
    drop(held);
    program.signal("INT");
    assert_eq!(program.ended().0, Some(130));
}

/// A relay that says nothing keeps the doctor waiting, and nobody else.
#[test]
fn a_slow_run_keeps_no_scrape_waiting() {
    let mute = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let target = format!("https://{}", mute.local_addr().unwrap());
    let program = Program::start(&["--doctor", &target, "--every", "1s", "--stun-port", "0"]);
    program.page_with("natscope_runs_total 1\n");
    let began = Instant::now();
    for _ in 0..20 {
        let (status, _, page) = ask(&program.address, "GET", "/metrics", "");
        assert_eq!(status, 200);
        assert!(page.contains("natscope_udp_usable{value=\"true\"} 1\n"));
    }
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    program.signal("TERM");
    assert_eq!(program.ended().0, Some(0), "it does not wait for the run either");
}

#[test]
fn what_will_never_do_is_refused() {
    let busy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = busy.local_addr().unwrap().to_string();
    let directory = tempfile::tempdir().unwrap();
    let map = directory.path().join("map.json");
    // Nobody is asked: it is refused before.
    std::fs::write(
        &map,
        r#"{"Regions":{"900":{"RegionID":900,"RegionCode":"far","RegionName":"Far","Nodes":[{"Name":"900a","RegionID":900,
        "HostName":"derp.example.com","IPv4":"203.0.113.9","IPv6":"none"}]}}}"#,
    )
    .unwrap();
    let map = map.to_str().unwrap();
    for (arguments, wanted) in [
        (&["exporter", "--derp-map", "embedded", "--listen", &address][..], "another program has that port"),
        (&["exporter", "--derp-map", "embedded", "--listen", "nowhere"], "write :PORT"),
        (&["exporter", "--derp-map", "embedded", "--listen", "127.0.0.1:0", "--every", "500ms"], "not below 1s"),
        (&["exporter", "--derp-map", map, "--listen", "127.0.0.1:0", "--every", "29s"], "not below 30s"),
        (
            &[
                "exporter",
                "--derp-map",
                "embedded",
                "--listen",
                "127.0.0.1:0",
                "--every",
                "5s",
                "--doctor",
                "203.0.113.9",
            ],
            "not below 30s",
        ),
        (&["exporter", "--derp-map", "embedded", "--listen", "127.0.0.1:0", "--doctor", "nine"], "no region"),
        (&["exporter", "--derp-map", "embedded", "--listen", "127.0.0.1:0", "--redact"], "--redact"),
        (&["exporter", "--derp-map", "no-such-file", "--listen", "127.0.0.1:0"], "no-such-file"),
    ] {
        let output = bare(NATSCOPE).args(arguments).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(64), "{arguments:?}: {said}");
        assert!(said.contains(wanted), "{arguments:?}: {said}");
    }
}
