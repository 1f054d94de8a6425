//! Regions at chosen distances, on loopback and without privilege: every answer is held back in user space for as long
//! as the way there and back would take, and datagrams are lost by seeded chance.
//!
//! What loopback cannot give: the kernel itself accepts TCP connections, at once, so the round trip of that handshake
//! is charged to the first data instead; the time to an answer over HTTPS is right, the part called "connect" is not.

#[path = "../../natlab/dice.rs"]
mod dice;
mod stream;
#[path = "../../natlab/stun.rs"]
#[allow(dead_code, reason = "the lab's servers do more than these")]
pub mod stun;

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket as StdUdpSocket};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use natscope::drive::relay::{Relay, RelayOptions};
use natscope::model::{DerpMap, Node, Pin, Region, RegionId};
use natscope::probe::HostFacts;
use tokio::net::UdpSocket;
use tokio::sync::oneshot;

use dice::Dice;
use stream::Line;

/// The slowest of the regions.
pub const SLOWEST: Duration = Duration::from_millis(300);
/// The nearest.
const NEAREST_MS: f64 = 5.0;
/// As many as Tailscale's public map has.
const REGIONS: usize = 28;

/// What is wrong with the network, if anything.
#[derive(Clone, Debug, Default)]
pub struct Spec {
    /// Share of the datagrams lost each way, in percent.
    pub loss_percent: f64,
    /// TCP loses as much; its segments are then late by a retransmission time-out.
    pub tcp_loses_too: bool,
    /// How many regions swallow whatever they are sent.
    pub dead: usize,
    /// How many are known by name only, where the one resolver never answers.
    pub named: usize,
    /// Of the chance.
    pub seed: u64,
}

/// The regions. They are gone when this is dropped.
pub struct World {
    pub map: DerpMap,
    /// What a host that is nowhere but here would say of itself.
    pub host: HostFacts,
    /// Those that answer STUN, in the map's order.
    pub servers: Vec<SocketAddr>,
    /// A resolver that swallows what it is asked.
    pub resolver: SocketAddr,
    arrivals: Arrivals,
    _silent: StdUdpSocket,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// A datagram that came to a server's door, whether it was lost then or not.
#[derive(Clone, Copy)]
pub struct Arrival {
    pub at: Instant,
    pub server: SocketAddr,
}

type Arrivals = Arc<Mutex<Vec<Arrival>>>;

impl World {
    pub fn start(spec: &Spec) -> Self {
        let silent = bind(Ipv4Addr::new(127, 77, 0, 53));
        let resolver = silent.local_addr().unwrap();
        let arrivals = Arrivals::default();
        let mut map = DerpMap::default();
        let mut servers = Vec::new();
        let mut sites = Vec::new();
        for (index, round_trip) in round_trips().into_iter().enumerate() {
            let number = u8::try_from(index + 1).unwrap();
            let address = Ipv4Addr::new(127, 77, number, 1);
            let stun = bind(address);
            let https = std::net::TcpListener::bind((address, 0)).unwrap();
            https.set_nonblocking(true).unwrap();
            let id = RegionId(u64::from(number));
            // In the middle of the map's order, so that neither is the first nor the last that is asked.
            let dead = (9..9 + spec.dead).contains(&index);
            let named = (20..20 + spec.named).contains(&index);
            let mut node = Node::new(format!("{number}a"), id, format!("relay{number}.example"));
            node.ipv4 = if named { Pin::Resolve } else { Pin::Address(address) };
            node.ipv6 = Pin::Disabled;
            // One relay stands behind all of these names.
            node.insecure_for_tests = true;
            node.stun_port = Some(stun.local_addr().unwrap().port());
            node.derp_port = https.local_addr().unwrap().port();
            let mut region = Region::new(id, format!("r{number}"), format!("{} ms away", round_trip.as_millis()));
            region.nodes.push(node);
            map.regions.insert(id, region);
            if !dead && !named {
                servers.push(stun.local_addr().unwrap());
            }
            sites.push(Site { stun, https, round_trip, dead });
        }
        let (stop, stopped) = oneshot::channel();
        let (ready, ready_now) = std::sync::mpsc::channel();
        let thread = std::thread::spawn({
            let (spec, arrivals) = (spec.clone(), Arc::clone(&arrivals));
            move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(serve(spec, sites, arrivals, ready, stopped));
            }
        });
        ready_now.recv().unwrap();
        let host =
            HostFacts { route_v4: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)), os_supports_v4: true, ..HostFacts::default() };
        Self { map, host, servers, resolver, arrivals, _silent: silent, stop: Some(stop), thread: Some(thread) }
    }

    /// What came to the servers since this was last asked, in order.
    pub fn take_arrivals(&self) -> Vec<Arrival> {
        std::mem::take(&mut *self.arrivals.lock().unwrap())
    }
}

impl Drop for World {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It panicked: that was shown already, and a panic in a drop would hide everything else.
            let _ = thread.join();
        }
    }
}

struct Site {
    stun: StdUdpSocket,
    https: std::net::TcpListener,
    round_trip: Duration,
    dead: bool,
}

/// Evenly from 5 to 300 ms, in no order: a map is not sorted by distance.
fn round_trips() -> Vec<Duration> {
    let span = SLOWEST.as_secs_f64() * 1e3 - NEAREST_MS;
    let mut all: Vec<Duration> = (0..REGIONS)
        .map(|index| Duration::from_secs_f64((NEAREST_MS + span * index as f64 / (REGIONS - 1) as f64) / 1e3))
        .collect();
    let mut dice = Dice::new(28);
    for last in (1..all.len()).rev() {
        all.swap(last, (dice.unit() * (last + 1) as f64) as usize);
    }
    all
}

fn bind(address: Ipv4Addr) -> StdUdpSocket {
    let socket = StdUdpSocket::bind((address, 0)).unwrap();
    socket.set_nonblocking(true).unwrap();
    socket
}

async fn serve(
    spec: Spec,
    sites: Vec<Site>,
    arrivals: Arrivals,
    ready: std::sync::mpsc::Sender<()>,
    stopped: oneshot::Receiver<()>,
) {
    let https = SocketAddr::from((Ipv4Addr::new(127, 77, 0, 1), 0));
    let relay = Relay::bind(RelayOptions { https_addrs: vec![https], ..RelayOptions::default() }).unwrap();
    let behind = relay.https_addrs()[0];
    let _relay = relay.spawn();
    for (site, number) in sites.into_iter().zip(0_u64..) {
        let dice = |salt: u64| Dice::new(spec.seed.wrapping_mul(1009).wrapping_add(number * 2 + salt));
        let loss_percent = if site.dead { 100.0 } else { spec.loss_percent };
        let socket = UdpSocket::from_std(site.stun).unwrap();
        tokio::spawn(answer(socket, site.round_trip, loss_percent, dice(0), Arc::clone(&arrivals)));
        let line = Line {
            behind: (!site.dead).then_some(behind),
            round_trip: site.round_trip,
            loss_percent: if spec.tcp_loses_too { spec.loss_percent } else { 0.0 },
        };
        let listener = tokio::net::TcpListener::from_std(site.https).unwrap();
        tokio::spawn(stream::carry(listener, line, dice(1)));
    }
    ready.send(()).unwrap();
    // Whoever is interested is gone: everything ends with the runtime.
    let _ = stopped.await;
}

/// Answers Tailscale's form of request, a round trip later.
async fn answer(socket: UdpSocket, round_trip: Duration, loss_percent: f64, mut dice: Dice, arrivals: Arrivals) {
    let socket = Arc::new(socket);
    let server = socket.local_addr().unwrap();
    let mut buffer = [0; 2048];
    loop {
        // An error here is that of an earlier answer, to a client that has gone.
        let Ok((length, from)) = socket.recv_from(&mut buffer).await else { continue };
        let at = Instant::now();
        arrivals.lock().unwrap().push(Arrival { at, server });
        let Some(request) = stun::decode_request(&buffer[..length]).filter(|request| request.tailnode) else {
            continue;
        };
        let (there, back) = (dice.percent(loss_percent), dice.percent(loss_percent));
        if there || back {
            continue;
        }
        let socket = Arc::clone(&socket);
        tokio::spawn(async move {
            tokio::time::sleep_until((at + round_trip).into()).await;
            let _ = socket.send_to(&stun::encode_response(request.transaction, from), from).await;
        });
    }
}
