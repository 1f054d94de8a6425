//! Everybody who has come in and is not a client yet: in a handshake, or asking over HTTP. There is room for so many;
//! when it is full, whoever has been there longest has to leave for the one who comes.
//!
//! Turning the newcomer away instead would let a stranger who opens connections and says nothing keep everybody out,
//! with a handful of connections a second. This way he has to open as many in a second as there is room for, or more.
//!
//! Where many mean well and come at once, as after a restart, nobody would be left to finish if each newcomer took the
//! place of another one at once. A relay therefore waits until nobody has to leave who has come within a second: the system
//! keeps those who wait, in order. A flood of strangers delays clients that much sooner, and keeps them out that much later;
//! how many may come from one address is limited elsewhere.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// What a guest is given to finish in, if whoever accepts connections waits: two to three round trips, and the relay's own
/// work for all who are inside, on a slow machine.
const GRACE: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(in crate::drive) struct Door {
    most: usize,
    inside: Mutex<Inside>,
    left: Notify,
}

#[derive(Debug, Default)]
struct Inside {
    came: u64,
    /// In the order they came, and when that was.
    guests: BTreeMap<u64, (Instant, CancellationToken)>,
    shown_out: u64,
}

/// A place in the room, free again when this is dropped.
#[derive(Debug)]
pub(in crate::drive) struct Guest {
    door: Arc<Door>,
    number: u64,
    must_leave: CancellationToken,
}

impl Door {
    pub(in crate::drive) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most: most.max(1), inside: Mutex::default(), left: Notify::new() })
    }

    /// Waits for a place that is free, or that somebody has had for some time. For one who waits.
    pub(in crate::drive) async fn has_room(&self) {
        loop {
            let left = self.left.notified();
            let Some(until) = self.patient_until(Instant::now()) else { return };
            tokio::select! {
                () = left => {}
                () = sleep_until(until) => {}
            }
        }
    }

    /// How long the oldest guest has yet, where he would have to leave for the next one.
    fn patient_until(&self, now: Instant) -> Option<Instant> {
        let inside = self.inside();
        let (_, (came, _)) = inside.guests.first_key_value()?;
        let until = *came + GRACE;
        (inside.guests.len() >= self.most && until > now).then_some(until)
    }

    pub(in crate::drive) fn enter(self: &Arc<Self>) -> Guest {
        let must_leave = CancellationToken::new();
        let mut inside = self.inside();
        while inside.guests.len() >= self.most {
            inside.show_one_out();
        }
        let number = inside.came;
        inside.came += 1;
        inside.guests.insert(number, (Instant::now(), must_leave.clone()));
        Guest { door: Arc::clone(self), number, must_leave }
    }

    /// Shows the oldest guest out though there is room: the system has none.
    pub(in crate::drive) fn make_room(&self) {
        self.inside().show_one_out();
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inside {
    fn show_one_out(&mut self) {
        let present = self.guests.len();
        let Some((_, (_, longest))) = self.guests.pop_first() else { return };
        longest.cancel();
        self.shown_out += 1;
        // Once in a while is enough to know, and less than a flood of lines.
        if self.shown_out.is_power_of_two() {
            tracing::warn!(
                present,
                so_far = self.shown_out,
                "too many unfinished connections at once: the oldest are closed for new ones"
            );
        }
    }
}

impl Guest {
    /// Ready when the place is needed for somebody else.
    pub(in crate::drive) async fn must_leave(&self) {
        self.must_leave.cancelled().await;
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.door.inside().guests.remove(&self.number);
        self.door.left.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_waits_lets_those_finish_who_have_just_come() {
        let door = Door::new(2);
        let now = Instant::now();
        let _one = door.enter();
        assert_eq!(door.patient_until(now), None, "there is a place");
        let two = door.enter();
        let until = door.patient_until(now).unwrap();
        assert!(until >= now + GRACE);
        assert_eq!(door.patient_until(until), None, "the oldest has had his time");
        let waiting = tokio::spawn({
            let door = Arc::clone(&door);
            async move {
                door.has_room().await;
                Instant::now()
            }
        });
        tokio::time::sleep(GRACE / 20).await;
        drop(two);
        assert!(waiting.await.unwrap() < until, "there is a place again");
    }

    #[test]
    fn the_oldest_leaves_for_the_newest() {
        let door = Door::new(2);
        let (one, two) = (door.enter(), door.enter());
        let left = |guest: &Guest| guest.must_leave.is_cancelled();
        assert!(!left(&one) && !left(&two));
        let three = door.enter();
        assert!(left(&one) && !left(&two) && !left(&three));
        drop(three);
        let four = door.enter();
        assert!(!left(&two) && !left(&four), "one place was free");
        door.make_room();
        assert!(left(&two) && !left(&four));
        drop(one);
        let _five = door.enter();
        let five = door.enter();
        assert!(left(&four) && !left(&five));
    }
}
