use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use thiserror::Error;

use super::stun_server::{StunServerError, StunServerName};
use super::{DerpMap, Node, Region, RegionId, harmless_value};

/// A relay as a person names it: a region of the map in force, `http(s)://host[:port]`, or `host[:port]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RelayTarget {
    /// The code or the number of a region.
    Region(String),
    /// A relay that need not be in any map.
    Address(RelayAddress),
}

/// Where a relay of no map is reached. The host is valid by construction, the port not 0.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelayAddress {
    tls: bool,
    host: String,
    port: u16,
}

impl RelayTarget {
    /// Whether it takes a map to know what is meant.
    #[must_use]
    pub const fn needs_map(&self) -> bool {
        matches!(self, Self::Region(_))
    }

    /// The region of `map` that is meant, by code (in any case) before number, where one is.
    #[must_use]
    pub fn region<'a>(&self, map: &'a DerpMap) -> Option<&'a Region> {
        let Self::Region(name) = self else { return None };
        let by_code = map.regions.values().find(|region| region.code.eq_ignore_ascii_case(name));
        by_code.or_else(|| map.regions.get(&RegionId(name.parse().ok()?)))
    }
}

impl RelayAddress {
    /// The region number of a relay that is in no map: that of a forced relay in Tailscale's clients.
    pub const REGION: RegionId = RegionId(999);

    /// Whether TLS is spoken.
    #[must_use]
    pub const fn tls(&self) -> bool {
        self.tls
    }

    /// A DNS name or an IP address, IPv6 without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The TCP port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The relay as the only node of a region, with the defaults of a map for everything an address does not say.
    #[must_use]
    pub fn node(&self) -> Node {
        let mut node = Node::new(self.to_string(), Self::REGION, self.host.clone());
        node.derp_port = self.port;
        node
    }
}

impl fmt::Display for RelayTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Region(name) => f.write_str(name),
            Self::Address(address) => address.fmt(f),
        }
    }
}

impl fmt::Display for RelayAddress {
    /// A URL, the port left out where it is the scheme's. Parses back.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, usual) = if self.tls { ("https", 443) } else { ("http", 80) };
        match self.host.parse() {
            Ok(IpAddr::V6(v6)) => write!(f, "{scheme}://[{v6}]")?,
            _ => write!(f, "{scheme}://{}", self.host)?,
        }
        if self.port == usual { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

impl FromStr for RelayTarget {
    type Err = RelayTargetError;

    /// A word without a dot, a colon or a scheme is a region; a host of that kind is written as a URL.
    fn from_str(text: &str) -> Result<Self, RelayTargetError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(RelayTargetError::Empty);
        }
        if let Some((scheme, rest)) = text.split_once("://") {
            let tls = match scheme.to_ascii_lowercase().as_str() {
                "https" => true,
                "http" => false,
                _ => return Err(RelayTargetError::Scheme { text: harmless_value(text, false) }),
            };
            let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
            if !matches!(path.trim_end_matches('/'), "" | "derp") {
                return Err(RelayTargetError::Path { text: harmless_value(text, false) });
            }
            if authority.contains('@') {
                return Err(RelayTargetError::User);
            }
            return address(authority, tls).map(Self::Address);
        }
        if text.contains(['.', ':', '[']) {
            return address(text, true).map(Self::Address);
        }
        Ok(Self::Region(text.to_owned()))
    }
}

fn address(authority: &str, tls: bool) -> Result<RelayAddress, RelayTargetError> {
    let parsed: StunServerName = authority.parse().map_err(RelayTargetError::Host)?;
    // Those names have another default port, so whether one was written is looked up in the text.
    let bare_v6 = authority.parse::<IpAddr>().is_ok();
    let has_port = !bare_v6 && authority.rsplit(']').next().is_some_and(|after| after.contains(':'));
    let usual = if tls { 443 } else { 80 };
    let port = if has_port { parsed.port() } else { usual };
    Ok(RelayAddress { tls, host: parsed.host().to_owned(), port })
}

/// Why a text names no relay.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RelayTargetError {
    /// The text is empty.
    #[error("it is empty: write a region's code or number, https://HOST[:PORT], or HOST[:PORT]")]
    Empty,
    /// Another scheme than `http` and `https`.
    #[error("`{text}`: a relay is reached over https:// or http://")]
    Scheme {
        /// The whole text.
        text: String,
    },
    /// A path that is not that of relays.
    #[error("`{text}`: a relay has no path but /derp, which need not be written")]
    Path {
        /// The whole text.
        text: String,
    },
    /// Credentials, which relays do not ask for.
    #[error("a relay takes no user name or password: leave out what stands before the @")]
    User,
    /// What should be a host, and perhaps a port, is not.
    #[error("{0}")]
    Host(StunServerError),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(text: &str) -> RelayTarget {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn told_apart_by_their_looks() {
        assert_eq!(target("fra"), RelayTarget::Region("fra".into()));
        assert_eq!(target(" 901 "), RelayTarget::Region("901".into()));
        for (text, shown) in [
            ("relay.example", "https://relay.example"),
            ("Relay.Example:8443", "https://relay.example:8443"),
            ("https://relay.example/derp", "https://relay.example"),
            ("HTTP://relay.example:3340/", "http://relay.example:3340"),
            ("http://localhost", "http://localhost"),
            ("localhost:3340", "https://localhost:3340"),
            ("192.0.2.1", "https://192.0.2.1"),
            ("http://192.0.2.1:443", "http://192.0.2.1:443"),
            ("2001:db8::1", "https://[2001:db8::1]"),
            ("[2001:db8::1]:444", "https://[2001:db8::1]:444"),
            ("http://[::1]", "http://[::1]"),
        ] {
            assert_eq!(target(text).to_string(), shown, "{text}");
            assert_eq!(target(shown), target(text));
        }
    }

    #[test]
    fn what_is_no_relay_is_refused() {
        for text in [
            "",
            "ftp://a.example",
            "https://a.example/other",
            "https://u:p@a.example",
            "https://",
            "a.example:0",
            "a.example:x",
            "[::1",
            "a..example",
        ] {
            assert!(text.parse::<RelayTarget>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_region_is_found_by_code_before_number() {
        let mut map = DerpMap::default();
        for (id, code) in [(1, "nyc"), (2, "1"), (900, "own")] {
            map.regions.insert(RegionId(id), Region::new(RegionId(id), code, code));
        }
        let found = |text: &str| target(text).region(&map).map(|region| region.id.0);
        assert_eq!(found("NYC"), Some(1));
        assert_eq!(found("1"), Some(2));
        assert_eq!(found("900"), Some(900));
        assert_eq!(found("ams"), None);
        assert_eq!(found("https://nyc.example"), None);
    }
}
