//! One box at work: mappings, filter state, ports. No socket, no clock, no packet: endpoints and moments in,
//! endpoints out.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use natscope::model::{Filtering, Mapping};
use natscope::probe::Moment;

use crate::random::{Random, mix};
use crate::world::{Middlebox, Pool, Ports};

/// A box and its state.
pub(crate) struct Nat<'w> {
    rules: &'w Middlebox,
    random: Random,
    customer: u64,
    last_port: u16,
    block: u16,
    entries: Vec<Entry>,
    /// Ports other hosts hold, with the destinations they hold them towards (none: all).
    held: Vec<(u16, Vec<IpAddr>)>,
    /// State made by unsolicited packets: our outer endpoint, and who sent to it.
    unsolicited: BTreeSet<(SocketAddr, SocketAddr)>,
}

struct Entry {
    inner: SocketAddr,
    /// What of the destination the mapping is for.
    scope: Option<Scope>,
    external: SocketAddr,
    peers: BTreeSet<SocketAddr>,
    made: Moment,
    used: Moment,
    answered: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    Address(IpAddr),
    Endpoint(SocketAddr),
}

impl<'w> Nat<'w> {
    /// A box that has seen nothing yet. `held`: the local ports of our sockets its neighbours hold.
    pub(crate) fn new(rules: &'w Middlebox, mut random: Random, held: Vec<(u16, Vec<IpAddr>)>) -> Self {
        let size = match rules.ports {
            Ports::Block(size) => size.max(1),
            _ => 1,
        };
        let last_port = random.port(1024, 60_000);
        let block = 1024 + (random.port(0, 60_000) / size) * size;
        let customer = random.next();
        Self {
            rules,
            random,
            customer,
            last_port,
            block: block.min(u16::MAX - size),
            entries: Vec::new(),
            held,
            unsolicited: BTreeSet::new(),
        }
    }

    /// Whether an address is one of this box's own on the outer side.
    pub(crate) fn owns(&self, address: IpAddr) -> bool {
        self.rules.publics.contains(&address)
    }

    /// Whether it turns packets to its own outer side back in.
    pub(crate) const fn hairpins(&self) -> bool {
        self.rules.hairpin
    }

    /// Whether it leaves their source as it was.
    pub(crate) const fn keeps_source(&self) -> bool {
        self.rules.keeps_source
    }

    /// A packet on its way out: its source on the outer side.
    pub(crate) fn outbound(&mut self, source: SocketAddr, destination: SocketAddr, now: Moment) -> SocketAddr {
        let uplink = self.uplink(source, destination);
        let scope = self.scope(destination);
        let place = match self.position(
            |entry| {
                entry.inner == source
                    && entry.scope == scope
                    && uplink.is_none_or(|uplink| entry.external.ip() == uplink)
            },
            now,
        ) {
            Some(place) => place,
            None => self.make(source, destination, uplink, scope, now),
        };
        let entry = &mut self.entries[place];
        entry.used = now;
        entry.peers.insert(destination);
        entry.external
    }

    /// A packet to the outer side: where on the inner side it goes, if anywhere.
    pub(crate) fn inbound(&mut self, source: SocketAddr, destination: SocketAddr, now: Moment) -> Option<SocketAddr> {
        let filtering = self.rules.filtering;
        let place = self.position(|entry| entry.external == destination && entry.admits(source, filtering), now);
        let Some(place) = place else {
            if self.rules.input_accept && self.owns(destination.ip()) {
                self.unsolicited.insert((destination, source));
            }
            return None;
        };
        let entry = &mut self.entries[place];
        entry.used = now;
        entry.answered = true;
        Some(entry.inner)
    }

    fn position(&self, wanted: impl Fn(&Entry) -> bool, now: Moment) -> Option<usize> {
        self.entries.iter().position(|entry| wanted(entry) && self.lives(entry, now))
    }

    fn lives(&self, entry: &Entry, now: Moment) -> bool {
        let stream = entry.answered && entry.used.since(entry.made) > Duration::from_secs(2);
        let seconds = if stream { self.rules.stream_s } else { self.rules.lifetime_s };
        now.since(entry.used) <= Duration::from_secs(u64::from(seconds))
    }

    fn scope(&self, destination: SocketAddr) -> Option<Scope> {
        match self.rules.mapping {
            // Linux keeps a flow each; that they share a port is a matter of how ports are picked.
            Mapping::EndpointIndependent if self.rules.overload => Some(Scope::Endpoint(destination)),
            Mapping::Direct | Mapping::EndpointIndependent => None,
            Mapping::AddressDependent => Some(Scope::Address(destination.ip())),
            Mapping::AddressAndPortDependent => Some(Scope::Endpoint(destination)),
        }
    }

    /// The uplink a flow takes, where that is not for the mapping to choose.
    fn uplink(&self, source: SocketAddr, destination: SocketAddr) -> Option<IpAddr> {
        let publics = &self.rules.publics;
        let choice = match self.rules.pool {
            Pool::Paired | Pool::Arbitrary => return None,
            Pool::ByDestination => hash_address(destination.ip()),
            Pool::ByFlow => {
                hash_address(destination.ip()) ^ mix(u64::from(source.port()) << 16 | u64::from(destination.port()))
            }
        };
        publics.get((mix(choice ^ self.customer) % publics.len().max(1) as u64) as usize).copied()
    }

    fn make(
        &mut self,
        source: SocketAddr,
        destination: SocketAddr,
        uplink: Option<IpAddr>,
        scope: Option<Scope>,
        now: Moment,
    ) -> usize {
        self.entries.retain({
            let (lifetime, stream) = (self.rules.lifetime_s, self.rules.stream_s);
            move |entry| now.since(entry.used) <= Duration::from_secs(u64::from(lifetime.max(stream)))
        });
        let external = self.choose(source, destination, uplink, now);
        self.entries.push(Entry {
            inner: source,
            scope,
            external,
            peers: BTreeSet::new(),
            made: now,
            used: now,
            answered: false,
        });
        self.entries.len() - 1
    }

    fn choose(
        &mut self,
        source: SocketAddr,
        destination: SocketAddr,
        uplink: Option<IpAddr>,
        now: Moment,
    ) -> SocketAddr {
        if let Some(prefix) = self.rules.prefix {
            return SocketAddr::new(with_prefix(prefix, source.ip()), source.port());
        }
        if self.rules.publics.is_empty() {
            return source;
        }
        let publics = &self.rules.publics;
        let address = uplink.unwrap_or_else(|| match self.rules.pool {
            Pool::Arbitrary => self.random.pick(publics),
            _ => publics[(self.customer % publics.len() as u64) as usize],
        });
        if self.rules.overload && self.rules.mapping == Mapping::EndpointIndependent {
            // Conntrack first tries what the same source has elsewhere.
            let same_source = self.entries.iter().filter(|entry| entry.inner == source && self.lives(entry, now));
            let elsewhere = same_source
                .map(|entry| entry.external)
                .find(|external| external.ip() == address && self.is_free(*external, source, destination, now));
            if let Some(external) = elsewhere {
                return external;
            }
        }
        self.choose_port(address, source, destination, now)
    }

    fn choose_port(&mut self, address: IpAddr, source: SocketAddr, destination: SocketAddr, now: Moment) -> SocketAddr {
        for attempt in 0..2000 {
            let port = match self.rules.ports {
                Ports::Preserve if attempt == 0 => source.port(),
                Ports::Preserve | Ports::Random => self.random.port(1024, u16::MAX),
                Ports::Sequential(step) => {
                    self.last_port = self.last_port.checked_add(step.max(1)).unwrap_or(1024);
                    self.last_port
                }
                Ports::Block(size) => self.block + self.random.port(0, size.max(1) - 1),
            };
            let external = SocketAddr::new(address, port);
            if self.is_free(external, source, destination, now) {
                return external;
            }
        }
        SocketAddr::new(address, source.port())
    }

    fn is_free(&self, external: SocketAddr, source: SocketAddr, destination: SocketAddr, now: Moment) -> bool {
        let overload = self.rules.overload;
        let held = self.held.iter().any(|(port, towards)| {
            *port == external.port() && (!overload || towards.is_empty() || towards.contains(&destination.ip()))
        });
        let taken = self.entries.iter().any(|entry| {
            let same_flow = entry.external == external && entry.peers.contains(&destination);
            let in_use = if overload { same_flow && entry.inner != source } else { entry.external == external };
            in_use && self.lives(entry, now)
        });
        !held && !taken && !self.unsolicited.contains(&(external, destination))
    }
}

impl Entry {
    fn admits(&self, source: SocketAddr, filtering: Filtering) -> bool {
        match filtering {
            Filtering::EndpointIndependent => true,
            Filtering::AddressDependent => self.peers.iter().any(|peer| peer.ip() == source.ip()),
            Filtering::AddressAndPortDependent => self.peers.contains(&source),
        }
    }
}

fn with_prefix(prefix: std::net::Ipv6Addr, address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => {
            let high = prefix.to_bits() & !u128::from(u64::MAX);
            IpAddr::V6((high | v6.to_bits() & u128::from(u64::MAX)).into())
        }
    }
}

fn hash_address(address: IpAddr) -> u64 {
    match address {
        IpAddr::V4(v4) => mix(u64::from(v4.to_bits())),
        IpAddr::V6(v6) => mix((v6.to_bits() >> 64) as u64) ^ mix(v6.to_bits() as u64),
    }
}
