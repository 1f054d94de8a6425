//! Faults that take a server of their own kind.

use natscope::derp::{Admission, RelayIdentity, ServerEvent, ServerSession};
use natscope::drive::relay::{Access, Relay, RelayHandle, RelayOptions, fresh_key};
use natscope::model::NodePublic;
use natscope::wire::derp::ServerInfo;
use natscope::wire::upgrade::meta_certificate_name;
use serde_json::json;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};

use crate::certificates::{for_clients_alone, usual};
use crate::patient::{doctor, examined};
use crate::servers::{Stream, acceptor, any_port, plain_relay, secure_relay, serve, tls_before};
use crate::{Setup, setup};

pub(crate) const SETUPS: &[Setup] = &[
    setup("a certificate that is for clients alone", &["TLS-010"], &["DERP-002"], || {
        Box::pin(async {
            let (_relay, http, stun) = plain_relay(Access::Rules(natscope::drive::relay::AccessRules::default()));
            let front = tls_before(&for_clients_alone(), http).await;
            Some(examined(&json!({ "DERPPort": front.port(), "STUNPort": stun })).await)
        })
    }),
    setup(
        "a proxy that presents the relay's meta-certificate and knows no fast start",
        &["DERP-008"],
        &["DERP-005"],
        || {
            Box::pin(async {
                let (_relay, http, key) = relay_with_key();
                let mut identity = usual();
                identity.chain.push(crate::certificates::named(&meta_certificate_name(&key)));
                let acceptor = acceptor(&identity, &[]);
                let front = serve(move |stream| {
                    let acceptor = acceptor.clone();
                    async move {
                        if let Ok(stream) = acceptor.accept(stream).await {
                            without_fast_start(Box::new(stream), http).await;
                        }
                    }
                })
                .await;
                Some(examined(&json!({ "DERPPort": front.port() })).await)
            })
        },
    ),
    setup("a relay that lets keys in and passes nothing on", &["DERP-004"], &[], || {
        Box::pin(async {
            let relay = Arc::new(RelayIdentity::new(fresh_key().unwrap()));
            let address = serve(move |stream| hole(stream, Arc::clone(&relay))).await;
            Some(doctor([format!("http://{address}"), "--stun-port=0".to_owned()]).await)
        })
    }),
    setup("a STUN server that answers from another port", &["STUN-005"], &["DERP-005"], || {
        Box::pin(async {
            let folder = tempfile::tempdir().unwrap();
            let (_relay, https, stun) = secure_relay(&usual(), folder.path());
            let port = stun_from_elsewhere(stun).await;
            Some(examined(&json!({ "DERPPort": https.port(), "STUNPort": port })).await)
        })
    }),
];

fn relay_with_key() -> (RelayHandle, SocketAddr, NodePublic) {
    let key = fresh_key().unwrap();
    let public = *RelayIdentity::new(key.clone()).public();
    let options = RelayOptions {
        http_addrs: vec![any_port()],
        key: Some(key),
        access: Access::Anyone,
        ..RelayOptions::default()
    };
    let relay = Relay::bind(options).unwrap();
    let http = relay.http_addrs()[0];
    (relay.spawn(), http, public)
}

/// The head of a request.
async fn head(stream: &mut (impl Stream + ?Sized)) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    Some(head)
}

async fn without_fast_start(mut outer: Box<dyn Stream>, behind: SocketAddr) {
    let Some(head) = head(&mut outer).await else { return };
    if String::from_utf8_lossy(&head).to_ascii_lowercase().contains("derp-fast-start") {
        let _ = outer.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await;
        let _ = outer.shutdown().await;
        return;
    }
    let Ok(mut inner) = TcpStream::connect(behind).await else { return };
    if inner.write_all(&head).await.is_ok() {
        let _ = tokio::io::copy_bidirectional(&mut outer, &mut inner).await;
    }
}

/// A relay up to its greeting; packets go nowhere.
async fn hole(mut stream: TcpStream, relay: Arc<RelayIdentity>) {
    let Some(head) = head(&mut stream).await else { return };
    let head = String::from_utf8_lossy(&head).into_owned();
    if !crate::servers::wants(&head, "derp") {
        let refusal = "HTTP/1.1 426 Upgrade Required\r\nContent-Length: 33\r\nConnection: close\r\n\r\n\
                       DERP requires connection upgrade\n";
        let check =
            "HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        let answer = if head.starts_with("GET /derp/latency-check") { check } else { refusal };
        let _ = stream.write_all(answer.as_bytes()).await;
        return;
    }
    let switching = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: DERP\r\nConnection: Upgrade\r\n\r\n";
    let _ = stream.write_all(switching).await;
    let now = || tokio::time::Instant::now().into_std();
    let mut session = ServerSession::new(now(), relay, bytes::BytesMut::new());
    loop {
        let mut out = bytes::BytesMut::new();
        session.poll_transmit(&mut out);
        if stream.write_all(&out).await.is_err() {
            return;
        }
        session.handle_written(now());
        match session.poll_event(now()) {
            Some(ServerEvent::Identified { .. }) => {
                let nonce = *fresh_key().unwrap().as_bytes().first_chunk().unwrap();
                let admission = Admission { mesh: false, info: ServerInfo::ordinary(), nonce, jitter: Duration::ZERO };
                session.admit(now(), &admission);
            }
            Some(ServerEvent::Closed(_)) => return,
            Some(_) => {}
            None => {
                let brought = stream.read_buf(session.room()).await.unwrap_or_default();
                session.handle_read(brought);
            }
        }
    }
}

async fn stun_from_elsewhere(behind: u16) -> u16 {
    let front = UdpSocket::bind(any_port()).await.unwrap();
    let port = front.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut packet = [0; 1500];
        while let Ok((length, from)) = front.recv_from(&mut packet).await {
            let (Ok(back), Ok(other)) = (UdpSocket::bind(any_port()).await, UdpSocket::bind(any_port()).await) else {
                continue;
            };
            let _ = back.send_to(&packet[..length], ("127.0.0.1", behind)).await;
            let mut answer = [0; 1500];
            let heard = tokio::time::timeout(Duration::from_secs(1), back.recv_from(&mut answer)).await;
            if let Ok(Ok((length, _))) = heard {
                let _ = other.send_to(&answer[..length], from).await;
            }
        }
    });
    port
}
