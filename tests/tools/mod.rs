//! Programs we did not write, for tests: started if installed, and loudly missed if not.

#![allow(dead_code, reason = "each test takes what it needs")]

pub(crate) mod program;

use std::io::{self, Write as _};
use std::net::UdpSocket;
use std::process::{Child, Command, Stdio};

/// Says that a test did not run for want of `missing`. With `NATSCOPE_REQUIRE_TOOLS=1` that is a failure.
#[track_caller]
pub(crate) fn not_run(missing: &str) {
    // Past the test harness, which keeps to itself what a passing test prints.
    let _ = writeln!(io::stderr(), "NOT RUN: {missing} is missing");
    assert!(std::env::var_os("NATSCOPE_REQUIRE_TOOLS").is_none_or(|value| value != "1"), "{missing} is missing");
}

/// Kills the program when the test ends, however it ends.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a program. `None`: it is not installed.
#[track_caller]
pub(crate) fn start(command: &mut Command) -> Option<Running> {
    match command.stdin(Stdio::null()).spawn() {
        Ok(child) => Some(Running(child)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            not_run(&command.get_program().to_string_lossy());
            None
        }
        Err(error) => panic!("{command:?}: {error}"),
    }
}

/// coturn as a STUN server and nothing else, on these addresses. `None`: it is not installed.
#[track_caller]
pub(crate) fn start_coturn(
    addresses: &[&str],
    [port, alternate_port]: [u16; 2],
) -> Option<(Running, tempfile::TempDir)> {
    let directory = tempfile::tempdir().unwrap();
    let in_directory = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let turnserver = start(
        Command::new("turnserver")
            .args(["-n", "--stun-only", "-z", "--no-tls", "--no-dtls", "--no-tcp", "--no-cli"])
            .args(addresses.iter().flat_map(|address| ["-L", address]))
            .args(["-l", "stdout", "-p", &port.to_string(), "--alt-listening-port", &alternate_port.to_string()])
            .args(["--pidfile", &in_directory("pid"), "--userdb", &in_directory("db")])
            .stdout(Stdio::null()),
    )?;
    Some((turnserver, directory))
}

/// Ports that were free a moment ago; coturn cannot be asked to choose and tell.
pub(crate) fn free_ports(address: &str) -> [u16; 2] {
    let sockets = [(); 2].map(|()| UdpSocket::bind((address, 0)).unwrap());
    sockets.map(|socket| socket.local_addr().unwrap().port())
}
