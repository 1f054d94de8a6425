//! `natscope selftest`: what a new user runs first.

use predicates::prelude::*;
use serde_json::Value;

use crate::program::{Files, natscope, report, stderr, stdout};

const FORMATS: [&str; 4] = ["table", "json", "json-line", "markdown"];

#[test]
fn every_format_in_both_languages_is_a_result_and_nothing_else() {
    for format in FORMATS {
        for lang in ["en", "zh-CN"] {
            let run = natscope(&format!("selftest --format {format} --lang {lang}")).assert().code(0).stderr("");
            let text = stdout(&run);
            assert!(!text.contains('\u{1b}'), "{format} {lang} has ANSI codes in a pipe:\n{text}");
            assert!(text.ends_with('\n') && text.contains("one"), "{format} {lang}:\n{text}");
            let chinese = text.chars().any(|char| ('\u{4e00}'..='\u{9fff}').contains(&char));
            // Machines search JSON, so its words are English in every language.
            let is_json = format.starts_with("json");
            assert_eq!(chinese, lang == "zh-CN" && !is_json, "{format} {lang}:\n{text}");
            if format == "json-line" {
                assert_eq!(text.lines().count(), 1);
            }
            if is_json {
                report(&run);
            }
        }
    }
}

#[test]
fn the_report_is_the_truth_about_loopback() {
    let report = report(&natscope("selftest --json -q").assert().code(0).stderr(""));
    assert_eq!(report["command"], "selftest");
    let netcheck = &report["netcheck"];
    assert_eq!(netcheck["udp"]["value"], true);
    assert_eq!(netcheck["ipv4"]["usable"]["value"], true);
    let global = netcheck["ipv4"]["global"]["value"].as_str().unwrap();
    assert!(global.starts_with("127.0.0.1:"), "{global}");
    let regions = netcheck["regions"].as_array().unwrap();
    assert_eq!(regions.len(), 3);
    for region in regions {
        assert_eq!((&region["method"], &region["failure"]), (&Value::from("stun"), &Value::Null), "{region:#}");
        assert!(region["ipv4_ms"].as_f64().is_some_and(|latency| latency > 0.0), "{region:#}");
    }
    assert!(regions.iter().any(|region| region["id"] == netcheck["home_region"]["value"]));
    // Loopback is no internet, so nothing may be claimed of a NAT.
    assert_eq!(report["nat"]["ipv4"]["type"]["value"], Value::Null);
    assert!(report["nat"]["ipv4"]["type"]["why"].is_string());
}

#[test]
fn colours_are_had_by_asking_only() {
    natscope("selftest")
        .env("TERM", "xterm-256color")
        .assert()
        .code(0)
        .stdout(predicate::str::contains('\u{1b}').not());
    let colored = natscope("selftest --color always").assert().code(0);
    assert!(stdout(&colored).contains("\u{1b}["));
    natscope("selftest --color never").assert().code(0).stdout(predicate::str::contains('\u{1b}').not());
}

#[test]
fn the_answer_goes_to_a_file_when_asked() {
    let files = Files::new();
    let path = files.path("report.md");
    natscope("selftest --format markdown --color auto --output").arg(&path).assert().code(0).stdout("").stderr("");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.starts_with('#') || text.contains("| "), "{text}");
    assert!(text.contains("Embedded one") && !text.contains('\u{1b}'), "{text}");

    let nowhere = files.path("no/such/directory/report.md");
    let refused = natscope("selftest --output").arg(&nowhere).assert().code(64).stdout("");
    assert!(stderr(&refused).contains("cannot write"), "{}", stderr(&refused));
}

#[test]
fn what_it_heard_can_be_kept_and_replayed() {
    let files = Files::new();
    let saved = files.path("saved.json");
    let first = report(&natscope("selftest --json --save").arg(&saved).assert().code(0));
    let again = report(&natscope("netcheck --json --replay").arg(&saved).assert().code(0));
    // It is still about a selftest, and says of the router what a selftest says.
    for block in ["command", "netcheck", "nat", "findings", "started_at"] {
        assert_eq!(first[block], again[block], "{block}");
    }
    assert_eq!(again["command"], "selftest");
}

#[test]
fn the_language_is_that_of_the_locale() {
    let chinese = natscope("selftest").env("LANG", "zh_CN.UTF-8").assert().code(0);
    assert!(stdout(&chinese).contains("延迟"), "{}", stdout(&chinese));
    let english = natscope("selftest").env("LANG", "zh_CN.UTF-8").env("LC_ALL", "C").assert().code(0);
    assert!(stdout(&english).contains("Latency"), "{}", stdout(&english));
}
