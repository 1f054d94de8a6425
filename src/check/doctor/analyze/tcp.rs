//! Connections.

use std::net::{IpAddr, SocketAddr};

use super::Chart;
use crate::check::doctor::exam::What;
use crate::model::Family;
use crate::probe::{Cause, Failure, StunForm};
use crate::report::{AddressExam, DoctorWhy, Layer, LayerState, RelayFault};

pub(super) fn look(chart: &mut Chart<'_>) -> LayerState {
    let exam = chart.exam;
    let port = exam.patient.node.derp_port;
    let mut took = Vec::new();
    let mut failed: Vec<(Option<IpAddr>, Failure)> = Vec::new();
    for address in exam.touches() {
        // The first copy that connected, whatever came after: copies were asked for because packets get lost.
        let connected = exam.copies(&What::Touch(address)).filter_map(|entry| entry.answer()?.connect).min();
        let tcp = match connected {
            Some(time) => {
                took.push(time);
                Ok(time)
            }
            None => match exam.state(&What::Touch(address)).answer().and_then(|answer| answer.ended.clone()) {
                Some(failure) => Err(failure),
                // The run ended before it was known.
                None => continue,
            },
        };
        if let Err(failure) = &tcp {
            failed.push((address, failure.clone()));
        }
        if let Some(address) = address {
            chart.facts.addresses.push(AddressExam { address, tcp });
        }
        if let Some(answer) = exam.state(&What::Touch(address)).answer()
            && answer.via_proxy.is_some()
        {
            chart.facts.via_proxy.clone_from(&answer.via_proxy);
        }
    }
    let works = !took.is_empty();
    let mut no_way = None;
    for (address, failure) in failed {
        if matches!(failure.cause, Cause::Proxy { .. }) || address.is_none() {
            if !chart.faults.iter().any(|fault| matches!(fault, RelayFault::Proxy { .. })) && !works {
                chart.fault(RelayFault::Proxy { failure });
            }
            continue;
        }
        let Some(address) = address else { continue };
        // What this host has no way to is not the relay's fault.
        if lacks_family(chart, address, &failure) {
            no_way = Some(Family::of(address));
            continue;
        }
        let stun = exam.stun_servers().into_iter().any(|server| {
            server.ip() == address
                && [StunForm::Tailnode, StunForm::Plain].iter().any(|form| exam.stun_reply(server, *form).is_some())
        });
        let address = SocketAddr::new(address, port);
        chart.fault(RelayFault::Tcp { address, failure, others: works, stun });
    }
    if let Some(family) = no_way
        && !works
        && chart.faults.iter().all(|fault| fault.layer() != Layer::Tcp)
    {
        return chart.undetermined(Layer::Tcp, DoctorWhy::NoRoute { family });
    }
    if exam.touches().is_empty() || (chart.facts.addresses.is_empty() && !works && chart.faults.is_empty()) {
        return chart.skip(Layer::Tcp);
    }
    chart.layer(Layer::Tcp, took.into_iter().min())
}

/// Whether this host has no route over the address's family at all.
fn lacks_family(chart: &Chart<'_>, address: IpAddr, failure: &Failure) -> bool {
    let host = &chart.exam.input.host;
    let route = match Family::of(address) {
        Family::V4 => host.route_v4,
        Family::V6 => host.route_v6,
    };
    route.is_none() && matches!(failure.cause, Cause::Unreachable | Cause::Unsupported { .. })
}
