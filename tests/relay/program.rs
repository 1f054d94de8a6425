//! `natscope relay` as it is run.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::peer::Peer;

pub(crate) struct Program {
    child: Child,
    /// What it said until it served.
    said: String,
    /// What it says later is read at once: a full pipe would stop it.
    later: std::thread::JoinHandle<Vec<String>>,
}

impl Program {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut command = command();
        command.args(arguments).stdout(Stdio::null());
        Self::of(command)
    }

    /// Started, and serving.
    pub(crate) fn of(mut command: Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut said = String::new();
        for line in lines.by_ref() {
            let line = line.unwrap();
            if line == "serving" {
                let later = std::thread::spawn(|| lines.map_while(Result::ok).collect());
                return Self { child, said, later };
            }
            said.push_str(&line);
            said.push('\n');
        }
        panic!("it does not serve: {said}");
    }

    /// What stands after a name at the beginning of a line.
    pub(crate) fn told(&self, name: &str) -> &str {
        let line = self.said.lines().find(|line| line.split(' ').next() == Some(name));
        line.unwrap_or_else(|| panic!("no {name} in {}", self.said))[name.len()..].trim()
    }

    pub(crate) fn derp(&self) -> SocketAddr {
        self.told("DERP").split(' ').next().unwrap().parse().unwrap()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// Its exit code and what it said since it served.
    pub(crate) fn ended(mut self) -> (Option<i32>, String) {
        let code = self.child.wait().unwrap().code();
        let later = std::mem::replace(&mut self.later, std::thread::spawn(Vec::new));
        (code, later.join().unwrap().join("\n"))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It has ended already, unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_natscope"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("NATSCOPE_")) {
        command.env_remove(name);
    }
    command.arg("relay").env("NATSCOPE_CONFIG", "none");
    command
}

fn kept_in<'a>(dir: &'a Path, key: &'a str) -> Vec<&'a str> {
    let dir = dir.to_str().unwrap();
    vec!["--addr", "127.0.0.1:0", "--stun-addr", "127.0.0.1:0", "--cert-dir", dir, "--key", key]
}

#[test]
fn key_and_pin_survive_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("relay.key");
    let mut told = Vec::new();
    for _ in 0..2 {
        let program = Program::start(&kept_in(dir.path(), key.to_str().unwrap()));
        assert_eq!(program.said.matches("\ncheck: ").count(), 4, "{}", program.said);
        assert!(!program.said.contains("ERROR"), "{}", program.said);
        let port = program.derp().port();
        for wanted in [format!("\"DERPPort\": {port}"), format!("derpport: {port}")] {
            assert!(program.said.contains(&wanted), "{wanted} in {}", program.said);
        }
        told.push((program.told("Key").to_owned(), program.told("Pin").to_owned()));
        program.signal("TERM");
        let (code, said) = program.ended();
        assert_eq!(code, Some(0), "{said}");
    }
    assert_eq!(told[0], told[1]);
    assert!(told[0].1.starts_with("sha256-raw:"), "{told:?}");
}

#[test]
fn it_does_not_start_without_a_word_on_who_may_use_it() {
    for arguments in [
        &["--addr", ":0", "--hostname", "relay.example.com"][..],
        &["--addr", "0.0.0.0:0", "--hostname", "relay.example.com"],
        &["--cert-mode", "none", "--addr", "127.0.0.1:0"],
        &["--dev", "--addr", "0.0.0.0:0"],
        &["--open", "--allow", "x", "--addr", "127.0.0.1:0"],
        &["--cert-mode", "acme", "--open"],
        &["--cert-mode", "acme", "--open", "--hostname", "192.0.2.1"],
        &["--cert-mode", "acme", "--addr", ":0", "--hostname", "relay.example.com"],
        &["--acme-directory", "https://ca.example/dir", "--open", "--hostname", "relay.example.com"],
    ] {
        let output = command().args(arguments).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(64), "{arguments:?}: {said}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
    let said = command().args(["--addr", ":0"]).output().unwrap().stderr;
    let said = String::from_utf8(said).unwrap();
    for wanted in ["--allow", "--verify-client-url", "--verify-tailscaled", "--open"] {
        assert!(said.contains(wanted), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_delivers_and_the_log_says_who_came() {
    let program = Program::start(&["--dev", "--addr", "127.0.0.1:0", "--stun-addr", "none"]);
    let address = program.derp();
    let (mut sender, mut reader) = (Peer::fresh(address).await, Peer::fresh(address).await);
    for number in 0..300_u32 {
        sender.queue(reader.key, &[&number.to_be_bytes()[..], &[0; 1000]].concat());
    }
    sender.write().await;
    program.signal("TERM");
    for number in 0..300_u32 {
        let (_, packet) = reader.packet().await.expect("a packet");
        assert_eq!(packet[..4], number.to_be_bytes());
    }
    assert!(reader.packet().await.is_none());
    let keys = [sender.key, reader.key];
    drop((sender, reader));
    let (code, said) = tokio::task::spawn_blocking(|| program.ended()).await.unwrap();
    assert_eq!(code, Some(0), "{said}");
    for key in keys {
        assert!(said.contains(&format!("client came key={key}")), "{said}");
    }
}

/// Ten thousand connections that say half of something: the oldest make room, memory stays bounded, and whoever comes to
/// be served is served at once.
#[tokio::test(flavor = "multi_thread")]
#[cfg(target_os = "linux")]
async fn ten_thousand_half_open_connections() {
    use tokio::io::AsyncWriteExt as _;

    const CONNECTIONS: u32 = 10_000;
    let needed = u64::from(CONNECTIONS) + 500;
    if rlimit::increase_nofile_limit(needed).unwrap_or_default() < needed {
        crate::tools::not_run("a limit of 10,500 open files");
        return;
    }
    let program = Program::start(&["--dev", "--addr", "127.0.0.1:0", "--stun-addr", "none"]);
    let address = program.derp();
    let mut friend = Peer::fresh(address).await;
    let mut held = Vec::new();
    for number in 0..CONNECTIONS {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let half = match number % 3 {
            0 => "",
            1 => "GET /derp HTTP/1.1\r\nHo",
            _ => "GET /derp HTTP/1.1\r\nHost: a\r\nUpgrade: DERP\r\n\r\n",
        };
        // The oldest of them may be closed by now.
        let _ = stream.write_all(half.as_bytes()).await;
        held.push(stream);
        if number % 1000 == 999 {
            let mut newcomer = Peer::fresh(address).await;
            newcomer.send(friend.key, b"hello").await;
            assert_eq!(friend.packet().await.unwrap().0, newcomer.key, "after {number}");
        }
    }
    let status = std::fs::read_to_string(format!("/proc/{}/status", program.child.id())).unwrap();
    let peak =
        status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.trim().parse().ok());
    let peak: u64 = peak.unwrap();
    assert!(peak < 160 * 1024, "{peak} KiB");
    println!("{CONNECTIONS} half-open connections: {} MiB at most", peak / 1024);
    program.signal("TERM");
    drop(held);
}

/// At once, and not at the next look five seconds later.
#[tokio::test(flavor = "multi_thread")]
async fn a_hangup_puts_other_limits_in_force() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("limits.json");
    std::fs::write(&file, r#"{"MaxClients": 1}"#).unwrap();
    let limits = ["--rate-limit", file.to_str().unwrap()];
    let program = Program::start(&[&["--dev", "--addr", "127.0.0.1:0", "--stun-addr", "none"], &limits[..]].concat());
    let address = program.derp();
    let _one = Peer::fresh(address).await;
    assert!(Peer::try_join(address, &crate::peer::key().0).await.is_none());
    std::fs::write(&file, r#"{"MaxClients": 2}"#).unwrap();
    program.signal("HUP");
    let began = tokio::time::Instant::now();
    while Peer::try_join(address, &crate::peer::key().0).await.is_none() {
        assert!(began.elapsed() < std::time::Duration::from_secs(3), "the limits are the old ones");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    std::fs::write(&file, "no limits").unwrap();
    let output = command().args(["--dev", "--addr", "127.0.0.1:0"]).args(limits).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(64), "{said}");
    assert!(said.contains("limits.json: this is no JSON object"), "{said}");
}
