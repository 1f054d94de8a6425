//! The search for a direct path of whoever pings.

use std::time::{Duration, Instant};

use super::super::mapped::Mapped;
use super::super::paths::Paths;
use super::super::{PeerEvent, Route, Transmit};
use super::{PATIENCE, PingSession};
use crate::wire::disco::Message;

/// When the peer is asked again to try our endpoints, while there is no direct path; the last one repeats.
const CALLS: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(5)];

/// How long the peer is given to offer endpoints: two calls and their answers.
const OFFER: Duration = Duration::from_millis(2500);

/// How long endpoints are tried before silence means something: the frequent part of their schedule, and some.
const TRIES: Duration = Duration::from_millis(1500);

/// How long a peer that offers endpoints is given to find out about its NAT and tell: it may just have been started.
const NOTE: Duration = Duration::from_secs(3);

/// The search for a direct path.
pub(super) struct Direct {
    pub(super) mapped: Mapped,
    pub(super) paths: Paths,
    pub(super) call_at: Option<Instant>,
    pub(super) calls: usize,
    pub(super) called_at: Option<Instant>,
    pub(super) offered: bool,
    pub(super) noted: bool,
    pub(super) came_up: bool,
}

impl Direct {
    pub(super) fn new() -> Self {
        Self {
            mapped: Mapped::default(),
            paths: Paths::new(true),
            call_at: None,
            calls: 0,
            called_at: None,
            offered: false,
            noted: false,
            came_up: false,
        }
    }
}

impl PingSession {
    /// Until when it is too early to say that there is no direct path, and why. `None`: there was one, it is not tried
    /// for, or there is nobody to have one with. A few quick pings are over long before the search is.
    pub(super) fn undecided_until(&self) -> Option<Instant> {
        let direct = &self.direct;
        if !self.config.direct || direct.came_up || self.preferred.is_none() {
            return None;
        }
        let called_at = direct.called_at?;
        let (since, patience) = match direct.paths.begun() {
            None => (called_at, OFFER),
            Some(begun) if direct.noted => (begun, TRIES),
            Some(begun) => (begun, NOTE),
        };
        Some(since + patience + self.longest.unwrap_or_default() * 2)
    }

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
        self.direct.called_at.get_or_insert(now);
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
