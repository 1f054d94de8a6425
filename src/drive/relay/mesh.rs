//! The other relays of the mesh: each is dialled, watched and sent what is for its clients, and dialled again.
//!
//! What a link is and when it is given up is `derp/`'s to say. A relay that is lost is dialled again within two
//! seconds, so that a mesh heals within five of a death or a return.

use std::future::{pending, poll_fn};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::options::MeshOptions;
use super::service::Service;
use super::service::batch::Batch;
use crate::derp::{MeshClose, MeshConfig, MeshEvent, MeshSession, Outlet};
use crate::drive::clock::Clock;
use crate::drive::network::{Dialer, Dialled, NetworkOptions, RelayAt, failure_words};
use crate::model::{MeshKey, MeshNode, NodePrivate, NodePublic, Pin, RelayAddress};

/// The pauses before a relay is dialled again: the first, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The pause when a relay takes us for a stranger: that is for its owner to change.
const STRANGER_PAUSE: Duration = Duration::from_secs(30);

/// Bytes taken from the outlet at a time.
const BATCH: usize = 256 << 10;

/// How long what is left for another relay may take to be written when this one stops.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The mesh, before it is served.
#[derive(Debug)]
pub(super) struct Mesh {
    service: Arc<Service>,
    key: NodePrivate,
    neighbours: Vec<Arc<Neighbour>>,
}

/// Another relay, as it stands.
#[derive(Debug)]
pub(super) struct Neighbour {
    node: MeshNode,
    standing: Mutex<Standing>,
}

/// How it is with another relay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is dialled for the first time.
    Dialled,
    /// It is watched, and forwarded to.
    Joined {
        /// Its key.
        relay: NodePublic,
        /// Keys that are there.
        clients: usize,
    },
    /// It is not reached, or no longer, and is dialled again.
    Lost {
        /// What is the matter.
        because: String,
    },
    /// It is this relay: all relays of a mesh may have the same list.
    Itself,
}

/// The mesh at work. Dropped, it ends at once.
pub(super) struct Meshing {
    tasks: JoinSet<()>,
    leaving: CancellationToken,
}

/// How a connection ended.
enum Ended {
    /// The relay stops.
    Leaving,
    Itself,
    Lost {
        because: String,
        was_joined: bool,
        stranger: bool,
    },
}

impl Mesh {
    pub(super) fn new(options: MeshOptions, key: NodePrivate, service: Arc<Service>) -> Self {
        let neighbour = |node| Arc::new(Neighbour { node, standing: Mutex::new(Standing::Dialled) });
        let neighbours = options.nodes.into_iter().map(neighbour).collect();
        Self { service, key, neighbours }
    }

    pub(super) fn neighbours(&self) -> Vec<Arc<Neighbour>> {
        self.neighbours.clone()
    }

    /// Connects to every other relay, in the background. The error is that of this host.
    pub(super) fn spawn(self) -> io::Result<Meshing> {
        let mut tasks = JoinSet::new();
        let leaving = CancellationToken::new();
        if self.neighbours.is_empty() {
            return Ok(Meshing { tasks, leaving });
        }
        let dialer = Dialer::new(Clock::start(), NetworkOptions::default(), [true, true], None);
        let dialer = Arc::new(dialer.map_err(io::Error::other)?);
        for neighbour in &self.neighbours {
            let link = Link {
                service: Arc::clone(&self.service),
                key: self.key.clone(),
                secret: self.service.mesh_key(),
                neighbour: Arc::clone(neighbour),
                dialer: Arc::clone(&dialer),
                leaving: leaving.clone(),
            };
            tasks.spawn(link.keep());
        }
        Ok(Meshing { tasks, leaving })
    }
}

impl Meshing {
    /// Ends when what was accepted for other relays has been sent, soon in any case.
    pub(super) async fn leave(mut self) {
        self.leaving.cancel();
        while self.tasks.join_next().await.is_some() {}
    }
}

impl Neighbour {
    pub(super) const fn node(&self) -> &MeshNode {
        &self.node
    }

    pub(super) fn standing(&self) -> Standing {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn stands(&self, standing: Standing) {
        *self.standing.lock().unwrap_or_else(PoisonError::into_inner) = standing;
    }
}

/// The connection to one other relay, again and again.
struct Link {
    service: Arc<Service>,
    key: NodePrivate,
    secret: watch::Receiver<Option<MeshKey>>,
    neighbour: Arc<Neighbour>,
    dialer: Arc<Dialer>,
    leaving: CancellationToken,
}

impl Link {
    async fn keep(mut self) {
        let node = &self.neighbour.node;
        let mut pause = FIRST_PAUSE;
        let mut complaint = None;
        loop {
            let (because, was_joined, stranger) = match self.attempt().await {
                Ended::Leaving => return,
                Ended::Itself => {
                    tracing::info!(%node, "this relay itself is in the list of its mesh, which is as well");
                    self.neighbour.stands(Standing::Itself);
                    return;
                }
                Ended::Lost { because, was_joined, stranger } => (because, was_joined, stranger),
            };
            if was_joined {
                pause = FIRST_PAUSE;
                tracing::warn!(%node, %because, "a relay of the mesh is lost, and dialled again");
            } else if complaint.as_ref() == Some(&because) {
                tracing::debug!(%node, %because, "a relay of the mesh is still not reached");
            } else {
                tracing::warn!(%node, %because, "a relay of the mesh is not reached, and dialled again until it is");
            }
            complaint = (!was_joined).then(|| because.clone());
            self.neighbour.stands(Standing::Lost { because });
            // Not all relays of a mesh at the same instant.
            let retry = if stranger { STRANGER_PAUSE } else { pause }.mul_f64(0.5 + chance() / 2.0);
            pause = (pause * 2).min(LONGEST_PAUSE);
            tokio::select! {
                () = tokio::time::sleep(retry) => {}
                // With another key a relay may no longer take us for a stranger.
                Ok(()) = self.secret.changed() => pause = FIRST_PAUSE,
                () = self.leaving.cancelled() => return,
            }
        }
    }

    async fn attempt(&self) -> Ended {
        let lost = |because| Ended::Lost { because, was_joined: false, stranger: false };
        let dialling = async {
            let relay = self.relay().await.map_err(|error| format!("its address: {error}"))?;
            self.dialer.dial(&relay).await.map_err(|failure| failure_words(&failure))
        };
        let dialled = tokio::select! {
            dialled = dialling => dialled,
            () = self.leaving.cancelled() => return Ended::Leaving,
        };
        let Dialled { stream, key: relay, early, request, .. } = match dialled {
            Ok(dialled) => dialled,
            Err(because) => return lost(because),
        };
        let mut nonce = [0; 24];
        if let Err(error) = getrandom::fill(&mut nonce) {
            return lost(error.to_string());
        }
        let Some(mesh_key) = self.secret.borrow().clone() else { return lost("there is no mesh key".to_owned()) };
        let config = MeshConfig { key: self.key.clone(), mesh_key, nonce, relay };
        let board = Arc::clone(self.service.switchboard());
        let session = match MeshSession::new(now(), config, self.service.public_key(), board, early) {
            Ok(session) => session,
            Err(weak) => return lost(weak.to_string()),
        };
        let mut batch = Batch::default();
        batch.open().extend_from_slice(&request);
        let connection =
            Connection { link: self, session, batch, outlet: None, relay: None, joined: false, unflushed: false };
        connection.converse(stream).await
    }

    /// Where it is dialled: by its host, or at another one that is looked up each time.
    async fn relay(&self) -> io::Result<RelayAt> {
        let node = &self.neighbour.node;
        let mut at = node.node();
        if let Some(dial) = node.dial() {
            (at.ipv4, at.ipv6) = (Pin::Disabled, Pin::Disabled);
            for address in tokio::net::lookup_host((dial, node.port())).await? {
                match address {
                    std::net::SocketAddr::V4(v4) if at.ipv4 == Pin::Disabled => at.ipv4 = Pin::Address(*v4.ip()),
                    std::net::SocketAddr::V6(v6) if at.ipv6 == Pin::Disabled => at.ipv6 = Pin::Address(*v6.ip()),
                    _ => {}
                }
            }
        }
        let region = u16::try_from(RelayAddress::REGION.0).unwrap_or_default();
        Ok(RelayAt { name: node.to_string(), region, nodes: vec![at], tls: node.tls() })
    }
}

/// One connection to another relay.
struct Connection<'a> {
    link: &'a Link,
    session: MeshSession,
    batch: Batch,
    outlet: Option<Arc<Outlet>>,
    relay: Option<NodePublic>,
    joined: bool,
    /// Something was written and not flushed.
    unflushed: bool,
}

impl Connection<'_> {
    async fn converse(mut self, stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite) -> Ended {
        let (mut reader, mut writer) = tokio::io::split(stream);
        let mut leave_by: Option<Instant> = None;
        loop {
            if let Some(ended) = self.hear(now()) {
                return ended;
            }
            if self.fill(now()) {
                return self.lost("this relay has no room for it".to_owned());
            }
            let busy = !self.batch.is_empty() || self.unflushed;
            let stalled = self.outlet.as_ref().filter(|_| busy).and_then(|outlet| outlet.cut_at());
            if leave_by.is_some_and(|by| !busy || now() >= by) {
                // What it makes of that is its own affair.
                let _ = tokio::time::timeout(LAST_WORDS, writer.shutdown()).await;
                return Ended::Leaving;
            }
            if stalled.is_some_and(|at| now() >= at) {
                return self.lost("it does not read what it is sent".to_owned());
            }
            let wake = [self.session.poll_timeout(), stalled, leave_by].into_iter().flatten().min();
            let outlet = self.outlet.clone().filter(|_| self.batch.is_empty());
            let writing = async {
                if self.batch.is_empty() {
                    writer.flush().await.map(|()| None)
                } else {
                    writer.write_buf(&mut self.batch).await.map(Some)
                }
            };
            tokio::select! {
                read = reader.read_buf(self.session.room()) => match read {
                    Ok(brought) => self.session.handle_read(brought),
                    Err(error) => return self.lost(error.to_string()),
                },
                written = writing, if busy => match written {
                    Ok(None) => self.unflushed = false,
                    Ok(Some(0)) => return self.lost("the connection takes nothing more".to_owned()),
                    Ok(Some(_)) => {
                        self.unflushed = true;
                        if let Some(outlet) = &self.outlet {
                            outlet.progress(now());
                        }
                    }
                    Err(error) => return self.lost(error.to_string()),
                },
                () = ready(outlet.as_deref()) => {}
                () = until(wake) => self.session.handle_timeout(now()),
                () = self.link.leaving.cancelled(), if leave_by.is_none() => leave_by = Some(now() + LAST_WORDS),
            }
        }
    }

    /// Takes note of what the other relay has said.
    fn hear(&mut self, now: Instant) -> Option<Ended> {
        while let Some(event) = self.session.poll_event(now) {
            match event {
                MeshEvent::Linked { relay, outlet } => {
                    self.relay = Some(relay);
                    self.outlet = Some(outlet);
                }
                MeshEvent::Watching => {
                    self.joined = true;
                    let node = &self.link.neighbour.node;
                    tracing::info!(%node, relay = ?self.relay, clients = self.session.clients(), "joined a relay of the mesh");
                }
                MeshEvent::Closed(MeshClose::Itself) => return Some(Ended::Itself),
                MeshEvent::Closed(reason) => {
                    let stranger = reason == MeshClose::NotOfMesh;
                    return Some(Ended::Lost { because: reason.to_string(), was_joined: self.joined, stranger });
                }
            }
        }
        if let Some(relay) = self.relay.filter(|_| self.joined) {
            self.link.neighbour.stands(Standing::Joined { relay, clients: self.session.clients() });
        }
        None
    }

    /// Takes the next batch when the one before is written; true if no more will come.
    fn fill(&mut self, now: Instant) -> bool {
        // The request that opens the connection goes together with the greeting.
        if self.batch.has_pieces() {
            return false;
        }
        self.session.poll_transmit(self.batch.open());
        let drained = self.outlet.as_ref().map(|outlet| outlet.drain(now, BATCH, &mut self.batch));
        self.batch.close();
        drained.is_some_and(|drained| drained.closed.is_some())
    }

    const fn lost(&self, because: String) -> Ended {
        Ended::Lost { because, was_joined: self.joined, stranger: false }
    }
}

/// When there is something to forward.
async fn ready(outlet: Option<&Outlet>) {
    match outlet {
        Some(outlet) => poll_fn(|context| outlet.poll_ready(context)).await,
        None => pending().await,
    }
}

async fn until(wake: Option<Instant>) {
    match wake {
        Some(instant) => tokio::time::sleep_until(instant.into()).await,
        None => pending().await,
    }
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// Between 0 and 1.
fn chance() -> f64 {
    f64::from(getrandom::u32().unwrap_or_default()) / f64::from(u32::MAX)
}
