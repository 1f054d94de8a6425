//! One lab: its namespaces, links, routers and servers, from [`Lab::new`] until it is dropped.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use super::plan::{GATEWAY, Plan, public_lan};
use super::scenario::{Ipv6, Scenario, StunMode, Surroundings};
use super::{daemons, map, rules, server, wire};

pub struct Lab {
    pub plan: Plan,
    /// Of its namespaces: `l3-` and then `cli`, `nat`, `cgn`, `inet`.
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
        lab.start_servers(scenario)?;
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
        let mut command = Command::new("ip");
        let resolver = self.folder().join("resolv.conf");
        // `ip netns exec` gives a mount namespace of its own, so the bind is seen by this program only.
        let script = "mount --bind \"$0\" /etc/resolv.conf && exec \"$@\"";
        command.args(["netns", "exec", &self.name("cli"), "sh", "-c", script]).arg(resolver).arg(program);
        command
    }

    /// The full name of `cli`, `nat`, `cgn` or `inet`.
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
            self.start_role("wire", &serde_json::to_string(&config).unwrap())?;
        }
        Ok(())
    }

    /// Addresses, routes, sysctls and rules: one shell for each namespace, all at once.
    fn furnish(&self, scenario: &Scenario) -> Result<(), String> {
        let resolver = if public_lan(scenario) { self.plan.dns.to_string() } else { GATEWAY.to_owned() };
        let write =
            |name: &str, text: String| std::fs::write(self.folder().join(name), text).map_err(|e| e.to_string());
        write("resolv.conf", format!("nameserver {resolver}\n"))?;
        let public = self.plan.public(scenario).to_string();
        let home_public = if scenario.carrier.is_some() { "100.64.0.10" } else { &public };
        let scripts: Vec<_> = self
            .namespaces
            .iter()
            .map(|short| match *short {
                "inet" => (short, self.internet_links(scenario), rules::loss(scenario.loss_percent)),
                "nat" => (short, self.home_links(scenario), rules::home(scenario, &self.plan, home_public)),
                "cgn" => {
                    let links = format!(
                        "addr add 100.64.0.1/24 dev lan\naddr add {public}/27 dev wan\nlink set lan up\nlink set wan up\n\
                         route add default via {}.1 dev wan\n",
                        self.plan.wan
                    );
                    (short, links, rules::carrier(scenario.carrier.expect("a carrier"), &public))
                }
                _ => (short, self.client_links(scenario), String::new()),
            })
            .collect();
        std::thread::scope(|scope| {
            let shells: Vec<_> = scripts
                .iter()
                .map(|(short, links, rules)| {
                    let script = format!(
                        "{SYSCTLS}ip -batch - <<'LINKS'\nlink set lo up\n{links}LINKS\nnft -f - <<'RULES'\n{rules}RULES\n"
                    );
                    let mut command = Command::new("ip");
                    command.args(["netns", "exec", &self.name(short), "sh", "-e"]);
                    scope.spawn(move || feed(&mut command, &script).map_err(|e| format!("{short}: {e}")))
                })
                .collect();
            shells.into_iter().try_for_each(|shell| shell.join().expect("a thread"))
        })
    }

    fn internet_links(&self, scenario: &Scenario) -> String {
        let Plan { wan, dns, portal, .. } = self.plan;
        let mut text = format!(
            "addr add {wan}.1/27 dev isp\nlink set isp up\naddr add {dns}/32 dev lo\naddr add {portal}/32 dev lo\n"
        );
        for n in 0..scenario.server.len() {
            for address in [self.plan.server(n), self.plan.alternate(n)] {
                writeln!(text, "addr add {address}/32 dev lo").unwrap();
            }
            if scenario.ipv6 != Ipv6::Off {
                writeln!(text, "addr add {}/128 dev lo nodad", self.plan.server6(n)).unwrap();
            }
        }
        if public_lan(scenario) {
            writeln!(text, "route add {wan}.128/28 via {wan}.10 dev isp").unwrap();
        }
        if scenario.ipv6 != Ipv6::Off {
            writeln!(text, "addr add {}/64 dev isp nodad", self.plan.v6("ff", "1")).unwrap();
            writeln!(text, "route add {}/64 via {} dev isp", self.plan.v6("1", ""), self.plan.v6("ff", "10")).unwrap();
        }
        text
    }

    fn home_links(&self, scenario: &Scenario) -> String {
        let wan = self.plan.wan;
        let lan = if public_lan(scenario) { format!("{wan}.129/28") } else { format!("{GATEWAY}/24") };
        let (uplink, isp) = match scenario.carrier {
            Some(_) => ("100.64.0.10/24".to_owned(), "100.64.0.1".to_owned()),
            None => (format!("{wan}.10/27"), format!("{wan}.1")),
        };
        let mut text = format!(
            "addr add {lan} dev lan\naddr add {uplink} dev wan\nlink set lan up\nlink set wan up\nroute add default via {isp} dev wan\n"
        );
        if scenario.ipv6 != Ipv6::Off {
            writeln!(text, "addr add {}/64 dev lan nodad", self.plan.v6("1", "1")).unwrap();
            writeln!(text, "addr add {}/64 dev wan nodad", self.plan.v6("ff", "10")).unwrap();
            writeln!(text, "route add default via {} dev wan", self.plan.v6("ff", "1")).unwrap();
        }
        text
    }

    fn client_links(&self, scenario: &Scenario) -> String {
        let wan = self.plan.wan;
        let (prefix, gateway) =
            if public_lan(scenario) { (28, format!("{wan}.129")) } else { (24, GATEWAY.to_owned()) };
        let mut text = format!(
            "addr add {}/{prefix} dev eth0\nlink set eth0 up\nroute add default via {gateway} dev eth0\n",
            self.plan.client(scenario)
        );
        if scenario.ipv6 != Ipv6::Off {
            writeln!(text, "addr add {}/64 dev eth0 nodad", self.plan.v6("1", "100")).unwrap();
            writeln!(text, "route add default via {} dev eth0", self.plan.v6("1", "1")).unwrap();
        }
        text
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
            names.insert(format!("s{}.natlab.test", n + 1), addresses);
        }
        let certificate = map::certificate();
        for (name, bytes) in [("cert.der", &certificate.der), ("key.der", &certificate.key)] {
            std::fs::write(self.folder().join(name), bytes).map_err(|e| e.to_string())?;
        }
        let config = server::Config {
            stun,
            relays,
            portal: plan.portal.into(),
            dns: plan.dns.into(),
            dns_mode: scenario.dns,
            names,
            folder: self.folder().to_owned(),
        };
        let await_coturn = scenario.coturn.then(|| daemons::coturn(scenario, plan, self.folder()));
        if let Some(command) = &await_coturn {
            self.start_daemon("inet", command)?;
        }
        if scenario.surroundings == Surroundings::ProxyOnly {
            self.start_daemon("nat", &daemons::tinyproxy(self.folder()))?;
        }
        if scenario.upnp {
            self.start_daemon("nat", &daemons::miniupnpd(self.folder()))?;
        }
        // The lab's own server is told which of coturn's addresses to wait for before it says that all is ready.
        let coturns = if scenario.coturn { self.coturn_addresses(scenario) } else { Vec::new() };
        self.start_role("serve", &serde_json::to_string(&(config, coturns)).unwrap())
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

    /// This test binary again, in the internet's namespace and in another role, until it says that it is ready.
    fn start_role(&mut self, role: &str, config: &str) -> Result<(), String> {
        let path = self.folder().join(format!("{role}.json"));
        std::fs::write(&path, config).map_err(|e| e.to_string())?;
        let mut child = Command::new("ip")
            .args(["netns", "exec", &self.name("inet")])
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

/// Both conntrack timeouts, or a mapping's lifetime depends on what was said before; no ICMP rate limits; no DAD;
/// bridged frames are not to pass the NAT twice; a lost neighbour solicitation must not cost a second.
const SYSCTLS: &str = "\
set_() { [ ! -e \"/proc/sys/net/$1\" ] || echo \"$2\" > \"/proc/sys/net/$1\" || true; }
set_ ipv4/ip_forward 1
set_ ipv6/conf/all/forwarding 1
for d in all default eth0 lan wan isp; do
  set_ ipv6/conf/$d/accept_dad 0
  set_ ipv6/conf/$d/accept_ra 0
  set_ ipv4/conf/$d/rp_filter 0
  set_ ipv4/conf/$d/send_redirects 0
  set_ ipv4/conf/$d/accept_redirects 0
  set_ ipv4/neigh/$d/retrans_time_ms 200
  set_ ipv6/neigh/$d/retrans_time_ms 200
done
set_ ipv4/icmp_ratemask 0
set_ ipv4/icmp_ratelimit 0
set_ netfilter/nf_conntrack_udp_timeout 60
set_ netfilter/nf_conntrack_udp_timeout_stream 60
";

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
