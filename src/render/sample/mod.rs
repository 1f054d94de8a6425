//! Reports made by hand, for the tests of this room.

mod broken;
mod doctor;
mod healthy;
mod nat;
mod predict;
mod recorded;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime};

use crate::model::{Difficulty, Mapping, Pooling, PortAllocation, RegionId, Transport};
use crate::probe::{Cause, Failure, ProbeId, Stage};
use crate::report::{Confidence, FamilyReport, LatencyMethod, Nat, NodeReport, RegionReport, Verdict, Why};

pub(in crate::render) use broken::{hard_nat, offline, stun_down, udp_blocked};
pub(in crate::render) use doctor::{relay_works, relays_broken};
pub(in crate::render) use healthy::healthy;
pub(in crate::render) use nat::{easy_nat, one_server};
pub(in crate::render) use predict::{predicted_direct, predicted_relayed, predicted_unclear};
pub(in crate::render) use recorded::{hostile, saved};

pub(in crate::render) fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

pub(in crate::render) fn endpoint(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

pub(in crate::render) fn micros(micros: u64) -> Duration {
    Duration::from_micros(micros)
}

pub(in crate::render) fn known<T>(value: T, why: Why, evidence: &[u32]) -> Verdict<T> {
    Verdict::known(value, Confidence::High, evidence.iter().copied().map(ProbeId)).because(why)
}

pub(in crate::render) fn started_at() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_689_296_250)
}

pub(in crate::render) fn region(id: u64, code: &str, name: &str) -> RegionReport {
    RegionReport {
        id: RegionId(id),
        code: code.to_owned(),
        name: name.to_owned(),
        latency: None,
        ipv4: None,
        ipv6: None,
        method: None,
        loss: None,
        jitter: None,
        samples: 0,
        failure: None,
        skipped: None,
        relay_answers: None,
        nodes: Vec::new(),
    }
}

pub(in crate::render) fn measured(id: u64, code: &str, name: &str, v4: u64, v6: u64, jitter: u64) -> RegionReport {
    let host = format!("derp{id}.tailscale.com");
    RegionReport {
        latency: Some(micros(v4.min(v6))),
        ipv4: Some(micros(v4)),
        ipv6: Some(micros(v6)),
        method: Some(LatencyMethod::Stun),
        loss: Some(0.0),
        jitter: Some(micros(jitter)),
        samples: 6,
        relay_answers: Some(true),
        nodes: vec![NodeReport {
            name: format!("{id}a"),
            host,
            ipv4: Some(micros(v4)),
            ipv6: Some(micros(v6)),
            failure: None,
        }],
        ..region(id, code, name)
    }
}

pub(in crate::render) fn family(local: &str, global: &str) -> FamilyReport {
    FamilyReport {
        usable: known(true, Why::FamilyAnswered { servers: 4 }, &[1, 2]),
        os_support: true,
        local: vec![ip(local)],
        global: known(endpoint(global), Why::FamilyAnswered { servers: 4 }, &[1, 2]),
        observed: BTreeMap::from([(endpoint(global), 4)]),
    }
}

pub(in crate::render) fn silent_family(usable: Verdict<bool>, why: Why) -> FamilyReport {
    FamilyReport {
        usable,
        os_support: true,
        local: Vec::new(),
        global: Verdict::unknown(why),
        observed: BTreeMap::new(),
    }
}

pub(in crate::render) fn not_measured<T>() -> Verdict<T> {
    Verdict::unknown(Why::NotMeasuredHere { ask: "natscope nat" })
}

pub(in crate::render) fn nat(difficulty: Verdict<Difficulty>, mapping: Verdict<Mapping>, varies: Verdict<bool>) -> Nat {
    Nat {
        transport: Transport::Udp,
        proxy: None,
        effective: difficulty.clone().because(Why::NoPortMappingVerified),
        difficulty,
        nat_type: not_measured(),
        level: None,
        mapping,
        mapping_varies: varies,
        filtering: not_measured(),
        hairpinning: not_measured(),
        port_preservation: Verdict::known(true, Confidence::Medium, [ProbeId(1)]),
        port_allocation: Verdict::known(PortAllocation::Preserving, Confidence::Medium, [ProbeId(1)]),
        pooling: Verdict::known(Pooling::Paired, Confidence::Low, [ProbeId(1)]),
        mapping_lifetime: not_measured(),
        lifetime: None,
        classic: None,
        carrier_grade: known(false, Why::WanIsMappedAddress { wan: ip("81.2.69.142") }, &[9]),
        mapped: Vec::new(),
        local: Vec::new(),
        servers: Vec::new(),
    }
}

pub(in crate::render) fn no_answer(copies: u32, waited_ms: u64) -> Failure {
    Failure::new(Stage::Stun, Cause::NoAnswer { copies, waited: Duration::from_millis(waited_ms) })
}
