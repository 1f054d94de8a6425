//! The direct paths to one peer: which endpoints are worth a try, when they are tried, and which one is used.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

/// Endpoints tried at most: those a peer tells, and as many again that its pings come from.
const CANDIDATES_MAX: usize = 32;

/// When an endpoint is pinged, from when it became known: several times in the first second, so that one is on its way
/// while the other side's open the other NAT; then every second.
const SCHEDULE: [Duration; 9] = [
    Duration::ZERO,
    Duration::from_millis(60),
    Duration::from_millis(200),
    Duration::from_millis(450),
    Duration::from_millis(900),
    Duration::from_millis(1800),
    Duration::from_millis(2800),
    Duration::from_millis(3800),
    Duration::from_secs(5),
];

/// Pings whose pong is still taken.
const REMEMBERED: usize = 128;

/// After so long without a pong, a path is no longer believed in by itself; the next ping finds out.
const TRUST: Duration = Duration::from_secs(12);

/// How often the path in use is pinged when nothing else is: NATs forget UDP after 30 s, some sooner.
const KEEP: Duration = Duration::from_secs(3);

/// Another endpoint takes over only if it is quicker by a quarter: paths are not to flutter.
const BETTER_BY: f64 = 0.75;

pub(super) struct Paths {
    candidates: Vec<Candidate>,
    probes: VecDeque<([u8; 12], SocketAddr, Instant)>,
    best: Option<Best>,
    begun: Option<Instant>,
    /// Whether it is for us to keep the path in use alive.
    keeps: bool,
}

struct Candidate {
    endpoint: SocketAddr,
    begun: Instant,
    sent: usize,
}

#[derive(Clone, Copy)]
struct Best {
    endpoint: SocketAddr,
    round_trip: Duration,
    heard_at: Instant,
    /// When it was last pinged to keep it, or heard.
    kept_at: Instant,
    silent: u32,
}

impl Paths {
    pub(super) const fn new(keeps: bool) -> Self {
        Self { candidates: Vec::new(), probes: VecDeque::new(), best: None, begun: None, keeps }
    }

    /// Since when a direct path is tried for.
    pub(super) const fn begun(&self) -> Option<Instant> {
        self.begun
    }

    /// The path in use, and its last round trip.
    pub(super) fn best(&self, now: Instant) -> Option<(SocketAddr, Duration)> {
        let best = self.best.filter(|best| now.saturating_duration_since(best.heard_at) < TRUST)?;
        Some((best.endpoint, best.round_trip))
    }

    /// Takes endpoints the peer told; those that are known are tried anew unless a path is in use.
    pub(super) fn told(&mut self, now: Instant, endpoints: &[SocketAddr]) {
        self.begun.get_or_insert(now);
        for endpoint in endpoints {
            self.consider(now, *endpoint);
        }
        if self.best(now).is_none() {
            let over = |candidate: &&mut Candidate| candidate.sent >= SCHEDULE.len();
            for candidate in self.candidates.iter_mut().filter(over) {
                (candidate.begun, candidate.sent) = (now, 0);
            }
        }
    }

    /// Takes an endpoint to try; a ping came from it, or the peer told it.
    pub(super) fn consider(&mut self, now: Instant, endpoint: SocketAddr) {
        self.begun.get_or_insert(now);
        if !may_be_pinged(endpoint) || self.candidates.iter().any(|known| known.endpoint == endpoint) {
            return;
        }
        if self.candidates.len() >= CANDIDATES_MAX {
            // The one that has had its chance the longest.
            let used = self.best.map(|best| best.endpoint);
            let oldest = self.candidates.iter().position(|known| Some(known.endpoint) != used);
            oldest.map(|index| self.candidates.remove(index));
        }
        self.candidates.push(Candidate { endpoint, begun: now, sent: 0 });
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let due = |candidate: &Candidate| SCHEDULE.get(candidate.sent).map(|after| candidate.begun + *after);
        let used = self.best.map(|best| {
            let kept = best.kept_at + KEEP;
            let trusted = best.heard_at + TRUST;
            if self.keeps { kept.min(trusted) } else { trusted }
        });
        self.candidates.iter().filter_map(due).chain(used).min()
    }

    /// Gives the path in use up when nothing was heard of it for too long, and says which it was.
    pub(super) fn expire(&mut self, now: Instant) -> Option<SocketAddr> {
        let best = self.best.filter(|best| now.saturating_duration_since(best.heard_at) >= TRUST)?;
        self.best = None;
        Some(best.endpoint)
    }

    /// Takes note that the peer's packets come from an endpoint.
    pub(super) fn alive(&mut self, now: Instant, endpoint: SocketAddr) {
        if let Some(best) = self.best.as_mut().filter(|best| best.endpoint == endpoint) {
            best.heard_at = now;
        }
    }

    /// The endpoints to ping now.
    pub(super) fn due(&mut self, now: Instant) -> Vec<SocketAddr> {
        let mut due = Vec::new();
        if let Some(best) = self.best.as_mut().filter(|best| self.keeps && best.kept_at + KEEP <= now) {
            best.kept_at = now;
            due.push(best.endpoint);
        }
        for candidate in &mut self.candidates {
            let mut count = 0;
            // However late we are, once is enough.
            while SCHEDULE.get(candidate.sent).is_some_and(|after| candidate.begun + *after <= now) {
                candidate.sent += 1;
                count += 1;
            }
            if count > 0 && !due.contains(&candidate.endpoint) {
                due.push(candidate.endpoint);
            }
        }
        due
    }

    /// Remembers a ping that is being sent.
    pub(super) fn probing(&mut self, now: Instant, transaction: [u8; 12], endpoint: SocketAddr) {
        if self.probes.len() >= REMEMBERED {
            self.probes.pop_front();
        }
        self.probes.push_back((transaction, endpoint, now));
    }

    /// Takes a pong of one of those pings. Answers whether the path in use is another one now.
    pub(super) fn pong(&mut self, now: Instant, from: SocketAddr, transaction: &[u8; 12]) -> Option<bool> {
        let index = self.probes.iter().position(|(known, ..)| known == transaction)?;
        let (_, endpoint, sent_at) = self.probes.remove(index)?;
        if from != endpoint {
            // It answers, but from elsewhere: that is where it is to be reached.
            self.consider(now, from);
            return Some(false);
        }
        Some(self.works(now, endpoint, now.saturating_duration_since(sent_at)))
    }

    /// Takes note that an endpoint answered. Answers whether the path in use is another one now.
    pub(super) fn works(&mut self, now: Instant, endpoint: SocketAddr, round_trip: Duration) -> bool {
        let fresh = Best { endpoint, round_trip, heard_at: now, kept_at: now, silent: 0 };
        match self.best {
            Some(best) if best.endpoint == endpoint => {
                let was_dead = self.best(now).is_none();
                self.best = Some(fresh);
                was_dead
            }
            Some(best) if self.best(now).is_some() && round_trip > best.round_trip.mul_f64(BETTER_BY) => false,
            _ => {
                self.best = Some(fresh);
                true
            }
        }
    }

    /// Takes note that a ping over the path in use was not answered in the usual time. Answers whether it is given up.
    pub(super) fn silent(&mut self, now: Instant) -> Option<SocketAddr> {
        /// One may be lost; two in a row are a sign.
        const GIVEN_UP_AFTER: u32 = 2;
        let best = self.best.as_mut()?;
        best.silent += 1;
        if best.silent < GIVEN_UP_AFTER {
            return None;
        }
        let endpoint = best.endpoint;
        self.best = None;
        for candidate in &mut self.candidates {
            (candidate.begun, candidate.sent) = (now, 0);
        }
        Some(endpoint)
    }
}

/// Whether pings may go there, whoever says so: not to many at once, and not to nobody.
pub(super) fn may_be_pinged(endpoint: SocketAddr) -> bool {
    let address = match endpoint.ip() {
        IpAddr::V4(v4) => !v4.is_broadcast() && v4.octets()[0] != 0,
        IpAddr::V6(_) => true,
    };
    address && endpoint.port() != 0 && !endpoint.ip().is_multicast() && !endpoint.ip().is_unspecified()
}
