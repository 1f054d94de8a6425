//! The built binary in an environment that holds nothing of this machine's.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use assert_cmd::Command;
use assert_cmd::assert::Assert;
use serde_json::Value;
use tempfile::TempDir;

pub(crate) use crate::tools::program::{assert_valid, codes};
use crate::tools::{self, program::NATSCOPE};

/// No run of these tests takes this long; what does hangs.
const HANG: Duration = Duration::from_secs(60);

/// The binary with these arguments, split at blanks.
pub(crate) fn natscope(arguments: &str) -> Command {
    let mut command = Command::from_std(bare(arguments));
    command.timeout(HANG);
    command
}

/// As [`natscope`], for tests that watch the process while it runs.
pub(crate) fn bare(arguments: &str) -> std::process::Command {
    let mut command = tools::program::bare(NATSCOPE);
    command.args(arguments.split_whitespace());
    command
}

/// Runs a program to its end, and says how much memory it held at most, in KiB.
pub(crate) fn peak_memory(mut command: std::process::Command) -> (std::process::Output, u64) {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let (over, until_over) = std::sync::mpsc::channel::<()>();
    let watcher = std::thread::spawn(move || {
        let mut peak = 0;
        // VmHWM only grows, so the last value seen is the highest but for the last few milliseconds.
        while until_over.recv_timeout(Duration::from_millis(2)) == Err(RecvTimeoutError::Timeout) {
            let text = std::fs::read_to_string(&status).unwrap_or_default();
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
            peak = peak.max(kib.unwrap_or_default());
        }
        peak
    });
    let output = child.wait_with_output().unwrap();
    drop(over);
    (output, watcher.join().unwrap())
}

/// A netcheck of this map.
pub(crate) fn netcheck(map: impl AsRef<OsStr>, arguments: &str) -> Command {
    let mut command = natscope("netcheck --derp-map");
    command.arg(map).args(arguments.split_whitespace());
    command
}

/// A directory for the files of one test.
pub(crate) struct Files(TempDir);

impl Files {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        std::fs::write(self.path(name), bytes).unwrap();
        self.path(name)
    }

    /// Writes a map of these regions.
    pub(crate) fn map(&self, regions: impl IntoIterator<Item = Value>) -> PathBuf {
        self.write("map.json", map(regions).to_string())
    }
}

/// A map of these regions, each with its `RegionID`.
pub(crate) fn map(regions: impl IntoIterator<Item = Value>) -> Value {
    let keyed = regions.into_iter().map(|region| (region["RegionID"].to_string(), region));
    serde_json::json!({ "Regions": keyed.collect::<serde_json::Map<_, _>>() })
}

/// The report a run printed, checked against the schema.
pub(crate) fn report(run: &Assert) -> Value {
    let text = stdout(run);
    let report = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}\n{}", stderr(run)));
    assert_valid(&report);
    report
}

pub(crate) fn stdout(run: &Assert) -> String {
    String::from_utf8(run.get_output().stdout.clone()).unwrap()
}

pub(crate) fn stderr(run: &Assert) -> String {
    String::from_utf8(run.get_output().stderr.clone()).unwrap()
}

/// A region of a report, by id.
#[track_caller]
pub(crate) fn region(report: &Value, id: u64) -> &Value {
    let regions = report["netcheck"]["regions"].as_array().unwrap();
    regions.iter().find(|region| region["id"] == id).unwrap_or_else(|| panic!("no region {id}: {report:#}"))
}

/// A region's failure as stage and kind.
#[track_caller]
pub(crate) fn assert_failure(region: &Value, stage: &str, kind: &str) {
    let failure = &region["failure"];
    assert_eq!((failure["stage"].as_str(), failure["kind"].as_str()), (Some(stage), Some(kind)), "{region:#}");
    assert!(failure["cause"].as_str().is_some_and(|cause| !cause.is_empty()), "{region:#}");
}
