//! The copy that is kept: when it is used, and when there is none.

use super::*;

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
