//! Running the program, and reading what it says.

use std::ffi::OsStr;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

/// Longer than any set-up takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the program said.
pub(crate) struct Seen {
    pub(crate) report: Value,
    pub(crate) exit: i32,
}

impl Seen {
    /// Codes that are warnings or worse, or all. What the maps of these tests are told (loopback, no STUN) is left out: the
    /// lint has tests of its own.
    pub(crate) fn codes(&self, serious: bool) -> Vec<&str> {
        let findings = self.report["findings"].as_array().unwrap();
        let counts = |finding: &&Value| !serious || finding["severity"] != "info";
        let codes = findings.iter().filter(counts).map(|finding| finding["code"].as_str().unwrap());
        codes.filter(|code| !code.starts_with("MAP-")).collect()
    }

    pub(crate) fn finding(&self, code: &str) -> &Value {
        let findings = self.report["findings"].as_array().unwrap();
        findings.iter().find(|finding| finding["code"] == code).unwrap_or_else(|| panic!("no {code}: {findings:#?}"))
    }

    /// The state of a layer of the only relay.
    pub(crate) fn layer(&self, name: &str) -> &str {
        let layers = self.report["doctor"]["nodes"][0]["layers"].as_array().unwrap();
        layers.iter().find(|layer| layer["layer"] == name).unwrap()["state"].as_str().unwrap()
    }

    pub(crate) fn took_ms(&self) -> f64 {
        self.report["took_ms"].as_f64().unwrap()
    }
}

/// The program, without the settings of whoever runs the tests.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_natscope"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("NATSCOPE_")) {
        command.env_remove(name);
    }
    command.env("NATSCOPE_CONFIG", "none");
    command
}

/// `natscope doctor` with these arguments, trusting the certificates of these tests.
pub(crate) async fn doctor<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Seen {
    let mut command = program();
    command.args(["doctor", "--json"]).args(arguments);
    command.env("SSL_CERT_FILE", crate::certificates::authority_file()).env_remove("SSL_CERT_DIR");
    for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    let running = tokio::task::spawn_blocking(move || command.output().unwrap());
    read(&tokio::time::timeout(PATIENCE, running).await.expect("an end").unwrap())
}

/// What came out of a run.
pub(crate) fn read(output: &std::process::Output) -> Seen {
    let said = String::from_utf8_lossy(&output.stderr);
    let report = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}{said}", String::from_utf8_lossy(&output.stdout)));
    crate::tools::program::assert_valid(&report);
    Seen { report, exit: output.status.code().unwrap_or_else(|| panic!("killed: {said}")) }
}

/// A map with one node, the given fields over the usual ones, in a file.
pub(crate) fn map(fields: &Value) -> tempfile::NamedTempFile {
    let mut node = serde_json::json!({
        "Name": "900a", "RegionID": 900, "HostName": "localhost", "IPv4": "127.0.0.1", "IPv6": "none", "STUNPort": -1,
    });
    for (key, value) in fields.as_object().unwrap() {
        node[key] = value.clone();
    }
    let region = serde_json::json!({ "RegionID": 900, "RegionCode": "own", "RegionName": "Own", "Nodes": [node] });
    let map = serde_json::json!({ "Regions": { "900": region } });
    let file = tempfile::Builder::new().suffix(".json").tempfile().unwrap();
    std::fs::write(file.path(), map.to_string()).unwrap();
    file
}

/// The relay of such a map, examined.
pub(crate) async fn examined(fields: &Value) -> Seen {
    examined_with(fields, &[]).await
}

pub(crate) async fn examined_with(fields: &Value, more: &[&str]) -> Seen {
    let map = map(fields);
    let path = map.path().to_str().unwrap();
    doctor(["own", "--derp-map", path].iter().chain(more)).await
}
