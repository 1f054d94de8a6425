use std::collections::BTreeMap;
use std::time::SystemTime;

use super::Finding;
use crate::model::{Region, RegionId};

/// What `natscope derpmap lint` says.
#[derive(Clone, Debug, PartialEq)]
pub struct MapLint {
    /// When the run began.
    pub started_at: SystemTime,
    /// What was read, in the order given.
    pub sources: Vec<MapSourceReport>,
    /// Mistakes, source by source and in the order of the text.
    pub findings: Vec<Finding>,
    /// Mistakes that were too many to keep.
    pub left_out: usize,
}

/// What `natscope derpmap show` says: the map in force, and where it comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct MapShown {
    /// When the run began.
    pub started_at: SystemTime,
    /// What was read, in the order in which it was laid over each other.
    pub sources: Vec<MapSourceReport>,
    /// The regions in force.
    pub regions: Vec<ShownRegion>,
    /// Regions that a source had and a later one removed, with the index of that one.
    pub removed: Vec<(RegionId, usize)>,
    /// `HomeParams.RegionScore` in force.
    pub region_score: BTreeMap<RegionId, f64>,
    /// The map in force as Tailscale's JSON.
    pub json: serde_json::Value,
}

/// A region of the map in force.
#[derive(Clone, Debug, PartialEq)]
pub struct ShownRegion {
    /// The region.
    pub region: Region,
    /// The index of the source it comes from.
    pub source: usize,
    /// The indexes of sources whose region of that id it has replaced.
    pub replaces: Vec<usize>,
}

/// A source of a map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapSourceReport {
    /// As given.
    pub name: String,
    /// What it was read as; `None` when it could not be read.
    pub notation: Option<MapNotation>,
    /// Regions it sets.
    pub regions: usize,
    /// Nodes in them.
    pub nodes: usize,
    /// Regions it removes.
    pub removes: usize,
}

/// The notations of a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapNotation {
    /// Tailscale's `DERPMap` as JSON.
    Json,
    /// A Tailscale policy, or a map with its comments and commas.
    HuJson,
    /// A map file of Headscale.
    HeadscaleYaml,
}
