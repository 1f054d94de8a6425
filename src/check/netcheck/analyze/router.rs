//! The router: what it offers, what it calls its own address, and whether a carrier's NAT stands behind it.

use std::net::IpAddr;

use super::evidence::{Evidence, OtherTry};
use super::nat::View;
use super::translated;
use crate::model::{Family, is_carrier_grade, is_global};
use crate::probe::{Cause, Interface, Outcome, PortMappingAnswer, PortMappingService, Question};
use crate::report::{Confidence, NatWhy, PortMappingReport, RouterReport, Tunnel, Verdict, Why};

/// What the router offers.
pub(super) fn port_mapping(evidence: &Evidence<'_>) -> PortMappingReport {
    PortMappingReport {
        upnp: offered(evidence, PortMappingService::Upnp),
        nat_pmp: offered(evidence, PortMappingService::NatPmp),
        pcp: offered(evidence, PortMappingService::Pcp),
    }
}

fn offered(evidence: &Evidence<'_>, service: PortMappingService) -> Verdict<bool> {
    if !evidence.input.options.port_mapping {
        return Verdict::unknown(Why::LeftOut { flag: "--no-portmap" });
    }
    let Some(asked) = asked(evidence, service) else {
        return Verdict::unknown(Why::NoGateway);
    };
    match asked.outcome {
        Some(Outcome::PortMapping(answer)) if answer.available => Verdict::known(true, Confidence::High, [asked.probe])
            .because(Why::RouterOffers { service, detail: answer.detail.clone() }),
        Some(Outcome::PortMapping(answer)) => Verdict::known(false, Confidence::High, [asked.probe])
            .because(Why::RouterDeclines { service, detail: answer.detail.clone() }),
        Some(Outcome::Failed(failure)) => match failure.cause {
            Cause::Refused => {
                Verdict::known(false, Confidence::High, [asked.probe]).because(Why::RouterRefuses { service })
            }
            Cause::TimedOut { after } => {
                Verdict::unknown(Why::RouterSilent { service, waited: after }).with_evidence([asked.probe])
            }
            Cause::NoAnswer { waited, .. } => {
                Verdict::unknown(Why::RouterSilent { service, waited }).with_evidence([asked.probe])
            }
            _ => Verdict::unknown(Why::RouterUnreachable { service, failure: failure.clone() })
                .with_evidence([asked.probe]),
        },
        _ => Verdict::unknown(Why::RouterSilent { service, waited: evidence.ended_at.since(asked.at) })
            .with_evidence([asked.probe]),
    }
}

fn asked<'a>(evidence: &'a Evidence<'_>, wanted: PortMappingService) -> Option<&'a OtherTry<'a>> {
    evidence
        .others()
        .iter()
        .find(|other| matches!(other.question, Question::PortMapping { service, .. } if *service == wanted))
}

fn answer<'a>(evidence: &'a Evidence<'_>, service: PortMappingService) -> Option<&'a PortMappingAnswer> {
    match asked(evidence, service)?.outcome? {
        Outcome::PortMapping(answer) => Some(answer),
        _ => None,
    }
}

/// The router's own idea of its outer address.
pub(super) fn router(evidence: &Evidence<'_>, view: &View) -> RouterReport {
    let told = [PortMappingService::NatPmp, PortMappingService::Upnp, PortMappingService::Pcp]
        .into_iter()
        .find_map(|service| Some((answer(evidence, service)?.wan_address?, service)));
    let mapped = view.address();
    RouterReport {
        gateway: evidence.input.host.gateways.first().map(|gateway| gateway.address),
        wan_address: told,
        wan_is_mapped_address: match (told, mapped) {
            (Some((wan, _)), Some(mapped)) if wan.is_ipv4() == mapped.is_ipv4() => Some(wan == mapped),
            _ => None,
        },
    }
}

/// Whether a carrier's NAT is on the path, from the router's outer address.
pub(super) fn carrier_grade(evidence: &Evidence<'_>, view: &View, router: &RouterReport) -> Verdict<bool> {
    if view.family == Family::V6 {
        return Verdict::unknown(Why::NotMeasuredYet);
    }
    if let Some(address) = translated::clat(evidence) {
        return Verdict::known(true, Confidence::Medium, []).because(Why::Nat(NatWhy::OwnAddressIsClat { address }));
    }
    let Some((wan, service)) = router.wan_address else {
        // Carriers give such addresses out, and so do clouds to their machines and containers.
        return Verdict::unknown(if let Some(address) = own_carrier_grade_address(evidence) {
            Why::OwnAddressIsCarrierGrade { address }
        } else if evidence.input.options.port_mapping {
            Why::WanUnknown
        } else {
            Why::LeftOut { flag: "--no-portmap" }
        });
    };
    let probe = asked(evidence, service).map(|other| other.probe);
    if is_carrier_grade(wan) {
        return Verdict::known(true, Confidence::High, probe).because(Why::WanIsCarrierGrade { wan });
    }
    if !is_global(wan) {
        return Verdict::unknown(Why::WanIsPrivate { wan }).with_evidence(probe);
    }
    match view.address() {
        Some(mapped) if mapped == wan => {
            Verdict::known(false, Confidence::High, probe).because(Why::WanIsMappedAddress { wan })
        }
        Some(mapped) => Verdict::unknown(Why::WanIsAnother { wan, mapped }).with_evidence(probe),
        None => Verdict::unknown(Why::NoMappedAddress { family: Family::V4 }).with_evidence(probe),
    }
}

/// The address packets leave from, when it may be a carrier's to give: overlays use the same range, so an interface
/// that looks like one does not count.
fn own_carrier_grade_address(evidence: &Evidence<'_>) -> Option<IpAddr> {
    let host = &evidence.input.host;
    let address = host.route_v4.filter(|address| is_carrier_grade(*address))?;
    let interface = host.interfaces.iter().find(|interface| interface.addresses.contains(&address))?;
    tunnel(interface).is_none().then_some(address)
}

/// Why an interface looks like a tunnel or an overlay.
pub(in crate::check) fn tunnel(interface: &Interface) -> Option<Tunnel> {
    let name = interface.name.to_ascii_lowercase();
    if Tunnel::NAMES.iter().any(|prefix| name.starts_with(prefix)) {
        Some(Tunnel::ByName)
    } else if interface.addresses.iter().any(|address| is_tailscale(*address)) {
        Some(Tunnel::ByAddress)
    } else if interface.point_to_point {
        Some(Tunnel::PointToPoint)
    } else {
        None
    }
}

/// `fd7a:115c:a1e0::/48`, the range Tailscale gives its nodes over IPv6.
fn is_tailscale(address: IpAddr) -> bool {
    match address {
        IpAddr::V6(v6) => v6.segments().starts_with(&[0xfd7a, 0x115c, 0xa1e0]),
        IpAddr::V4(_) => false,
    }
}
