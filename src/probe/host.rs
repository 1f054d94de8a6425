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
    /// TCP endpoints that are listened on in this network namespace. `None`: the system does not tell.
    pub tcp: Option<Vec<SocketAddr>>,
    /// UDP endpoints that are bound in this network namespace. `None`: the system does not tell.
    pub udp: Option<Vec<SocketAddr>>,
    /// Whether something keeps its clock right, as far as it is known.
    pub clock_synchronized: Option<bool>,
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
    /// Paths that were looked for among the files it sees (a container has its own), and are not there.
    #[serde(default)]
    pub missing: Vec<String>,
    /// Whether it has this network namespace. `None`: the system does not tell.
    #[serde(default)]
    pub shares_network: Option<bool>,
}

/// A certificate in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateFile {
    /// Where it is, or should be, among the files that derper sees.
    pub path: String,
    /// What is there.
    pub content: FileContent,
}

/// What was found at the path of a certificate file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileContent {
    /// Nothing.
    Missing,
    /// It could not be looked at.
    Unreadable {
        /// What the system says, in its words.
        said: String,
    },
    /// No certificate.
    NoCertificate,
    /// A certificate, the first one of the file.
    Certificate {
        /// Its SHA-256 in lower-case hex.
        sha256: String,
        /// The second since 1970 after which it is no longer valid.
        not_after: i64,
    },
}
