//! Tailscale's schedule, modelled: what `tailscale netcheck` sends on its first run, and when it stops, without its
//! conclusions. Not its code, and no measurement of it: a stand-in that is asked on the same servers.
//!
//! Per region a set of three requests at 0, 100 and 200 ms, all regions at once (here each has one node, and there is
//! IPv4 only). An answer ends its set; so does having nothing to add, which with one set a region comes to the same.
//! It stops when all sets are over, after 3 s, or at a timer that starts with the third region's answer and lasts
//! twice the longest latency seen by then.
//!
//! Its port-mapping window (250 ms) and the captive-portal check (from 200 ms on) are left out, which flatters it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::Instant;

use crate::world::stun;

const TRIES: u32 = 3;
const SPACING: Duration = Duration::from_millis(100);
const CAP: Duration = Duration::from_secs(3);
const ENOUGH_REGIONS: usize = 3;

/// What became of it.
#[derive(Clone, Copy, Debug)]
pub struct Modelled {
    pub took: Duration,
    /// Regions with a latency.
    pub measured: usize,
}

#[derive(Clone, Default)]
struct Set {
    tries: u32,
    latency: Option<Duration>,
}

/// A first, full report on these servers, one a region.
pub async fn netcheck(servers: &[SocketAddr]) -> Modelled {
    let socket = UdpSocket::bind("0.0.0.0:0").await.unwrap();
    let begun = Instant::now();
    let mut sets = vec![Set::default(); servers.len()];
    let mut asked: HashMap<[u8; 12], (usize, Instant)> = HashMap::new();
    let mut stop = begun + CAP;
    let mut buffer = [0; 2048];
    while Instant::now() < stop && sets.iter().any(|set| set.latency.is_none()) {
        for (index, set) in sets.iter_mut().enumerate() {
            if set.latency.is_some() || set.tries == TRIES || Instant::now() < begun + SPACING * set.tries {
                continue;
            }
            let mut transaction = [0; 12];
            getrandom::fill(&mut transaction).unwrap();
            asked.insert(transaction, (index, Instant::now()));
            set.tries += 1;
            socket.send_to(&stun::encode_request(transaction, 0), servers[index]).await.unwrap();
        }
        let due = sets.iter().filter(|set| set.latency.is_none() && set.tries < TRIES);
        let due = due.map(|set| begun + SPACING * set.tries).min();
        let until = due.map_or(stop, |due| due.min(stop));
        let Ok(received) = tokio::time::timeout_at(until, socket.recv(&mut buffer)).await else { continue };
        let Some((transaction, _)) = stun::decode_response(&buffer[..received.unwrap()]) else { continue };
        let Some((index, at)) = asked.remove(&transaction) else { continue };
        let set = &mut sets[index];
        if set.latency.is_none() {
            set.latency = Some(at.elapsed());
            let latencies: Vec<Duration> = sets.iter().filter_map(|set| set.latency).collect();
            if latencies.len() == ENOUGH_REGIONS {
                let longest = latencies.iter().max().copied().unwrap_or_default();
                stop = stop.min(Instant::now() + longest * 2);
            }
        }
    }
    Modelled { took: begun.elapsed(), measured: sets.iter().filter(|set| set.latency.is_some()).count() }
}
