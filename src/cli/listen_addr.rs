//! Where a server listens, as it is written.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// Where to listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListenAddr {
    /// On every address of the host, of both families.
    Any {
        /// 0 for any free one.
        port: u16,
    },
    /// On this one.
    At(SocketAddr),
}

/// Where to listen, or not to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptionalAddr {
    /// Not at all.
    Off,
    /// There.
    On(ListenAddr),
}

impl FromStr for ListenAddr {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refusal = || "write :PORT, IP:PORT or [IPV6]:PORT, the port from 0 to 65535".to_owned();
        if let Some(port) = text.strip_prefix(':').or_else(|| text.strip_prefix("*:")) {
            let port = port.parse().map_err(|_| refusal())?;
            return Ok(Self::Any { port });
        }
        match text.parse() {
            Ok(address) => Ok(Self::At(address)),
            Err(_) if text.parse::<IpAddr>().is_ok() => Err(format!("the port is missing: {}", refusal())),
            Err(_) => Err(refusal()),
        }
    }
}

impl FromStr for OptionalAddr {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "none" | "off" => Ok(Self::Off),
            text => text.parse().map(Self::On).map_err(|error: String| format!("{error}, or none")),
        }
    }
}

impl ListenAddr {
    /// The port, 0 for any free one.
    #[must_use]
    pub const fn port(self) -> u16 {
        match self {
            Self::Any { port } => port,
            Self::At(address) => address.port(),
        }
    }

    /// Whether only programs of this host reach it.
    #[must_use]
    pub const fn is_loopback(self) -> bool {
        match self {
            Self::Any { .. } => false,
            Self::At(address) => address.ip().to_canonical().is_loopback(),
        }
    }
}

impl OptionalAddr {
    /// Where, if anywhere.
    #[must_use]
    pub const fn address(self) -> Option<ListenAddr> {
        match self {
            Self::Off => None,
            Self::On(address) => Some(address),
        }
    }
}

impl std::fmt::Display for ListenAddr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Any { port } => write!(f, ":{port}"),
            Self::At(address) => address.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        for (text, wanted) in [
            (":443", Some(ListenAddr::Any { port: 443 })),
            ("*:0", Some(ListenAddr::Any { port: 0 })),
            ("192.0.2.1:80", Some(ListenAddr::At("192.0.2.1:80".parse().unwrap()))),
            ("[::1]:80", Some(ListenAddr::At("[::1]:80".parse().unwrap()))),
            ("192.0.2.1", None),
            ("::1", None),
            ("localhost:80", None),
            (":65536", None),
            ("", None),
        ] {
            assert_eq!(text.parse::<ListenAddr>().ok(), wanted, "{text}");
        }
        assert_eq!("none".parse(), Ok(OptionalAddr::Off));
        assert!(ListenAddr::At("[::ffff:127.0.0.1]:1".parse().unwrap()).is_loopback());
        assert!(!ListenAddr::At("0.0.0.0:1".parse().unwrap()).is_loopback());
    }
}
