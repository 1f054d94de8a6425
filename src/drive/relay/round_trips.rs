//! How far clients are: the smoothed round-trip times of their connections, as the system's TCP has them.
//!
//! All connections are asked for at once, with `sock_diag(7)` over netlink. That needs no privilege, no client notices
//! it, and a client costs a line of an answer every ten seconds. Of a client behind a proxy it is the way to the proxy.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd as _;
use std::sync::Arc;
use std::time::Duration;

use netlink_packet_core::{NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
use netlink_packet_sock_diag::SockDiagMessage;
use netlink_packet_sock_diag::constants::{AF_INET, AF_INET6, IPPROTO_TCP};
use netlink_packet_sock_diag::inet::nlas::Nla;
use netlink_packet_sock_diag::inet::{ExtensionFlags, InetRequest, InetResponse, SocketId, StateFlags};
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, recv, sendto, setsockopt, socket, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike as _};
use tokio::time::{Instant, MissedTickBehavior};

use super::service::Service;
use crate::model::unmap;

/// As often as derper asks.
const EVERY: Duration = Duration::from_secs(10);

/// The system answers at once, or not at all.
const PATIENCE_S: i64 = 2;

/// Larger than a message of netlink's, which are of a page or eight.
const ROOM: usize = 64 << 10;

/// Where `tcpi_rtt` is in `struct tcp_info` of `linux/tcp.h`: microseconds, in the byte order of the machine. The struct
/// only grows at its end.
const RTT_AT: usize = 68;

/// Measures again and again, until it is dropped. `addresses` are where clients come.
pub(super) async fn watch(service: Arc<Service>, addresses: Vec<SocketAddr>) {
    let mut ticks = tokio::time::interval_at(Instant::now() + EVERY, EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told = false;
    loop {
        ticks.tick().await;
        let addresses = addresses.clone();
        let measured = tokio::task::spawn_blocking(move || measure(&addresses)).await.map_err(io::Error::other);
        let tally = &service.tally().tcp_rtt;
        match measured.flatten() {
            Ok(measured) => {
                let of_clients =
                    service.switchboard().note_round_trips(|endpoint| measured.get(&unmap(*endpoint)).copied());
                for round_trip in of_clients {
                    tally.add(round_trip);
                }
            }
            Err(error) => {
                tally.error.add_one();
                if !told {
                    tracing::debug!(%error, "the system does not tell how far clients are");
                    told = true;
                }
            }
        }
    }
}

/// The round-trip times of all connections to these addresses, by the endpoint at the other end.
fn measure(addresses: &[SocketAddr]) -> io::Result<HashMap<SocketAddr, Duration>> {
    let mut measured = HashMap::new();
    let places: BTreeSet<(bool, u16)> = addresses.iter().map(|address| (address.is_ipv6(), address.port())).collect();
    for (ipv6, port) in places {
        ask(ipv6, port, |response| {
            let id = &response.header.socket_id;
            if let Some(round_trip) = round_trip(response) {
                // An IPv4 client of a socket for both families has an IPv6 address here.
                measured.insert(unmap(SocketAddr::new(id.destination_address, id.destination_port)), round_trip);
            }
        })?;
    }
    Ok(measured)
}

fn round_trip(response: &InetResponse) -> Option<Duration> {
    let info = response.nlas.iter().find_map(|nla| if let Nla::TcpInfo(info) = nla { Some(info) } else { None })?;
    let micros = u32::from_ne_bytes(*info.get(RTT_AT..)?.first_chunk()?);
    // Nothing has been acknowledged yet.
    (micros > 0).then(|| Duration::from_micros(micros.into()))
}

/// Asks for the connections of a port, and blocks until all are told.
fn ask(ipv6: bool, port: u16, mut told: impl FnMut(&InetResponse)) -> io::Result<()> {
    let socket = socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkSockDiag)?;
    setsockopt(&socket, sockopt::ReceiveTimeout, &TimeVal::seconds(PATIENCE_S))?;
    sendto(socket.as_raw_fd(), &request(ipv6, port), &NetlinkAddr::new(0, 0), MsgFlags::empty())?;
    let mut room = vec![0; ROOM];
    loop {
        let length = match recv(socket.as_raw_fd(), &mut room, MsgFlags::empty()) {
            // A signal is no end of it: a reload, say.
            Err(Errno::EINTR) => continue,
            received => received?,
        };
        let mut left = room.get(..length).unwrap_or_default();
        if left.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        while !left.is_empty() {
            let message = NetlinkMessage::<SockDiagMessage>::deserialize(left).map_err(io::Error::other)?;
            match message.payload {
                NetlinkPayload::Done(done) if done.code < 0 => {
                    return Err(io::Error::from_raw_os_error(done.code.saturating_neg()));
                }
                NetlinkPayload::Done(_) => return Ok(()),
                NetlinkPayload::Error(error) => return Err(error.to_io()),
                NetlinkPayload::InnerMessage(SockDiagMessage::InetResponse(response)) => told(&response),
                _ => {}
            }
            // Each begins at a multiple of four.
            let length = usize::try_from(message.header.length).unwrap_or(usize::MAX).max(1);
            left = left.get(length.next_multiple_of(4)..).unwrap_or_default();
        }
    }
}

fn request(ipv6: bool, port: u16) -> Vec<u8> {
    let (family, mut socket_id) = if ipv6 { (AF_INET6, SocketId::new_v6()) } else { (AF_INET, SocketId::new_v4()) };
    socket_id.source_port = port;
    let request = InetRequest {
        family,
        protocol: IPPROTO_TCP,
        extensions: ExtensionFlags::INFO,
        states: StateFlags::ESTABLISHED,
        socket_id,
    };
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | NLM_F_DUMP;
    let mut message = NetlinkMessage::new(header, SockDiagMessage::InetRequest(request).into());
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};

    use super::*;

    /// A connection there and back, once each.
    fn spoken(listener: &TcpListener, to: SocketAddr) -> (TcpStream, TcpStream) {
        let mut near = TcpStream::connect(to).unwrap();
        let (mut far, _) = listener.accept().unwrap();
        far.write_all(b"x").unwrap();
        near.read_exact(&mut [0]).unwrap();
        (near, far)
    }

    #[test]
    fn connections_are_told_by_where_they_come_from() {
        let [v4, v6] = ["127.0.0.1:0", "[::]:0"].map(|at| TcpListener::bind(at).unwrap());
        let [at_v4, at_v6] = [&v4, &v6].map(|listener| listener.local_addr().unwrap());
        let over_v6 = SocketAddr::new("::1".parse().unwrap(), at_v6.port());
        let over_both = SocketAddr::new("127.0.0.1".parse().unwrap(), at_v6.port());
        let mut held = Vec::new();
        for (listener, to) in [(&v4, at_v4), (&v6, over_v6), (&v6, over_both)] {
            for _ in 0..100 {
                held.push(spoken(listener, to));
            }
        }
        let measured = measure(&[at_v4, at_v6]).unwrap();
        let expected: BTreeSet<_> = held.iter().map(|(near, _)| near.local_addr().unwrap()).collect();
        assert_eq!(measured.keys().copied().collect::<BTreeSet<_>>(), expected);
        assert!(measured.values().all(|time| (1..5_000_000).contains(&time.as_micros())), "{measured:?}");
        // Nobody else's.
        assert!(measure(&[TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()]).unwrap().is_empty());
    }
}
