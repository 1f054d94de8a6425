//! Another relay, as far as it helps over one address family.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::model::{Family, StunServerName};
use crate::wire::relay_help::Message;

/// An offer is made no longer than this after the last sign of life.
const FRESH: Duration = Duration::from_secs(30);
/// Hellos whose answers are waited for. What comes later is late.
const OPEN: usize = 4;

#[derive(Debug)]
pub(in crate::drive::relay) struct Link {
    name: StunServerName,
    family: Family,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    greeted: Vec<([u8; 16], SocketAddr)>,
    answered: Option<Answered>,
}

/// The last sign of life.
#[derive(Clone, Copy, Debug)]
struct Answered {
    at: Instant,
    /// Whence.
    from: SocketAddr,
    ticket: [u8; 16],
    /// Where the other relay sees this one.
    seen: SocketAddr,
}

impl Link {
    pub(super) fn both(name: &StunServerName) -> impl Iterator<Item = Self> {
        Family::BOTH.map(|family| Self { name: name.clone(), family, state: Mutex::default() }).into_iter()
    }

    pub(in crate::drive::relay::help) const fn name(&self) -> &StunServerName {
        &self.name
    }

    pub(in crate::drive::relay::help) const fn family(&self) -> Family {
        self.family
    }

    /// Another hello leaves.
    pub(super) fn greets(&self, id: [u8; 16], to: SocketAddr) {
        let mut state = self.state();
        if state.greeted.len() >= OPEN {
            state.greeted.remove(0);
        }
        state.greeted.push((id, to));
    }

    /// Whether an address was found to send a hello to.
    pub(super) fn was_greeted(&self) -> bool {
        let state = self.state();
        state.answered.is_some() || !state.greeted.is_empty()
    }

    /// A hello is answered, perhaps one of this link's. An answer from elsewhere than where it was sent is that of a relay
    /// whose packets come from elsewhere too: what is offered would not be what is sent.
    pub(super) fn is_answered(&self, message: &Message, from: SocketAddr, at: Instant) {
        let mut state = self.state();
        let Some(place) = state.greeted.iter().position(|(id, _)| *id == message.id) else { return };
        let (_, to) = state.greeted.remove(place);
        if to == from {
            state.answered = Some(Answered { at, from, ticket: message.ticket, seen: message.endpoint });
        }
    }

    /// Whether the other relay gave a sign of life lately.
    pub(in crate::drive::relay::help) fn is_up(&self, now: Instant) -> bool {
        self.state().answered.is_some_and(|answered| now.saturating_duration_since(answered.at) < FRESH)
    }

    /// Whether it is of use to that client, who asked at `own`: relays behind one public address are one address to
    /// clients.
    pub(super) fn helps(&self, client: SocketAddr, own: IpAddr, now: Instant) -> bool {
        let Some(Answered { from, seen, .. }) = self.state().answered else { return false };
        self.is_up(now) && self.family == Family::of(client.ip()) && ![own, seen.ip(), client.ip()].contains(&from.ip())
    }

    /// Where it was heard from.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        self.state().answered.map(|answered| answered.from)
    }

    pub(super) fn ticket(&self) -> Option<[u8; 16]> {
        self.state().answered.map(|answered| answered.ticket)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
