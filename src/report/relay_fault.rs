//! What can be wrong with a relay, as the doctor tells it.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::{FileProblem, MapNode, PortUnknown, Unpinnable};
use crate::model::Family;
use crate::probe::Failure;

/// Something about one relay.
#[derive(Clone, Debug, PartialEq)]
pub struct RelayFinding {
    /// The relay's name.
    pub node: String,
    /// What it is.
    pub fault: RelayFault,
}

/// What is wrong with a relay, or worth knowing of it. Words are made in `render/`.
#[derive(Clone, Debug, PartialEq)]
pub enum RelayFault {
    /// The name has no address.
    NoAddress {
        /// The name.
        host: String,
        /// What was said of it.
        failure: Failure,
        /// Whether the map has an address, so that clients can do without.
        pinned: bool,
        /// The one family that was asked for; `None`: both were.
        only: Option<Family>,
    },
    /// The name could not be looked up from this host.
    NotLookedUp {
        /// The name.
        host: String,
        /// How it failed.
        failure: Failure,
    },
    /// The name has other addresses than the map.
    AddressDiffers {
        /// The name.
        host: String,
        /// The map's address.
        map: IpAddr,
        /// The name's.
        resolved: Vec<IpAddr>,
    },
    /// The name is answered from 198.18.0.0/15.
    FakeAddress {
        /// The name.
        host: String,
        /// The address.
        address: IpAddr,
    },
    /// No TCP connection.
    Tcp {
        /// Where to.
        address: SocketAddr,
        /// Why.
        failure: Failure,
        /// Whether another address of it takes connections.
        others: bool,
        /// Whether STUN is answered at this address.
        stun: bool,
    },
    /// The proxy of the environment does not lead to it.
    Proxy {
        /// Why.
        failure: Failure,
    },
    /// Something other than TLS on the port.
    PlainHttp {
        /// Where.
        address: SocketAddr,
        /// The status of a plain HTTP request there, where it was answered.
        status: Option<u16>,
    },
    /// The handshake ended in an alert.
    Alert {
        /// Its name.
        alert: String,
        /// The name that was asked for; `None`: none was, since the host is an address.
        sni: Option<String>,
    },
    /// The certificate is for other names.
    NameMismatch {
        /// The name it should be for.
        expected: String,
        /// The names it is for.
        names: Vec<String>,
        /// Tailscale's client does not look at the name of a relay that is named by its address.
        overlooked: bool,
    },
    /// Nobody who is trusted has signed it, and it is not pinned.
    Untrusted {
        /// It is signed by itself.
        self_signed: bool,
        /// Who has signed it.
        issuer: String,
        /// The entry of a map that would do, by a pin.
        node: MapNode,
        /// Why no pin would do.
        unpinnable: Option<Unpinnable>,
        /// `InsecureForTests` lets clients connect all the same.
        insecure: bool,
    },
    /// Another certificate than the pinned one.
    PinMismatch {
        /// The pin.
        expected: String,
        /// The hash of the certificate.
        presented: String,
        /// The entry of a map that would do.
        node: MapNode,
    },
    /// More certificates than the one that is pinned.
    NotAlone {
        /// How many.
        count: u32,
    },
    /// The certificate has expired.
    Expired {
        /// Seconds ago.
        ago_s: u64,
    },
    /// The certificate will expire soon.
    ExpiresSoon {
        /// In seconds.
        in_s: u64,
        /// How long it was valid in all, in seconds.
        lifetime_s: u64,
    },
    /// The certificate is not valid yet.
    NotYetValid {
        /// In how many seconds it will be.
        in_s: u64,
    },
    /// Another fault of the certificate.
    Certificate {
        /// What the verifier said, in English.
        failure: Failure,
    },
    /// The server's clock and this host's differ.
    ClockSkew {
        /// Seconds the server is ahead.
        ahead_s: i64,
        /// The certificate is valid by the server's clock, and not by this host's.
        decides: bool,
    },
    /// A handshake with the relay's name breaks off, and one without it, or with another one, does not.
    SniFiltered {
        /// The name.
        sni: String,
        /// How it breaks off.
        failure: Failure,
        /// With which name it does not; `None`: without one.
        instead: Option<String>,
    },
    /// The handshake breaks off, or never ends.
    TlsBroken {
        /// How.
        failure: Failure,
    },
    /// What answers at `/derp` gives no sign of being a relay.
    NotDerp {
        /// The answer to the upgrade.
        status: u16,
        /// Where it redirects to.
        location: Option<String>,
        /// What the web server calls itself.
        server: Option<String>,
        /// It is a relay that is switched off.
        disabled: bool,
        /// It was asked in plain HTTP, and says that it speaks HTTPS.
        wants_tls: bool,
    },
    /// A relay is there, and the upgrade does not get through to it.
    NoUpgrade {
        /// The answer to the upgrade.
        status: u16,
        /// Where it redirects to.
        location: Option<String>,
        /// What the web server calls itself.
        server: Option<String>,
        /// What shows that a relay is behind it: it answers a request without an upgrade, or the latency check.
        relay_seen: bool,
        /// The relay, for configuration that can be pasted.
        host: String,
    },
    /// Only a `WebSocket` gets through.
    WebSocketOnly {
        /// The answer to `Upgrade: DERP`.
        status: u16,
        /// What the web server calls itself.
        server: Option<String>,
    },
    /// It speaks HTTP/2 alone.
    Http2Only,
    /// A content-delivery network stands before it.
    Cdn {
        /// The header that says so.
        header: String,
        /// The upgrade gets through all the same.
        works: bool,
    },
    /// `/derp/latency-check` is not answered as it should be.
    LatencyCheck {
        /// The status; `None`: none came.
        status: Option<u16>,
    },
    /// The map says `CanPort80`, and the captive-portal check there is not answered as it should be.
    Port80 {
        /// What was answered.
        status: Option<u16>,
        /// Or how it failed.
        failure: Option<Failure>,
    },
    /// HTTP is not answered.
    NoHttp {
        /// How it failed.
        failure: Failure,
        /// Other requests are answered: only the upgrade is not.
        others: bool,
        /// TLS is spoken, and came about.
        tls: bool,
    },
    /// The upgrade is answered, and what follows is no DERP.
    NoServerKey {
        /// How it failed.
        failure: Failure,
    },
    /// A random key is not let in.
    NotAdmitted,
    /// The relay lets keys in and does not say so.
    NoGreeting {
        /// How it failed.
        failure: Failure,
    },
    /// The certificate offers a fast start, and it does not work.
    FastStartBroken {
        /// How it failed.
        failure: Failure,
    },
    /// Different connections met different relays.
    SeveralKeys {
        /// Their keys in hex.
        keys: Vec<String>,
        /// Packets went from a client of one to a client of another and back.
        meshed: bool,
    },
    /// A packet did not come through.
    NotDelivered {
        /// How many of the two did.
        packets: u8,
        /// How it failed.
        failure: Failure,
    },
    /// Anybody is let in and relayed for.
    OpenRelay,
    /// The connection was not kept.
    NotKept {
        /// How long it lived.
        held: Duration,
        /// Keep-alives that came in that time.
        keep_alives: u32,
        /// How it ended.
        failure: Failure,
    },
    /// Nothing was said on a connection for longer than relays are silent.
    NoKeepAlive {
        /// How long it was listened to.
        held: Duration,
    },
    /// STUN is not answered.
    NoStun {
        /// Where.
        server: SocketAddr,
        /// How it failed.
        failure: Failure,
        /// Whether the relay itself works.
        relay_works: bool,
        /// Whether a request without attributes is answered.
        plain: bool,
    },
    /// STUN answers Tailscale's form alone.
    TailnodeOnly {
        /// Where.
        server: SocketAddr,
    },
    /// STUN tells an endpoint that this host cannot have there.
    MappedOdd {
        /// Where.
        server: SocketAddr,
        /// What it told.
        mapped: SocketAddr,
        /// It is an address of this host, or its router's: seen from elsewhere, it may be as it should.
        near: bool,
    },
    /// STUN is answered over one family and not over the other, which TCP gets through.
    NoStunOver {
        /// Which.
        family: Family,
        /// Where.
        server: SocketAddr,
        /// How it failed.
        failure: Failure,
    },
    /// STUN is answered from elsewhere.
    StunFromElsewhere {
        /// Whom was asked.
        server: SocketAddr,
        /// Who answered.
        from: SocketAddr,
    },
    /// UDP gets through from one host and not from another, TCP from both.
    OneSided {
        /// Whether it is this host from which it does not.
        here: bool,
    },
    /// Nothing listens on a port; seen on the relay's own host.
    NotListening {
        /// Whether it is a UDP port.
        udp: bool,
        /// The port.
        port: u16,
    },
    /// Whether anything listens on a port is not known; seen on the relay's own host.
    PortUnknown {
        /// Whether it is a UDP port.
        udp: bool,
        /// The port.
        port: u16,
        /// Why.
        why: PortUnknown,
    },
    /// A port is bound to loopback alone; seen on the relay's own host.
    LoopbackOnly {
        /// Whether it is a UDP port.
        udp: bool,
        /// The port.
        port: u16,
    },
    /// The clock of the relay's own host is not synchronized.
    ClockUnsynchronized,
    /// A derper that is to ask tailscaled cannot.
    NoTailscaled {
        /// The socket it is to ask at.
        socket: String,
    },
    /// A derper's certificate file; seen on the relay's own host.
    CertificateFile {
        /// Where it is, or should be.
        path: String,
        /// What is wrong with it.
        problem: FileProblem,
    },
    /// A derper lets everybody in while its verifier is down.
    FailOpen,
}
