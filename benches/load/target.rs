//! How to connect to what is measured, and what packets look like there.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use bytes::{Bytes, BytesMut};
use natscope::drive::tls_roots;
use natscope::model::NodePublic;
use natscope::wire::derp::Frame;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use tokio_rustls::TlsConnector;

use crate::peer::{self, Peer};
use crate::process::Process;

pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// A connection that is logged in.
pub(crate) struct End {
    pub(crate) stream: Box<dyn Stream>,
    pub(crate) key: NodePublic,
}

pub(crate) struct Target {
    pub(crate) process: Process,
    tls: Option<TlsConnector>,
    forwards: bool,
    /// Where the certificate is, as long as it is needed.
    _directory: Option<tempfile::TempDir>,
}

impl Target {
    pub(crate) const fn forwarder(process: Process) -> Self {
        Self { process, tls: None, forwards: true, _directory: None }
    }

    pub(crate) const fn plain(process: Process) -> Self {
        Self { process, tls: None, forwards: false, _directory: None }
    }

    /// A relay with a certificate of its own, which is the only one we trust.
    pub(crate) fn tls(program: Option<&Path>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = |path: &Path| path.to_str().unwrap().to_owned();
        let (certificates, key) = (path(directory.path()), path(&directory.path().join("relay.key")));
        let arguments = ["--hostname", "127.0.0.1", "--open", "--cert-dir", &certificates, "--key", &key];
        let process = Process::relay(program, &arguments);
        Self::trusted(process, directory)
    }

    /// Tailscale's relay, which makes itself a certificate as well.
    pub(crate) fn derper_tls(program: &Path) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let certificates = directory.path().to_str().unwrap().to_owned();
        let arguments = ["-hostname", "127.0.0.1", "-certmode", "manual", "-certdir", &certificates];
        let process = Process::derper(program, &arguments);
        Self::trusted(process, directory)
    }

    fn trusted(process: Process, directory: tempfile::TempDir) -> Self {
        let chain = CertificateDer::pem_file_iter(directory.path().join("127.0.0.1.crt")).unwrap();
        let verifier = tls_roots::verifier_of(&chain.map(Result::unwrap).collect::<Vec<_>>()).unwrap();
        let config = tls_roots::config_with(verifier).unwrap();
        Self { process, tls: Some(TlsConnector::from(Arc::new(config))), forwards: false, _directory: Some(directory) }
    }

    /// Two ends that can send to each other.
    pub(crate) async fn pair(&self) -> (End, End) {
        static PAIRS: AtomicU64 = AtomicU64::new(1);
        let number = PAIRS.fetch_add(1, Ordering::Relaxed);
        (self.end(number).await, self.end(number).await)
    }

    /// One end; the number is that of its pair.
    pub(crate) async fn end(&self, number: u64) -> End {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(source()).unwrap();
        let tcp = socket.connect(self.process.address).await.unwrap();
        tcp.set_nodelay(true).unwrap();
        let mut stream: Box<dyn Stream> = match &self.tls {
            None => Box::new(tcp),
            Some(tls) => {
                let name = ServerName::try_from("127.0.0.1").unwrap();
                Box::new(tls.connect(name, tcp).await.unwrap())
            }
        };
        let (private, key) = peer::key();
        if self.forwards {
            stream.write_u64(number).await.unwrap();
            assert_eq!(stream.read_u64().await.unwrap(), number);
            return End { stream, key };
        }
        let request = b"GET /derp HTTP/1.1\r\nHost: relay\r\nConnection: Upgrade\r\nUpgrade: DERP\r\n\r\n";
        stream.write_all(request).await.unwrap();
        stream.flush().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
        let peer = Peer::login(stream, &private).await.expect("let in");
        End { stream: peer.stream, key }
    }
}

/// Where a connection comes from: an address has ports for some of them only.
fn source() -> SocketAddr {
    static CONNECTIONS: AtomicU32 = AtomicU32::new(0);
    const OF_AN_ADDRESS: u32 = 20_000;
    let address = u32::from(Ipv4Addr::LOCALHOST) + CONNECTIONS.fetch_add(1, Ordering::Relaxed) / OF_AN_ADDRESS;
    SocketAddr::new(Ipv4Addr::from(address).into(), 0)
}

/// A packet of so many bytes as it is sent; one that arrives is as long.
pub(crate) fn packet(to: &NodePublic, size: usize) -> Vec<u8> {
    let mut frame = BytesMut::new();
    Frame::SendPacket { destination: *to, payload: Bytes::from(vec![0x55; size]) }.encode_whole(&mut frame).unwrap();
    frame.to_vec()
}
