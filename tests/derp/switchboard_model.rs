//! The switchboard against a model of it that is slow and plain: whatever happens in whatever order, both tell every
//! connection the same.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use natscope::derp::{Inlet, Limits, Outlet, Switchboard};
use natscope::model::NodePublic;
use natscope::wire::derp::{Decoder, Frame, GoneReason, Packets, Phase, PresenceFlags, Side};
use natscope::wire::disco;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::start;
use crate::switchboard::{disco_packet, drain, key, member};

/// Something that happens. Connections are named by their number in the order of joining, modulo how many there are.
#[derive(Clone, Debug)]
enum Act {
    Join(u8),
    Leave(usize),
    Speak(usize),
    Send {
        from: usize,
        to: u8,
        disco: bool,
        size: u16,
    },
    /// As many packets, which came together.
    Together {
        from: usize,
        to: u8,
        disco: bool,
        size: u16,
        count: u8,
    },
    Watch(usize),
    Close(u8),
    Drain(usize),
    Wait(u16),
}

/// Few keys, so that they meet.
const KEYS: u8 = 5;

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => (0..KEYS).prop_map(Act::Join),
        1 => any::<usize>().prop_map(Act::Leave),
        1 => any::<usize>().prop_map(Act::Speak),
        10 => (any::<usize>(), 0..KEYS, any::<bool>(), 0..1500_u16)
            .prop_map(|(from, to, disco, size)| Act::Send { from, to, disco, size }),
        5 => (any::<usize>(), 0..KEYS, any::<bool>(), 0..1500_u16, 1..12_u8)
            .prop_map(|(from, to, disco, size, count)| Act::Together { from, to, disco, size, count }),
        1 => any::<usize>().prop_map(Act::Watch),
        1 => (0..KEYS).prop_map(Act::Close),
        2 => any::<usize>().prop_map(Act::Drain),
        2 => (0..1500_u16).prop_map(Act::Wait),
    ]
}

const QUEUE: usize = 6000;
const DISCO: usize = 2500;
const COST: usize = 128;

/// One connection, as the model sees it.
#[derive(Debug, Default)]
struct Connection {
    key: u8,
    open: bool,
    closed: bool,
    watching: bool,
    notices: Vec<Frame>,
    disco: Waiting,
    data: Waiting,
    tokens: f64,
    refilled: Option<Instant>,
}

/// Packets by source, in the order the sources take turns.
#[derive(Debug, Default)]
struct Waiting(Vec<(u8, isize, Flow)>);

/// Packets, when they came, and what each costs.
type Flow = VecDeque<(Instant, Frame, usize)>;

/// Bytes a source may send on before the next one may.
const QUANTUM: isize = 8192;

impl Waiting {
    fn cost(&self) -> usize {
        self.0.iter().map(|(.., flow)| Self::cost_of(flow)).sum()
    }

    fn cost_of(flow: &Flow) -> usize {
        flow.iter().map(|(.., cost)| cost).sum()
    }

    fn push(&mut self, source: u8, packet: (Instant, Frame, usize)) {
        match self.0.iter_mut().find(|(known, ..)| *known == source) {
            Some((.., flow)) => flow.push_back(packet),
            None => self.0.push((source, QUANTUM, [packet].into())),
        }
    }

    fn pop(&mut self, at: usize) -> Frame {
        let (.., flow) = &mut self.0[at];
        let (_, frame, _) = flow.pop_front().unwrap();
        if flow.is_empty() {
            self.0.remove(at);
        }
        frame
    }

    /// The oldest of whoever has most; of several, of the last.
    fn discard(&mut self) {
        let most = (0..self.0.len()).max_by_key(|at| Self::cost_of(&self.0[*at].2)).unwrap();
        self.pop(most);
    }

    fn expire(&mut self, now: Instant) {
        let stale = |(.., flow): &(u8, isize, Flow)| now - flow[0].0 > AGE;
        while let Some(at) = self.0.iter().position(stale) {
            self.pop(at);
        }
    }

    fn next(&mut self) -> Option<Frame> {
        if let [(_, credit, _)] = &mut self.0[..] {
            *credit = QUANTUM;
            return Some(self.pop(0));
        }
        while !self.0.is_empty() && self.0[0].1 <= 0 {
            self.0[0].1 += QUANTUM;
            self.0.rotate_left(1);
        }
        let (_, credit, flow) = self.0.first_mut()?;
        *credit -= isize::try_from(flow[0].2).unwrap();
        Some(self.pop(0))
    }

    fn clear(&mut self) {
        self.0.clear();
    }
}

const AGE: Duration = Duration::from_secs(2);

#[derive(Default)]
struct Model {
    connections: Vec<Connection>,
    /// Of each key, those open, the active one last.
    here: BTreeMap<u8, Vec<usize>>,
    /// Of each key, connections that heard from it.
    heard: BTreeMap<u8, BTreeSet<usize>>,
}

impl Model {
    fn join(&mut self, now: Instant, number: u8) {
        let id = self.connections.len();
        let connection =
            Connection { key: number, open: true, tokens: 3.0, refilled: Some(now), ..Connection::default() };
        self.connections.push(connection);
        self.here.entry(number).or_default().push(id);
        self.tell_watchers(&present(number));
    }

    fn leave(&mut self, id: usize) {
        let number = self.connections[id].key;
        let here = self.here.get_mut(&number).unwrap();
        here.retain(|known| *known != id);
        let last = here.is_empty();
        self.connections[id] = Connection { key: number, ..Connection::default() };
        if last {
            self.here.remove(&number);
            self.tell_watchers(&gone(number, GoneReason::DISCONNECTED));
            for listener in self.heard.remove(&number).unwrap_or_default() {
                self.tell(listener, gone(number, GoneReason::DISCONNECTED));
            }
        }
    }

    fn speak(&mut self, id: usize) {
        let here = self.here.get_mut(&self.connections[id].key).unwrap();
        here.retain(|known| *known != id);
        here.push(id);
    }

    fn send(&mut self, now: Instant, from: usize, to: u8, payload: &Bytes) {
        self.speak(from);
        let source = self.connections[from].key;
        let is_disco = disco::looks_like(payload);
        let Some(destination) = self.here.get(&to).and_then(|here| here.last()).copied() else {
            let sender = &mut self.connections[from];
            let passed = now - sender.refilled.replace(now).unwrap();
            sender.tokens = (sender.tokens + passed.as_secs_f64()).min(3.0);
            // Not a hair below one: sums of milliseconds are not exact in floats.
            if is_disco && sender.tokens > 0.999_999 {
                sender.tokens -= 1.0;
                self.tell(from, gone(to, GoneReason::NOT_HERE));
            }
            return;
        };
        let connection = &mut self.connections[destination];
        if connection.closed {
            return;
        }
        connection.expire(now);
        let cost = payload.len() + COST;
        let most = if is_disco { DISCO } else { QUEUE };
        let stays = if is_disco { 0 } else { connection.disco.cost() };
        if stays + cost > most {
            return;
        }
        while connection.disco.cost() + connection.data.cost() + cost > QUEUE
            || is_disco && connection.disco.cost() + cost > DISCO
        {
            let too_much_disco = connection.disco.cost() + cost > DISCO;
            let from_disco = is_disco && (too_much_disco || connection.data.0.is_empty());
            if from_disco { &mut connection.disco } else { &mut connection.data }.discard();
        }
        let frame = Frame::RecvPacket { source: key(source), payload: payload.clone() };
        if is_disco { &mut connection.disco } else { &mut connection.data }.push(source, (now, frame, cost));
        self.heard.entry(source).or_default().insert(destination);
    }

    fn watch(&mut self, id: usize) {
        self.connections[id].watching = true;
        for number in self.here.keys().copied().collect::<Vec<_>>() {
            self.tell(id, present(number));
        }
    }

    fn close(&mut self, number: u8) {
        for id in self.here.get(&number).cloned().unwrap_or_default() {
            let connection = &mut self.connections[id];
            connection.closed = true;
            connection.notices.clear();
            connection.disco.clear();
            connection.data.clear();
        }
    }

    fn drain(&mut self, now: Instant, id: usize) -> Vec<Frame> {
        let connection = &mut self.connections[id];
        connection.expire(now);
        let notices = std::mem::take(&mut connection.notices).into_iter();
        let (disco, data) = (&mut connection.disco, &mut connection.data);
        let disco: Vec<_> = std::iter::from_fn(|| disco.next()).collect();
        notices.chain(disco).chain(std::iter::from_fn(|| data.next())).collect()
    }

    fn tell_watchers(&mut self, notice: &Frame) {
        for id in 0..self.connections.len() {
            if self.connections[id].watching {
                self.tell(id, notice.clone());
            }
        }
    }

    fn tell(&mut self, id: usize, notice: Frame) {
        let connection = &mut self.connections[id];
        if connection.open && !connection.closed {
            connection.notices.push(notice);
        }
    }
}

impl Connection {
    fn expire(&mut self, now: Instant) {
        self.disco.expire(now);
        self.data.expire(now);
    }
}

fn present(number: u8) -> Frame {
    Frame::PeerPresent { peer: key(number), endpoint: None, flags: PresenceFlags::REGULAR }
}

fn gone(number: u8, reason: GoneReason) -> Frame {
    Frame::PeerGone { peer: key(number), reason }
}

/// Notices about different peers that are due at once have no order among themselves.
fn comparable(frames: Vec<Frame>) -> (Vec<String>, Vec<Frame>) {
    let (packets, notices): (Vec<_>, Vec<_>) =
        frames.into_iter().partition(|frame| matches!(frame, Frame::RecvPacket { .. }));
    let mut notices: Vec<_> = notices.iter().map(|notice| format!("{notice:?}")).collect();
    notices.sort();
    (notices, packets)
}

/// No two packets are alike.
fn payload(disco: bool, size: u16, number: u32) -> Bytes {
    let mut payload = if disco { disco_packet(0).to_vec() } else { Vec::new() };
    payload.extend(number.to_be_bytes());
    payload.resize(payload.len().max(size.into()), 0);
    Bytes::from(payload)
}

/// What a relay makes of these, sent at once.
fn together(source: &NodePublic, destination: NodePublic, payloads: &[Bytes]) -> (NodePublic, Packets) {
    let mut sent = BytesMut::new();
    for payload in payloads {
        Frame::SendPacket { destination, payload: payload.clone() }.encode_whole(&mut sent).unwrap();
    }
    let taken = Decoder::new(Side::FromClient, Phase::Established, sent).packets(source).unwrap();
    assert_eq!(taken.1.count(), payloads.len());
    taken
}

struct Real {
    board: Arc<Switchboard>,
    inlets: Vec<Option<Inlet>>,
    outlets: Vec<Arc<Outlet>>,
}

fn run(acts: Vec<Act>) {
    let limits = Limits { queue_bytes: QUEUE, disco_bytes: DISCO, ..Limits::default() };
    let mut real = Real { board: Switchboard::new(limits), inlets: Vec::new(), outlets: Vec::new() };
    let mut model = Model::default();
    let mut now = start();
    for (step, act) in (0_u32..).zip(acts) {
        let open: Vec<usize> = (0..real.inlets.len()).filter(|id| real.inlets[*id].is_some()).collect();
        let pick = |number: usize| open.get(number % open.len().max(1)).copied();
        match act {
            Act::Join(number) => {
                let (inlet, outlet) = real.board.join(now, member(number));
                real.inlets.push(Some(inlet));
                real.outlets.push(outlet);
                model.join(now, number);
            }
            Act::Leave(id) => {
                let Some(id) = pick(id) else { continue };
                real.inlets[id] = None;
                model.leave(id);
            }
            Act::Speak(id) => {
                let Some(id) = pick(id) else { continue };
                real.inlets[id].as_ref().unwrap().spoke();
                model.speak(id);
            }
            Act::Send { from, to, disco, size } => {
                let Some(from) = pick(from) else { continue };
                let payload = payload(disco, size, step);
                real.inlets[from].as_mut().unwrap().route(now, &NodePublic::from_bytes([to; 32]), payload.clone());
                model.send(now, from, to, &payload);
            }
            Act::Together { from, to, disco, size, count } => {
                let Some(from) = pick(from) else { continue };
                let payloads: Vec<_> = (0..u32::from(count)).map(|of| payload(disco, size, step << 8 | of)).collect();
                let source = key(model.connections[from].key);
                let (to_whom, packets) = together(&source, key(to), &payloads);
                real.inlets[from].as_mut().unwrap().route_packets(now, &to_whom, packets);
                for payload in &payloads {
                    model.send(now, from, to, payload);
                }
            }
            Act::Watch(id) => {
                let Some(id) = pick(id) else { continue };
                real.inlets[id].as_mut().unwrap().watch();
                model.watch(id);
            }
            Act::Close(number) => {
                real.board.close_peer(&key(number));
                model.close(number);
            }
            Act::Drain(id) => {
                let Some(id) = pick(id) else { continue };
                assert_eq!(comparable(drain(&real.outlets[id], now)), comparable(model.drain(now, id)), "step {step}");
            }
            Act::Wait(millis) => now += Duration::from_millis(millis.into()),
        }
    }
    for (id, outlet) in real.outlets.iter().enumerate() {
        let told = comparable(drain(outlet, now));
        assert_eq!(told, comparable(model.drain(now, id)), "connection {id} in the end");
    }
    assert_eq!(real.board.census().connections, model.here.values().map(Vec::len).sum::<usize>());
    assert_eq!(real.board.census().bytes_held, 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn the_switchboard_does_what_its_model_does(acts in vec(act(), 0..120)) {
        run(acts);
    }
}
