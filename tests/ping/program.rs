//! Programs that run beside a test.

use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;

pub(crate) use crate::tools::program::assert_valid;
use crate::tools::program::{NATSCOPE, bare};

/// For what must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn natscope(arguments: &str) -> Command {
    let mut command = bare(NATSCOPE);
    command.args(arguments.split_whitespace());
    command
}

/// A program and the lines it writes. It ends with the test.
pub(crate) struct Running {
    pub(crate) child: Child,
    lines: Receiver<String>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Running {
    /// Starts it; both of its streams are listened to.
    pub(crate) fn start(arguments: &str) -> Self {
        let mut child = natscope(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, lines) = channel();
        let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let other = sender.clone();
        std::thread::spawn(move || {
            BufReader::new(out).lines().map_while(Result::ok).all(|line| sender.send(line).is_ok())
        });
        std::thread::spawn(move || {
            BufReader::new(err).lines().map_while(Result::ok).all(|line| other.send(line).is_ok())
        });
        Self { child, lines }
    }

    /// The next line that has this in it.
    pub(crate) fn line(&self, with: &str) -> String {
        let mut before = String::new();
        loop {
            let line = self.lines.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("no {with:?} after: {before}"));
            if line.contains(with) {
                return line;
            }
            before += &line;
            before.push('\n');
        }
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// The rest of its lines, and its exit code.
    pub(crate) fn end(mut self) -> (String, Option<i32>) {
        let code = self.child.wait().unwrap().code();
        (self.lines.iter().collect::<Vec<_>>().join("\n"), code)
    }
}

/// A relay for anybody over plain HTTP on this address.
pub(crate) fn relay(at: SocketAddr) -> Running {
    let relay = Running::start(&format!("relay --dev --addr {at} --stun-addr {}:0", at.ip()));
    relay.line("serving");
    relay
}

pub(crate) fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// A listener, when it can be pinged, and its key.
pub(crate) fn listen(arguments: &str) -> (Running, String) {
    let listener = Running::start(&format!("listen {arguments}"));
    let line = listener.line("on the other side: natscope ping nodekey:");
    let key = line.split_whitespace().find(|word| word.starts_with("nodekey:")).unwrap().to_owned();
    (listener, key)
}

/// The report of a ping, and its exit code.
pub(crate) fn ping(arguments: &str) -> (Value, Option<i32>) {
    let output = natscope(&format!("ping {arguments} --json")).output().unwrap();
    (report(&output), output.status.code())
}

/// The report a run printed, which is to be what the schema says.
#[track_caller]
pub(crate) fn report(output: &Output) -> Value {
    let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    assert_valid(&report);
    report
}

/// Paths of the pongs, in order.
pub(crate) fn paths(report: &Value) -> Vec<&str> {
    report["ping"]["pongs"].as_array().unwrap().iter().map(|pong| pong["path"].as_str().unwrap()).collect()
}
