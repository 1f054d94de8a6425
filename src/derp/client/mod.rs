//! The client's end of a connection.

mod event;

pub use event::{ClientClose, ClientEvent, SendError, Sent};

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};

use super::bucket::{Rate, TokenBucket};
use crate::model::{NodePrivate, NodePublic};
use crate::wire::derp::{ClientInfo, Decoder, Frame, PACKET_HEAD_LENGTH, Phase, ServerInfo, Side, TooLong};
use crate::wire::nacl::{Nonce, SharedSecret, WeakKey, node_public};

/// How long a login may take from the first byte of DERP: what clients give it.
const LOGIN: Duration = Duration::from_secs(10);

/// How long a relay may say nothing: it says something every 60 to 65 seconds, so one of these may be lost.
const SILENCE: Duration = Duration::from_secs(120);

/// Most bytes waiting to be written. Whoever sends faster than the connection carries is told so.
const BACKLOG: usize = 1 << 20;

/// How to log in.
#[derive(Debug)]
pub struct ClientConfig {
    /// Who we are.
    pub key: NodePrivate,
    /// What we say of ourselves. Pings are answered only if it says so.
    pub info: ClientInfo,
    /// 24 random bytes for the greeting's box.
    pub nonce: Nonce,
    /// Whether this relay is our home; if so it is told right after the greeting.
    pub home: bool,
    /// The relay's key, if its certificate gave it: a fast start, where our greeting goes out at once.
    pub relay: Option<NodePublic>,
}

/// A client's session, from the first byte after the HTTP upgrade (or, with a fast start, after the request).
///
/// Read into [`room`](Self::room) or [`feed`](Self::feed); then call [`poll_event`](Self::poll_event) until there is
/// none, and write what [`poll_transmit`](Self::poll_transmit) gives, also after [`send`](Self::send) and the like.
/// Call [`handle_timeout`](Self::handle_timeout) when [`poll_timeout`](Self::poll_timeout) says, or any time earlier.
#[derive(Debug)]
pub struct ClientSession {
    config: ClientConfig,
    decoder: Decoder,
    transmit: BytesMut,
    pong: Option<[u8; 8]>,
    secret: Option<SharedSecret>,
    bucket: Option<TokenBucket>,
    state: State,
    /// The other side will say nothing more.
    ended: bool,
    deadline: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    AwaitingKey,
    AwaitingInfo,
    Admitted,
    /// Over, and its end not told yet.
    Closing(ClientClose),
    Closed,
}

impl ClientSession {
    /// Starts a session; `early` are the bytes that came together with the HTTP response. Refuses a weak relay key.
    pub fn new(now: Instant, config: ClientConfig, early: BytesMut) -> Result<Self, WeakKey> {
        // After a fast start the relay's key is nothing new, and need not come first or at all.
        let phase = if config.relay.is_some() { Phase::Established } else { Phase::Handshake };
        let relay = config.relay;
        let mut session = Self {
            config,
            decoder: Decoder::new(Side::FromServer, phase, early),
            transmit: BytesMut::new(),
            pong: None,
            secret: None,
            bucket: None,
            state: State::AwaitingKey,
            ended: false,
            deadline: now + LOGIN,
        };
        if let Some(relay) = relay {
            session.greet(&relay)?;
        }
        Ok(session)
    }

    /// Where the next read belongs; tell [`handle_read`](Self::handle_read) what it brought.
    pub fn room(&mut self) -> &mut BytesMut {
        self.decoder.room()
    }

    /// Takes note of a read into [`room`](Self::room). Zero bytes: the relay has closed the connection.
    pub fn handle_read(&mut self, brought: usize) {
        self.ended |= brought == 0;
        self.decoder.adapt(brought);
    }

    /// Takes bytes that were read elsewhere.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.decoder.feed(bytes);
    }

    /// The next thing that happened; `None` until more is read. [`ClientEvent::Closed`] is the last.
    pub fn poll_event(&mut self, now: Instant) -> Option<ClientEvent> {
        loop {
            match self.state {
                State::Closed => return None,
                State::Closing(reason) => {
                    self.state = State::Closed;
                    return Some(ClientEvent::Closed(reason));
                }
                State::AwaitingKey | State::AwaitingInfo | State::Admitted => {}
            }
            match self.decoder.decode() {
                Ok(Some(frame)) => {
                    if let Some(event) = self.hear(now, frame) {
                        return Some(event);
                    }
                }
                Ok(None) if self.ended => self.state = State::Closing(self.meaning_of_end()),
                Ok(None) => return None,
                Err(violation) => self.state = State::Closing(violation.into()),
            }
        }
    }

    /// Appends what is to be written, if anything is.
    pub fn poll_transmit(&mut self, out: &mut BytesMut) -> bool {
        if self.is_closed() {
            return false;
        }
        let before = out.len();
        if out.is_empty() {
            std::mem::swap(out, &mut self.transmit);
        } else {
            out.extend_from_slice(&self.transmit);
        }
        self.transmit.clear();
        if let Some(data) = self.pong.take() {
            // A pong is never too long.
            let _ = Frame::Pong(data).encode_whole(out);
        }
        out.len() > before
    }

    /// Sends a packet, unless the relay's limit says it is to be dropped.
    pub fn send(&mut self, now: Instant, destination: NodePublic, payload: Bytes) -> Result<Sent, SendError> {
        self.ready()?;
        let size = PACKET_HEAD_LENGTH + payload.len();
        let before = self.transmit.len();
        Frame::SendPacket { destination, payload }.encode_whole(&mut self.transmit)?;
        if self.bucket.as_mut().is_some_and(|bucket| !bucket.take(now, size as u64)) {
            self.transmit.truncate(before);
            return Ok(Sent::Limited);
        }
        Ok(Sent::Queued)
    }

    /// Asks the relay for an echo of eight bytes.
    pub fn ping(&mut self, data: [u8; 8]) -> Result<(), SendError> {
        self.say(&Frame::Ping(data))
    }

    /// Tells the relay whether it is our home.
    pub fn note_preferred(&mut self, home: bool) -> Result<(), SendError> {
        self.say(&Frame::NotePreferred(home))
    }

    /// Says anything else a client may say: a relay of a mesh watches and forwards.
    pub fn say(&mut self, frame: &Frame) -> Result<(), SendError> {
        self.ready()?;
        Ok(frame.encode_whole(&mut self.transmit)?)
    }

    /// When to call [`handle_timeout`](Self::handle_timeout), if nothing is heard before.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        (!self.is_closed()).then_some(self.deadline)
    }

    /// Ends the session if its time is up.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.is_closed() || now < self.deadline {
            return;
        }
        let reason = match self.state {
            State::Admitted => ClientClose::Silent { after: SILENCE },
            _ => ClientClose::LoginTimeout { after: LOGIN },
        };
        self.state = State::Closing(reason);
    }

    /// Whether the relay has let us in.
    #[must_use]
    pub fn is_admitted(&self) -> bool {
        self.state == State::Admitted
    }

    /// Whether the session is over.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closing(_) | State::Closed)
    }

    /// What a frame means. `None`: nothing to tell.
    fn hear(&mut self, now: Instant, frame: Frame) -> Option<ClientEvent> {
        if self.state == State::Admitted {
            self.deadline = now + SILENCE;
        }
        Some(match frame {
            Frame::ServerKey(key) => {
                if self.state == State::AwaitingKey
                    && let Err(weak) = self.greet(&key)
                {
                    self.state = State::Closing(weak.into());
                }
                ClientEvent::ServerKey(key)
            }
            Frame::ServerInfo { nonce, sealed } => match self.admitted(now, &nonce, &sealed) {
                Ok(info) => ClientEvent::Admitted(info),
                Err(reason) => {
                    self.state = State::Closing(reason);
                    return None;
                }
            },
            Frame::RecvPacket { source, payload } => ClientEvent::Packet { source, payload },
            Frame::PeerGone { peer, reason } => ClientEvent::PeerGone { peer, reason },
            Frame::PeerPresent { peer, endpoint, flags } => ClientEvent::PeerPresent { peer, endpoint, flags },
            Frame::Ping(data) => {
                // One echo at a time: a relay that asks faster than we write gets the last.
                self.pong = Some(data).filter(|_| self.config.info.can_ack_pings);
                ClientEvent::Pinged(data)
            }
            Frame::Pong(data) => ClientEvent::Pong(data),
            Frame::KeepAlive => ClientEvent::KeepAlive,
            Frame::Health(problem) => ClientEvent::Health(Some(problem).filter(|problem| !problem.is_empty())),
            Frame::Restarting { reconnect_in, try_for } => ClientEvent::Restarting { reconnect_in, try_for },
            Frame::Unknown { kind, length } => ClientEvent::Ignored { kind, length },
            // Frames of the other direction are read as unknown ones.
            Frame::ClientInfo { .. }
            | Frame::SendPacket { .. }
            | Frame::NotePreferred(_)
            | Frame::ForwardPacket { .. }
            | Frame::WatchConns
            | Frame::ClosePeer(_) => return None,
        })
    }

    /// Writes our greeting, sealed for this relay.
    fn greet(&mut self, relay: &NodePublic) -> Result<(), WeakKey> {
        let ClientConfig { key, info, nonce, home, .. } = &self.config;
        let secret = SharedSecret::for_nodes(key, relay)?;
        let sealed = secret.seal(nonce, &info.encode()).into();
        let greeting = Frame::ClientInfo { key: node_public(key), nonce: *nonce, sealed };
        let home = home.then_some(Frame::NotePreferred(true));
        for frame in std::iter::once(greeting).chain(home) {
            // What a client says of itself is a few hundred bytes: no failure to speak of.
            let _: Result<(), TooLong> = frame.encode_whole(&mut self.transmit);
        }
        self.secret = Some(secret);
        self.decoder.establish();
        self.state = State::AwaitingInfo;
        Ok(())
    }

    fn admitted(&mut self, now: Instant, nonce: &Nonce, sealed: &[u8]) -> Result<ServerInfo, ClientClose> {
        let secret = self.secret.as_ref().ok_or(ClientClose::NoKey)?;
        let info = ServerInfo::decode(&secret.open(nonce, sealed)?)?;
        self.bucket = (info.bytes_per_second > 0)
            .then(|| TokenBucket::new(now, Rate { per_second: info.bytes_per_second, burst: info.burst_bytes }));
        self.state = State::Admitted;
        self.deadline = now + SILENCE;
        Ok(info)
    }

    fn ready(&self) -> Result<(), SendError> {
        match self.state {
            State::AwaitingKey => Err(SendError::NotYet),
            State::Closing(_) | State::Closed => Err(SendError::Closed),
            _ if self.transmit.len() > BACKLOG => Err(SendError::Backlog { waiting: self.transmit.len() }),
            State::AwaitingInfo | State::Admitted => Ok(()),
        }
    }

    fn meaning_of_end(&self) -> ClientClose {
        match (self.state, self.config.relay) {
            (State::Admitted, _) => ClientClose::Left,
            (State::AwaitingKey, _) => ClientClose::NoKey,
            _ => ClientClose::Rejected,
        }
    }
}
