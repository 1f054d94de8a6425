use std::collections::HashSet;
use std::sync::Arc;

use super::counters::Count;
use super::{Closed, Outlet, Switchboard};
use crate::model::NodePublic;

/// A link to another relay of the mesh: which keys lie behind it. Dropping it takes them all back.
#[derive(Debug)]
pub struct Link {
    board: Arc<Switchboard>,
    outlet: Arc<Outlet>,
    keys: HashSet<NodePublic>,
}

impl Link {
    pub(super) fn new(board: Arc<Switchboard>, outlet: Arc<Outlet>) -> Self {
        Self { board, outlet, keys: HashSet::new() }
    }

    /// The key has come to the other relay. Packets for it go there, unless it is here too, until it comes or speaks
    /// elsewhere. Relays say so again when a key has one more connection.
    pub fn present(&mut self, key: NodePublic) {
        self.keys.insert(key);
        if self.board.registry.claim(&key, &self.outlet) {
            self.board.count(self.outlet.id, Count::MultiforwarderCreated);
        }
    }

    /// The other relay has it no longer.
    pub fn gone(&mut self, key: NodePublic) {
        if self.keys.remove(&key) {
            self.take_back(key);
        } else if self.board.registry.is_elsewhere(&key) {
            self.board.count(self.outlet.id, Count::ForwarderDeleteOther);
        }
    }

    /// How many keys lie behind it.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.keys.len()
    }

    fn take_back(&self, key: NodePublic) {
        let (one_left, listeners) = self.board.registry.disclaim(&key, &self.outlet);
        if one_left {
            self.board.count(self.outlet.id, Count::MultiforwarderDeleted);
        }
        self.board.tell_listeners(self.outlet.id, key, listeners);
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        for key in std::mem::take(&mut self.keys) {
            self.take_back(key);
        }
        self.outlet.close(Closed::Left);
    }
}
