//! What a netcheck says.

use super::{Labels, count, findings, label, states, verdict};
use crate::model::{Difficulty, Family, Filtering, Level, Mapping, Metric, MetricKind, NatType};
use crate::probe::{Cause, PortMappingService};
use crate::report::{FamilyReport, LatencyMethod, Nat, Netcheck, RegionReport, Report};

const TRUTH: [bool; 2] = [true, false];

pub(super) fn add(all: &mut Vec<Metric>, report: Option<&Report>) {
    let netcheck = report.and_then(|report| report.netcheck.as_ref());
    reach(all, report, netcheck);
    nats(all, report);
    home(all, netcheck);
    regions(all, netcheck);
    let mut found = gauge("natscope_netcheck_findings", "Findings of the last netcheck, by severity and code.");
    findings(&mut found, &Labels::new(), report.map(|report| report.findings.as_slice()).unwrap_or_default());
    all.push(found);
}

const fn gauge(name: &'static str, help: &'static str) -> Metric {
    Metric::new(MetricKind::Gauge, name, help)
}

fn of_family(family: Family) -> Labels {
    vec![("family", name(family).to_owned())]
}

const fn name(family: Family) -> &'static str {
    match family {
        Family::V4 => "ipv4",
        Family::V6 => "ipv6",
    }
}

fn reach(all: &mut Vec<Metric>, report: Option<&Report>, netcheck: Option<&Netcheck>) {
    let mut udp =
        gauge("natscope_udp_usable", "Whether UDP reaches the STUN servers of the map: 1 at the value that holds.");
    let mut over = gauge("natscope_family_udp_usable", "The same over each address family.");
    let mut usable = gauge("natscope_family_usable", "Whether anything was reached over an address family.");
    let mut icmp = gauge("natscope_icmp_usable", "Whether ICMP echo is answered.");
    let mut portal = gauge("natscope_captive_portal", "Whether a captive portal is in the way.");
    let mut mapping = gauge("natscope_port_mapping", "Whether the router offers a port-mapping service.");
    if let (Some(report), Some(netcheck)) = (report, netcheck) {
        let none = Labels::new();
        verdict(&mut udp, &none, &TRUTH, &netcheck.udp);
        verdict(&mut icmp, &none, &TRUTH, &netcheck.icmp);
        verdict(&mut portal, &none, &TRUTH, &netcheck.captive_portal);
        for (family, told) in [(Family::V4, &netcheck.ipv4), (Family::V6, &netcheck.ipv6)] {
            verdict(&mut usable, &of_family(family), &TRUTH, &told.usable);
            let works = udp_over(family, told, report, netcheck);
            states(&mut over, &of_family(family), "value", &TRUTH, works.as_ref());
        }
        for (service, name) in [
            (PortMappingService::Upnp, "upnp"),
            (PortMappingService::NatPmp, "nat-pmp"),
            (PortMappingService::Pcp, "pcp"),
        ] {
            let labels = vec![("service", name.to_owned())];
            verdict(&mut mapping, &labels, &TRUTH, netcheck.port_mapping.of(service));
        }
    }
    all.extend([udp, over, usable, icmp, portal, mapping]);
}

/// Whether UDP works over one family. It does where a STUN answer came; it does not where the analysis has found it
/// blocked there, or nothing was reached over the family at all. `None`: not determined.
fn udp_over(family: Family, told: &FamilyReport, report: &Report, netcheck: &Netcheck) -> Option<bool> {
    let (nat, answered): (_, fn(&RegionReport) -> bool) = match family {
        Family::V4 => (&report.nat_v4, |region| region.ipv4.is_some()),
        Family::V6 => (&report.nat_v6, |region| region.ipv6.is_some()),
    };
    if !told.observed.is_empty() || netcheck.regions.iter().any(answered) {
        return Some(true);
    }
    let blocked = nat.as_ref().is_some_and(|nat| nat.difficulty.value() == Some(&Difficulty::Blocked));
    (blocked || told.usable.is_false()).then_some(false)
}

fn nats(all: &mut Vec<Metric>, report: Option<&Report>) {
    let mut mapping = gauge("natscope_nat_mapping", "How the NAT chooses external endpoints (RFC 4787).");
    let mut filtering = gauge("natscope_nat_filtering", "Which packets the NAT lets in (RFC 4787).");
    let mut difficulty = gauge("natscope_nat_difficulty", "How hard the NAT makes a direct path.");
    let mut kind = gauge("natscope_nat_type", "The name of RFC 3489 for the NAT.");
    let mut level = gauge("natscope_nat_level", "NAT1 to NAT4; none where the NAT's type has no such number.");
    let nats = report.map(|report| [(Family::V4, &report.nat_v4), (Family::V6, &report.nat_v6)]);
    for (family, nat) in nats.into_iter().flatten() {
        let Some(nat) = nat else { continue };
        let labels = of_family(family);
        verdict(
            &mut mapping,
            &labels,
            &[
                Mapping::Direct,
                Mapping::EndpointIndependent,
                Mapping::AddressDependent,
                Mapping::AddressAndPortDependent,
            ],
            &nat.mapping,
        );
        let filters = [Filtering::EndpointIndependent, Filtering::AddressDependent, Filtering::AddressAndPortDependent];
        verdict(&mut filtering, &labels, &filters, &nat.filtering);
        let difficulties = [Difficulty::None, Difficulty::Easy, Difficulty::Hard, Difficulty::Blocked];
        verdict(&mut difficulty, &labels, &difficulties, &nat.difficulty);
        let types = [
            NatType::OpenInternet,
            NatType::SymmetricUdpFirewall,
            NatType::FullCone,
            NatType::RestrictedCone,
            NatType::PortRestrictedCone,
            NatType::Symmetric,
            NatType::UdpBlocked,
            NatType::Unnamed,
        ];
        verdict(&mut kind, &labels, &types, &nat.nat_type);
        let levels = ["NAT1", "NAT2", "NAT3", "NAT4", "none"];
        states(&mut level, &labels, "value", &levels, level_of(nat).as_ref());
    }
    all.extend([mapping, filtering, difficulty, kind, level]);
}

/// `None`: not determined.
fn level_of(nat: &Nat) -> Option<&'static str> {
    match nat.level {
        Some(Level::Nat1) => Some("NAT1"),
        Some(Level::Nat2) => Some("NAT2"),
        Some(Level::Nat3) => Some("NAT3"),
        Some(Level::Nat4) => Some("NAT4"),
        None => nat.nat_type.value().map(|_| "none"),
    }
}

fn home(all: &mut Vec<Metric>, netcheck: Option<&Netcheck>) {
    let mut info =
        Metric::new(MetricKind::Info, "natscope_home_region_info", "The region a client would have its home in.");
    let mut id = gauge("natscope_home_region_id", "The number of that region, by which a change of it is seen.");
    if let Some((home, netcheck)) = netcheck.and_then(|netcheck| Some((netcheck.home_region.value()?, netcheck))) {
        id.push([], count(home.0));
        if let Some(region) = netcheck.regions.iter().find(|region| region.id == *home) {
            info.push(of_region(region), 1.0);
        }
    }
    all.extend([info, id]);
}

fn of_region(region: &RegionReport) -> Labels {
    vec![("region", region.id.to_string()), ("code", label(&region.code))]
}

fn regions(all: &mut Vec<Metric>, netcheck: Option<&Netcheck>) {
    let mut up = gauge(
        "natscope_region_up",
        "1 where a region answered over STUN, HTTPS or ICMP, 0 where it was asked and did not; absent where it was not asked.",
    );
    let mut relay = gauge(
        "natscope_region_relay_up",
        "1 where a relay of a region answered over TCP, 0 where none did; absent where that is not known.",
    );
    let mut latency =
        gauge("natscope_region_latency_seconds", "Best round trip to a region; compare those of one method.");
    let mut over =
        gauge("natscope_region_stun_latency_seconds", "Best STUN round trip to a region over an address family.");
    let mut loss = gauge("natscope_region_loss_ratio", "Share of STUN round trips lost, 0 to 1.");
    let mut jitter = gauge("natscope_region_jitter_seconds", "Mean difference of successive round trips.");
    for region in netcheck.map(|netcheck| netcheck.regions.as_slice()).unwrap_or_default() {
        let labels = of_region(region);
        let with = |key, value: &str| labels.iter().cloned().chain([(key, value.to_owned())]).collect::<Labels>();
        if let Some(up_now) = is_up(region) {
            up.push(labels.clone(), if up_now { 1.0 } else { 0.0 });
        }
        if let Some(answers) = region.relay_answers {
            relay.push(labels.clone(), if answers { 1.0 } else { 0.0 });
        }
        if let (Some(took), Some(method)) = (region.latency, region.method) {
            let method = match method {
                LatencyMethod::Stun => "stun",
                LatencyMethod::Https => "https",
                LatencyMethod::Icmp => "icmp",
            };
            latency.push(with("method", method), took.as_secs_f64());
        }
        for (family, took) in [(Family::V4, region.ipv4), (Family::V6, region.ipv6)] {
            if let Some(took) = took {
                over.push(with("family", name(family)), took.as_secs_f64());
            }
        }
        if let Some(lost) = region.loss {
            loss.push(labels.clone(), lost);
        }
        if let Some(differs) = region.jitter {
            jitter.push(labels.clone(), differs.as_secs_f64());
        }
    }
    all.extend([up, relay, latency, over, loss, jitter]);
}

/// `None`: it was not asked, or how it ended is not known.
fn is_up(region: &RegionReport) -> Option<bool> {
    if region.latency.is_some() || region.relay_answers == Some(true) {
        return Some(true);
    }
    let failure = region.failure.as_ref().filter(|_| region.skipped.is_none())?;
    // A name without an address of a family that this host has: nobody was asked.
    let asked = !failure.cause.is_of_this_end() && failure.cause != Cause::NoAddress;
    asked.then_some(false)
}
