//! The relay as systemd runs it.

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::Duration;

use crate::peer::PATIENCE;
use crate::program::{Program, command};

const ANYWHERE: [&str; 5] = ["--dev", "--addr", "127.0.0.1:0", "--stun-addr", "none"];

fn told(socket: &UnixDatagram) -> String {
    let mut buffer = [0; 200];
    let length = socket.recv(&mut buffer).expect("it says something");
    String::from_utf8(buffer[..length].to_vec()).unwrap()
}

fn notified(path: &Path) -> Program {
    let mut command = command();
    command.args(ANYWHERE).env("NOTIFY_SOCKET", path);
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
    program.signal("TERM");
    assert_eq!(told(&socket), "STOPPING=1\n");
    let (code, said) = program.ended();
    assert_eq!(code, Some(0), "{said}");
    socket.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
    assert!(socket.recv(&mut [0; 200]).is_err(), "each of them once");
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
