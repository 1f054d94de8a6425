use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use thiserror::Error;

use super::harmless_value;

/// Where a DERP map comes from: what `--derp-map` may say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum MapSource {
    /// The public map of Tailscale, [`MapSource::DEFAULT_URL`]: when nothing was said, or written `default` to lay
    /// another map over it.
    #[default]
    Default,
    /// An `http` or `https` URL.
    Url(String),
    /// A file.
    File(PathBuf),
    /// Standard input, written `-`.
    Stdin,
    /// The relay inside this program, started on loopback; written `embedded`.
    Embedded,
}

impl MapSource {
    /// The public map, as Tailscale's own clients fetch it when they have no control plane to ask.
    pub const DEFAULT_URL: &'static str = "https://login.tailscale.com/derpmap/default";

    /// The URL to fetch, for the sources that have one.
    #[must_use]
    pub fn url(&self) -> Option<&str> {
        match self {
            Self::Default => Some(Self::DEFAULT_URL),
            Self::Url(url) => Some(url),
            Self::File(_) | Self::Stdin | Self::Embedded => None,
        }
    }
}

impl fmt::Display for MapSource {
    /// A URL without password and query, which may be a token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str(Self::DEFAULT_URL),
            Self::Url(url) => f.write_str(&harmless_value(url, false)),
            Self::File(path) => path.display().fmt(f),
            Self::Stdin => f.write_str("-"),
            Self::Embedded => f.write_str("embedded"),
        }
    }
}

impl FromStr for MapSource {
    type Err = MapSourceError;

    /// A scheme makes a URL, `-` is standard input, `default` the public map and `embedded` the relay inside; all else
    /// is a file name. A file with one of those names is written `./embedded`.
    fn from_str(text: &str) -> Result<Self, MapSourceError> {
        match text {
            "" => return Err(MapSourceError::Empty),
            "-" => return Ok(Self::Stdin),
            "default" => return Ok(Self::Default),
            "embedded" => return Ok(Self::Embedded),
            _ => {}
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return Ok(Self::File(PathBuf::from(text)));
        };
        let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
        if !is_scheme {
            return Ok(Self::File(PathBuf::from(text)));
        }
        match scheme.to_ascii_lowercase().as_str() {
            "http" | "https" if rest.trim_start_matches('/').is_empty() => {
                Err(MapSourceError::NoHost(harmless_value(text, false)))
            }
            "http" | "https" => Ok(Self::Url(text.to_owned())),
            "file" => Ok(Self::File(PathBuf::from(rest))),
            _ => Err(MapSourceError::Scheme { scheme: scheme.to_owned(), text: harmless_value(text, false) }),
        }
    }
}

/// Why a text names no source of a map.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MapSourceError {
    /// The text is empty.
    #[error("it is empty: give a URL, a file, `-` for standard input, or `embedded`")]
    Empty,
    /// A URL without a host.
    #[error("the URL `{0}` names no host")]
    NoHost(String),
    /// A URL of a kind maps are not fetched from.
    #[error("`{text}`: maps are fetched over http and https, not {scheme}")]
    Scheme {
        /// The scheme.
        scheme: String,
        /// The whole text.
        text: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn told_apart_by_their_looks() {
        let source = |text: &str| text.parse::<MapSource>();
        assert_eq!(source("-"), Ok(MapSource::Stdin));
        assert_eq!(source("default"), Ok(MapSource::Default));
        assert_eq!(source("embedded"), Ok(MapSource::Embedded));
        assert_eq!(source("./embedded"), Ok(MapSource::File("./embedded".into())));
        assert_eq!(source("HTTPS://x.example/m"), Ok(MapSource::Url("HTTPS://x.example/m".into())));
        assert_eq!(source("http://[::1]:80/"), Ok(MapSource::Url("http://[::1]:80/".into())));
        assert_eq!(source("file:///etc/derp.yaml"), Ok(MapSource::File("/etc/derp.yaml".into())));
        assert_eq!(source("C:\\derp.json"), Ok(MapSource::File("C:\\derp.json".into())));
        assert_eq!(source("a b://c"), Ok(MapSource::File("a b://c".into())));
        assert_eq!(source(""), Err(MapSourceError::Empty));
        assert_eq!(source("https://"), Err(MapSourceError::NoHost("https://".into())));
        assert_eq!(source("ftp://x/m"), Err(MapSourceError::Scheme { scheme: "ftp".into(), text: "ftp://x/m".into() }));
        assert_eq!(MapSource::default().url(), Some(MapSource::DEFAULT_URL));
    }

    #[test]
    fn display_parses_back() {
        for text in ["-", "embedded", "https://x.example/m", "maps/a.json"] {
            let source: MapSource = text.parse().unwrap();
            assert_eq!(source.to_string(), text);
        }
    }
}
