//! Our endpoints: those on this host, and those STUN servers see our sockets at.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{Route, Transmit};
use crate::wire::stun::{RequestForm, TransactionId, decode_response, encode_request};

/// Servers asked: as many independent ones as show whether the NAT gives each destination another port, and a spare.
const SERVERS_MAX: usize = 6;

/// Endpoints told to a peer at most. Their number is what a peer's own limit is made for, too.
pub(super) const ENDPOINTS_MAX: usize = 16;

/// When a server that has not answered is asked again, after the first time.
const AGAIN: [Duration; 3] = [Duration::from_millis(200), Duration::from_millis(600), Duration::from_millis(1400)];

/// When all are asked anew: a NAT may forget a mapping within 30 s.
const REFRESH: Duration = Duration::from_secs(20);

#[derive(Default)]
pub(super) struct Mapped {
    local: Vec<SocketAddr>,
    servers: Vec<Server>,
}

struct Server {
    endpoint: SocketAddr,
    asked: [Option<[u8; 12]>; 4],
    begun: Instant,
    sent: usize,
    due: Instant,
    answered: bool,
    seen: Option<SocketAddr>,
}

impl Mapped {
    pub(super) fn set_local(&mut self, endpoints: Vec<SocketAddr>) {
        self.local = endpoints;
        self.local.truncate(ENDPOINTS_MAX);
    }

    pub(super) fn set_servers(&mut self, now: Instant, servers: Vec<SocketAddr>) {
        let fresh = |endpoint| Server {
            endpoint,
            asked: [None; 4],
            begun: now,
            sent: 0,
            due: now,
            answered: false,
            seen: None,
        };
        let mut servers: Vec<_> = servers;
        servers.truncate(SERVERS_MAX);
        self.servers = servers.into_iter().map(fresh).collect();
    }

    /// All of them, each once, local ones first.
    pub(super) fn endpoints(&self) -> Vec<SocketAddr> {
        let mut all = self.local.clone();
        // What most servers see first: a peer may take only so many.
        let mut seen: BTreeMap<SocketAddr, usize> = BTreeMap::new();
        for endpoint in self.servers.iter().filter_map(|server| server.seen) {
            *seen.entry(endpoint).or_default() += 1;
        }
        let mut seen: Vec<_> = seen.into_iter().collect();
        seen.sort_by_key(|(_, times)| std::cmp::Reverse(*times));
        for (endpoint, _) in seen {
            if !all.contains(&endpoint) {
                all.push(endpoint);
            }
        }
        all.truncate(ENDPOINTS_MAX);
        all
    }

    /// Whether this host's own loopback is among them: only then is it anything to peers.
    pub(super) fn has_loopback(&self) -> bool {
        self.local.iter().any(|endpoint| endpoint.ip().is_loopback())
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.servers.iter().map(|server| server.due).min()
    }

    /// Asks whoever is due.
    pub(super) fn ask(&mut self, now: Instant, mut transaction: impl FnMut() -> [u8; 12], out: &mut Vec<Transmit>) {
        for server in self.servers.iter_mut().filter(|server| server.due <= now) {
            if server.answered || server.sent > AGAIN.len() {
                (server.begun, server.sent, server.answered) = (now, 0, false);
            }
            let id = transaction();
            if let Some(place) = server.asked.get_mut(server.sent) {
                *place = Some(id);
            }
            let again = AGAIN.get(server.sent).copied().unwrap_or(REFRESH);
            server.sent += 1;
            server.due = server.begun.max(now.checked_sub(again).unwrap_or(now)) + again;
            if let Ok(request) = encode_request(TransactionId(id), RequestForm::Tailnode, None) {
                let route = Route::Direct { endpoint: server.endpoint };
                out.push(Transmit { route, payload: Bytes::from(request) });
            }
        }
    }

    /// Takes a datagram that may be an answer. `Some` if it was one; whether our endpoints are others now.
    pub(super) fn hear(&mut self, from: SocketAddr, datagram: &[u8]) -> Option<bool> {
        let server = self.servers.iter_mut().find(|server| server.endpoint == from)?;
        let response = decode_response(datagram).ok()?;
        if !server.asked.contains(&Some(response.transaction.0)) {
            return None;
        }
        let seen = response.endpoint()?;
        server.answered = true;
        server.due = server.begun + REFRESH;
        Some(server.seen.replace(seen) != Some(seen))
    }
}
