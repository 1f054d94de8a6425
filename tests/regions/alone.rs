//! The check without a network: in virtual time every question is answered after its region's round trip, and only the
//! check's own processor time passes.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use natscope::check::netcheck::{Input, NetcheckCheck, Options};
use natscope::model::{DerpMap, Node, Pin, Region, RegionId};
use natscope::probe::{Check, HostFacts, HttpsAnswer, Moment, Observation, Outcome, Probe, Question, StunReply};

/// What a run took.
#[derive(Debug)]
pub struct Spent {
    /// In the check.
    pub processor: Duration,
    /// Calls of it.
    pub calls: u32,
    pub probes: u32,
    /// What would have passed in a network.
    pub virtual_time: Duration,
}

/// Timers tick in milliseconds.
const TICK: Duration = Duration::from_millis(1);

/// A netcheck over 28 regions.
pub fn run(nodes: u8, families: u8) -> Spent {
    let mut check = NetcheckCheck::new(&input(nodes, families));
    let mut spent = Spent { processor: Duration::ZERO, calls: 0, probes: 0, virtual_time: Duration::ZERO };
    let mut now = Moment::START;
    let mut answers: BinaryHeap<Reverse<(Moment, u32)>> = BinaryHeap::new();
    let mut probes: Vec<(Moment, Probe)> = Vec::new();
    loop {
        while let Some(probe) = timed(&mut spent, || check.poll_probe(now)) {
            let at = now + round_trip(&probe.question);
            answers.push(Reverse((at, u32::try_from(probes.len()).unwrap())));
            probes.push((now, probe));
        }
        if timed(&mut spent, || check.is_done()) {
            spent.virtual_time = now.since_start();
            spent.probes = u32::try_from(probes.len()).unwrap();
            return spent;
        }
        let wake = timed(&mut spent, || check.poll_timeout()).map(|at| at.max(now + TICK));
        let next = answers.peek().map(|Reverse((at, _))| *at);
        match (next, wake) {
            (Some(at), wake) if wake.is_none_or(|wake| at <= wake) => {
                let Some(Reverse((at, index))) = answers.pop() else { continue };
                now = now.max(at);
                let (sent_at, probe) = &probes[index as usize];
                let outcome = outcome(&probe.question);
                let heard = Observation { probe: Some(probe.id), sent_at: *sent_at, at, outcome };
                timed(&mut spent, || check.observe(now, heard));
            }
            (_, Some(wake)) => now = wake,
            (_, None) => panic!("it waits for nothing"),
        }
    }
}

fn timed<T>(spent: &mut Spent, call: impl FnOnce() -> T) -> T {
    spent.calls += 1;
    let begun = Instant::now();
    let value = call();
    spent.processor += begun.elapsed();
    value
}

fn input(nodes: u8, families: u8) -> Input {
    let mut map = DerpMap::default();
    for number in 1..=28_u8 {
        let id = RegionId(u64::from(number));
        let mut region = Region::new(id, format!("r{number}"), "");
        for index in 0..nodes {
            let mut node = Node::new(format!("{number}n{index}"), id, format!("r{number}n{index}.example"));
            node.ipv4 = Pin::Address(Ipv4Addr::new(203, number, 0, index));
            node.ipv6 = if families == 2 {
                Pin::Address(Ipv6Addr::new(0x2001, 0x0db8, u16::from(number), 0, 0, 0, 0, u16::from(index)))
            } else {
                Pin::Disabled
            };
            region.nodes.push(node);
        }
        map.regions.insert(id, region);
    }
    let host = HostFacts {
        route_v4: Some(IpAddr::V4(Ipv4Addr::new(192, 168, 1, 2))),
        route_v6: (families == 2).then(|| "2001:db8:ffff::2".parse().unwrap()),
        os_supports_v4: true,
        os_supports_v6: families == 2,
        ..HostFacts::default()
    };
    Input { map, host, options: Options::default(), previous_home: None }
}

/// 5 to 300 ms by the region's number; three times that over HTTPS.
fn round_trip(question: &Question) -> Duration {
    let of = |address: IpAddr| {
        let number = match address {
            IpAddr::V4(v4) => v4.octets()[1],
            IpAddr::V6(v6) => v6.octets()[5],
        };
        Duration::from_millis(5) + Duration::from_micros(10926) * u32::from(number - 1)
    };
    match question {
        Question::Stun { server, .. } => of(server.ip()),
        Question::HttpsLatency { target, .. } => target.address.map_or(TICK, of) * 3,
        Question::Icmp { address, .. } => of(*address),
        _ => TICK,
    }
}

fn outcome(question: &Question) -> Outcome {
    match question {
        Question::Stun { server, .. } => {
            let mapped = match server {
                SocketAddr::V4(_) => "198.51.100.9:41641".parse().ok(),
                SocketAddr::V6(_) => "[2001:db8:ffff::2]:41641".parse().ok(),
            };
            Outcome::Stun(StunReply { mapped, ..StunReply::bare(*server) })
        }
        Question::HttpsLatency { target, .. } => {
            let remote = SocketAddr::new(target.address.unwrap(), target.port);
            let third = round_trip(question) / 3;
            Outcome::Https(HttpsAnswer {
                remote,
                via_proxy: None,
                connect: third,
                tls: third,
                request: third,
                status: 200,
                cert_sha256: None,
            })
        }
        Question::Icmp { address, .. } => Outcome::Icmp(natscope::probe::IcmpAnswer { from: *address }),
        other => panic!("not expected here: {other:?}"),
    }
}
