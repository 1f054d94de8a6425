use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How a probe failed: where, and why. A value like any other answer, never an `Err`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// How far it got.
    pub stage: Stage,
    /// What went wrong there.
    pub cause: Cause,
}

impl Failure {
    /// A failure at `stage` for `cause`.
    #[must_use]
    pub const fn new(stage: Stage, cause: Cause) -> Self {
        Self { stage, cause }
    }
}

/// The step of a probe that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Resolving the name.
    Dns,
    /// Connecting TCP, or a proxy's CONNECT.
    Connect,
    /// The TLS handshake.
    Tls,
    /// The HTTP exchange.
    Http,
    /// The DERP handshake.
    Derp,
    /// The STUN exchange, sending included.
    Stun,
    /// The ICMP exchange.
    Icmp,
    /// The talk with the router.
    PortMapping,
}

/// Why a step failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "snake_case")]
pub enum Cause {
    /// Nothing was heard for this long.
    TimedOut {
        /// How long was waited.
        #[serde(rename = "after_ms", with = "super::millis")]
        after: Duration,
    },
    /// No answer to this many copies of a datagram.
    NoAnswer {
        /// Copies sent.
        copies: u32,
        /// From the first copy to giving up.
        #[serde(rename = "waited_ms", with = "super::millis")]
        waited: Duration,
    },
    /// The other side refused: TCP reset on connect, or ICMP port unreachable.
    Refused,
    /// The network said there is no way to the address (no route, host or network unreachable).
    Unreachable,
    /// The network or this host forbids it (EPERM, EACCES, ICMP administratively prohibited).
    NotPermitted,
    /// The connection was torn down in the middle.
    Reset,
    /// The connection was closed in the middle.
    Closed,
    /// The name does not exist (NXDOMAIN).
    NoSuchName,
    /// The name exists and has no address of a family that could be used.
    NoAddress,
    /// The resolver answered with an error, as SERVFAIL or REFUSED.
    Resolver {
        /// What it said.
        said: String,
    },
    /// No resolver is configured.
    NoResolver,
    /// The certificate is not what it should be.
    Certificate {
        /// In which way.
        fault: CertificateFault,
    },
    /// The other side does not speak TLS on that port.
    NotTls,
    /// The TLS handshake ended in an alert or another protocol error.
    TlsAlert {
        /// Its name.
        alert: String,
    },
    /// An HTTP status that is not success.
    Status {
        /// The code.
        code: u16,
    },
    /// The relay does not admit this host's key.
    NotAdmitted,
    /// The proxy would not connect us.
    Proxy {
        /// What it said: status line, or SOCKS reply.
        said: String,
    },
    /// What was received is not what the protocol allows.
    Malformed {
        /// What is wrong with it.
        problem: String,
    },
    /// More was received than allowed.
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// A STUN error response.
    StunError {
        /// Its code.
        code: u16,
    },
    /// The platform or the configuration lacks what the probe needs.
    Unsupported {
        /// What is missing.
        what: String,
    },
    /// Another error of the operating system.
    Os {
        /// Its message.
        message: String,
    },
}

impl Cause {
    /// Whether nothing that was sent can have left this host, or found its way: then whoever was to be asked was not.
    #[must_use]
    pub const fn is_of_this_end(&self) -> bool {
        match self {
            Self::Unreachable
            | Self::NotPermitted
            | Self::Resolver { .. }
            | Self::NoResolver
            | Self::Proxy { .. }
            | Self::Unsupported { .. }
            | Self::Os { .. } => true,
            Self::TimedOut { .. }
            | Self::NoAnswer { .. }
            | Self::Refused
            | Self::Reset
            | Self::Closed
            | Self::NoSuchName
            | Self::NoAddress
            | Self::Certificate { .. }
            | Self::NotTls
            | Self::TlsAlert { .. }
            | Self::Status { .. }
            | Self::NotAdmitted
            | Self::Malformed { .. }
            | Self::TooLarge { .. }
            | Self::StunError { .. } => false,
        }
    }
}

/// What is wrong with a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum CertificateFault {
    /// Nobody this host trusts has signed it.
    UnknownIssuer,
    /// It is no longer valid.
    Expired,
    /// It is not valid yet.
    NotYetValid,
    /// It is for other names.
    NameMismatch {
        /// The name it should be for.
        expected: String,
    },
    /// Its hash is not the pinned one.
    PinMismatch {
        /// The pin of the map.
        expected: String,
        /// The hash of the certificate presented.
        presented: String,
    },
    /// A pinned relay must present exactly one certificate beside the meta-certificate.
    NotAlone {
        /// How many it presented.
        count: u32,
    },
    /// Anything else.
    Other {
        /// What the verifier said.
        said: String,
    },
}
