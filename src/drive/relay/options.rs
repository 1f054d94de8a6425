use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

/// What a relay listens on, and how much it bears.
///
/// All addresses of one list that are given with port 0 get the same free port, since a node of a DERP map has one
/// port for both families.
#[derive(Clone, Debug, Default)]
pub struct RelayOptions {
    /// Where STUN listens (UDP).
    pub stun_addrs: Vec<SocketAddr>,
    /// Alternate endpoints for RFC 5780, at most one for each family, each with a port other than that of the first
    /// address of its family in `stun_addrs`. On the same IP address it adds a second port: answers may then be asked
    /// for from there, but OTHER-ADDRESS is not told (RFC 5780 section 7.4). On another IP address it adds three
    /// endpoints, and RFC 5780 is served in full.
    pub stun_alternates: Vec<SocketAddr>,
    /// Where HTTPS listens (TCP).
    pub https_addrs: Vec<SocketAddr>,
    /// Where plain HTTP listens (TCP): beside HTTPS the captive-portal endpoint and redirects, as on derper's port 80;
    /// without HTTPS everything.
    pub http_addrs: Vec<SocketAddr>,
    /// The DNS name or IP address the certificate is for. `None`: the first address of HTTPS.
    pub host_name: Option<String>,
    /// Bounds on what peers may take.
    pub limits: Limits,
}

/// Bounds on what HTTP peers may take of the relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections open at once on each listening address; more wait in the system's queue.
    pub connections: usize,
    /// For the TLS handshake.
    pub handshake: Duration,
    /// For one request's head, and between requests.
    pub head: Duration,
    /// For a connection as a whole: a client that drips bytes cannot hold it longer, whatever it drips.
    pub connection: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1024,
            handshake: Duration::from_secs(10),
            head: Duration::from_secs(10),
            connection: Duration::from_secs(60),
        }
    }
}

impl RelayOptions {
    /// A relay on loopback for machines without a network; `ordinal`, from 1, tells several apart.
    ///
    /// Free ports everywhere. On Linux, where all of 127.0.0.0/8 is local, it has two addresses of its own and serves
    /// RFC 5780 in full; elsewhere only 127.0.0.1 is certain to exist, and there is a second port alone. There is one
    /// IPv6 loopback address, so only the first relay has it, and only where the system has IPv6.
    #[must_use]
    pub fn loopback(ordinal: u8) -> Self {
        let (address, alternate) = if cfg!(target_os = "linux") {
            (Ipv4Addr::new(127, 0, ordinal, 1), Ipv4Addr::new(127, 0, ordinal, 2))
        } else {
            (Ipv4Addr::LOCALHOST, Ipv4Addr::LOCALHOST)
        };
        let mut addresses = vec![free_port(address)];
        let mut stun_alternates = vec![free_port(alternate)];
        if ordinal == 1 && UdpSocket::bind(free_port(Ipv6Addr::LOCALHOST)).is_ok() {
            addresses.push(free_port(Ipv6Addr::LOCALHOST));
            stun_alternates.push(free_port(Ipv6Addr::LOCALHOST));
        }
        Self {
            stun_addrs: addresses.clone(),
            stun_alternates,
            https_addrs: addresses.clone(),
            http_addrs: addresses,
            host_name: None,
            limits: Limits::default(),
        }
    }
}

fn free_port(address: impl Into<IpAddr>) -> SocketAddr {
    SocketAddr::new(address.into(), 0)
}
