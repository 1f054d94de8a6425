//! A world as data: a host, the boxes and links between it and the servers, and how each of them behaves. It is what
//! a scenario file says and what a failing seed prints. Nothing here acts.

mod alternate;
mod draw;
mod draw_alternates;
mod draw_hairpins;
mod draw_servers;
mod draw_streams;
mod middlebox;
mod server;
mod view;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

pub(crate) use alternate::Reply;
pub(crate) use draw::network_of;
pub(crate) use middlebox::{Middlebox, Neighbour, Pool, Ports};
pub(crate) use server::{Change, Link, Pinning, Port80, Server, SimRegion, Stun, Tcp};
pub(crate) use view::Servers;

/// Everything there is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct World {
    /// Seed of everything that happens by chance in it: local ports, jitter, loss.
    pub(crate) seed: u64,
    /// The home region of an earlier run.
    pub(crate) previous_home: Option<u64>,
    /// How the host looks at port 80 and at TLS from where it is.
    pub(crate) web: Web,
    /// What the check is told to leave out.
    pub(crate) options: Options,
    /// The host.
    pub(crate) host: Host,
    /// The way out over IPv4.
    pub(crate) v4: Network,
    /// The way out over IPv6.
    pub(crate) v6: Network,
    /// What every packet passes besides its server's own link.
    pub(crate) access: Link,
    /// The resolver.
    pub(crate) dns: Dns,
    /// The router, as one to ask for port mappings.
    pub(crate) router: Router,
    /// A captive portal. It comes with policies that let nothing else through.
    pub(crate) portal: Option<Portal>,
    /// The HTTP proxy of the environment.
    pub(crate) proxy: Option<Proxy>,
    /// The map, and the servers behind it. Left out: four honest relays, 20, 40, 60 and 80 ms away.
    pub(crate) regions: Vec<SimRegion>,
}

/// The host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(clippy::struct_excessive_bools, reason = "facts of a system, and any mix exists")]
pub(crate) struct Host {
    /// Whether IPv4 sockets can be opened.
    pub(crate) os_v4: bool,
    /// Whether IPv6 sockets can be opened.
    pub(crate) os_v6: bool,
    /// Its IPv4 address and route, or `none`.
    #[serde(with = "or_none")]
    pub(crate) v4: Option<Ipv4Addr>,
    /// Its IPv6 address and route, or `none`.
    #[serde(with = "or_none")]
    pub(crate) v6: Option<Ipv6Addr>,
    /// The interface packets leave by.
    pub(crate) interface: String,
    /// Whether that is point to point, as a tunnel's is.
    pub(crate) point_to_point: bool,
    /// Interfaces beside it.
    pub(crate) more: Vec<MoreInterface>,
    /// The default gateway, or `none`.
    #[serde(with = "or_none")]
    pub(crate) gateway: Option<IpAddr>,
    /// What the host's own firewall does to UDP.
    pub(crate) send: Sending,
    /// Whether the host lets us send echo requests.
    pub(crate) icmp: bool,
    /// Whether it takes packets from its own address that come from outside (Linux drops them as martians).
    pub(crate) hears_itself: bool,
}

/// An interface nothing leaves by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MoreInterface {
    pub(crate) name: String,
    pub(crate) addresses: Vec<IpAddr>,
    #[serde(default)]
    pub(crate) point_to_point: bool,
}

/// What becomes of a datagram in the host itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Sending {
    Allowed,
    /// EPERM.
    NotPermitted,
    /// ENETUNREACH, though there is an address.
    Unreachable,
}

/// The way out over one family.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Network {
    /// What it does to UDP by destination port.
    #[serde(default)]
    pub(crate) udp: Policy,
    /// What it does to TCP by destination port.
    #[serde(default)]
    pub(crate) tcp: Policy,
    /// Whether it passes ICMP echo.
    #[serde(default = "yes")]
    pub(crate) icmp: bool,
    /// NATs and firewalls, the host's own router first. A file that gives anything of a network gives these too.
    pub(crate) boxes: Vec<Middlebox>,
}

/// What a network does to packets on their way out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Policy {
    #[default]
    Pass,
    Drop,
    /// ICMP port unreachable, or a TCP reset.
    Reject,
    /// ICMP administratively prohibited.
    Prohibit,
    /// These ports pass, others are dropped.
    Only(Vec<u16>),
}

/// What becomes of web traffic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Web {
    #[default]
    Untouched,
    /// A transparent HTTP proxy drops headers it does not know from port 80.
    HeadersStripped,
    /// Port 80 is dropped.
    Port80Dropped,
    /// TLS is opened by somebody this host trusts.
    TlsOpened,
    /// TLS is opened by somebody this host does not trust.
    TlsForged,
}

/// The resolver.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Dns {
    pub(crate) answers: DnsAnswers,
    pub(crate) delay_ms: f64,
    /// Names that do not exist whatever the resolver does.
    pub(crate) missing: Vec<String>,
}

/// How the resolver answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DnsAnswers {
    Truth,
    Nothing,
    NoSuchName,
    ServFail,
    /// Addresses of 198.18.0.0/15, which a proxy on the way turns into the real ones.
    Fake,
    /// The portal's address for everything.
    Portal,
    NoResolver,
}

/// The router as one to ask for port mappings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Router {
    pub(crate) rtt_ms: f64,
    /// Its outer address, told by services that tell. Left out: that of the first box.
    pub(crate) wan: Option<IpAddr>,
    pub(crate) upnp: Service,
    pub(crate) nat_pmp: Service,
    pub(crate) pcp: Service,
}

/// One service of the router.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Service {
    /// Nothing is there, and nothing says so.
    Silent,
    /// ICMP port unreachable.
    Refused,
    /// It would map ports, and says so this much later.
    Offers { after_ms: f64, tells_wan: bool },
    /// It answers that it would not.
    Declines { tells_wan: bool },
    /// It answers nonsense.
    Garbage,
}

/// A captive portal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Portal {
    /// 302 to its login page.
    Redirects,
    /// 200 with its login page.
    Answers,
    /// 204 without the challenge, as portals that cheat their visitors' check do.
    Cheats,
    /// 511 (RFC 6585).
    AuthenticationRequired,
}

/// The HTTP proxy of the environment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Proxy {
    pub(crate) url: String,
    pub(crate) rtt_ms: f64,
    /// Whether it lets us connect.
    pub(crate) works: bool,
}

/// What the check is told to leave out, and its budget.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(clippy::struct_excessive_bools, reason = "a flag each on the command line")]
pub(crate) struct Options {
    pub(crate) ipv4: bool,
    pub(crate) ipv6: bool,
    pub(crate) nat: bool,
    pub(crate) filtering: bool,
    pub(crate) hairpin: bool,
    pub(crate) sockets: u8,
    pub(crate) port_mapping: bool,
    pub(crate) https: bool,
    pub(crate) icmp: bool,
    pub(crate) captive_portal: bool,
    pub(crate) budget_ms: u64,
}

impl Default for World {
    /// A home behind a Linux router, on IPv4, with four honest relays.
    fn default() -> Self {
        let mut world = Self {
            seed: 1,
            previous_home: None,
            web: Web::default(),
            options: Options::default(),
            host: Host::default(),
            v4: Network { boxes: vec![Middlebox::linux()], ..Network::default() },
            v6: Network::default(),
            access: Link::default(),
            dns: Dns::default(),
            router: Router::default(),
            portal: None,
            proxy: None,
            regions: (1_u8..=4).map(|id| SimRegion::single(u64::from(id), 20.0 * f64::from(id))).collect(),
        };
        world.complete();
        world
    }
}

impl Default for Host {
    fn default() -> Self {
        Self {
            os_v4: true,
            os_v6: true,
            v4: Some(Ipv4Addr::new(192, 168, 1, 5)),
            v6: None,
            interface: "eth0".into(),
            point_to_point: false,
            more: Vec::new(),
            gateway: Some(IpAddr::V4(Ipv4Addr::new(192, 168, 1, 1))),
            send: Sending::Allowed,
            icmp: true,
            hears_itself: false,
        }
    }
}

impl Default for Network {
    fn default() -> Self {
        Self { udp: Policy::Pass, tcp: Policy::Pass, icmp: true, boxes: Vec::new() }
    }
}

impl Policy {
    /// Whether packets to this port get through.
    pub(crate) fn passes(&self, port: u16) -> bool {
        match self {
            Self::Pass => true,
            Self::Drop | Self::Reject | Self::Prohibit => false,
            Self::Only(ports) => ports.contains(&port),
        }
    }
}

impl Default for Dns {
    fn default() -> Self {
        Self { answers: DnsAnswers::Truth, delay_ms: 4.0, missing: Vec::new() }
    }
}

impl Default for Router {
    fn default() -> Self {
        Self { rtt_ms: 1.0, wan: None, upnp: Service::Silent, nat_pmp: Service::Silent, pcp: Service::Silent }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            ipv4: true,
            ipv6: true,
            nat: true,
            filtering: false,
            hairpin: true,
            sockets: 2,
            port_mapping: true,
            https: true,
            icmp: true,
            captive_portal: true,
            budget_ms: 5000,
        }
    }
}

impl World {
    /// Reads a world of a scenario; what is left out is filled in.
    pub(crate) fn complete(&mut self) {
        for region in &mut self.regions {
            region.complete();
        }
    }

    /// The world as a scenario file that brings it back exactly.
    pub(crate) fn to_toml(&self) -> String {
        #[derive(Serialize)]
        struct File<'w> {
            about: &'static str,
            world: &'w World,
        }
        toml::to_string(&File { about: "made by a failing seed", world: self }).expect("a world is always TOML")
    }
}

const fn yes() -> bool {
    true
}

/// An address, or `none`: what is left out has a default, so that nothing must be said in words.
mod or_none {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    #[allow(clippy::ref_option, reason = "serde hands it over so")]
    pub(super) fn serialize<A: Display, S: Serializer>(address: &Option<A>, serializer: S) -> Result<S::Ok, S::Error> {
        match address {
            Some(address) => serializer.collect_str(address),
            None => serializer.serialize_str("none"),
        }
    }

    pub(super) fn deserialize<'de, A, D>(deserializer: D) -> Result<Option<A>, D::Error>
    where
        A: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        let text = String::deserialize(deserializer)?;
        if text == "none" { Ok(None) } else { text.parse().map(Some).map_err(D::Error::custom) }
    }
}
