//! The NATs of the pairs, and what their definitions promise: RFC 4787's words, nothing measured.

/// A NAT as RFC 4787 describes it. Its name is the scenario's.
pub struct Behaviour {
    pub name: &'static str,
    /// As people call it.
    pub called: &'static str,
    /// Its mapping depends on the destination.
    pub is_hard: bool,
    /// Whether the next external port can be told from the last one.
    pub is_predictable: bool,
    pub filtering: &'static str,
}

/// The one whose UDP does not get out; not a NAT, but in the way all the same.
pub const BLOCKED: &str = "udp-blocked";

impl Behaviour {
    pub fn is_blocked(&self) -> bool {
        self.name == BLOCKED
    }
}

const STRICT: &str = "address-and-port-dependent";

const fn easy(name: &'static str, called: &'static str, filtering: &'static str) -> Behaviour {
    Behaviour { name, called, is_hard: false, is_predictable: true, filtering }
}

const fn hard(name: &'static str, called: &'static str, is_predictable: bool) -> Behaviour {
    Behaviour { name, called, is_hard: true, is_predictable, filtering: STRICT }
}

pub const NATS: [Behaviour; 10] = [
    easy("open", "public address", "endpoint-independent"),
    easy("full-cone", "NAT1", "endpoint-independent"),
    easy("restricted", "NAT2", "address-dependent"),
    easy("firewall", "public address, stateful firewall", STRICT),
    easy("port-restricted", "NAT3", STRICT),
    easy("port-restricted-random", "NAT3, random ports", STRICT),
    hard("address-dependent", "NAT4, one port for each address", false),
    hard("symmetric-sequential", "NAT4, ports in sequence", true),
    hard("symmetric", "NAT4, random ports", false),
    easy(BLOCKED, "UDP is dropped", STRICT),
];

/// What two NATs let come about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    /// A direct path.
    Direct,
    /// One for those who predict a port.
    Prediction,
    /// One for those who guess at hundreds of ports.
    Guesses,
    /// None.
    Relay,
}

/// An endpoint a peer was told of is of use behind an easy NAT alone. A hard side's packets reach it where it lets an
/// endpoint in that it has not sent to, which then learns where they come from; and one packet to a peer's address is
/// enough for a filter that does not look at ports.
pub fn promise(one: &Behaviour, other: &Behaviour) -> Promise {
    if one.is_blocked() || other.is_blocked() {
        return Promise::Relay;
    }
    let (hard, easy) = match (one.is_hard, other.is_hard) {
        (false, false) => return Promise::Direct,
        (true, true) if one.is_predictable && other.is_predictable => return Promise::Prediction,
        (true, true) => return Promise::Relay,
        (true, false) => (one, other),
        (false, true) => (other, one),
    };
    match easy.filtering {
        STRICT if hard.is_predictable => Promise::Prediction,
        STRICT => Promise::Guesses,
        _ => Promise::Direct,
    }
}
