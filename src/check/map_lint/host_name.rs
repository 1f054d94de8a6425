//! Whether a `HostName` is one.

use std::net::{IpAddr, Ipv6Addr};

use crate::report::HostFault;

/// What is wrong with a name clients are to dial, and what was probably meant. An IP address is a host name too.
pub(super) fn fault(host: &str) -> Option<(HostFault, Option<String>)> {
    if host.parse::<IpAddr>().is_ok() {
        return None;
    }
    let bare = bare(host);
    let meant = (bare != host && is_good(&bare)).then_some(bare);
    Some((kind(host)?, meant))
}

fn kind(host: &str) -> Option<HostFault> {
    if host.contains("://") {
        return Some(HostFault::Scheme);
    }
    if host.contains(char::is_whitespace) {
        return Some(HostFault::Space);
    }
    if let Some((_, after)) = host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return Some(port_of(after).map_or(HostFault::Brackets, HostFault::Port));
    }
    if host.contains(['/', '?', '#']) {
        return Some(HostFault::Path);
    }
    if let Some(port) = host.rfind(':').and_then(|colon| port_of(host.get(colon..)?)) {
        return Some(HostFault::Port(port));
    }
    if host.starts_with("*.") {
        return Some(HostFault::Wildcard);
    }
    let odd = host.chars().find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '.' | '-'));
    match odd {
        Some('_') => Some(HostFault::Underscore),
        Some(odd) => Some(HostFault::Character(odd)),
        None if !has_good_labels(host) => Some(HostFault::Label),
        None => None,
    }
}

/// Without scheme, user, path, port, blanks and brackets.
fn bare(host: &str) -> String {
    let host = host.trim();
    let host = host.split_once("://").map_or(host, |(_, rest)| rest);
    let host = host.split(['/', '?', '#']).next().unwrap_or_default();
    let host = host.rsplit('@').next().unwrap_or_default();
    if let Some((address, _)) = host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return address.to_owned();
    }
    if host.parse::<Ipv6Addr>().is_ok() {
        return host.to_owned();
    }
    host.split(':').next().unwrap_or_default().to_owned()
}

fn is_good(host: &str) -> bool {
    host.parse::<IpAddr>().is_ok() || kind(host).is_none()
}

/// The port of `:8443`.
fn port_of(text: &str) -> Option<u16> {
    let digits = text.strip_prefix(':')?;
    digits.starts_with(|first: char| first.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

/// RFC 1123: labels of 1 to 63 characters, no hyphen at either end, 253 characters in all. A dot may end the name.
fn has_good_labels(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let is_good = |label: &str| (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-');
    host.len() <= 253 && host.split('.').all(is_good)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_are_fine() {
        for host in
            ["derp.example.com", "a", "derp-1.example.com.", "203.0.113.9", "2001:db8::9", "xn--bcher-kva.example"]
        {
            assert_eq!(fault(host), None, "{host}");
        }
    }

    #[test]
    fn faults_come_with_what_was_meant() {
        let long = "x".repeat(64);
        for (host, kind, meant) in [
            ("https://derp.example.com", HostFault::Scheme, Some("derp.example.com")),
            ("https://user@derp.example.com:8443/derp", HostFault::Scheme, Some("derp.example.com")),
            ("derp.example.com:8443", HostFault::Port(8443), Some("derp.example.com")),
            ("[2001:db8::9]:8443", HostFault::Port(8443), Some("2001:db8::9")),
            ("[2001:db8::9]", HostFault::Brackets, Some("2001:db8::9")),
            ("derp.example.com/derp", HostFault::Path, Some("derp.example.com")),
            (" derp.example.com", HostFault::Space, Some("derp.example.com")),
            ("derp example.com", HostFault::Space, None),
            ("*.example.com", HostFault::Wildcard, None),
            ("derp_1.example.com", HostFault::Underscore, None),
            ("bücher.example", HostFault::Character('ü'), None),
            ("derp.example.com:port", HostFault::Character(':'), Some("derp.example.com")),
            ("derp..example.com", HostFault::Label, None),
            ("-derp.example.com", HostFault::Label, None),
            (long.as_str(), HostFault::Label, None),
        ] {
            assert_eq!(fault(host), Some((kind, meant.map(str::to_owned))), "{host}");
        }
    }
}
