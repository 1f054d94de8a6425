//! `natscope derpmap` and `natscope explain` as users run them: maps with mistakes, each with the code, the line and the
//! column it must be found at; the samples of the manuals, which must pass; and conversions, read by other parsers.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use natscope::check::map_lint::{self, Linted};
use natscope::report::{Finding, FindingCode, FindingDetail, Severity};
use serde_json::Value;

type Expected = BTreeMap<String, Vec<(String, usize, usize, String)>>;

fn maps() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/maps")
}

fn natscope(arguments: &[&str]) -> Command {
    let mut command = Command::cargo_bin("natscope").unwrap();
    command.current_dir(maps()).env_clear().args(arguments);
    command
}

/// The mistakes of `expected.toml`, by file: code, line, column, severity.
fn expected(directory: &str) -> Expected {
    let text = fs::read_to_string(maps().join(directory).join("expected.toml")).unwrap();
    toml::from_str(&text).unwrap()
}

fn linted(path: &Path, text: &[u8]) -> Linted {
    let name = path.display().to_string();
    map_lint::lint(&name, text, true).unwrap_or_else(|error| map_lint::unreadable(&error))
}

fn row(finding: &Finding) -> (String, usize, usize, String) {
    let FindingDetail::MapMistake(placed) = &finding.detail else { panic!("{finding:?}") };
    let severity = match finding.severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Error => "error",
    };
    (finding.code().to_owned(), placed.place.line, placed.place.column, severity.to_owned())
}

fn finds_exactly_what_is_expected(directory: &str) -> usize {
    let mut expected = expected(directory);
    let mut seen = 0;
    let mut wrong = Vec::new();
    for entry in fs::read_dir(maps().join(directory)).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name == "expected.toml" {
            continue;
        }
        let found: Vec<_> = linted(&path, &fs::read(&path).unwrap()).findings.iter().map(row).collect();
        let wanted = expected.remove(&name).unwrap_or_else(|| panic!("{name} is not in expected.toml"));
        if found != wanted {
            wrong.push(format!("{name}:\n  found    {found:?}\n  expected {wanted:?}"));
        }
        seen += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(expected.is_empty(), "no such files: {expected:?}");
    seen
}

#[test]
fn broken_maps_are_found_out_at_their_place() {
    assert!(finds_exactly_what_is_expected("broken") >= 30);
}

#[test]
fn what_the_manuals_show_is_fine() {
    assert!(finds_exactly_what_is_expected("manual") >= 7);
    for text in expected("manual").into_values().flatten() {
        assert_ne!(text.3, "error", "{text:?}");
    }
}

#[test]
fn the_broken_maps_show_every_code_there_is() {
    let mut shown: BTreeSet<String> = expected("broken").into_values().flatten().map(|(code, ..)| code).collect();
    let large = format!("[{}]", "[".repeat(200));
    let error = map_lint::lint("m", large.as_bytes(), true).unwrap_err();
    shown.insert(map_lint::unreadable(&error).findings[0].code().to_owned());
    let all: BTreeSet<String> =
        FindingCode::ALL.iter().map(|code| code.name().to_owned()).filter(|code| code.starts_with("MAP-")).collect();
    assert_eq!(shown, all);
}

/// The reader's own codes, which `netcheck` reports, mean what `explain` says of them.
#[test]
fn the_codes_of_the_reader_are_registered() {
    for code in natscope::derpmap::MapWarning::CODES {
        assert!(FindingCode::ALL.iter().any(|known| known.name() == code), "{code}");
    }
}

/// Each place is where the text says so, in every file, whatever is wrong with it.
#[test]
fn places_are_inside_of_the_text() {
    for directory in ["broken", "manual"] {
        for entry in fs::read_dir(maps().join(directory)).unwrap() {
            let path = entry.unwrap().path();
            let Ok(text) = fs::read_to_string(&path) else { continue };
            // Also of every beginning of it.
            for end in (0..=text.len()).filter(|end| text.is_char_boundary(*end)) {
                for finding in linted(&path, &text.as_bytes()[..end]).findings {
                    let (_, line, column, _) = row(&finding);
                    let lines: Vec<&str> = text[..end].split('\n').collect();
                    let shown = lines.get(line - 1).unwrap_or_else(|| panic!("{} {end}: {finding:?}", path.display()));
                    assert!(column <= shown.chars().count() + 1, "{} {end}: {finding:?}", path.display());
                }
            }
        }
    }
}

#[test]
fn a_finding_looks_like_a_compilers() {
    let output = natscope(&["derpmap", "lint", "--lang", "en", "broken/wide.yaml"]).assert().code(1);
    let text = String::from_utf8(output.get_output().stdout.clone()).unwrap();
    insta::assert_snapshot!(text);
    let output = natscope(&["derpmap", "lint", "--lang", "zh-CN", "broken/wide.yaml"]).assert().code(1);
    let text = String::from_utf8(output.get_output().stdout.clone()).unwrap();
    insta::assert_snapshot!(text);
    let output = natscope(&["derpmap", "lint", "--format", "markdown", "broken/single-quotes.hujson"]).assert().code(1);
    let text = String::from_utf8(output.get_output().stdout.clone()).unwrap();
    insta::assert_snapshot!(text);
}

#[test]
fn nothing_is_wider_than_the_terminal_and_every_language_has_words() {
    for lang in ["en", "zh-CN"] {
        for file in expected("broken").into_keys() {
            let file = format!("broken/{file}");
            let output = natscope(&["derpmap", "lint", "--lang", lang, &file]).output().unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            for line in text.lines() {
                // A single word may be longer.
                let wide = console::measure_text_width(line) > 80;
                assert!(!wide || !line.trim_start_matches(['=', ' ', '|']).contains(' '), "{file} in {lang}: {line}");
            }
        }
    }
}

#[test]
fn exit_codes_and_the_line_for_monitors() {
    let line = |arguments: &[&str], code: i32| {
        let mut all = vec!["derpmap", "lint", "-q", "--lang", "en"];
        all.extend(arguments);
        let output = natscope(&all).assert().code(code).get_output().clone();
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(
        line(&["broken/scheme.json"], 1),
        "ERROR: broken/scheme.json: 2 errors, 1 warning (MAP-002 broken/scheme.json:5:64)\n"
    );
    assert_eq!(line(&["--fail-on", "never", "broken/scheme.json"], 0).lines().count(), 1);
    let warned = "WARNING: broken/null-region.yaml: 2 warnings (MAP-008 broken/null-region.yaml:2:3)\n";
    assert_eq!(line(&["broken/null-region.yaml"], 0), warned);
    assert_eq!(line(&["--fail-on", "warning", "broken/null-region.yaml"], 1), warned);
    assert_eq!(line(&["manual/headscale-two.yaml"], 0), "OK: manual/headscale-two.yaml: no mistakes\n");
    let both = line(&["manual/headscale-two.yaml", "broken/blank.json"], 1);
    assert_eq!(both, "ERROR: manual/headscale-two.yaml, broken/blank.json: 1 error (MAP-022 broken/blank.json:1:1)\n");
    natscope(&["derpmap", "lint", "nowhere.json"]).assert().code(64);
    natscope(&["derpmap", "lint", "embedded"]).assert().code(64);
    natscope(&["derpmap", "lint"]).assert().code(64);
    natscope(&["derpmap"]).assert().code(64);
    natscope(&["derpmap", "lint", "--redact", "broken/scheme.json"]).assert().code(64);
    natscope(&["derpmap", "lint", "-"]).write_stdin("{}").assert().code(1);
}

#[test]
fn json_follows_the_schema() {
    let schema: Value = serde_json::from_str(natscope::render::json::SCHEMA).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let of = |arguments: &[&str]| {
        let output = natscope(arguments).output().unwrap();
        let value: Value = serde_json::from_slice(&output.stdout).unwrap();
        let errors: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{arguments:?}: {errors:#?}");
        value
    };
    for file in expected("broken").into_keys() {
        let file = format!("broken/{file}");
        let value = of(&["derpmap", "lint", "--json", &file]);
        for finding in value["findings"].as_array().unwrap() {
            assert_eq!(finding["place"]["file"], file.as_str());
        }
    }
    let shown = of(&["derpmap", "show", "--json", "public.json", "headscale.yaml", "policy.hujson"]);
    assert_eq!(shown["command"], "derpmap show");
}

// --- show ------------------------------------------------------------------------------------------------------------

#[test]
fn show_tells_where_each_region_comes_from() {
    let output = natscope(&["derpmap", "show", "--json", "public.json", "headscale.yaml"]).output().unwrap();
    let value: Value = serde_json::from_slice(&output.stdout).unwrap();
    let block = &value["derpmap"];
    let regions: Vec<_> = block["regions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|region| (region["id"].as_u64().unwrap(), region["source"].as_str().unwrap()))
        .collect();
    let (public, own) = ("public.json", "headscale.yaml");
    assert_eq!(regions, [(2, public), (17, public), (900, own), (901, own)]);
    assert_eq!(block["removed"], serde_json::json!([{ "id": 1, "source": own }]));
    assert_eq!(block["map"]["Regions"]["900"]["RegionCode"], "own");
    let table = natscope(&["derpmap", "show", "--lang", "en", "public.json", "headscale.yaml"]).output().unwrap();
    insta::assert_snapshot!(String::from_utf8(table.stdout).unwrap());
}

#[test]
fn show_says_what_replaces_what() {
    let scratch = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = scratch.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let a = write("a.json", r#"{"Regions": {"1": {"RegionID": 1}, "2": {"RegionID": 2}, "3": {"RegionID": 3}}}"#);
    let b = write("b.json", r#"{"Regions": {"1": {"RegionID": 1, "RegionCode": "b"}, "2": null, "9": null}}"#);
    let c = write("c.json", r#"{"Regions": {"1": {"RegionID": 1, "RegionCode": "c"}}}"#);
    let d = write("d.json", r#"{"omitDefaultRegions": true, "Regions": {"2": {"RegionID": 2}}}"#);
    let of = |sources: &[&str]| -> Value {
        let mut arguments = vec!["derpmap", "show", "--json"];
        arguments.extend(sources);
        serde_json::from_slice(&natscope(&arguments).output().unwrap().stdout).unwrap()
    };
    let value = of(&[&a, &b, &c]);
    let region = &value["derpmap"]["regions"][0];
    assert_eq!((&region["code"], &region["source"]), (&Value::from("c"), &Value::from(c.as_str())));
    assert_eq!(region["replaces"], serde_json::json!([a, b]));
    // Region 9 was nowhere, and so was not removed.
    assert_eq!(value["derpmap"]["removed"], serde_json::json!([{ "id": 2, "source": b }]));
    let value = of(&[&a, &b, &c, &d]);
    assert_eq!(value["derpmap"]["regions"].as_array().unwrap().len(), 1);
    let removed = serde_json::json!([{ "id": 1, "source": d }, { "id": 3, "source": d }]);
    assert_eq!(value["derpmap"]["removed"], removed);
}

// --- convert ---------------------------------------------------------------------------------------------------------

#[test]
fn conversions_go_round() {
    for file in ["public.json", "policy.hujson", "headscale.yaml"] {
        let first = converted(file, "json");
        let mut file = file.to_owned();
        let scratch = tempfile::tempdir().unwrap();
        for (index, to) in ["yaml", "hujson", "json", "hujson", "yaml", "json"].into_iter().enumerate() {
            let text = converted(&file, to);
            let path = scratch.path().join(index.to_string());
            fs::write(&path, &text).unwrap();
            file = path.display().to_string();
            if to == "json" {
                assert_eq!(text, first);
            }
        }
    }
}

fn converted(file: &str, to: &str) -> String {
    let output = natscope(&["derpmap", "convert", file, "--to", to]).assert().code(0).get_output().clone();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn several_sources_are_laid_over_each_other_before_they_are_written() {
    let output = natscope(&["derpmap", "convert", "public.json", "headscale.yaml", "--to", "json"]).output().unwrap();
    let value: Value = serde_json::from_slice(&output.stdout).unwrap();
    let ids: Vec<_> = value["Regions"].as_object().unwrap().keys().collect();
    assert_eq!(ids, ["2", "17", "900", "901"]);
}

#[test]
fn convert_says_what_it_leaves_out_and_refuses_what_is_broken() {
    let output = natscope(&["derpmap", "convert", "broken/wrong-case.yaml", "--to", "json"]).assert().code(0);
    let said = String::from_utf8(output.get_output().stderr.clone()).unwrap();
    assert!(said.contains("broken/wrong-case.yaml:3:5: MAP-006") && said.contains("MAP-012"), "{said}");
    let output = natscope(&["derpmap", "convert", "broken/types.json", "--to", "yaml"]).assert().code(64);
    let said = String::from_utf8(output.get_output().stderr.clone()).unwrap();
    assert!(said.contains("broken/types.json:5:3") && output.get_output().stdout.is_empty(), "{said}");
}

// --- explain ---------------------------------------------------------------------------------------------------------

#[test]
fn codes_are_explained_and_unknown_ones_get_a_suggestion() {
    natscope(&["explain", "map-002"]).assert().code(0).stdout(predicates::str::starts_with("MAP-002: "));
    let list = natscope(&["explain", "--list"]).assert().code(0).get_output().stdout.clone();
    assert_eq!(String::from_utf8(list).unwrap().lines().count(), FindingCode::ALL.len());
    let json = natscope(&["explain", "--list", "--json"]).assert().code(0).get_output().stdout.clone();
    let json: Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(json["explanations"].as_array().unwrap().len(), FindingCode::ALL.len());
    let unknown = natscope(&["explain", "MAP-099"]).assert().code(64).get_output().stderr.clone();
    let unknown = String::from_utf8(unknown).unwrap();
    assert!(unknown.contains("MAP-009") && !unknown.contains("NET-001"), "{unknown}");
    natscope(&["explain", "net10"]).assert().code(0).stdout(predicates::str::starts_with("NET-010: "));
    natscope(&["explain"]).assert().code(64);
    natscope(&["explain", "--list", "MAP-002"]).assert().code(64);
}
