//! Servers of these tests: TLS with any certificate before anything, and answers to HTTP by the book or not.

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use natscope::drive::relay::{Access, Certificates, Relay, RelayHandle, RelayOptions};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::certificates::Identity;

const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

pub(crate) fn any_port() -> SocketAddr {
    SocketAddr::new(LOCALHOST, 0)
}

pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A relay over plain HTTP with STUN.
pub(crate) fn plain_relay(access: Access) -> (RelayHandle, SocketAddr, u16) {
    let options =
        RelayOptions { http_addrs: vec![any_port()], stun_addrs: vec![any_port()], access, ..RelayOptions::default() };
    let relay = Relay::bind(options).unwrap();
    let (http, stun) = (relay.http_addrs()[0], relay.stun_addrs()[0].port());
    (relay.spawn(), http, stun)
}

/// A relay over HTTPS with a certificate of these tests.
pub(crate) fn secure_relay(identity: &Identity, folder: &Path) -> (RelayHandle, SocketAddr, u16) {
    std::fs::write(folder.join("localhost.crt"), &identity.pem[0]).unwrap();
    std::fs::write(folder.join("localhost.key"), &identity.pem[1]).unwrap();
    let options = RelayOptions {
        https_addrs: vec![any_port()],
        stun_addrs: vec![any_port()],
        host_name: Some("localhost".to_owned()),
        certificates: Certificates::Manual { dir: folder.to_owned() },
        access: Access::Anyone,
        ..RelayOptions::default()
    };
    let relay = Relay::bind(options).unwrap();
    let (https, stun) = (relay.https_addrs()[0], relay.stun_addrs()[0].port());
    (relay.spawn(), https, stun)
}

/// Serves every connection until the test ends.
pub(crate) async fn serve<F, S>(serve: S) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
    S: Fn(TcpStream) -> F + Send + 'static,
{
    let listener = TcpListener::bind(any_port()).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    address
}

pub(crate) fn acceptor(identity: &Identity, alpn: &[&str]) -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(identity.chain.clone(), identity.key.clone_key())
        .unwrap();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    TlsAcceptor::from(Arc::new(config))
}

/// Ends TLS in front of a plain server, as a proxy that passes everything on.
pub(crate) async fn tls_before(identity: &Identity, behind: SocketAddr) -> SocketAddr {
    let acceptor = acceptor(identity, &[]);
    serve(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut outer) = acceptor.accept(stream).await else { return };
            let Ok(mut inner) = TcpStream::connect(behind).await else { return };
            let _ = tokio::io::copy_bidirectional(&mut outer, &mut inner).await;
        }
    })
    .await
}

/// A web server over TLS: what it answers to a request's head, and whether it then says nothing for long.
pub(crate) async fn web(identity: &Identity, answer: fn(&str) -> Answer) -> SocketAddr {
    let acceptor = acceptor(identity, &[]);
    serve(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(stream) = acceptor.accept(stream).await {
                answered(Box::new(stream), answer).await;
            }
        }
    })
    .await
}

/// What is said to a request.
pub(crate) enum Answer {
    /// These bytes, and an end.
    End(Vec<u8>),
    /// These bytes, and silence.
    Hang(Vec<u8>),
    /// These bytes again and again.
    Endless(&'static [u8]),
    /// One of them every 50 ms.
    Drip(&'static [u8]),
}

pub(crate) fn text(text: impl Into<String>) -> Answer {
    Answer::End(text.into().into_bytes())
}

/// A whole answer with this status and body.
pub(crate) fn page(status: &str, headers: &str, body: &str) -> Answer {
    text(format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len()))
}

pub(crate) async fn answered(mut stream: Box<dyn Stream>, answer: fn(&str) -> Answer) {
    let mut head = Vec::new();
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        match stream.read_buf(&mut head).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
    match answer(&String::from_utf8_lossy(&head)) {
        Answer::End(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
        }
        Answer::Hang(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.flush().await;
            tokio::time::sleep(Duration::from_secs(60)).await;
        }
        Answer::Endless(bytes) => while stream.write_all(bytes).await.is_ok() {},
        Answer::Drip(bytes) => {
            for byte in bytes.iter().cycle() {
                if stream.write_all(&[*byte]).await.is_err() || stream.flush().await.is_err() {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

/// Whether a request asks for the upgrade to DERP, or for a `WebSocket`.
pub(crate) fn wants(head: &str, upgrade: &str) -> bool {
    head.lines().any(|line| line.eq_ignore_ascii_case(&format!("upgrade: {upgrade}")))
}

/// As a relay answers everything but the upgrade.
pub(crate) fn as_a_relay(head: &str) -> Answer {
    if head.starts_with("GET /derp/latency-check") {
        return page("200 OK", "Access-Control-Allow-Origin: *\r\n", "");
    }
    page("426 Upgrade Required", "", "DERP requires connection upgrade\n")
}
