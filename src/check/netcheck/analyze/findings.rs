//! What deserves attention.

use std::collections::BTreeSet;

use super::evidence::{Evidence, HttpsTry, StunCopy};
use super::nat::View;
use super::regions::{counted, total_loss};
use crate::check::netcheck::plan::{Place, stun_place};
use crate::model::{Difficulty, Family, Node, is_global};
use crate::probe::{Cause, Stage};
use crate::report::{Finding, FindingDetail, LatencyMethod, Nat, Netcheck, RegionReport, ServerNote};

/// Loss worth a word: three round trips at least …
const LOST: u32 = 3;
/// … and one in twenty.
const LOST_SHARE: f64 = 0.05;

/// Findings, most severe first; within a severity in order of code.
pub(super) fn findings(
    evidence: &Evidence<'_>,
    netcheck: &Netcheck,
    nat: Option<&Nat>,
    views: &[View; 2],
) -> Vec<Finding> {
    let mut details = Vec::new();
    if netcheck.udp.is_false() {
        details.push(FindingDetail::UdpBlocked);
    }
    region_findings(evidence, netcheck, &mut details);
    if netcheck.captive_portal.is_true() {
        let location = match netcheck.captive_portal.why() {
            Some(crate::report::Why::PortalAnswered { location, .. }) => location.clone(),
            _ => None,
        };
        details.push(FindingDetail::CaptivePortal { location });
    }
    if let Some((host, address)) = evidence.fake_dns() {
        details.push(FindingDetail::FakeDns { host: host.to_owned(), address });
    }
    if let (Some(_), Some(interface)) = (&netcheck.path.tunnel, &netcheck.path.interface) {
        details.push(FindingDetail::ThroughTunnel { interface: interface.clone() });
    }
    for server in views.iter().flat_map(|view| &view.servers) {
        if let Some(note) = server.note
            && !matches!(note, ServerNote::Silent | ServerNote::NotOnInternet | ServerNote::ThroughNat64)
        {
            let (server, endpoint) = (server.server.clone(), server.endpoint);
            details.push(FindingDetail::OddServer { server, endpoint, note });
        }
    }
    let failed = evidence.failed_names();
    if let Some((example, failure)) = failed.first() {
        let names = super::reach::count(failed.len());
        details.push(FindingDetail::DnsFailing { names, example: (*example).to_owned(), failure: failure.clone() });
    }
    if nat.is_some_and(|nat| nat.difficulty.value() == Some(&Difficulty::Hard)) {
        details.push(FindingDetail::HardNat);
    }
    if let Some((wan, _)) = netcheck.router.wan_address
        && !is_global(wan)
    {
        details.push(FindingDetail::DoubleNat { wan });
    }
    if netcheck.ipv6.usable.is_false() && evidence.input.allows(Family::V6) && evidence.input.has_route(Family::V6) {
        details.push(FindingDetail::Ipv6BlackHole);
    }
    super::translated::findings(evidence, views, &mut details);
    let (lost, of) = total_loss(evidence);
    let share = f64::from(lost) / f64::from(of.max(1));
    if lost >= LOST && share >= LOST_SHARE {
        details.push(FindingDetail::PacketLoss { loss: share, of });
    }
    if let Some(proxy) = proxy_only(evidence) {
        details.push(FindingDetail::ProxyOnly { proxy });
    }
    let mut findings: Vec<Finding> = details.into_iter().map(Finding::new).collect();
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    findings
}

fn region_findings(evidence: &Evidence<'_>, netcheck: &Netcheck, details: &mut Vec<FindingDetail>) {
    let nothing = netcheck.regions.iter().all(|region| region.latency.is_none());
    for region in &netcheck.regions {
        let (id, code) = (region.id, region.code.clone());
        let of_map = evidence.input.map.regions.get(&id);
        let relay_failure = of_map.and_then(|of_map| {
            of_map.nodes.iter().flat_map(|node| evidence.https_of(node)).find_map(|request| request.failure.clone())
        });
        match (region.method, relay_failure, &region.failure) {
            (Some(LatencyMethod::Stun), Some(failure), _) if region.relay_answers == Some(false) => {
                details.push(FindingDetail::RelayDown { region: id, code, failure });
            }
            // When nothing at all was reached, the verdicts above say so once.
            (None, _, Some(failure)) if !nothing => {
                details.push(FindingDetail::RegionUnreachable { region: id, code, failure: failure.clone() });
            }
            (Some(method), _, Some(failure)) if netcheck.udp.is_true() && stun_fails_here(evidence, region) => {
                let (relay_answers, failure) = (region.relay_answers, failure.clone());
                details.push(FindingDetail::StunDown { region: id, code, method, relay_answers, failure });
            }
            _ => {}
        }
    }
}

/// Whether the region's servers were asked in vain in every way there is, one of them over a family over which others
/// do answer that are no nearer to the internet: where none does, that is news of the way, and told as such.
fn stun_fails_here(evidence: &Evidence<'_>, region: &RegionReport) -> bool {
    let failed = region.failure.as_ref().is_some_and(|failure| failure.stage == Stage::Stun);
    let Some(of_map) = evidence.input.map.regions.get(&region.id).filter(|_| failed) else { return false };
    let nodes = || of_map.nodes.iter().flat_map(|node| Family::BOTH.map(|family| evidence.stun_server(node, family)));
    let addresses: BTreeSet<_> = nodes().flatten().map(|server| server.ip()).collect();
    // One that answered another socket, or at another port, is not down: chance kept it from the measuring one.
    let answered = |copy: &StunCopy<'_>| addresses.contains(&copy.server.ip()) && counted(copy).is_some();
    if evidence.stun.iter().chain(evidence.tests()).any(answered) {
        return false;
    }
    let untried = |family| of_map.nodes.iter().any(|node| is_untried(evidence, node, family));
    let alone = |family| {
        let own: Vec<_> = of_map.nodes.iter().filter_map(|node| evidence.stun_server(node, family)).collect();
        let (here, elsewhere): (Vec<_>, Vec<_>) =
            evidence.of_family(family).partition(|copy| own.contains(&copy.server));
        let on_internet = here.iter().any(|copy| is_global(copy.server.ip()));
        let answers = |copy: &StunCopy<'_>| counted(copy).is_some() && is_global(copy.server.ip()) >= on_internet;
        !here.is_empty() && elsewhere.into_iter().any(answers)
    };
    !Family::BOTH.into_iter().any(untried) && Family::BOTH.into_iter().any(alone)
}

/// Whether a node's STUN might answer over a family that it was not asked over: nothing was sent, or its name is not
/// settled.
fn is_untried(evidence: &Evidence<'_>, node: &Node, family: Family) -> bool {
    if let Some(server) = evidence.stun_server(node, family) {
        return evidence.input.may_send(server.ip()) && !evidence.of_family(family).any(|copy| copy.server == server);
    }
    let cause = evidence.name_failure(&node.host_name, family).map(|failure| failure.cause);
    let has_none = matches!(cause, Some(Cause::NoAddress | Cause::NoSuchName));
    stun_place(node, family) == Place::ByName && evidence.input.may_resolve(family) && !has_none
}

/// Relays answer through the proxy, and nothing answers without it.
fn proxy_only(evidence: &Evidence<'_>) -> Option<String> {
    let through = evidence.https.iter().find_map(|request| request.success()?.via_proxy.clone())?;
    let direct = evidence.stun.iter().any(|copy| copy.reply.is_some())
        || evidence.https.iter().filter_map(HttpsTry::success).any(|answer| answer.via_proxy.is_none());
    (!direct).then_some(through)
}
