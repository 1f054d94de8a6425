//! Who is let in next, who has to leave for that, and who is turned away: numbers alone, no sockets and no clock.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::time::Duration;

use tokio::time::Instant;

/// What a guest is given to finish in while others wait: two to three round trips, and the relay's own work for all who are
/// inside, on a slow machine.
pub(super) const GRACE: Duration = Duration::from_secs(1);

/// Everybody who is inside or waits, by where he comes from.
#[derive(Debug)]
pub(super) struct Crowd {
    places: usize,
    /// Who may wait.
    room: usize,
    came: u64,
    inside: usize,
    waiting: usize,
    sources: HashMap<IpAddr, Source>,
    /// Sources with somebody inside, by how many, and by how long the oldest has been there.
    heaviest_last: BTreeSet<(usize, Reverse<u64>, IpAddr)>,
    /// Sources with somebody waiting, by how many they have inside, and by how long they wait.
    next_first: BTreeSet<(usize, u64, IpAddr)>,
    /// Sources with somebody waiting, by how many, and by who came last.
    longest_last: BTreeSet<(usize, u64, IpAddr)>,
}

/// Numbers grow in the order people come, and none is given twice.
#[derive(Debug, Default)]
struct Source {
    /// And when each was let in.
    inside: BTreeMap<u64, Instant>,
    waiting: BTreeSet<u64>,
}

/// What has to happen now, and has as far as the crowd is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    LetIn(u64),
    ShowOut(u64),
    TurnAway(u64),
    /// Nothing before that time, unless somebody comes or leaves; `None`: nothing at all.
    Wait(Option<Instant>),
}

impl Crowd {
    pub(super) fn new(places: usize, room: usize) -> Self {
        Self {
            places: places.max(1),
            room,
            came: 0,
            inside: 0,
            waiting: 0,
            sources: HashMap::new(),
            heaviest_last: BTreeSet::new(),
            next_first: BTreeSet::new(),
            longest_last: BTreeSet::new(),
        }
    }

    pub(super) fn inside(&self) -> usize {
        self.inside
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Somebody comes, and waits.
    pub(super) fn arrive(&mut self, from: IpAddr) -> u64 {
        let number = self.came;
        self.came += 1;
        self.change(from, |source| source.waiting.insert(number));
        number
    }

    /// Somebody leaves who may have been inside, waiting, or neither any more.
    pub(super) fn leave(&mut self, from: IpAddr, number: u64) {
        self.change(from, |source| source.inside.remove(&number).is_some() || source.waiting.remove(&number));
    }

    /// To be called until it says to wait.
    ///
    /// Next is whoever's address has fewest inside. Where there is no place, the oldest guest of the address that has most
    /// has to go, when he has had his time. Where too many wait, the newest of the longest queue does not.
    pub(super) fn step(&mut self, now: Instant) -> Step {
        let Some(&(_, next, from)) = self.next_first.first() else { return Step::Wait(None) };
        if self.inside < self.places {
            self.change(from, |source| {
                source.waiting.remove(&next);
                source.inside.insert(next, now);
            });
            return Step::LetIn(next);
        }
        let due = self.oldest_of_heaviest().map(|(_, _, came)| came + GRACE);
        if due.is_some_and(|due| due <= now)
            && let Some(number) = self.show_out()
        {
            return Step::ShowOut(number);
        }
        if self.waiting > self.room
            && let Some(number) = self.turn_away()
        {
            return Step::TurnAway(number);
        }
        Step::Wait(due)
    }

    /// One fewer, as the system has no room.
    pub(super) fn make_room(&mut self) -> Option<Step> {
        self.turn_away().map(Step::TurnAway).or_else(|| self.show_out().map(Step::ShowOut))
    }

    fn turn_away(&mut self) -> Option<u64> {
        let &(_, newest, from) = self.longest_last.last()?;
        self.change(from, |source| source.waiting.remove(&newest)).then_some(newest)
    }

    fn show_out(&mut self) -> Option<u64> {
        let (from, oldest, _) = self.oldest_of_heaviest()?;
        self.change(from, |source| source.inside.remove(&oldest)).map(|_| oldest)
    }

    fn oldest_of_heaviest(&self) -> Option<(IpAddr, u64, Instant)> {
        let &(_, Reverse(oldest), from) = self.heaviest_last.last()?;
        let came = self.sources.get(&from)?.inside.get(&oldest)?;
        Some((from, oldest, *came))
    }

    /// Changes a source, and keeps what is known of all of them in step.
    fn change<T>(&mut self, from: IpAddr, change: impl FnOnce(&mut Source) -> T) -> T {
        let mut source = self.sources.remove(&from).unwrap_or_default();
        let (weight, turn, queue) = source.entries(from);
        weight.map(|entry| self.heaviest_last.remove(&entry));
        turn.map(|entry| self.next_first.remove(&entry));
        queue.map(|entry| self.longest_last.remove(&entry));
        self.inside -= source.inside.len();
        self.waiting -= source.waiting.len();
        let changed = change(&mut source);
        self.inside += source.inside.len();
        self.waiting += source.waiting.len();
        let (weight, turn, queue) = source.entries(from);
        self.heaviest_last.extend(weight);
        self.next_first.extend(turn);
        self.longest_last.extend(queue);
        if weight.is_some() || turn.is_some() {
            self.sources.insert(from, source);
        }
        changed
    }
}

type Weight = (usize, Reverse<u64>, IpAddr);
type Rank = (usize, u64, IpAddr);

impl Source {
    /// What the three orders have of it.
    fn entries(&self, from: IpAddr) -> (Option<Weight>, Option<Rank>, Option<Rank>) {
        let inside = self.inside.len();
        (
            self.inside.first_key_value().map(|(&oldest, _)| (inside, Reverse(oldest), from)),
            self.waiting.first().map(|&next| (inside, next, from)),
            self.waiting.last().map(|&newest| (self.waiting.len(), newest, from)),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    fn steps(crowd: &mut Crowd, now: Instant) -> Vec<Step> {
        let mut steps = Vec::new();
        loop {
            steps.push(crowd.step(now));
            if matches!(steps.last(), Some(Step::Wait(_))) {
                return steps;
            }
        }
    }

    #[test]
    fn whoever_comes_is_let_in_while_there_are_places() {
        let (mut crowd, now) = (Crowd::new(2, 10), Instant::now());
        assert_eq!(steps(&mut crowd, now), [Step::Wait(None)]);
        for number in 0..2 {
            assert_eq!(crowd.arrive(ip(1)), number);
            assert_eq!(steps(&mut crowd, now), [Step::LetIn(number), Step::Wait(None)]);
        }
        let third = crowd.arrive(ip(1));
        assert_eq!(steps(&mut crowd, now), [Step::Wait(Some(now + GRACE))]);
        crowd.leave(ip(1), 1);
        assert_eq!(
            steps(&mut crowd, now + GRACE / 2),
            [Step::LetIn(third), Step::Wait(None)],
            "there is a place again"
        );
    }

    #[test]
    fn the_oldest_leaves_for_the_next_when_he_has_had_his_time() {
        let (mut crowd, now) = (Crowd::new(2, 10), Instant::now());
        for later in [0, 1, 2, 3] {
            crowd.arrive(ip(1));
            let _ = steps(&mut crowd, now + GRACE * later / 10);
        }
        assert_eq!((crowd.inside(), crowd.waiting()), (2, 2));
        let expected = [Step::ShowOut(0), Step::LetIn(2), Step::Wait(Some(now + GRACE * 11 / 10))];
        assert_eq!(steps(&mut crowd, now + GRACE), expected);
        crowd.leave(ip(1), 0);
        assert_eq!((crowd.inside(), crowd.waiting()), (2, 1), "he has left before");
    }

    #[test]
    fn whose_address_has_fewest_inside_is_next_and_whose_has_most_makes_room() {
        let (mut crowd, now) = (Crowd::new(4, 100), Instant::now());
        let first = crowd.arrive(ip(9));
        for _ in 0..50 {
            crowd.arrive(ip(1));
        }
        let _ = steps(&mut crowd, now);
        let honest = crowd.arrive(ip(2));
        assert_eq!(steps(&mut crowd, now), [Step::Wait(Some(now + GRACE))]);
        // The oldest guest of all stays: his address has him alone.
        let moves = steps(&mut crowd, now + GRACE);
        assert_eq!(moves[..2], [Step::ShowOut(1), Step::LetIn(honest)]);
        assert!(!moves.contains(&Step::ShowOut(first)), "{moves:?}");
        // One place comes free, and is not the flood's.
        let second = crowd.arrive(ip(3));
        crowd.leave(ip(9), first);
        assert_eq!(steps(&mut crowd, now + GRACE)[0], Step::LetIn(second));
    }

    #[test]
    fn the_longest_queue_is_cut() {
        let (mut crowd, now) = (Crowd::new(1, 3), Instant::now());
        for _ in 0..4 {
            crowd.arrive(ip(1));
        }
        let honest = crowd.arrive(ip(2));
        let all = steps(&mut crowd, now);
        assert_eq!(all, [Step::LetIn(0), Step::TurnAway(3), Step::Wait(Some(now + GRACE))]);
        for _ in 0..100 {
            let number = crowd.arrive(ip(1));
            assert_eq!(steps(&mut crowd, now)[0], Step::TurnAway(number));
        }
        crowd.leave(ip(1), 0);
        assert_eq!(steps(&mut crowd, now)[0], Step::LetIn(1), "who came first, where no address has anybody inside");
        assert_eq!(crowd.make_room(), Some(Step::TurnAway(honest)), "the newest of two queues as long");
        assert_eq!(crowd.make_room(), Some(Step::TurnAway(2)));
        assert_eq!(crowd.make_room(), Some(Step::ShowOut(1)));
        assert_eq!(crowd.make_room(), None);
        assert!(crowd.sources.is_empty() && crowd.inside() == 0 && crowd.waiting() == 0);
    }

    /// Whatever comes and goes, each is let in once at the most, no more are inside than there are places, and nobody waits
    /// beside a place that is free.
    #[test]
    fn numbers_add_up() {
        let (mut crowd, mut now) = (Crowd::new(5, 7), Instant::now());
        let (mut seed, mut present, mut inside) = (1_u32, Vec::new(), BTreeSet::new());
        for _ in 0..20_000 {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let (what, which) = (seed >> 28, (seed >> 8) as usize);
            now += GRACE / 20;
            match what {
                0..8 => {
                    let from = ip(u8::try_from(which % 6).unwrap());
                    present.push((from, crowd.arrive(from)));
                }
                8..15 if !present.is_empty() => {
                    let (from, number) = present.swap_remove(which % present.len());
                    crowd.leave(from, number);
                    inside.remove(&number);
                }
                _ => {}
            }
            for step in steps(&mut crowd, now) {
                match step {
                    Step::LetIn(number) => assert!(inside.insert(number)),
                    Step::ShowOut(number) => assert!(inside.remove(&number)),
                    Step::TurnAway(number) => assert!(!inside.contains(&number)),
                    Step::Wait(due) => assert!(due.is_none_or(|due| due > now)),
                }
            }
            assert_eq!(crowd.inside(), inside.len());
            assert!(crowd.inside() <= 5 && crowd.waiting() <= 7 && (crowd.waiting() == 0 || crowd.inside() == 5));
            assert!(crowd.sources.len() <= crowd.inside() + crowd.waiting());
        }
    }
}
