//! Metrics as Prometheus reads them: its own text format (version 0.0.4), and `OpenMetrics` 1.0.
//!
//! Nothing here knows what a metric means. Whatever text a label carries, a line stays one line.

use std::collections::BTreeSet;
use std::fmt::{Display, Write as _};

use crate::model::{Metric, MetricKind};

/// The content type of [`encode_text`].
pub const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The content type of [`encode_openmetrics`].
pub const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Metrics in Prometheus' text format. Those without samples are left out.
#[must_use]
pub fn encode_text(metrics: &[Metric]) -> String {
    let mut page = Page::default();
    for metric in metrics.iter().filter(|metric| !metric.samples.is_empty()) {
        let kind = match metric.kind {
            MetricKind::Counter => "counter",
            MetricKind::Gauge | MetricKind::Info => "gauge",
        };
        page.head(metric.name, kind, metric.help);
        page.samples(metric);
    }
    page.finish()
}

/// Metrics in `OpenMetrics`, with their units. Those without samples are left out.
#[must_use]
pub fn encode_openmetrics(metrics: &[Metric]) -> String {
    let mut page = Page::default();
    for metric in metrics.iter().filter(|metric| !metric.samples.is_empty()) {
        let (name, kind) = match metric.kind {
            MetricKind::Counter => (metric.family(), "counter"),
            MetricKind::Gauge => (metric.family(), "gauge"),
            MetricKind::Info => (metric.family(), "info"),
        };
        let _ = writeln!(page.0, "# TYPE {name} {kind}");
        if let Some(unit) = metric.unit() {
            let _ = writeln!(page.0, "# UNIT {name} {unit}");
        }
        let _ = writeln!(page.0, "# HELP {name} {}", escaped(metric.help, true));
        page.samples(metric);
    }
    page.0.push_str("# EOF\n");
    page.finish()
}

/// A page in Prometheus' text format, written metric by metric.
#[derive(Debug, Default)]
pub struct Page(String);

impl Page {
    /// A metric that goes up and down, with one sample.
    pub fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.head(name, "gauge", help);
        self.sample(name, &[], value);
    }

    /// A metric that only grows, with one sample.
    pub fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.head(name, "counter", help);
        self.sample(name, &[], value);
    }

    /// Comes once, before the samples. Writing into a string cannot fail.
    pub fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = write!(self.0, "# HELP {name} {}\n# TYPE {name} {kind}\n", escaped(help, false));
    }

    /// A sample, its labels' values as they are.
    pub fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.0.push_str(name);
        self.0.push_str(&labelled(labels));
        let _ = writeln!(self.0, " {value}");
    }

    /// The text.
    #[must_use]
    pub fn finish(self) -> String {
        self.0
    }

    /// Samples with the same labels are one series, and the whole page is refused for the second one.
    fn samples(&mut self, metric: &Metric) {
        let mut written = BTreeSet::new();
        for sample in &metric.samples {
            let labels = labelled(&sample.labels);
            if !written.contains(&labels) {
                let _ = writeln!(self.0, "{}{labels} {}", metric.name, number(sample.value));
                written.insert(labels);
            }
        }
    }
}

fn labelled<T: AsRef<str>>(labels: &[(&str, T)]) -> String {
    let mut text = String::new();
    for (at, (label, value)) in labels.iter().enumerate() {
        let _ = write!(text, "{}{label}=\"{}\"", if at == 0 { '{' } else { ',' }, escaped(value.as_ref(), true));
    }
    if !labels.is_empty() {
        text.push('}');
    }
    text
}

/// Help escapes backslashes and newlines; values of labels, and all of `OpenMetrics`, quotes as well.
fn escaped(text: &str, quotes: bool) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => escaped.push_str("\\\\"),
            '\n' => escaped.push_str("\\n"),
            '"' if quotes => escaped.push_str("\\\""),
            c => escaped.push(c),
        }
    }
    escaped
}

/// As Go reads it, where Rust writes `inf`.
fn number(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned()
    } else {
        value.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metrics() -> Vec<Metric> {
        let mut latency = Metric::new(MetricKind::Gauge, "x_latency_seconds", "How long it \"took\".\nC:\\ too.");
        latency.push([("code", "a\\b\"c\nd".to_owned()), ("id", "1".to_owned())], 0.0125);
        latency.push([("code", "a\\b\"c\nd".to_owned()), ("id", "1".to_owned())], 7.0);
        latency.push([("code", "é ,}".to_owned()), ("id", "2".to_owned())], f64::INFINITY);
        let mut runs = Metric::new(MetricKind::Counter, "x_runs_total", "Runs.");
        runs.push([], 1_800_000_000.0);
        let mut home = Metric::new(MetricKind::Info, "x_home_info", "Home.");
        home.push([("code", String::new())], 1.0);
        vec![latency, Metric::new(MetricKind::Gauge, "x_nothing", "Nothing is known."), runs, home]
    }

    #[test]
    fn the_text_format_is_written_to_the_letter() {
        let wanted = r#"# HELP x_latency_seconds How long it "took".\nC:\\ too.
# TYPE x_latency_seconds gauge
x_latency_seconds{code="a\\b\"c\nd",id="1"} 0.0125
x_latency_seconds{code="é ,}",id="2"} +Inf
# HELP x_runs_total Runs.
# TYPE x_runs_total counter
x_runs_total 1800000000
# HELP x_home_info Home.
# TYPE x_home_info gauge
x_home_info{code=""} 1
"#;
        assert_eq!(encode_text(&metrics()), wanted);
    }

    #[test]
    fn openmetrics_has_units_and_an_end() {
        let wanted = r#"# TYPE x_latency_seconds gauge
# UNIT x_latency_seconds seconds
# HELP x_latency_seconds How long it \"took\".\nC:\\ too.
x_latency_seconds{code="a\\b\"c\nd",id="1"} 0.0125
x_latency_seconds{code="é ,}",id="2"} +Inf
# TYPE x_runs counter
# HELP x_runs Runs.
x_runs_total 1800000000
# TYPE x_home info
# HELP x_home Home.
x_home_info{code=""} 1
# EOF
"#;
        assert_eq!(encode_openmetrics(&metrics()), wanted);
    }

    #[test]
    fn numbers_are_read_by_go() {
        for (value, wanted) in [(0.0, "0"), (-1.5, "-1.5"), (1e21, "1000000000000000000000"), (1e-7, "0.0000001")] {
            assert_eq!(number(value), wanted);
        }
        assert_eq!([f64::NAN, f64::NEG_INFINITY].map(number), ["NaN", "-Inf"]);
    }
}
