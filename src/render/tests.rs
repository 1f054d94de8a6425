mod read_back;
mod schema;

use std::collections::HashSet;

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
        ("stun_down", sample::stun_down()),
        ("offline", sample::offline()),
        ("hard_nat", sample::hard_nat()),
        ("easy_nat", sample::easy_nat()),
        ("one_server", sample::one_server()),
        ("hostile", sample::hostile()),
        ("saved", sample::saved()),
        ("predicted_direct", sample::predicted_direct()),
        ("predicted_relayed", sample::predicted_relayed()),
        ("predicted_unclear", sample::predicted_unclear()),
        ("relay_works", sample::relay_works()),
        ("relays_broken", sample::relays_broken()),
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
                        // What is to be pasted stands as it is.
                        let is_pasted = line.starts_with("        ") && report.doctor.is_some();
                        assert!(columns <= width || is_pasted, "{name} {width}: {columns} columns: {line}");
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
fn json_is_english_whatever_the_language() {
    let style = Style { lang: Lang::ZhCn, ..Style::default() };
    for (_, report) in samples() {
        for format in [Format::Json, Format::JsonLine, Format::TailscaleJson] {
            assert_eq!(render(&report, format, &style), render(&report, format, &Style::default()));
        }
    }
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
    now.nat_v4.as_mut().unwrap().local = vec![sample::endpoint("192.168.1.20:50213")];
    let lines = changes(&before, &now, Lang::En);
    assert_eq!(lines.first().map(String::as_str), Some("IPv6 lost"), "another socket has another mapped port");
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
