//! What the doctor has seen of relays.

use super::pseudonym::Pseudonyms;
use super::relay::{certificate, is_public_authority};
use super::verdict::{doctor_why, failure, why};
use crate::report::{Doctor, ExamFacts, FileProblem, MapNode, RelayFault, RelayFinding, Unpinnable};

pub(super) fn walk(doctor: &mut Doctor, names: &mut Pseudonyms) {
    names.text(&mut doctor.target);
    for node in &mut doctor.nodes {
        let of_map = node.region.is_some();
        node_name(&mut node.name, of_map, names);
        names.host(&mut node.host);
        if let Some((_, code)) = &mut node.region {
            names.region_code(code, false);
        }
        why(&mut node.open_relay, names);
        for (_, why) in &mut node.undetermined {
            doctor_why(why, names);
        }
        if let Some(pin) = &mut node.cert_pin {
            pin_of(pin, names);
        }
        facts(&mut node.facts, names);
    }
}

fn facts(facts: &mut ExamFacts, names: &mut Pseudonyms) {
    let ExamFacts {
        addresses,
        via_proxy,
        tls_version: _,
        certificate: leaf,
        certificate_left: _,
        chain: _,
        clients: _,
        server,
        date_ahead_s: _,
        key,
        upgrade: _,
        fast_start: _,
        websocket: _,
        admitted: _,
        exchange: _,
        no_stun: _,
        stun,
        hold: _,
        hold_cut_short: _,
    } = facts;
    for address in addresses {
        names.address(&mut address.address);
        if let Err(how) = &mut address.tcp {
            failure(how, names);
        }
    }
    if let Some(proxy) = via_proxy {
        names.text(proxy);
    }
    if let Some(leaf) = leaf {
        certificate(leaf, names);
    }
    if let Some(server) = server {
        names.text(server);
    }
    if let Some(key) = key {
        *key = names.hash(key);
    }
    for stun in stun {
        names.endpoint(&mut stun.server);
        if let Some(mapped) = &mut stun.mapped {
            names.endpoint(mapped);
        }
        if let Some(how) = &mut stun.failure {
            failure(how, names);
        }
    }
}

#[allow(clippy::too_many_lines, reason = "one arm a fault, nothing else")]
pub(super) fn finding(finding: &mut RelayFinding, names: &mut Pseudonyms) {
    let of_map = !finding.node.contains("://");
    node_name(&mut finding.node, of_map, names);
    match &mut finding.fault {
        RelayFault::NoAddress { host, failure: how, pinned: _, only: _ }
        | RelayFault::NotLookedUp { host, failure: how } => {
            names.host(host);
            failure(how, names);
        }
        RelayFault::AddressDiffers { host, map, resolved } => {
            names.host(host);
            names.address(map);
            for address in resolved {
                names.address(address);
            }
        }
        RelayFault::FakeAddress { host, address } => {
            names.host(host);
            names.address(address);
        }
        RelayFault::Tcp { address, failure: how, others: _, stun: _ } => {
            names.endpoint(address);
            failure(how, names);
        }
        RelayFault::PlainHttp { address, status: _ } => names.endpoint(address),
        RelayFault::Alert { alert, sni } => {
            names.text(alert);
            if let Some(sni) = sni {
                names.host(sni);
            }
        }
        RelayFault::NameMismatch { expected, names: found, overlooked: _ } => {
            names.host(expected);
            for name in found {
                names.host(name);
            }
        }
        RelayFault::Untrusted { self_signed, issuer, node, unpinnable, insecure: _ } => {
            if *self_signed || !is_public_authority(issuer) {
                names.host(issuer);
            }
            map_node(node, names);
            if let Some(Unpinnable::Name { expected }) = unpinnable {
                names.host(expected);
            }
        }
        RelayFault::PinMismatch { expected, presented, node } => {
            *expected = names.hash(expected);
            *presented = names.hash(presented);
            map_node(node, names);
        }
        RelayFault::SniFiltered { sni, failure: how, instead: _ } => {
            names.host(sni);
            failure(how, names);
        }
        RelayFault::NotDerp { status: _, location, server, disabled: _, wants_tls: _ } => {
            for text in location.iter_mut().chain(server) {
                names.text(text);
            }
        }
        RelayFault::NoUpgrade { status: _, location, server, relay_seen: _, host } => {
            for text in location.iter_mut().chain(server) {
                names.text(text);
            }
            names.host(host);
        }
        RelayFault::WebSocketOnly { status: _, server } => {
            if let Some(text) = server {
                names.text(text);
            }
        }
        RelayFault::Cdn { header, works: _ } => names.text(header),
        RelayFault::Port80 { status: _, failure: how } => {
            if let Some(how) = how {
                failure(how, names);
            }
        }
        RelayFault::Proxy { failure: how }
        | RelayFault::Certificate { failure: how }
        | RelayFault::TlsBroken { failure: how }
        | RelayFault::NoHttp { failure: how, others: _, tls: _ }
        | RelayFault::NoServerKey { failure: how }
        | RelayFault::NoGreeting { failure: how }
        | RelayFault::FastStartBroken { failure: how }
        | RelayFault::NotDelivered { packets: _, failure: how }
        | RelayFault::NotKept { held: _, keep_alives: _, failure: how } => failure(how, names),
        RelayFault::SeveralKeys { keys, meshed: _ } => {
            for key in keys {
                *key = names.hash(key);
            }
        }
        RelayFault::NoStun { server, failure: how, relay_works: _, plain: _ }
        | RelayFault::NoStunOver { family: _, server, failure: how } => {
            names.endpoint(server);
            failure(how, names);
        }
        RelayFault::TailnodeOnly { server } => names.endpoint(server),
        RelayFault::MappedOdd { server, mapped: other, near: _ }
        | RelayFault::StunFromElsewhere { server, from: other } => {
            names.endpoint(server);
            names.endpoint(other);
        }
        RelayFault::NoTailscaled { socket: path } => names.text(path),
        RelayFault::CertificateFile { path, problem } => {
            names.text(path);
            if let FileProblem::Unreadable { said } = problem {
                names.text(said);
            }
        }
        RelayFault::NotAlone { .. }
        | RelayFault::Expired { .. }
        | RelayFault::ExpiresSoon { .. }
        | RelayFault::NotYetValid { .. }
        | RelayFault::ClockSkew { .. }
        | RelayFault::Http2Only
        | RelayFault::LatencyCheck { .. }
        | RelayFault::NotAdmitted
        | RelayFault::OpenRelay
        | RelayFault::NoKeepAlive { .. }
        | RelayFault::OneSided { .. }
        | RelayFault::NotListening { .. }
        | RelayFault::PortUnknown { .. }
        | RelayFault::LoopbackOnly { .. }
        | RelayFault::ClockUnsynchronized
        | RelayFault::FailOpen => {}
    }
}

fn map_node(node: &mut MapNode, names: &mut Pseudonyms) {
    names.host(&mut node.host);
    if let Some(pin) = &mut node.cert_name {
        pin_of(pin, names);
    }
}

/// A node's name, or the URL of a relay of no map.
fn node_name(name: &mut String, of_map: bool, names: &mut Pseudonyms) {
    if of_map { names.node_name(name, false) } else { names.text(name) }
}

fn pin_of(pin: &mut String, names: &mut Pseudonyms) {
    if let Some(hash) = pin.strip_prefix("sha256-raw:") {
        *pin = format!("sha256-raw:{}", names.hash(hash));
    }
}
