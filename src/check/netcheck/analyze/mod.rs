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
mod servers;
mod silence;
#[cfg(test)]
mod tests;
mod translated;

pub(in crate::check) use router::tunnel;

use evidence::Evidence;

use super::Input;
use crate::model::Family;
use crate::probe::{Question, Record};
use crate::report::{Command, Finding, Nat, Netcheck, PathReport, Tunnel};

/// Everything a netcheck concludes.
#[derive(Clone, Debug, PartialEq)]
pub struct Analysis {
    /// The netcheck block.
    pub netcheck: Netcheck,
    /// The NAT over IPv4, unless left out.
    pub nat_v4: Option<Nat>,
    /// The NAT over IPv6, unless left out.
    pub nat_v6: Option<Nat>,
    /// What deserves attention, most severe first.
    pub findings: Vec<Finding>,
}

impl Analysis {
    /// Takes the NAT over each family that `command` tells of, IPv4 first. Who asks for the NAT is answered about every
    /// family that was asked over or seen (IPv4 through a NAT64), or told of each why nobody was; a netcheck tells of IPv6
    /// where there is any.
    #[must_use]
    pub fn take_nats(&mut self, command: Command, input: &Input, record: &Record) -> [Option<Nat>; 2] {
        let asked = Family::BOTH.map(|family| {
            let over = |question: &Question| matches!(question, Question::Stun { slot, .. } if slot.family() == family);
            record.launches.iter().any(|launch| over(&launch.probe.question))
        });
        let seen = self.nat_v4.as_ref().is_some_and(|nat| !nat.mapped.is_empty());
        let [v4, v6] = match command {
            Command::Nat if asked.contains(&true) => [asked[0] || seen, asked[1]],
            Command::Nat => [true, true],
            Command::Netcheck
            | Command::Selftest
            | Command::Predict
            | Command::Ping
            | Command::Listen
            | Command::Doctor => {
                [input.allows(Family::V4), input.allows(Family::V6) && self.netcheck.ipv6.usable.is_true()]
            }
        };
        [self.nat_v4.take().filter(|_| v4), self.nat_v6.take().filter(|_| v6)]
    }
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
    let [nat_v4, nat_v6] = [(view_v4, input.options.ipv4), (view_v6, input.options.ipv6)]
        .map(|(view, allowed)| (input.options.nat && allowed).then(|| nat::nat(&evidence, view, &netcheck)));
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
