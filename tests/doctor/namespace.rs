//! In a network of its own: names, losses, firewalls, a translating network. Made with unshare, ip and nft, and gone
//! with the process that made it.

use std::process::{Command, Stdio};

use crate::patient::{Seen, read};
use crate::tools::not_run;

/// Runs a script in a network and mount namespace of its own, with `$NATSCOPE` as the program and `lo` up. `None`: it
/// cannot be made here.
fn alone(script: &str) -> Option<std::process::Output> {
    for tool in ["unshare", "ip", "nft", "mount"] {
        let found = Command::new("sh").args(["-c", &format!("command -v {tool}")]).stdout(Stdio::null()).status();
        if !found.is_ok_and(|status| status.success()) {
            not_run(tool);
            return None;
        }
    }
    let able = Command::new("unshare").args(["-rnmp", "--fork", "--kill-child", "true"]).stderr(Stdio::null()).status();
    if !able.is_ok_and(|status| status.success()) {
        not_run("the right to make namespaces");
        return None;
    }
    // What is started here ends with the namespace's first process, and holds none of our pipes.
    let begin = "set -e
ip link set lo up
folder=$(mktemp -d)
trap 'kill $pids 2>/dev/null; rm -rf $folder' EXIT
relay() {
  $NATSCOPE relay --key $folder/key --cert-dir $folder/certs \"$@\" >/dev/null 2>$folder/log &
  pids=\"$pids $!\"
  for i in $(seq 400); do grep -q ^serving $folder/log && return; sleep 0.05; done
  cat $folder/log >&2
  exit 9
}
";
    let output = Command::new("unshare")
        .args(["-rnmp", "--fork", "--kill-child", "sh", "-c", &format!("{begin}{script}")])
        .env("NATSCOPE", env!("CARGO_BIN_EXE_natscope"))
        .env("HOME", "/nonexistent")
        .env("NATSCOPE_CONFIG", "none")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    Some(output)
}

fn seen(script: &str) -> Option<Seen> {
    alone(script).map(|output| read(&output))
}

#[test]
fn a_dead_relay_takes_less_than_three_seconds() {
    let script = "ip addr add 203.0.113.7/32 dev lo
nft add table inet t
nft add chain inet t in '{ type filter hook input priority 0; }'
nft add rule inet t in ip daddr 203.0.113.7 drop
$NATSCOPE doctor 203.0.113.7 --json || true";
    let Some(seen) = seen(script) else { return };
    assert_eq!(seen.codes(true), ["TCP-001", "STUN-001"]);
    assert!(seen.took_ms() < 3000.0, "{} ms", seen.took_ms());
}

/// A tenth and a fifth of the packets lost each way change nothing in what is said.
#[test]
fn loss_is_no_fault() {
    for loss in [10, 20] {
        let script = format!(
            "ip addr add 203.0.113.7/32 dev lo
relay --addr 203.0.113.7:3340 --cert-mode none --open
nft add table inet t
nft add chain inet t in '{{ type filter hook input priority 0; }}'
nft add rule inet t in numgen random mod 100 '<' {loss} drop
$NATSCOPE doctor http://203.0.113.7:3340 --json || true"
        );
        let Some(seen) = seen(&script) else { return };
        let wrong: Vec<_> = seen.codes(true).into_iter().filter(|code| *code != "DERP-005").collect();
        assert!(wrong.is_empty(), "{loss}: {wrong:?} {:#}", seen.report["findings"]);
    }
}

#[test]
fn names() {
    // A resolver that nobody is, and a file of hosts of our own.
    let names = "echo 'nameserver 127.0.0.9' >$folder/resolv; mount --bind $folder/resolv /etc/resolv.conf
echo '127.0.0.1 localhost' >$folder/hosts; mount --bind $folder/hosts /etc/hosts
";
    let Some(nothing) = seen(&format!("{names}$NATSCOPE doctor relay.test --json || true")) else { return };
    assert_eq!(nothing.codes(true), ["DNS-001"]);
    let fake = seen(&format!(
        "{names}echo '198.18.0.9 relay.test' >>$folder/hosts\n$NATSCOPE doctor relay.test --json || true"
    ));
    assert!(fake.unwrap().codes(true).contains(&"DNS-003"));
    let differs = format!(
        "{names}echo '127.0.0.1 relay.test' >>$folder/hosts
echo '{{\"Regions\":{{\"900\":{{\"RegionID\":900,\"RegionCode\":\"own\",\"RegionName\":\"Own\",\"Nodes\":[{{\"Name\":\"900a\",\"RegionID\":900,\"HostName\":\"relay.test\",\"IPv4\":\"127.0.0.2\",\"IPv6\":\"none\"}}]}}}}}}' >$folder/map
$NATSCOPE doctor own --derp-map $folder/map --json || true"
    );
    assert!(seen(&differs).unwrap().codes(true).contains(&"DNS-002"));
}

#[test]
fn stun_over_ipv6_dropped() {
    let script = "ip addr add 203.0.113.7/32 dev lo; ip addr add 2001:db8::7/128 dev lo
ip -6 route add default dev lo; ip route add default dev lo
relay --http-addr none --addr 203.0.113.7:443 --addr '[2001:db8::7]:443' --hostname relay.test --open
pin=$(grep -o 'sha256-raw:[0-9a-f]*' $folder/log | head -1)
nft add table inet t
nft add chain inet t in '{ type filter hook input priority 0; }'
nft add rule inet t in ip6 daddr 2001:db8::7 udp dport 3478 drop
echo '127.0.0.1 localhost' >$folder/hosts; echo '203.0.113.7 relay.test' >>$folder/hosts; echo '2001:db8::7 relay.test' >>$folder/hosts
mount --bind $folder/hosts /etc/hosts
echo '{\"Regions\":{\"900\":{\"RegionID\":900,\"RegionCode\":\"own\",\"RegionName\":\"Own\",\"Nodes\":[{\"Name\":\"900a\",\"RegionID\":900,\"HostName\":\"relay.test\",\"CertName\":\"'$pin'\"}]}}}' >$folder/map
$NATSCOPE doctor own --derp-map $folder/map --json || true";
    let Some(seen) = seen(script) else { return };
    assert_eq!(seen.codes(true), ["DERP-005", "STUN-004"], "{:#}", seen.report["findings"]);
    let stun = seen.report["doctor"]["nodes"][0]["stun"].as_array().unwrap().len();
    assert_eq!(stun, 2, "both families are asked");
}

/// As docker's network does it: what comes in is given an address of the container's side.
#[test]
fn a_server_behind_a_network_that_masquerades() {
    let script = "ip addr add 203.0.113.7/32 dev lo; ip route add default dev lo
relay --http-addr none --addr 203.0.113.7:443 --hostname 203.0.113.7 --open
pin=$(grep -o 'sha256-raw:[0-9a-f]*' $folder/log | head -1)
nft add table ip t
nft add chain ip t post '{ type nat hook postrouting priority 100; }'
nft add rule ip t post udp dport 3478 snat to 172.17.0.1
echo '{\"Regions\":{\"900\":{\"RegionID\":900,\"RegionCode\":\"own\",\"RegionName\":\"Own\",\"Nodes\":[{\"Name\":\"900a\",\"RegionID\":900,\"HostName\":\"203.0.113.7\",\"CertName\":\"'$pin'\"}]}}}' >$folder/map
$NATSCOPE doctor own --derp-map $folder/map --json || true";
    let Some(seen) = seen(script) else { return };
    assert_eq!(seen.codes(true), ["DERP-005", "STUN-003"], "{:#}", seen.report["findings"]);
}

#[test]
fn the_relays_own_host() {
    let Some(nothing) = seen("$NATSCOPE doctor --local --json || true") else { return };
    assert_eq!(nothing.codes(true).iter().filter(|code| **code == "HOST-001").count(), 2);
    let loopback = seen(
        "relay --http-addr none --addr 127.0.0.1:443 --hostname 127.0.0.1\n$NATSCOPE doctor --local --json || true",
    )
    .unwrap();
    assert!(loopback.codes(true).contains(&"HOST-002") && !loopback.codes(true).contains(&"HOST-001"));
    // What it looks at of a derper is its name, its arguments, and the files they name; no more of one runs here.
    let derper = |arguments: &str, before: &str| {
        let script = format!(
            "{before}bash -c \"exec -a derper bash -c 'sleep 60; true' derper {arguments}\" >/dev/null 2>&1 &
pids=\"$pids $!\"
for i in $(seq 100); do grep -qs ^derper /proc/$!/cmdline && break; sleep 0.02; done
$NATSCOPE doctor --local --json || true"
        );
        let seen = seen(&script).unwrap();
        let host = |code: &&str| !matches!(*code, "HOST-001" | "HOST-003");
        seen.codes(true).into_iter().filter(host).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(derper("-a :443", ""), [] as [&str; 0]);
    assert_eq!(derper("-verify-clients -socket=$folder/none.sock", ""), ["HOST-004"]);
    assert_eq!(derper("-verify-clients -socket=$folder/there.sock", "touch $folder/there.sock\n"), [] as [&str; 0]);
    assert_eq!(derper("-verify-client-url=https://127.0.0.1/verify", ""), ["DERP-006"]);
    let manual = "-certmode manual -certdir $folder -hostname relay.test";
    assert_eq!(derper(manual, ""), ["HOST-005"]);
    // A folder that leads elsewhere, as it does in a container, is followed.
    assert_eq!(
        derper(
            "-certmode manual -certdir $folder/link -hostname relay.test",
            "ln -s $folder $folder/link; \
                       echo nonsense >$folder/relay.test.crt\n"
        ),
        ["HOST-005"]
    );
}

/// From one host UDP gets through, from another it does not.
#[test]
fn two_hosts_compared() {
    let script = "ip addr add 203.0.113.7/32 dev lo
relay --addr 203.0.113.7:3340 --cert-mode none --open
$NATSCOPE doctor http://203.0.113.7:3340 --json >$folder/there || true
nft add table inet t
nft add chain inet t in '{ type filter hook input priority 0; }'
nft add rule inet t in udp dport 3478 drop
$NATSCOPE doctor http://203.0.113.7:3340 --json --compare $folder/there || true";
    let Some(seen) = seen(script) else { return };
    assert_eq!(seen.codes(true), ["STUN-001", "DERP-005", "PATH-001"]);
}

/// `tailscale debug derp` reports errors where clients connect, and none where they are refused.
#[test]
fn false_results_of_others_do_not_occur() {
    let script = "ip addr add 203.0.113.7/32 dev lo; ip route add default dev lo
echo nodekey:$(printf 'a%.0s' $(seq 64)) >$folder/allow
relay --http-addr none --addr 203.0.113.7:443 --hostname 203.0.113.7 --allow $folder/allow --stun-addr none
echo '{\"Regions\":{\"900\":{\"RegionID\":900,\"RegionCode\":\"own\",\"RegionName\":\"Own\",\"Nodes\":[{\"Name\":\"900a\",\"RegionID\":900,\"HostName\":\"203.0.113.7\",\"InsecureForTests\":true,\"IPv6\":\"none\",\"STUNPort\":-1}]}}}' >$folder/map
$NATSCOPE doctor own --derp-map $folder/map --json || true";
    let Some(seen) = seen(script) else { return };
    // InsecureForTests is no TLS error, IPv6 "none" is not dialled, STUNPort -1 is not asked, nor port 80 without CanPort80.
    let errors: Vec<_> =
        seen.report["findings"].as_array().unwrap().iter().filter(|it| it["severity"] == "error").collect();
    assert!(errors.is_empty(), "{errors:#?}");
    let node = &seen.report["doctor"]["nodes"][0];
    assert_eq!(node["addresses"].as_array().unwrap().len(), 1);
    assert_eq!(node["stun"].as_array().unwrap().len(), 0);
    // That the relay does not let strangers in is noticed.
    assert_eq!(node["admitted"], false);
    assert!(seen.codes(false).contains(&"DERP-002"));
}
