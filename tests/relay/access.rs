//! Who is let in, and who is not.

use std::net::SocketAddr;
use std::time::Duration;

use natscope::drive::relay::{Access, AccessRules, Allow, RelayOptions};
use natscope::model::NodePublic;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::peer::{PATIENCE, Peer, key};
use crate::{options, start};

fn with(rules: AccessRules) -> RelayOptions {
    RelayOptions { access: Access::Rules(rules), reload_every: Duration::from_millis(50), ..options() }
}

/// A controller that answers every question with this, and tells what it was asked.
async fn controller(answer: &'static str) -> (SocketAddr, tokio::sync::mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (asked, questions) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let asked = asked.clone();
            tokio::spawn(async move {
                let mut question = Vec::new();
                while !question.ends_with(b"}") {
                    if stream.read_buf(&mut question).await.unwrap_or(0) == 0 {
                        return;
                    }
                }
                drop(asked.send(String::from_utf8(question).unwrap()));
                if answer.is_empty() {
                    std::future::pending::<()>().await;
                }
                let _ = stream.write_all(answer.as_bytes()).await;
            });
        }
    });
    (address, questions)
}

fn answer(status: &str, body: &str) -> &'static str {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}").leak()
}

fn asking(controller: SocketAddr) -> AccessRules {
    AccessRules { verify_client_url: Some(format!("http://{controller}/verify")), ..AccessRules::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_controller_lets_in_with_a_clear_yes_and_nothing_else() {
    for (answer, admits) in [
        (answer("200 OK", r#"{"Allow":true}"#), true),
        (answer("200 OK", r#"{"allow":true,"more":1}"#), true),
        (answer("201 Created", r#"{"Allow":true}"#), false),
        (answer("500 Oops", r#"{"Allow":true}"#), false),
        (answer("200 OK", r#"{"Allow":false}"#), false),
        (answer("200 OK", "{}"), false),
        (answer("200 OK", "yes"), false),
        (answer("200 OK", ""), false),
        // It hangs: derper would let everybody in after five seconds.
        ("", false),
    ] {
        let (address, mut questions) = controller(answer).await;
        let (_relay, relay) = start(with(asking(address)));
        let (private, public) = key();
        assert_eq!(Peer::try_join(relay, &private).await.is_some(), admits, "{answer}");
        let question = questions.recv().await.unwrap();
        let (head, body) = question.split_once("\r\n\r\n").unwrap();
        assert_eq!(body, format!(r#"{{"NodePublic":"{public}","Source":"127.0.0.1"}}"#));
        assert!(head.starts_with("POST /verify HTTP/1.1\r\n") && !head.to_lowercase().contains("content-type"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_let_in_when_the_controller_is_down_but_who_is_listed() {
    let holder = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let down = holder.local_addr().unwrap();
    drop(holder);
    let (friend, public) = key();
    let rules = AccessRules { allow: vec![Allow::Key(public)], ..asking(down) };
    let (_relay, relay) = start(with(rules));
    assert!(Peer::try_join(relay, &key().0).await.is_none());
    assert!(Peer::try_join(relay, &friend).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_rule_nobody_is_let_in() {
    let (_relay, relay) = start(with(AccessRules::default()));
    assert!(Peer::try_join(relay, &key().0).await.is_none());
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_tailscaled_is_asked_about_each_client() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("tailscaled.sock");
    let rules = AccessRules { tailscaled: Some(socket.clone()), ..AccessRules::default() };
    let (_relay, relay) = start(with(rules));
    let (known, public) = key();
    assert!(Peer::try_join(relay, &known).await.is_none(), "there is none");
    let listener = tokio::net::UnixListener::bind(&socket).unwrap();
    let wanted = format!("GET /localapi/v0/whois?addr=nodekey%3A{} HTTP/1.1\r\n", public.to_hex());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut question = Vec::new();
            while !question.ends_with(b"\r\n\r\n") {
                stream.read_buf(&mut question).await.unwrap();
            }
            let known = String::from_utf8(question).unwrap().starts_with(&wanted);
            let status = if known { "200 OK" } else { "404 Not Found" };
            stream.write_all(format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\n{{}}").as_bytes()).await.unwrap();
        }
    });
    assert!(Peer::try_join(relay, &known).await.is_some());
    assert!(Peer::try_join(relay, &key().0).await.is_none());
}

/// A key taken off the list is closed; one put on it is let in; and all that without a restart.
#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_in_force_as_it_is_now() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("clients");
    let ((one, one_key), (two, two_key)) = (key(), key());
    let write = |keys: &[NodePublic]| {
        let lines: Vec<String> = keys.iter().map(ToString::to_string).collect();
        std::fs::write(&file, lines.join("\n")).unwrap();
    };
    write(&[one_key]);
    let rules = AccessRules { allow: vec![Allow::File(file.clone())], ..AccessRules::default() };
    let (_relay, relay) = start(with(rules));
    let mut first = Peer::join(relay, &one).await;
    assert!(Peer::try_join(relay, &two).await.is_none());
    write(&[two_key]);
    assert!(first.packet().await.is_none(), "its key is no longer listed");
    let let_in = async { while Peer::try_join(relay, &two).await.is_none() {} };
    timeout(PATIENCE, let_in).await.expect("the other's is");
    assert!(Peer::try_join(relay, &one).await.is_none());
}
