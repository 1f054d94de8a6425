use std::collections::BTreeSet;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::LocalSet;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::datagrams::{Receiver, send_some};
use super::group::{Answer, Group};
use super::help::{Help, Parcel, for_socket, greet, now};
use super::inherited::{Inherited, without_covered};
use super::listen::{self, FreePort, Wanted};
use super::metrics::{StunTally, Tally};
use super::options::HelpOptions;
use crate::model::Family;
use crate::wire::stun::{HelpWanted, TransactionId};

/// After an error of the socket, which is another datagram's (an ICMP refusal of an answer) or the system's, so that a
/// lasting one does not keep a core busy.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(5);

/// All UDP sockets of a relay.
#[derive(Debug)]
pub(super) struct StunSockets {
    groups: Vec<(Group, Vec<UdpSocket>)>,
    primary: Vec<SocketAddr>,
    help: Option<Arc<Help>>,
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
        Ok(Self { groups, primary, help })
    }

    pub(super) fn primary(&self) -> &[SocketAddr] {
        &self.primary
    }

    /// Answers until what is returned is stopped or dropped.
    ///
    /// In a thread of its own: each datagram that comes to a socket of the relay's runtime wakes a worker, which as a rule
    /// finds that another one is answering it already, and that cost more than the answer.
    pub(super) async fn serve(self, tally: &Arc<Tally>) -> io::Result<StunServer> {
        let stop = CancellationToken::new();
        let (done, stopped) = oneshot::channel();
        let server = StunServer { stop: stop.clone().drop_guard(), stopped };
        if self.groups.is_empty() {
            return Ok(server);
        }
        let (begins, begun) = oneshot::channel();
        let tally = Arc::clone(tally);
        std::thread::Builder::new().name("stun".to_owned()).spawn(move || {
            let (begins_with, started) = match self.start(&tally) {
                Ok(started) => (Ok(()), Some(started)),
                Err(error) => (Err(error), None),
            };
            // Whoever does not wait for these has dropped the server, which the next line sees.
            let _ = begins.send(begins_with);
            if let Some((runtime, tasks)) = started {
                runtime.block_on(tasks.run_until(stop.cancelled()));
                // The sockets are closed with them. A name that is still being looked up is not waited for.
                drop(tasks);
                runtime.shutdown_background();
            }
            let _ = done.send(());
        })?;
        begun.await.map_err(io::Error::other)??;
        Ok(server)
    }

    /// A runtime, and one task for each socket.
    fn start(self, tally: &Arc<Tally>) -> io::Result<(Runtime, LocalSet)> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut greeting = BTreeSet::new();
        let has_ipv4 = self.groups.iter().any(|(group, _)| group.families(false) == [Family::V4]);
        let tasks = LocalSet::new();
        for (group, sockets) in self.groups {
            let within = runtime.enter();
            let sockets = sockets.into_iter().map(tokio::net::UdpSocket::from_std).collect::<io::Result<Arc<[_]>>>()?;
            drop(within);
            let group = Arc::new(group);
            if let Some(help) = &self.help {
                // The first socket of a family is the one that clients are told of.
                let families: Vec<Family> =
                    group.families(!has_ipv4).into_iter().filter(|family| greeting.insert(*family)).collect();
                for link in (0..help.links().len()).filter(|link| help.greets_from(*link, &families)) {
                    runtime.spawn(greet(Arc::clone(help), link, Arc::clone(&sockets)));
                }
            }
            for at in 0..sockets.len() {
                let (sockets, group, help) = (Arc::clone(&sockets), Arc::clone(&group), self.help.clone());
                tasks.spawn_local(serve_one(sockets, group, at, help, Arc::clone(tally)));
            }
        }
        Ok((runtime, tasks))
    }
}

/// STUN at work. Dropping it stops it.
#[derive(Debug)]
pub(super) struct StunServer {
    stop: DropGuard,
    stopped: oneshot::Receiver<()>,
}

impl StunServer {
    /// Returns when its sockets are closed.
    pub(super) async fn stop(self) {
        drop(self.stop);
        // Without sockets there is no thread to say so.
        let _ = self.stopped.await;
    }
}

async fn serve_one(
    sockets: Arc<[tokio::net::UdpSocket]>,
    group: Arc<Group>,
    at: usize,
    help: Option<Arc<Help>>,
    tally: Arc<Tally>,
) {
    let tally = &tally.stun;
    let Some(socket) = sockets.get(at) else { return };
    let mut receiver = Receiver::new();
    let mut answers = Vec::new();
    loop {
        if receiver.receive(socket).await.is_err() {
            tally.read_error.add_one();
            tokio::time::sleep(PAUSE_AFTER_ERROR).await;
            continue;
        }
        answers.clear();
        for (from, datagram) in receiver.datagrams() {
            let answer = match (group.answer(at, from, datagram), &help) {
                (Some(Answer { help: Some(wanted), at, to, bytes }), Some(help)) => {
                    let answer = Answer { help: None, at, to, bytes };
                    helping(help, &group, at, (from, datagram), wanted, answer)
                }
                (None, Some(help)) => from_relay(help, &group, at, from, datagram),
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
                send_all(leaving, together, tally).await;
            }
        }
    }
}

/// One that cannot be sent is counted, and those after it are sent.
async fn send_all(leaving: &tokio::net::UdpSocket, mut answers: &[Answer], tally: &StunTally) {
    while let [first, others @ ..] = answers {
        match send_some(leaving, answers).await {
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
