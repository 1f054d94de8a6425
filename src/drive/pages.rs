//! Pages over plain HTTP for whoever can reach an address: bounded in connections, memory and time, whoever asks.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::door::{Door, Guest};
use crate::wire::exposition;

/// Connections at once: a few who scrape, and a person.
pub(super) const CONNECTIONS: usize = 32;

/// For a request's head, and between requests: longer than the minute between two scrapes.
const IDLE: Duration = Duration::from_secs(90);

/// Room for a request's head; hyper answers 431 to a longer one.
const LARGEST_HEAD: usize = 16 * 1024;

/// After an error of accepting, so that a lasting one does not keep a core busy.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(50);

/// What is answered.
pub(super) type Answer = Response<Full<Bytes>>;

/// What answers.
pub(super) trait Pages: Clone + Send + Sync + 'static {
    /// The answer to GET and HEAD. It does not wait for anything.
    fn answer(&self, path: &str, headers: &HeaderMap) -> Answer;
}

/// Answers until it is dropped. When the room is full, whoever came first has to leave for the newest.
pub(super) async fn serve(pages: impl Pages, door: Arc<Door>, listener: TcpListener) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let guest = door.enter();
                    connections.spawn(converse(pages.clone(), stream, guest));
                }
                Err(error) => {
                    tracing::debug!(%error, "a connection for metrics could not be accepted");
                    door.make_room();
                    tokio::time::sleep(PAUSE_AFTER_ERROR).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn converse(pages: impl Pages, stream: TcpStream, guest: Guest) {
    let service = service_fn(|request| {
        let answer = answer(&pages, &request);
        async { Ok::<_, Infallible>(answer) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE)
        .max_buf_size(LARGEST_HEAD)
        .serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        // How it ends is the other side's affair.
        _ = connection => {}
        () = guest.must_leave() => {}
    }
}

/// The body of the request is not looked at.
fn answer<B>(pages: &impl Pages, request: &Request<B>) -> Answer {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "GET or HEAD\n");
        answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        return answer;
    }
    pages.answer(request.uri().path(), request.headers())
}

/// A page that loads nothing, is in no frame, and stays in no cache.
pub(super) fn html(page: String) -> Answer {
    let mut answer = Response::new(Full::new(page.into()));
    for (name, value) in [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    answer
}

/// Text, metrics in Prometheus' own format among it.
pub(super) fn text(status: StatusCode, text: impl Into<Bytes>) -> Answer {
    typed(status, exposition::TEXT, text)
}

/// Text of a type.
pub(super) fn typed(status: StatusCode, content_type: &'static str, text: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(text.into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}
