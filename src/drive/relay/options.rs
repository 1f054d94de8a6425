use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::time::Duration;

use super::entrance::waiting_room;
use crate::model::{MeshKey, MeshNode, NodePrivate, NodePublic, StunServerName};

/// What a relay listens on, whom it serves, and how much it bears.
///
/// All addresses of one list that are given with port 0 get the same free port, since a node of a DERP map has one
/// port for both families.
#[derive(Clone, Debug)]
pub struct RelayOptions {
    /// Where STUN listens (UDP).
    pub stun_addrs: Vec<SocketAddr>,
    /// Alternate endpoints for RFC 5780, at most one for each family, each with a port other than that of the first
    /// address of its family in `stun_addrs`. On the same IP address it adds a second port: answers may then be asked
    /// for from there, but OTHER-ADDRESS is not told (RFC 5780 section 7.4). On another IP address it adds three
    /// endpoints, and RFC 5780 is served in full.
    pub stun_alternates: Vec<SocketAddr>,
    /// Interfaces on which Tailscale's requests are answered in the kernel, past the sockets, which have what else comes.
    /// Needs Linux 6.6, `CAP_BPF` and `CAP_NET_ADMIN`. The host's firewall does not see what is answered there.
    pub stun_in_kernel: Vec<String>,
    /// Where HTTPS listens (TCP).
    pub https_addrs: Vec<SocketAddr>,
    /// Where plain HTTP listens (TCP): beside HTTPS the captive-portal endpoint and redirects, as on derper's port 80;
    /// without HTTPS everything.
    pub http_addrs: Vec<SocketAddr>,
    /// Where metrics and the health check are told (TCP, plain HTTP). It is for the owner alone: bind it where nobody else
    /// comes.
    pub metrics_addrs: Vec<SocketAddr>,
    /// The DNS name or IP address the certificate is for. `None`: the first address of HTTPS.
    pub host_name: Option<String>,
    /// Where the certificate of HTTPS comes from.
    pub certificates: Certificates,
    /// The relay's key. `None`: a fresh one.
    pub key: Option<NodePrivate>,
    /// Who may use it.
    pub access: Access,
    /// The other relays of its region, and what they prove themselves with. `None`: there are none.
    pub mesh: Option<MeshOptions>,
    /// Relays that help each other with the test of filters. `None`: this one neither helps nor is helped.
    pub help: Option<HelpOptions>,
    /// Most clients at once; further ones are turned away.
    pub max_clients: usize,
    /// A file of limits on how fast clients may send and come, in the form of derper's `-rate-config` and with more
    /// keys than that; read again when it changes.
    pub rate_limit: Option<PathBuf>,
    /// How often files of keys, limits and certificates are looked at for changes.
    pub reload_every: Duration,
    /// Bounds on what peers may take.
    pub limits: Limits,
}

/// The mesh a relay is part of.
#[derive(Clone, Debug)]
pub struct MeshOptions {
    /// What all relays of the mesh share. Whoever has it may see who is here, forward packets in anybody's name and have
    /// clients closed.
    pub key: MeshKey,
    /// Where the key is read again when the relay is told to ([`Reloader::reload`](super::Reloader::reload)); never, if
    /// nowhere. Connections there are stay: the key is asked for at a login.
    pub key_file: Option<PathBuf>,
    /// The relays this one connects to. Each should connect to every other one: packets are forwarded once and no
    /// further. This one may be among them, so that all can have the same list.
    pub nodes: Vec<MeshNode>,
}

/// Help with the test of filters that a relay gives other relays, and gets.
#[derive(Clone, Debug)]
pub struct HelpOptions {
    /// What all relays of the mesh share. Whoever has it may have this one send short STUN responses to anybody.
    pub key: MeshKey,
    /// Those that are asked to help this one's clients. With any, STUN gets a second port where it has none.
    pub relays: Vec<StunServerName>,
}

/// Where the certificate of HTTPS comes from. Files are named as derper names them: the host name with `.crt` and
/// `.key`, in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Certificates {
    /// The relay makes it. With a directory it is kept there and stays the same from start to start, and so does its
    /// pin.
    SelfSigned {
        /// Made, for its owner alone, if it is not there.
        dir: Option<PathBuf>,
    },
    /// Somebody else keeps it in this directory. It is read again when it changes.
    Manual {
        /// The directory.
        dir: PathBuf,
    },
    /// An authority gives it and renews it, and nobody else has to do with it.
    Acme(AcmeOptions),
}

/// An authority that speaks ACME (RFC 8555). Asking it is agreeing to its terms of service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcmeOptions {
    /// Where certificates are kept, and the account with its key. Made, for its owner alone, if it is not there.
    pub dir: PathBuf,
    /// The URL of its directory; HTTPS.
    pub directory: String,
    /// Where it may write to about what it has issued.
    pub email: Option<String>,
    /// Who signs its own certificate, as PEM, where the system does not know it.
    pub ca: Option<PathBuf>,
}

/// Who may use a relay.
#[derive(Clone, Debug)]
pub enum Access {
    /// Whoever can reach it.
    Anyone,
    /// Whoever these rules admit.
    Rules(AccessRules),
}

/// Rules that admit clients. A client on a list is admitted; any other is if there are verifiers and all of them know
/// it. Without any rule nobody is admitted.
#[derive(Clone, Debug, Default)]
pub struct AccessRules {
    /// The lists.
    pub allow: Vec<Allow>,
    /// A controller to ask, as derper does with `-verify-client-url`; what it does not clearly allow is refused.
    pub verify_client_url: Option<String>,
    /// The socket of a tailscaled whose nodes are known.
    pub tailscaled: Option<PathBuf>,
}

/// A client, or several, to be admitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allow {
    /// The one with this key.
    Key(NodePublic),
    /// Those with the keys in this file, one a line; read again when it changes.
    File(PathBuf),
}

/// Bounds on what peers may take of the relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections that are no clients (yet) at once: those in handshakes and those with HTTP requests. When there are
    /// more, they wait, and for them are closed the oldest of the address that has most, from a second on, and any other
    /// from six on. Four times as many may wait, 8,192 at the most, and not longer than `handshake`; more are closed at
    /// once, the newest of the address that has most first.
    pub unfinished: usize,
    /// For the TLS handshake.
    pub handshake: Duration,
    /// For one request's head, and between requests.
    pub head: Duration,
    /// For a connection that does not become a client's, as a whole: one that drips bytes cannot hold it longer,
    /// whatever it drips.
    pub connection: Duration,
    /// For a client's greeting, from the upgrade on.
    pub greeting: Duration,
    /// For what is sent to a client to be taken by the system: a client that does not read is cut off then.
    pub write: Duration,
    /// For delivering what was accepted when the relay stops.
    pub drain: Duration,
}

impl Default for RelayOptions {
    fn default() -> Self {
        Self {
            stun_addrs: Vec::new(),
            stun_alternates: Vec::new(),
            stun_in_kernel: Vec::new(),
            https_addrs: Vec::new(),
            http_addrs: Vec::new(),
            metrics_addrs: Vec::new(),
            host_name: None,
            certificates: Certificates::SelfSigned { dir: None },
            key: None,
            access: Access::Rules(AccessRules::default()),
            mesh: None,
            help: None,
            max_clients: 4096,
            rate_limit: None,
            reload_every: Duration::from_secs(5),
            limits: Limits::default(),
        }
    }
}

impl Default for Limits {
    /// derper's, where it has them.
    fn default() -> Self {
        Self {
            unfinished: 1024,
            handshake: Duration::from_secs(10),
            head: Duration::from_secs(10),
            connection: Duration::from_secs(60),
            greeting: Duration::from_secs(10),
            write: Duration::from_secs(2),
            drain: Duration::from_secs(5),
        }
    }
}

impl Limits {
    /// For a relay of so many clients: after a restart all of them come at once.
    #[must_use]
    pub fn for_clients(most: usize) -> Self {
        let least = Self::default();
        // Beyond that, a machine would take too long over them.
        Self { unfinished: least.unfinished.max(most / 16).min(8192), ..least }
    }

    /// Connections that are no clients (yet), with those that wait.
    #[must_use]
    pub fn most_unfinished(&self) -> usize {
        self.unfinished.saturating_add(waiting_room(self.unfinished))
    }
}

impl RelayOptions {
    /// An open relay on loopback for machines without a network; `ordinal`, from 1, tells several apart.
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
            access: Access::Anyone,
            ..Self::default()
        }
    }
}

fn free_port(address: impl Into<IpAddr>) -> SocketAddr {
    SocketAddr::new(address.into(), 0)
}
