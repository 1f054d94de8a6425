//! Who has which address. Every lab has its own namespaces, so all labs use the same ones.
//!
//! ```text
//! [inet] .1 --isp/wan-- .10 [nat] 192.168.1.1 --lan/eth0-- .100 [cli]
//! [inet] .1 --isp/wan-- .30 [cgn] 100.64.0.1 --lan/wan-- 100.64.0.10 [nat] …      with a carrier's router
//! ```

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::scenario::{Nat, PlanName, Scenario};

pub struct Plan {
    /// First three octets of the WAN; .1 is the internet's side, a /27.
    pub wan: &'static str,
    /// One server per row, each in a /24 of its own: a tester may take one /24 for one operator.
    servers: [Ipv4Addr; 5],
    v6: &'static str,
    pub dns: Ipv4Addr,
    pub portal: Ipv4Addr,
}

pub const GATEWAY: &str = "192.168.1.1";

impl Plan {
    pub const fn of(name: PlanName) -> Self {
        match name {
            PlanName::Documentation => Self {
                wan: "203.0.113",
                servers: [
                    Ipv4Addr::new(198, 51, 100, 1),
                    Ipv4Addr::new(192, 0, 2, 1),
                    Ipv4Addr::new(203, 0, 113, 65),
                    // RFC 5737 has only three networks.
                    Ipv4Addr::new(11, 0, 104, 1),
                    Ipv4Addr::new(11, 0, 105, 1),
                ],
                v6: "2001:db8",
                dns: Ipv4Addr::new(198, 51, 100, 53),
                portal: Ipv4Addr::new(198, 51, 100, 81),
            },
            PlanName::Public => Self {
                wan: "11.0.113",
                servers: [
                    Ipv4Addr::new(11, 0, 100, 1),
                    Ipv4Addr::new(11, 0, 102, 1),
                    Ipv4Addr::new(11, 0, 103, 1),
                    Ipv4Addr::new(11, 0, 104, 1),
                    Ipv4Addr::new(11, 0, 105, 1),
                ],
                v6: "2600:db8",
                dns: Ipv4Addr::new(11, 0, 100, 53),
                portal: Ipv4Addr::new(11, 0, 100, 81),
            },
        }
    }

    /// The n-th server (from 0).
    pub fn server(&self, n: usize) -> Ipv4Addr {
        self.servers[n]
    }

    /// The second address of the n-th server, for RFC 5780's tests.
    pub fn alternate(&self, n: usize) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.servers[n]) + 1)
    }

    /// The n-th server's IPv6 address, each in a /48 of its own.
    pub fn server6(&self, n: usize) -> Ipv6Addr {
        format!("{}:{}::1", self.v6, 51 + n).parse().expect("an address")
    }

    /// An address in the network between internet and router (`ff`) or in the client's (`1`).
    pub fn v6(&self, network: &str, host: &str) -> String {
        format!("{}:{network}::{host}", self.v6)
    }

    pub fn dns6(&self) -> Ipv6Addr {
        self.v6("80", "53").parse().expect("an address")
    }

    pub fn client(&self, scenario: &Scenario) -> IpAddr {
        let text = if public_lan(scenario) { format!("{}.130", self.wan) } else { "192.168.1.100".to_owned() };
        text.parse().expect("an address")
    }

    /// The address the servers see.
    pub fn public(&self, scenario: &Scenario) -> IpAddr {
        match (scenario.carrier, public_lan(scenario)) {
            (Some(_), _) => format!("{}.30", self.wan).parse().expect("an address"),
            (None, true) => self.client(scenario),
            (None, false) => format!("{}.10", self.wan).parse().expect("an address"),
        }
    }
}

/// Whether the client has an address of the internet.
pub fn public_lan(scenario: &Scenario) -> bool {
    matches!(scenario.nat, Nat::Open | Nat::Firewall)
}
