//! A transcript without what differs from run to run: times, ports, keys, how many answers came, who was nearest, and where
//! lines are broken for all that.

use std::fmt::Write as _;

/// Words as they are, numbers as 0, keys as KEY, lines made one.
pub(crate) fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut after_key = false;
    for word in apart(text).split_whitespace() {
        // A key that did not fit into its line.
        if after_key && word.chars().all(|c| c.is_ascii_hexdigit()) {
            continue;
        }
        after_key = word.contains("key:");
        let word = word.trim_start_matches(['<', '(']);
        let bare = word.trim_matches(|c: char| ",.;:)".contains(c));
        // The bars of a table, and its star: which of three relays on this host is nearest is chance.
        if bare.is_empty() || bare.chars().all(|c| ('▀'..='▟').contains(&c) || c == '─') || bare == "*" {
            continue;
        }
        if ["one", "two", "three"].contains(&bare) {
            let _ = write!(plain, "RELAY ");
            continue;
        }
        let word = numberless(word);
        // A run may be quick or slow.
        let unit = ["ms", "µs", "s"].into_iter().any(|unit| bare == unit);
        let _ = if unit { write!(plain, "s ") } else { write!(plain, "{word} ") };
    }
    plain
}

/// Characters of Chinese stand alone, since its lines break anywhere.
fn apart(text: &str) -> String {
    let wide = |c: char| ('\u{2e80}'..='\u{ffef}').contains(&c);
    text.chars().fold(String::new(), |mut apart, c| {
        let _ = if wide(c) { write!(apart, " {c} ") } else { write!(apart, "{c}") };
        apart
    })
}

fn numberless(word: &str) -> String {
    if let Some((before, hex)) = word.split_once("key:")
        && hex.chars().filter(char::is_ascii_hexdigit).count() >= 8
    {
        return format!("{before}key:KEY");
    }
    // An address of IPv6 is one number.
    if let Some((before, rest)) = word.split_once('[')
        && let Some((address, after)) = rest.split_once(']')
        && address.contains(':')
    {
        return format!("{before}0{}", numberless(after));
    }
    let mut plain = String::new();
    let mut in_number = false;
    for c in word.chars() {
        // A point inside of a number is part of it.
        if c.is_ascii_digit() || (in_number && c == '.') {
            if !in_number {
                plain.push('0');
            }
            in_number = true;
        } else {
            in_number = false;
            plain.push(c);
        }
    }
    plain
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
        ("UDP works", "UDP is blocked", false),
        ("NAT-PMP: no", "NAT-PMP: ?", false),
    ] {
        assert_eq!(plain(one) == plain(other), same, "{one}: {}; {other}: {}", plain(one), plain(other));
    }
}
