//! NATs and firewalls as RFC 4787 describes them, one socket behind each.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// What a mapping, or a filter's memory, depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    Nothing,
    Address,
    AddressAndPort,
}

/// What stands between a socket and the internet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) name: &'static str,
    /// `None`: addresses are not translated.
    pub(super) mapping: Option<By>,
    pub(super) filtering: By,
}

impl Kind {
    pub(super) const OPEN: Self = Self { name: "open", mapping: None, filtering: By::Nothing };
    pub(super) const FIREWALL: Self = Self { name: "firewall", mapping: None, filtering: By::AddressAndPort };
    pub(super) const FULL_CONE: Self = Self { name: "full-cone", mapping: Some(By::Nothing), filtering: By::Nothing };
    pub(super) const RESTRICTED: Self =
        Self { name: "restricted-cone", mapping: Some(By::Nothing), filtering: By::Address };
    pub(super) const PORT_RESTRICTED: Self =
        Self { name: "port-restricted-cone", mapping: Some(By::Nothing), filtering: By::AddressAndPort };
    pub(super) const BY_ADDRESS: Self =
        Self { name: "address-dependent", mapping: Some(By::Address), filtering: By::AddressAndPort };
    pub(super) const SYMMETRIC: Self =
        Self { name: "symmetric", mapping: Some(By::AddressAndPort), filtering: By::AddressAndPort };
    /// Answers leave by the mapping that was hit, as where a NAT tracks sessions whoever began them.
    pub(super) const HARD_OPEN: Self =
        Self { name: "hard, open", mapping: Some(By::AddressAndPort), filtering: By::Nothing };
    pub(super) const HARD_RESTRICTED: Self =
        Self { name: "hard, restricted", mapping: Some(By::AddressAndPort), filtering: By::Address };
    pub(super) const ALL: [Self; 9] = [
        Self::OPEN,
        Self::FIREWALL,
        Self::FULL_CONE,
        Self::RESTRICTED,
        Self::PORT_RESTRICTED,
        Self::BY_ADDRESS,
        Self::SYMMETRIC,
        Self::HARD_OPEN,
        Self::HARD_RESTRICTED,
    ];

    /// Whether peers do not see the port that STUN servers see.
    pub(super) fn varies(&self) -> bool {
        self.mapping.is_some_and(|mapping| mapping != By::Nothing)
    }
}

pub(super) struct Nat {
    kind: Kind,
    /// The socket's own address; public where there is no translation.
    local: SocketAddr,
    public: Ipv4Addr,
    next_port: u16,
    mappings: Vec<(Option<SocketAddr>, SocketAddr)>,
    /// From which external endpoint to which remote one something was sent.
    sent: Vec<(SocketAddr, SocketAddr)>,
}

impl Nat {
    /// Of the side of this number.
    pub(super) fn new(kind: Kind, side: u8) -> Self {
        let public = Ipv4Addr::new(198, 51, 100, side + 1);
        let inside = if kind.mapping.is_some() { Ipv4Addr::new(192, 168, side, 2) } else { public };
        let local = SocketAddr::new(inside.into(), 40_000);
        Self { kind, local, public, next_port: 50_000, mappings: Vec::new(), sent: Vec::new() }
    }

    pub(super) const fn local(&self) -> SocketAddr {
        self.local
    }

    /// Forgets everything, and gives other ports from now on.
    pub(super) fn rebind(&mut self) {
        self.mappings.clear();
        self.sent.clear();
        self.next_port += 1000;
    }

    /// As whose a datagram leaves.
    pub(super) fn outgoing(&mut self, to: SocketAddr) -> SocketAddr {
        let external = match self.kind.mapping {
            None => self.local,
            Some(by) => self.mapped(key(by, to)),
        };
        if !self.sent.contains(&(external, to)) {
            self.sent.push((external, to));
        }
        external
    }

    fn mapped(&mut self, key: Option<SocketAddr>) -> SocketAddr {
        if let Some((_, external)) = self.mappings.iter().find(|(known, _)| *known == key) {
            return *external;
        }
        self.next_port += 1;
        let external = SocketAddr::new(self.public.into(), self.next_port);
        self.mappings.push((key, external));
        external
    }

    /// Whether a datagram to an external endpoint reaches the socket.
    pub(super) fn lets_in(&mut self, from: SocketAddr, to: SocketAddr) -> bool {
        let there = match self.kind.mapping {
            None => to == self.local,
            Some(_) => self.mappings.iter().any(|(_, external)| *external == to),
        };
        let by = self.kind.filtering;
        let passes = there
            && (by == By::Nothing || self.sent.iter().any(|(at, whom)| *at == to && key(by, *whom) == key(by, from)));
        if let Some(mapping) = self.kind.mapping.filter(|_| passes && self.kind.varies()) {
            let key = key(mapping, from);
            if self.mappings.iter().all(|(known, _)| *known != key) {
                self.mappings.push((key, to));
            }
        }
        passes
    }

    pub(super) fn is_at(&self, address: IpAddr) -> bool {
        address == IpAddr::from(self.public)
    }
}

fn key(by: By, remote: SocketAddr) -> Option<SocketAddr> {
    match by {
        By::Nothing => None,
        By::Address => Some(SocketAddr::new(remote.ip(), 0)),
        By::AddressAndPort => Some(remote),
    }
}
