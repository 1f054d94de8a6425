use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::envelope::{Envelopes, is_counted};
use super::mapped::{ENDPOINTS_MAX, Mapped};
use super::paths::Paths;
use super::{PeerEvent, PeerSession, RELAYED, RelayNews, Route, Transmit};
use crate::derp::{Rate, TokenBucket};
use crate::model::{NodePrivate, NodePublic};
use crate::wire::companion::{Letter, Note};
use crate::wire::disco::Message;

/// Peers remembered; with more, the one not heard of for the longest is forgotten.
const PEERS_MAX: usize = 256;

/// Pongs for one peer: what the shortest interval between pings takes, and some.
const PONGS: Rate = Rate { per_second: 150, burst: 300 };

/// Pongs for all of them.
const ALL_PONGS: Rate = Rate { per_second: 3000, burst: 3000 };

/// Endpoint lists taken from one peer, each of which makes us send a few pings to each endpoint.
const CALLS: Rate = Rate { per_second: 1, burst: 6 };

/// Pings to endpoints that peers have told, all together: a peer may lie about where it is.
const PROBES: Rate = Rate { per_second: 200, burst: 400 };

/// Who listens, and how.
#[derive(Debug)]
pub struct ListenConfig {
    /// Who we are.
    pub key: NodePrivate,
    /// 32 random bytes that all others are made of.
    pub seed: [u8; 32],
    /// Whether to offer a direct path.
    pub direct: bool,
    /// How many relays there are.
    pub relays: usize,
    /// After how many answered pings to end.
    pub count: Option<u32>,
}

/// Answers pings: of everybody who has sealed them for our key, at a limited rate.
pub struct ListenSession {
    config: ListenConfig,
    envelopes: Envelopes,
    relays: Vec<Relay>,
    peers: BTreeMap<NodePublic, Peer>,
    mapped: Mapped,
    note: Option<Note>,
    pongs: Option<TokenBucket>,
    probes: Option<TokenBucket>,
    answered: u64,
    out: VecDeque<Transmit>,
    events: VecDeque<PeerEvent>,
}

#[derive(Clone, Copy, Default)]
struct Relay {
    ready: bool,
    region: u16,
    round_trip: Option<Duration>,
}

struct Peer {
    /// The key it seals with: natscope's is the one relays know it by, others may have another.
    disco: NodePublic,
    /// Where it was last heard.
    relay: usize,
    heard_at: Instant,
    came: bool,
    pongs: TokenBucket,
    calls: TokenBucket,
    paths: Option<Paths>,
}

impl ListenSession {
    /// Answers nobody before it is told what relays bring.
    #[must_use]
    pub fn new(config: ListenConfig) -> Self {
        Self {
            envelopes: Envelopes::new(&config.key, config.seed),
            relays: vec![Relay::default(); config.relays],
            peers: BTreeMap::new(),
            mapped: Mapped::default(),
            note: None,
            pongs: None,
            probes: None,
            answered: 0,
            out: VecDeque::new(),
            events: VecDeque::new(),
            config,
        }
    }

    fn heard_through(&mut self, now: Instant, relay: usize, from: NodePublic, sender: NodePublic, letter: &Letter) {
        match &letter.message {
            Message::Ping { transaction, node, .. } if node.is_none_or(|node| node == from) => {
                let Relay { region, round_trip, .. } = self.relays.get(relay).copied().unwrap_or_default();
                let source = SocketAddr::new(RELAYED.into(), region);
                self.know(now, from, sender, relay);
                let route = Route::Relay { relay, peer: from };
                self.answer(now, from, (transaction, source), round_trip, route);
            }
            Message::CallMeMaybe { endpoints } if self.config.direct => {
                self.know(now, from, sender, relay);
                self.called(now, from, endpoints);
            }
            _ => {}
        }
    }

    /// Answers a peer that is known, if its rate and everybody's allow.
    fn answer(
        &mut self,
        now: Instant,
        from: NodePublic,
        pong: (&[u8; 12], SocketAddr),
        round_trip: Option<Duration>,
        route: Route,
    ) {
        let all = self.pongs.get_or_insert_with(|| TokenBucket::new(now, ALL_PONGS));
        let Some(peer) = self.peers.get_mut(&from) else { return };
        if !peer.pongs.take(now, 1) || !all.take(now, 1) {
            return;
        }
        let Some(payload) = self.envelopes.seal_pong(peer.disco, pong, round_trip) else { return };
        self.out.push_back(Transmit { route, payload });
        let direct = matches!(route, Route::Direct { .. });
        // Through a relay nobody sends pings only to try.
        if !direct || is_counted(pong.0) {
            self.answered += 1;
            self.events.push_back(PeerEvent::Answered { peer: from, direct });
        }
        if let (false, Route::Relay { relay, .. }) = (peer.came, route) {
            peer.came = true;
            self.events.push_back(PeerEvent::Came { peer: from, relay });
        }
    }

    fn know(&mut self, now: Instant, from: NodePublic, sender: NodePublic, relay: usize) {
        if !self.peers.contains_key(&from) && self.peers.len() >= PEERS_MAX {
            let oldest = self.peers.iter().min_by_key(|(_, peer)| peer.heard_at).map(|(key, _)| *key);
            oldest.map(|key| self.peers.remove(&key));
        }
        let peer = self.peers.entry(from).or_insert_with(|| Peer {
            disco: sender,
            relay,
            heard_at: now,
            came: false,
            pongs: TokenBucket::new(now, PONGS),
            calls: TokenBucket::new(now, CALLS),
            paths: None,
        });
        (peer.disco, peer.relay, peer.heard_at) = (sender, relay, now);
    }

    /// A peer told where it may be reached: it is told where we may be, and both try.
    fn called(&mut self, now: Instant, from: NodePublic, endpoints: &[SocketAddr]) {
        let loopback = self.mapped.has_loopback();
        let Some(peer) = self.peers.get_mut(&from) else { return };
        if !peer.calls.take(now, 1) {
            return;
        }
        let usable = endpoints.iter().copied().filter(|endpoint| loopback || !endpoint.ip().is_loopback());
        let usable: Vec<_> = usable.take(ENDPOINTS_MAX).collect();
        peer.paths.get_or_insert_with(|| Paths::new(false)).told(now, &usable);
        self.call(from);
        self.tell_note(from);
    }

    /// Tells a peer our endpoints.
    fn call(&mut self, to: NodePublic) {
        let endpoints = self.mapped.endpoints();
        if !endpoints.is_empty() {
            self.say(to, &Message::CallMeMaybe { endpoints });
        }
    }

    fn tell_note(&mut self, to: NodePublic) {
        if let Some(note) = self.note {
            self.say(to, &note.message());
        }
    }

    fn say(&mut self, to: NodePublic, message: &Message) {
        let Some(peer) = self.peers.get(&to) else { return };
        let route = Route::Relay { relay: peer.relay, peer: to };
        let payload = self.envelopes.seal(peer.disco, message);
        self.out.extend(payload.map(|payload| Transmit { route, payload }));
    }

    /// Everybody a direct path was tried with.
    fn seekers(&self) -> Vec<NodePublic> {
        self.peers.iter().filter(|(_, peer)| peer.paths.is_some()).map(|(key, _)| *key).collect()
    }

    fn heard_directly(&mut self, now: Instant, endpoint: SocketAddr, sender: NodePublic, letter: &Letter) {
        // Only those who introduced themselves through a relay: the others could be anybody's echo.
        let found = self.peers.iter_mut().find(|(_, peer)| peer.disco == sender && peer.paths.is_some());
        let Some((key, peer)) = found else { return };
        let key = *key;
        let Some(paths) = &mut peer.paths else { return };
        match &letter.message {
            Message::Ping { transaction, node, padding: _ } if node.is_none_or(|node| node == key) => {
                peer.heard_at = now;
                paths.alive(now, endpoint);
                paths.consider(now, endpoint);
                self.answer(now, key, (transaction, endpoint), None, Route::Direct { endpoint });
            }
            Message::Pong { transaction, .. } => {
                if paths.pong(now, endpoint, transaction) == Some(true)
                    && let Some((endpoint, _)) = paths.best(now)
                {
                    let begun = paths.begun();
                    let after = begun.map_or(Duration::ZERO, |begun| now.saturating_duration_since(begun));
                    self.events.push_back(PeerEvent::DirectUp { peer: key, endpoint, after });
                }
            }
            _ => {}
        }
    }

    /// Pings the endpoints peers have told, as far as the budget for lies goes.
    fn search(&mut self, now: Instant) {
        let mut asked = Vec::new();
        self.mapped.ask(now, || self.envelopes.transaction(), &mut asked);
        self.out.extend(asked);
        let budget = self.probes.get_or_insert_with(|| TokenBucket::new(now, PROBES));
        for peer in self.peers.values_mut() {
            let Some(paths) = &mut peer.paths else { continue };
            paths.expire(now);
            for endpoint in paths.due(now) {
                if !budget.take(now, 1) {
                    continue;
                }
                let id = self.envelopes.transaction();
                let ping = Message::Ping { transaction: id, node: Some(self.envelopes.public()), padding: 0 };
                if let Some(payload) = self.envelopes.seal(peer.disco, &ping) {
                    paths.probing(now, id, endpoint);
                    self.out.push_back(Transmit { route: Route::Direct { endpoint }, payload });
                }
            }
        }
    }
}

impl PeerSession for ListenSession {
    fn public(&self) -> NodePublic {
        self.envelopes.public()
    }

    fn handle_relay(&mut self, now: Instant, relay: usize, news: RelayNews) {
        let Some(known) = self.relays.get_mut(relay) else { return };
        match news {
            RelayNews::Ready { region } => (known.ready, known.region) = (true, region),
            RelayNews::Lost => known.ready = false,
            RelayNews::RoundTrip(round_trip) => known.round_trip = Some(round_trip),
            RelayNews::Packet { from, payload } => {
                if let Some((sender, letter)) = self.envelopes.open(now, &payload) {
                    self.heard_through(now, relay, from, sender, &letter);
                }
            }
            RelayNews::Absent { peer } | RelayNews::Left { peer } => {
                if self.peers.get(&peer).is_some_and(|peer| peer.relay == relay) {
                    self.peers.remove(&peer);
                }
            }
        }
        self.handle_timeout(now);
    }

    fn handle_datagram(&mut self, now: Instant, from: SocketAddr, datagram: &[u8]) {
        if let Some(changed) = self.mapped.hear(from, datagram) {
            if changed {
                for seeker in self.seekers() {
                    self.call(seeker);
                }
            }
        } else if let Some((sender, letter)) = self.envelopes.open(now, datagram) {
            self.heard_directly(now, from, sender, &letter);
        }
        self.handle_timeout(now);
    }

    fn handle_local(&mut self, now: Instant, endpoints: Vec<SocketAddr>) {
        self.mapped.set_local(endpoints);
        for seeker in self.seekers() {
            self.call(seeker);
        }
        self.handle_timeout(now);
    }

    fn handle_stun_servers(&mut self, now: Instant, servers: Vec<SocketAddr>) {
        self.mapped.set_servers(now, servers);
        self.handle_timeout(now);
    }

    fn handle_note(&mut self, now: Instant, note: Note) {
        self.note = Some(note);
        for seeker in self.seekers() {
            self.tell_note(seeker);
        }
        self.handle_timeout(now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        if self.config.direct {
            self.search(now);
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let paths = self.peers.values().filter_map(|peer| peer.paths.as_ref()?.poll_timeout()).min();
        let asking = self.mapped.poll_timeout();
        [paths, asking].into_iter().flatten().min().filter(|_| self.config.direct)
    }

    fn poll_transmit(&mut self) -> Option<Transmit> {
        self.out.pop_front()
    }

    fn poll_event(&mut self) -> Option<PeerEvent> {
        self.events.pop_front()
    }

    fn is_done(&self) -> bool {
        self.config.count.is_some_and(|count| self.answered >= u64::from(count)) && self.out.is_empty()
    }
}
