//! Servers at work: what becomes of a request that has reached one.

use std::net::{IpAddr, SocketAddr};

use natscope::probe::{Cause, Failure, Moment, Outcome, Slot, Stage, StunReply};

use super::{Event, Internet, Reached, Request};
use crate::link::Way;
use crate::world::{Reply, Server, Stun};

impl Internet<'_> {
    pub(super) fn serve(
        &mut self,
        server: &Server,
        target: SocketAddr,
        source: SocketAddr,
        mut request: Request,
        there: Moment,
    ) {
        let family = request.slot.family();
        if server.stun == Stun::Refused || !server.listens(target) {
            if matches!(request.slot, Slot::Connected { .. }) && !self.loses(server, target.ip(), Way::Back, there) {
                let back = there + self.one_way(server, family, Way::Back);
                let failure = Failure::new(Stage::Stun, Cause::Refused);
                self.tell(request.probe, request.sent_at, back, Outcome::Failed(failure));
            }
            return;
        }
        request.reached = Some(self.reached.len());
        self.reached.push(Reached {
            probe: request.probe,
            slot: request.slot,
            local: request.local,
            server: target,
            external: source,
            answered: false,
        });
        if server.stun == Stun::Silent {
            return;
        }
        let (from, refused) = match (server.replies(target, request.form), server.stun) {
            (Reply::Nothing, _) => return,
            (Reply::From(from), Stun::OtherSource(other)) if from == target => (other, false),
            (Reply::Refused, Stun::OtherSource(other)) => (other, true),
            (Reply::From(from), _) => (from, false),
            (Reply::Refused, _) => (target, true),
        };
        let reply = self
            .reply(server, target, source, &request, refused)
            .map(|reply| StunReply { from: heard_from(from, target, request.asked), ..reply });
        let twice = self.random.chance(server.link.duplicate) || self.random.chance(self.world.access.duplicate);
        for _ in 0..=u8::from(twice) {
            if self.loses(server, target.ip(), Way::Back, there) {
                continue;
            }
            let back = there + self.one_way(server, family, Way::Back);
            let destination = server.answers_to(source, request.form);
            let datagram = Event::Datagram { source: from, destination, request, reply: reply.clone() };
            self.schedule(back, datagram);
        }
    }

    /// What a server says; `None`: no STUN.
    fn reply(
        &mut self,
        server: &Server,
        target: SocketAddr,
        seen: SocketAddr,
        request: &Request,
        refused: bool,
    ) -> Option<StunReply> {
        let mapped = match server.stun {
            Stun::WrongPort(offset) => Some(SocketAddr::new(seen.ip(), seen.port().wrapping_add(offset.max(1)))),
            Stun::RandomPort => Some(SocketAddr::new(seen.ip(), self.random.port(1024, u16::MAX))),
            Stun::WrongAddress(address) if seen.is_ipv4() => Some(SocketAddr::new(IpAddr::V4(address), seen.port())),
            Stun::Private(address) if seen.is_ipv4() => {
                Some(SocketAddr::new(IpAddr::V4(address), self.random.port(32_768, 60_999)))
            }
            Stun::Garbage => return None,
            Stun::Error(_) | Stun::NoAddress => None,
            _ => Some(seen),
        };
        let error_code = match server.stun {
            Stun::Error(code) => Some(code),
            _ => refused.then_some(420),
        };
        Some(StunReply {
            local: Some(request.local),
            mapped: mapped.filter(|_| error_code.is_none()),
            other_address: server.other_address(target).filter(|_| error_code.is_none()),
            error_code,
            ..StunReply::bare(seen)
        })
    }
}

/// Who seems to have sent what a server sent from here: a proxy that fakes addresses answers from the fake one.
fn heard_from(from: SocketAddr, target: SocketAddr, asked: SocketAddr) -> SocketAddr {
    if from.ip() == target.ip() { SocketAddr::new(asked.ip(), from.port()) } else { from }
}
