//! STUN servers as a DERP map, so that whoever asks a map's servers can ask any.
//!
//! Pure bookkeeping: nothing is asked or concluded here. The numbers and codes of the regions made here mean nothing
//! beyond one run.

use std::collections::BTreeSet;

use crate::model::{DerpMap, Node, Region, RegionId, StunServerName};
use crate::report::{Finding, FindingDetail};

/// A map with a region for each server, in their order from 1 on, and behind them the regions of `map`, numbered anew
/// in its order. The servers come first since those asked first are asked most. A server that is named twice, or is
/// the STUN server of a node as well, is kept once.
#[must_use]
pub fn map_of_servers(servers: &[StunServerName], map: &DerpMap) -> DerpMap {
    let mut regions: Vec<Region> = Vec::new();
    for server in servers {
        let name = server.to_string();
        if regions.iter().any(|region| region.code == name) {
            continue;
        }
        let mut region = Region::new(RegionId(0), name.clone(), name.clone());
        let mut node = Node::new(name, RegionId(0), server.host());
        node.stun_port = Some(server.port());
        node.stun_only = true;
        region.nodes.push(node);
        regions.push(region);
    }
    for mut region in map.regions.values().cloned() {
        for node in &mut region.nodes {
            if servers.iter().any(|server| is_server_of(node, server)) {
                node.stun_port = None;
            }
        }
        regions.push(region);
    }
    let numbered = (1..).map(RegionId).zip(regions).map(|(id, mut region)| {
        region.id = id;
        region.nodes.iter_mut().for_each(|node| node.region_id = id);
        (id, region)
    });
    DerpMap { regions: numbered.collect(), ..DerpMap::default() }
}

/// Findings about regions as findings about servers, which is what a region is where only its STUN matters. Whether a
/// relay works is then nobody's question; nor did a server keep silent whose answers were left out. `map` is the one
/// that was asked.
#[must_use]
pub fn about_servers(findings: Vec<Finding>, map: &DerpMap) -> Vec<Finding> {
    let odd: BTreeSet<String> = findings
        .iter()
        .filter_map(|finding| match &finding.detail {
            FindingDetail::OddServer { server, .. } => Some(server.clone()),
            _ => None,
        })
        .collect();
    let answered = |region: RegionId| {
        let nodes = || map.regions.get(&region).into_iter().flat_map(|region| &region.nodes);
        nodes().count() > 0 && nodes().all(|node| odd.contains(&node.name))
    };
    let named = findings.iter().any(|finding| matches!(finding.detail, FindingDetail::RegionUnreachable { .. }));
    findings
        .into_iter()
        .filter_map(|finding| match finding.detail {
            FindingDetail::RelayDown { .. } => None,
            FindingDetail::RegionUnreachable { region, .. } | FindingDetail::StunDown { region, .. }
                if answered(region) =>
            {
                None
            }
            FindingDetail::RegionUnreachable { region: _, code, failure }
            | FindingDetail::StunDown { code, failure, .. } => {
                Some(Finding::new(FindingDetail::ServerUnreachable { server: code, failure }))
            }
            // Each server tells its own failure then.
            FindingDetail::DnsFailing { .. } if named => None,
            _ => Some(finding),
        })
        .collect()
}

fn is_server_of(node: &Node, server: &StunServerName) -> bool {
    let host = node.host_name.trim_end_matches('.');
    node.stun_test_ip.is_none() && node.stun_port == Some(server.port()) && host.eq_ignore_ascii_case(server.host())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::{Cause, Failure, Stage};
    use crate::report::{LatencyMethod, ServerNote, Severity};

    fn server(text: &str) -> StunServerName {
        text.parse().unwrap()
    }

    #[test]
    fn servers_come_before_the_regions_of_the_map() {
        let mut map = DerpMap::default();
        for id in [1, 7] {
            let mut region = Region::new(RegionId(id), format!("r{id}"), "Region");
            region.nodes.push(Node::new(format!("{id}a"), RegionId(id), format!("derp{id}.example.com")));
            map.regions.insert(RegionId(id), region);
        }
        map.home_params.region_score.insert(RegionId(7), 2.0);
        let servers = ["b.example:443", "[::1]:5", "b.example:443", "derp7.example.com"].map(server);
        let made = map_of_servers(&servers, &map);
        let codes: Vec<_> = made.regions.values().map(|region| region.code.as_str()).collect();
        assert_eq!(codes, ["b.example:443", "[::1]:5", "derp7.example.com:3478", "r1", "r7"]);
        for (id, region) in &made.regions {
            assert_eq!((region.id, region.nodes.len()), (*id, 1));
            assert_eq!(region.nodes[0].region_id, *id);
        }
        let node = |id| &made.regions[&RegionId(id)].nodes[0];
        assert_eq!((node(1).host_name.as_str(), node(1).stun_port, node(1).stun_only), ("b.example", Some(443), true));
        assert_eq!(node(2).host_address(), Some("::1".parse().unwrap()));
        assert_eq!((node(4).stun_port, node(4).stun_only), (Some(3478), false));
        assert_eq!(node(5).stun_port, None, "it is asked already");
        assert!(made.home_params.region_score.is_empty(), "scores of other numbers");
    }

    #[test]
    fn a_region_that_is_silent_is_a_server_that_is() {
        let failure = Failure::new(Stage::Dns, Cause::NoSuchName);
        let (region, code) = (RegionId(1), "a.example:3478".to_owned());
        let silent = FindingDetail::RegionUnreachable { region, code: code.clone(), failure: failure.clone() };
        let names = FindingDetail::DnsFailing { names: 1, example: "a.example".to_owned(), failure: failure.clone() };
        let down = FindingDetail::RelayDown { region, code: "r".to_owned(), failure: failure.clone() };
        let refused = Failure::new(Stage::Stun, Cause::Refused);
        let by_https = FindingDetail::StunDown {
            region: RegionId(2),
            code: "s".to_owned(),
            method: LatencyMethod::Https,
            relay_answers: Some(true),
            failure: refused.clone(),
        };
        let all = [silent, names.clone(), down, by_https, FindingDetail::HardNat].map(Finding::new);
        let map = DerpMap::default();
        let told = about_servers(all.into(), &map);
        let wanted = [
            FindingDetail::ServerUnreachable { server: code, failure },
            FindingDetail::ServerUnreachable { server: "s".to_owned(), failure: refused },
            FindingDetail::HardNat,
        ];
        assert_eq!(told, wanted.map(Finding::new));
        assert_eq!(told[0].severity, Severity::Info);
        assert_eq!(about_servers(vec![Finding::new(names.clone())], &map), [Finding::new(names)]);
    }

    #[test]
    fn who_answered_wrongly_did_answer() {
        let map = map_of_servers(&["a.example", "b.example"].map(server), &DerpMap::default());
        let silent = |region| FindingDetail::RegionUnreachable {
            region: RegionId(region),
            code: format!("{region}"),
            failure: Failure::new(Stage::Stun, Cause::Refused),
        };
        let odd = FindingDetail::OddServer {
            server: "a.example:3478".to_owned(),
            endpoint: "192.0.2.1:3478".parse().unwrap(),
            note: ServerNote::NoMappedAddress,
        };
        let told = about_servers([silent(1), silent(2), odd.clone()].map(Finding::new).into(), &map);
        let codes: Vec<_> = told.iter().map(Finding::code).collect();
        assert_eq!(codes, ["NET-015", "NET-007"]);
        assert!(matches!(&told[0].detail, FindingDetail::ServerUnreachable { server, .. } if server == "2"));
    }
}
