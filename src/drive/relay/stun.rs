use std::collections::BTreeSet;
use std::convert::Infallible;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::datagrams::{Receiver, send_one, send_some};
use super::group::{Answer, Group};
use super::help::{Help, Parcel, for_socket, greet, now};
use super::inherited::{Inherited, without_covered};
use super::kernel::{self, Kernel};
use super::listen::{self, FreePort, Wanted};
use super::metrics::{StunTally, Tally};
use super::options::HelpOptions;
use crate::model::Family;
use crate::wire::stun::{HelpWanted, TransactionId};

/// After an error of the socket, which is another datagram's (an ICMP refusal of an answer) or the system's, so that a
/// lasting one does not keep a core busy.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(5);

/// Whoever waits for datagrams is woken to stop; should that fail, he looks up this often.
const LOOK_UP_EVERY: Duration = Duration::from_secs(1);

/// An answer that the system has no room for is lost, as it may be on its way. Where sending cannot be told not to wait, it
/// waits so long.
const NO_ROOM: Duration = Duration::from_millis(20);

/// All UDP sockets of a relay.
#[derive(Debug)]
pub(super) struct StunSockets {
    groups: Vec<(Group, Vec<UdpSocket>)>,
    primary: Vec<SocketAddr>,
    help: Option<Arc<Help>>,
    kernel: Option<Kernel>,
}

impl StunSockets {
    pub(super) fn bind(
        addresses: &[SocketAddr],
        alternates: &[SocketAddr],
        help: Option<HelpOptions>,
        inherited: &Inherited,
    ) -> io::Result<Self> {
        let addresses = without_covered(inherited.udp(), addresses);
        let layout = lay_out(&addresses, alternates)?;
        let helped = help.as_ref().is_some_and(|help| !help.relays.is_empty());
        let help = help.map(|help| Help::with_fresh_secrets(&help, now())).transpose()?.map(Arc::new);
        let (layout, sockets) = if helped {
            // The usual port beside the usual one, which clients try first; any other one does as well.
            let bound = |free| {
                let layout = with_second_ports(layout.clone(), free);
                listen::bind_udp(&layout.concat(), inherited).map(|sockets| (layout, sockets))
            };
            bound(false).or_else(|_| bound(true))?
        } else {
            let sockets = listen::bind_udp(&layout.concat(), inherited)?;
            (layout, sockets)
        };
        let mut sockets = sockets.into_iter();
        let mut groups = Vec::with_capacity(layout.len());
        let mut primary = Vec::with_capacity(layout.len());
        for wanted in layout {
            let sockets: Vec<_> = sockets.by_ref().take(wanted.len()).collect();
            let endpoints = sockets.iter().map(UdpSocket::local_addr).collect::<io::Result<Vec<_>>>()?;
            primary.extend(endpoints.first());
            groups.push((Group(endpoints), sockets));
        }
        Ok(Self { groups, primary, help, kernel: None })
    }

    /// Has what the kernel can answer be answered there, on these interfaces, from when it serves.
    pub(super) fn take_into_kernel(&mut self, interfaces: &[String]) -> io::Result<()> {
        let sockets = self.groups.iter().flat_map(|(_, sockets)| sockets);
        self.kernel = Some(Kernel::attach(interfaces, sockets)?);
        Ok(())
    }

    pub(super) fn primary(&self) -> &[SocketAddr] {
        &self.primary
    }

    /// Answers until what is returned is stopped or dropped. Must be called within a runtime, in which relays that help are
    /// greeted.
    ///
    /// Each socket has a thread of its own that waits for nothing else. A socket of a runtime costs a call more for each
    /// datagram that comes alone; and while somebody is to be told of what arrives, he is also told of each answer that has
    /// left, which is a tenth of what sending it costs.
    pub(super) fn serve(self, tally: &Arc<Tally>) -> io::Result<StunServer> {
        let (ended, all_ended) = mpsc::channel(1);
        let mut server = StunServer { wake: Wake::default(), all_ended, greeting: JoinSet::new() };
        if let Some(kernel) = self.kernel {
            server.wake.kernel = Some(kernel::keep(kernel, Arc::clone(tally), ended.clone())?);
        }
        let mut greeting = BTreeSet::new();
        let has_ipv4 = self.groups.iter().any(|(group, _)| group.families(false) == [Family::V4]);
        for (group, sockets) in self.groups {
            for socket in &sockets {
                socket.set_nonblocking(false)?;
                socket.set_read_timeout(Some(LOOK_UP_EVERY))?;
                socket.set_write_timeout(Some(NO_ROOM))?;
            }
            let sockets: Arc<[UdpSocket]> = sockets.into();
            server.wake.sockets.push(Arc::clone(&sockets));
            let group = Arc::new(group);
            if let Some(help) = &self.help {
                // The first socket of a family is the one that clients are told of.
                let families: Vec<Family> =
                    group.families(!has_ipv4).into_iter().filter(|family| greeting.insert(*family)).collect();
                for link in (0..help.links().len()).filter(|link| help.greets_from(*link, &families)) {
                    server.greeting.spawn(greet(Arc::clone(help), link, Arc::clone(&sockets)));
                }
            }
            for at in 0..sockets.len() {
                let (sockets, group, help) = (Arc::clone(&sockets), Arc::clone(&group), self.help.clone());
                let (stopping, tally, ended) = (Arc::clone(&server.wake.stopping), Arc::clone(tally), ended.clone());
                std::thread::Builder::new().name("stun".to_owned()).spawn(move || {
                    serve_one(&sockets, &group, at, help.as_deref(), &tally.stun, &stopping);
                    // Closed before it is said that they are.
                    drop(sockets);
                    drop(ended);
                })?;
            }
        }
        Ok(server)
    }
}

/// STUN at work. Dropping it stops it.
#[derive(Debug)]
pub(super) struct StunServer {
    wake: Wake,
    all_ended: mpsc::Receiver<Infallible>,
    greeting: JoinSet<()>,
}

/// Ends the threads when it is dropped.
#[derive(Debug, Default)]
struct Wake {
    stopping: Arc<AtomicBool>,
    sockets: Vec<Arc<[UdpSocket]>>,
    /// The end of this one is enough.
    kernel: Option<Sender<Infallible>>,
}

impl StunServer {
    /// Returns when its sockets are closed.
    pub(super) async fn stop(self) {
        let Self { wake, mut all_ended, mut greeting } = self;
        greeting.shutdown().await;
        drop(wake);
        let _ = all_ended.recv().await;
    }
}

impl Drop for Wake {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        for socket in self.sockets.iter().flat_map(|sockets| sockets.iter()) {
            // An empty datagram to itself; without it, it takes until the next look.
            let _ = socket.local_addr().and_then(|own| send_one(socket, &[], reachable(own)));
        }
    }
}

/// Where this host reaches a socket that is bound there.
fn reachable(bound: SocketAddr) -> SocketAddr {
    let ip = match bound.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        _ => return bound,
    };
    SocketAddr::new(ip, bound.port())
}

fn serve_one(
    sockets: &[UdpSocket],
    group: &Group,
    at: usize,
    help: Option<&Help>,
    tally: &StunTally,
    stopping: &AtomicBool,
) {
    let Some(socket) = sockets.get(at) else { return };
    let mut receiver = Receiver::new();
    let mut answers = Vec::new();
    loop {
        let outcome = receiver.receive(socket);
        if stopping.load(Ordering::Relaxed) {
            return;
        }
        match outcome {
            Ok(()) => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                // Time to look up. Or it was passed to another process as well, which has made it a socket that does not
                // wait.
                let _ = socket.set_nonblocking(false);
                continue;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(_) => {
                tally.read_error.add_one();
                std::thread::sleep(PAUSE_AFTER_ERROR);
                continue;
            }
        }
        answers.clear();
        for (from, datagram) in receiver.datagrams() {
            let answer = match (group.answer(at, from, datagram), help) {
                (Some(Answer { help: Some(wanted), at, to, bytes }), Some(help)) => {
                    let answer = Answer { help: None, at, to, bytes };
                    helping(help, group, at, (from, datagram), wanted, answer)
                }
                (None, Some(help)) => from_relay(help, group, at, from, datagram),
                (answer, _) => answer,
            };
            match answer {
                Some(answer) => answers.push(answer),
                None => tally.not_stun.add_one(),
            }
        }
        answers.sort_by_key(|answer| answer.at);
        for together in answers.chunk_by(|one, other| one.at == other.at) {
            if let Some(leaving) = together.first().and_then(|first| sockets.get(first.at)) {
                send_all(leaving, together, tally);
            }
        }
    }
}

/// One that cannot be sent is counted, and those after it are sent.
fn send_all(leaving: &UdpSocket, mut answers: &[Answer], tally: &StunTally) {
    while let [first, others @ ..] = answers {
        match send_some(leaving, answers) {
            Ok(sent) => {
                let (sent, rest) = answers.split_at(sent.clamp(1, answers.len()));
                answers = rest;
                for answer in sent {
                    tally.success.add_one();
                    if answer.to.ip().to_canonical().is_ipv4() { &tally.ipv4 } else { &tally.ipv6 }.add_one();
                }
            }
            Err(error) => {
                answers = others;
                tally.write_error.add_one();
                tracing::debug!(to = %first.to, %error, "STUN answer not sent");
            }
        }
    }
}

/// What comes of a request that asks for help. `answer` is what it gets where nobody helps.
fn helping(
    help: &Help,
    group: &Group,
    at: usize,
    (from, datagram): (SocketAddr, &[u8]),
    (wanted, transaction): (HelpWanted, TransactionId),
    answer: Answer,
) -> Option<Answer> {
    match wanted {
        HelpWanted::Offer => {
            let own = group.0.get(at)?;
            let offer = help.offer(from, own.ip(), group.other_port(at), now());
            let with = offer.and_then(|offer| group.offer(at, from, datagram, &offer));
            Some(with.map_or(answer, |bytes| Answer { at, to: from, bytes, help: None }))
        }
        HelpWanted::Packet(cookie) => {
            let parcel = help.packet(from, cookie, transaction, datagram.len(), now())?;
            Some(leave(group, at, parcel))
        }
    }
}

/// What comes of a datagram that is no request: it may be another relay's.
fn from_relay(help: &Help, group: &Group, at: usize, from: SocketAddr, datagram: &[u8]) -> Option<Answer> {
    let origin = group.0.get(at).copied().filter(|origin| !origin.ip().is_unspecified());
    help.receive(datagram, from, origin, now()).map(|parcel| leave(group, at, parcel))
}

fn leave(group: &Group, at: usize, Parcel { to, bytes }: Parcel) -> Answer {
    Answer { at, to: group.0.get(at).map_or(to, |socket| for_socket(to, *socket)), bytes, help: None }
}

/// Which sockets to bind, group by group, the address given first in each.
fn lay_out(addresses: &[SocketAddr], alternates: &[SocketAddr]) -> io::Result<Vec<Vec<Wanted>>> {
    let mut left = alternates.to_vec();
    let mut layout = Vec::with_capacity(addresses.len());
    for &address in addresses {
        let first = |address| Wanted { address, free: FreePort::First };
        let second = |address| Wanted { address, free: FreePort::Second };
        let mut group = vec![first(address)];
        if let Some(found) = left.iter().position(|alternate| alternate.is_ipv4() == address.is_ipv4()) {
            let alternate = left.swap_remove(found);
            check_alternate(address, alternate)?;
            group.push(second(with_port(address, alternate.port())));
            if alternate.ip() != address.ip() {
                group.push(first(with_port(alternate, address.port())));
                group.push(second(alternate));
            }
        }
        layout.push(group);
    }
    match left.first() {
        Some(alternate) => {
            Err(invalid(&format!("alternate STUN address {alternate} has no first address of its family")))
        }
        None => Ok(layout),
    }
}

/// With a second port for each address that has none.
fn with_second_ports(mut layout: Vec<Vec<Wanted>>, free: bool) -> Vec<Vec<Wanted>> {
    for group in &mut layout {
        if let &[Wanted { address, .. }] = &group[..] {
            let next = if free || address.port() == 0 { None } else { address.port().checked_add(1) };
            group.push(Wanted { address: with_port(address, next.unwrap_or(0)), free: FreePort::Second });
        }
    }
    layout
}

fn check_alternate(address: SocketAddr, alternate: SocketAddr) -> io::Result<()> {
    if alternate.port() == address.port() && alternate.port() != 0 {
        return Err(invalid(&format!("alternate STUN address {alternate} must have another port than {address}")));
    }
    let wildcard = address.ip().is_unspecified() || alternate.ip().is_unspecified();
    if wildcard && alternate.ip() != address.ip() {
        return Err(invalid(&format!(
            "STUN on two addresses needs both of them given: {address} and {alternate} are not"
        )));
    }
    Ok(())
}

fn with_port(mut address: SocketAddr, port: u16) -> SocketAddr {
    address.set_port(port);
    address
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layout_is_checked() {
        let endpoints =
            |texts: &[&str]| texts.iter().map(|text| text.parse::<SocketAddr>().unwrap()).collect::<Vec<_>>();
        let lay_out = |addresses: &[&str], alternates: &[&str]| lay_out(&endpoints(addresses), &endpoints(alternates));
        let groups = lay_out(&["192.0.2.1:0", "[::1]:0", "192.0.2.9:0"], &["[::1]:0", "192.0.2.2:0"]).unwrap();
        assert_eq!(groups.iter().map(Vec::len).collect::<Vec<_>>(), [4, 2, 1]);
        for (addresses, alternates) in [
            (&["192.0.2.1:3478"][..], &["192.0.2.2:3478"][..]),
            (&["192.0.2.1:3478"], &["[::1]:3479"]),
            (&["192.0.2.1:3478"], &["192.0.2.2:3479", "192.0.2.3:3479"]),
            (&["0.0.0.0:3478"], &["192.0.2.2:3479"]),
        ] {
            assert_eq!(lay_out(addresses, alternates).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        }
        assert!(lay_out(&["0.0.0.0:3478"], &["0.0.0.0:3479"]).is_ok());
    }
}
