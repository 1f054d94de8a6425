//! What a router does, as nftables rules.
//!
//! Mappings other than Linux's own two (`masquerade`, `fully-random`) are learned: a chain after translation records,
//! for every outgoing packet, "inner endpoint (and destination, as far as the mapping depends on it) → external port"
//! and who may come in; the next flow of the same key is given the same port.

use std::fmt::Write as _;

use super::plan::{GATEWAY, Plan, public_lan};
use super::scenario::{Ipv6, Nat, Scenario, Surroundings};

/// What a mapping or a filter depends on, beside the inner endpoint.
#[derive(Clone, Copy)]
enum Scope {
    Nothing,
    Address,
    Endpoint,
}

#[derive(Clone, Copy)]
enum Ports {
    Preserved,
    Random,
    Sequential,
}

/// Rules of the router before the client.
pub fn home(scenario: &Scenario, plan: &Plan, public: &str) -> String {
    let mut rules = String::new();
    if scenario.nat != Nat::Open {
        let open = ("hook input priority filter; policy drop", "hook input priority filter; policy accept");
        rules.push_str(&if scenario.input_accept { FIREWALL.replace(open.0, open.1) } else { FIREWALL.to_owned() });
    }
    rules.push_str(&translation(scenario.nat, public, scenario.hairpin));
    rules.push_str(&surroundings(scenario.surroundings, plan));
    if !public_lan(scenario) {
        write!(
            rules,
            r#"table ip dnsproxy {{
  chain dstnat {{
    type nat hook prerouting priority dstnat - 10; policy accept;
    iifname "lan" ip daddr {GATEWAY} meta l4proto {{ tcp, udp }} th dport 53 dnat to {}
  }}
}}
"#,
            plan.dns
        )
        .unwrap();
    }
    if scenario.ipv6 == Ipv6::Blackhole {
        rules.push_str(BLACKHOLE);
    }
    if scenario.upnp {
        rules.push_str(UPNP);
    }
    rules + &loss(scenario.loss_percent)
}

/// Rules of the carrier's router.
pub fn carrier(nat: Nat, public: &str) -> String {
    FIREWALL.to_owned() + &translation(nat, public, false)
}

/// Losing a share of what arrives at `device`: on arrival, since a drop on output would make `sendto` fail.
pub fn loss(percent: f64) -> String {
    if percent <= 0.0 {
        return String::new();
    }
    format!(
        r#"table inet lossy {{
  chain arrival {{
    type filter hook prerouting priority raw - 10; policy accept;
    iifname {{ "wan", "isp" }} numgen random mod 1000 < {} drop
  }}
}}
"#,
        (percent * 10.0).round()
    )
}

// A router that answers strangers changes its NAT type (their packets leave conntrack entries): input is closed.
const FIREWALL: &str = r#"table inet fw {
  chain input {
    type filter hook input priority filter; policy drop;
    ct state established,related accept
    iifname != "wan" accept
    meta l4proto { icmp, ipv6-icmp } accept
  }
  chain forward {
    type filter hook forward priority filter; policy drop;
    ct state established,related accept
    iifname { "lan", "lan2", "nat64" } accept
    ct status dnat accept
  }
}
"#;

const BLACKHOLE: &str = r"table ip6 blackhole {
  chain forward {
    type filter hook forward priority filter - 10; policy drop;
  }
}
";

const UPNP: &str = r"table inet upnp {
  chain miniupnpd { }
  chain prerouting_miniupnpd { }
  chain postrouting_miniupnpd { }
  chain forward { type filter hook forward priority filter - 20; policy accept;
    jump miniupnpd
  }
  chain prerouting { type nat hook prerouting priority dstnat; policy accept;
    jump prerouting_miniupnpd
  }
  chain postrouting { type nat hook postrouting priority srcnat; policy accept;
    jump postrouting_miniupnpd
  }
}
";

fn surroundings(kind: Surroundings, plan: &Plan) -> String {
    // The router's own DNS proxy is reached in all of them but `Offline`: its packets are DNATed.
    let rules = match kind {
        Surroundings::Free => return String::new(),
        Surroundings::UdpBlocked => "ct status dnat accept\n    iifname \"lan\" meta l4proto udp drop",
        Surroundings::UdpRejected => {
            "ct status dnat accept\n    iifname \"lan\" meta l4proto udp reject with icmpx type admin-prohibited"
        }
        Surroundings::Udp53And443 => "ct status dnat accept\n    iifname \"lan\" udp dport != { 53, 443 } drop",
        Surroundings::OnlyTcp443 => {
            "ct status dnat accept\n    iifname \"lan\" tcp dport != 443 drop\n    iifname \"lan\" meta l4proto != tcp drop"
        }
        Surroundings::Captive => {
            "ct status dnat accept\n    iifname \"lan\" meta l4proto tcp reject with tcp reset\n    iifname \"lan\" drop"
        }
        Surroundings::ProxyOnly => "ct status dnat accept\n    iifname \"lan\" drop",
        Surroundings::Offline => "iifname \"lan\" drop",
    };
    let mut text = format!(
        "table inet surroundings {{\n  chain forward {{\n    type filter hook forward priority filter - 10; policy accept;\n    \
         {rules}\n  }}\n}}\n"
    );
    if kind == Surroundings::Captive {
        write!(
            text,
            "table ip captive {{\n  chain dstnat {{\n    type nat hook prerouting priority dstnat - 5; policy accept;\n    \
             iifname \"lan\" tcp dport 80 dnat to {}:80\n  }}\n}}\n",
            plan.portal
        )
        .unwrap();
    }
    text
}

fn translation(nat: Nat, public: &str, hairpin: bool) -> String {
    let masquerade = |how: &str| {
        format!(
            "table ip nat {{\n  chain srcnat {{\n    type nat hook postrouting priority srcnat; policy accept;\n    \
             oifname \"wan\" masquerade{how}\n  }}\n}}\n"
        )
    };
    match nat {
        Nat::Open | Nat::Firewall => String::new(),
        Nat::PortRestricted => masquerade(""),
        Nat::Symmetric => masquerade(" fully-random"),
        Nat::FullCone => learned(Scope::Nothing, Scope::Nothing, Ports::Preserved, public, hairpin),
        Nat::Restricted => learned(Scope::Nothing, Scope::Address, Ports::Preserved, public, hairpin),
        Nat::PortRestrictedRandom => learned(Scope::Nothing, Scope::Endpoint, Ports::Random, public, hairpin),
        Nat::AddressDependent => learned(Scope::Address, Scope::Endpoint, Ports::Random, public, hairpin),
        Nat::SymmetricSequential => learned(Scope::Endpoint, Scope::Endpoint, Ports::Sequential, public, hairpin),
    }
}

/// UDP by learned maps; everything else is masqueraded.
fn learned(mapping: Scope, filtering: Scope, ports: Ports, public: &str, hairpin: bool) -> String {
    let (key_type, key) = match mapping {
        Scope::Nothing => ("", ""),
        Scope::Address => (" . ipv4_addr", " . ip daddr"),
        Scope::Endpoint => (" . ipv4_addr . inet_service", " . ip daddr . udp dport"),
    };
    let (permit_type, permit_out, permit_in) = match filtering {
        Scope::Nothing => ("", "", ""),
        Scope::Address => (" . ipv4_addr", " . ip daddr", " . ip saddr"),
        Scope::Endpoint => (" . ipv4_addr . inet_service", " . ip daddr . udp dport", " . ip saddr . udp sport"),
    };
    let allocate = match ports {
        Ports::Preserved => {
            format!("udp sport @held snat to {public}:1024-65535 fully-random\n    meta l4proto udp snat to {public}")
        }
        Ports::Random => format!("meta l4proto udp snat to {public}:1024-65535 fully-random"),
        Ports::Sequential => {
            // Through a map: numgen yields host byte order, a port must be in network order.
            // So many that none comes again while it is held, however often a run is repeated.
            let ports: Vec<_> = (0..2048).map(|n| format!("{n} : {}", 40000 + n)).collect();
            format!("meta l4proto udp snat to {public} : numgen inc mod 2048 map {{ {} }}", ports.join(", "))
        }
    };
    // The filter is not asked about packets from inside.
    let (turned_in, turned_out, turned_learned) = if hairpin {
        (
            format!("iifname \"lan\" ip daddr {public} meta l4proto udp dnat to udp dport map @reverse"),
            r#"iifname "lan" oifname "lan" ct status dnat meta l4proto udp jump allocate"#,
            r#"iifname "lan" oifname "lan" ct status dnat meta l4proto udp jump record"#,
        )
    } else {
        (String::new(), "", "")
    };
    format!(
        r#"table ip nat {{
  map forward {{
    type ipv4_addr . inet_service{key_type} : inet_service; flags dynamic,timeout; timeout 60s; size 65535;
  }}
  map reverse {{
    type inet_service : ipv4_addr . inet_service; flags dynamic,timeout; timeout 60s; size 65535;
  }}
  set permit {{
    type inet_service{permit_type}; flags dynamic,timeout; timeout 60s; size 65535;
  }}
  set held {{
    type inet_service; flags dynamic,timeout; timeout 60s; size 65535;
  }}
  chain allocate {{
    meta l4proto udp snat to {public} : ip saddr . udp sport{key} map @forward
    {allocate}
  }}
  chain record {{
    meta l4proto udp ct direction original update @forward {{ ct original ip saddr . ct original proto-src{key} : udp sport }}
    meta l4proto udp ct direction original update @reverse {{ udp sport : ct original ip saddr . ct original proto-src }}
    meta l4proto udp ct direction reply update @forward {{ ct reply ip saddr . ct reply proto-src{key} : udp sport }}
    meta l4proto udp ct direction reply update @reverse {{ udp sport : ct reply ip saddr . ct reply proto-src }}
    update @held {{ udp sport }}
    update @permit {{ udp sport{permit_out} }}
  }}
  chain dstnat {{
    type nat hook prerouting priority dstnat; policy accept;
    iifname "wan" ip daddr {public} udp dport{permit_in} @permit dnat to udp dport map @reverse
    {turned_in}
  }}
  chain srcnat {{
    type nat hook postrouting priority srcnat; policy accept;
    oifname "wan" meta l4proto udp jump allocate
    {turned_out}
    oifname "wan" masquerade
  }}
  chain learn {{
    type filter hook postrouting priority 110; policy accept;
    oifname "wan" meta l4proto udp jump record
    {turned_learned}
  }}
}}
"#
    )
}
