//! The law, applied: what a report claims against what is so.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::net::SocketAddr;

use natscope::model::{Difficulty, Family, NatType};
use natscope::probe::{PortMappingService, ProbeId};
use natscope::report::{FamilyReport, Finding, Nat, Netcheck, Verdict, Why};

use crate::judge_regions::judge_regions;
use crate::run::Run;
use crate::truth::{Right, Truth};
use crate::truth_nat::NatTruth;
use crate::world::{DnsAnswers, Service, World};

/// A claim that is not so.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Wrong {
    pub(crate) field: String,
    pub(crate) problem: String,
}

/// What a check concluded.
pub(crate) struct Conclusions<'a> {
    pub(crate) netcheck: &'a Netcheck,
    pub(crate) nat: [Option<&'a Nat>; 2],
    pub(crate) findings: &'a [Finding],
}

/// How often a verdict was given.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    /// Right.
    pub(crate) right: u64,
    /// Right where it was obtainable, and not by luck.
    pub(crate) obtained: u64,
    /// Undetermined though it was obtainable.
    pub(crate) undetermined: u64,
    /// Undetermined because no claim may be made, or nothing that could be asked would support one.
    pub(crate) silent: u64,
    /// The reasons given where it was obtainable, by name.
    pub(crate) reasons: BTreeMap<String, u64>,
}

impl Tally {
    /// Takes note of a right verdict, and whether it was obtainable.
    pub(crate) fn count_right(&mut self, obtainable: bool) {
        self.right += 1;
        self.obtained += u64::from(obtainable);
    }

    /// Takes note of an undetermined one, whether another was obtainable, and why it is undetermined.
    pub(crate) fn count_undetermined(&mut self, obtainable: bool, why: Option<&Why>) {
        if obtainable {
            self.undetermined += 1;
            *self.reasons.entry(why.map_or_else(String::new, name)).or_default() += 1;
        } else {
            self.silent += 1;
        }
    }

    /// The share of what was obtainable that is undetermined.
    pub(crate) fn missed(&self) -> f64 {
        self.undetermined as f64 / (self.obtained + self.undetermined).max(1) as f64
    }

    /// Adds another one.
    pub(crate) fn add(&mut self, other: Self) {
        self.right += other.right;
        self.obtained += other.obtained;
        self.undetermined += other.undetermined;
        self.silent += other.silent;
        for (reason, times) in other.reasons {
            *self.reasons.entry(reason).or_default() += times;
        }
    }
}

/// The name of a reason, without what it says of this run.
fn name(why: &Why) -> String {
    let text = format!("{why:?}");
    text.split([' ', ')']).next().unwrap_or_default().replace('(', ": ")
}

/// What comes of judging a run.
pub(crate) struct Judgement<'a> {
    pub(crate) world: &'a World,
    pub(crate) run: &'a Run,
    pub(crate) wrong: Vec<Wrong>,
    pub(crate) tallies: BTreeMap<String, Tally>,
    launched: BTreeSet<ProbeId>,
}

/// Judges every claim of a report.
pub(crate) fn judge<'a>(world: &'a World, run: &'a Run, said: &Conclusions<'_>) -> Judgement<'a> {
    let launched = run.record.launches.iter().map(|launch| launch.probe.id).collect();
    let mut judgement = Judgement { world, run, wrong: Vec::new(), tallies: BTreeMap::new(), launched };
    let truth = Truth::of(world, run);
    // A resolver that gives one address for everything makes one server of all.
    let gathered = matches!(world.dns.answers, DnsAnswers::Portal | DnsAnswers::Fake);
    for problem in run.misbehaviour.iter().filter(|problem| !gathered || !problem.contains("datagrams")) {
        judgement.wrong("check", problem.clone());
    }
    if run.record.ended_at.since_start().as_millis() > u128::from(world.options.budget_ms + 60) {
        judgement.wrong(
            "check",
            format!("ended at {} with a budget of {} ms", run.record.ended_at, world.options.budget_ms),
        );
    }
    let netcheck = said.netcheck;
    judgement.verdict_if(truth.udp_obtainable, "udp", &netcheck.udp, &truth.udp);
    judgement.verdict_if(world.icmp_obtainable(), "icmp", &netcheck.icmp, &truth.icmp);
    let told = world.portal_obtainable(&truth.udp);
    judgement.verdict_if(told, "captive_portal", &netcheck.captive_portal, &truth.captive_portal);
    for family in Family::BOTH {
        let (report, name) = match family {
            Family::V4 => (&netcheck.ipv4, "ipv4"),
            Family::V6 => (&netcheck.ipv6, "ipv6"),
        };
        judge_family(&mut judgement, name, report, family, &truth);
        if let Some(nat) = said.nat[family as usize] {
            judge_nat(&mut judgement, &format!("nat_{}", &name[2..]), nat, &truth.nat[family as usize], family);
        }
    }
    judge_port_mapping(&mut judgement, netcheck);
    judge_router(&mut judgement, netcheck);
    judge_regions(&mut judgement, netcheck);
    for finding in said.findings {
        crate::judge_findings::judge_finding(&mut judgement, finding, &truth);
    }
    judgement
}

impl Judgement<'_> {
    /// Notes a claim that is not so.
    pub(crate) fn wrong(&mut self, field: &str, problem: impl Into<String>) {
        self.wrong.push(Wrong { field: field.into(), problem: problem.into() });
    }

    /// Notes it unless it is so.
    pub(crate) fn expect(&mut self, so: bool, field: &str, problem: impl FnOnce() -> String) {
        if !so {
            self.wrong(field, problem());
        }
    }

    /// Judges one verdict. To leave undetermined what is so and not `obtainable` is no fault.
    fn verdict_if<T: PartialEq + Debug>(
        &mut self,
        obtainable: bool,
        field: &str,
        verdict: &Verdict<T>,
        right: &Right<T>,
    ) {
        self.form(field, verdict);
        let tally = self.tallies.entry(field.to_owned()).or_default();
        let obtainable = obtainable && !right.is_empty();
        match verdict.value() {
            Some(value) if right.contains(value) => tally.count_right(obtainable),
            Some(value) => {
                let why = verdict.why();
                self.wrong(field, format!("claims {value:?} where right is {right:?}, because {why:?}"));
            }
            None => tally.count_undetermined(obtainable, verdict.why()),
        }
    }

    /// Whether a verdict is one: unknown with a why, evidence that exists.
    pub(crate) fn form<T: Debug>(&mut self, field: &str, verdict: &Verdict<T>) {
        if verdict.value().is_none() && verdict.why().is_none() {
            self.wrong(field, "undetermined without a why");
        }
        if verdict.value().is_some() && verdict.confidence().is_none() {
            self.wrong(field, "a value without a confidence");
        }
        if let Some(unknown) = verdict.evidence().iter().find(|id| !self.launched.contains(id)) {
            self.wrong(field, format!("rests on {unknown}, which was never launched"));
        }
    }
}

fn judge_family(judgement: &mut Judgement<'_>, name: &str, report: &FamilyReport, family: Family, truth: &Truth) {
    let world = judgement.world;
    let usable = &truth.usable[family as usize];
    judgement.verdict_if(world.usable_obtainable(family, usable), &format!("{name}.usable"), &report.usable, usable);
    let told = world.global_obtainable(family, &truth.nat[family as usize]);
    judgement.verdict_if(told, &format!("{name}.global"), &report.global, &truth.global[family as usize]);
    let host = &world.host;
    let supported = if family == Family::V4 { host.os_v4 } else { host.os_v6 };
    judgement.expect(report.os_support == supported, name, || format!("os_support is {supported}"));
    let counted = report.observed.values().max().copied().unwrap_or_default();
    let endpoints: BTreeSet<SocketAddr> = judgement
        .run
        .reached
        .iter()
        .filter(|reached| reached.answered && reached.slot.family() == family)
        .map(|reached| reached.server)
        .collect();
    let fakes = judgement.world.dns_fakes();
    judgement.expect(fakes || counted as usize <= endpoints.len(), name, || {
        format!("counts {counted} servers where {} answered", endpoints.len())
    });
}

fn judge_nat(judgement: &mut Judgement<'_>, name: &str, nat: &Nat, truth: &NatTruth, family: Family) {
    let field = |field: &str| format!("{name}.{field}");
    let names = [
        field("difficulty"),
        field("effective"),
        field("nat_type"),
        field("mapping"),
        field("mapping_varies"),
        field("filtering"),
        field("hairpinning"),
        field("port_preservation"),
        field("port_allocation"),
        field("pooling"),
        field("carrier_grade"),
    ];
    let blocked = truth.difficulty.contains(&Difficulty::Blocked);
    let world = judgement.world;
    let blocked_obtainable = !truth.blocked_by_luck && world.blockage_obtainable_over(family);
    let graded = if blocked { blocked_obtainable } else { truth.varies_obtainable };
    judgement.verdict_if(graded, &names[0], &nat.difficulty, &truth.difficulty);
    // No port mapping is ever verified here, so it is the same.
    judgement.verdict_if(graded, &names[1], &nat.effective, &truth.difficulty);
    // These two need no filter.
    let plain = [NatType::Symmetric, NatType::UdpBlocked].iter().any(|plain| truth.nat_type.contains(plain));
    let typed = graded && (plain || truth.filtering_obtainable);
    judgement.verdict_if(typed, &names[2], &nat.nat_type, &truth.nat_type);
    judgement.verdict_if(truth.mapping_obtainable, &names[3], &nat.mapping, &truth.mapping);
    judgement.verdict_if(truth.varies_obtainable, &names[4], &nat.mapping_varies, &truth.mapping_varies);
    judgement.verdict_if(truth.filtering_obtainable, &names[5], &nat.filtering, &truth.filtering);
    judgement.verdict_if(world.hairpin_obtainable(family, truth), &names[6], &nat.hairpinning, &truth.hairpinning);
    judgement.verdict_if(
        World::preservation_obtainable(truth),
        &names[7],
        &nat.port_preservation,
        &truth.port_preservation,
    );
    judgement.verdict_if(world.allocation_obtainable(truth), &names[8], &nat.port_allocation, &truth.port_allocation);
    judgement.verdict_if(world.pooling_obtainable(truth), &names[9], &nat.pooling, &truth.pooling);
    judgement.verdict_if(world.carrier_obtainable(family, truth), &names[10], &nat.carrier_grade, &truth.carrier_grade);
    judgement.form(&field("mapping_lifetime"), &nat.mapping_lifetime);
    if let Some(level) = nat.level {
        judgement.expect(truth.level.contains(&level), &field("level"), || format!("claims {level:?}"));
    }
    // Where every server sees another endpoint, any may come first.
    if let Some(most_seen) = nat.mapped.first().filter(|_| nat.mapping_varies.is_false()) {
        let real = judgement.run.reached.iter().any(|reached| reached.external == *most_seen);
        judgement.expect(real, &field("mapped"), || format!("{most_seen} comes first and is nobody's"));
    }
    for local in &nat.local {
        let real = judgement.world.local(family) == Some(local.ip());
        judgement.expect(real, &field("local"), || format!("{local} is not the host's"));
    }
    for server in &nat.servers {
        crate::judge_findings::judge_note(judgement, &field("servers"), server.endpoint, server.note);
        let heard = judgement.run.reached.iter().any(|reached| reached.answered && reached.server == server.endpoint);
        judgement.expect(
            server.round_trip.is_none() || heard || judgement.world.dns_fakes(),
            &field("servers"),
            || format!("{} has a round trip and never answered", server.endpoint),
        );
    }
}

fn judge_port_mapping(judgement: &mut Judgement<'_>, netcheck: &Netcheck) {
    for service in [PortMappingService::Upnp, PortMappingService::NatPmp, PortMappingService::Pcp] {
        let offered = matches!(judgement.world.service(service), Service::Offers { .. });
        let asked = judgement.world.host.gateway.is_some() && judgement.world.options.port_mapping;
        let right = if asked { vec![offered] } else { vec![] };
        let told = judgement.world.service_obtainable(service);
        judgement.verdict_if(told, &format!("port_mapping.{service:?}"), netcheck.port_mapping.of(service), &right);
    }
}

fn judge_router(judgement: &mut Judgement<'_>, netcheck: &Netcheck) {
    let world = judgement.world;
    let router = &netcheck.router;
    if let Some((told, service)) = router.wan_address {
        let tells = match world.service(service) {
            Service::Offers { tells_wan, .. } | Service::Declines { tells_wan } => tells_wan,
            Service::Silent | Service::Refused | Service::Garbage => false,
        };
        judgement.expect(tells && world.outer() == Some(told), "router.wan_address", || {
            format!("{told} by {service:?}, where {:?} is so (tells: {tells})", world.outer())
        });
    }
    if let (Some(same), Some(outer)) = (router.wan_is_mapped_address, world.outer()) {
        let externals: BTreeSet<_> = judgement
            .run
            .reached
            .iter()
            .filter(|reached| reached.slot.family() == Family::V4)
            .map(|reached| reached.external.ip())
            .collect();
        let right = match (externals.contains(&outer), externals.len()) {
            (true, 1) => same,
            (true, _) => true,
            (false, _) => !same,
        };
        judgement.expect(right, "router.wan_is_mapped_address", || {
            format!("claims {same} where the router has {outer} and servers see {externals:?}")
        });
    }
}
