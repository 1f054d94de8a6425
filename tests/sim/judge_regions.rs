//! Latencies and the home region against the true round trips and what relays truly do.

use std::time::Duration;

use natscope::model::{Family, RegionId};
use natscope::report::{LatencyMethod, Netcheck, RegionReport, RegionSkip};

use crate::judge::Judgement;
use crate::world::{Dns, Link, Pinning, Server, SimRegion, World};

/// An existing home is left for another only when that is better by this at least (Tailscale's rule, each latency
/// weighed by its region's score).
const HOME_ABSOLUTE: Duration = Duration::from_millis(10);

pub(crate) fn judge_regions(judgement: &mut Judgement<'_>, netcheck: &Netcheck) {
    let world = judgement.world;
    let ids: Vec<_> = netcheck.regions.iter().map(|region| region.id.0).collect();
    let mut wanted: Vec<_> = world.regions.iter().map(|region| region.id).collect();
    wanted.sort_unstable();
    judgement.expect(ids == wanted, "regions", || format!("{ids:?} where the map has {wanted:?}"));
    for (region, report) in world.regions.iter().filter_map(|region| Some((region, find(netcheck, region.id)?))) {
        judge_region(judgement, region, report);
    }
    judgement.form("home_region", &netcheck.home_region);
    if let Some(home) = netcheck.home_region.value() {
        return judge_home(judgement, netcheck, *home);
    }
    let may = home_obtainable(world, netcheck);
    judgement.tallies.entry("home_region".into()).or_default().count_undetermined(may, netcheck.home_region.why());
}

fn find(netcheck: &Netcheck, id: u64) -> Option<&RegionReport> {
    netcheck.regions.iter().find(|report| report.id == RegionId(id))
}

fn judge_region(judgement: &mut Judgement<'_>, region: &SimRegion, report: &RegionReport) {
    let world = judgement.world;
    let field = format!("region {}", region.id);
    let bounds = |node: &Server, family: Family| {
        let least = node.rtt_ms(family);
        (least, least + node.link.most_delay_ms() + world.access.most_delay_ms())
    };
    for (family, measured) in [(Family::V4, report.ipv4), (Family::V6, report.ipv6)] {
        let Some(measured) = measured else { continue };
        let answering = region.nodes.iter().filter(|node| world.stun_answers(node, family));
        let within = span(answering.map(|node| bounds(node, family)));
        judgement.expect(lies_in(measured, within), &field, || format!("{measured:?} over {family}, true: {within:?}"));
    }
    let relays = || region.nodes.iter().filter(|node| world.relay_works(node));
    match (report.latency, report.method) {
        (Some(latency), Some(LatencyMethod::Stun)) => {
            let best = report.ipv4.into_iter().chain(report.ipv6).min();
            judgement
                .expect(best == Some(latency), &field, || format!("{latency:?} is not the best of its own {best:?}"));
        }
        (Some(latency), Some(LatencyMethod::Https)) => {
            let spans = relays().flat_map(|node| Family::BOTH.map(|family| bounds(node, family)));
            let within = span(spans).map(|(least, _)| (least, f64::INFINITY));
            judgement.expect(lies_in(latency, within), &field, || format!("{latency:?} by HTTPS, true: {within:?}"));
            let quiet = world.access.is_clean() && region.nodes.iter().all(|node| node.link.is_clean());
            if quiet && world.proxy.is_none() {
                let spans =
                    relays().flat_map(|node| Family::BOTH.map(|family| (0.0, bounds(node, family).1 + node.work_ms)));
                let within = span(spans);
                judgement
                    .expect(lies_in(latency, within), &field, || format!("{latency:?} by HTTPS, true: {within:?}"));
            }
        }
        (Some(latency), Some(LatencyMethod::Icmp)) => {
            let spans = region.nodes.iter().flat_map(|node| Family::BOTH.map(|family| bounds(node, family)));
            let within = span(spans);
            judgement.expect(lies_in(latency, within), &field, || format!("{latency:?} by ICMP, true: {within:?}"));
        }
        (None, None) => {}
        mixed => judgement.wrong(&field, format!("{mixed:?}")),
    }
    if report.skipped == Some(RegionSkip::NoMeasure) || region.no_measure {
        judgement.expect(region.no_measure && report.latency.is_none(), &field, || {
            format!("no_measure is {} and it has {:?}", region.no_measure, report.latency)
        });
    }
    judgement.expect(report.skipped != Some(RegionSkip::NoNodes) || region.nodes.is_empty(), &field, || {
        "is said to have no nodes".into()
    });
    judge_loss(judgement, region, report, &field);
    let all_work = region.nodes.iter().filter(|node| !node.stun_only).all(|node| world.relay_works(node));
    let none_answers = relays().next().is_none();
    match report.relay_answers {
        Some(true) => judgement.expect(!none_answers, &field, || "its relay answers, it says".into()),
        Some(false) => {
            let excused = !all_work || !world.lossless(region) || any_slow(world, region);
            judgement.expect(excused, &field, || "its relay does not answer, it says".into());
        }
        None => {}
    }
}

/// Whether a relay may need longer to answer than anybody waits.
pub(crate) fn any_slow(world: &World, region: &SimRegion) -> bool {
    let late = |node: &Server| {
        let delay = node.link.most_delay_ms() + world.access.most_delay_ms();
        delay > 50.0 || Family::BOTH.iter().any(|family| node.rtt_ms(*family) + delay > 400.0)
    };
    region.nodes.iter().any(|node| late(node) || world.known(node, Family::V4).is_none())
}

fn judge_loss(judgement: &mut Judgement<'_>, region: &SimRegion, report: &RegionReport, field: &str) {
    let world = judgement.world;
    let Some(loss) = report.loss else { return };
    judgement.expect((0.0..=1.0).contains(&loss), field, || format!("a loss of {loss}"));
    // What comes much later than its fellows is lost to whoever does not wait for it.
    let delay = |link: &Link| link.late > 0.0 || link.jitter_ms > 10.0;
    let late = delay(&world.access) || region.nodes.iter().any(|node| delay(&node.link));
    let answers = |node: &Server, family| {
        node.stun_endpoint(family).is_none() || !world.uses(family) || world.stun_answers(node, family)
    };
    let all_answer = region.nodes.iter().all(|node| Family::BOTH.iter().all(|family| answers(node, *family)));
    if world.lossless(region) && all_answer && !late {
        judgement.expect(loss == 0.0, field, || format!("a loss of {loss} where nothing is lost"));
    }
}

/// The span of several: the least of the least, the most of the most.
fn span(of: impl Iterator<Item = (f64, f64)>) -> Option<(f64, f64)> {
    of.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
}

fn lies_in(measured: Duration, within: Option<(f64, f64)>) -> bool {
    let ms = measured.as_secs_f64() * 1e3;
    within.is_some_and(|(least, most)| ms >= least - 1e-3 && ms <= most + 1e-3)
}

/// Whether a home can be told: a relay works, and of none in a nearer region it stays unknown whether it does, as of one
/// that has a name nobody resolves, or is there and loses what is sent to it.
fn home_obtainable(world: &World, netcheck: &Netcheck) -> bool {
    let weight = |region: &SimRegion| {
        let latency = find(netcheck, region.id)?.latency?;
        Some(latency.as_secs_f64() * region.score.unwrap_or(1.0))
    };
    let works = world.regions.iter().filter(|region| candidate(world, netcheck, region)).filter_map(weight);
    let Some(best) = works.min_by(f64::total_cmp) else { return false };
    let settled = |region: &SimRegion| {
        let relays = || region.nodes.iter().filter(|node| !node.stun_only);
        let known = |node: &Server| {
            Family::BOTH.iter().all(|family| match node.in_map(*family) {
                Pinning::Resolve => {
                    world.dns == Dns { delay_ms: world.dns.delay_ms, ..Dns::default() }
                        && world.known(node, *family).is_some()
                }
                Pinning::Pinned | Pinning::Disabled => true,
            })
        };
        world.lossless(region) && relays().all(known)
    };
    let near = |region: &&SimRegion| weight(region).is_some_and(|weight| weight <= best);
    world.regions.iter().filter(near).all(settled)
}

/// Whether a region could be claimed as home. An echo reply is no measure of a relay.
fn candidate(world: &World, netcheck: &Netcheck, region: &SimRegion) -> bool {
    let kept = world.previous_home == Some(region.id);
    let by_relay = |report: &RegionReport| report.latency.is_some() && report.method != Some(LatencyMethod::Icmp);
    let measured = find(netcheck, region.id).is_some_and(by_relay);
    let works = if world.options.https {
        region.nodes.iter().any(|node| world.relay_works(node))
    } else {
        region.nodes.iter().any(|node| !node.stun_only)
    };
    measured && works && !region.no_measure && (kept || !region.avoid)
}

fn judge_home(judgement: &mut Judgement<'_>, netcheck: &Netcheck, home: RegionId) {
    let world = judgement.world;
    let before = judgement.wrong.len();
    let chosen = world.regions.iter().find(|region| region.id == home.0);
    let report = find(netcheck, home.0);
    let (Some(chosen), Some(latency)) = (chosen, report.and_then(|report| report.latency)) else {
        return judgement.wrong("home_region", format!("{home} was not measured"));
    };
    if !candidate(world, netcheck, chosen) {
        let tcp: Vec<_> = chosen.nodes.iter().map(|node| node.tcp).collect();
        judgement.wrong("home_region", format!("{home} cannot be home: {tcp:?}, avoid {}", chosen.avoid));
    }
    // Whole nanoseconds, as latencies come in: ten milliseconds are not to be a little less, or more, by a float's error.
    let score =
        |region: &SimRegion, latency: Duration| (latency.as_secs_f64() * region.score.unwrap_or(1.0) * 1e9).round();
    let method = report.and_then(|report| report.method);
    for other in world.regions.iter().filter(|other| other.id != home.0 && candidate(world, netcheck, other)) {
        let Some(report) = find(netcheck, other.id) else { continue };
        let Some(theirs) = report.latency.filter(|_| report.method == method) else { continue };
        let better = score(other, theirs) < score(chosen, latency);
        let too_little = |new: f64, old: f64| old - new < HOME_ABSOLUTE.as_nanos() as f64 || new * 3.0 > old * 2.0;
        let sticks = |new: &SimRegion, new_ms: Duration, old: &SimRegion, old_ms: Duration| {
            too_little(score(new, new_ms), score(old, old_ms))
        };
        // What a relay's own loss or slowness hid is nobody's fault.
        let excused = !world.lossless(other)
            || any_slow(world, other)
            || (world.options.https && other.nodes.iter().any(|node| !node.stun_only && !world.relay_works(node)));
        if better && world.previous_home == Some(home.0) {
            // The best is what the home before is compared with.
            let rivals = world.regions.iter().filter(|rival| rival.id != home.0 && candidate(world, netcheck, rival));
            let weights = rivals.filter_map(|rival| Some(score(rival, find(netcheck, rival.id)?.latency?)));
            let is_best = weights.fold(f64::INFINITY, f64::min) >= score(other, theirs);
            let kept = !is_best || sticks(other, theirs, chosen, latency);
            judgement.expect(kept || excused, "home_region", || {
                format!("{home} ({latency:?}) is kept though {} ({theirs:?}) is much better", other.id)
            });
        } else if better {
            judgement.expect(excused, "home_region", || {
                format!(
                    "{home} ({latency:?}, score {:?}) though {} ({theirs:?}, {:?}) is better",
                    chosen.score, other.id, other.score
                )
            });
        } else if world.previous_home == Some(other.id) {
            let leaves = !sticks(chosen, latency, other, theirs);
            judgement.expect(leaves || excused, "home_region", || {
                format!("{home} ({latency:?}) is not so much better than the previous {} ({theirs:?})", other.id)
            });
        }
    }
    if judgement.wrong.len() == before {
        judgement.tallies.entry("home_region".into()).or_default().count_right(true);
    }
}
