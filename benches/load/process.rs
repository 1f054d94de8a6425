//! A process that is measured, ended when this is dropped.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A user's ticks a second, on every Linux of today (`getconf CLK_TCK`).
const TICKS: f64 = 100.0;

/// Seconds of a core the machine has been busy. NaN where there is no /proc.
pub(crate) fn busy() -> f64 {
    let Ok(stat) = std::fs::read_to_string("/proc/stat") else { return f64::NAN };
    let ticks: Vec<f64> = stat.lines().next().unwrap().split_whitespace().skip(1).map(|n| n.parse().unwrap()).collect();
    // All but idle, and waiting for disks.
    (ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6]) / TICKS
}

pub(crate) struct Process {
    child: Child,
    pub(crate) address: SocketAddr,
    /// Where a relay answers STUN.
    pub(crate) stun: Option<SocketAddr>,
    /// Where a relay tells what it has counted.
    metrics: Option<SocketAddr>,
}

impl Process {
    pub(crate) fn forwarder() -> Self {
        Self::myself("--forward")
    }

    pub(crate) fn echo() -> Self {
        Self::myself("--echo")
    }

    fn myself(task: &str) -> Self {
        let program = std::env::current_exe().unwrap();
        let mut child = Command::new(program).args([task, "127.0.0.1:0"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, address: line.trim().parse().unwrap(), stun: None, metrics: None }
    }

    /// A relay of this program, by default the built one, on a free port.
    pub(crate) fn relay(program: Option<&Path>, arguments: &[&str]) -> Self {
        let mut child = Command::new(program.unwrap_or(Path::new(env!("CARGO_BIN_EXE_natscope"))))
            .env("NATSCOPE_CONFIG", "none")
            .args(["relay", "--addr", "127.0.0.1:0", "--stun-addr", "127.0.0.1:0", "--max-clients", "1000000"])
            .args(["--metrics-addr", "127.0.0.1:0"])
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let (mut address, mut stun, mut metrics) = (None, None, None);
        let first = |rest: &str| rest.split_whitespace().next().and_then(|address| address.parse().ok());
        for line in lines.by_ref() {
            if let Some(rest) = line.strip_prefix("DERP") {
                address = first(rest);
            }
            if let Some(rest) = line.strip_prefix("STUN") {
                stun = stun.or_else(|| first(rest));
            }
            if let Some(rest) = line.strip_prefix("Metrics").and_then(|rest| rest.trim().strip_prefix("http://")) {
                metrics = rest.split('/').next().map(|address| address.parse().unwrap());
            }
            if line == "serving" {
                break;
            }
        }
        // What it says later must not stop it.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address: address.expect("a relay says where it listens"), stun, metrics }
    }

    /// Tailscale's relay, on a port that was free a moment ago: it does not tell which one it takes.
    pub(crate) fn derper(program: &Path, arguments: &[&str]) -> Self {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        // For its key, which it has read when it serves.
        let directory = tempfile::tempdir().unwrap();
        let mut child = Command::new(program)
            .args(["-a", &address.to_string(), "-http-port", "-1", "-stun=false", "-c"])
            .arg(directory.path().join("derper.json"))
            .args(arguments)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        while TcpStream::connect(address).is_err() {
            assert!(child.try_wait().unwrap().is_none(), "derper has ended");
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { child, address, stun: None, metrics: None }
    }

    /// Seconds of a core it has used. NaN where there is no /proc.
    pub(crate) fn cpu(&self) -> f64 {
        let Ok(stat) = std::fs::read_to_string(self.proc("stat")) else { return f64::NAN };
        // After the name, which may have anything in it: state is field 3, user and system time are 14 and 15.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / TICKS
    }

    /// KiB of memory it has. NaN where there is no /proc.
    pub(crate) fn memory(&self) -> f64 {
        let Ok(status) = std::fs::read_to_string(self.proc("status")) else { return f64::NAN };
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// The sum of all counters of a relay whose names begin so.
    pub(crate) fn counted(&self, name: &str) -> f64 {
        let at = self.metrics.expect("a relay");
        let mut stream = TcpStream::connect(at).unwrap();
        write!(stream, "GET /metrics HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\n\r\n").unwrap();
        let mut page = String::new();
        stream.read_to_string(&mut page).unwrap();
        let values = page.lines().filter(|line| line.starts_with(name)).filter_map(|line| line.rsplit(' ').next());
        values.map(|value| value.parse::<f64>().unwrap()).sum()
    }

    fn proc(&self, name: &str) -> PathBuf {
        Path::new("/proc").join(self.child.id().to_string()).join(name)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
