use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::counters::Count;
use super::registry::{Line, Way};
use super::{Closed, DropReason, Outlet, PacketKind, Routed, Switchboard};
use crate::derp::bucket::{Rate, TokenBucket};
use crate::model::NodePublic;
use crate::wire::derp::{Frame, GoneReason, Packets};

/// Destinations a sender remembers, so as not to look up every packet's.
const REMEMBERED: usize = 8;

/// How often a sender is told that somebody is not here: once a second after three at once.
const NOT_HERE: Rate = Rate { per_second: 1, burst: 3 };

/// A home chosen within this time of joining is no move: every client says right after joining whether it is at home.
const SETTLING: Duration = Duration::from_secs(5);

/// A client's end at which it speaks. Dropping it takes the client out of the switchboard.
#[derive(Debug)]
pub struct Inlet {
    board: Arc<Switchboard>,
    key: NodePublic,
    outlet: Arc<Outlet>,
    line: Arc<Line>,
    joined: Instant,
    watching: bool,
    not_here: TokenBucket,
    remembered: [Option<Remembered>; REMEMBERED],
}

#[derive(Clone, Debug)]
struct Remembered {
    key: NodePublic,
    outlet: Arc<Outlet>,
}

impl Inlet {
    pub(super) fn new(
        board: Arc<Switchboard>,
        now: Instant,
        key: NodePublic,
        outlet: Arc<Outlet>,
        line: Arc<Line>,
    ) -> Self {
        let not_here = TokenBucket::new(now, NOT_HERE);
        Self { board, key, outlet, line, joined: now, watching: false, not_here, remembered: Default::default() }
    }

    /// Takes note of a frame of any type: among several connections of a key, the last to speak is the active one.
    /// Costs nothing while there is only one. [`route`](Self::route) and [`forward`](Self::forward) do this themselves.
    pub fn spoke(&self) {
        if self.outlet.duplicate.load(Ordering::Acquire) {
            self.board.registry.speak(&self.key, &self.outlet);
        }
    }

    /// Puts a packet of this client through. If nobody has the key and it looks like disco, the client is told, though
    /// not more than once a second after three at once.
    pub fn route(&mut self, now: Instant, destination: &NodePublic, payload: Bytes) -> Routed {
        self.spoke();
        let kind = PacketKind::of(&payload);
        let bytes = payload.len();
        self.received(kind, 1, bytes);
        let source = self.key;
        let to_client = |payload| Frame::RecvPacket { source, payload };
        if let Some(outlet) = self.remembered(destination) {
            return routed(outlet.push(now, &source, kind, payload, to_client));
        }
        match self.board.registry.find(destination) {
            Some(Way::Local(outlet)) => {
                let routed = routed(outlet.push(now, &source, kind, payload, to_client));
                if routed == Routed::Delivered {
                    self.line.note(&outlet);
                    self.remember(*destination, outlet);
                }
                routed
            }
            Some(Way::Remote(link)) => {
                let destination = *destination;
                let to_relay = |payload| Frame::ForwardPacket { source, destination, payload };
                match link.push(now, &source, kind, payload, to_relay) {
                    Ok(()) => {
                        self.board.count(self.outlet.id, Count::ForwardedOut);
                        Routed::Forwarded
                    }
                    Err(reason) => Routed::Dropped(reason),
                }
            }
            None => self.unknown(now, destination, kind, bytes, DropReason::UnknownDestination),
        }
    }

    /// Puts packets of this client through that came together, as [`route`](Self::route) would one by one.
    pub fn route_packets(&mut self, now: Instant, destination: &NodePublic, packets: Packets) -> Routed {
        self.spoke();
        if let Some(outlet) = self.remembered(destination) {
            self.received(PacketKind::of_packets(&packets), packets.count(), packets.payload_bytes());
            return routed(outlet.push_packets(now, &self.key, packets));
        }
        if let Some(Way::Local(outlet)) = self.board.registry.find(destination) {
            self.received(PacketKind::of_packets(&packets), packets.count(), packets.payload_bytes());
            let routed = routed(outlet.push_packets(now, &self.key, packets));
            if routed == Routed::Delivered {
                self.line.note(&outlet);
                self.remember(*destination, outlet);
            }
            return routed;
        }
        // Rare enough to go one by one.
        let payloads = packets.decoded().filter_map(|frame| match frame {
            Frame::RecvPacket { payload, .. } => Some(payload),
            _ => None,
        });
        let unknown = Routed::Dropped(DropReason::UnknownDestination);
        payloads.fold(unknown, |_, payload| self.route(now, destination, payload))
    }

    /// Puts a packet from another relay of the mesh through, to a client here and never further.
    pub fn forward(&mut self, now: Instant, source: &NodePublic, destination: &NodePublic, payload: Bytes) -> Routed {
        self.spoke();
        self.board.count(self.outlet.id, Count::ForwardedIn);
        let kind = PacketKind::of(&payload);
        let bytes = payload.len();
        let Some(Way::Local(outlet)) = self.board.registry.find(destination) else {
            return self.unknown(now, destination, kind, bytes, DropReason::UnknownDestinationOnForward);
        };
        let source = *source;
        let routed = routed(outlet.push(now, &source, kind, payload, |payload| Frame::RecvPacket { source, payload }));
        if routed == Routed::Delivered
            && let Some(line) = self.board.registry.line(&source)
        {
            line.note(&outlet);
        }
        routed
    }

    /// Tells this client of everybody here, and of every change from now on. Again: everybody once more.
    pub fn watch(&mut self) {
        self.watching = true;
        self.board.watch(&self.outlet);
    }

    /// Takes note whether this relay is the client's home.
    pub fn note_preferred(&mut self, now: Instant, home: bool) {
        let was = self.outlet.home.swap(home, Ordering::Relaxed);
        if was != home && now.saturating_duration_since(self.joined) > SETTLING {
            self.board.count(self.outlet.id, if home { Count::HomeMovesIn } else { Count::HomeMovesOut });
        }
    }

    /// The client's key.
    #[must_use]
    pub const fn key(&self) -> &NodePublic {
        &self.key
    }

    fn unknown(
        &mut self,
        now: Instant,
        destination: &NodePublic,
        kind: PacketKind,
        bytes: usize,
        reason: DropReason,
    ) -> Routed {
        self.board.shared.counters.dropped(self.outlet.id, reason, kind, 1, bytes);
        if kind == PacketKind::Disco && self.not_here.take(now, 1) {
            let notice = Frame::PeerGone { peer: *destination, reason: GoneReason::NOT_HERE };
            if self.outlet.notify(notice) {
                self.board.count(self.outlet.id, Count::GoneNotHere);
            }
        }
        Routed::Dropped(reason)
    }

    fn received(&self, kind: PacketKind, packets: usize, bytes: usize) {
        let counters = &self.board.shared.counters;
        let packets = packets as u64;
        counters.add(self.outlet.id, Count::PacketsReceived, packets);
        counters.add(self.outlet.id, Count::BytesReceived, bytes as u64);
        let kind = match kind {
            PacketKind::Disco => Count::ReceivedDisco,
            PacketKind::Other => Count::ReceivedOther,
        };
        counters.add(self.outlet.id, kind, packets);
    }

    /// The destination's outlet, if it is remembered and still the right one.
    fn remembered(&self, destination: &NodePublic) -> Option<&Arc<Outlet>> {
        let remembered = self.remembered.get(place(destination))?.as_ref()?;
        let valid = remembered.key == *destination && remembered.outlet.active.load(Ordering::Acquire);
        valid.then_some(&remembered.outlet)
    }

    fn remember(&mut self, key: NodePublic, outlet: Arc<Outlet>) {
        if let Some(slot) = self.remembered.get_mut(place(&key)) {
            *slot = Some(Remembered { key, outlet });
        }
    }
}

impl Drop for Inlet {
    fn drop(&mut self) {
        if self.watching {
            self.board.unwatch(&self.outlet);
        }
        let gone = Frame::PeerGone { peer: self.key, reason: GoneReason::DISCONNECTED };
        let listeners = self.board.registry.leave(&self.key, &self.outlet, || self.board.tell_watchers(&gone));
        self.outlet.close(Closed::Left);
        self.board.tell_listeners(self.outlet.id, self.key, listeners);
    }
}

fn routed(pushed: Result<(), DropReason>) -> Routed {
    match pushed {
        Ok(()) => Routed::Delivered,
        Err(reason) => Routed::Dropped(reason),
    }
}

/// Where a key is remembered.
fn place(key: &NodePublic) -> usize {
    let [.., byte] = key.as_bytes();
    usize::from(*byte) % REMEMBERED
}
