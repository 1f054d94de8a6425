//! Two ends, a relay, two STUN servers and what stands between them, in virtual time.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::nat::{Kind, Nat};
use crate::derp::peer::{
    ListenConfig, ListenSession, PeerEvent, PeerSession, PingConfig, PingSession, RelayNews, Route, Transmit,
};
use crate::model::{NodePrivate, NodePublic};
use crate::wire::stun::{AnswerFacts, decode_request, encode_success};

pub(super) const PINGER: usize = 0;
pub(super) const LISTENER: usize = 1;

/// From each end to the relay, one way.
pub(super) const TO_RELAY: Duration = Duration::from_millis(20);
/// From end to end, or to a STUN server, one way.
const ACROSS: Duration = Duration::from_millis(15);
const STUN: [&str; 2] = ["203.0.113.1:3478", "203.0.113.2:3478"];

/// What the network does to datagrams.
#[derive(Clone, Copy, Default)]
pub(super) struct Weather {
    /// Of a hundred datagrams, so many are lost.
    pub(super) loss: u64,
    /// Of a hundred datagrams, so many come twice.
    pub(super) doubled: u64,
    /// Up to so much later, each for itself: later ones overtake.
    pub(super) jitter: Duration,
}

pub(super) struct World {
    pub(super) now: Instant,
    started: Instant,
    pub(super) ping: PingSession,
    pub(super) listen: ListenSession,
    keys: [NodePublic; 2],
    nats: [Nat; 2],
    connected: [bool; 2],
    pub(super) weather: Weather,
    travelling: BTreeMap<(Instant, u64), Travelling>,
    posted: u64,
    dice: u64,
    /// What the pinging end said, and when since the start.
    pub(super) events: Vec<(Duration, PeerEvent)>,
    /// Datagrams the listening end sent.
    pub(super) listener_sent: u64,
}

enum Travelling {
    Relayed { to: usize, news: RelayNews },
    Datagram { from: SocketAddr, to: SocketAddr, payload: Bytes },
}

pub(super) struct Plan {
    pub(super) kinds: [Kind; 2],
    pub(super) count: u32,
    pub(super) interval: Duration,
    pub(super) direct: bool,
    pub(super) seed: u8,
}

impl World {
    #[allow(clippy::disallowed_methods, reason = "some moment to count from")]
    pub(super) fn new(plan: &Plan) -> Self {
        let now = Instant::now();
        let key = |number: u8| NodePrivate::generate([number; 32]);
        let listen = ListenSession::new(ListenConfig {
            key: key(7),
            seed: [plan.seed.wrapping_add(100); 32],
            direct: plan.direct,
            relays: 1,
            count: None,
        });
        let ping = PingSession::new(PingConfig {
            key: key(9),
            seed: [plan.seed; 32],
            peer: listen.public(),
            count: plan.count,
            interval: plan.interval,
            size: 0,
            direct: plan.direct,
            until_direct: false,
            relays: 1,
        });
        let mut world = Self {
            now,
            started: now,
            keys: [ping.public(), listen.public()],
            ping,
            listen,
            nats: [Nat::new(plan.kinds[PINGER], 0), Nat::new(plan.kinds[LISTENER], 1)],
            connected: [false; 2],
            weather: Weather::default(),
            travelling: BTreeMap::new(),
            posted: 0,
            dice: u64::from(plan.seed) + 1,
            events: Vec::new(),
            listener_sent: 0,
        };
        for end in [LISTENER, PINGER] {
            if plan.direct {
                let local = world.nats[end].local();
                world.end(end).handle_local(now, vec![local]);
                world.end(end).handle_stun_servers(now, STUN.map(|server| server.parse().unwrap()).to_vec());
            }
            world.join(end);
        }
        world
    }

    pub(super) fn end(&mut self, end: usize) -> &mut dyn PeerSession {
        if end == PINGER { &mut self.ping } else { &mut self.listen }
    }

    /// An end is connected to the relay from now on.
    pub(super) fn join(&mut self, end: usize) {
        self.connected[end] = true;
        let now = self.now;
        self.end(end).handle_relay(now, 0, RelayNews::Ready { region: 900 });
    }

    /// An end's connection to the relay breaks, and the relay tells the other end.
    pub(super) fn leave(&mut self, end: usize) {
        self.connected[end] = false;
        let now = self.now;
        self.end(end).handle_relay(now, 0, RelayNews::Lost);
        let news = RelayNews::Left { peer: self.keys[end] };
        self.post(TO_RELAY, Travelling::Relayed { to: 1 - end, news });
    }

    pub(super) fn rebind(&mut self, end: usize) {
        self.nats[end].rebind();
    }

    /// Lets time pass until then, since the start, or until the pings are over.
    pub(super) fn run_until(&mut self, since_start: Duration) {
        /// Far more than happens in any of these worlds.
        const STEPS_MAX: u32 = 200_000;
        let end = self.started + since_start;
        for _ in 0..STEPS_MAX {
            self.collect();
            if self.ping.is_done() {
                return;
            }
            let arrival = self.travelling.keys().next().map(|(at, _)| *at);
            let due = [arrival, self.ping.poll_timeout(), self.listen.poll_timeout()].into_iter().flatten().min();
            let Some(due) = due.filter(|due| *due <= end) else {
                self.now = end;
                return;
            };
            self.now = self.now.max(due);
            while let Some(entry) = self.travelling.first_entry().filter(|entry| entry.key().0 <= self.now) {
                let arrived = entry.remove();
                self.arrive(arrived);
            }
            let now = self.now;
            self.ping.handle_timeout(now);
            self.listen.handle_timeout(now);
        }
        panic!("it goes round in circles at {:?}", self.now - self.started);
    }

    fn collect(&mut self) {
        for end in [PINGER, LISTENER] {
            while let Some(Transmit { route, payload }) = self.end(end).poll_transmit() {
                match route {
                    Route::Relay { peer, .. } => self.relay(end, peer, payload),
                    Route::Direct { endpoint } => self.send(end, endpoint, &payload),
                }
            }
        }
        while let Some(event) = self.ping.poll_event() {
            self.events.push((self.now - self.started, event));
        }
        while self.listen.poll_event().is_some() {}
    }

    fn relay(&mut self, from: usize, peer: NodePublic, payload: Bytes) {
        let to = 1 - from;
        assert_eq!(peer, self.keys[to]);
        if !self.connected[from] {
            return;
        }
        if self.connected[to] {
            let news = RelayNews::Packet { from: self.keys[from], payload };
            self.post(TO_RELAY * 2, Travelling::Relayed { to, news });
        } else {
            self.post(TO_RELAY * 2, Travelling::Relayed { to: from, news: RelayNews::Absent { peer } });
        }
    }

    fn send(&mut self, end: usize, to: SocketAddr, payload: &Bytes) {
        self.listener_sent += u64::from(end == LISTENER);
        let from = self.nats[end].outgoing(to);
        self.datagram(from, to, payload);
    }

    /// Sends a datagram through the weather.
    fn datagram(&mut self, from: SocketAddr, to: SocketAddr, payload: &Bytes) {
        let copies = if self.roll(100) < self.weather.doubled { 2 } else { 1 };
        for _ in 0..copies {
            if self.roll(100) >= self.weather.loss {
                let micros = u64::try_from(self.weather.jitter.as_micros()).unwrap();
                let late = Duration::from_micros(self.roll(micros + 1));
                self.post(ACROSS + late, Travelling::Datagram { from, to, payload: payload.clone() });
            }
        }
    }

    fn arrive(&mut self, arrived: Travelling) {
        let now = self.now;
        match arrived {
            Travelling::Relayed { to, news } if self.connected[to] => self.end(to).handle_relay(now, 0, news),
            Travelling::Relayed { .. } => {}
            Travelling::Datagram { from, to, payload } => {
                if STUN.iter().any(|server| to == server.parse().unwrap()) {
                    if let Ok(request) = decode_request(&payload) {
                        let facts = AnswerFacts { mapped: from, origin: None, other: None, software: "" };
                        self.datagram(to, from, &encode_success(&request, &facts).into());
                    }
                    return;
                }
                let end = (0..2).find(|end| self.nats[*end].is_at(to.ip()));
                if let Some(end) = end.filter(|end| self.nats[*end].lets_in(from, to)) {
                    self.end(end).handle_datagram(now, from, &payload);
                }
            }
        }
    }

    fn post(&mut self, takes: Duration, what: Travelling) {
        self.posted += 1;
        self.travelling.insert((self.now + takes, self.posted), what);
    }

    /// A number below that.
    pub(super) fn roll(&mut self, below: u64) -> u64 {
        // SplitMix64.
        self.dice = self.dice.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.dice;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % below
    }
}
