//! Clients: from the upgrade through the greeting and admission to the last packet.

pub(super) mod batch;
mod client;
mod end;
mod login;
mod pacing;
mod places;
mod roster;
mod signal;
mod stopping;
mod timer;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::Limits;
use super::admission::Admission;
use super::entrance::Guest;
use super::gate::Pass;
use super::http::Upgraded;
use super::metrics::Tally;
use super::throttle::Throttle;
use crate::derp::{self, Pace, RelayIdentity, Switchboard};
use crate::model::{MeshKey, NodePrivate, NodePublic};
use crate::wire::derp::ClientInfo;
use client::Client;
use pacing::Pacing;
use places::Places;
use roster::Roster;
use signal::Told;

/// What all clients of a relay have in common.
#[derive(Debug)]
pub(super) struct Service {
    identity: Arc<RelayIdentity>,
    admission: Admission,
    /// What other relays of the mesh prove themselves with.
    mesh_key: watch::Sender<Option<MeshKey>>,
    switchboard: Arc<Switchboard>,
    roster: Roster,
    /// Places for clients.
    places: Arc<Places>,
    max_clients: usize,
    pacing: Pacing,
    tally: Arc<Tally>,
    limits: Limits,
    /// Clients that still read what their peer has sent: while there is one, more may be accepted for any of them.
    readers: TaskTracker,
    /// Cuts every client off.
    cut: CancellationToken,
}

impl Service {
    pub(super) fn new(
        key: NodePrivate,
        admission: Admission,
        mesh_key: Option<MeshKey>,
        max_clients: usize,
        limits: Limits,
    ) -> io::Result<Self> {
        let identity = Arc::new(RelayIdentity::new(key));
        if identity.public().is_zero() {
            return Err(io::Error::other("the relay's key is of no use"));
        }
        let queues = derp::Limits { stall: limits.write, ..derp::Limits::default() };
        Ok(Self {
            identity,
            admission,
            mesh_key: watch::Sender::new(mesh_key),
            switchboard: Switchboard::new(queues),
            roster: Roster::default(),
            places: Places::new(max_clients),
            max_clients,
            pacing: Pacing::default(),
            tally: Arc::default(),
            limits,
            readers: TaskTracker::new(),
            cut: CancellationToken::new(),
        })
    }

    pub(super) fn public_key(&self) -> NodePublic {
        *self.identity.public()
    }

    pub(super) const fn admission(&self) -> &Admission {
        &self.admission
    }

    /// Every client is cut off when what is returned is dropped.
    pub(super) fn cut_when_dropped(self: &Arc<Self>) -> Cut {
        Cut { service: Arc::clone(self), _others: self.cut.clone().drop_guard() }
    }

    /// Clients are to leave when what was accepted for them is delivered. No reader comes any more: a client that waits
    /// for the last of them to be done waits for those there are.
    pub(super) fn stop(&self) {
        self.readers.close();
        self.roster.tell_all(Told::Stop);
    }

    /// Whether a client has shown that it is a relay of the mesh. A wrong key is no offence: it is a client like others.
    fn is_of_mesh(&self, info: &ClientInfo) -> bool {
        let wanted = self.mesh_key.borrow();
        wanted.is_some() && info.mesh_key == *wanted
    }

    /// The key of the mesh, now and whenever it changes.
    pub(super) fn mesh_key(&self) -> watch::Receiver<Option<MeshKey>> {
        self.mesh_key.subscribe()
    }

    /// Has another key from now on; false if it is the one there is. Who is here stays.
    pub(super) fn rekey(&self, key: MeshKey) -> bool {
        self.mesh_key.send_if_modified(|held| {
            let changes = held.as_ref() != Some(&key);
            *held = Some(key);
            changes
        })
    }

    pub(super) fn switchboard(&self) -> &Arc<Switchboard> {
        &self.switchboard
    }

    /// How many clients are here, other relays not counted.
    #[cfg_attr(
        not(all(target_os = "linux", target_env = "gnu")),
        allow(dead_code, reason = "memory is given back there")
    )]
    pub(super) fn clients(&self) -> usize {
        self.places.taken()
    }

    /// What is counted beside the switchboard.
    pub(super) const fn tally(&self) -> &Arc<Tally> {
        &self.tally
    }

    /// How fast each client may send.
    pub(super) fn pace(&self) -> Pace {
        self.pacing.each()
    }

    /// Holds clients to other limits from now on. Whoever is here stays.
    pub(super) fn throttle(&self, throttle: &Throttle) {
        self.places.set(throttle.max_clients.unwrap_or(self.max_clients));
        self.pacing.set(tokio::time::Instant::now().into_std(), throttle.each, throttle.all);
        self.roster.wake_all();
    }

    /// Closes the connections of clients that a list has admitted and admits no longer.
    pub(super) fn close_the_no_longer_admitted(&self) {
        self.roster.close_unless(|key, grounds| self.admission.still_admits(key, grounds));
    }

    /// A connection from its upgrade to its login, and from then on in a task of its own: this one has room for TLS and
    /// HTTP, which a client would keep as long as it stays.
    pub(super) async fn serve(
        self: &Arc<Self>,
        upgraded: Upgraded,
        peer: SocketAddr,
        (guest, pass): (Guest, Pass),
        closing: &CancellationToken,
        tasks: &TaskTracker,
    ) {
        let admitted = tokio::select! {
            admitted = login::login(self, upgraded, peer) => admitted,
            () = guest.must_leave() => None,
            () = closing.cancelled() => None,
            () = self.cut.cancelled() => None,
        };
        // A client is no guest any more.
        drop((guest, pass));
        if let Some(admitted) = admitted {
            tasks.spawn(Box::new(Client::new(Arc::clone(self), admitted)).serve());
        }
    }
}

/// Cuts every client off when it is dropped.
#[derive(Debug)]
pub(super) struct Cut {
    service: Arc<Service>,
    /// Those who are not on the roster: not there yet, or saying goodbye.
    _others: DropGuard,
}

impl Drop for Cut {
    fn drop(&mut self) {
        self.service.roster.tell_all(Told::Cut);
    }
}
