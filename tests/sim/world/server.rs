//! Regions, the servers in them, and the links to those, as data.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use serde::{Deserialize, Serialize};

/// A region of the map.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SimRegion {
    pub(crate) id: u64,
    #[serde(default)]
    pub(crate) avoid: bool,
    #[serde(default)]
    pub(crate) no_measure: bool,
    #[serde(default)]
    pub(crate) score: Option<f64>,
    #[serde(default)]
    pub(crate) nodes: Vec<Server>,
}

/// A node of the map and the machine behind it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(clippy::struct_excessive_bools, reason = "facts of a server, and any mix exists")]
pub(crate) struct Server {
    /// Left out: made from the region's id and the place in it.
    pub(crate) name: String,
    /// Left out: a DNS name made from `name`.
    pub(crate) host: String,
    /// Its true addresses. Left out: made from `name`.
    pub(crate) v4: Option<Ipv4Addr>,
    pub(crate) v6: Option<Ipv6Addr>,
    /// How the map gives them.
    pub(crate) v4_in_map: Pinning,
    pub(crate) v6_in_map: Pinning,
    /// 0: no STUN.
    pub(crate) stun_port: u16,
    pub(crate) derp_port: u16,
    /// It relays nothing, says the map.
    pub(crate) stun_only: bool,
    /// It answers captive-portal checks, says the map.
    pub(crate) can_port_80: bool,
    /// Round trip over IPv4.
    pub(crate) rtt_ms: f64,
    /// Round trip over IPv6, where it is another one.
    pub(crate) v6_rtt_ms: Option<f64>,
    /// It stands inside the host's own network, in front of every box: it sees the host as it is, and nothing filters
    /// what it sends.
    pub(crate) inside: bool,
    pub(crate) stun: Stun,
    /// Its other address and other port (RFC 5780), which OTHER-ADDRESS tells. It serves all four combinations.
    pub(crate) alternate: Option<SocketAddrV4>,
    pub(crate) alternate_v6: Option<SocketAddrV6>,
    /// What it does with CHANGE-REQUEST, and what is wrong with its other address and port. Without an alternate it
    /// ignores, drops or refuses; "honours" refuses.
    pub(crate) change: Change,
    /// It knows CHANGE-REQUEST, and nothing of RESPONSE-PORT: that it ignores.
    pub(crate) no_response_port: bool,
    pub(crate) tcp: Tcp,
    /// Whether it answers STUN over TCP.
    pub(crate) stun_tcp: bool,
    pub(crate) port_80: Port80,
    /// Whether it answers echo requests.
    pub(crate) icmp: bool,
    /// Time it takes to answer an HTTP request.
    pub(crate) work_ms: f64,
    pub(crate) link: Link,
}

/// How the map gives an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Pinning {
    /// As it is.
    Pinned,
    /// Not at all: ask DNS.
    Resolve,
    /// `none`.
    Disabled,
}

/// How a STUN server behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Stun {
    Honest,
    Silent,
    /// The port is closed, and ICMP says so.
    Refused,
    /// Our port plus this.
    WrongPort(u16),
    /// Another port each time.
    RandomPort,
    /// This address instead of ours.
    WrongAddress(Ipv4Addr),
    /// Behind a NAT of its own, which hides ours: it sees its own private network.
    Private(Ipv4Addr),
    /// The reply comes from elsewhere.
    OtherSource(SocketAddr),
    /// A STUN error.
    Error(u16),
    /// A success response without an address.
    NoAddress,
    /// No STUN at all comes back.
    Garbage,
}

/// What a server does with CHANGE-REQUEST (RFC 5780).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Change {
    Honours,
    /// It answers from the endpoint that was asked.
    Ignores,
    Drops,
    /// Error 420.
    Refuses,
    /// It changes the port, never the address.
    PortOnly,
    /// Nothing is heard at its other address, and nothing leaves from there.
    DeadAddress,
    /// It answers at its other address; what was asked elsewhere never leaves from there.
    MuteAddress,
    /// The same of its other port.
    DeadPort,
    MutePort,
    /// It answers from the endpoint it should, but for this much more in the port.
    WrongPort(u16),
}

/// How the relay answers over TCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Tcp {
    Up,
    Refused,
    Dead,
    /// Accepts, and says nothing more.
    HangsInTls,
    BadCertificate,
    NotTls,
    Status(u16),
}

/// How a relay answers the captive-portal check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Port80 {
    Echoes,
    /// 204 without the challenge, as a web server in front of it does.
    NoEcho,
    Refused,
    Dead,
}

/// What a way does to packets, beside taking its time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Link {
    /// Each round trip takes up to this much longer.
    pub(crate) jitter_ms: f64,
    /// Share lost on the way out.
    pub(crate) loss_out: f64,
    /// Share lost on the way back.
    pub(crate) loss_back: f64,
    /// Mean length of bursts (Gilbert–Elliott) in which everything is lost; 0: none.
    pub(crate) burst_ms: f64,
    /// Mean time between bursts.
    pub(crate) calm_ms: f64,
    /// Share that arrives twice.
    pub(crate) duplicate: f64,
    /// Share of replies held back by `late_ms` (reordering when short, bufferbloat when long).
    pub(crate) late: f64,
    pub(crate) late_ms: f64,
}

impl SimRegion {
    /// A region of one honest relay.
    pub(crate) fn single(id: u64, rtt_ms: f64) -> Self {
        let mut region = Self {
            id,
            avoid: false,
            no_measure: false,
            score: None,
            nodes: vec![Server { rtt_ms, ..Server::default() }],
        };
        region.complete();
        region
    }

    /// Fills in names and addresses.
    pub(crate) fn complete(&mut self) {
        for (place, node) in (0_u8..).zip(&mut self.nodes) {
            let [high, low] = (self.id as u16).to_be_bytes();
            if node.name.is_empty() {
                node.name = format!("{}{}", self.id, char::from(b'a' + place % 26));
            }
            if node.host.is_empty() {
                node.host = format!("derp{}.example", node.name);
            }
            if node.v4.is_none() && node.v4_in_map != Pinning::Disabled {
                node.v4 = Some(Ipv4Addr::new(20 + high, low, place, 10));
            }
            if node.v6.is_none() && node.v6_in_map != Pinning::Disabled {
                node.v6 = Some(Ipv6Addr::new(0x2001, 0xdb8, self.id as u16, u16::from(place), 0, 0, 0, 0x10));
            }
        }
    }
}

impl Default for Server {
    fn default() -> Self {
        Self {
            name: String::new(),
            host: String::new(),
            v4: None,
            v6: None,
            v4_in_map: Pinning::Pinned,
            v6_in_map: Pinning::Pinned,
            stun_port: 3478,
            derp_port: 443,
            stun_only: false,
            stun_tcp: false,
            can_port_80: true,
            rtt_ms: 20.0,
            v6_rtt_ms: None,
            inside: false,
            stun: Stun::Honest,
            alternate: None,
            alternate_v6: None,
            change: Change::Honours,
            no_response_port: false,
            tcp: Tcp::Up,
            port_80: Port80::Echoes,
            icmp: true,
            work_ms: 1.0,
            link: Link::default(),
        }
    }
}

impl Stun {
    /// Whether any STUN response leaves it.
    pub(crate) const fn responds(self) -> bool {
        !matches!(self, Self::Silent | Self::Refused | Self::Garbage)
    }

    /// Whether it tells our endpoint, truly.
    pub(crate) const fn tells_truth(self) -> bool {
        matches!(self, Self::Honest | Self::OtherSource(_))
    }

    /// Whether what it says of us is not so.
    pub(crate) const fn lies(self) -> bool {
        matches!(self, Self::WrongPort(_) | Self::RandomPort | Self::WrongAddress(_) | Self::Private(_))
    }
}

impl Link {
    /// Whether anything may get lost.
    pub(crate) fn loses(&self) -> bool {
        self.loss_out > 0.0 || self.loss_back > 0.0 || self.burst_ms > 0.0
    }

    /// Whether every packet takes the same time and arrives once.
    pub(crate) fn is_clean(&self) -> bool {
        *self == Self::default()
    }

    /// The most it adds to a round trip, milliseconds.
    pub(crate) fn most_delay_ms(&self) -> f64 {
        self.jitter_ms + if self.late > 0.0 { self.late_ms } else { 0.0 }
    }
}
