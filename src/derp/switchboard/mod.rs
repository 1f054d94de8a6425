//! Who is here, and which packet goes to whom.
//!
//! [`Switchboard`] is shared by the tasks of all connections. Each has an [`Inlet`], with which what its client says is
//! put through, and an [`Outlet`], which holds what the client is to be told. Nothing here waits, no lock is held while
//! another task could be waited for, and memory is bounded: for each connection, and over all.

mod budget;
mod counters;
mod inlet;
mod lane;
mod limits;
mod link;
mod outlet;
mod queue;
mod registry;
mod roll;

pub use counters::{Counters, Dropped, Snapshot};
pub use inlet::Inlet;
pub use limits::Limits;
pub use link::Link;
pub use outlet::{Closed, Drained, Outlet};
pub use queue::Tray;
pub use roll::Present;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use budget::Budget;
use counters::Count;
use registry::Registry;

use crate::model::NodePublic;
use crate::wire::derp::{Frame, GoneReason, Packets, PresenceFlags};
use crate::wire::disco;

/// Who is here, and what is on its way to them.
#[derive(Debug)]
pub struct Switchboard {
    shared: Arc<Shared>,
    registry: Registry,
    watchers: RwLock<Vec<Arc<Outlet>>>,
    next_id: AtomicU64,
}

/// What all outlets have in common.
#[derive(Debug)]
struct Shared {
    limits: Limits,
    /// Of connections between relays.
    mesh_limits: Limits,
    budget: Budget,
    counters: Counters,
}

/// A client as it joins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// Who it is: proved, not claimed.
    pub key: NodePublic,
    /// Where it connects from, for watchers; `None` if that is nobody's business.
    pub endpoint: Option<SocketAddr>,
    /// What it is, for watchers.
    pub flags: PresenceFlags,
}

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Routed {
    /// It waits at its destination. Older packets may have been dropped for it.
    Delivered,
    /// It waits at a link to another relay of the mesh.
    Forwarded,
    /// It is gone.
    Dropped(DropReason),
}

/// Why a packet was dropped; the names are those of derper's metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DropReason {
    /// Nobody here has the key.
    UnknownDestination,
    /// The same, of a packet from another relay of the mesh.
    UnknownDestinationOnForward,
    /// The destination left while it waited, or just before.
    GoneDisconnected,
    /// It was the oldest, or too old, and others came.
    QueueHead,
    /// There was no room for it.
    QueueTail,
    /// The connection broke as it was written: counted by who writes.
    WriteError,
    /// The destination's key has several connections and none is active. It does not happen here: one always is.
    DupClient,
}

impl DropReason {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::UnknownDestination,
        Self::UnknownDestinationOnForward,
        Self::GoneDisconnected,
        Self::QueueHead,
        Self::QueueTail,
        Self::WriteError,
        Self::DupClient,
    ];

    /// The metric's label.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::UnknownDestination => "unknown_dest",
            Self::UnknownDestinationOnForward => "unknown_dest_on_fwd",
            Self::GoneDisconnected => "gone_disconnected",
            Self::QueueHead => "queue_head",
            Self::QueueTail => "queue_tail",
            Self::WriteError => "write_error",
            Self::DupClient => "dup_client",
        }
    }
}

/// What a packet looks like to a relay, which cannot read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PacketKind {
    /// Has the shape of a disco packet: nodes finding each other.
    Disco,
    /// Anything else.
    Other,
}

impl PacketKind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Disco, Self::Other];

    /// The kind of a payload.
    #[must_use]
    pub fn of(payload: &[u8]) -> Self {
        if disco::looks_like(payload) { Self::Disco } else { Self::Other }
    }

    /// The kind of packets that came together.
    const fn of_packets(packets: &Packets) -> Self {
        if packets.are_disco() { Self::Disco } else { Self::Other }
    }

    /// The metric's label.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Disco => "disco",
            Self::Other => "other",
        }
    }
}

/// Who is here at a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Connections.
    pub connections: usize,
    /// Different keys among them.
    pub clients_local: usize,
    /// Keys that are only at other relays of the mesh.
    pub clients_remote: usize,
    /// Keys with several connections.
    pub dup_client_keys: usize,
    /// Connections of those keys.
    pub dup_client_conns: usize,
    /// Connections whose client has its home here.
    pub home_connections: usize,
    /// Connections whose client would rather be at another node of the region.
    pub not_ideal_connections: usize,
    /// Connections that watch.
    pub watchers: usize,
    /// Bytes of packets and notices in memory.
    pub bytes_held: usize,
}

impl Switchboard {
    /// A switchboard with nobody at it.
    #[must_use]
    pub fn new(limits: Limits) -> Arc<Self> {
        let (mesh_limits, budget) = (limits.of_mesh(), Budget::new(limits.total_bytes));
        let shared = Shared { limits, mesh_limits, budget, counters: Counters::default() };
        Arc::new(Self {
            shared: Arc::new(shared),
            registry: Registry::default(),
            watchers: RwLock::default(),
            next_id: AtomicU64::new(0),
        })
    }

    /// Takes a client in, and returns its two ends. It is the active connection of its key at once; watchers are told.
    /// Dropping the [`Inlet`] takes it out again.
    #[must_use]
    pub fn join(self: &Arc<Self>, now: Instant, member: Member) -> (Inlet, Arc<Outlet>) {
        let outlet = self.outlet(now, member);
        self.count(outlet.id, Count::Accepts);
        let line = self.registry.join(&member.key, &outlet, |duplicate| {
            if duplicate {
                self.count(outlet.id, Count::DupClientConns);
            }
            self.tell_watchers(&presence(&member));
        });
        (Inlet::new(Arc::clone(self), now, member.key, Arc::clone(&outlet), line), outlet)
    }

    /// Opens a link to the relay of the mesh that has this key: what its outlet holds are packets to forward. Dropping
    /// the [`Link`] makes the keys behind it unreachable.
    #[must_use]
    pub fn link(self: &Arc<Self>, now: Instant, relay: NodePublic) -> (Link, Arc<Outlet>) {
        let outlet = self.outlet(now, Member { key: relay, endpoint: None, flags: PresenceFlags::MESH_PEER });
        (Link::new(Arc::clone(self), Arc::clone(&outlet)), outlet)
    }

    /// What happened so far.
    #[must_use]
    pub fn counters(&self) -> Snapshot {
        self.shared.counters.snapshot()
    }

    /// Counts packets that were handed out and could not be written.
    pub fn count_write_error(&self, payload: &[u8]) {
        self.shared.counters.dropped(0, DropReason::WriteError, PacketKind::of(payload), 1, payload.len());
    }

    /// Who is here. Walks over everybody: for a metrics page, not for every packet.
    #[must_use]
    pub fn census(&self) -> Census {
        let watchers = self.watchers.read().unwrap_or_else(PoisonError::into_inner).len();
        Census { watchers, bytes_held: self.shared.budget.used(), ..self.registry.census() }
    }

    /// The connections here that carried most bytes, at most so many, in that order. Walks over everybody, as
    /// [`census`](Self::census) does.
    #[must_use]
    pub fn busiest(&self, most: usize) -> Vec<Present> {
        roll::busiest(self.registry.everybody(), most)
    }

    /// Notes how long the TCP of each connection takes there and back, of those where `measured` knows it by the endpoint
    /// of the client, and returns that. Walks over everybody.
    #[must_use]
    pub fn note_round_trips(&self, measured: impl Fn(&SocketAddr) -> Option<Duration>) -> Vec<Duration> {
        let note = |outlet: &Arc<Outlet>| {
            let round_trip = measured(&outlet.member.endpoint?)?;
            outlet.traffic.takes(round_trip);
            Some(round_trip)
        };
        self.registry.everybody().iter().filter_map(note).collect()
    }

    /// Whether this key has a connection here.
    #[must_use]
    pub fn is_here(&self, key: &NodePublic) -> bool {
        self.registry.is_here(key)
    }

    /// Closes all connections of a key, and returns how many there were: their drains say
    /// [`Closed::ByMesh`].
    pub fn close_peer(&self, key: &NodePublic) -> usize {
        let outlets = self.registry.connections(key);
        for outlet in &outlets {
            outlet.close(Closed::ByMesh);
        }
        outlets.len()
    }

    fn outlet(&self, now: Instant, member: Member) -> Arc<Outlet> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        Arc::new(Outlet::new(id, now, member, Arc::clone(&self.shared)))
    }

    fn count(&self, place: u64, count: Count) {
        self.shared.counters.add(place, count, 1);
    }

    fn watch(&self, outlet: &Arc<Outlet>) {
        outlet.watch();
        {
            let mut watchers = self.watchers.write().unwrap_or_else(PoisonError::into_inner);
            if !watchers.iter().any(|known| known.id == outlet.id) {
                watchers.push(Arc::clone(outlet));
            }
        }
        // Listed first, told then: who joins meanwhile is told of twice, which is allowed, and not never.
        self.registry.for_each_member(|member| {
            outlet.notify(presence(member));
        });
    }

    fn unwatch(&self, outlet: &Outlet) {
        self.watchers.write().unwrap_or_else(PoisonError::into_inner).retain(|known| known.id != outlet.id);
    }

    fn tell_watchers(&self, notice: &Frame) {
        for watcher in self.watchers.read().unwrap_or_else(PoisonError::into_inner).iter() {
            watcher.notify(notice.clone());
        }
    }

    /// Tells those who heard from a key that it is gone from the whole region.
    fn tell_listeners(&self, place: u64, key: NodePublic, listeners: Vec<Arc<Outlet>>) {
        for listener in listeners {
            if listener.notify(Frame::PeerGone { peer: key, reason: GoneReason::DISCONNECTED }) {
                self.count(place, Count::GoneDisconnected);
            }
        }
    }
}

fn presence(member: &Member) -> Frame {
    Frame::PeerPresent { peer: member.key, endpoint: member.endpoint, flags: member.flags }
}
