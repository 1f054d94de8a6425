//! A relay with one address, which has another relay answer.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::silence;
use crate::check::filtering::{Heard, help_tells};
use crate::check::netcheck::analyze::evidence::{Evidence, StunCopy};
use crate::probe::{ProbeId, StunForm, StunReply};

/// What came of having another relay answer, and the proof that it does. `None`: nobody offered it.
pub(super) fn helped(
    evidence: &Evidence<'_>,
    server: SocketAddr,
    tested: &[&StunCopy<'_>],
    proofs: &[&[&StunCopy<'_>]],
    needed: u32,
) -> Option<(Heard, Option<ProbeId>)> {
    let offers = told(tested, |form| form == StunForm::AskForHelp);
    let honest = || offers.iter().filter(|(reply, _)| reply.from == server && reply.error_code.is_none());
    honest().next()?;
    let Some(offer) = honest().find_map(|(reply, _)| reply.help) else { return Some((Heard::NoHelp, None)) };
    let seen_at: BTreeSet<IpAddr> = offers.iter().filter_map(|(reply, _)| Some(reply.mapped?.ip())).collect();
    let tells =
        |from: IpAddr| !seen_at.is_empty() && seen_at.iter().all(|mapped| help_tells(from, server.ip(), *mapped));
    if !tells(offer.from.ip()) {
        return None;
    }

    let proof = proofs.iter().find_map(|proof| proves(proof, tells));
    let copies: Vec<&StunCopy<'_>> = tested.iter().copied().filter(|copy| is_helped(copy.form)).collect();
    let replies = || copies.iter().filter_map(|copy| copy.reply.map(|(reply, _)| (copy.probe, reply)));
    let stranger = replies().find(|(_, reply)| reply.error_code.is_none() && tells(reply.from.ip()));
    if let Some((probe, reply)) = stranger {
        return Some((Heard::From { from: reply.from, probe }, proof));
    }
    if let Some(code) = replies().find_map(|(_, reply)| reply.error_code) {
        return Some((Heard::Refused { code }, proof));
    }
    if replies().any(|(_, reply)| reply.from == server) {
        return Some((Heard::Unchanged, proof));
    }
    if replies().next().is_some() {
        return Some((Heard::Astray, proof));
    }
    // The way over the other relay is longer than the direct one; the proofs tell by how much.
    let proven = proofs.iter().flat_map(|proof| told(proof, is_helped));
    let longest = proven.chain(offers.iter().copied()).map(|(_, round_trip)| round_trip).max();
    let first = copies.first().map(|copy| copy.probe);
    let controls = tested.iter().copied().filter(|copy| copy.form == StunForm::AskForHelp && Some(copy.probe) > first);
    Some((silence(evidence, &copies, controls, longest, needed), proof))
}

fn told<'a>(copies: &[&StunCopy<'a>], of: fn(StunForm) -> bool) -> Vec<(&'a StunReply, Duration)> {
    copies.iter().filter(|copy| of(copy.form)).filter_map(|copy| copy.reply).collect()
}

const fn is_helped(form: StunForm) -> bool {
    matches!(form, StunForm::FromHelper(_))
}

/// The answer of another relay that a socket asked for and got from where it had sent to before. One that was refused
/// besides proves nothing: others may have been, and not have heard of it.
fn proves(proof: &[&StunCopy<'_>], tells: impl Fn(IpAddr) -> bool) -> Option<ProbeId> {
    let opened: BTreeSet<SocketAddr> =
        proof.iter().filter(|copy| copy.form == StunForm::Plain).map(|copy| copy.server).collect();
    let replies = || {
        let helped = proof.iter().filter(|copy| is_helped(copy.form));
        helped.filter_map(|copy| Some((copy.probe, copy.reply?.0)))
    };
    if replies().any(|(_, reply)| reply.error_code.is_some()) {
        return None;
    }
    let proves = |reply: &StunReply| opened.contains(&reply.from) && tells(reply.from.ip());
    replies().find(|(_, reply)| proves(reply)).map(|(probe, _)| probe)
}
