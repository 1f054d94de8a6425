//! The relay's end of a connection.

mod event;

pub use event::{Admission, ServerClose, ServerEvent, Stage};

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;

use super::pace::{Pace, Pacer, SharedPace};
use crate::model::{NodePrivate, NodePublic};
use crate::wire::derp::{ClientInfo, Decoder, Frame, MAX_PACKET, Packets, Phase, Side, TooLong};
use crate::wire::nacl::{Nonce, SharedSecret, node_public};

/// How long each half of the login may take: our key going out, then the greeting coming in.
const LOGIN: Duration = Duration::from_secs(10);

/// How often a client is told that we are there. Clients give up after 120 seconds of silence.
const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// What may be added to that, once for each connection.
pub const MAX_JITTER: Duration = Duration::from_secs(5);

/// Most bytes one frame is charged for against a rate: no frame that is kept has more.
const MOST_CHARGED: u64 = (MAX_PACKET + KEY_LENGTH) as u64;

/// Bytes of a packet's body before its payload.
const KEY_LENGTH: usize = 32;

/// A relay's two keys, computed once.
#[derive(Debug)]
pub struct RelayIdentity {
    private: NodePrivate,
    public: NodePublic,
}

impl RelayIdentity {
    /// The identity of this private key.
    #[must_use]
    pub fn new(private: NodePrivate) -> Self {
        Self { public: node_public(&private), private }
    }

    /// What clients know it by.
    #[must_use]
    pub const fn public(&self) -> &NodePublic {
        &self.public
    }
}

/// A relay's session with one client, from the first byte after the HTTP upgrade.
///
/// While [`wants_read`](Self::wants_read) says so, read into [`room`](Self::room); then call
/// [`poll_event`](Self::poll_event) until there is none, and write what [`poll_transmit`](Self::poll_transmit) gives
/// before anything else. Packets for the client are no affair of this session: they wait in the switchboard.
#[derive(Debug)]
pub struct ServerSession {
    relay: Arc<RelayIdentity>,
    decoder: Decoder,
    transmit: BytesMut,
    pong: Option<[u8; 8]>,
    state: State,
    /// The other side will say nothing more.
    ended: bool,
    toll: Option<Box<Toll>>,
    paused_until: Option<Instant>,
    keep_alive: Option<KeepAlive>,
}

/// What a client that may not send as fast as it likes is measured against.
#[derive(Debug)]
struct Toll {
    own: Pacer,
    shared: Option<Arc<SharedPace>>,
}

#[derive(Clone, Copy, Debug)]
struct KeepAlive {
    period: Duration,
    next: Instant,
}

#[derive(Debug)]
enum State {
    WritingKey {
        until: Instant,
    },
    AwaitingGreeting {
        until: Instant,
    },
    /// Identified, and neither admitted nor refused.
    AtTheDoor {
        secret: Box<SharedSecret>,
    },
    Admitted {
        mesh: bool,
    },
    /// Over, and its end not told yet.
    Closing(ServerClose),
    Closed,
}

impl ServerSession {
    /// Starts a session: our key is there to be written. `early` are the bytes that came together with the request.
    #[must_use]
    pub fn new(now: Instant, relay: Arc<RelayIdentity>, early: BytesMut) -> Self {
        let mut transmit = BytesMut::new();
        write(&Frame::ServerKey(relay.public), &mut transmit);
        Self {
            relay,
            decoder: Decoder::new(Side::FromClient, Phase::Handshake, early),
            transmit,
            pong: None,
            state: State::WritingKey { until: now + LOGIN },
            ended: false,
            toll: None,
            paused_until: None,
            keep_alive: None,
        }
    }

    /// Whether a read now would be of use: not while the client waits at the door, and not while it is too fast.
    #[must_use]
    pub fn wants_read(&self, now: Instant) -> bool {
        let open =
            matches!(self.state, State::WritingKey { .. } | State::AwaitingGreeting { .. } | State::Admitted { .. });
        open && !self.ended && !self.is_paused(now)
    }

    /// Where the next read belongs; tell [`handle_read`](Self::handle_read) what it brought.
    pub fn room(&mut self) -> &mut BytesMut {
        self.decoder.room()
    }

    /// Takes note of a read into [`room`](Self::room). Zero bytes: the client has closed the connection.
    pub fn handle_read(&mut self, brought: usize) {
        self.ended |= brought == 0;
        self.decoder.adapt(brought);
    }

    /// Takes bytes that were read elsewhere.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.decoder.feed(bytes);
    }

    /// Gives back memory before a wait that may be long.
    pub fn shrink(&mut self) {
        self.decoder.shrink();
        if self.transmit.is_empty() {
            self.transmit = BytesMut::new();
        }
    }

    /// The next thing that happened; `None` until more is read, or the time is come. [`ServerEvent::Closed`] is the
    /// last.
    pub fn poll_event(&mut self, now: Instant) -> Option<ServerEvent> {
        loop {
            match self.state {
                State::Closed | State::AtTheDoor { .. } => return None,
                State::Closing(reason) => {
                    self.state = State::Closed;
                    return Some(ServerEvent::Closed(reason));
                }
                State::WritingKey { .. } | State::AwaitingGreeting { .. } | State::Admitted { .. } => {}
            }
            if self.is_paused(now) {
                return None;
            }
            match self.decoder.decode() {
                Ok(Some(frame)) => {
                    let bytes = u64::from(self.decoder.last_length()).min(MOST_CHARGED);
                    self.charge(now, bytes, matches!(frame, Frame::SendPacket { .. }).into());
                    match self.hear(frame) {
                        Ok(Some(event)) => return Some(event),
                        Ok(None) => {}
                        Err(reason) => self.state = State::Closing(reason),
                    }
                }
                Ok(None) if self.ended => {
                    let cut = self.decoder.is_amid_frame();
                    self.state = State::Closing(if cut { ServerClose::Cut } else { ServerClose::Left });
                }
                Ok(None) => return None,
                Err(violation) => self.state = State::Closing(violation.into()),
            }
        }
    }

    /// The packets that come next and are for one destination, all at once, and the destination: what
    /// [`poll_event`](Self::poll_event) would tell one by one. `source` is the client's key. `None`: ask that.
    pub fn poll_packets(&mut self, now: Instant, source: &NodePublic) -> Option<(NodePublic, Packets)> {
        if !self.is_admitted() || self.is_paused(now) {
            return None;
        }
        let (destination, packets) = self.decoder.packets(source)?;
        // All of them have been read already: a client that is too fast has them passed on, and pays later.
        let bodies = packets.payload_bytes() + packets.count() * KEY_LENGTH;
        self.charge(now, bodies as u64, packets.count() as u64);
        Some((destination, packets))
    }

    /// Appends what is to be written, if anything is: before packets, so that our greeting comes before them.
    pub fn poll_transmit(&mut self, out: &mut BytesMut) -> bool {
        if self.is_closed() || (self.transmit.is_empty() && self.pong.is_none()) {
            return false;
        }
        out.extend_from_slice(&self.transmit);
        self.transmit.clear();
        if let Some(data) = self.pong.take() {
            write(&Frame::Pong(data), out);
        }
        true
    }

    /// Takes note that all that was given to be written has been: the client's time to greet begins.
    pub fn handle_written(&mut self, now: Instant) {
        if matches!(self.state, State::WritingKey { .. }) && self.transmit.is_empty() {
            self.state = State::AwaitingGreeting { until: now + LOGIN };
        }
    }

    /// Lets an identified client in.
    pub fn admit(&mut self, now: Instant, admission: &Admission) {
        let State::AtTheDoor { secret } = &self.state else { return };
        let sealed = secret.seal(&admission.nonce, &admission.info.encode()).into();
        write(&Frame::ServerInfo { nonce: admission.nonce, sealed }, &mut self.transmit);
        let period = KEEP_ALIVE + admission.jitter.min(MAX_JITTER);
        self.keep_alive = Some(KeepAlive { period, next: now + period });
        self.decoder.establish();
        self.state = State::Admitted { mesh: admission.mesh };
    }

    /// Says how fast an admitted client may send from now on, and how fast all of them together: when it is faster,
    /// reading pauses. What it owes by what was said before is forgotten. Relays of the mesh may send as they like.
    pub fn set_pace(&mut self, now: Instant, own: Pace, shared: Option<Arc<SharedPace>>) {
        self.paused_until = None;
        self.toll = None;
        let limited = !own.is_free() || shared.is_some();
        if limited && matches!(self.state, State::Admitted { mesh: false }) {
            self.toll = Some(Box::new(Toll { own: Pacer::new(now, own), shared }));
        }
    }

    /// Sends an identified client away: it sees the connection close, and nothing else.
    pub fn refuse(&mut self) {
        if matches!(self.state, State::AtTheDoor { .. }) {
            self.state = State::Closing(ServerClose::Refused);
        }
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) at the latest.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::WritingKey { until } | State::AwaitingGreeting { until } => Some(until),
            State::Admitted { .. } => {
                let next = self.keep_alive.map(|keep_alive| keep_alive.next);
                [next, self.paused_until].into_iter().flatten().min()
            }
            State::AtTheDoor { .. } | State::Closing(_) | State::Closed => None,
        }
    }

    /// Does what is due: ends a login that takes too long, says that we are there, or goes on reading.
    pub fn handle_timeout(&mut self, now: Instant) {
        match self.state {
            State::WritingKey { until } if now >= until => {
                self.state = State::Closing(ServerClose::Timeout { stage: Stage::WritingKey });
            }
            State::AwaitingGreeting { until } if now >= until => {
                self.state = State::Closing(ServerClose::Timeout { stage: Stage::AwaitingGreeting });
            }
            State::Admitted { .. } => self.keep_alive(now),
            _ => {}
        }
        if !self.is_paused(now) {
            self.paused_until = None;
        }
    }

    /// Whether the client has been let in, and is.
    #[must_use]
    pub const fn is_admitted(&self) -> bool {
        matches!(self.state, State::Admitted { .. })
    }

    /// Whether the session is over.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        matches!(self.state, State::Closing(_) | State::Closed)
    }

    fn hear(&mut self, frame: Frame) -> Result<Option<ServerEvent>, ServerClose> {
        let mesh = matches!(self.state, State::Admitted { mesh: true });
        Ok(Some(match frame {
            Frame::ClientInfo { key, nonce, sealed } => {
                let info = self.greeted(&key, &nonce, &sealed)?;
                ServerEvent::Identified { key, info }
            }
            Frame::SendPacket { destination, payload } => ServerEvent::Packet { destination, payload },
            Frame::NotePreferred(preferred) => ServerEvent::Preferred(preferred),
            Frame::Ping(data) => {
                let answered = self.pong.is_none();
                self.pong.get_or_insert(data);
                ServerEvent::Pinged { answered }
            }
            Frame::ForwardPacket { .. } | Frame::WatchConns | Frame::ClosePeer(_) if !mesh => {
                return Err(ServerClose::MeshOnly { kind: frame.kind() });
            }
            Frame::ForwardPacket { source, destination, payload } => {
                ServerEvent::Forward { source, destination, payload }
            }
            Frame::WatchConns => ServerEvent::Watch,
            Frame::ClosePeer(peer) => ServerEvent::ClosePeer(peer),
            Frame::Unknown { kind, length } => ServerEvent::Ignored { kind, length },
            // Frames of the other direction are read as unknown ones.
            Frame::ServerKey(_)
            | Frame::ServerInfo { .. }
            | Frame::RecvPacket { .. }
            | Frame::KeepAlive
            | Frame::PeerGone { .. }
            | Frame::PeerPresent { .. }
            | Frame::Pong(_)
            | Frame::Health(_)
            | Frame::Restarting { .. } => return Ok(None),
        }))
    }

    fn greeted(&mut self, key: &NodePublic, nonce: &Nonce, sealed: &[u8]) -> Result<ClientInfo, ServerClose> {
        let secret = SharedSecret::for_nodes(&self.relay.private, key)?;
        let info = ClientInfo::decode(&secret.open(nonce, sealed)?)?;
        self.state = State::AtTheDoor { secret: Box::new(secret) };
        Ok(info)
    }

    /// Charges for what was just read.
    fn charge(&mut self, now: Instant, bytes: u64, packets: u64) {
        let Some(toll) = &mut self.toll else { return };
        let shared = toll.shared.as_ref().and_then(|shared| shared.owe(now, bytes, packets));
        self.paused_until = toll.own.owe(now, bytes, packets).max(shared);
    }

    fn is_paused(&self, now: Instant) -> bool {
        self.paused_until.is_some_and(|until| now < until)
    }

    /// Strictly periodic, on busy connections too; at most one is waiting to be written.
    fn keep_alive(&mut self, now: Instant) {
        let Some(keep_alive) = &mut self.keep_alive else { return };
        if now < keep_alive.next {
            return;
        }
        while keep_alive.next <= now {
            keep_alive.next += keep_alive.period;
        }
        if self.transmit.is_empty() {
            write(&Frame::KeepAlive, &mut self.transmit);
        }
    }
}

/// What this session says is short: a failure to encode it is none to speak of.
fn write(frame: &Frame, out: &mut BytesMut) {
    let _: Result<(), TooLong> = frame.encode_whole(out);
}
