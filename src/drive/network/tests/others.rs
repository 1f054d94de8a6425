use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::model::Family;
use crate::probe::{PortalAnswer, Slot};

/// An HTTP server that answers with `answer`, in which `CHALLENGE` stands for the request's challenge.
async fn server(answer: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 4096];
            let length = stream.read(&mut request).await.unwrap();
            let request = String::from_utf8(request[..length].to_vec()).unwrap();
            assert!(request.starts_with("GET /generate_204 HTTP/1.1\r\nHost: relay.test\r\n"), "{request}");
            let challenge = request.split("X-Tailscale-Challenge: ").nth(1).unwrap().lines().next().unwrap();
            assert!(challenge.len() <= 64);
            assert!(challenge.chars().all(|character| character.is_ascii_alphanumeric() || "._-:".contains(character)));
            stream.write_all(answer.replace("CHALLENGE", challenge).as_bytes()).await.unwrap();
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_secs(10)).await;
                drop(stream);
            });
        }
    });
    address
}

fn portal(address: SocketAddr) -> Question {
    Question::CaptivePortal { address, host: "relay.test".into(), timeout: Duration::from_millis(500) }
}

async fn portal_answer(answer: &'static str) -> PortalAnswer {
    match outcome_of(NetworkOptions::default(), portal(server(answer).await)).await {
        Outcome::Portal(answer) => answer,
        other => panic!("no answer: {other:?}"),
    }
}

#[tokio::test]
async fn a_relay_echoes_the_challenge() {
    let answer = portal_answer("HTTP/1.1 204 No Content\r\nX-Tailscale-Response: response CHALLENGE\r\n\r\n").await;
    assert_eq!(answer, PortalAnswer { status: 204, location: None, challenge_echoed: true, body_empty: true });
}

#[tokio::test]
async fn a_portal_is_told_as_it_is() {
    let answer = portal_answer("HTTP/1.1 302 Found\r\nLocation: http://login/\r\nContent-Length: 0\r\n\r\n").await;
    let expected =
        PortalAnswer { status: 302, location: Some("http://login/".into()), challenge_echoed: false, body_empty: true };
    assert_eq!(answer, expected);
    let answer =
        portal_answer("HTTP/1.1 204 No Content\r\nX-Tailscale-Response: CHALLENGE\r\n\r\n<html>log in</html>").await;
    assert_eq!(answer, PortalAnswer { status: 204, location: None, challenge_echoed: false, body_empty: false });
}

#[tokio::test]
async fn whether_there_is_a_body_is_found_out() {
    for (answer, empty) in [
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", true),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0a\r\n0123456789\r\n0\r\n\r\n", false),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", false),
        ("HTTP/1.1 200 OK\r\n\r\nhello", false),
        // Announced by neither and not ended either: a body that never came is not known to be empty.
        ("HTTP/1.1 200 OK\r\n\r\n", false),
    ] {
        assert_eq!(portal_answer(answer).await.body_empty, empty, "{answer}");
    }
}

#[tokio::test]
async fn a_host_name_cannot_smuggle_header_fields() {
    let host = "relay.test\r\nX: y".into();
    let address = "127.0.0.1:9".parse().unwrap();
    let question = Question::CaptivePortal { address, host, timeout: Duration::from_secs(1) };
    let failure = failure_of(NetworkOptions::default(), question).await;
    assert!(matches!(failure.cause, Cause::Unsupported { .. }), "{failure:?}");
}

#[tokio::test]
async fn connections_come_from_the_bound_address_and_end_with_the_run() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let source: IpAddr = "127.0.0.9".parse().unwrap();
    let options = NetworkOptions { bind_address: Some(source), ..NetworkOptions::default() };
    let mut asking = Asking::new([portal(listener.local_addr().unwrap())]);
    let (accepted, _) = tokio::join!(
        tokio::time::timeout(Duration::from_secs(2), listener.accept()),
        // Dropped in the middle of its question.
        tokio::time::timeout(Duration::from_millis(100), run(&mut asking, Network::new(options), None))
    );
    let (mut stream, from) = accepted.expect("nobody connected").unwrap();
    assert_eq!(from.ip(), source);
    let mut request = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(2), stream.read_to_end(&mut request)).await;
    assert!(ended.is_ok(), "the connection outlived the run");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn sockets_can_be_bound_to_an_interface() {
    let address = server("HTTP/1.1 204 No Content\r\n\r\n").await;
    let options = NetworkOptions { interface: Some("lo".into()), ..NetworkOptions::default() };
    assert!(matches!(outcome_of(options, portal(address)).await, Outcome::Portal(_)));
}

#[tokio::test]
async fn a_task_that_panics_still_ends_its_probe() {
    let mut driver = Driver::new(Clock::start(), NetworkOptions::default()).unwrap();
    driver.spawn(ProbeId(7), Reached::new(Stage::Http), async { panic!("as a test") });
    let observation = driver.heard(None).await.unwrap();
    assert_eq!(observation.probe, Some(ProbeId(7)));
    let Outcome::Failed(failure) = observation.outcome else { panic!("no failure") };
    assert_eq!(failure.stage, Stage::Http);
    assert!(driver.probes.is_empty());
}

#[tokio::test]
async fn silence_and_refusal_are_failures() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let failure = failure_of(NetworkOptions::default(), portal(address)).await;
    let timed_out = Cause::TimedOut { after: Duration::from_millis(500) };
    assert_eq!(failure, Failure::new(Stage::Http, timed_out));
    drop(listener);
    let failure = failure_of(NetworkOptions::default(), portal(address)).await;
    assert_eq!(failure, Failure::new(Stage::Connect, Cause::Refused));
}

#[tokio::test]
async fn this_host_answers_echo_requests_or_forbids_them() {
    for address in ["127.0.0.1", "::1"] {
        let address: IpAddr = address.parse().unwrap();
        let heard =
            ask(NetworkOptions::default(), Asking::new([Question::Icmp { address, timeout: Duration::from_secs(2) }]))
                .await;
        match &heard[0].outcome {
            Outcome::Icmp(answer) => {
                assert_eq!(answer.from, address);
                assert!(heard[0].round_trip() < Duration::from_secs(1));
            }
            Outcome::Failed(Failure { stage: Stage::Icmp, cause }) => {
                let no_v6 = address.is_ipv6() && matches!(cause, Cause::Unsupported { .. } | Cause::Unreachable);
                assert!(*cause == Cause::NotPermitted || no_v6, "{cause:?}");
            }
            other => panic!("{address}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn the_watcher_sees_everything_told() {
    let address = server("HTTP/1.1 204 No Content\r\n\r\n").await;
    let mut asking = Asking::new([portal(address), portal(address)]);
    let mut seen = Vec::new();
    let mut watch = |_: Moment, check: &Asking| seen.push(check.heard.len());
    let ended_at = run(&mut asking, Network::new(NetworkOptions::default()), Some(&mut watch)).await.unwrap();
    assert_eq!(seen, [1, 2]);
    assert!(asking.heard.iter().all(|observation| observation.at <= ended_at));
}

/// A STUN server over TCP that answers a request with these bytes, if any, and hangs up.
async fn over_tcp(script: impl FnOnce(&[u8]) -> Vec<u8> + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 20];
        stream.read_exact(&mut request).await.unwrap();
        stream.write_all(&script(&request)).await.unwrap();
    });
    address
}

/// A success response with a MAPPED-ADDRESS of 192.0.2.7:7 that says it is so many bytes longer than it is.
fn mapped_response(request: &[u8], missing: u16) -> Vec<u8> {
    let mut bytes = vec![1, 1];
    bytes.extend((12 + missing).to_be_bytes());
    bytes.extend(&request[4..20]);
    bytes.extend([0, 1, 0, 8, 0, 1, 0, 7, 192, 0, 2, 7]);
    bytes
}

#[tokio::test]
async fn stun_over_tcp_shows_that_a_server_is_up() {
    type Script = fn(&[u8]) -> Vec<u8>;
    let timeout = Duration::from_secs(2);
    let slot = Slot::Connected { family: Family::V4 };
    let question = |server| Question::StunStream { slot, server, tls: None, timeout };
    let server = over_tcp(|request| mapped_response(request, 0)).await;
    match outcome_of(NetworkOptions::default(), question(server)).await {
        Outcome::Stun(reply) => assert_eq!((reply.from, reply.mapped), (server, Some("192.0.2.7:7".parse().unwrap()))),
        other => panic!("no reply: {other:?}"),
    }
    let cause =
        async |script: Script| failure_of(NetworkOptions::default(), question(over_tcp(script).await)).await.cause;
    assert_eq!(cause(|_| Vec::new()).await, Cause::Closed);
    assert_eq!(cause(|request| mapped_response(request, 8)).await, Cause::Closed, "it announced more");
    let malformed: [Script; 4] = [
        |_| b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
        |request| mapped_response(request, u16::MAX - 12),
        |request| mapped_response(&[request, &[0; 20]].concat()[8..], 0),
        <[u8]>::to_vec,
    ];
    for script in malformed {
        let cause = cause(script).await;
        assert!(matches!(cause, Cause::Malformed { .. } | Cause::Closed | Cause::TooLarge { .. }), "{cause:?}");
    }
}
