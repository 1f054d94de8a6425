//! Servers that are no relays, or mean harm: each ends in time, with what was seen before.

use rcgen::{CertificateParams, DnType};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;

use super::scripted::{saying, server_key};
use super::*;

fn all() -> [RelayAsk; 7] {
    [
        handshake(),
        get(HttpRequest::DerpPlain),
        get(HttpRequest::DerpWebSocket),
        derp(DerpStart::Upgrade),
        derp(DerpStart::WebSocket),
        RelayAsk::DerpExchange,
        RelayAsk::DerpHold { stay: Duration::from_secs(1) },
    ]
}

#[tokio::test]
async fn a_closed_port_is_refused() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for ask in all() {
        let answer = over_tls(target("relay.test", closed), ask).await;
        assert_eq!(answer, RelayAnswer { ended: failed(Stage::Connect, Cause::Refused), ..RelayAnswer::default() });
    }
}

#[tokio::test]
async fn what_is_no_tls_ends_there_with_the_way_kept() {
    for (said, cause) in [
        (&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], Some(Cause::NotTls)),
        (b"SSH-2.0-OpenSSH_9.6\r\n", Some(Cause::NotTls)),
        (b"", Some(Cause::Closed)),
        (&[22, 3, 3, 0, 4, 9, 9, 9, 9], None),
    ] {
        let server = tcp_server(move |mut stream| async move {
            let _ = tokio::io::AsyncReadExt::read(&mut stream, &mut [0; 4096]).await;
            let _ = stream.write_all(said).await;
        })
        .await;
        for ask in all() {
            let answer = over_tls(target("relay.test", server), ask).await;
            let ended = answer.ended.expect("a failure");
            assert_eq!(ended.stage, Stage::Tls, "{said:?}");
            assert!(cause.as_ref().is_none_or(|cause| *cause == ended.cause), "{said:?}: {ended:?}");
            assert!(answer.connect.is_some() && answer.remote == Some(server));
            assert_eq!((answer.tls, answer.http, answer.derp), (None, None, None));
        }
    }
}

#[tokio::test]
async fn a_silent_server_times_out_where_it_is_silent() {
    let silent = tcp_server(wait_for_end).await;
    let timed_out = Cause::TimedOut { after: SHORT };
    let question = RelayQuestion { target: target("relay.test", silent), tls: true, ask: handshake(), timeout: SHORT };
    assert_eq!(answer_by(trusting_a_stranger(), question).await.ended, failed(Stage::Tls, timed_out.clone()));
    for ask in &all()[1..] {
        let answer = within(SHORT, silent, ask.clone()).await;
        assert_eq!(answer.ended, failed(Stage::Http, timed_out.clone()), "{ask:?}");
    }
    let tls = tls_server(server_config(Identity::self_signed("relay.test", |_| {})), wait_for_end).await;
    let ask = derp(DerpStart::Upgrade);
    let question = RelayQuestion { target: target("relay.test", tls), tls: true, ask, timeout: PATIENCE / 4 };
    let answer = answer_by(trusting_a_stranger(), question).await;
    assert_eq!(answer.ended, failed(Stage::Http, Cause::TimedOut { after: PATIENCE / 4 }));
    assert!(answer.tls.is_some());
}

#[tokio::test]
async fn a_head_is_neither_endless_nor_waited_for_forever() {
    let endless = tcp_server(|mut stream| async move {
        request_head(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nX: ").await;
        while stream.write_all(&[b'x'; 4096]).await.is_ok() {}
    })
    .await;
    let drip = tcp_server(|mut stream| async move {
        request_head(&mut stream).await;
        for byte in b"HTTP/1.1 200 OK\r\nX: ".iter().chain(std::iter::repeat(&b'x')) {
            if stream.write_all(&[*byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    for ask in &all()[1..] {
        let answer = plain(endless, ask.clone()).await;
        assert_eq!(answer.ended, failed(Stage::Http, Cause::TooLarge { limit: 65_536 }), "{ask:?}");
        let answer = within(SHORT, drip, ask.clone()).await;
        assert_eq!(answer.ended, failed(Stage::Http, Cause::TimedOut { after: SHORT }), "{ask:?}");
    }
}

#[tokio::test]
async fn an_endless_body_is_read_for_its_beginning_alone() {
    let server = tcp_server(|mut stream| async move {
        request_head(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
        while stream.write_all(&[b'y'; 4096]).await.is_ok() {}
    })
    .await;
    let answer = plain(server, get(HttpRequest::Home)).await;
    assert_eq!((answer.ended, answer.http.unwrap().body), (None, "y".repeat(200)));
}

/// A frame of a type nobody knows, with that many bytes.
fn unknown(length: u32) -> Vec<u8> {
    let body = vec![0; usize::try_from(length).unwrap()];
    [&[0xee][..], &length.to_be_bytes(), &body].concat()
}

#[tokio::test]
async fn who_says_much_and_does_not_let_us_in_is_stopped() {
    for flood in [unknown(0).repeat(2000), unknown(200_000).repeat(8)] {
        let server = saying([server_key(), flood].concat(), false).await;
        let answer = plain(server, derp(DerpStart::Upgrade)).await;
        let ended = answer.ended.expect("a failure");
        assert!(ended.stage == Stage::Derp && matches!(ended.cause, Cause::Malformed { .. }), "{ended:?}");
        assert_eq!(answer.derp.map(|said| said.server_keys.len()), Some(1));
    }
}

#[tokio::test]
async fn a_few_frames_of_no_use_are_passed_over() {
    let relay = ours_plain(Access::Anyone);
    let onward = relay.http;
    // Our relay, with something unknown said between its key and its greeting.
    let server = tcp_server(move |mut stream| async move {
        let mut relay = tokio::net::TcpStream::connect(onward).await.unwrap();
        let request = request_head(&mut stream).await;
        relay.write_all(request.as_bytes()).await.unwrap();
        let head = request_head(&mut relay).await;
        let mut key = vec![0; 45];
        tokio::io::AsyncReadExt::read_exact(&mut relay, &mut key).await.unwrap();
        stream.write_all(&[head.into_bytes(), key, unknown(3), unknown(70_000)].concat()).await.unwrap();
        let _ = tokio::io::copy_bidirectional(&mut stream, &mut relay).await;
    })
    .await;
    let answer = plain(server, derp(DerpStart::Upgrade)).await;
    assert_eq!(answer.ended, None);
    assert!(answer.derp.is_some_and(|said| said.admitted.is_some()));
}

#[tokio::test]
async fn certificates_are_tamed_and_counted() {
    let names: Vec<String> = (0..70).map(|number| format!("n{number}.test")).collect();
    let mut identity = Identity::self_signed("relay.test", |params: &mut CertificateParams| {
        params.distinguished_name.push(DnType::CommonName, format!("\u{1b}[31m\u{202e}{}", "x".repeat(500)));
        let more = CertificateParams::new(names.clone()).unwrap().subject_alt_names;
        params.subject_alt_names.extend(more);
    });
    for _ in 0..25 {
        identity = identity.and("another");
    }
    let server = tls_server(server_config(identity), wait_for_end).await;
    let tls = over_tls(target("relay.test", server), handshake()).await.tls.expect("a handshake");
    assert_eq!(tls.certificates.len(), 20);
    let leaf = &tls.certificates[0];
    assert!(leaf.common_name.starts_with("[31mx") && leaf.common_name.chars().count() == 120, "{}", leaf.common_name);
    assert_eq!((leaf.issuer.as_str(), leaf.self_issued), (leaf.common_name.as_str(), true));
    assert_eq!((leaf.dns_names.len(), leaf.dns_names[0].as_str()), (50, "relay.test"));
}

#[tokio::test]
async fn a_host_name_that_breaks_the_request_is_never_sent() {
    let server = tcp_server(wait_for_end).await;
    for host in ["a\r\nX: y", "", "a b"] {
        let question =
            RelayQuestion { target: target(host, server), tls: false, ask: get(HttpRequest::Home), timeout: PATIENCE };
        let ended = answer_by(trusting_a_stranger(), question).await.ended.expect("a failure");
        assert!(matches!(ended.cause, Cause::Unsupported { .. }), "{host:?}: {ended:?}");
    }
}
