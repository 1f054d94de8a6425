//! What a relay answers over HTTP and HTTPS, without the relaying; and a portal.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::ServerConfig;

#[derive(Clone, Copy)]
pub enum Site {
    /// `/generate_204` with the challenge echoed, `/derp/latency-check`, `/derp/probe`.
    Relay,
    /// 302 to a login page, whatever is asked.
    Portal,
}

pub fn tls(folder: &Path) -> TlsAcceptor {
    let certificate = CertificateDer::from(std::fs::read(folder.join("cert.der")).unwrap());
    let key = PrivateKeyDer::try_from(std::fs::read(folder.join("key.der")).unwrap()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

pub async fn serve_https(at: SocketAddr, tls: TlsAcceptor) {
    let listener = TcpListener::bind(at).await.expect("the HTTPS port");
    tokio::spawn(async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else { continue };
            // A response must not wait for the acknowledgement of the session tickets before it.
            let _ = stream.set_nodelay(true);
            let tls = tls.clone();
            tokio::spawn(async move {
                if let Ok(stream) = tls.accept(stream).await {
                    converse(stream, Site::Relay).await;
                }
            });
        }
    });
}

pub async fn serve_http(at: SocketAddr, site: Site) {
    let listener = TcpListener::bind(at).await.expect("the HTTP port");
    tokio::spawn(async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else { continue };
            tokio::spawn(converse(stream, site));
        }
    });
}

async fn converse(mut stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin, site: Site) {
    let mut heard = Vec::new();
    loop {
        while let Some(end) = heard.windows(4).position(|four| four == b"\r\n\r\n") {
            let request: Vec<u8> = heard.drain(..end + 4).collect();
            let reply = answer(&String::from_utf8_lossy(&request), site);
            if stream.write_all(reply.as_bytes()).await.is_err() || stream.flush().await.is_err() {
                return;
            }
        }
        if heard.len() > 16384 || !matches!(stream.read_buf(&mut heard).await, Ok(1..)) {
            return;
        }
    }
}

fn answer(request: &str, site: Site) -> String {
    if matches!(site, Site::Portal) {
        return "HTTP/1.1 302 Found\r\nLocation: http://login.natlab.test/\r\nContent-Length: 0\r\n\r\n".to_owned();
    }
    let path = request.split(' ').nth(1).and_then(|target| target.split('?').next()).unwrap_or_default();
    match path {
        "/generate_204" => {
            let challenge = request.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("x-tailscale-challenge").then(|| value.trim())
            });
            let echo = challenge.map_or_else(String::new, |text| format!("X-Tailscale-Response: response {text}\r\n"));
            format!("HTTP/1.1 204 No Content\r\nCache-Control: no-cache, no-store, must-revalidate\r\n{echo}\r\n")
        }
        "/derp/latency-check" | "/derp/probe" => {
            "HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nContent-Length: 0\r\n\r\n".to_owned()
        }
        _ => "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_owned(),
    }
}
