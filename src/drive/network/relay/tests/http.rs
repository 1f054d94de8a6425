//! One request, and what is told of the answer.

use std::time::SystemTime;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

/// A server that gives everybody the same bytes, and then waits.
async fn saying(bytes: Vec<u8>) -> SocketAddr {
    tcp_server(move |mut stream| {
        let bytes = bytes.clone();
        async move {
            request_head(&mut stream).await;
            stream.write_all(&bytes).await.unwrap();
            wait_for_end(stream).await;
        }
    })
    .await
}

#[tokio::test]
async fn statuses_and_telling_headers_are_an_answer() {
    for (head, status, header) in [
        ("HTTP/1.1 200 OK\r\nServer: nginx\r\nX-Secret: no", 200, ("server", "nginx")),
        ("HTTP/1.1 302 Found\r\nLocation: https://elsewhere/", 302, ("location", "https://elsewhere/")),
        ("HTTP/1.1 403 Forbidden\r\nCF-Ray: abc", 403, ("cf-ray", "abc")),
        ("HTTP/1.1 502 Bad Gateway\r\nVia: 1.1 proxy", 502, ("via", "1.1 proxy")),
        ("HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\nServer: \u{1b}[31mre\u{202e}d", 200, ("server", "[31mred")),
    ] {
        let server = saying(format!("{head}\r\nContent-Length: 2\r\n\r\nhi").into_bytes()).await;
        let answer = plain(server, get(HttpRequest::Home)).await;
        let reply = answer.http.expect("a reply");
        assert_eq!((answer.ended, answer.tls, reply.status), (None, None, status));
        assert_eq!(reply.header(header.0), Some(header.1));
        assert_eq!((reply.header("x-secret"), reply.header("content-length")), (None, None));
        assert_eq!(reply.body, "hi");
    }
}

#[tokio::test]
async fn two_hundred_characters_of_a_body_are_told() {
    let page = "é".repeat(5000);
    let server = saying(format!("HTTP/1.1 200 OK\r\n\r\n{page}").into_bytes()).await;
    assert_eq!(plain(server, get(HttpRequest::Home)).await.http.unwrap().body, "é".repeat(200));
    let server = saying(b"HTTP/1.1 200 OK\r\n\r\n a\x1b[2J\r\nb\xff".to_vec()).await;
    assert_eq!(plain(server, get(HttpRequest::Home)).await.http.unwrap().body, "a[2J  b\u{fffd}");
}

#[tokio::test]
async fn a_body_that_does_not_come_is_no_failure() {
    let server = saying(b"HTTP/1.1 426 Upgrade Required\r\nContent-Length: 100\r\n\r\n".to_vec()).await;
    let answer = plain(server, get(HttpRequest::DerpPlain)).await;
    let reply = answer.http.expect("a reply");
    assert_eq!((answer.ended, reply.status, reply.body.as_str()), (None, 426, ""));
}

#[tokio::test]
async fn the_servers_clock_is_compared_with_ours() {
    let date = httpdate::fmt_http_date(crate::drive::wall_clock::now() + Duration::from_secs(3600));
    let server = saying(format!("HTTP/1.1 200 OK\r\nDate: {date}\r\n\r\n").into_bytes()).await;
    let ahead = plain(server, get(HttpRequest::Home)).await.http.unwrap().date_ahead_s.unwrap();
    // Dates are whole seconds, and the way takes time.
    assert!((3590..=3600).contains(&ahead), "{ahead}");
    for (date, ahead) in [("yesterday", false), ("Thu, 01 Jan 1970 00:00:00 GMT", true)] {
        let server = saying(format!("HTTP/1.1 200 OK\r\nDate: {date}\r\n\r\n").into_bytes()).await;
        let told = plain(server, get(HttpRequest::Home)).await.http.unwrap().date_ahead_s;
        assert_eq!(told.is_some_and(|seconds| seconds < -1_000_000_000), ahead, "{told:?}");
    }
    assert!(SystemTime::UNIX_EPOCH < crate::drive::wall_clock::now());
}

#[tokio::test]
async fn our_relay_answers_each_request_as_derper_does() {
    let relay = ours(Access::Anyone);
    for (request, status, body, echoed) in [
        (HttpRequest::DerpPlain, 426, "DERP requires connection upgrade", false),
        (HttpRequest::LatencyCheck, 200, "", false),
        (HttpRequest::Generate204, 204, "", true),
    ] {
        let answer = over_tls(target("relay.test", relay.https), get(request)).await;
        let reply = answer.http.expect("a reply");
        assert_eq!((answer.ended, reply.status, reply.body.as_str()), (None, status, body), "{request:?}");
        assert_eq!(reply.challenge_echoed, echoed, "{request:?}");
        assert!(answer.tls.is_some() && answer.connect.is_some());
    }
    for request in [HttpRequest::BootstrapDns, HttpRequest::Home] {
        assert_eq!(over_tls(target("relay.test", relay.https), get(request)).await.ended, None, "{request:?}");
    }
}

#[tokio::test]
async fn a_websocket_brings_the_relays_key() {
    let relay = ours(Access::Anyone);
    let answer = over_tls(target("relay.test", relay.https), get(HttpRequest::DerpWebSocket)).await;
    assert_eq!((answer.ended, answer.http.as_ref().map(|reply| reply.status)), (None, Some(101)));
    assert_eq!(answer.http.unwrap().header("sec-websocket-protocol"), Some("derp"));
    let said = answer.derp.expect("DERP");
    assert_eq!((said.server_keys, said.admitted), (vec![relay.key.to_hex()], None));
    assert!(said.key_after.is_some());
}

#[tokio::test]
async fn a_websocket_that_brings_no_key_is_told() {
    let head = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";
    for first in [&[0x81, 2, b'h', b'i'][..], &[0x82, 3, 1, 2, 3], &[0x82, 127, 0xff], b"HTTP/1.1 400 Bad\r\n\r\n"] {
        let server = saying([head, first].concat()).await;
        let answer = plain(server, get(HttpRequest::DerpWebSocket)).await;
        let ended = answer.ended.expect("a failure");
        assert_eq!(ended.stage, Stage::Derp);
        assert!(matches!(ended.cause, Cause::Malformed { .. }), "{first:?}: {ended:?}");
        assert_eq!((answer.http.map(|reply| reply.status), answer.derp), (Some(101), None));
    }
    let closing = tcp_server(move |mut stream| async move {
        request_head(&mut stream).await;
        stream.write_all(head).await.unwrap();
    })
    .await;
    let answer = plain(closing, get(HttpRequest::DerpWebSocket)).await;
    assert_eq!(answer.ended, failed(Stage::Derp, Cause::Closed));
    // Who does not switch has answered.
    let server = saying(b"HTTP/1.1 403 Forbidden\r\n\r\n".to_vec()).await;
    let answer = plain(server, get(HttpRequest::DerpWebSocket)).await;
    assert_eq!((answer.ended, answer.http.map(|reply| reply.status)), (None, Some(403)));
}

#[tokio::test]
async fn a_proxy_is_named_and_gone_through() {
    let relay = ours(Access::Anyone);
    let onward = relay.https;
    let proxy = tcp_server(move |mut stream| async move {
        let head = request_head(&mut stream).await;
        assert!(head.starts_with("CONNECT relay.test:"), "{head}");
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        let mut onward = tokio::net::TcpStream::connect(onward).await.unwrap();
        let _ = tokio::io::copy_bidirectional(&mut stream, &mut onward).await;
    })
    .await;
    let proxies = Proxies::Explicit { https: format!("http://user:secret@{proxy}"), except: String::new() };
    let options = NetworkOptions { proxies, ..trusting_a_stranger() };
    let unresolved = HttpsTarget { address: None, ..target("relay.test", relay.https) };
    let question = RelayQuestion { target: unresolved, tls: true, ask: derp(DerpStart::Upgrade), timeout: PATIENCE };
    let answer = answer_by(options, question).await;
    assert_eq!((answer.ended, answer.remote), (None, Some(proxy)));
    assert_eq!(answer.via_proxy, Some(format!("http://{proxy}")));
    assert!(answer.derp.is_some_and(|said| said.admitted.is_some()));
}

#[tokio::test]
async fn a_request_is_whole_and_carries_the_port() {
    let server = tcp_server(|mut stream| async move {
        let head = request_head(&mut stream).await;
        let port = stream.local_addr().unwrap().port();
        assert!(head.contains(&format!("\r\nHost: relay.test:{port}\r\n")), "{head}");
        let _ = stream.write_all(format!("HTTP/1.1 200 OK\r\n\r\n{}", &head[..9]).as_bytes()).await;
        let _ = stream.read(&mut [0]).await;
    })
    .await;
    assert_eq!(plain(server, get(HttpRequest::DerpPlain)).await.http.unwrap().body, "GET /derp");
}
