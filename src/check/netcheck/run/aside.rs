//! Questions beside the flights of datagrams: whether a relay tests filters, and whether a STUN server is up over TCP.

use std::net::SocketAddr;
use std::time::Duration;

use super::super::timing;
use super::agenda::List;
use super::{Ask, Asked, NetcheckCheck};
use crate::check::Operator;
use crate::check::filtering::may_be_helped;
use crate::model::Family;
use crate::probe::{Moment, Outcome, StunReply};

/// A STUN server asked over TCP.
#[derive(Debug)]
pub(super) struct Stream {
    pub server: SocketAddr,
    pub asked: Asked,
    /// How long a success took.
    took: Option<Duration>,
}

/// A relay asked in the form that has room for its other address, which the form that every relay answers has not.
#[derive(Debug)]
pub(super) struct Scout {
    pub server: SocketAddr,
    pub asked: Asked,
}

impl NetcheckCheck {
    /// A server that serves nothing but STUN: should its UDP be silent, TCP may show that it is up.
    pub(super) fn add_stream(&mut self, server: SocketAddr) {
        if self.input.options.https && !self.streams.iter().any(|stream| stream.server == server) {
            self.streams.push(Stream { server, asked: Asked::NotYet, took: None });
        }
    }

    /// A relay that may test filters, unless servers are known that are likelier to.
    pub(super) fn add_scout(&mut self, server: SocketAddr) {
        let family = Family::of(server.ip());
        let known = self.scouts.iter().filter(|scout| Family::of(scout.server.ip()) == family);
        let wanted = known.clone().count() < timing::SCOUTS && known.clone().all(|scout| scout.server != server);
        if wanted && self.filters.iter().any(|filter| filter.family() == family && filter.has_no_candidate()) {
            self.scouts.push(Scout { server, asked: Asked::NotYet });
        }
    }

    pub(super) fn scout_agenda(&self, list: &mut List) {
        for (index, scout) in self.scouts.iter().enumerate() {
            match scout.asked {
                Asked::NotYet => list.due_paced(Ask::Scout(index)),
                // No longer than the same relay takes to answer in its own form.
                Asked::Waiting(since) => {
                    if let Some(round_trip) = self.known(scout.server).round_trip {
                        list.open_until(since + timing::late_after(round_trip));
                    }
                }
                Asked::Answered | Asked::Failed => {}
            }
        }
    }

    /// A relay answered the scout: if it can answer from elsewhere, it says so.
    pub(super) fn hear_scout(&mut self, index: usize, outcome: &Outcome) {
        let Some(scout) = self.scouts.get_mut(index) else { return };
        match outcome {
            Outcome::Stun(reply @ StunReply { from, error_code: None, .. })
                if *from == scout.server && (reply.other_address.is_some() || may_be_helped(reply)) =>
            {
                scout.asked = Asked::Answered;
                let (server, now) = (scout.server, self.now);
                self.filters.iter_mut().for_each(|filter| filter.add(server, true, now));
            }
            Outcome::Stun(_) | Outcome::Failed(_) => scout.asked = Asked::Failed,
            _ => {}
        }
    }

    pub(super) fn stream_agenda(&self, heard_udp: bool, list: &mut List) {
        if heard_udp {
            return;
        }
        let start = Moment::START + timing::RACE_AFTER;
        for (index, stream) in self.streams.iter().enumerate() {
            match stream.asked {
                Asked::NotYet if list.now >= start => list.due(Ask::Stream(index)),
                Asked::NotYet => {
                    list.open = true;
                    list.wake_at(start);
                }
                Asked::Waiting(_) => list.open = true,
                Asked::Answered | Asked::Failed => {}
            }
        }
    }

    pub(super) fn hear_stream(&mut self, index: usize, took: Duration, outcome: &Outcome) {
        let Some(stream) = self.streams.get_mut(index) else { return };
        match outcome {
            Outcome::Stun(_) => (stream.asked, stream.took) = (Asked::Answered, Some(took)),
            Outcome::Failed(_) => stream.asked = Asked::Failed,
            _ => {}
        }
    }

    /// Whether any STUN server answered over TCP.
    pub(super) fn any_stream(&self) -> bool {
        self.streams.iter().any(|stream| stream.took.is_some())
    }

    /// Whether a STUN server of this operator answered over TCP, at once.
    pub(super) fn stream_is_up(&self, operator: Operator) -> bool {
        self.streams.iter().any(|stream| {
            let at_once = stream.took.is_some_and(|took| took < timing::SYN_SENT_AGAIN);
            at_once && Operator::of(stream.server.ip()) == operator
        })
    }

    /// How long TCP takes to this server, or to the slowest of those that answered over it.
    pub(super) fn tcp_round_trip(&self, server: SocketAddr) -> Option<Duration> {
        let streams = || self.streams.iter().filter_map(|stream| Some((stream.server.ip(), stream.took?)));
        let own = streams().find(|(address, _)| *address == server.ip()).map(|(_, took)| took);
        own.or_else(|| self.relays.tcp_round_trip(server.ip()).max(streams().map(|(_, took)| took).max()))
    }
}
