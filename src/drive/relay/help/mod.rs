//! Two relays with one address each stand in for a STUN server with two: each has the other send its clients the packet
//! from another address that tells how their NAT filters.
//!
//! Nothing is sent for whoever only says where it is. A client is given a cookie, which comes to the address it claims,
//! and the request that shows it is as long as the packet it brings; a relay is known by a code that is made with the
//! mesh's key. Who has neither gets no answer. No clock, no socket and no randomness but those handed in.

mod code;
mod greet;
mod limits;
mod link;
#[cfg(test)]
mod tests;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use code::Coder;
pub(super) use greet::{for_socket, greet, now};
use limits::{FOR_OTHERS, SKEW, Seen, Shares};
use link::Link;

use super::options::HelpOptions;
use crate::derp::TokenBucket;
use crate::model::{Family, FilterHelp, HelpCookie, MeshKey, unmap};
use crate::wire::relay_help::{BODY, Kind, Message};
use crate::wire::stun::{self, HelpWanted, TransactionId};

/// What the mesh's key is used for here.
const LABEL: &[u8] = b"natscope relay help v1";
/// How long a cookie is of the present: it is good for one to two of these.
const COOKIE_AGE: Duration = Duration::from_secs(60);

/// Now, by both clocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Now {
    pub(super) at: Instant,
    /// Milliseconds since 1970.
    pub(super) time: u64,
}

/// The help a relay gives, and gets.
#[derive(Debug)]
pub(super) struct Help {
    relays: Coder,
    cookies: Coder,
    /// See [`Message::ticket`].
    ticket: [u8; 16],
    links: Vec<Link>,
    /// The age of cookies is told by the clock that never jumps: one that were taken for old would bring nothing, which
    /// looks like a filter.
    start: Instant,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    shares: Shares,
    for_others: TokenBucket,
    seen: Seen,
}

/// What is to be sent, and where to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parcel {
    pub(super) to: SocketAddr,
    pub(super) bytes: Vec<u8>,
}

impl Help {
    /// With so much randomness.
    pub(super) fn new(options: &HelpOptions, now: Now, secret: &[u8; 32], ticket: [u8; 16]) -> Self {
        let state = State {
            shares: Shares::new(now.at),
            for_others: TokenBucket::new(now.at, FOR_OTHERS),
            seen: Seen::new(now.at),
        };
        Self {
            relays: relay_coder(&options.key),
            cookies: Coder::new(secret),
            ticket,
            links: options.relays.iter().flat_map(Link::both).collect(),
            start: now.at,
            state: Mutex::new(state),
        }
    }

    /// With randomness of the system's.
    pub(super) fn with_fresh_secrets(options: &HelpOptions, now: Now) -> io::Result<Self> {
        let (mut secret, mut ticket) = ([0; 32], [0; 16]);
        getrandom::fill(&mut secret).map_err(io::Error::other)?;
        getrandom::fill(&mut ticket).map_err(io::Error::other)?;
        Ok(Self::new(options, now, &secret, ticket))
    }

    pub(super) fn links(&self) -> &[Link] {
        &self.links
    }

    /// Whether that this link is down is of interest: a relay that has addresses of the other family alone is asked there.
    fn is_missed(&self, link: &Link) -> bool {
        link.was_greeted() || !self.links.iter().any(|other| other.name() == link.name() && other.was_greeted())
    }

    /// Whether the relay of this link is greeted from a socket for these families.
    pub(super) fn greets_from(&self, link: usize, families: &[Family]) -> bool {
        self.links.get(link).is_some_and(|link| families.contains(&link.family()))
    }

    // Towards clients.

    /// An offer for this client, while there is a relay that helps. `own` is the address the client asked, where known.
    pub(super) fn offer(&self, client: SocketAddr, own: IpAddr, port: Option<u16>, now: Now) -> Option<FilterHelp> {
        let client = unmap(client);
        let link = self.links.iter().find(|link| link.helps(client, own, now.at))?;
        let from = link.address()?;
        Some(FilterHelp { from, port, cookie: self.cookie(client, from, self.age(now)) })
    }

    /// What comes of a client's request for a packet. `None`: nothing at all.
    pub(super) fn packet(
        &self,
        client: SocketAddr,
        cookie: HelpCookie,
        transaction: TransactionId,
        length: usize,
        now: Now,
    ) -> Option<Parcel> {
        let to = client;
        let client = unmap(client);
        if length < HelpWanted::PACKET_LEAST {
            return None;
        }
        let ages = [self.age(now), self.age(now).wrapping_sub(1)];
        let right = |from| ages.iter().any(|age| self.cookie_is_right(client, from, *age, cookie));
        let link = self.links.iter().find(|link| link.address().is_some_and(right))?;
        // Whoever has a cookie has heard us at that address, so an answer is no packet to a stranger.
        let busy = || Some(Parcel { to, bytes: stun::encode_no_help(transaction) });
        if !link.is_up(now.at) || !self.state().shares.take(now.at, client.ip()) {
            return busy();
        }
        let Some((relay, ticket, id)) = link.address().zip(link.ticket()).and_then(|(relay, ticket)| {
            let mut id = [0; 16];
            getrandom::fill(&mut id).ok()?;
            Some((relay, ticket, id))
        }) else {
            return busy();
        };
        let message = Message { kind: Kind::Send, time: now.time, id, ticket, transaction, endpoint: client };
        Some(Parcel { to: relay, bytes: self.seal(&message) })
    }

    fn age(&self, now: Now) -> u64 {
        now.at.saturating_duration_since(self.start).as_secs() / COOKIE_AGE.as_secs()
    }

    fn cookie(&self, client: SocketAddr, from: SocketAddr, age: u64) -> HelpCookie {
        HelpCookie(self.cookies.code(&cookie_of(client, from, age)))
    }

    fn cookie_is_right(&self, client: SocketAddr, from: SocketAddr, age: u64, cookie: HelpCookie) -> bool {
        self.cookies.is_right(&cookie_of(client, from, age), &cookie.0)
    }

    // Between relays.

    /// A hello over this link.
    pub(super) fn hello(&self, link: &Link, id: [u8; 16], to: SocketAddr, now: Now) -> Vec<u8> {
        link.greets(id, to);
        let endpoint = crate::wire::relay_help::NO_ENDPOINT;
        let transaction = TransactionId([0; 12]);
        self.seal(&Message { kind: Kind::Hello, time: now.time, id, ticket: [0; 16], transaction, endpoint })
    }

    /// What comes of a datagram that is no STUN. `origin` is the endpoint it came to, where known.
    pub(super) fn receive(
        &self,
        datagram: &[u8],
        from: SocketAddr,
        origin: Option<SocketAddr>,
        now: Now,
    ) -> Option<Parcel> {
        let (message, code) = Message::decode(datagram)?;
        let skew = Duration::from_millis(message.time.abs_diff(now.time));
        if !self.relays.is_right(datagram.get(..BODY)?, &code) || skew > SKEW {
            return None;
        }
        match message.kind {
            Kind::Hello => {
                self.is_new(&message, now).then_some(())?;
                let answer = Message {
                    kind: Kind::HelloOk,
                    time: now.time,
                    ticket: self.ticket,
                    endpoint: unmap(from),
                    ..message
                };
                Some(Parcel { to: from, bytes: self.seal(&answer) })
            }
            Kind::HelloOk => {
                // All relays of a mesh may have the same list, and each is in its own.
                if message.ticket != self.ticket {
                    self.links.iter().for_each(|link| link.is_answered(&message, unmap(from), now.at));
                }
                None
            }
            Kind::Send => {
                let to = message.endpoint;
                if message.ticket != self.ticket || !is_a_hosts(to) || !self.is_new(&message, now) {
                    return None;
                }
                Some(Parcel { to, bytes: stun::encode_help(message.transaction, to, origin) })
            }
        }
    }

    fn is_new(&self, message: &Message, now: Now) -> bool {
        let mut state = self.state();
        // Whoever sends old messages again has no key, and is not to use up what is there for those who have it.
        !state.seen.has(message.id) && state.for_others.take(now.at, 1) && state.seen.is_new(now.at, message.id)
    }

    fn seal(&self, message: &Message) -> Vec<u8> {
        let body = message.encode();
        let code: [u8; crate::wire::relay_help::CODE] = self.relays.code(&body);
        [&body[..], &code].concat()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn relay_coder(key: &MeshKey) -> Coder {
    Coder::derived(key.as_bytes(), LABEL)
}

/// What a cookie is the code of: whom it was given to, for which relay's packets, when.
fn cookie_of(client: SocketAddr, from: SocketAddr, age: u64) -> Vec<u8> {
    let mut what = age.to_be_bytes().to_vec();
    for endpoint in [client, from] {
        let ip = match endpoint.ip() {
            IpAddr::V4(v4) => v4.to_ipv6_mapped(),
            IpAddr::V6(v6) => v6,
        };
        what.extend(ip.octets());
        what.extend(endpoint.port().to_be_bytes());
    }
    what
}

/// Whether one host can be at this endpoint.
fn is_a_hosts(endpoint: SocketAddr) -> bool {
    let many = match endpoint.ip() {
        IpAddr::V4(v4) => v4.is_broadcast() || v4.is_multicast(),
        IpAddr::V6(v6) => v6.is_multicast(),
    };
    !many && !endpoint.ip().is_unspecified() && endpoint.port() != 0
}
