//! The mapping sockets: whom they ask, and when fresh ones are needed.

use std::net::SocketAddr;

use super::super::Options;
use super::super::plan::{self, Place};
use super::super::schedule::{Next, Signs};
use super::super::timing;
use super::super::tracks::{Fate, Role, Track};
use super::NetcheckCheck;
use super::filter::{Due, Known, Seen, tally};
use super::hairpin::Hairpin;
use crate::check::{Operator, mapping};
use crate::model::{Family, Nat64Prefix, is_global};
use crate::probe::{Moment, Observation, Outcome};

impl NetcheckCheck {
    pub(super) fn open_mapping(&mut self) {
        if !self.input.options.nat {
            return;
        }
        for family in Family::BOTH {
            for server in plan::mapping_servers(&self.input, family) {
                for socket in timing::MAPPING_SOCKETS {
                    self.open(0, Role::Mapping, server, socket, 1);
                }
            }
            for server in plan::mapping_servers(&self.input, family).into_iter().take(timing::HAIRPIN_SERVERS) {
                self.open_hairpin(server);
            }
        }
    }

    /// The measuring and the mapping sockets ask servers of IPv4 beyond a NAT64 what it makes of them.
    pub(super) fn open_beyond_nat64(&mut self, prefix: Nat64Prefix) {
        for server in plan::servers_of_ipv4(&self.input) {
            let beyond = SocketAddr::new(prefix.embed(*server.ip()).into(), server.port());
            for socket in std::iter::once(0).chain(timing::MAPPING_SOCKETS) {
                self.open(0, Role::BeyondNat64, beyond, socket, timing::COPIES);
            }
        }
    }

    /// The sockets of the hairpin test ask a server where they are.
    fn open_hairpin(&mut self, server: SocketAddr) {
        let family = Family::of(server.ip());
        if self.hairpins.iter().any(|hairpin| hairpin.family() == family && !hairpin.is_aimed()) {
            for socket in timing::HAIRPIN_SOCKETS {
                self.open(0, Role::Mapping, server, socket, 1);
            }
        }
    }

    /// Whether all servers that the hairpin test asks have answered or been given up.
    pub(super) fn hairpin_settled(&self, family: Family, signs: &Signs) -> bool {
        let tracks = self.tracks.iter().filter(|track| track.slot.family() == family);
        let mut tracks = tracks.filter(|track| Hairpin::socket_of(track.slot).is_some()).peekable();
        tracks.peek().is_some()
            && tracks.all(|track| track.next(self.now, signs, self.knowledge(track, signs)) == Next::Settled)
    }

    /// The mapping sockets also ask the first servers to answer: near, alive, and of different operators. Those inside this
    /// host's own network take no place from those on the internet.
    pub(super) fn mapping_follows(&mut self, server: SocketAddr) {
        if !self.input.options.nat {
            return;
        }
        let family = Family::of(server.ip());
        let nearest = self.answered.entry(family).or_default();
        let operator = Operator::of(server.ip());
        if nearest.iter().any(|known| Operator::of(known.ip()) == operator) {
            return;
        }
        nearest.push(server);
        let alike = nearest.iter().filter(|known| is_global(known.ip()) == is_global(server.ip()));
        if alike.count() <= timing::MAPPING_NEAREST {
            for socket in timing::MAPPING_SOCKETS {
                self.open(0, Role::Mapping, server, socket, 1);
            }
            self.open_hairpin(server);
            let more = self.input.options.sockets.min(*Options::SOCKETS.end());
            for index in 0..more.saturating_sub(*Options::SOCKETS.start()) {
                self.open(0, Role::Mapping, server, timing::MORE_SOCKETS + index, 1);
            }
        }
    }

    /// Servers that are likely to offer the filter test are asked at once; the others only when an answer says that they
    /// do.
    pub(super) fn open_filters(&mut self) {
        let likely: Vec<SocketAddr> = self
            .relays
            .nodes()
            .filter_map(|(region, index, family)| {
                let node = self.relays.node(&self.input, region, index)?;
                if !plan::likely_offers_filter_test(node) {
                    return None;
                }
                match plan::stun_place(node, family) {
                    Place::Known(address) if self.input.may_send(address) => {
                        Some(SocketAddr::new(address, node.stun_port?))
                    }
                    _ => None,
                }
            })
            .collect();
        for server in likely {
            self.filter_candidate(server);
        }
        for family in Family::BOTH {
            for server in plan::mapping_servers(&self.input, family) {
                self.add_scout(server);
            }
        }
    }

    /// A server that may be asked to answer from elsewhere.
    pub(super) fn filter_candidate(&mut self, server: SocketAddr) {
        let now = self.now;
        self.filters.iter_mut().for_each(|filter| filter.add(server, false, now));
    }

    pub(super) fn replace_dead_filters(&mut self) -> bool {
        let now = self.now;
        let seen = Family::BOTH.map(|family| self.loss_seen(family, now));
        let mut filters = std::mem::take(&mut self.filters);
        let mut began = false;
        for (filter, seen) in filters.iter_mut().zip(seen) {
            began |= filter.replace_dead(now, seen, |server| self.known(server));
        }
        self.filters = filters;
        began
    }

    /// What the measuring socket knows of a server.
    pub(super) fn known(&self, server: SocketAddr) -> Known {
        let signs = self.signs(self.now);
        let Some(track) = self.tracks.iter().find(|track| track.role == Role::Measure && track.server == server) else {
            return Known::default();
        };
        let over = !track.answered() && track.next(self.now, &signs, self.knowledge(track, &signs)) == Next::Settled;
        Known { round_trip: track.best(), given_up: over }
    }

    /// Round trips that got lost, over all servers, and in the filter tests of one family.
    pub(super) fn loss_seen(&self, family: Family, now: Moment) -> Seen {
        let measuring = || self.tracks.iter().filter(|track| track.role == Role::Measure);
        // A server that is in two regions has two tracks, and one that got no answer is no less lossy than the other.
        let worst = |track: &Track| {
            track.worst().or_else(|| measuring().filter(|twin| twin.server == track.server).find_map(Track::worst))
        };
        let tracks = measuring().filter_map(|track| Some(tally(&track.copies, worst(track)?, now)));
        let tallies = tracks
            .chain(self.filters.iter().filter(|filter| filter.family() == family).map(|filter| filter.tally(now)));
        tallies.fold(Seen::default(), |seen, (lost, settled)| Seen {
            lost: seen.lost + lost,
            settled: seen.settled + settled,
        })
    }

    /// Takes a reply to a filter test. A server that tells its other endpoint also serves to tell whether the mapping
    /// depends on the port.
    pub(super) fn hear_filter(&mut self, index: usize, due: Due, copy: usize, observation: &Observation) {
        let (fate, reply) = match &observation.outcome {
            Outcome::Stun(reply) => (Fate::Answered(observation.round_trip()), Some(reply)),
            Outcome::Failed(failure) => (Fate::Failed(failure.clone()), None),
            _ => return,
        };
        let now = self.now;
        let Some(filter) = self.filters.get_mut(index) else { return };
        if let Some((server, other)) = filter.hear(due, copy, fate, reply, now)
            && self.input.options.nat
        {
            let second_port = SocketAddr::new(server.ip(), other.port());
            for socket in timing::MAPPING_SOCKETS {
                self.open(0, Role::Mapping, server, socket, 1);
                self.open(0, Role::Mapping, second_port, socket, 1);
            }
        }
    }

    /// When the sockets disagree, fresh ones may tell why; they ask servers that are known to answer.
    /// Returns whether any were opened.
    pub(super) fn mapping_retries(&mut self) -> bool {
        let before = self.tracks.len();
        for family in Family::BOTH {
            if self.fresh_sockets.contains(&family) || !self.mapping_settled(family) {
                continue;
            }
            self.fresh_sockets.insert(family);
            let seen: Vec<_> =
                self.sightings.iter().filter(|sighting| sighting.slot.family() == family).copied().collect();
            let seen = mapping::across_internet(&seen);
            if !mapping::conclude(&seen).more_sockets_would_help {
                continue;
            }
            let mut servers = self.answered.get(&family).cloned().unwrap_or_default();
            servers.sort_by_key(|server| !is_global(server.ip()));
            for server in servers.into_iter().take(4) {
                for socket in timing::FRESH_SOCKETS {
                    self.open(0, Role::Mapping, server, socket, 1);
                }
            }
        }
        self.tracks.len() > before
    }

    /// Whether nothing more is to come over a family: somebody was asked, and neither an answer nor the name of a server
    /// to ask is waited for.
    fn mapping_settled(&self, family: Family) -> bool {
        if !self.input.options.nat {
            return false;
        }
        let signs = self.signs(self.now);
        if self.names.outstanding(family) && self.now < self.names_until(&signs) {
            return false;
        }
        let mut tracks = self.tracks.iter().filter(|track| track.slot.family() == family).peekable();
        tracks.peek().is_some()
            && tracks.all(|track| track.next(self.now, &signs, self.knowledge(track, &signs)) == Next::Settled)
    }
}
