use std::net::SocketAddr;
use std::time::Duration;

use super::Verdict;
use crate::model::{Filtering, Mapping, NodePublic};
use crate::probe::Failure;

/// What came of pinging a peer.
#[derive(Clone, Debug, PartialEq)]
pub struct Ping {
    /// The relay that brought the first pong; before that, the first one named.
    pub relay: String,
    /// Whom.
    pub peer: NodePublic,
    /// Pings sent, those still on their way included; a ping sent again over another path counts once.
    pub sent: u32,
    /// Pings answered.
    pub received: u32,
    /// The answers in the order they came, one for each ping.
    pub pongs: Vec<Pong>,
    /// Statistics of their round trips; `None` without an answer.
    pub round_trips: Option<RoundTrips>,
    /// Whether a direct path came about.
    pub direct: Verdict<bool>,
    /// When the first pong over a direct path came, from the start of the run.
    pub upgraded_after: Option<Duration>,
    /// What stands between each side and the other, where a direct path was tried for.
    pub sides: Option<PathSides>,
    /// The relays joined, in the order they were named.
    pub relays: Vec<RelayReport>,
}

/// An answered ping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pong {
    /// Which ping it answers, from 1.
    pub seq: u32,
    /// From ping to pong.
    pub round_trip: Duration,
    /// Which way it came.
    pub path: PongPath,
}

/// The way a ping and its pong took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PongPath {
    /// Through a relay.
    Relay {
        /// Which one, by its place among those named.
        relay: usize,
        /// Between this host and the relay, there and back, as last measured.
        ours: Option<Duration>,
        /// Between the peer and the relay, there and back, as the peer says.
        theirs: Option<Duration>,
    },
    /// From endpoint to endpoint.
    Direct {
        /// The peer's.
        endpoint: SocketAddr,
    },
}

/// Statistics of round trips.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoundTrips {
    /// The shortest.
    pub min: Duration,
    /// The one in the middle; of an even number, the mean of the two.
    pub median: Duration,
    /// The longest.
    pub max: Duration,
    /// The mean difference between one and the next.
    pub jitter: Duration,
}

/// A relay that was to be joined.
#[derive(Clone, Debug, PartialEq)]
pub struct RelayReport {
    /// As it was named: a region's code, or a URL.
    pub name: String,
    /// Whether it was.
    pub state: RelayState,
}

/// Whether a relay was joined.
#[derive(Clone, Debug, PartialEq)]
pub enum RelayState {
    /// It admitted us.
    Joined {
        /// Shortest round trip between this host and the relay, once measured.
        round_trip: Option<Duration>,
        /// How often the connection was lost and made again.
        rejoined: u32,
    },
    /// It did not.
    Failed(Failure),
    /// The run ended before it was known.
    Unknown,
}

/// What is known of both sides of a direct path.
#[derive(Clone, Debug, PartialEq)]
pub struct PathSides {
    /// This host's.
    pub ours: PathSide,
    /// The peer's, as it told; `None` when it told nothing.
    pub theirs: Option<PathSide>,
}

/// What stands between one side and the internet. `None` is undetermined.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PathSide {
    /// Whether UDP gets out and is answered.
    pub udp: Option<bool>,
    /// RFC 4787 mapping behaviour over IPv4.
    pub mapping: Option<Mapping>,
    /// Whether the mapping depends on the destination, where `mapping` cannot say on what of it.
    pub mapping_varies: Option<bool>,
    /// RFC 4787 filtering behaviour over IPv4.
    pub filtering: Option<Filtering>,
    /// Whether UDP over IPv6 is answered.
    pub ipv6: Option<bool>,
    /// Endpoints it offered.
    pub endpoints: Vec<SocketAddr>,
}

/// What came of listening.
#[derive(Clone, Debug, PartialEq)]
pub struct Listen {
    /// The key others ping.
    pub key: NodePublic,
    /// The relays joined, in the order they were named.
    pub relays: Vec<RelayReport>,
    /// Pings answered.
    pub answered: u64,
    /// Whom, the first ones first.
    pub peers: Vec<ListenPeer>,
}

/// Somebody who pinged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenPeer {
    /// Who.
    pub peer: NodePublic,
    /// Pings answered through relays.
    pub relayed: u64,
    /// Pings answered over a direct path.
    pub direct: u64,
}

/// Something worth a line while pinging or listening.
#[derive(Clone, Debug, PartialEq)]
pub enum PingEvent {
    /// A relay admitted us.
    Joined {
        /// Its name.
        relay: String,
        /// Whether we had been there before.
        again: bool,
    },
    /// A relay was not joined, or lost.
    RelayFailed {
        /// Its name.
        relay: String,
        /// How.
        failure: Failure,
        /// When it is tried again.
        retry: Duration,
    },
    /// The relay says the peer is not connected to it.
    PeerAbsent {
        /// The relay's name.
        relay: String,
        /// The peer.
        peer: NodePublic,
    },
    /// The relay says the peer has left it.
    PeerLeft {
        /// The relay's name.
        relay: String,
        /// The peer.
        peer: NodePublic,
    },
    /// An answer.
    Pong {
        /// The answer.
        pong: Pong,
        /// By whom.
        peer: NodePublic,
        /// The name of the relay, where it came through one.
        relay: Option<String>,
    },
    /// A ping that was not answered in time.
    Lost {
        /// Which.
        seq: u32,
    },
    /// A direct path works.
    DirectUp {
        /// To whom.
        peer: NodePublic,
        /// The peer's endpoint.
        endpoint: SocketAddr,
        /// Since when it was tried for.
        after: Duration,
    },
    /// The direct path is silent; it goes on through the relay.
    DirectDown {
        /// To whom.
        peer: NodePublic,
        /// The peer's endpoint.
        endpoint: SocketAddr,
    },
    /// The router maps a port to this host.
    PortMapped {
        /// From where.
        endpoint: SocketAddr,
    },
    /// The router does not.
    NoPortMapping {
        /// Why.
        failure: Failure,
    },
    /// The other side offers no direct path.
    DirectNotOffered {
        /// Who.
        peer: NodePublic,
    },
    /// Somebody's first ping was answered.
    PeerCame {
        /// Who.
        peer: NodePublic,
        /// Through which relay.
        relay: String,
    },
    /// The key and what to type on the other side.
    Listening {
        /// The key others ping.
        key: NodePublic,
        /// Arguments of `natscope` on the other side.
        command: String,
    },
}

/// What keeps two sides from reaching each other directly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// UDP gets no answer on one side.
    UdpBlocked {
        /// On the peer's side rather than on ours.
        theirs: bool,
    },
    /// Both sides' mappings depend on the destination, so neither knows where to send.
    BothHard,
    /// One side's mapping depends on the destination, and the other side lets only endpoints in that it has sent to.
    HardAgainstStrict {
        /// The hard side is the peer's.
        theirs: bool,
    },
    /// What is known of both sides would let them: a firewall, or something that was not measured.
    Unexplained,
    /// One side's NAT is not known well enough.
    Undetermined {
        /// On the peer's side rather than on ours.
        theirs: bool,
    },
}
