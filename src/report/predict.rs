use super::{Confidence, Verdict};
use crate::model::Family;

/// Whether two hosts will talk directly, concluded from a report of each.
#[derive(Clone, Debug, PartialEq)]
pub struct Predict {
    /// Whether they will, with programs that send from both sides at once to the endpoints STUN servers have told, answer
    /// whoever gets through, and guess no ports: `natscope ping --direct` and Tailscale are such.
    pub direct: Verdict<bool>,
    /// By what: when undetermined, by what if it works out.
    pub mechanism: Mechanism,
    /// Over which family, where the mechanism has one.
    pub family: Option<Family>,
    /// How likely it is, in a word.
    pub likelihood: Likelihood,
    /// What each side is and could do.
    pub sides: [PredictSide; 2],
    /// Facts whose absence keeps it undetermined.
    pub missing: Vec<Missing>,
}

/// What one side is and could do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PredictSide {
    /// What it may be over IPv4: one class when everything is known.
    pub v4: Vec<Class>,
    /// As `v4`, over IPv6.
    pub v6: Vec<Class>,
    /// Whether it was measured through a tunnel.
    pub tunnel: bool,
    /// The one change that would help most.
    pub advice: Option<Advised>,
}

/// One of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Which {
    /// The first.
    A,
    /// The second.
    B,
}

/// What a side is to a peer: what its NATs and firewalls together do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Anybody reaches a public endpoint of its own, or one that a port mapping made.
    Open,
    /// Full cone.
    Nat1,
    /// Restricted cone, and a firewall without NAT that filters by address.
    Nat2,
    /// Port-restricted cone, and a firewall without NAT that filters by address and port.
    Nat3,
    /// The mapping depends on the destination, everybody is let in.
    HardEif,
    /// The mapping depends on the destination, addresses that were sent to are let in.
    HardAdf,
    /// The mapping depends on the destination, only what was sent to is let in, and the next port can be predicted.
    HardPredictable,
    /// The same, and nobody can tell the next port.
    HardRandom,
    /// No UDP at all.
    Blocked,
}

impl Class {
    /// Every class.
    pub const ALL: [Self; 9] = [
        Self::Open,
        Self::Nat1,
        Self::Nat2,
        Self::Nat3,
        Self::HardEif,
        Self::HardAdf,
        Self::HardPredictable,
        Self::HardRandom,
        Self::Blocked,
    ];

    /// Whether the mapping depends on the destination.
    #[must_use]
    pub const fn is_hard(self) -> bool {
        matches!(self, Self::HardEif | Self::HardAdf | Self::HardPredictable | Self::HardRandom)
    }
}

/// How they would talk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mechanism {
    /// Over the network they share.
    Lan,
    /// One side is reachable for anybody; the other just sends.
    PublicEndpoint,
    /// Both send at once, and each lets in what it has sent to.
    HolePunch,
    /// As the former, if the hard side's answers leave by the mapping they were asked through.
    HitMapping,
    /// Through the NAT they share, which turns packets to its own outer address around.
    Hairpin,
    /// Not directly.
    Relay,
}

/// How likely a direct path is, from worst to best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Likelihood {
    /// Not at all.
    None,
    /// Only with programs that guess ports by the hundreds. Neither natscope nor Tailscale does.
    Guessing,
    /// It may or may not be.
    Uncertain,
    /// It depends on a detail that most NATs have right.
    Likely,
    /// Nothing known stands against it.
    High,
}

/// A fact that a report does not hold and that would decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Missing {
    /// Whose; `None` for what takes both reports.
    pub side: Option<Which>,
    /// Over which family, where it has one.
    pub family: Option<Family>,
    /// Which.
    pub fact: Fact,
}

/// A fact that decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fact {
    /// Whether UDP gets out over the family.
    Udp,
    /// Whether the mapping depends on the destination.
    Mapping,
    /// What is let in.
    Filtering,
    /// How external ports are picked.
    Allocation,
    /// Whether the external address stays the same.
    Pooling,
    /// Whether the NAT hairpins, which matters behind one and the same.
    Hairpinning,
    /// Whether both are behind one NAT or in one network: at least one report has pseudonyms for addresses.
    NetworkRedacted,
    /// The same: at least one report does not tell the public address.
    NetworkUnknown,
    /// Whether a private path joins the two networks behind the public address they share.
    PrivatePath,
}

/// A change, and what it would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Advised {
    /// The change.
    pub advice: Advice,
    /// Whether it alone is enough for a direct path; otherwise it makes one possible.
    pub enough: bool,
}

/// A change that one side can make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Advice {
    /// Let UDP out, and its answers in.
    AllowUdp,
    /// Leave the VPN that everything goes through.
    LeaveVpn,
    /// Have the router map a port (UPnP IGD, NAT-PMP, PCP), or forward one by hand.
    PortMapping,
    /// Have the NAT keep one mapping for all destinations.
    EndpointIndependentNat,
    /// Get IPv6.
    EnableIpv6,
    /// Let one UDP port in through the firewall in front of the public address.
    OpenFirewallPort,
}

impl Advice {
    /// Every advice.
    pub const ALL: [Self; 6] = [
        Self::AllowUdp,
        Self::LeaveVpn,
        Self::PortMapping,
        Self::EndpointIndependentNat,
        Self::EnableIpv6,
        Self::OpenFirewallPort,
    ];

    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::AllowUdp => "allow-udp",
            Self::LeaveVpn => "leave-vpn",
            Self::PortMapping => "port-mapping",
            Self::EndpointIndependentNat => "endpoint-independent-nat",
            Self::EnableIpv6 => "enable-ipv6",
            Self::OpenFirewallPort => "open-firewall-port",
        }
    }
}

/// The reason of a prediction, or of its absence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PairWhy {
    /// They are in one network.
    SameNetwork,
    /// That side's endpoint is open to anybody; `None`: both sides'.
    AnybodyReaches {
        /// Which side.
        side: Option<Which>,
        /// Over which family.
        family: Family,
    },
    /// Both send, and both let in what they sent to.
    BothSend {
        /// Over which family.
        family: Family,
    },
    /// The NAT they share hairpins.
    SharedNatHairpins,
    /// A hard NAT on that side (`None`: on both) meets a peer that lets in no other port than those it sent to.
    OnlyByGuessing {
        /// Which side is hard.
        side: Option<Which>,
    },
    /// Both mappings depend on the destination.
    BothHard,
    /// That side (`None`: neither) has UDP over any family.
    NoUdp {
        /// Which side.
        side: Option<Which>,
    },
    /// One has only IPv4, the other only IPv6.
    NoCommonFamily,
    /// Both are behind one public address, and the NAT there does not hairpin.
    SharedNatDoesNotHairpin,
    /// It works if the answers of that side's (`None`: a) hard NAT leave by the mapping they were asked through, which
    /// no report tells.
    DependsOnHitMapping {
        /// Which side is hard.
        side: Option<Which>,
    },
    /// The two reports are of one host.
    OneHost,
    /// Facts are missing.
    Missing(Vec<Missing>),
}

impl Predict {
    /// How sure a prediction can be at most that rests on guesses not being made.
    pub const WITHOUT_GUESSES: Confidence = Confidence::Medium;

    /// The codes of what would help, each once.
    #[must_use]
    pub fn advice_codes(&self) -> Vec<&'static str> {
        let mut codes: Vec<&'static str> = Vec::new();
        for advised in self.sides.iter().filter_map(|side| side.advice) {
            if !codes.contains(&advised.advice.code()) {
                codes.push(advised.advice.code());
            }
        }
        codes
    }
}
