use super::Layer;
use crate::probe::Failure;

/// Why a relay is open to anybody, or is not, or why that is not known.
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
}
