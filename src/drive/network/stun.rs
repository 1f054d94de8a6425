//! STUN probes: local sockets, and replies matched to requests by transaction id *and* socket.
//!
//! A request that a NAT turns back in arrives at another of these sockets, and is known by its id; it is told and never
//! answered.
//!
//! Sending is one system call in the caller's turn, so that a flight of probes leaves at once. Every socket has one
//! listener. Whatever is heard is bounded: a flood of strays or duplicates is neither kept nor told.

mod proxied;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use socket2::SockRef;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use proxied::Proxied;

use super::causes::cause_of;
use super::sockets::{Binding, UdpError};
use super::stun_codec::{self, Heard};
use super::{DriveError, NetworkOptions};
use crate::drive::clock::Clock;
use crate::model::{Family, Socks5Proxy, unmap};
use crate::probe::{Cause, Failure, Moment, Observation, Outcome, ProbeId, Slot, Stage, StunForm};
use crate::wire::stun::TransactionId;

/// Strays told per run. Later ones are dropped.
const STRAYS_MAX: u32 = 256;
/// Further replies told per probe. Later ones are dropped.
const DUPLICATES_MAX: u32 = 8;
/// The largest UDP payload fits, so that no datagram is cut and judged by its beginning.
const RECEIVE_BUFFER: usize = 64 * 1024;
/// Asked of the system for every shared socket, so that replies to a large flight are not lost to a busy moment.
const SOCKET_BUFFER: usize = 1024 * 1024;
/// Errors in a row after which a listener gives up on its socket. Windows reports every unreachable destination of a
/// shared socket as one.
const RECEIVE_ERRORS_MAX: u32 = 1000;

/// A request on its way.
pub(super) struct Request {
    pub(super) probe: ProbeId,
    pub(super) slot: Slot,
    pub(super) server: SocketAddr,
    pub(super) form: StunForm,
}

/// All STUN sockets of a run, and the requests sent from them.
pub(super) struct StunSockets {
    clock: Clock,
    binding: Binding,
    bind_port: Option<u16>,
    proxy: Option<Arc<Socks5Proxy>>,
    associations: HashMap<Slot, Proxied>,
    shared: HashMap<Slot, Result<Local, Cause>>,
    opened: u32,
    requests: Arc<Mutex<Requests>>,
    heard: mpsc::Sender<Observation>,
    listeners: JoinSet<()>,
}

impl StunSockets {
    /// No sockets yet. Observations will be sent to `heard`; those of shared sockets without
    /// `StunReply::local`'s address, which is for the receiver to fill in, and with its port.
    pub(super) fn new(
        clock: Clock,
        binding: Binding,
        options: &NetworkOptions,
        heard: mpsc::Sender<Observation>,
    ) -> Self {
        Self {
            clock,
            binding,
            bind_port: options.bind_port,
            proxy: options.socks5.clone().map(Arc::new),
            associations: HashMap::new(),
            shared: HashMap::new(),
            opened: 0,
            requests: Arc::default(),
            heard,
            listeners: JoinSet::new(),
        }
    }

    /// Sends a request. `Some`: it could not be sent.
    pub(super) fn launch(&mut self, request: &Request) -> Result<Option<Observation>, DriveError> {
        if let Some(proxy) = self.proxy.clone() {
            self.launch_proxied(request, &proxy)?;
            return Ok(None);
        }
        let sent = match request.slot {
            Slot::Shared { .. } => self.launch_shared(request)?,
            Slot::Connected { family } => self.launch_connected(request, family)?,
        };
        Ok(sent.err().map(|(sent_at, cause)| failed(request.probe, sent_at, self.clock.now(), cause)))
    }

    fn launch_shared(&mut self, request: &Request) -> Result<Result<(), (Moment, Cause)>, DriveError> {
        let Local { number, socket } = match self.shared_socket(request.slot)? {
            Ok(local) => local,
            Err(cause) => return Ok(Err((self.clock.now(), cause))),
        };
        let id = random_id()?;
        let datagram = match stun_codec::encode_request(id, request.form) {
            Ok(datagram) => datagram,
            Err(cause) => return Ok(Err((self.clock.now(), cause))),
        };
        let sent_at = self.register(id, request, number);
        // Past tokio, which would have to be told first that the socket is writable: a UDP socket nearly always is.
        match SockRef::from(&*socket).send_to(&datagram, &request.server.into()) {
            Ok(_) => Ok(Ok(())),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let (clock, requests, heard) = (self.clock, Arc::clone(&self.requests), self.heard.clone());
                let (probe, server) = (request.probe, request.server);
                self.listeners.spawn(async move {
                    let sending = socket.send_to(&datagram, server).await;
                    let sent_at = lock(&requests).sent(id, clock.now());
                    if let Err(error) = sending {
                        let _ = heard.send(failed(probe, sent_at, clock.now(), cause_of(&error))).await;
                    }
                });
                Ok(Ok(()))
            }
            Err(error) => Ok(Err((sent_at, cause_of(&error)))),
        }
    }

    fn launch_connected(
        &mut self,
        request: &Request,
        family: Family,
    ) -> Result<Result<(), (Moment, Cause)>, DriveError> {
        let opened = match self.open(family, None)? {
            Ok(opened) => opened,
            Err(cause) => return Ok(Err((self.clock.now(), cause))),
        };
        let raw = SockRef::from(&*opened.socket);
        if let Err(error) = raw.connect(&request.server.into()) {
            return Ok(Err((self.clock.now(), cause_of(&error))));
        }
        let id = random_id()?;
        let datagram = match stun_codec::encode_request(id, request.form) {
            Ok(datagram) => datagram,
            Err(cause) => return Ok(Err((self.clock.now(), cause))),
        };
        let sent_at = self.register(id, request, opened.number);
        if let Err(error) = raw.send(&datagram) {
            return Ok(Err((sent_at, cause_of(&error))));
        }
        let local = opened.socket.local_addr().ok();
        self.listen(opened, request.slot, local, Some((request.probe, sent_at)));
        Ok(Ok(()))
    }

    /// The shared socket of that slot, opened when first named.
    fn shared_socket(&mut self, slot: Slot) -> Result<Result<Local, Cause>, DriveError> {
        if let Some(known) = self.shared.get(&slot) {
            return Ok(known.clone());
        }
        let port = match slot {
            Slot::Shared { index: 0, .. } => self.bind_port,
            _ => None,
        };
        let opened = self.open(slot.family(), port)?;
        if let Ok(opened) = &opened {
            // A smaller buffer than asked for is the system's right.
            let _ = SockRef::from(&*opened.socket).set_recv_buffer_size(SOCKET_BUFFER);
            let port = opened.socket.local_addr().ok().map(|local| local.port());
            let local = port.map(|port| SocketAddr::new(slot.family().unspecified(), port));
            self.listen(opened.clone(), slot, local, None);
        }
        self.shared.insert(slot, opened.clone());
        Ok(opened)
    }

    fn open(&mut self, family: Family, port: Option<u16>) -> Result<Result<Local, Cause>, DriveError> {
        match self.binding.udp(family, port) {
            Ok(socket) => {
                self.opened += 1;
                Ok(Ok(Local { number: self.opened, socket: Arc::new(socket) }))
            }
            Err(UdpError::Port { port, source }) => Err(DriveError::BindPort { port, source }),
            Err(UdpError::Cause(cause)) => Ok(Err(cause)),
        }
    }

    fn register(&self, id: TransactionId, request: &Request, socket: u32) -> Moment {
        let mut requests = lock(&self.requests);
        let sent_at = self.clock.now();
        // The answer to RESPONSE-PORT is to come to another socket, and which one is what it is asked for.
        let socket = Some(socket).filter(|_| !matches!(request.form, StunForm::ResponsePort(_)));
        requests.open.insert(id, Open { probe: request.probe, socket, sent_at, replies: 0, returns: 0 });
        sent_at
    }

    /// Listens on the socket for the rest of the run. With `only`, an error of the socket is that probe's failure.
    fn listen(&mut self, opened: Local, slot: Slot, local: Option<SocketAddr>, only: Option<(ProbeId, Moment)>) {
        let Local { number, socket } = opened;
        let (clock, requests, heard) = (self.clock, Arc::clone(&self.requests), self.heard.clone());
        self.listeners.spawn(async move {
            let mut buffer = vec![0; RECEIVE_BUFFER];
            let mut errors = 0;
            while errors < RECEIVE_ERRORS_MAX {
                let received = socket.recv_from(&mut buffer).await;
                let at = clock.now();
                let told = match received {
                    Ok((length, from)) => {
                        errors = 0;
                        let datagram = buffer.get(..length).unwrap_or_default();
                        let arrival = Arrival { socket: number, slot, local, from: unmap(from), at };
                        let decoded = stun_codec::decode(datagram);
                        lock(&requests).judge(&arrival, decoded)
                    }
                    Err(error) => {
                        errors += 1;
                        match only {
                            Some((probe, sent_at)) => {
                                let _ = heard.send(failed(probe, sent_at, at, cause_of(&error))).await;
                                return;
                            }
                            // Some systems report an unreachable port here; without a destination it says nothing.
                            None => None,
                        }
                    }
                };
                if let Some(observation) = told
                    && heard.send(observation).await.is_err()
                {
                    return;
                }
            }
        });
    }
}

/// An open socket. Its number is never used again, unlike its port or its place in memory.
#[derive(Clone)]
struct Local {
    number: u32,
    socket: Arc<UdpSocket>,
}

/// Requests by transaction id.
#[derive(Default)]
struct Requests {
    open: HashMap<TransactionId, Open>,
    strays: u32,
}

struct Open {
    probe: ProbeId,
    /// The number of the socket the answer must come to; `None`: any of ours.
    socket: Option<u32>,
    sent_at: Moment,
    replies: u32,
    returns: u32,
}

/// A datagram's circumstances.
struct Arrival {
    socket: u32,
    slot: Slot,
    local: Option<SocketAddr>,
    from: SocketAddr,
    at: Moment,
}

impl Requests {
    /// Notes when a request that had to wait really left.
    fn sent(&mut self, id: TransactionId, at: Moment) -> Moment {
        match self.open.get_mut(&id) {
            Some(open) => {
                open.sent_at = at;
                at
            }
            None => at,
        }
    }

    /// What a datagram means; `None` when there have been too many like it.
    fn judge(&mut self, arrival: &Arrival, heard: Heard) -> Option<Observation> {
        let response = match heard {
            Heard::Response(response) => *response,
            Heard::Request(id) => return self.judge_request(arrival, id),
            Heard::Neither(problem) => return self.stray(arrival, problem),
        };
        let Some(open) = self.open.get_mut(&response.transaction) else {
            return self.stray(arrival, "a transaction that is not ours".into());
        };
        if open.socket.is_some_and(|socket| socket != arrival.socket) {
            return self.stray(arrival, "answers a request of another socket".into());
        }
        open.replies += 1;
        if open.replies > 1 + DUPLICATES_MAX {
            return None;
        }
        let answer = stun_codec::reply_of(response, arrival.from, arrival.local);
        let outcome = if open.replies == 1 { Outcome::Stun(answer) } else { Outcome::StunDuplicate(answer) };
        Some(Observation { probe: Some(open.probe), sent_at: open.sent_at, at: arrival.at, outcome })
    }

    /// A request is of interest only where it is our own, back from a NAT. To its own socket nobody has sent one.
    fn judge_request(&mut self, arrival: &Arrival, id: TransactionId) -> Option<Observation> {
        let Some(open) =
            self.open.get_mut(&id).filter(|open| open.socket.is_some_and(|socket| socket != arrival.socket))
        else {
            return self.stray(arrival, "a request, not a response".into());
        };
        open.returns += 1;
        if open.returns > 1 + DUPLICATES_MAX {
            return None;
        }
        let outcome = Outcome::CameBack { slot: arrival.slot, from: arrival.from };
        Some(Observation { probe: Some(open.probe), sent_at: open.sent_at, at: arrival.at, outcome })
    }

    fn stray(&mut self, arrival: &Arrival, mut problem: String) -> Option<Observation> {
        if self.strays >= STRAYS_MAX {
            return None;
        }
        self.strays += 1;
        if self.strays == STRAYS_MAX {
            problem.push_str("; more of the kind are not told");
        }
        let outcome = Outcome::Stray { slot: arrival.slot, from: arrival.from, problem };
        Some(Observation { probe: None, sent_at: arrival.at, at: arrival.at, outcome })
    }
}

fn failed(probe: ProbeId, sent_at: Moment, at: Moment, cause: Cause) -> Observation {
    let outcome = Outcome::Failed(Failure::new(Stage::Stun, cause));
    Observation { probe: Some(probe), sent_at, at, outcome }
}

pub(super) fn random_id() -> Result<TransactionId, DriveError> {
    let mut id = [0; 12];
    getrandom::fill(&mut id).map_err(DriveError::Randomness)?;
    Ok(TransactionId(id))
}

fn lock(requests: &Mutex<Requests>) -> MutexGuard<'_, Requests> {
    // A listener that panicked left nothing half done that matters here.
    requests.lock().unwrap_or_else(PoisonError::into_inner)
}
