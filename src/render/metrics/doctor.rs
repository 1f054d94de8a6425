//! What the doctor says of relays.

use super::{Labels, Runs, count, findings, label, unix};
use crate::model::{Metric, MetricKind};
use crate::report::{Doctor, LayerState, Report};

pub(super) fn add(all: &mut Vec<Metric>, doctors: &[(String, Runs)]) {
    runs(all, doctors);
    let gauge = |name, help| Metric::new(MetricKind::Gauge, name, help);
    let mut layers = gauge(
        "natscope_doctor_layer",
        "What became of each layer of a relay: 1 at the state that holds; skipped means that nothing is known of it.",
    );
    let mut found = gauge("natscope_doctor_findings", "Findings about a relay, by severity and code.");
    let mut not_after = gauge(
        "natscope_doctor_certificate_not_after_timestamp_seconds",
        "When the certificate of a relay is no longer valid.",
    );
    let mut left = gauge(
        "natscope_doctor_certificate_left_seconds",
        "How long it was still valid when it was looked at; negative after that.",
    );
    for (target, runs) in doctors {
        let Some((report, doctor)) = runs.report.as_ref().and_then(|report| Some((report, report.doctor.as_ref()?)))
        else {
            continue;
        };
        let labels = of_target(target);
        for exam in doctor.layers() {
            for (state, name) in
                [(LayerState::Ok, "ok"), (LayerState::Failed, "failed"), (LayerState::Skipped, "skipped")]
            {
                let told = [("layer", exam.layer.name().to_owned()), ("state", name.to_owned())];
                layers.push(labels.iter().cloned().chain(told), if exam.state == state { 1.0 } else { 0.0 });
            }
        }
        findings(&mut found, &labels, &report.findings);
        certificates(&mut not_after, &mut left, &labels, report, doctor);
    }
    all.extend([layers, found, not_after, left]);
}

fn of_target(target: &str) -> Labels {
    vec![("target", label(target))]
}

fn certificates(not_after: &mut Metric, left: &mut Metric, labels: &Labels, report: &Report, doctor: &Doctor) {
    for node in &doctor.nodes {
        let Some(certificate) = &node.facts.certificate else { continue };
        let labels: Labels = labels.iter().cloned().chain([("node", label(&node.name))]).collect();
        let until = seconds(certificate.not_after);
        not_after.push(labels.clone(), until);
        left.push(labels, until - unix(report.started_at));
    }
}

/// Times of certificates are far below 2^53 seconds, or nonsense.
#[allow(clippy::cast_precision_loss, reason = "exact below 2^53")]
const fn seconds(unix: i64) -> f64 {
    unix as f64
}

fn runs(all: &mut Vec<Metric>, doctors: &[(String, Runs)]) {
    let mut add = |kind, name, help, value: fn(&Runs) -> Option<f64>| {
        let mut metric = Metric::new(kind, name, help);
        for (target, runs) in doctors {
            if let Some(value) = value(runs) {
                metric.push(of_target(target), value);
            }
        }
        all.push(metric);
    };
    add(MetricKind::Counter, "natscope_doctor_runs_total", "Examinations of a relay that have ended.", |runs| {
        Some(count(runs.total))
    });
    add(
        MetricKind::Counter,
        "natscope_doctor_runs_failed_total",
        "Examinations of a relay that ended without a report.",
        |runs| Some(count(runs.failed)),
    );
    add(
        MetricKind::Gauge,
        "natscope_doctor_last_run_timestamp_seconds",
        "When the last examination of a relay ended.",
        |runs| runs.last.map(unix),
    );
    add(
        MetricKind::Gauge,
        "natscope_doctor_last_success_timestamp_seconds",
        "When the last examination of a relay that brought a report ended.",
        |runs| runs.last_success.map(unix),
    );
    add(
        MetricKind::Gauge,
        "natscope_doctor_run_duration_seconds",
        "How long the last examination of a relay took.",
        |runs| runs.took.map(|took| took.as_secs_f64()),
    );
}
