//! Numbers for Prometheus and a health check, on an address of their own: plain HTTP, for whoever can reach it.

mod page;
mod tally;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{self, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::door::{Door, Guest};
use super::identity::Identity;
use super::service::Service;
use crate::drive::wall_clock;

pub(super) use tally::Tally;

/// Connections at once: a few who scrape, and a person.
const CONNECTIONS: usize = 32;

/// For a request's head, and between requests: longer than the minute between two scrapes.
const IDLE: Duration = Duration::from_secs(90);

/// After an error of accepting, so that a lasting one does not keep a core busy.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(50);

/// What answers on the address.
#[derive(Clone, Debug)]
pub(super) struct Metrics {
    service: Arc<Service>,
    identity: Option<Arc<Identity>>,
    door: Arc<Door>,
    started: (SystemTime, Instant),
    /// The relay is about to stop.
    closing: CancellationToken,
}

impl Metrics {
    pub(super) fn new(service: Arc<Service>, identity: Option<Arc<Identity>>, closing: CancellationToken) -> Self {
        let started = (wall_clock::now(), Instant::now());
        Self { service, identity, door: Door::new(CONNECTIONS), started, closing }
    }

    /// Answers until it is dropped.
    pub(super) async fn serve(self, listener: TcpListener) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        let guest = self.door.enter();
                        connections.spawn(self.clone().converse(stream, guest));
                    }
                    Err(error) => {
                        tracing::debug!(%error, "a connection for metrics could not be accepted");
                        self.door.make_room();
                        tokio::time::sleep(PAUSE_AFTER_ERROR).await;
                    }
                },
                Some(_) = connections.join_next() => {}
            }
        }
    }

    async fn converse(self, stream: TcpStream, guest: Guest) {
        let service = service_fn(|request| {
            let answer = self.answer(&request);
            async { Ok::<_, Infallible>(answer) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(IDLE)
            .serve_connection(TokioIo::new(stream), service);
        tokio::select! {
            // How it ends is the other side's affair.
            _ = connection => {}
            () = guest.must_leave() => {}
        }
    }

    fn answer<B>(&self, request: &Request<B>) -> Response<Full<Bytes>> {
        if request.method() != Method::GET && request.method() != Method::HEAD {
            let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "GET or HEAD\n");
            answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            return answer;
        }
        match request.uri().path() {
            // derper has it there.
            "/metrics" | "/debug/varz" => text(StatusCode::OK, self.page()),
            // A balancer is to send nobody here any more.
            "/healthz" if self.closing.is_cancelled() => text(StatusCode::SERVICE_UNAVAILABLE, "stopping\n"),
            "/healthz" => text(StatusCode::OK, "ok\n"),
            "/" => text(StatusCode::OK, "natscope relay: /metrics, /healthz\n"),
            _ => text(StatusCode::NOT_FOUND, "not here: /metrics, /healthz\n"),
        }
    }

    fn page(&self) -> String {
        let switchboard = self.service.switchboard();
        let (started, since) = self.started;
        page::render(&page::Facts {
            snapshot: &switchboard.counters(),
            census: &switchboard.census(),
            tally: self.service.tally(),
            pace: self.service.pace(),
            started,
            uptime: since.elapsed(),
            certificate_expires: self.identity.as_ref().and_then(|identity| identity.expires()),
            open_files: open_files(),
        })
    }
}

/// How many files this process has open, where the system lists them.
fn open_files() -> Option<usize> {
    // One of them is the listing itself.
    std::fs::read_dir("/proc/self/fd").ok().map(|files| files.count().saturating_sub(1))
}

fn text(status: StatusCode, text: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(text.into()));
    *answer.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    answer.headers_mut().insert(header::CONTENT_TYPE, plain);
    answer
}
