//! The user-space wire: two TUN devices and what happens to a packet between them. The kernel's own (netem) is not
//! everywhere, and cannot give each server a distance of its own.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::io::Write as _;
use std::net::IpAddr;
use std::process::Command;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tun_tap::{Iface, Mode};

use super::dice::Dice;
use super::scenario::Wire;

/// Handed over in a file.
#[derive(Debug, Deserialize, Serialize)]
pub struct Config {
    pub wire: Wire,
    /// Round trips by the far end's address, in milliseconds, in addition to the wire's own.
    pub rtt_ms: BTreeMap<IpAddr, f64>,
    /// The namespace of the `wan` end; the `isp` end stays in this one.
    pub router: String,
}

/// The role: makes both devices, prints `ready`, then carries packets until it is killed.
pub fn run() {
    let path = std::env::args().nth(1).expect("the configuration's path");
    let config: Config = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let [isp, wan] =
        ["isp", "wan"].map(|name| Arc::new(Iface::without_packet_info(name, Mode::Tun).expect("a TUN device")));
    // The device moves, the descriptor stays.
    let moved = Command::new("ip").args(["link", "set", "wan", "netns", &config.router]).status().expect("ip");
    assert!(moved.success(), "the wire's end does not move to {}", config.router);
    println!("ready");
    std::io::stdout().flush().unwrap();
    let config = Arc::new(config);
    let up = Direction { from: wan.clone(), to: isp.clone(), far_end: Field::Destination, config: config.clone() };
    let down = Direction { from: isp, to: wan, far_end: Field::Source, config };
    let other = thread::spawn(move || up.carry(1));
    down.carry(2);
    other.join().unwrap();
}

struct Direction {
    from: Arc<Iface>,
    to: Arc<Iface>,
    far_end: Field,
    config: Arc<Config>,
}

#[derive(Clone, Copy)]
enum Field {
    Source,
    Destination,
}

/// By due time, then in order of arrival.
type Queue = Arc<(Mutex<BinaryHeap<Reverse<(Instant, u64, Vec<u8>)>>>, Condvar)>;

impl Direction {
    fn carry(self, number: u64) {
        let queue = Queue::default();
        let (waiting, to) = (queue.clone(), self.to.clone());
        thread::spawn(move || deliver(&waiting, &to));
        let mut dice = Dice::new(self.config.wire.seed.wrapping_mul(2).wrapping_add(number));
        let mut buffer = vec![0; 65536];
        let wire = &self.config.wire;
        let mut count = 0;
        loop {
            // A device that is not up yet gives EIO or ENETDOWN.
            let Ok(length) = self.from.recv(&mut buffer) else {
                thread::sleep(Duration::from_millis(1));
                continue;
            };
            let now = Instant::now();
            let packet = &buffer[..length];
            if dice.percent(wire.loss_percent) {
                continue;
            }
            for _ in 0..if dice.percent(wire.duplicate_percent) { 2 } else { 1 } {
                let own =
                    self.far_end.read(packet).and_then(|ip| self.config.rtt_ms.get(&ip)).copied().unwrap_or_default();
                let late = if dice.percent(wire.late_percent) { wire.late_ms } else { 0.0 };
                let delay_ms = f64::midpoint(wire.rtt_ms, own) + wire.jitter_ms * dice.unit() + late;
                count += 1;
                let due = now + Duration::from_secs_f64(delay_ms / 1000.0);
                queue.0.lock().unwrap().push(Reverse((due, count, packet.to_vec())));
                queue.1.notify_one();
            }
        }
    }
}

fn deliver(queue: &Queue, to: &Iface) {
    let (heap, arrived) = &**queue;
    let mut waiting = heap.lock().unwrap();
    loop {
        let now = Instant::now();
        let next = waiting.peek().map(|Reverse((due, ..))| *due);
        waiting = match next {
            None => arrived.wait(waiting).unwrap(),
            Some(due) if due > now => arrived.wait_timeout(waiting, due - now).unwrap().0,
            Some(_) => {
                let Reverse((_, _, packet)) = waiting.pop().unwrap();
                drop(waiting);
                // A full device loses the packet, as wires do.
                let _ = to.send(&packet);
                heap.lock().unwrap()
            }
        };
    }
}

impl Field {
    fn read(self, packet: &[u8]) -> Option<IpAddr> {
        let (v4, v6) = match self {
            Self::Source => (12, 8),
            Self::Destination => (16, 24),
        };
        match packet.first()? >> 4 {
            4 => Some(<[u8; 4]>::try_from(packet.get(v4..v4 + 4)?).ok()?.into()),
            6 => Some(<[u8; 16]>::try_from(packet.get(v6..v6 + 16)?).ok()?.into()),
            _ => None,
        }
    }
}
