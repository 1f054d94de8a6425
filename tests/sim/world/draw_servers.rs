//! Servers drawn at random, and the links to them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::{Link, Pinning, Port80, Server, SimRegion, Stun, Tcp};
use crate::random::Random;

/// Regions and their servers; some disturbed, some down, none lying.
pub(super) fn draw_regions(r: &mut Random) -> Vec<SimRegion> {
    let count = match r.below(20) {
        0 => 1,
        1 | 2 => 2,
        3..=5 => 3,
        6..=17 => r.between(4, 8),
        _ => r.between(9, 28),
    };
    let disturbed = r.chance(0.5);
    let mut regions: Vec<_> = (1..=count)
        .map(|id| {
            let rtt_ms = round(400_f64.powf(r.unit()));
            let nodes = 1 + r.below(4).saturating_sub(1).min(2) * u64::from(r.chance(0.3));
            SimRegion {
                id,
                avoid: r.chance(0.05),
                no_measure: r.chance(0.04),
                score: r.chance(0.08).then(|| round(0.5 + r.unit())),
                nodes: (0..nodes).map(|_| draw_server(r, rtt_ms, disturbed)).collect(),
            }
        })
        .collect();
    if r.chance(0.03) {
        regions[0].nodes.clear();
    }
    let neighbours = r.chance(0.2);
    for region in &mut regions {
        region.complete();
        let siblings = r.chance(0.4);
        let id = region.id as u8;
        for (place, node) in (0_u8..).zip(&mut region.nodes) {
            if siblings && node.v4.is_some() {
                node.v4 = Some(Ipv4Addr::new(20, id, 0, 10 + place));
            }
            // Operators with several regions in one network.
            if neighbours && id <= 3 && node.v4.is_some() {
                node.v4 = Some(Ipv4Addr::new(20, 99, 0, 10 * id + place));
            }
        }
    }
    regions
}

fn draw_server(r: &mut Random, rtt_ms: f64, disturbed: bool) -> Server {
    let mut server = Server { rtt_ms: round((rtt_ms * (1.0 + 0.1 * r.unit())).min(400.0)), ..Server::default() };
    server.v6_rtt_ms = r.chance(0.5).then(|| round((rtt_ms * (0.8 + 0.6 * r.unit())).min(400.0)));
    server.v4_in_map = draw_pinning(r);
    server.v6_in_map = if r.chance(0.25) { Pinning::Disabled } else { draw_pinning(r) };
    server.stun_port = match r.below(25) {
        0 => 0,
        1 | 2 => 443,
        3 => 53,
        _ => 3478,
    };
    server.stun_only = r.chance(0.06);
    server.can_port_80 = r.chance(0.8);
    server.stun = match r.below(60) {
        0..=3 => Stun::Silent,
        4 | 5 => Stun::Refused,
        6 => Stun::Private(Ipv4Addr::new(172, 17, 0, 1)),
        7 => Stun::OtherSource(SocketAddr::new(IpAddr::V4(Ipv4Addr::new(30, 1, 1, r.port(1, 250) as u8)), 3478)),
        8 => Stun::Error(500),
        9 => Stun::NoAddress,
        10 => Stun::Garbage,
        _ => Stun::Honest,
    };
    server.tcp = match r.below(50) {
        0 | 1 => Tcp::Refused,
        2 | 3 => Tcp::Dead,
        4 => Tcp::HangsInTls,
        5 => Tcp::BadCertificate,
        6 => Tcp::NotTls,
        7 => Tcp::Status(502),
        _ => Tcp::Up,
    };
    server.port_80 = match r.below(20) {
        0 | 1 => Port80::NoEcho,
        2 => Port80::Refused,
        3 => Port80::Dead,
        _ => Port80::Echoes,
    };
    server.icmp = r.chance(0.7);
    server.work_ms = round(10.0 * r.unit());
    if disturbed {
        server.link = draw_link(r);
    }
    server
}

fn draw_pinning(r: &mut Random) -> Pinning {
    match r.below(20) {
        0 => Pinning::Disabled,
        1..=5 => Pinning::Resolve,
        _ => Pinning::Pinned,
    }
}

/// A link that disturbs in some way, or not.
pub(super) fn draw_link(r: &mut Random) -> Link {
    let mut link = Link::default();
    if r.chance(0.5) {
        link.jitter_ms = round(60.0 * r.unit() * r.unit());
    }
    if r.chance(0.4) {
        link.loss_out = round(0.3 * r.unit());
        link.loss_back = round(0.3 * r.unit());
    }
    if r.chance(0.1) {
        link.burst_ms = round(10.0 + 500.0 * r.unit() * r.unit());
        link.calm_ms = round(300.0 + 5000.0 * r.unit());
    }
    if r.chance(0.15) {
        link.duplicate = round(0.3 * r.unit());
    }
    if r.chance(0.15) {
        link.late = round(0.5 * r.unit());
        link.late_ms = if r.chance(0.7) { round(20.0 * r.unit()) } else { round(2000.0 * r.unit()) };
    }
    link
}

/// Two decimals: enough, and short in a file.
pub(super) fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}
