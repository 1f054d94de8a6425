use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use bytes::Bytes;

use super::counters::Count;
use super::limits::WATCHER_NOTICES;
use super::queue::{Arrival, Queue, Tray};
use super::{DropReason, Member, PacketKind, Shared};
use crate::model::NodePublic;
use crate::wire::derp::{Frame, Packets};

/// What one connection is to be told: filled by everybody, emptied by the task that writes to the connection.
///
/// Await [`poll_ready`](Self::poll_ready), [`drain`](Self::drain) a batch, write it, and again; before a wait that may
/// be long give the batch's memory back with a last, empty drain. When [`cut_at`](Self::cut_at) passes, close.
#[derive(Debug)]
pub struct Outlet {
    pub(super) id: u64,
    /// Whose it is; a link to another relay is nobody's.
    pub(super) member: Option<Member>,
    /// Whether this relay is its owner's home.
    pub(super) home: AtomicBool,
    shared: Arc<Shared>,
    /// Whether its key has other connections.
    pub(super) duplicate: AtomicBool,
    /// Whether packets for its key go to it: what a sender remembers is checked against this.
    pub(super) active: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    queue: Queue,
    waker: Option<Waker>,
    closed: Option<Closed>,
    watching: bool,
    /// The batch being written: since when, and when some of it was written last.
    writing: Option<(Instant, Instant)>,
}

/// Why a connection is to be closed, as the switchboard sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// A relay of the mesh wants it so.
    ByMesh,
    /// A watcher that reads too slowly to be told who is here.
    Overflow,
    /// The connection's [`Inlet`](super::Inlet) was dropped.
    Left,
}

/// What a [`drain`](Outlet::drain) gave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drained {
    /// Frames put into the batch.
    pub frames: usize,
    /// Set when the connection is to be closed; nothing more will come.
    pub closed: Option<Closed>,
}

impl Outlet {
    pub(super) fn new(id: u64, member: Option<Member>, shared: Arc<Shared>) -> Self {
        Self {
            id,
            member,
            home: AtomicBool::new(false),
            shared,
            duplicate: AtomicBool::new(false),
            active: AtomicBool::new(true),
            state: Mutex::new(State::default()),
        }
    }

    /// Ready when there is something to drain, or the connection is to be closed. Only the last task that asked is
    /// woken.
    pub fn poll_ready(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.state();
        if state.closed.is_some() || !state.queue.is_empty() {
            return Poll::Ready(());
        }
        match &mut state.waker {
            Some(waker) => waker.clone_from(context.waker()),
            empty => *empty = Some(context.waker().clone()),
        }
        Poll::Pending
    }

    /// Appends up to some `most` bytes of frames to `batch`, at least one if there is any: notices first, then disco,
    /// then other packets. Tells at the same time that the batch before has been written: its memory is free again.
    pub fn drain(&self, now: Instant, most: usize, batch: &mut impl Tray) -> Drained {
        let shared = &*self.shared;
        let mut state = self.state();
        if state.closed.is_some() {
            return Drained { frames: 0, closed: state.closed };
        }
        let mut on_drop = |reason, kind, packets, bytes| shared.counters.dropped(self.id, reason, kind, packets, bytes);
        let handed = state.queue.drain(now, most, (&shared.limits, &shared.budget), batch, &mut on_drop);
        let frames = handed.notices + handed.packets;
        state.writing = (frames > 0).then_some((now, now));
        drop(state);
        if handed.packets > 0 {
            shared.counters.add(self.id, Count::PacketsSent, handed.packets as u64);
            shared.counters.add(self.id, Count::BytesSent, handed.bytes as u64);
        }
        Drained { frames, closed: None }
    }

    /// Tells that the connection has taken bytes.
    pub fn progress(&self, now: Instant) {
        if let Some((_, last)) = &mut self.state().writing {
            *last = now;
        }
    }

    /// When to give the connection up, if it takes nothing until then. `None` while nothing is being written.
    #[must_use]
    pub fn cut_at(&self) -> Option<Instant> {
        let (since, last) = self.state().writing?;
        Some((last + self.shared.limits.stall).min(since + self.shared.limits.batch))
    }

    /// Bytes held for this connection, waiting or handed out.
    #[must_use]
    pub fn held(&self) -> usize {
        self.state().queue.cost()
    }

    /// Whether it is to be closed, and why.
    #[must_use]
    pub fn closed(&self) -> Option<Closed> {
        self.state().closed
    }

    /// Adds a packet. An error says that it was dropped itself.
    pub(super) fn push(
        &self,
        now: Instant,
        source: &NodePublic,
        kind: PacketKind,
        payload: Bytes,
        frame: impl FnOnce(Bytes) -> Frame,
    ) -> Result<(), DropReason> {
        let shared = &*self.shared;
        let mut on_drop = |reason, kind, packets, bytes| shared.counters.dropped(self.id, reason, kind, packets, bytes);
        let mut state = self.state();
        if state.closed.is_some() {
            on_drop(DropReason::GoneDisconnected, kind, 1, payload.len());
            return Err(DropReason::GoneDisconnected);
        }
        let bounds = (&shared.limits, &shared.budget);
        let taken = state.queue.push(Arrival { now, source, kind }, payload, frame, bounds, &mut on_drop);
        let waker = state.waker.take();
        drop(state);
        wake(waker);
        if taken { Ok(()) } else { Err(DropReason::QueueTail) }
    }

    /// Adds packets that came together. An error says that none of them was taken.
    pub(super) fn push_packets(&self, now: Instant, source: &NodePublic, packets: Packets) -> Result<(), DropReason> {
        let shared = &*self.shared;
        let mut on_drop = |reason, kind, packets, bytes| shared.counters.dropped(self.id, reason, kind, packets, bytes);
        let mut state = self.state();
        if state.closed.is_some() {
            let kind = PacketKind::of_packets(&packets);
            on_drop(DropReason::GoneDisconnected, kind, packets.count(), packets.payload_bytes());
            return Err(DropReason::GoneDisconnected);
        }
        let taken = state.queue.push_packets(now, source, packets, (&shared.limits, &shared.budget), &mut on_drop);
        let waker = state.waker.take();
        drop(state);
        wake(waker);
        if taken > 0 { Ok(()) } else { Err(DropReason::QueueTail) }
    }

    /// Gives back memory that nothing is in: worth calling before a wait that may be long.
    pub fn shrink(&self) {
        self.state().queue.shrink();
    }

    /// Adds a notice, unless there are too many already: then it is left out, or a watcher cut off.
    pub(super) fn notify(&self, notice: Frame) -> bool {
        let mut state = self.state();
        if state.closed.is_some() {
            return false;
        }
        let most = if state.watching { WATCHER_NOTICES } else { self.shared.limits.notices };
        let room = state.queue.notices() < most;
        if room {
            state.queue.push_notice(notice, &self.shared.budget);
        } else if state.watching {
            self.shut(&mut state, Closed::Overflow);
        }
        let waker = state.waker.take();
        drop(state);
        wake(waker);
        room
    }

    /// Notices are no advice to it from now on.
    pub(super) fn watch(&self) {
        self.state().watching = true;
    }

    /// Closes it: what waits is dropped, and its task woken.
    pub(super) fn close(&self, why: Closed) {
        let mut state = self.state();
        if state.closed.is_none() {
            self.shut(&mut state, why);
        }
        let waker = state.waker.take();
        drop(state);
        wake(waker);
    }

    fn shut(&self, state: &mut State, why: Closed) {
        let shared = &*self.shared;
        self.active.store(false, Ordering::Release);
        state.closed = Some(why);
        state.writing = None;
        let mut on_drop = |reason, kind, packets, bytes| shared.counters.dropped(self.id, reason, kind, packets, bytes);
        state.queue.clear(&shared.budget, &mut on_drop);
    }

    /// A panic elsewhere has no hold on plain data.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Wakes after the lock is gone: the task would run into it.
fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}
