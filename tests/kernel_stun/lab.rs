//! A card, the test at the other end of its cable, and a relay.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use tun_tap::{Iface, Mode};

use super::frames::{Answer, HOST, PEER};
use super::tools::program::{NATSCOPE, bare, installed};

/// What an answer is waited for, where one must come.
const PATIENCE: Duration = Duration::from_secs(10);

/// And where none may come. An answer of the kernel's is there before the frame's sender goes on.
pub(crate) const SILENCE: Duration = Duration::from_millis(200);

/// What this machine lacks.
pub(crate) fn missing() -> Option<String> {
    for tool in ["unshare", "setpriv", "ip", "kill"] {
        if !installed(tool) {
            return Some(tool.to_owned());
        }
    }
    if !Path::new("/dev/net/tun").exists() {
        return Some("/dev/net/tun".to_owned());
    }
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:")).unwrap_or_default();
    let capabilities = u64::from_str_radix(line.trim(), 16).unwrap_or_default();
    // CAP_NET_ADMIN, CAP_SYS_ADMIN (for the namespace), CAP_BPF.
    if [12, 21, 39].iter().any(|bit| capabilities & 1 << bit == 0) {
        return Some("root with CAP_BPF".to_owned());
    }
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut numbers = release.split(['.', '-']).map_while(|part| part.parse::<u32>().ok());
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    (version < (6, 6)).then(|| format!("Linux 6.6, and this is {release}"))
}

pub(crate) fn ip(arguments: &str) {
    let status = Command::new("ip").args(arguments.split(' ')).status().unwrap();
    assert!(status.success(), "ip {arguments}");
}

/// A card, as `192.0.2.1/24` and `2001:db8::1/64`.
pub(crate) struct Card {
    pub(crate) name: String,
    cable: Arc<Iface>,
    arriving: Receiver<Vec<u8>>,
}

impl Card {
    /// Only one at a time has the addresses.
    pub(crate) fn plug(name: &str, addresses: &[&str]) -> Self {
        let cable = Arc::new(Iface::without_packet_info(name, Mode::Tap).unwrap());
        let name = cable.name().to_owned();
        ip("link set lo up");
        ip(&format!("link set {name} address {}", text(HOST)));
        // Nobody answers neighbour discovery here, and its own chatter only delays.
        let _ = fs::write(format!("/proc/sys/net/ipv6/conf/{name}/accept_dad"), "0");
        ip(&format!("link set {name} up"));
        for address in addresses {
            ip(&format!("address add {address} dev {name}"));
        }
        for neighbour in ["192.0.2.7", "2001:db8::7"] {
            ip(&format!("neighbour replace {neighbour} lladdr {} dev {name}", text(PEER)));
        }
        let (arrived, arriving) = channel();
        let reader = Arc::clone(&cable);
        // Ends with the process.
        thread::spawn(move || {
            let mut buffer = [0; 2048];
            while let Ok(length) = reader.recv(&mut buffer) {
                if arrived.send(buffer[..length].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { name, cable, arriving }
    }

    pub(crate) fn usual() -> Self {
        Self::plug("card%d", &["192.0.2.1/24", "2001:db8::1/64"])
    }

    pub(crate) fn send(&self, frame: &[u8]) {
        assert_eq!(self.cable.send(frame).unwrap(), frame.len());
    }

    /// What arrives within that time and is of interest.
    pub(crate) fn frames<T>(&self, within: Duration, read: impl Fn(&[u8]) -> Option<T>) -> Vec<T> {
        let end = Instant::now() + within;
        let mut found = Vec::new();
        while let Ok(frame) = self.arriving.recv_timeout(end.saturating_duration_since(Instant::now())) {
            found.extend(read(&frame));
        }
        found
    }

    /// The first of interest, which must arrive, and those that come after it.
    pub(crate) fn first_and_others<T>(&self, read: impl Fn(&[u8]) -> Option<T>) -> Vec<T> {
        let mut all = vec![self.first(&read)];
        all.extend(self.frames(SILENCE, read));
        all
    }

    fn first<T>(&self, read: impl Fn(&[u8]) -> Option<T>) -> T {
        let end = Instant::now() + PATIENCE;
        loop {
            let frame = self.arriving.recv_timeout(end.saturating_duration_since(Instant::now())).expect("it comes");
            if let Some(found) = read(&frame) {
                return found;
            }
        }
    }

    /// The first answer that arrives.
    pub(crate) fn answer(&self) -> Answer {
        self.first(Answer::read)
    }

    /// The answer to this, which must come.
    pub(crate) fn ask(&self, frame: &[u8]) -> Answer {
        self.send(frame);
        self.answer()
    }

    /// The answer to this, if there is one.
    pub(crate) fn try_to_ask(&self, frame: &[u8]) -> Option<Answer> {
        self.send(frame);
        self.frames(SILENCE, Answer::read).pop()
    }
}

impl Drop for Card {
    fn drop(&mut self) {
        ip(&format!("link delete {}", self.name));
    }
}

fn text(mac: [u8; 6]) -> String {
    mac.map(|byte| format!("{byte:02x}")).join(":")
}

/// A relay at work.
pub(crate) struct Relay {
    child: Child,
    _folder: tempfile::TempDir,
}

impl Relay {
    pub(crate) fn command(folder: &Path, arguments: &str) -> Command {
        let mut command = bare(NATSCOPE);
        command.args("relay --cert-mode none --addr 127.0.0.1:0 --open --metrics-addr 127.0.0.1:9478".split(' '));
        command.arg("--key").arg(folder.join("key")).args(arguments.split(' ')).stdout(Stdio::null());
        command
    }

    pub(crate) fn start(arguments: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let command = Self::command(folder.path(), arguments);
        Self::of(folder, command)
    }

    /// With these capabilities, as `+bpf`, and no others.
    pub(crate) fn start_with(capabilities: &str, arguments: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let command = with_only(capabilities, &Self::command(folder.path(), arguments));
        Self::of(folder, command)
    }

    fn of(folder: tempfile::TempDir, mut command: Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let mut said = Vec::new();
        loop {
            match lines.next() {
                Some(line) if line == "serving" => break,
                Some(line) => said.push(line),
                None => panic!("it does not serve: {}", said.join("\n")),
            }
        }
        thread::spawn(move || lines.for_each(drop));
        Self { child, _folder: folder }
    }

    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// While its process is stopped, whatever is answered is answered by the kernel.
    pub(crate) fn while_stopped<T>(&self, act: impl FnOnce() -> T) -> T {
        self.signal("STOP");
        // Each thread at its next opportunity.
        let tasks = format!("/proc/{}/task", self.child.id());
        while fs::read_dir(&tasks).unwrap().any(|task| {
            let stat = fs::read_to_string(task.unwrap().path().join("stat")).unwrap_or_default();
            let state = stat.rsplit(") ").next().and_then(|rest| rest.chars().next());
            assert_ne!(state, Some('Z'), "it is there");
            state != Some('T')
        }) {
            thread::sleep(Duration::from_millis(1));
        }
        let outcome = act();
        self.signal("CONT");
        outcome
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The command, as root who may do nothing but this.
pub(crate) fn with_only(capabilities: &str, command: &Command) -> Command {
    let mut outer = bare("setpriv");
    outer.arg(format!("--bounding-set=-all{capabilities}")).arg(command.get_program()).args(command.get_args());
    outer.stdout(Stdio::null());
    outer
}

/// A number on the relay's page of metrics.
pub(crate) fn metric(name: &str) -> u64 {
    let mut stream = TcpStream::connect("127.0.0.1:9478").unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: relay\r\nConnection: close\r\n\r\n").unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).unwrap();
    let value = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("no {name} in {page}")).parse().unwrap()
}
