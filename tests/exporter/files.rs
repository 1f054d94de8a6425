//! The dashboard and the alerts name metrics that there are.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use natscope::render::metrics::{Exported, Runs, metrics};

use crate::tools::not_run;
use crate::tools::program::installed;

const RULES: &str = "packaging/prometheus/natscope.rules.yml";
const DASHBOARD: &str = "packaging/grafana/natscope.json";

fn path(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(file)
}

fn text(file: &str) -> String {
    std::fs::read_to_string(path(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The words of a text that begin as metrics do.
fn named(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| word.starts_with("natscope_")).collect()
}

#[test]
fn each_metric_that_is_named_is_one() {
    let exported = Exported { every: Duration::from_secs(60), netcheck: Runs::default(), doctors: Vec::new() };
    let metrics = metrics(&exported);
    let known: BTreeSet<&str> = metrics.iter().map(|metric| metric.name).collect();
    assert_eq!(known.len(), metrics.len(), "a name is one metric's");
    for file in [RULES, DASHBOARD, "tests/exporter/rules.test.yml", "docs/exporter.md"] {
        let text = text(file);
        let named = named(&text);
        assert!(named.len() > 5, "{file} names {named:?}");
        let unknown: Vec<_> = named.difference(&known).collect();
        assert!(unknown.is_empty(), "{file} names {unknown:?}, which nobody tells");
    }
    let page = text("docs/exporter.md");
    let missing: Vec<_> = known.iter().filter(|name| !named(&page).contains(*name)).collect();
    assert!(missing.is_empty(), "docs/exporter.md says nothing of {missing:?}");
}

#[test]
fn the_dashboard_is_json_with_queries() {
    let dashboard: serde_json::Value = serde_json::from_str(&text(DASHBOARD)).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let mut ids = BTreeSet::new();
    for panel in panels {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{panel}");
        for target in panel["targets"].as_array().unwrap() {
            assert!(!named(target["expr"].as_str().unwrap()).is_empty(), "{target}");
            // Otherwise a table shows one series at a time, and no labels.
            assert!(panel["type"] != "table" || target["format"] == "table", "{target}");
        }
    }
    assert!(panels.len() > 8);
}

#[test]
fn promtool_takes_the_alerts_and_they_are_raised_when_they_should() {
    if !installed("promtool") {
        return not_run("promtool");
    }
    let directory = tempfile::tempdir().unwrap();
    for file in [RULES, "tests/exporter/rules.test.yml"] {
        std::fs::copy(path(file), directory.path().join(path(file).file_name().unwrap())).unwrap();
    }
    for arguments in [["check", "rules", "natscope.rules.yml"], ["test", "rules", "rules.test.yml"]] {
        let output = Command::new("promtool").args(arguments).current_dir(directory.path()).output().unwrap();
        let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
        assert!(output.status.success(), "{arguments:?}: {said}");
    }
}
