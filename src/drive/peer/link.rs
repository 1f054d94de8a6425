//! One relay's connection: dialled, kept, and dialled again.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::sync::mpsc;

use super::super::network::{Dialer, Dialled, RelayAt};
use super::now;
use crate::derp::peer::RelayNews;
use crate::derp::{ClientClose, ClientConfig, ClientEvent, ClientSession};
use crate::model::{NodePrivate, NodePublic};
use crate::probe::{Cause, Failure, Stage};
use crate::wire::derp::{ClientInfo, GoneReason};

/// The pauses before a relay is dialled again: the first, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How often the round trip to the relay is measured: at once, and then seldom. It is somebody else's machine.
const MEASURE_EVERY: Duration = Duration::from_secs(2);

/// How long a relay may take nothing of what we write.
const WRITE: Duration = Duration::from_secs(10);

/// Echoes waited for.
const ECHOES_MAX: usize = 8;

/// What comes of it.
pub(super) enum Heard {
    /// Packets can be sent.
    Ready { region: u16, remote: SocketAddr },
    /// We are in.
    Admitted,
    /// We are not, or no longer.
    Failed { failure: Failure, retry: Duration },
    /// For the session.
    News(RelayNews),
}

type Out = mpsc::Sender<(usize, Heard)>;
type Packets = mpsc::Receiver<(NodePublic, Bytes)>;

pub(super) struct Link {
    index: usize,
    relay: RelayAt,
    key: NodePrivate,
    dialer: Arc<Dialer>,
}

/// How a connection ended.
enum End {
    /// Nobody wants it any more.
    Unwanted,
    /// It broke.
    Broken { failure: Failure, was_admitted: bool },
}

impl Link {
    pub(super) const fn new(index: usize, relay: RelayAt, key: NodePrivate, dialer: Arc<Dialer>) -> Self {
        Self { index, relay, key, dialer }
    }

    /// Runs until nobody sends or listens any more.
    pub(super) async fn run(self, mut packets: Packets, out: Out) {
        let mut pause = FIRST_PAUSE;
        loop {
            let dialled = tokio::select! {
                dialled = self.dialer.dial(&self.relay) => dialled,
                () = closed(&mut packets) => return,
            };
            let ended = match dialled {
                Ok(dialled) => self.serve(dialled, &mut packets, &out).await,
                Err(failure) => End::Broken { failure, was_admitted: false },
            };
            let End::Broken { failure, was_admitted } = ended else { return };
            if was_admitted {
                pause = FIRST_PAUSE;
            }
            // Not all clients of a relay that was restarted at the same instant.
            let retry = pause.mul_f64(0.5 + chance() / 2.0);
            pause = (pause * 2).min(LONGEST_PAUSE);
            tracing::debug!(relay = %self.relay.name, ?failure, ?retry, "not joined");
            if out.send((self.index, Heard::Failed { failure, retry })).await.is_err() {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(retry) => {}
                () = closed(&mut packets) => return,
            }
        }
    }

    async fn serve(&self, dialled: Dialled, packets: &mut Packets, out: &Out) -> End {
        let broken = |failure| End::Broken { failure, was_admitted: false };
        let Some(nonce) = random() else {
            return broken(Failure::new(Stage::Derp, Cause::Os { message: "no random numbers".into() }));
        };
        let config =
            ClientConfig { key: self.key.clone(), info: ClientInfo::ordinary(), nonce, home: true, relay: dialled.key };
        let session = match ClientSession::new(now(), config, dialled.early) {
            Ok(session) => session,
            Err(weak) => return broken(failure_of(&weak.into())),
        };
        let (reader, writer) = tokio::io::split(dialled.stream);
        let connection = Connection {
            session,
            reader,
            writer,
            pending: dialled.request,
            ready: false,
            admitted: false,
            echoes: VecDeque::new(),
            measure_at: now(),
        };
        connection.run(self, dialled.remote, packets, out).await
    }
}

struct Connection<S> {
    session: ClientSession,
    reader: ReadHalf<S>,
    writer: WriteHalf<S>,
    /// What is to be written next.
    pending: BytesMut,
    ready: bool,
    admitted: bool,
    echoes: VecDeque<([u8; 8], Instant)>,
    measure_at: Instant,
}

impl<S: tokio::io::AsyncRead + tokio::io::AsyncWrite> Connection<S> {
    async fn run(mut self, link: &Link, remote: SocketAddr, packets: &mut Packets, out: &Out) -> End {
        loop {
            while let Some(event) = self.session.poll_event(now()) {
                let heard = match self.hear(event) {
                    Ok(heard) => heard,
                    Err(reason) => return self.broken(failure_of(&reason)),
                };
                if let Some(heard) = heard
                    && out.send((link.index, heard)).await.is_err()
                {
                    return End::Unwanted;
                }
            }
            if !self.ready && self.measure() {
                self.ready = true;
                let region = link.relay.region;
                // Packets for an earlier connection are stale by now.
                while packets.try_recv().is_ok() {}
                if out.send((link.index, Heard::Ready { region, remote })).await.is_err() {
                    return End::Unwanted;
                }
            }
            if let Err(failure) = self.write().await {
                return self.broken(failure);
            }
            let deadline = self.session.poll_timeout();
            tokio::select! {
                read = self.reader.read_buf(self.session.room()) => match read {
                    Ok(brought) => self.session.handle_read(brought),
                    Err(error) => return self.broken(super::super::network::failure_of(Stage::Derp, &error)),
                },
                packet = packets.recv() => {
                    let Some((peer, payload)) = packet else {
                        let _ = self.write().await;
                        let _ = self.writer.shutdown().await;
                        return End::Unwanted;
                    };
                    self.send(peer, payload);
                    while let Ok((peer, payload)) = packets.try_recv() {
                        self.send(peer, payload);
                    }
                },
                () = tokio::time::sleep_until(self.measure_at.into()), if self.ready => {
                    self.measure();
                }
                () = super::until(deadline) => self.session.handle_timeout(now()),
            }
        }
    }

    fn send(&mut self, peer: NodePublic, payload: Bytes) {
        if let Err(error) = self.session.send(now(), peer, payload) {
            tracing::debug!(%error, "not sent");
        }
    }

    /// Asks for an echo. Only refused while packets cannot be sent either.
    fn measure(&mut self) -> bool {
        self.measure_at = now() + MEASURE_EVERY;
        let Some(data) = random() else { return false };
        if self.session.ping(data).is_err() {
            return false;
        }
        if self.echoes.len() >= ECHOES_MAX {
            self.echoes.pop_front();
        }
        self.echoes.push_back((data, now()));
        true
    }

    async fn write(&mut self) -> Result<(), Failure> {
        self.session.poll_transmit(&mut self.pending);
        if self.pending.is_empty() {
            return Ok(());
        }
        let writing = async {
            self.writer.write_all(&self.pending).await?;
            self.writer.flush().await
        };
        let written = tokio::time::timeout(WRITE, writing).await;
        self.pending.clear();
        match written {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(super::super::network::failure_of(Stage::Derp, &error)),
            Err(_) => Err(Failure::new(Stage::Derp, Cause::TimedOut { after: WRITE })),
        }
    }

    fn hear(&mut self, event: ClientEvent) -> Result<Option<Heard>, ClientClose> {
        Ok(match event {
            ClientEvent::Admitted(_) => {
                self.admitted = true;
                Some(Heard::Admitted)
            }
            ClientEvent::Packet { source, payload } => Some(Heard::News(RelayNews::Packet { from: source, payload })),
            ClientEvent::PeerGone { peer, reason: GoneReason::NOT_HERE } => {
                Some(Heard::News(RelayNews::Absent { peer }))
            }
            ClientEvent::PeerGone { peer, .. } => Some(Heard::News(RelayNews::Left { peer })),
            ClientEvent::Pong(data) => {
                let index = self.echoes.iter().position(|(known, _)| *known == data);
                let asked = index.and_then(|index| self.echoes.remove(index));
                asked.map(|(_, at)| Heard::News(RelayNews::RoundTrip(now().saturating_duration_since(at))))
            }
            ClientEvent::Closed(reason) => return Err(reason),
            other => {
                tracing::debug!(?other, "from the relay");
                None
            }
        })
    }

    const fn broken(&self, failure: Failure) -> End {
        End::Broken { failure, was_admitted: self.admitted }
    }
}

/// Waits until nobody sends any more; what is sent meanwhile has nowhere to go.
async fn closed(packets: &mut Packets) {
    while packets.recv().await.is_some() {}
}

fn failure_of(reason: &ClientClose) -> Failure {
    let cause = match reason {
        ClientClose::Rejected => Cause::NotAdmitted,
        ClientClose::NoKey | ClientClose::Left => Cause::Closed,
        ClientClose::LoginTimeout { after } | ClientClose::Silent { after } => Cause::TimedOut { after: *after },
        other => Cause::Malformed { problem: other.to_string() },
    };
    Failure::new(Stage::Derp, cause)
}

fn random<const N: usize>() -> Option<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).ok().map(|()| bytes)
}

/// Between 0 and 1.
fn chance() -> f64 {
    f64::from(getrandom::u32().unwrap_or_default()) / f64::from(u32::MAX)
}
