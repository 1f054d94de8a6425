/// A metric for Prometheus, with its samples: data, which is written elsewhere.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// Its name, its unit at the end (`_seconds`, `_ratio`), `_total` after that for a counter, `_info` for an info.
    pub name: &'static str,
    /// What it tells, in one sentence.
    pub help: &'static str,
    /// What may be done with it.
    pub kind: MetricKind,
    /// Its samples. Two with the same labels are one too many, and the first counts.
    pub samples: Vec<Sample>,
}

/// What may be done with a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    /// It goes up and down.
    Gauge,
    /// It only grows, from 0 at the start of the process.
    Counter,
    /// It is 1, and its labels tell something.
    Info,
}

/// A value and what it is of.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Names and values of the labels. Values may be any text.
    pub labels: Vec<(&'static str, String)>,
    /// The value, in the base unit that the metric's name tells.
    pub value: f64,
}

impl Metric {
    /// A metric without samples.
    #[must_use]
    pub const fn new(kind: MetricKind, name: &'static str, help: &'static str) -> Self {
        Self { name, help, kind, samples: Vec::new() }
    }

    /// One more sample.
    pub fn push(&mut self, labels: impl IntoIterator<Item = (&'static str, String)>, value: f64) {
        self.samples.push(Sample { labels: labels.into_iter().collect(), value });
    }

    /// The unit its name ends in, where it has one.
    #[must_use]
    pub fn unit(&self) -> Option<&'static str> {
        let name = self.family();
        ["seconds", "ratio"]
            .into_iter()
            .find(|unit| name.strip_suffix(unit).is_some_and(|before| before.ends_with('_')))
    }

    /// Its name without what `OpenMetrics` has samples alone carry: `_total` of counters, `_info` of infos.
    #[must_use]
    pub fn family(&self) -> &'static str {
        let suffix = match self.kind {
            MetricKind::Gauge => return self.name,
            MetricKind::Counter => "_total",
            MetricKind::Info => "_info",
        };
        self.name.strip_suffix(suffix).unwrap_or(self.name)
    }
}
