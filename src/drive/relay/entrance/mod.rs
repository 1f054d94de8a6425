//! Everybody who has come and is not a client yet: in a handshake, or asking over HTTP. There are so many places; whoever
//! finds none waits.
//!
//! Turning newcomers away instead would let a stranger who opens connections and says nothing keep everybody out with a
//! handful of connections a second; giving each of them the place of another at once would leave nobody to finish when
//! many who mean well come together, as after a restart. So a guest has a second to himself, and then a place as long as
//! nobody needs it. And as connections cost nothing, addresses take turns and not connections: next is whoever's address
//! has fewest inside, and who has to go is of the address that has most, or has been inside for long. A host that opens
//! thousands keeps out itself, and whoever shares its address.
//!
//! An address is an IPv4 address, or an IPv6 /48: anybody may have one of those. Behind a proxy all clients have one, and it
//! is as if there were no addresses.

mod crowd;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::gate::whose;
use crowd::{Crowd, Step};

/// For each place there is, so many may wait. A place that is needed is free again after a second, so that a queue of one
/// address is over in four; clients wait for longer.
const WAITING_FOR_EACH: usize = 4;

/// Of the IPv6 addresses that somebody has.
const PREFIX: u32 = 48;

/// More of them would need memory and files for nothing.
const MOST_WAITING: usize = 8192;

/// When the system has no files left, so many are closed for those who come. One at a time would be slower than a flood.
const GO_AT_ONCE: usize = 8;

/// One for all listeners of a relay.
#[derive(Debug)]
pub(super) struct Entrance {
    state: Mutex<State>,
    /// What was to be done next is to be done sooner.
    sooner: Notify,
}

#[derive(Debug)]
struct State {
    crowd: Crowd,
    told: HashMap<u64, Told>,
    due: Option<Instant>,
    shown_out: u64,
    turned_away: u64,
}

/// How somebody is told what becomes of him.
#[derive(Debug)]
struct Told {
    let_in: Option<oneshot::Sender<()>>,
    must_leave: CancellationToken,
}

/// A place inside, or in the queue, until this is dropped.
#[derive(Debug)]
pub(super) struct Guest {
    entrance: Arc<Entrance>,
    from: IpAddr,
    number: u64,
    let_in: oneshot::Receiver<()>,
    must_leave: CancellationToken,
}

/// How many may wait where there are so many places.
pub(super) fn waiting_room(places: usize) -> usize {
    places.saturating_mul(WAITING_FOR_EACH).min(MOST_WAITING)
}

impl Entrance {
    /// With so many places.
    pub(super) fn new(places: usize) -> Arc<Self> {
        let state = State {
            crowd: Crowd::new(places, waiting_room(places)),
            told: HashMap::new(),
            due: None,
            shown_out: 0,
            turned_away: 0,
        };
        Arc::new(Self { state: Mutex::new(state), sooner: Notify::new() })
    }

    /// Shows out whose time has come, without end.
    pub(super) async fn keep_time(self: Arc<Self>) {
        loop {
            self.settle(&mut self.state());
            let due = self.state().due;
            let time_comes = async {
                match due {
                    Some(due) => sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = time_comes => {}
                () = self.sooner.notified() => {}
            }
        }
    }

    /// Somebody comes from there.
    pub(super) fn arrive(self: &Arc<Self>, from: IpAddr) -> Guest {
        let from = whose(from, PREFIX);
        let (tell, let_in) = oneshot::channel();
        let must_leave = CancellationToken::new();
        let mut state = self.state();
        let number = state.crowd.arrive(from);
        state.told.insert(number, Told { let_in: Some(tell), must_leave: must_leave.clone() });
        self.settle(&mut state);
        Guest { entrance: Arc::clone(self), from, number, let_in, must_leave }
    }

    /// Some have to go though there is room: the system has none.
    pub(super) fn make_room(&self) {
        let mut state = self.state();
        for _ in 0..GO_AT_ONCE {
            let Some(step) = state.crowd.make_room() else { break };
            state.carry_out(step);
        }
        self.settle(&mut state);
    }

    fn settle(&self, state: &mut State) {
        let now = Instant::now();
        let due = loop {
            match state.crowd.step(now) {
                Step::Wait(due) => break due,
                step => state.carry_out(step),
            }
        };
        if due.is_some_and(|due| state.due.is_none_or(|before| due < before)) {
            self.sooner.notify_one();
        }
        state.due = due;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    // Once in a while is enough to know, and less than a flood of lines.
    fn carry_out(&mut self, step: Step) {
        match step {
            Step::LetIn(number) => {
                let tell = self.told.get_mut(&number).and_then(|told| told.let_in.take());
                // Whoever does not hear it any more is about to leave.
                tell.map(|tell| tell.send(()));
            }
            Step::ShowOut(number) => {
                self.dismiss(number);
                self.shown_out += 1;
                if self.shown_out.is_power_of_two() {
                    tracing::warn!(
                        most_from = %said(self.crowd.heaviest()),
                        present = self.crowd.inside(),
                        waiting = self.crowd.waiting(),
                        so_far = self.shown_out,
                        "too many unfinished connections at once: the oldest are closed for new ones"
                    );
                }
            }
            Step::TurnAway(number) => {
                self.dismiss(number);
                self.turned_away += 1;
                if self.turned_away.is_power_of_two() {
                    tracing::warn!(
                        most_from = %said(self.crowd.heaviest()),
                        waiting = self.crowd.waiting(),
                        so_far = self.turned_away,
                        "too many connections wait to be served: some are closed at once"
                    );
                }
            }
            Step::Wait(_) => {}
        }
    }

    fn dismiss(&mut self, number: u64) {
        if let Some(told) = self.told.remove(&number) {
            told.must_leave.cancel();
        }
    }
}

/// Of IPv6 the network, as a firewall would be told.
fn said(source: Option<IpAddr>) -> String {
    match source {
        Some(IpAddr::V6(network)) => format!("{network}/{PREFIX}"),
        Some(address) => address.to_string(),
        None => "nobody".to_owned(),
    }
}

impl Guest {
    /// Waits to be let in. `false`: he is turned away.
    pub(super) async fn comes_in(&mut self) -> bool {
        (&mut self.let_in).await.is_ok()
    }

    /// Ready when the place is needed for somebody else.
    pub(super) async fn must_leave(&self) {
        self.must_leave.cancelled().await;
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let mut state = self.entrance.state();
        state.told.remove(&self.number);
        state.crowd.leave(self.from, self.number);
        self.entrance.settle(&mut state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn guests_are_told_what_becomes_of_them() {
        let entrance = Entrance::new(2);
        let clock = tokio::spawn(Arc::clone(&entrance).keep_time());
        let (flood, honest) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        let mut silent = [entrance.arrive(flood), entrance.arrive(flood)];
        assert!(silent[0].comes_in().await && silent[1].comes_in().await);
        let mut waiting: Vec<_> = (0..waiting_room(2)).map(|_| entrance.arrive(flood)).collect();
        assert!(!entrance.arrive(flood).comes_in().await, "there is a queue");
        let began = Instant::now();
        let mut comes = entrance.arrive(honest);
        assert!(!waiting.pop().unwrap().comes_in().await, "who is of the longest queue makes room in it");
        assert!(comes.comes_in().await);
        assert!(began.elapsed() > crowd::GRACE / 2, "{:?}", began.elapsed());
        assert!(silent[0].must_leave.is_cancelled() && !comes.must_leave.is_cancelled());
        assert!(waiting[0].comes_in().await, "the other of the two has had his time as well");
        let inside = tokio::time::timeout(crowd::GRACE / 10, waiting[1].comes_in()).await;
        assert!(inside.is_err(), "whoever has just come has his time");
        drop(comes);
        assert!(waiting[1].comes_in().await);
        assert!(!waiting[0].must_leave.is_cancelled());
        drop((silent, waiting));
        let state = entrance.state();
        assert!(state.told.is_empty() && state.crowd.inside() == 0 && state.crowd.waiting() == 0);
        clock.abort();
    }
}
