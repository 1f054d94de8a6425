//! Where the parts of a map stand in its text.

use std::collections::BTreeMap;

use super::source::Source;
use super::tree::Span;
use crate::model::{Place, RegionId};

/// A part of a map: a field of the map, of a region or of a node, or one of these as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Spot {
    /// The region, by its key; `None` for the map itself.
    pub region: Option<RegionId>,
    /// The node, by its index among those that were read.
    pub node: Option<usize>,
    /// The field by its name in JSON, as `HostName`; empty for the whole, whose place is its key or its beginning.
    pub field: &'static str,
}

impl Spot {
    /// A region as a whole.
    #[must_use]
    pub fn of(region: RegionId) -> Self {
        Self { region: Some(region), ..Self::default() }
    }

    /// A node as a whole.
    #[must_use]
    pub fn node(region: RegionId, node: usize) -> Self {
        Self { node: Some(node), ..Self::of(region) }
    }
}

/// The places of a key and of its value.
pub(super) type Spots = BTreeMap<Spot, (Span, Span)>;

/// The places of a text that was read as a map.
#[derive(Clone, Debug)]
pub struct Places<'a> {
    pub(super) source: Source<'a>,
    pub(super) above: String,
    pub(super) spots: Spots,
}

impl Places<'_> {
    /// The keys above the map, as `derpMap`; empty where the map is the whole text.
    #[must_use]
    pub fn above(&self) -> &str {
        &self.above
    }

    /// Where the value of that part is; `None` when the text has no such part.
    #[must_use]
    pub fn value(&self, spot: Spot) -> Option<Span> {
        self.spots.get(&spot).map(|&(_, value)| value)
    }

    /// Where its key is, or its beginning if it has none.
    #[must_use]
    pub fn key(&self, spot: Spot) -> Option<Span> {
        self.spots.get(&spot).map(|&(key, _)| key)
    }

    /// The value of that part as it is written.
    #[must_use]
    pub fn value_text(&self, spot: Spot) -> Option<&str> {
        self.value(spot).map(|span| self.source.raw(span))
    }

    /// Spans as lines and columns, in one pass over the text. They must ascend.
    #[must_use]
    pub fn resolve(&self, spans: &[Span]) -> Vec<Place> {
        self.source.places(spans)
    }
}
