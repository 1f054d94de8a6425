//! The JSON and its schema.

use jsonschema::Validator;

use super::*;

fn validator() -> Validator {
    let schema: Value = serde_json::from_str(json::SCHEMA).unwrap();
    jsonschema::draft202012::meta::validate(&schema).unwrap();
    jsonschema::draft202012::new(&schema).unwrap()
}

#[test]
fn real_output_follows_the_schema() {
    let validator = validator();
    for (name, report) in samples() {
        for redact in [false, true] {
            for format in [Format::Json, Format::JsonLine] {
                let text = render(&report, format, &Style { redact, ..Style::default() });
                assert_eq!(text.lines().count() == 1, format == Format::JsonLine);
                let value: Value = serde_json::from_str(&text).unwrap();
                let errors: Vec<_> =
                    validator.iter_errors(&value).map(|error| format!("{}: {error}", error.instance_path())).collect();
                assert!(errors.is_empty(), "{name}: {errors:#?}");
            }
        }
    }
}

#[test]
fn every_object_of_the_output_is_closed_in_the_schema() {
    let validator = validator();
    for (name, report) in samples() {
        let whole = json_of(&report);
        let mut found = Vec::new();
        objects(&whole, "", &mut found);
        for pointer in found {
            let open = ["/inputs", "/question", "/outcome"].iter().any(|open| pointer.contains(open));
            let mut mutated = whole.clone();
            mutated.pointer_mut(&pointer).unwrap()["unknown_key"] = json!(1);
            assert_eq!(validator.is_valid(&mutated), open, "{name} {pointer}");
        }
    }
}

/// Pointers to every object inside.
fn objects(value: &Value, pointer: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            found.push(pointer.to_owned());
            for (key, value) in object {
                objects(value, &format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1")), found);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                objects(item, &format!("{pointer}/{index}"), found);
            }
        }
        _ => {}
    }
}

#[test]
fn the_schema_refuses_wrong_reports() {
    let validator = validator();
    let refused = |pointer: &str, wrong: Value| {
        let mut mutated = json_of(&sample::saved());
        assert!(validator.is_valid(&mutated));
        *mutated.pointer_mut(pointer).unwrap() = wrong;
        assert!(!validator.is_valid(&mutated), "{pointer}");
    };
    let bare = json!({ "value": null, "why": null, "confidence": null, "evidence": [] });
    refused("/netcheck/udp", bare.clone());
    refused("/netcheck/home_region", bare.clone());
    refused("/nat/ipv4/mapping", bare);
    refused("/netcheck/udp", json!({ "value": true, "why": "so", "confidence": null, "evidence": [] }));
    refused("/netcheck/udp", json!({ "value": null, "why": "so", "confidence": "low", "evidence": [] }));
    refused("/netcheck/udp/value", json!("yes"));
    refused("/netcheck/udp/evidence", json!([3]));
    refused("/nat/ipv4/difficulty/value", json!("moderate"));
    refused("/took_ms", json!(-1));
    refused("/netcheck/regions/0/latency_ms", json!(-0.1));
    refused("/netcheck/regions/0/loss", json!(1.5));
    refused("/netcheck/ipv4/global/value", json!("81.2.69.142"));
    refused("/netcheck/ipv6/global/value", json!("2a02::1:41641"));
    refused("/started_at", json!("yesterday"));
    refused("/schema", json!(2));
    refused("/command", json!("dance"));
    refused("/findings/0/severity", json!("fatal"));
    refused("/findings/0/code", json!("NET-1"));
    refused("/observations/0/outcome/outcome", json!("miracle"));
    for key in ["netcheck", "nat", "findings", "schema", "tool", "probes", "inputs"] {
        let mut mutated = json_of(&sample::saved());
        mutated.as_object_mut().unwrap().remove(key);
        assert!(!validator.is_valid(&mutated), "without {key}");
    }
}
