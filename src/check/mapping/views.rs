//! What servers saw of our sockets, socket by socket, and who stands alone against the rest.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use super::{NEEDED_OPERATORS, NEEDED_TO_BLAME, Sighting, count};
use crate::check::Operator;
use crate::probe::Slot;
use crate::report::{Confidence, Why};

/// Sightings by socket, of sockets that enough independent servers have seen.
pub(super) struct Views {
    pub(super) sockets: BTreeMap<Slot, Seen>,
    everybody: BTreeSet<Operator>,
}

/// What servers saw one socket at. A server that saw it at several endpoints counts with all of them.
#[derive(Clone, Default)]
pub(super) struct Seen {
    by_server: BTreeMap<SocketAddr, BTreeSet<SocketAddr>>,
    local: BTreeSet<SocketAddr>,
}

impl Views {
    pub(super) fn of(sightings: &[Sighting]) -> Self {
        let mut sockets: BTreeMap<Slot, Seen> = BTreeMap::new();
        let mut everybody = BTreeSet::new();
        for sighting in sightings {
            everybody.insert(Operator::of(sighting.server.ip()));
            let seen = sockets.entry(sighting.slot).or_default();
            seen.by_server.entry(sighting.server).or_default().insert(sighting.mapped);
            seen.local.extend(sighting.local);
        }
        sockets.retain(|_, seen| seen.operators() >= NEEDED_OPERATORS);
        Self { sockets, everybody }
    }

    pub(super) fn operators(&self) -> usize {
        self.everybody.len()
    }

    pub(super) fn best_socket_operators(&self) -> usize {
        self.sockets.values().map(Seen::operators).max().unwrap_or_default()
    }

    pub(super) fn confidence(&self) -> Confidence {
        let fewest = self.sockets.values().map(Seen::operators).min().unwrap_or_default();
        if fewest >= 3 && self.sockets.len() >= 2 { Confidence::High } else { Confidence::Medium }
    }

    /// Every server saw, on every socket, a local endpoint of that socket.
    pub(super) fn untranslated(&self) -> bool {
        !self.sockets.is_empty()
            && self.sockets.values().all(|seen| {
                !seen.local.is_empty() && seen.endpoints().iter().all(|endpoint| seen.local.contains(endpoint))
            })
    }

    /// The servers of the one operator that stands alone against an agreeing rest on every socket of which there is such
    /// a rest, two sockets at least. Nobody, when others stand alone as well, or too few agree: then the NAT is as likely
    /// to be odd.
    pub(super) fn odd_servers(&self) -> BTreeMap<SocketAddr, SocketAddr> {
        let mut alone: BTreeMap<SocketAddr, (usize, SocketAddr)> = BTreeMap::new();
        let mut seen_on: BTreeMap<SocketAddr, usize> = BTreeMap::new();
        for seen in self.sockets.values() {
            // Where nobody else agrees, there is nothing to stand alone against.
            for server in seen.by_server.keys().filter(|_| seen.leader().is_some()) {
                *seen_on.entry(*server).or_default() += 1;
            }
            for (server, endpoint) in seen.outliers() {
                alone.entry(server).or_insert((0, endpoint)).0 += 1;
            }
        }
        let odd: BTreeMap<SocketAddr, SocketAddr> = alone
            .into_iter()
            .filter(|(server, (times, _))| *times >= 2 && seen_on.get(server) == Some(times))
            .map(|(server, (_, endpoint))| (server, endpoint))
            .collect();
        let blamed: BTreeSet<Operator> = odd.keys().map(|server| Operator::of(server.ip())).collect();
        let agreeing: BTreeSet<Operator> = self.sockets.values().flat_map(Seen::majority).collect();
        let enough = agreeing.difference(&blamed).count() >= NEEDED_TO_BLAME;
        if blamed.len() == 1 && enough { odd } else { BTreeMap::new() }
    }

    /// Our public addresses, where what makes a server odd is that it saw another address of ours at the very port the
    /// rest did, on every socket: a second uplink that leads to it alone looks like that, and so does no liar by chance.
    pub(super) fn second_uplink(&self, odd: &BTreeMap<SocketAddr, SocketAddr>) -> Option<Vec<IpAddr>> {
        let elsewhere = |server: &SocketAddr| {
            self.sockets
                .values()
                .filter_map(|seen| Some((seen.leader()?, seen.by_server.get(server)?)))
                .all(|(leader, saw)| saw.iter().all(|saw| saw.ip() != leader.ip() && saw.port() == leader.port()))
        };
        odd.keys().any(elsewhere).then(|| self.several_addresses()).flatten()
    }

    /// Why not all sockets are seen alike, where most are. One operator alone may as well be wrong.
    pub(super) fn why_not_everywhere(&self, same: usize) -> Why {
        let differing = || self.sockets.values().filter(|seen| !seen.agree());
        let (sockets, collided) = (count(same), count(differing().count()));
        let lone = |seen: &Seen| seen.everybody().difference(&seen.majority()).count() <= 1;
        if differing().all(lone) {
            Why::MappingSameButLoneView { sockets, differing: collided }
        } else {
            Why::MappingSameButPortCollision { sockets, collided }
        }
    }

    pub(super) fn without(&self, odd: &BTreeMap<SocketAddr, SocketAddr>) -> Self {
        let mut sockets = self.sockets.clone();
        for seen in sockets.values_mut() {
            seen.by_server.retain(|server, _| !odd.contains_key(server));
        }
        sockets.retain(|_, seen| seen.operators() >= NEEDED_OPERATORS);
        Self { sockets, everybody: self.everybody.clone() }
    }

    /// Whether two sockets are seen differently whichever operator's servers are left out: one liar is not to make a NAT
    /// look hard that gave a single socket another port, as where two collide.
    pub(super) fn differ_whoever_lies(&self) -> bool {
        self.everybody.iter().all(|liar| {
            let differs = |seen: &&Seen| {
                let mut others = (*seen).clone();
                others.by_server.retain(|server, _| Operator::of(server.ip()) != *liar);
                others.operators() >= NEEDED_OPERATORS && others.all_differ()
            };
            self.sockets.values().filter(differs).count() >= 2
        })
    }

    /// The sockets that everybody saw at one endpoint.
    pub(super) fn agreeing(&self) -> Self {
        let mut sockets = self.sockets.clone();
        sockets.retain(|_, seen| seen.agree());
        Self { sockets, everybody: self.everybody.clone() }
    }

    /// On every socket, no two independent servers saw the same port, whatever the address: then it is not several
    /// uplinks that each keep the port, but a mapping for each destination.
    pub(super) fn ports_differ_too(&self) -> bool {
        self.sockets.values().all(|seen| {
            let mut owner: BTreeMap<u16, Operator> = BTreeMap::new();
            seen.by_server.iter().all(|(server, endpoints)| {
                let operator = Operator::of(server.ip());
                endpoints.iter().all(|endpoint| *owner.entry(endpoint.port()).or_insert(operator) == operator)
            })
        })
    }

    /// More than one public address of ours: several uplinks or a pool.
    pub(super) fn several_addresses(&self) -> Option<Vec<IpAddr>> {
        let mut addresses = BTreeSet::new();
        for seen in self.sockets.values() {
            for endpoint in seen.endpoints() {
                addresses.insert(endpoint.ip());
            }
        }
        (addresses.len() > 1).then(|| addresses.into_iter().collect())
    }
}

impl Seen {
    pub(super) fn operators(&self) -> usize {
        self.everybody().len()
    }

    pub(super) fn everybody(&self) -> BTreeSet<Operator> {
        self.by_server.keys().map(|server| Operator::of(server.ip())).collect()
    }

    pub(super) fn endpoints(&self) -> BTreeSet<SocketAddr> {
        self.by_server.values().flatten().copied().collect()
    }

    pub(super) fn agree(&self) -> bool {
        self.endpoints().len() == 1
    }

    /// No two independent servers saw the same endpoint.
    pub(super) fn all_differ(&self) -> bool {
        let mut owner: BTreeMap<SocketAddr, Operator> = BTreeMap::new();
        for (server, endpoints) in &self.by_server {
            let operator = Operator::of(server.ip());
            for endpoint in endpoints {
                if *owner.entry(*endpoint).or_insert(operator) != operator {
                    return false;
                }
            }
        }
        self.operators() >= NEEDED_OPERATORS && self.endpoints().len() > 1
    }

    /// The endpoint most operators saw, where at least two did.
    pub(super) fn leader(&self) -> Option<SocketAddr> {
        let most = self.watchers().into_iter().max_by_key(|(_, operators)| operators.len());
        most.filter(|(_, operators)| operators.len() >= 2).map(|(endpoint, _)| endpoint)
    }

    /// Operators that saw the endpoint most of them did, where at least two did.
    pub(super) fn majority(&self) -> BTreeSet<Operator> {
        let most = self.watchers().into_values().max_by_key(BTreeSet::len).unwrap_or_default();
        if most.len() < 2 { BTreeSet::new() } else { most }
    }

    pub(super) fn watchers(&self) -> BTreeMap<SocketAddr, BTreeSet<Operator>> {
        let mut watchers: BTreeMap<SocketAddr, BTreeSet<Operator>> = BTreeMap::new();
        for (server, endpoints) in &self.by_server {
            for endpoint in endpoints {
                watchers.entry(*endpoint).or_default().insert(Operator::of(server.ip()));
            }
        }
        watchers
    }

    /// Servers whose endpoint nobody else saw, where at least two independent others share one. One that saw a socket at
    /// several endpoints stands alone with all of them.
    pub(super) fn outliers(&self) -> Vec<(SocketAddr, SocketAddr)> {
        let watchers = self.watchers();
        if watchers.values().all(|operators| operators.len() < 2) {
            return Vec::new();
        }
        self.by_server
            .iter()
            .filter_map(|(server, endpoints)| {
                let alone = endpoints.iter().all(|saw| watchers.get(saw).is_some_and(|by| by.len() == 1));
                Some((*server, *endpoints.first()?)).filter(|_| alone)
            })
            .collect()
    }
}
