//! Takes out of a report what tells whose network it is, so that it can be shown to strangers.
//!
//! Every address, host name, region and node name, interface name, path and key hash is replaced by a pseudonym, in
//! verdicts, reasons, findings, free text and the saved record alike. Equal ones stay equal and different ones
//! different within a report, and an address keeps its family and kind (public, private, carrier-grade, link-local),
//! so the report reads and validates as before. Public addresses become ones of the documentation ranges, of which there
//! are three for IPv4: in a replay, servers of many networks look like neighbours, and a verdict that takes independent
//! ones may be undetermined there. It is never another one.
//!
//! Kept on purpose: ports, times, region ids, hosts below `tailscale.com` and the names of their regions and nodes,
//! product names of routers and servers, and addresses that are the same everywhere (loopback, unspecified,
//! multicast). Servers' addresses are replaced too, Tailscale's included: what a lying resolver gives as a relay's
//! address may be the user's own.

mod address;
mod doctor;
mod json;
mod ping;
mod pseudonym;
mod record;
mod relay;
#[cfg(test)]
mod tests;
mod text;
mod verdict;

use pseudonym::Pseudonyms;

use crate::report::{Classic, Lifetime, Nat, Netcheck, RegionReport, Report};

/// The report with pseudonyms in place of what identifies; numbered in order of appearance, so the same report always
/// gives the same text.
#[must_use]
pub fn redact(report: &Report) -> Report {
    let mut names = Pseudonyms::collecting();
    // The first walk only learns what occurs: a name may stand in a sentence before it stands in its field, and no
    // pseudonym may be somebody's original.
    walk(&mut report.clone(), &mut names);
    names.collected();
    let mut redacted = report.clone();
    walk(&mut redacted, &mut names);
    redacted.redacted = true;
    redacted
}

fn walk(report: &mut Report, names: &mut Pseudonyms) {
    // A prediction names nobody.
    let Report {
        command: _,
        started_at: _,
        took: _,
        netcheck,
        nat_v4,
        nat_v6,
        ping,
        listen,
        predict: _,
        doctor,
        findings,
        redacted: _,
        saved,
    } = report;
    if let Some(it) = doctor {
        doctor::walk(it, names);
    }
    if let Some(it) = netcheck {
        self::netcheck(it, names);
    }
    for it in nat_v4.iter_mut().chain(nat_v6) {
        nat(it, names);
    }
    if let Some(it) = ping {
        self::ping::ping(it, names);
    }
    if let Some(it) = listen {
        self::ping::listen(it, names);
    }
    for finding in findings {
        verdict::finding(&mut finding.detail, names);
    }
    if let Some(saved) = saved {
        json::walk(&mut saved.inputs, names);
        record::walk(&mut saved.record, names);
        for check in &mut saved.further {
            json::walk(&mut check.inputs, names);
            record::walk(&mut check.tape.record, names);
        }
    }
}

fn netcheck(netcheck: &mut Netcheck, names: &mut Pseudonyms) {
    let Netcheck {
        udp,
        ipv4,
        ipv6,
        icmp,
        captive_portal,
        port_mapping,
        router,
        home_region,
        regions: all_regions,
        path,
    } = netcheck;
    // First of all, so that sentences about a region find its name known.
    for it in all_regions {
        region(it, names);
    }
    for it in [ipv4, ipv6] {
        verdict::why(&mut it.usable, names);
        for address in &mut it.local {
            names.address(address);
        }
        verdict::endpoint(&mut it.global, names);
        it.observed = std::mem::take(&mut it.observed)
            .into_iter()
            .map(|(mut endpoint, count)| {
                names.endpoint(&mut endpoint);
                (endpoint, count)
            })
            .collect();
    }
    for it in [udp, icmp, captive_portal, &mut port_mapping.upnp, &mut port_mapping.nat_pmp, &mut port_mapping.pcp] {
        verdict::why(it, names);
    }
    verdict::why(home_region, names);
    for address in router.gateway.iter_mut().chain(router.wan_address.as_mut().map(|(address, _)| address)) {
        names.address(address);
    }
    if let Some(address) = &mut path.address {
        names.address(address);
    }
    if let Some(interface) = &mut path.interface {
        names.interface(interface);
    }
    if let Some(proxy) = &mut path.proxy {
        names.text(proxy);
    }
}

fn region(region: &mut RegionReport, names: &mut Pseudonyms) {
    let public = !region.nodes.is_empty() && region.nodes.iter().all(|node| pseudonym::is_public_host(&node.host));
    names.region_code(&mut region.code, public);
    names.region_name(&mut region.name, public);
    if let Some(failure) = &mut region.failure {
        verdict::failure(failure, names);
    }
    for node in &mut region.nodes {
        names.node_name(&mut node.name, pseudonym::is_public_host(&node.host));
        names.host(&mut node.host);
        if let Some(failure) = &mut node.failure {
            verdict::failure(failure, names);
        }
    }
}

fn nat(nat: &mut Nat, names: &mut Pseudonyms) {
    let Nat {
        transport: _,
        proxy,
        difficulty,
        effective,
        nat_type,
        level: _,
        mapping,
        mapping_varies,
        filtering,
        hairpinning,
        port_preservation,
        port_allocation,
        pooling,
        mapping_lifetime,
        lifetime,
        classic,
        carrier_grade,
        mapped,
        local,
        servers,
    } = nat;
    if let Some(proxy) = proxy {
        names.server(proxy);
    }
    verdict::why(difficulty, names);
    verdict::why(effective, names);
    verdict::why(nat_type, names);
    verdict::why(mapping, names);
    verdict::why(mapping_varies, names);
    verdict::why(filtering, names);
    verdict::why(hairpinning, names);
    verdict::why(port_preservation, names);
    verdict::why(port_allocation, names);
    verdict::why(pooling, names);
    verdict::why(mapping_lifetime, names);
    if let Some(Lifetime { single, stream, server }) = lifetime {
        verdict::why(single, names);
        verdict::why(stream, names);
        if let Some(server) = server {
            names.endpoint(server);
        }
    }
    if let Some(Classic { nat_type, server, warning: _ }) = classic {
        verdict::why(nat_type, names);
        names.endpoint(server);
    }
    verdict::why(carrier_grade, names);
    for endpoint in mapped.iter_mut().chain(local) {
        names.endpoint(endpoint);
    }
    for server in servers {
        names.server(&mut server.server);
        names.endpoint(&mut server.endpoint);
        if let Some(note) = &mut server.note {
            verdict::note(note, names);
        }
    }
}
