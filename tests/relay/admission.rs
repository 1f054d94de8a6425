//! Who is let in, by every rule there is, and what happens while the one to ask is broken.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use natscope::derp::ClientClose;
use natscope::drive::relay::{Access, AccessRules, Allow, RelayOptions};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, UnixListener};
use tokio::task::JoinSet;

use super::peer::{Peer, key, start, start_with};

fn rules(rules: AccessRules) -> Access {
    Access::Rules(rules)
}

async fn assert_refused(relay: SocketAddr, because: &str) {
    let (private, _) = key();
    match Peer::try_join(relay, private).await {
        Err(ClientClose::Rejected) => {}
        Err(other) => panic!("{because}: {other}"),
        Ok(_) => panic!("{because}: let in"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_rule_nobody_is_let_in() {
    let (_relay, address) = start(rules(AccessRules::default()));
    assert_refused(address, "no rule").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn those_on_a_list_are_let_in_and_strangers_learn_nothing() {
    let (friend, public) = key();
    let (_relay, address) = start(rules(AccessRules { allow: vec![Allow::Key(public)], ..AccessRules::default() }));
    let mut friend = Peer::try_join(address, friend).await.unwrap();
    assert_refused(address, "not on the list").await;
    // What a stranger sends before it is let in goes nowhere.
    let (stranger, _) = key();
    assert!(Peer::try_join(address, stranger).await.is_err());
    friend.assert_served("still here").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_read_again_and_who_is_no_longer_on_it_leaves() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("clients.txt");
    let ((a, public_a), (b, public_b)) = (key(), key());
    std::fs::write(&list, format!("# us\n{public_a}\n")).unwrap();
    let access = rules(AccessRules { allow: vec![Allow::File(list.clone())], ..AccessRules::default() });
    let options = RelayOptions { access, reload_every: Duration::from_millis(50), ..RelayOptions::default() };
    let (_relay, address) = start_with(options);
    let mut a = Peer::try_join(address, a).await.unwrap();
    let again = *b.as_bytes();
    assert!(matches!(Peer::try_join(address, b).await, Err(ClientClose::Rejected)));
    replace(&list, &format!("{public_b}\n"));
    let closed = a.next().await;
    assert!(matches!(closed, natscope::derp::ClientEvent::Closed(ClientClose::Left)), "{closed:?}");
    Peer::try_join(address, natscope::model::NodePrivate::from_bytes(again)).await.expect("on the list now");
    assert_refused(address, "not on the new list").await;
}

/// As people's editors do it.
fn replace(path: &Path, text: &str) {
    let beside = path.with_extension("new");
    std::fs::write(&beside, text).unwrap();
    std::fs::rename(beside, path).unwrap();
}

/// A controller that gives one answer to all, and remembers what it was asked.
async fn controller(answer: &'static [u8]) -> (String, Arc<Mutex<Vec<String>>>, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/verify", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let mut task = JoinSet::new();
    let said = Arc::clone(&asked);
    task.spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let request = request(&mut stream).await;
            said.lock().unwrap().push(request);
            if answer.is_empty() {
                // Never.
                std::mem::forget(stream);
            } else {
                let _ = stream.write_all(answer).await;
            }
        }
    });
    (url, asked, task)
}

/// Head and body, as far as the head says there is one.
async fn request(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> String {
    let mut read = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&read).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return text;
            }
        }
        assert!(stream.read_buf(&mut read).await.unwrap() > 0, "half a request: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_controllers_yes_is_a_yes_and_all_else_a_no() {
    let table: [(&str, &'static [u8], bool); 9] = [
        ("yes", b"HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n{\"Allow\":true}", true),
        ("yes in another case", b"HTTP/1.1 200 OK\r\nContent-Length: 26\r\n\r\n{\"allow\":true,\"more\":null}", true),
        ("no", b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{\"Allow\":false}", false),
        ("nothing", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", false),
        ("a string", b"HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{\"Allow\":\"true\"}", false),
        ("not 200", b"HTTP/1.1 201 Created\r\nContent-Length: 14\r\n\r\n{\"Allow\":true}", false),
        ("an error", b"HTTP/1.1 500 Oh\r\nContent-Length: 14\r\n\r\n{\"Allow\":true}", false),
        ("no JSON", b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ntrue", false),
        ("no HTTP", b"what?\r\n\r\n", false),
    ];
    for (name, answer, yes) in table {
        let (url, asked, _controller) = controller(answer).await;
        let (_relay, address) = start(rules(AccessRules { verify_client_url: Some(url), ..AccessRules::default() }));
        let (private, public) = key();
        let joined = Peer::try_join(address, private).await;
        match joined {
            Ok(mut peer) if yes => peer.assert_served("let in").await,
            Err(ClientClose::Rejected) if !yes => {}
            Ok(_) => panic!("{name}: let in"),
            Err(reason) => panic!("{name}: {reason}"),
        }
        let asked = asked.lock().unwrap();
        let wanted = format!("{{\"NodePublic\":\"{public}\",\"Source\":\"127.0.0.1\"}}");
        assert!(asked[0].starts_with("POST /verify HTTP/1.1\r\n") && asked[0].ends_with(&wanted), "{}", asked[0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_controller_is_down_or_silent_nobody_is_let_in() {
    let gone = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}/verify", listener.local_addr().unwrap())
    };
    let (silent, _, _controller) = controller(b"").await;
    for url in [gone, silent] {
        let access = rules(AccessRules { verify_client_url: Some(url.clone()), ..AccessRules::default() });
        let (_relay, address) = start(access);
        assert_refused(address, &url).await;
    }
}

/// A tailscaled that gives one status to all.
fn tailscaled(path: &Path, status: &'static str) -> JoinSet<()> {
    let listener = UnixListener::bind(path).unwrap();
    let mut task = JoinSet::new();
    task.spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let request = request(&mut stream).await;
            assert!(request.starts_with("GET /localapi/v0/whois?addr=nodekey%3A"), "{request}");
            let _ = stream.write_all(format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\n{{}}").as_bytes()).await;
        }
    });
    task
}

#[tokio::test(flavor = "multi_thread")]
async fn those_a_tailscaled_knows_are_let_in() {
    let folder = tempfile::tempdir().unwrap();
    for (number, (status, yes)) in
        [("200 OK", true), ("404 Not Found", false), ("500 Oh", false)].into_iter().enumerate()
    {
        let socket = folder.path().join(number.to_string());
        let _tailscaled = tailscaled(&socket, status);
        let (_relay, address) = start(rules(AccessRules { tailscaled: Some(socket), ..AccessRules::default() }));
        let (private, _) = key();
        assert_eq!(Peer::try_join(address, private).await.is_ok(), yes, "{status}");
    }
    let missing = folder.path().join("missing");
    let (_relay, address) = start(rules(AccessRules { tailscaled: Some(missing), ..AccessRules::default() }));
    assert_refused(address, "no tailscaled").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_to_ask_both_must_know_a_client() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    let _tailscaled = tailscaled(&socket, "200 OK");
    let (url, _, _controller) = controller(b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{\"Allow\":false}").await;
    let access = AccessRules { tailscaled: Some(socket), verify_client_url: Some(url), ..AccessRules::default() };
    let (_relay, address) = start(rules(access));
    assert_refused(address, "one says no").await;
}
