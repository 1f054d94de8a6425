//! The doctor at the start of a relay, and in the selftest: a relay of this host, asked where it listens.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use super::doctor::{conclude, unix_seconds};
use super::exit::CmdError;
use crate::check::doctor::{DoctorInput, DoctorRun, Patient};
use crate::drive::network::{self, NetworkOptions, Proxies};
use crate::drive::relay::Relay;
use crate::drive::{host, wall_clock};
use crate::model::{Node, Pin, Region, RegionId};
use crate::report::Report;

/// Far more than it takes: nothing leaves this host.
const BUDGET: Duration = Duration::from_secs(8);

/// The relay by the entry it prints, at the addresses it has bound.
pub(super) fn patient(relay: &Relay, region: RegionId) -> Option<Patient> {
    let mut node = relay.map(region).regions.into_values().next()?.nodes.into_iter().next()?;
    let tls = !relay.https_addrs().is_empty();
    let addresses = if tls { relay.https_addrs() } else { relay.http_addrs() };
    let first = |wanted: fn(&SocketAddr) -> bool| addresses.iter().find(|address| wanted(address)).map(reachable);
    (node.ipv4, node.ipv6) = (Pin::Disabled, Pin::Disabled);
    if let Some(IpAddr::V4(v4)) = first(SocketAddr::is_ipv4) {
        node.ipv4 = Pin::Address(v4);
    }
    if let Some(IpAddr::V6(v6)) = first(SocketAddr::is_ipv6) {
        node.ipv6 = Pin::Address(v6);
    }
    node.derp_port = addresses.first()?.port();
    // Its own port 80 is no part of the question whether it relays.
    node.can_port_80 = false;
    Some(Patient { name: node.host_name.clone(), region: None, node, tls, map_is_wrong: false })
}

/// Where a bound address is reached from this host.
fn reachable(bound: &SocketAddr) -> IpAddr {
    match bound.ip() {
        IpAddr::V4(v4) if v4.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(v6) if v6.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        given => given,
    }
}

/// The relays of a region of a map, as they are.
pub(super) fn patients_of(region: &Region) -> Vec<Patient> {
    let patient = |node: &Node| Patient {
        name: node.name.clone(),
        region: Some((region.id, region.code.clone())),
        node: node.clone(),
        tls: true,
        map_is_wrong: false,
    };
    region.nodes.iter().map(patient).collect()
}

/// Examines relays of this host; no proxy knows the way to them.
pub(super) async fn examine(patients: Vec<Patient>) -> Result<Report, CmdError> {
    let started_at = wall_clock::now();
    let input = DoctorInput {
        target: "this host".to_owned(),
        patients,
        v4: true,
        v6: true,
        now_unix_s: unix_seconds(started_at),
        host: host::facts(),
        local: None,
        hold: None,
        budget: BUDGET,
    };
    let mut run = DoctorRun::new(&input);
    let options = NetworkOptions { proxies: Proxies::None, ..NetworkOptions::default() };
    let ended = network::run(&mut run, network::Network::new(options), None).await?;
    conclude(&input, run.into_record(ended), started_at, Vec::new())
}
