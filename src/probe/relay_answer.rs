use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{CertificateFault, Failure};

/// How far a connection to a relay got, and what was seen on the way: `ended` is `None` where all was done that was asked.
/// Steps that were not reached are absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RelayAnswer {
    /// Who was connected to; the proxy where there is one.
    pub remote: Option<SocketAddr>,
    /// The proxy in between, without credentials.
    pub via_proxy: Option<String>,
    /// The TCP handshake: one round trip.
    #[serde(rename = "connect_ms", with = "super::millis::option")]
    pub connect: Option<Duration>,
    /// What the TLS handshake showed.
    pub tls: Option<TlsAnswer>,
    /// What was answered to the HTTP request.
    pub http: Option<HttpReply>,
    /// What was said in DERP.
    pub derp: Option<DerpAnswer>,
    /// Why it ended before its end.
    pub ended: Option<Failure>,
}

/// A TLS handshake that ended well, whatever the certificate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TlsAnswer {
    /// From the greeting to the last message.
    #[serde(rename = "took_ms", with = "super::millis")]
    pub took: Duration,
    /// `1.2` or `1.3`.
    pub version: String,
    /// The protocol the server chose of those offered.
    pub alpn: Option<String>,
    /// The certificates in the order presented, the server's own first, a derper's meta-certificate among them. Twenty at
    /// most.
    pub certificates: Vec<CertificateSeen>,
    /// What is wrong with them by the rules of this map node (`CertName`, `InsecureForTests`); `None`: nothing.
    pub by_map: Option<CertificateFault>,
    /// What is wrong with them for somebody who asks for a chain to a trusted root and for the host name (where it is an IP
    /// address, for that), as a node without `CertName` wants it.
    pub by_roots: Option<CertificateFault>,
}

/// A certificate as presented. Texts are fit for a terminal, and cut.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateSeen {
    /// Lower-case hex SHA-256 of its DER: what `sha256-raw:` pins.
    pub sha256: String,
    /// The subject's common name.
    pub common_name: String,
    /// The issuer's common name, else its organization.
    pub issuer: String,
    /// Whether subject and issuer are the same name.
    pub self_issued: bool,
    /// DNS names it is for (subject alternative names). Fifty at most.
    pub dns_names: Vec<String>,
    /// Addresses it is for. Fifty at most.
    pub addresses: Vec<IpAddr>,
    /// Seconds since 1970 before which it is not valid.
    pub not_before: i64,
    /// Seconds since 1970 after which it is no longer valid.
    pub not_after: i64,
    /// The relay's key in hex, where this is a derper's meta-certificate.
    pub meta_key: Option<String>,
}

/// The answer to an HTTP request. Texts are fit for a terminal, and cut.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HttpReply {
    /// From sending the request to the head of the answer.
    #[serde(rename = "took_ms", with = "super::millis")]
    pub took: Duration,
    /// Its status.
    pub status: u16,
    /// Headers that tell who answers and what it is about, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The first characters of the body.
    pub body: String,
    /// Whether the answer echoed our challenge.
    pub challenge_echoed: bool,
    /// Seconds that the server's `Date` is ahead of this host's clock (negative: behind), read when the head came.
    pub date_ahead_s: Option<i64>,
}

impl HttpReply {
    /// The first header of this name, given in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// What was said in DERP.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DerpAnswer {
    /// The keys in hex by which the relay named itself in `ServerKey`; two connections of one exchange may hear two.
    pub server_keys: Vec<String>,
    /// From the request (or our greeting) to `ServerKey`.
    #[serde(rename = "key_ms", with = "super::millis::option")]
    pub key_after: Option<Duration>,
    /// The relay's greeting: the key is let in.
    pub admitted: Option<ServerGreeting>,
    /// Keys that were let in, of the two of an exchange.
    #[serde(default)]
    pub let_in: u8,
    /// Keys that were turned away, of the two of an exchange: the relay named itself, and ended the session without a word
    /// when it had heard the key.
    #[serde(default)]
    pub turned_away: u8,
    /// Packets that arrived, of the two of an exchange, unchanged and from the right sender.
    pub packets: u8,
    /// From sending the first packet to hearing the second one: two ways through the relay and back.
    #[serde(rename = "exchange_ms", with = "super::millis::option")]
    pub exchange: Option<Duration>,
    /// Keep-alives heard while holding the connection.
    pub keep_alives: u32,
    /// How long it was held, from the relay's greeting.
    #[serde(rename = "held_ms", with = "super::millis::option")]
    pub held: Option<Duration>,
}

/// A relay's greeting (`ServerInfo`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerGreeting {
    /// From our greeting to it.
    #[serde(rename = "after_ms", with = "super::millis")]
    pub after: Duration,
    /// The version of the protocol it names, 0 for none.
    pub version: u64,
    /// Bytes a second a client may send, 0 for no limit.
    pub bytes_per_second: u64,
}
