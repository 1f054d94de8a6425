use super::Layer;
use crate::model::Family;
use crate::probe::Failure;

/// Why a relay is open to anybody, or is not, or why that, or what became of a layer, is not known.
#[derive(Clone, Debug, PartialEq)]
pub enum DoctorWhy {
    /// A throw-away key was not let in.
    KeyRefused,
    /// Two throw-away keys were let in, and a packet went from one to the other and back.
    StrangersRelayed,
    /// The node answers STUN alone.
    StunOnlyNode,
    /// A layer below failed.
    LayerFailed {
        /// Which.
        layer: Layer,
    },
    /// Throw-away keys were let in, and no packet was seen to go from one to the other.
    NoExchange {
        /// How it ended.
        failure: Failure,
    },
    /// A throw-away key was not let in, and asked again it was not heard whether another one is.
    RefusedOnce {
        /// How the second try ended.
        failure: Failure,
    },
    /// What was asked of this layer did not get as far as it, though an earlier connection did.
    Lost {
        /// How it ended.
        failure: Failure,
    },
    /// This host has no way to the relay over the one family that it has an address of.
    NoRoute {
        /// Which.
        family: Family,
    },
    /// The name could not be looked up from this host, which says nothing of the name.
    NotLookedUp {
        /// How it failed.
        failure: Failure,
    },
}
