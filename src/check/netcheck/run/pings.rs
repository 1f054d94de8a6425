//! Echo requests: to two hosts at once, then to one more at a time until somebody answers.

use std::net::IpAddr;

use super::agenda::List;
use super::{Ask, timing};
use crate::probe::{Cause, Failure, Moment, Outcome};

/// Whom to ping, and what came of it.
#[derive(Clone, Debug)]
pub(super) struct Pings {
    targets: Vec<Target>,
    sent: usize,
    answered: bool,
    /// This host may not send any.
    forbidden: bool,
}

#[derive(Clone, Debug)]
struct Target {
    address: IpAddr,
    /// When it was asked last.
    last: Option<Moment>,
    under_way: u32,
}

impl Pings {
    pub(super) const fn new(allowed: bool) -> Self {
        Self { targets: Vec::new(), sent: 0, answered: false, forbidden: !allowed }
    }

    pub(super) fn len(&self) -> usize {
        self.targets.len()
    }

    pub(super) fn add(&mut self, address: IpAddr) {
        self.targets.push(Target { address, last: None, under_way: 0 });
    }

    /// What is due. So many are `raced` while nothing has been heard over UDP; `last_hope`: nor from any relay.
    pub(super) fn agenda(&self, raced: usize, last_hope: bool, list: &mut List) {
        if self.forbidden {
            return;
        }
        let race = Moment::START + timing::RACE_AFTER;
        for (index, target) in self.targets.iter().enumerate() {
            if target.last.is_some() {
                // Echo replies are waited for only where they are the last hope.
                list.open |= last_hope && target.under_way > 0;
            } else if index < timing::FIRST_PINGS || (index < raced && list.now >= race) {
                list.due_paced(Ask::Ping(index));
            } else if index < raced {
                list.wake_at(race);
            }
        }
        if self.answered || self.sent < timing::FIRST_PINGS.min(self.len()) {
            return;
        }
        let latest = self.targets.iter().filter_map(|target| target.last).max();
        let longest_ago = self.targets.iter().enumerate().min_by_key(|(_, target)| target.last);
        let (Some(latest), Some((index, target))) = (latest, longest_ago) else { return };
        // Those that were asked are asked again, ever more slowly: what swallows pings may last.
        let asked = self.targets.iter().filter(|target| target.last.is_some()).count();
        let repeats = self.sent - asked;
        let doubled = if target.last.is_none() { 0 } else { repeats.saturating_sub(2) };
        let turn = latest + (0..doubled).fold(timing::PING_SPACING, |wait, _| wait * 2);
        let most = if target.last.is_none() { asked } else { repeats };
        if most >= timing::MOST_PINGS {
            return;
        }
        if list.now >= turn {
            list.due_paced(Ask::Ping(index));
        } else {
            list.wake_at(turn);
        }
    }

    /// Marks a ping as sent and says to whom.
    pub(super) fn launch(&mut self, index: usize, now: Moment) -> Option<IpAddr> {
        let target = self.targets.get_mut(index)?;
        target.last = Some(now);
        target.under_way += 1;
        self.sent += 1;
        Some(target.address)
    }

    pub(super) fn hear(&mut self, index: usize, outcome: &Outcome) {
        let Some(target) = self.targets.get_mut(index) else { return };
        target.under_way = target.under_way.saturating_sub(1);
        match outcome {
            Outcome::Failed(Failure { cause: Cause::NotPermitted | Cause::Unsupported { .. }, .. }) => {
                self.forbidden = true;
            }
            Outcome::Failed(_) => {}
            _ => self.answered = true,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::probe::{IcmpAnswer, Stage};

    const HOSTS: [&str; 3] = ["192.0.2.1", "192.0.2.2", "192.0.2.3"];

    fn pings(hosts: &[&str]) -> Pings {
        let mut pings = Pings::new(true);
        for host in hosts {
            pings.add(host.parse().unwrap());
        }
        pings
    }

    /// Who is pinged when, in the first two seconds, and when the run would be held open.
    fn played(pings: &mut Pings, raced: usize, answers_at: Option<u64>) -> Vec<(u64, usize)> {
        let mut sent = Vec::new();
        for millis in 0..2_000 {
            let now = Moment::START + Duration::from_millis(millis);
            if answers_at == Some(millis) {
                let from = HOSTS[0].parse().unwrap();
                pings.hear(0, &Outcome::Icmp(IcmpAnswer { from }));
            }
            loop {
                let mut list = List::at(now);
                pings.agenda(raced, false, &mut list);
                let Some(Ask::Ping(index)) = list.asked() else { break };
                pings.launch(index, now).unwrap();
                sent.push((millis, index));
            }
        }
        sent
    }

    #[test]
    fn two_at_once_then_one_after_the_other_until_somebody_answers() {
        assert_eq!(played(&mut pings(&HOSTS), 0, Some(20)), [(0, 0), (0, 1)]);
        assert_eq!(played(&mut pings(&HOSTS), 0, Some(120))[..], [(0, 0), (0, 1), (50, 2), (100, 0)]);
    }

    #[test]
    fn silence_is_asked_ever_more_slowly_and_not_for_ever() {
        let sent = played(&mut pings(&HOSTS), 0, None);
        assert_eq!(sent.len(), HOSTS.len() + timing::MOST_PINGS);
        let pauses: Vec<u64> = sent.windows(2).map(|two| two[1].0 - two[0].0).collect();
        assert_eq!(pauses, [0, 50, 50, 50, 50, 100, 200, 400, 800]);
        assert!(HOSTS.iter().enumerate().all(|(host, _)| sent.iter().filter(|(_, to)| *to == host).count() >= 3));
    }

    #[test]
    fn where_nothing_is_heard_all_are_asked_soon() {
        let sent = played(&mut pings(&HOSTS), 3, Some(101));
        assert_eq!(sent, [(0, 0), (0, 1), (50, 2), (100, 0)]);
        let many: Vec<String> = (1..20).map(|n| format!("192.0.2.{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let sent = played(&mut pings(&many), many.len(), Some(101));
        assert_eq!(sent.iter().filter(|(at, _)| *at <= 100).count(), 19, "{sent:?}");
    }

    #[test]
    fn whoever_may_not_ping_stops() {
        let mut forbidden = pings(&HOSTS);
        forbidden.launch(0, Moment::START).unwrap();
        forbidden.hear(0, &Outcome::Failed(Failure::new(Stage::Icmp, Cause::NotPermitted)));
        assert_eq!(played(&mut forbidden, 3, None), []);
        assert_eq!(played(&mut Pings::new(false), 3, None), []);
    }
}
