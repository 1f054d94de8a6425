//! A client, its router with miniupnpd on the kernel's NAT, and the provider, in network namespaces of their own.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use natscope::probe::{Outcome, PortMappingService};

use super::inside;

/// The router's address inside.
pub(crate) const ROUTER: &str = "192.168.77.1";

/// client eth0 192.168.77.100 — lan 192.168.77.1 router wan — provider. Gone when dropped.
pub(crate) struct Lab {
    prefix: String,
    folder: tempfile::TempDir,
    daemon: Option<Child>,
}

impl Lab {
    /// The network, with these rules for what comes to the router.
    pub(crate) fn open(name: &str, wan: &str, input: &str) -> Self {
        let prefix = format!("nspm{}-{name}", std::process::id());
        let lab = Self { prefix, folder: tempfile::tempdir().unwrap(), daemon: None };
        let (client, router, provider) = (lab.namespace("c"), lab.namespace("r"), lab.namespace("p"));
        for namespace in [&client, &router, &provider] {
            run("ip", &["netns", "add", namespace]);
            run("ip", &["-n", namespace, "link", "set", "lo", "up"]);
            // Duplicate address detection would keep a link-local address unusable for a second.
            in_namespace(
                namespace,
                &["sysctl", "-qw", "net.ipv6.conf.all.accept_dad=0", "net.ipv6.conf.default.accept_dad=0"],
            );
        }
        run("ip", &["-n", &router, "link", "add", "lan", "type", "veth", "peer", "name", "eth0", "netns", &client]);
        run("ip", &["-n", &router, "link", "add", "wan", "type", "veth", "peer", "name", "isp", "netns", &provider]);
        for (namespace, device, address) in [
            (&client, "eth0", "192.168.77.100/24"),
            (&router, "lan", "192.168.77.1/24"),
            (&router, "lan", "fe80::77:1/64"),
            // Without an address beyond the link, miniupnpd does not listen on IPv6 at all.
            (&router, "lan", "fd77::1/64"),
            (&router, "wan", &format!("{wan}/24")),
        ] {
            run("ip", &["-n", namespace, "address", "add", address, "dev", device]);
        }
        for (namespace, device) in [(&client, "eth0"), (&router, "lan"), (&router, "wan"), (&provider, "isp")] {
            run("ip", &["-n", namespace, "link", "set", device, "up"]);
        }
        run("ip", &["-n", &client, "route", "add", "default", "via", ROUTER]);
        run("ip", &["-n", &router, "route", "add", "default", "dev", "wan"]);
        let rules = lab.folder.path().join("rules");
        fs::write(&rules, RULES.replace("INPUT", input)).unwrap();
        in_namespace(&router, &["nft", "-f", rules.to_str().unwrap()]);
        lab
    }

    /// The network, with miniupnpd on the router.
    pub(crate) fn with_router(name: &str, wan: &str, input: &str) -> Self {
        let mut lab = Self::open(name, wan, input);
        let file = |name: &str| lab.folder.path().join(name).to_str().unwrap().to_owned();
        fs::write(file("conf"), format!("{CONFIGURATION}lease_file={}\n", file("leases"))).unwrap();
        let log = File::create(file("log")).unwrap();
        let daemon = Command::new("ip")
            .args(["netns", "exec", &lab.namespace("r"), "miniupnpd", "-d", "-f", &file("conf"), "-P", &file("pid")])
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let log = file("log");
        lab.daemon = Some(daemon);
        let mut patience = 2000;
        while !fs::read_to_string(&log).unwrap().contains("Listening for NAT-PMP/PCP") {
            patience -= 1;
            assert!(patience > 0, "{}", fs::read_to_string(&log).unwrap());
            std::thread::sleep(Duration::from_millis(10));
        }
        lab
    }

    fn namespace(&self, role: &str) -> String {
        format!("{}-{role}", self.prefix)
    }

    /// What the client hears of this service.
    pub(crate) fn ask(&self, service: PortMappingService, router: &str) -> Outcome {
        let job = serde_json::to_string(&service).unwrap();
        let said = self.inside(&job, router);
        let line = said.lines().find_map(|line| line.strip_prefix(inside::OUTCOME)).unwrap_or_else(|| panic!("{said}"));
        serde_json::from_str(line).unwrap()
    }

    /// Runs this program once more, in the client's namespace and for this job; what it prints.
    pub(crate) fn inside(&self, job: &str, router: &str) -> String {
        let output = Command::new("ip")
            .args(["netns", "exec", &self.namespace("c")])
            .arg(std::env::current_exe().unwrap())
            .env(inside::JOB, job)
            .env(inside::ROUTER, router)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{job}: {said}\n{}", String::from_utf8_lossy(&output.stderr));
        said
    }

    /// Mappings in force: rules that miniupnpd made. They must agree with its lease file.
    pub(crate) fn mappings(&self) -> usize {
        let rules =
            in_namespace(&self.namespace("r"), &["nft", "list", "chain", "inet", "upnp", "prerouting_miniupnpd"]);
        let leases = fs::read_to_string(self.folder.path().join("leases")).unwrap_or_default();
        let count = rules.matches("dnat").count();
        assert_eq!(count, leases.lines().count(), "{rules}\n{leases}");
        count
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if let Some(daemon) = &mut self.daemon {
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
        for role in ["c", "r", "p"] {
            let _ = Command::new("ip").args(["netns", "delete", &self.namespace(role)]).stderr(Stdio::null()).status();
        }
    }
}

/// What keeps the lab from being built here.
pub(crate) fn missing() -> Option<String> {
    // 0 in a container's own user namespace too, where namespaces may still be forbidden; then the first `ip` fails
    // loudly.
    if fs::metadata("/proc/self").map_or(u32::MAX, |metadata| metadata.uid()) != 0 {
        return Some("root".to_owned());
    }
    [("ip", "-V"), ("nft", "--version"), ("miniupnpd", "--version"), ("sysctl", "--version")]
        .into_iter()
        .find(|(tool, flag)| Command::new(tool).arg(flag).stdout(Stdio::null()).stderr(Stdio::null()).status().is_err())
        .map(|(tool, _)| tool.to_owned())
}

fn in_namespace(namespace: &str, command: &[&str]) -> String {
    run("ip", &[&["netns", "exec", namespace], command].concat())
}

fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

const RULES: &str = "table inet upnp {
  chain miniupnpd { }
  chain prerouting_miniupnpd { }
  chain postrouting_miniupnpd { }
  chain input { type filter hook input priority filter; policy accept;
    INPUT
  }
  chain forward { type filter hook forward priority filter; policy accept;
    jump miniupnpd
  }
  chain prerouting { type nat hook prerouting priority dstnat; policy accept;
    jump prerouting_miniupnpd
  }
  chain postrouting { type nat hook postrouting priority srcnat; policy accept;
    jump postrouting_miniupnpd
    oifname \"wan\" masquerade
  }
}
";

const CONFIGURATION: &str = "ext_ifname=wan
listening_ip=lan
enable_natpmp=yes
enable_upnp=yes
upnp_table_name=upnp
upnp_nat_table_name=upnp
upnp_forward_chain=miniupnpd
upnp_nat_chain=prerouting_miniupnpd
upnp_nat_postrouting_chain=postrouting_miniupnpd
secure_mode=yes
uuid=8c1f2d3e-0000-4000-8000-000000000077
allow 1024-65535 192.168.77.0/24 1024-65535
deny 0-65535 0.0.0.0/0 0-65535
";
