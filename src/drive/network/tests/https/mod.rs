//! HTTPS to scripted relays on loopback, with certificates made for each test.

mod certificates;
mod endings;
mod proxies;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{CertificateParams, DnType, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::drive::network::options::{Proxies, Trust};
use crate::drive::tls_roots;
use crate::probe::{CertificateFault, HttpsAnswer, HttpsTarget};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

/// What a server does once it has the request.
#[derive(Clone, Copy)]
enum Script {
    Answer(&'static [u8]),
    Silence,
    Endless,
    Drip,
}

/// A chain and the key of its first certificate.
pub(in crate::drive::network) struct Identity {
    pub(in crate::drive::network) chain: Vec<CertificateDer<'static>>,
    pub(in crate::drive::network) key: Vec<u8>,
}

impl Identity {
    pub(in crate::drive::network) fn self_signed(name: &str, change: impl Fn(&mut CertificateParams)) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        change(&mut params);
        let der = params.self_signed(&key).unwrap().der().clone();
        Self { chain: vec![der], key: key.serialize_der() }
    }

    /// Signed by a fresh authority, whose certificate is returned beside it.
    pub(in crate::drive::network) fn signed(
        name: &str,
        change: impl Fn(&mut CertificateParams),
    ) -> (Self, CertificateDer<'static>) {
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.distinguished_name.push(DnType::CommonName, "Test authority");
        authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let authority_key = KeyPair::generate().unwrap();
        let root = authority.self_signed(&authority_key).unwrap().der().clone();
        let issuer = Issuer::new(authority, authority_key);
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        change(&mut params);
        let der = params.signed_by(&key, &issuer).unwrap().der().clone();
        (Self { chain: vec![der], key: key.serialize_der() }, root)
    }

    /// With a certificate added as derper adds its meta-certificate.
    pub(in crate::drive::network) fn and(mut self, common_name: &str) -> Self {
        let other = Self::self_signed("other", |params| {
            params.distinguished_name.push(DnType::CommonName, common_name);
        });
        self.chain.extend(other.chain);
        self
    }

    /// With a meta-certificate that tells this key, in hex.
    pub(in crate::drive::network) fn with_meta(mut self, key: &str) -> Self {
        let meta = Self::self_signed("other", |params| {
            params.distinguished_name.push(DnType::CommonName, format!("derpkey{key}"));
            params.serial_number = Some(2.into());
        });
        self.chain.extend(meta.chain);
        self
    }

    pub(in crate::drive::network) fn pin(&self) -> String {
        use sha2::Digest;
        let hash = sha2::Sha256::digest(&self.chain[0]);
        hash.iter().fold("sha256-raw:".to_owned(), |pin, byte| format!("{pin}{byte:02x}"))
    }

    async fn serve(self, script: Script) -> SocketAddr {
        let config = rustls::ServerConfig::builder_with_provider(tls_roots::provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(self.chain, PrivateKeyDer::try_from(self.key).unwrap())
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        play(stream, script).await;
                    }
                });
            }
        });
        address
    }
}

/// Reads a request's head, and does as the script says until the client leaves.
async fn play<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, script: Script) {
    let head = request_head(&mut stream).await;
    assert!(head.starts_with("GET /derp/latency-check HTTP/1.1\r\n"), "{head}");
    match script {
        Script::Answer(bytes) => {
            stream.write_all(bytes).await.unwrap();
            let _ = stream.flush().await;
            let _ = stream.shutdown().await;
        }
        Script::Silence => std::future::pending().await,
        Script::Endless => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nX: ").await;
            while stream.write_all(&[b'x'; 4096]).await.is_ok() {}
        }
        Script::Drip => {
            for byte in OK.iter().cycle() {
                if stream.write_all(&[*byte]).await.is_err() || stream.flush().await.is_err() {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(40)).await;
            }
        }
    }
}

pub(in crate::drive::network) async fn request_head<S: AsyncRead + Unpin>(stream: &mut S) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(head).unwrap()
}

pub(in crate::drive::network) fn target(host_name: &str, server: SocketAddr) -> HttpsTarget {
    HttpsTarget {
        host_name: host_name.into(),
        address: Some(server.ip()),
        port: server.port(),
        cert_name: String::new(),
        insecure_for_tests: false,
    }
}

fn question(target: HttpsTarget) -> Question {
    Question::HttpsLatency { target, timeout: Duration::from_secs(4) }
}

fn direct(trust: Trust) -> NetworkOptions {
    NetworkOptions { proxies: Proxies::None, trust, ..NetworkOptions::default() }
}

fn trusting(root: &CertificateDer<'static>) -> NetworkOptions {
    direct(Trust::Explicit(vec![root.clone()]))
}

async fn answer(options: NetworkOptions, target: HttpsTarget) -> HttpsAnswer {
    match outcome_of(options, question(target)).await {
        Outcome::Https(answer) => answer,
        other => panic!("no answer: {other:?}"),
    }
}

/// The certificate fault of a measurement that must fail for one.
async fn fault(options: NetworkOptions, target: HttpsTarget) -> CertificateFault {
    let failure = failure_of(options, question(target)).await;
    assert_eq!(failure.stage, Stage::Tls);
    match failure.cause {
        Cause::Certificate { fault } => fault,
        other => panic!("no certificate fault: {other:?}"),
    }
}

/// A server that does to every connection what `act` says.
pub(in crate::drive::network) async fn tcp_server<F, R>(act: F) -> SocketAddr
where
    F: Fn(TcpStream) -> R + Send + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(act(stream));
        }
    });
    address
}
