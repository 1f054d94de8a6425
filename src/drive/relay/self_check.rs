//! Whether a relay answers where it says it listens, asked as a client asks.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, SignatureScheme};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::{Instant, timeout};

use super::certificate::pin;
use super::http::Stream;
use super::identity::Identity;
use super::service::Service;
use super::{Relay, fresh_key, reachable};
use crate::derp::{ClientConfig, ClientEvent, ClientSession, RelayIdentity};
use crate::drive::tls_roots;
use crate::model::NodePublic;
use crate::wire::derp::ClientInfo;
use crate::wire::stun::{RequestForm, TransactionId, decode_response, encode_request};
use crate::wire::upgrade::{Request, ResponseReader};

/// For each of the questions: they do not leave the host.
const PATIENCE: Duration = Duration::from_secs(3);

/// A question to a relay about itself, and the answer.
#[derive(Debug)]
pub struct Checked {
    /// What was asked, and where.
    pub what: String,
    /// What was found, or what is wrong.
    pub outcome: Result<String, String>,
}

/// Asks a relay that serves.
#[derive(Debug)]
pub struct SelfCheck {
    main: Vec<SocketAddr>,
    stun: Vec<SocketAddr>,
    identity: Option<Arc<Identity>>,
    service: Arc<Service>,
}

impl SelfCheck {
    pub(super) fn new(relay: &Relay) -> Self {
        let main = if relay.identity.is_some() { relay.https_addrs() } else { relay.http_addrs() };
        Self {
            main: main.to_vec(),
            stun: relay.stun_addrs().to_vec(),
            identity: relay.identity.clone(),
            service: Arc::clone(&relay.service),
        }
    }

    /// Asks each listener for its HTTP, its DERP and its STUN. A wildcard address is asked on loopback, which tells
    /// nothing about firewalls beyond.
    pub async fn run(self) -> Vec<Checked> {
        let mut checked = Vec::new();
        let waits = self.identity.as_ref().is_some_and(|identity| !identity.is_there());
        for &at in &self.main {
            if waits {
                let outcome = Ok("refuses handshakes until there is a certificate".to_owned());
                checked.push(Checked { what: format!("HTTPS on {at}"), outcome });
                continue;
            }
            let scheme = if self.identity.is_some() { "HTTPS" } else { "HTTP" };
            checked.push(Checked { what: format!("{scheme} on {at}"), outcome: told(self.http(at)).await });
            checked.push(Checked { what: format!("DERP on {at}"), outcome: told(self.derp(at)).await });
        }
        for &at in &self.stun {
            checked.push(Checked { what: format!("STUN on {at}"), outcome: told(stun(reachable(at))).await });
        }
        checked
    }

    async fn http(&self, at: SocketAddr) -> io::Result<String> {
        let mut stream = self.connect(at).await?;
        stream.write_all(b"GET /derp/latency-check HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
        stream.flush().await?;
        let mut reader = ResponseReader::new();
        let mut buffer = [0; 4096];
        loop {
            let brought = stream.read(&mut buffer).await?;
            if brought == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if let Some(head) = reader.feed(buffer.get(..brought).unwrap_or_default()).map_err(io::Error::other)? {
                return if head.status == 200 {
                    Ok("answers latency checks".to_owned())
                } else {
                    Err(io::Error::other(format!("latency checks are answered with {}", head.status)))
                };
            }
        }
    }

    /// A whole login with a key that nobody else has, and that is let in for as long as it takes.
    async fn derp(&self, at: SocketAddr) -> io::Result<String> {
        let key = fresh_key()?;
        self.service.admission().set_own(Some(*RelayIdentity::new(key.clone()).public()));
        let outcome = self.login(at, key).await;
        self.service.admission().set_own(None);
        let relay = outcome?;
        if relay != self.service.public_key() {
            return Err(io::Error::other(format!("another relay answers there, with the key {relay}")));
        }
        Ok("lets a client in".to_owned())
    }

    /// The key of the relay that let us in.
    async fn login(&self, at: SocketAddr, key: crate::model::NodePrivate) -> io::Result<NodePublic> {
        let mut stream = self.connect(at).await?;
        let request = Request { host: "localhost", port: at.port(), fast_start: false, ideal_node: None };
        stream.write_all(&request.encode().map_err(io::Error::other)?).await?;
        stream.flush().await?;
        let mut reader = ResponseReader::new();
        let mut buffer = [0; 4096];
        let head = loop {
            let brought = stream.read(&mut buffer).await?;
            if brought == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if let Some(head) = reader.feed(buffer.get(..brought).unwrap_or_default()).map_err(io::Error::other)? {
                break head;
            }
        };
        if !head.is_switching() {
            return Err(io::Error::other(format!("the upgrade is answered with {}", head.status)));
        }
        let mut nonce = [0; 24];
        getrandom::fill(&mut nonce).map_err(io::Error::other)?;
        let config = ClientConfig { key, info: ClientInfo::ordinary(), nonce, home: false, relay: None };
        let mut session =
            ClientSession::new(Instant::now().into_std(), config, reader.rest()).map_err(io::Error::other)?;
        let mut relay = None;
        let mut out = BytesMut::new();
        loop {
            while let Some(event) = session.poll_event(Instant::now().into_std()) {
                match event {
                    ClientEvent::ServerKey(key) => relay = Some(key),
                    ClientEvent::Admitted(_) => {
                        return relay.ok_or_else(|| io::Error::other("it did not tell its key"));
                    }
                    ClientEvent::Closed(reason) => return Err(io::Error::other(reason)),
                    _ => {}
                }
            }
            if session.poll_transmit(&mut out) {
                stream.write_all_buf(&mut out).await?;
                stream.flush().await?;
            }
            let brought = stream.read_buf(session.room()).await?;
            session.handle_read(brought);
        }
    }

    async fn connect(&self, at: SocketAddr) -> io::Result<Box<dyn Stream>> {
        let at = reachable(at);
        let stream = TcpStream::connect(at).await?;
        let Some(identity) = &self.identity else { return Ok(Box::new(stream)) };
        let verifier = OwnCertificate { pin: identity.pin().unwrap_or_default(), provider: tls_roots::provider() };
        let config = tls_roots::config_with(Arc::new(verifier)).map_err(io::Error::other)?;
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
        Ok(Box::new(connector.connect(ServerName::from(at.ip()), stream).await?))
    }
}

async fn told(question: impl Future<Output = io::Result<String>>) -> Result<String, String> {
    match timeout(PATIENCE, question).await {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no answer in {} s", PATIENCE.as_secs())),
    }
}

async fn stun(at: SocketAddr) -> io::Result<String> {
    let local = if at.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(local).await?;
    let mut id = [0; 12];
    getrandom::fill(&mut id).map_err(io::Error::other)?;
    let request = encode_request(TransactionId(id), RequestForm::Tailnode, None).map_err(io::Error::other)?;
    let mut buffer = [0; 1500];
    loop {
        socket.send_to(&request, at).await?;
        // A datagram may be lost even here, when the system has no memory for it.
        let Ok(received) = timeout(PATIENCE / 5, socket.recv_from(&mut buffer)).await else { continue };
        let (length, _) = received?;
        let answer = decode_response(buffer.get(..length).unwrap_or_default()).map_err(io::Error::other)?;
        return match answer.endpoint() {
            Some(_) => Ok("answers".to_owned()),
            None => Err(io::Error::other("the answer tells no endpoint")),
        };
    }
}

/// Takes the certificate the relay presents, and no other.
#[derive(Debug)]
struct OwnCertificate {
    pin: String,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for OwnCertificate {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if pin(leaf) == self.pin {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, leaf, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, leaf, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
