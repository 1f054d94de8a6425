mod cache;
mod fetching;

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
