//! The four endpoints of an RFC 5780 server, and from which of them it answers.

use std::net::SocketAddr;

use natscope::model::Family;
use natscope::probe::StunForm;

use super::{Change, Server};

/// What becomes of a request that reached a STUN server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// It is answered from here.
    From(SocketAddr),
    /// It is answered with error 420, from where it was asked.
    Refused,
    /// Nothing leaves.
    Nothing,
}

impl Server {
    /// Its other address and port.
    pub(crate) fn alternate(&self, family: Family) -> Option<SocketAddr> {
        let alternate = match family {
            Family::V4 => self.alternate.map(SocketAddr::V4),
            Family::V6 => self.alternate_v6.map(SocketAddr::V6),
        };
        alternate.filter(|_| self.stun_port != 0 && self.address(family).is_some())
    }

    /// Whether it listens at one of its endpoints.
    pub(crate) fn listens(&self, endpoint: SocketAddr) -> bool {
        let family = Family::of(endpoint.ip());
        let at_first = self.address(family) == Some(endpoint.ip());
        let Some(alternate) = self.alternate(family) else {
            return at_first && endpoint.port() == self.stun_port;
        };
        let address = at_first || endpoint.ip() == alternate.ip() && self.change != Change::DeadAddress;
        let first_port = endpoint.port() == self.stun_port;
        address && (first_port || endpoint.port() == alternate.port() && self.change != Change::DeadPort)
    }

    /// Whether this is one of its endpoints as it tells them.
    pub(crate) fn lives_at(&self, family: Family, endpoint: SocketAddr) -> bool {
        let other = self.alternate(family);
        let address = self.address(family).into_iter().chain(other.map(|other| other.ip()));
        let port = [self.stun_port].into_iter().chain(other.map(|other| other.port()));
        address.into_iter().any(|address| address == endpoint.ip())
            && port.into_iter().any(|port| port == endpoint.port())
    }

    /// OTHER-ADDRESS in answers to what was asked here.
    pub(crate) fn other_address(&self, asked: SocketAddr) -> Option<SocketAddr> {
        Some(self.changed(asked, self.alternate(Family::of(asked.ip()))?, true))
    }

    /// Whether its OTHER-ADDRESS allows every test of RFC 5780, and it does what it is asked to.
    pub(crate) fn tests_filters(&self, family: Family) -> bool {
        let differs = |other: SocketAddr| self.address(family) != Some(other.ip()) && self.stun_port != other.port();
        self.change == Change::Honours && self.alternate(family).is_some_and(differs)
    }

    /// Where its answer goes: with RESPONSE-PORT to another port, if it does what it is asked to.
    pub(crate) fn answers_to(&self, source: SocketAddr, form: StunForm) -> SocketAddr {
        match form {
            StunForm::ResponsePort(port) if !self.no_response_port && self.tests_filters(Family::of(source.ip())) => {
                SocketAddr::new(source.ip(), port)
            }
            _ => source,
        }
    }

    /// What it does with a request.
    pub(crate) fn replies(&self, asked: SocketAddr, form: StunForm) -> Reply {
        let change_address = match form {
            StunForm::ResponsePort(_) if self.change == Change::Refuses => return Reply::Refused,
            // None of these is a relay of ours, and whoever does not know the attributes of help skips them.
            StunForm::Tailnode
            | StunForm::Plain
            | StunForm::ResponsePort(_)
            | StunForm::AskForHelp
            | StunForm::FromHelper(_) => return Reply::From(asked),
            StunForm::ChangePort => false,
            StunForm::ChangeAddressAndPort => true,
        };
        let alternate = self.alternate(Family::of(asked.ip()));
        match self.change {
            Change::Ignores => return Reply::From(asked),
            Change::Drops => return Reply::Nothing,
            Change::Refuses => return Reply::Refused,
            _ => {}
        }
        let Some(alternate) = alternate else { return Reply::Refused };
        let from = self.changed(asked, alternate, change_address && self.change != Change::PortOnly);
        let (other_address, other_port) = (from.ip() == alternate.ip(), from.port() == alternate.port());
        match self.change {
            Change::DeadAddress | Change::MuteAddress if other_address => Reply::Nothing,
            Change::DeadPort | Change::MutePort if other_port => Reply::Nothing,
            Change::WrongPort(by) => Reply::From(SocketAddr::new(from.ip(), from.port().wrapping_add(by.max(1)))),
            _ => Reply::From(from),
        }
    }

    /// The endpoint with another port, and perhaps another address, than this one.
    fn changed(&self, asked: SocketAddr, alternate: SocketAddr, address: bool) -> SocketAddr {
        let port = if asked.port() == alternate.port() { self.stun_port } else { alternate.port() };
        let first = self.address(Family::of(asked.ip())).unwrap_or(asked.ip());
        let ip = match address {
            true if asked.ip() == alternate.ip() => first,
            true => alternate.ip(),
            false => asked.ip(),
        };
        SocketAddr::new(ip, port)
    }
}
