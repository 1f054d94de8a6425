//! The server that sends to idle mappings: how it is asked, and the mapping kept alive that proves it does.

use std::net::SocketAddr;
use std::time::Duration;

use crate::probe::{Moment, StunForm, StunReply};

/// A request to be sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Ask {
    pub(super) socket: u8,
    pub(super) server: SocketAddr,
    pub(super) form: StunForm,
    pub(super) tag: Tag,
}

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    /// Opening a mapping.
    Open { flow: usize, exchange: u32, target: usize },
    /// Having a packet sent to an idle mapping.
    Copy { flow: usize },
    /// Having one sent to the mapping kept alive, at the same time.
    Control { flow: usize },
    /// Keeping that mapping alive.
    Keep { target: usize },
}

/// A server that is known to send to other mappings than the asking one, and how it is asked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Helper {
    pub(super) server: SocketAddr,
    pub(super) way: Way,
}

/// See the [module](super)'s documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// RESPONSE-PORT, asked from the socket with this number.
    ResponsePort { asker: u8 },
    /// CHANGE-REQUEST; the answer comes from this endpoint.
    Change { other: SocketAddr },
}

impl Helper {
    /// Whom every mapping has to talk to.
    pub(super) fn targets(&self) -> Vec<SocketAddr> {
        match self.way {
            Way::ResponsePort { .. } => vec![self.server],
            Way::Change { other } => vec![self.server, other],
        }
    }

    /// The request that has a packet sent to the mapping of that socket.
    pub(super) fn ask(&self, socket: u8, mapped: SocketAddr, tag: Tag) -> Ask {
        match self.way {
            Way::ResponsePort { asker } => {
                Ask { socket: asker, server: self.server, form: StunForm::ResponsePort(mapped.port()), tag }
            }
            Way::Change { .. } => Ask { socket, server: self.server, form: StunForm::ChangeAddressAndPort, tag },
        }
    }

    /// Whether a reply is the packet asked for, come through to the socket that has this local endpoint.
    pub(super) fn came_through(&self, reply: &StunReply, local: Option<SocketAddr>) -> bool {
        let here = local.is_some_and(|local| reply.local.is_some_and(|heard| heard.port() == local.port()));
        let from = match self.way {
            Way::ResponsePort { .. } => self.server,
            Way::Change { other } => other,
        };
        here && reply.from == from && reply.error_code.is_none()
    }

    /// Whether the packet asked for went to where this mapping is, and not to another address of ours.
    pub(super) fn aimed_at(reply: &StunReply, mapped: SocketAddr) -> bool {
        // The reply tells where the asking socket is mapped, and it went to that address.
        reply.mapped.is_some_and(|asker| asker.ip() == mapped.ip())
    }
}

/// How long an answer keeps the mapping kept alive fresh: less than any NAT's timer.
const FRESH: Duration = Duration::from_millis(1500);

/// The mapping kept alive. Between tries it may die like any other, and is then opened anew.
#[derive(Debug)]
pub(super) struct Keeper {
    pub(super) socket: u8,
    targets: Vec<SocketAddr>,
    pub(super) mapped: Option<SocketAddr>,
    pub(super) local: Option<SocketAddr>,
    heard: Vec<Option<Moment>>,
    next_at: Moment,
}

impl Keeper {
    pub(super) fn new(socket: u8, targets: Vec<SocketAddr>) -> Self {
        let heard = vec![None; targets.len()];
        Self { socket, targets, mapped: None, local: None, heard, next_at: Moment::START }
    }

    /// Whether it is certainly alive.
    pub(super) fn is_fresh(&self, now: Moment) -> bool {
        self.mapped.is_some() && now < self.stale_at()
    }

    /// When it will no longer be.
    pub(super) fn stale_at(&self) -> Moment {
        self.heard.iter().map(|heard| heard.map_or(Moment::START, |at| at + FRESH)).min().unwrap_or(Moment::START)
    }

    /// Requests that keep it alive.
    pub(super) fn asks(&mut self, now: Moment, retransmit: Duration) -> Vec<Ask> {
        if self.next_at > now {
            return Vec::new();
        }
        self.next_at = now + retransmit;
        let ask = |(target, server): (usize, &SocketAddr)| Ask {
            socket: self.socket,
            server: *server,
            form: StunForm::Plain,
            tag: Tag::Keep { target },
        };
        self.targets.iter().enumerate().map(ask).collect()
    }

    /// When it may ask next.
    pub(super) const fn due(&self) -> Moment {
        self.next_at
    }

    /// An answer to one of them.
    pub(super) fn hear(&mut self, target: usize, at: Moment, reply: &StunReply) {
        if self.targets.get(target) != Some(&reply.from) || reply.mapped.is_none() {
            return;
        }
        if target == 0 {
            self.mapped = reply.mapped;
            self.local = reply.local;
        }
        if let Some(heard) = self.heard.get_mut(target) {
            *heard = Some(at);
        }
    }
}
