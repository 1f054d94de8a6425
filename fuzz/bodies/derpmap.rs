//! Any bytes: decoding never panics, an error has a place, a decoded map survives writing and reading, in JSON and in YAML,
//! and a lint finds an error in whatever is no map.

use natscope::check::map_lint::lint;
use natscope::derpmap::{decode, encode_json, encode_yaml, overlay};
use natscope::report::Severity;

pub fn run(bytes: &[u8]) {
    let linted = lint("fuzz", bytes, true)
        .map_or(vec![Severity::Error], |linted| linted.findings.iter().map(|finding| finding.severity).collect());
    match decode("fuzz", bytes) {
        Ok(decoded) => {
            let yaml = encode_yaml(&decoded.layer);
            let again = decode("again", yaml.as_bytes()).expect("what is written is read back");
            assert_eq!(again.layer, decoded.layer);
            let map = overlay([decoded.layer]);
            let text = encode_json(&map).to_string();
            let again = decode("again", text.as_bytes()).expect("what is written is read back");
            assert_eq!(overlay([again.layer]), map);
        }
        Err(error) => {
            assert!(error.line >= 1 && error.column >= 1);
            assert!(linted.contains(&Severity::Error));
        }
    }
}
