//! Binding sockets, several on one free port where none is given.

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};

use socket2::{Domain, Protocol, Socket, Type};

use super::inherited::{Inherited, take, without_covered};

/// Free ports are shared by sockets of several addresses; another process may hold the one found on the next address.
const ATTEMPTS: usize = 64;

/// Connections of a listener that the system keeps until they are accepted: after a restart everybody comes at once.
const BACKLOG: i32 = 4096;

/// A socket to be bound: with the port given or, where that is 0, with the free port of its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) address: SocketAddr,
    pub(super) free: FreePort,
}

/// Sockets with the same one get the same port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FreePort {
    First,
    Second,
}

pub(super) fn bind_udp(wanted: &[Wanted], inherited: &Inherited) -> io::Result<Vec<UdpSocket>> {
    let dual_stack = !wanted.iter().any(|wanted| wanted.address.is_ipv4());
    bind_all(
        wanted,
        |address| {
            if let Some(socket) = take(inherited.udp(), address, UdpSocket::try_clone)? {
                return Ok(socket);
            }
            let socket = bind_one(address, Type::DGRAM, Protocol::UDP, dual_stack)?;
            Ok(socket.into())
        },
        UdpSocket::local_addr,
        "UDP",
    )
}

pub(in crate::drive) fn bind_tcp(addresses: &[SocketAddr], inherited: &Inherited) -> io::Result<Vec<TcpListener>> {
    let addresses = without_covered(inherited.tcp(), addresses);
    let wanted: Vec<_> = addresses.iter().map(|&address| Wanted { address, free: FreePort::First }).collect();
    let dual_stack = !addresses.iter().any(SocketAddr::is_ipv4);
    bind_all(
        &wanted,
        |address| {
            if let Some(listener) = take(inherited.tcp(), address, TcpListener::try_clone)? {
                return Ok(listener);
            }
            let socket = bind_one(address, Type::STREAM, Protocol::TCP, dual_stack)?;
            // The system may have a lower limit (net.core.somaxconn).
            socket.listen(BACKLOG)?;
            Ok(socket.into())
        },
        TcpListener::local_addr,
        "TCP",
    )
}

fn bind_one(address: SocketAddr, kind: Type, protocol: Protocol, dual_stack: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), kind, Some(protocol))?;
    if address.is_ipv6() {
        // `[::]` alone takes IPv4 in as well; beside an IPv4 address it must not, or one of the two fails to bind.
        socket.set_only_v6(!dual_stack)?;
    }
    // A restarted server must not wait for the last one's connections to be forgotten. (On Windows the option means
    // something else.)
    if cfg!(unix) && kind == Type::STREAM {
        socket.set_reuse_address(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

fn bind_all<S>(
    wanted: &[Wanted],
    bind: impl Fn(SocketAddr) -> io::Result<S>,
    local_addr: impl Fn(&S) -> io::Result<SocketAddr>,
    transport: &str,
) -> io::Result<Vec<S>> {
    let mut attempt = 0;
    loop {
        attempt += 1;
        match bind_once(wanted, &bind, &local_addr, transport) {
            Err(Refused { port_was_free: true, .. }) if attempt < ATTEMPTS => {}
            outcome => return outcome.map_err(|refused| refused.error),
        }
    }
}

/// A socket could not be bound.
struct Refused {
    error: io::Error,
    /// The port was one found free on another address, so that another one may do.
    port_was_free: bool,
}

fn bind_once<S>(
    wanted: &[Wanted],
    bind: impl Fn(SocketAddr) -> io::Result<S>,
    local_addr: impl Fn(&S) -> io::Result<SocketAddr>,
    transport: &str,
) -> Result<Vec<S>, Refused> {
    let (mut first, mut second) = (None, None);
    let mut bound = Vec::with_capacity(wanted.len());
    for &Wanted { mut address, free } in wanted {
        let found: &mut Option<u16> = match free {
            FreePort::First => &mut first,
            FreePort::Second => &mut second,
        };
        let port_was_free = address.port() == 0 && found.is_some();
        if address.port() == 0 {
            address.set_port(found.unwrap_or(0));
        }
        let refused = |error: io::Error| {
            let port_was_free = port_was_free && error.kind() == io::ErrorKind::AddrInUse;
            let error = io::Error::new(error.kind(), format!("cannot listen on {address} ({transport}): {error}"));
            Refused { error, port_was_free }
        };
        let socket = bind(address).map_err(refused)?;
        if address.port() == 0 {
            *found = Some(local_addr(&socket).map_err(refused)?.port());
        }
        bound.push(socket);
    }
    Ok(bound)
}
