//! The URLs a router hands out: plain HTTP to an address literal. Names are not resolved: a router that knows its own
//! description knows its own address, and a name could lead anywhere.

use std::net::{IpAddr, SocketAddr};

use thiserror::Error;

/// No router needs a longer one.
const MAX_LENGTH: usize = 1024;

/// An `http` URL whose host is an IP address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpUrl {
    /// Where to connect.
    pub address: SocketAddr,
    /// Path and query, from the slash on; visible ASCII only.
    pub path: String,
}

impl HttpUrl {
    /// Parses an absolute URL. A fragment is dropped.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let text = text.trim();
        check_characters(text)?;
        let (scheme, rest) = text.split_once("://").ok_or(UrlError::NotHttp)?;
        if !scheme.eq_ignore_ascii_case("http") {
            return Err(UrlError::NotHttp);
        }
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end).ok_or(UrlError::NotAnAddress)?;
        let address = authority
            .parse::<SocketAddr>()
            .ok()
            .or_else(|| {
                let host = authority.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(authority);
                host.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, 80))
            })
            .ok_or(UrlError::NotAnAddress)?;
        let path = path.split('#').next().unwrap_or_default();
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Ok(Self { address, path })
    }

    /// The URL that `reference`, found in a document of this URL, means (RFC 3986 section 5.2, without dot segments).
    pub fn join(&self, reference: &str) -> Result<Self, UrlError> {
        let reference = reference.trim();
        check_characters(reference)?;
        let reference = reference.split('#').next().unwrap_or_default();
        if reference.split(['/', '?']).next().is_some_and(|start| start.ends_with(':')) {
            return Self::parse(reference);
        }
        if let Some(authority) = reference.strip_prefix("//") {
            return Self::parse(&format!("http://{authority}"));
        }
        let base = self.path.split('?').next().unwrap_or_default();
        let path = if reference.is_empty() {
            self.path.clone()
        } else if reference.starts_with('/') {
            reference.to_owned()
        } else if reference.starts_with('?') {
            format!("{base}{reference}")
        } else {
            let folder = base.rsplit_once('/').map_or("", |(folder, _)| folder);
            format!("{folder}/{reference}")
        };
        check_characters(&path)?;
        Ok(Self { address: self.address, path })
    }
}

fn check_characters(text: &str) -> Result<(), UrlError> {
    if text.len() > MAX_LENGTH {
        return Err(UrlError::TooLong);
    }
    if text.bytes().all(|byte| byte.is_ascii_graphic()) { Ok(()) } else { Err(UrlError::BadCharacter) }
}

/// Why a URL is not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum UrlError {
    /// Longer than 1024 bytes.
    #[error("a URL longer than {MAX_LENGTH} bytes")]
    TooLong,
    /// Blanks, control or non-ASCII characters.
    #[error("a URL with characters no URL has")]
    BadCharacter,
    /// Another scheme, or none.
    #[error("a URL that is not http://")]
    NotHttp,
    /// The host is a name, or nothing at all.
    #[error("a URL whose host is not an IP address")]
    NotAnAddress,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn url(text: &str) -> HttpUrl {
        HttpUrl::parse(text).unwrap()
    }

    #[test]
    fn address_literals_only() {
        let full = url("HTTP://192.168.1.1:5000/rootDesc.xml?a=b#c");
        assert_eq!((full.address, &*full.path), ("192.168.1.1:5000".parse().unwrap(), "/rootDesc.xml?a=b"));
        assert_eq!(url("http://192.168.1.1").path, "/");
        assert_eq!(url("http://192.168.1.1?x").path, "/?x");
        assert_eq!(url("http://[fe80::1]/d").address, "[fe80::1]:80".parse().unwrap());
        assert_eq!(url("http://[fe80::1]:81/d").address, "[fe80::1]:81".parse().unwrap());
        for (text, error) in [
            ("https://192.168.1.1/", UrlError::NotHttp),
            ("/rootDesc.xml", UrlError::NotHttp),
            ("file:///etc/passwd", UrlError::NotHttp),
            ("http://router.lan/", UrlError::NotAnAddress),
            ("http://192.168.1.1@evil.example/", UrlError::NotAnAddress),
            ("http:///x", UrlError::NotAnAddress),
            ("http://192.168.1.1:99999/", UrlError::NotAnAddress),
            ("http://192.168.1.1/a b", UrlError::BadCharacter),
            ("http://192.168.1.1/a\r\nX: y", UrlError::BadCharacter),
        ] {
            assert_eq!(HttpUrl::parse(text), Err(error), "{text}");
        }
        assert_eq!(HttpUrl::parse(&format!("http://192.168.1.1/{}", "x".repeat(1024))), Err(UrlError::TooLong));
    }

    #[test]
    fn references_join_as_browsers_do() {
        let base = url("http://192.168.1.1:5000/igd/root.xml?v=1");
        for (reference, path) in [
            ("/ctl/IPConn", "/ctl/IPConn"),
            ("ctl/IPConn", "/igd/ctl/IPConn"),
            ("?action", "/igd/root.xml?action"),
            ("", "/igd/root.xml?v=1"),
            ("ctl?u=http://x/", "/igd/ctl?u=http://x/"),
        ] {
            assert_eq!(base.join(reference).unwrap().path, path, "{reference}");
        }
        assert_eq!(base.join("http://192.168.1.9/x").unwrap().address, "192.168.1.9:80".parse().unwrap());
        assert_eq!(base.join("//192.168.1.9:7/x").unwrap().address, "192.168.1.9:7".parse().unwrap());
    }

    proptest! {
        #[test]
        fn any_text_parses_or_is_refused(base in "(http://|[\\[\\]:/?#.0-9a-f@ ]){0,30}", reference in ".{0,30}") {
            if let Ok(base) = HttpUrl::parse(&base) {
                prop_assert!(base.path.starts_with('/'));
                if let Ok(joined) = base.join(&reference) {
                    prop_assert!(joined.path.starts_with('/') && joined.path.bytes().all(|b| b.is_ascii_graphic()));
                }
            }
        }
    }
}
