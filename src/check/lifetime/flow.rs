//! One mapping: opened by exchanges with the server, then left alone. It knows how long the NAT has not seen it, as
//! two bounds.

use std::net::SocketAddr;
use std::time::Duration;

use super::{BETWEEN_EXCHANGES, Class};
use crate::probe::{Moment, StunReply};

/// Copies of a request before the opening of a mapping is given up.
const COPIES: u32 = 4;

/// A single exchange is over by then, counted from its first request: Linux takes a flow for a stream once it has seen a
/// packet more than two seconds after the first.
const SINGLE_LASTS: Duration = Duration::from_millis(1700);

/// A socket and its mapping.
#[derive(Debug)]
pub(super) struct Flow {
    /// The number of the socket.
    pub(super) socket: u8,
    pub(super) class: Class,
    /// The first exchange begins then.
    opens_at: Moment,
    /// Whom it talks to in every exchange; the last of them is whose permission is tested.
    targets: Vec<SocketAddr>,
    /// The exchange under way.
    exchange: u32,
    copies: u32,
    next_at: Option<Moment>,
    answered: Vec<bool>,
    /// Requests sent: to which target, when, and whether an answer came.
    sent: Vec<(usize, Moment, bool)>,
    heard_at: Moment,
    pub(super) mapped: Option<SocketAddr>,
    pub(super) local: Option<SocketAddr>,
    /// Opened and idle.
    pub(super) idle: bool,
    /// Could not be opened, or its mapping changed meanwhile.
    pub(super) lost: bool,
}

/// How long a mapping has been idle, as far as anybody here can know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Idle {
    /// The NAT saw its last packet no earlier than then.
    pub(super) since_earliest: Moment,
    /// And no later than then.
    pub(super) since_latest: Moment,
}

impl Flow {
    pub(super) fn new(socket: u8, class: Class, targets: Vec<SocketAddr>, opens_at: Moment) -> Self {
        Self {
            socket,
            class,
            opens_at,
            answered: vec![false; targets.len()],
            targets,
            exchange: 0,
            copies: 0,
            next_at: Some(opens_at),
            sent: Vec::new(),
            heard_at: Moment::START,
            mapped: None,
            local: None,
            idle: false,
            lost: false,
        }
    }

    /// When it wants to send next.
    pub(super) const fn due(&self) -> Option<Moment> {
        self.next_at
    }

    /// Requests to be sent now: exchange and target. Each is told back by [`launched`](Self::launched).
    pub(super) fn requests(&mut self, now: Moment, retransmit: Duration) -> Vec<(u32, usize, SocketAddr)> {
        if self.next_at.is_none_or(|at| at > now) {
            return Vec::new();
        }
        if self.copies >= COPIES || self.no_longer_single(now) {
            self.next_at = None;
            self.lost = true;
            return Vec::new();
        }
        self.copies += 1;
        self.next_at = Some(now + retransmit);
        let open = self.targets.iter().enumerate().zip(&self.answered).filter(|(_, answered)| !**answered);
        open.map(|((index, target), _)| (self.exchange, index, *target)).collect()
    }

    /// A request to that target has left.
    pub(super) fn launched(&mut self, target: usize, at: Moment) {
        self.sent.push((target, at, false));
    }

    /// An answer to a request of that exchange came.
    pub(super) fn hear(&mut self, exchange: u32, target: usize, sent_at: Moment, at: Moment, reply: &StunReply) {
        if self.targets.get(target) != Some(&reply.from) {
            return;
        }
        for (to, when, answered) in &mut self.sent {
            // The driver sends a moment after it was asked to.
            *answered |= *to == target && *when <= sent_at;
        }
        self.heard_at = self.heard_at.max(at);
        self.lost |= self.no_longer_single(at);
        let (Some(mapped), Some(local)) = (reply.mapped, reply.local) else { return };
        if target == 0 {
            if self.mapped.is_some_and(|before| before != mapped) {
                self.lost = true;
                self.next_at = None;
                return;
            }
            self.mapped = Some(mapped);
            self.local = Some(local);
        } else if self.mapped.is_some_and(|first| first != mapped) {
            self.lost = true;
            self.next_at = None;
            return;
        }
        if exchange != self.exchange || self.idle {
            return;
        }
        if let Some(answered) = self.answered.get_mut(target) {
            *answered = true;
        }
        if self.answered.iter().all(|answered| *answered) {
            self.exchange += 1;
            self.copies = 0;
            self.answered.fill(false);
            self.idle = self.exchange >= self.class.exchanges();
            let next = self.opens_at + BETWEEN_EXCHANGES * self.exchange;
            self.next_at = Some(next).filter(|_| !self.idle);
        }
    }

    /// Whether a packet now would make more of a single exchange than it is to be.
    fn no_longer_single(&self, now: Moment) -> bool {
        let first = self.sent.first().map(|(_, at, _)| *at);
        self.class == Class::Single && first.is_some_and(|first| now.since(first) > SINGLE_LASTS)
    }

    /// Since when it has been idle. `slack`: a packet that was not answered may have reached the NAT this much later.
    pub(super) fn idle_since(&self, slack: Duration) -> Option<Idle> {
        if !self.idle || self.lost {
            return None;
        }
        let of_target = |index: usize| {
            let answered = self.sent.iter().filter(move |(target, _, answered)| *target == index && *answered);
            answered.map(|(_, at, _)| *at).max()
        };
        let earliest = (0..self.targets.len()).map(of_target).min()??;
        let unanswered = self.sent.iter().filter(|(.., answered)| !answered).map(|(_, at, _)| *at + slack);
        let latest = unanswered.chain([self.heard_at]).max()?;
        Some(Idle { since_earliest: earliest, since_latest: latest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Moment {
        Moment::after_start(Duration::from_millis(ms))
    }

    fn reply(from: &str, mapped: &str) -> StunReply {
        StunReply {
            local: Some("192.168.1.2:20000".parse().unwrap()),
            mapped: Some(mapped.parse().unwrap()),
            ..StunReply::bare(from.parse().unwrap())
        }
    }

    const SERVER: &str = "192.0.2.1:3478";
    const RTO: Duration = Duration::from_millis(300);

    #[test]
    fn one_exchange_and_its_bounds() {
        let mut flow = Flow::new(3, Class::Single, vec![SERVER.parse().unwrap()], at(100));
        assert!(flow.requests(at(99), RTO).is_empty());
        assert_eq!(flow.requests(at(100), RTO).len(), 1);
        flow.launched(0, at(100));
        assert_eq!(flow.idle_since(RTO), None);
        // The first copy was lost, or its answer.
        assert!(flow.requests(at(399), RTO).is_empty());
        assert_eq!(flow.requests(at(400), RTO).len(), 1);
        flow.launched(0, at(400));
        flow.hear(0, 0, at(401), at(450), &reply(SERVER, "203.0.113.1:5"));
        let idle = flow.idle_since(Duration::from_millis(10)).unwrap();
        assert_eq!(idle, Idle { since_earliest: at(400), since_latest: at(450) });
        assert_eq!(flow.due(), None);
    }

    #[test]
    fn a_stream_takes_more_than_three_seconds() {
        let mut flow = Flow::new(3, Class::Stream, vec![SERVER.parse().unwrap()], at(0));
        let mut now = at(0);
        while let Some(due) = flow.due() {
            now = due;
            for (exchange, target, _) in flow.requests(now, RTO) {
                flow.launched(target, now);
                flow.hear(exchange, target, now, now + Duration::from_millis(20), &reply(SERVER, "203.0.113.1:5"));
            }
        }
        assert!(flow.idle && now.since_start() > Duration::from_secs(3), "{now}");
    }

    #[test]
    fn what_is_silent_or_changes_is_lost() {
        let mut flow = Flow::new(3, Class::Single, vec![SERVER.parse().unwrap()], at(0));
        for step in 0..=COPIES {
            let _ = flow.requests(at(u64::from(step) * 1000), RTO);
        }
        assert!(flow.lost && flow.due().is_none());
        let mut flow = Flow::new(3, Class::Stream, vec![SERVER.parse().unwrap()], at(0));
        flow.hear(0, 0, at(0), at(1), &reply("192.0.2.2:3478", "203.0.113.1:5"));
        assert_eq!(flow.mapped, None, "somebody else's answer");
        flow.hear(0, 0, at(0), at(1), &reply(SERVER, "203.0.113.1:5"));
        flow.hear(1, 0, at(1000), at(1001), &reply(SERVER, "203.0.113.1:6"));
        assert!(flow.lost);
    }
}
