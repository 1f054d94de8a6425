//! Names of the map and their addresses: asked once each, pinned for the run.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::Input;
use super::plan::{Place, relay_place, stun_place};
use crate::model::{Family, Nat64Prefix};
use crate::probe::Outcome;

/// All names that have to be resolved.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    list: Vec<Name>,
}

#[derive(Clone, Debug)]
struct Name {
    host: String,
    family: Family,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    Unasked,
    Waiting,
    /// The first address that may be used, if any.
    Resolved(Option<IpAddr>),
    Failed,
}

impl Names {
    /// Every name the input's nodes need, per family, once.
    pub(super) fn of(input: &Input) -> Self {
        let mut list: BTreeMap<(String, Family), Name> = BTreeMap::new();
        let regions = input.map.regions.values().filter(|region| input.skip(region).is_none());
        for node in regions.flat_map(|region| &region.nodes) {
            for family in Family::BOTH.into_iter().filter(|family| input.may_resolve(*family)) {
                let needed = stun_place(node, family) == Place::ByName
                    || (input.options.https && relay_place(node, family) == Place::ByName);
                if needed {
                    let host = node.host_name.clone();
                    let name = Name { host: host.clone(), family, state: State::Unasked };
                    list.entry((host, family)).or_insert(name);
                }
            }
        }
        // Whether a NAT64 leads to IPv4 matters where nothing else does (RFC 7050).
        if input.looks_for_nat64() {
            let (host, family) = (Nat64Prefix::NAME.to_owned(), Family::V6);
            list.entry((host.clone(), family)).or_insert(Name { host, family, state: State::Unasked });
        }
        Self { list: list.into_values().collect() }
    }

    /// The prefix of the NAT64, when this is the answer that tells it.
    pub(super) fn nat64(&self, index: usize, outcome: &Outcome) -> Option<Nat64Prefix> {
        self.list.get(index).filter(|name| name.host == Nat64Prefix::NAME)?;
        match outcome {
            Outcome::Resolved(answer) => Nat64Prefix::discover(&answer.addresses),
            _ => None,
        }
    }

    /// Names not asked yet.
    pub(super) fn unasked(&self) -> impl Iterator<Item = usize> {
        self.list.iter().enumerate().filter(|(_, name)| matches!(name.state, State::Unasked)).map(|(index, _)| index)
    }

    /// Whether an answer is outstanding.
    pub(super) fn waiting(&self) -> bool {
        self.list.iter().any(|name| matches!(name.state, State::Waiting))
    }

    /// Whether a name is still to be asked or answered over a family.
    pub(super) fn outstanding(&self, family: Family) -> bool {
        self.list.iter().any(|name| name.family == family && matches!(name.state, State::Unasked | State::Waiting))
    }

    /// Marks the name as asked.
    pub(super) fn ask(&mut self, index: usize) -> Option<(String, Family)> {
        let name = self.list.get_mut(index)?;
        name.state = State::Waiting;
        Some((name.host.clone(), name.family))
    }

    /// Takes the answer; returns the address that is pinned from now on.
    pub(super) fn hear(&mut self, index: usize, outcome: &Outcome) -> Option<(String, Family, IpAddr)> {
        let name = self.list.get_mut(index)?;
        match outcome {
            Outcome::Resolved(answer) => {
                let pinned = answer.addresses.iter().copied().find(|address| Family::of(*address) == name.family);
                name.state = State::Resolved(pinned);
                Some((name.host.clone(), name.family, pinned?))
            }
            Outcome::Failed(_) => {
                name.state = State::Failed;
                None
            }
            _ => None,
        }
    }

    /// The address of a name, once it is known.
    pub(super) fn address(&self, host: &str, family: Family) -> Option<IpAddr> {
        self.list.iter().find(|name| name.host == host && name.family == family).and_then(|name| match name.state {
            State::Resolved(address) => address,
            _ => None,
        })
    }
}
