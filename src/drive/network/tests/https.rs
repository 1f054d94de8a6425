use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
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
struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: Vec<u8>,
}

impl Identity {
    fn self_signed(name: &str, change: impl Fn(&mut CertificateParams)) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        change(&mut params);
        let der = params.self_signed(&key).unwrap().der().clone();
        Self { chain: vec![der], key: key.serialize_der() }
    }

    /// Signed by a fresh authority, whose certificate is returned beside it.
    fn signed(name: &str, change: impl Fn(&mut CertificateParams)) -> (Self, CertificateDer<'static>) {
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
    fn and(mut self, common_name: &str) -> Self {
        let other = Self::self_signed("other", |params| {
            params.distinguished_name.push(DnType::CommonName, common_name);
        });
        self.chain.extend(other.chain);
        self
    }

    fn pin(&self) -> String {
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

async fn request_head<S: AsyncRead + Unpin>(stream: &mut S) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(head).unwrap()
}

fn target(host_name: &str, server: SocketAddr) -> HttpsTarget {
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

#[tokio::test]
async fn every_phase_is_timed_and_the_certificate_told() {
    let (identity, root) = Identity::signed("relay.test", |_| {});
    let hash = identity.pin();
    let server = identity.and("derpkey0123").serve(Script::Answer(OK)).await;
    let answer = answer(trusting(&root), target("relay.test", server)).await;
    assert_eq!((answer.status, answer.remote, answer.via_proxy), (200, server, None));
    assert!(answer.connect > Duration::ZERO && answer.tls > Duration::ZERO && answer.request > Duration::ZERO);
    assert_eq!(format!("sha256-raw:{}", answer.cert_sha256.unwrap()), hash);
}

#[tokio::test]
async fn any_status_is_an_answer() {
    for (bytes, status) in [
        (&b"HTTP/1.1 302 Found\r\nLocation: https://elsewhere/\r\n\r\n"[..], 302),
        (b"HTTP/1.1 500 Internal Server Error\r\n\r\noops", 500),
    ] {
        let (identity, root) = Identity::signed("relay.test", |_| {});
        let server = identity.serve(Script::Answer(bytes)).await;
        assert_eq!(answer(trusting(&root), target("relay.test", server)).await.status, status);
    }
}

#[tokio::test]
async fn an_unknown_issuer_is_told() {
    let server = Identity::self_signed("relay.test", |_| {}).serve(Script::Answer(OK)).await;
    let (_, root) = Identity::signed("other.test", |_| {});
    assert_eq!(fault(trusting(&root), target("relay.test", server)).await, CertificateFault::UnknownIssuer);
    // The system's own roots do not know it either.
    assert_eq!(fault(direct(Trust::System), target("relay.test", server)).await, CertificateFault::UnknownIssuer);
}

#[tokio::test]
async fn a_wrong_name_is_told() {
    let (identity, root) = Identity::signed("other.test", |_| {});
    let server = identity.serve(Script::Answer(OK)).await;
    let expected = CertificateFault::NameMismatch { expected: "relay.test".into() };
    assert_eq!(fault(trusting(&root), target("relay.test", server)).await, expected);
    // The map may say that the certificate is for another name.
    let fronted = HttpsTarget { cert_name: "other.test".into(), ..target("relay.test", server) };
    assert_eq!(answer(trusting(&root), fronted).await.status, 200);
}

#[tokio::test]
async fn an_address_for_a_host_name_must_be_in_the_certificate() {
    let (identity, root) = Identity::signed("127.0.0.1", |_| {});
    let server = identity.serve(Script::Answer(OK)).await;
    assert_eq!(answer(trusting(&root), target("127.0.0.1", server)).await.status, 200);
    let (identity, root) = Identity::signed("relay.test", |_| {});
    let server = identity.serve(Script::Answer(OK)).await;
    let expected = CertificateFault::NameMismatch { expected: "127.0.0.1".into() };
    assert_eq!(fault(trusting(&root), target("127.0.0.1", server)).await, expected);
}

#[tokio::test]
async fn a_certificate_out_of_its_time_is_told() {
    let past = |params: &mut CertificateParams| params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    let future = |params: &mut CertificateParams| params.not_before = rcgen::date_time_ymd(2090, 1, 1);
    let (identity, root) = Identity::signed("relay.test", past);
    let server = identity.serve(Script::Answer(OK)).await;
    assert_eq!(fault(trusting(&root), target("relay.test", server)).await, CertificateFault::Expired);
    let (identity, root) = Identity::signed("relay.test", future);
    let server = identity.serve(Script::Answer(OK)).await;
    assert_eq!(fault(trusting(&root), target("relay.test", server)).await, CertificateFault::NotYetValid);
    // A pin does not lift it.
    for (identity, expected) in [
        (Identity::self_signed("relay.test", past), CertificateFault::Expired),
        (Identity::self_signed("relay.test", future), CertificateFault::NotYetValid),
    ] {
        let cert_name = identity.pin();
        let server = identity.serve(Script::Answer(OK)).await;
        let pinned = HttpsTarget { cert_name, ..target("relay.test", server) };
        assert_eq!(fault(direct(Trust::System), pinned).await, expected);
    }
}

#[tokio::test]
async fn a_pin_takes_the_place_of_the_chain() {
    let identity = Identity::self_signed("relay.test", |_| {});
    let cert_name = identity.pin();
    let server = identity.and("derpkey0123").serve(Script::Answer(OK)).await;
    let pinned = |cert_name: &str| HttpsTarget { cert_name: cert_name.into(), ..target("relay.test", server) };
    assert_eq!(answer(direct(Trust::System), pinned(&cert_name)).await.status, 200);

    let hex = cert_name.strip_prefix("sha256-raw:").unwrap();
    for wrong in ["0".repeat(64), hex.to_uppercase(), String::new()] {
        let expected = CertificateFault::PinMismatch { expected: wrong.clone(), presented: hex.into() };
        assert_eq!(fault(direct(Trust::System), pinned(&format!("sha256-raw:{wrong}"))).await, expected);
        // Nor does "insecure" lift a pin.
        let insecure = HttpsTarget { insecure_for_tests: true, ..pinned(&format!("sha256-raw:{wrong}")) };
        assert_eq!(fault(direct(Trust::System), insecure).await, expected);
    }
}

#[tokio::test]
async fn a_pinned_certificate_must_be_for_the_name_and_alone() {
    let identity = Identity::self_signed("other.test", |_| {});
    let cert_name = identity.pin();
    let server = identity.serve(Script::Answer(OK)).await;
    let pinned = HttpsTarget { cert_name: cert_name.clone(), ..target("relay.test", server) };
    let expected = CertificateFault::NameMismatch { expected: "relay.test".into() };
    assert_eq!(fault(direct(Trust::System), pinned).await, expected);
    // An address has no name to compare.
    let pinned = HttpsTarget { cert_name, ..target("127.0.0.1", server) };
    assert_eq!(answer(direct(Trust::System), pinned).await.status, 200);

    let identity = Identity::self_signed("relay.test", |_| {});
    let cert_name = identity.pin();
    let server = identity.and("derpkey0123").and("intermediate").serve(Script::Answer(OK)).await;
    let pinned = HttpsTarget { cert_name, ..target("relay.test", server) };
    assert_eq!(fault(direct(Trust::System), pinned).await, CertificateFault::NotAlone { count: 2 });
}

#[tokio::test]
async fn insecure_for_tests_verifies_nothing() {
    let past = |params: &mut CertificateParams| params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    let server = Identity::self_signed("other.test", past).serve(Script::Answer(OK)).await;
    let insecure = HttpsTarget { insecure_for_tests: true, ..target("relay.test", server) };
    assert_eq!(answer(direct(Trust::System), insecure).await.status, 200);
}

/// A server that does to every connection what `act` says.
async fn tcp_server<F, R>(act: F) -> SocketAddr
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

#[tokio::test]
async fn plain_http_on_the_tls_port_is_not_tls() {
    let server = tcp_server(|mut stream| async move {
        let _ = stream.read(&mut [0; 4096]).await;
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    })
    .await;
    let failure = failure_of(direct(Trust::System), question(target("relay.test", server))).await;
    assert_eq!(failure, Failure::new(Stage::Tls, Cause::NotTls));
}

#[tokio::test]
async fn an_alert_is_told_by_name() {
    let server = tcp_server(|mut stream| async move {
        let _ = stream.read(&mut [0; 4096]).await;
        // A record of type alert, TLS 1.2, two bytes: fatal, internal_error.
        let _ = stream.write_all(&[21, 3, 3, 0, 2, 2, 80]).await;
    })
    .await;
    let failure = failure_of(direct(Trust::System), question(target("relay.test", server))).await;
    assert_eq!(failure, Failure::new(Stage::Tls, Cause::TlsAlert { alert: "internal_error".into() }));
}

#[tokio::test]
async fn a_connection_closed_in_the_handshake_is_closed() {
    let server = tcp_server(|mut stream| async move {
        let _ = stream.read(&mut [0; 4096]).await;
    })
    .await;
    let failure = failure_of(direct(Trust::System), question(target("relay.test", server))).await;
    assert_eq!(failure, Failure::new(Stage::Tls, Cause::Closed));
}

#[tokio::test]
async fn a_closed_port_is_refused() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let failure = failure_of(direct(Trust::System), question(target("relay.test", closed))).await;
    assert_eq!(failure, Failure::new(Stage::Connect, Cause::Refused));
}

#[tokio::test]
async fn without_an_address_or_proxy_it_is_a_failure_of_dns() {
    let nowhere = HttpsTarget { address: None, ..target("relay.test", "127.0.0.1:1".parse().unwrap()) };
    let failure = failure_of(direct(Trust::System), question(nowhere)).await;
    assert_eq!(failure, Failure::new(Stage::Dns, Cause::NoAddress));
}

#[tokio::test]
async fn a_server_that_stalls_or_never_ends_is_bounded() {
    let timeout = Duration::from_millis(400);
    let timed_out = Cause::TimedOut { after: timeout };
    for (script, cause) in [
        (Script::Silence, timed_out.clone()),
        (Script::Drip, timed_out.clone()),
        (Script::Endless, Cause::TooLarge { limit: 65_536 }),
    ] {
        let (identity, root) = Identity::signed("relay.test", |_| {});
        let server = identity.serve(script).await;
        // The endless one needs time to send that much on a busy machine.
        let timeout = if cause == timed_out { timeout } else { Duration::from_secs(4) };
        let question = Question::HttpsLatency { target: target("relay.test", server), timeout };
        let failure = failure_of(trusting(&root), question).await;
        assert_eq!(failure, Failure::new(Stage::Http, cause));
    }
    let silent = tcp_server(|stream| async move {
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await;
    let question = Question::HttpsLatency { target: target("relay.test", silent), timeout };
    let failure = failure_of(direct(Trust::System), question).await;
    assert_eq!(failure, Failure::new(Stage::Tls, timed_out));
}

/// An HTTP proxy that answers CONNECT with `answer`, and then connects to `relay` if there is one.
async fn proxy(answer: &'static str, relay: Option<SocketAddr>) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let address = tcp_server(move |mut stream| {
        let log = Arc::clone(&log);
        async move {
            let head = request_head(&mut stream).await;
            log.lock().unwrap().push(head);
            stream.write_all(answer.as_bytes()).await.unwrap();
            match relay {
                Some(relay) => {
                    let mut onward = TcpStream::connect(relay).await.unwrap();
                    let _ = tokio::io::copy_bidirectional(&mut stream, &mut onward).await;
                }
                None => std::future::pending().await,
            }
        }
    })
    .await;
    (address, seen)
}

fn through(proxy: &str, except: &str, trust: Trust) -> NetworkOptions {
    let proxies = Proxies::Explicit { https: proxy.into(), except: except.into() };
    NetworkOptions { proxies, trust, ..NetworkOptions::default() }
}

#[tokio::test]
async fn a_proxy_connects_by_name_and_is_named_without_credentials() {
    let (identity, root) = Identity::signed("relay.test", |_| {});
    let relay = identity.serve(Script::Answer(OK)).await;
    let (proxy, seen) = proxy("HTTP/1.1 200 Connection established\r\n\r\n", Some(relay)).await;
    let options = through(&format!("http://user:secret@{proxy}"), "", Trust::Explicit(vec![root]));
    let unresolved = HttpsTarget { address: None, port: 443, ..target("relay.test", relay) };
    let answer = answer(options, unresolved).await;
    assert_eq!((answer.status, answer.remote), (200, proxy));
    assert_eq!(answer.via_proxy, Some(format!("http://{proxy}")));
    let seen = seen.lock().unwrap();
    assert!(seen[0].starts_with("CONNECT relay.test:443 HTTP/1.1\r\nHost: relay.test:443\r\n"), "{}", seen[0]);
    assert!(seen[0].contains("\r\nProxy-Authorization: Basic dXNlcjpzZWNyZXQ=\r\n"), "{}", seen[0]);
}

#[tokio::test]
async fn a_proxy_that_refuses_says_so() {
    let (proxy, _) = proxy("HTTP/1.1 403 Forbidden\r\n\r\n", None).await;
    let relay = target("relay.test", "127.0.0.1:9".parse().unwrap());
    let failure = failure_of(through(&format!("http://{proxy}"), "", Trust::System), question(relay)).await;
    let said = "HTTP/1.1 403 Forbidden".into();
    assert_eq!(failure, Failure::new(Stage::Connect, Cause::Proxy { said }));
}

#[tokio::test]
async fn a_silent_proxy_times_out_in_connect() {
    let (proxy, _) = proxy("", None).await;
    let timeout = Duration::from_millis(300);
    let relay = target("relay.test", "127.0.0.1:9".parse().unwrap());
    let question = Question::HttpsLatency { target: relay, timeout };
    let failure = failure_of(through(&format!("http://{proxy}"), "", Trust::System), question).await;
    assert_eq!(failure, Failure::new(Stage::Connect, Cause::TimedOut { after: timeout }));
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_not_the_relays_fault() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let relay = target("relay.test", "127.0.0.1:9".parse().unwrap());
    let failure = failure_of(through(&format!("http://{closed}"), "", Trust::System), question(relay)).await;
    let said = format!("http://{closed}: connection refused");
    assert_eq!(failure, Failure::new(Stage::Connect, Cause::Proxy { said }));
}

#[tokio::test]
async fn exceptions_go_past_the_proxy() {
    let (identity, root) = Identity::signed("relay.test", |_| {});
    let relay = identity.serve(Script::Answer(OK)).await;
    let options = through("http://127.0.0.1:9", "relay.test", Trust::Explicit(vec![root]));
    let answer = answer(options, target("relay.test", relay)).await;
    assert_eq!((answer.status, answer.remote, answer.via_proxy), (200, relay, None));
}

#[tokio::test]
async fn an_https_proxy_is_spoken_to_in_tls() {
    let (identity, root) = Identity::signed("relay.test", |_| {});
    let relay = identity.serve(Script::Answer(OK)).await;
    let (plain, _) = proxy("HTTP/1.1 200 OK\r\n\r\n", Some(relay)).await;
    let (front, front_root) = Identity::signed("127.0.0.1", |_| {});
    let config = rustls::ServerConfig::builder_with_provider(tls_roots::provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(front.chain, PrivateKeyDer::try_from(front.key).unwrap())
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let address = tcp_server(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let mut stream = acceptor.accept(stream).await.unwrap();
            let mut onward = TcpStream::connect(plain).await.unwrap();
            let _ = tokio::io::copy_bidirectional(&mut stream, &mut onward).await;
        }
    })
    .await;
    let options = through(&format!("https://{address}"), "", Trust::Explicit(vec![root, front_root]));
    let answer = answer(options, target("relay.test", relay)).await;
    assert_eq!((answer.status, answer.via_proxy), (200, Some(format!("https://{address}"))));
}

/// A SOCKS5 proxy that wants `u`/`p` and replies with `code`.
async fn socks(code: u8, relay: SocketAddr) -> (SocketAddr, Arc<Mutex<Vec<u8>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let address = tcp_server(move |mut stream| {
        let log = Arc::clone(&log);
        async move {
            let mut greeting = [0; 4];
            stream.read_exact(&mut greeting).await.unwrap();
            assert_eq!(greeting, [5, 2, 0, 2]);
            stream.write_all(&[5, 2]).await.unwrap();
            let mut login = [0; 5];
            stream.read_exact(&mut login).await.unwrap();
            assert_eq!(login, [1, 1, b'u', 1, b'p']);
            stream.write_all(&[1, 0]).await.unwrap();
            let mut request = vec![0; 512];
            let length = stream.read(&mut request).await.unwrap();
            log.lock().unwrap().extend(&request[..length]);
            stream.write_all(&[5, code, 0, 1, 0, 0, 0, 0, 0, 0]).await.unwrap();
            let mut onward = TcpStream::connect(relay).await.unwrap();
            let _ = tokio::io::copy_bidirectional(&mut stream, &mut onward).await;
        }
    })
    .await;
    (address, seen)
}

#[tokio::test]
async fn a_socks_proxy_is_asked_by_name_or_address() {
    for (scheme, asked_for) in [("socks5h", &b"\x03\x0arelay.test"[..]), ("socks5", b"\x01\x7f\x00\x00\x01")] {
        let (identity, root) = Identity::signed("relay.test", |_| {});
        let relay = identity.serve(Script::Answer(OK)).await;
        let (proxy, seen) = socks(0, relay).await;
        let options = through(&format!("{scheme}://u:p@{proxy}"), "", Trust::Explicit(vec![root]));
        let answer = answer(options, target("relay.test", relay)).await;
        assert_eq!((answer.status, answer.via_proxy), (200, Some(format!("{scheme}://{proxy}"))));
        let expected = [&[5, 1, 0], asked_for, &relay.port().to_be_bytes()].concat();
        assert_eq!(*seen.lock().unwrap(), expected);
    }
}

#[tokio::test]
async fn a_socks_refusal_is_told() {
    let nobody: IpAddr = "127.0.0.1".parse().unwrap();
    let relay = SocketAddr::new(nobody, 9);
    let (proxy, _) = socks(5, relay).await;
    let options = through(&format!("socks5h://u:p@{proxy}"), "", Trust::System);
    let failure = failure_of(options, question(target("relay.test", relay))).await;
    let said = format!("socks5h://{proxy}: SOCKS: connection refused");
    assert_eq!(failure, Failure::new(Stage::Connect, Cause::Proxy { said }));
}
