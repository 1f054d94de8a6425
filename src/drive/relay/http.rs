use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::Limits;
use super::routes::Routes;

/// Room for a request's head; hyper answers 431 to a longer one. It is also the least hyper accepts.
const LARGEST_HEAD: usize = 8192;

/// When the system has no file descriptor left, until some connection has ended.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(100);

/// Accepts connections for ever. Those of this listener end with the future.
pub(super) async fn serve(listener: TcpListener, tls: Option<TlsAcceptor>, routes: Arc<Routes>, limits: Limits) {
    let permits = Arc::new(Semaphore::new(limits.connections));
    let mut connections = JoinSet::new();
    loop {
        // The permit comes first: above the limit, connections wait in the system's bounded queue and not in ours.
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(PAUSE_AFTER_ERROR).await;
            continue;
        };
        while connections.try_join_next().is_some() {}
        let (tls, routes) = (tls.clone(), Arc::clone(&routes));
        connections.spawn(async move {
            // A peer's failure is its own affair: nobody here waits for the outcome.
            let _ = timeout(limits.connection, serve_connection(stream, tls, routes, limits)).await;
            drop(permit);
        });
    }
}

async fn serve_connection(stream: TcpStream, tls: Option<TlsAcceptor>, routes: Arc<Routes>, limits: Limits) {
    // Answers to latency checks must not wait for more to send. Without it they are late, not wrong.
    let _ = stream.set_nodelay(true);
    match tls {
        None => serve_http(stream, routes, limits).await,
        Some(tls) => {
            if let Ok(Ok(stream)) = timeout(limits.handshake, tls.accept(stream)).await {
                serve_http(stream, routes, limits).await;
            }
        }
    }
}

async fn serve_http(stream: impl AsyncRead + AsyncWrite + Unpin, routes: Arc<Routes>, limits: Limits) {
    let service = service_fn(|request| {
        let response = routes.respond(&request);
        async move { Ok::<_, Infallible>(response) }
    });
    let outcome = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_buf_size(LARGEST_HEAD)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = outcome {
        tracing::debug!(%error, "HTTP connection ended early");
    }
}
