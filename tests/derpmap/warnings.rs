//! What is taken all the same, and said.

use natscope::derpmap::{Problem, Severity, WarningDetail, overlay};
use natscope::model::RegionId;

use crate::{codes, fail, read};

#[test]
fn a_region_is_kept_under_its_key() {
    let decoded = read(
        "{\"Regions\": {\"900\": {\"RegionID\": 901,\n \"Nodes\": [{\"HostName\": \"h\", \"RegionID\": 902},\n  {\"HostName\": \
         \"i\"}]},\n\"905\": {\"Nodes\": null}}}",
    );
    assert_eq!(
        codes(&decoded),
        [
            ("MAP-001", 1, 34, "Regions.900"),
            ("MAP-001", 2, 42, "Regions.900.Nodes[0]"),
            ("MAP-001", 3, 3, "Regions.900.Nodes[1]"),
            ("MAP-001", 4, 1, "Regions.905"),
            ("MAP-015", 4, 9, "Regions.905"),
        ]
    );
    let map = overlay([decoded.layer]);
    assert_eq!(map.regions[&RegionId(900)].id, RegionId(900));
    assert!(map.regions[&RegionId(900)].nodes.iter().all(|node| node.region_id == RegionId(900)));
    assert!(map.regions[&RegionId(905)].nodes.is_empty());
}

#[test]
fn unknown_keys_are_mentioned() {
    let decoded = read("{\"Regions\": {}, \"Comment\": 1,\n \"home-params\": {}}");
    assert_eq!(codes(&decoded), [("MAP-014", 1, 17, "Comment"), ("MAP-014", 2, 2, "home-params")]);
    assert_eq!(decoded.warnings[0].severity, Severity::Info);
    assert_eq!(decoded.warnings[1].severity, Severity::Warning);
}

#[test]
fn the_last_of_duplicates_counts_in_json() {
    let decoded = read(
        "{\"Regions\": {\"900\": {\"RegionID\": 900, \"RegionCode\": \"a\",\n\"regioncode\": \"b\", \"Nodes\": []},\n\
         \"0900\": {\"RegionID\": 900, \"RegionCode\": \"c\", \"Nodes\": []}},\n\"Regions\": {\"901\": null}}",
    );
    let duplicates: Vec<_> = decoded.warnings.iter().filter(|w| w.code == "MAP-013").collect();
    let places: Vec<_> = duplicates.iter().map(|w| (w.line, w.column)).collect();
    assert_eq!(places, [(2, 1), (3, 1), (4, 1)]);
    let WarningDetail::DuplicateKey { first_line, .. } = duplicates[1].detail else { panic!() };
    assert_eq!(first_line, 1);
    let regions = decoded.layer.regions.unwrap();
    assert_eq!(regions[&RegionId(900)].as_ref().unwrap().code, "c");
    assert!(regions.contains_key(&RegionId(901)), "two Regions objects are merged, as Go does");
}

#[test]
fn duplicates_are_an_error_in_yaml() {
    let error = fail("regions:\n  900:\n    regionid: 900\n    regionid: 901\n");
    assert_eq!((error.line, error.column), (4, 5));
    assert_eq!(error.problem, Problem::DuplicateKey { key: "regionid".to_owned(), first_line: 3 });
}

#[test]
fn scores_that_are_ignored() {
    let decoded = read(r#"{"HomeParams": {"RegionScore": {"1": 0, "2": -1.5, "3": null, "4": 0.5}}}"#);
    assert_eq!(decoded.layer.region_score.as_ref().unwrap().iter().collect::<Vec<_>>(), [(&RegionId(4), &0.5)]);
    assert_eq!(decoded.warnings.iter().map(|w| w.code).collect::<Vec<_>>(), ["MAP-017"; 3]);
}

#[test]
fn null_nodes_and_further_documents_are_mentioned() {
    let decoded =
        read(r#"{"Regions": {"900": {"RegionID": 900, "Nodes": [null, {"RegionID": 900, "HostName": "h"}]}}}"#);
    assert_eq!(codes(&decoded), [("MAP-015", 1, 49, "Regions.900.Nodes[0]")]);
    let decoded = read("regions: {}\n---\nregions: {900: null}\n");
    assert_eq!(codes(&decoded), [("MAP-019", 2, 1, "")]);
}

#[test]
fn warnings_are_bounded() {
    let decoded = read(&format!("{{{}\"Regions\": {{}}}}", "\"a\": 1, ".repeat(5000)));
    assert_eq!((decoded.warnings.len(), decoded.warnings_left_out), (1000, 4000));
}
