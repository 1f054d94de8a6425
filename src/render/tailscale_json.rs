//! The field names, order and units of `tailscale netcheck --format json`, for scripts that already read it.
//!
//! It says less than the other formats: `UDP`, `IPv4` and `IPv6` have no third state there, so what is undetermined
//! is `false` in them, as Tailscale has it. A report without a netcheck block has every field at its zero value.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde::Serialize;
use serde_json::ser::PrettyFormatter;
use serde_json::{Map, Value, json};

use super::clean::escape_json;
use super::json::rfc3339;
use crate::report::{FamilyReport, Netcheck, RegionReport, Report, Verdict, Why};

/// Indented by tabs.
pub(super) fn render(report: &Report) -> String {
    let mut bytes = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, PrettyFormatter::with_indent(b"\t"));
    // Writing a `Value` to memory cannot fail.
    let _ = fields(report).serialize(&mut serializer);
    let mut text = escape_json(&String::from_utf8_lossy(&bytes));
    text.push('\n');
    text
}

fn fields(report: &Report) -> Value {
    let netcheck = report.netcheck.as_ref();
    let v4 = netcheck.map(|netcheck| &netcheck.ipv4);
    let v6 = netcheck.map(|netcheck| &netcheck.ipv6);
    let latencies = |of: fn(&RegionReport) -> Option<Duration>| netcheck.map_or_else(|| json!({}), |it| nanos(it, of));
    let tristate = |verdict: fn(&Netcheck) -> &Verdict<bool>| netcheck.and_then(|it| verdict(it).value().copied());
    json!({
        "Now": rfc3339(report.started_at),
        "UDP": netcheck.is_some_and(|netcheck| netcheck.udp.is_true()),
        "IPv6": v6.is_some_and(answered),
        "IPv4": v4.is_some_and(answered),
        "IPv6CanSend": v6.is_some_and(can_send),
        "IPv4CanSend": v4.is_some_and(can_send),
        "OSHasIPv6": v6.is_some_and(|family| family.os_support),
        "ICMPv4": netcheck.is_some_and(|netcheck| netcheck.icmp.is_true()),
        "MappingVariesByDestIP": report.nat_v4.as_ref().and_then(|nat| nat.mapping_varies.value().copied()),
        "UPnP": tristate(|netcheck| &netcheck.port_mapping.upnp),
        "PMP": tristate(|netcheck| &netcheck.port_mapping.nat_pmp),
        "PCP": tristate(|netcheck| &netcheck.port_mapping.pcp),
        "PreferredDERP": netcheck.and_then(|netcheck| netcheck.home_region.value()).map_or(0, |region| region.0),
        "RegionLatency": latencies(|region| region.latency),
        "RegionV4Latency": latencies(|region| region.ipv4),
        "RegionV6Latency": latencies(|region| region.ipv6),
        "GlobalV4Counters": v4.map_or_else(|| json!({}), |family| counters(&family.observed)),
        "GlobalV6Counters": v6.map_or_else(|| json!({}), |family| counters(&family.observed)),
        "GlobalV4": v4.map(global).unwrap_or_default(),
        "GlobalV6": v6.map(global).unwrap_or_default(),
        "CaptivePortal": tristate(|netcheck| &netcheck.captive_portal),
    })
}

/// Tailscale's `IPv4` and `IPv6`: a STUN round trip over the family completed.
fn answered(family: &FamilyReport) -> bool {
    !family.observed.is_empty()
}

/// Tailscale's `IPv4CanSend` and `IPv6CanSend`: a packet could be sent, whether or not it was answered. A family
/// without a route or without sockets is known not to; of one that stayed silent, sending is all that is known.
fn can_send(family: &FamilyReport) -> bool {
    answered(family)
        || family.usable.is_true()
        || matches!(family.usable.why(), Some(Why::FamilySilent { .. } | Why::UdpSilent { .. } | Why::NothingAnswered))
}

fn global(family: &FamilyReport) -> String {
    family.global.value().map(ToString::to_string).unwrap_or_default()
}

fn nanos(netcheck: &Netcheck, of: fn(&RegionReport) -> Option<Duration>) -> Value {
    let measured = netcheck.regions.iter().filter_map(|region| Some((region.id, of(region)?)));
    // Go writes the keys of this map in the order of their numbers.
    let by_id: BTreeMap<_, _> = measured.collect();
    let text = by_id.into_iter().map(|(id, latency)| {
        let nanos = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        (id.to_string(), json!(nanos))
    });
    Value::Object(text.collect::<Map<_, _>>())
}

fn counters(observed: &BTreeMap<SocketAddr, u32>) -> Value {
    Value::Object(observed.iter().map(|(endpoint, count)| (endpoint.to_string(), json!(count))).collect())
}
