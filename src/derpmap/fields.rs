//! The fields of an object, found as the dialect finds them, and scalars with their types checked.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::MapFormat;
use super::error::{MapError, Problem};
use super::number;
use super::places::{Spot, Spots};
use super::source::Source;
use super::tree::{Key, Member, Node, Span, Value, shorten};
use super::warning::{MapWarning, WarningDetail};

/// Warnings kept of one text; the rest is counted.
const MAX_WARNINGS: usize = 1000;

/// Errors gathered where one does not end the reading.
const MAX_ERRORS: usize = 100;

/// How keys are matched and scalars read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// Go's encoding/json: keys in any case, types as written.
    Json,
    /// yaml.v3 with untagged Go structs: keys are the lower-cased names, exactly; any scalar is a string if need be.
    Yaml,
}

/// Where a value stands. `Display` gives `Regions.901.Nodes[0]`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Path<'p> {
    parent: Option<&'p Path<'p>>,
    step: Step<'p>,
}

#[derive(Clone, Copy, Debug)]
enum Step<'p> {
    Key(&'p str),
    Index(usize),
}

impl<'p> Path<'p> {
    pub(super) const ROOT: Self = Self { parent: None, step: Step::Key("") };

    pub(super) const fn key(&'p self, key: &'p str) -> Self {
        Self { parent: Some(self), step: Step::Key(key) }
    }

    pub(super) const fn index(&'p self, index: usize) -> Self {
        Self { parent: Some(self), step: Step::Index(index) }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(parent) = self.parent else { return Ok(()) };
        parent.fmt(f)?;
        match self.step {
            Step::Key(key) if parent.parent.is_some() => write!(f, ".{}", shorten(key)),
            Step::Key(key) => f.write_str(&shorten(key)),
            Step::Index(index) => write!(f, "[{index}]"),
        }
    }
}

/// Reads one text: errors end it, warnings are gathered.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    pub(super) source: Source<'a>,
    pub(super) dialect: Dialect,
    /// Nodes read so far, of all regions.
    pub(super) nodes: usize,
    /// Where everything stands.
    pub(super) spots: Spots,
    warnings: Vec<Pending>,
    left_out: usize,
    /// What was refused, where that does not end the reading.
    refused: Option<Vec<MapError>>,
}

/// A warning whose line is counted at the end, for all warnings in one pass.
#[derive(Debug)]
struct Pending {
    span: Span,
    path: String,
    detail: WarningDetail,
    /// Of a duplicate: where the first one is.
    first: Option<u32>,
}

/// The members of an object that have a known name, each with that name, in the order of the text.
#[derive(Default)]
pub(super) struct Fields<'t, 'a> {
    members: Vec<(&'static str, &'t Member<'a>)>,
}

impl<'t, 'a> Fields<'t, 'a> {
    /// All members of that name: duplicates of an object are merged by Go.
    pub(super) fn all(&self, name: &'static str) -> impl Iterator<Item = &'t Member<'a>> + '_ {
        self.members.iter().filter(move |(known, _)| *known == name).map(|&(_, member)| member)
    }

    /// The last member of that name.
    pub(super) fn last(&self, name: &'static str) -> Option<&'t Member<'a>> {
        self.all(name).last()
    }

    /// The last member of that name that is not null: null leaves a scalar as it is.
    fn scalar(&self, name: &'static str) -> Option<&'t Member<'a>> {
        self.all(name).filter(|member| !matches!(member.value.value, Value::Null)).last()
    }
}

/// What is left when a text has been read.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) warnings: Vec<MapWarning>,
    pub(super) left_out: usize,
    pub(super) spots: Spots,
    pub(super) errors: Vec<MapError>,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(source: Source<'a>, dialect: Dialect) -> Self {
        let spots = Spots::new();
        Self { source, dialect, nodes: 0, spots, warnings: Vec::new(), left_out: 0, refused: None }
    }

    /// From now on a wrong value is gathered and counts as absent, and the reading goes on.
    pub(super) fn go_on_after_errors(&mut self) {
        self.refused.get_or_insert_default();
    }

    /// Ends the reading, or notes the error and has the value be absent.
    pub(super) fn refuse<T: Default>(&mut self, error: MapError) -> Result<T, MapError> {
        match &mut self.refused {
            Some(refused) if refused.len() < MAX_ERRORS => {
                refused.push(error);
                Ok(T::default())
            }
            _ => Err(error),
        }
    }

    /// Of what was refused without ending the reading, the first.
    pub(super) fn first_refused(&self) -> Option<MapError> {
        self.refused.as_ref()?.first().cloned()
    }

    /// Remembers where the fields of an object stand, and the object itself: at `own`.
    pub(super) fn remember(&mut self, spot: Spot, own: Span, fields: &Fields<'_, 'a>) {
        self.spots.insert(spot, (own, own));
        for (name, member) in &fields.members {
            self.spots.insert(Spot { field: name, ..spot }, (member.key.span, member.value.span));
        }
    }

    /// The fields of an object. `names` are the JSON names; YAML's are derived from them.
    pub(super) fn fields<'t>(
        &mut self,
        path: &Path<'_>,
        node: &'t Node<'a>,
        expected: &'static str,
        names: &'static [&'static str],
    ) -> Result<Fields<'t, 'a>, MapError> {
        let Some(members) = node.members() else { return self.refuse(self.wrong(path, node, expected)) };
        let mut found: Vec<(&'static str, &'t Member<'a>)> = Vec::new();
        for member in members {
            let key = member.key.text.as_ref();
            let known = names.iter().find(|name| match self.dialect {
                Dialect::Json => key.eq_ignore_ascii_case(name),
                Dialect::Yaml => key == name.to_ascii_lowercase(),
            });
            let Some(&name) = known else {
                self.warn_unknown_key(path, &member.key, names);
                continue;
            };
            if let Some((_, first)) = found.iter().find(|(known, _)| *known == name) {
                self.warn_duplicate(path, &member.key, first.key.span);
            }
            // Enough for the warnings; a file that repeats one key a million times must not cost a million squared.
            if found.len() > 4 * names.len() {
                found.retain(|(known, _)| *known != name);
            }
            found.push((name, member));
        }
        Ok(Fields { members: found })
    }

    fn warn_unknown_key(&mut self, path: &Path<'_>, key: &Key<'a>, names: &'static [&'static str]) {
        if self.warnings.len() >= MAX_WARNINGS {
            self.left_out += 1;
            return;
        }
        let squeezed = |text: &str| text.replace(['_', '-', ' '], "").to_ascii_lowercase();
        let meant = names.iter().find(|name| key.text.len() < 64 && squeezed(&key.text) == squeezed(name));
        let meant = meant.map(|name| match self.dialect {
            Dialect::Json => (*name).to_owned(),
            Dialect::Yaml => name.to_ascii_lowercase(),
        });
        let detail = WarningDetail::UnknownKey { key: shorten(&key.text), meant };
        self.warn(&path.key(&key.text), key.span, detail);
    }

    pub(super) fn warn_duplicate(&mut self, path: &Path<'_>, key: &Key<'a>, first: Span) {
        let detail = WarningDetail::DuplicateKey { key: shorten(&key.text), first_line: 0 };
        self.push(&path.key(&key.text), key.span, detail, Some(first.start));
    }

    pub(super) fn text(
        &mut self,
        path: &Path<'_>,
        fields: &Fields<'_, 'a>,
        name: &'static str,
    ) -> Result<String, MapError> {
        let Some(member) = fields.scalar(name) else { return Ok(String::new()) };
        match (&member.value.value, self.dialect) {
            (Value::String(text), _) | (Value::Number(text), Dialect::Yaml) => Ok(text.clone().into_owned()),
            // yaml.v3 takes the scalar as it is written.
            (Value::Bool(value), Dialect::Yaml) => {
                let (raw, plain) = (self.source.raw(member.value.span), value.to_string());
                // Behind an alias the text is elsewhere.
                Ok(if raw.eq_ignore_ascii_case(&plain) { raw.to_owned() } else { plain })
            }
            _ => self.refuse(self.wrong(&path.key(&member.key.text), &member.value, "a string")),
        }
    }

    pub(super) fn integer<'t>(
        &mut self,
        path: &Path<'_>,
        fields: &Fields<'t, 'a>,
        name: &'static str,
    ) -> Result<Option<(i64, &'t Member<'a>)>, MapError> {
        let Some(member) = fields.scalar(name) else { return Ok(None) };
        let value = match &member.value.value {
            Value::Number(text) => match self.dialect {
                Dialect::Json => number::decimal(text),
                Dialect::Yaml => number::integer(text).or_else(|| whole(text)),
            },
            _ => None,
        };
        match value {
            Some(value) => Ok(Some((value, member))),
            None => self.refuse(self.wrong(&path.key(&member.key.text), &member.value, "a whole number")),
        }
    }

    pub(super) fn float(
        &mut self,
        path: &Path<'_>,
        fields: &Fields<'_, 'a>,
        name: &'static str,
    ) -> Result<f64, MapError> {
        let Some(member) = fields.scalar(name) else { return Ok(0.0) };
        self.as_float(&path.key(&member.key.text), &member.value)
    }

    pub(super) fn as_float(&mut self, path: &Path<'_>, node: &Node<'a>) -> Result<f64, MapError> {
        let value = match &node.value {
            Value::Number(text) => match self.dialect {
                Dialect::Json => text.parse().ok(),
                Dialect::Yaml => text.parse().ok().or_else(|| number::integer(text).map(as_f64)),
            },
            _ => None,
        };
        match value.filter(|value: &f64| value.is_finite()) {
            Some(value) => Ok(value),
            None => self.refuse(self.wrong(path, node, "a number")),
        }
    }

    pub(super) fn flag(
        &mut self,
        path: &Path<'_>,
        fields: &Fields<'_, 'a>,
        name: &'static str,
    ) -> Result<Option<bool>, MapError> {
        let Some(member) = fields.scalar(name) else { return Ok(None) };
        match (&member.value.value, self.dialect) {
            (Value::Bool(value), _) => Ok(Some(*value)),
            // The words of YAML 1.1, which yaml.v3 still takes where a bool is wanted.
            (Value::String(text), Dialect::Yaml) if matches!(text.as_ref(), "y" | "Y" | "yes" | "on") => Ok(Some(true)),
            (Value::String(text), Dialect::Yaml) if matches!(text.as_ref(), "n" | "N" | "no" | "off") => {
                Ok(Some(false))
            }
            _ => self.refuse(self.wrong(&path.key(&member.key.text), &member.value, "true or false, without quotes")),
        }
    }

    pub(super) fn wrong(&self, path: &Path<'_>, node: &Node<'a>, expected: &'static str) -> MapError {
        let problem = Problem::Value { expected, found: node.value.to_string() };
        self.error(path, node.span, problem)
    }

    pub(super) fn error(&self, path: &Path<'_>, span: Span, problem: Problem) -> MapError {
        MapError::new(self.source, span, path.to_string(), problem)
    }

    pub(super) fn warn(&mut self, path: &Path<'_>, span: Span, detail: WarningDetail) {
        self.push(path, span, detail, None);
    }

    fn push(&mut self, path: &Path<'_>, span: Span, detail: WarningDetail, first: Option<u32>) {
        if self.warnings.len() >= MAX_WARNINGS {
            self.left_out += 1;
        } else {
            self.warnings.push(Pending { span, path: path.to_string(), detail, first });
        }
    }

    /// The warnings in the order of the text, how many more there were, and the errors that did not end the reading.
    pub(super) fn finish(mut self, format: MapFormat) -> Finished {
        self.warnings.sort_by_key(|warning| warning.span);
        let firsts: BTreeSet<u32> = self.warnings.iter().filter_map(|warning| warning.first).collect();
        let lines = self.source.positions(firsts.iter().copied()).into_iter().map(|position| position.line);
        let lines: BTreeMap<u32, usize> = firsts.iter().copied().zip(lines).collect();
        let spans: Vec<Span> = self.warnings.iter().map(|warning| warning.span).collect();
        let places = self.source.places(&spans);
        let is_yaml = format == MapFormat::HeadscaleYaml;
        let warnings = self.warnings.into_iter().zip(places).map(|(Pending { path, mut detail, first, .. }, place)| {
            if let (WarningDetail::DuplicateKey { first_line, .. }, Some(first)) = (&mut detail, first) {
                *first_line = lines.get(&first).copied().unwrap_or(1);
            }
            let (code, severity) = (detail.code(is_yaml), detail.severity(is_yaml));
            MapWarning { code, severity, line: place.line, column: place.column, path, detail, excerpt: place.excerpt }
        });
        Finished {
            warnings: warnings.collect(),
            left_out: self.left_out,
            spots: self.spots,
            errors: self.refused.unwrap_or_default(),
        }
    }
}

/// `3478.0` is an int to yaml.v3.
fn whole(text: &str) -> Option<i64> {
    let value: f64 = text.parse().ok()?;
    let is_exact = value.fract() == 0.0 && value.abs() < 9_007_199_254_740_992.0;
    is_exact.then(|| format!("{value:.0}").parse().ok()).flatten()
}

#[expect(clippy::cast_precision_loss, reason = "degrees and scores; what is lost past 2^53 is lost in Go too")]
const fn as_f64(value: i64) -> f64 {
    value as f64
}
