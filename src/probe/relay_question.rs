use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::HttpsTarget;

/// A question to a relay: how far one connection gets, and what is seen on the way. Each has a connection of its own,
/// through the proxy the environment wants for `target`, and takes any certificate: what is wrong with one is an answer
/// like any other ([`TlsAnswer`](super::TlsAnswer)), not the end of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RelayQuestion {
    /// The relay.
    pub target: HttpsTarget,
    /// Whether TLS is spoken with it.
    pub tls: bool,
    /// What is asked.
    pub ask: RelayAsk,
    /// How long to wait for all of it.
    #[serde(rename = "timeout_ms", with = "super::millis")]
    pub timeout: Duration,
}

/// What is asked of a relay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum RelayAsk {
    /// Connecting and, where TLS is spoken, a handshake. Nothing is sent after it.
    Handshake {
        /// The name in the greeting.
        sni: Sni,
        /// The protocols offered (ALPN), as `h2`; none: no offer at all, as Tailscale's clients do it.
        alpn: Vec<String>,
    },
    /// One HTTP/1.1 request, and the head and the beginning of the answer's body.
    Http {
        /// Which.
        request: HttpRequest,
    },
    /// The DERP handshake with a throw-away key, up to the relay's greeting (`ServerInfo`): only that shows that the key is
    /// let in.
    Derp {
        /// How it is begun.
        start: DerpStart,
    },
    /// Two throw-away keys join, each over a connection of its own, and each sends the other one packet of 32 bytes.
    DerpExchange,
    /// As [`Derp`](Self::Derp) with an upgrade, and then silence, to see whether the connection is kept.
    DerpHold {
        /// For how long, from the relay's greeting.
        #[serde(rename = "stay_ms", with = "super::millis")]
        stay: Duration,
    },
}

/// The server name in a TLS greeting.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sni {
    /// The target's host name; none where that is an IP address.
    HostName,
    /// None.
    Absent,
    /// This one.
    Name(String),
}

/// A request to a relay's web server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HttpRequest {
    /// `GET /derp` without `Upgrade`: derper says 426.
    DerpPlain,
    /// `GET /derp` with `Upgrade: websocket` and the sub-protocol `derp`; after a 101, the first message is waited for.
    DerpWebSocket,
    /// `GET /derp/latency-check`.
    LatencyCheck,
    /// `GET /bootstrap-dns`.
    BootstrapDns,
    /// `GET /generate_204` with a challenge.
    Generate204,
    /// `GET /`.
    Home,
}

/// How a DERP connection is begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DerpStart {
    /// `Upgrade: DERP`, answered with 101.
    Upgrade,
    /// `Derp-Fast-Start: 1` with the key of the meta-certificate, not answered at all. Without such a certificate, or below
    /// TLS 1.3, the answer is a failure at the TLS stage, [`Cause::Unsupported`](super::Cause::Unsupported).
    Fast,
    /// Inside a WebSocket.
    WebSocket,
}
