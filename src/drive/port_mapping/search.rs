//! The SSDP search: which descriptions the router, and only the router, announces for an Internet gateway device.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::Doors;
use crate::wire::upnp::{
    HttpUrl, UrlError, decode_search_answer, encode_search, is_gateway_type, printable, search_target,
};

/// `MX`: routers may spread their answers over this many seconds; 1 is the least the architecture allows.
const MAX_WAIT_S: u8 = 1;

/// The pause after the first round; it doubles: 0, 300, 900, 2100 ms. Rounds are repeated since a multicast datagram
/// over radio is never sent again by the link.
const FIRST_PAUSE: Duration = Duration::from_millis(300);

/// UPnP Device Architecture 1.1 section 1.3.2.
const MULTICAST_TTL: u32 = 2;

/// Announcements of one router that are looked at, and strangers that are named.
const MAX_SEEN: usize = 4;

/// A gateway device the router announced.
pub(super) struct Announcement {
    /// Its description; or why it is not fetched.
    pub(super) location: Result<HttpUrl, String>,
    /// What `SERVER` says; empty if nothing.
    pub(super) server: String,
}

/// A search under way.
pub(super) struct Search {
    socket: UdpSocket,
    gateway: Ipv4Addr,
    destinations: Vec<(SocketAddrV4, &'static str)>,
    next_round: Instant,
    pause: Duration,
    seen: BTreeSet<String>,
    /// Datagrams sent.
    pub(super) copies: u32,
    /// The first error of sending, when none was sent.
    pub(super) send_error: Option<io::Error>,
    /// Others that say they are gateway devices.
    pub(super) strangers: BTreeSet<IpAddr>,
    /// Whether the router answered to be something that is no gateway device.
    pub(super) heard_other_device: bool,
    /// What is wrong with the first datagram of the router's that is no answer.
    pub(super) problem: Option<String>,
}

impl Search {
    /// Opens the socket. Nothing is sent yet.
    pub(super) fn open(gateway: Ipv4Addr, local: Ipv4Addr, doors: Doors) -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_nonblocking(true)?;
        socket.bind(&SocketAddr::from((local, 0)).into())?;
        socket.set_multicast_if_v4(&local)?;
        socket.set_multicast_ttl_v4(MULTICAST_TTL)?;
        socket.set_multicast_loop_v4(false)?;
        let router = SocketAddrV4::new(gateway, doors.ssdp);
        // `ssdp:all` asks the router alone: every television of the link would answer it a dozen times.
        let mut destinations =
            vec![(router, search_target::GATEWAY_1), (router, search_target::GATEWAY_2), (router, search_target::ALL)];
        if let Some(group) = doors.group {
            destinations.extend([(group, search_target::GATEWAY_1), (group, search_target::GATEWAY_2)]);
        }
        Ok(Self {
            socket: UdpSocket::from_std(socket.into())?,
            gateway,
            destinations,
            next_round: Instant::now(),
            pause: FIRST_PAUSE,
            seen: BTreeSet::new(),
            copies: 0,
            send_error: None,
            strangers: BTreeSet::new(),
            heard_other_device: false,
            problem: None,
        })
    }

    /// The next announcement of the router's, each location once. `None` when there is none until then.
    pub(super) async fn next(&mut self, until: Instant) -> Option<Announcement> {
        let mut buffer = [0; 2048];
        while Instant::now() < until {
            if Instant::now() >= self.next_round {
                self.send_round().await;
            }
            match timeout_at(until.min(self.next_round), self.socket.recv_from(&mut buffer)).await {
                Ok(Ok((length, from))) => {
                    let announcement = self.handle_datagram(buffer.get(..length).unwrap_or_default(), from);
                    if announcement.is_some() {
                        return announcement;
                    }
                }
                // An unconnected socket hears of refused datagrams on some systems. That port 1900 is closed to the
                // router's own address says little: many listen on the group's. The pause keeps an error that stays
                // from spinning.
                Ok(Err(_)) => sleep_until(until.min(Instant::now() + Duration::from_millis(10))).await,
                Err(_elapsed) => {}
            }
        }
        None
    }

    async fn send_round(&mut self) {
        for (destination, target) in &self.destinations {
            match self.socket.send_to(&encode_search(target, MAX_WAIT_S), *destination).await {
                Ok(_) => self.copies += 1,
                Err(error) => _ = self.send_error.get_or_insert(error),
            }
        }
        self.next_round = Instant::now() + self.pause;
        self.pause = self.pause.saturating_mul(2);
    }

    fn handle_datagram(&mut self, datagram: &[u8], from: SocketAddr) -> Option<Announcement> {
        let is_router = from.ip() == IpAddr::V4(self.gateway);
        let answer = match decode_search_answer(datagram) {
            Ok(answer) => answer,
            Err(error) => {
                if is_router {
                    self.problem.get_or_insert_with(|| error.to_string());
                }
                return None;
            }
        };
        if !is_gateway_type(&answer.target) {
            self.heard_other_device |= is_router;
            return None;
        }
        if !is_router {
            if self.strangers.len() < MAX_SEEN {
                self.strangers.insert(from.ip());
            }
            return None;
        }
        let location = answer.location.unwrap_or_default();
        if self.seen.len() >= MAX_SEEN || !self.seen.insert(location.clone()) {
            return None;
        }
        let server = printable(&answer.server.unwrap_or_default());
        Some(Announcement { location: on_router(HttpUrl::parse(&location), self.gateway), server })
    }
}

/// The URL, if it leads to the router itself. Anything else is not fetched: a router has no business sending us to a
/// third party.
pub(super) fn on_router(url: Result<HttpUrl, UrlError>, gateway: Ipv4Addr) -> Result<HttpUrl, String> {
    let url = url.map_err(|error| error.to_string())?;
    if url.address.ip() == IpAddr::V4(gateway) {
        Ok(url)
    } else {
        Err(format!("a URL at {}, which is not the gateway", url.address.ip()))
    }
}
