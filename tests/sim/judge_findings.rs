//! Findings and blame against what is so: a finding is a claim too.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use natscope::model::{Difficulty, Family};
use natscope::report::{Finding, FindingDetail, LatencyMethod, ServerNote};

use crate::judge::Judgement;
use crate::judge_regions::any_slow;
use crate::truth::Truth;
use crate::world::{Dns, DnsAnswers, Middlebox, Policy, Server, Stun, World, network_of};

pub(crate) fn judge_finding(judgement: &mut Judgement<'_>, finding: &Finding, truth: &Truth) {
    let world = judgement.world;
    let code = finding.code().to_owned();
    let node_of = |region: u64| world.regions.iter().find(|sim| sim.id == region);
    let so = match &finding.detail {
        FindingDetail::UdpBlocked => truth.udp.contains(&false),
        FindingDetail::RelayDown { region, .. } => node_of(region.0).is_some_and(|sim| {
            sim.nodes.iter().any(|node| !node.stun_only && !world.relay_works(node))
                || !world.lossless(sim)
                || any_slow(world, sim)
        }),
        FindingDetail::RegionUnreachable { region, .. } => node_of(region.0).is_some_and(|sim| {
            let slow = |node: &Server| Family::BOTH.iter().any(|family| world.known(node, *family).is_none());
            let hidden = |node: &Server| slow(node) || !all_right(world, node);
            !sim.no_measure && (!world.lossless(sim) || any_slow(world, sim) || sim.nodes.iter().any(hidden))
        }),
        FindingDetail::StunDown { region, method, .. } => node_of(region.0).is_some_and(|sim| {
            let usable = |node: &Server| !matches!(node.stun, Stun::OtherSource(_) | Stun::Error(_));
            let answers = |node: &Server| Family::BOTH.iter().any(|family| world.stun_answers(node, *family));
            let down = !sim.nodes.iter().any(|node| usable(node) && answers(node));
            let elsewhere = world.nodes().any(|node| !sim.nodes.contains(node) && usable(node) && answers(node));
            *method != LatencyMethod::Stun && elsewhere && (down || !world.lossless(sim) || any_slow(world, sim))
        }),
        FindingDetail::CaptivePortal { .. } => world.portal.is_some(),
        FindingDetail::FakeDns { .. } => world.dns.answers == DnsAnswers::Fake,
        FindingDetail::ThroughTunnel { interface } => {
            *interface == world.host.interface && (world.host.point_to_point || interface.starts_with("wg"))
        }
        FindingDetail::OddServer { endpoint, note, .. } => {
            return judge_note(judgement, &code, *endpoint, Some(*note));
        }
        FindingDetail::DnsFailing { .. } => {
            world.dns != Dns { delay_ms: world.dns.delay_ms, ..Dns::default() }
                || world.dns.delay_ms > 500.0
                || world.portal.is_some()
                || offline(world)
        }
        // Made by `natscope nat` of what a netcheck finds, and by a lint.
        FindingDetail::ServerUnreachable { .. } | FindingDetail::MapMistake(_) | FindingDetail::Relay(_) => false,
        FindingDetail::HardNat => truth.nat.iter().any(|nat| nat.difficulty.contains(&Difficulty::Hard)),
        FindingDetail::DoubleNat { wan } => {
            Some(*wan) == world.outer() && world.v4.boxes.iter().filter(|rules| rules.translates()).count() >= 2
        }
        FindingDetail::Ipv6Translated { prefix_only, .. } => {
            let mut translators = world.v6.boxes.iter().filter(|rules| rules.translates());
            translators.next().is_some_and(|rules| rules.prefix.is_some() == *prefix_only)
        }
        FindingDetail::Ipv4OverIpv6 { address, prefix: _ } => {
            Some(*address) == world.local(Family::V4) && !natscope::model::is_global(*address)
        }
        FindingDetail::Ipv6BlackHole => {
            world.local(Family::V6).is_some() && truth.usable[Family::V6 as usize] == [false]
        }
        FindingDetail::PacketLoss { loss, .. } => {
            // What is very late is lost to whoever does not wait for it.
            let hidden = |sim| !world.lossless(sim) || any_slow(world, sim);
            (0.0..=1.0).contains(loss) && world.regions.iter().any(hidden)
        }
        FindingDetail::ProxyOnly { .. } => world.proxy.is_some(),
        FindingDetail::StaleMap { .. } | FindingDetail::Map { .. } => true,
    };
    judgement.expect(so, &code, || format!("{:?}", finding.detail));
}

/// Blame of a server. A NAT may look like one odd server in two ways that no tester can tell from it: with several
/// uplinks, and where a neighbour holds the port of a socket. Even then three others must have agreed.
pub(crate) fn judge_note(judgement: &mut Judgement<'_>, field: &str, endpoint: SocketAddr, note: Option<ServerNote>) {
    let world = judgement.world;
    let fakes = world.dns_fakes();
    let servers =
        || world.nodes().filter(|node| Family::BOTH.iter().any(|family| node.lives_at(*family, endpoint)) || fakes);
    let heard = || judgement.run.reached.iter().any(|reached| reached.answered && reached.server == endpoint);
    let family = Family::of(endpoint.ip());
    let ambiguous = world
        .network(family)
        .boxes
        .iter()
        .any(|rules: &Middlebox| rules.several_uplinks() || !rules.neighbours.is_empty());
    let answered =
        judgement.run.reached.iter().filter(|reached| reached.answered && Family::of(reached.server.ip()) == family);
    let operators: BTreeSet<_> = answered.map(|reached| network_of(reached.server.ip())).collect();
    let enough = operators.len() >= 4 || fakes;
    let so = match note {
        None => true,
        Some(ServerNote::Silent) => fakes || !heard() || servers().any(|node| node.stun == Stun::Garbage),
        Some(ServerNote::WrongSource { .. }) => servers().any(|node| matches!(node.stun, Stun::OtherSource(_))),
        Some(ServerNote::ServerSideNat { .. }) => servers().any(|node| matches!(node.stun, Stun::Private(_))),
        // A resolver that fakes addresses moves some.
        Some(ServerNote::NotOnInternet) => fakes || servers().any(|node| node.inside),
        // No world here has one.
        Some(ServerNote::ThroughNat64) => false,
        Some(ServerNote::Outlier { .. }) => enough && (ambiguous || servers().any(|node| node.stun.lies())),
        Some(ServerNote::NoMappedAddress) => {
            servers().any(|node| matches!(node.stun, Stun::NoAddress | Stun::Error(_) | Stun::Garbage))
        }
    };
    judgement.expect(so, field, || format!("blames {endpoint}: {note:?}"));
}

fn all_right(world: &World, node: &Server) -> bool {
    let families = Family::BOTH.into_iter().filter(|family| world.uses(*family));
    let honest = node.stun == Stun::Honest && world.network(Family::V4).udp == Policy::Pass;
    honest && families.into_iter().any(|family| world.stun_answers(node, family))
}

fn offline(world: &World) -> bool {
    Family::BOTH.iter().all(|family| world.local(*family).is_none())
}

impl World {
    /// Whether endpoints the check asks are not the servers' true ones.
    pub(crate) fn dns_fakes(&self) -> bool {
        self.dns.answers == DnsAnswers::Fake
    }
}
