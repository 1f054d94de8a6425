use std::array;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd as _;

use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg};
use rustix::net::{MMsgHdr, SendAncillaryBuffer, SendFlags, SocketAddrAny, sendmmsg, sendto};

use super::super::group::Answer;
use super::LARGEST;

/// Datagrams taken in one call: the call is a small part of what they cost then.
const MOST: usize = 32;

/// Datagrams taken one by one before there may be several: the call for many is the dearer one where there is only one.
const ONE_BY_ONE: usize = 8;

/// Takes datagrams from a socket, as many as there are.
pub(in crate::drive::relay) struct Receiver {
    headers: MultiHeaders<SockaddrStorage>,
    buffer: Vec<u8>,
    arrived: Vec<(SocketAddr, usize)>,
    /// How many are to be taken one by one before several are looked for.
    alone: usize,
}

impl Receiver {
    pub(in crate::drive::relay) fn new() -> Self {
        Self {
            headers: MultiHeaders::preallocate(MOST, None),
            buffer: vec![0; MOST * LARGEST],
            arrived: Vec::with_capacity(MOST),
            alone: 0,
        }
    }

    /// Waits for one, and may take what else is there. Always for the same socket: the system notes in the headers how long
    /// its addresses are.
    pub(in crate::drive::relay) fn receive(&mut self, socket: &UdpSocket) -> io::Result<()> {
        self.arrived.clear();
        if let Some(left) = self.alone.checked_sub(1) {
            self.alone = left;
            self.take_one(socket)
        } else {
            self.take(socket)?;
            if self.arrived.len() < 2 {
                self.alone = ONE_BY_ONE;
            }
            Ok(())
        }
    }

    fn take_one(&mut self, socket: &UdpSocket) -> io::Result<()> {
        let room = self.buffer.get_mut(..LARGEST).unwrap_or_default();
        let (length, from) = socket.recv_from(room)?;
        self.arrived.push((from, length));
        Ok(())
    }

    fn take(&mut self, socket: &UdpSocket) -> io::Result<()> {
        let mut rest = self.buffer.chunks_exact_mut(LARGEST);
        let mut slices: [_; MOST] = array::from_fn(|_| [IoSliceMut::new(rest.next().unwrap_or_default())]);
        let flags = MsgFlags::MSG_WAITFORONE;
        let received = recvmmsg(socket.as_raw_fd(), &mut self.headers, slices.iter_mut(), flags, None)?;
        for message in received {
            // One without an address, which there is not, has nobody to be answered.
            let from = message.address.as_ref().and_then(endpoint);
            self.arrived.push((from.unwrap_or_else(|| SocketAddr::from(([0; 4], 0))), message.bytes));
        }
        Ok(())
    }

    /// What the last call of [`receive`](Self::receive) brought.
    pub(in crate::drive::relay) fn datagrams(&self) -> impl Iterator<Item = (SocketAddr, &[u8])> {
        let pieces = self.buffer.chunks_exact(LARGEST);
        self.arrived.iter().zip(pieces).map(|(&(from, length), piece)| (from, piece.get(..length).unwrap_or_default()))
    }
}

fn endpoint(address: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = address.as_sockaddr_in().map(|&address| SocketAddr::from(address));
    v4.or_else(|| address.as_sockaddr_in6().map(|&address| SocketAddr::from(address)))
}

/// Sends a datagram, if there is room for it now.
pub(in crate::drive::relay) fn send_one(socket: &UdpSocket, datagram: &[u8], to: SocketAddr) -> io::Result<()> {
    sendto(socket, datagram, SendFlags::DONTWAIT, &to)?;
    Ok(())
}

/// Sends some of these that there is room for now, in their order, and returns how many; an error is that of the first, and
/// none was sent.
pub(in crate::drive::relay) fn send_some(socket: &UdpSocket, answers: &[Answer]) -> io::Result<usize> {
    if let [first] = answers {
        return send_one(socket, &first.bytes, first.to).map(|()| 1);
    }
    let addresses: Vec<_> = answers.iter().map(|answer| SocketAddrAny::from(answer.to)).collect();
    let slices: Vec<_> = answers.iter().map(|answer| [IoSlice::new(&answer.bytes)]).collect();
    let mut nothing: Vec<_> = answers.iter().map(|_| SendAncillaryBuffer::default()).collect();
    let parts = addresses.iter().zip(&slices).zip(&mut nothing);
    let mut messages: Vec<_> =
        parts.map(|((address, slice), nothing)| MMsgHdr::new_with_addr(address, slice, nothing)).collect();
    Ok(sendmmsg(socket, &mut messages, SendFlags::DONTWAIT)?)
}
