//! Who may knock: how many connections a second, and how many at a time from one address, before they are clients.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::derp::{Rate, TokenBucket};

/// Of the IPv6 addresses that anybody has, at least.
const PREFIX: u32 = 64;

/// One for all listeners of a relay.
#[derive(Debug, Default)]
pub(super) struct Gate {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    accepts: Option<TokenBucket>,
    most_per_address: Option<usize>,
    /// Who is within, by address. None of the numbers is zero.
    within: HashMap<IpAddr, usize>,
    turned_away: u64,
}

/// Leave to go on, until this is dropped.
#[derive(Debug)]
pub(super) struct Pass {
    gate: Arc<Gate>,
    address: IpAddr,
}

impl Gate {
    /// Sets other limits. Whoever is within stays.
    pub(super) fn set(&self, now: Instant, accepts: Option<Rate>, most_per_address: Option<usize>) {
        let mut state = self.state();
        state.accepts = accepts.map(|rate| TokenBucket::new(now, rate));
        state.most_per_address = most_per_address;
    }

    /// `None`: the connection is to be closed.
    pub(super) fn enter(self: &Arc<Self>, now: Instant, from: IpAddr) -> Option<Pass> {
        let address = whose(from, PREFIX);
        let mut state = self.state();
        if state.accepts.as_mut().is_some_and(|bucket| !bucket.take(now, 1)) {
            state.turn_away("more connections than AcceptConnectionLimit allows", from);
            return None;
        }
        let most = state.most_per_address.unwrap_or(usize::MAX);
        let within = state.within.entry(address).or_insert(0);
        if *within >= most {
            state.turn_away("more unfinished connections of one address than HandshakesPerAddress allows", from);
            return None;
        }
        *within += 1;
        Some(Pass { gate: Arc::clone(self), address })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn turn_away(&mut self, why: &'static str, from: IpAddr) {
        self.turned_away += 1;
        // Once in a while is enough to know, and less than a flood of lines.
        if self.turned_away.is_power_of_two() {
            tracing::warn!(%from, so_far = self.turned_away, "{why}: a connection is closed at once");
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if let Entry::Occupied(mut within) = self.gate.state().within.entry(self.address) {
            *within.get_mut() -= 1;
            if *within.get() == 0 {
                within.remove();
            }
        }
    }
}

/// The address that stands for whoever has this one; of IPv6, he has all that begin with as many bits.
pub(super) fn whose(address: IpAddr, prefix: u32) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128_u32.saturating_sub(prefix)).unwrap_or(0);
            Ipv6Addr::from_bits(address.to_bits() & mask).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn one_address_has_so_many_and_others_are_not_harmed() {
        let gate = Arc::<Gate>::default();
        let now = tokio::time::Instant::now().into_std();
        let free: Vec<_> = (0..100).map(|_| gate.enter(now, ip("192.0.2.1")).unwrap()).collect();
        gate.set(now, None, Some(2));
        assert!(gate.enter(now, ip("192.0.2.1")).is_none(), "there are a hundred");
        drop(free);
        let one = gate.enter(now, ip("192.0.2.1")).unwrap();
        let two = gate.enter(now, ip("::ffff:192.0.2.1")).unwrap();
        assert!(gate.enter(now, ip("192.0.2.1")).is_none());
        let _other = gate.enter(now, ip("192.0.2.2")).unwrap();
        drop(one);
        let _three = gate.enter(now, ip("192.0.2.1")).unwrap();
        assert!(gate.enter(now, ip("192.0.2.1")).is_none());
        drop(two);
        let _net = [ip("2001:db8::1"), ip("2001:db8::2:0:0:1")].map(|address| gate.enter(now, address).unwrap());
        assert!(gate.enter(now, ip("2001:db8::3")).is_none(), "a /64 is one");
        assert!(gate.enter(now, ip("2001:db8:0:1::3")).is_some());
    }

    #[test]
    fn nobody_is_kept_in_mind() {
        let gate = Arc::<Gate>::default();
        let now = tokio::time::Instant::now().into_std();
        for last in 0..=255 {
            drop(gate.enter(now, IpAddr::from([192, 0, 2, last])));
        }
        gate.set(now, None, Some(1));
        let _one = gate.enter(now, ip("192.0.2.1"));
        assert!(gate.enter(now, ip("192.0.2.1")).is_none());
        assert_eq!(gate.state().within.len(), 1);
    }

    #[test]
    fn connections_come_at_a_rate() {
        let gate = Arc::<Gate>::default();
        let now = tokio::time::Instant::now().into_std();
        gate.set(now, Some(Rate { per_second: 10, burst: 3 }), None);
        let comes = |millis| gate.enter(now + Duration::from_millis(millis), ip("192.0.2.1")).is_some();
        assert_eq!([0, 0, 0, 0, 99, 100, 100, 200].map(comes), [true, true, true, false, false, true, false, true]);
    }
}
