//! The relay as its clients see it, over loopback sockets.

use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use super::*;
use crate::model::{CertName, Pin, RegionId};
use crate::wire::stun::{self as codec, ChangeRequest, RequestForm, TransactionId};

const PATIENCE: Duration = Duration::from_secs(10);

fn endpoint(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn plain_http(limits: Limits) -> Relay {
    let options = RelayOptions { http_addrs: vec![endpoint("127.0.0.1:0")], limits, ..RelayOptions::default() };
    Relay::bind(options).unwrap()
}

/// Sends bytes to a plain listener and reads until the relay closes.
async fn talk(relay: SocketAddr, sent: &[u8]) -> String {
    let mut stream = TcpStream::connect(relay).await.unwrap();
    stream.write_all(sent).await.unwrap();
    let mut heard = Vec::new();
    // A reset after the answer (unread bytes on the relay's side) is a close as well.
    let _ = timeout(PATIENCE, stream.read_to_end(&mut heard)).await.expect("the relay closes the connection");
    String::from_utf8(heard).unwrap()
}

async fn ask(socket: &UdpSocket, server: SocketAddr, request: &[u8]) -> (SocketAddr, codec::Response) {
    let mut buffer = [0; 1500];
    socket.send_to(request, server).await.unwrap();
    let (length, from) = timeout(PATIENCE, socket.recv_from(&mut buffer)).await.expect("an answer").unwrap();
    (from, codec::decode_response(&buffer[..length]).unwrap())
}

fn request(form: RequestForm, change: Option<ChangeRequest>) -> Vec<u8> {
    codec::encode_request(TransactionId([9; 12]), form, change).unwrap()
}

#[tokio::test]
async fn stun_answers_from_where_it_is_asked_to() {
    let relay = Relay::bind(RelayOptions::loopback(71)).unwrap();
    let server = relay.stun_addrs()[0];
    let relay = relay.spawn();
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let local = socket.local_addr().unwrap();

    // A datagram that is no request is not answered, nor does it end the loop.
    socket.send_to(b"hello", server).await.unwrap();
    let (from, response) = ask(&socket, server, &request(RequestForm::Plain, None)).await;
    assert_eq!((from, response.endpoint()), (server, Some(local)));
    assert_eq!(response.response_origin, Some(server));

    let changed = request(RequestForm::Tailnode, Some(ChangeRequest { ip: false, port: true }));
    let (from, response) = ask(&socket, server, &changed).await;
    assert_eq!(from.ip(), server.ip());
    assert_ne!(from.port(), server.port());
    assert_eq!(response.response_origin, Some(from));

    if cfg!(target_os = "linux") {
        let other = response.other_address.expect("two addresses");
        let (from, response) = ask(&socket, server, &request(RequestForm::Plain, Some(ChangeRequest::BOTH))).await;
        assert_eq!((from, response.endpoint()), (other, Some(local)));
        let (from, response) = ask(&socket, other, &request(RequestForm::Plain, None)).await;
        assert_eq!((from, response.other_address), (other, Some(server)));
    }
    relay.stop().await.unwrap();
    assert!(UdpSocket::bind(server).await.is_ok(), "its sockets are closed");
}

#[tokio::test]
async fn stun_survives_clients_that_are_gone() {
    let relay =
        Relay::bind(RelayOptions { stun_addrs: vec![endpoint("127.0.0.1:0")], ..RelayOptions::default() }).unwrap();
    let server = relay.stun_addrs()[0];
    let _relay = relay.spawn();
    for _ in 0..20 {
        let gone = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        gone.send_to(&request(RequestForm::Plain, None), server).await.unwrap();
    }
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let (from, _) = ask(&socket, server, &request(RequestForm::Tailnode, None)).await;
    assert_eq!(from, server);
}

/// Its threads end with the relay, stopped or dropped, and leave the port to whoever comes. They are woken: until they look
/// up by themselves it would take a second each time.
#[tokio::test]
async fn stun_is_over_when_the_relay_is() {
    let options = |address| RelayOptions { stun_addrs: vec![address], ..RelayOptions::default() };
    let relay = Relay::bind(options(endpoint("127.0.0.1:0"))).unwrap();
    let server = relay.stun_addrs()[0];
    // Bound, and never served.
    drop(relay);
    let (everywhere, loopback) = (endpoint(&format!("0.0.0.0:{}", server.port())), endpoint("127.0.0.1:0"));
    let mut ways = vec![(server, server, loopback), (everywhere, server, loopback)];
    if UdpSocket::bind("[::1]:0").await.is_ok() {
        let (everywhere, server) = (format!("[::]:{}", server.port()), format!("[::1]:{}", server.port()));
        ways.push((endpoint(&everywhere), endpoint(&server), endpoint("[::1]:0")));
    }
    for (bound, server, from) in ways {
        let mut stopping = Duration::ZERO;
        for _ in 0..10 {
            let handle = Relay::bind(options(bound)).map_or_else(|error| panic!("{error}"), Relay::spawn);
            let socket = UdpSocket::bind(from).await.unwrap();
            ask(&socket, server, &request(RequestForm::Plain, None)).await;
            let began = tokio::time::Instant::now();
            handle.stop().await.unwrap();
            stopping += began.elapsed();
        }
        assert!(stopping < Duration::from_secs(5), "ten of {bound}: {stopping:?}");
    }
    drop(Relay::bind(options(server)).unwrap().spawn());
    let began = tokio::time::Instant::now();
    while UdpSocket::bind(server).await.is_err() {
        assert!(began.elapsed() < Duration::from_secs(10), "the socket is still there");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn http_answers_as_derper_does() {
    let relay = plain_http(Limits::default());
    let address = relay.http_addrs()[0];
    let _relay = relay.spawn();
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: relay\r\nConnection: close\r\n\r\n");
    let heard = talk(address, get("/derp/latency-check").as_bytes()).await.to_ascii_lowercase();
    assert!(heard.starts_with("http/1.1 200 ok\r\n"), "{heard}");
    assert!(heard.contains("\r\ncontent-length: 0\r\n") && heard.ends_with("\r\n\r\n"), "{heard}");
    let heard = talk(address, get("/derp").as_bytes()).await;
    assert!(heard.starts_with("HTTP/1.1 426 Upgrade Required\r\n"), "{heard}");
    assert!(heard.ends_with("\r\n\r\nDERP requires connection upgrade\n"), "{heard}");
    let heard = talk(address, b"HEAD / HTTP/1.1\r\nHost: relay\r\nConnection: close\r\n\r\n").await;
    assert!(heard.starts_with("HTTP/1.1 200 ") && heard.ends_with("\r\n\r\n"), "{heard}");
    let heard = talk(address, b"GET https://relay/robots.txt HTTP/1.0\r\n\r\n").await;
    assert!(heard.ends_with("\r\n\r\nUser-agent: *\nDisallow: /\n"), "{heard}");
    let heard = talk(address, &[b"GET / HTTP/1.1\r\nx: ".as_slice(), &vec![b'x'; 20_000]].concat()).await;
    assert!(heard.starts_with("HTTP/1.1 431 "), "{heard}");
}

#[tokio::test]
async fn slow_clients_are_cut_off() {
    let limits =
        Limits { head: Duration::from_millis(200), connection: Duration::from_millis(600), ..Limits::default() };
    let relay = plain_http(limits);
    let address = relay.http_addrs()[0];
    let _relay = relay.spawn();
    // Silence, half a head, and silence after an answer.
    for sent in ["", "GET / HTTP/1.1\r\n", "GET /generate_204 HTTP/1.1\r\nHost: relay\r\n\r\n"] {
        let begun = tokio::time::Instant::now();
        talk(address, sent.as_bytes()).await;
        assert!(begun.elapsed() < Duration::from_secs(5), "{sent:?} held a connection");
    }
    // A body that never ends.
    let begun = tokio::time::Instant::now();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"POST / HTTP/1.1\r\nHost: relay\r\nContent-Length: 1000000\r\n\r\n").await.unwrap();
    while stream.write_all(b"x").await.is_ok() {
        assert!(begun.elapsed() < Duration::from_secs(5), "a dripped body held a connection");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn silent_tls_clients_are_cut_off() {
    let limits = Limits { handshake: Duration::from_millis(200), ..Limits::default() };
    let options = RelayOptions { https_addrs: vec![endpoint("127.0.0.1:0")], limits, ..RelayOptions::default() };
    let relay = Relay::bind(options).unwrap();
    let address = relay.https_addrs()[0];
    let _relay = relay.spawn();
    let begun = tokio::time::Instant::now();
    assert_eq!(talk(address, &[]).await, "");
    assert!(begun.elapsed() < Duration::from_secs(5), "a handshake that never began held a connection");
}

#[tokio::test]
async fn above_the_limit_the_oldest_guest_leaves_for_the_newest() {
    let relay = plain_http(Limits { unfinished: 2, ..Limits::default() });
    let address = relay.http_addrs()[0];
    let _relay = relay.spawn();
    let mut silent = TcpStream::connect(address).await.unwrap();
    for _ in 0..20 {
        let heard = talk(address, b"GET /generate_204 HTTP/1.1\r\nHost: relay\r\nConnection: close\r\n\r\n").await;
        assert!(heard.starts_with("HTTP/1.1 204 "), "{heard}");
    }
    let _other = TcpStream::connect(address).await.unwrap();
    let _third = TcpStream::connect(address).await.unwrap();
    let mut buffer = [0; 1];
    let read = timeout(Duration::from_secs(5), silent.read(&mut buffer)).await.expect("sooner than its own deadline");
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
}

#[tokio::test]
async fn https_serves_a_pinned_certificate() {
    let relay = Relay::bind(RelayOptions::loopback(72)).unwrap();
    let (address, pin, key) = (relay.https_addrs()[0], relay.cert_pin().unwrap(), relay.public_key());
    let _relay = relay.spawn();
    for (offered, agreed) in [(&["h2", "http/1.1"][..], Some(&b"http/1.1"[..])), (&[], None)] {
        let mut stream = tls(address, offered).await.unwrap();
        let (_, connection) = stream.get_ref();
        assert_eq!(connection.alpn_protocol(), agreed);
        let chain = connection.peer_certificates().unwrap();
        let hash = bytes::Bytes::copy_from_slice(&Sha256::digest(&chain[0]));
        assert_eq!((chain.len(), format!("sha256-raw:{hash:x}")), (2, pin.clone()));
        let meta = crate::wire::x509::Certificate::decode(&chain[1]).expect("the one that tells the relay's key");
        assert_eq!(meta.common_name, format!("derpkey{}", key.to_hex()));
        stream
            .write_all(b"GET /derp/latency-check HTTP/1.1\r\nHost: relay\r\nConnection: close\r\n\r\n")
            .await
            .unwrap();
        let mut heard = String::new();
        timeout(PATIENCE, stream.read_to_string(&mut heard)).await.unwrap().unwrap();
        assert!(heard.starts_with("HTTP/1.1 200 "), "{heard}");
    }
    assert!(tls(address, &["h2"]).await.is_err(), "DERP cannot run over HTTP/2");
}

/// A handshake that checks the certificate's name, its pin being compared afterwards.
async fn tls(relay: SocketAddr, alpn: &[&str]) -> io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
    use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
    use rustls::{DigitallySignedStruct, Error, SignatureScheme};

    #[derive(Debug)]
    struct NameOnly;
    impl ServerCertVerifier for NameOnly {
        fn verify_server_cert(
            &self,
            leaf: &CertificateDer<'_>,
            _: &[CertificateDer<'_>],
            name: &ServerName<'_>,
            _: &[u8],
            _: UnixTime,
        ) -> Result<ServerCertVerified, Error> {
            let leaf = rustls::server::ParsedCertificate::try_from(leaf)?;
            rustls::client::verify_server_name(&leaf, name).map(|()| ServerCertVerified::assertion())
        }
        fn verify_tls12_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }
        fn verify_tls13_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }
        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            vec![SignatureScheme::ECDSA_NISTP256_SHA256]
        }
    }

    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(NameOnly))
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    let stream = TcpStream::connect(relay).await?;
    let name = ServerName::from(relay.ip());
    tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

#[tokio::test]
async fn the_embedded_map_leads_to_its_relays() {
    let relays: Vec<_> = (1..=3).map(|ordinal| Relay::bind(RelayOptions::loopback(ordinal)).unwrap()).collect();
    let map = embedded_map(&relays.iter().collect::<Vec<_>>());
    let codes: Vec<_> = map.regions.iter().map(|(id, region)| (id.0, region.code.as_str())).collect();
    assert_eq!(codes, [(901, "one"), (902, "two"), (903, "three")]);
    for (index, relay) in relays.iter().enumerate() {
        let region = &map.regions[&RegionId(901 + index as u64)];
        let [node] = &region.nodes[..] else { panic!("one node") };
        let Pin::Address(v4) = node.ipv4 else { panic!("an IPv4 address") };
        assert_eq!(node.host_name, v4.to_string());
        assert_eq!(SocketAddr::from((v4, node.stun_port.unwrap())), relay.stun_addrs()[0]);
        assert_eq!(SocketAddr::from((v4, node.derp_port)), relay.https_addrs()[0]);
        let CertName::Sha256Raw(hash) = &node.cert_name else { panic!("a pin") };
        assert_eq!(Some(format!("sha256-raw:{hash}")), relay.cert_pin());
        match node.ipv6 {
            Pin::Address(v6) => {
                assert_eq!(index, 0, "there is one IPv6 loopback address");
                assert!(relay.stun_addrs().contains(&SocketAddr::from((v6, node.stun_port.unwrap()))));
                assert!(relay.https_addrs().contains(&SocketAddr::from((v6, node.derp_port))));
            }
            pin => assert_eq!(pin, Pin::Disabled),
        }
    }
}

#[test]
fn a_port_in_use_is_named() {
    let holder = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = holder.local_addr().unwrap();
    let error = Relay::bind(RelayOptions { stun_addrs: vec![address], ..RelayOptions::default() }).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    assert!(error.to_string().contains(&address.to_string()), "{error}");
}
