//! What gets through: UDP, each family, ICMP.

use std::collections::{BTreeMap, BTreeSet};

use super::evidence::{Evidence, OtherTry, StunCopy};
use super::nat::View;
use super::regions;
use super::silence::{Silence, may_be_open, owners_suffice, too_few};
use crate::check::Operator;
use crate::check::netcheck::timing;
use crate::model::{Family, Region, is_fake_dns};
use crate::probe::{Cause, Outcome, ProbeId, Question, Stage};
use crate::report::{Confidence, FamilyReport, Verdict, Why};

/// Whether UDP reaches the STUN servers of the map.
pub(super) fn udp(evidence: &Evidence<'_>, portal: bool) -> Verdict<bool> {
    let (answered, near): (Vec<&StunCopy<'_>>, Vec<_>) = evidence
        .stun
        .iter()
        .chain(plain_answers(evidence))
        .filter(|copy| copy.reply.is_some())
        // Whoever answers from an address a proxy has made up stands beyond the proxy: UDP gets there.
        .partition(|copy| evidence.is_witness(copy.server.ip()) || is_fake_dns(copy.server.ip()));
    if !answered.is_empty() {
        let servers: BTreeSet<_> = answered.iter().map(|copy| copy.server).collect();
        return Verdict::known(true, Confidence::High, some_of(answered.iter().map(|copy| copy.probe)))
            .because(Why::UdpAnswered { answers: count(answered.len()), servers: count(servers.len()) });
    }
    let everything = || some_of(evidence.stun.iter().map(|copy| copy.probe));
    // Whatever stands at the edge: nothing leaves this host.
    if let Some(failure) = refused_locally(evidence) {
        return Verdict::known(false, Confidence::High, everything()).because(Why::SendRefused { failure });
    }
    if portal {
        return Verdict::unknown(Why::BehindPortal).with_evidence(everything());
    }
    let usable = |family| evidence.input.allows(family) && evidence.input.has_route(family);
    if evidence.stun.is_empty() {
        let why = if Family::BOTH.into_iter().any(usable) { no_servers(evidence) } else { Why::Offline };
        return Verdict::unknown(why);
    }
    if evidence.stun.iter().all(|copy| copy.failure.is_some_and(|failure| failure.cause == Cause::Unreachable))
        && evidence.https.iter().all(|request| request.success().is_none())
    {
        return Verdict::unknown(Why::Offline).with_evidence(everything());
    }
    let verdict = blocked(evidence).with_evidence(everything());
    // What a faked address stands for is beyond this network: something gets out, by whatever way.
    let faked = near.iter().any(|copy| is_fake_dns(copy.server.ip()));
    if faked || (verdict.value().is_none() && !near.is_empty()) {
        let servers: BTreeSet<_> = near.iter().map(|copy| copy.server).collect();
        let why = Why::OnlyNeighboursAnswered { servers: count(servers.len()) };
        return Verdict::unknown(why).with_evidence(everything());
    }
    verdict
}

/// Answers to a socket that serves a test, from where it asked. Others tell of the test, and not of the way to a server.
fn plain_answers<'e, 'a>(evidence: &'e Evidence<'a>) -> impl Iterator<Item = &'e StunCopy<'a>> {
    evidence.tests().filter(|copy| copy.reply.is_some_and(|(reply, _)| reply.from == copy.server))
}

/// Nobody answered: is it the network? Only servers that are known to be up can say so by their silence.
fn blocked(evidence: &Evidence<'_>) -> Verdict<bool> {
    // Without relays there was nothing to leave out, whatever the options of a saved run say.
    let relays = evidence.input.map.regions.values().any(Region::has_relay);
    if !evidence.input.options.https && relays {
        return Verdict::unknown(Why::LeftOut { flag: "--no-https" });
    }
    let up = Family::BOTH.map(|family| evidence.relays_up(family));
    if up.iter().all(BTreeMap::is_empty) && relays {
        return Verdict::unknown(Why::NothingAnswered);
    }
    let [v4, v6] = &up;
    let silence = [Silence::of(evidence, Family::V4, v4), Silence::of(evidence, Family::V6, v6)];
    let most = silence.iter().map(|silence| silence.witnesses.len()).max().unwrap_or_default();
    let mut asked_on: BTreeMap<u16, BTreeSet<Operator>> = BTreeMap::new();
    for (port, operators) in silence.iter().flat_map(|silence| &silence.ports) {
        asked_on.entry(*port).or_default().extend(operators);
    }
    let ports: BTreeSet<u16> = asked_on.keys().copied().collect();
    // On a port that one server alone was asked on, its silence is that server's, or its line's: the port may be open.
    if ports.len() >= 2 && asked_on.values().any(|operators| operators.len() < 2) {
        return Verdict::unknown(Why::TooFewWitnesses { servers: 1, needed: 2 });
    }
    // A port that was asked of others only, of whom nobody knows whether they are up, may be the one that is open.
    let untold = evidence.stun.iter().any(|copy| copy.shared() && !ports.contains(&copy.server.port()));
    let speaks = silence.iter().any(Silence::speaks) && silence.iter().all(|silence| silence.enough_each);
    // A family that says nothing itself may be open: the servers that are up were not shown to be up along its way.
    let open = Family::BOTH.into_iter().zip(&silence).filter(|(_, silence)| !silence.speaks());
    let open = open.map(|(family, _)| family).find(|family| may_be_open(evidence, *family, &up));
    if let Some(family) = open.filter(|_| speaks) {
        return Verdict::unknown(Why::TcpNotTried { family });
    }
    if !untold && speaks {
        // One port only: the rest of UDP was not tried, and the why says which one was.
        let confidence = if ports.len() >= 2 { Confidence::High } else { Confidence::Medium };
        return Verdict::known(false, confidence, []).because(Why::UdpSilent {
            copies: silence.iter().map(|silence| silence.copies).sum(),
            servers: count(most),
            ports: ports.into_iter().collect(),
        });
    }
    let all: BTreeMap<_, _> = silence.into_iter().flat_map(|silence| silence.witnesses).collect();
    Verdict::unknown(too_few(&all))
}

/// That the network, or this host, keeps UDP from passing over one family: a false verdict, if it is so. `udp` is the
/// verdict on all of it.
pub(super) fn blocked_over(evidence: &Evidence<'_>, family: Family, udp: &Verdict<bool>) -> Option<Verdict<bool>> {
    if !evidence.of_family(family).any(StunCopy::shared) {
        return None;
    }
    let silence = Silence::of(evidence, family, &evidence.relays_up(family));
    if udp.is_false() {
        let refused = matches!(udp.why(), Some(Why::SendRefused { .. }));
        return (refused || silence.speaks()).then(|| udp.clone());
    }
    // Whatever comes of the other family, and nothing may be known of it: that nothing comes in over this one must be as
    // clear as it would have to be of both.
    let unheard = !evidence.of_family(family).any(|copy| copy.reply.is_some());
    let beyond = !matches!(udp.why(), Some(Why::BehindPortal | Why::Offline));
    (unheard && beyond && silence.tells(evidence, family)).then(|| {
        let copies = evidence.of_family(family).filter(|copy| copy.shared());
        Verdict::known(false, silence.confidence(), some_of(copies.map(|copy| copy.probe))).because(silence.why())
    })
}

/// This host or its firewall refused every datagram.
fn refused_locally(evidence: &Evidence<'_>) -> Option<crate::probe::Failure> {
    let shared: Vec<_> = evidence.stun.iter().filter(|copy| copy.shared()).collect();
    let refused = |copy: &&StunCopy<'_>| copy.failure.is_some_and(|failure| failure.cause == Cause::NotPermitted);
    if !shared.is_empty() && shared.iter().all(refused) {
        shared.first().and_then(|copy| copy.failure).cloned()
    } else {
        None
    }
}

fn no_servers(evidence: &Evidence<'_>) -> Why {
    let families = Family::BOTH.into_iter().filter(|family| evidence.input.allows(*family));
    let mut whys: Vec<Why> = families.map(|family| evidence.nobody_asked(family)).collect();
    let told = whys.iter().position(|why| !matches!(why, Why::NoServers { .. })).unwrap_or_default();
    if whys.is_empty() { Why::Offline } else { whys.swap_remove(told) }
}

/// What was learned over one family.
pub(super) fn family(evidence: &Evidence<'_>, view: &View) -> FamilyReport {
    let family = view.family;
    let host = &evidence.input.host;
    let local = host
        .interfaces
        .iter()
        .filter(|interface| !interface.loopback)
        .flat_map(|interface| &interface.addresses)
        .copied()
        .filter(|address| Family::of(*address) == family && !is_link_local(*address))
        .collect();
    FamilyReport {
        usable: usable(evidence, family),
        os_support: match family {
            Family::V4 => host.os_supports_v4,
            Family::V6 => host.os_supports_v6,
        },
        local,
        global: view.global(),
        observed: view.observed.clone(),
    }
}

fn usable(evidence: &Evidence<'_>, family: Family) -> Verdict<bool> {
    let input = evidence.input;
    let (wanted, os, flag) = match family {
        Family::V4 => (input.options.ipv4, input.host.os_supports_v4, "-6"),
        Family::V6 => (input.options.ipv6, input.host.os_supports_v6, "-4"),
    };
    if !wanted {
        return Verdict::unknown(Why::LeftOut { flag });
    }
    if !os {
        return Verdict::known(false, Confidence::High, []).because(Why::NoOsSupport { family });
    }
    let stun: Vec<&StunCopy<'_>> = evidence.of_family(family).collect();
    let answered = answered_over(evidence, family);
    if !answered.is_empty() {
        let servers: BTreeSet<Operator> = answered.values().copied().collect();
        return Verdict::known(true, Confidence::High, some_of(answered.into_keys()))
            .because(Why::FamilyAnswered { servers: count(servers.len()) });
    }
    if !input.has_route(family) {
        return Verdict::known(false, Confidence::High, []).because(Why::NoRoute { family });
    }
    if stun.is_empty() {
        return Verdict::unknown(evidence.nobody_asked(family));
    }
    dead_family(evidence, family).with_evidence(some_of(stun.iter().map(|copy| copy.probe)))
}

/// Why no STUN server was asked over a family.
pub(super) fn not_asked(evidence: &Evidence<'_>, family: Family) -> Why {
    let usable = usable(evidence, family);
    match usable.why() {
        Some(why @ (Why::LeftOut { .. } | Why::NoOsSupport { .. } | Why::NoRoute { .. })) => why.clone(),
        _ => evidence.nobody_asked(family),
    }
}

/// Probes that were answered over a family, by whom.
fn answered_over(evidence: &Evidence<'_>, family: Family) -> BTreeMap<ProbeId, Operator> {
    let tests = plain_answers(evidence).filter(|copy| copy.slot.family() == family);
    let mut answered: BTreeMap<ProbeId, Operator> = evidence
        .of_family(family)
        .chain(tests)
        .filter(|copy| copy.reply.is_some())
        .map(|copy| (copy.probe, Operator::of(copy.server.ip())))
        .collect();
    for request in &evidence.https {
        if let (Some(answer), Some(address)) = (request.success(), request.target.address)
            && answer.via_proxy.is_none()
            && Family::of(address) == family
        {
            answered.insert(request.probe, Operator::of(address));
        }
    }
    for other in evidence.others() {
        if let (Question::StunStream { server, .. }, Some(Outcome::Stun(_))) = (other.question, other.outcome)
            && Family::of(server.ip()) == family
        {
            answered.insert(other.probe, Operator::of(server.ip()));
        }
        if let (Question::Icmp { address, .. }, Some(Outcome::Icmp(_))) = (other.question, other.outcome)
            && Family::of(*address) == family
        {
            answered.insert(other.probe, Operator::of(*address));
        }
    }
    answered
}

/// Nobody answered over this family. It is the family's fault if servers that answer over the other one are silent
/// here over UDP and TCP alike.
fn dead_family(evidence: &Evidence<'_>, family: Family) -> Verdict<bool> {
    let other = if family == Family::V4 { Family::V6 } else { Family::V4 };
    let mut copies = 0;
    let mut witnesses = BTreeMap::new();
    let mut tcp_dead = BTreeSet::new();
    // What comes late over the one family may come late over the other, each of the three answers an exchange takes.
    let floor = timing::MATURE_FLOOR + most_late(evidence) * 3;
    for region in evidence.input.map.regions.values() {
        for node in &region.nodes {
            let (Some(here), Some(there)) = (evidence.stun_server(node, family), evidence.stun_server(node, other))
            else {
                continue;
            };
            let twin = evidence.measuring(other).filter(|copy| copy.server == there);
            let Some(round_trip) = twin.filter_map(|copy| Some(copy.reply?.1)).min() else { continue };
            // What failed on this host never reached anybody who could have kept silent.
            let mature = evidence
                .measuring(family)
                .filter(|copy| copy.server == here && copy.failure.is_none())
                .filter(|copy| copy.matured(evidence.ended_at, round_trip))
                .count();
            if mature > 0 {
                copies += count(mature);
                witnesses.insert(Operator::of(here.ip()), evidence.owner(here.ip()));
            }
            // A refusal would be an answer; only silence and "no way there" speak against the family.
            let dead = |request: &&super::evidence::HttpsTry<'_>| {
                request.target.address.is_some_and(|address| Family::of(address) == family)
                    && (request.silent_for(round_trip * 3 + floor)
                        || request.failure.as_ref().is_some_and(|failure| {
                            failure.stage == Stage::Connect && failure.cause == Cause::Unreachable
                        }))
            };
            // A relay whose TCP is silent over the other family as well is down, and tells of no family.
            let up = evidence.https_of(node).any(|request| {
                request.answer.is_some() && request.target.address.is_some_and(|address| Family::of(address) == other)
            });
            let dead = evidence.https_of(node).filter(dead).filter_map(|request| request.target.address);
            tcp_dead.extend(dead.filter(|_| up).map(Operator::of));
        }
    }
    let enough = witnesses.len() >= timing::BLOCKED_OPERATORS && copies >= timing::DEAD_FAMILY_COPIES;
    if !enough || !owners_suffice(&witnesses) {
        return Verdict::unknown(too_few(&witnesses));
    }
    // Where packets are lost, or come seconds late, a SYN may be one of them: its silence then proves nothing.
    let missing = regions::total_loss(evidence).0 > 0;
    if missing || tcp_dead.len() < timing::BLOCKED_OPERATORS {
        return Verdict::unknown(Why::TcpNotTried { family });
    }
    Verdict::known(false, Confidence::High, []).because(Why::FamilySilent { copies, servers: count(witnesses.len()) })
}

/// By how much the slowest answer of a server was behind its fastest, of the server where that is most.
fn most_late(evidence: &Evidence<'_>) -> std::time::Duration {
    let mut spans = BTreeMap::new();
    for copy in evidence.stun.iter().filter(|copy| copy.shared()) {
        if let Some((_, round_trip)) = copy.reply {
            let (least, most) = spans.entry(copy.server).or_insert((round_trip, round_trip));
            (*least, *most) = (round_trip.min(*least), round_trip.max(*most));
        }
    }
    spans.into_values().map(|(least, most)| most.saturating_sub(least)).max().unwrap_or_default()
}

/// Whether ICMP echo gets answers. Silence proves nothing: relays and networks alike drop ICMP.
pub(super) fn icmp(evidence: &Evidence<'_>) -> Verdict<bool> {
    if !evidence.input.options.icmp {
        return Verdict::unknown(Why::LeftOut { flag: "--no-icmp" });
    }
    let pings: Vec<&OtherTry<'_>> =
        evidence.others().iter().filter(|other| matches!(other.question, Question::Icmp { .. })).collect();
    let answered: Vec<ProbeId> =
        pings.iter().filter(|ping| matches!(ping.outcome, Some(Outcome::Icmp(_)))).map(|ping| ping.probe).collect();
    if !answered.is_empty() {
        let answers = count(answered.len());
        return Verdict::known(true, Confidence::High, some_of(answered.into_iter()))
            .because(Why::IcmpAnswered { answers });
    }
    if pings.is_empty() {
        let offline = !Family::BOTH.into_iter().any(|family| evidence.input.may_resolve(family));
        return Verdict::unknown(if offline { Why::Offline } else { no_servers(evidence) });
    }
    let forbidden = pings.iter().any(|ping| {
        matches!(ping.outcome, Some(Outcome::Failed(failure))
            if matches!(failure.cause, Cause::NotPermitted | Cause::Unsupported { .. }))
    });
    let why = if forbidden { Why::IcmpNotPermitted } else { Why::IcmpSilent { copies: count(pings.len()) } };
    Verdict::unknown(why).with_evidence(some_of(pings.iter().map(|ping| ping.probe)))
}

/// Enough evidence to find one's way, not all of it.
pub(super) fn some_of(probes: impl Iterator<Item = ProbeId>) -> Vec<ProbeId> {
    let all: BTreeSet<ProbeId> = probes.collect();
    all.into_iter().take(12).collect()
}

fn is_link_local(address: std::net::IpAddr) -> bool {
    match address {
        std::net::IpAddr::V4(v4) => v4.is_link_local(),
        std::net::IpAddr::V6(v6) => v6.is_unicast_link_local(),
    }
}

pub(super) fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
