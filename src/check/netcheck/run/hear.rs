//! What an answer means to the question it answers.

use std::net::SocketAddr;

use super::super::plan::{self, Place};
use super::super::tracks::{Fate, Role};
use super::hairpin::Hairpin;
use super::{Asked, NetcheckCheck, Purpose};
use crate::check::mapping;
use crate::probe::{Observation, Outcome};

impl NetcheckCheck {
    pub(super) fn hear(&mut self, observation: &Observation) {
        let Some(id) = observation.probe else { return };
        let outcome = &observation.outcome;
        match self.purposes.get(&id).copied() {
            Some(Purpose::Name(index)) => self.hear_name(index, outcome),
            Some(Purpose::Track { track, copy }) => self.hear_track(track, copy, observation),
            Some(Purpose::Relay(index)) => self.relays.hear(index, self.now, outcome),
            Some(Purpose::Router(index)) => hear_asked(&mut self.routers, index, outcome),
            Some(Purpose::Portal(index)) => hear_asked(&mut self.portals, index, outcome),
            Some(Purpose::Ping(index)) => self.pings.hear(index, outcome),
            Some(Purpose::Scout(index)) => self.hear_scout(index, outcome),
            Some(Purpose::Stream(index)) => self.hear_stream(index, observation.round_trip(), outcome),
            Some(Purpose::Hairpin(index)) => {
                if let Some(hairpin) = self.hairpins.get_mut(index) {
                    hairpin.hear(observation);
                }
            }
            Some(Purpose::Filter { filter, due, copy }) => self.hear_filter(filter, due, copy, observation),
            None => {}
        }
    }

    fn hear_name(&mut self, index: usize, outcome: &Outcome) {
        if let Some(prefix) = self.names.nat64(index, outcome) {
            self.open_beyond_nat64(prefix);
        }
        let Some((host, family, address)) = self.names.hear(index, outcome) else { return };
        for (region, position, _) in self.relays.nodes().filter(|(_, _, of)| *of == family) {
            let Some(node) = self.relays.node(&self.input, region, position) else { continue };
            if node.host_name != host || plan::stun_place(node, family) != Place::ByName {
                continue;
            }
            let (stun_only, likely) = (node.stun_only, plan::likely_offers_filter_test(node));
            if let Some(port) = node.stun_port
                && self.input.may_send(address)
            {
                let server = SocketAddr::new(address, port);
                self.open(region, Role::Measure, server, 0, plan::copies_for(position));
                if position == 0 {
                    self.pings.add(address);
                }
                if stun_only {
                    self.add_stream(server);
                }
                if likely {
                    self.filter_candidate(server);
                }
            }
        }
    }

    fn hear_track(&mut self, track_index: usize, copy_index: usize, observation: &Observation) {
        let Some(track) = self.tracks.get_mut(track_index) else { return };
        let server = track.server;
        let slot = track.slot;
        let role = track.role;
        let Some(copy) = track.copies.get_mut(copy_index) else { return };
        match &observation.outcome {
            Outcome::Stun(reply) => {
                copy.fate = Fate::Answered(observation.round_trip());
                let probe = copy.probe;
                let connected = copy.connected;
                if reply.error_code.is_some() || connected {
                    return;
                }
                if reply.other_address.is_some() && reply.from == server {
                    let now = self.now;
                    self.filters.iter_mut().for_each(|filter| filter.add(server, true, now));
                }
                if let Some(mapped) = reply.mapped {
                    let odd = reply.from != server
                        || (mapping::is_server_side_nat(server.ip(), mapped.ip()) && reply.local != Some(mapped));
                    if !odd {
                        let sighting = mapping::Sighting { probe, slot, server, local: reply.local, mapped };
                        self.hear_mapped(sighting, role);
                    }
                }
            }
            Outcome::Failed(failure) => copy.fate = Fate::Failed(failure.clone()),
            _ => {}
        }
    }

    /// A server that is not odd by itself saw a socket.
    fn hear_mapped(&mut self, sighting: mapping::Sighting, role: Role) {
        let mapping::Sighting { slot, server, mapped, .. } = sighting;
        // From beyond a NAT64 it tells of IPv4, which is for the end to conclude from.
        let of_family = mapped.is_ipv4() == server.is_ipv4();
        if let Some(socket) = Hairpin::socket_of(slot) {
            let hairpins = self.hairpins.iter_mut().filter(|hairpin| of_family && hairpin.family() == slot.family());
            hairpins.for_each(|hairpin| hairpin.saw(socket, server, mapped));
            return;
        }
        if of_family {
            self.sightings.push(sighting);
        }
        if role == Role::Measure {
            self.add_scout(server);
            self.mapping_follows(server);
        }
    }
}

fn hear_asked<T>(list: &mut [(T, Asked)], index: usize, outcome: &Outcome) {
    if let Some((_, asked)) = list.get_mut(index) {
        *asked = if matches!(outcome, Outcome::Failed(_)) { Asked::Failed } else { Asked::Answered };
    }
}
