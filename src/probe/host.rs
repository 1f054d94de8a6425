use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

/// What the operating system says of this host's place in the network, read once at the start of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostFacts {
    /// Interfaces that are up, loopback included.
    pub interfaces: Vec<Interface>,
    /// Default gateways, best first.
    pub gateways: Vec<Gateway>,
    /// The local address the routing table picks towards the internet, per family. `None`: no route.
    pub route_v4: Option<IpAddr>,
    /// As `route_v4`, for IPv6.
    pub route_v6: Option<IpAddr>,
    /// Whether IPv4 sockets can be opened at all.
    pub os_supports_v4: bool,
    /// Whether IPv6 sockets can be opened at all.
    pub os_supports_v6: bool,
    /// Resolvers configured, with port where it is not 53.
    pub resolvers: Vec<String>,
    /// Proxies of the environment that HTTPS would go through, without credentials.
    pub proxy: ProxyFacts,
}

/// A network interface that is up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Its index.
    pub index: u32,
    /// Its MTU in bytes, 0 when unknown.
    pub mtu: u32,
    /// Whether it is a loopback interface.
    pub loopback: bool,
    /// Whether it is a point-to-point or tunnel interface, as far as the system says.
    pub point_to_point: bool,
    /// Its addresses, link-local ones included.
    pub addresses: Vec<IpAddr>,
}

/// A default gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gateway {
    /// Its address.
    pub address: IpAddr,
    /// The interface it is reached through.
    pub interface: String,
}

/// Proxies of the environment, without credentials.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProxyFacts {
    /// What an `https://` URL would go through.
    pub https: Option<String>,
    /// What an `http://` URL would go through.
    pub http: Option<String>,
}

/// What the host of a relay says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalFacts {
    /// TCP endpoints that are listened on.
    pub tcp: Vec<SocketAddr>,
    /// UDP endpoints that are bound.
    pub udp: Vec<SocketAddr>,
    /// Whether something keeps its clock right, as far as it is known.
    pub clock_synchronized: Option<bool>,
    /// Paths of Unix sockets that were looked for and are there.
    pub sockets: Vec<String>,
    /// derpers that run.
    pub relays: Vec<RelayProcess>,
}

/// A derper.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelayProcess {
    /// What it was started with, its own name left out.
    pub arguments: Vec<String>,
    /// The certificate file it is told to use (`-certmode manual`), where there is one to be told of.
    #[serde(default)]
    pub certificate: Option<CertificateFile>,
}

/// A certificate in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateFile {
    /// Where it is, or should be.
    pub path: String,
    /// Its SHA-256 and the second since 1970 after which it is no longer valid; `None`: the file is not there, or holds no
    /// certificate.
    pub content: Option<(String, i64)>,
}
