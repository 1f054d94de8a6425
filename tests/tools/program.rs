//! The built binary, and what it prints.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

/// Where the binary is.
pub(crate) const NATSCOPE: &str = env!("CARGO_BIN_EXE_natscope");

/// A program in an environment that holds nothing of this machine's: no settings, no proxy, no language, no cache.
pub(crate) fn bare(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy().to_uppercase();
        if text.starts_with("NATSCOPE_") || text.ends_with("_PROXY") || text.starts_with("LC_") {
            command.env_remove(&name);
        }
    }
    command
        .env("LANG", "C.UTF-8")
        // The default gateway is beyond loopback.
        .env("NATSCOPE_NO_PORTMAP", "1")
        .env("NATSCOPE_CONFIG", "none")
        .env("NATSCOPE_CACHE_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"))
        .env_remove("STATE_DIRECTORY")
        .stdin(Stdio::null());
    command
}

/// Whether a program can be started by its name.
pub(crate) fn installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
}

/// That a report is what the schema says.
#[track_caller]
pub(crate) fn assert_valid(report: &Value) {
    let schema = serde_json::from_str(natscope::render::json::SCHEMA).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let problems: Vec<String> =
        validator.iter_errors(report).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(problems.is_empty(), "{problems:#?}");
}

/// The codes of a report's findings.
pub(crate) fn codes(report: &Value) -> Vec<&str> {
    report["findings"].as_array().unwrap().iter().map(|finding| finding["code"].as_str().unwrap()).collect()
}
