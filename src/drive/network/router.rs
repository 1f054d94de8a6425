//! Port-mapping questions: which way to the router, and then asking it.

use std::net::IpAddr;
use std::time::Duration;

use super::sockets::Binding;
use crate::drive::host;
use crate::drive::port_mapping::{self, Way};
use crate::model::Family;
use crate::probe::{Failure, Outcome, PortMappingService, Stage};

/// Asks the router, from where sockets are bound to.
pub(super) async fn ask(binding: &Binding, service: PortMappingService, gateway: IpAddr, timeout: Duration) -> Outcome {
    match way(binding, gateway) {
        Ok(way) => port_mapping::ask(service, gateway, way, timeout).await,
        Err(failure) => Outcome::Failed(failure),
    }
}

fn way(binding: &Binding, gateway: IpAddr) -> Result<Way, Failure> {
    let family = Family::of(gateway);
    let bound = binding.local_address(family).map_err(|cause| Failure::new(Stage::PortMapping, cause))?;
    let bound = Some(bound).filter(|address| !address.is_unspecified());
    Ok(match binding.interface() {
        Some(name) => {
            let (index, local) = host::interface(name, family);
            Way { local: bound.or(local), interface: index }
        }
        // Only a link-local address needs to be told where it is.
        None if is_link_local(gateway) => Way { local: bound, interface: host::interface_of_gateway(gateway) },
        None => Way { local: bound, interface: 0 },
    })
}

const fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(_) => false,
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drive::network::NetworkOptions;

    fn way_with(options: &NetworkOptions, gateway: &str) -> Result<Way, Failure> {
        way(&Binding::verified(options).unwrap(), gateway.parse().unwrap())
    }

    #[test]
    fn the_routing_table_chooses_unless_told_otherwise() {
        assert_eq!(way_with(&NetworkOptions::default(), "192.0.2.1"), Ok(Way::default()));
        let bound: IpAddr = "127.0.0.1".parse().unwrap();
        let options = NetworkOptions { bind_address: Some(bound), ..NetworkOptions::default() };
        assert_eq!(way_with(&options, "192.0.2.1"), Ok(Way { local: Some(bound), interface: 0 }));
        assert!(way_with(&options, "2001:db8::1").is_err());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn an_interface_is_told_by_index_and_address() {
        let options = NetworkOptions { interface: Some("lo".into()), ..NetworkOptions::default() };
        let way = way_with(&options, "192.0.2.1").unwrap();
        assert_eq!(way.local, Some("127.0.0.1".parse().unwrap()));
        assert!(way.interface > 0);
    }
}
