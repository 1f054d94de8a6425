//! What is so of the boxes between host and internet, and what servers could see of them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use natscope::model::{Difficulty, Family, Filtering, Level, Mapping, NatType, Pooling, PortAllocation};
use natscope::probe::Slot;

use crate::run::Run;
use crate::truth::Right;
use crate::world::{Middlebox, Network, Pinning, Pool, Ports, Sending, Server, Stun, World, network_of};

/// What is so of the boxes of one family.
#[derive(Clone, Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "what can be obtained, verdict by verdict")]
pub(crate) struct NatTruth {
    pub(crate) difficulty: Right<Difficulty>,
    pub(crate) nat_type: Right<NatType>,
    pub(crate) level: Right<Level>,
    pub(crate) mapping: Right<Mapping>,
    pub(crate) mapping_varies: Right<bool>,
    pub(crate) filtering: Right<Filtering>,
    pub(crate) hairpinning: Right<bool>,
    pub(crate) port_preservation: Right<bool>,
    pub(crate) port_allocation: Right<PortAllocation>,
    pub(crate) pooling: Right<Pooling>,
    pub(crate) carrier_grade: Right<bool>,
    /// Nothing gets through, and nothing that can be heard would tell.
    pub(crate) blocked_by_luck: bool,
    /// Whether a patient tester could tell that the mapping varies or does not, losses aside.
    pub(crate) varies_obtainable: bool,
    /// Whether a patient tester could tell the mapping and what it depends on, losses aside.
    pub(crate) mapping_obtainable: bool,
    /// The same of the filter, with the servers there are.
    pub(crate) filtering_obtainable: bool,
}

/// The truth about one family's boxes, for a run.
pub(crate) fn nat(world: &World, run: &Run, family: Family) -> NatTruth {
    let network = world.network(family);
    let carrier_grade = vec![network.boxes.iter().any(|rules| rules.carrier)];
    let asked = world.measurable(family).map(|(server, to)| (family, server, to));
    let asked: Vec<_> = asked.filter(|(family, server, _)| world.known(server, *family) == Some(true)).collect();
    // A name that takes long may be waited for: whoever was heard, it was not the network that kept all away.
    let heard = run.reached.iter().any(|reached| reached.answered && reached.slot.family() == family);
    let blamed = world.uses(family) && world.blames_network(&asked);
    let blocked = blamed || world.refuses(family) || (world.uses(family) && world.lets_nobody_out(&asked));
    if blocked && !heard && (world.portal.is_none() || world.host.send != Sending::Allowed) {
        let (difficulty, nat_type) = (vec![Difficulty::Blocked], vec![NatType::UdpBlocked]);
        return NatTruth { difficulty, nat_type, carrier_grade, blocked_by_luck: !blamed, ..NatTruth::default() };
    }
    if !heard {
        return NatTruth { carrier_grade, ..NatTruth::default() };
    }
    let (mapping, filtering) = (network.mapping(), network.filtering());
    let mut truth = NatTruth {
        blocked_by_luck: false,
        difficulty: difficulty(mapping, filtering),
        nat_type: vec![nat_type(mapping, filtering)],
        level: level(mapping, filtering).into_iter().collect(),
        mapping: vec![mapping],
        mapping_varies: vec![depends(mapping)],
        filtering: vec![filtering],
        hairpinning: hairpinning(world, network),
        port_preservation: port_preservation(network),
        port_allocation: port_allocation(network),
        pooling: pooling(network),
        carrier_grade,
        varies_obtainable: varies_obtainable(world, family),
        mapping_obtainable: varies_obtainable(world, family)
            && (!depends(mapping) || testers(world, family).next().is_some()),
        filtering_obtainable: filtering_obtainable(world, family),
    };
    let private = world.local(family).is_some_and(|local| !natscope::model::is_global(local));
    if mapping == Mapping::Direct && private {
        // The servers are inside the host's own network, as its address is: they see no way to the internet.
        truth = NatTruth { hairpinning: truth.hairpinning, carrier_grade: truth.carrier_grade, ..NatTruth::default() };
    }
    if network.boxes.iter().any(Middlebox::several_uplinks) {
        several_uplinks(&mut truth, world, run, family);
    }
    truth
}

/// Several uplinks look like a mapping that depends on the destination to whoever asks servers on each side; like none
/// to whoever asks on one side; and a single dissenting server may as well be a liar. So the truth is per way: who hears
/// servers on one side alone may tell of the box there what is so of it, since that there is another way is another
/// property, which nothing heard can show. Who hears both sides may not.
fn several_uplinks(truth: &mut NatTruth, world: &World, run: &Run, family: Family) {
    // By socket and side: who saw it there.
    let mut sides: BTreeMap<Slot, BTreeMap<IpAddr, BTreeSet<IpAddr>>> = BTreeMap::new();
    // What was reached through a proxy that fakes addresses tells of the proxy's way, which need not be the host's own.
    let own_way = |server: &&Server| !world.dns_fakes() || server.in_map(family) == Pinning::Pinned;
    let honest: BTreeSet<_> = world
        .nodes()
        .filter(|server| server.stun == Stun::Honest && !server.inside)
        .filter(own_way)
        .filter_map(|server| server.stun_endpoint(family))
        .collect();
    for reached in run.reached.iter().filter(|reached| reached.answered && honest.contains(&reached.server)) {
        let side = sides.entry(reached.slot).or_default().entry(reached.external.ip()).or_default();
        side.insert(network_of(reached.server.ip()));
    }
    // A single one on a side is a dissenter, and to be left undetermined, unless three on another agree against it.
    let mut all: BTreeMap<IpAddr, BTreeSet<IpAddr>> = BTreeMap::new();
    for (side, servers) in sides.values().flatten() {
        all.entry(*side).or_default().extend(servers);
    }
    let most = all.values().map(BTreeSet::len).max().unwrap_or_default();
    let lone = most >= 3 && all.values().flatten().collect::<BTreeSet<_>>().len() - most <= 1;
    let clear = !lone && sides.values().filter(|sides| sides.len() >= 2).count() >= 2;
    let varies = [Mapping::AddressDependent, Mapping::AddressAndPortDependent];
    let before = truth.mapping.clone();
    truth.mapping = varies.to_vec();
    truth.mapping_varies = vec![true];
    truth.nat_type.push(NatType::Symmetric);
    truth.level.push(Level::Nat4);
    truth.difficulty.push(Difficulty::Hard);
    if !clear {
        truth.mapping_varies.push(before.iter().any(|mapping| depends(*mapping)));
        truth.mapping.extend(before);
    }
}

/// Whether a tester could tell that the mapping varies or does not: three operators on the internet that see us as we
/// are, and a fourth where one of them may lie; one way out, and no neighbour at a port of ours.
fn varies_obtainable(world: &World, family: Family) -> bool {
    let network = world.network(family);
    let boxes = &network.boxes;
    let ambiguous = boxes
        .iter()
        .any(|rules| rules.several_uplinks() || rules.pool == Pool::Arbitrary || !rules.neighbours.is_empty());
    let heard = world.measurable(family).filter(|(server, _)| {
        world.known(server, family) == Some(true)
            && server.stun == Stun::Honest
            // What stands inside sees no NAT at all.
            && !server.inside
            && world.stun_answers(server, family)
            && !(world.dns_fakes() && server.in_map(family) == Pinning::Resolve)
    });
    // Whoever sees the others' port at another address may lie, or be the only one that a second uplink leads to, which
    // keeps ports: whatever is heard, it is the same in both worlds.
    let mut others = world.measurable(family).filter(|(server, _)| world.stun_answers(server, family));
    let second_uplink = family == Family::V4
        && !depends(network.mapping())
        && others.any(|(server, _)| matches!(server.stun, Stun::WrongAddress(_)));
    let operators: BTreeSet<_> = heard.map(|(_, endpoint)| network_of(endpoint.ip())).collect();
    let liars = usize::from(world.nodes().any(|server| server.stun.lies()));
    world.options.nat && !ambiguous && !second_uplink && operators.len() >= 3 + liars
}

/// Servers that help to test the filter, with their other address and port.
fn testers(world: &World, family: Family) -> impl Iterator<Item = &Server> {
    let asked = world.measurable(family).filter(move |(server, _)| {
        world.options.filtering
            && world.options.nat
            && world.known(server, family) == Some(true)
            && server.stun == Stun::Honest
            && !server.inside
            // Nobody knows what stands at an address that a proxy has made up.
            && !(world.dns_fakes() && server.in_map(family) == Pinning::Resolve)
            && server.tests_filters(family)
            && world.stun_answers(server, family)
    });
    asked.map(|(server, _)| server)
}

/// Whether a tester could tell the filter: that somebody gets in is heard; that nobody does takes a proof that the
/// server sends, which comes in where the same mapping serves several of its endpoints.
fn filtering_obtainable(world: &World, family: Family) -> bool {
    let network = world.network(family);
    if network.boxes.iter().any(Middlebox::several_uplinks) {
        return false;
    }
    let shared = match (network.filtering(), network.mapping()) {
        (Filtering::EndpointIndependent, _) | (_, Mapping::Direct | Mapping::EndpointIndependent) => true,
        (filtering, mapping) => filtering == Filtering::AddressAndPortDependent && mapping == Mapping::AddressDependent,
    };
    shared && testers(world, family).next().is_some()
}

const fn depends(mapping: Mapping) -> bool {
    matches!(mapping, Mapping::AddressDependent | Mapping::AddressAndPortDependent)
}

fn difficulty(mapping: Mapping, filtering: Filtering) -> Right<Difficulty> {
    match (mapping, filtering) {
        (Mapping::Direct, Filtering::EndpointIndependent) => vec![Difficulty::None],
        // "None" by the address, "easy" by the firewall in front of it.
        (Mapping::Direct, _) => vec![Difficulty::None, Difficulty::Easy],
        (Mapping::EndpointIndependent, _) => vec![Difficulty::Easy],
        _ => vec![Difficulty::Hard],
    }
}

const fn nat_type(mapping: Mapping, filtering: Filtering) -> NatType {
    match (mapping, filtering) {
        (Mapping::Direct, Filtering::EndpointIndependent) => NatType::OpenInternet,
        (Mapping::Direct, _) => NatType::SymmetricUdpFirewall,
        (Mapping::EndpointIndependent, Filtering::EndpointIndependent) => NatType::FullCone,
        (Mapping::EndpointIndependent, Filtering::AddressDependent) => NatType::RestrictedCone,
        (Mapping::EndpointIndependent, Filtering::AddressAndPortDependent) => NatType::PortRestrictedCone,
        _ => NatType::Symmetric,
    }
}

const fn level(mapping: Mapping, filtering: Filtering) -> Option<Level> {
    match (mapping, filtering) {
        (Mapping::Direct, _) => None,
        (Mapping::EndpointIndependent, Filtering::EndpointIndependent) => Some(Level::Nat1),
        (Mapping::EndpointIndependent, Filtering::AddressDependent) => Some(Level::Nat2),
        (Mapping::EndpointIndependent, Filtering::AddressAndPortDependent) => Some(Level::Nat3),
        _ => Some(Level::Nat4),
    }
}

/// Whether what this host sends to its own outside endpoint comes back to it. The outermost box decides, since that is
/// whose address it is; the others let it in where both ends have sent to each other.
fn hairpinning(world: &World, network: &Network) -> Right<bool> {
    let outermost = network.boxes.iter().rposition(Middlebox::translates);
    let Some(outermost) = outermost else { return vec![] };
    let rules = &network.boxes[outermost];
    if rules.hairpin && network.boxes.iter().any(Middlebox::several_uplinks) {
        // By which uplink it leaves, and whether it comes back from the one the filter was opened for, is chance.
        return vec![true, false];
    }
    vec![rules.hairpin && (!rules.keeps_source || world.host.hears_itself)]
}

fn port_preservation(network: &Network) -> Right<bool> {
    let changes = |rules: &Middlebox| rules.prefix.is_none() && rules.ports != Ports::Preserve;
    if network.translators().any(changes) {
        return vec![false];
    }
    // Kept where it is free: a neighbour, or our own mapping to another destination, may hold it.
    let contested = |rules: &Middlebox| !rules.neighbours.is_empty() || depends(rules.mapping);
    if network.translators().any(contested) { vec![true, false] } else { vec![true] }
}

fn port_allocation(network: &Network) -> Right<PortAllocation> {
    let outermost = network.translators().filter(|rules| rules.prefix.is_none() && rules.ports != Ports::Preserve);
    let preserving = || network.translators().any(|rules| rules.ports == Ports::Preserve && depends(rules.mapping));
    match outermost.last().map(|rules| rules.ports) {
        None if preserving() => vec![PortAllocation::Preserving, PortAllocation::Random],
        None => vec![PortAllocation::Preserving],
        // A box that keeps ports where it can may come after.
        Some(Ports::Sequential(_)) if preserving() => vec![PortAllocation::Sequential, PortAllocation::Random],
        Some(Ports::Sequential(_)) => vec![PortAllocation::Sequential],
        Some(_) => vec![PortAllocation::Random],
    }
}

fn pooling(network: &Network) -> Right<Pooling> {
    match network.translators().last() {
        Some(rules) if rules.publics.len() > 1 => match rules.pool {
            Pool::Paired => vec![Pooling::Paired],
            Pool::Arbitrary => vec![Pooling::Arbitrary],
            Pool::ByDestination | Pool::ByFlow => vec![Pooling::Paired, Pooling::Arbitrary],
        },
        _ => vec![Pooling::Paired],
    }
}

impl Network {
    /// The strictest filter of the chain; of nobody: none.
    pub(crate) fn filtering(&self) -> Filtering {
        let strictness = |filtering: &Filtering| match filtering {
            Filtering::EndpointIndependent => 0,
            Filtering::AddressDependent => 1,
            Filtering::AddressAndPortDependent => 2,
        };
        let filters = self.boxes.iter().map(|rules| rules.filtering);
        filters.max_by_key(strictness).unwrap_or(Filtering::EndpointIndependent)
    }

    /// The mapping of the whole chain: the one that depends on most.
    pub(crate) fn mapping(&self) -> Mapping {
        let dependence = |mapping: &Mapping| match mapping {
            Mapping::Direct => 0,
            Mapping::EndpointIndependent => 1,
            Mapping::AddressDependent => 2,
            Mapping::AddressAndPortDependent => 3,
        };
        let mappings = self.translators().map(|rules| match rules.mapping {
            Mapping::Direct => Mapping::EndpointIndependent,
            other => other,
        });
        mappings.max_by_key(dependence).unwrap_or(Mapping::Direct)
    }

    fn translators(&self) -> impl Iterator<Item = &Middlebox> {
        self.boxes.iter().filter(|rules| rules.translates())
    }

    /// Whether the reply of a server that was sent to comes in.
    pub(crate) fn lets_in(&self, stun: Stun, asked: SocketAddr) -> bool {
        match (stun, self.filtering()) {
            (Stun::OtherSource(from), Filtering::AddressDependent) => from.ip() == asked.ip(),
            (Stun::OtherSource(from), Filtering::AddressAndPortDependent) => from == asked,
            _ => true,
        }
    }
}
