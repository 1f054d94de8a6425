//! Keys and their connections, in shards so that tasks seldom meet.

use std::array;
use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak};

use super::{Census, Member, Outlet};
use crate::model::NodePublic;
use crate::wire::derp::PresenceFlags;

/// Shards: a few for each core of a large machine. Readers share a shard; only joining and leaving exclude others.
const SHARDS: usize = 64;

/// All keys that can be reached.
#[derive(Debug)]
pub(super) struct Registry {
    shards: [RwLock<HashMap<NodePublic, Entry>>; SHARDS],
}

/// One key.
#[derive(Debug, Default)]
struct Entry {
    /// Its connections here, in the order in which they last joined or spoke: the last is the active one.
    local: Vec<Arc<Outlet>>,
    /// Links to relays that have it too, in the order in which it last came or spoke there: the last is used.
    remote: Vec<Arc<Outlet>>,
    line: Arc<Line>,
}

/// Who has heard from a key, and so is told when it goes.
#[derive(Debug, Default)]
pub(super) struct Line {
    listeners: Mutex<Listeners>,
}

#[derive(Debug, Default)]
struct Listeners {
    outlets: HashMap<u64, Weak<Outlet>>,
    /// When to look for listeners that have gone themselves.
    tidy_at: usize,
}

/// Below this many listeners it is not worth looking for dead ones.
const TIDY_LEAST: usize = 64;

impl Line {
    /// Notes that a connection heard from the key.
    pub(super) fn note(&self, outlet: &Arc<Outlet>) {
        let mut listeners = self.listeners();
        listeners.outlets.insert(outlet.id, Arc::downgrade(outlet));
        if listeners.outlets.len() > listeners.tidy_at.max(TIDY_LEAST) {
            listeners.outlets.retain(|_, outlet| outlet.strong_count() > 0);
            listeners.tidy_at = 2 * listeners.outlets.len();
        }
    }

    fn take(&self) -> Vec<Arc<Outlet>> {
        let outlets = std::mem::take(&mut self.listeners().outlets);
        outlets.into_values().filter_map(|outlet| outlet.upgrade()).collect()
    }

    fn listeners(&self) -> MutexGuard<'_, Listeners> {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where packets for a key go.
#[derive(Clone, Debug)]
pub(super) enum Way {
    /// To a connection here.
    Local(Arc<Outlet>),
    /// To another relay of the mesh.
    Remote(Arc<Outlet>),
}

impl Default for Registry {
    fn default() -> Self {
        Self { shards: array::from_fn(|_| RwLock::default()) }
    }
}

impl Registry {
    /// Adds a connection, which becomes the active one. `told` runs before anybody else sees a change of this key, and
    /// is given whether the key had another connection.
    pub(super) fn join(&self, key: &NodePublic, outlet: &Arc<Outlet>, told: impl FnOnce(bool)) -> Arc<Line> {
        let mut shard = self.write(key);
        let entry = shard.entry(*key).or_default();
        let duplicate = !entry.local.is_empty();
        entry.local.push(Arc::clone(outlet));
        entry.mark();
        told(duplicate);
        Arc::clone(&entry.line)
    }

    /// Takes a connection out. `told` runs before anybody else sees a change of this key, if it was the last here; those
    /// are returned who are to be told that the key is gone from the whole region.
    pub(super) fn leave(&self, key: &NodePublic, outlet: &Outlet, told: impl FnOnce()) -> Vec<Arc<Outlet>> {
        let mut shard = self.write(key);
        let Some(entry) = shard.get_mut(key) else { return Vec::new() };
        entry.local.retain(|known| known.id != outlet.id);
        entry.mark();
        if !entry.local.is_empty() {
            return Vec::new();
        }
        told();
        Self::remove_if_gone(&mut shard, key)
    }

    /// Makes a connection the active one of its key.
    pub(super) fn speak(&self, key: &NodePublic, outlet: &Outlet) {
        let mut shard = self.write(key);
        let Some(entry) = shard.get_mut(key) else { return };
        if let Some(index) = entry.local.iter().position(|known| known.id == outlet.id) {
            let speaker = entry.local.remove(index);
            entry.local.push(speaker);
            entry.mark();
        }
    }

    /// Notes that a link leads to a key, which has just come there. True: another one does too, and was the only one.
    pub(super) fn claim(&self, key: &NodePublic, link: &Arc<Outlet>) -> bool {
        let mut shard = self.write(key);
        let entry = shard.entry(*key).or_default();
        let before = entry.remote.len();
        entry.remote.retain(|known| known.id != link.id);
        entry.remote.push(Arc::clone(link));
        before == 1 && entry.remote.len() == 2
    }

    /// Notes that it leads there no longer; returns whether only one is left of several, and those who are to be told
    /// that the key is gone.
    pub(super) fn disclaim(&self, key: &NodePublic, link: &Outlet) -> (bool, Vec<Arc<Outlet>>) {
        let mut shard = self.write(key);
        let Some(entry) = shard.get_mut(key) else { return (false, Vec::new()) };
        let before = entry.remote.len();
        entry.remote.retain(|known| known.id != link.id);
        let one_left = before == 2 && entry.remote.len() == 1;
        (one_left, Self::remove_if_gone(&mut shard, key))
    }

    /// Takes note that a key speaks at another relay: of several links, the one that leads there is used from now on.
    /// Returns who is told when the key goes, if it is reachable at all.
    pub(super) fn heard(&self, key: &NodePublic, relay: &NodePublic) -> Option<Arc<Line>> {
        let leads_there = |link: &Arc<Outlet>| link.member.key == *relay;
        let (line, settled) = {
            let shard = self.read(key);
            let entry = shard.get(key)?;
            let settled = entry.remote.len() < 2 || entry.remote.last().is_some_and(leads_there);
            (Arc::clone(&entry.line), settled)
        };
        if !settled
            && let Some(entry) = self.write(key).get_mut(key)
            && let Some(index) = entry.remote.iter().position(leads_there)
        {
            let speaks_there = entry.remote.remove(index);
            entry.remote.push(speaks_there);
        }
        Some(line)
    }

    /// Where packets for a key go now.
    pub(super) fn find(&self, key: &NodePublic) -> Option<Way> {
        let shard = self.read(key);
        let entry = shard.get(key)?;
        let local = entry.local.last().map(|outlet| Way::Local(Arc::clone(outlet)));
        local.or_else(|| entry.remote.last().map(|link| Way::Remote(Arc::clone(link))))
    }

    /// Whether a link leads to a key.
    pub(super) fn is_elsewhere(&self, key: &NodePublic) -> bool {
        self.read(key).get(key).is_some_and(|entry| !entry.remote.is_empty())
    }

    pub(super) fn is_here(&self, key: &NodePublic) -> bool {
        self.read(key).get(key).is_some_and(|entry| !entry.local.is_empty())
    }

    pub(super) fn connections(&self, key: &NodePublic) -> Vec<Arc<Outlet>> {
        self.read(key).get(key).map(|entry| entry.local.clone()).unwrap_or_default()
    }

    /// Visits one member of each key here, changes of whose key nobody sees meanwhile.
    pub(super) fn for_each_member(&self, mut visit: impl FnMut(&Member)) {
        for shard in &self.shards {
            for entry in shard.read().unwrap_or_else(PoisonError::into_inner).values() {
                if let Some(outlet) = entry.local.last() {
                    visit(&outlet.member);
                }
            }
        }
    }

    /// All connections.
    pub(super) fn everybody(&self) -> Vec<Arc<Outlet>> {
        let mut all = Vec::new();
        for shard in &self.shards {
            let shard = shard.read().unwrap_or_else(PoisonError::into_inner);
            all.extend(shard.values().flat_map(|entry| entry.local.iter().cloned()));
        }
        all
    }

    pub(super) fn census(&self) -> Census {
        let mut census = Census::default();
        for shard in &self.shards {
            for entry in shard.read().unwrap_or_else(PoisonError::into_inner).values() {
                entry.count(&mut census);
            }
        }
        census
    }

    fn remove_if_gone(shard: &mut HashMap<NodePublic, Entry>, key: &NodePublic) -> Vec<Arc<Outlet>> {
        let gone = shard.get(key).is_some_and(|entry| entry.local.is_empty() && entry.remote.is_empty());
        if !gone {
            return Vec::new();
        }
        shard.remove(key).map(|entry| entry.line.take()).unwrap_or_default()
    }

    fn shard(&self, key: &NodePublic) -> &RwLock<HashMap<NodePublic, Entry>> {
        let [first, ..] = &self.shards;
        let [byte, ..] = key.as_bytes();
        self.shards.get(usize::from(*byte) % SHARDS).unwrap_or(first)
    }

    fn read(&self, key: &NodePublic) -> RwLockReadGuard<'_, HashMap<NodePublic, Entry>> {
        self.shard(key).read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, key: &NodePublic) -> RwLockWriteGuard<'_, HashMap<NodePublic, Entry>> {
        self.shard(key).write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    /// Tells its connections which of them is the active one, and whether they have company.
    fn mark(&self) {
        let duplicate = self.local.len() > 1;
        for (index, outlet) in self.local.iter().enumerate() {
            outlet.duplicate.store(duplicate, Ordering::Release);
            outlet.active.store(index + 1 == self.local.len() && outlet.closed().is_none(), Ordering::Release);
        }
    }

    fn count(&self, census: &mut Census) {
        let connections = self.local.len();
        census.connections += connections;
        census.clients_local += usize::from(connections > 0);
        census.clients_remote += usize::from(connections == 0);
        if connections > 1 {
            census.dup_client_keys += 1;
            census.dup_client_conns += connections;
        }
        for outlet in &self.local {
            census.home_connections += usize::from(outlet.home.load(Ordering::Relaxed));
            let not_ideal = outlet.member.flags.contains(PresenceFlags::NOT_IDEAL);
            census.not_ideal_connections += usize::from(not_ideal);
        }
    }
}
