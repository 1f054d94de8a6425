//! Two of natscope's relays with one address each, and a client behind each kind of NAT: together they are to tell how
//! it filters, as a server with two addresses would.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStderr, Stdio};
use std::time::{Duration, Instant};

use libtest_mimic::Failed;
use serde_json::Value;

use super::lab::Lab;
use super::pairs::behaviour::NATS;
use super::runs::{LONGEST_RUN, finish, natscope};
use super::scenario::Scenario;
use super::trials::{Body, List};

/// A trial of each NAT, and those of relays that do not help.
pub fn add(list: &mut List) {
    for nat in NATS.iter().filter(|nat| !nat.is_blocked()) {
        // Behind a hard NAT the proof that the other relay sends does not come through: its mapping is another one.
        let may_be_unknown = nat.is_hard;
        let body: Body = Box::new(move || {
            let mut helped = Helped::new(nat.name, &[true, true])?;
            helped.is_told(nat.filtering, may_be_unknown)
        });
        list.add(format!("helped::{}", nat.name), None, body);
    }
    for nat in ["full-cone", "restricted"] {
        let body: Body = Box::new(move || {
            let mut helped = Helped::new(nat, &[true, false])?;
            helped.is_not_told("no other relay sends packets")
        });
        list.add(format!("helped::{nat}_by_nobody"), None, body);
        let body: Body = Box::new(move || {
            let mut helped = Helped::new(nat, &[true, true])?;
            helped.kill(1);
            helped.is_not_told("")
        });
        list.add(format!("helped::{nat}_by_one_that_died"), None, body);
    }
}

struct Helped {
    lab: Lab,
    relays: Vec<(Child, BufReader<ChildStderr>)>,
}

impl Drop for Helped {
    fn drop(&mut self) {
        (0..self.relays.len()).for_each(|relay| self.kill(relay));
    }
}

impl Helped {
    /// Those of two relays that are there, each of which is to be helped by the other.
    fn new(nat: &str, there: &[bool]) -> Result<Self, String> {
        let text = format!(
            "about = \"two relays\"\nnat = \"{nat}\"\n\
             server = [{{ stun = \"killed\", no_relay = true }}, {{ stun = \"killed\", no_relay = true }}]\n[truth]\n"
        );
        let mut helped = Self { lab: Lab::new(&Scenario::parse(nat, &text)?)?, relays: Vec::new() };
        for (number, _) in there.iter().enumerate().filter(|(_, there)| **there) {
            let relay = helped.serve(number)?;
            helped.relays.push(relay);
        }
        if there.iter().all(|there| *there) {
            helped.await_help()?;
        }
        Ok(helped)
    }

    /// A relay with one address, at that server's.
    fn serve(&self, number: usize) -> Result<(Child, BufReader<ChildStderr>), String> {
        let folder = self.lab.folder();
        let key = folder.join("mesh.key");
        std::fs::write(&key, "5e".repeat(32)).map_err(|e| e.to_string())?;
        let [own, other] = [number, 1 - number].map(|number| self.lab.plan.server(number));
        let mut command = natscope(&self.lab, "inet")?;
        command.args(["-v", "relay", "--open", "--hostname", "relay.test", "--cert-mode", "none"]);
        command.args(["--addr", &format!("{own}:8080"), "--stun-addr", &format!("{own}:3478")]);
        command.args(["--stun-helper", &other.to_string(), "--mesh-psk-file"]).arg(&key);
        command.arg("--key").arg(folder.join(format!("relay{number}.key")));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|e| e.to_string())?;
        let mut stderr = BufReader::new(child.stderr.take().expect("piped"));
        read_until(&mut stderr, "serving")?;
        Ok((child, stderr))
    }

    /// Until the first relay has heard of the second one.
    fn await_help(&mut self) -> Result<(), String> {
        let start = Instant::now();
        let result = read_until(&mut self.relays[0].1, "the relay helps with the test of filters");
        if start.elapsed() > Duration::from_secs(10) {
            return Err("it took the relays too long to find each other".to_owned());
        }
        result
    }

    fn kill(&mut self, relay: usize) {
        let (child, _) = &mut self.relays[relay];
        let _ = child.kill();
        let _ = child.wait();
    }

    /// What natscope says of filtering, asking the first relay alone.
    fn filtering(&mut self) -> Result<(Value, String), String> {
        let mut command = natscope(&self.lab, "cli")?;
        let [s1, s2] = [0, 1].map(|number| format!("{}:3478", self.lab.plan.server(number)));
        let servers = if self.relays.len() == 2 { vec![s1, s2] } else { vec![s1] };
        command.arg("nat").args(servers).args(["--json", "--no-portmap"]);
        let (_, stdout, stderr) = finish(&mut command, self.lab.folder(), LONGEST_RUN)?;
        let report: Value = serde_json::from_str(&stdout).map_err(|e| format!("{e}: {stdout}{stderr}"))?;
        let verdict = report["nat"]["ipv4"]["filtering"].clone();
        Ok((verdict, format!("{stdout}\n{stderr}")))
    }

    fn is_told(&mut self, filtering: &str, may_be_unknown: bool) -> Result<(), Failed> {
        let is_unknown = |verdict: &Value| verdict["value"].is_null() && !verdict["why"].is_null();
        let (verdict, said) = self.filtering()?;
        let unknown = is_unknown(&verdict);
        if verdict["value"] == filtering || (may_be_unknown && unknown) {
            return Ok(());
        }
        Err(format!("filtering {verdict}, the truth is {filtering}\n{said}").into())
    }

    fn is_not_told(&mut self, why: &str) -> Result<(), Failed> {
        let (verdict, said) = self.filtering()?;
        if verdict["value"].is_null() && verdict["why"].to_string().contains(why) && !verdict["why"].is_null() {
            return Ok(());
        }
        Err(format!("filtering {verdict}, should be undetermined: {why}\n{said}").into())
    }
}

fn read_until(stderr: &mut BufReader<ChildStderr>, wanted: &str) -> Result<(), String> {
    let mut said = String::new();
    loop {
        let from = said.len();
        if stderr.read_line(&mut said).map_err(|e| e.to_string())? == 0 {
            return Err(format!("the relay ended: {said}"));
        }
        if said[from..].contains(wanted) {
            return Ok(());
        }
    }
}
