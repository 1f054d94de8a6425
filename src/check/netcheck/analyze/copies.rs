//! STUN requests, each with what became of it.

use std::net::SocketAddr;
use std::time::Duration;

use crate::check::netcheck::timing;
use crate::probe::{Failure, Moment, Observation, Outcome, ProbeId, Slot, StunForm, StunReply};

/// One STUN request and what became of it.
pub(super) struct StunCopy<'a> {
    pub probe: ProbeId,
    pub slot: Slot,
    pub server: SocketAddr,
    pub form: StunForm,
    pub at: Moment,
    pub reply: Option<(&'a StunReply, Duration)>,
    /// The socket it came back to, and from where.
    pub came_back: Option<(Slot, SocketAddr)>,
    pub failure: Option<&'a Failure>,
}

impl<'a> StunCopy<'a> {
    pub(super) fn of(
        probe: ProbeId,
        slot: Slot,
        server: SocketAddr,
        form: StunForm,
        at: Moment,
        observations: &[&'a Observation],
    ) -> Self {
        let reply = observations
            .iter()
            .filter_map(|observation| match &observation.outcome {
                Outcome::Stun(reply) => Some((observation.at, reply, observation.round_trip())),
                _ => None,
            })
            .min_by_key(|(at, ..)| *at)
            .map(|(_, reply, round_trip)| (reply, round_trip));
        let failure = observations.iter().find_map(|observation| match &observation.outcome {
            Outcome::Failed(failure) => Some(failure),
            _ => None,
        });
        let came_back = observations.iter().filter_map(|observation| match &observation.outcome {
            Outcome::CameBack { slot, from } => Some((observation.at, *slot, *from)),
            _ => None,
        });
        let came_back = came_back.min().map(|(_, slot, from)| (slot, from));
        Self { probe, slot, server, form, at, reply, came_back, failure }
    }

    /// Whether an answer would have come by `now` on a path of this round trip.
    pub(super) fn matured(&self, now: Moment, round_trip: Duration) -> bool {
        now >= self.at + round_trip * 3 + timing::MATURE_FLOOR
    }

    /// Whether it left from a shared socket.
    pub(super) const fn shared(&self) -> bool {
        matches!(self.slot, Slot::Shared { .. })
    }
}
