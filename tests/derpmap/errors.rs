//! What is not taken, with its place and what would be right.

use natscope::derpmap::{NotAMap, Problem, decode};

use crate::{HEADSCALE, PUBLIC, fail, map_of};

#[test]
fn wrong_types_have_a_place_and_a_path() {
    let node = |field: &str| {
        format!(
            "{{\"Regions\": {{\n \"901\": {{\"RegionID\": 901, \"Nodes\": [\n  {{\"HostName\": \"日本\", {field}}}]}}}}}}"
        )
    };
    for (text, line, column, path, problem) in [
        (
            node("\"STUNPort\": \"3478\""),
            3,
            34,
            "Regions.901.Nodes[0].STUNPort",
            "expected a whole number, found the string \"3478\"",
        ),
        (
            node("\"stunPort\": 3478.5"),
            3,
            34,
            "Regions.901.Nodes[0].stunPort",
            "expected a whole number, found the number 3478.5",
        ),
        (node("\"STUNPort\": 1e3"), 3, 34, "Regions.901.Nodes[0].STUNPort", "found the number 1e3"),
        (node("\"STUNPort\": 99999999999999999999"), 3, 34, "Regions.901.Nodes[0].STUNPort", "expected a whole number"),
        (
            node("\"STUNOnly\": \"true\""),
            3,
            34,
            "Regions.901.Nodes[0].STUNOnly",
            "expected true or false, without quotes",
        ),
        (node("\"CertName\": 5"), 3, 34, "Regions.901.Nodes[0].CertName", "expected a string, found the number 5"),
        (node("\"IPv4\": [\"192.0.2.1\"]"), 3, 30, "Regions.901.Nodes[0].IPv4", "expected a string, found a list"),
        (r#"{"Regions": []}"#.into(), 1, 13, "Regions", "expected an object with a region for each id, found a list"),
        (
            r#"{"Regions": {"900": []}}"#.into(),
            1,
            21,
            "Regions.900",
            "expected a region, an object with \"Nodes\", found a list",
        ),
        (
            r#"{"Regions": {"900": {"Nodes": {}}}}"#.into(),
            1,
            31,
            "Regions.900.Nodes",
            "expected a list of nodes, found an object",
        ),
        (r#"{"Regions": {"900": {"Nodes": ["x"]}}}"#.into(), 1, 32, "Regions.900.Nodes[0]", "expected a node"),
        (r#"{"Regions": {"fra": {}}}"#.into(), 1, 14, "Regions.fra", "a region's key is its number"),
        (r#"{"Regions": {"0": {}}}"#.into(), 1, 14, "Regions.0", "a region's key is its number"),
        (r#"{"Regions": {"-1": {}}}"#.into(), 1, 14, "Regions.-1", "a region's key is its number"),
        (
            r#"{"Regions": {"9007199254740992": {}}}"#.into(),
            1,
            14,
            "Regions.9007199254740992",
            "from 1 to 9007199254740991",
        ),
        (r#"{"omitDefaultRegions": "true"}"#.into(), 1, 24, "omitDefaultRegions", "found the string \"true\""),
        (r#"{"Regions": {"9": {"Latitude": 1e999}}}"#.into(), 1, 32, "Regions.9.Latitude", "expected a number"),
        (
            r#"{"HomeParams": {"RegionScore": {"9": "1"}}}"#.into(),
            1,
            38,
            "HomeParams.RegionScore.9",
            "expected a number",
        ),
        ("regions:\n  \"900\": {}\n".into(), 2, 3, "regions.900", "`900` in quotes"),
        ("regions:\n- 900: {}\n".into(), 2, 3, "regions", "found a list"),
        (
            "regions:\n  900:\n    nodes:\n    - stunport: 1.5\n".into(),
            4,
            17,
            "regions.900.nodes[0].stunport",
            "whole number",
        ),
        (
            "regions:\n  900:\n    nodes:\n    - stunport: 'x'\n".into(),
            4,
            17,
            "regions.900.nodes[0].stunport",
            "whole number",
        ),
        ("omitdefaultregions: maybe\n".into(), 1, 21, "omitdefaultregions", "found the string \"maybe\""),
    ] {
        let error = fail(&text);
        assert_eq!((error.line, error.column, &*error.path), (line, column, path), "{error}");
        assert!(error.problem.to_string().contains(problem), "{error}");
        assert!(error.excerpt.is_some() && error.to_string().contains('^'), "{error}");
    }
}

#[test]
fn an_error_shows_the_place() {
    let error = fail("{\n  \"Regions\": {\n    \"901\": {\"Nodes\": [{\"STUNPort\": \"3478\"}]}\n  }\n}\n");
    insta::assert_snapshot!(error, @r#"
    m:3:36: Regions.901.Nodes[0].STUNPort: expected a whole number, found the string "3478"
      |
    3 |     "901": {"Nodes": [{"STUNPort": "3478"}]}
      |                                    ^^^^^^
    "#);
}

#[test]
fn what_is_no_map_is_named() {
    let looks_like = |text: &str| match fail(text).problem {
        Problem::NoMap { looks_like } => looks_like,
        other => panic!("{text}: {other:?}"),
    };
    assert_eq!(looks_like(r#"{"acls": []}"#), NotAMap::Policy);
    assert_eq!(looks_like(r#"{"900": {"Nodes": []}}"#), NotAMap::BareRegions);
    assert_eq!(looks_like(r#"{"RegionID": 900, "Nodes": []}"#), NotAMap::BareRegion);
    assert_eq!(looks_like(r#"{"Name": "a", "HostName": "h"}"#), NotAMap::BareNode);
    assert_eq!(looks_like(r#"{"error": "no"}"#), NotAMap::OtherObject { keys: vec!["error".to_owned()] });
    assert_eq!(looks_like("{}"), NotAMap::OtherObject { keys: vec![] });
    for text in ["[]", "null", "\"x\"", "42", "just words", "- a\n- b"] {
        assert!(matches!(looks_like(text), NotAMap::NotAnObject { .. }), "{text}");
    }
}

#[test]
fn what_is_no_text_is_named() {
    let problem = |bytes: &[u8]| decode("m", bytes).unwrap_err().problem;
    assert_eq!(problem(b""), Problem::Empty);
    assert_eq!(problem(b"\xef\xbb\xbf \n\t"), Problem::Empty);
    for page in ["<!DOCTYPE html><p>", "\n<HTML>", "<?xml version='1.0'?><html>", "<!-- x --><head>"] {
        assert_eq!(problem(page.as_bytes()), Problem::Html, "{page}");
    }
    assert!(matches!(problem(b"\x1f\x8b\x08garbage"), Problem::Binary { looks_like } if looks_like.contains("gzip")));
    assert!(matches!(problem(b"\xff\xfe{\0}\0"), Problem::Binary { looks_like } if looks_like.contains("UTF-16")));
    assert!(matches!(problem(b"{\"a\": \0}"), Problem::Binary { .. }));
    let error = decode("m", b"{\n \"a\xc3\xa9\": \"\xff\"}").unwrap_err();
    assert_eq!((error.problem, error.line, error.column), (Problem::NotUtf8, 2, 9));
}

#[test]
fn a_byte_order_mark_is_no_column() {
    let text = format!("\u{feff}{PUBLIC}");
    assert_eq!(map_of(&text), map_of(PUBLIC));
    let error = fail("\u{feff}{\"Regions\": 1}");
    assert_eq!((error.line, error.column), (1, 13));
}

#[test]
fn line_ends_of_windows_are_no_columns() {
    let text = PUBLIC.replace('\n', "\r\n");
    assert_eq!(map_of(&text), map_of(PUBLIC));
    let text = HEADSCALE.replace('\n', "\r\n");
    assert_eq!(map_of(&text), map_of(HEADSCALE));
    let error = fail("{\r\n\"Regions\": 1\r\n}");
    assert_eq!((error.line, error.column), (2, 12));
    assert!(!error.to_string().contains('\r'));
}
