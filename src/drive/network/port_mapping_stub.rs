//! Stands where `drive::port_mapping::ask` will be called once it is merged.

use std::net::IpAddr;
use std::time::Duration;

use crate::probe::{Cause, Failure, Outcome, PortMappingService, Stage};

pub(super) async fn ask(_service: PortMappingService, _gateway: IpAddr, _timeout: Duration) -> Outcome {
    let cause = Cause::Unsupported { what: "port-mapping queries".into() };
    std::future::ready(Outcome::Failed(Failure::new(Stage::PortMapping, cause))).await
}
