//! ICMP echo, over the unprivileged kind of socket where the system allows it, else over a raw one.
//!
//! Most systems allow one or the other to some users only; not being permitted is an answer like any other.

use std::io;
use std::net::{IpAddr, SocketAddr};

use socket2::{Protocol, SockRef, Socket, Type};
use tokio::net::UdpSocket;

use super::causes::{Deadline, cause_of, cause_of_opening};
use super::sockets::Binding;
use crate::drive::clock::Clock;
use crate::model::{Family, unmap};
use crate::probe::{Cause, Failure, IcmpAnswer, Moment, Outcome, Stage};
use crate::wire::icmp::{decode_echo_reply, encode_echo_request};

/// Random bytes by which a reply is known as ours: the system rewrites the identifier of unprivileged sockets.
const NONCE: usize = 16;

/// Sends one echo request, and says when it left, when it was answered, and by whom.
pub(super) async fn echo(
    clock: Clock,
    binding: &Binding,
    address: IpAddr,
    deadline: Deadline,
) -> (Moment, Moment, Outcome) {
    let began = clock.now();
    let failed = |sent_at, failure| (sent_at, clock.now(), Outcome::Failed(failure));
    let prepared = prepare(binding, address).and_then(|socket| Ok((socket, request(Family::of(address))?)));
    let (socket, (nonce, request)) = match prepared {
        Ok(prepared) => prepared,
        Err(cause) => return failed(began, Failure::new(Stage::Icmp, cause)),
    };
    let sent_at = clock.now();
    if let Err(error) = SockRef::from(&socket).send(&request) {
        return failed(sent_at, Failure::new(Stage::Icmp, cause_of(&error)));
    }
    let replied = async {
        let mut buffer = [0; 2048];
        loop {
            let received = socket.recv_from(&mut buffer).await;
            let at = clock.now();
            let (length, from) = received.map_err(|error| Failure::new(Stage::Icmp, cause_of(&error)))?;
            let reply = buffer.get(..length).and_then(|bytes| decode_echo_reply(Family::of(address), bytes));
            if reply.is_some_and(|reply| reply.payload == nonce) {
                return Ok((at, IcmpAnswer { from: unmap(from).ip() }));
            }
        }
    };
    match deadline.within(Stage::Icmp, replied).await {
        Ok((at, answer)) => (sent_at, at, Outcome::Icmp(answer)),
        Err(failure) => failed(sent_at, failure),
    }
}

/// A socket connected to `address`, so that only its replies, and the network's refusals, are heard.
fn prepare(binding: &Binding, address: IpAddr) -> Result<UdpSocket, Cause> {
    let family = Family::of(address);
    let local = binding.local_address(family)?;
    let socket = open(binding, family)?;
    let connected = || {
        if !local.is_unspecified() {
            socket.bind(&SocketAddr::new(local, 0).into())?;
        }
        socket.connect(&SocketAddr::new(address, 0).into())
    };
    connected().map_err(|error| cause_of(&error))?;
    // Not UDP, but a datagram socket all the same, which is all that sending and receiving asks for.
    UdpSocket::from_std(socket.into()).map_err(|error| cause_of(&error))
}

fn open(binding: &Binding, family: Family) -> Result<Socket, Cause> {
    let protocol = match family {
        Family::V4 => Protocol::ICMPV4,
        Family::V6 => Protocol::ICMPV6,
    };
    let unprivileged = match binding.open(family, Type::DGRAM, protocol) {
        Ok(socket) => return Ok(socket),
        Err(error) => error,
    };
    binding.open(family, Type::RAW, protocol).map_err(|raw| {
        let denied = |error: &io::Error| error.kind() == io::ErrorKind::PermissionDenied;
        if denied(&raw) || denied(&unprivileged) { Cause::NotPermitted } else { cause_of_opening(&raw, family) }
    })
}

/// An echo request and what will be in its reply.
fn request(family: Family) -> Result<([u8; NONCE], Vec<u8>), Cause> {
    let mut nonce = [0; NONCE];
    getrandom::fill(&mut nonce).map_err(|error| Cause::Os { message: error.to_string() })?;
    let [first, second, ..] = nonce;
    let datagram = encode_echo_request(family, u16::from_be_bytes([first, second]), 1, &nonce);
    Ok((nonce, datagram))
}
