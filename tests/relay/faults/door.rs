//! How to come to a relay that runs as a program.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use natscope::drive::tls_roots;
use natscope::model::NodePrivate;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::peer::{Peer, key};

pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

pub(crate) type Client = Peer<Box<dyn Stream>>;

/// What asks for the upgrade.
pub(crate) const UPGRADE: &[u8] = b"GET /derp HTTP/1.1\r\nHost: relay\r\nConnection: Upgrade\r\nUpgrade: DERP\r\n\r\n";

#[derive(Clone)]
pub(crate) struct Door {
    pub(crate) at: SocketAddr,
    tls: Option<TlsConnector>,
}

impl Door {
    pub(crate) const fn plain(at: SocketAddr) -> Self {
        Self { at, tls: None }
    }

    /// Of a relay whose certificate is here, and trusted alone.
    pub(crate) fn tls(at: SocketAddr, directory: &Path) -> Self {
        let chain = CertificateDer::pem_file_iter(directory.join("127.0.0.1.crt")).unwrap();
        let verifier = tls_roots::verifier_of(&chain.map(Result::unwrap).collect::<Vec<_>>()).unwrap();
        Self { at, tls: Some(TlsConnector::from(Arc::new(tls_roots::config_with(verifier).unwrap()))) }
    }

    pub(crate) const fn has_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// A connection, with TLS where that is spoken. `None`: it is not had.
    pub(crate) async fn over(&self, tcp: TcpStream) -> Option<Box<dyn Stream>> {
        tcp.set_nodelay(true).ok()?;
        match &self.tls {
            None => Some(Box::new(tcp)),
            Some(tls) => Some(Box::new(tls.connect(ServerName::try_from("127.0.0.1").unwrap(), tcp).await.ok()?)),
        }
    }

    /// Logs in over this. `None`: the relay does not let it in, or is not there.
    pub(crate) async fn login(&self, tcp: TcpStream, private: &NodePrivate) -> Option<Client> {
        let mut stream = self.over(tcp).await?;
        stream.write_all(UPGRADE).await.ok()?;
        stream.flush().await.ok()?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.ok()?);
        }
        if !head.starts_with(b"HTTP/1.1 101 ") {
            return None;
        }
        Peer::login(stream, private).await
    }

    pub(crate) async fn try_join(&self, private: &NodePrivate) -> Option<Client> {
        self.login(TcpStream::connect(self.at).await.ok()?, private).await
    }

    /// With a fresh key, and must be let in.
    pub(crate) async fn fresh(&self) -> Client {
        self.try_join(&key().0).await.expect("let in")
    }
}
