//! A client that was let in, to its end: one task that reads, routes and writes.
//!
//! Nothing waits for a reader but its own connection: packets for others are left in their outlets, and its own are
//! taken from its outlet a batch at a time, when the batch before is written. It is flushed when there is no more.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio_util::sync::CancellationToken;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::Service;
use super::batch::Batch;
use super::login::Admitted;
use crate::derp::{Closed, Inlet, Member, Outlet, ServerClose, ServerEvent, ServerSession};
use crate::drive::relay::admission::Grounds;
use crate::drive::relay::http::Stream;
use crate::wire::derp::{Frame, PresenceFlags};

/// Bytes taken from the outlet at a time: enough to make the cost of a write small, and little memory for each client.
const BATCH: usize = 64 << 10;

/// When the relay stops: a client that has sent nothing for this long has sent all it had to send.
const QUIET: Duration = Duration::from_millis(50);

/// And one that goes on sending is not listened to longer than this.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How long a connection is kept after its end was told, for what the client has not read yet: closing it with unread
/// bytes of the client's in it would throw that away.
const LINGER: Duration = Duration::from_secs(1);

pub(super) struct Client {
    service: Arc<Service>,
    session: ServerSession,
    inlet: Inlet,
    outlet: Arc<Outlet>,
    read: ReadHalf<Box<dyn Stream>>,
    write: WriteHalf<Box<dyn Stream>>,
    frames: Vec<Frame>,
    batch: Batch,
    /// Something was written and not flushed.
    unflushed: bool,
    /// Since when the connection takes nothing.
    stalled: Option<Instant>,
    greeting: Greeting,
    entry: super::roster::Entry<Arc<Service>>,
    place: Option<tokio::sync::OwnedSemaphorePermit>,
    stopping: Stopping,
}

/// Who it is, for the log.
struct Greeting {
    key: crate::model::NodePublic,
    peer: std::net::SocketAddr,
    since: Instant,
    quiet: bool,
}

/// How far a client is when the relay stops.
enum Stopping {
    /// It does not stop.
    Not,
    /// What the client has sent before is still being read.
    Reading { last: Instant, until: Instant },
    /// Other clients are still being read.
    Waiting,
    /// Nothing more will be accepted for it.
    Delivering,
}

/// Why a connection ends.
enum End {
    Session(ServerClose),
    Switchboard(Closed),
    Io(io::Error),
    Stalled,
    NoLongerAdmitted,
    /// The relay stops, and the client has got all there was for it.
    Delivered,
    Cut,
}

impl Client {
    pub(super) fn new(service: Arc<Service>, admitted: Admitted) -> Self {
        let Admitted { key, peer, grounds, info, session, stream, entry, place } = admitted;
        let now = now();
        let flags = if info.is_prober { PresenceFlags::PROBER } else { PresenceFlags::REGULAR };
        let member = Member { key, endpoint: Some(peer), flags };
        let (inlet, outlet) = service.switchboard.join(now, member);
        let (read, write) = tokio::io::split(stream);
        let quiet = grounds == Grounds::Own;
        if quiet {
            tracing::debug!(%key, %peer, "the relay's own check came");
        } else {
            tracing::info!(%key, %peer, %grounds, "client came");
        }
        Self {
            service,
            session,
            inlet,
            outlet,
            read,
            write,
            frames: Vec::new(),
            batch: Batch::default(),
            unflushed: false,
            stalled: None,
            greeting: Greeting { key, peer, since: now, quiet },
            entry,
            place,
            stopping: Stopping::Not,
        }
    }

    pub(super) async fn serve(mut self, closing: &CancellationToken) {
        let mut reader = Some(self.service.readers.token());
        let end = self.relay(closing, &mut reader).await;
        let Greeting { key, peer, since, quiet } = self.greeting;
        let for_s = since.elapsed().as_secs();
        match &end {
            _ if quiet => tracing::debug!(%key, %peer, reason = %end, "the relay's own check left"),
            End::Session(ServerClose::Violation(_)) | End::Stalled => {
                tracing::warn!(%key, %peer, for_s, reason = %end, "client cut off");
            }
            _ => tracing::info!(%key, %peer, for_s, reason = %end, "client left"),
        }
        // Others are told before the socket is: a client that comes back at once must find no trace of this one.
        drop((self.inlet, self.outlet, self.entry, self.place, reader));
        if matches!(end, End::Delivered | End::NoLongerAdmitted) {
            say_goodbye(self.read, self.write, &self.service.cut).await;
        }
    }

    async fn relay(&mut self, closing: &CancellationToken, reader: &mut Option<TaskTrackerToken>) -> End {
        let mut timer = std::pin::pin!(tokio::time::sleep(Duration::ZERO));
        loop {
            let now = now();
            self.session.handle_timeout(now);
            if let Some(end) = self.hear(now) {
                return end;
            }
            if let Some(end) = self.fill(now) {
                return end;
            }
            let nothing_left = self.batch.is_empty() && !self.unflushed;
            if nothing_left && matches!(self.stopping, Stopping::Delivering) {
                return End::Delivered;
            }
            let wake_at = self.wake_at();
            if let Some(at) = wake_at {
                timer.as_mut().reset(at.into());
            }
            let reads =
                self.session.wants_read(now) && matches!(self.stopping, Stopping::Not | Stopping::Reading { .. });
            let writes = !self.batch.is_empty();
            tokio::select! {
                brought = self.read.read_buf(self.session.room()), if reads => match brought {
                    Ok(brought) => self.brought(brought),
                    Err(error) => return End::Io(error),
                },
                written = write_or_flush(&mut self.write, &mut self.batch), if writes || self.unflushed => match written {
                    Ok(written) => self.progress(written),
                    Err(error) => return End::Io(error),
                },
                () = poll_fn(|context| self.outlet.poll_ready(context)), if !writes => {}
                () = &mut timer, if wake_at.is_some() => {}
                () = closing.cancelled(), if matches!(self.stopping, Stopping::Not) => {
                    self.stopping = Stopping::Reading { last: now, until: now + LAST_WORDS };
                }
                () = self.service.readers.wait(), if matches!(self.stopping, Stopping::Waiting) => {
                    self.stopping = Stopping::Delivering;
                }
                () = self.entry.leave.cancelled() => return End::NoLongerAdmitted,
                () = self.service.cut.cancelled() => return End::Cut,
            }
            if let Some(end) = self.late() {
                return end;
            }
            if matches!(self.stopping, Stopping::Waiting) {
                drop(reader.take());
            }
        }
    }

    /// Routes what was read.
    fn hear(&mut self, now: Instant) -> Option<End> {
        while let Some(event) = self.session.poll_event(now) {
            match event {
                ServerEvent::Packet { destination, payload } => {
                    // What became of it is counted, and nobody is told.
                    let _ = self.inlet.route(now, &destination, payload);
                }
                ServerEvent::Closed(reason) => return Some(End::Session(reason)),
                ServerEvent::Preferred(home) => {
                    self.inlet.spoke();
                    self.inlet.note_preferred(now, home);
                }
                ServerEvent::Pinged { .. } | ServerEvent::Ignored { .. } => self.inlet.spoke(),
                // Mesh is not served, and there is no second greeting.
                ServerEvent::Identified { .. }
                | ServerEvent::Forward { .. }
                | ServerEvent::Watch
                | ServerEvent::ClosePeer(_) => {}
            }
        }
        None
    }

    /// Takes the next batch when the one before is written.
    fn fill(&mut self, now: Instant) -> Option<End> {
        if !self.batch.is_empty() {
            return None;
        }
        self.session.poll_transmit(self.batch.open());
        self.frames.clear();
        let drained = self.outlet.drain(now, BATCH, &mut self.frames);
        if let Some(closed) = drained.closed {
            return Some(End::Switchboard(closed));
        }
        for frame in self.frames.drain(..) {
            self.batch.push(&frame);
        }
        self.batch.close();
        if self.batch.is_empty() {
            self.batch.shrink();
            if !self.unflushed {
                self.stalled = None;
                self.session.handle_written(now);
            }
        } else {
            self.stalled.get_or_insert(now);
        }
        None
    }

    fn brought(&mut self, brought: usize) {
        self.session.handle_read(brought);
        if let Stopping::Reading { last, .. } = &mut self.stopping {
            *last = now();
        }
    }

    /// The connection took something: bytes, which are still to be flushed, or a flush.
    fn progress(&mut self, written: Written) {
        let now = now();
        self.unflushed = written == Written::Bytes;
        self.stalled = Some(now);
        self.outlet.progress(now);
    }

    fn wake_at(&self) -> Option<Instant> {
        let stalled = self.stalled.map(|since| since + self.service.limits.write);
        let stopping = match self.stopping {
            Stopping::Reading { last, until } => Some((last + QUIET).min(until)),
            _ => None,
        };
        let cut = if self.batch.is_empty() { None } else { self.outlet.cut_at() };
        [self.session.poll_timeout(), stalled, stopping, cut].into_iter().flatten().min()
    }

    /// What is overdue.
    fn late(&mut self) -> Option<End> {
        let now = now();
        let writing = !self.batch.is_empty() || self.unflushed;
        let stalled = self.stalled.is_some_and(|since| now >= since + self.service.limits.write);
        let too_slow = !self.batch.is_empty() && self.outlet.cut_at().is_some_and(|at| now >= at);
        if writing && (stalled || too_slow) {
            return Some(End::Stalled);
        }
        if let Stopping::Reading { last, until } = self.stopping
            && now >= (last + QUIET).min(until)
        {
            // A busy machine may let the timer come before bytes that have long been there.
            match self.read.read_buf(self.session.room()).now_or_never() {
                Some(Ok(brought)) => {
                    self.brought(brought);
                    if now >= until {
                        self.stopping = Stopping::Waiting;
                    }
                }
                Some(Err(error)) => return Some(End::Io(error)),
                None => self.stopping = Stopping::Waiting,
            }
        }
        None
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Written {
    Bytes,
    Flush,
}

/// Writes some of the batch; flushes when there is nothing of it left. Dropped before it is ready, it has done nothing
/// that is not done by calling it again.
async fn write_or_flush(write: &mut WriteHalf<Box<dyn Stream>>, batch: &mut Batch) -> io::Result<Written> {
    if batch.is_empty() {
        return write.flush().await.map(|()| Written::Flush);
    }
    match write.write_buf(batch).await? {
        0 => Err(io::ErrorKind::WriteZero.into()),
        _ => Ok(Written::Bytes),
    }
}

/// Tells the end and waits until the client has taken note, for a while.
async fn say_goodbye(
    mut read: ReadHalf<Box<dyn Stream>>,
    mut write: WriteHalf<Box<dyn Stream>>,
    cut: &CancellationToken,
) {
    let goodbye = async {
        write.shutdown().await?;
        let mut ignored = [0; 4096];
        while read.read(&mut ignored).await? > 0 {}
        Ok::<_, io::Error>(())
    };
    tokio::select! {
        // Whether it heard is its own affair.
        _ = tokio::time::timeout(LINGER, goodbye) => {}
        () = cut.cancelled() => {}
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session(reason) => reason.fmt(f),
            Self::Switchboard(Closed::Left) => f.write_str("it left"),
            Self::Switchboard(Closed::ByMesh) => f.write_str("another relay of the mesh wanted it"),
            Self::Switchboard(Closed::Overflow) => f.write_str("it reads too slowly to be told who is here"),
            Self::Io(error) => error.fmt(f),
            Self::Stalled => f.write_str("it does not read what it is sent"),
            Self::NoLongerAdmitted => f.write_str("its key is no longer on an allow list"),
            Self::Delivered => f.write_str("the relay stops"),
            Self::Cut => f.write_str("the relay stops at once"),
        }
    }
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
