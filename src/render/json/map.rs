//! Maps as JSON: the head and the findings of a report, and a block `derpmap`.

use serde_json::{Map, Value, json};

use super::{Words, plain, rfc3339};
use crate::render::catalogue::{self, Lang, RegionNames};
use crate::report::{Finding, FindingDetail, MapLint, MapNotation, MapShown, MapSourceReport, PlacedMistake, SCHEMA};

pub(super) fn lint(lint: &MapLint) -> Value {
    let words = words();
    let block = json!({ "sources": lint.sources.iter().map(source).collect::<Vec<_>>(), "left_out": lint.left_out });
    let findings: Vec<Value> = lint.findings.iter().map(|finding| words.placed(finding)).collect();
    document("derpmap lint", lint.started_at, &block, &findings)
}

pub(super) fn shown(shown: &MapShown) -> Value {
    let name = |index: usize| shown.sources.get(index).map(|source| source.name.clone());
    let regions = shown.regions.iter().map(|it| {
        let replaces = it.replaces.iter().map(|index| name(*index)).collect::<Vec<_>>();
        json!({ "id": it.region.id, "code": it.region.code, "source": name(it.source), "replaces": replaces })
    });
    let removed = shown.removed.iter().map(|(id, by)| json!({ "id": id, "source": name(*by) }));
    let block = json!({
        "sources": shown.sources.iter().map(source).collect::<Vec<_>>(),
        "regions": regions.collect::<Vec<_>>(),
        "removed": removed.collect::<Vec<_>>(),
        "map": shown.json,
    });
    document("derpmap show", shown.started_at, &block, &[])
}

fn document(command: &str, started_at: std::time::SystemTime, block: &Value, findings: &[Value]) -> Value {
    json!({
        "schema": SCHEMA,
        "tool": { "name": "natscope", "version": env!("CARGO_PKG_VERSION") },
        "command": command,
        "started_at": rfc3339(started_at),
        "derpmap": block,
        "findings": findings,
    })
}

fn words() -> Words<'static> {
    Words { catalogue: catalogue::of(Lang::En), names: RegionNames::default() }
}

fn source(source: &MapSourceReport) -> Value {
    let notation = source.notation.map(|notation| match notation {
        MapNotation::Json => "json",
        MapNotation::HuJson => "hujson",
        MapNotation::HeadscaleYaml => "headscale-yaml",
    });
    json!({
        "source": source.name,
        "notation": notation,
        "regions": source.regions,
        "nodes": source.nodes,
        "removes": source.removes,
    })
}

impl Words<'_> {
    /// A finding and its place.
    fn placed(&self, finding: &Finding) -> Value {
        let mut value = self.finding(finding);
        if let (FindingDetail::MapMistake(placed), Value::Object(object)) = (&finding.detail, &mut value) {
            object.extend(place(placed));
        }
        value
    }
}

fn place(PlacedMistake { place, path, .. }: &PlacedMistake) -> Map<String, Value> {
    let place = json!({
        "file": place.file,
        "line": place.line,
        "column": place.column,
        "path": path,
        "text": plain(&place.excerpt.as_ref().map(|excerpt| &excerpt.text)),
    });
    [("place".to_owned(), place)].into_iter().collect()
}
