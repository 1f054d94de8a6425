use std::net::SocketAddr;
use std::time::Duration;

use super::{Bracket, ClassicStep};
use crate::model::Family;

/// Reasons of the further modes of the NAT test: lifetimes, the classic procedure, connections, a proxy.
#[derive(Clone, Debug, PartialEq)]
pub enum ModeWhy {
    /// All was asked through a proxy, and this host's router was not asked.
    ThroughProxy,
    /// Nobody but its peer can send to a connection, so what a NAT lets in cannot be told by connections.
    StreamsAreNotFiltered,
    /// Only measured over UDP.
    OnlyOverUdp,
    /// The server did not answer.
    ServerSilent {
        /// Which server.
        server: SocketAddr,
    },
    /// The server answered from where it was not asked to.
    AnsweredFromElsewhere {
        /// Which server.
        server: SocketAddr,
        /// Where the answer came from.
        from: SocketAddr,
    },
    /// A test of the classic procedure decided it.
    Classic {
        /// Which one, and what it showed.
        step: ClassicStep,
    },
    /// Idle mappings were tried from outside.
    IdleMappings {
        /// After one exchange.
        single: Bracket,
        /// After a stream, where that is known.
        stream: Option<Bracket>,
    },
    /// Mappings were tried from outside, each at an age of its own.
    MappingsTried {
        /// How many.
        mappings: u32,
    },
    /// Even the mapping tried first was dead.
    DeadAtFirstTry {
        /// Its age.
        dead: Duration,
    },
    /// A mapping lived longer than another one that was dead.
    LifetimesContradict {
        /// The age of the one alive.
        alive: Duration,
        /// The age of the one dead.
        dead: Duration,
    },
    /// A mapping known to be alive was not sent to either.
    HelperSilent,
    /// No server sends to an idle mapping when another socket asks for it.
    NobodyHelps {
        /// How many were tried.
        servers: u32,
    },
    /// Nothing translates and nothing filters, so nothing expires.
    NothingToExpire,
    /// It was measured over the other family only.
    MeasuredOver {
        /// Over which.
        family: Family,
    },
}
