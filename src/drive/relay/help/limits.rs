//! What bounds the help: shares of those who ask, and messages that were acted on already.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

use crate::derp::{Rate, TokenBucket};

/// Packets for one client's address. A test takes about fifteen, and on a bad way a hundred.
pub(super) const EACH: Rate = Rate { per_second: 8, burst: 120 };
/// Packets for all of them.
pub(super) const ALL: Rate = Rate { per_second: 400, burst: 800 };
/// What a relay does for all others together. More than one of them asks for, so that it is they who tell their clients
/// that it is too much; as many as are remembered.
pub(super) const FOR_OTHERS: Rate = Rate { per_second: 1000, burst: 1000 };

/// After this a share is whole again, and need not be remembered.
const WHOLE_AGAIN: Duration = Duration::from_secs(EACH.burst / EACH.per_second);
/// Addresses whose shares are remembered.
const MOST_ADDRESSES: usize = 4096;

/// Who has taken how much.
#[derive(Debug)]
pub(super) struct Shares {
    all: TokenBucket,
    each: HashMap<IpAddr, (TokenBucket, Instant)>,
}

impl Shares {
    pub(super) fn new(now: Instant) -> Self {
        Self { all: TokenBucket::new(now, ALL), each: HashMap::new() }
    }

    /// Whether one more may be sent to this address.
    pub(super) fn take(&mut self, now: Instant, client: IpAddr) -> bool {
        let whose = whose(client);
        if !self.each.contains_key(&whose) {
            if self.each.len() >= MOST_ADDRESSES {
                self.each.retain(|_, (_, used)| now.saturating_duration_since(*used) < WHOLE_AGAIN);
            }
            if self.each.len() >= MOST_ADDRESSES {
                return false;
            }
            self.each.insert(whose, (TokenBucket::new(now, EACH), now));
        }
        let Some((bucket, used)) = self.each.get_mut(&whose) else { return false };
        *used = now;
        bucket.take(now, 1) && self.all.take(now, 1)
    }
}

/// Whoever has an IPv6 address has its /64.
fn whose(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V4(v4) => v4.into(),
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
    }
}

/// How far a message's time may be from ours.
pub(super) const SKEW: Duration = Duration::from_secs(30);
/// Messages remembered in each half of the memory.
const MOST_MESSAGES: usize = 65_536;

/// The messages that were acted on, as long as another copy of one would still be taken for new. In two halves, of which
/// the older is forgotten as a whole.
#[derive(Debug)]
pub(super) struct Seen {
    since: Instant,
    recent: HashSet<[u8; 16]>,
    older: HashSet<[u8; 16]>,
}

impl Seen {
    pub(super) fn new(now: Instant) -> Self {
        Self { since: now, recent: HashSet::new(), older: HashSet::new() }
    }

    /// Whether this one was taken for new before.
    pub(super) fn has(&self, id: [u8; 16]) -> bool {
        self.recent.contains(&id) || self.older.contains(&id)
    }

    /// Whether this one is new. What cannot be remembered is not taken for new.
    pub(super) fn is_new(&mut self, now: Instant, id: [u8; 16]) -> bool {
        // A message may come as long before its time as after it.
        if now.saturating_duration_since(self.since) >= SKEW * 2 {
            self.older = std::mem::take(&mut self.recent);
            self.since = now;
        }
        self.recent.len() < MOST_MESSAGES && !self.older.contains(&id) && self.recent.insert(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Instant {
        tokio::time::Instant::now().into_std()
    }

    #[test]
    fn an_address_gets_its_share_and_all_together_theirs() {
        let now = self::now();
        let mut shares = Shares::new(now);
        let taken = |shares: &mut Shares, now, address: &str| {
            (0..1000).filter(|_| shares.take(now, address.parse().unwrap())).count() as u64
        };
        assert_eq!(taken(&mut shares, now, "192.0.2.1"), EACH.burst);
        assert_eq!(taken(&mut shares, now + Duration::from_secs(1), "192.0.2.1"), EACH.per_second);
        assert_eq!(taken(&mut shares, now, "2001:db8::1") + taken(&mut shares, now, "2001:db8::2"), EACH.burst);
        let all: u64 = (0..100).map(|n| taken(&mut shares, now, &format!("198.51.100.{n}"))).sum();
        assert!(all <= ALL.burst, "{all}");
    }

    #[test]
    fn addresses_remembered_are_bounded() {
        let now = self::now();
        let mut shares = Shares::new(now);
        for n in 0..10_000_u32 {
            shares.take(now, std::net::Ipv4Addr::from(n).into());
        }
        assert_eq!(shares.each.len(), MOST_ADDRESSES);
        shares.take(now + WHOLE_AGAIN, "192.0.2.1".parse().unwrap());
        assert_eq!(shares.each.len(), 1);
    }

    #[test]
    fn a_message_is_new_once_and_memory_is_bounded() {
        let now = self::now();
        let mut seen = Seen::new(now);
        assert!(seen.is_new(now, [1; 16]));
        for after in [0, 30, 59, 60, 61, 119] {
            assert!(!seen.is_new(now + Duration::from_secs(after), [1; 16]), "{after}");
        }
        let mut seen = Seen::new(now);
        let accepted = (0..100_000_u128).filter(|n| seen.is_new(now, n.to_be_bytes())).count();
        assert_eq!((accepted, seen.recent.len()), (MOST_MESSAGES, MOST_MESSAGES));
    }
}
