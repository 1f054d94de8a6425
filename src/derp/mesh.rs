//! A relay's session with another relay of its mesh: it watches who is there, and what it forwards goes there.
//!
//! The other relay takes us for a client that has the mesh key. Each relay of a mesh has such a session with every
//! other one, so a pair of relays has two: in each, packets go one way and news come the other. A packet is forwarded
//! once: what came from a relay of the mesh never leaves through such a session.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use thiserror::Error;

use super::client::{ClientClose, ClientConfig, ClientEvent, ClientSession, SendError};
use super::switchboard::{Link, Outlet, Switchboard};
use crate::model::{MeshKey, NodePrivate, NodePublic};
use crate::wire::derp::{ClientInfo, Frame, GoneReason};
use crate::wire::nacl::{Nonce, WeakKey};

/// How often the other relay is asked for an echo, while nothing else is heard from it.
const PING_EVERY: Duration = Duration::from_secs(1);

/// Echoes that may be missing. The relay is given up when the next one is due: 3 to 4 s after it said something last,
/// which leaves a second of the five within which a mesh is to heal.
const MISSING: u32 = 3;

/// How to log in at another relay.
#[derive(Debug)]
pub struct MeshConfig {
    /// This relay's own key: the other one is to know it as a relay.
    pub key: NodePrivate,
    /// What all relays of the mesh share.
    pub mesh_key: MeshKey,
    /// 24 random bytes for the greeting's box.
    pub nonce: Nonce,
    /// The other relay's key, if its certificate gave it.
    pub relay: Option<NodePublic>,
}

/// Something a relay learns of another one.
#[derive(Debug)]
pub enum MeshEvent {
    /// It has let us in. What is to be forwarded to it comes out of this outlet.
    Linked {
        /// Its key.
        relay: NodePublic,
        /// For packets to its clients.
        outlet: Arc<Outlet>,
    },
    /// It takes us for a relay of the mesh, and has told, or is telling, who is there.
    Watching,
    /// The session is over; close the connection.
    Closed(MeshClose),
}

/// Why a session with another relay is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum MeshClose {
    /// The other relay is this one.
    #[error("it is this relay itself")]
    Itself,
    /// It closes the connection when asked who is there.
    #[error("it does not take this relay for one of its mesh: it has another mesh key, or none")]
    NotOfMesh,
    /// It no longer answers.
    #[error("it has not answered {MISSING} pings")]
    Silent,
    /// As any client's session may end.
    #[error(transparent)]
    Client(#[from] ClientClose),
}

/// A session with another relay, from the first byte after the HTTP upgrade. It is driven as a [`ClientSession`] is.
/// Dropped, or closed, it makes the keys behind it unreachable.
#[derive(Debug)]
pub struct MeshSession {
    client: ClientSession,
    board: Arc<Switchboard>,
    own: NodePublic,
    relay: Option<NodePublic>,
    link: Option<Link>,
    watching: bool,
    /// Pings, numbered: whose echo it is does not matter.
    pings: u64,
    unanswered: u32,
    ping_at: Option<Instant>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// Over, and its end not told yet.
    Closing(MeshClose),
    Closed,
}

impl MeshSession {
    /// Starts a session between the switchboard's relay, which has the key `own`, and another one. `early` are the bytes
    /// that came together with the HTTP response. Refuses a weak key.
    pub fn new(
        now: Instant,
        config: MeshConfig,
        own: NodePublic,
        board: Arc<Switchboard>,
        early: BytesMut,
    ) -> Result<Self, WeakKey> {
        let MeshConfig { key, mesh_key, nonce, relay } = config;
        let info = ClientInfo { mesh_key: Some(mesh_key), ..ClientInfo::ordinary() };
        let client = ClientSession::new(now, ClientConfig { key, info, nonce, home: false, relay }, early)?;
        let state = if relay == Some(own) { State::Closing(MeshClose::Itself) } else { State::Open };
        Ok(Self {
            client,
            board,
            own,
            relay,
            link: None,
            watching: false,
            pings: 0,
            unanswered: 0,
            ping_at: None,
            state,
        })
    }

    /// Where the next read belongs; tell [`handle_read`](Self::handle_read) what it brought.
    pub fn room(&mut self) -> &mut BytesMut {
        self.client.room()
    }

    /// Takes note of a read into [`room`](Self::room). Zero bytes: the relay has closed the connection.
    pub fn handle_read(&mut self, brought: usize) {
        if brought > 0 {
            self.unanswered = 0;
        }
        self.client.handle_read(brought);
    }

    /// The next thing that happened; `None` until more is read. [`MeshEvent::Closed`] is the last.
    pub fn poll_event(&mut self, now: Instant) -> Option<MeshEvent> {
        loop {
            match self.state {
                State::Closed => return None,
                State::Closing(reason) => {
                    self.state = State::Closed;
                    self.link = None;
                    return Some(MeshEvent::Closed(reason));
                }
                State::Open => {}
            }
            let event = self.client.poll_event(now)?;
            if let Some(event) = self.hear(now, &event) {
                return Some(event);
            }
        }
    }

    /// Appends what is to be written, if anything is: before packets that are forwarded.
    pub fn poll_transmit(&mut self, out: &mut BytesMut) -> bool {
        self.state == State::Open && self.client.poll_transmit(out)
    }

    /// When to call [`handle_timeout`](Self::handle_timeout), if nothing is heard before.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.state != State::Open {
            return None;
        }
        [self.client.poll_timeout(), self.ping_at].into_iter().flatten().min()
    }

    /// Asks whether the other relay is still there, or gives it up.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.client.handle_timeout(now);
        if self.state != State::Open || self.ping_at.is_none_or(|at| now < at) {
            return;
        }
        if self.unanswered >= MISSING {
            self.state = State::Closing(MeshClose::Silent);
        } else {
            self.ping(now);
        }
    }

    /// How many keys are at the other relay.
    #[must_use]
    pub fn clients(&self) -> usize {
        self.link.as_ref().map_or(0, Link::keys)
    }

    fn hear(&mut self, now: Instant, event: &ClientEvent) -> Option<MeshEvent> {
        match *event {
            // All relays of a mesh may have the same list of them.
            ClientEvent::ServerKey(key) if key == self.own => self.state = State::Closing(MeshClose::Itself),
            ClientEvent::ServerKey(key) => {
                self.relay.get_or_insert(key);
            }
            ClientEvent::Admitted(_) => {
                // Its key came before, or nothing could have been sealed for it.
                let Some(relay) = self.relay else {
                    self.state = State::Closing(ClientClose::NoKey.into());
                    return None;
                };
                let (link, outlet) = self.board.link(now, relay);
                self.link = Some(link);
                // An echo after this tells that we may watch: whoever may not is cut off.
                self.say(&Frame::WatchConns);
                self.ping(now);
                return Some(MeshEvent::Linked { relay, outlet });
            }
            ClientEvent::Pong(_) if !self.watching => {
                self.watching = true;
                return Some(MeshEvent::Watching);
            }
            // This relay is a client there, which it need not forward anything to.
            ClientEvent::PeerPresent { peer, .. } if peer != self.own => {
                if let Some(link) = &mut self.link {
                    link.present(peer);
                }
            }
            // That it has not got somebody is the answer to a packet that was on its way when news of that was too.
            ClientEvent::PeerGone { peer, reason } if reason != GoneReason::NOT_HERE => {
                if let Some(link) = &mut self.link {
                    link.gone(peer);
                }
            }
            ClientEvent::Closed(ClientClose::Left) if !self.watching => {
                self.state = State::Closing(MeshClose::NotOfMesh);
            }
            ClientEvent::Closed(reason) => self.state = State::Closing(reason.into()),
            _ => {}
        }
        None
    }

    fn ping(&mut self, now: Instant) {
        self.pings += 1;
        self.unanswered += 1;
        self.ping_at = Some(now + PING_EVERY);
        self.say(&Frame::Ping(self.pings.to_be_bytes()));
    }

    /// It is admitted and says little: there is nothing that could be refused but for a session that is over, which
    /// tells so itself.
    fn say(&mut self, frame: &Frame) {
        let _: Result<(), SendError> = self.client.say(frame);
    }
}
