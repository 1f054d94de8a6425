use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use thiserror::Error;

use super::Transport;

/// A STUN server as a person names it: `host`, `host:port`, an IP address, `[ip6]:port`, or a `stun:` or `stuns:` URI
/// (RFC 7064). Valid by construction: the host is an address a server can have or a name that DNS can be asked for,
/// in lower case and without a dot at its end, and the port is not 0.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StunServerName {
    host: String,
    port: u16,
    /// Named by a `stuns:` URI.
    secure: bool,
}

impl StunServerName {
    /// The server of this name, asked without TLS.
    pub(super) fn of(host: &str, port: u16) -> Self {
        Self { host: host.to_owned(), port, secure: false }
    }

    /// The port of STUN over UDP (RFC 8489 section 18.6).
    pub const DEFAULT_PORT: u16 = 3478;

    /// The port of STUN over TLS.
    pub const TLS_PORT: u16 = 5349;

    /// Whether it was named by a `stuns:` URI: STUN over TLS.
    #[must_use]
    pub const fn is_secure(&self) -> bool {
        self.secure
    }

    /// The port over that transport. STUN over TLS has another usual port, and a server that is named without `stuns:` and
    /// at the usual port of STUN is meant to be asked at the usual one there, too.
    #[must_use]
    pub const fn port_over(&self, transport: Transport) -> u16 {
        match transport {
            Transport::Tls if !self.secure && self.port == Self::DEFAULT_PORT => Self::TLS_PORT,
            _ => self.port,
        }
    }

    /// A DNS name or an IP address, IPv6 without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, over TLS where it was named by a `stuns:` URI.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The host, where it is an IP address.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }
}

impl fmt::Display for StunServerName {
    /// `host:port`, with brackets around IPv6 and `stuns:` before what was named so. Parses back.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.secure { "stuns:" } else { "" })?;
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl FromStr for StunServerName {
    type Err = StunServerError;

    /// An IPv6 address that is to have a port needs brackets: what looks like an address as a whole is one.
    fn from_str(text: &str) -> Result<Self, StunServerError> {
        let (text, secure) = without_scheme(text.trim())?;
        if text.is_empty() {
            return Err(StunServerError::Empty);
        }
        let usual = if secure { Self::TLS_PORT } else { Self::DEFAULT_PORT };
        let named = |host, port| Ok(Self { host, port, secure });
        if let Ok(address) = text.parse::<Ipv6Addr>() {
            return named(usable(address.into())?, usual);
        }
        if let Some(rest) = text.strip_prefix('[') {
            let (inside, after) =
                rest.split_once(']').ok_or_else(|| StunServerError::Bracket { text: text.to_owned() })?;
            let address: Ipv6Addr = inside.parse().map_err(|_| not_an_ipv6(inside))?;
            let port = match after.strip_prefix(':') {
                Some(port) => self::port(port)?,
                None if after.is_empty() => usual,
                None => return Err(StunServerError::Bracket { text: text.to_owned() }),
            };
            return named(usable(address.into())?, port);
        }
        let (host, port) = match text.split_once(':') {
            Some((host, port)) if !port.contains(':') => (host, self::port(port)?),
            Some(_) => return Err(not_an_ipv6(text)),
            None => (text, usual),
        };
        named(self::host(host)?, port)
    }
}

/// Why a text names no STUN server that could be asked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StunServerError {
    /// There is no host.
    #[error("it names no host: write HOST, HOST:PORT, [IPV6]:PORT or stun:HOST:PORT")]
    Empty,
    /// A `turn:` or `turns:` URI.
    #[error("`{scheme}:` names a TURN server; most answer STUN on the same port: write stun:HOST:PORT")]
    Turn {
        /// The scheme.
        scheme: String,
    },
    /// A URI with `//`, or of another scheme.
    #[error("`{scheme}://` is no STUN server: write HOST:PORT, or stun:HOST:PORT without slashes (RFC 7064)")]
    Url {
        /// The scheme.
        scheme: String,
    },
    /// A `?` part, which `turn:` URIs have and `stun:` URIs do not.
    #[error("a stun: URI has no `?{query}` (RFC 7064): write HOST:PORT alone")]
    Query {
        /// What follows the question mark.
        query: String,
    },
    /// Brackets that do not close, or something behind them that is no port.
    #[error("`{text}`: an IPv6 address with a port is written [IPV6]:PORT")]
    Bracket {
        /// The text.
        text: String,
    },
    /// Something in the place of an IPv6 address.
    #[error("`{text}` is no IPv6 address; with a port, one is written [IPV6]:PORT")]
    NotIpv6 {
        /// The text.
        text: String,
    },
    /// An IPv6 address with a zone.
    #[error("`{text}`: link-local addresses with a zone are not supported; --interface names the interface")]
    Zone {
        /// The text.
        text: String,
    },
    /// Something in the place of a port.
    #[error("`{text}` is no port: a number from 1 to 65535 is expected")]
    Port {
        /// The text.
        text: String,
    },
    /// An address that no server can have.
    #[error("no server has the address {address}")]
    Address {
        /// The address.
        address: IpAddr,
    },
    /// Numbers with dots that are no IPv4 address.
    #[error("`{text}` is no IPv4 address, and no host name ends in a number")]
    NotIpv4 {
        /// The text.
        text: String,
    },
    /// A host name with a character that names do not have.
    #[error("`{text}` is no host name: {character:?} cannot be in one (write names in other scripts as xn--…)")]
    Character {
        /// The text.
        text: String,
        /// The first such character.
        character: char,
    },
    /// A host name with a part that is empty or too long.
    #[error("`{text}` is no host name: its parts have 1 to 63 characters, and it has 253 at most")]
    Length {
        /// The text, its beginning at least.
        text: String,
    },
}

/// What follows the scheme, if there is one, and whether it means TLS.
fn without_scheme(text: &str) -> Result<(&str, bool), StunServerError> {
    let Some((scheme, rest)) = text.split_once(':') else { return Ok((text, false)) };
    let lower = scheme.to_ascii_lowercase();
    if rest.starts_with("//") {
        return Err(StunServerError::Url { scheme: shortened(scheme) });
    }
    match lower.as_str() {
        // A host may have one of these names, but then what follows is a port and nothing else.
        "turn" | "turns" if rest.parse::<u16>().is_err() => Err(StunServerError::Turn { scheme: lower }),
        "stun" | "stuns" if rest.parse::<u16>().is_err() => match rest.split_once('?') {
            Some((_, query)) => Err(StunServerError::Query { query: shortened(query) }),
            None => Ok((rest, lower == "stuns")),
        },
        _ => Ok((text, false)),
    }
}

fn port(text: &str) -> Result<u16, StunServerError> {
    // `parse` would take a plus sign.
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let port = if digits { text.parse().ok().filter(|port| *port != 0) } else { None };
    port.ok_or_else(|| StunServerError::Port { text: shortened(text) })
}

fn host(text: &str) -> Result<String, StunServerError> {
    if let Ok(address) = text.parse::<Ipv4Addr>() {
        return usable(address.into());
    }
    let bare = text.strip_suffix('.').unwrap_or(text);
    if bare.is_empty() {
        return Err(StunServerError::Empty);
    }
    let named = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.');
    if let Some(character) = bare.chars().find(|character| !named(*character)) {
        return Err(StunServerError::Character { text: shortened(text), character });
    }
    // RFC 1035 section 2.3.4.
    if bare.len() > 253 || bare.split('.').any(|label| label.is_empty() || label.len() > 63) {
        return Err(StunServerError::Length { text: shortened(text) });
    }
    // RFC 1123 section 2.1: the highest label is alphabetic, which is what tells names from addresses.
    if bare.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit())) {
        return Err(StunServerError::NotIpv4 { text: shortened(text) });
    }
    Ok(bare.to_ascii_lowercase())
}

/// The address as text, `::ffff:a.b.c.d` as the IPv4 address it stands for.
fn usable(address: IpAddr) -> Result<String, StunServerError> {
    let address = address.to_canonical();
    let broadcast = matches!(address, IpAddr::V4(Ipv4Addr::BROADCAST));
    if address.is_unspecified() || address.is_multicast() || broadcast {
        return Err(StunServerError::Address { address });
    }
    Ok(address.to_string())
}

fn not_an_ipv6(text: &str) -> StunServerError {
    let zoned =
        text.split_once('%').is_some_and(|(address, _)| address.trim_start_matches('[').parse::<Ipv6Addr>().is_ok());
    let text = shortened(text);
    if zoned { StunServerError::Zone { text } } else { StunServerError::NotIpv6 { text } }
}

/// Enough of a text to recognize it.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(64) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {

    use proptest::prelude::*;

    use super::*;

    fn named(text: &str) -> (String, u16) {
        let name: StunServerName = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(name.to_string().parse(), Ok(name.clone()), "{text}");
        (name.host, name.port)
    }

    fn refused(text: &str) -> String {
        text.parse::<StunServerName>().expect_err(text).to_string()
    }

    #[test]
    fn servers_are_written_in_many_ways() {
        for (text, host, port) in [
            ("stun.example.com", "stun.example.com", 3478),
            ("Stun.Example.COM.:19302", "stun.example.com", 19302),
            ("localhost", "localhost", 3478),
            ("stun", "stun", 3478),
            ("stun:5000", "stun", 5000),
            ("stun:stun.example.com", "stun.example.com", 3478),
            ("STUN:stun.example.com:443", "stun.example.com", 443),
            ("stun:192.0.2.1", "192.0.2.1", 3478),
            ("stun:[2001:db8::1]:443", "2001:db8::1", 443),
            ("192.0.2.1:65535", "192.0.2.1", 65535),
            ("2001:DB8::1", "2001:db8::1", 3478),
            ("[2001:db8::1]", "2001:db8::1", 3478),
            ("[::1]:3479", "::1", 3479),
            // An address as a whole, though it could be meant as one with a port.
            ("2001:db8::1:3479", "2001:db8::1:3479", 3478),
            ("[::ffff:192.0.2.1]:1", "192.0.2.1", 1),
            (" stun_1.example.com ", "stun_1.example.com", 3478),
        ] {
            assert_eq!(named(text), (host.to_owned(), port), "{text}");
        }
        assert_eq!("[::1]".parse::<StunServerName>().unwrap().to_string(), "[::1]:3478");
        assert_eq!("::1".parse::<StunServerName>().unwrap().address(), Some(Ipv6Addr::LOCALHOST.into()));
        assert_eq!("a.example".parse::<StunServerName>().unwrap().address(), None);
    }

    #[test]
    fn stun_over_tls_has_a_port_of_its_own() {
        let ports = |text: &str| {
            let name: StunServerName = text.parse().unwrap();
            assert_eq!(name.to_string().parse(), Ok(name.clone()), "{text}");
            (name.is_secure(), [Transport::Udp, Transport::Tcp, Transport::Tls].map(|over| name.port_over(over)))
        };
        assert_eq!(ports("a.example"), (false, [3478, 3478, 5349]));
        assert_eq!(ports("a.example:443"), (false, [443, 443, 443]));
        assert_eq!(ports("stuns:a.example"), (true, [5349, 5349, 5349]));
        assert_eq!(ports("STUNS:[::1]:3478"), (true, [3478, 3478, 3478]));
    }

    #[test]
    fn errors_say_what_would_be_right() {
        for (text, wanted) in [
            ("", "write HOST"),
            ("stun:", "write HOST"),
            (":3478", "write HOST"),
            (".", "write HOST"),
            ("stuns:", "write HOST"),
            ("stuns:a.example?transport=tcp", "has no `?transport=tcp`"),
            ("turn:turn.example.com", "names a TURN server"),
            ("stun://stun.example.com", "without slashes (RFC 7064)"),
            ("https://stun.example.com", "`https://` is no STUN server"),
            ("stun:a.example?transport=udp", "has no `?transport=udp`"),
            ("a.example:", "`` is no port"),
            ("a.example:0", "from 1 to 65535"),
            ("a.example:65536", "`65536` is no port"),
            ("a.example:+1", "`+1` is no port"),
            ("a.example:stun", "`stun` is no port"),
            ("[::1", "[IPV6]:PORT"),
            ("[::1]3478", "[IPV6]:PORT"),
            ("[192.0.2.1]:1", "`192.0.2.1` is no IPv6 address"),
            ("a:b:c", "`a:b:c` is no IPv6 address"),
            ("fe80::1%eth0", "--interface"),
            ("[fe80::1%eth0]:3478", "--interface"),
            ("0.0.0.0", "no server has the address 0.0.0.0"),
            ("[::]:3478", "no server has the address ::"),
            ("224.0.0.1", "no server has"),
            ("255.255.255.255", "no server has"),
            ("192.0.2.256", "no IPv4 address"),
            ("1.2.3", "no IPv4 address"),
            ("a b.example", "' ' cannot be in one"),
            ("stün.example", "xn--"),
            ("a..example", "1 to 63 characters"),
        ] {
            let error = refused(text);
            assert!(error.contains(wanted), "{text}: {error}");
        }
        assert!(refused(&"a".repeat(64)).contains("1 to 63"));
        assert!(refused(&"ab.".repeat(100_000)).len() < 300, "an error does not repeat everything");
    }

    proptest! {
        #[test]
        fn whatever_parses_parses_back(text in "(stuns?:)?[\\[\\]a-c0-9:.%?/ü-]{0,24}") {
            if let Ok(name) = text.parse::<StunServerName>() {
                prop_assert_eq!(name.to_string().parse(), Ok(name));
            }
        }
    }
}
