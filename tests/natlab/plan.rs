//! Who has which address. Every lab has its own namespaces, so all labs use the same ones.
//!
//! ```text
//! [inet] .1 --isp/wan-- .10 [nat] 192.168.1.1 --lan/eth0-- .100 [cli]
//! [inet] .1 --isp/wan-- .30 [cgn] 100.64.0.1 --lan/wan-- 100.64.0.10 [nat] …      with a carrier's router
//!                             192.168.1.1 --lan2/eth0-- .101 [cli3]               another host of the LAN
//! [inet] .33 --isp2/wan-- .42 [nat2] 192.168.1.1 --lan/eth0-- .100 [cli2]         the neighbour of a pair
//! ```
//!
//! Both homes of a pair have the same private addresses, as homes do.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::scenario::{Nat, PlanName, Scenario};

pub struct Plan {
    /// First three octets of the WAN, a /27 for each side.
    pub wan: &'static str,
    home: Home,
    /// One server per row, each in a /24 of its own: a tester may take one /24 for one operator.
    servers: [Ipv4Addr; 5],
    v6: &'static str,
    pub dns: Ipv4Addr,
    pub portal: Ipv4Addr,
}

/// Last octets of one side's addresses.
struct Home {
    /// The internet's end of the WAN link.
    isp: u8,
    router: u8,
    carrier: u8,
    /// The network of a public LAN, a /28; its gateway is the next address.
    lan: u8,
}

const FIRST: Home = Home { isp: 1, router: 10, carrier: 30, lan: 128 };
const NEIGHBOUR: Home = Home { isp: 33, router: 42, carrier: 62, lan: 144 };

pub const GATEWAY: &str = "192.168.1.1";
pub const HOUSEMATE: &str = "192.168.1.101";

impl Plan {
    pub const fn of(name: PlanName) -> Self {
        match name {
            PlanName::Documentation => Self {
                wan: "203.0.113",
                home: FIRST,
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
                home: FIRST,
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

    /// The same internet, seen from the neighbour's side.
    pub const fn neighbour(name: PlanName) -> Self {
        Self { home: NEIGHBOUR, ..Self::of(name) }
    }

    /// The internet's end of the WAN link.
    pub fn isp(&self) -> String {
        self.on_wan(self.home.isp)
    }

    pub fn router(&self) -> String {
        self.on_wan(self.home.router)
    }

    /// The carrier's router, where there is one.
    pub fn carrier(&self) -> String {
        self.on_wan(self.home.carrier)
    }

    /// The network of a public LAN, a /28.
    pub fn lan(&self) -> String {
        self.on_wan(self.home.lan)
    }

    pub fn lan_gateway(&self) -> String {
        self.on_wan(self.home.lan + 1)
    }

    fn on_wan(&self, host: u8) -> String {
        format!("{}.{host}", self.wan)
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

    /// The prefix of the NAT64, a /96.
    pub fn nat64(&self) -> Ipv6Addr {
        self.v6("64", "").parse().expect("an address")
    }

    /// What a resolver that tells of it says of the name that has only IPv4 addresses (RFC 7050).
    pub fn ipv4only(&self) -> Vec<IpAddr> {
        let known = [Ipv4Addr::new(192, 0, 0, 170), Ipv4Addr::new(192, 0, 0, 171)];
        let made = |v4: Ipv4Addr| IpAddr::from(Ipv6Addr::from(u128::from(self.nat64()) | u128::from(u32::from(v4))));
        known.iter().map(|v4| made(*v4)).chain(known.iter().map(|v4| IpAddr::V4(*v4))).collect()
    }

    pub fn client(&self, scenario: &Scenario) -> IpAddr {
        let text = if public_lan(scenario) { self.on_wan(self.home.lan + 2) } else { "192.168.1.100".to_owned() };
        text.parse().expect("an address")
    }

    /// The address the servers see.
    pub fn public(&self, scenario: &Scenario) -> IpAddr {
        match (scenario.carrier, public_lan(scenario)) {
            (Some(_), _) => self.carrier().parse().expect("an address"),
            (None, true) => self.client(scenario),
            (None, false) => self.router().parse().expect("an address"),
        }
    }
}

/// Whether the client has an address of the internet.
pub fn public_lan(scenario: &Scenario) -> bool {
    matches!(scenario.nat, Nat::Open | Nat::Firewall)
}
