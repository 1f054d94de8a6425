//! Pinging a peer through relays and directly, and answering one: packets and `now` in, packets and events out.
//!
//! [`PingSession`] and [`ListenSession`] are the two ends. Neither owns a connection, a socket or a clock: whoever
//! drives them tells what relays and sockets brought, sends what [`poll_transmit`](PeerSession::poll_transmit) gives,
//! and calls [`handle_timeout`](PeerSession::handle_timeout) at the time they name. Calls at the wrong moment are
//! harmless. Everything a stranger can make them remember or send is bounded: answers are never larger than questions
//! and limited in rate, and endpoints told by a peer get a few small packets each.
//!
//! The packets are disco's: pings, pongs and endpoints in boxes only the other side can open. Reachability is found out
//! as nodes of a tailnet do it: both sides ping each other's endpoints at the same time, so that each one's packets
//! open its own NAT for the other's, and whatever address a peer's ping comes from is one more to try.

mod dice;
mod envelope;
mod listen;
mod mapped;
mod paths;
mod ping;
#[cfg(test)]
mod tests;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::model::NodePublic;
pub use crate::wire::companion::Note;

pub use listen::{ListenConfig, ListenSession};
pub use ping::{PingConfig, PingSession};

/// The address that stands for "through a relay" in a pong; the port is the region's number.
const RELAYED: Ipv4Addr = Ipv4Addr::new(127, 3, 3, 40);

/// Something to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// Which way.
    pub route: Route,
    /// What.
    pub payload: Bytes,
}

/// The way a packet goes or came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Route {
    /// Through a relay.
    Relay {
        /// By its place among those the session was told of.
        relay: usize,
        /// The other side.
        peer: NodePublic,
    },
    /// From socket to socket.
    Direct {
        /// The other side's endpoint.
        endpoint: SocketAddr,
    },
}

/// What a connection to a relay brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RelayNews {
    /// Packets can be sent, though whether we are admitted may not be known yet.
    Ready {
        /// The number of its region, for the peer to know.
        region: u16,
    },
    /// The connection is lost.
    Lost,
    /// A round trip between us and the relay.
    RoundTrip(Duration),
    /// A packet.
    Packet {
        /// From whom, as the relay says.
        from: NodePublic,
        /// What.
        payload: Bytes,
    },
    /// A peer is not connected to the relay.
    Absent {
        /// Who.
        peer: NodePublic,
    },
    /// A peer was connected to the relay and has left.
    Left {
        /// Who.
        peer: NodePublic,
    },
}

/// What happened, for whoever tells people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PeerEvent {
    /// A ping was answered.
    Pong {
        /// Which, from 1.
        seq: u32,
        /// How long it took.
        round_trip: Duration,
        /// Which way it came.
        route: Route,
        /// Through a relay: the round trip between us and it, as last measured.
        ours: Option<Duration>,
        /// Through a relay: the round trip between the peer and it, as the peer says.
        theirs: Option<Duration>,
    },
    /// A ping was not answered in time.
    Unanswered {
        /// Which, from 1.
        seq: u32,
    },
    /// The peer is not connected to a relay.
    Absent {
        /// Which relay.
        relay: usize,
    },
    /// The peer has left a relay.
    Left {
        /// Which relay.
        relay: usize,
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
    /// The direct path is silent.
    DirectDown {
        /// To whom.
        peer: NodePublic,
        /// The peer's endpoint.
        endpoint: SocketAddr,
    },
    /// The peer answers, and offers no endpoints.
    DirectNotOffered,
    /// The peer's endpoints, whenever it tells them.
    Offered {
        /// All of them.
        endpoints: Vec<SocketAddr>,
    },
    /// What the peer knows of its NAT.
    Noted(Note),
    /// A peer's first ping was answered.
    Came {
        /// Who.
        peer: NodePublic,
        /// Through which relay.
        relay: usize,
    },
    /// A ping was answered.
    Answered {
        /// Whose.
        peer: NodePublic,
        /// Whether it came directly.
        direct: bool,
    },
}

/// What both ends have in common, for whoever drives them.
pub trait PeerSession {
    /// The key relays are to know us by.
    fn public(&self) -> NodePublic;
    /// Takes note of what a relay brought.
    fn handle_relay(&mut self, now: Instant, relay: usize, news: RelayNews);
    /// Takes a datagram of one of our sockets.
    fn handle_datagram(&mut self, now: Instant, from: SocketAddr, datagram: &[u8]);
    /// Takes the endpoints of our sockets on this host. They may change.
    fn handle_local(&mut self, now: Instant, endpoints: Vec<SocketAddr>);
    /// Takes the STUN servers our sockets may ask where they appear from outside.
    fn handle_stun_servers(&mut self, now: Instant, servers: Vec<SocketAddr>);
    /// Takes what is known of the NAT in front of us, for the peer to be told.
    fn handle_note(&mut self, now: Instant, note: Note);
    /// Does what is due.
    fn handle_timeout(&mut self, now: Instant);
    /// When something will be due.
    fn poll_timeout(&self) -> Option<Instant>;
    /// The next packet to send; ask until there is none after every other call.
    fn poll_transmit(&mut self) -> Option<Transmit>;
    /// The next thing that happened; ask until there is none after every other call.
    fn poll_event(&mut self) -> Option<PeerEvent>;
    /// Whether nothing more is to come.
    fn is_done(&self) -> bool;
}
