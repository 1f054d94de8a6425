//! The page: how it looks, that it is well-formed, and that nothing in it loads or runs.

use sha2::{Digest as _, Sha256};

use super::super::{Format, Lang, render as render_as, sample};
use super::*;
use crate::model::Mapping;
use crate::report::{Confidence, Verdict, Why};

fn page(report: &Report, style: &Style) -> String {
    render_as(report, Format::Html, style)
}

fn samples() -> Vec<(&'static str, Report)> {
    vec![
        ("healthy", sample::healthy()),
        ("hard_nat", sample::hard_nat()),
        ("easy_nat", sample::easy_nat()),
        ("one_server", sample::one_server()),
        ("udp_blocked", sample::udp_blocked()),
        ("stun_down", sample::stun_down()),
        ("offline", sample::offline()),
        ("hostile", sample::hostile()),
        ("hostile_relays", hostile_relays()),
        ("predicted_unclear", sample::predicted_unclear()),
        ("relay_works", sample::relay_works()),
        ("relays_broken", sample::relays_broken()),
    ]
}

/// Relays whose names and certificates are markup.
fn hostile_relays() -> Report {
    let evil = "\"><script src=http://evil.test/x.js></script><img src=x onerror='y'>&amp;";
    let mut report = sample::relays_broken();
    for node in report.doctor.iter_mut().flat_map(|doctor| &mut doctor.nodes) {
        node.name = evil.to_owned();
        node.host = evil.to_owned();
        node.region = node.region.take().map(|(id, _)| (id, evil.to_owned()));
        node.facts.server = Some(evil.to_owned());
        if let Some(certificate) = &mut node.facts.certificate {
            certificate.common_name = evil.to_owned();
            certificate.issuer = evil.to_owned();
            certificate.dns_names = vec![evil.to_owned()];
        }
    }
    report
}

#[test]
fn looks() {
    for (name, report) in [
        ("healthy", Box::new(sample::healthy())),
        ("hard_nat", Box::new(sample::hard_nat())),
        ("relays_broken", Box::new(sample::relays_broken())),
        ("offline", Box::new(sample::offline())),
        ("hostile", Box::new(sample::hostile())),
    ] {
        for lang in Lang::ALL {
            if lang == Lang::ZhCn && name != "hard_nat" {
                continue;
            }
            let text = page(&report, &Style { lang, ..Style::default() }).replace(SHEET, "");
            insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
                insta::assert_snapshot!(format!("{name}.{}.html", lang.name()), text);
            });
        }
    }
}

/// A tag: its name, and its attributes.
type Tag = (String, Vec<(String, String)>);

/// Reads the page as XML would, and answers with the elements. Panics where it is not well-formed.
fn elements(page: &str) -> Vec<Tag> {
    let mut rest = page.strip_prefix("<!DOCTYPE html>\n").expect("a doctype");
    let (mut open, mut all): (Vec<String>, Vec<Tag>) = (Vec::new(), Vec::new());
    while let Some((text, after)) = rest.split_once('<') {
        entities(text);
        assert!(!text.contains('>') || open.last().is_some_and(|name| name == "style"), "{text}");
        let (tag, after) = after.split_once('>').expect("a tag that ends");
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "before {rest}");
            continue;
        }
        let (tag, is_empty) = tag.strip_suffix('/').map_or((tag, false), |tag| (tag, true));
        let (name, mut attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        let mut seen = Vec::new();
        while !attributes.is_empty() {
            let (key, value) = attributes.split_once("=\"").expect("a quoted attribute");
            let (value, after) = value.split_once('"').expect("a closed attribute");
            entities(value);
            assert!(key.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'-'), "{key}");
            assert!(seen.iter().all(|(known, _)| known != key), "{key} twice");
            seen.push((key.to_owned(), value.to_owned()));
            attributes = after.trim_start();
        }
        if !is_empty {
            open.push(name.to_owned());
        }
        all.push((name.to_owned(), seen));
    }
    assert!(open.is_empty() && rest.trim().is_empty(), "{open:?} stay open");
    let mut ids: Vec<&str> = all
        .iter()
        .flat_map(|(_, attributes)| attributes)
        .filter(|(key, _)| key == "id")
        .map(|(_, id)| id.as_str())
        .collect();
    let all_ids = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all_ids, "an id twice");
    all
}

fn entities(text: &str) {
    for part in text.split('&').skip(1) {
        let (name, _) = part.split_once(';').expect("an entity that ends");
        assert!(["amp", "lt", "gt", "quot", "#39"].contains(&name), "{name}");
    }
}

#[test]
fn pages_are_well_formed_and_load_nothing() {
    const KNOWN: [&str; 38] = [
        "html", "head", "meta", "title", "style", "body", "main", "header", "h1", "h2", "h3", "p", "a", "section",
        "figure", "svg", "g", "path", "rect", "text", "dl", "dt", "dd", "div", "table", "thead", "tbody", "tr", "th",
        "td", "article", "span", "pre", "code", "footer", "title", "title", "title",
    ];
    for (name, report) in samples() {
        for lang in Lang::ALL {
            for (verbose, redact) in [(false, false), (true, false), (false, true)] {
                let text = page(&report, &Style { lang, verbose, redact, ..Style::default() });
                for (element, attributes) in elements(&text) {
                    assert!(KNOWN.contains(&element.as_str()), "{name}: {element}");
                    for (key, value) in attributes {
                        let loads = ["src", "srcset", "data", "style", "poster", "background", "action"];
                        assert!(!loads.contains(&key.as_str()) && !key.starts_with("on"), "{name}: {key}");
                        let is_link = element == "a" && (value.starts_with('#') || value == RFC_4787);
                        assert!(key != "href" || is_link, "{name}: {element} {value}");
                    }
                }
                assert!(!text.contains("<script") && !text.contains("<img"), "{name}");
            }
        }
    }
    let sheet = SHEET.to_lowercase();
    assert!(!sheet.contains("url(") && !sheet.contains("@import") && !sheet.contains(['<', '&']));
}

#[test]
fn hostile_strings_are_text() {
    let text = page(&hostile_relays(), &Style { verbose: true, ..Style::default() });
    assert!(text.contains("&quot;&gt;&lt;script src=http://evil.test/x.js&gt;&lt;/script&gt;"), "they are shown");
    assert!(text.contains("&amp;amp;"));
    let text = page(&sample::hostile(), &Style { verbose: true, ..Style::default() });
    assert!(text.contains("&lt;img src=x&gt;"));
}

/// Base64 of a hash, as policies write it.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().chain([&0; 2]).take(3).fold(0, |group, byte| group << 8 | usize::from(*byte));
        for digit in 0..4 {
            let shown = digit <= chunk.len();
            text.push(if shown { char::from(DIGITS[group >> (18 - 6 * digit) & 63]) } else { '=' });
        }
    }
    text
}

#[test]
fn the_policy_lets_this_sheet_in_and_nothing_else() {
    assert_eq!(SHEET_HASH, base64(&Sha256::digest(SHEET)), "the style sheet has changed: this is its hash");
    let text = page(&sample::healthy(), &Style::default());
    assert!(text.contains("default-src &#39;none&#39;; style-src &#39;sha256-"), "{text}");
}

#[test]
fn each_finding_of_one_code_has_a_place_of_its_own() {
    let mut report = sample::relays_broken();
    report.findings.extend(report.findings.clone());
    let text = page(&report, &Style::default());
    elements(&text);
    let code = report.findings[0].code();
    for wanted in [format!("href=\"#{code}\""), format!("href=\"#{code}-2\""), format!("id=\"{code}-2\"")] {
        assert!(text.contains(&wanted), "{wanted}");
    }
}

#[test]
fn what_is_undetermined_is_dashed() {
    for (name, report, wanted) in [
        ("one_server", Box::new(sample::one_server()), "NAT ?"),
        ("offline", Box::new(sample::offline()), "Home region ?"),
        ("udp_blocked", Box::new(sample::udp_blocked()), "Carrier-grade NAT ?"),
    ] {
        let text = page(&report, &Style::default());
        let drawn = text.split_once("<svg class=\"path\"").unwrap().1.split_once("</figure>").unwrap().0;
        let doubtful = drawn.split("<g class=\"stop ").find(|stop| stop.contains(&format!("<title>{wanted}")));
        assert!(doubtful.is_some_and(|stop| stop.starts_with("unknown dashed\"")), "{name}: {doubtful:?}");
    }
    let text = page(&sample::healthy(), &Style::default());
    assert!(!text.contains("stop unknown dashed"), "all of a healthy host is known");
    // Servers of this host's own tell nothing of what is beyond it.
    let mut near = sample::healthy();
    for nat in [&mut near.nat_v4, &mut near.nat_v6] {
        let nat = nat.as_mut().unwrap();
        nat.difficulty = Verdict::unknown(Why::ServersNotOnInternet);
        nat.mapping = Verdict::known(Mapping::Direct, Confidence::Medium, []);
        nat.mapped = vec!["127.0.0.1:4000".parse().unwrap()];
    }
    let text = page(&near, &Style::default());
    let drawn = text.split_once("<svg class=\"path\"").unwrap().1.split_once("</figure>").unwrap().0;
    for wanted in ["NAT ?", "Internet"] {
        let stop = drawn.split("<g class=\"stop ").find(|stop| stop.contains(&format!("<title>{wanted}")));
        assert!(stop.is_some_and(|stop| stop.starts_with("unknown dashed\"")), "{wanted}: {stop:?}");
    }
    assert!(!drawn.contains("No NAT") && !drawn.contains("UDP ✓"), "{drawn}");
}
