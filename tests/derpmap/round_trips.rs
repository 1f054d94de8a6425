//! Layers of maps written in each notation and read back, by natscope and by parsers that are not part of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use natscope::check::map_lint;
use natscope::derpmap::{Decoded, MapFormat, MapLayer, decode, encode_layer, encode_policy, encode_yaml, examine};
use natscope::model::RegionId;
use natscope::report::{Finding, FindingDetail, Severity};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::Value;

use crate::strategy::derp_map;
use crate::tools::not_run;

const NOTATIONS: [fn(&MapLayer) -> String; 3] =
    [|layer| format!("{:#}", encode_layer(layer)), |layer| format!("{:#}", encode_policy(layer)), encode_yaml];

/// A map, with some regions removed in place of set, and parts not mentioned.
fn layer() -> impl Strategy<Value = MapLayer> {
    let mentioned = any::<[bool; 3]>();
    let removed = proptest::collection::vec(1..2000_u64, 0..4);
    (derp_map(), removed, mentioned).prop_map(|(map, removed, mentioned)| {
        let mut layer = MapLayer::from(map);
        for id in removed {
            layer.regions.get_or_insert_default().insert(RegionId(id), None);
        }
        layer.regions = layer.regions.filter(|_| mentioned[0]);
        layer.region_score = layer.region_score.filter(|_| mentioned[1]);
        layer.omit_default_regions = layer.omit_default_regions.filter(|_| mentioned[2]);
        layer
    })
}

fn read(text: &str) -> Decoded {
    decode("m", text.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// From every notation to every other, nothing is lost and nothing is added.
    #[test]
    fn every_notation_is_read_back_as_it_was(layer in layer()) {
        for write in NOTATIONS {
            let text = write(&layer);
            let decoded = read(&text);
            prop_assert_eq!(&decoded.layer, &layer, "{}", text);
            let said: Vec<_> = decoded.warnings.iter().filter(|warning| warning.code != "MAP-015").collect();
            prop_assert!(said.is_empty(), "{:?}", said);
            for write in NOTATIONS {
                prop_assert_eq!(read(&write(&decoded.layer)).layer, decoded.layer.clone());
            }
        }
    }

    /// A parser of others reads the JSON and the policy alike, for they are plain JSON.
    #[test]
    fn serde_json_reads_what_is_written(layer in layer()) {
        let json: Value = serde_json::from_str(&NOTATIONS[0](&layer)).unwrap();
        prop_assert_eq!(&json, &encode_layer(&layer));
        let policy: Value = serde_json::from_str(&NOTATIONS[1](&layer)).unwrap();
        prop_assert_eq!(&policy["derpMap"]["Regions"], &json["Regions"]);
    }
}

/// The maps of the tests, good and broken.
fn samples() -> Vec<Vec<u8>> {
    let maps = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/maps");
    let directories = [maps.clone(), maps.join("broken"), maps.join("manual")];
    let mut files: Vec<_> = directories.iter().flat_map(|directory| fs::read_dir(directory).unwrap()).collect();
    files.retain(|entry| entry.as_ref().unwrap().path().is_file());
    let mut paths: Vec<_> = files.into_iter().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| fs::read(path).unwrap()).collect()
}

/// A lint reads on where the reader stops, and must come to the same: what the reader refuses has an error, and what it
/// takes is the same map, which can be written.
#[test]
fn a_lint_and_the_reader_are_of_one_mind() {
    let samples = samples();
    assert!(samples.len() > 40);
    let mut runner = TestRunner::deterministic();
    let mut refused = 0;
    for _ in 0..20_000 {
        let (which, at, with, cut) = (any::<usize>(), any::<usize>(), r#"[ \t\n{}\[\]:,"'#0-9a-zR-]{0,3}"#, 0..4_usize)
            .new_tree(&mut runner)
            .unwrap()
            .current();
        let mut text = samples[which % samples.len()].clone();
        let at = at % text.len();
        let end = (at + cut).min(text.len());
        text.splice(at..end, with.bytes());
        let linted = map_lint::lint("m", &text, true).unwrap_or_else(|error| map_lint::unreadable(&error));
        let shown = || String::from_utf8_lossy(&text).into_owned();
        match decode("m", &text) {
            Err(error) => {
                refused += 1;
                let of_it = |finding: &Finding| match &finding.detail {
                    FindingDetail::MapMistake(it) => (it.place.line, it.place.column) == (error.line, error.column),
                    _ => false,
                };
                assert!(
                    linted.findings.iter().any(|it| it.severity == Severity::Error && of_it(it)),
                    "{error}\n{}",
                    shown()
                );
            }
            Ok(decoded) => {
                assert_eq!(examine("m", &text).unwrap().decoded, decoded, "{}", shown());
                for write in NOTATIONS {
                    assert_eq!(read(&write(&decoded.layer)).layer, decoded.layer, "{}", shown());
                }
            }
        }
    }
    assert!((2_000..18_000).contains(&refused), "{refused}");
}

/// Names may hold what no editor shows.
#[test]
fn any_character_survives() {
    for c in (0..=0x1_0000).filter_map(char::from_u32) {
        let name = serde_json::json!({ "Regions": { "900": { "RegionID": 900, "RegionName": format!("a{c} {c}") } } });
        let layer = read(&name.to_string()).layer;
        assert_eq!(read(&encode_yaml(&layer)).layer, layer, "{c:?}");
    }
}

#[test]
fn each_notation_is_told_from_the_others() {
    let text = r#"{"Regions": {"900": {"RegionID": 900, "Nodes": [{"Name": "a", "RegionID": 900, "HostName": "h"}]}}}"#;
    let layer = read(text).layer;
    let formats = NOTATIONS.map(|write| (read(&write(&layer)).format, read(&write(&layer)).is_policy));
    assert_eq!(formats, [(MapFormat::Json, false), (MapFormat::Json, true), (MapFormat::HeadscaleYaml, false)]);
}

/// `PyYAML`, which shares no code with the reader of natscope, reads the YAML as the JSON with keys in lower case.
#[test]
fn another_yaml_parser_reads_the_same() {
    const COMPARE: &str = r#"
import json, sys, yaml
def same(a, b):
    if isinstance(b, dict):
        return isinstance(a, dict) and {str(k).lower() for k in a} == {k.lower() for k in b} \
            and all(same({str(k).lower(): v for k, v in a.items()}[k.lower()], v) for k, v in b.items())
    if isinstance(b, list):
        return isinstance(a, list) and len(a) == len(b) and all(map(same, a, b))
    # YAML 1.1 wants a dot in every float; Go's decoder does not.
    if isinstance(b, float): return float(a) == b
    return type(a) is type(b) and a == b
for line in open(sys.argv[1], encoding="utf-8"):
    case = json.loads(line)
    read = yaml.safe_load(case["yaml"])
    if not same(read, case["json"]):
        sys.exit("%r\n%r" % (case, read))
"#;
    let there =
        Command::new("python3").args(["-c", "import yaml"]).output().is_ok_and(|output| output.status.success());
    if !there {
        return not_run("python3 with PyYAML");
    }
    let mut runner = TestRunner::deterministic();
    let lines: Vec<String> = (0..500)
        .map(|_| {
            let layer = layer().new_tree(&mut runner).unwrap().current();
            let case = BTreeMap::from([("yaml", Value::from(encode_yaml(&layer))), ("json", encode_layer(&layer))]);
            serde_json::to_string(&case).unwrap()
        })
        .collect();
    let scratch = tempfile::tempdir().unwrap();
    let cases = scratch.path().join("cases");
    fs::write(&cases, lines.join("\n")).unwrap();
    let output = Command::new("python3").args(["-c", COMPARE]).arg(&cases).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
