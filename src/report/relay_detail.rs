//! Details of what can be wrong with a relay.

/// An entry of a DERP map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapNode {
    /// `HostName`.
    pub host: String,
    /// `DERPPort`.
    pub derp_port: u16,
    /// `STUNPort`; `None`: -1.
    pub stun_port: Option<u16>,
    /// The pin.
    pub cert_name: Option<String>,
}

/// Why a certificate cannot be pinned: Tailscale's client takes a pinned one only where it comes alone, is for the name that
/// is dialled, and is valid (`tlsdial.SetConfigExpectedCertHash`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unpinnable {
    /// It comes with others.
    Chain {
        /// How many they are together, a derper's meta-certificate left out.
        count: usize,
    },
    /// It is for other names.
    Name {
        /// The name that is dialled.
        expected: String,
    },
    /// It has expired, or is not valid yet.
    Dates,
}

/// Why it is not known whether anything listens on a port of the relay's own host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortUnknown {
    /// The system does not tell who listens.
    Unreadable,
    /// A derper runs in a network namespace of its own, as in a container, or in one that is not told; nobody listens in this
    /// one, and ports may be published by address translation.
    OtherNamespace,
    /// The relay answers on that port, though nobody listens in this network namespace.
    Answered,
}

/// What is wrong with a certificate file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileProblem {
    /// It is not there.
    Missing,
    /// It could not be looked at: no fault of the relay.
    Unreadable {
        /// What the system says.
        said: String,
    },
    /// It holds no certificate.
    NoCertificate,
    /// Its certificate has expired.
    Expired,
    /// The relay presents another one.
    NotPresented,
}
