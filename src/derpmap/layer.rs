use std::collections::BTreeMap;

use crate::model::{DerpMap, HomeParams, Region, RegionId};

/// One source of a map: what it sets, what it removes, and what it does not mention.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MapLayer {
    /// Its regions; `None` in place of a region (`null` in the text) removes it from the layers below. `None` in
    /// place of all: the text does not mention regions.
    pub regions: Option<BTreeMap<RegionId, Option<Region>>>,
    /// `HomeParams.RegionScore`, which replaces that of the layers below. `None` keeps it: there is no
    /// `HomeParams`, or it has no `RegionScore`.
    pub region_score: Option<BTreeMap<RegionId, f64>>,
    /// `omitDefaultRegions`; `None` when not mentioned.
    pub omit_default_regions: Option<bool>,
}

impl MapLayer {
    /// The layer that says no more than a map does: what is as usual in the map is not mentioned.
    #[must_use]
    pub fn terse(map: DerpMap) -> Self {
        let mut layer = Self::from(map);
        layer.region_score = layer.region_score.filter(|scores| !scores.is_empty());
        layer.omit_default_regions = layer.omit_default_regions.filter(|omit| *omit);
        layer
    }

    /// How many regions it sets.
    #[must_use]
    pub fn region_count(&self) -> usize {
        self.regions.iter().flat_map(BTreeMap::values).flatten().count()
    }
}

impl From<DerpMap> for MapLayer {
    fn from(map: DerpMap) -> Self {
        Self {
            regions: Some(map.regions.into_iter().map(|(id, region)| (id, Some(region))).collect()),
            region_score: Some(map.home_params.region_score),
            omit_default_regions: Some(map.omit_default_regions),
        }
    }
}

/// Lays maps over each other, the first one lowest.
///
/// A region replaces the one of the same id as a whole, `null` removes it. A layer with `omitDefaultRegions: true`
/// first removes all regions below it: that is what Tailscale's control plane does with its own map when a policy
/// says so, and here the layers below stand in the place of that map. `false` brings nothing back.
#[must_use]
pub fn overlay(layers: impl IntoIterator<Item = MapLayer>) -> DerpMap {
    let mut map = DerpMap::default();
    for layer in layers {
        if let Some(omit) = layer.omit_default_regions {
            map.omit_default_regions = omit;
            if omit {
                map.regions.clear();
            }
        }
        for (id, region) in layer.regions.into_iter().flatten() {
            match region {
                Some(region) => map.regions.insert(id, region),
                None => map.regions.remove(&id),
            };
        }
        if let Some(region_score) = layer.region_score {
            map.home_params = HomeParams { region_score };
        }
    }
    map
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(regions: &[(u64, Option<&str>)]) -> MapLayer {
        let region =
            |&(id, name): &(u64, Option<&str>)| (RegionId(id), name.map(|name| Region::new(RegionId(id), name, name)));
        MapLayer { regions: Some(regions.iter().map(region).collect()), ..MapLayer::default() }
    }

    fn codes(map: &DerpMap) -> Vec<&str> {
        map.regions.values().map(|region| region.code.as_str()).collect()
    }

    #[test]
    fn later_layers_replace_and_remove() {
        let base = layer(&[(1, Some("a")), (2, Some("b")), (900, Some("c"))]);
        let over = layer(&[(1, None), (2, Some("B")), (901, Some("d")), (7, None)]);
        assert_eq!(codes(&overlay([base.clone(), over.clone()])), ["B", "c", "d"]);
        assert_eq!(codes(&overlay([over, base])), ["a", "b", "c", "d"]);
    }

    #[test]
    fn omitting_defaults_clears_what_is_below() {
        let base = layer(&[(1, Some("a"))]);
        let omitting = MapLayer { omit_default_regions: Some(true), ..layer(&[(900, Some("c"))]) };
        let map = overlay([base.clone(), omitting.clone()]);
        assert_eq!(codes(&map), ["c"]);
        assert!(map.omit_default_regions);
        let not_omitting = MapLayer { omit_default_regions: Some(false), ..MapLayer::default() };
        let map = overlay([base.clone(), omitting.clone(), not_omitting]);
        assert_eq!(codes(&map), ["c"]);
        assert!(!map.omit_default_regions);
        assert_eq!(codes(&overlay([omitting, base])), ["a", "c"]);
    }

    #[test]
    fn scores_are_kept_or_replaced() {
        let scored = |scores: &[(u64, f64)]| MapLayer {
            region_score: Some(scores.iter().map(|&(id, score)| (RegionId(id), score)).collect()),
            ..MapLayer::default()
        };
        let kept = overlay([scored(&[(1, 2.0)]), MapLayer::default()]);
        assert_eq!(kept.home_params.region_score.len(), 1);
        let replaced = overlay([scored(&[(1, 2.0)]), scored(&[(2, 3.0)])]);
        assert_eq!(replaced.home_params.region_score.into_iter().collect::<Vec<_>>(), [(RegionId(2), 3.0)]);
        assert!(overlay([scored(&[(1, 2.0)]), scored(&[])]).home_params.region_score.is_empty());
    }
}
