//! Integers as Go reads them.

/// A plain decimal integer, as Go's encoding/json wants for an `int`: no fraction, no exponent.
pub(super) fn decimal(text: &str) -> Option<i64> {
    text.parse().ok()
}

/// An integer in any of yaml.v3's notations: `_` between digits, `0x`, `0o`, `0b`, and a leading zero for octal.
pub(super) fn integer(text: &str) -> Option<i64> {
    let plain = text.replace('_', "");
    let (negative, digits) = match plain.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, plain.strip_prefix('+').unwrap_or(&plain)),
    };
    let prefixed = |prefixes: [&str; 2]| prefixes.iter().find_map(|prefix| digits.strip_prefix(prefix));
    let (radix, digits) = if let Some(digits) = prefixed(["0x", "0X"]) {
        (16, digits)
    } else if let Some(digits) = prefixed(["0o", "0O"]) {
        (8, digits)
    } else if let Some(digits) = prefixed(["0b", "0B"]) {
        (2, digits)
    } else if digits.len() > 1 && digits.starts_with('0') {
        (8, digits)
    } else {
        (10, digits)
    };
    if !digits.starts_with(|first: char| first.is_ascii_hexdigit()) {
        return None;
    }
    let value = i64::from_str_radix(digits, radix).ok()?;
    Some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notations() {
        for (text, value) in [
            ("0", Some(0)),
            ("900", Some(900)),
            ("-1", Some(-1)),
            ("+5", Some(5)),
            ("1_000", Some(1000)),
            ("0x1F", Some(31)),
            ("0o17", Some(15)),
            ("017", Some(15)),
            ("0b101", Some(5)),
            ("-0x10", Some(-16)),
            ("09", None),
            ("", None),
            ("-", None),
            ("--1", None),
            ("0x", None),
            ("0x-1", None),
            ("1.5", None),
            ("abc", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(integer(text), value, "{text}");
        }
        assert_eq!(decimal("1e3"), None);
        assert_eq!(decimal("3478.0"), None);
        assert_eq!(decimal("3478"), Some(3478));
    }
}
