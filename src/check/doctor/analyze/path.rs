//! What stands at this end.

use crate::check::doctor::DoctorInput;
use crate::check::netcheck::tunnel;
use crate::report::{Finding, FindingDetail};

/// What of this host's place in the network is worth a word, where a relay elsewhere was asked.
pub(super) fn look(input: &DoctorInput) -> Option<Finding> {
    let is_elsewhere = |patient: &crate::check::doctor::Patient| {
        patient.node.host_address().is_none_or(|address| !address.is_loopback())
    };
    if !input.patients.iter().any(is_elsewhere) {
        return None;
    }
    let address = input.host.route_v4.or(input.host.route_v6)?;
    let interface = input.host.interfaces.iter().find(|interface| interface.addresses.contains(&address))?;
    tunnel(interface)?;
    Some(Finding::new(FindingDetail::ThroughTunnel { interface: interface.name.clone() }))
}
