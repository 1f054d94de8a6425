//! Greeting the other relays again and again, so that it is known whether they are there.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use super::{Help, Link, Now};
use crate::drive::relay::datagrams::send_one;
use crate::drive::wall_clock;
use crate::model::Family;

/// From one hello to the next …
const EVERY: Duration = Duration::from_secs(10);
/// … and while there is no answer yet.
const AT_FIRST: Duration = Duration::from_secs(2);

/// Now.
pub(in crate::drive::relay) fn now() -> Now {
    let since_1970 = wall_clock::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let time = u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX);
    Now { at: tokio::time::Instant::now().into_std(), time }
}

/// As a socket for both families has an IPv4 address.
pub(in crate::drive::relay) fn for_socket(to: SocketAddr, socket: SocketAddr) -> SocketAddr {
    match to.ip() {
        IpAddr::V4(v4) if socket.is_ipv6() => (v4.to_ipv6_mapped(), to.port()).into(),
        _ => to,
    }
}

/// Greets the other relay of that link from the first of these sockets, without end.
pub(in crate::drive::relay) async fn greet(help: Arc<Help>, link: usize, sockets: Arc<[UdpSocket]>) {
    let (Some(link), Some(socket)) = (help.links().get(link), sockets.first()) else { return };
    let mut was_up = None;
    loop {
        if let Err(error) = hello(&help, link, socket).await {
            tracing::debug!(relay = %link.name(), %error, "no hello sent to the relay that is to help");
        }
        // The answer comes to whoever reads the socket.
        tokio::time::sleep(if was_up == Some(true) { EVERY } else { AT_FIRST }).await;
        let up = link.is_up(now().at);
        if was_up != Some(up) {
            if up {
                tracing::info!(relay = %link.name(), "the relay helps with the test of filters");
            } else if help.is_missed(link) {
                tracing::warn!(relay = %link.name(), "the relay does not help with the test of filters: it does not answer");
            }
        }
        was_up = Some(up);
    }
}

async fn hello(help: &Help, link: &Link, socket: &UdpSocket) -> io::Result<()> {
    let Some(to) = look_up(link).await? else { return Ok(()) };
    let mut id = [0; 16];
    getrandom::fill(&mut id).map_err(io::Error::other)?;
    let datagram = help.hello(link, id, to, now());
    send_one(socket, &datagram, for_socket(to, socket.local_addr()?))
}

/// The relay's endpoint of the link's family, if it has one.
async fn look_up(link: &Link) -> io::Result<Option<SocketAddr>> {
    let (name, family) = (link.name(), link.family());
    if let Some(address) = name.address() {
        return Ok((Family::of(address) == family).then_some(SocketAddr::new(address, name.port())));
    }
    let found = tokio::net::lookup_host((name.host(), name.port())).await?;
    Ok(found.into_iter().find(|endpoint| Family::of(endpoint.ip()) == family))
}
