//! Maps from a web server, and what is done when it fails.

use std::io::{self, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use assert_cmd::Command;

use crate::program::{Files, codes, map, netcheck, region, report, stderr};
use crate::server::{Server, read_request, stun_region};

/// Answers with this body.
fn ok(mut stream: &TcpStream, body: &str) -> io::Result<()> {
    read_request(&mut stream)?;
    write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

fn fetching(files: &Files, server: SocketAddr, arguments: &str) -> Command {
    let mut command = netcheck(format!("http://{server}/map.json"), "--json --no-icmp --cache-dir");
    command.arg(files.path("cache")).args(arguments.split_whitespace());
    command
}

#[test]
fn a_map_is_fetched_and_its_last_copy_used_and_named_when_the_server_fails() {
    let stun = Server::honest_stun(90);
    let body = map([stun_region(901, stun.address)]).to_string();
    let broken = Arc::new(AtomicBool::new(false));
    let server = Server::tcp(91, {
        let broken = Arc::clone(&broken);
        move |mut stream| {
            if !broken.load(Ordering::SeqCst) {
                return ok(&stream, &body);
            }
            read_request(&mut stream)?;
            stream.write_all(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")
        }
    });
    let files = Files::new();
    let fresh = report(&fetching(&files, server.address, "").assert().code(0));
    assert_eq!(region(&fresh, 901)["method"], "stun");
    assert_eq!(codes(&fresh), [""; 0]);

    broken.store(true, Ordering::SeqCst);
    let stale = report(&fetching(&files, server.address, "").assert().code(0));
    assert_eq!(region(&stale, 901)["method"], "stun");
    assert_eq!(codes(&stale), ["NET-009"]);
    let observed = stale["findings"][0]["observed"].as_str().unwrap();
    assert!(observed.contains("503") && observed.contains(&server.address.to_string()), "{observed}");

    let address = server.address;
    drop(server);
    let stale = report(&fetching(&files, address, "").assert().code(0));
    assert_eq!((region(&stale, 901)["method"].as_str(), codes(&stale)), (Some("stun"), vec!["NET-009"]));
    fetching(&files, address, "--fail-on warning").assert().code(1);
}

#[test]
fn without_a_copy_it_is_said_what_to_do() {
    let files = Files::new();
    let nobody = "127.0.92.1:1".parse().unwrap();
    let run = fetching(&files, nobody, "").assert().code(2).stdout("");
    let message = stderr(&run);
    for wanted in ["http://127.0.92.1:1/map.json", "refused", "--derp-map FILE", "selftest"] {
        assert!(message.contains(wanted), "{wanted:?} is not in: {message}");
    }
}

#[test]
fn what_is_fetched_and_is_no_map_is_refused_with_its_place() {
    for (body, wanted) in [
        ("<html>Please log in</html>", "HTML"),
        ("", "empty"),
        (r#"{"Regions":{"901":{"RegionID":"#, ":1:3"),
        (r#"{"Regions":{"901":{"RegionID":901,"Nodes":[{"STUNPort":"x"}]}}}"#, "STUNPort"),
    ] {
        let server = Server::tcp(93, move |stream| ok(&stream, body));
        let files = Files::new();
        let run = fetching(&files, server.address, "").assert().stdout("");
        assert_eq!(run.get_output().status.code(), Some(2), "{}", stderr(&run));
        let message = stderr(&run);
        assert!(message.contains("/map.json") && message.contains(wanted), "{wanted:?} is not in: {message}");
    }
}

#[test]
fn a_login_page_never_replaces_the_copy() {
    let stun = Server::honest_stun(94);
    let good = map([stun_region(901, stun.address)]).to_string();
    let captured = Arc::new(AtomicBool::new(false));
    let server = Server::tcp(95, {
        let captured = Arc::clone(&captured);
        move |stream| ok(&stream, if captured.load(Ordering::SeqCst) { "<html>Log in</html>" } else { &good })
    });
    let files = Files::new();
    fetching(&files, server.address, "").assert().code(0);
    captured.store(true, Ordering::SeqCst);
    for _ in 0..2 {
        let report = report(&fetching(&files, server.address, "").assert().code(0));
        assert_eq!((region(&report, 901)["method"].as_str(), codes(&report)), (Some("stun"), vec!["NET-009"]));
    }
}

#[test]
fn a_server_that_does_not_end_is_left_in_time() {
    type Serve = fn(TcpStream) -> io::Result<()>;
    let manners: [(&str, Serve, &str); 4] = [
        (
            "never answers",
            |mut stream| read_request(&mut stream).map(|_| std::thread::sleep(Duration::from_secs(15))),
            "within",
        ),
        ("drips", drip, "within"),
        ("answers for ever", endless, "longer than"),
        ("redirects for ever", redirect, "redirected more than"),
    ];
    for (name, serve, wanted) in manners {
        let server = Server::tcp(96, serve);
        let files = Files::new();
        let begun = Instant::now();
        let run = fetching(&files, server.address, "--timeout 1s").assert().code(2).stdout("");
        let took = begun.elapsed();
        assert!(stderr(&run).contains(wanted), "{name}: {}", stderr(&run));
        assert!(took < Duration::from_secs(6), "{name}: {took:?}");
    }
}

fn drip(mut stream: TcpStream) -> io::Result<()> {
    read_request(&mut stream)?;
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{")?;
    loop {
        stream.write_all(b" ")?;
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn endless(mut stream: TcpStream) -> io::Result<()> {
    read_request(&mut stream)?;
    stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
    let chunk = [b"10000\r\n".as_slice(), &vec![b' '; 0x10000], b"\r\n"].concat();
    loop {
        stream.write_all(&chunk)?;
    }
}

fn redirect(mut stream: TcpStream) -> io::Result<()> {
    read_request(&mut stream)?;
    stream.write_all(b"HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
}
