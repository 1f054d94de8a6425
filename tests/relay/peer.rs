//! A client of the relay, over plain HTTP, as small as it can be.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use natscope::derp::{ClientConfig, ClientEvent, ClientSession, RelayIdentity};
use natscope::drive::relay::fresh_key;
use natscope::model::{NodePrivate, NodePublic};
use natscope::wire::derp::{ClientInfo, Frame};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Peer<S = TcpStream> {
    pub(crate) stream: S,
    pub(crate) session: ClientSession,
    pub(crate) key: NodePublic,
}

/// A key pair that nobody has.
pub(crate) fn key() -> (NodePrivate, NodePublic) {
    let private = fresh_key().unwrap();
    let public = *RelayIdentity::new(private.clone()).public();
    (private, public)
}

/// Asks for the upgrade, and takes the answer.
pub(crate) async fn upgraded(relay: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(relay).await.unwrap();
    let request = format!("GET /derp HTTP/1.1\r\nHost: {relay}\r\nConnection: Upgrade\r\nUpgrade: DERP\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(timeout(PATIENCE, stream.read_u8()).await.expect("in time").expect("an answer"));
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
    stream
}

impl Peer {
    /// Joins with this key, and must be let in.
    pub(crate) async fn join(relay: SocketAddr, private: &NodePrivate) -> Self {
        Self::try_join(relay, private).await.expect("let in")
    }

    /// Joins with a fresh key.
    pub(crate) async fn fresh(relay: SocketAddr) -> Self {
        Self::join(relay, &key().0).await
    }

    /// `None`: the relay closes the connection instead.
    pub(crate) async fn try_join(relay: SocketAddr, private: &NodePrivate) -> Option<Self> {
        Self::login(upgraded(relay).await, private).await
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Peer<S> {
    pub(crate) async fn login(stream: S, private: &NodePrivate) -> Option<Self> {
        Self::login_as(stream, private, ClientInfo::ordinary()).await
    }

    /// Says this of itself.
    pub(crate) async fn login_as(stream: S, private: &NodePrivate, info: ClientInfo) -> Option<Self> {
        let public = *RelayIdentity::new(private.clone()).public();
        let config = ClientConfig {
            key: private.clone(),
            info,
            nonce: *fresh_key().unwrap().as_bytes().first_chunk().unwrap(),
            home: false,
            relay: None,
        };
        let session = ClientSession::new(Instant::now().into_std(), config, BytesMut::new()).unwrap();
        let mut peer = Self { stream, session, key: public };
        loop {
            match peer.next().await {
                ClientEvent::Admitted(_) => return Some(peer),
                ClientEvent::Closed(_) => return None,
                _ => {}
            }
        }
    }

    pub(crate) async fn send(&mut self, to: NodePublic, payload: &[u8]) {
        self.queue(to, payload);
        self.write().await;
    }

    /// Says what it may not be allowed to.
    pub(crate) async fn say(&mut self, frame: &Frame) {
        self.session.say(frame).unwrap();
        self.write().await;
    }

    /// For one write of several packets.
    pub(crate) fn queue(&mut self, to: NodePublic, payload: &[u8]) {
        self.session.send(Instant::now().into_std(), to, Bytes::copy_from_slice(payload)).unwrap();
    }

    pub(crate) async fn write(&mut self) {
        let mut out = BytesMut::new();
        if self.session.poll_transmit(&mut out) {
            // A relay that closes is seen by the next read.
            let _ = self.stream.write_all(&out).await;
            let _ = self.stream.flush().await;
        }
    }

    /// The next packet; everything else the relay says is not looked at. `None`: the connection is closed.
    pub(crate) async fn packet(&mut self) -> Option<(NodePublic, Bytes)> {
        loop {
            match self.next().await {
                ClientEvent::Packet { source, payload } => return Some((source, payload)),
                ClientEvent::Closed(_) => return None,
                _ => {}
            }
        }
    }

    pub(crate) async fn next(&mut self) -> ClientEvent {
        loop {
            if let Some(event) = self.session.poll_event(Instant::now().into_std()) {
                return event;
            }
            self.write().await;
            let read = timeout(PATIENCE, self.stream.read_buf(self.session.room())).await.expect("in time");
            // A reset is an end as well.
            self.session.handle_read(read.unwrap_or(0));
        }
    }
}
