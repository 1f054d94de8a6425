//! Which servers' word is worth something, by what they told themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use super::evidence::StunCopy;
use crate::check::mapping;
use crate::report::ServerNote;

/// Addresses of servers that were asked the same more than once and told the same each time. One that makes endpoints up
/// would look like a mapping that depends on the port.
pub(super) fn steady_servers<'a>(copies: impl Iterator<Item = &'a StunCopy<'a>>) -> BTreeSet<IpAddr> {
    let mut told: BTreeMap<(crate::probe::Slot, SocketAddr), (usize, BTreeSet<SocketAddr>)> = BTreeMap::new();
    for copy in copies.filter(|copy| copy.shared()) {
        if let Some(mapped) = copy.reply.and_then(|(reply, _)| reply.mapped) {
            let (times, endpoints) = told.entry((copy.slot, copy.server)).or_default();
            *times += 1;
            endpoints.insert(mapped);
        }
    }
    let of = |wanted: fn(&(usize, BTreeSet<SocketAddr>)) -> bool| {
        let some = told.iter().filter(move |(_, told)| wanted(told));
        some.map(|((_, server), _)| server.ip()).collect::<BTreeSet<_>>()
    };
    let moody = of(|(_, endpoints)| endpoints.len() > 1);
    of(|(times, _)| *times > 1).into_iter().filter(|address| !moody.contains(address)).collect()
}

/// Servers whose views cannot be used, and why.
pub(super) fn bad_servers(copies: &[&StunCopy<'_>]) -> BTreeMap<SocketAddr, ServerNote> {
    let mut bad = BTreeMap::new();
    for copy in copies {
        let Some((reply, _)) = copy.reply else { continue };
        let note = match reply.mapped {
            _ if reply.from != copy.server => Some(ServerNote::WrongSource { from: reply.from }),
            None => Some(ServerNote::NoMappedAddress),
            // Not its fault.
            Some(mapped) if mapped.is_ipv4() && copy.server.is_ipv6() => None,
            // A server in the same private network has a public address of its own and sees us as we are.
            Some(mapped)
                if mapping::is_server_side_nat(copy.server.ip(), mapped.ip()) && reply.local != Some(mapped) =>
            {
                Some(ServerNote::ServerSideNat { saw: mapped.ip() })
            }
            Some(_) => None,
        };
        if let Some(note) = note {
            bad.insert(copy.server, note);
        }
    }
    bad
}
