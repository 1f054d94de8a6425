use serde_json::{Value, json};

use super::*;
use crate::render::Lang;
use crate::render::sample;

fn value(report: &crate::report::Report) -> Value {
    serde_json::from_str(&crate::render::render(report, Format::Json, &Style::default())).unwrap()
}

fn of(before: &Value, after: &Value) -> Diff {
    compare(("a.json", before), ("b.json", after)).unwrap()
}

/// What changed, as a script reads it.
fn paths(before: &Value, after: &Value) -> Vec<String> {
    of(before, after).changes.iter().map(|change| change.field.path()).collect()
}

#[test]
fn a_report_is_no_other_than_itself() {
    for report in [sample::healthy, sample::hard_nat, sample::udp_blocked] {
        let report = value(&report());
        let same = of(&report, &report);
        assert!(!same.has_changes() && same.compared > 5, "{same:?}");
        assert!(diff(&same, Format::Table, &Style::default()).contains("Nothing changed"));
    }
}

#[test]
fn what_is_not_determined_any_more_has_not_become_no() {
    let before = value(&sample::healthy());
    let mut after = before.clone();
    after["netcheck"]["udp"] = json!({ "value": null, "why": "nobody was asked", "confidence": null, "evidence": [] });
    assert_eq!(paths(&before, &after), ["netcheck.udp"]);
    let text = diff(&of(&before, &after), Format::Table, &Style { width: 120, ..Style::default() });
    assert!(text.contains("? (nobody was asked)") && text.contains("yes"), "{text}");
    let chinese = diff(&of(&before, &after), Format::Table, &Style { lang: Lang::ZhCn, ..Style::default() });
    assert!(chinese.contains("未确定") && !chinese.contains("nobody"), "{chinese}");
}

#[test]
fn noise_is_no_change() {
    let before = value(&sample::healthy());
    let mut after = before.clone();
    let region = &mut after["netcheck"]["regions"][0];
    let latency = region["latency_ms"].as_f64().unwrap();
    region["latency_ms"] = json!(latency + 9.0);
    let endpoint = before["netcheck"]["ipv4"]["global"]["value"].as_str().unwrap().to_owned();
    let (address, _) = endpoint.rsplit_once(':').unwrap();
    after["netcheck"]["ipv4"]["global"]["value"] = json!(format!("{address}:1"));
    assert_eq!(paths(&before, &after), Vec::<String>::new());
    after["netcheck"]["regions"][0]["latency_ms"] = json!(latency * 2.0 + 10.0);
    after["netcheck"]["ipv4"]["global"]["value"] = json!("203.0.113.99:1");
    let code = before["netcheck"]["regions"][0]["code"].as_str().unwrap();
    let latency = format!("netcheck.regions.{code}.latency_ms");
    assert_eq!(paths(&before, &after), ["netcheck.ipv4.global".to_owned(), latency]);
    after["redacted"] = json!(true);
    assert_eq!(paths(&before, &after), Vec::<String>::new(), "pseudonyms are not compared");
    assert_eq!(paths(&after, &before), Vec::<String>::new());
}

#[test]
fn findings_come_and_go() {
    let before = value(&sample::healthy());
    let mut after = before.clone();
    after["findings"] = json!([{ "code": "NET-001", "title": "UDP is blocked", "severity": "error" }]);
    let text = diff(&of(&before, &after), Format::Markdown, &Style::default());
    assert!(text.contains("NET-001") && text.contains("error"), "{text}");
    assert!(paths(&before, &after).contains(&"findings.NET-001".to_owned()));
}

#[test]
fn what_only_one_of_them_tells_is_no_change() {
    let before = value(&sample::healthy());
    let mut after = before.clone();
    after["netcheck"]["regions"].as_array_mut().unwrap().remove(1);
    after["netcheck"]["regions"][0]["latency_ms"] = json!(null);
    after["netcheck"]["regions"][0]["skipped"] = json!("not_asked");
    assert_eq!(paths(&before, &after), Vec::<String>::new(), "regions that were left out");
    let code = before["netcheck"]["regions"][0]["code"].as_str().unwrap().to_owned();
    after["netcheck"]["regions"][0]["skipped"] = json!(null);
    assert_eq!(paths(&before, &after), [format!("netcheck.regions.{code}.latency_ms")], "it was asked, and is silent");
    // Another command has findings of its own.
    let mut nat = before.clone();
    nat["command"] = json!("nat");
    nat["findings"] = json!([{ "code": "NET-002", "title": "a relay is down", "severity": "error" }]);
    assert_eq!(paths(&before, &nat), Vec::<String>::new());
}

#[test]
fn numbers_in_a_title_make_no_other_finding() {
    let before = value(&sample::healthy());
    let mut after = before.clone();
    let mut first = before.clone();
    first["findings"] = json!([{ "code": "NET-013", "title": "UDP loses packets (12 %)", "severity": "warning" }]);
    after["findings"] = json!([{ "code": "NET-013", "title": "UDP loses packets (13 %)", "severity": "warning" }]);
    assert_eq!(paths(&first, &after), Vec::<String>::new());
    after["findings"] = json!([after["findings"][0], after["findings"][0]]);
    assert_eq!(paths(&first, &after), ["findings.NET-013"]);
    let text = diff(&of(&first, &after), Format::Table, &Style { lang: Lang::ZhCn, ..Style::default() });
    assert!(text.contains("2 × 警告"), "{text}");
}

#[test]
fn a_mechanism_is_told_in_words() {
    let report = |mechanism: &str| {
        json!({ "schema": 1, "command": "predict", "started_at": "2026-01-01T00:00:00Z",
            "predict": { "direct": { "value": true, "why": null }, "mechanism": mechanism } })
    };
    let found = of(&report("lan"), &report("hole-punch"));
    let text = diff(&found, Format::Table, &Style { lang: Lang::ZhCn, ..Style::default() });
    assert!(!text.contains("hole-punch") && !text.contains("lan "), "{text}");
}

#[test]
fn many_layers_take_no_longer_than_they_are() {
    let node = |number: usize| json!({ "name": format!("n{number}"), "layers": [{ "layer": "tcp", "state": "ok" }] });
    let nodes: Vec<Value> = (0..20_000).map(node).collect();
    let report = json!({ "schema": 1, "command": "doctor", "started_at": "2026-01-01T00:00:00Z",
        "doctor": { "nodes": nodes } });
    // Each of them looked for among all of them would take minutes.
    assert!(of(&report, &report).compared >= 20_000);
}

#[test]
fn what_is_no_report_is_refused() {
    let report = value(&sample::healthy());
    for bad in [json!([]), json!({}), json!({ "schema": 2 }), json!({ "schema": 1, "command": 7 })] {
        let refused = compare(("a.json", &bad), ("b.json", &report));
        assert!(matches!(&refused, Err(CannotCompare::NoReport { name, .. }) if name == "a.json"), "{refused:?}");
    }
    let bare = |command: &str| json!({ "schema": 1, "command": command, "started_at": "2026-01-01T00:00:00Z" });
    let refused = compare(("a.json", &bare("ping")), ("b.json", &report)).unwrap_err();
    assert!(refused.to_string().contains("a report of natscope ping"), "{refused}");
}

#[test]
fn whatever_a_file_holds_is_shown_without_harm() {
    let before = value(&sample::healthy());
    for odd in [json!({}), json!([1]), json!("\u{1b}[2J"), json!(1e300), json!(-5), json!("x".repeat(100_000))] {
        let mut after = before.clone();
        after["netcheck"]["udp"]["value"] = odd.clone();
        after["netcheck"]["regions"][0]["latency_ms"] = odd.clone();
        after["netcheck"]["regions"][0]["loss"] = odd.clone();
        after["nat"]["ipv4"]["mapping_lifetime_s"]["value"] = odd;
        for format in [Format::Table, Format::Markdown, Format::Json] {
            let text = diff(&of(&before, &after), format, &Style::default());
            assert!(!text.contains('\u{1b}') && text.len() < 500_000, "{}", text.len());
        }
    }
}
