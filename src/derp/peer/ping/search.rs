//! The search for a direct path of whoever pings.

use std::time::{Duration, Instant};

use super::super::mapped::Mapped;
use super::super::paths::Paths;
use super::super::{PeerEvent, Route, Transmit};
use super::{PATIENCE, PingSession};
use crate::wire::disco::Message;

/// When the peer is asked again to try our endpoints, while there is no direct path; the last one repeats.
const CALLS: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(5)];

/// The search for a direct path.
pub(super) struct Direct {
    pub(super) mapped: Mapped,
    pub(super) paths: Paths,
    pub(super) call_at: Option<Instant>,
    pub(super) calls: usize,
    pub(super) offered: bool,
}

impl Direct {
    pub(super) fn new() -> Self {
        Self { mapped: Mapped::default(), paths: Paths::new(true), call_at: None, calls: 0, offered: false }
    }
}

impl PingSession {
    /// Looks after the search for a direct path.
    pub(super) fn search(&mut self, now: Instant) {
        if let Some(endpoint) = self.direct.paths.expire(now) {
            self.events.push_back(PeerEvent::DirectDown { peer: self.config.peer, endpoint });
            self.direct.call_at = Some(now);
        }
        let mut asked = Vec::new();
        self.direct.mapped.ask(now, || self.envelopes.transaction(), &mut asked);
        self.out.extend(asked);
        if self.direct.call_at.is_some_and(|at| at <= now) {
            self.call(now);
        }
        for endpoint in self.direct.paths.due(now) {
            let id = self.envelopes.transaction();
            let ping = Message::Ping { transaction: id, node: Some(self.envelopes.public()), padding: 0 };
            if let Some(payload) = self.envelopes.seal(self.config.peer, &ping) {
                self.direct.paths.probing(now, id, endpoint);
                self.out.push_back(Transmit { route: Route::Direct { endpoint }, payload });
            }
        }
    }

    /// Asks the peer to try our endpoints.
    fn call(&mut self, now: Instant) {
        let endpoints = self.direct.mapped.endpoints();
        self.direct.call_at = None;
        if endpoints.is_empty() || !self.relays.iter().any(|relay| relay.ready) {
            return;
        }
        let message = Message::CallMeMaybe { endpoints };
        for relay in (0..self.relays.len()).filter(|relay| self.relays.get(*relay).is_some_and(|it| it.ready)) {
            if let Some(payload) = self.envelopes.seal(self.config.peer, &message) {
                let route = Route::Relay { relay, peer: self.config.peer };
                self.out.push_back(Transmit { route, payload });
            }
        }
        let pause = CALLS.get(self.direct.calls).or(CALLS.last()).copied().unwrap_or(PATIENCE);
        self.direct.calls += 1;
        self.direct.call_at = self.direct.paths.best(now).is_none().then_some(now + pause);
        if self.direct.calls == CALLS.len() && !self.direct.offered && self.preferred.is_some() {
            self.events.push_back(PeerEvent::DirectNotOffered);
        }
    }
}
