//! The sockets of direct paths, one for each family.

use std::net::{IpAddr, SocketAddr};

use tokio::net::UdpSocket;

use super::super::network::{Binding, DriveError, UdpError};
use crate::model::{Family, unmap};
use crate::probe::{Cause, Failure, Stage};

/// The largest datagram.
const LARGEST: usize = 65_536;

pub(super) struct Sockets {
    v4: Option<Socket>,
    v6: Option<Socket>,
}

struct Socket {
    udp: UdpSocket,
    local: SocketAddr,
    buffer: Vec<u8>,
}

impl Sockets {
    /// Those that can be had. `Ok(Err)`: none, and why. A port that was asked for and is not to be had is an error.
    pub(super) fn open(
        binding: &Binding,
        port: Option<u16>,
        allows: impl Fn(Family) -> bool,
    ) -> Result<Result<Self, Failure>, DriveError> {
        let mut failure = Failure::new(Stage::Connect, Cause::NoAddress);
        let mut open = |family: Family| {
            if !allows(family) {
                return Ok(None);
            }
            match binding.udp(family, port) {
                Ok(socket) => match socket.local_addr() {
                    Ok(local) => Ok(Some(Socket { udp: socket, local, buffer: vec![0; LARGEST] })),
                    Err(_) => Ok(None),
                },
                Err(UdpError::Port { port, source }) => Err(DriveError::BindPort { port, source }),
                Err(UdpError::Cause(cause)) => {
                    failure = Failure::new(Stage::Connect, cause);
                    Ok(None)
                }
            }
        };
        let (v4, v6) = (open(Family::V4)?, open(Family::V6)?);
        Ok(if v4.is_none() && v6.is_none() { Err(failure) } else { Ok(Self { v4, v6 }) })
    }

    /// Where they are reached from this network, given the host's addresses.
    pub(super) fn endpoints(&self, addresses: &[IpAddr]) -> Vec<SocketAddr> {
        let local = |address: &IpAddr| {
            let socket = self.of(Family::of(*address))?;
            let bound = socket.local.ip();
            let reached = bound.is_unspecified() || bound == *address;
            let usable = match address {
                IpAddr::V4(v4) => !v4.is_link_local(),
                IpAddr::V6(v6) => !v6.is_unicast_link_local(),
            };
            (reached && usable).then(|| SocketAddr::new(*address, socket.local.port()))
        };
        addresses.iter().filter_map(local).collect()
    }

    /// The local port of a family's socket.
    pub(super) fn port(&self, family: Family) -> Option<u16> {
        self.of(family).map(|socket| socket.local.port())
    }

    /// Sends a datagram. That it was lost is all that can happen to one, and silence is what tells.
    pub(super) async fn send(&self, to: SocketAddr, datagram: &[u8]) {
        if let Some(socket) = self.of(Family::of(to.ip()))
            && let Err(error) = socket.udp.send_to(datagram, to).await
        {
            tracing::debug!(%to, %error, "not sent");
        }
    }

    /// The next datagram of any of them; never, without any.
    pub(super) async fn receive(sockets: Option<&mut Self>) -> (SocketAddr, Vec<u8>) {
        let Some(Self { v4, v6 }) = sockets else { return std::future::pending().await };
        tokio::select! {
            heard = Socket::receive(v4.as_mut()) => heard,
            heard = Socket::receive(v6.as_mut()) => heard,
        }
    }

    const fn of(&self, family: Family) -> Option<&Socket> {
        match family {
            Family::V4 => self.v4.as_ref(),
            Family::V6 => self.v6.as_ref(),
        }
    }
}

impl Socket {
    async fn receive(socket: Option<&mut Self>) -> (SocketAddr, Vec<u8>) {
        /// Some systems report an earlier datagram's failure here, others an interface that went away.
        const PAUSE: std::time::Duration = std::time::Duration::from_millis(10);
        let Some(Self { udp: socket, buffer, .. }) = socket else { return std::future::pending().await };
        loop {
            match socket.recv_from(buffer).await {
                Ok((length, from)) => return (unmap(from), buffer.get(..length).unwrap_or_default().to_vec()),
                Err(error) => {
                    tracing::debug!(%error, "not received");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}
