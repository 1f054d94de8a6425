//! From what was heard in each test to the name of RFC 3489, and to the warning. Pure.

use std::net::SocketAddr;

use super::Input;
use crate::model::NatType;
use crate::probe::{ProbeId, StunReply};
use crate::report::{Classic, ClassicStep, ClassicWarning, Confidence, FilterWhy, ModeWhy, Verdict, Why};

/// What came of one test.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Heard {
    /// The first answer.
    pub(super) reply: Option<(ProbeId, StunReply)>,
    /// Requests that were not answered, all old enough and enough of them to mean something.
    pub(super) silent: Option<u32>,
}

/// All tests.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Tests {
    /// Test I.
    pub(super) first: Heard,
    /// Test II.
    pub(super) second: Heard,
    /// Test I at the other address.
    pub(super) elsewhere: Heard,
    /// Test III.
    pub(super) third: Heard,
    /// Test I from the second socket.
    pub(super) fresh_first: Heard,
    /// Test I from the second socket at the other address.
    pub(super) fresh_elsewhere: Heard,
    /// Test II from the second socket, which had sent to where the answer comes from.
    pub(super) proof_other: Heard,
    /// Test III likewise.
    pub(super) proof_neighbour: Heard,
}

/// Where the answer to a changed request may come from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum From {
    OtherAddress,
    OtherPort,
}

impl From {
    fn is(self, server: SocketAddr, from: SocketAddr) -> bool {
        let port = server.port() != from.port();
        match self {
            Self::OtherAddress => port && server.ip() != from.ip(),
            Self::OtherPort => port && server.ip() == from.ip(),
        }
    }
}

/// The other address a server claims to answer from, if it differs in both parts.
pub(super) fn other_address(server: SocketAddr, reply: &StunReply) -> Option<SocketAddr> {
    reply.other_address.filter(|other| From::OtherAddress.is(server, *other))
}

pub(super) fn conclude(input: &Input, tests: &Tests) -> Classic {
    let nat_type = name(input, tests);
    let warning = nat_type.value().and_then(|name| warning(input, tests, *name));
    Classic { nat_type, server: input.server, warning }
}

fn name(input: &Input, tests: &Tests) -> Verdict<NatType> {
    let server = input.server;
    let because = |name, step, evidence: &[ProbeId]| {
        Verdict::known(name, Confidence::Medium, evidence.iter().copied()).because(Why::Mode(ModeWhy::Classic { step }))
    };
    let Some((first_id, first)) = &tests.first.reply else {
        return match input.verdict {
            Some(NatType::UdpBlocked) => {
                Verdict::known(NatType::UdpBlocked, Confidence::Medium, []).because(Why::UdpIsBlocked)
            }
            _ => Verdict::unknown(Why::Mode(ModeWhy::ServerSilent { server })),
        };
    };
    let mapped = match (first.mapped, first.from == server) {
        (_, false) => return Verdict::unknown(Why::Mode(ModeWhy::AnsweredFromElsewhere { server, from: first.from })),
        (None, _) => return Verdict::unknown(refusal(server, first)),
        (Some(mapped), true) => mapped,
    };
    if other_address(server, first).is_none() {
        return Verdict::unknown(Why::Filter(FilterWhy::NoFilterServer));
    }
    let direct = first.local == Some(mapped);
    let elsewhere = tests.elsewhere.reply.as_ref().and_then(|(id, reply)| Some((*id, reply.mapped?)));
    let symmetric = |(id, other): (ProbeId, SocketAddr)| {
        because(NatType::Symmetric, ClassicStep::MappedDiffers { first: mapped, other }, &[*first_id, id])
    };
    match passed(&tests.second, &tests.proof_other, server, From::OtherAddress) {
        // A mapping that differs says so by itself, and it keeps the proof from the second socket as well.
        Err(why) => match elsewhere.filter(|(_, other)| *other != mapped && tests.second.silent.is_some()) {
            Some(differs) => symmetric(differs),
            None => Verdict::unknown(why),
        },
        Ok(Passed::From(from, id)) => {
            let name = if direct { NatType::OpenInternet } else { NatType::FullCone };
            because(name, ClassicStep::SecondPassed { from }, &[*first_id, id])
        }
        Ok(Passed::Silent(copies)) if direct => {
            because(NatType::SymmetricUdpFirewall, ClassicStep::SecondSilent { copies }, &[*first_id])
        }
        Ok(Passed::Silent(_)) => {
            let Some((id, reply)) = &tests.elsewhere.reply else {
                let other = other_address(server, first).unwrap_or(server);
                return Verdict::unknown(Why::Mode(ModeWhy::ServerSilent { server: other }));
            };
            let Some(other) = reply.mapped else { return Verdict::unknown(refusal(reply.from, reply)) };
            if other != mapped {
                return symmetric((*id, other));
            }
            match passed(&tests.third, &tests.proof_neighbour, server, From::OtherPort) {
                Err(why) => Verdict::unknown(why),
                Ok(Passed::From(from, third)) => {
                    because(NatType::RestrictedCone, ClassicStep::ThirdPassed { from }, &[*first_id, *id, third])
                }
                Ok(Passed::Silent(copies)) => {
                    because(NatType::PortRestrictedCone, ClassicStep::ThirdSilent { copies }, &[*first_id, *id])
                }
            }
        }
    }
}

enum Passed {
    From(SocketAddr, ProbeId),
    Silent(u32),
}

fn passed(test: &Heard, proof: &Heard, server: SocketAddr, wanted: From) -> Result<Passed, Why> {
    match (&test.reply, test.silent) {
        (Some((_, reply)), _) if reply.error_code.is_some() => Err(refusal(server, reply)),
        (Some((id, reply)), _) if wanted.is(server, reply.from) => Ok(Passed::From(reply.from, *id)),
        (Some((_, reply)), _) if reply.from == server => Err(Why::Filter(FilterWhy::ChangeIgnored { server })),
        (Some((_, reply)), _) => Err(Why::Mode(ModeWhy::AnsweredFromElsewhere { server, from: reply.from })),
        (None, None) => Err(Why::Filter(FilterWhy::SendingNotProven)),
        (None, Some(copies)) => {
            let proven = proof.reply.as_ref().is_some_and(|(_, reply)| wanted.is(server, reply.from));
            if proven { Ok(Passed::Silent(copies)) } else { Err(Why::Filter(FilterWhy::SendingNotProven)) }
        }
    }
}

fn refusal(server: SocketAddr, reply: &StunReply) -> Why {
    Why::Filter(FilterWhy::ChangeRefused { server, code: reply.error_code.unwrap_or_default() })
}

fn warning(input: &Input, tests: &Tests, name: NatType) -> Option<ClassicWarning> {
    let mapped = |heard: &Heard| heard.reply.as_ref().and_then(|(_, reply)| reply.mapped);
    let same = match (mapped(&tests.fresh_first), mapped(&tests.fresh_elsewhere)) {
        (Some(one), Some(other)) => Some(one == other),
        _ => None,
    };
    match (name, same) {
        (NatType::Symmetric, Some(true)) => Some(ClassicWarning::OrderMisleads),
        (NatType::FullCone, Some(false)) => Some(ClassicWarning::MappingOverlooked),
        _ => input.verdict.filter(|verdict| *verdict != name).map(|_| ClassicWarning::Differs),
    }
}
