//! The netcheck as a state machine: what to ask next, and when to stop.
//!
//! It asks and remembers; it concludes nothing that ends up in the report ([`analyze`](super::analyze()) does, from
//! the record). Every decision is recomputed from the state by [`NetcheckCheck::agenda`], so there is no order of
//! events it could have missed.

mod agenda;
mod aside;
pub(super) mod filter;
mod filter_test;
mod flow;
mod follow;
mod hairpin;
mod hear;
mod pings;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::names::Names;
use super::plan::{self, Place};
use super::relays::Relays;
use super::schedule::{Knowledge, Next, Signs, Unanswered};
use super::tracks::{Copy, Fate, Role, Track};
use super::{Input, timing};
use crate::check::{Operator, mapping};
use crate::model::{Family, is_global};
use crate::probe::{
    Check, Launch, Moment, Observation, PortMappingService, Probe, ProbeId, Question, Record, Slot, StunForm,
};
use filter::Filter;
use hairpin::Hairpin;
use pings::Pings;

/// A netcheck under way.
#[derive(Debug)]
pub struct NetcheckCheck {
    input: Input,
    now: Moment,
    record: Record,
    purposes: HashMap<ProbeId, Purpose>,
    names: Names,
    tracks: Vec<Track>,
    /// What there is a track of: server and socket, with its region and whatever the region.
    opened: HashSet<(SocketAddr, Slot, Option<usize>)>,
    relays: Relays,
    routers: Vec<(PortMappingService, Asked)>,
    portals: Vec<(SocketAddr, Asked)>,
    pings: Pings,
    sightings: Vec<mapping::Sighting>,
    /// Operators in the order they first answered, per family: the mapping sockets ask the nearest.
    answered: BTreeMap<Family, Vec<SocketAddr>>,
    fresh_sockets: BTreeSet<Family>,
    filters: Vec<Filter>,
    hairpins: Vec<Hairpin>,
    scouts: Vec<aside::Scout>,
    streams: Vec<aside::Stream>,
    pace: Moment,
    /// When to wake and whether it is over, as of the last time there was nothing to ask; `None` once that is stale.
    idle: Option<(Option<Moment>, bool)>,
}

/// What a probe is for.
#[derive(Clone, Copy, Debug)]
enum Purpose {
    Name(usize),
    Track { track: usize, copy: usize },
    Relay(usize),
    Router(usize),
    Portal(usize),
    Ping(usize),
    Filter { filter: usize, due: filter::Due, copy: usize },
    Hairpin(usize),
    Scout(usize),
    Stream(usize),
}

/// The state of a single question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    NotYet,
    Waiting(Moment),
    Answered,
    Failed,
}

/// What to do next.
struct Agenda {
    ask: Option<Ask>,
    wake: Option<Moment>,
    done: bool,
}

/// A probe that is due.
#[derive(Clone, Copy, Debug)]
enum Ask {
    Name(usize),
    Copy { track: usize, connected: bool },
    Relay(usize),
    Router(usize),
    Portal(usize),
    Ping(usize),
    Filter { filter: usize, due: filter::Due },
    Hairpin(usize),
    Scout(usize),
    Stream(usize),
}

impl NetcheckCheck {
    /// A netcheck that has asked nothing yet.
    #[must_use]
    pub fn new(input: &Input) -> Self {
        let routers = match input.gateway() {
            Some(_) if input.options.port_mapping => {
                plan::SERVICES.into_iter().map(|service| (service, Asked::NotYet)).collect()
            }
            _ => Vec::new(),
        };
        let portals = if input.options.captive_portal { plan::portal_addresses(input) } else { Vec::new() };
        let mut check = Self {
            names: Names::of(input),
            relays: Relays::of(input),
            routers,
            portals: portals.into_iter().map(|address| (address, Asked::NotYet)).collect(),
            pings: Pings::new(input.options.icmp),
            input: input.clone(),
            now: Moment::START,
            record: Record::default(),
            purposes: HashMap::new(),
            tracks: Vec::new(),
            opened: HashSet::new(),
            sightings: Vec::new(),
            answered: BTreeMap::new(),
            fresh_sockets: BTreeSet::new(),
            filters: if input.options.filtering { Family::BOTH.map(Filter::new).into() } else { Vec::new() },
            hairpins: if input.options.nat && input.options.hairpin {
                let addresses = || input.host.interfaces.iter().flat_map(|interface| &interface.addresses).copied();
                Family::BOTH.map(|family| Hairpin::new(family, addresses().collect())).into()
            } else {
                Vec::new()
            },
            scouts: Vec::new(),
            streams: Vec::new(),
            pace: Moment::START,
            idle: None,
        };
        check.open_tracks();
        check.open_mapping();
        check.open_filters();
        check
    }

    /// What was asked and heard so far.
    #[must_use]
    pub const fn record(&self) -> &Record {
        &self.record
    }

    /// Regions that have answered in some way, and regions that are measured at all: for a progress display.
    #[must_use]
    pub fn progress(&self) -> (usize, usize) {
        let answered = (0..self.relays.len()).filter(|region| self.latency(*region).is_some()).count();
        (answered, self.relays.len())
    }

    // Opening: from the map to tracks.

    /// Opens a track for each known address. Tracks of names follow when those are resolved.
    fn open_tracks(&mut self) {
        let mut streams = Vec::new();
        for (region, index, family) in self.relays.nodes() {
            let Some(node) = self.relays.node(&self.input, region, index) else { continue };
            let (Some(port), Place::Known(address)) = (node.stun_port, plan::stun_place(node, family)) else {
                continue;
            };
            if self.input.may_send(address) {
                let server = SocketAddr::new(address, port);
                if node.stun_only {
                    streams.push(server);
                }
                self.open(region, Role::Measure, server, 0, plan::copies_for(index));
                if index == 0 {
                    self.pings.add(address);
                }
            }
        }
        for server in streams {
            self.add_stream(server);
        }
        // First copies of first nodes leave first.
        self.tracks.sort_by_key(|track| std::cmp::Reverse(track.wanted));
    }

    fn open(&mut self, region: usize, role: Role, server: SocketAddr, socket: u8, wanted: u32) {
        let slot = Slot::Shared { family: Family::of(server.ip()), index: socket };
        let of_region = (role == Role::Measure).then_some(region);
        if !self.opened.contains(&(server, slot, of_region)) {
            self.opened.extend([(server, slot, None), (server, slot, Some(region))]);
            self.tracks.push(Track { region, role, server, slot, wanted, start: self.now, copies: Vec::new() });
        }
    }

    // Signs: what the run as a whole has shown.

    fn signs(&self, now: Moment) -> Signs {
        let measured = || self.tracks.iter().filter(|track| track.role == Role::Measure);
        Signs {
            heard_udp: self.tracks.iter().any(Track::answered),
            slowest: measured().filter_map(Track::best).max().unwrap_or_default(),
            loss_seen: measured().any(|track| track.shows_loss(now)),
            silent: Family::BOTH.map(|family| self.unanswered(family)),
        }
    }

    fn unanswered(&self, family: Family) -> Option<Unanswered> {
        if self.heard(family) || !(self.relays.any_of_family(family) || self.any_stream()) {
            return None;
        }
        let asked: BTreeMap<Operator, IpAddr> = self
            .tracks
            .iter()
            .filter(|track| track.role == Role::Measure && track.slot.family() == family)
            .map(|track| track.server.ip())
            .filter(|server| is_global(*server))
            .map(|server| (Operator::of(server), server))
            .collect();
        let unshown = asked.values().filter(|server| !self.is_up(**server)).count();
        Some(Unanswered { lossy: self.relays.lose(family), asked: asked.len(), unshown })
    }

    /// Whether the operator of this server is up, as TCP shows.
    fn is_up(&self, server: IpAddr) -> bool {
        self.relays.up(server).is_some() || self.stream_is_up(Operator::of(server))
    }

    fn knowledge(&self, track: &Track, signs: &Signs) -> Knowledge {
        let tcp = if signs.heard_udp { None } else { self.tcp_round_trip(track.server) };
        if track.role == Role::Measure {
            let family = track.slot.family();
            if self.heard(family) {
                return Knowledge { tcp, ..Knowledge::default() };
            }
            let up = self.relays.up(track.server.ip());
            let unanswered = signs.silent.get(family as usize).copied().flatten();
            let more_copies = unanswered.map_or(0, |unanswered| unanswered.copies(self.is_up(track.server.ip())));
            return Knowledge { tcp, more_copies, up, ..Knowledge::default() };
        }
        let measuring = || self.tracks.iter().filter(|other| other.role == Role::Measure);
        let twin = measuring()
            .find(|other| other.server == track.server)
            .or_else(|| measuring().find(|other| other.server.ip() == track.server.ip()));
        let given_up = twin.is_none_or(|twin| {
            !twin.answered() && twin.next(self.now, signs, Knowledge { tcp, ..Knowledge::default() }) == Next::Settled
        });
        let few_witnesses = Hairpin::socket_of(track.slot).is_some();
        Knowledge { tcp, measured: twin.and_then(Track::best), given_up, more_copies: 0, few_witnesses, up: None }
    }

    /// Best STUN round trip of a region, else its HTTPS one.
    fn latency(&self, region: usize) -> Option<Duration> {
        self.stun_latency(region).or_else(|| self.relays.latency(region))
    }

    fn stun_latency(&self, region: usize) -> Option<Duration> {
        self.tracks
            .iter()
            .filter(|track| track.role == Role::Measure && track.region == region)
            .filter_map(Track::best)
            .min()
    }

    // Launching.

    fn launch(&mut self, ask: Ask, now: Moment) -> Option<Probe> {
        let id = ProbeId(u32::try_from(self.record.launches.len()).ok()?);
        let (question, purpose) = self.question(ask, id, now)?;
        self.purposes.insert(id, purpose);
        let probe = Probe { id, question };
        self.record.launches.push(Launch { probe: probe.clone(), at: now });
        Some(probe)
    }

    fn question(&mut self, ask: Ask, id: ProbeId, now: Moment) -> Option<(Question, Purpose)> {
        let gateway = self.input.gateway();
        Some(match ask {
            Ask::Name(index) => {
                let (host, family) = self.names.ask(index)?;
                (Question::Resolve { host, family, timeout: timing::RESOLVE_TIMEOUT }, Purpose::Name(index))
            }
            Ask::Copy { track: index, connected } => {
                self.pace = (now - timing::PACE_SLACK).max(self.pace) + timing::PACE;
                let track = self.tracks.get_mut(index)?;
                let slot = if connected { Slot::Connected { family: track.slot.family() } } else { track.slot };
                let purpose = Purpose::Track { track: index, copy: track.copies.len() };
                track.copies.push(Copy { probe: id, at: now, connected, fate: Fate::Waiting });
                (Question::Stun { slot, server: track.server, form: StunForm::Tailnode }, purpose)
            }
            Ask::Relay(index) => {
                let region = self.relays.region_of(index);
                let measured = region.and_then(|region| self.region_views().get(region)?.best);
                let timeout = if let Some((round_trip, _)) = measured {
                    timing::HTTPS_FLOOR + round_trip * 6
                } else {
                    // Nobody knows how far it is.
                    plan::silent_budget(&self.input).saturating_sub(now.since_start()).max(timing::HTTPS_FLOOR)
                };
                let (target, timeout) = self.relays.ask(index, &self.input, &self.names, now, timeout)?;
                (Question::HttpsLatency { target, timeout }, Purpose::Relay(index))
            }
            Ask::Router(index) => {
                let (service, asked) = self.routers.get_mut(index)?;
                *asked = Asked::Waiting(now);
                let timeout = timing::PORT_MAPPING_TIMEOUT;
                (Question::PortMapping { service: *service, gateway: gateway?, timeout }, Purpose::Router(index))
            }
            Ask::Portal(index) => {
                let (address, asked) = self.portals.get_mut(index)?;
                *asked = Asked::Waiting(now);
                let host = address.ip().to_string();
                let timeout = timing::PORTAL_TIMEOUT;
                (Question::CaptivePortal { address: *address, host, timeout }, Purpose::Portal(index))
            }
            Ask::Filter { filter, due } => {
                let (slot, server, form, copy) = self.filters.get_mut(filter)?.launch(due, id, now)?;
                (Question::Stun { slot, server, form }, Purpose::Filter { filter, due, copy })
            }
            Ask::Scout(index) => {
                let scout = self.scouts.get_mut(index)?;
                scout.asked = Asked::Waiting(now);
                let family = Family::of(scout.server.ip());
                let slot = Slot::Shared { family, index: timing::SCOUT_SOCKET };
                (Question::Stun { slot, server: scout.server, form: StunForm::Plain }, Purpose::Scout(index))
            }
            Ask::Stream(index) => {
                let left = plan::silent_budget(&self.input).saturating_sub(now.since_start());
                let stream = self.streams.get_mut(index)?;
                stream.asked = Asked::Waiting(now);
                let slot = Slot::Connected { family: Family::of(stream.server.ip()) };
                let timeout = left.max(timing::HTTPS_FLOOR);
                (Question::StunStream { slot, server: stream.server, tls: None, timeout }, Purpose::Stream(index))
            }
            Ask::Hairpin(index) => {
                let (slot, server, form) = self.hairpins.get_mut(index)?.launch(id, now)?;
                (Question::Stun { slot, server, form }, Purpose::Hairpin(index))
            }
            Ask::Ping(index) => {
                self.pace = (now - timing::PACE_SLACK).max(self.pace) + timing::PACE;
                let address = self.pings.launch(index, now)?;
                (Question::Icmp { address, timeout: timing::ICMP_TIMEOUT }, Purpose::Ping(index))
            }
        })
    }
}

impl Check for NetcheckCheck {
    fn poll_probe(&mut self, now: Moment) -> Option<Probe> {
        self.now = self.now.max(now);
        self.record.ended_at = self.now;
        self.idle = None;
        let mut agenda = self.agenda(self.now);
        if agenda.ask.is_none() && (self.replace_dead_filters() || self.mapping_retries()) {
            agenda = self.agenda(self.now);
        }
        let Some(ask) = agenda.ask else {
            self.idle = Some((agenda.wake, agenda.done));
            return None;
        };
        self.launch(ask, self.now)
    }

    fn poll_timeout(&self) -> Option<Moment> {
        self.idle.map_or_else(|| self.agenda(self.now).wake, |(wake, _)| wake)
    }

    fn observe(&mut self, now: Moment, observation: Observation) {
        self.now = self.now.max(now);
        self.idle = None;
        self.hear(&observation);
        self.record.ended_at = self.now;
        self.record.observations.push(observation);
    }

    fn is_done(&self) -> bool {
        self.idle.map_or_else(|| self.agenda(self.now).done, |(_, done)| done)
    }
}
