//! A relay that does what a test wants of it.

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;
use crate::model::NodePrivate;
use crate::wire::derp::{Decoder, Frame, Phase, ServerInfo, Side};
use crate::wire::nacl::{SharedSecret, node_public};

pub(super) const SWITCH: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: DERP\r\nConnection: Upgrade\r\n\r\n";

/// One client's connection, seen from the relay's end.
pub(super) struct Scripted {
    stream: TcpStream,
    decoder: Decoder,
    /// Who the client says it is.
    pub(super) client: NodePublic,
}

impl Scripted {
    pub(super) fn key() -> NodePrivate {
        NodePrivate::generate([7; 32])
    }

    /// Switches, names itself, and lets the client in.
    pub(super) async fn login(mut stream: TcpStream, info: ServerInfo) -> Self {
        request_head(&mut stream).await;
        stream.write_all(SWITCH).await.unwrap();
        let key = Self::key();
        let decoder = Decoder::new(Side::FromClient, Phase::Handshake, BytesMut::new());
        let mut scripted = Self { stream, decoder, client: node_public(&key) };
        scripted.say(&Frame::ServerKey(node_public(&key))).await;
        let Some(Frame::ClientInfo { key: client, .. }) = scripted.hear().await else { panic!("no greeting") };
        scripted.decoder.establish();
        scripted.client = client;
        let secret = SharedSecret::for_nodes(&key, &client).unwrap();
        let sealed = Bytes::from(secret.seal(&[3; 24], &info.encode()));
        scripted.say(&Frame::ServerInfo { nonce: [3; 24], sealed }).await;
        scripted
    }

    pub(super) async fn say(&mut self, frame: &Frame) {
        let mut out = BytesMut::new();
        frame.encode_whole(&mut out).unwrap();
        // The client may have heard enough.
        let _ = self.stream.write_all(&out).await;
    }

    /// The next frame; `None` at the end.
    pub(super) async fn hear(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.decoder.decode().unwrap() {
                return Some(frame);
            }
            match self.stream.read_buf(self.decoder.room()).await {
                Ok(0) | Err(_) => return None,
                Ok(brought) => self.decoder.adapt(brought),
            }
        }
    }

    pub(super) async fn wait_for_end(mut self) {
        while self.hear().await.is_some() {}
    }
}

/// After the switch, says these bytes and then closes its half, or not.
pub(super) async fn saying(bytes: Vec<u8>, close: bool) -> SocketAddr {
    tcp_server(move |mut stream| {
        let bytes = bytes.clone();
        async move {
            request_head(&mut stream).await;
            let _ = stream.write_all(SWITCH).await;
            let _ = stream.write_all(&bytes).await;
            if close {
                let _ = stream.shutdown().await;
            }
            wait_for_end(stream).await;
        }
    })
    .await
}

/// A relay's key, as it is sent.
pub(super) fn server_key() -> Vec<u8> {
    let mut out = BytesMut::new();
    Frame::ServerKey(node_public(&Scripted::key())).encode_whole(&mut out).unwrap();
    out.to_vec()
}
