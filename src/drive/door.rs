//! Everybody at a page's address, of whom there are few: room for so many connections; when it is full, whoever has been
//! there longest has to leave for the one who comes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

#[derive(Debug)]
pub(in crate::drive) struct Door {
    most: usize,
    inside: Mutex<Inside>,
}

#[derive(Debug, Default)]
struct Inside {
    came: u64,
    /// In the order they came.
    guests: BTreeMap<u64, CancellationToken>,
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
        Arc::new(Self { most: most.max(1), inside: Mutex::default() })
    }

    pub(in crate::drive) fn enter(self: &Arc<Self>) -> Guest {
        let must_leave = CancellationToken::new();
        let mut inside = self.inside();
        while inside.guests.len() >= self.most {
            inside.show_one_out();
        }
        let number = inside.came;
        inside.came += 1;
        inside.guests.insert(number, must_leave.clone());
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
        let Some((_, longest)) = self.guests.pop_first() else { return };
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
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
