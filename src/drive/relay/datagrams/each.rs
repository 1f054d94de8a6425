use std::io;
use std::net::{SocketAddr, UdpSocket};

use super::super::group::Answer;
use super::LARGEST;

/// Takes datagrams from a socket, one at a time.
pub(in crate::drive::relay) struct Receiver {
    buffer: Vec<u8>,
    arrived: Option<(SocketAddr, usize)>,
}

impl Receiver {
    pub(in crate::drive::relay) fn new() -> Self {
        Self { buffer: vec![0; LARGEST], arrived: None }
    }

    /// Waits for one.
    pub(in crate::drive::relay) fn receive(&mut self, socket: &UdpSocket) -> io::Result<()> {
        self.arrived = None;
        let (length, from) = socket.recv_from(&mut self.buffer)?;
        self.arrived = Some((from, length));
        Ok(())
    }

    /// What the last call of [`receive`](Self::receive) brought.
    pub(in crate::drive::relay) fn datagrams(&self) -> impl Iterator<Item = (SocketAddr, &[u8])> {
        self.arrived.iter().map(|&(from, length)| (from, self.buffer.get(..length).unwrap_or_default()))
    }
}

/// Sends a datagram.
pub(in crate::drive::relay) fn send_one(socket: &UdpSocket, datagram: &[u8], to: SocketAddr) -> io::Result<()> {
    socket.send_to(datagram, to).map(drop)
}

/// Sends the first of these and returns 1, or why it could not be sent.
pub(in crate::drive::relay) fn send_some(socket: &UdpSocket, answers: &[Answer]) -> io::Result<usize> {
    let Some(first) = answers.first() else { return Ok(0) };
    send_one(socket, &first.bytes, first.to).map(|()| 1)
}
