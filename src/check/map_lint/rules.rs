//! What a reader of maps takes without a word. A rule a function; each says nothing of what it cannot know.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::{Found, host_name};
use crate::derpmap::{Decoded, MapFormat, Places, Span, Spot};
use crate::model::{CertName, Family, Node, Pin, Region, RegionId, is_fake_dns};
use crate::report::{HostFault, MapMistake, OddAddress, PinFault};

/// Set aside for regions of one's own.
const OWN: std::ops::RangeInclusive<u64> = 900..=999;
/// Clients keep a region id where a port number stands.
const GREATEST_THAT_FITS: u64 = 65535;
const REGION_CODE: &str = "RegionCode";
const OMIT: &str = "omitDefaultRegions";

/// Everything the rules find, in no order.
pub(super) fn all(decoded: &Decoded, places: &Places<'_>, alone: bool) -> Vec<Found> {
    let mut rules = Rules { decoded, places, found: Vec::new() };
    rules.map(alone);
    let layer = &decoded.layer;
    for (&id, region) in layer.regions.iter().flatten() {
        match region {
            Some(region) => rules.region(region),
            None if rules.is_headscale() => rules.say(Spot::of(id), "", MapMistake::HeadscaleNull { id }),
            None => {}
        }
    }
    rules.names();
    rules.found
}

struct Rules<'a> {
    decoded: &'a Decoded,
    places: &'a Places<'a>,
    found: Vec<Found>,
}

impl Rules<'_> {
    fn map(&mut self, alone: bool) {
        let layer = &self.decoded.layer;
        if self.is_headscale() {
            for (key, is_there) in
                [("HomeParams", layer.region_score.is_some()), (OMIT, layer.omit_default_regions.is_some())]
            {
                if is_there {
                    self.say_of_key(Spot::default(), key, MapMistake::HeadscaleIgnores { key });
                }
            }
        }
        let regions: Vec<_> = layer.regions.iter().flatten().collect();
        let omits = layer.omit_default_regions == Some(true);
        if regions.is_empty() && (alone || omits) {
            return self.say_of_key(
                Spot::default(),
                if layer.regions.is_some() { "Regions" } else { "" },
                MapMistake::Empty,
            );
        }
        // Who removes regions has others; so has a policy that does not omit them.
        let is_all = omits || (alone && !self.decoded.is_policy);
        if let ([(id, Some(_))], true) = (regions.as_slice(), is_all) {
            self.say(Spot::of(**id), "", MapMistake::SingleRegion);
        }
    }

    fn region(&mut self, region: &Region) {
        let spot = Spot::of(region.id);
        self.region_id(region);
        if region.avoid {
            self.say_of_key(spot, "Avoid", MapMistake::Avoid);
        }
        for (field, degrees, most) in [("Latitude", region.latitude, 90.0), ("Longitude", region.longitude, 180.0)] {
            if !(-most..=most).contains(&degrees) {
                self.say(spot, field, MapMistake::Position { degrees });
            }
        }
        if region.code.is_empty() {
            self.say(spot, REGION_CODE, MapMistake::NoName { field: REGION_CODE });
        }
        if region.name.is_empty() {
            self.say(spot, "RegionName", MapMistake::NoRegionName);
        }
        if !region.nodes.is_empty() && !region.has_relay() && !region.no_measure_no_home {
            self.say(spot, "", MapMistake::StunOnly);
        }
        let measured = !region.no_measure_no_home;
        let no_stun = measured && !region.nodes.is_empty() && region.nodes.iter().all(|node| node.stun_port.is_none());
        for (index, node) in region.nodes.iter().enumerate() {
            self.node(Spot::node(region.id, index), node, no_stun);
        }
    }

    fn region_id(&mut self, region: &Region) {
        let (id, spot) = (region.id, Spot::of(region.id));
        if id.0 > GREATEST_THAT_FITS {
            return self.say(spot, "", MapMistake::RegionIdTooLarge { id });
        }
        // Tailscale's own regions, in a copy of its map, have the numbers they should have.
        let is_theirs = |node: &Node| node.host_name.to_ascii_lowercase().ends_with(".tailscale.com");
        if !OWN.contains(&id.0) && !region.nodes.iter().any(is_theirs) {
            let omits = self.decoded.layer.omit_default_regions == Some(true);
            let certain = (self.decoded.is_policy && !omits) || self.is_headscale();
            self.say(spot, "", MapMistake::ReservedRegion { id, certain });
        }
    }

    fn node(&mut self, spot: Spot, node: &Node, no_stun_in_region: bool) {
        if node.name.is_empty() {
            self.say(spot, "Name", MapMistake::NoName { field: "Name" });
        }
        self.host_name(spot, node);
        self.certificate(spot, node);
        self.stun(spot, node, no_stun_in_region);
        self.addresses(spot, node);
        if node.can_port_80 && !matches!(node.ipv4, Pin::Address(_)) {
            self.say_of_key(spot, "CanPort80", MapMistake::Port80);
        }
    }

    fn host_name(&mut self, spot: Spot, node: &Node) {
        // Without one the reader has put the address there, and said so.
        if self.places.value(Spot { field: "HostName", ..spot }).is_none() || node.host_name.is_empty() {
            return;
        }
        if let Some((fault, meant)) = host_name::fault(&node.host_name) {
            // An underscore is taken by most resolvers and by no certificate authority; a pinned certificate needs none.
            if fault == HostFault::Underscore && matches!(node.cert_name, CertName::Sha256Raw(_)) {
                return;
            }
            self.say(spot, "HostName", MapMistake::HostName { host: node.host_name.clone(), fault, meant });
        }
    }

    fn certificate(&mut self, spot: Spot, node: &Node) {
        let pinned = matches!(node.cert_name, CertName::Sha256Raw(_));
        if node.insecure_for_tests {
            self.say_of_key(spot, "InsecureForTests", MapMistake::Insecure { pinned });
        }
        if let CertName::Sha256Raw(hash) = &node.cert_name {
            let fault = if hash.chars().any(|c| !c.is_ascii_hexdigit()) {
                Some(PinFault::NotHex)
            } else if hash.len() != 64 {
                Some(PinFault::Length(hash.len()))
            } else if hash.chars().any(|c| c.is_ascii_uppercase()) {
                Some(PinFault::UpperCase)
            } else {
                None
            };
            if let Some(fault) = fault {
                self.say(spot, "CertName", MapMistake::Pin(fault));
            }
        }
    }

    fn stun(&mut self, spot: Spot, node: &Node, no_stun_in_region: bool) {
        let is_written = self.places.value(Spot { field: "STUNPort", ..spot }).is_some();
        if node.stun_test_ip.is_some() {
            self.say_of_key(spot, "STUNTestIP", MapMistake::StunTestIp);
        }
        match node.stun_port {
            // 3478 may also be what an explicit 0 has become; which it was only the text knows.
            Some(Node::DEFAULT_STUN_PORT) if is_written && self.is_zero(spot) => {
                self.say(spot, "STUNPort", MapMistake::StunPortZero);
            }
            None if is_written && !self.is_warned_of(spot) => {
                self.say(spot, "STUNPort", MapMistake::StunOff { region: no_stun_in_region });
            }
            _ => {}
        }
    }

    fn addresses(&mut self, spot: Spot, node: &Node) {
        let off = [("IPv4", node.ipv4 == Pin::Disabled, Family::V4), ("IPv6", node.ipv6 == Pin::Disabled, Family::V6)];
        if off.iter().all(|(_, off, _)| *off) {
            self.say(spot, "IPv6", MapMistake::BothFamiliesOff);
        } else {
            for (field, _, family) in off.into_iter().filter(|(_, off, _)| *off) {
                if !self.is_taken_for_a_slip(spot, field) {
                    self.say(spot, field, MapMistake::FamilyOff { family });
                }
            }
        }
        let v4 = if let Pin::Address(address) = node.ipv4 { Some(IpAddr::V4(address)) } else { None };
        let v6 = if let Pin::Address(address) = node.ipv6 { Some(IpAddr::V6(address)) } else { None };
        for (field, address) in [("IPv4", v4), ("IPv6", v6), ("HostName", node.host_address())] {
            // Where the address stands in for a missing name, it is judged in its own field.
            let Some(address) = address.filter(|_| self.places.value(Spot { field, ..spot }).is_some()) else {
                continue;
            };
            if let Some(kind) = odd(address) {
                self.say(spot, field, MapMistake::OddAddress { address, kind });
            }
        }
    }

    /// Names that are there twice: the first is fine.
    fn names(&mut self) {
        let mut nodes: BTreeMap<String, Spot> = BTreeMap::new();
        let mut codes: BTreeMap<String, Spot> = BTreeMap::new();
        let mut twice = Vec::new();
        for region in self.decoded.layer.regions.iter().flat_map(|regions| regions.values()).flatten() {
            let spot = Spot { field: REGION_CODE, ..Spot::of(region.id) };
            match codes.get(&region.code) {
                Some(first) => twice.push((spot, *first, region.code.clone())),
                None if !region.code.is_empty() => drop(codes.insert(region.code.clone(), spot)),
                None => {}
            }
            for (index, node) in region.nodes.iter().enumerate() {
                let spot = Spot { field: "Name", ..Spot::node(region.id, index) };
                match nodes.get(&node.name) {
                    Some(first) => twice.push((spot, *first, node.name.clone())),
                    None if !node.name.is_empty() => drop(nodes.insert(node.name.clone(), spot)),
                    None => {}
                }
            }
        }
        let mut firsts: Vec<Span> = twice.iter().filter_map(|(_, first, _)| self.places.value(*first)).collect();
        firsts.sort_unstable();
        firsts.dedup();
        let lines: Vec<usize> = self.places.resolve(&firsts).into_iter().map(|place| place.line).collect();
        for (spot, first, name) in twice {
            let at = self.places.value(first).and_then(|span| firsts.binary_search(&span).ok());
            let line = at.and_then(|at| lines.get(at).copied()).unwrap_or(1);
            let first = first.region.unwrap_or(RegionId(0));
            let mistake = match spot.node {
                Some(_) => MapMistake::NodeNameTwice { name, first, line },
                None => MapMistake::RegionCodeTwice { code: name, first, line },
            };
            self.say(spot, spot.field, mistake);
        }
    }

    fn is_headscale(&self) -> bool {
        self.decoded.format == MapFormat::HeadscaleYaml
    }

    fn is_zero(&self, spot: Spot) -> bool {
        let text = self.places.value_text(Spot { field: "STUNPort", ..spot }).unwrap_or_default();
        text.bytes().any(|byte| byte == b'0') && text.bytes().all(|byte| matches!(byte, b'0' | b'-' | b'+' | b'.'))
    }

    /// Whether the reader has said already that this port is none.
    fn is_warned_of(&self, spot: Spot) -> bool {
        self.places.value_text(Spot { field: "STUNPort", ..spot }).is_none_or(|text| text != "-1")
    }

    /// Whether the reader has said already that this looks like an address and is none.
    fn is_taken_for_a_slip(&self, spot: Spot, field: &'static str) -> bool {
        let text = self.places.value_text(Spot { field, ..spot }).unwrap_or_default();
        text.contains(|c: char| c.is_ascii_digit() || c == '.' || c == ':')
    }

    /// At the value of that field; where it is missing, at what it is missing in.
    fn say(&mut self, spot: Spot, field: &'static str, mistake: MapMistake) {
        let whole = Spot { field: "", ..spot };
        let found = self.places.value(Spot { field, ..spot }).filter(|_| !field.is_empty());
        if let Some(span) = found.or_else(|| self.places.key(whole)) {
            self.found.push(Found { span, path: self.path(spot, field), mistake });
        }
    }

    /// As the reader writes paths: `derpMap.Regions.900.Nodes[0].HostName`, in the case of the notation.
    fn path(&self, spot: Spot, field: &str) -> String {
        let mut steps = Vec::new();
        if let Some(id) = spot.region {
            steps.push(format!("Regions.{id}"));
        }
        if let Some(index) = spot.node {
            steps.push(format!("Nodes[{index}]"));
        }
        if !field.is_empty() {
            steps.push(field.to_owned());
        }
        let path = steps.join(".");
        let path = if self.is_headscale() { path.to_ascii_lowercase() } else { path };
        match self.places.above() {
            "" => path,
            above if path.is_empty() => above.to_owned(),
            above => format!("{above}.{path}"),
        }
    }

    /// At the key of that field.
    fn say_of_key(&mut self, spot: Spot, field: &'static str, mistake: MapMistake) {
        if let Some(span) = self.places.key(Spot { field, ..spot }) {
            self.found.push(Found { span, path: self.path(spot, field), mistake });
        }
    }
}

fn odd(address: IpAddr) -> Option<OddAddress> {
    let link_local = match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    if address.is_loopback() {
        Some(OddAddress::Loopback)
    } else if address.is_unspecified() {
        Some(OddAddress::Unspecified)
    } else if address.is_multicast() {
        Some(OddAddress::Multicast)
    } else if link_local {
        Some(OddAddress::LinkLocal)
    } else if is_fake_dns(address) {
        Some(OddAddress::Fake)
    } else {
        None
    }
}
