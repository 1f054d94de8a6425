use std::collections::HashSet;

use jsonschema::Validator;
use serde_json::{Value, json};

use super::json::{NotAReport, SavedError, conclusions_from, saved_from};
use super::*;
use crate::model::{Difficulty, RegionId};
use crate::probe::{Cause, Failure, Stage};
use crate::report::{Confidence, SCHEMA as SCHEMA_NUMBER, Verdict};

fn samples() -> Vec<(&'static str, Report)> {
    vec![
        ("healthy", sample::healthy()),
        ("udp_blocked", sample::udp_blocked()),
        ("offline", sample::offline()),
        ("hard_nat", sample::hard_nat()),
        ("easy_nat", sample::easy_nat()),
        ("one_server", sample::one_server()),
        ("hostile", sample::hostile()),
        ("saved", sample::saved()),
        ("predicted_direct", sample::predicted_direct()),
        ("predicted_relayed", sample::predicted_relayed()),
        ("predicted_unclear", sample::predicted_unclear()),
    ]
}

/// Every way of rendering a report.
fn styles() -> Vec<(Format, Style)> {
    let mut styles = Vec::new();
    for format in Format::ALL {
        for lang in Lang::ALL {
            for (verbose, width) in [(false, 80), (true, 120)] {
                styles.push((format, Style { width, lang, verbose, ..Style::default() }));
            }
        }
    }
    styles
}

fn json_of(report: &Report) -> Value {
    serde_json::from_str(&render(report, Format::Json, &Style::default())).unwrap()
}

fn validator() -> Validator {
    let schema: Value = serde_json::from_str(json::SCHEMA).unwrap();
    jsonschema::draft202012::meta::validate(&schema).unwrap();
    jsonschema::draft202012::new(&schema).unwrap()
}

mod looks {
    //! Snapshots of every format: what a change of wording or layout shows up in.

    use super::*;

    fn snapshot(name: &str, report: &Report, format: Format, style: &Style) {
        let text = render(report, format, style);
        insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!(name, text);
        });
    }

    #[test]
    fn tables() {
        for (name, report) in samples() {
            for lang in Lang::ALL {
                let style = Style { lang, ..Style::default() };
                snapshot(&format!("{name}.table.{}", lang.name()), &report, Format::Table, &style);
            }
        }
        for width in [60, 120] {
            let style = Style { width, ..Style::default() };
            snapshot(&format!("healthy.table.{width}"), &sample::healthy(), Format::Table, &style);
        }
        let verbose = Style { verbose: true, ..Style::default() };
        snapshot("healthy.table.verbose", &sample::healthy(), Format::Table, &verbose);
        let servers = Style { servers: true, ..Style::default() };
        snapshot("easy_nat.table.servers", &sample::easy_nat(), Format::Table, &servers);
        let color = Style { color: true, ..Style::default() };
        snapshot("udp_blocked.table.color", &sample::udp_blocked(), Format::Table, &color);
        let redacted = Style { redact: true, verbose: true, ..Style::default() };
        snapshot("healthy.table.redacted", &sample::healthy(), Format::Table, &redacted);
    }

    #[test]
    fn markdown() {
        for (name, report) in samples() {
            for lang in Lang::ALL {
                let style = Style { lang, ..Style::default() };
                snapshot(&format!("{name}.markdown.{}", lang.name()), &report, Format::Markdown, &style);
            }
        }
    }

    #[test]
    fn machine_formats() {
        for (name, report) in samples() {
            snapshot(&format!("{name}.json"), &report, Format::Json, &Style::default());
            snapshot(&format!("{name}.tailscale-json"), &report, Format::TailscaleJson, &Style::default());
        }
        let redacted = Style { redact: true, ..Style::default() };
        snapshot("saved.json.redacted", &sample::saved(), Format::Json, &redacted);
    }
}

#[test]
fn formats_are_found_by_name() {
    for format in Format::ALL {
        assert_eq!(format.name().parse(), Ok(format));
    }
    let error = "xml".parse::<Format>().unwrap_err();
    assert!(error.to_string().contains("\"xml\""), "{error}");
}

#[test]
fn every_text_ends_in_one_newline_and_holds_nothing_a_terminal_acts_on() {
    for (name, report) in samples() {
        for (format, style) in styles() {
            let text = render(&report, format, &style);
            assert!(text.ends_with('\n') && !text.ends_with("\n\n"), "{name} {format}");
            for character in text.chars() {
                let layout = character == '\n' || (format == Format::TailscaleJson && character == '\t');
                assert!(layout || !character.is_control(), "{name} {format}: {character:?}");
                assert!(!matches!(character, '\u{202a}'..='\u{202e}'), "{name} {format}: {character:?}");
            }
        }
    }
}

#[test]
fn tables_keep_to_their_width() {
    for (name, report) in samples() {
        for lang in Lang::ALL {
            for width in [60, 80, 120, 200] {
                for verbose in [false, true] {
                    let text = render(&report, Format::Table, &Style { width, lang, verbose, ..Style::default() });
                    for line in text.lines() {
                        let columns = console::measure_text_width(line);
                        assert!(columns <= width, "{name} {width}: {columns} columns: {line}");
                        assert_eq!(line.trim_end(), line, "{name}");
                    }
                }
            }
        }
    }
    for width in [0, 1, 39, usize::MAX] {
        let text = render(&sample::healthy(), Format::Table, &Style { width, ..Style::default() });
        assert!(text.contains("81.2.69.142:41641"), "{text}");
    }
}

#[test]
fn colour_is_all_that_colour_adds() {
    for (name, report) in samples() {
        let plain = render(&report, Format::Table, &Style::default());
        let colored = render(&report, Format::Table, &Style { color: true, ..Style::default() });
        assert_ne!(plain, colored);
        let stripped: Vec<_> =
            console::strip_ansi_codes(&colored).lines().map(|line| line.trim_end().to_owned()).collect();
        assert_eq!(stripped, plain.lines().collect::<Vec<_>>(), "{name}");
    }
}

#[test]
fn markdown_tables_cannot_be_broken() {
    let text = render(&sample::hostile(), Format::Markdown, &Style { verbose: true, ..Style::default() });
    let mut columns = None;
    for line in text.lines() {
        if line.starts_with('|') {
            let bars = line.replace("\\|", "").matches('|').count();
            assert_eq!(*columns.get_or_insert(bars), bars, "{line}");
        } else {
            columns = None;
        }
        assert!(!line.contains("<img") && !line.contains("@root") && !line.contains("http://"), "{line}");
    }
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

#[test]
fn json_is_english_whatever_the_language() {
    let style = Style { lang: Lang::ZhCn, ..Style::default() };
    for (_, report) in samples() {
        for format in [Format::Json, Format::JsonLine, Format::TailscaleJson] {
            assert_eq!(render(&report, format, &style), render(&report, format, &Style::default()));
        }
    }
}

#[test]
fn what_was_saved_is_read_back() {
    let report = sample::saved();
    let (started_at, saved) = saved_from(&json_of(&report)).unwrap();
    assert_eq!(started_at, report.started_at);
    assert_eq!(Some(saved), report.saved);
}

#[test]
fn files_that_hold_no_record_say_what_is_missing() {
    assert_eq!(saved_from(&json!([])), Err(SavedError::NotAnObject));
    let error = saved_from(&json_of(&sample::healthy())).unwrap_err();
    assert_eq!(error, SavedError::Missing { key: "inputs" });
    assert!(error.to_string().contains("--save"), "{error}");
    let mutate = |pointer: &str, wrong: Value| {
        let mut mutated = json_of(&sample::saved());
        *mutated.pointer_mut(pointer).unwrap() = wrong;
        saved_from(&mutated).unwrap_err().to_string()
    };
    assert!(mutate("/schema", json!(7)).contains("schema 7"));
    assert!(mutate("/started_at", json!("soon")).starts_with("started_at: no RFC 3339 time"));
    assert_eq!(mutate("/probes", json!({})), "probes: a list is expected");
    let error = mutate("/observations/1/outcome", json!({ "outcome": "miracle" }));
    assert!(error.starts_with("observations[1]: unknown variant `miracle`"), "{error}");
    assert!(mutate("/ended_at_ms", json!(-4)).starts_with("ended_at_ms: "));
    assert_eq!(mutate("/further", json!({})), "further: a list is expected");
    assert_eq!(mutate("/further/0/probes", json!(1)), "further[0].probes: a list is expected");
    assert!(mutate("/further/0/turns", json!("lix")).starts_with("further[0].turns: 'x' is no turn"));
    let other: Value = json!({ "schema": SCHEMA_NUMBER, "UDP": true });
    assert_eq!(saved_from(&other), Err(SavedError::Missing { key: "started_at" }));
}

/// What decides a prediction comes back as it was; what does not is not read.
#[test]
fn conclusions_are_read_back() {
    let hosts = samples().into_iter().filter(|(_, report)| report.predict.is_none());
    for (name, report) in hosts {
        for (format, redact) in [(Format::Json, false), (Format::JsonLine, true)] {
            let text = render(&report, format, &Style { redact, ..Style::default() });
            let read = conclusions_from(&text).unwrap();
            assert_eq!(read.record.is_some(), report.saved.is_some(), "{name}");
            let wanted = if redact { redact::redact(&report) } else { report.clone() };
            let read = read.report;
            assert_eq!((read.command, read.redacted), (wanted.command, redact), "{name}");
            for (read, wanted) in [(&read.nat_v4, &wanted.nat_v4), (&read.nat_v6, &wanted.nat_v6)] {
                assert_eq!(read.is_some(), wanted.is_some(), "{name}");
                let Some((read, wanted)) = read.as_ref().zip(wanted.as_ref()) else { continue };
                assert_eq!(read.difficulty.value(), wanted.difficulty.value(), "{name}");
                assert_eq!(read.difficulty.confidence(), wanted.difficulty.confidence(), "{name}");
                assert_eq!(read.effective.value(), wanted.effective.value(), "{name}");
                assert_eq!(read.filtering.value(), wanted.filtering.value(), "{name}");
                assert_eq!(read.port_allocation.value(), wanted.port_allocation.value(), "{name}");
                assert_eq!(read.pooling.value(), wanted.pooling.value(), "{name}");
                assert_eq!(read.carrier_grade.value(), wanted.carrier_grade.value(), "{name}");
                assert_eq!((&read.mapped, &read.local), (&wanted.mapped, &wanted.local), "{name}");
            }
            let Some((read, wanted)) = read.netcheck.zip(wanted.netcheck) else { continue };
            assert_eq!(read.udp.value(), wanted.udp.value(), "{name}");
            assert_eq!((read.router.gateway, read.router.wan_is_mapped_address), {
                (wanted.router.gateway, wanted.router.wan_is_mapped_address)
            });
            assert_eq!((read.path.tunnel, read.path.fake_dns), (wanted.path.tunnel, wanted.path.fake_dns), "{name}");
            for (read, wanted) in [(&read.ipv4, &wanted.ipv4), (&read.ipv6, &wanted.ipv6)] {
                assert_eq!(read.usable.value(), wanted.usable.value(), "{name}");
                assert_eq!((read.global.value(), &read.local), (wanted.global.value(), &wanted.local), "{name}");
            }
        }
    }
}

#[test]
fn of_several_reports_the_last_counts() {
    let line = |report: &Report| render(report, Format::JsonLine, &Style::default());
    let text = line(&sample::healthy()) + &line(&sample::udp_blocked());
    assert!(conclusions_from(&text).unwrap().report.netcheck.unwrap().udp.is_false());
    // An error is counted from the top of the file.
    let broken = line(&sample::healthy()) + "\n" + &line(&sample::saved()).replacen("\"schema\":1", "\"schema\":7", 1);
    let error = conclusions_from(&broken).unwrap_err();
    assert_eq!((error.line, error.column), (3, 1), "{error}");
    assert!(error.problem.contains("schema 7"), "{error}");
}

#[test]
fn what_is_no_report_of_a_host_is_told_with_its_place() {
    let refused = |text: &str| conclusions_from(text).unwrap_err();
    let says = |text: &str, place: (usize, usize), wanted: &str| {
        let NotAReport { line, column, problem } = refused(text);
        assert!((line, column) == place && problem.contains(wanted), "{line}:{column}: {problem}\nnot {wanted}");
    };
    says("", (1, 1), "empty");
    says(" \n ", (1, 1), "empty");
    says("a letter", (1, 1), "not JSON");
    says("[1]", (1, 1), "a JSON object is expected");
    says("3", (1, 1), "a JSON object is expected");
    says("{}", (1, 1), "key \"schema\" is missing");
    let foreign = |report: &Report, format| render(report, format, &Style::default());
    says(&foreign(&sample::healthy(), Format::TailscaleJson), (1, 1), "`tailscale netcheck`");
    says(&foreign(&sample::predicted_direct(), Format::Json), (1, 1), "`natscope predict` has found");
    says("{\"tool\": {}, \"plan\": []}", (1, 1), "a plan of --dry-run");
    says("\n{\"Regions\": {}}", (2, 1), "a DERP map");

    let mut connections = sample::easy_nat();
    connections.nat_v4.as_mut().unwrap().transport = crate::model::Transport::Tcp;
    says(&foreign(&connections, Format::Json), (1, 1), "about the mapping of TCP");
    let mut proxied = sample::easy_nat();
    proxied.nat_v4.as_mut().unwrap().proxy = Some("192.0.2.1:1080".to_owned());
    says(&foreign(&proxied, Format::Json), (1, 1), "the NAT of the proxy 192.0.2.1:1080");

    let whole = foreign(&sample::healthy(), Format::Json);
    let spoil = |from: &str, to: &str| {
        assert!(whole.contains(from), "{from}");
        let NotAReport { line, column, problem } = refused(&whole.replacen(from, to, 1));
        assert!(line > 1 && column > 1, "{from}: {line}:{column}: {problem}");
        problem
    };
    assert!(spoil("\"easy\"", "\"moderate\"").contains("unknown variant `moderate`, expected one of `none`, `easy`"));
    assert!(spoil("\"value\": true", "\"value\": \"yes\"").contains("expected a boolean"));
    assert!(spoil("\"confidence\": \"high\"", "\"confidence\": null").contains("no confidence"));
    assert!(spoil("\"mapped\": [", "\"mapped\": [\"nowhere\",").contains("socket address"));
    assert!(
        spoil("\"local\": [", &format!("\"local\": [{}", "\"10.0.0.1\",".repeat(5_000))).contains("more than 4096")
    );
    assert!(
        spoil("\"ipv6\": {\n      \"difficulty\"", "\"ipv7\": {\n      \"difficulty\"")
            .contains("missing field `ipv6`")
    );
    for cut in 0..whole.len().min(3_000) {
        if whole.is_char_boundary(cut) {
            let error = refused(&whole[..cut]);
            assert!(error.line >= 1 && error.column >= 1);
        }
    }
    let deep = format!("{{\"schema\": {}", "[".repeat(200_000));
    assert!(!refused(&deep).problem.is_empty());
    let closed = format!("{{\"schema\": {}{}}}", "[".repeat(200_000), "]".repeat(200_000));
    assert!(refused(&closed).problem.contains("recursion limit"), "{}", refused(&closed));
}

#[test]
fn tailscale_json_has_its_keys_in_its_order_and_units() {
    let text = render(&sample::healthy(), Format::TailscaleJson, &Style::default());
    assert!(text.starts_with("{\n\t\"Now\": \"2026-"), "{text}");
    let value: Value = serde_json::from_str(&text).unwrap();
    let keys: Vec<_> = value.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = "Now UDP IPv6 IPv4 IPv6CanSend IPv4CanSend OSHasIPv6 ICMPv4 MappingVariesByDestIP UPnP PMP PCP \
                    PreferredDERP RegionLatency RegionV4Latency RegionV6Latency GlobalV4Counters GlobalV6Counters \
                    GlobalV4 GlobalV6 CaptivePortal";
    assert_eq!(keys.join(" "), expected);
    assert_eq!(value["RegionLatency"], json!({ "1": 98_400_000, "2": 151_900_000, "4": 12_300_000, "8": 17_820_000 }));
    assert_eq!(value["PCP"], Value::Null);
    assert_eq!(value["PreferredDERP"], json!(4));
    let offline: Value =
        serde_json::from_str(&render(&sample::offline(), Format::TailscaleJson, &Style::default())).unwrap();
    assert_eq!(offline["UDP"], json!(false));
    assert_eq!(offline["GlobalV4"], json!(""));
    assert_eq!(offline["PreferredDERP"], json!(0));
    assert_eq!(offline["CaptivePortal"], Value::Null);
}

#[test]
fn changes_tell_what_is_new_and_ignore_latencies() {
    let before = sample::healthy();
    let mut now = sample::healthy();
    for region in &mut now.netcheck.as_mut().unwrap().regions {
        region.latency = region.latency.map(|latency| latency * 2);
    }
    assert_eq!(changes(&before, &now, Lang::En), Vec::<String>::new());

    let netcheck = now.netcheck.as_mut().unwrap();
    netcheck.ipv4.global = Verdict::known(sample::endpoint("81.2.69.142:50213"), Confidence::High, []);
    netcheck.ipv6.usable = Verdict::known(false, Confidence::High, []);
    netcheck.home_region = Verdict::known(RegionId(8), Confidence::High, []);
    netcheck.regions.iter_mut().find(|region| region.code == "nyc").unwrap().latency = None;
    now.nat_v4.as_mut().unwrap().difficulty = Verdict::known(Difficulty::Hard, Confidence::High, []);
    assert_eq!(
        changes(&before, &now, Lang::En),
        ["mapped port 41641 → 50213", "IPv6 lost", "home region fra → lhr", "region nyc lost", "NAT easy → hard"]
    );
    assert_eq!(
        changes(&now, &before, Lang::ZhCn),
        ["外部端口：50213 → 41641", "IPv6 恢复可用", "主区域：lhr → fra", "区域 nyc 恢复应答", "NAT：难穿透 → 易穿透"]
    );
    assert_eq!(changes(&before, &sample::udp_blocked(), Lang::En).first().map(String::as_str), Some("UDP lost"));
}

#[test]
fn languages_differ_in_words_only() {
    // The same numbers, names and addresses in both: a translation forgets nothing.
    let figures = |lang| -> Vec<HashSet<String>> {
        samples()
            .iter()
            .map(|(_, report)| {
                let text =
                    render(report, Format::Table, &Style { lang, width: 1_000, verbose: true, ..Style::default() });
                let words = text.split(|it: char| !it.is_ascii_alphanumeric() && !matches!(it, '.' | ':'));
                let figures = words.filter(|word| word.bytes().any(|byte| byte.is_ascii_digit()));
                figures.map(|word| word.trim_matches(['.', ':']).to_owned()).collect()
            })
            .collect()
    };
    assert_eq!(figures(Lang::En), figures(Lang::ZhCn));
}

#[test]
fn a_sign_of_life_is_not_offline() {
    let headline = |report: &Report| {
        let text = render(report, Format::Table, &Style::default());
        text.lines().next().unwrap_or_default().to_owned()
    };
    assert!(headline(&sample::offline()).contains("offline"));
    let mut pinged = sample::offline();
    pinged.netcheck.as_mut().unwrap().icmp = Verdict::known(true, Confidence::High, []);
    assert!(!headline(&pinged).contains("offline"), "{}", headline(&pinged));
    let mut refused = sample::offline();
    refused.netcheck.as_mut().unwrap().regions[0].failure = Some(Failure::new(Stage::Stun, Cause::Refused));
    assert!(!headline(&refused).contains("offline"), "{}", headline(&refused));
}
