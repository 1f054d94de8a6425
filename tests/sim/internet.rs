//! The simulated internet at work: datagrams through boxes and links to servers and back, in virtual time.

mod serving;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use natscope::model::Family;
use natscope::probe::{
    Cause, Failure, Moment, Observation, Outcome, Probe, ProbeId, Question, Slot, Stage, StunForm, StunReply,
};

use crate::link::{Links, Way, extra, millis};
use crate::nat::Nat;
use crate::random::{Random, mix};
use crate::world::{Policy, Sending, Server, Servers, World};

/// The internet of a world, and the host's sockets in it.
pub(crate) struct Internet<'w> {
    pub(crate) world: &'w World,
    pub(crate) servers: Servers<'w>,
    pub(crate) random: Random,
    chains: [Vec<Nat<'w>>; 2],
    links: HashMap<IpAddr, Links>,
    access: Links,
    queue: BTreeMap<(Moment, u64), Event>,
    sequence: u64,
    ephemeral: u16,
    answered: HashSet<ProbeId>,
    /// Requests that reached a STUN server, and how it saw them.
    pub(crate) reached: Vec<Reached>,
}

/// A request that reached a STUN server.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reached {
    pub(crate) probe: ProbeId,
    pub(crate) slot: Slot,
    pub(crate) local: SocketAddr,
    /// The server's true endpoint.
    pub(crate) server: SocketAddr,
    /// Our endpoint as it truly looked from there.
    pub(crate) external: SocketAddr,
    /// Whether a reply of it came through.
    pub(crate) answered: bool,
}

/// Something that will be noticed.
enum Event {
    /// The host hears this.
    Tell(Observation),
    /// A datagram arrives at the outer side of the outermost box. `reply`: what of STUN it says, if anything.
    Datagram { source: SocketAddr, destination: SocketAddr, request: Request, reply: Option<StunReply> },
    /// A request of ours that a box turned back is on its way in again.
    Turned { request: Request, turn: Turn },
}

/// How a box turns a packet back.
#[derive(Clone, Copy)]
struct Turn {
    /// Which box of the chain.
    place: usize,
    /// Its source on the outer side, …
    source: SocketAddr,
    /// … and the one that those behind the box see.
    from: SocketAddr,
    target: SocketAddr,
}

/// What a reply answers.
#[derive(Clone, Copy)]
struct Request {
    probe: ProbeId,
    slot: Slot,
    local: SocketAddr,
    /// Whom the host means to ask; a proxy that fakes addresses asks another one.
    asked: SocketAddr,
    form: StunForm,
    sent_at: Moment,
    /// Whether no box is on the way.
    inside: bool,
    /// The place in `reached`.
    reached: Option<usize>,
}

impl<'w> Internet<'w> {
    /// The internet of a world at the beginning of a run.
    pub(crate) fn of(world: &'w World) -> Self {
        let mut random = Random::new(mix(world.seed ^ 0x5eed));
        let chains = Family::BOTH.map(|family| {
            let boxes = &world.network(family).boxes;
            boxes
                .iter()
                .map(|rules| {
                    let held = rules.neighbours.iter();
                    let held = held
                        .map(|neighbour| (shared_port(world.seed, family, neighbour.slot), neighbour.towards.clone()));
                    Nat::new(rules, Random::new(random.next()), held.collect())
                })
                .collect()
        });
        let ephemeral = random.port(32_768, 60_000);
        Self {
            world,
            servers: Servers::of(world),
            random,
            chains,
            links: HashMap::new(),
            access: Links::default(),
            queue: BTreeMap::new(),
            sequence: 0,
            ephemeral,
            answered: HashSet::new(),
            reached: Vec::new(),
        }
    }

    /// When something will be noticed next.
    pub(crate) fn next_at(&self) -> Option<Moment> {
        self.queue.first_key_value().map(|((at, _), _)| *at)
    }

    /// Lets the next thing happen; it may go unheard.
    pub(crate) fn happen(&mut self) -> Option<Observation> {
        let ((at, _), event) = self.queue.pop_first()?;
        match event {
            Event::Tell(observation) => Some(observation),
            Event::Datagram { source, destination, request, reply } => {
                self.arrive(at, source, destination, request, reply)
            }
            Event::Turned { request, turn } => self.arrive_again(at, turn, &request),
        }
    }

    /// Launches a probe.
    pub(crate) fn launch(&mut self, probe: &Probe, asked_at: Moment) {
        let now = asked_at + self.random.up_to(Duration::from_micros(50));
        match &probe.question {
            Question::Stun { slot, server, form } => self.send(probe.id, *slot, *server, *form, now),
            question => {
                let (after, outcome) = self.exchange(question, now);
                self.tell(probe.id, now, now + after, outcome);
            }
        }
    }

    /// Whether a packet to or from this server is lost on the way.
    pub(crate) fn loses(&mut self, server: &Server, address: IpAddr, way: Way, now: Moment) -> bool {
        // All addresses of a server are at the end of one link.
        let link = server.address(Family::of(address)).unwrap_or(address);
        let links = self.links.entry(link).or_default();
        let on_link = links.loses(&server.link, way, now, &mut self.random);
        self.access.loses(&self.world.access, way, now, &mut self.random) || on_link
    }

    /// The time one way takes.
    pub(crate) fn one_way(&mut self, server: &Server, family: Family, way: Way) -> Duration {
        let whole = millis(server.rtt_ms(family));
        let half = if way == Way::Out { whole / 2 } else { whole.saturating_sub(whole / 2) };
        half + extra(&server.link, way, &mut self.random) + extra(&self.world.access, way, &mut self.random)
    }

    fn send(&mut self, probe: ProbeId, slot: Slot, asked: SocketAddr, form: StunForm, now: Moment) {
        let family = slot.family();
        if let Some(cause) = self.send_error(family) {
            return self.fail(probe, now, Duration::from_micros(20), Failure::new(Stage::Stun, cause));
        }
        let Some(address) = self.world.local(family) else { return };
        let port = match slot {
            Slot::Shared { index, .. } => shared_port(self.world.seed, family, index),
            Slot::Connected { .. } => {
                self.ephemeral = self.ephemeral.checked_add(1).unwrap_or(32_768);
                self.ephemeral
            }
        };
        let local = SocketAddr::new(address, port);
        let found = self.servers.at(asked.ip());
        let target = SocketAddr::new(found.map_or(asked.ip(), |(_, real)| real), asked.port());
        let inside = found.is_some_and(|(server, _)| server.inside);
        let request = Request { probe, slot, local, asked, form, sent_at: now, inside, reached: None };

        let mut source = local;
        let mut turned = None;
        let boxes = self.chains[family as usize].iter_mut().filter(|_| !inside);
        for (place, nat) in boxes.enumerate() {
            let inner = source;
            source = nat.outbound(source, target, now);
            if nat.owns(target.ip()) {
                let from = if nat.keeps_source() { inner } else { source };
                turned = Some((nat.hairpins(), Turn { place, source, from, target }));
                break;
            }
        }
        if let Some((hairpins, turn)) = turned {
            // What comes back in is our own request: nobody's answer.
            if hairpins {
                self.turn_back(turn, request, now);
            }
            return;
        }
        let refuse = match self.world.network(family).udp {
            _ if inside => None,
            ref policy if policy.passes(target.port()) => None,
            Policy::Reject => Some(Cause::Refused),
            Policy::Prohibit if family == Family::V4 => Some(Cause::Unreachable),
            Policy::Prohibit => Some(Cause::NotPermitted),
            _ => return,
        };
        if let Some(cause) = refuse {
            if matches!(slot, Slot::Connected { .. }) {
                let after = millis(self.world.router.rtt_ms);
                self.fail(probe, now, after, Failure::new(Stage::Stun, cause));
            }
            return;
        }
        let Some((server, real)) = found else { return };
        if self.loses(server, real, Way::Out, now) {
            return;
        }
        let there = now + self.one_way(server, family, Way::Out);
        self.serve(server, target, source, request, there);
    }

    fn send_error(&self, family: Family) -> Option<Cause> {
        let supported = match family {
            Family::V4 => self.world.host.os_v4,
            Family::V6 => self.world.host.os_v6,
        };
        if !supported {
            return Some(Cause::Unsupported { what: format!("{family} sockets") });
        }
        if self.world.local(family).is_none() {
            return Some(Cause::Unreachable);
        }
        match self.world.host.send {
            Sending::Allowed => None,
            Sending::NotPermitted => Some(Cause::NotPermitted),
            Sending::Unreachable => Some(Cause::Unreachable),
        }
    }

    fn arrive(
        &mut self,
        at: Moment,
        source: SocketAddr,
        destination: SocketAddr,
        request: Request,
        reply: Option<StunReply>,
    ) -> Option<Observation> {
        let mut inner = destination;
        for nat in self.chains[request.slot.family() as usize].iter_mut().rev().filter(|_| !request.inside) {
            inner = nat.inbound(source, inner, at)?;
        }
        let heard_at = match request.form {
            StunForm::ResponsePort(_) => self.socket_at(request.slot.family(), inner.port()).map(|_| inner),
            _ => Some(request.local).filter(|local| *local == inner),
        };
        let local = heard_at?;
        // A connected socket hears nobody else.
        let from = reply.as_ref().map_or(source, |reply| reply.from);
        if matches!(request.slot, Slot::Connected { .. }) && from != request.asked {
            return None;
        }
        let Some(reply) = reply.map(|reply| StunReply { local: Some(local), ..reply }) else {
            let outcome = Outcome::Stray { slot: request.slot, from: source, problem: "no STUN message".into() };
            return Some(Observation { probe: None, sent_at: at, at, outcome });
        };
        if let Some(reached) = request.reached.and_then(|place| self.reached.get_mut(place)) {
            reached.answered = true;
        }
        let first = self.answered.insert(request.probe);
        let outcome = if first { Outcome::Stun(reply) } else { Outcome::StunDuplicate(reply) };
        Some(Observation { probe: Some(request.probe), sent_at: request.sent_at, at, outcome })
    }

    fn turn_back(&mut self, turn: Turn, request: Request, now: Moment) {
        let mut after = Duration::ZERO;
        // A carrier's box is at the other end of the access line: what is sent meanwhile has left before this is back.
        for way in [Way::Out, Way::Back].into_iter().filter(|_| turn.place > 0) {
            if self.access.loses(&self.world.access, way, now, &mut self.random) {
                return;
            }
            after += millis(CARRIER_MS / 2.0) + extra(&self.world.access, way, &mut self.random);
        }
        self.schedule(now + after, Event::Turned { request, turn });
    }

    fn arrive_again(&mut self, at: Moment, turn: Turn, request: &Request) -> Option<Observation> {
        let mut inner = turn.target;
        for nat in self.chains[request.slot.family() as usize][..=turn.place].iter_mut().rev() {
            inner = nat.inbound(turn.source, inner, at)?;
        }
        let seed = self.world.seed;
        let slot = (0..SLOTS)
            .filter(|index| shared_port(seed, request.slot.family(), *index) == inner.port())
            .map(|index| Slot::Shared { family: request.slot.family(), index })
            .find(|slot| *slot != request.slot)?;
        if turn.from == request.local && !self.world.host.hears_itself {
            return None;
        }
        let at = at + millis(self.world.router.rtt_ms);
        self.tell(request.probe, request.sent_at, at, Outcome::CameBack { slot, from: turn.from });
        None
    }

    /// The shared socket with this local port.
    fn socket_at(&self, family: Family, port: u16) -> Option<Slot> {
        let index = (0..SLOTS).find(|index| shared_port(self.world.seed, family, *index) == port)?;
        Some(Slot::Shared { family, index })
    }

    fn fail(&mut self, probe: ProbeId, sent_at: Moment, after: Duration, failure: Failure) {
        self.tell(probe, sent_at, sent_at + after, Outcome::Failed(failure));
    }

    fn tell(&mut self, probe: ProbeId, sent_at: Moment, at: Moment, outcome: Outcome) {
        self.schedule(at, Event::Tell(Observation { probe: Some(probe), sent_at, at, outcome }));
    }

    fn schedule(&mut self, at: Moment, event: Event) {
        self.sequence += 1;
        self.queue.insert((at, self.sequence), event);
    }
}

/// There and back between a home router and its carrier's box.
const CARRIER_MS: f64 = 3.0;

/// Shared sockets of a family there may be.
const SLOTS: u8 = 64;

/// The local port of a shared socket: by chance, outside the range systems hand out by themselves.
pub(crate) fn shared_port(seed: u64, family: Family, index: u8) -> u16 {
    let chance = mix(mix(seed ^ 0x0070_0a75) ^ (family as u64));
    // A stride each, so that no two sockets get the same one.
    10_240 + ((chance % 337) as u16 * u16::from(SLOTS) + u16::from(index % SLOTS))
}
