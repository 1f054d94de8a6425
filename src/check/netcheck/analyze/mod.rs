//! What the record of a run means. Pure: the same record gives the same report, in whatever order it was heard.

mod copies;
mod evidence;
mod filter;
mod findings;
mod hairpin;
mod nat;
mod owner;
mod portal;
mod ports;
mod reach;
mod regions;
mod router;
#[cfg(test)]
mod tests;
mod translated;
mod witnesses;

use evidence::Evidence;

use super::Input;
use crate::model::Family;
use crate::probe::Record;
use crate::report::{Finding, Nat, Netcheck, PathReport, Tunnel};

/// Everything a netcheck concludes.
#[derive(Clone, Debug, PartialEq)]
pub struct Analysis {
    /// The netcheck block.
    pub netcheck: Netcheck,
    /// The NAT over IPv4, unless left out.
    pub nat_v4: Option<Nat>,
    /// The NAT over IPv6, unless left out or there is no IPv6.
    pub nat_v6: Option<Nat>,
    /// What deserves attention, most severe first.
    pub findings: Vec<Finding>,
}

/// Concludes from what was asked and heard.
#[must_use]
pub fn analyze(input: &Input, record: &Record) -> Analysis {
    let evidence = Evidence::of(input, record);
    let captive_portal = portal::captive_portal(&evidence);
    let udp = reach::udp(&evidence, captive_portal.is_true());
    let views = Family::BOTH.map(|family| nat::View::of(&evidence, family));
    let [view_v4, view_v6] = &views;
    let regions = regions::regions(&evidence);
    let home_region = regions::home(&evidence, &regions);
    let router = router::router(&evidence, view_v4);
    let path = path(&evidence);
    let netcheck = Netcheck {
        ipv4: reach::family(&evidence, view_v4),
        ipv6: reach::family(&evidence, view_v6),
        icmp: reach::icmp(&evidence),
        captive_portal,
        port_mapping: router::port_mapping(&evidence),
        router,
        home_region,
        regions,
        path,
        udp,
    };
    let wanted = |family| input.options.nat && input.allows(family);
    let nat_v4 = wanted(Family::V4).then(|| nat::nat(&evidence, view_v4, &netcheck));
    let nat_v6 =
        (wanted(Family::V6) && netcheck.ipv6.usable.is_true()).then(|| nat::nat(&evidence, view_v6, &netcheck));
    let findings = findings::findings(&evidence, &netcheck, nat_v4.as_ref(), &views);
    Analysis { netcheck, nat_v4, nat_v6, findings }
}

fn path(evidence: &Evidence<'_>) -> PathReport {
    let host = &evidence.input.host;
    let address = host.route_v4.or(host.route_v6);
    let interface = address
        .and_then(|address| host.interfaces.iter().find(|interface| interface.addresses.contains(&address)))
        .filter(|interface| !interface.loopback);
    PathReport {
        interface: interface.map(|interface| interface.name.clone()),
        address,
        tunnel: interface.and_then(router::tunnel),
        proxy: evidence.input.options.https.then(|| host.proxy.https.clone()).flatten(),
        fake_dns: evidence.fake_dns().is_some(),
    }
}

impl Tunnel {
    /// Interface names that VPNs and overlays give themselves.
    const NAMES: [&'static str; 9] = ["tun", "tap", "wg", "utun", "ppp", "tailscale", "zt", "nebula", "ipsec"];
}
