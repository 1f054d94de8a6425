//! A transcript without what differs from run to run: times, ports, keys, how many answers came, who was nearest, and where
//! lines are broken for all that. What a run means stays: codes, exit statuses, NAT types, percentages, and whether a number
//! is nothing.

use std::fmt::Write as _;

/// Words as they are, numbers as 0 or N, keys as KEY, lines made one.
pub(crate) fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut after_key = false;
    let text = apart(text);
    let words: Vec<&str> = text.split_whitespace().collect();
    for (at, word) in words.iter().copied().enumerate() {
        // A key that did not fit into its line.
        if after_key && word.chars().all(|c| c.is_ascii_hexdigit()) {
            continue;
        }
        after_key = word.contains("key:");
        let word = word.trim_start_matches(['<', '(']);
        let bare = bare(word);
        // The bars of a table, and its star: which of three relays on this host is nearest is chance.
        if bare.is_empty() || bare.chars().all(|c| ('▀'..='▟').contains(&c) || c == '─') || bare == "*" {
            continue;
        }
        if ["one", "two", "three"].contains(&bare) {
            let _ = write!(plain, "RELAY ");
            continue;
        }
        let before = at.checked_sub(1).and_then(|at| words.get(at)).copied().unwrap_or_default();
        let after = words.get(at + 1).copied().unwrap_or_default();
        let word = if is_meant(bare) || ["status", "RFC"].contains(&before) {
            word.to_owned()
        } else {
            // However long it took, it was a time.
            numberless(word, is_unit(self::bare(after)))
        };
        // A run may be quick or slow.
        let _ = if is_unit(bare) { write!(plain, "s ") } else { write!(plain, "{word} ") };
    }
    plain
}

fn bare(word: &str) -> &str {
    word.trim_matches(|c: char| "<([],.;:)".contains(c))
}

fn is_unit(word: &str) -> bool {
    ["ms", "µs", "s"].contains(&word)
}

/// A finding's code, as NET-010; a percentage.
fn is_meant(word: &str) -> bool {
    let code = word.split_once('-').is_some_and(|(layer, number)| {
        layer.len() >= 2
            && layer.bytes().all(|byte| byte.is_ascii_uppercase())
            && number.len() == 3
            && number.bytes().all(|byte| byte.is_ascii_digit())
    });
    let percentage = word.strip_suffix('%').is_some_and(|number| number.parse::<f64>().is_ok());
    code || percentage
}

/// Characters of Chinese stand alone, since its lines break anywhere.
fn apart(text: &str) -> String {
    let wide = |c: char| ('\u{2e80}'..='\u{ffef}').contains(&c);
    text.chars().fold(String::new(), |mut apart, c| {
        let _ = if wide(c) { write!(apart, " {c} ") } else { write!(apart, "{c}") };
        apart
    })
}

/// With each number as N, or as 0 if it is; behind a letter it is part of a name, as in NAT1 and IPv4.
fn numberless(word: &str, is_time: bool) -> String {
    if let Some((before, hex)) = word.split_once("key:")
        && hex.chars().filter(char::is_ascii_hexdigit).count() >= 8
    {
        return format!("{before}key:KEY");
    }
    // The time of a log, whose hours and seconds may be nothing.
    if word.len() >= 19 && word.as_bytes().get(10) == Some(&b'T') && word.contains(':') {
        return "TIME".to_owned();
    }
    // An address of IPv6 is one number.
    if let Some((before, rest)) = word.split_once('[')
        && let Some((address, after)) = rest.split_once(']')
        && address.contains(':')
    {
        return format!("{before}N{}", numberless(after, is_time));
    }
    let mut plain = String::new();
    let mut rest = word;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, from) = rest.split_at(at);
        // A point inside of a number is part of it.
        let length = from.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(from.len());
        let (number, behind) = from.split_at(length);
        let point = number.len() - number.trim_end_matches('.').len();
        plain.push_str(before);
        if before.ends_with(|c: char| c.is_ascii_alphabetic()) {
            plain.push_str(number.trim_end_matches('.'));
        } else {
            let unit = behind.trim_end_matches(|c: char| !c.is_alphabetic());
            let is_nothing = !is_time && !is_unit(unit) && number.bytes().all(|byte| matches!(byte, b'0' | b'.'));
            plain.push(if is_nothing { '0' } else { 'N' });
        }
        plain.push_str(&".".repeat(point));
        rest = behind;
    }
    plain + rest
}

#[test]
fn what_differs_from_run_to_run_is_gone_and_nothing_else() {
    for (one, other, same) in [
        (" *  one  0.1 ms ██▌ 0%\n    two 12 ms █ 0%", "* two <0.1 ms █████ 0%\n three 1.2 s ▏ 0%", true),
        ("127.0.0.1:4000 (3\nanswers)", "127.0.0.2:51 (17 answers)", true),
        ("区域：one，<0.1 ms（其次\n是 two）", "区域：two，3 ms（其次是 one）", true),
        ("from [fe80::1]:4000,", "from 127.0.0.1:17,", true),
        ("nodekey:00ffee1122aabbcc.", "nodekey:123456789abcdef0", true),
        ("nodekey:00ffee1122aabbcc\n 01f", "nodekey:123456789abcd\n ef0012", true),
        ("jitter 0.0 ms", "jitter 3 ms", true),
        ("tcp=0ms stun=2ms,", "tcp=3ms stun=0ms,", true),
        ("2026-11-27T04:00:00.123456Z  INFO", "2026-11-28T14:20:10.654321Z  INFO", true),
        ("UDP works", "UDP is blocked", false),
        ("NAT-PMP: no", "NAT-PMP: ?", false),
        ("NET-010: x", "NET-011: x", false),
        ("[MAP-001]", "[MAP-002]", false),
        ("[exit status 1]", "[exit status 2]", false),
        ("answered with status 426", "answered with status 404", false),
        ("RFC 5780", "RFC 3489", false),
        ("NAT1", "NAT3", false),
        ("over IPv4", "over IPv6", false),
        ("0%", "33%", false),
        ("loss 33.3%", "loss 66.7%", false),
        ("0 answers", "3 answers", false),
        ("3 sent, 3 received", "3 sent, 0 received", false),
    ] {
        assert_eq!(plain(one) == plain(other), same, "{one}: {}; {other}: {}", plain(one), plain(other));
    }
}
