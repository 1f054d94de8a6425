use std::collections::HashSet;
use std::sync::Arc;

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

    /// The other relay has this key. Packets for it go there, unless it is here too, or an older link has it.
    pub fn present(&mut self, key: NodePublic) {
        if self.keys.insert(key) {
            self.board.registry.claim(&key, &self.outlet);
        }
    }

    /// The other relay has it no longer.
    pub fn gone(&mut self, key: NodePublic) {
        if self.keys.remove(&key) {
            self.take_back(key);
        }
    }

    fn take_back(&self, key: NodePublic) {
        let listeners = self.board.registry.disclaim(&key, &self.outlet);
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
