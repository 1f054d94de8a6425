//! What ping and listen have in common: the relays to join, and what is found out about the NAT meanwhile.

use std::time::Duration;

use super::exit::CmdError;
use super::maps;
use super::netcheck::{self, Setup};
use super::output::Output;
use crate::check::netcheck::Options;
use crate::check::ping::side_of;
use crate::cli::{GlobalArgs, MapArgs, ProbingArgs, ViaArgs};
use crate::derp::peer::Note;
use crate::drive::network::RelayAt;
use crate::drive::peer::{self, PeerOptions};
use crate::drive::relay::{RelayHandle, load_or_create_key};
use crate::model::{CertName, DerpMap, Family, Node, NodePrivate, Region, RegionId, RelayAddress, RelayTarget};
use crate::probe::{Cause, Failure, Stage};
use crate::report::{Command, Finding, RelayReport, RelayState, Report};

/// Regions whose STUN servers are asked beside those of the relays: enough for a verdict on the mapping.
const WITNESSES: usize = 5;

/// The time the NAT is given.
const NAT_BUDGET: Duration = Duration::from_secs(6);

/// What is to be joined.
pub(super) struct Joining {
    pub(super) options: PeerOptions,
    pub(super) key: NodePrivate,
    /// Names of the relays, in order.
    pub(super) names: Vec<String>,
    /// Whose STUN servers tell of the NAT.
    pub(super) witnesses: DerpMap,
    pub(super) findings: Vec<Finding>,
    /// Embedded relays serve as long as this lives.
    pub(super) _relays: Vec<RelayHandle>,
}

/// Resolves what the arguments name.
pub(super) async fn join(
    via: &ViaArgs,
    direct: bool,
    map_args: &MapArgs,
    probing: &ProbingArgs,
    global: &GlobalArgs,
    output: &Output,
) -> Result<Joining, CmdError> {
    let needs_map = via.via.iter().any(RelayTarget::needs_map) || !map_args.derp_maps.is_empty();
    let (map, findings, handles) = if needs_map {
        let loaded = netcheck::load_map(map_args, global, output).await?;
        (loaded.map, loaded.findings, loaded.relays)
    } else {
        (DerpMap::default(), Vec::new(), Vec::new())
    };
    let key = match &via.key {
        Some(path) => key_file(path)?,
        None => peer::fresh_key()?,
    };
    let mut relays = Vec::new();
    for target in &via.via {
        let relay = relay_at(target, &map, via.insecure)?;
        if relays.iter().all(|known: &RelayAt| known.name != relay.name) {
            relays.push(relay);
        }
    }
    let mut joining = joining(relays, &map, key, direct, probing, findings, handles);
    joining.options.port_mapping = via.portmap;
    Ok(joining)
}

/// The same with everything resolved.
pub(super) fn joining(
    relays: Vec<RelayAt>,
    map: &DerpMap,
    key: NodePrivate,
    direct: bool,
    probing: &ProbingArgs,
    findings: Vec<Finding>,
    handles: Vec<RelayHandle>,
) -> Joining {
    let witnesses = witnesses(&relays, map);
    let stun = witnesses.regions.values().filter_map(|region| region.nodes.first().cloned()).collect();
    Joining {
        names: relays.iter().map(|relay| relay.name.clone()).collect(),
        options: PeerOptions {
            relays,
            key: key.clone(),
            network: netcheck::network_options(probing),
            families: families(probing),
            direct,
            port_mapping: false,
            stun,
            gives_up: false,
            patience: None,
        },
        key,
        witnesses,
        findings,
        _relays: handles,
    }
}

fn families(probing: &ProbingArgs) -> [bool; 2] {
    let bound_to = |family| probing.bind_address.is_none_or(|address| Family::of(address) == family);
    [!probing.only_v6 && bound_to(Family::V4), !probing.only_v4 && bound_to(Family::V6)]
}

/// The relay a target names.
fn relay_at(target: &RelayTarget, map: &DerpMap, insecure: bool) -> Result<RelayAt, CmdError> {
    let mut relay = match target {
        RelayTarget::Address(address) => RelayAt {
            name: address.to_string(),
            region: region_number(RelayAddress::REGION),
            nodes: vec![address.node()],
            tls: address.tls(),
        },
        RelayTarget::Region(name) => {
            let region = target.region(map).ok_or_else(|| {
                CmdError::Usage(format!(
                    "--via {name}: the map has no region of that code or number; it has {}. A relay that is in no map \
                     is written https://HOST[:PORT]",
                    maps::known(map)
                ))
            })?;
            relay_of(region)
                .ok_or_else(|| CmdError::Usage(format!("--via {name}: that region has no relay, only STUN servers")))?
        }
    };
    if insecure {
        for node in &mut relay.nodes {
            node.insecure_for_tests = true;
            node.cert_name = CertName::HostName;
        }
    }
    Ok(relay)
}

/// A region as a relay; `None` if it has none.
pub(super) fn relay_of(region: &Region) -> Option<RelayAt> {
    region.has_relay().then(|| RelayAt {
        name: if region.code.is_empty() { region.id.to_string() } else { region.code.clone() },
        region: region_number(region.id),
        nodes: region.nodes.clone(),
        tls: true,
    })
}

/// As it fits into a pong.
fn region_number(region: RegionId) -> u16 {
    u16::try_from(region.0).unwrap_or(u16::MAX)
}

/// The relays' own regions first, then others of the map.
fn witnesses(relays: &[RelayAt], map: &DerpMap) -> DerpMap {
    let answers_stun = |node: &&Node| node.stun_port.is_some();
    let mut regions: Vec<Region> = Vec::new();
    for (index, relay) in relays.iter().enumerate() {
        let number = RegionId(u64::try_from(index + 1).unwrap_or(u64::MAX));
        let mut region = Region::new(number, relay.name.clone(), relay.name.clone());
        region.nodes = relay.nodes.iter().filter(answers_stun).take(1).cloned().collect();
        regions.push(region);
    }
    let others = map.regions.values().filter(|region| relays.iter().all(|relay| relay.name != region.code));
    for (index, region) in others.take(WITNESSES).enumerate() {
        let number = RegionId(u64::try_from(relays.len() + index + 1).unwrap_or(u64::MAX));
        let mut witness = Region::new(number, region.code.clone(), region.name.clone());
        witness.nodes = region.nodes.iter().filter(answers_stun).take(1).cloned().collect();
        regions.push(witness);
    }
    let mut map = DerpMap::default();
    for mut region in regions.into_iter().filter(|region| !region.nodes.is_empty()) {
        for node in &mut region.nodes {
            node.region_id = region.id;
        }
        map.regions.insert(region.id, region);
    }
    map
}

/// What stands between this host and the internet. `None`: nobody to ask.
pub(super) async fn nat_facts(
    command: Command,
    witnesses: &DerpMap,
    probing: &ProbingArgs,
    global: &GlobalArgs,
) -> Result<Option<Report>, CmdError> {
    if witnesses.regions.is_empty() {
        return Ok(None);
    }
    let setup = Setup {
        command,
        options: Options {
            nat: true,
            filtering: true,
            port_mapping: false,
            https: true,
            icmp: false,
            captive_portal: false,
            budget: NAT_BUDGET,
            ..netcheck::probing_options(probing, global, Duration::ZERO)
        },
        network: netcheck::network_options(&ProbingArgs { bind_port: None, ..probing.clone() }),
        findings: Vec::new(),
        keep: false,
        socks5: None,
    };
    netcheck::silently(&setup, witnesses, None).await.map(Some)
}

/// What of it a peer is told.
pub(super) fn note_of(report: &Report) -> Note {
    let side = side_of(report);
    Note {
        udp: side.udp,
        mapping: side.mapping,
        mapping_varies: side.mapping_varies,
        filtering: side.filtering,
        ipv6: side.ipv6,
    }
}

/// What is known of the relays that were to be joined.
#[derive(Clone)]
pub(super) struct Relays(pub(super) Vec<RelayReport>);

impl Relays {
    pub(super) fn new(names: &[String]) -> Self {
        Self(names.iter().map(|name| RelayReport { name: name.clone(), state: RelayState::Unknown }).collect())
    }

    pub(super) fn name(&self, relay: usize) -> String {
        self.0.get(relay).map(|relay| relay.name.clone()).unwrap_or_default()
    }

    pub(super) fn joined(&mut self, relay: usize) {
        let Some(relay) = self.0.get_mut(relay) else { return };
        relay.state = match relay.state {
            RelayState::Joined { round_trip, rejoined } => RelayState::Joined { round_trip, rejoined: rejoined + 1 },
            _ => RelayState::Joined { round_trip: None, rejoined: 0 },
        };
    }

    pub(super) fn failed(&mut self, relay: usize, failure: &Failure) {
        if let Some(relay) = self.0.get_mut(relay)
            && !matches!(relay.state, RelayState::Joined { .. })
        {
            relay.state = RelayState::Failed(failure.clone());
        }
    }

    /// The time is up. Who was not heard of until now was reached, or an attempt would have failed by now, and is silent.
    pub(super) fn out_of_time(&mut self, after: Duration) {
        for relay in self.0.iter_mut().filter(|relay| relay.state == RelayState::Unknown) {
            relay.state = RelayState::Failed(Failure::new(Stage::Derp, Cause::TimedOut { after }));
        }
    }

    pub(super) fn measured(&mut self, relay: usize, took: Duration) {
        if let Some(RelayState::Joined { round_trip, .. }) = self.0.get_mut(relay).map(|relay| &mut relay.state) {
            *round_trip = Some(round_trip.map_or(took, |known| known.min(took)));
        }
    }
}

/// The key in the file, made when there is none.
fn key_file(path: &std::path::Path) -> Result<NodePrivate, CmdError> {
    load_or_create_key(path).map_err(|error| CmdError::Usage(format!("--key: {error}")))
}
