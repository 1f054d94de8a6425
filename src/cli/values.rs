//! Parsers for single values, with errors that say what would have been right.

use std::net::IpAddr;
use std::time::Duration;

/// Longest duration taken: 30 days. Beyond it is a slip of the pen, and clocks can add it without overflow.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// `5s`, `1m30s`, `250ms`: longer than nothing, at most 30 days.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text.trim())
        .map_err(|error| format!("{error}; write a number with its unit, as 5s, 1m30s or 250ms"))?;
    if duration.is_zero() {
        return Err("0 is no time: write something longer, as 5s".to_owned());
    }
    if duration > LONGEST {
        return Err("it is longer than 30 days, which are the most".to_owned());
    }
    Ok(duration)
}

/// Shortest time a run may be given: servers that are near answer within tens of milliseconds, and what a run that ends
/// sooner reports as silent has not had the time to speak.
const SHORTEST_RUN: Duration = Duration::from_millis(100);

/// A [`duration`] in which something can be measured.
pub(super) fn timeout(text: &str) -> Result<Duration, String> {
    let timeout = duration(text)?;
    if timeout < SHORTEST_RUN {
        return Err(
            "must be at least 100ms: hardly any server answers sooner, and all would be taken for silent".into()
        );
    }
    Ok(timeout)
}

/// Shortest time between pings: relays are other people's machines.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(10);

/// A [`duration`] from one ping to the next.
pub(super) fn interval(text: &str) -> Result<Duration, String> {
    let interval = duration(text)?;
    if interval < SHORTEST_INTERVAL {
        return Err("must be at least 10ms: relays are other people's machines".into());
    }
    Ok(interval)
}

/// The value of a switch's environment variable. Set to nothing means off, as if it were not set.
pub(super) fn switch(text: &str) -> Result<bool, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" | "y" | "t" => Ok(true),
        "0" | "false" | "no" | "off" | "n" | "f" | "" => Ok(false),
        _ => Err("a switch is 1, true, yes or on; or 0, false, no, off or nothing".to_owned()),
    }
}

/// A DNS name in lower case, or an IP address without brackets.
pub(super) fn hostname(text: &str) -> Result<String, String> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    if bare.parse::<IpAddr>().is_ok() {
        return Ok(bare.to_owned());
    }
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let name = bare.strip_suffix('.').unwrap_or(bare);
    let digits = name.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    if name.len() <= 253 && name.split('.').all(label) && !digits {
        return Ok(name.to_ascii_lowercase());
    }
    Err("write a DNS name or an IP address, without scheme and port".to_owned())
}

/// The name of a network interface.
pub(super) fn interface(text: &str) -> Result<String, String> {
    let name = text.trim();
    if name.is_empty() {
        return Err("write the name of an interface, as eth0".to_owned());
    }
    Ok(name.to_owned())
}

/// A URL of HTTP, with or without TLS.
pub(super) fn http_url(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    match rest {
        Some(rest) if !rest.is_empty() && !rest.starts_with('/') && !text.contains(char::is_whitespace) => {
            Ok(text.to_owned())
        }
        _ => Err("write a URL, as https://headscale.example.com/verify".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_carry_their_unit() {
        assert_eq!(duration("5s"), Ok(Duration::from_secs(5)));
        assert_eq!(duration("1m30s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration(" 250ms "), Ok(Duration::from_millis(250)));
        assert_eq!(duration("30days"), Ok(LONGEST));
        for wrong in ["", "5", "s", "-5s", "5 parsecs", "0s", "0ms", "31days", "99999999999999999999y"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
        assert!(duration("5").unwrap_err().contains("as 5s"));
    }

    #[test]
    fn a_run_takes_its_time() {
        assert_eq!(timeout("100ms"), Ok(SHORTEST_RUN));
        for wrong in ["99ms", "1us", "0s", "5"] {
            assert!(timeout(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn switches_are_words_people_write() {
        for on in ["1", "true", "YES", "on"] {
            assert_eq!(switch(on), Ok(true), "{on}");
        }
        for off in ["0", "false", "No", "off", ""] {
            assert_eq!(switch(off), Ok(false), "{off}");
        }
        assert!(switch("maybe").is_err());
    }

    #[test]
    fn host_names_are_names_or_addresses() {
        for (text, wanted) in [
            ("relay.example.com", Some("relay.example.com")),
            ("Relay.Example.COM.", Some("relay.example.com")),
            ("[2001:db8::1]", Some("2001:db8::1")),
            ("192.0.2.1", Some("192.0.2.1")),
            ("relay", Some("relay")),
            ("https://relay.example.com", None),
            ("relay.example.com:443", None),
            ("a..b", None),
            ("-a.example", None),
            ("192.0.2.300", None),
            ("../etc/passwd", None),
            ("", None),
        ] {
            assert_eq!(hostname(text).ok().as_deref(), wanted, "{text}");
        }
    }

    #[test]
    fn interfaces_have_names() {
        assert_eq!(interface(" eth0").as_deref(), Ok("eth0"));
        assert!(interface(" ").is_err());
    }

    #[test]
    fn urls_are_http() {
        assert!(http_url("https://headscale.example.com/verify").is_ok());
        assert!(http_url("http://127.0.0.1:8080").is_ok());
        for wrong in ["headscale.example.com", "ftp://a", "https://", "https:///verify", "https://a b"] {
            assert!(http_url(wrong).is_err(), "{wrong}");
        }
    }
}
