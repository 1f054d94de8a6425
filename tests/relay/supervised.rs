//! The relay as systemd runs it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use natscope::wire::stun::{RequestForm, TransactionId, decode_response, encode_request};

use crate::peer::{PATIENCE, Peer};
use crate::program::{Program, command};

const ANYWHERE: [&str; 5] = ["--dev", "--addr", "127.0.0.1:0", "--stun-addr", "none"];

fn told(socket: &UnixDatagram) -> String {
    let mut buffer = [0; 200];
    let length = socket.recv(&mut buffer).expect("it says something");
    String::from_utf8(buffer[..length].to_vec()).unwrap()
}

fn notified(path: &Path) -> Program {
    let mut command = command();
    command.args(ANYWHERE).env("NOTIFY_SOCKET", path).stdout(Stdio::null());
    Program::of(command)
}

#[test]
fn whoever_looks_after_it_is_told_when_it_serves_and_when_it_stops() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let program = notified(&path);
    assert_eq!(told(&socket), "READY=1\n");
    // It serves: whoever waited for that may connect.
    std::net::TcpStream::connect(program.derp()).unwrap();
    program.signal("HUP");
    let reloading = told(&socket);
    let since = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").expect(&reloading);
    assert!(since.trim_end().parse::<u64>().unwrap() > 0, "{reloading}");
    assert_eq!(told(&socket), "READY=1\n");
    program.signal("TERM");
    assert_eq!(told(&socket), "STOPPING=1\n");
    let (code, said) = program.ended();
    assert_eq!(code, Some(0), "{said}");
    socket.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
    assert!(socket.recv(&mut [0; 200]).is_err(), "each of them once");
}

/// Where it is wanted, it tells that it lives, and a relay that hangs does not.
#[test]
fn it_tells_that_it_lives() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut command = command();
    command.args(ANYWHERE).env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "200000").stdout(Stdio::null());
    let program = Program::of(command);
    assert_eq!(told(&socket), "READY=1\n");
    for _ in 0..5 {
        assert_eq!(told(&socket), "WATCHDOG=1\n");
    }
    program.signal("STOP");
    // What was said before it was stopped is taken.
    socket.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    while socket.recv(&mut [0; 200]).is_ok() {}
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    program.signal("CONT");
    assert_eq!(told(&socket), "WATCHDOG=1\n");
}

#[test]
fn it_serves_also_when_nobody_is_there_to_be_told() {
    let directory = tempfile::tempdir().unwrap();
    let program = notified(&directory.path().join("nobody"));
    program.signal("TERM");
    let (code, said) = program.ended();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("could not be told"), "{said}");
}

/// Started with these sockets as its first ones after the standard three.
fn passed(tcp: TcpListener, udp: UdpSocket, arguments: &[&str]) -> Command {
    const SCRIPT: &str = "exec 3<&0 4>&1 </dev/null >/dev/null; LISTEN_FDS=2 LISTEN_PID=$$ exec \"$@\"";

    let mut command = Command::new("sh");
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("NATSCOPE_")) {
        command.env_remove(name);
    }
    command.env("NATSCOPE_CONFIG", "none");
    command.args(["-c", SCRIPT, "sh", env!("CARGO_BIN_EXE_natscope"), "relay"]).args(arguments);
    command.stdin(OwnedFd::from(tcp)).stdout(OwnedFd::from(udp));
    command
}

/// And it is there before the relay is: whoever connects meanwhile waits.
#[tokio::test(flavor = "multi_thread")]
async fn sockets_that_were_bound_before_are_used() {
    let (tcp, udp) = (TcpListener::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
    let (address, stun) = (tcp.local_addr().unwrap(), udp.local_addr().unwrap());
    let early = tokio::spawn(Peer::fresh(address));
    let (derp, udp_text) = (address.to_string(), stun.to_string());
    let program = Program::of(passed(tcp, udp, &["--dev", "--addr", &derp, "--stun-addr", &udp_text]));
    assert_eq!(program.derp(), address);
    let mut early = early.await.unwrap();
    early.send(early.key, b"hello").await;
    assert_eq!(early.packet().await.unwrap().1, &b"hello"[..]);
    assert!(answers(stun), "STUN is there too");
    program.signal("TERM");
    assert!(early.packet().await.is_none());
    let (code, said) = tokio::task::spawn_blocking(|| program.ended()).await.unwrap();
    assert_eq!(code, Some(0), "{said}");
    assert!(std::net::TcpStream::connect(address).is_err(), "nobody holds it any more");
}

/// What systemd binds for `ListenStream=443` is for IPv4 as well.
#[tokio::test(flavor = "multi_thread")]
async fn one_socket_may_be_for_both_families() {
    let (Ok(tcp), Ok(udp)) = (TcpListener::bind("[::]:0"), UdpSocket::bind("[::]:0")) else {
        crate::tools::not_run("IPv6");
        return;
    };
    let (port, stun) = (tcp.local_addr().unwrap().port(), udp.local_addr().unwrap().port());
    let (derp, udp_text) = (format!(":{port}"), format!(":{stun}"));
    let arguments = ["--cert-mode", "none", "--open", "--addr", &derp, "--stun-addr", &udp_text];
    let directory = tempfile::tempdir().unwrap();
    let mut command = passed(tcp, udp, &arguments);
    command.env("STATE_DIRECTORY", directory.path());
    let program = Program::of(command);
    for ip in [IpAddr::from(Ipv4Addr::LOCALHOST), Ipv6Addr::LOCALHOST.into()] {
        let mut peer = Peer::fresh(SocketAddr::new(ip, port)).await;
        peer.send(peer.key, b"hello").await;
        assert_eq!(peer.packet().await.unwrap().1, &b"hello"[..]);
        assert!(answers(SocketAddr::new(ip, stun)), "STUN over {ip}");
    }
    program.signal("TERM");
}

#[test]
fn a_socket_that_nobody_wants_is_an_error() {
    let (tcp, udp) = (TcpListener::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
    let (address, stun) = (tcp.local_addr().unwrap().to_string(), udp.local_addr().unwrap().to_string());
    for (arguments, unwanted) in [
        (["--dev", "--addr", &address, "--stun-addr", "none"], &stun),
        (["--dev", "--addr", "127.0.0.1:0", "--stun-addr", &stun], &address),
    ] {
        let output = passed(tcp.try_clone().unwrap(), udp.try_clone().unwrap(), &arguments).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(64), "{said}");
        assert!(said.contains(unwanted) && said.contains("LISTEN_FDS"), "{said}");
    }
}

/// Whether a STUN server is there.
fn answers(server: SocketAddr) -> bool {
    let local = if server.is_ipv4() { "127.0.0.1:0" } else { "[::1]:0" };
    let socket = UdpSocket::bind(local).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = encode_request(TransactionId([7; 12]), RequestForm::Tailnode, None).unwrap();
    socket.send_to(&request, server).unwrap();
    let mut answer = [0; 200];
    let (length, _) = socket.recv_from(&mut answer).unwrap();
    decode_response(&answer[..length]).unwrap().endpoint() == Some(socket.local_addr().unwrap())
}
