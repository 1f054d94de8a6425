use crate::render::catalogue::service;
use crate::render::number::span;
use crate::report::{PlanWhat, PlanWhen};

pub(super) const HEADER: [&str; 3] = ["When", "Copies", "What"];

pub(super) fn when(when: PlanWhen) -> String {
    match when {
        PlanWhen::AtOnce => "at once".to_owned(),
        PlanWhen::OnceResolved => "once resolved".to_owned(),
        PlanWhen::Offered => "when a server offers it".to_owned(),
        PlanWhen::Seen => "once it is seen from outside".to_owned(),
        PlanWhen::UdpSilent { after } => format!("UDP silent at {}", span(after)),
        PlanWhen::HomeCandidateOrSilent { after } => format!("likely home, or silent at {}", span(after)),
        PlanWhen::Never => "never".to_owned(),
    }
}

pub(super) fn what(what: &PlanWhat, skip: impl Fn(crate::report::RegionSkip) -> &'static str) -> String {
    match what {
        PlanWhat::Resolve { host, family } => format!("DNS: {family} addresses of {host}"),
        PlanWhat::Stun { region, node, server } => format!("STUN: region {region}, node {node}, {server}"),
        PlanWhat::StunByName { region, node, host, family, port } => {
            format!("STUN: region {region}, node {node}, {host} port {port} over {family}")
        }
        PlanWhat::Mapping { socket, server } => format!("STUN from socket {socket}, for the NAT's mapping: {server}"),
        PlanWhat::Filtering => {
            "STUN from two sockets a server, for the filtering: answer from your other port and address".to_owned()
        }
        PlanWhat::FilterScout { server } => format!("STUN: does the relay {server} test filters?"),
        PlanWhat::BeyondNat64 { server } => format!("STUN over IPv6 to {server}, if there is a NAT64"),
        PlanWhat::Hairpin => {
            "STUN from two sockets to each other's outside endpoint: does the NAT turn it back?".to_owned()
        }
        PlanWhat::StunStream { server } => format!("STUN over TCP: {server}"),
        PlanWhat::Https { region, host, port } => format!("HTTPS: region {region}, {host} port {port}"),
        PlanWhat::Icmp => "ICMP echo to the first node of each region".to_owned(),
        PlanWhat::CaptivePortal { address } => format!("HTTP: captive-portal challenge to {address}"),
        PlanWhat::PortMapping { service: asked, gateway } => {
            format!("{}: does the router {gateway} offer it? (creates no mapping)", service(*asked))
        }
        PlanWhat::Skip { region, reason } => format!("region {region} {}", skip(*reason)),
    }
}
