//! Sockets that were bound before this process was started, by whoever started it (systemd's socket activation): ports
//! below 1024 without any privilege, and no connection refused while the relay is started anew.
//!
//! Which of them is for what follows from where it listens: what is wanted there uses it.

use std::cell::Cell;
use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};

use listenfd::ListenFd;
use socket2::SockRef;

/// The sockets handed over.
#[derive(Debug, Default)]
pub struct Inherited {
    tcp: Vec<Passed<TcpListener>>,
    udp: Vec<Passed<UdpSocket>>,
}

#[derive(Debug)]
pub(super) struct Passed<S> {
    socket: S,
    address: SocketAddr,
    /// It is for IPv4 too: `[::]` where that was not ruled out.
    dual_stack: bool,
    used: Cell<bool>,
}

impl Inherited {
    /// Takes those that `$LISTEN_FDS` counts; none, if there are none for this process. The error names one that is of no
    /// use.
    pub fn from_environment() -> io::Result<Self> {
        let mut passed = ListenFd::from_env();
        let mut inherited = Self::default();
        for index in 0..passed.len() {
            let refused = |error: io::Error| {
                let what = format!("socket {index} of those passed to this process (LISTEN_FDS): {error}");
                io::Error::new(error.kind(), what)
            };
            // The first of them says so if it is none, and leaves it.
            if let Ok(Some(socket)) = passed.take_tcp_listener(index) {
                socket.set_nonblocking(true).map_err(refused)?;
                let address = socket.local_addr().map_err(refused)?;
                let dual_stack = is_dual_stack(&SockRef::from(&socket), address).map_err(refused)?;
                inherited.tcp.push(Passed { socket, address, dual_stack, used: Cell::new(false) });
            } else if let Some(socket) = passed.take_udp_socket(index).map_err(refused)? {
                socket.set_nonblocking(true).map_err(refused)?;
                let address = socket.local_addr().map_err(refused)?;
                let dual_stack = is_dual_stack(&SockRef::from(&socket), address).map_err(refused)?;
                inherited.udp.push(Passed { socket, address, dual_stack, used: Cell::new(false) });
            }
        }
        Ok(inherited)
    }

    pub(super) fn tcp(&self) -> &[Passed<TcpListener>] {
        &self.tcp
    }

    pub(super) fn udp(&self) -> &[Passed<UdpSocket>] {
        &self.udp
    }

    /// An error if there is one that nobody wanted: it would take connections that nobody answers.
    pub(super) fn all_used(&self) -> io::Result<()> {
        let tcp = self.tcp.iter().filter(|passed| !passed.used.get()).map(|passed| (passed.address, "TCP"));
        let udp = self.udp.iter().filter(|passed| !passed.used.get()).map(|passed| (passed.address, "UDP"));
        match tcp.chain(udp).next() {
            None => Ok(()),
            Some((address, transport)) => Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!(
                    "a socket on {address} ({transport}) was passed to this process (LISTEN_FDS), and nothing is to \
                     listen there: name that address, or do not pass the socket"
                ),
            )),
        }
    }
}

/// What of these is still to have a socket: where there is one for both families, IPv4 needs none of its own.
pub(super) fn without_covered<S>(passed: &[Passed<S>], addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let covered = |address: &SocketAddr| {
        let covers = |passed: &Passed<S>| passed.dual_stack && passed.address.port() == address.port();
        address.is_ipv4() && address.ip().is_unspecified() && passed.iter().any(covers)
    };
    let mut left: Vec<_> = addresses.iter().copied().filter(|address| !covered(address)).collect();
    // `0.0.0.0` alone was wanted, and the socket for both families is the one there is.
    for passed in passed.iter().filter(|passed| passed.dual_stack) {
        if addresses.iter().any(|address| covered(address) && address.port() == passed.address.port())
            && !left.contains(&passed.address)
        {
            left.push(passed.address);
        }
    }
    left
}

/// The socket that listens exactly there, if one was passed.
pub(super) fn take<S>(
    passed: &[Passed<S>],
    address: SocketAddr,
    clone: impl Fn(&S) -> io::Result<S>,
) -> io::Result<Option<S>> {
    let Some(found) = passed.iter().find(|passed| passed.address == address && address.port() != 0) else {
        return Ok(None);
    };
    found.used.set(true);
    clone(&found.socket).map(Some)
}

fn is_dual_stack(socket: &SockRef<'_>, address: SocketAddr) -> io::Result<bool> {
    Ok(address.is_ipv6() && address.ip().is_unspecified() && !socket.only_v6()?)
}
