//! Texts that are cut, damaged, deep, large or at random: an error or a map, soon and in bounded memory.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use natscope::derpmap::{MAX_MAP_BYTES, Problem, decode};
use proptest::prelude::*;

use crate::{HEADSCALE, HEADSCALE_CONFIG, POLICY, PUBLIC, fail};

#[test]
fn every_truncation_is_an_error_or_a_map() {
    for text in [PUBLIC, POLICY, HEADSCALE, HEADSCALE_CONFIG] {
        for length in 0..text.len() {
            if let Err(error) = decode("m", &text.as_bytes()[..length]) {
                assert!(error.line <= text.lines().count() + 1 && error.column >= 1, "{error}");
                assert!(!error.to_string().contains('\u{1b}'));
            }
        }
    }
    for length in 1..PUBLIC.trim_end().len() {
        let error = decode("m", &PUBLIC.as_bytes()[..length]).expect_err("a cut map is no map");
        assert!(matches!(error.problem, Problem::Syntax { .. }), "{length}: {error}");
    }
}

#[test]
fn large_and_deep_texts_end_soon() {
    let started = || {
        #[expect(clippy::disallowed_methods, reason = "a test of time")]
        Instant::now()
    };
    let begun = started();
    assert!(matches!(fail(&" ".repeat(100_000_000)).problem, Problem::TooLarge { bytes: 100_000_000 }));
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert_eq!(fail(&"{\"a\":".repeat(2_000_000)).problem, Problem::TooDeep);
    let length = MAX_MAP_BYTES / 8;
    let texts = [
        format!("{{\"Regions\": {{\"900\": {{\"Nodes\": [{}", "{},".repeat(length / 3)),
        format!("{{\"Regions\": {{}}, {}}}", "\"Regions\": 1,".repeat(length / 13)),
        format!("{{{}\"Regions\": {{}}}}", "\"a\": 1, ".repeat(length / 8)),
        format!("{{\"HomeParams\": {{\"RegionScore\": {{{}}}}}}}", "\"1\": -1,".repeat(length / 8)),
        format!("{{\"Regions\": \"{}\"}}", "x".repeat(length)),
        format!("regions: [{}", "a, ".repeat(length / 30)),
        format!("regions: \"{}", "x".repeat(length)),
        format!("{}\nregions: {{}}", "# comment\n".repeat(length / 10)),
    ];
    for text in texts {
        let begun = started();
        let _ = decode("m", text.as_bytes());
        let took = begun.elapsed();
        assert!(took < Duration::from_secs(20), "{took:?} for {}…", &text[..40]);
    }
}

#[test]
fn a_bomb_of_aliases_is_refused() {
    let mut text = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned();
    for level in 1..30 {
        let inside = vec![format!("*a{}", level - 1); 9].join(",");
        writeln!(text, "a{level}: &a{level} [{inside}]").unwrap();
    }
    text.push_str("regions: *a29\n");
    assert_eq!(fail(&text).problem, Problem::TooManyValues);
}

proptest! {
    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode("m", &bytes);
    }

    #[test]
    fn any_text_of_its_own_letters(text in "[\\[\\]{}:,\"'#&*<>!|%@`\\-\n\t ?0-9a-zé日\u{2028}]{0,80}") {
        if let Err(error) = decode("m", text.as_bytes()) {
            prop_assert!(error.line <= text.split('\n').count());
        }
    }

    #[test]
    fn any_json_where_the_map_is(value in json()) {
        for text in [value.to_string(), serde_json::json!({"Regions": value}).to_string(),
                     serde_json::json!({"Regions": {"900": value}}).to_string(),
                     serde_json::json!({"Regions": {"900": {"Nodes": [value]}}}).to_string()] {
            let _ = decode("m", text.as_bytes());
        }
    }

    /// A bit of damage anywhere in a good map.
    #[test]
    fn damaged_maps(at in 0..4000_usize, with in any::<u8>(), which in 0..3_usize) {
        let mut bytes = [PUBLIC, POLICY, HEADSCALE][which].as_bytes().to_vec();
        let at = at % bytes.len();
        bytes[at] = with;
        let _ = decode("m", &bytes);
    }
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(|x| serde_json::json!(x)),
        ".{0,8}".prop_map(Into::into),
    ];
    let key = prop_oneof![
        Just("Regions".to_owned()),
        Just("Nodes".to_owned()),
        Just("HostName".to_owned()),
        Just("STUNPort".to_owned()),
        Just("derpMap".to_owned()),
        Just("900".to_owned()),
        ".{0,4}",
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            proptest::collection::vec((key.clone(), inner), 0..6)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
}
