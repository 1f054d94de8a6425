use std::fmt;
use std::str::FromStr;

use super::{CertName, Node, RelayAddress, RelayTarget};

/// Another relay of a mesh, as `HOST[:PORT][/DIAL][=sha256-raw:HEX]`; with `http://` before it, without TLS.
///
/// HOST is the name its certificate is for, DIAL where it is reached if that is somewhere else (a private network's name
/// or address), and the rest pins its certificate, as a map does with `CertName`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeshNode {
    relay: RelayAddress,
    dial: Option<String>,
    pin: Option<String>,
}

/// Why a text names no relay of a mesh.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MeshNodeError {
    /// Its host or port is none.
    #[error("write HOST[:PORT], as relay-b.example.com, or http://HOST:PORT for a relay without TLS")]
    Host,
    /// What it is to be dialled at is no host, or is more than that.
    #[error("after the slash stands the host that is dialled instead, alone: relay-b.example.com/10.0.0.2")]
    Dial,
    /// The pin is none.
    #[error("after the equals sign stands a relay's pin, as it is told at its start: sha256-raw: and 64 hex digits")]
    Pin,
    /// There is no certificate to pin.
    #[error("there is no certificate to pin without TLS")]
    PinWithoutTls,
}

impl MeshNode {
    /// Whether TLS is spoken.
    #[must_use]
    pub const fn tls(&self) -> bool {
        self.relay.tls()
    }

    /// The TCP port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.relay.port()
    }

    /// The host that is dialled in place of the one the certificate is for.
    #[must_use]
    pub fn dial(&self) -> Option<&str> {
        self.dial.as_deref()
    }

    /// The relay as a node of a map.
    #[must_use]
    pub fn node(&self) -> Node {
        let mut node = self.relay.node();
        if let Some(hash) = &self.pin {
            node.cert_name = CertName::Sha256Raw(hash.clone());
        }
        node
    }
}

impl fmt::Display for MeshNode {
    /// Without the pin.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.relay.fmt(f)?;
        self.dial.iter().try_for_each(|dial| write!(f, "/{dial}"))
    }
}

impl FromStr for MeshNode {
    type Err = MeshNodeError;

    fn from_str(text: &str) -> Result<Self, MeshNodeError> {
        let (place, pin) = match text.trim().split_once('=') {
            Some((place, pin)) => (place, Some(hash_of(pin)?)),
            None => (text.trim(), None),
        };
        let (scheme, place) = match place.split_once("://") {
            Some((scheme @ ("https" | "http"), place)) => (scheme, place),
            Some(_) => return Err(MeshNodeError::Host),
            None => ("https", place),
        };
        let (host, dial) = match place.split_once('/') {
            Some((host, dial)) => (host, Some(host_of(dial)?)),
            None => (place, None),
        };
        let relay = address(scheme, host).ok_or(MeshNodeError::Host)?;
        if pin.is_some() && !relay.tls() {
            return Err(MeshNodeError::PinWithoutTls);
        }
        Ok(Self { relay, dial, pin })
    }
}

fn address(scheme: &str, host: &str) -> Option<RelayAddress> {
    match format!("{scheme}://{host}").parse() {
        Ok(RelayTarget::Address(address)) => Some(address),
        _ => None,
    }
}

/// A host without a port, IPv6 without brackets.
fn host_of(text: &str) -> Result<String, MeshNodeError> {
    let address = address("https", text).ok_or(MeshNodeError::Dial)?;
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    if address.host().eq_ignore_ascii_case(bare) { Ok(address.host().to_owned()) } else { Err(MeshNodeError::Dial) }
}

fn hash_of(pin: &str) -> Result<String, MeshNodeError> {
    let hex = pin.strip_prefix("sha256-raw:").ok_or(MeshNodeError::Pin)?;
    let is_hash = hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hash { Ok(hex.to_ascii_lowercase()) } else { Err(MeshNodeError::Pin) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relay_is_named_dialled_and_pinned() {
        let hash = "ab".repeat(32);
        for (text, shown, tls, port, dial) in [
            ("relay-b.example.com", "https://relay-b.example.com", true, 443, None),
            ("relay-b.example.com:8443", "https://relay-b.example.com:8443", true, 8443, None),
            ("https://relay-b.example.com", "https://relay-b.example.com", true, 443, None),
            ("http://127.0.0.1:3340", "http://127.0.0.1:3340", false, 3340, None),
            ("derp1b/derp1b-vpc.example", "https://derp1b/derp1b-vpc.example", true, 443, Some("derp1b-vpc.example")),
            ("relay-b.example/10.0.0.2", "https://relay-b.example/10.0.0.2", true, 443, Some("10.0.0.2")),
            ("[2001:db8::1]:8443/[fd00::2]", "https://[2001:db8::1]:8443/fd00::2", true, 8443, Some("fd00::2")),
        ] {
            let node: MeshNode = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(node.to_string(), shown);
            assert_eq!((node.tls(), node.port(), node.dial()), (tls, port, dial), "{text}");
            assert_eq!(node.node().cert_name, CertName::HostName);
            if tls {
                let pinned: MeshNode = format!("{text}=sha256-raw:{}", hash.to_uppercase()).parse().unwrap();
                assert_eq!(pinned.to_string(), shown, "a pin is no part of the name");
                assert_eq!(pinned.node().cert_name, CertName::Sha256Raw(hash.clone()));
            }
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let hash = "ab".repeat(32);
        for (text, wanted) in [
            ("", MeshNodeError::Host),
            ("ftp://a.example", MeshNodeError::Host),
            ("a.example:0", MeshNodeError::Host),
            ("a b", MeshNodeError::Host),
            ("a.example/", MeshNodeError::Dial),
            ("a.example/b.example/c", MeshNodeError::Dial),
            ("a.example/b.example:444", MeshNodeError::Dial),
            ("a.example=", MeshNodeError::Pin),
            ("a.example=sha256-raw:abc", MeshNodeError::Pin),
            (&format!("a.example={hash}"), MeshNodeError::Pin),
            (&format!("http://a.example=sha256-raw:{hash}"), MeshNodeError::PinWithoutTls),
        ] {
            assert_eq!(text.parse::<MeshNode>(), Err(wanted), "{text}");
        }
    }
}
