//! What the servers' views say of the mapping. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use super::run::Heard;
use super::{Analysis, Input};
use crate::check::mapping::{self, Conclusion, Sighting, is_server_side_nat};
use crate::model::{Difficulty, Family, Level, Mapping, NatType, Transport};
use crate::probe::{Failure, Slot, StunReply};
use crate::report::{Confidence, ModeWhy, Nat, ServerNote, StunServer, Verdict, Why};

pub(super) fn analyze(input: &Input, heard: &[Heard]) -> Analysis {
    let asked = |family| heard.iter().any(|heard| heard.family() == Some(family));
    let nat = |family| asked(family).then(|| nat_over(input, heard, family));
    let failure_of = |server: usize| {
        let of_server = || heard.iter().filter(move |heard| heard.server == server && !heard.second);
        if of_server().any(|heard| heard.answer.is_ok()) {
            return None;
        }
        // What happened to a connection says more than that there is no address of the other family.
        let failures = || of_server().filter_map(|heard| Some((heard.asked, heard.answer.as_ref().err()?)));
        let connected = failures().find(|(asked, _)| asked.is_some());
        connected.or(failures().next()).map(|(_, failure)| failure.clone())
    };
    let servers = input.servers.iter().enumerate();
    let failed: Vec<(String, Failure)> =
        servers.filter_map(|(index, server)| Some((server.name.clone(), failure_of(index)?))).collect();
    let answered = heard.iter().any(|heard| heard.answer.is_ok());
    Analysis { nat_v4: nat(Family::V4), nat_v6: nat(Family::V6), failed, answered }
}

/// Whether some local port was seen at different endpoints.
pub(super) fn seen_differently(heard: &[Heard]) -> bool {
    let mut seen: BTreeMap<Slot, BTreeSet<SocketAddr>> = BTreeMap::new();
    for sighting in heard.iter().filter_map(Heard::sighting) {
        seen.entry(sighting.slot).or_default().insert(sighting.mapped);
    }
    seen.values().any(|endpoints| endpoints.len() > 1)
}

impl Heard {
    fn family(&self) -> Option<Family> {
        self.asked.map(|(_, endpoint)| Family::of(endpoint.ip()))
    }

    fn reply(&self) -> Option<&StunReply> {
        self.answer.as_ref().ok().map(|(reply, _)| reply)
    }

    fn sighting(&self) -> Option<Sighting> {
        let ((slot, server), reply) = (self.asked?, self.reply()?);
        let mapped = reply.mapped.filter(|_| self.note().is_none())?;
        Some(Sighting { probe: self.probe, slot, server, local: reply.local, mapped })
    }

    /// Why the answer cannot be used.
    fn note(&self) -> Option<ServerNote> {
        let ((_, server), Some(reply)) = (self.asked?, self.reply()) else { return Some(ServerNote::Silent) };
        match reply.mapped.filter(|_| reply.error_code.is_none()) {
            None => Some(ServerNote::NoMappedAddress),
            Some(mapped) if is_server_side_nat(server.ip(), mapped.ip()) && reply.local != Some(mapped) => {
                Some(ServerNote::ServerSideNat { saw: mapped.ip() })
            }
            Some(_) => None,
        }
    }
}

fn nat_over(input: &Input, heard: &[Heard], family: Family) -> Nat {
    let of_family = || heard.iter().filter(move |heard| heard.family() == Some(family));
    let all: Vec<Sighting> = of_family().filter_map(Heard::sighting).collect();
    let sightings = mapping::across_internet(&all);
    let conclusion = mapping::conclude(&sightings);
    let trusted: Vec<&Sighting> =
        sightings.iter().filter(|sighting| !conclusion.odd.contains_key(&sighting.server)).collect();
    let varies = &conclusion.varies;
    let on_internet = trusted.iter().any(|sighting| sighting.crosses_internet());
    let difficulty = match varies.value() {
        Some(_) if !on_internet => {
            Verdict::unknown(Why::ServersNotOnInternet).with_evidence(varies.evidence().to_vec())
        }
        Some(true) => varies.clone().map(|_| Difficulty::Hard),
        Some(false) if conclusion.direct => varies.clone().map(|_| Difficulty::None),
        _ => varies.clone().map(|_| Difficulty::Easy),
    };
    let symmetric = difficulty.value() == Some(&Difficulty::Hard);
    Nat {
        transport: if input.tls { Transport::Tls } else { Transport::Tcp },
        proxy: None,
        effective: match difficulty.value() {
            Some(_) => difficulty.clone().because(Why::NoPortMappingVerified),
            None => difficulty.clone(),
        },
        nat_type: if symmetric {
            difficulty.clone().map(|_| NatType::Symmetric)
        } else {
            Verdict::unknown(Why::Mode(ModeWhy::StreamsAreNotFiltered))
        },
        level: symmetric.then_some(Level::Nat4),
        mapping: mapping_of(&conclusion, mapping::on_port_too(trusted.iter().copied())),
        mapping_varies: varies.clone(),
        filtering: Verdict::unknown(Why::Mode(ModeWhy::StreamsAreNotFiltered)),
        hairpinning: Verdict::unknown(Why::Mode(ModeWhy::OnlyOverUdp)),
        port_preservation: port_preservation(&conclusion, &trusted),
        port_allocation: Verdict::unknown(Why::Mode(ModeWhy::OnlyOverUdp)),
        pooling: Verdict::unknown(Why::Mode(ModeWhy::OnlyOverUdp)),
        mapping_lifetime: Verdict::unknown(Why::Mode(ModeWhy::OnlyOverUdp)),
        lifetime: None,
        classic: None,
        carrier_grade: Verdict::unknown(Why::Mode(ModeWhy::OnlyOverUdp)),
        mapped: trusted.iter().map(|sighting| sighting.mapped).collect::<BTreeSet<_>>().into_iter().collect(),
        local: trusted.iter().filter_map(|sighting| sighting.local).collect::<BTreeSet<_>>().into_iter().collect(),
        servers: servers(input, of_family(), &sightings, &conclusion),
        difficulty,
    }
}

fn mapping_of(conclusion: &Conclusion, on_port_too: Option<bool>) -> Verdict<Mapping> {
    let varies = &conclusion.varies;
    match (varies.value(), on_port_too) {
        (Some(true), Some(true)) => varies.clone().map(|_| Mapping::AddressAndPortDependent),
        (Some(true), Some(false)) => varies.clone().map(|_| Mapping::AddressDependent),
        (Some(true), None) => Verdict::unknown(Why::DependencyNotMeasured).with_evidence(varies.evidence().to_vec()),
        _ if conclusion.direct => varies.clone().map(|_| Mapping::Direct),
        _ => varies.clone().map(|_| Mapping::EndpointIndependent),
    }
}

/// Whether the external port is the local one, on every local port that was seen.
fn port_preservation(conclusion: &Conclusion, trusted: &[&Sighting]) -> Verdict<bool> {
    if conclusion.varies.value() != Some(&false) {
        return match conclusion.varies.why() {
            Some(why) if conclusion.varies.value().is_none() => Verdict::unknown(why.clone()),
            _ => Verdict::unknown(Why::FromMapping),
        };
    }
    let mut kept: BTreeMap<Slot, BTreeSet<bool>> = BTreeMap::new();
    for sighting in trusted {
        if let Some(local) = sighting.local {
            kept.entry(sighting.slot).or_default().insert(local.port() == sighting.mapped.port());
        }
    }
    let all = |wanted: bool| kept.values().filter(|kept| **kept == BTreeSet::from([wanted])).count();
    let number = |many: usize| u32::try_from(many).unwrap_or(u32::MAX);
    let why = Why::PortsKept { kept: number(all(true)), sockets: number(kept.len()) };
    let evidence = conclusion.varies.evidence().to_vec();
    match kept.len() {
        2.. if all(true) == kept.len() => Verdict::known(true, Confidence::High, evidence).because(why),
        2.. if all(false) == kept.len() => Verdict::known(false, Confidence::High, evidence).because(why),
        _ => Verdict::unknown(why).with_evidence(evidence),
    }
}

fn servers<'a>(
    input: &Input,
    heard: impl Iterator<Item = &'a Heard>,
    sightings: &[Sighting],
    conclusion: &Conclusion,
) -> Vec<StunServer> {
    let mut by_server: BTreeMap<(usize, SocketAddr), Vec<&Heard>> = BTreeMap::new();
    for heard in heard.filter(|heard| !heard.second) {
        if let Some((_, endpoint)) = heard.asked {
            by_server.entry((heard.server, endpoint)).or_default().push(heard);
        }
    }
    let told = by_server.into_iter().map(|((server, endpoint), heard)| {
        let notes = || heard.iter().filter_map(|heard| heard.note());
        let usable = heard.iter().any(|heard| heard.note().is_none());
        let odd = conclusion.odd.get(&endpoint).map(|saw| ServerNote::Outlier { saw: *saw });
        let near = sightings.iter().all(|sighting| sighting.server != endpoint).then_some(ServerNote::NotOnInternet);
        // An answer without an address says more than a connection that failed.
        let telling = notes().find(|note| *note != ServerNote::Silent).or(notes().next());
        let note = if usable { odd.or(near) } else { telling };
        let round_trips = heard.iter().filter_map(|heard| heard.answer.as_ref().ok().map(|(_, taken)| *taken));
        let differs = |other: SocketAddr| other.ip() != endpoint.ip() && other.port() != endpoint.port();
        StunServer {
            server: input.servers.get(server).map_or_else(|| endpoint.to_string(), |server| server.name.clone()),
            endpoint,
            rfc5780: heard.iter().filter_map(|heard| heard.reply()?.other_address).any(differs),
            round_trip: round_trips.min().filter(|taken| *taken > Duration::ZERO),
            trusted: note.is_none(),
            note,
        }
    });
    told.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::stream::Server;
    use crate::probe::{Cause, ProbeId, Stage};

    const LOCAL: &str = "192.168.1.20";

    /// Three servers of different operators asked from three ports; `mapped` says what each sees.
    fn analyzed(mapped: impl Fn(usize, u8) -> Option<&'static str>) -> Analysis {
        let hosts = ["198.51.100.1", "203.0.113.1", "192.0.2.1"];
        let server = |host: &&str| Server { name: format!("{host}:3478"), host: (*host).to_owned(), port: 3478 };
        let servers: Vec<Server> = hosts.iter().map(server).collect();
        let mut heard = Vec::new();
        for (server, host) in hosts.iter().enumerate() {
            for index in 0..3 {
                let endpoint: SocketAddr = format!("{host}:3478").parse().unwrap();
                let answer = match mapped(server, index) {
                    None => Err(Failure::new(Stage::Connect, Cause::Refused)),
                    Some(mapped) => Ok((reply(endpoint, index, mapped), Duration::from_millis(5))),
                };
                let slot = Slot::Shared { family: Family::V4, index };
                let probe = ProbeId(u32::try_from(heard.len()).unwrap());
                heard.push(Heard { probe, server, asked: Some((slot, endpoint)), second: false, answer });
            }
        }
        let input = Input { servers, tls: false, ipv4: true, ipv6: true, budget: Duration::from_secs(5) };
        analyze(&input, &heard)
    }

    fn reply(from: SocketAddr, index: u8, mapped: &str) -> StunReply {
        StunReply {
            local: Some(format!("{LOCAL}:{}", 20_000 + u16::from(index)).parse().unwrap()),
            mapped: Some(mapped.parse().unwrap()),
            ..StunReply::bare(from)
        }
    }

    const SAME: [&str; 3] = ["81.2.69.142:20000", "81.2.69.142:20001", "81.2.69.142:20002"];

    #[test]
    fn one_endpoint_for_all_servers_is_easy_and_unfiltered_types_have_no_name() {
        let analysis = analyzed(|_, index| Some(SAME[usize::from(index)]));
        let nat = analysis.nat_v4.unwrap();
        assert_eq!(nat.difficulty.value(), Some(&Difficulty::Easy));
        assert_eq!(nat.mapping.value(), Some(&Mapping::EndpointIndependent));
        assert_eq!((nat.nat_type.value(), nat.filtering.value()), (None, None));
        assert_eq!(nat.port_preservation.value(), Some(&true));
        assert!(analysis.failed.is_empty() && analysis.answered && analysis.nat_v6.is_none());
    }

    #[test]
    fn another_endpoint_for_each_server_is_hard() {
        let seen = |server: usize, index: u8| {
            let ports = [
                ["81.2.69.142:1", "81.2.69.142:2", "81.2.69.142:3"],
                ["81.2.69.142:4", "81.2.69.142:5", "81.2.69.142:6"],
                ["81.2.69.142:7", "81.2.69.142:8", "81.2.69.142:9"],
            ];
            Some(ports[server][usize::from(index)])
        };
        let nat = analyzed(seen).nat_v4.unwrap();
        assert_eq!(nat.difficulty.value(), Some(&Difficulty::Hard));
        assert_eq!((nat.nat_type.value(), nat.level), (Some(&NatType::Symmetric), Some(Level::Nat4)));
        // On what it depends, servers with one port each cannot tell.
        assert_eq!((nat.mapping.value(), nat.mapping_varies.value()), (None, Some(&true)));
    }

    #[test]
    fn one_server_is_not_enough_and_failures_are_told() {
        let analysis = analyzed(|server, index| Some(SAME[usize::from(index)]).filter(|_| server == 0));
        let nat = analysis.nat_v4.unwrap();
        assert!(nat.difficulty.value().is_none() && nat.difficulty.why().is_some());
        assert_eq!(analysis.failed.len(), 2);
        assert!(analysis.failed.iter().all(|(_, failure)| failure.cause == Cause::Refused));
        let nothing = analyzed(|_, _| None);
        assert!(!nothing.answered && nothing.failed.len() == 3);
    }

    #[test]
    fn a_server_behind_a_nat_of_its_own_is_left_out() {
        let seen = |server, index| Some(if server == 2 { "172.17.0.1:5" } else { SAME[usize::from(index)] });
        let nat = analyzed(seen).nat_v4.unwrap();
        assert_eq!(nat.difficulty.value(), Some(&Difficulty::Easy));
        let left_out: Vec<_> = nat.servers.iter().filter(|server| !server.trusted).collect();
        assert!(matches!(left_out[..], [StunServer { note: Some(ServerNote::ServerSideNat { .. }), .. }]));
    }
}
