//! Who is let in next, who has to leave for that, and who is turned away: numbers alone, no sockets and no clock.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::time::Duration;

use tokio::time::Instant;

/// What a guest is given to finish in while others wait: two to three round trips, and the relay's own work for all who are
/// inside, on a slow machine.
pub(super) const GRACE: Duration = Duration::from_secs(1);

/// What he is given though his address has fewer inside than another one: longer than a verifier may take, and than anybody
/// who is far away. Somebody with many addresses could keep a place with each otherwise.
const LIGHT_GRACE: Duration = Duration::from_secs(6);

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
    orders: Orders,
}

/// The sources in some orders.
#[derive(Debug, Default, PartialEq, Eq)]
struct Orders {
    /// Those with somebody inside, by how many, and by how long the first has been there.
    heaviest_last: BTreeSet<(usize, Reverse<Place>, IpAddr)>,
    /// Those with somebody inside, by how long the first has been there.
    oldest_first: BTreeSet<(Place, IpAddr)>,
    /// Those with somebody waiting, by how many they have inside, and by how long the first has waited.
    next_first: BTreeSet<(usize, u64, IpAddr)>,
    /// Those with somebody waiting, by how many they have inside and waiting, and by who came last.
    most_last: BTreeSet<(usize, u64, IpAddr)>,
}

/// When somebody was let in, and his number.
type Place = (Instant, u64);

/// Numbers grow in the order people come, and none is given twice. Of one source they are let in in that order.
#[derive(Debug, Default)]
struct Source {
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
            orders: Orders::default(),
        }
    }

    pub(super) fn inside(&self) -> usize {
        self.inside
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Who has most inside.
    pub(super) fn heaviest(&self) -> Option<IpAddr> {
        self.orders.heaviest_last.last().map(|&(.., from)| from)
    }

    /// Somebody comes, and waits.
    pub(super) fn arrive(&mut self, from: IpAddr) -> u64 {
        let number = self.came;
        self.came += 1;
        self.change(from, |source| {
            source.waiting.insert(number);
        });
        number
    }

    /// Somebody leaves who may have been inside, waiting, or neither any more.
    pub(super) fn leave(&mut self, from: IpAddr, number: u64) {
        self.change(from, |source| {
            source.inside.remove(&number);
            source.waiting.remove(&number);
        });
    }

    /// To be called until it says to wait.
    ///
    /// Next is whoever's address has fewest inside. Where there is no place, the oldest guest of the address that has most
    /// has to go when he has had his time, and any other one when he has had more. Where too many wait, the newest of the
    /// address that has most, inside and waiting, does not.
    pub(super) fn step(&mut self, now: Instant) -> Step {
        let Some(&(_, next, from)) = self.orders.next_first.first() else { return Step::Wait(None) };
        if self.inside < self.places {
            self.change(from, |source| {
                source.waiting.remove(&next);
                source.inside.insert(next, now);
            });
            return Step::LetIn(next);
        }
        let heaviest = self.orders.heaviest_last.last().map(|&(_, Reverse(place), from)| (place, from));
        let oldest = self.orders.oldest_first.first().copied();
        let candidates = [heaviest.map(|it| (GRACE, it)), oldest.map(|it| (LIGHT_GRACE, it))];
        for (grace, ((came, number), from)) in candidates.into_iter().flatten() {
            if came + grace <= now {
                self.leave(from, number);
                return Step::ShowOut(number);
            }
        }
        if self.waiting > self.room
            && let Some(number) = self.turn_away()
        {
            return Step::TurnAway(number);
        }
        Step::Wait(candidates.into_iter().flatten().map(|(grace, ((came, _), _))| came + grace).min())
    }

    /// One fewer, as the system has no room: whose address has most, be it inside or waiting.
    pub(super) fn make_room(&mut self) -> Option<Step> {
        let most = self.orders.most_last.last().map(|&(all, ..)| all);
        match self.orders.heaviest_last.last() {
            Some(&(inside, Reverse((_, number)), from)) if most.is_none_or(|all| all < inside) => {
                self.leave(from, number);
                Some(Step::ShowOut(number))
            }
            _ => self.turn_away().map(Step::TurnAway),
        }
    }

    fn turn_away(&mut self) -> Option<u64> {
        let &(_, newest, from) = self.orders.most_last.last()?;
        self.leave(from, newest);
        Some(newest)
    }

    /// Changes a source, and keeps what is known of all of them in step.
    fn change(&mut self, from: IpAddr, change: impl FnOnce(&mut Source)) {
        let mut source = self.sources.remove(&from).unwrap_or_default();
        self.orders.forget(&source, from);
        self.inside -= source.inside.len();
        self.waiting -= source.waiting.len();
        change(&mut source);
        self.inside += source.inside.len();
        self.waiting += source.waiting.len();
        self.orders.note(&source, from);
        if !source.inside.is_empty() || !source.waiting.is_empty() {
            self.sources.insert(from, source);
        }
    }
}

impl Source {
    fn oldest(&self) -> Option<Place> {
        self.inside.first_key_value().map(|(&number, &came)| (came, number))
    }
}

impl Orders {
    fn note(&mut self, source: &Source, from: IpAddr) {
        let (inside, waiting) = (source.inside.len(), source.waiting.len());
        if let Some(first) = source.oldest() {
            self.heaviest_last.insert((inside, Reverse(first), from));
            self.oldest_first.insert((first, from));
        }
        if let (Some(&first), Some(&last)) = (source.waiting.first(), source.waiting.last()) {
            self.next_first.insert((inside, first, from));
            self.most_last.insert((inside + waiting, last, from));
        }
    }

    fn forget(&mut self, source: &Source, from: IpAddr) {
        let (inside, waiting) = (source.inside.len(), source.waiting.len());
        if let Some(first) = source.oldest() {
            self.heaviest_last.remove(&(inside, Reverse(first), from));
            self.oldest_first.remove(&(first, from));
        }
        if let (Some(&first), Some(&last)) = (source.waiting.first(), source.waiting.last()) {
            self.next_first.remove(&(inside, first, from));
            self.most_last.remove(&(inside + waiting, last, from));
        }
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
        assert_eq!(crowd.heaviest(), Some(ip(1)));
        // The oldest guest of all stays: his address has him alone.
        let moves = steps(&mut crowd, now + GRACE);
        assert_eq!(moves[..2], [Step::ShowOut(1), Step::LetIn(honest)]);
        assert!(!moves.contains(&Step::ShowOut(first)), "{moves:?}");
        // One place comes free, and is not the flood's.
        let second = crowd.arrive(ip(3));
        crowd.leave(ip(9), first);
        assert_eq!(steps(&mut crowd, now + GRACE)[0], Step::LetIn(second));
    }

    /// As many addresses as there are places, nearly, and none of them says anything.
    #[test]
    fn who_has_a_place_with_each_of_many_addresses_does_not_keep_it() {
        let (mut crowd, now) = (Crowd::new(100, 400), Instant::now());
        for number in 0..98 {
            crowd.arrive(ip(number));
        }
        let _ = steps(&mut crowd, now);
        for _ in 0..300 {
            crowd.arrive(ip(200));
        }
        let mut let_in = 0;
        for tenths in 0..70 {
            let all = steps(&mut crowd, now + GRACE * tenths / 10);
            let_in += all.iter().filter(|step| matches!(step, Step::LetIn(_))).count();
        }
        assert!(let_in > 100, "{let_in}");
    }

    /// While others of one address come and go in hundreds.
    #[test]
    fn who_is_slow_is_let_finish() {
        let (mut crowd, now) = (Crowd::new(4, 100), Instant::now());
        let slow = crowd.arrive(ip(9));
        let mut let_in = 0;
        for tenths in 0..60 {
            (0..20).for_each(|_| assert!(crowd.arrive(ip(1)) > slow));
            let all = steps(&mut crowd, now + GRACE * tenths / 10);
            assert!(!all.contains(&Step::ShowOut(slow)), "after {tenths} tenths of a second");
            let_in += all.iter().filter(|step| matches!(step, Step::LetIn(_))).count();
        }
        assert!(let_in > 15, "{let_in}");
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
        assert_eq!(crowd.make_room(), Some(Step::TurnAway(2)), "two of that address");
        assert_eq!(crowd.make_room(), Some(Step::TurnAway(honest)), "both have one; who waits has less to lose");
        assert_eq!(crowd.make_room(), Some(Step::ShowOut(1)));
        assert_eq!(crowd.make_room(), None);
        assert!(crowd.sources.is_empty() && crowd.inside() == 0 && crowd.waiting() == 0);
    }

    #[test]
    fn where_the_system_has_no_room_whose_address_has_most_makes_it() {
        let (mut crowd, now) = (Crowd::new(3, 10), Instant::now());
        for _ in 0..3 {
            crowd.arrive(ip(1));
            let _ = steps(&mut crowd, now);
        }
        let honest = crowd.arrive(ip(2));
        let _ = steps(&mut crowd, now);
        assert_eq!(crowd.make_room(), Some(Step::ShowOut(0)));
        assert_eq!(steps(&mut crowd, now), [Step::LetIn(honest), Step::Wait(None)]);
    }

    /// Whatever comes and goes, each is let in once at the most, no more are inside than there are places, and nobody waits
    /// beside a place that is free.
    #[test]
    fn numbers_add_up() {
        let (mut crowd, mut now) = (Crowd::new(5, 7), Instant::now());
        let (mut seed, mut present) = (1_u32, Vec::new());
        let (mut inside, mut done) = (BTreeSet::new(), BTreeSet::new());
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
                    done.insert(number);
                }
                _ => {}
            }
            loop {
                let step = crowd.step(now);
                match step {
                    Step::LetIn(number) => assert!(!done.contains(&number) && inside.insert(number)),
                    Step::ShowOut(number) => assert!(inside.remove(&number) && done.insert(number)),
                    Step::TurnAway(number) => assert!(!inside.contains(&number) && done.insert(number)),
                    Step::Wait(due) => {
                        assert!(due.is_none_or(|due| due > now));
                        break;
                    }
                }
            }
            let mut orders = Orders::default();
            crowd.sources.iter().for_each(|(from, source)| orders.note(source, *from));
            assert_eq!(crowd.orders, orders);
            assert_eq!(crowd.inside(), inside.len());
            assert!(crowd.inside() <= 5 && crowd.waiting() <= 7 && (crowd.waiting() == 0 || crowd.inside() == 5));
            assert!(crowd.sources.len() <= crowd.inside() + crowd.waiting());
        }
    }
}
