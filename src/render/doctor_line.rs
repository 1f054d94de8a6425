//! `natscope doctor -q`: one line for a monitor, in the manner of Nagios: a state, a sentence, times after a bar.

use super::catalogue;
use super::clean::clean;
use super::document::{headline_of, whole_millis};
use super::{Style, redact};
use crate::report::{Report, Severity};

/// `OK: …`, `WARNING: …`, `ERROR: …` or `UNKNOWN: …`, with the codes of the findings that make it so, and the time of each
/// layer.
#[must_use]
pub fn doctor_line(report: &Report, style: &Style) -> String {
    let redacted;
    let report = if style.redact {
        redacted = redact::redact(report);
        &redacted
    } else {
        report
    };
    let Some(doctor) = &report.doctor else { return String::new() };
    let words = catalogue::of(style.lang);
    let worst = report.findings.iter().map(|finding| finding.severity).max();
    let settled = doctor.nodes.iter().all(crate::report::NodeExam::is_settled);
    let state = match worst {
        Some(Severity::Error) => "ERROR",
        _ if !settled => "UNKNOWN",
        Some(Severity::Warning) => "WARNING",
        Some(Severity::Info) | None => "OK",
    };
    let mut text = format!("{state}: {}", words.doctor_headline(&headline_of(doctor).0).trim_end_matches(['.', '。']));
    let mut codes: Vec<&str> = report
        .findings
        .iter()
        .filter(|finding| Some(finding.severity) == worst && finding.severity > Severity::Info)
        .map(crate::report::Finding::code)
        .collect();
    codes.dedup();
    if !codes.is_empty() {
        text = words.aside(&text, &codes.join(" "));
    }
    let times: Vec<String> = doctor
        .layers()
        .into_iter()
        .filter_map(|exam| Some(format!("{}={}ms", exam.layer.name(), whole_millis(exam.took?))))
        .collect();
    if !times.is_empty() {
        text = format!("{text} | {}", times.join(" "));
    }
    format!("{}\n", clean(&text))
}
