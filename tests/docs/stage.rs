//! Where commands are run for a transcript: a directory with the files they need, and a relay on loopback.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::tools::program::{NATSCOPE, bare};

/// For what must come.
const PATIENCE: Duration = Duration::from_secs(30);

/// A map with a mistake that Headscale says nothing of.
const MAP: &str = r"regions:
  900:
    regionid: 900
    regioncode: own
    regionname: Our Own
    nodes:
      - name: 900a
        regionid: 900
        HostName: derp.example.com
        hostname: derp.example.com
        ipv4: 203.0.113.9
";

const CONFIG: &str = r#"lang = "en"

[netcheck]
no-icmp = true
timeout = "20s"
"#;

pub(crate) struct Stage {
    directory: tempfile::TempDir,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("derp.yaml"), MAP).unwrap();
        fs::write(directory.path().join("natscope.toml"), CONFIG).unwrap();
        Self { directory }
    }

    fn command(&self, line: &str) -> Command {
        let words = line.strip_prefix("natscope ").unwrap().split_whitespace();
        let mut command = bare(NATSCOPE);
        command.args(words).current_dir(self.directory.path());
        // `config show` tells of variables, and a path of this machine has no place in a document.
        command.env_remove("NATSCOPE_CACHE_DIR").env("XDG_CACHE_HOME", self.directory.path());
        command
    }

    /// A line as it would be typed, and what it prints: both streams, in the order they were written.
    pub(crate) fn run(&self, line: &str) -> String {
        let file = tempfile::NamedTempFile::new().unwrap();
        // Both write where the other has ended.
        let out = File::options().append(true).open(file.path()).unwrap();
        let err = out.try_clone().unwrap();
        let status = self.command(line).stdout(out).stderr(err).status().unwrap();
        let mut said = fs::read_to_string(file.path()).unwrap();
        if !status.success() {
            writeln!(said, "[exit status {}]", status.code().unwrap()).unwrap();
        }
        format!("$ {line}\n{said}")
    }

    /// Starts a line that does not end by itself.
    pub(crate) fn start(&self, line: &str) -> Beside {
        let file = tempfile::NamedTempFile::new().unwrap();
        let out = File::options().append(true).open(file.path()).unwrap();
        let err = out.try_clone().unwrap();
        let child = self.command(line).stdin(Stdio::null()).stdout(out).stderr(err).spawn().unwrap();
        Beside { line: line.to_owned(), child, file }
    }
}

/// A program that runs beside others, until it is interrupted.
pub(crate) struct Beside {
    line: String,
    child: Child,
    file: tempfile::NamedTempFile,
}

impl Drop for Beside {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Beside {
    fn said(&self) -> String {
        let mut text = String::new();
        File::open(self.file.path()).unwrap().read_to_string(&mut text).unwrap();
        text
    }

    /// What stands behind a word, as soon as it was said.
    pub(crate) fn told(&self, word: &str) -> String {
        let began = Instant::now();
        loop {
            let said = self.said();
            // A line is whole with its end.
            if let Some((_, rest)) = said.split_once(word)
                && let Some((line, _)) = rest.split_once('\n')
            {
                return line.split_whitespace().next().unwrap_or_default().to_owned();
            }
            assert!(began.elapsed() < PATIENCE, "no {word:?} in {said}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Ends it with Ctrl-C, and tells all it said, without its log of clients.
    pub(crate) fn interrupted(mut self) -> String {
        let status = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
        self.child.wait().unwrap();
        let is_log = |line: &&str| !line.contains(" INFO client ");
        let said: String = self.said().lines().filter(is_log).flat_map(|line| [line, "\n"]).collect();
        format!("$ {}\n{said}^C\n", self.line)
    }
}

/// That this host has IPv6 on loopback, which a report tells of.
pub(crate) fn has_ipv6() -> bool {
    Path::new("/proc/net/if_inet6").exists() && std::net::UdpSocket::bind("[::1]:0").is_ok()
}
