use std::net::{IpAddr, SocketAddr};

use rustls::pki_types::CertificateDer;

use super::RecentPorts;
use crate::model::Socks5Proxy;

/// From where, and through what, probes are sent.
#[derive(Clone, Debug, Default)]
pub struct NetworkOptions {
    /// Every socket is bound to this address. Probes of the other family then fail as unsupported: sending them from
    /// elsewhere would answer another question than the one asked. DNS queries go where the system sends them.
    pub bind_address: Option<IpAddr>,
    /// The local port of the shared socket number 0 of each family. Otherwise ports are random.
    pub bind_port: Option<u16>,
    /// Every socket is bound to this interface. DNS queries go where the system sends them.
    pub interface: Option<String>,
    /// The ports that random ones must not be among.
    pub recent_ports: RecentPorts,
    /// The SOCKS5 proxy that datagrams of STUN go through, each socket through an association of its own.
    pub socks5: Option<Socks5Proxy>,
    /// The proxies HTTPS goes through.
    pub proxies: Proxies,
    /// Who is asked for addresses.
    pub nameservers: Nameservers,
    /// Who is trusted to sign certificates.
    pub trust: Trust,
}

/// Where proxy rules come from.
#[derive(Clone, Debug, Default)]
pub enum Proxies {
    /// `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY` and their lower-case forms, and the system's settings where it has some.
    #[default]
    Environment,
    /// No proxy is used.
    None,
    /// These rules and no others.
    Explicit {
        /// What `https://` URLs go through: `http://`, `https://`, `socks5://` or `socks5h://`, credentials allowed.
        https: String,
        /// Hosts reached directly, as in `NO_PROXY`.
        except: String,
    },
}

/// Who is asked for addresses.
#[derive(Clone, Debug, Default)]
pub enum Nameservers {
    /// Those the system is configured with.
    #[default]
    System,
    /// These, in this order, and neither the hosts file nor anything else of the system's.
    Explicit(Vec<SocketAddr>),
}

/// Who is trusted to sign certificates.
#[derive(Clone, Debug, Default)]
pub enum Trust {
    /// Those the system trusts; where it has no store at all, Mozilla's list as built in.
    #[default]
    System,
    /// These and nobody else.
    Explicit(Vec<CertificateDer<'static>>),
}
