#![allow(
    clippy::float_cmp,
    clippy::unnecessary_wraps,
    reason = "whole numbers are compared, and what is given may be none"
)]

use std::time::UNIX_EPOCH;

use super::*;
use crate::render::sample;

fn at(seconds: u64) -> Option<SystemTime> {
    Some(UNIX_EPOCH + Duration::from_secs(seconds))
}

fn exported(report: Option<Report>) -> Exported {
    let runs =
        Runs { total: 3, failed: 1, last: at(1_800_000_060), last_success: at(1_800_000_000), took: None, report };
    Exported { every: Duration::from_secs(60), netcheck: runs, doctors: Vec::new() }
}

/// The value of a series, its labels in the order they are written.
fn value(metrics: &[Metric], name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let metric = metrics.iter().find(|metric| metric.name == name).unwrap_or_else(|| panic!("no {name}"));
    let same = |sample: &&Sample| {
        sample.labels.len() == labels.len()
            && sample.labels.iter().zip(labels).all(|(one, other)| (one.0, one.1.as_str()) == *other)
    };
    metric.samples.iter().find(same).map(|sample| sample.value)
}

fn samples<'a>(metrics: &'a [Metric], name: &str) -> &'a [Sample] {
    &metrics.iter().find(|metric| metric.name == name).unwrap().samples
}

/// Every report there is: of each set of states exactly one holds, and nothing comes twice.
#[test]
fn exactly_one_state_holds() {
    let reports =
        vec![sample::healthy(), sample::udp_blocked(), sample::hard_nat(), sample::offline(), sample::hostile()];
    for report in reports {
        let metrics = metrics(&exported(Some(report)));
        for metric in &metrics {
            let mut sets: BTreeMap<Vec<(&str, &str)>, f64> = BTreeMap::new();
            let mut seen = std::collections::BTreeSet::new();
            for sample in &metric.samples {
                let labels: Vec<_> = sample.labels.iter().map(|(name, value)| (*name, value.as_str())).collect();
                assert!(seen.insert(labels.clone()), "{}: {labels:?} comes twice", metric.name);
                if let Some((("value", _), others)) = labels.split_last() {
                    *sets.entry(others.to_vec()).or_default() += sample.value;
                }
            }
            assert!(sets.values().all(|sum| *sum == 1.0), "{}: {sets:?}", metric.name);
        }
    }
}

#[test]
fn a_healthy_host_is_told() {
    let metrics = metrics(&exported(Some(sample::healthy())));
    assert_eq!(value(&metrics, "natscope_udp_usable", &[("value", "true")]), Some(1.0));
    assert_eq!(value(&metrics, "natscope_udp_usable", &[("value", "undetermined")]), Some(0.0));
    assert_eq!(value(&metrics, "natscope_family_udp_usable", &[("family", "ipv4"), ("value", "true")]), Some(1.0));
    assert_eq!(samples(&metrics, "natscope_home_region_info").len(), 1);
    assert_eq!(value(&metrics, "natscope_last_success_timestamp_seconds", &[]), Some(1_800_000_000.0));
    assert_eq!(value(&metrics, "natscope_runs_failed_total", &[]), Some(1.0));
}

/// What is not known is no 0 anywhere.
#[test]
fn nothing_undetermined_is_told_as_false() {
    let metrics = metrics(&exported(Some(sample::offline())));
    assert_eq!(value(&metrics, "natscope_udp_usable", &[("value", "undetermined")]), Some(1.0));
    for family in ["ipv4", "ipv6"] {
        let labels = [("family", family), ("value", "false")];
        let usable = value(&metrics, "natscope_family_usable", &labels);
        assert!(
            value(&metrics, "natscope_family_udp_usable", &labels) <= usable,
            "{family}: no more is said of UDP than is known"
        );
    }
    for name in ["natscope_home_region_info", "natscope_home_region_id", "natscope_region_latency_seconds"] {
        assert!(samples(&metrics, name).is_empty(), "{name}");
    }
}

/// A run without a report says nothing, and does not let the last one speak.
#[test]
fn a_failed_run_takes_back_what_was_said() {
    let metrics = metrics(&exported(None));
    let told: Vec<_> = metrics.iter().filter(|metric| !metric.samples.is_empty()).map(|metric| metric.name).collect();
    assert_eq!(
        told,
        [
            "natscope_build_info",
            "natscope_run_interval_seconds",
            "natscope_runs_total",
            "natscope_runs_failed_total",
            "natscope_last_run_timestamp_seconds",
            "natscope_last_success_timestamp_seconds"
        ]
    );
}

#[test]
fn what_is_wrong_with_relays_is_counted() {
    let runs = Runs { report: Some(sample::relays_broken()), total: 1, ..Runs::default() };
    let exported = Exported { doctors: vec![("my \"relay\"\n".to_owned(), runs)], ..exported(None) };
    let metrics = metrics(&exported);
    let layers = samples(&metrics, "natscope_doctor_layer");
    assert_eq!(layers.len(), 8 * 3);
    assert_eq!(layers.iter().map(|sample| sample.value).sum::<f64>(), 8.0, "each layer is in one state");
    assert!(layers.iter().any(|sample| sample.value == 1.0 && sample.labels[2].1 == "failed"));
    let found = samples(&metrics, "natscope_doctor_findings");
    assert!(found.iter().any(|sample| sample.labels[1] == ("severity", "error".to_owned())), "{found:?}");
    for sample in samples(&metrics, "natscope_doctor_certificate_not_after_timestamp_seconds") {
        let left = samples(&metrics, "natscope_doctor_certificate_left_seconds");
        assert!(left.iter().any(|other| other.labels == sample.labels));
    }
}
