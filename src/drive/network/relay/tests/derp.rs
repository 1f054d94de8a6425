//! The DERP handshake, each way of beginning it.

use futures_util::FutureExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::super::session::Session;
use super::scripted::{Scripted, saying, server_key};
use super::*;

const STARTS: [DerpStart; 3] = [DerpStart::Upgrade, DerpStart::Fast, DerpStart::WebSocket];

#[tokio::test]
async fn an_open_relay_admits_however_it_is_begun() {
    let relay = ours(Access::Anyone);
    for start in STARTS {
        let answer = over_tls(target("relay.test", relay.https), derp(start)).await;
        assert_eq!(answer.ended, None, "{start:?}");
        let said = answer.derp.expect("DERP");
        assert_eq!(said.server_keys, [relay.key.to_hex()], "{start:?}");
        let greeting = said.admitted.unwrap_or_else(|| panic!("{start:?}: not admitted"));
        assert!(greeting.version == 2 && greeting.after > Duration::ZERO && said.key_after.is_some(), "{start:?}");
        let status = answer.http.map(|reply| reply.status);
        assert_eq!(status, (start != DerpStart::Fast).then_some(101), "{start:?}");
    }
}

#[tokio::test]
async fn a_relay_without_tls_admits_too_and_has_no_fast_start() {
    let relay = ours_plain(Access::Anyone);
    for start in [DerpStart::Upgrade, DerpStart::WebSocket] {
        let answer = plain(relay.http, derp(start)).await;
        assert_eq!((answer.ended, answer.tls), (None, None));
        assert!(answer.derp.is_some_and(|said| said.admitted.is_some()), "{start:?}");
    }
    let answer = plain(relay.http, derp(DerpStart::Fast)).await;
    let ended = answer.ended.expect("a failure");
    assert!(ended.stage == Stage::Tls && matches!(ended.cause, Cause::Unsupported { .. }), "{ended:?}");
    assert_eq!(answer.derp, None);
}

#[tokio::test]
async fn a_key_that_is_refused_has_heard_the_relays() {
    let relay = ours(nobody());
    for start in [DerpStart::Upgrade, DerpStart::WebSocket] {
        let answer = over_tls(target("relay.test", relay.https), derp(start)).await;
        assert_eq!(answer.ended, failed(Stage::Derp, Cause::NotAdmitted), "{start:?}");
        let said = answer.derp.expect("DERP");
        assert_eq!((said.server_keys, said.admitted), (vec![relay.key.to_hex()], None), "{start:?}");
    }
}

#[tokio::test]
async fn a_fast_start_needs_the_key_in_a_certificate() {
    let server = tls_server(server_config(Identity::self_signed("relay.test", |_| {})), wait_for_end).await;
    let answer = over_tls(target("relay.test", server), derp(DerpStart::Fast)).await;
    let ended = answer.ended.expect("a failure");
    assert!(ended.stage == Stage::Tls && matches!(ended.cause, Cause::Unsupported { .. }), "{ended:?}");
    assert!(answer.tls.is_some() && answer.derp.is_none());
    // Below TLS 1.3 anybody on the way could have put it there.
    let Identity { chain, key } = Identity::self_signed("relay.test", |_| {}).with_meta(&"ab".repeat(32));
    let config = ServerConfig::builder_with_provider(tls_roots::provider())
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, PrivateKeyDer::try_from(key).unwrap())
        .unwrap();
    let server = tls_server(config, wait_for_end).await;
    let answer = over_tls(target("relay.test", server), derp(DerpStart::Fast)).await;
    assert!(answer.tls.is_some_and(|tls| tls.certificates.iter().any(|seen| seen.meta_key.is_some())));
    let ended = answer.ended.expect("a failure");
    assert!(ended.stage == Stage::Tls && matches!(ended.cause, Cause::Unsupported { .. }), "{ended:?}");
}

/// Whoever waits for two sessions at once drops one in the middle of writing.
#[tokio::test]
async fn what_is_dropped_while_writing_is_written_once() {
    let (ours, mut theirs) = tokio::io::duplex(16);
    let request: Vec<u8> = (0..1000_u32).map(|number| number.to_le_bytes()[0]).collect();
    let key = crate::model::NodePrivate::generate([9; 32]);
    let relay = Some(crate::wire::nacl::node_public(&Scripted::key()));
    let early = bytes::BytesMut::new;
    let mut session = Session::new(Box::new(ours), &key, relay, early(), request.as_slice().into()).unwrap();
    let mut heard = Vec::new();
    let mut buffer = [0; 16];
    while heard.len() < request.len() {
        assert!(session.next().now_or_never().is_none(), "nothing was said");
        let brought = theirs.read(&mut buffer).now_or_never().expect("what was written").unwrap();
        heard.extend_from_slice(&buffer[..brought]);
    }
    assert_eq!(heard[..request.len()], request);
    assert_eq!(heard.get(request.len()).copied().unwrap_or(2), 2, "then the greeting");
}

/// Presents the certificate of a relay, says this to a fast start, and hangs up.
async fn fast(said: Vec<u8>) -> RelayAnswer {
    let identity = Identity::self_signed("relay.test", |_| {}).with_meta(&"ab".repeat(32));
    let server = tls_server(server_config(identity), move |mut stream| {
        let said = said.clone();
        async move {
            let head = request_head(&mut stream).await;
            assert!(head.contains("\r\nDerp-Fast-Start: 1\r\n"), "{head}");
            // The greeting comes without an answer to the request.
            assert_eq!(stream.read_u8().await.unwrap(), 2);
            let _ = stream.write_all(&said).await;
            let _ = stream.shutdown().await;
            wait_for_end(stream).await;
        }
    })
    .await;
    over_tls(target("relay.test", server), derp(DerpStart::Fast)).await
}

#[tokio::test]
async fn a_fast_start_is_refused_by_a_relay_that_named_itself() {
    let refused = fast(server_key()).await;
    assert_eq!((refused.ended, refused.http), (failed(Stage::Derp, Cause::NotAdmitted), None));
    assert_eq!(refused.derp.map(|said| said.server_keys.len()), Some(1));
    // Who says nothing and hangs up may be anybody.
    let closed = fast(Vec::new()).await;
    assert_eq!(closed.ended, failed(Stage::Derp, Cause::Closed));
    assert_eq!(closed.derp.map(|said| said.server_keys), Some(Vec::new()));
    let answered = fast(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()).await.ended.expect("a failure");
    assert!(answered.stage == Stage::Derp && matches!(answered.cause, Cause::Malformed { .. }), "{answered:?}");
}

#[tokio::test]
async fn a_status_other_than_101_ends_in_http() {
    for start in [DerpStart::Upgrade, DerpStart::WebSocket] {
        for code in [200, 302, 403, 426, 502] {
            let server = tcp_server(move |mut stream| async move {
                request_head(&mut stream).await;
                let answer = format!("HTTP/1.1 {code} Whatever\r\nServer: nginx\r\nContent-Length: 4\r\n\r\nsorry");
                stream.write_all(answer.as_bytes()).await.unwrap();
                wait_for_end(stream).await;
            })
            .await;
            let answer = plain(server, derp(start)).await;
            assert_eq!(answer.ended, failed(Stage::Http, Cause::Status { code }), "{start:?}");
            let reply = answer.http.expect("a reply");
            assert_eq!((reply.status, reply.header("server")), (code, Some("nginx")));
            assert_eq!((reply.body.as_str(), answer.derp), ("sorry", None), "DERP was not reached");
        }
    }
}

#[tokio::test]
async fn the_end_is_told_by_when_it_comes() {
    let answer = plain(saying(Vec::new(), true).await, derp(DerpStart::Upgrade)).await;
    assert_eq!(answer.ended, failed(Stage::Derp, Cause::Closed), "before the relay's key");
    let answer = plain(saying(server_key(), true).await, derp(DerpStart::Upgrade)).await;
    assert_eq!(answer.ended, failed(Stage::Derp, Cause::NotAdmitted), "after it");
    assert_eq!(answer.derp.map(|said| said.server_keys.len()), Some(1));
    let silent = saying(server_key(), false).await;
    let answer = within(SHORT, silent, derp(DerpStart::Upgrade)).await;
    assert_eq!(answer.ended, failed(Stage::Derp, Cause::TimedOut { after: SHORT }));
    assert_eq!(answer.http.map(|reply| reply.status), Some(101));
    assert_eq!(answer.derp.map(|said| said.server_keys.len()), Some(1));
}

#[tokio::test]
async fn what_is_no_derp_is_malformed() {
    for garbage in [&b"SSH-2.0-OpenSSH_9.6\r\n and so on"[..], &[1, 0, 0, 0, 1, 0], &[0xff; 64], &[1, 0, 0, 0, 40]] {
        let rest = if garbage.len() == 5 { [0x55; 40].to_vec() } else { Vec::new() };
        let server = saying([garbage, &rest].concat(), false).await;
        let ended = plain(server, derp(DerpStart::Upgrade)).await.ended.expect("a failure");
        assert!(ended.stage == Stage::Derp && matches!(ended.cause, Cause::Malformed { .. }), "{garbage:?}: {ended:?}");
    }
}

#[tokio::test]
async fn a_greeting_for_somebody_else_is_malformed() {
    let greeting = [&[3, 0, 0, 0, 60][..], &[9; 60]].concat();
    let server = saying([server_key(), greeting].concat(), false).await;
    let ended = plain(server, derp(DerpStart::Upgrade)).await.ended.expect("a failure");
    assert!(ended.stage == Stage::Derp && matches!(ended.cause, Cause::Malformed { .. }), "{ended:?}");
}
