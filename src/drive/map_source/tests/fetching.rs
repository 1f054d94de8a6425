//! Servers that are slow, endless, broken, elsewhere or behind a proxy.

use super::*;

#[tokio::test]
async fn a_server_cannot_take_forever_or_send_forever() {
    let cache = TempDir::new().unwrap();
    let limits = LoadOptions { timeout: Duration::from_millis(600), ..options(at(0), cache.path()) };
    let timed_out = Failure::new(Stage::Http, Cause::TimedOut { after: limits.timeout });
    for reply in [
        Reply::Silent,
        Reply::Drip("HTTP/1.1 200 OK\r\n\r\n"),
        Reply::Drip("HTTP/1.1 200 OK\r\nx: "),
        Reply::Drip("HTTP/1.1 200 OK\r\ncontent-length: 10000\r\n\r\n"),
    ] {
        let server = Server::start([reply]).await;
        #[expect(clippy::disallowed_methods, reason = "a test of time")]
        let begun = Instant::now();
        let failure = cause_of(load(&server.source(), &limits, decode).await.unwrap_err());
        assert_eq!(failure, timed_out);
        assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    }
    let unlimited = LoadOptions { timeout: Duration::from_secs(60), ..limits };
    let too_large = Failure::new(Stage::Http, Cause::TooLarge { limit: MAX_BYTES });
    for reply in [
        Reply::Endless("HTTP/1.1 200 OK\r\n\r\n", vec![b'm'; 65536]),
        Reply::Endless("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", chunk(65536)),
        Reply::Text("HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n".to_owned()),
    ] {
        let server = Server::start([reply]).await;
        assert_eq!(cause_of(load(&server.source(), &unlimited, decode).await.unwrap_err()), too_large);
    }
}

fn chunk(length: usize) -> Vec<u8> {
    let mut chunk = format!("{length:x}\r\n").into_bytes();
    chunk.extend(std::iter::repeat_n(b'm', length));
    chunk.extend(b"\r\n");
    chunk
}

#[tokio::test]
async fn broken_answers_are_named() {
    let cache = TempDir::new().unwrap();
    for reply in [
        Reply::Close,
        Reply::Text("SSH-2.0-x\r\n".to_owned()),
        Reply::Text("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nmap".to_owned()),
        Reply::Text("HTTP/1.1 302 Found\r\nlocation: gopher://x/\r\ncontent-length: 0\r\n\r\n".to_owned()),
    ] {
        let server = Server::start([reply]).await;
        let failure = cause_of(load(&server.source(), &options(at(0), cache.path()), decode).await.unwrap_err());
        assert_eq!(failure.stage, Stage::Http, "{failure:?}");
    }
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = nobody.local_addr().unwrap().port();
    drop(nobody);
    let refused = MapSource::Url(format!("http://127.0.0.1:{port}/"));
    let failure = cause_of(load(&refused, &options(at(0), cache.path()), decode).await.unwrap_err());
    assert_eq!(failure, Failure::new(Stage::Connect, Cause::Refused));

    let plain = Server::start([Reply::Text("HTTP/1.1 400 Bad Request\r\n\r\n".to_owned())]).await;
    let nonsense = MapSource::Url("http://[::bad/".to_owned());
    let failure = cause_of(load(&nonsense, &options(at(0), cache.path()), decode).await.unwrap_err());
    assert!(matches!(failure.cause, Cause::Unsupported { .. }), "{failure:?}");
    drop(plain);
}

#[tokio::test]
async fn plain_http_on_the_tls_port_is_named() {
    let cache = TempDir::new().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let task = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        tokio::time::sleep(Duration::from_secs(5)).await;
    });
    let source = MapSource::Url(format!("https://127.0.0.1:{port}/"));
    let failure = cause_of(load(&source, &options(at(0), cache.path()), decode).await.unwrap_err());
    assert_eq!(failure, Failure::new(Stage::Tls, Cause::NotTls));
    task.abort();
}

#[tokio::test]
async fn a_certificate_nobody_signed_is_named() {
    let cache = TempDir::new().unwrap();
    let own = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::Pkcs8(own.signing_key.serialize_der().into());
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.der().clone()], key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let task = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let _ = tokio_rustls::TlsAcceptor::from(Arc::new(config)).accept(stream).await;
    });
    let source = MapSource::Url(format!("https://127.0.0.1:{port}/"));
    let failure = cause_of(load(&source, &options(at(0), cache.path()), decode).await.unwrap_err());
    assert_eq!(failure.stage, Stage::Tls, "{failure:?}");
    assert!(matches!(failure.cause, Cause::Certificate { .. }), "{failure:?}");
    task.abort();
}

#[tokio::test]
async fn redirects_are_followed_up_to_five() {
    let cache = TempDir::new().unwrap();
    let redirect = || Reply::Text("HTTP/1.1 302 Found\r\nlocation: /next\r\ncontent-length: 0\r\n\r\n".to_owned());
    let replies = (0..5).map(|_| redirect()).chain([ok("", "map 6")]);
    let server = Server::start(replies).await;
    let loaded = load(&server.source(), &options(at(0), cache.path()), decode).await.unwrap();
    assert_eq!((loaded.map.as_str(), server.requests().len()), ("map 6", 6));

    let server = Server::start([redirect()]).await;
    let failure = cause_of(load(&server.source(), &options(at(0), cache.path()), decode).await.unwrap_err());
    let Cause::Malformed { problem } = failure.cause else { panic!("{failure:?}") };
    assert!(problem.contains("redirected more than five times"), "{problem}");
    assert_eq!(server.requests().len(), 6);
}

/// The environment cannot be changed from inside of a test, so the test runs itself again with another one.
#[tokio::test]
async fn proxies_of_the_environment_are_used() {
    const CHILD: &str = "NATSCOPE_TEST_FETCHES_THROUGH_A_PROXY";
    let source = MapSource::Url("http://map.test/derp".to_owned());
    if std::env::var_os(CHILD).is_some() {
        let options = LoadOptions { cache_dir: None, use_proxy: true, ..options(at(0), Path::new("")) };
        assert_eq!(load(&source, &options, decode).await.unwrap().map, "map of the proxy");
        return;
    }
    let server = Server::start([ok("", "map of the proxy")]).await;
    let name = "drive::map_source::tests::fetching::proxies_of_the_environment_are_used";
    let output = tokio::task::spawn_blocking({
        let proxy = server.url.trim_end_matches("/map").to_owned();
        move || {
            std::process::Command::new(std::env::current_exe().unwrap())
                .args(["--exact", name, "--nocapture"])
                .env(CHILD, "1")
                .env("http_proxy", proxy)
                .env_remove("NO_PROXY")
                .env_remove("no_proxy")
                .env_remove("REQUEST_METHOD")
                .output()
                .unwrap()
        }
    })
    .await
    .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let requests = server.requests();
    assert_eq!(requests.len(), 1, "the child did not run");
    assert!(requests[0].starts_with("get http://map.test/derp http/1.1"), "{}", requests[0]);
}
