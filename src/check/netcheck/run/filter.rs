//! The filter tests: a server is asked to answer from elsewhere, on a socket that has sent nowhere else.
//!
//! Two sockets a test. F sends to the server alone, so that whatever reaches it from elsewhere has passed the filter
//! unasked. G first sends to the places the server would answer from, which opens the filter for them, and then asks
//! for the same answers: those prove that the server really sends them. Neither socket serves any other purpose.
//!
//! Before the server has told its other port, G guesses it. A wrong guess draws answers that nothing was opened for, and
//! routers remember those: where Linux lets packets reach itself, what leaves for their sender later gets another outside
//! port, to which the server does not answer. So the port that was told is then opened from a third socket.

use std::net::SocketAddr;
use std::time::Duration;

use super::super::timing;
use super::super::tracks::{Copy, Fate};
use super::filter_test::Test;
use crate::check::filtering::copies_needed;
use crate::model::{Family, is_global};
use crate::probe::{Moment, ProbeId, Slot, StunForm, StunReply};

/// The first local socket of the filter tests; each takes two, F and G …
pub(in crate::check::netcheck) const FIRST_SOCKET: u8 = 10;
/// … and one of these, from here on, where G has guessed wrong …
pub(in crate::check::netcheck) const FIRST_SPARE_SOCKET: u8 = FIRST_SOCKET + 2 * IN_ALL;
/// … up to the last of all.
pub(in crate::check::netcheck) const LAST_SOCKET: u8 = FIRST_SPARE_SOCKET + IN_ALL - 1;
/// Servers tested at once in each family …
const AT_ONCE: usize = 2;
/// … and in all, when the first ones turn out not to offer the test.
const IN_ALL: u8 = 8;
/// Tests that came to nothing, for which others are begun. Each costs the time of a proof that never comes.
const FRUITLESS: usize = 2;

/// The filter tests of one family.
#[derive(Debug)]
pub(super) struct Filter {
    family: Family,
    candidates: Vec<SocketAddr>,
    /// How many of those that are not under test yet are known to offer it. They are the first.
    offering: usize,
    tests: Vec<Test>,
}

/// A copy that is due: test, flow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Due {
    pub(super) test: usize,
    pub(super) flow: usize,
}

/// What the run as a whole has seen of loss.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    pub lost: u32,
    pub settled: u32,
}

impl Seen {
    fn needed(self) -> u32 {
        copies_needed(self.lost, self.settled)
    }
}

/// What the measuring socket knows of a server.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Known {
    pub round_trip: Option<Duration>,
    pub given_up: bool,
}

/// What the tests want.
#[derive(Debug, Default)]
pub(super) struct Wish {
    pub due: Option<Due>,
    pub wake: Option<Moment>,
    pub open: bool,
}

impl Filter {
    /// No test yet.
    pub(super) const fn new(family: Family) -> Self {
        Self { family, candidates: Vec::new(), offering: 0, tests: Vec::new() }
    }

    pub(super) const fn family(&self) -> Family {
        self.family
    }

    pub(super) const fn has_no_candidate(&self) -> bool {
        self.candidates.is_empty()
    }

    /// A server that may be tested. One whose answer told of another endpoint (`offers`) goes before those that did not
    /// say so yet. Another port of one already known is the same server. What comes from inside this host's own network
    /// passes no filter at its edge, so servers there are not tested.
    pub(super) fn add(&mut self, server: SocketAddr, offers: bool, now: Moment) {
        let tells = is_global(server.ip()) || server.ip().is_loopback();
        if Family::of(server.ip()) != self.family || !tells {
            return;
        }
        let known = self.candidates.iter().position(|known| known.ip() == server.ip());
        // Those under test stay where they are: a test is found by its place.
        let next = self.tests.len() + self.offering;
        match known {
            None if offers => self.candidates.insert(next.min(self.candidates.len()), server),
            None => self.candidates.push(server),
            Some(place) if offers && place >= next => {
                let server = self.candidates.remove(place);
                self.candidates.insert(next, server);
            }
            Some(_) => return,
        }
        self.offering += usize::from(offers);
        self.follow(now);
    }

    /// Begins tests as long as fewer than two are of use.
    fn follow(&mut self, now: Moment) {
        // This host's own servers tell something only where there are no others.
        let far = self.candidates.iter().any(|server| !server.ip().is_loopback());
        for test in self.tests.iter_mut().filter(|test| far && test.server.ip().is_loopback()) {
            test.useless = true;
        }
        let count = |of: fn(&Test) -> bool| self.tests.iter().filter(|test| of(test)).count();
        let spared = count(|test| test.fruitless && !test.useless).min(FRUITLESS);
        while self.tests.iter().filter(|test| !test.useless).count() < AT_ONCE + spared
            && let Some(number) = u8::try_from(self.tests.len()).ok().filter(|number| *number < IN_ALL)
            && let Some(server) = self.candidates.get(self.tests.len()).copied()
        {
            let test = Test::begin(server, self.family, number, now);
            self.tests.push(test);
            self.offering = self.offering.saturating_sub(1);
        }
    }

    /// What is due at `now`.
    pub(super) fn wish(&self, now: Moment, seen: Seen, known: impl Fn(SocketAddr) -> Known) -> Wish {
        let mut wish = Wish::default();
        if self.decided() {
            return wish;
        }
        let needed = seen.needed();
        for (index, test) in self.tests.iter().enumerate() {
            let known = known(test.server);
            if !test.useless && !test.is_dead(now, needed, known) {
                test.wish(index, now, needed, known, &mut wish);
            }
        }
        wish
    }

    /// Gives up tests of servers that do not answer plain requests, or send nothing from elsewhere, and begins others in their place. Returns whether
    /// any began.
    pub(super) fn replace_dead(&mut self, now: Moment, seen: Seen, known: impl Fn(SocketAddr) -> Known) -> bool {
        let needed = seen.needed();
        for test in &mut self.tests {
            let known = known(test.server);
            test.useless |= test.is_dead(now, needed, known);
            test.fruitless = test.proves_nothing(now, needed, known);
        }
        let before = self.tests.len();
        self.follow(now);
        self.tests.len() > before
    }

    /// Round trips of the control requests that got lost, and all whose fate is settled; of the proofs as well, once one
    /// has shown that they get through.
    pub(super) fn tally(&self, now: Moment) -> (u32, u32) {
        let flows = self.tests.iter().flat_map(|test| &test.flows);
        flows
            .filter_map(|flow| {
                let counted = flow.copies.get(flow.first_that_counts()..).unwrap_or_default();
                Some(tally(counted, flow.round_trips().max()?, now))
            })
            .fold((0, 0), |(lost, settled), (more_lost, more_settled)| (lost + more_lost, settled + more_settled))
    }

    /// A packet from elsewhere has come through: nothing more can be learned.
    fn decided(&self) -> bool {
        self.tests.iter().any(|test| test.stranger_passed && !test.useless)
    }

    /// Marks a copy as sent, and says what to send.
    pub(super) fn launch(
        &mut self,
        due: Due,
        probe: ProbeId,
        now: Moment,
    ) -> Option<(Slot, SocketAddr, StunForm, usize)> {
        let flow = self.tests.get_mut(due.test)?.flows.get_mut(due.flow)?;
        let copy = flow.copies.len();
        flow.copies.push(Copy { probe, at: now, connected: false, fate: Fate::Waiting });
        Some((flow.slot, flow.server, flow.kind.form(), copy))
    }

    /// Takes a reply. Returns the server's other endpoint when this is the first to tell it.
    pub(super) fn hear(
        &mut self,
        due: Due,
        copy: usize,
        fate: Fate,
        reply: Option<&StunReply>,
        now: Moment,
    ) -> Option<(SocketAddr, SocketAddr)> {
        let test = self.tests.get_mut(due.test)?;
        let flow = test.flows.get_mut(due.flow)?;
        let (kind, slot) = (flow.kind, flow.slot);
        flow.copies.get_mut(copy)?.fate = fate;
        let learned = reply.and_then(|reply| test.learn(kind, slot, reply, now)).map(|other| (test.server, other));
        self.follow(now);
        learned
    }
}

/// Copies that got lost, and all whose fate is settled, of a server whose answers took so long at worst.
pub(super) fn tally(copies: &[Copy], worst: Duration, now: Moment) -> (u32, u32) {
    let late = timing::late_after(worst);
    let shared = || copies.iter().filter(|copy| !copy.connected);
    let overdue = shared().filter(|copy| matches!(copy.fate, Fate::Waiting) && now >= copy.at + late).count();
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    (count(overdue), count(overdue + shared().filter_map(Copy::round_trip).count()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Everything that is sent from the start on for so long, by socket and destination, while the servers answer plain
    /// requests after 20 ms, telling of `other`, and nothing else.
    fn sent(servers: &[(&str, bool)], other: Option<&str>, millis: u64) -> BTreeMap<(u8, String), usize> {
        const ROUND_TRIP: Duration = Duration::from_millis(20);
        let mut filter = Filter::new(Family::V4);
        let at = |millis| Moment::after_start(Duration::from_millis(millis));
        for (server, offers) in servers {
            filter.add(server.parse().unwrap(), *offers, at(0));
        }
        let mut sent = BTreeMap::new();
        let mut waiting = Vec::new();
        for now in (0..millis).map(at) {
            waiting.retain(|(due, copy, sent_at, server)| {
                let arrived = now >= *sent_at + ROUND_TRIP;
                if arrived {
                    let reply = StunReply {
                        mapped: Some("203.0.113.1:5000".parse().unwrap()),
                        other_address: other.map(|other| other.parse().unwrap()),
                        ..StunReply::bare(*server)
                    };
                    filter.hear(*due, *copy, Fate::Answered(ROUND_TRIP), Some(&reply), now);
                }
                !arrived
            });
            let known = |_| Known { round_trip: Some(ROUND_TRIP), given_up: false };
            filter.replace_dead(now, Seen { lost: 0, settled: 0 }, known);
            while let Some(due) = filter.wish(now, Seen { lost: 0, settled: 0 }, known).due {
                let (slot, server, form, copy) = filter.launch(due, ProbeId(0), now).unwrap();
                let Slot::Shared { index, .. } = slot else { panic!("{slot:?}") };
                *sent.entry((index, server.to_string())).or_default() += 1;
                if form == StunForm::Plain {
                    waiting.push((due, copy, now, server));
                }
            }
        }
        sent
    }

    #[test]
    fn no_port_beside_an_unusual_one_is_guessed() {
        let before_any_answer = |server| sent(&[(server, false)], None, 15);
        let usual = before_any_answer("198.51.100.1:3478");
        assert!(usual.contains_key(&(11, "198.51.100.1:3479".to_owned())), "{usual:?}");
        let unusual = before_any_answer("198.51.100.1:443");
        assert_eq!(unusual.keys().collect::<Vec<_>>(), [&(10, "198.51.100.1:443".to_owned())]);
    }

    #[test]
    fn the_port_that_was_told_takes_the_place_of_the_guess() {
        let all = sent(&[("198.51.100.1:3478", false)], Some("198.51.100.2:3500"), 500);
        assert_eq!(all[&(11, "198.51.100.1:3479".to_owned())], 3);
        assert!(all[&(11, "198.51.100.1:3478".to_owned())] <= 3, "{all:?}");
        // From a socket that nobody has answered unasked yet.
        assert_eq!(all[&(FIRST_SPARE_SOCKET, "198.51.100.1:3500".to_owned())], 3);
        assert!(all.contains_key(&(FIRST_SPARE_SOCKET, "198.51.100.2:3500".to_owned())), "{all:?}");
        assert!(!all.contains_key(&(11, "198.51.100.1:3500".to_owned())), "{all:?}");
        // The ten of a proof that never comes.
        assert!(all[&(FIRST_SPARE_SOCKET, "198.51.100.1:3478".to_owned())] <= 10, "{all:?}");
    }

    #[test]
    fn a_server_cannot_make_us_send_where_it_likes() {
        for other in ["192.168.1.1:53", "10.0.0.1:53", "224.0.0.251:5353", "255.255.255.255:9", "127.0.0.1:22"] {
            let all = sent(&[("198.51.100.1:3478", false)], Some(other), 500);
            assert!(all.keys().all(|(_, to)| to.starts_with("198.51.100.1:")), "{other}: {all:?}");
        }
    }

    #[test]
    fn two_more_servers_are_tested_when_the_first_send_nothing_from_elsewhere() {
        let servers: Vec<_> = (1..=6).map(|n| format!("198.51.100.{n}:3478")).collect();
        let servers: Vec<_> = servers.iter().map(|server| (server.as_str(), true)).collect();
        let under_test = |millis| {
            let all = sent(&servers, Some("198.51.100.9:3479"), millis);
            all.keys().filter(|(slot, _)| slot % 2 == 0 && *slot < FIRST_SPARE_SOCKET).count()
        };
        assert_eq!(under_test(40), 2, "whether the first two prove anything is not known yet");
        assert_eq!(under_test(3000), 4, "as long as servers drop what is asked, there is an end to asking");
    }

    #[test]
    fn servers_known_to_offer_the_test_go_first() {
        let under_test = |servers: &[(&str, bool)]| {
            let all = sent(servers, Some("198.51.100.9:3479"), 15);
            all.keys()
                .filter(|(slot, _)| slot % 2 == 0 && *slot < FIRST_SPARE_SOCKET)
                .map(|(_, to)| to.clone())
                .collect::<Vec<_>>()
        };
        let (a, b, c, d) = ("198.51.100.1:1", "198.51.100.2:2", "198.51.100.3:3", "198.51.100.4:4");
        assert_eq!(under_test(&[(a, false), (b, false), (c, true)]), [a, b], "those begun go on");

        let mut filter = Filter::new(Family::V4);
        let now = Moment::START;
        for (server, offers) in [(a, false), (b, false), (c, false), (d, false), (d, true), (c, true)] {
            filter.add(server.parse().unwrap(), offers, now);
        }
        assert_eq!(filter.candidates, [a, b, d, c].map(|server| server.parse::<SocketAddr>().unwrap()));
    }
}
