//! Stands where `drive::port_mapping` will be once it is merged: same names, no questions asked.

use std::net::IpAddr;
use std::time::Duration;

use crate::probe::{Cause, Failure, Outcome, PortMappingService, Stage};

/// As `drive::port_mapping::Way`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Way {
    pub(super) local: Option<IpAddr>,
    pub(super) interface: u32,
}

/// As `drive::port_mapping::ask`.
pub(super) async fn ask(_service: PortMappingService, _gateway: IpAddr, _way: Way, _timeout: Duration) -> Outcome {
    let cause = Cause::Unsupported { what: "port-mapping queries".into() };
    std::future::ready(Outcome::Failed(Failure::new(Stage::PortMapping, cause))).await
}
