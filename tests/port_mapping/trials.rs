//! What must hold of each service and of each kind of router.

use std::net::IpAddr;

use natscope::probe::{Cause, Failure, Outcome, PortMappingAnswer, PortMappingService, Stage};

use super::inside;
use super::lab::{Lab, ROUTER};

pub(crate) const ALL: &[(&str, fn())] = &[
    ("a_router_offers_all_three_and_keeps_no_mapping", a_router_offers_all_three_and_keeps_no_mapping),
    ("pcp_is_asked_over_a_link_local_gateway", pcp_is_asked_over_a_link_local_gateway),
    ("the_group_reaches_a_router_that_listens_nowhere_else", the_group_reaches_a_router_that_listens_nowhere_else),
    (
        "the_router_alone_is_enough_where_the_group_is_not_forwarded",
        the_router_alone_is_enough_where_the_group_is_not_forwarded,
    ),
    (
        "a_router_behind_a_carriers_nat_does_not_pass_for_a_public_one",
        a_router_behind_a_carriers_nat_does_not_pass_for_a_public_one,
    ),
    ("a_router_without_services_refuses_or_is_silent", a_router_without_services_refuses_or_is_silent),
];

fn a_router_offers_all_three_and_keeps_no_mapping() {
    let lab = Lab::with_router("pub", "11.0.113.10", "");
    let wan_address: IpAddr = "11.0.113.10".parse().unwrap();

    let nat_pmp = answered(lab.ask(PortMappingService::NatPmp, ROUTER));
    assert_eq!((nat_pmp.available, nat_pmp.wan_address, nat_pmp.result_code), (true, Some(wan_address), Some(0)));
    let pcp = answered(lab.ask(PortMappingService::Pcp, ROUTER));
    assert_eq!((pcp.available, pcp.wan_address, pcp.result_code), (true, None, Some(0)));
    let upnp = answered(lab.ask(PortMappingService::Upnp, ROUTER));
    assert_eq!((upnp.available, upnp.wan_address, upnp.result_code), (true, Some(wan_address), Some(0)));
    assert!(upnp.detail.unwrap().contains("MiniUPnPd/"));

    assert_eq!(lab.mappings(), 0, "asking must not leave a mapping");
    // The proof that a mapping would have been seen.
    lab.inside(inside::MAP, ROUTER);
    assert_eq!(lab.mappings(), 1);
}

fn pcp_is_asked_over_a_link_local_gateway() {
    let lab = Lab::with_router("v6", "11.0.113.10", "");
    let answer = answered(lab.ask(PortMappingService::Pcp, "fe80::77:1"));
    assert_eq!((answer.available, answer.result_code), (true, Some(0)));
    assert_eq!(lab.mappings(), 0);
}

fn the_group_reaches_a_router_that_listens_nowhere_else() {
    let lab = Lab::with_router("grp", "11.0.113.10", "ip daddr 192.168.77.1 udp dport 1900 drop");
    let upnp = answered(lab.ask(PortMappingService::Upnp, ROUTER));
    assert_eq!(upnp.wan_address, Some("11.0.113.10".parse().unwrap()));
}

fn the_router_alone_is_enough_where_the_group_is_not_forwarded() {
    let lab = Lab::with_router("uni", "11.0.113.10", "ip daddr 239.255.255.250 drop");
    let upnp = answered(lab.ask(PortMappingService::Upnp, ROUTER));
    assert_eq!(upnp.wan_address, Some("11.0.113.10".parse().unwrap()));
}

fn a_router_behind_a_carriers_nat_does_not_pass_for_a_public_one() {
    let lab = Lab::with_router("cgn", "100.64.7.9", "");
    // miniupnpd will not map then: NAT-PMP says network failure (3), UPnP "action failed" (501) or 0.0.0.0.
    let nat_pmp = answered(lab.ask(PortMappingService::NatPmp, ROUTER));
    assert_eq!((nat_pmp.available, nat_pmp.wan_address, nat_pmp.result_code), (false, None, Some(3)));
    let upnp = answered(lab.ask(PortMappingService::Upnp, ROUTER));
    assert_eq!((upnp.available, upnp.wan_address), (true, None));
    assert!(upnp.detail.is_some());
}

fn a_router_without_services_refuses_or_is_silent() {
    let lab = Lab::open("none", "11.0.113.10", "");
    let failed = |cause| Outcome::Failed(Failure::new(Stage::PortMapping, cause));
    assert_eq!(lab.ask(PortMappingService::NatPmp, ROUTER), failed(Cause::Refused));
    assert_eq!(lab.ask(PortMappingService::Pcp, ROUTER), failed(Cause::Refused));
    let upnp = lab.ask(PortMappingService::Upnp, ROUTER);
    let Outcome::Failed(Failure { cause: Cause::NoAnswer { copies, .. }, .. }) = upnp else { panic!("{upnp:?}") };
    // The router's own address and the group were asked, in three rounds.
    assert!(copies >= 15, "{copies}");
}

fn answered(outcome: Outcome) -> PortMappingAnswer {
    match outcome {
        Outcome::PortMapping(answer) => answer,
        other => panic!("no answer: {other:?}"),
    }
}
