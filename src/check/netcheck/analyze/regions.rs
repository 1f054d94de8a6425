//! Regions and nodes: how far, how lossy, why not; and which region is home.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use super::evidence::{Evidence, HttpsTry, StunCopy};
use super::nat::jitter;
use super::reach::{count, some_of};
use crate::check::netcheck::home::{self, Candidate};
use crate::check::netcheck::plan::{Place, relay_place, stun_place};
use crate::check::netcheck::timing;
use crate::model::{Family, Node, Region, RegionId, is_global};
use crate::probe::{Cause, Failure, Outcome, Question, Stage};
use crate::report::{Confidence, LatencyMethod, NodeReport, RegionReport, RegionSkip, Verdict, Why};

/// Every region of the map.
pub(super) fn regions(evidence: &Evidence<'_>) -> Vec<RegionReport> {
    evidence.input.map.regions.values().map(|region| report(evidence, region)).collect()
}

fn report(evidence: &Evidence<'_>, region: &Region) -> RegionReport {
    let skipped = evidence.input.skip(region);
    let nodes: Vec<NodeReport> =
        region.nodes.iter().map(|node| node_report(evidence, node, skipped.is_some())).collect();
    let ipv4 = nodes.iter().filter_map(|node| node.ipv4).min();
    let ipv6 = nodes.iter().filter_map(|node| node.ipv6).min();
    let https = || region.nodes.iter().flat_map(|node| evidence.https_of(node));
    let over_https = https().filter_map(|request| Some(request.success()?.request)).min();
    let over_icmp = region.nodes.iter().filter_map(|node| icmp_latency(evidence, node)).min();
    let ranked = [
        (ipv4.into_iter().chain(ipv6).min(), LatencyMethod::Stun),
        (over_https, LatencyMethod::Https),
        (over_icmp, LatencyMethod::Icmp),
    ];
    let measured = ranked.into_iter().find_map(|(latency, method)| Some((latency?, method)));
    let copies = Copies::of(evidence, region);
    let relay_failure = https().find_map(|request| request.failure.clone());
    let relay_answers = https()
        .any(|request| request.success().is_some())
        .then_some(true)
        // What never left this host says nothing of a relay.
        .or_else(|| {
            let told = https().any(|it| it.failure.as_ref().is_some_and(|failure| !failure.cause.is_of_this_end()));
            (told && all_ways_failed(evidence, region)).then_some(false)
        });
    let by_stun = measured.is_some_and(|(_, method)| method == LatencyMethod::Stun);
    let failure = if by_stun || skipped.is_some() {
        None
    } else {
        let silence = || https().find_map(|request| request.under_way.clone());
        let relay_failure = || relay_failure.or_else(silence).filter(|_| measured.is_none());
        nodes.iter().find_map(|node| node.failure.clone()).or_else(relay_failure)
    };
    // Neither measured, nor failed, nor left out: time was up.
    let unasked = measured.is_none() && failure.is_none();
    let skipped = skipped.or_else(|| unasked.then_some(RegionSkip::NotAsked));
    RegionReport {
        id: region.id,
        code: region.code.clone(),
        name: region.name.clone(),
        latency: measured.map(|(latency, _)| latency),
        ipv4,
        ipv6,
        method: measured.map(|(_, method)| method),
        loss: copies.loss(),
        jitter: copies.jitter(),
        samples: copies.answered(),
        failure,
        skipped,
        relay_answers,
        nodes,
    }
}

/// Whether every way to a relay of the region was tried and failed: its first two relays, over each family there is.
fn all_ways_failed(evidence: &Evidence<'_>, region: &Region) -> bool {
    let proxied = evidence.input.host.proxy.https.is_some();
    region.nodes.iter().filter(|node| !node.stun_only).take(2).all(|node| {
        let failed = |address| {
            let mut tries = evidence.https_of(node).filter(|request| request.target.address == address).peekable();
            tries.peek().is_some() && tries.all(|request| request.failure.is_some())
        };
        if proxied {
            return failed(None);
        }
        // A name that may still be answered is a way not tried.
        let nameless = |family| {
            let cause = evidence.name_failure(&node.host_name, family).map(|failure| failure.cause);
            let under_way = evidence.name_under_way(&node.host_name, family).is_some();
            relay_place(node, family) == Place::ByName
                && evidence.input.may_resolve(family)
                && (under_way || !matches!(cause, None | Some(Cause::NoAddress | Cause::NoSuchName)))
        };
        if Family::BOTH.into_iter().any(nameless) {
            return false;
        }
        let addresses = Family::BOTH.into_iter().filter_map(|family| evidence.relay_address(node, family));
        addresses.filter(|address| evidence.input.may_send(*address)).all(|address| failed(Some(address)))
    })
}

fn node_report(evidence: &Evidence<'_>, node: &Node, skipped: bool) -> NodeReport {
    let best = |family| {
        let server = evidence.stun_server(node, family)?;
        // A connected socket measures as well as the shared one.
        let copies = evidence.of_family(family).filter(|copy| copy.server == server && !is_mapping_socket(copy));
        copies.filter_map(counted).min()
    };
    let (ipv4, ipv6) = (best(Family::V4), best(Family::V6));
    let failure = if skipped || ipv4.is_some() || ipv6.is_some() { None } else { node_failure(evidence, node) };
    NodeReport { name: node.name.clone(), host: node.host_name.clone(), ipv4, ipv6, failure }
}

/// The round trip of a copy that was answered, and by whom it was asked.
pub(super) fn counted(copy: &StunCopy<'_>) -> Option<Duration> {
    let (reply, round_trip) = copy.reply?;
    (reply.from == copy.server && reply.error_code.is_none()).then_some(round_trip)
}

/// Why no STUN answer came: IPv4's reason before IPv6's, the network's own words before silence.
fn node_failure(evidence: &Evidence<'_>, node: &Node) -> Option<Failure> {
    let reasons: Vec<Failure> =
        Family::BOTH.into_iter().filter_map(|family| stun_failure(evidence, node, family)).collect();
    let lame = |failure: &Failure| matches!(failure.cause, Cause::Unreachable | Cause::NoAddress);
    reasons.iter().find(|failure| !lame(failure)).or(reasons.first()).cloned()
}

fn stun_failure(evidence: &Evidence<'_>, node: &Node, family: Family) -> Option<Failure> {
    if !evidence.input.allows(family) {
        return None;
    }
    let place = stun_place(node, family);
    let Some(server) = evidence.stun_server(node, family) else {
        let no_route = place == Place::ByName && !evidence.input.has_route(family);
        return evidence
            .name_failure(&node.host_name, family)
            .or_else(|| evidence.name_under_way(&node.host_name, family))
            .filter(|_| place == Place::ByName)
            .or_else(|| no_route.then(|| Failure::new(Stage::Dns, Cause::Unreachable)));
    };
    if !evidence.input.has_route(family) && is_global(server.ip()) {
        return Some(Failure::new(Stage::Stun, Cause::Unreachable));
    }
    let copies: Vec<&StunCopy<'_>> =
        evidence.of_family(family).filter(|copy| copy.server == server && !is_mapping_socket(copy)).collect();
    let first = copies.first()?;
    if let Some(reply) = copies.iter().find_map(|copy| copy.reply.map(|(reply, _)| reply)) {
        return Some(Failure::new(
            Stage::Stun,
            match reply.error_code {
                Some(code) => Cause::StunError { code },
                None => Cause::Malformed { problem: format!("the reply came from {}", reply.from) },
            },
        ));
    }
    let told = copies.iter().filter(|copy| !copy.shared()).find_map(|copy| copy.failure);
    let refused = copies.iter().all(|copy| copy.failure.is_some());
    let failure = told.or_else(|| first.failure.filter(|_| refused));
    Some(failure.cloned().unwrap_or_else(|| {
        let waited = evidence.ended_at.since(first.at);
        Failure::new(Stage::Stun, Cause::NoAnswer { copies: count(copies.len()), waited })
    }))
}

const fn is_mapping_socket(copy: &StunCopy<'_>) -> bool {
    matches!(copy.slot, crate::probe::Slot::Shared { index: 1.., .. })
}

fn icmp_latency(evidence: &Evidence<'_>, node: &Node) -> Option<Duration> {
    let own = |address| {
        Family::BOTH.into_iter().any(|family| {
            evidence.stun_server(node, family).is_some_and(|server| server.ip() == address)
                || evidence.relay_address(node, family) == Some(address)
        })
    };
    let pings = evidence.others().iter().filter(|other| {
        matches!(other.question, Question::Icmp { address, .. } if own(*address))
            && matches!(other.outcome, Some(Outcome::Icmp(_)))
    });
    pings.filter_map(|ping| ping.round_trip).min()
}

/// Copies a region's servers were sent from the measuring sockets, by server.
struct Copies<'a> {
    by_server: BTreeMap<SocketAddr, Vec<&'a StunCopy<'a>>>,
    evidence: &'a Evidence<'a>,
    first: Vec<SocketAddr>,
}

impl<'a> Copies<'a> {
    fn of(evidence: &'a Evidence<'a>, region: &Region) -> Self {
        let mut by_server: BTreeMap<SocketAddr, Vec<&StunCopy<'_>>> = BTreeMap::new();
        let mut first = Vec::new();
        for node in &region.nodes {
            for family in Family::BOTH {
                let Some(server) = evidence.stun_server(node, family) else { continue };
                let copies = evidence.measuring(family).filter(|copy| copy.server == server);
                by_server.insert(server, copies.collect());
                first.push(server);
            }
        }
        Self { by_server, evidence, first }
    }

    fn answered(&self) -> u32 {
        count(self.by_server.values().flatten().filter(|copy| counted(copy).is_some()).count())
    }

    /// Lost copies among those whose fate is settled, of servers that answer at all.
    fn loss(&self) -> Option<f64> {
        let (lost, settled) = self.lost();
        (settled > 0).then(|| f64::from(lost) / f64::from(settled))
    }

    fn lost(&self) -> (u32, u32) {
        self.lost_after(timing::lost_after)
    }

    /// Copies that were lost and those that are settled, where a missing one is lost so long after it left.
    fn lost_after(&self, late_after: impl Fn(Duration) -> Duration) -> (u32, u32) {
        let mut lost = 0;
        let mut settled = 0;
        for copies in self.by_server.values() {
            let Some(worst) = copies.iter().filter_map(|copy| Some(copy.reply?.1)).max() else { continue };
            for copy in copies.iter().filter(|copy| copy.failure.is_none()) {
                let late = self.evidence.ended_at >= copy.at + late_after(worst);
                if copy.reply.is_some() {
                    settled += 1;
                } else if late {
                    settled += 1;
                    lost += 1;
                }
            }
        }
        (lost, settled)
    }

    /// Of the first server with two round trips at least.
    fn jitter(&self) -> Option<Duration> {
        self.first.iter().find_map(|server| {
            let round_trips: Vec<Duration> =
                self.by_server.get(server)?.iter().filter_map(|copy| Some(copy.reply?.1)).collect();
            jitter(&round_trips)
        })
    }
}

/// Round trips lost and settled over the whole map. A server that is in two regions counts once.
pub(super) fn total_loss(evidence: &Evidence<'_>) -> (u32, u32) {
    loss_after(evidence, timing::lost_after)
}

/// The same, where a missing copy is lost so long after it left, on a path of that round trip.
pub(super) fn loss_after(evidence: &Evidence<'_>, late_after: impl Fn(Duration) -> Duration) -> (u32, u32) {
    let mut all = Copies { by_server: BTreeMap::new(), evidence, first: Vec::new() };
    for region in evidence.input.map.regions.values() {
        all.by_server.extend(Copies::of(evidence, region).by_server);
    }
    all.lost_after(late_after)
}

/// The home region and why this one.
pub(super) fn home(evidence: &Evidence<'_>, regions: &[RegionReport]) -> Verdict<RegionId> {
    let relay_failure = |report: &RegionReport| -> Option<Failure> {
        let region = evidence.input.map.regions.get(&report.id)?;
        region.nodes.iter().flat_map(|node| evidence.https_of(node)).find_map(|request| request.failure.clone())
    };
    let candidates: Vec<Candidate> = regions
        .iter()
        // An echo reply tells the distance of a machine, not that a relay is on it.
        .filter(|report| report.method != Some(LatencyMethod::Icmp))
        .filter_map(|report| {
            let failed = relay_failure(report).filter(|_| report.relay_answers == Some(false));
            let down = failed.or_else(|| out_of_reach(evidence, report.id));
            Candidate::of(evidence.input, report.id, report.latency?, down)
        })
        .collect();
    let previous = evidence.input.previous_home;
    let Some(election) = home::elect(&candidates, previous) else {
        let silent = regions.iter().any(|report| report.relay_answers == Some(false));
        let nearest = candidates.iter().filter(|candidate| candidate.down.is_some()).min_by_key(|it| it.latency);
        let why = match nearest {
            Some(_) if silent => Why::NoRelayAnswers,
            Some(candidate) => relay_unsettled(evidence, candidate.region),
            None => Why::NoHomeCandidate,
        };
        return Verdict::unknown(why);
    };
    // What is still being asked when time is up may be down as well.
    let unasked = regions.iter().any(|report| report.id == election.region && report.relay_answers.is_none());
    if evidence.input.options.https && unasked {
        return Verdict::unknown(relay_unsettled(evidence, election.region))
            .with_evidence(home_evidence(evidence, election.region));
    }
    let of = |id: RegionId| candidates.iter().find(|candidate| candidate.region == id);
    let latency = of(election.region).map(|candidate| candidate.latency).unwrap_or_default();
    let report = regions.iter().find(|report| report.id == election.region);
    let confidence = match report.and_then(|report| report.relay_answers) {
        Some(true) => Confidence::High,
        _ => Confidence::Medium,
    };
    let with_latency = |id: RegionId| of(id).map(|candidate| (id, candidate.latency));
    let why = if let Some((nearer, nearer_latency)) = election.kept_despite.and_then(with_latency) {
        Why::HomeKept { latency, nearer, nearer_latency }
    } else if let Some((passed_over, failure)) = election.passed_over.and_then(|id| Some((id, of(id)?.down.clone()?))) {
        Why::HomeRelayDown { passed_over, failure, latency }
    } else {
        Why::HomeNearest {
            latency,
            of: count(candidates.len()),
            next: election.next.and_then(with_latency),
            score: of(election.region).and_then(|candidate| candidate.score),
        }
    };
    Verdict::known(election.region, confidence, home_evidence(evidence, election.region)).because(why)
}

/// That none of a region's relays has an address this host could send to, as one of IPv4 alone where there is only
/// IPv6. Its STUN may be measured all the same, on a node that is no relay.
fn out_of_reach(evidence: &Evidence<'_>, id: RegionId) -> Option<Failure> {
    let input = evidence.input;
    let region = input.map.regions.get(&id)?;
    if !input.options.https || input.host.proxy.https.is_some() {
        return None;
    }
    let may_be_reached = |node: &Node, family| match relay_place(node, family) {
        Place::ByName => {
            let failure = evidence.name_failure(&node.host_name, family);
            let nowhere = failure.is_some_and(|failure| matches!(failure.cause, Cause::NoAddress | Cause::NoSuchName));
            input.may_resolve(family) && !nowhere
        }
        _ => evidence.relay_address(node, family).is_some_and(|address| input.may_send(address)),
    };
    let mut relays = region.nodes.iter().filter(|node| !node.stun_only);
    let reached = relays.any(|node| Family::BOTH.into_iter().any(|family| may_be_reached(node, family)));
    (!reached).then(|| Failure::new(Stage::Connect, Cause::Unreachable))
}

/// Why nobody knows whether the relay of the region that would be home answers.
fn relay_unsettled(evidence: &Evidence<'_>, id: RegionId) -> Why {
    let time_is_up = Why::RanOutOfTime { after: evidence.ended_at.since_start() };
    let Some(region) = evidence.input.map.regions.get(&id) else { return time_is_up };
    let relays = || region.nodes.iter().filter(|node| !node.stun_only);
    if relays().flat_map(|node| evidence.https_of(node)).any(|request| request.under_way.is_some()) {
        return time_is_up;
    }
    let by_name = |family| relays().filter(move |node| relay_place(node, family) == Place::ByName);
    let names =
        || Family::BOTH.into_iter().flat_map(|family| by_name(family).map(move |node| (&node.host_name, family)));
    let failure = names()
        .find_map(|(host, family)| evidence.name_failure(host, family))
        .or_else(|| names().find_map(|(host, family)| evidence.name_under_way(host, family)));
    if failure.is_some() {
        return Why::HomeRelayNotAsked { region: id, failure };
    }
    let sendable = |node: &Node| {
        let mut addresses = Family::BOTH.into_iter().filter_map(|family| evidence.relay_address(node, family));
        addresses.any(|address| evidence.input.may_send(address))
    };
    if evidence.input.host.proxy.https.is_some() || relays().any(sendable) {
        return Why::NotAsked;
    }
    Why::HomeRelayNotAsked { region: id, failure: None }
}

fn home_evidence(evidence: &Evidence<'_>, id: RegionId) -> Vec<crate::probe::ProbeId> {
    let Some(region) = evidence.input.map.regions.get(&id) else { return Vec::new() };
    let stun = region.nodes.iter().flat_map(|node| {
        let servers: Vec<SocketAddr> =
            Family::BOTH.into_iter().filter_map(|family| evidence.stun_server(node, family)).collect();
        evidence
            .stun
            .iter()
            .filter(move |copy| copy.reply.is_some() && servers.contains(&copy.server))
            .map(|copy| copy.probe)
    });
    let https = region
        .nodes
        .iter()
        .flat_map(|node| evidence.https_of(node))
        .filter(|request: &&HttpsTry<'_>| request.success().is_some())
        .map(|request| request.probe);
    some_of(stun.chain(https))
}
