//! What calls itself a relay and is none. Every one of them ends in a failure that names the step, and in time.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};

use crate::program::{free_address, ping};

fn key() -> String {
    format!("nodekey:{}", "cd".repeat(32))
}

/// Serves every connection so.
fn server(serve: fn(TcpStream)) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || serve(stream));
        }
    });
    address
}

fn request(stream: &mut TcpStream) {
    let mut ignored = [0; 2048];
    let _ = stream.read(&mut ignored);
}

fn failure(via: &str) -> String {
    let (report, code) = ping(&format!("{} --via {via} -c 1 --timeout 4s", key()));
    assert_eq!(code, Some(2), "{via}: {report:#}");
    let relay = &report["ping"]["relays"][0];
    assert_ne!(relay["joined"], true, "{via}: {report:#}");
    relay["failure"]["stage"].as_str().unwrap_or("none").to_owned()
}

#[test]
fn nobody_listens() {
    assert_eq!(failure(&format!("http://{}", free_address())), "connect");
}

#[test]
fn a_web_server_is_no_relay() {
    let address = server(|mut stream| {
        request(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
    });
    assert_eq!(failure(&format!("http://{address}")), "http");
}

#[test]
fn a_head_without_end_is_not_read_to_its_end() {
    let address = server(|mut stream| {
        request(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\n");
        while stream.write_all(b"X-Header: and another one\r\n").is_ok() {}
    });
    assert_eq!(failure(&format!("http://{address}")), "http");
}

#[test]
fn noise_after_the_upgrade_is_no_relays_key() {
    let address = server(|mut stream| {
        request(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: DERP\r\nConnection: Upgrade\r\n\r\n");
        let noise: Vec<u8> = (0..100_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let _ = stream.write_all(&noise);
    });
    assert_eq!(failure(&format!("http://{address}")), "derp");
}

#[test]
fn one_that_closes_after_the_upgrade_is_no_relay() {
    let address = server(|mut stream| {
        request(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: DERP\r\nConnection: Upgrade\r\n\r\n");
    });
    assert_eq!(failure(&format!("http://{address}")), "derp");
}

/// It accepts, and never says a word: the time given is the end of it.
#[test]
fn silence_does_not_last() {
    let address = server(|mut stream| {
        let mut ignored = [0; 2048];
        while stream.read(&mut ignored).is_ok_and(|read| read > 0) {}
    });
    let stage = failure(&format!("http://{address}"));
    assert!(["none", "http"].contains(&&*stage), "{stage}");
}

#[test]
fn plain_http_is_no_https() {
    let address = server(|mut stream| {
        request(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    });
    assert_eq!(failure(&format!("https://{address}")), "tls");
}
