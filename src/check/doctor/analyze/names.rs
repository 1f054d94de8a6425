//! The name and its addresses.

use std::net::IpAddr;

use super::{Chart, resolve_time};
use crate::check::doctor::exam::{Names, What};
use crate::model::{Family, is_fake_dns};
use crate::probe::{Cause, Failure, Outcome, Stage};
use crate::report::{DoctorWhy, Layer, LayerState, RelayFault};

pub(super) fn look(chart: &mut Chart<'_>) -> LayerState {
    let exam = chart.exam;
    let node = &exam.patient.node;
    if node.host_address().is_some() {
        return chart.skip(Layer::Dns);
    }
    let host = node.host_name.clone();
    let told = |family| match exam.resolved(family)?.heard.first().map(|heard| &heard.outcome) {
        Some(Outcome::Resolved(answer)) => Some(Ok(answer.addresses.clone())),
        Some(Outcome::Failed(failure)) => Some(Err(failure.clone())),
        // The run ended before the answer.
        Some(_) | None => None,
    };
    let answers: Vec<(Family, Result<Vec<IpAddr>, Failure>)> =
        Family::BOTH.into_iter().filter_map(|family| Some((family, told(family)?))).collect();
    let found: Vec<IpAddr> = answers.iter().filter_map(|(_, told)| told.as_ref().ok()).flatten().copied().collect();
    let pinned = |family| exam.patient.fixed(family).filter(|addresses| !addresses.is_empty());

    let is_pinned = Family::BOTH.into_iter().any(|family| exam.allows(family) && pinned(family).is_some());
    let nothing_useful = Family::BOTH.into_iter().all(|family| {
        exam.names(family).is_nothing() || matches!(exam.names(family), Names::Fixed(fixed) if fixed.is_empty())
    });
    if found.is_empty() && !answers.is_empty() && (is_pinned || nothing_useful) {
        if exam.state(&What::Touch(None)).answer().is_some_and(|answer| answer.connect.is_some()) {
            // The proxy knows the name, which is enough.
            return chart.skip(Layer::Dns);
        }
        let said_so = |told: &Result<Vec<IpAddr>, Failure>| match told {
            Ok(_) => true,
            Err(failure) => matches!(failure.cause, Cause::NoSuchName | Cause::NoAddress),
        };
        // One family's silence leaves open whether the name has an address there.
        if let Some((_, Err(failure))) = answers.iter().find(|(_, told)| !said_so(told)) {
            let failure = failure.clone();
            if !is_pinned {
                chart.fault(RelayFault::NotLookedUp { host, failure: failure.clone() });
                return chart.undetermined(Layer::Dns, DoctorWhy::NotLookedUp { failure });
            }
            return chart.skip(Layer::Dns);
        }
        let failure = answers.iter().find_map(|(_, told)| told.as_ref().err().cloned());
        let failure = failure.unwrap_or(Failure::new(Stage::Dns, Cause::NoAddress));
        let only = match answers.as_slice() {
            [(family, _)] if failure.cause != Cause::NoSuchName => Some(*family),
            _ => None,
        };
        chart.fault(RelayFault::NoAddress { host: host.clone(), failure, pinned: is_pinned, only });
    }
    if let Some(fake) = found.iter().find(|address| is_fake_dns(**address)) {
        chart.fault(RelayFault::FakeAddress { host: host.clone(), address: *fake });
    } else {
        for (family, told) in &answers {
            // Another address than the map's is no contradiction where the name has several, the map's among them.
            if let (Some(map), Ok(resolved)) = (pinned(*family).and_then(|fixed| fixed.first().copied()), told)
                && !resolved.is_empty()
                && !resolved.contains(&map)
            {
                chart.fault(RelayFault::AddressDiffers { host: host.clone(), map, resolved: resolved.clone() });
            }
        }
    }
    if answers.is_empty() {
        return chart.skip(Layer::Dns);
    }
    let took = Family::BOTH.into_iter().filter_map(|family| resolve_time(exam, family)).max();
    chart.layer(Layer::Dns, took)
}
