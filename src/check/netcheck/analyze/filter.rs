//! The filter tests out of the record.

mod help;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::evidence::{Evidence, StunCopy};
use super::nat::View;
use super::reach::count;
use super::regions::loss_after;
use crate::check::filtering::{self, FilterTest, Heard, WITH_CONTROL, copies_needed};
use crate::check::mapping;
use crate::check::netcheck::run::filter::{FIRST_SOCKET, FIRST_SPARE_SOCKET};
use crate::check::netcheck::timing;
use crate::model::{Family, Filtering};
use crate::probe::{ProbeId, Slot, StunForm, StunReply};
use crate::report::{Verdict, Why};

/// The filtering over one family. Servers inside this host's own network have no say: what they send crosses none of
/// the filters on the way to the internet. Those on this host itself have where there is no other way, since nobody
/// takes loopback for the internet.
pub(super) fn filtering(evidence: &Evidence<'_>, view: &View) -> Verdict<Filtering> {
    if !evidence.input.options.filtering {
        return Verdict::unknown(Why::NotMeasuredHere { ask: "natscope nat" });
    }
    let tests = tests(evidence, view.family);
    let along = |way| tests.iter().filter(move |(of, _)| *of == way).map(|(_, test)| test.clone()).collect::<Vec<_>>();
    let across = along(Way::AcrossInternet);
    if !across.is_empty() || view.on_internet() {
        return filtering::conclude(&across);
    }
    if view.on_this_network() {
        return Verdict::unknown(Why::ServersNotOnInternet);
    }
    filtering::conclude(&along(Way::Loopback))
}

/// What lies between this host and a server, as far as addresses tell.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    AcrossInternet,
    Inside,
    Loopback,
}

impl Way {
    /// The way to a server that saw this host at these addresses.
    fn to(server: IpAddr, seen_at: &BTreeSet<IpAddr>) -> Self {
        if server.is_loopback() {
            Self::Loopback
        } else if !seen_at.is_empty() && seen_at.iter().all(|mapped| mapping::crosses_internet(server, *mapped)) {
            Self::AcrossInternet
        } else {
            Self::Inside
        }
    }
}

fn tests(evidence: &Evidence<'_>, family: Family) -> Vec<(Way, FilterTest)> {
    let mut sockets: BTreeMap<u8, Vec<&StunCopy<'_>>> = BTreeMap::new();
    for copy in &evidence.filter {
        if let Slot::Shared { family: of, index } = copy.slot
            && of == family
        {
            sockets.entry(index).or_default().push(copy);
        }
    }
    let needed = needed(evidence, family);
    sockets
        .iter()
        .filter_map(|(index, tested)| Some((number_of_test(*index)?, tested)))
        .filter_map(|(number, tested)| {
            let proofs = [FIRST_SOCKET + 2 * number + 1, FIRST_SPARE_SOCKET + number];
            let proofs: Vec<_> = proofs.iter().filter_map(|socket| sockets.get(socket)).map(Vec::as_slice).collect();
            let server = tested.first()?.server;
            let replies = tested.iter().filter_map(|copy| copy.reply);
            let seen_at = replies.filter_map(|(reply, _)| Some(reply.mapped?.ip())).collect();
            Some((Way::to(server.ip(), &seen_at), test(evidence, server, tested, &proofs, needed)))
        })
        .collect()
}

/// Of which test a socket is the one under test.
fn number_of_test(socket: u8) -> Option<u8> {
    let tested = (FIRST_SOCKET..FIRST_SPARE_SOCKET).contains(&socket) && (socket - FIRST_SOCKET).is_multiple_of(2);
    tested.then_some((socket - FIRST_SOCKET) / 2)
}

fn test(
    evidence: &Evidence<'_>,
    server: SocketAddr,
    tested: &[&StunCopy<'_>],
    proofs: &[&[&StunCopy<'_>]],
    needed: u32,
) -> FilterTest {
    let plain: Vec<_> =
        tested.iter().filter(|copy| copy.form == StunForm::Plain).filter_map(|copy| copy.reply).collect();
    let honest = !plain.is_empty() && plain.iter().all(|(reply, _)| reply.from == server && reply.error_code.is_none());
    let other = plain.iter().find_map(|(reply, _)| reply.other_address);
    let worst = plain.iter().map(|(_, round_trip)| *round_trip).max();
    let heard = |form| heard(evidence, tested, form, server, worst, needed);
    let proven = |form, from_elsewhere| proofs.iter().find_map(|proof| proves(proof, form, server, from_elsewhere));
    if let Some((elsewhere, elsewhere_proven)) = help::helped(evidence, server, tested, proofs, needed) {
        return FilterTest {
            server,
            offered: honest,
            elsewhere,
            neighbour: heard(StunForm::ChangePort),
            elsewhere_proven,
            neighbour_proven: proven(StunForm::ChangePort, false),
            needed,
        };
    }
    FilterTest {
        server,
        offered: honest && other.is_some_and(|other| other.port() != server.port()),
        elsewhere: heard(StunForm::ChangeAddressAndPort),
        neighbour: heard(StunForm::ChangePort),
        elsewhere_proven: proven(StunForm::ChangeAddressAndPort, true),
        neighbour_proven: proven(StunForm::ChangePort, false),
        needed,
    }
}

/// The answer that a socket asked for and got from where it had sent to before.
fn proves(proof: &[&StunCopy<'_>], form: StunForm, server: SocketAddr, from_elsewhere: bool) -> Option<ProbeId> {
    let opened: BTreeSet<SocketAddr> =
        proof.iter().filter(|copy| copy.form == StunForm::Plain).map(|copy| copy.server).collect();
    let told = proof.iter().filter(|copy| copy.form == form);
    let mut told = told.filter_map(|copy| Some((copy.probe, copy.reply?.0)));
    let proves = |reply: &StunReply| {
        reply.error_code.is_none() && opened.contains(&reply.from) && (reply.from.ip() != server.ip()) == from_elsewhere
    };
    told.find(|(_, reply)| proves(reply)).map(|(probe, _)| probe)
}

fn heard(
    evidence: &Evidence<'_>,
    tested: &[&StunCopy<'_>],
    form: StunForm,
    server: SocketAddr,
    worst: Option<Duration>,
    needed: u32,
) -> Heard {
    let copies: Vec<&StunCopy<'_>> = tested.iter().copied().filter(|copy| copy.form == form).collect();
    let replies = || copies.iter().filter_map(|copy| copy.reply.map(|(reply, _)| (copy.probe, reply)));
    let elsewhere = replies().find(|(_, reply)| match form {
        StunForm::ChangeAddressAndPort => reply.from.ip() != server.ip(),
        _ => reply.from.ip() == server.ip() && reply.from != server,
    });
    if let Some((probe, reply)) = elsewhere {
        return Heard::From { from: reply.from, probe };
    }
    if let Some(code) = replies().find_map(|(_, reply)| reply.error_code) {
        return Heard::Refused { code };
    }
    if replies().any(|(_, reply)| reply.from == server) {
        return Heard::Unchanged;
    }
    if replies().next().is_some() {
        // From the right address with the wrong port, or the other way round.
        return Heard::Astray;
    }
    let controls = tested.iter().copied().filter(|copy| copy.form == StunForm::Plain);
    silence(evidence, &copies, controls, worst, needed)
}

/// What the silence of these copies comes to, each of which left along with its control. `worst` is how long an answer
/// takes.
fn silence<'a>(
    evidence: &Evidence<'_>,
    copies: &[&StunCopy<'_>],
    controls: impl Iterator<Item = &'a StunCopy<'a>>,
    worst: Option<Duration>,
    needed: u32,
) -> Heard {
    let Some(worst) = worst else { return Heard::Open { silent: Vec::new() } };
    let late = timing::late_after(worst);
    let silent = copies.iter().zip(controls).filter(|(copy, control)| {
        let up = control.reply.is_some() && copy.at.apart(control.at) <= WITH_CONTROL;
        up && copy.failure.is_none() && evidence.ended_at >= copy.at + late
    });
    let silent: Vec<ProbeId> = silent.map(|(copy, _)| copy.probe).collect();
    if count(silent.len()) >= needed { Heard::Silent { copies: silent } } else { Heard::Open { silent } }
}

/// Copies that silence takes, by the loss of the whole run: the measuring sockets', the controls', and that of proofs.
/// As the run counts them, which asks for no more copies than that takes.
pub(super) fn needed(evidence: &Evidence<'_>, family: Family) -> u32 {
    let (mut lost, mut settled) = loss_after(evidence, timing::late_after);
    let mut flows: BTreeMap<(u8, u8), Vec<&StunCopy<'_>>> = BTreeMap::new();
    for copy in evidence.filter.iter().filter(|copy| copy.slot.family() == family) {
        let Slot::Shared { index, .. } = copy.slot else { continue };
        let tested = number_of_test(index).is_some();
        let asks = matches!(copy.form, StunForm::Plain | StunForm::AskForHelp);
        let control = tested && asks;
        let proof = !tested && !asks;
        if control || proof {
            let flow = match copy.form {
                StunForm::ChangePort => 1,
                StunForm::AskForHelp => 2,
                StunForm::FromHelper(_) => 3,
                _ => 0,
            };
            flows.entry((index, flow)).or_default().push(copy);
        }
    }
    for copies in flows.values() {
        let Some(worst) = copies.iter().filter_map(|copy| Some(copy.reply?.1)).max() else { continue };
        let late = timing::late_after(worst);
        let proof = copies.iter().all(|copy| !matches!(copy.form, StunForm::Plain | StunForm::AskForHelp));
        let begun =
            if proof { copies.iter().position(|copy| copy.reply.is_some()).map_or(0, |first| first + 1) } else { 0 };
        let copies = || copies.iter().skip(begun);
        let answered = copies().filter(|copy| copy.reply.is_some()).count();
        let overdue = copies().filter(|copy| copy.reply.is_none() && evidence.ended_at >= copy.at + late).count();
        lost += count(overdue);
        settled += count(answered + overdue);
    }
    copies_needed(lost, settled)
}
