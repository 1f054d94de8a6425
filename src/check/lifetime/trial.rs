//! Does this server send to a mapping when another socket asks it to? Tried on a mapping that has just been opened.

use std::net::SocketAddr;
use std::time::Duration;

use super::Class;
use super::flow::Flow;
use super::help::{Ask, Helper, Tag, Way};
use crate::probe::{Moment, StunForm, StunReply};

/// Requests to send elsewhere before a server is taken not to.
const COPIES: usize = 5;

/// The end of a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Not yet.
    Open,
    Helps(Helper),
    Useless,
}

/// A server on trial.
#[derive(Debug)]
pub(super) struct Trial {
    server: SocketAddr,
    /// Whether CHANGE-REQUEST would prove anything here.
    change: bool,
    first_socket: u8,
    /// The mapping that is to be sent to, with RESPONSE-PORT the socket that asks for it, and then perhaps the mapping
    /// of the second way.
    flows: Vec<Flow>,
    /// Where the server says it can answer from, too.
    other: Option<SocketAddr>,
    helper: Helper,
    copies: usize,
    next_at: Moment,
    pub(super) outcome: Outcome,
}

impl Trial {
    /// How many sockets a trial uses.
    pub(super) const SOCKETS: u8 = 3;

    pub(super) fn new(server: SocketAddr, change: bool, first_socket: u8, now: Moment) -> Self {
        let flow = |number: u8| Flow::new(first_socket.saturating_add(number), Class::Single, vec![server], now);
        let asker = first_socket.saturating_add(1);
        Self {
            server,
            change,
            first_socket,
            flows: vec![flow(0), flow(1)],
            other: None,
            helper: Helper { server, way: Way::ResponsePort { asker } },
            copies: 0,
            next_at: now,
            outcome: Outcome::Open,
        }
    }

    /// What is to be sent now.
    pub(super) fn asks(&mut self, now: Moment, retransmit: Duration) -> Vec<Ask> {
        let mut asks = Vec::new();
        for (index, flow) in self.flows.iter_mut().enumerate() {
            let socket = flow.socket;
            for (exchange, target, server) in flow.requests(now, retransmit) {
                let tag = Tag::Open { flow: index, exchange, target };
                asks.push(Ask { socket, server, form: StunForm::Plain, tag });
            }
        }
        if self.in_use().iter().any(|flow| flow.lost) {
            self.give_up(now);
            return asks;
        }
        let ready = self.in_use().iter().all(|flow| flow.idle) && self.next_at <= now;
        let Some((idle, asker)) = self.in_use().split_first().filter(|_| ready) else { return asks };
        let (Some(mapped), socket) = (idle.mapped, idle.socket) else { return asks };
        // An answer would go to the asker's address, where the mapping is not.
        let elsewhere = asker.first().is_some_and(|asker| asker.mapped.is_none_or(|asker| asker.ip() != mapped.ip()));
        if self.copies >= COPIES || elsewhere {
            self.give_up(now);
            return asks;
        }
        let tag = Tag::Copy { flow: self.idle_at() };
        asks.push(self.helper.ask(socket, mapped, tag));
        self.copies += 1;
        self.next_at = now + retransmit;
        asks
    }

    /// The place of the mapping that is sent to.
    const fn idle_at(&self) -> usize {
        match self.helper.way {
            Way::ResponsePort { .. } => 0,
            Way::Change { .. } => 2,
        }
    }

    /// That mapping, and who asks for it where that is another one.
    fn in_use(&self) -> &[Flow] {
        self.flows.get(self.idle_at()..).unwrap_or_default()
    }

    /// When it wants to send, or to give up.
    pub(super) fn due(&self) -> Option<Moment> {
        if self.outcome != Outcome::Open {
            return None;
        }
        let opening = self.in_use().iter().filter_map(Flow::due).min();
        let ready = self.in_use().iter().all(|flow| flow.idle || flow.lost);
        if ready { Some(self.next_at) } else { opening }
    }

    pub(super) fn launched(&mut self, tag: Tag, at: Moment) {
        if let Tag::Open { flow, target, .. } = tag
            && let Some(flow) = self.flows.get_mut(flow)
        {
            flow.launched(target, at);
        }
    }

    pub(super) fn hear(&mut self, tag: Tag, sent_at: Moment, at: Moment, reply: &StunReply) {
        match tag {
            Tag::Open { flow, exchange, target } => {
                self.other = self.other.or(reply.other_address);
                if let Some(flow) = self.flows.get_mut(flow) {
                    flow.hear(exchange, target, sent_at, at, reply);
                }
            }
            Tag::Copy { flow } if flow == self.idle_at() && self.outcome == Outcome::Open => {
                let Some(idle) = self.flows.get(flow) else { return };
                let aimed = idle.mapped.is_some_and(|mapped| Helper::aimed_at(reply, mapped));
                if self.helper.came_through(reply, idle.local) && aimed {
                    self.outcome = Outcome::Helps(self.helper);
                } else {
                    // It refuses, or answers from and to where it always does.
                    self.give_up(at);
                }
            }
            Tag::Copy { .. } | Tag::Control { .. } | Tag::Keep { .. } => {}
        }
    }

    /// One way does not work; there may be another.
    fn give_up(&mut self, now: Moment) {
        let differs = |other: SocketAddr| other.ip() != self.server.ip() && other.port() != self.server.port();
        let other = self.other.filter(|other| self.change && differs(*other));
        match (self.helper.way, other) {
            (Way::ResponsePort { .. }, Some(other)) => {
                self.helper.way = Way::Change { other };
                let socket = self.first_socket.saturating_add(2);
                self.flows.push(Flow::new(socket, Class::Single, self.helper.targets(), now));
                self.copies = 0;
                self.next_at = now;
            }
            _ => self.outcome = Outcome::Useless,
        }
    }
}
