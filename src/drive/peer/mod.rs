//! Runs a session with a peer: connections to relays, sockets for direct paths, the clock.
//!
//! A relay whose connection is lost is joined again by itself, with pauses that grow to five seconds. What goes wrong
//! is told to whoever runs it, and never ends the run, with one exception: when no relay could be joined at all and
//! the caller would rather know than wait.

mod link;
pub(in crate::drive) mod port_map;
mod sockets;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::clock::Clock;
use super::network::{Dialer, DriveError, NetworkOptions, RelayAt};
use crate::derp::peer::{PeerEvent, PeerSession, RelayNews, Route, Transmit};
use crate::model::{Family, Node, NodePrivate, NodePublic};
use crate::probe::{Cause, Failure, Moment, Stage};
use crate::wire::companion::Note;
use link::Heard;
use sockets::Sockets;

/// What waits between a relay's connection and the session, each way.
const WAITING_MAX: usize = 1024;

/// STUN servers resolved and asked.
const SERVERS_MAX: usize = 6;

/// What a run needs beside its session.
#[derive(Debug)]
pub struct PeerOptions {
    /// The relays to join.
    pub relays: Vec<RelayAt>,
    /// The key to join them with.
    pub key: NodePrivate,
    /// From where packets are sent.
    pub network: NetworkOptions,
    /// Whether IPv4 and IPv6 may be used.
    pub families: [bool; 2],
    /// Whether sockets for direct paths are opened.
    pub direct: bool,
    /// Whether the router is asked for a port mapping, which is offered to the peer like every other endpoint.
    pub port_mapping: bool,
    /// Nodes whose STUN servers tell where those sockets appear from outside.
    pub stun: Vec<Node>,
    /// Whether to end when no relay could be joined at the first attempt.
    pub gives_up: bool,
    /// The time one attempt to join a relay is given up to its upgrade, if less than usual.
    pub patience: Option<Duration>,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum PeerNews {
    /// A relay admitted us.
    Joined {
        /// Which, by its place among those to join.
        relay: usize,
        /// Whether it had before.
        again: bool,
    },
    /// A relay was not joined, or lost.
    Failed {
        /// Which.
        relay: usize,
        /// How.
        failure: Failure,
        /// When it is tried again.
        retry: Duration,
    },
    /// A round trip between us and a relay.
    RoundTrip {
        /// Which.
        relay: usize,
        /// How long it took.
        took: Duration,
    },
    /// There is no socket for direct paths.
    NoSocket(Failure),
    /// The router maps a port to the socket of direct paths, from this endpoint outside; or why not.
    PortMapping(Result<SocketAddr, Failure>),
    /// Something of the session's.
    Event(PeerEvent),
}

/// A new key.
pub fn fresh_key() -> Result<NodePrivate, DriveError> {
    Ok(NodePrivate::generate(random()?))
}

/// 32 random bytes.
pub fn random() -> Result<[u8; 32], DriveError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(DriveError::Randomness)?;
    Ok(bytes)
}

/// Runs a session to its end. `told` hears of everything, and ends the run with `false`. `notes` brings what is found
/// out about the NAT meanwhile.
pub async fn run<S: PeerSession>(
    session: &mut S,
    options: PeerOptions,
    mut notes: mpsc::Receiver<Note>,
    mut told: impl FnMut(Moment, PeerNews) -> bool,
) -> Result<(), DriveError> {
    let clock = Clock::start();
    let mut run = Run::new(clock, &options)?;
    let mut notes_open = true;
    if options.direct {
        match Sockets::open(run.dialer.binding(), options.network.bind_port, |family| run.dialer.allows(family))? {
            Ok(sockets) => run.sockets = Some(sockets),
            Err(failure) => {
                told(clock.now(), PeerNews::NoSocket(failure));
            }
        }
        session.handle_local(now(), run.local(false));
        if options.port_mapping
            && let Err(failure) = run.map_port()?
        {
            told(clock.now(), PeerNews::PortMapping(Err(failure)));
        }
    }
    loop {
        run.send(session).await;
        while let Some(event) = session.poll_event() {
            if !told(clock.now(), PeerNews::Event(event)) {
                return Ok(());
            }
        }
        if session.is_done() {
            return run.finish().await;
        }
        let wake = session.poll_timeout();
        tokio::select! {
            biased;
            heard = run.heard.recv() => {
                let Some((relay, heard)) = heard else { return Ok(()) };
                if !run.hear(session, relay, heard, &mut |news| told(clock.now(), news)) {
                    return Ok(());
                }
                if options.gives_up && run.is_hopeless() {
                    return Ok(());
                }
            }
            datagram = Sockets::receive(run.sockets.as_mut()) => {
                let (from, datagram) = datagram;
                session.handle_datagram(now(), from, &datagram);
            }
            Some(mapped) = run.port_mapped.recv() => {
                run.outside = mapped.as_ref().ok().copied();
                session.handle_local(now(), run.local(false));
                if !told(clock.now(), PeerNews::PortMapping(mapped)) {
                    return Ok(());
                }
            }
            servers = run.servers.join_next(), if !run.servers.is_empty() => {
                if let Some(Ok(servers)) = servers {
                    session.handle_stun_servers(now(), servers);
                }
            }
            note = notes.recv(), if notes_open => match note {
                Some(note) => session.handle_note(now(), note),
                None => notes_open = false,
            },
            () = until(wake) => session.handle_timeout(now()),
        }
    }
}

#[allow(clippy::disallowed_methods, reason = "sessions are told the time here")]
fn now() -> Instant {
    Instant::now()
}

async fn until(wake: Option<Instant>) {
    match wake {
        Some(instant) => tokio::time::sleep_until(instant.into()).await,
        None => std::future::pending().await,
    }
}

struct Run {
    dialer: Arc<Dialer>,
    links: Vec<mpsc::Sender<(NodePublic, Bytes)>>,
    heard: mpsc::Receiver<(usize, Heard)>,
    states: Vec<LinkState>,
    sockets: Option<Sockets>,
    servers: JoinSet<Vec<SocketAddr>>,
    /// What the router says of a mapping, and the endpoint it has given.
    port_mapped: mpsc::Receiver<Result<SocketAddr, Failure>>,
    tell_mapped: Option<mpsc::Sender<Result<SocketAddr, Failure>>>,
    mapping: Option<port_map::Mapping>,
    outside: Option<SocketAddr>,
    tasks: JoinSet<()>,
}

#[derive(Clone, Copy, Default)]
struct LinkState {
    joined: bool,
    failed: bool,
    loopback: bool,
}

impl Run {
    fn new(clock: Clock, options: &PeerOptions) -> Result<Self, DriveError> {
        let dialer = Arc::new(Dialer::new(clock, options.network.clone(), options.families, options.patience)?);
        let (sender, heard) = mpsc::channel(WAITING_MAX);
        let mut tasks = JoinSet::new();
        let mut links = Vec::new();
        for (index, relay) in options.relays.iter().enumerate() {
            let (packets, queued) = mpsc::channel(WAITING_MAX);
            links.push(packets);
            let link = link::Link::new(index, relay.clone(), options.key.clone(), Arc::clone(&dialer));
            tasks.spawn(link.run(queued, sender.clone()));
        }
        let mut servers = JoinSet::new();
        if options.direct && !options.stun.is_empty() {
            let (dialer, nodes) = (Arc::clone(&dialer), options.stun.clone());
            servers.spawn(async move { stun_servers(&dialer, nodes).await });
        }
        let states = vec![LinkState::default(); options.relays.len()];
        let (tell_mapped, port_mapped) = mpsc::channel(1);
        Ok(Self {
            dialer,
            links,
            heard,
            states,
            sockets: None,
            servers,
            port_mapped,
            tell_mapped: Some(tell_mapped),
            mapping: None,
            outside: None,
            tasks,
        })
    }

    /// Begins to ask the router for a mapping. `Ok(Err)`: there is nobody to ask, or nothing to map.
    fn map_port(&mut self) -> Result<Result<(), Failure>, DriveError> {
        let nobody = || Failure::new(Stage::PortMapping, Cause::Unsupported { what: "an IPv4 router".to_owned() });
        let facts = super::host::facts();
        let gateway = facts.gateways.iter().find_map(|gateway| match gateway.address {
            IpAddr::V4(v4) => Some(v4),
            IpAddr::V6(_) => None,
        });
        let port = self.sockets.as_ref().and_then(|sockets| sockets.port(Family::V4));
        let (Some(gateway), Some(local), Some(port), Some(told)) =
            (gateway, facts.route_v4, port, self.tell_mapped.take())
        else {
            return Ok(Err(nobody()));
        };
        let mut nonce = [0; 12];
        getrandom::fill(&mut nonce).map_err(DriveError::Randomness)?;
        self.mapping = Some(port_map::Mapping::keep(port_map::Wanted { gateway, local, port, nonce }, told));
        Ok(Ok(()))
    }

    /// Whether no relay was ever joined and none is being tried for the first time.
    fn is_hopeless(&self) -> bool {
        self.states.iter().all(|state| state.failed && !state.joined)
    }

    fn hear<S: PeerSession>(
        &mut self,
        session: &mut S,
        relay: usize,
        heard: Heard,
        told: &mut dyn FnMut(PeerNews) -> bool,
    ) -> bool {
        let Some(state) = self.states.get_mut(relay) else { return true };
        match heard {
            Heard::Ready { region, remote } => {
                state.loopback |= remote.ip().is_loopback();
                session.handle_relay(now(), relay, RelayNews::Ready { region });
                // Where the relay is on this host alone, so may the peer be.
                if self.sockets.is_some() && self.states.iter().any(|state| state.loopback) {
                    session.handle_local(now(), self.local(true));
                }
                true
            }
            Heard::Admitted => {
                let again = std::mem::replace(&mut state.joined, true);
                told(PeerNews::Joined { relay, again })
            }
            Heard::Failed { failure, retry } => {
                state.failed = true;
                session.handle_relay(now(), relay, RelayNews::Lost);
                told(PeerNews::Failed { relay, failure, retry })
            }
            Heard::News(news) => {
                let round_trip = if let RelayNews::RoundTrip(took) = &news { Some(*took) } else { None };
                session.handle_relay(now(), relay, news);
                round_trip.is_none_or(|took| told(PeerNews::RoundTrip { relay, took }))
            }
        }
    }

    async fn send<S: PeerSession>(&mut self, session: &mut S) {
        while let Some(Transmit { route, payload }) = session.poll_transmit() {
            match route {
                // A relay that does not keep up costs its own packets, nobody else's.
                Route::Relay { relay, peer } => {
                    if let Some(link) = self.links.get(relay) {
                        let _ = link.try_send((peer, payload));
                    }
                }
                Route::Direct { endpoint } => {
                    if let Some(sockets) = &self.sockets {
                        sockets.send(endpoint, &payload).await;
                    }
                }
            }
        }
    }

    /// The endpoints of our sockets on this host.
    fn local(&self, with_loopback: bool) -> Vec<SocketAddr> {
        let Some(sockets) = &self.sockets else { return Vec::new() };
        let facts = super::host::facts();
        let mut addresses: Vec<_> = [facts.route_v4, facts.route_v6].into_iter().flatten().collect();
        for interface in facts.interfaces.iter().filter(|interface| with_loopback || !interface.loopback) {
            for address in &interface.addresses {
                if !addresses.contains(address) {
                    addresses.push(*address);
                }
            }
        }
        let mut endpoints = sockets.endpoints(&addresses);
        endpoints.extend(self.outside);
        endpoints
    }

    /// Lets what was queued go out before the connections close.
    async fn finish(mut self) -> Result<(), DriveError> {
        const PATIENCE: Duration = Duration::from_millis(500);
        self.links.clear();
        let all = async { while self.tasks.join_next().await.is_some() {} };
        let drain = async { while self.heard.recv().await.is_some() {} };
        let _ = tokio::time::timeout(PATIENCE, async { tokio::join!(all, drain) }).await;
        Ok(())
    }
}

/// The addresses of STUN servers, of both families, those of different nodes first.
async fn stun_servers(dialer: &Dialer, nodes: Vec<Node>) -> Vec<SocketAddr> {
    let ask = |node: Node| async move {
        let mut found = Vec::new();
        let Some(port) = node.stun_port else { return found };
        for family in Family::BOTH.into_iter().filter(|family| dialer.allows(*family)) {
            let address = dialer.stun_address(&node, family).await;
            found.extend(address.map(|address| SocketAddr::new(address, port)));
        }
        found
    };
    let found = futures_util::future::join_all(nodes.into_iter().take(SERVERS_MAX).map(ask)).await;
    let mut servers: Vec<SocketAddr> = Vec::new();
    for server in found.into_iter().flatten() {
        if !servers.contains(&server) {
            servers.push(server);
        }
    }
    servers
}
