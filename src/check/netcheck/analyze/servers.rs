//! The servers that told of the NAT: which of them cannot be used, and how the report lists them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use super::evidence::{Evidence, StunCopy};
use super::reach::count;
use crate::check::mapping::{self, Conclusion};
use crate::model::{Family, is_fake_dns};
use crate::report::{ServerNote, StunServer};

/// Addresses of servers that were asked the same more than once and told the same each time. One that makes endpoints up
/// would look like a mapping that depends on the port.
pub(super) fn steady<'a>(copies: impl Iterator<Item = &'a StunCopy<'a>>) -> BTreeSet<IpAddr> {
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
pub(super) fn bad(copies: &[&StunCopy<'_>]) -> BTreeMap<SocketAddr, ServerNote> {
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

/// Endpoints of the measuring socket, and how many servers saw it there.
pub(super) fn observed(
    copies: &[&StunCopy<'_>],
    bad: &BTreeMap<SocketAddr, ServerNote>,
    near: &BTreeSet<SocketAddr>,
) -> BTreeMap<SocketAddr, u32> {
    let mut watchers: BTreeMap<SocketAddr, BTreeSet<SocketAddr>> = BTreeMap::new();
    for copy in copies {
        let measuring = matches!(copy.slot, crate::probe::Slot::Shared { index: 0, .. });
        if let Some((reply, _)) = copy.reply
            && let Some(mapped) = reply.mapped
            && measuring
            && mapped.is_ipv4() == copy.server.is_ipv4()
            && !bad.contains_key(&copy.server)
            && !near.contains(&copy.server)
        {
            watchers.entry(mapped).or_default().insert(copy.server);
        }
    }
    watchers.into_iter().map(|(endpoint, servers)| (endpoint, count(servers.len()))).collect()
}

/// The servers as the report lists them.
pub(super) fn list(
    evidence: &Evidence<'_>,
    family: Family,
    copies: &[&StunCopy<'_>],
    bad: &BTreeMap<SocketAddr, ServerNote>,
    near: &BTreeSet<SocketAddr>,
    conclusion: &Conclusion,
) -> Vec<StunServer> {
    let mut names: BTreeMap<SocketAddr, &str> = BTreeMap::new();
    for node in evidence.input.map.regions.values().flat_map(|region| &region.nodes) {
        if let Some(server) = evidence.stun_server(node, family) {
            names.entry(server).or_insert(&node.name);
        }
    }
    // The second port of a server that tests filters is no server of its own.
    let second_port =
        |server: &SocketAddr| !names.contains_key(server) && names.keys().any(|named| named.ip() == server.ip());
    let asked: BTreeSet<SocketAddr> = copies.iter().map(|copy| copy.server).collect();
    asked
        .into_iter()
        .filter(|server| !second_port(server))
        .map(|endpoint| {
            // Who answered a socket of a test, from wherever it was to, is not silent, whatever got lost of the others'
            // requests.
            let tested = || evidence.tests().filter(|copy| copy.server == endpoint);
            let plain = || tested().filter(|copy| copy.form.is_answered_by_the_server_itself());
            let asked = || copies.iter().copied().filter(|copy| copy.server == endpoint);
            let replies = || asked().chain(plain()).filter_map(|copy| copy.reply);
            let silent = asked().chain(tested()).all(|copy| copy.reply.is_none());
            let replies_v4 = || replies().any(|(reply, _)| reply.mapped.is_some_and(|mapped| mapped.is_ipv4()));
            let translated = (endpoint.is_ipv6() && replies_v4()).then_some(ServerNote::ThroughNat64);
            // What a resolver made up stands for a server on the internet: others nearby see us from this side of the NAT.
            let odd = conclusion.odd.get(&endpoint).filter(|_| !is_fake_dns(endpoint.ip()));
            let odd = odd.map(|saw| ServerNote::Outlier { saw: *saw });
            let near = near.contains(&endpoint).then_some(ServerNote::NotOnInternet);
            let note = if silent {
                Some(ServerNote::Silent)
            } else {
                bad.get(&endpoint).copied().or(translated).or(near).or(odd)
            };
            StunServer {
                server: names.get(&endpoint).map_or_else(|| endpoint.to_string(), |name| (*name).to_owned()),
                endpoint,
                rfc5780: replies().any(|(reply, _)| {
                    reply
                        .other_address
                        .is_some_and(|other| other.ip() != endpoint.ip() && other.port() != endpoint.port())
                }),
                round_trip: replies().map(|(_, round_trip)| round_trip).min(),
                trusted: note.is_none(),
                note,
            }
        })
        .collect()
}
