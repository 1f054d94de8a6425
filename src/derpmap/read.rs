//! A tree into a layer of the map: what Tailscale's `DERPMap` and its parts mean.

use std::collections::BTreeMap;

use super::MAX_NODES;
use super::error::{MapError, Problem};
use super::fields::{Dialect, Path, Reader};
use super::layer::MapLayer;
use super::node::NODE_KEYS;
use super::number;
use super::places::Spot;
use super::tree::{Key, Member, Node, Span, Value, shorten};
use super::warning::WarningDetail;
use crate::model::{Region, RegionId};

pub(super) const MAP_KEYS: &[&str] = &["HomeParams", "Regions", "omitDefaultRegions"];
const HOME_KEYS: &[&str] = &["RegionScore"];
const REGION_KEYS: &[&str] =
    &["RegionID", "RegionCode", "RegionName", "Latitude", "Longitude", "Avoid", "NoMeasureNoHome", "Nodes"];
/// 2^53 − 1, the greatest region id Tailscale allows: JavaScript counts no further.
const MAX_REGION_ID: u64 = 9_007_199_254_740_991;

impl<'a> Reader<'a> {
    /// A `DERPMap`. Null is one that says nothing.
    pub(super) fn map(&mut self, path: &Path<'_>, node: &Node<'a>) -> Result<MapLayer, MapError> {
        let mut layer = MapLayer::default();
        if matches!(node.value, Value::Null) {
            return Ok(layer);
        }
        let fields = self.fields(path, node, "a DERP map, an object with \"Regions\"", MAP_KEYS)?;
        self.remember(Spot::default(), Span { end: node.span.start, ..node.span }, &fields);
        layer.omit_default_regions = self.flag(path, &fields, "omitDefaultRegions")?;
        for member in fields.all("Regions").filter(|member| !matches!(member.value.value, Value::Null)) {
            let regions = self.regions(&path.key(&member.key.text), &member.value)?;
            layer.regions.get_or_insert_default().extend(regions);
        }
        for member in fields.all("HomeParams").filter(|member| !matches!(member.value.value, Value::Null)) {
            let path = path.key(&member.key.text);
            let fields = self.fields(&path, &member.value, "an object with \"RegionScore\"", HOME_KEYS)?;
            for member in fields.all("RegionScore").filter(|member| !matches!(member.value.value, Value::Null)) {
                let scores = self.scores(&path.key(&member.key.text), &member.value)?;
                layer.region_score.get_or_insert_default().extend(scores);
            }
        }
        Ok(layer)
    }

    fn regions(&mut self, path: &Path<'_>, node: &Node<'a>) -> Result<BTreeMap<RegionId, Option<Region>>, MapError> {
        let mut regions = BTreeMap::new();
        for (id, member) in self.by_region(path, node, "an object with a region for each id")? {
            if regions.len() >= MAX_NODES {
                return Err(self.error(path, member.key.span, Problem::TooMany { what: "regions" }));
            }
            let path = path.key(&member.key.text);
            let region = match member.value.value {
                Value::Null => {
                    self.spots
                        .insert(Spot { region: Some(id), ..Spot::default() }, (member.key.span, member.value.span));
                    None
                }
                _ => Some(self.region(&path, id, &member.key, &member.value)?),
            };
            regions.insert(id, region);
        }
        Ok(regions)
    }

    fn scores(&mut self, path: &Path<'_>, node: &Node<'a>) -> Result<BTreeMap<RegionId, f64>, MapError> {
        let mut scores = BTreeMap::new();
        for (id, member) in self.by_region(path, node, "an object with a score for each region id")? {
            let path = path.key(&member.key.text);
            // Null is the zero value in a Go map, and so ignored like 0.
            let score =
                if matches!(member.value.value, Value::Null) { 0.0 } else { self.as_float(&path, &member.value)? };
            if score > 0.0 {
                scores.insert(id, score);
            } else {
                self.warn(&path, member.value.span, WarningDetail::ScoreIgnored { score });
                scores.remove(&id);
            }
        }
        Ok(scores)
    }

    /// The members of an object whose keys are region ids. Go replaces the value of a repeated key as a whole.
    fn by_region<'t>(
        &mut self,
        path: &Path<'_>,
        node: &'t Node<'a>,
        expected: &'static str,
    ) -> Result<Vec<(RegionId, &'t Member<'a>)>, MapError> {
        let Some(members) = node.members() else { return self.refuse(self.wrong(path, node, expected)) };
        let mut first: BTreeMap<RegionId, Span> = BTreeMap::new();
        let mut found = Vec::new();
        for member in members {
            let id = match self.region_key(path, &member.key) {
                Ok(id) => id,
                Err(error) => {
                    self.refuse::<()>(error)?;
                    continue;
                }
            };
            match first.get(&id) {
                Some(&span) => self.warn_duplicate(path, &member.key, span),
                None => {
                    first.insert(id, member.key.span);
                }
            }
            found.push((id, member));
        }
        Ok(found)
    }

    fn region_key(&self, path: &Path<'_>, key: &Key<'a>) -> Result<RegionId, MapError> {
        let number = match self.dialect {
            Dialect::Json => number::decimal(&key.text),
            Dialect::Yaml if key.quoted => None,
            Dialect::Yaml => number::integer(&key.text),
        };
        let id = number.and_then(|number| u64::try_from(number).ok()).filter(|id| (1..=MAX_REGION_ID).contains(id));
        id.map(RegionId).ok_or_else(|| {
            let quotes = if self.dialect == Dialect::Yaml && key.quoted { " in quotes" } else { "" };
            let found = format!("`{}`{quotes}", shorten(&key.text));
            self.error(&path.key(&key.text), key.span, Problem::RegionKey { found })
        })
    }

    fn region(&mut self, path: &Path<'_>, id: RegionId, key: &Key<'a>, node: &Node<'a>) -> Result<Region, MapError> {
        let fields = self.fields(path, node, "a region, an object with \"Nodes\"", REGION_KEYS)?;
        self.remember(Spot { region: Some(id), ..Spot::default() }, key.span, &fields);
        let own_id = self.integer(path, &fields, "RegionID")?;
        if own_id.map(|(own_id, _)| u64::try_from(own_id)) != Some(Ok(id.0)) {
            let span = own_id.map_or(key.span, |(_, member)| member.value.span);
            let detail = WarningDetail::RegionIdDiffers { key: id, found: own_id.map(|(own_id, _)| own_id) };
            self.warn(path, span, detail);
        }
        let nodes = match fields.last("Nodes") {
            Some(member) => self.nodes(&path.key(&member.key.text), id, &member.value)?,
            None => Vec::new(),
        };
        if nodes.is_empty() {
            let span = fields.last("Nodes").map_or(key.span, |member| member.key.span);
            self.warn(path, span, WarningDetail::NoNodes);
        }
        Ok(Region {
            id,
            code: self.text(path, &fields, "RegionCode")?,
            name: self.text(path, &fields, "RegionName")?,
            latitude: self.float(path, &fields, "Latitude")?,
            longitude: self.float(path, &fields, "Longitude")?,
            avoid: self.flag(path, &fields, "Avoid")?.unwrap_or_default(),
            no_measure_no_home: self.flag(path, &fields, "NoMeasureNoHome")?.unwrap_or_default(),
            nodes,
        })
    }

    fn nodes(
        &mut self,
        path: &Path<'_>,
        region: RegionId,
        node: &Node<'a>,
    ) -> Result<Vec<crate::model::Node>, MapError> {
        let elements = match &node.value {
            Value::Null => return Ok(Vec::new()),
            Value::Array(elements) => elements,
            _ => return self.refuse(self.wrong(path, node, "a list of nodes")),
        };
        let mut nodes = Vec::new();
        for (index, element) in elements.iter().enumerate() {
            let path = path.index(index);
            if matches!(element.value, Value::Null) {
                self.warn(&path, element.span, WarningDetail::NullNode);
                continue;
            }
            self.nodes += 1;
            if self.nodes > MAX_NODES {
                return Err(self.error(&path, element.span, Problem::TooMany { what: "nodes" }));
            }
            let fields = self.fields(&path, element, "a node, an object with \"HostName\"", NODE_KEYS)?;
            self.remember(Spot { region: Some(region), node: Some(nodes.len()), field: "" }, element.span, &fields);
            nodes.push(self.node(&path, region, element.span, &fields)?);
        }
        Ok(nodes)
    }
}
