mod search;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::envelope::Envelopes;
use search::Direct;

use super::{PeerEvent, PeerSession, RelayNews, Route, Transmit};
use crate::model::{NodePrivate, NodePublic};
use crate::wire::companion::{Letter, Note};
use crate::wire::disco::{Message, PING_LENGTH};

/// How long a pong is waited for while none has come yet.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long at least, and how many of the longest round trips, once some have come.
const LEAST_PATIENCE: Duration = Duration::from_secs(1);
const ROUND_TRIPS: u32 = 3;

/// How long a pong over the direct path is waited for before the ping goes through the relay as well.
const LEAST_DIRECT_PATIENCE: Duration = Duration::from_millis(200);

/// Copies of pings whose pong is still taken.
const FLIGHTS_MAX: usize = 4096;

/// Whom to ping, and how.
#[derive(Debug)]
pub struct PingConfig {
    /// Who we are.
    pub key: NodePrivate,
    /// 32 random bytes that all others are made of.
    pub seed: [u8; 32],
    /// Whom.
    pub peer: NodePublic,
    /// How many times.
    pub count: u32,
    /// From one ping to the next.
    pub interval: Duration,
    /// Bytes of each; fewer than the smallest ping has count as that many.
    pub size: usize,
    /// Whether to try for a direct path.
    pub direct: bool,
    /// Whether the first pong over one is the last.
    pub until_direct: bool,
    /// How many relays there are.
    pub relays: usize,
}

/// Pings a peer.
pub struct PingSession {
    config: PingConfig,
    envelopes: Envelopes,
    relays: Vec<Relay>,
    /// The relay that answers, by its place.
    preferred: Option<usize>,
    next_at: Option<Instant>,
    sent: u32,
    asked: VecDeque<Asked>,
    flights: VecDeque<Flight>,
    longest: Option<Duration>,
    direct: Direct,
    out: VecDeque<Transmit>,
    events: VecDeque<PeerEvent>,
    done: bool,
}

#[derive(Clone, Copy, Default)]
struct Relay {
    ready: bool,
    round_trip: Option<Duration>,
    absent: bool,
}

/// A ping that waits for its pong.
struct Asked {
    seq: u32,
    lost_at: Instant,
    /// When it goes through the relay too, if it went directly first.
    relay_at: Option<Instant>,
}

/// A copy of a ping on its way.
struct Flight {
    id: [u8; 12],
    seq: u32,
    sent_at: Instant,
    endpoint: Option<SocketAddr>,
}

impl PingSession {
    /// Nothing is sent before a relay is ready.
    #[must_use]
    pub fn new(config: PingConfig) -> Self {
        Self {
            envelopes: Envelopes::new(&config.key, config.seed),
            relays: vec![Relay::default(); config.relays],
            preferred: None,
            next_at: None,
            sent: 0,
            asked: VecDeque::new(),
            flights: VecDeque::new(),
            longest: None,
            direct: Direct::new(),
            out: VecDeque::new(),
            events: VecDeque::new(),
            done: false,
            config,
        }
    }

    /// Pings sent so far.
    #[must_use]
    pub const fn sent(&self) -> u32 {
        self.sent
    }

    /// Our endpoints as told to the peer.
    #[must_use]
    pub fn endpoints(&self) -> Vec<SocketAddr> {
        self.direct.mapped.endpoints()
    }

    fn ping(&mut self, now: Instant) {
        self.sent += 1;
        let seq = self.sent;
        let best = self.direct.paths.best(now);
        let patience = self.longest.map_or(PATIENCE, |longest| (longest * ROUND_TRIPS).clamp(LEAST_PATIENCE, PATIENCE));
        let relay_at = best.map(|(_, round_trip)| now + (round_trip * ROUND_TRIPS).max(LEAST_DIRECT_PATIENCE));
        let lost_at = now + patience.max(relay_at.map_or(Duration::ZERO, |at| (at - now) * 2));
        self.asked.push_back(Asked { seq, lost_at, relay_at });
        match best {
            Some((endpoint, _)) => self.launch(now, seq, Some(endpoint)),
            None => self.launch(now, seq, None),
        }
        self.next_at = (seq < self.config.count).then_some(now + self.config.interval);
    }

    /// Sends a copy of a ping, directly or through the relay that answers, or all of them while none does.
    fn launch(&mut self, now: Instant, seq: u32, endpoint: Option<SocketAddr>) {
        if let Some(endpoint) = endpoint {
            return self.launch_to(now, seq, Route::Direct { endpoint });
        }
        let preferred = self.preferred.filter(|relay| self.relays.get(*relay).is_some_and(|relay| relay.ready));
        for relay in 0..self.relays.len() {
            let ready = self.relays.get(relay).is_some_and(|relay| relay.ready);
            if ready && preferred.is_none_or(|preferred| preferred == relay) {
                self.launch_to(now, seq, Route::Relay { relay, peer: self.config.peer });
            }
        }
    }

    fn launch_to(&mut self, now: Instant, seq: u32, route: Route) {
        let id = self.envelopes.counted_transaction();
        let padding = self.config.size.saturating_sub(PING_LENGTH);
        let ping = Message::Ping { transaction: id, node: Some(self.envelopes.public()), padding };
        let Some(payload) = self.envelopes.seal(self.config.peer, &ping) else { return };
        let endpoint = match route {
            Route::Direct { endpoint } => Some(endpoint),
            Route::Relay { .. } => None,
        };
        if self.flights.len() >= FLIGHTS_MAX {
            self.flights.pop_front();
        }
        self.flights.push_back(Flight { id, seq, sent_at: now, endpoint });
        self.out.push_back(Transmit { route, payload });
    }

    /// Looks after pings that wait.
    fn wait(&mut self, now: Instant) {
        let late: Vec<u32> = self
            .asked
            .iter_mut()
            .filter_map(|asked| asked.relay_at.take_if(|at| *at <= now).map(|_| asked.seq))
            .collect();
        for seq in late {
            self.launch(now, seq, None);
            if let Some(endpoint) = self.direct.paths.silent(now) {
                self.events.push_back(PeerEvent::DirectDown { peer: self.config.peer, endpoint });
                self.direct.call_at = Some(now);
            }
        }
        let mut lost = Vec::new();
        self.asked.retain(|asked| {
            if asked.lost_at <= now {
                lost.push(asked.seq);
            }
            asked.lost_at > now
        });
        for seq in lost {
            // Another relay may do better.
            self.preferred = None;
            self.events.push_back(PeerEvent::Unanswered { seq });
        }
        self.settle(now);
    }

    fn settle(&mut self, now: Instant) {
        let undecided = self.undecided_until().is_some_and(|until| now < until);
        self.done |= self.sent >= self.config.count && self.asked.is_empty() && !undecided;
    }

    fn heard_pong(&mut self, now: Instant, id: &[u8; 12], route: Route, theirs: Option<Duration>) {
        let Some(index) = self.flights.iter().position(|flight| flight.id == *id) else {
            if let Route::Direct { endpoint } = route
                && self.direct.paths.pong(now, endpoint, id) == Some(true)
            {
                self.upgraded(now);
            }
            return;
        };
        let Some(flight) = self.flights.remove(index) else { return };
        let round_trip = now.saturating_duration_since(flight.sent_at);
        self.longest = self.longest.max(Some(round_trip));
        let mut ours = None;
        match route {
            Route::Direct { endpoint } if Some(endpoint) == flight.endpoint => {
                if self.direct.paths.works(now, endpoint, round_trip) {
                    self.upgraded(now);
                }
            }
            Route::Direct { endpoint } => self.direct.paths.consider(now, endpoint),
            Route::Relay { relay, .. } => {
                if self.preferred.is_none() && self.config.direct && !self.direct.offered {
                    // It is there now. It may not have been when it was asked before.
                    self.direct.call_at = Some(now);
                    self.direct.calls = 0;
                }
                self.preferred.get_or_insert(relay);
                if let Some(relay) = self.relays.get_mut(relay) {
                    relay.absent = false;
                    ours = relay.round_trip;
                }
            }
        }
        // Later copies of the same ping are no news, and a pong that came too late still is one.
        self.flights.retain(|other| other.seq != flight.seq);
        self.asked.retain(|asked| asked.seq != flight.seq);
        self.events.push_back(PeerEvent::Pong { seq: flight.seq, round_trip, route, ours, theirs });
        self.done |= self.config.until_direct && matches!(route, Route::Direct { .. });
        self.settle(now);
    }

    fn upgraded(&mut self, now: Instant) {
        let Some((endpoint, _)) = self.direct.paths.best(now) else { return };
        self.direct.came_up = true;
        let after = self.direct.paths.begun().map_or(Duration::ZERO, |begun| now.saturating_duration_since(begun));
        self.events.push_back(PeerEvent::DirectUp { peer: self.config.peer, endpoint, after });
    }

    fn hear(&mut self, now: Instant, route: Route, letter: &Letter) {
        match (&letter.message, route) {
            (Message::Pong { transaction, .. }, _) => {
                self.heard_pong(now, transaction, route, letter.relay_round_trip);
            }
            (Message::Ping { transaction, .. }, Route::Direct { endpoint }) if self.config.direct => {
                self.direct.paths.alive(now, endpoint);
                self.direct.paths.consider(now, endpoint);
                if let Some(payload) = self.envelopes.seal_pong(self.config.peer, (transaction, endpoint), None) {
                    self.out.push_back(Transmit { route, payload });
                }
            }
            (Message::CallMeMaybe { endpoints }, Route::Relay { .. }) if self.config.direct => {
                self.direct.offered = true;
                let loopback = self.direct.mapped.has_loopback();
                let usable = endpoints.iter().copied().filter(|endpoint| loopback || !endpoint.ip().is_loopback());
                let endpoints: Vec<_> = usable.take(super::mapped::ENDPOINTS_MAX).collect();
                self.direct.paths.told(now, &endpoints);
                self.events.push_back(PeerEvent::Offered { endpoints });
            }
            (message, Route::Relay { .. }) => {
                let note = Note::of(message);
                self.direct.noted |= note.is_some();
                self.events.extend(note.map(PeerEvent::Noted));
            }
            _ => {}
        }
    }
}

impl PeerSession for PingSession {
    fn public(&self) -> NodePublic {
        self.envelopes.public()
    }

    fn handle_relay(&mut self, now: Instant, relay: usize, news: RelayNews) {
        let peer = self.config.peer;
        let Some(known) = self.relays.get_mut(relay) else { return };
        match news {
            RelayNews::Ready { region: _ } => {
                known.ready = true;
                known.absent = false;
                self.next_at = self.next_at.or((self.sent == 0).then_some(now));
                self.direct.call_at = self.config.direct.then_some(now);
            }
            RelayNews::Lost => {
                known.ready = false;
                self.preferred = self.preferred.filter(|preferred| *preferred != relay);
            }
            RelayNews::RoundTrip(round_trip) => known.round_trip = Some(round_trip),
            RelayNews::Packet { from, payload } if from == peer => {
                if let Some((sender, letter)) = self.envelopes.open(now, &payload)
                    && sender == peer
                {
                    self.hear(now, Route::Relay { relay, peer }, &letter);
                }
            }
            RelayNews::Absent { peer: gone } if gone == peer && !known.absent => {
                known.absent = true;
                self.events.push_back(PeerEvent::Absent { relay });
            }
            RelayNews::Left { peer: gone } if gone == peer => {
                known.absent = true;
                self.preferred = self.preferred.filter(|preferred| *preferred != relay);
                self.events.push_back(PeerEvent::Left { relay });
            }
            RelayNews::Packet { .. } | RelayNews::Absent { .. } | RelayNews::Left { .. } => {}
        }
        self.handle_timeout(now);
    }

    fn handle_datagram(&mut self, now: Instant, from: SocketAddr, datagram: &[u8]) {
        if let Some(changed) = self.direct.mapped.hear(from, datagram) {
            if changed {
                self.direct.call_at = Some(now);
            }
        } else if let Some((sender, letter)) = self.envelopes.open(now, datagram)
            && sender == self.config.peer
        {
            self.hear(now, Route::Direct { endpoint: from }, &letter);
        }
        self.handle_timeout(now);
    }

    fn handle_local(&mut self, now: Instant, endpoints: Vec<SocketAddr>) {
        self.direct.mapped.set_local(endpoints);
        self.direct.call_at = self.config.direct.then_some(now);
        self.handle_timeout(now);
    }

    fn handle_stun_servers(&mut self, now: Instant, servers: Vec<SocketAddr>) {
        self.direct.mapped.set_servers(now, servers);
        self.handle_timeout(now);
    }

    fn handle_note(&mut self, now: Instant, _note: Note) {
        // The peer does not tell anybody why; whoever pings does.
        self.handle_timeout(now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        if self.done {
            return;
        }
        while self.next_at.is_some_and(|at| at <= now) && self.sent < self.config.count {
            self.ping(now);
        }
        self.wait(now);
        if self.config.direct {
            self.search(now);
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        if self.done {
            return None;
        }
        let waiting = self.asked.iter().flat_map(|asked| [Some(asked.lost_at), asked.relay_at]).flatten().min();
        let searching = if self.config.direct {
            let direct = &self.direct;
            let (mapped, paths) = (direct.mapped.poll_timeout(), direct.paths.poll_timeout());
            let over = (self.asked.is_empty() && self.sent >= self.config.count).then(|| self.undecided_until());
            [direct.call_at, mapped, paths, over.flatten()].into_iter().flatten().min()
        } else {
            None
        };
        [self.next_at, waiting, searching].into_iter().flatten().min()
    }

    fn poll_transmit(&mut self) -> Option<Transmit> {
        self.out.pop_front()
    }

    fn poll_event(&mut self) -> Option<PeerEvent> {
        self.events.pop_front()
    }

    fn is_done(&self) -> bool {
        self.done
    }
}
