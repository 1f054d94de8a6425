//! What comes of an exchange: any status is an answer; all else is a failure with its stage.

use super::*;

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
