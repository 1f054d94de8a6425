//! The mapping sockets: whom they ask, and when fresh ones are needed.

use std::net::SocketAddr;

use super::super::plan;
use super::super::timing;
use super::super::tracks::{Next, Role};
use super::NetcheckCheck;
use crate::check::{Operator, mapping};
use crate::model::Family;

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
        }
    }

    /// The mapping sockets also ask the first servers to answer: near, alive, and of different operators.
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
        if nearest.len() <= timing::MAPPING_NEAREST {
            for socket in timing::MAPPING_SOCKETS {
                self.open(0, Role::Mapping, server, socket, 1);
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
            if !mapping::conclude(&seen).more_sockets_would_help {
                continue;
            }
            let servers: Vec<_> =
                self.answered.get(&family).map(|all| all.iter().take(4).copied().collect()).unwrap_or_default();
            for server in servers {
                for socket in timing::FRESH_SOCKETS {
                    self.open(0, Role::Mapping, server, socket, 1);
                }
            }
        }
        self.tracks.len() > before
    }

    fn mapping_settled(&self, family: Family) -> bool {
        self.input.options.nat && {
            let signs = self.signs(self.now);
            self.tracks
                .iter()
                .filter(|track| track.slot.family() == family)
                .all(|track| track.next(self.now, &signs, self.knowledge(track, &signs)) == Next::Settled)
        }
    }
}
