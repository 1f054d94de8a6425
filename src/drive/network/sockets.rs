//! Local sockets: what they are bound to, and which local ports they get.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;

use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};

use super::causes::{cause_of, cause_of_opening};
use super::recent_ports::RecentPorts;
use super::{DriveError, NetworkOptions};
use crate::drive::wall_clock;
use crate::model::Family;
use crate::probe::{Cause, Failure, Stage};

/// Attempts at finding a free random port before the choice is left to the system.
const PORT_ATTEMPTS: usize = 16;

/// Which address and interface sockets are bound to.
#[derive(Clone, Debug)]
pub(in crate::drive) struct Binding {
    address: Option<IpAddr>,
    interface: Option<String>,
    recent_ports: RecentPorts,
}

impl Binding {
    /// What the options ask for, tried out once, so that a mistake in them is told as one and not as a network
    /// without answers.
    pub(super) fn verified(options: &NetworkOptions) -> Result<Self, DriveError> {
        let binding = Self {
            address: options.bind_address,
            interface: options.interface.clone(),
            recent_ports: options.recent_ports.clone(),
        };
        if let Some(name) = &binding.interface {
            let to_interface = |family| binding.open(family, Type::DGRAM, Protocol::UDP).map(drop);
            // One family is enough: the host may lack the other.
            if let Err(source) = to_interface(Family::V4)
                && to_interface(Family::V6).is_err()
            {
                return Err(DriveError::Interface { name: name.clone(), source });
            }
        }
        if let Some(address) = binding.address {
            binding
                .open(Family::of(address), Type::DGRAM, Protocol::UDP)
                .and_then(|socket| socket.bind(&SocketAddr::new(address, 0).into()))
                .map_err(|source| DriveError::BindAddress { address, source })?;
        }
        Ok(binding)
    }

    /// The local address for sockets of `family`, or why there is none.
    pub(super) fn local_address(&self, family: Family) -> Result<IpAddr, Cause> {
        match self.address {
            None => Ok(family.unspecified()),
            Some(address) if Family::of(address) == family => Ok(address),
            Some(address) => {
                Err(Cause::Unsupported { what: format!("a local {family} address: sockets are bound to {address}") })
            }
        }
    }

    /// The interface sockets are bound to.
    pub(super) fn interface(&self) -> Option<&str> {
        self.interface.as_deref()
    }

    /// A socket bound to the interface but to no address yet.
    pub(super) fn open(&self, family: Family, kind: Type, protocol: Protocol) -> io::Result<Socket> {
        let domain = match family {
            Family::V4 => Domain::IPV4,
            Family::V6 => Domain::IPV6,
        };
        let socket = Socket::new(domain, kind, Some(protocol))?;
        // Sockets of ICMPv6 are of one family by nature, and refuse the option.
        if family == Family::V6 && protocol == Protocol::UDP {
            socket.set_only_v6(true)?;
        }
        self.to_interface(&SockRef::from(&socket), family)?;
        socket.set_nonblocking(true)?;
        Ok(socket)
    }

    /// A UDP socket of `family` on that port, or on a free port outside the system's ephemeral range that has rested:
    /// what the system hands to other programs a moment later must not meet the NAT's memory of ours, nor we our own.
    pub(in crate::drive) fn udp(&self, family: Family, port: Option<u16>) -> Result<UdpSocket, UdpError> {
        let address = self.local_address(family).map_err(UdpError::Cause)?;
        let opened = |error: &io::Error| UdpError::Cause(cause_of_opening(error, family));
        let socket = self.open(family, Type::DGRAM, Protocol::UDP).map_err(|error| opened(&error))?;
        let bind = |port| socket.bind(&SocketAddr::new(address, port).into());
        if let Some(port) = port {
            bind(port).map_err(|source| UdpError::Port { port, source })?;
        } else {
            let ephemeral = ephemeral_ports();
            let now = wall_clock::now();
            let rested = |port: &u16| !self.recent_ports.rests(*port, now);
            let chosen = (0..PORT_ATTEMPTS).find_map(|_| {
                random_u32()
                    .and_then(|random| random_port(&ephemeral, random))
                    .filter(rested)
                    .filter(|port| bind(*port).is_ok())
            });
            if let Some(port) = chosen {
                self.recent_ports.note(port, now);
            } else {
                bind(0).map_err(|error| opened(&error))?;
            }
        }
        UdpSocket::from_std(socket.into()).map_err(|error| opened(&error))
    }

    /// A TCP socket of `family` that shares its local port with others: on that port, or on a free one as
    /// [`udp`](Self::udp) chooses it. And the port.
    pub(super) fn shared_tcp(&self, family: Family, port: Option<u16>) -> Result<(Socket, u16), Cause> {
        let address = self.local_address(family)?;
        let opened = |error: &io::Error| cause_of_opening(error, family);
        let socket = self.open(family, Type::STREAM, Protocol::TCP).map_err(|error| opened(&error))?;
        let bind = |port| socket.bind(&SocketAddr::new(address, port).into());
        if let Some(port) = port {
            share_port(&socket).and_then(|()| bind(port)).map_err(|error| opened(&error))?;
        } else {
            // Not shared yet: a port that another program shares is not free.
            let ephemeral = ephemeral_ports();
            let chosen = (0..PORT_ATTEMPTS).any(|_| {
                random_u32().and_then(|random| random_port(&ephemeral, random)).is_some_and(|p| bind(p).is_ok())
            });
            if !chosen {
                bind(0).map_err(|error| opened(&error))?;
            }
            share_port(&socket).map_err(|error| opened(&error))?;
        }
        let bound = socket.local_addr().map_err(|error| opened(&error))?;
        Ok((socket, bound.as_socket().map_or(0, |bound| bound.port())))
    }

    /// A TCP connection.
    pub(super) async fn connect(&self, to: SocketAddr) -> Result<TcpStream, Failure> {
        let failed = |cause| Failure::new(Stage::Connect, cause);
        let family = Family::of(to.ip());
        let local = self.local_address(family).map_err(failed)?;
        let socket = match family {
            Family::V4 => TcpSocket::new_v4(),
            Family::V6 => TcpSocket::new_v6(),
        }
        .map_err(|error| failed(cause_of_opening(&error, family)))?;
        let connected = async {
            self.to_interface(&SockRef::from(&socket), family)?;
            if !local.is_unspecified() {
                socket.bind(SocketAddr::new(local, 0))?;
            }
            let stream = socket.connect(to).await?;
            stream.set_nodelay(true)?;
            Ok(stream)
        };
        connected.await.map_err(|error: io::Error| failed(cause_of(&error)))
    }

    #[cfg(any(target_os = "linux", target_os = "android", target_os = "fuchsia"))]
    fn to_interface(&self, socket: &SockRef<'_>, _family: Family) -> io::Result<()> {
        match &self.interface {
            Some(name) => socket.bind_device(Some(name.as_bytes())),
            None => Ok(()),
        }
    }

    #[cfg(any(
        target_os = "macos",
        target_os = "ios",
        target_os = "tvos",
        target_os = "watchos",
        target_os = "visionos"
    ))]
    fn to_interface(&self, socket: &SockRef<'_>, family: Family) -> io::Result<()> {
        let Some(name) = &self.interface else { return Ok(()) };
        let index = std::num::NonZeroU32::new(getifs::ifname_to_index(name)?);
        match family {
            Family::V4 => socket.bind_device_by_index_v4(index),
            Family::V6 => socket.bind_device_by_index_v6(index),
        }
    }

    #[cfg(not(any(
        target_os = "linux",
        target_os = "android",
        target_os = "fuchsia",
        target_os = "macos",
        target_os = "ios",
        target_os = "tvos",
        target_os = "watchos",
        target_os = "visionos"
    )))]
    fn to_interface(&self, _socket: &SockRef<'_>, _family: Family) -> io::Result<()> {
        match &self.interface {
            Some(_) => Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "this system cannot bind a socket to an interface; bind to one of its addresses instead",
            )),
            None => Ok(()),
        }
    }
}

/// Lets other sockets of ours be bound to the same port.
fn share_port(socket: &Socket) -> io::Result<()> {
    socket.set_reuse_address(true)?;
    #[cfg(all(unix, not(target_os = "solaris"), not(target_os = "illumos")))]
    socket.set_reuse_port(true)?;
    Ok(())
}

/// Why a UDP socket was not had.
pub(in crate::drive) enum UdpError {
    /// The port asked for is not to be had.
    Port {
        /// Which port.
        port: u16,
        /// Why.
        source: io::Error,
    },
    /// Something else, which is an answer about this host.
    Cause(Cause),
}

/// The local addresses the routing table picks, by destination, each looked up once.
#[derive(Debug)]
pub(super) struct Routes {
    binding: Binding,
    known: HashMap<IpAddr, Option<IpAddr>>,
}

impl Routes {
    /// Destinations remembered at most; the rest is looked up anew.
    const KNOWN_MAX: usize = 1024;

    pub(super) fn new(binding: Binding) -> Self {
        Self { binding, known: HashMap::new() }
    }

    /// The local address towards `destination`. Sends nothing.
    pub(super) fn local_address(&mut self, destination: IpAddr) -> Option<IpAddr> {
        if let Some(known) = self.known.get(&destination) {
            return *known;
        }
        let found = self.look_up(destination);
        if self.known.len() < Self::KNOWN_MAX {
            self.known.insert(destination, found);
        }
        found
    }

    fn look_up(&self, destination: IpAddr) -> Option<IpAddr> {
        let family = Family::of(destination);
        let local = self.binding.local_address(family).ok()?;
        let socket = self.binding.open(family, Type::DGRAM, Protocol::UDP).ok()?;
        socket.bind(&SocketAddr::new(local, 0).into()).ok()?;
        // Connecting a UDP socket only asks the routing table. The port is discard's, and nothing is sent to it.
        socket.connect(&SocketAddr::new(destination, 9).into()).ok()?;
        socket.local_addr().ok()?.as_socket().map(|local| local.ip())
    }
}

/// A random port outside `ephemeral`. Ports from 10000 are preferred: below lie those that NATs treat specially
/// (5060 for SIP, 4500 for `IPsec`, 1900 for SSDP …).
fn random_port(ephemeral: &RangeInclusive<u16>, random: u32) -> Option<u16> {
    const FEW: u32 = 4096;
    let candidates = |lowest: u16| {
        let below = u32::from(ephemeral.start().saturating_sub(lowest));
        let above = u32::from(u16::MAX - *ephemeral.end());
        (lowest, below, below + above)
    };
    let preferred = candidates(10_000);
    let (lowest, below, count) = if preferred.2 >= FEW { preferred } else { candidates(1024) };
    let choice = random.checked_rem(count)?;
    let port =
        if choice < below { u32::from(lowest) + choice } else { u32::from(*ephemeral.end()) + 1 + (choice - below) };
    u16::try_from(port).ok()
}

/// The ports the system gives to sockets that ask for none.
fn ephemeral_ports() -> RangeInclusive<u16> {
    /// What IANA reserves for it, and most systems but Linux use.
    const IANA: RangeInclusive<u16> = 49_152..=65_535;
    const LINUX_DEFAULT: RangeInclusive<u16> = 32_768..=60_999;
    if !cfg!(any(target_os = "linux", target_os = "android")) {
        return IANA;
    }
    let text = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let mut numbers = text.split_whitespace().map_while(|word| word.parse().ok());
    match (numbers.next(), numbers.next()) {
        (Some(low), Some(high)) if low <= high => low..=high,
        _ => LINUX_DEFAULT,
    }
}

fn random_u32() -> Option<u32> {
    getrandom::u32().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unbound() -> Binding {
        Binding { address: None, interface: None, recent_ports: RecentPorts::default() }
    }

    #[test]
    fn random_ports_avoid_the_ephemeral_range() {
        let linux = 32_768..=60_999;
        for random in (0..200_000).step_by(7) {
            let port = random_port(&linux, random).unwrap();
            assert!(port >= 10_000 && !linux.contains(&port), "{port}");
        }
        // Where nearly everything is ephemeral, low ports are used before giving up.
        let wide = 9000..=65_000;
        let low = (0..100_000).filter_map(|random| random_port(&wide, random)).min();
        assert_eq!(low, Some(1024));
        assert_eq!(random_port(&(1024..=65_535), 5), None);
        assert_eq!(random_port(&(1000..=65_535), 5), None);
        assert_eq!(random_port(&(1024..=65_534), 5), Some(65_535));
    }

    #[tokio::test]
    async fn sockets_get_a_port_outside_the_ephemeral_range() {
        let binding = unbound();
        let Ok(socket) = binding.udp(Family::V4, None) else { panic!("no socket") };
        let ephemeral = ephemeral_ports();
        if random_port(&ephemeral, 0).is_some() {
            assert!(!ephemeral.contains(&socket.local_addr().unwrap().port()));
            assert!(binding.recent_ports.rests(socket.local_addr().unwrap().port(), wall_clock::now()));
        }
    }

    #[tokio::test]
    async fn a_port_that_must_rest_is_not_taken() {
        let binding = unbound();
        let ephemeral = ephemeral_ports();
        let Some(only) = random_port(&ephemeral, 0) else { return };
        let all: std::collections::BTreeSet<u16> = (0..70_000).filter_map(|n| random_port(&ephemeral, n)).collect();
        for port in all.iter().filter(|port| **port != only) {
            binding.recent_ports.note(*port, wall_clock::now());
        }
        let Ok(socket) = binding.udp(Family::V4, None) else { panic!("no socket") };
        let port = socket.local_addr().unwrap().port();
        assert!(port == only || !all.contains(&port), "{port}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn sockets_are_bound_to_the_interface() {
        let binding = Binding { interface: Some("lo".into()), ..unbound() };
        for family in Family::BOTH {
            let socket = binding.open(family, Type::DGRAM, Protocol::UDP).unwrap();
            assert_eq!(socket.device().unwrap().unwrap(), b"lo");
        }
    }

    #[test]
    fn the_local_address_towards_loopback_is_loopback() {
        let mut routes = Routes::new(unbound());
        let loopback: IpAddr = "127.0.0.1".parse().unwrap();
        assert_eq!(routes.local_address(loopback), Some(loopback));
        assert_eq!(routes.known.len(), 1);
    }

    #[test]
    fn an_address_of_the_other_family_is_not_bound_to() {
        let binding = Binding { address: Some("127.0.0.1".parse().unwrap()), ..unbound() };
        assert!(matches!(binding.local_address(Family::V6), Err(Cause::Unsupported { .. })));
        assert_eq!(binding.local_address(Family::V4), Ok("127.0.0.1".parse().unwrap()));
    }
}
