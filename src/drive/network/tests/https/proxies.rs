//! Through HTTP, HTTPS and SOCKS5 proxies, and past them.

use std::net::IpAddr;
use std::sync::Mutex;

use super::*;

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
