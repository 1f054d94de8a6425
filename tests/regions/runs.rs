//! One run of natscope over the regions of a world, and the least time any prober could take.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use natscope::check::netcheck::{Input, NetcheckCheck, Options, analyze};
use natscope::drive::network::{self, Nameservers, Network, NetworkOptions, Proxies};
use natscope::report::LatencyMethod;
use tokio::net::UdpSocket;
use tokio::runtime::Runtime;

use crate::world::{Arrival, World, stun};

/// What became of a run.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// `took_ms` of the report.
    pub took: Duration,
    /// From the map to the finished report, conclusions included.
    pub whole: Duration,
    /// Regions with a latency.
    pub measured: usize,
    /// Those whose latency is of STUN.
    pub by_stun: usize,
    /// A home region was found.
    pub home: bool,
}

/// How a run treats the servers.
#[derive(Clone, Copy, Debug)]
pub struct Manners {
    /// Datagrams in all.
    pub sent: usize,
    /// To the server that got most of them.
    pub most: usize,
    /// From the first datagram to the first one to the last server.
    pub flight: Duration,
}

impl Manners {
    pub fn of(arrivals: &[Arrival]) -> Self {
        let mut per_server: HashMap<_, usize> = HashMap::new();
        let mut flight = Duration::ZERO;
        for arrival in arrivals {
            let count = per_server.entry(arrival.server).or_default();
            if *count == 0 {
                flight = arrival.at.duration_since(arrivals[0].at);
            }
            *count += 1;
        }
        Self { sent: arrivals.len(), most: per_server.values().max().copied().unwrap_or_default(), flight }
    }
}

/// A runtime as the program's own.
pub fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// A whole netcheck, as `natscope netcheck` does it, except for the router: what is outside this host is left alone.
pub async fn natscope(world: &World) -> Outcome {
    let options = Options { port_mapping: false, ..Options::default() };
    let input = Input { map: world.map.clone(), host: world.host.clone(), options, previous_home: None };
    let network = Network::new(NetworkOptions {
        proxies: Proxies::None,
        nameservers: Nameservers::Explicit(vec![world.resolver]),
        ..NetworkOptions::default()
    });
    let begun = Instant::now();
    let mut check = NetcheckCheck::new(&input);
    let ended = network::run(&mut check, network, None).await.unwrap();
    let report = analyze(&input, check.record()).netcheck;
    let whole = begun.elapsed();
    Outcome {
        took: ended.since_start(),
        whole,
        measured: report.regions.iter().filter(|region| region.latency.is_some()).count(),
        by_stun: report.regions.iter().filter(|region| region.method == Some(LatencyMethod::Stun)).count(),
        home: report.home_region.value().is_some(),
    }
}

/// One datagram to every server, and no more, until all have answered: what the distances and this machine, as busy as
/// it is, leave possible. For worlds that lose nothing.
pub async fn bare_flight(servers: &[SocketAddr]) -> Duration {
    let socket = UdpSocket::bind("0.0.0.0:0").await.unwrap();
    let begun = Instant::now();
    for (server, number) in servers.iter().zip(0_u8..) {
        socket.send_to(&stun::encode_request([number; 12], 0), server).await.unwrap();
    }
    let mut buffer = [0; 2048];
    let mut answered = 0;
    while answered < servers.len() {
        let length = socket.recv(&mut buffer).await.unwrap();
        answered += usize::from(stun::decode_response(&buffer[..length]).is_some());
    }
    begun.elapsed()
}
