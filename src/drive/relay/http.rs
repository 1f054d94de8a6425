//! TCP connections until they are a DERP client's: TLS, then HTTP.

use std::convert::Infallible;
use std::future::pending;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Limits;
use super::acme;
use super::carrier::{Carrier, Gulps};
use super::entrance::{Entrance, Guest};
use super::gate::{Gate, Pass};
use super::metrics::{TlsInUse, TlsVersion};
use super::routes::{Opening, Reply, Routes, is_not_ideal};
use super::service::Service;
use super::socket;

/// Room for a request's head; hyper answers 431 to a longer one. It is also the least hyper accepts.
const LARGEST_HEAD: usize = 8192;

/// When there is no file descriptor left: until the guest that is shown out has left its own.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(1);

/// What serves the connections of a listener.
#[derive(Clone)]
pub(super) struct Front {
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) routes: Arc<Routes>,
    pub(super) service: Arc<Service>,
    pub(super) entrance: Arc<Entrance>,
    pub(super) gate: Arc<Gate>,
    pub(super) limits: Limits,
    /// Nobody is let in any more, and whoever is no client yet has to leave.
    pub(super) closing: CancellationToken,
    pub(super) tasks: TaskTracker,
}

/// Bytes to and from a peer.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A connection that HTTP is done with.
pub(super) struct Upgraded {
    pub(super) opening: Opening,
    /// The client would rather be at another node of the region.
    pub(super) not_ideal: bool,
    pub(super) tls: Option<TlsInUse>,
    /// What came after the request.
    pub(super) first: Bytes,
    pub(super) stream: Box<dyn Carrier>,
}

impl Front {
    /// Accepts connections until closing. No failure of one ends it.
    pub(super) async fn serve(self, listener: TcpListener) {
        loop {
            let accepted = tokio::select! {
                () = self.closing.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    // Closed at once otherwise.
                    let pass = self.gate.enter(Instant::now().into_std(), peer.ip());
                    if self.tls.is_some() {
                        let tally = self.service.tally();
                        let counter =
                            if pass.is_some() { &tally.tls_listener_accepted } else { &tally.tls_listener_rejected };
                        counter.add_one();
                    }
                    if let Some(pass) = pass {
                        let guest = self.entrance.arrive(peer.ip());
                        self.tasks.spawn(self.clone().receive(stream, peer, guest, pass));
                    }
                }
                Err(error) => {
                    tracing::debug!(%error, "a connection could not be accepted");
                    if is_out_of_files(&error) {
                        self.entrance.make_room();
                        tokio::time::sleep(PAUSE_AFTER_ERROR).await;
                    }
                }
            }
        }
    }

    async fn receive(self, stream: TcpStream, peer: SocketAddr, mut guest: Guest, pass: Pass) {
        let let_in = tokio::select! {
            // Who has not been let in by then is not there any more.
            let_in = timeout(self.limits.handshake, guest.comes_in()) => let_in.unwrap_or(false),
            () = self.closing.cancelled() => false,
        };
        if let_in {
            // Apart, so that those who wait have no memory for what comes then.
            Box::pin(self.converse(stream, peer, guest, pass)).await;
        }
    }

    async fn converse(self, stream: TcpStream, peer: SocketAddr, guest: Guest, pass: Pass) {
        let upgraded = {
            let mut http = pin!(timeout(self.limits.connection, self.http(stream)));
            tokio::select! {
                outcome = &mut http => outcome.ok().flatten(),
                () = guest.must_leave() => None,
                () = self.closing.cancelled() => None,
            }
        };
        if let Some(upgraded) = upgraded {
            self.service.serve(upgraded, peer, (guest, pass), &self.closing, &self.tasks).await;
        }
    }

    async fn http(&self, stream: TcpStream) -> Option<Upgraded> {
        socket::prepare(&stream);
        let Some(tls) = &self.tls else { return self.requests(stream, None).await };
        match timeout(self.limits.handshake, tls.accept(Gulps::new(stream))).await {
            Ok(Ok(mut stream)) => {
                // RFC 8737 section 3: the handshake was all.
                if stream.get_ref().1.alpn_protocol() == Some(acme::ALPN) {
                    drop(timeout(self.limits.write, stream.shutdown()).await);
                    return None;
                }
                let version = TlsVersion::of(stream.get_ref().1.protocol_version());
                let in_use = TlsInUse::begin(Arc::clone(self.service.tally()), version);
                self.requests(stream, Some(in_use)).await
            }
            Ok(Err(error)) => {
                tracing::debug!(%error, "TLS handshake failed");
                None
            }
            Err(_) => None,
        }
    }

    /// Answers requests until there are no more, or one is for an upgrade.
    async fn requests<C: Carrier + 'static>(&self, stream: C, tls: Option<TlsInUse>) -> Option<Upgraded> {
        let (found, mut upgrade) = mpsc::channel(1);
        let service = service_fn(|request| {
            let reply = self.routes.reply(&request);
            let not_ideal = is_not_ideal(request.headers());
            if let Some(tls) = &tls {
                tls.request();
            }
            let found = found.clone();
            async move {
                match reply {
                    Reply::Answer(answer) => Ok::<_, Infallible>(answer),
                    Reply::Upgrade(opening) => {
                        // The connection is taken from HTTP before it would have to be answered there: a fast start
                        // has no answer at all.
                        drop(found.try_send((opening, not_ideal)));
                        pending().await
                    }
                }
            }
        });
        let mut connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.head)
            .max_buf_size(LARGEST_HEAD)
            .serve_connection(TokioIo::new(stream), service);
        let (opening, not_ideal) = tokio::select! {
            outcome = &mut connection => {
                if let Err(error) = outcome {
                    tracing::debug!(%error, "HTTP connection ended early");
                }
                return None;
            }
            found = upgrade.recv() => found?,
        };
        // What else there is borrows what goes with the connection.
        let http1::Parts { io, read_buf, .. } = connection.into_parts();
        let stream = Box::new(io.into_inner());
        Some(Upgraded { opening, not_ideal, tls, first: read_buf, stream })
    }
}

/// Whether this process, or the system, may have no more files open. Any other error is that of the one connection.
fn is_out_of_files(error: &std::io::Error) -> bool {
    const ENFILE: i32 = 23;
    const EMFILE: i32 = 24;

    cfg!(unix) && matches!(error.raw_os_error(), Some(ENFILE | EMFILE))
}
