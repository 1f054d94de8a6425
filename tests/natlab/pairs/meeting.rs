//! The programs of a pair: natscope's relay on the internet, `listen` in the neighbour's home, `ping` in the first one.

use std::io::{BufRead as _, BufReader};
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::{ChildStderr, ChildStdout, Stdio};

use serde_json::Value;

use super::super::daemons;
use super::super::lab::Lab;
use super::super::map;
use super::super::runs::{LONGEST_RUN, finish, natscope};
use super::super::scenario::Scenario;

pub struct Meeting {
    lab: Lab,
    /// Where the internet sees the one who listens.
    pub peer: IpAddr,
    key: String,
    /// Programs whose pipes are closed would have nowhere to write to.
    _pipes: (BufReader<ChildStderr>, BufReader<ChildStdout>),
}

pub struct Said {
    pub exit: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Meeting {
    /// With the relay serving and the neighbour on it.
    pub fn new(one: &Scenario, other: &Scenario) -> Result<Self, String> {
        let mut lab = Lab::new(one)?;
        let peer = lab.settle(other)?.public(other);
        let relay = serve(&mut lab)?;
        let (key, listen) = listen(&mut lab)?;
        Ok(Self { lab, peer, key, _pipes: (relay, listen) })
    }

    /// The relay examined from the first home.
    pub fn doctor(&mut self) -> Result<Said, String> {
        let mut command = natscope(&self.lab, "cli")?;
        command.args(["doctor", "s1", "--json", "--derp-map"]).arg(self.lab.map());
        let (exit, stdout, stderr) = finish(&mut command, self.lab.folder(), LONGEST_RUN)?;
        Ok(Said { exit, stdout, stderr })
    }

    pub fn ping(&mut self, arguments: &[&str]) -> Result<Said, String> {
        let mut command = natscope(&self.lab, "cli")?;
        command.args(["ping", &self.key, "--via", "s1", "--direct", "--derp-map"]).arg(self.lab.map()).args(arguments);
        let (exit, stdout, stderr) = finish(&mut command, self.lab.folder(), LONGEST_RUN)?;
        Ok(Said { exit, stdout, stderr })
    }

    /// The mappings that miniupnpd holds. It makes the file with the first one.
    pub fn leases(&self) -> Result<String, String> {
        std::fs::read_to_string(daemons::leases(self.lab.folder()))
            .map_err(|e| format!("no mapping was ever made: {e}"))
    }
}

/// The relay at the first server's addresses, with the certificate the lab's map pins.
fn serve(lab: &mut Lab) -> Result<BufReader<ChildStderr>, String> {
    const NAME: &str = "s1.owner1.test";
    let folder: PathBuf = lab.folder().to_owned();
    for (ending, pem) in ["crt", "key"].into_iter().zip(&map::certificate().pem) {
        std::fs::write(folder.join(format!("{NAME}.{ending}")), pem).map_err(|e| e.to_string())?;
    }
    let [own, alternate] = [lab.plan.server(0), lab.plan.alternate(0)];
    let mut command = natscope(lab, "inet")?;
    command.args(["relay", "--open", "--hostname", NAME, "--cert-mode", "manual", "--http-addr", "none"]);
    command.args(["--addr", &format!("{own}:443"), "--stun-addr", &format!("{own}:3478")]);
    command.args(["--stun-alternate-addr", &format!("{alternate}:3479")]);
    command.arg("--cert-dir").arg(&folder).arg("--key").arg(folder.join("relay.key"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|e| e.to_string())?;
    let mut stderr = BufReader::new(child.stderr.take().expect("piped"));
    lab.adopt(child);
    let mut said = String::new();
    while !said.ends_with("serving\n") {
        if stderr.read_line(&mut said).map_err(|e| e.to_string())? == 0 {
            return Err(format!("the relay did not start: {said}"));
        }
    }
    Ok(stderr)
}

/// Its key once it has joined the relay.
fn listen(lab: &mut Lab) -> Result<(String, BufReader<ChildStdout>), String> {
    let mut command = natscope(lab, "cli2")?;
    command.args(["listen", "--via", "s1", "--direct", "--format", "json-line", "--derp-map"]).arg(lab.map());
    let complaints = lab.folder().join("listen-stderr");
    let stderr = std::fs::File::create(&complaints).map_err(|e| e.to_string())?;
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr);
    let mut child = command.spawn().map_err(|e| e.to_string())?;
    let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
    lab.adopt(child);
    let mut line = String::new();
    stdout.read_line(&mut line).map_err(|e| e.to_string())?;
    let report: Value = serde_json::from_str(&line).unwrap_or_default();
    match report["listen"]["key"].as_str() {
        Some(key) => Ok((key.to_owned(), stdout)),
        None => Err(format!("listen: {line}{}", std::fs::read_to_string(complaints).unwrap_or_default())),
    }
}
