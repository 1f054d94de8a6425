//! Addresses and routes of each namespace, as input of `ip -batch`, and its sysctls.

use std::fmt::Write as _;

use super::plan::{GATEWAY, HOUSEMATE, Plan, public_lan};
use super::scenario::{Ipv6, Scenario};

/// No ICMP rate limits; no DAD; bridged frames are not to pass the NAT twice; a lost neighbour solicitation must not cost a second.
pub const SYSCTLS: &str = "\
set_() { [ ! -e \"/proc/sys/net/$1\" ] || echo \"$2\" > \"/proc/sys/net/$1\" || true; }
set_ ipv4/ip_forward 1
set_ ipv6/conf/all/forwarding 1
for d in all default eth0 lan lan2 wan isp isp2; do
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
";

/// How long conntrack keeps flows: the same after one exchange and after a stream unless a scenario is about that, or a
/// mapping's lifetime depends on what was said before.
pub fn conntrack(scenario: &Scenario) -> String {
    let [single, stream] = scenario.udp_timeouts_s;
    format!(
        "set_ netfilter/nf_conntrack_udp_timeout {single}\nset_ netfilter/nf_conntrack_udp_timeout_stream {stream}\n"
    )
}

/// Those of the carrier's router.
pub fn carrier(plan: &Plan) -> String {
    format!(
        "addr add 100.64.0.1/24 dev lan\naddr add {}/27 dev wan\nlink set lan up\nlink set wan up\n\
         route add default via {} dev wan\n",
        plan.carrier(),
        plan.isp()
    )
}

pub fn internet(scenario: &Scenario, plan: &Plan) -> String {
    let Plan { dns, portal, .. } = plan;
    let mut text = provider(scenario, plan, "isp");
    write!(text, "addr add {dns}/32 dev lo\naddr add {portal}/32 dev lo\n").unwrap();
    for n in 0..scenario.server.len() {
        for address in [plan.server(n), plan.alternate(n)] {
            writeln!(text, "addr add {address}/32 dev lo").unwrap();
        }
        if scenario.ipv6 != Ipv6::Off {
            writeln!(text, "addr add {}/128 dev lo nodad", plan.server6(n)).unwrap();
        }
    }
    if scenario.ipv6 != Ipv6::Off {
        writeln!(text, "addr add {}/128 dev lo nodad", plan.dns6()).unwrap();
        writeln!(text, "addr add {}/64 dev isp nodad", plan.v6("ff", "1")).unwrap();
        writeln!(text, "route add {}/64 via {} dev isp", plan.v6("1", ""), plan.v6("ff", "10")).unwrap();
    }
    text
}

/// The internet's end of one side's WAN link.
pub fn provider(scenario: &Scenario, plan: &Plan, device: &str) -> String {
    let mut text = format!("addr add {}/27 dev {device}\nlink set {device} up\n", plan.isp());
    if public_lan(scenario) {
        writeln!(text, "route add {}/28 via {} dev {device}", plan.lan(), plan.router()).unwrap();
    }
    text
}

/// Another host of the client's LAN, on a line of its own.
pub fn housemate() -> String {
    format!("addr add {HOUSEMATE}/24 dev eth0\nlink set eth0 up\nroute add default via {GATEWAY} dev eth0\n")
}

/// Those of the router before the client.
pub fn home(scenario: &Scenario, plan: &Plan) -> String {
    let lan = if public_lan(scenario) { format!("{}/28", plan.lan_gateway()) } else { format!("{GATEWAY}/24") };
    let (uplink, isp) = match scenario.carrier {
        Some(_) => ("100.64.0.10/24".to_owned(), "100.64.0.1".to_owned()),
        None => (format!("{}/27", plan.router()), plan.isp()),
    };
    let mut text = format!(
        "addr add {lan} dev lan\naddr add {uplink} dev wan\nlink set lan up\nlink set wan up\nroute add default via {isp} dev wan\n"
    );
    if scenario.housemate_port.is_some() {
        write!(text, "link set lan2 up\nroute add {HOUSEMATE}/32 dev lan2\n").unwrap();
    }
    if scenario.ipv6 != Ipv6::Off {
        writeln!(text, "addr add {}/64 dev lan nodad", plan.v6("1", "1")).unwrap();
        writeln!(text, "addr add {}/64 dev wan nodad", plan.v6("ff", "10")).unwrap();
        writeln!(text, "route add default via {} dev wan", plan.v6("ff", "1")).unwrap();
    }
    text
}

pub fn client(scenario: &Scenario, plan: &Plan) -> String {
    let (prefix, gateway) = if public_lan(scenario) { (28, plan.lan_gateway()) } else { (24, GATEWAY.to_owned()) };
    let mut text = "link set eth0 up\n".to_owned();
    if scenario.ipv4 {
        writeln!(text, "addr add {}/{prefix} dev eth0", plan.client(scenario)).unwrap();
        writeln!(text, "route add default via {gateway} dev eth0").unwrap();
    }
    if scenario.ipv6 != Ipv6::Off {
        writeln!(text, "addr add {}/64 dev eth0 nodad", plan.v6("1", "100")).unwrap();
        writeln!(text, "route add default via {} dev eth0", plan.v6("1", "1")).unwrap();
    }
    text
}
