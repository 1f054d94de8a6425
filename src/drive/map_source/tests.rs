use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// What the stand-in for a decoder takes: text that begins with `map`.
#[derive(Debug, thiserror::Error)]
#[error("{0}: not a map\nand more")]
struct NotAMap(String);

fn decode(name: &str, bytes: &[u8]) -> Result<String, NotAMap> {
    let text = String::from_utf8_lossy(bytes).into_owned();
    if text.starts_with("map") { Ok(text) } else { Err(NotAMap(name.to_owned())) }
}

/// What the server does with one connection.
enum Reply {
    /// Sends this and closes.
    Text(String),
    /// Sends this, then this again and again without end.
    Endless(&'static str, Vec<u8>),
    /// Sends this, then a byte now and then without end.
    Drip(&'static str),
    /// Says nothing and keeps the connection.
    Silent,
    /// Closes at once.
    Close,
}

struct Server {
    url: String,
    requests: Arc<Mutex<Vec<String>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// Answers one connection after the other with these; the last one again and again.
    async fn start(replies: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/map", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        let mut replies: VecDeque<Arc<Reply>> = replies.into_iter().map(Arc::new).collect();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let reply = Arc::clone(&replies[0]);
                if replies.len() > 1 {
                    replies.pop_front();
                }
                tokio::spawn(serve(stream, reply, Arc::clone(&seen)));
            }
        });
        Self { url, requests, task }
    }

    fn source(&self) -> MapSource {
        MapSource::Url(self.url.clone())
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, reply: Arc<Reply>, seen: Arc<Mutex<Vec<String>>>) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => request.push(byte),
            Err(_) => return,
        }
    }
    seen.lock().unwrap().push(String::from_utf8(request).unwrap().to_ascii_lowercase());
    match &*reply {
        Reply::Text(text) => {
            let _ = stream.write_all(text.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
        Reply::Endless(head, chunk) => {
            let _ = stream.write_all(head.as_bytes()).await;
            while stream.write_all(chunk).await.is_ok() {}
        }
        Reply::Drip(head) => {
            let _ = stream.write_all(head.as_bytes()).await;
            while stream.write_all(b"m").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        Reply::Silent => tokio::time::sleep(Duration::from_secs(3600)).await,
        Reply::Close => {}
    }
}

fn ok(headers: &str, body: &str) -> Reply {
    Reply::Text(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len()))
}

fn status(line: &str) -> Reply {
    Reply::Text(format!("HTTP/1.1 {line}\r\ncontent-length: 0\r\n\r\n"))
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + seconds)
}

fn options(now: SystemTime, cache: &Path) -> LoadOptions {
    LoadOptions {
        now,
        cache_dir: Some(cache.to_owned()),
        connect_timeout: Duration::from_secs(2),
        timeout: Duration::from_secs(5),
        use_proxy: false,
    }
}

fn cause_of(error: LoadError<NotAMap>) -> Failure {
    match error {
        LoadError::Fetch { failure, .. } => failure,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn fetched_then_fresh_then_asked_again() {
    let cache = TempDir::new().unwrap();
    let headers = "cache-control: max-age=60\r\netag: \"one\"\r\nlast-modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
    let server = Server::start([
        ok(headers, "map 1"),
        Reply::Text("HTTP/1.1 304 Not Modified\r\ncache-control: max-age=10\r\n\r\n".to_owned()),
        ok("etag: \"two\"\r\n", "map 2"),
        Reply::Close,
    ])
    .await;
    let url = server.url.clone();
    let load = |seconds| {
        let (source, options) = (server.source(), options(at(seconds), cache.path()));
        async move {
            let loaded = super::load(&source, &options, decode).await.unwrap();
            (loaded.map, loaded.origin)
        }
    };
    assert_eq!(load(0).await, ("map 1".to_owned(), Origin::Fetched { url: url.clone() }));
    assert_eq!(load(59).await, ("map 1".to_owned(), Origin::Fresh { url: url.clone(), fetched_at: at(0) }));
    assert_eq!(load(60).await, ("map 1".to_owned(), Origin::NotModified { url: url.clone(), fetched_at: at(0) }));
    // The confirmation made it fresh again, for as long as it said.
    assert_eq!(load(69).await, ("map 1".to_owned(), Origin::Fresh { url: url.clone(), fetched_at: at(60) }));
    assert_eq!(load(70).await, ("map 2".to_owned(), Origin::Fetched { url: url.clone() }));
    let (map, origin) = load(71).await;
    assert_eq!(map, "map 2");
    assert!(matches!(origin, Origin::Stale { fetched_at, .. } if fetched_at == at(70)), "{origin:?}");

    let requests = server.requests();
    assert!(!requests[0].contains("if-none-match"), "{}", requests[0]);
    assert!(requests[1].contains("if-none-match: \"one\""), "{}", requests[1]);
    assert!(requests[1].contains("if-modified-since: sun, 06 nov 1994 08:49:37 gmt"), "{}", requests[1]);
    assert!(requests[2].contains("if-none-match: \"one\""), "{}", requests[2]);
    assert_eq!(requests.len(), 4);
}

#[tokio::test]
async fn every_failure_falls_back_to_the_last_good_copy() {
    for (reply, expected) in [
        (status("404 Not Found"), Failure::new(Stage::Http, Cause::Status { code: 404 })),
        (status("503 Unavailable"), Failure::new(Stage::Http, Cause::Status { code: 503 })),
        (
            ok("", "<html>log in</html>"),
            Failure::new(Stage::Http, Cause::Malformed { problem: "URL: not a map".into() }),
        ),
    ] {
        let cache = TempDir::new().unwrap();
        let server = Server::start([ok("", "map 1"), reply, ok("", "map 3")]).await;
        let fresh = load(&server.source(), &options(at(0), cache.path()), decode).await.unwrap();
        assert!(matches!(fresh.origin, Origin::Fetched { .. }));
        let stale = load(&server.source(), &options(at(500), cache.path()), decode).await.unwrap();
        assert_eq!(stale.map, "map 1");
        let Origin::Stale { url, fetched_at, because } = stale.origin else { panic!("{:?}", stale.origin) };
        assert_eq!((url, fetched_at), (server.url.clone(), at(0)));
        let expected = match expected.cause {
            Cause::Malformed { problem } => {
                Failure::new(expected.stage, Cause::Malformed { problem: problem.replace("URL", &server.url) })
            }
            cause => Failure::new(expected.stage, cause),
        };
        assert_eq!(because, expected);
        let again = load(&server.source(), &options(at(501), cache.path()), decode).await.unwrap();
        assert_eq!(again.map, "map 3", "what was refused has not replaced the copy");
    }
}

#[tokio::test]
async fn without_a_copy_the_error_says_what_to_do() {
    let cache = TempDir::new().unwrap();
    let server = Server::start([status("404 Not Found")]).await;
    let error = load(&server.source(), &options(at(0), cache.path()), decode).await.unwrap_err();
    let text = error.to_string();
    for part in [&*server.url, "404", "`--derp-map FILE`", "`natscope selftest`", &*cache.path().to_string_lossy()] {
        assert!(text.contains(part), "{text}");
    }
    let server = Server::start([ok("", "<html>")]).await;
    let error = load(&server.source(), &options(at(0), cache.path()), decode).await.unwrap_err();
    assert!(matches!(&error, LoadError::NotAMap { error, .. } if error.0 == server.url), "{error}");
    assert!(error.to_string().contains("`natscope selftest`"), "{error}");
    assert_eq!(std::fs::read_dir(cache.path()).unwrap().count(), 0, "nothing bad was kept");
    let server = Server::start([status("304 Not Modified")]).await;
    let error = load(&server.source(), &options(at(0), cache.path()), decode).await.unwrap_err();
    assert!(matches!(cause_of(error).cause, Cause::Malformed { .. }));
}

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

#[tokio::test]
async fn a_damaged_copy_is_no_copy() {
    let cache = TempDir::new().unwrap();
    let server = Server::start([ok("cache-control: max-age=60\r\n", "map 1"), ok("", "map 2")]).await;
    load(&server.source(), &options(at(0), cache.path()), decode).await.unwrap();
    let files: Vec<_> = std::fs::read_dir(cache.path()).unwrap().map(|file| file.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "no temporary files are left: {files:?}");
    let mut bytes = std::fs::read(&files[0]).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&files[0], bytes).unwrap();
    let loaded = load(&server.source(), &options(at(1), cache.path()), decode).await.unwrap();
    assert_eq!((loaded.map.as_str(), loaded.origin), ("map 2", Origin::Fetched { url: server.url.clone() }));
    assert!(!server.requests()[1].contains("if-none-match"));
}

#[tokio::test]
async fn what_must_not_be_kept_is_not() {
    let cache = TempDir::new().unwrap();
    let server = Server::start([ok("", "map 1"), ok("cache-control: no-store\r\n", "map 2"), Reply::Close]).await;
    load(&server.source(), &options(at(0), cache.path()), decode).await.unwrap();
    load(&server.source(), &options(at(1), cache.path()), decode).await.unwrap();
    assert_eq!(std::fs::read_dir(cache.path()).unwrap().count(), 0);
    load(&server.source(), &options(at(2), cache.path()), decode).await.unwrap_err();
}

#[tokio::test]
async fn a_cache_that_cannot_be_written_does_no_harm() {
    let dir = TempDir::new().unwrap();
    let not_a_dir = dir.path().join("file");
    std::fs::write(&not_a_dir, "x").unwrap();
    let server = Server::start([ok("", "map 1")]).await;
    assert!(load(&server.source(), &options(at(0), &not_a_dir), decode).await.is_ok());
    let nowhere = LoadOptions { cache_dir: None, ..options(at(0), dir.path()) };
    assert!(load(&server.source(), &nowhere, decode).await.is_ok());
}

#[tokio::test]
async fn files_are_read_and_their_troubles_named() {
    let dir = TempDir::new().unwrap();
    let options = options(at(0), dir.path());
    let path = dir.path().join("derp.json");
    let file = |path: &Path| MapSource::File(path.to_owned());
    std::fs::write(&path, "map of a file").unwrap();
    let loaded = load(&file(&path), &options, decode).await.unwrap();
    assert_eq!((loaded.map.as_str(), loaded.origin), ("map of a file", Origin::File { path: path.clone() }));

    let said = |error: LoadError<NotAMap>| error.to_string();
    let missing = load(&file(&dir.path().join("nope")), &options, decode).await.unwrap_err();
    assert!(said(missing).contains("there is no such file"));
    let directory = load(&file(dir.path()), &options, decode).await.unwrap_err();
    assert!(matches!(directory, LoadError::Local(LocalError::Directory { .. })), "{directory}");
    std::fs::File::create(&path).unwrap().set_len(MAX_BYTES + 1).unwrap();
    let large = load(&file(&path), &options, decode).await.unwrap_err();
    assert!(said(large).contains("too large"));
    std::fs::write(&path, "pam").unwrap();
    let bad = load(&file(&path), &options, decode).await.unwrap_err();
    assert!(matches!(&bad, LoadError::NotAMap { error, .. } if error.0 == path.display().to_string()), "{bad}");
    #[cfg(target_os = "linux")]
    {
        let endless = load(&file(Path::new("/dev/zero")), &options, decode).await.unwrap_err();
        assert!(said(endless).contains("too large"));
    }
    assert!(matches!(load(&MapSource::Embedded, &options, decode).await, Err(LoadError::Embedded)));
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
    let name = "drive::map_source::tests::proxies_of_the_environment_are_used";
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

/// What a decoder of real maps makes of it all.
#[tokio::test]
async fn with_the_real_decoder() {
    let cache = TempDir::new().unwrap();
    let map = "{\"Regions\": {\"900\": {\"RegionID\": 900, \"Nodes\": []}}}";
    let server = Server::start([ok("", map), ok("", "<!doctype html><p>log in"), ok("", "{\"Regions\": 1}")]).await;
    for expected in ["Fetched", "an HTML page", "expected an object with a region for each id"] {
        let loaded = load(&server.source(), &options(at(0), cache.path()), crate::derpmap::decode).await.unwrap();
        assert_eq!(loaded.map.layer.region_count(), 1);
        let origin = format!("{:?}", loaded.origin);
        assert!(origin.contains(expected), "{origin}");
    }
}
