//! One lab: its namespaces, links, routers and servers, from [`Lab::new`] until it is dropped.

mod neighbour;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use super::plan::{GATEWAY, Plan, public_lan};
use super::scenario::{Ipv6, Scenario, StunMode, Surroundings};
use super::{daemons, housemate, links, map, rules, server, wire};

pub struct Lab {
    pub plan: Plan,
    /// Of its namespaces: `l3-` and then `cli`, `nat`, `cgn`, `inet`, another host of the LAN's `cli3`, and the neighbour's `cli2` and
    /// `nat2`.
    prefix: String,
    namespaces: Vec<&'static str>,
    children: Vec<Child>,
    folder: tempfile::TempDir,
}

impl Lab {
    /// Up, with every server answering.
    pub fn new(scenario: &Scenario) -> Result<Self, String> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let mut namespaces = vec!["inet", "nat", "cli"];
        if scenario.carrier.is_some() {
            namespaces.push("cgn");
        }
        if scenario.housemate_port.is_some() {
            namespaces.push("cli3");
        }
        let mut lab = Self {
            plan: Plan::of(scenario.plan),
            prefix: format!("l{}-", COUNT.fetch_add(1, Ordering::Relaxed)),
            namespaces,
            children: Vec::new(),
            // On the enclosure's own tmpfs: a killed run leaves no files either.
            folder: tempfile::tempdir_in("/run").map_err(|e| e.to_string())?,
        };
        lab.make_links(scenario)?;
        lab.furnish(scenario)?;
        if scenario.nat64 {
            lab.start_nat64()?;
        }
        lab.start_servers(scenario)?;
        lab.start_housemate(scenario)?;
        map::write(scenario, &lab.plan, &lab.map());
        Ok(lab)
    }

    /// The DERP map of this internet.
    pub fn map(&self) -> PathBuf {
        self.folder.path().join("map.json")
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A program in the client's namespace, with the lab's resolver.
    pub fn client(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        self.inside("cli", program)
    }

    /// A program in the namespace of this short name.
    pub fn inside(&self, short: &str, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("ip");
        let resolver = self.folder().join("resolv.conf");
        // `ip netns exec` gives a mount namespace of its own, so the bind is seen by this program only.
        let script = "mount --bind \"$0\" /etc/resolv.conf && exec \"$@\"";
        command.args(["netns", "exec", &self.name(short), "sh", "-c", script]).arg(resolver).arg(program);
        command
    }

    /// A program that ends with the lab.
    pub fn adopt(&mut self, child: Child) {
        self.children.push(child);
    }

    /// The full name of a namespace.
    pub fn name(&self, short: &str) -> String {
        format!("{}{short}", self.prefix)
    }

    fn make_links(&mut self, scenario: &Scenario) -> Result<(), String> {
        let mut batch = String::new();
        for short in &self.namespaces {
            writeln!(batch, "netns add {}", self.name(short)).unwrap();
        }
        let edge = if scenario.carrier.is_some() { "cgn" } else { "nat" };
        let mut veths = vec![("nat", "lan", "cli", "eth0")];
        if scenario.carrier.is_some() {
            veths.push(("cgn", "lan", "nat", "wan"));
        }
        if scenario.housemate_port.is_some() {
            veths.push(("nat", "lan2", "cli3", "eth0"));
        }
        if !scenario.has_wire() {
            veths.push(("inet", "isp", edge, "wan"));
        }
        for (a, end, b, other) in veths {
            let (a, b) = (self.name(a), self.name(b));
            writeln!(batch, "link add {end} netns {a} type veth peer name {other} netns {b}").unwrap();
        }
        feed(Command::new("ip").args(["-batch", "-"]), &batch)?;
        if scenario.has_wire() {
            let mut rtt_ms = BTreeMap::new();
            for (n, server) in scenario.server.iter().enumerate() {
                let plan = &self.plan;
                for address in [plan.server(n).into(), plan.alternate(n).into(), plan.server6(n).into()] {
                    rtt_ms.insert(address, server.rtt_ms);
                }
            }
            let config =
                wire::Config { wire: scenario.wire.clone().unwrap_or_default(), rtt_ms, router: self.name(edge) };
            self.start_role("inet", "wire", &serde_json::to_string(&config).unwrap())?;
        }
        Ok(())
    }

    /// Addresses, routes, sysctls and rules: one shell for each namespace, all at once.
    fn furnish(&self, scenario: &Scenario) -> Result<(), String> {
        let plan = &self.plan;
        let resolver = match (scenario.ipv4, public_lan(scenario)) {
            (false, _) => plan.dns6().to_string(),
            (true, true) => plan.dns.to_string(),
            (true, false) => GATEWAY.to_owned(),
        };
        let write =
            |name: &str, text: String| std::fs::write(self.folder().join(name), text).map_err(|e| e.to_string());
        write("resolv.conf", format!("nameserver {resolver}\n"))?;
        let public = self.plan.public(scenario).to_string();
        let home_public = if scenario.carrier.is_some() { "100.64.0.10" } else { &public };
        let scripts: Vec<_> = self
            .namespaces
            .iter()
            .map(|short| match *short {
                "inet" => (*short, links::internet(scenario, plan), rules::loss(scenario.loss_percent)),
                "nat" => (*short, links::home(scenario, plan), rules::home(scenario, plan, home_public)),
                "cgn" => {
                    let nat = scenario.carrier.expect("a carrier");
                    (*short, links::carrier(plan), rules::carrier(nat, &public))
                }
                "cli3" => (*short, links::housemate(), String::new()),
                _ => (*short, links::client(scenario, plan), String::new()),
            })
            .collect();
        self.run_scripts(&links::conntrack(scenario), &scripts)
    }

    /// Input of `ip -batch` and of `nft` in each of the namespaces.
    fn run_scripts(&self, conntrack: &str, scripts: &[(&str, String, String)]) -> Result<(), String> {
        std::thread::scope(|scope| {
            let shells: Vec<_> = scripts
                .iter()
                .map(|(short, links, rules)| {
                    let script = format!(
                        "{}{}ip -batch - <<'LINKS'\nlink set lo up\n{links}LINKS\nnft -f - <<'RULES'\n{rules}RULES\n",
                        links::SYSCTLS,
                        conntrack
                    );
                    let mut command = Command::new("ip");
                    command.args(["netns", "exec", &self.name(short), "sh", "-e"]);
                    scope.spawn(move || feed(&mut command, &script).map_err(|e| format!("{short}: {e}")))
                })
                .collect();
            shells.into_iter().try_for_each(|shell| shell.join().expect("a thread"))
        })
    }

    fn start_servers(&mut self, scenario: &Scenario) -> Result<(), String> {
        let plan = &self.plan;
        let mut stun = Vec::new();
        let mut relays: Vec<IpAddr> = Vec::new();
        let mut names = BTreeMap::from([("login.natlab.test".to_owned(), vec![plan.portal.into()])]);
        for (n, server) in scenario.server.iter().enumerate() {
            let mut addresses: Vec<IpAddr> = vec![plan.server(n).into()];
            if scenario.ipv6 != Ipv6::Off {
                addresses.push(plan.server6(n).into());
            }
            for address in &addresses {
                let elsewhere = scenario.coturn && server.stun == StunMode::Ok && address.is_ipv4();
                if elsewhere || server.stun == StunMode::Killed {
                    continue;
                }
                stun.push(server::StunServer {
                    address: *address,
                    alternate: address.is_ipv4().then(|| plan.alternate(n).into()),
                    mode: server.stun,
                    reply_delay_ms: server.reply_delay_ms,
                    loss_percent: server.loss_percent,
                    seed: n as u64,
                });
            }
            if !server.no_relay {
                relays.extend(&addresses);
            }
            names.insert(format!("s{0}.owner{0}.test", n + 1), addresses);
        }
        if scenario.nat64 {
            names.insert("ipv4only.arpa".to_owned(), plan.ipv4only());
        }
        let certificate = map::certificate();
        for (name, bytes) in [("cert.der", &certificate.der), ("key.der", &certificate.key)] {
            std::fs::write(self.folder().join(name), bytes).map_err(|e| e.to_string())?;
        }
        let dns6 = (scenario.ipv6 != Ipv6::Off).then(|| plan.dns6().into());
        let dns = std::iter::once(plan.dns.into()).chain(dns6);
        let config = server::Config {
            stun,
            relays,
            portal: plan.portal.into(),
            dns: dns.collect(),
            dns_mode: scenario.dns,
            names,
            folder: self.folder().to_owned(),
        };
        let await_coturn = scenario.coturn.then(|| daemons::coturn(scenario, plan, self.folder()));
        if let Some(command) = &await_coturn {
            self.start_daemon("inet", command)?;
        }
        if scenario.surroundings == Surroundings::ProxyOnly {
            self.start_daemon("nat", &daemons::tinyproxy(self.folder(), self.plan.dns))?;
        }
        if scenario.upnp {
            self.start_daemon("nat", &daemons::miniupnpd(self.folder(), !scenario.upnp_only))?;
        }
        // The lab's own server is told which of coturn's addresses to wait for before it says that all is ready.
        let coturns = if scenario.coturn { self.coturn_addresses(scenario) } else { Vec::new() };
        self.start_role("inet", "serve", &serde_json::to_string(&(config, coturns)).unwrap())
    }

    /// With flows to every other server, so that the same port of the client is free at some and taken at others.
    fn start_housemate(&mut self, scenario: &Scenario) -> Result<(), String> {
        let Some(port) = scenario.housemate_port else { return Ok(()) };
        let servers = (0..scenario.server.len()).step_by(2).map(|n| self.plan.server(n)).collect();
        let config = housemate::Config { port, servers };
        self.start_role("cli3", "housemate", &serde_json::to_string(&config).unwrap())
    }

    /// Its device takes what is sent to the prefix, and gives it back as IPv4, for the router's NAT.
    fn start_nat64(&mut self) -> Result<(), String> {
        let [make, run] = daemons::tayga(self.folder(), &self.plan);
        let output = Command::new("ip").args(["netns", "exec", &self.name("nat")]).args(make).output();
        let output = output.map_err(|e| e.to_string())?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        let batch = format!(
            "link set nat64 up\nroute add {}/96 dev nat64\nroute add {} dev nat64\n",
            self.plan.nat64(),
            daemons::NAT64_POOL
        );
        let mut command = Command::new("ip");
        feed(command.args(["-netns", &self.name("nat"), "-batch", "-"]), &batch)?;
        self.start_daemon("nat", &run)
    }

    fn coturn_addresses(&self, scenario: &Scenario) -> Vec<std::net::Ipv4Addr> {
        let healthy = (0..scenario.server.len()).filter(|n| scenario.server[*n].stun == StunMode::Ok);
        healthy.map(|n| self.plan.server(n)).collect()
    }

    fn start_daemon(&mut self, short: &str, command: &[String]) -> Result<(), String> {
        let child =
            daemons::spawn(&self.name(short), command, self.folder()).map_err(|e| format!("{}: {e}", command[0]))?;
        self.children.push(child);
        Ok(())
    }

    /// This test binary again, in a namespace and in another role, until it says that it is ready.
    fn start_role(&mut self, short: &str, role: &str, config: &str) -> Result<(), String> {
        let path = self.folder().join(format!("{role}.json"));
        std::fs::write(&path, config).map_err(|e| e.to_string())?;
        let mut child = Command::new("ip")
            .args(["netns", "exec", &self.name(short)])
            .arg(std::env::current_exe().map_err(|e| e.to_string())?)
            .arg(&path)
            .env("NATLAB_ROLE", role)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| e.to_string())?;
        let mut line = String::new();
        let stdout = child.stdout.take().expect("piped");
        self.children.push(child);
        let _ = BufReader::new(stdout).read_line(&mut line);
        if line.trim() == "ready" { Ok(()) } else { Err(format!("the lab's {role} did not start: {line}")) }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // Deleting a namespace that still has a process in it would only hide it.
        for child in &mut self.children {
            let _ = child.kill();
        }
        for child in &mut self.children {
            let _ = child.wait();
        }
        let batch: String = self.namespaces.iter().map(|short| format!("netns del {}\n", self.name(short))).collect();
        let _ = feed(Command::new("ip").args(["-force", "-batch", "-"]), &batch);
    }
}

/// Runs a command with `text` as its input; its complaints are the error.
fn feed(command: &mut Command, text: &str) -> Result<(), String> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| format!("{command:?}: {e}"))?;
    let _ = child.stdin.take().expect("piped").write_all(text.as_bytes());
    let output = child.wait_with_output().map_err(|e| e.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{}\nin:\n{text}", String::from_utf8_lossy(&output.stderr)))
}
