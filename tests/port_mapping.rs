//! The port-mapping questions against a real router: miniupnpd on the kernel's NAT, in network namespaces of the test's
//! own. Proves that UPnP, NAT-PMP and PCP are understood, and that asking leaves no mapping behind.
//!
//! Needs root, `ip`, `nft` and `miniupnpd` (Debian: iproute2, nftables, miniupnpd-nftables). Without them it says
//! NOT RUN on standard error, and fails where `NATSCOPE_REQUIRE_LAB=1`.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::fs::{self, File};
use std::io::Write;
use std::net::{IpAddr, UdpSocket};
use std::os::unix::fs::MetadataExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use natscope::drive::port_mapping::{Way, ask};
use natscope::probe::{Cause, Failure, Outcome, PortMappingAnswer, PortMappingService, Stage};

const ROUTER: &str = "192.168.77.1";

#[test]
fn a_router_offers_all_three_and_keeps_no_mapping() {
    let Some(lab) = Lab::with_router("pub", "11.0.113.10", "") else { return };
    let wan_address: IpAddr = "11.0.113.10".parse().unwrap();

    let nat_pmp = answered(lab.ask(PortMappingService::NatPmp, ROUTER));
    assert_eq!((nat_pmp.available, nat_pmp.wan_address, nat_pmp.result_code), (true, Some(wan_address), Some(0)));
    let pcp = answered(lab.ask(PortMappingService::Pcp, ROUTER));
    assert_eq!((pcp.available, pcp.wan_address, pcp.result_code), (true, None, Some(0)));
    let upnp = answered(lab.ask(PortMappingService::Upnp, ROUTER));
    assert_eq!((upnp.available, upnp.wan_address, upnp.result_code), (true, Some(wan_address), Some(0)));
    assert!(upnp.detail.unwrap().contains("MiniUPnPd/"));

    assert_eq!(lab.mappings(), 0, "asking must not leave a mapping");
    // The proof that a mapping would have been seen.
    lab.inside("map", PortMappingService::NatPmp, ROUTER);
    assert_eq!(lab.mappings(), 1);
}

#[test]
fn pcp_is_asked_over_a_link_local_gateway() {
    let Some(lab) = Lab::with_router("v6", "11.0.113.10", "") else { return };
    let answer = answered(lab.ask(PortMappingService::Pcp, "fe80::77:1"));
    assert_eq!((answer.available, answer.result_code), (true, Some(0)));
    assert_eq!(lab.mappings(), 0);
}

#[test]
fn the_group_reaches_a_router_that_listens_nowhere_else() {
    let Some(lab) = Lab::with_router("grp", "11.0.113.10", "ip daddr 192.168.77.1 udp dport 1900 drop") else { return };
    let upnp = answered(lab.ask(PortMappingService::Upnp, ROUTER));
    assert_eq!(upnp.wan_address, Some("11.0.113.10".parse().unwrap()));
}

#[test]
fn the_router_alone_is_enough_where_the_group_is_not_forwarded() {
    let Some(lab) = Lab::with_router("uni", "11.0.113.10", "ip daddr 239.255.255.250 drop") else { return };
    let upnp = answered(lab.ask(PortMappingService::Upnp, ROUTER));
    assert_eq!(upnp.wan_address, Some("11.0.113.10".parse().unwrap()));
}

#[test]
fn a_router_behind_a_carriers_nat_does_not_pass_for_a_public_one() {
    let Some(lab) = Lab::with_router("cgn", "100.64.7.9", "") else { return };
    // miniupnpd will not map then: NAT-PMP says network failure (3), UPnP "action failed" (501) or 0.0.0.0.
    let nat_pmp = answered(lab.ask(PortMappingService::NatPmp, ROUTER));
    assert_eq!((nat_pmp.available, nat_pmp.wan_address, nat_pmp.result_code), (false, None, Some(3)));
    let upnp = answered(lab.ask(PortMappingService::Upnp, ROUTER));
    println!("{upnp:?}");
    assert_eq!((upnp.available, upnp.wan_address), (true, None));
    assert!(upnp.detail.is_some());
}

#[test]
fn a_router_without_services_refuses_or_is_silent() {
    let Some(lab) = Lab::open("none", "11.0.113.10", "") else { return };
    let failed = |cause| Outcome::Failed(Failure::new(Stage::PortMapping, cause));
    assert_eq!(lab.ask(PortMappingService::NatPmp, ROUTER), failed(Cause::Refused));
    assert_eq!(lab.ask(PortMappingService::Pcp, ROUTER), failed(Cause::Refused));
    let upnp = lab.ask(PortMappingService::Upnp, ROUTER);
    let Outcome::Failed(Failure { cause: Cause::NoAnswer { copies, .. }, .. }) = upnp else { panic!("{upnp:?}") };
    // The router's own address and the group were asked, in three rounds.
    assert!(copies >= 15, "{copies}");
}

/// Not a test: what the others run inside the client's namespace, as this same program.
#[test]
#[ignore = "started by the other tests, inside their namespaces"]
fn inside_the_client() {
    let Ok(job) = std::env::var("NATSCOPE_LAB_JOB") else { return };
    let router: IpAddr = std::env::var("NATSCOPE_LAB_ROUTER").unwrap().parse().unwrap();
    if job == "map" {
        let socket = UdpSocket::bind(("0.0.0.0", 0)).unwrap();
        socket.connect((router, 5351)).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        // NAT-PMP: map UDP 40000 to 40000 for 120 s.
        socket.send(&[0, 1, 0, 0, 0x9c, 0x40, 0x9c, 0x40, 0, 0, 0, 120]).unwrap();
        let mut answer = [0; 16];
        assert_eq!(socket.recv(&mut answer).unwrap(), 16);
        assert_eq!(answer[..4], [0, 129, 0, 0]);
        return;
    }
    let service: PortMappingService = serde_json::from_str(&job).unwrap();
    let way = Way {
        local: None,
        interface: fs::read_to_string("/sys/class/net/eth0/ifindex").unwrap().trim().parse().unwrap(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let outcome = runtime.block_on(ask(service, router, way, Duration::from_secs(3)));
    println!("\nOUTCOME {}", serde_json::to_string(&outcome).unwrap());
}

fn answered(outcome: Outcome) -> PortMappingAnswer {
    match outcome {
        Outcome::PortMapping(answer) => answer,
        other => panic!("no answer: {other:?}"),
    }
}

/// client eth0 192.168.77.100 — lan 192.168.77.1 router wan — provider. Gone when dropped.
struct Lab {
    prefix: String,
    folder: tempfile::TempDir,
    daemon: Option<Child>,
}

impl Lab {
    /// The network, with these rules for what comes to the router. `None`, and said loudly, where it cannot be had.
    fn open(name: &str, wan: &str, input: &str) -> Option<Self> {
        if let Some(missing) = missing() {
            let line = format!("NOT RUN: the port-mapping test \"{name}\" needs {missing}\n");
            // Not by `eprintln!`, which the test harness swallows.
            std::io::stderr().write_all(line.as_bytes()).unwrap();
            assert!(std::env::var("NATSCOPE_REQUIRE_LAB").as_deref() != Ok("1"), "{line}");
            return None;
        }
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
        Some(lab)
    }

    /// The network, with miniupnpd on the router.
    fn with_router(name: &str, wan: &str, input: &str) -> Option<Self> {
        let mut lab = Self::open(name, wan, input)?;
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
        Some(lab)
    }

    fn namespace(&self, role: &str) -> String {
        format!("{}-{role}", self.prefix)
    }

    fn ask(&self, service: PortMappingService, router: &str) -> Outcome {
        let job = serde_json::to_string(&service).unwrap();
        let said = self.inside(&job, service, router);
        let line = said.lines().find_map(|line| line.strip_prefix("OUTCOME ")).unwrap_or_else(|| panic!("{said}"));
        serde_json::from_str(line).unwrap()
    }

    fn inside(&self, job: &str, service: PortMappingService, router: &str) -> String {
        let output = Command::new("ip")
            .args(["netns", "exec", &self.namespace("c")])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "inside_the_client", "--ignored", "--nocapture"])
            .env("NATSCOPE_LAB_JOB", job)
            .env("NATSCOPE_LAB_ROUTER", router)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{service:?}: {said}\n{}", String::from_utf8_lossy(&output.stderr));
        said
    }

    /// Mappings in force: rules that miniupnpd made. They must agree with its lease file.
    fn mappings(&self) -> usize {
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
fn missing() -> Option<String> {
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
