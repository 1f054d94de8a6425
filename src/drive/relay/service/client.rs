//! A client that was let in, to its end: one task that reads, routes and writes.
//!
//! Nothing waits for a reader but its own connection: packets for others are left in their outlets, and its own are
//! taken from its outlet a batch at a time, when the batch before is written. It is flushed when there is no more.
//!
//! The task is polled by hand. Each turn takes all that is there to be read, and writes what can be written; nothing is
//! registered anew that is registered already, and the timer is set only when something is due earlier than it.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio_util::io::{poll_read_buf, poll_write_buf};
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::Service;
use super::batch::Batch;
use super::end::{End, say_goodbye};
use super::login::Admitted;
use super::signal::Told;
use super::stopping::Stopping;
use super::timer::Timer;
use crate::derp::{Inlet, Member, Outlet, ServerClose, ServerEvent, ServerSession};
use crate::drive::relay::admission::Grounds;
use crate::drive::relay::carrier::Carrier;
use crate::drive::relay::metrics::TlsInUse;
use crate::wire::derp::PresenceFlags;

/// Bytes taken from the outlet at a time: enough to make the cost of a write small, and little memory for each client.
const BATCH: usize = 64 << 10;

/// How often a task takes its turn before others get theirs: each is a batch read and a batch written at the most.
const TURNS: usize = 4;

/// Buffers are kept this long after the last bytes came: what comes in bursts finds them, and who is idle has none.
const WARM: Duration = Duration::from_secs(1);

/// How long another relay of the mesh may take nothing of what it is sent: derper's.
const MESH_WRITE: Duration = Duration::from_secs(30);

pub(super) struct Client {
    service: Arc<Service>,
    session: ServerSession,
    inlet: Inlet,
    outlet: Arc<Outlet>,
    carrier: Box<dyn Carrier>,
    batch: Batch,
    /// How the connection broke; what the client had sent before is heard first.
    broken: Option<io::Error>,
    /// Writing is what failed.
    mute: bool,
    /// Something was written and not flushed.
    unflushed: bool,
    /// Since when the connection takes nothing.
    stalled: Option<Instant>,
    /// How long it may.
    patience: Duration,
    /// When bytes came last, as long as there is memory to give back for it.
    warm: Option<Instant>,
    greeting: Greeting,
    entry: super::roster::Entry<Arc<Service>>,
    place: Option<super::places::Place>,
    /// Counted as long as it is here.
    tls: Option<TlsInUse>,
    /// Which paces the session knows.
    paces: u64,
    stopping: Stopping,
    /// There until all that it sent before the relay stopped has been read.
    reader: Option<TaskTrackerToken>,
}

/// Who it is, for the log.
struct Greeting {
    key: crate::model::NodePublic,
    peer: std::net::SocketAddr,
    since: Instant,
    quiet: bool,
}

impl Client {
    pub(super) fn new(service: Arc<Service>, admitted: Admitted) -> Self {
        let Admitted { key, peer, grounds, info, not_ideal, tls, mut session, stream, entry, place } = admitted;
        // The greeting's room: who comes need not send, and of many who come at once each would hold it for a while.
        session.shrink();
        let now = now();
        let mesh = grounds == Grounds::Mesh;
        let flags = flags(mesh, info.is_prober, not_ideal);
        let patience = if mesh { service.limits.write.max(MESH_WRITE) } else { service.limits.write };
        let member = Member { key, endpoint: Some(peer), flags };
        let (inlet, outlet) = service.switchboard.join(now, member);
        let quiet = grounds == Grounds::Own;
        if quiet {
            tracing::debug!(%key, %peer, "the relay's own check came");
        } else {
            tracing::info!(%key, %peer, %grounds, "client came");
        }
        let reader = Some(service.readers.token());
        Self {
            service,
            session,
            inlet,
            outlet,
            carrier: stream,
            batch: Batch::default(),
            broken: None,
            mute: false,
            unflushed: false,
            stalled: None,
            patience,
            warm: Some(now),
            greeting: Greeting { key, peer, since: now, quiet },
            entry,
            place,
            tls,
            paces: 0,
            stopping: Stopping::Not,
            reader,
        }
    }

    pub(super) async fn serve(mut self: Box<Self>) {
        let mut reader = self.reader.take();
        let end = {
            let mut timer = Timer::new(now());
            poll_fn(|context| self.poll(context, &mut timer, &mut reader)).await
        };
        let Greeting { key, peer, since, quiet } = self.greeting;
        let for_s = since.elapsed().as_secs();
        if matches!(end, End::Stalled) {
            self.service.tally.sclient_write_timeouts.add_one();
        }
        match &end {
            _ if quiet => tracing::debug!(%key, %peer, reason = %end, "the relay's own check left"),
            End::Session(ServerClose::Violation(_)) | End::Stalled => {
                tracing::warn!(%key, %peer, for_s, reason = %end, "client cut off");
            }
            _ => tracing::info!(%key, %peer, for_s, reason = %end, "client left"),
        }
        // Others are told before the socket is: a client that comes back at once must find no trace of this one.
        drop((self.inlet, self.outlet, self.entry, self.place, self.tls, reader));
        if matches!(end, End::Delivered | End::NoLongerAdmitted) {
            say_goodbye(self.carrier, &self.service.cut).await;
        }
    }

    fn poll(
        &mut self,
        context: &mut Context<'_>,
        timer: &mut Timer,
        reader: &mut Option<TaskTrackerToken>,
    ) -> Poll<End> {
        for _ in 0..TURNS {
            let now = now();
            let moved = match self.turn(now, context, reader) {
                Ok(moved) => moved,
                Err(end) => return Poll::Ready(end),
            };
            if !moved && !timer.poll_due(now, self.wake_at(), context) {
                return Poll::Pending;
            }
        }
        // There may be more to do, and others have waited.
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// Does all that can be done at once; true if something was, so that there may be more. Otherwise the task is woken
    /// when there is.
    fn turn(
        &mut self,
        now: Instant,
        context: &mut Context<'_>,
        reader: &mut Option<TaskTrackerToken>,
    ) -> Result<bool, End> {
        match self.entry.signal.poll(context) {
            Told::Stop if matches!(self.stopping, Stopping::Not) => {
                self.stopping = Stopping::begin(now);
            }
            Told::Stay | Told::Stop => {}
            Told::Leave => return Err(End::NoLongerAdmitted),
            Told::Cut => return Err(End::Cut),
        }
        self.service.pacing.tell(now, &mut self.paces, &mut self.session);
        self.session.handle_timeout(now);
        let read = self.read(now, context)?;
        let written = self.write(now, context)?;
        let delivered = self.batch.is_empty() && !self.unflushed;
        let stopped = self.stopping.step(now, context, delivered, &self.service.readers, reader)?;
        self.check_late(now)?;
        self.cool_down(now);
        Ok(read || written || stopped)
    }

    /// Reads what is there, up to a buffer full, and routes it.
    fn read(&mut self, now: Instant, context: &mut Context<'_>) -> Result<bool, End> {
        if !self.stopping.reads() || !self.session.wants_read(now) || self.carrier.poll_readable(context).is_pending() {
            // A pause may be over.
            self.hear(now)?;
            return Ok(false);
        }
        let room = self.session.room();
        let before = room.len();
        let mut ended = false;
        // TLS gives a record at a time: as many as there are make one batch.
        while room.capacity() > room.len() && !ended {
            match poll_read_buf(Pin::new(&mut *self.carrier), context, room) {
                Poll::Ready(Ok(brought)) => ended = brought == 0,
                Poll::Ready(Err(error)) => {
                    self.broken.get_or_insert(error);
                    ended = true;
                }
                Poll::Pending => break,
            }
        }
        let brought = room.len() - before;
        if brought > 0 {
            self.session.handle_read(brought);
            self.warm = Some(now);
            self.stopping.note_read(now);
        } else if self.warm.is_none() {
            self.session.shrink();
        }
        if ended {
            self.session.handle_read(0);
        }
        self.hear(now)?;
        Ok(brought > 0 || ended)
    }

    /// Writes what the connection takes, and flushes when there is no more.
    fn write(&mut self, now: Instant, context: &mut Context<'_>) -> Result<bool, End> {
        let mut moved = false;
        while !self.mute {
            self.fill(now)?;
            let carrier = Pin::new(&mut *self.carrier);
            if self.batch.is_empty() {
                if !self.unflushed {
                    // The task is told of more from now on; some may have come meanwhile.
                    match self.outlet.poll_ready(context) {
                        Poll::Ready(()) => continue,
                        Poll::Pending => return Ok(moved),
                    }
                }
                match carrier.poll_flush(context) {
                    Poll::Ready(Ok(())) => self.unflushed = false,
                    Poll::Ready(Err(error)) => self.fall_mute(now, error)?,
                    Poll::Pending => return Ok(moved),
                }
            } else {
                match poll_write_buf(carrier, context, &mut self.batch) {
                    Poll::Ready(Ok(0)) => self.fall_mute(now, io::ErrorKind::WriteZero.into())?,
                    Poll::Ready(Ok(_)) => self.unflushed = true,
                    Poll::Ready(Err(error)) => self.fall_mute(now, error)?,
                    Poll::Pending => return Ok(moved),
                }
            }
            moved = true;
            self.stalled = Some(now);
            if !self.batch.is_empty() {
                self.outlet.progress(now);
            }
        }
        Ok(moved)
    }

    /// Takes note that nothing more can be written. What the client sent before may still wait to be read: a client that
    /// sends and closes, while packets for it are on their way, must not lose what it sent.
    fn fall_mute(&mut self, now: Instant, error: io::Error) -> Result<(), End> {
        if !self.stopping.reads() {
            return Err(End::Io(error));
        }
        self.broken.get_or_insert(error);
        self.mute = true;
        // Reading ends at the bytes that came before the connection broke, and this ends it in any case.
        self.unflushed = true;
        self.stalled.get_or_insert(now);
        Ok(())
    }

    /// Routes what was read. What becomes of a packet is counted, and nobody is told.
    fn hear(&mut self, now: Instant) -> Result<(), End> {
        loop {
            while let Some((destination, packets)) = self.session.poll_packets(now, &self.greeting.key) {
                self.inlet.route_packets(now, &destination, packets);
            }
            match self.session.poll_event(now) {
                None => return Ok(()),
                Some(ServerEvent::Packet { destination, payload }) => {
                    self.inlet.route(now, &destination, payload);
                }
                Some(ServerEvent::Closed(reason @ (ServerClose::Left | ServerClose::Cut))) => {
                    return Err(self.broken.take().map_or(End::Session(reason), End::Io));
                }
                Some(ServerEvent::Closed(reason)) => return Err(End::Session(reason)),
                Some(ServerEvent::Preferred(home)) => {
                    self.inlet.spoke();
                    self.inlet.note_preferred(now, home);
                }
                Some(ServerEvent::Pinged { answered }) => {
                    self.inlet.spoke();
                    self.service.tally.got_ping.add_one();
                    if answered {
                        self.service.tally.sent_pong.add_one();
                    }
                }
                Some(ServerEvent::Ignored { .. }) => self.inlet.spoke(),
                Some(ServerEvent::Forward { source, destination, payload }) => {
                    self.inlet.forward(now, &source, &destination, payload);
                }
                // The relay itself, listed among its mesh, has nothing to learn.
                Some(ServerEvent::Watch) if self.greeting.key == self.service.public_key() => {}
                Some(ServerEvent::Watch) => {
                    self.inlet.spoke();
                    self.inlet.watch();
                }
                Some(ServerEvent::ClosePeer(key)) => {
                    self.inlet.spoke();
                    let closed = self.service.switchboard.close_peer(&key);
                    tracing::info!(%key, by = %self.greeting.key, connections = closed, "a relay of the mesh has a client closed");
                }
                // There is no second greeting.
                Some(ServerEvent::Identified { .. }) => {}
            }
        }
    }

    /// Takes the next batch when the one before is written.
    fn fill(&mut self, now: Instant) -> Result<(), End> {
        if !self.batch.is_empty() {
            return Ok(());
        }
        self.session.poll_transmit(self.batch.open());
        let drained = self.outlet.drain(now, BATCH, &mut self.batch);
        if let Some(closed) = drained.closed {
            return Err(End::Switchboard(closed));
        }
        self.batch.close();
        if !self.batch.is_empty() {
            self.stalled.get_or_insert(now);
            self.warm = Some(now);
        } else if !self.unflushed {
            self.stalled = None;
            self.session.handle_written(now);
        }
        Ok(())
    }

    /// Gives back the memory of a connection that is silent.
    fn cool_down(&mut self, now: Instant) {
        if self.warm.is_some_and(|since| now >= since + WARM) && self.batch.is_empty() {
            self.warm = None;
            self.session.shrink();
            self.outlet.shrink();
            self.batch.shrink();
            self.carrier.shrink();
        }
    }

    fn wake_at(&self) -> Option<Instant> {
        let stalled = self.stalled.map(|since| since + self.patience);
        let cut = if self.batch.is_empty() { None } else { self.outlet.cut_at() };
        let cool = self.warm.filter(|_| self.batch.is_empty()).map(|since| since + WARM);
        [self.session.poll_timeout(), stalled, self.stopping.due(), cut, cool].into_iter().flatten().min()
    }

    fn check_late(&mut self, now: Instant) -> Result<(), End> {
        if self.batch.is_empty() && !self.unflushed {
            return Ok(());
        }
        let stalled = self.stalled.is_some_and(|since| now >= since + self.patience);
        let too_slow = !self.batch.is_empty() && self.outlet.cut_at().is_some_and(|at| now >= at);
        if stalled || too_slow { Err(self.broken.take().map_or(End::Stalled, End::Io)) } else { Ok(()) }
    }
}

/// What watchers are told that it is. Ordinary is who is nothing else.
fn flags(mesh: bool, prober: bool, not_ideal: bool) -> PresenceFlags {
    let marks =
        [(mesh, PresenceFlags::MESH_PEER), (prober, PresenceFlags::PROBER), (not_ideal, PresenceFlags::NOT_IDEAL)];
    let flags = marks.into_iter().filter(|(set, _)| *set).map(|(_, flag)| flag).reduce(PresenceFlags::and);
    flags.unwrap_or(PresenceFlags::REGULAR)
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
